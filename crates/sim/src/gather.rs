//! Collecting with little code.
//!
//! `collect` asks an iterator for its next item in two places, and for its size in two more; with the closures of a chain
//! in each of them that was a fortieth of the published WebAssembly. Here each chain is compiled once, as one loop.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use crate::{VecMap, VecSet};

pub trait Gather: Iterator + Sized {
    /// What `collect` does for a vector; nothing is set aside beforehand.
    fn gather(self) -> Vec<Self::Item> {
        let mut all = Vec::new();
        self.for_each(|it| all.push(it));
        all
    }

    /// The same for other collections, and for the first error instead.
    fn fill<C: Fill<Self::Item>>(self) -> C {
        C::filled(self)
    }
}

impl<I: Iterator> Gather for I {}

/// What can be made of items, one after the other.
pub trait Fill<T>: Sized {
    fn filled(items: impl Iterator<Item = T>) -> Self;
}

impl<T> Fill<T> for Vec<T> {
    fn filled(items: impl Iterator<Item = T>) -> Self {
        items.gather()
    }
}

impl<T> Fill<T> for VecDeque<T> {
    fn filled(items: impl Iterator<Item = T>) -> Self {
        items.gather().into()
    }
}

impl<K: Ord, V> Fill<(K, V)> for VecMap<K, V> {
    fn filled(items: impl Iterator<Item = (K, V)>) -> Self {
        items.collect()
    }
}

impl<T: Ord> Fill<T> for VecSet<T> {
    fn filled(items: impl Iterator<Item = T>) -> Self {
        items.collect()
    }
}

impl<K: Ord, V> Fill<(K, V)> for BTreeMap<K, V> {
    fn filled(items: impl Iterator<Item = (K, V)>) -> Self {
        let mut all = BTreeMap::new();
        items.for_each(|it| drop(all.insert(it.0, it.1)));
        all
    }
}

impl<T: Ord> Fill<T> for BTreeSet<T> {
    fn filled(items: impl Iterator<Item = T>) -> Self {
        let mut all = BTreeSet::new();
        items.for_each(|it| {
            all.insert(it);
        });
        all
    }
}

impl Fill<char> for String {
    fn filled(items: impl Iterator<Item = char>) -> Self {
        let mut text = String::new();
        items.for_each(|it| text.push(it));
        text
    }
}

impl<'a> Fill<&'a char> for String {
    fn filled(items: impl Iterator<Item = &'a char>) -> Self {
        items.copied().fill()
    }
}

impl<'a> Fill<&'a str> for String {
    fn filled(items: impl Iterator<Item = &'a str>) -> Self {
        let mut text = String::new();
        items.for_each(|it| text.push_str(it));
        text
    }
}

impl Fill<String> for String {
    fn filled(items: impl Iterator<Item = String>) -> Self {
        let mut text = String::new();
        items.for_each(|it| text.push_str(&it));
        text
    }
}

impl<T, E, C: Fill<T>> Fill<Result<T, E>> for Result<C, E> {
    fn filled(mut items: impl Iterator<Item = Result<T, E>>) -> Self {
        let mut failed = None;
        let all = C::filled(std::iter::from_fn(|| items.next()?.map_err(|it| failed = Some(it)).ok()));
        failed.map_or(Ok(all), Err)
    }
}

impl<T, C: Fill<T>> Fill<Option<T>> for Option<C> {
    fn filled(mut items: impl Iterator<Item = Option<T>>) -> Self {
        let mut failed = false;
        let all = C::filled(std::iter::from_fn(|| {
            let it = items.next()?;
            failed = it.is_none();
            it
        }));
        (!failed).then_some(all)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gathers_what_collect_does() {
        let numbers = || [3, 1, 2, 1].into_iter();
        assert_eq!(numbers().gather(), [3, 1, 2, 1]);
        assert_eq!(numbers().fill::<VecDeque<_>>(), [3, 1, 2, 1]);
        assert_eq!(numbers().fill::<VecSet<_>>(), VecSet::from([1, 2, 3]));
        assert_eq!(numbers().fill::<BTreeSet<_>>(), BTreeSet::from([1, 2, 3]));
        let pairs = || numbers().zip(0..);
        assert_eq!(pairs().fill::<BTreeMap<_, _>>(), BTreeMap::from([(1, 3), (2, 2), (3, 0)]));
        assert_eq!(pairs().fill::<VecMap<_, _>>(), VecMap::from([(1, 3), (2, 2), (3, 0)]));
        assert_eq!("pod".chars().rev().fill::<String>(), "dop");
        assert_eq!(["a", "b"].into_iter().fill::<String>(), "ab");
        assert_eq!(["a", "b"].map(str::to_owned).into_iter().fill::<String>(), "ab");
    }

    #[test]
    fn stops_at_the_first_that_is_none() {
        let mut asked = 0;
        let whole = ["1", "x", "3"].iter().map(|it| {
            asked += 1;
            it.parse::<u8>()
        });
        assert!(whole.fill::<Result<Vec<u8>, _>>().is_err());
        assert_eq!(asked, 2);
        assert_eq!([Some(1), None, Some(2)].into_iter().fill::<Option<Vec<_>>>(), None);
        assert_eq!([Some(1), Some(2)].into_iter().fill::<Option<Vec<_>>>(), Some(vec![1, 2]));
    }
}
