//! Checksums, base64, and sorting.

use std::cmp::Ordering;
use std::fmt::Write as _;

use sim::{Gather as _, Sort as _};

use super::options::Options;

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

pub fn base64(data: &[u8], width: usize) -> String {
    let mut text = String::with_capacity(data.len() * 4 / 3 + 4);
    for chunk in data.chunks(3) {
        let number = chunk.iter().fold(0_u32, |all, it| all << 8 | u32::from(*it)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let index = (number >> (18 - 6 * place) & 63) as usize;
            text.push(if place <= chunk.len() { char::from(ALPHABET[index]) } else { '=' });
        }
    }
    if width == 0 {
        return text;
    }
    let lines: Vec<&str> =
        text.as_bytes().chunks(width).map(|it| std::str::from_utf8(it).unwrap_or("")).gather();
    lines.join("\n") + "\n"
}

pub fn base64_decode(data: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() * 3 / 4);
    let (mut number, mut bits) = (0_u32, 0);
    for byte in data {
        let Some(value) = ALPHABET.iter().position(|it| it == byte) else { continue };
        number = number << 6 | value as u32;
        bits += 6;
        if 8 <= bits {
            bits -= 8;
            out.push((number >> bits) as u8);
            number &= (1 << bits) - 1;
        }
    }
    out
}

fn hex(bytes: impl IntoIterator<Item = u8>) -> String {
    bytes.into_iter().fold(String::new(), |mut text, it| {
        let _ = write!(text, "{it:02x}");
        text
    })
}

/// Message, a one bit, zeros, and the length.
fn padded(data: &[u8], length: [u8; 8]) -> Vec<u8> {
    let mut all = data.to_vec();
    all.push(0x80);
    all.resize(all.len().next_multiple_of(64), 0);
    if all.len() - data.len() < 9 {
        all.resize(all.len() + 64, 0);
    }
    let at = all.len() - 8;
    all[at..].copy_from_slice(&length);
    all
}

/// FIPS 180-4. The constants are the roots of primes, made here: less to ship than a table.
pub fn sha256(data: &[u8]) -> String {
    let primes: Vec<u64> = (2_u64..).filter(|n| (2..*n).all(|d| n % d != 0)).take(64).gather();
    let fraction = |prime: u64, root: u32| {
        // The first 32 bits behind the point of the root: floor(root(prime << 32·root)).
        let (mut low, mut high) = (0_u128, 1_u128 << 40);
        while 1 < high - low {
            let middle = u128::midpoint(low, high);
            let bits = 32 * root;
            let small = match root {
                2 => middle * middle <= u128::from(prime) << bits,
                _ => middle * middle * middle <= u128::from(prime) << bits,
            };
            if small { low = middle } else { high = middle }
        }
        low as u32
    };
    let k: Vec<u32> = primes.iter().map(|it| fraction(*it, 3)).gather();
    let mut h: Vec<u32> = primes[..8].iter().map(|it| fraction(*it, 2)).gather();
    for block in padded(data, (data.len() as u64 * 8).to_be_bytes()).chunks(64) {
        let mut w: Vec<u32> =
            block.chunks(4).map(|it| it.iter().fold(0, |all, byte| all << 8 | u32::from(*byte))).gather();
        for i in 16..64 {
            let s0 = w[i - 15].rotate_right(7) ^ w[i - 15].rotate_right(18) ^ w[i - 15] >> 3;
            let s1 = w[i - 2].rotate_right(17) ^ w[i - 2].rotate_right(19) ^ w[i - 2] >> 10;
            w.push(w[i - 16].wrapping_add(s0).wrapping_add(w[i - 7]).wrapping_add(s1));
        }
        let mut v = h.clone();
        for i in 0..64 {
            let s1 = v[4].rotate_right(6) ^ v[4].rotate_right(11) ^ v[4].rotate_right(25);
            let choice = v[4] & v[5] ^ !v[4] & v[6];
            let t1 = v[7].wrapping_add(s1).wrapping_add(choice).wrapping_add(k[i]).wrapping_add(w[i]);
            let s0 = v[0].rotate_right(2) ^ v[0].rotate_right(13) ^ v[0].rotate_right(22);
            let majority = v[0] & v[1] ^ v[0] & v[2] ^ v[1] & v[2];
            v.rotate_right(1);
            v[4] = v[4].wrapping_add(t1);
            v[0] = t1.wrapping_add(s0).wrapping_add(majority);
        }
        for (all, it) in h.iter_mut().zip(v) {
            *all = all.wrapping_add(it);
        }
    }
    hex(h.into_iter().flat_map(u32::to_be_bytes))
}

/// RFC 1321.
#[expect(clippy::many_single_char_names, reason = "the names that the RFC has")]
pub fn md5(data: &[u8]) -> String {
    const SHIFTS: [[u32; 4]; 4] = [[7, 12, 17, 22], [5, 9, 14, 20], [4, 11, 16, 23], [6, 10, 15, 21]];
    let k: Vec<u32> = (1..=64).map(|i| (f64::from(i).sin().abs() * 4_294_967_296.0) as u32).gather();
    let mut h = [0x6745_2301_u32, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];
    for block in padded(data, (data.len() as u64 * 8).to_le_bytes()).chunks(64) {
        let m: Vec<u32> = block
            .chunks(4)
            .map(|it| it.iter().rev().fold(0, |all, byte| all << 8 | u32::from(*byte)))
            .gather();
        let [mut a, mut b, mut c, mut d] = h;
        for i in 0..64 {
            let (f, g) = match i / 16 {
                0 => (b & c | !b & d, i),
                1 => (d & b | !d & c, (5 * i + 1) % 16),
                2 => (b ^ c ^ d, (3 * i + 5) % 16),
                _ => (c ^ (b | !d), 7 * i % 16),
            };
            let sum = a.wrapping_add(f).wrapping_add(k[i]).wrapping_add(m[g]);
            (a, d, c) = (d, c, b);
            b = b.wrapping_add(sum.rotate_left(SHIFTS[i / 16][i % 4]));
        }
        for (all, it) in h.iter_mut().zip([a, b, c, d]) {
            *all = all.wrapping_add(it);
        }
    }
    hex(h.into_iter().flat_map(u32::to_le_bytes))
}

pub fn sort(lines: &mut Vec<String>, options: &Options) {
    let separator = options.value("t").and_then(|it| it.chars().next());
    let key = options.value("k").unwrap_or("").to_owned();
    let number_at = key.find(|c: char| !c.is_ascii_digit()).unwrap_or(key.len());
    let field: usize = key[..number_at].parse().unwrap_or(0);
    let last: Option<usize> =
        key.split_once(',').and_then(|it| it.1.trim_end_matches(|c: char| !c.is_ascii_digit()).parse().ok());
    let numeric = options.any(&["n", "h", "g"]) || key.contains('n');
    let reverse = options.has("r") || key.contains('r');
    let part = |line: &str| -> String {
        if field == 0 {
            return line.to_owned();
        }
        let fields: Vec<&str> = match separator {
            Some(by) => line.split(by).gather(),
            None => line.split_ascii_whitespace().gather(),
        };
        let end = last.unwrap_or(fields.len()).min(fields.len());
        fields.get(field - 1..end).map_or(String::new(), |it| it.join(" "))
    };
    let number = |text: &str| -> i128 {
        let text = text.trim_start();
        let (sign, digits) = text.strip_prefix('-').map_or((1, text), |it| (-1, it));
        let end = digits.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(digits.len());
        let (whole, rest) = digits[..end].split_once('.').unwrap_or((&digits[..end], ""));
        let micros = format!("{rest:0<6}")[..6].parse::<i128>().unwrap_or(0);
        let unit = match digits[end..].bytes().next() {
            Some(b'K' | b'k') if options.has("h") => 1 << 10,
            Some(b'M') if options.has("h") => 1 << 20,
            Some(b'G') if options.has("h") => 1 << 30,
            _ => 1,
        };
        sign * (whole.get(..whole.len().min(20)).and_then(|it| it.parse::<i128>().ok()).unwrap_or(0)
            * 1_000_000
            + micros)
            * unit
    };
    let compare = |a: &String, b: &String| -> Ordering {
        let (x, y) = (part(a), part(b));
        let order = if numeric {
            number(&x).cmp(&number(&y))
        } else if options.has("f") {
            x.to_ascii_lowercase().cmp(&y.to_ascii_lowercase())
        } else {
            x.cmp(&y)
        };
        let order = if order.is_eq() && !options.has("u") && !options.has("s") { a.cmp(b) } else { order };
        if reverse { order.reverse() } else { order }
    };
    lines.put_in_order_by(compare);
    if options.has("u") {
        lines.dedup_by(|a, b| compare(a, b).is_eq());
    }
}
