//! Seeded randomness: one fixed portable algorithm, one stream per component.

use std::hash::{Hash, Hasher};
use std::time::Duration;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{RngCore, SeedableRng};

/// State is plain data, so a snapshot also remembers the randomness still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rng(ChaCha8Rng);

impl Hash for Rng {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.get_seed().hash(state);
        self.0.get_stream().hash(state);
        self.0.get_word_pos().hash(state);
    }
}

impl Rng {
    pub fn from_seed(seed: u64) -> Rng {
        Rng(ChaCha8Rng::seed_from_u64(seed))
    }

    /// An independent stream of the same seed: what one component draws never shifts another's draws.
    #[must_use]
    pub fn child(&self, stream: u64) -> Rng {
        let mut child = ChaCha8Rng::from_seed(self.0.get_seed());
        child.set_stream(stream);
        Rng(child)
    }

    pub fn next_u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`, which must not be zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        debug_assert!(bound != 0);
        ((u128::from(self.next_u64()) * u128::from(bound)) >> 64) as u64
    }

    /// A duration from `low` to `high`, both included.
    pub fn between(&mut self, low: Duration, high: Duration) -> Duration {
        let span = high.saturating_sub(low).as_micros() as u64;
        low + Duration::from_micros(self.below(span + 1))
    }

    /// `length` characters of the alphabet that Kubernetes uses for generated names.
    pub fn suffix(&mut self, length: usize) -> String {
        // Follows kubernetes v1.36 apimachinery/pkg/util/rand: no vowels, nothing that looks like another letter.
        const ALPHANUMS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
        (0..length).map(|_| char::from(ALPHANUMS[self.below(ALPHANUMS.len() as u64) as usize])).collect()
    }

    /// A version 4 UUID.
    pub fn uuid(&mut self) -> String {
        let (a, b) = (self.next_u64(), self.next_u64());
        let (a, b) = (a & !0xf000 | 0x4000, b & !(0b11 << 62) | (0b10 << 62));
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            a >> 32,
            a >> 16 & 0xffff,
            a & 0xffff,
            b >> 48,
            b & 0xffff_ffff_ffff
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_fixed_and_apart() {
        let mut root = Rng::from_seed(7);
        let (mut one, mut two) = (root.child(1), root.child(2));
        assert_ne!(one.next_u64(), two.next_u64());
        assert_eq!(root.next_u64(), Rng::from_seed(7).next_u64());
        let uuid = root.uuid();
        assert_eq!((uuid.len(), &uuid[14..15]), (36, "4"));
    }
}
