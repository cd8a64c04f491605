//! The difference of two texts in unified form, in the hunks that Kubernetes prints.
//!
//! Follows Python's difflib (SequenceMatcher and its automatic leaving out of frequent lines), which Kubernetes'
//! apimachinery/pkg/util/diff goes by.

use std::fmt::Write as _;

use sim::{Gather as _, Sort as _, VecMap};

/// Equal lines around a change.
const AROUND: usize = 3;
/// From so many lines on, a line that makes up more than a hundredth of them is no anchor.
const MANY: usize = 200;
/// Longer texts are compared by their equal beginnings and ends alone.
const LINES_MAX: usize = 4_000;

/// Lines `at` in one text and in the other, `size` of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Block {
    one: usize,
    other: usize,
    size: usize,
}

pub(super) fn unified(one: &str, other: &str) -> String {
    let (one, other): (Vec<&str>, Vec<&str>) = (one.lines().gather(), other.lines().gather());
    let mut out = String::new();
    for group in groups(&blocks(&one, &other), one.len(), other.len()) {
        let (Some(first), Some(last)) = (group.first(), group.last()) else { continue };
        let (old, new) = (range(first.1[0], last.1[1]), range(first.1[2], last.1[3]));
        let _ = writeln!(out, "@@ -{old} +{new} @@");
        let mut lines = |mark: char, lines: &[&str]| {
            for line in lines {
                out.push(mark);
                out.push_str(line);
                out.push('\n');
            }
        };
        for (equal, [a, b, c, d]) in group {
            if equal {
                lines(' ', &one[a..b]);
            } else {
                lines('-', &one[a..b]);
                lines('+', &other[c..d]);
            }
        }
    }
    out
}

fn range(start: usize, end: usize) -> String {
    match end - start {
        0 => format!("{start},0"),
        1 => format!("{}", start + 1),
        length => format!("{},{length}", start + 1),
    }
}

/// Lines a to b and c to d, `[a, b, c, d]`, that are equal or replace one another.
type Stretch = (bool, [usize; 4]);

fn groups(blocks: &[Block], one: usize, other: usize) -> Vec<Vec<Stretch>> {
    let mut stretches = Vec::new();
    let (mut a, mut c) = (0, 0);
    let end = Block { one, other, size: 0 };
    for it in blocks.iter().chain([&end]) {
        if (a, c) != (it.one, it.other) {
            stretches.push((false, [a, it.one, c, it.other]));
        }
        if it.size != 0 {
            stretches.push((true, [it.one, it.one + it.size, it.other, it.other + it.size]));
        }
        (a, c) = (it.one + it.size, it.other + it.size);
    }
    let (mut hunks, mut hunk) = (Vec::new(), Vec::new());
    let last = stretches.len();
    for (index, (equal, [a, b, c, d])) in stretches.into_iter().enumerate() {
        let around = AROUND.min(b - a);
        let (head, tail) = ([a, a + around, c, c + around], [b - around, b, d - around, d]);
        if !equal {
            hunk.push((false, [a, b, c, d]));
        } else if index == 0 {
            hunk.push((true, tail));
        } else if index + 1 == last {
            hunk.push((true, head));
        } else if 2 * AROUND < b - a {
            hunk.push((true, head));
            hunks.push(std::mem::take(&mut hunk));
            hunk.push((true, tail));
        } else {
            hunk.push((true, [a, b, c, d]));
        }
    }
    hunks.push(hunk);
    hunks.retain(|it| it.iter().any(|(equal, _)| !equal));
    hunks
}

/// The equal stretches, neighbours joined.
fn blocks(one: &[&str], other: &[&str]) -> Vec<Block> {
    let same = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    if LINES_MAX < one.len().max(other.len()) {
        let room = one.len().min(other.len()) - same;
        let tail = one.iter().rev().zip(other.iter().rev()).take(room).take_while(|(a, b)| a == b).count();
        let end = Block { one: one.len() - tail, other: other.len() - tail, size: tail };
        return vec![Block { one: 0, other: 0, size: same }, end];
    }
    let mut places: VecMap<&str, Vec<usize>> = VecMap::new();
    for (at, line) in other.iter().enumerate() {
        places.entry(line).or_default().push(at);
    }
    if MANY <= other.len() {
        let frequent = other.len() / 100 + 1;
        places.retain(|_, it| it.len() <= frequent);
    }
    let mut found = Vec::new();
    let mut open = vec![([0, one.len()], [0, other.len()])];
    while let Some(([a, b], [c, d])) = open.pop() {
        let longest = longest(one, other, [a, b], [c, d], &places);
        if longest.size != 0 {
            open.push(([a, longest.one], [c, longest.other]));
            open.push(([longest.one + longest.size, b], [longest.other + longest.size, d]));
            found.push(longest);
        }
    }
    found.put_in_order();
    let mut joined: Vec<Block> = Vec::new();
    for it in found {
        match joined.last_mut() {
            Some(last) if last.one + last.size == it.one && last.other + last.size == it.other => {
                last.size += it.size;
            }
            _ => joined.push(it),
        }
    }
    joined
}

/// The longest equal stretch within bounds, of equally long ones the first.
fn longest(
    one: &[&str],
    other: &[&str],
    [a, b]: [usize; 2],
    [c, d]: [usize; 2],
    places: &VecMap<&str, Vec<usize>>,
) -> Block {
    let mut best = Block { one: a, other: c, size: 0 };
    // How long a stretch is that ends at a line of the other text.
    let mut lengths: VecMap<usize, usize> = VecMap::new();
    for (at, line) in one.iter().enumerate().take(b).skip(a) {
        let mut next = VecMap::new();
        for place in places.get(line).into_iter().flatten().filter(|it| (c..d).contains(*it)) {
            let length = place.checked_sub(1).and_then(|it| lengths.get(&it)).unwrap_or(&0) + 1;
            next.insert(*place, length);
            if best.size < length {
                best = Block { one: at + 1 - length, other: place + 1 - length, size: length };
            }
        }
        lengths = next;
    }
    while a < best.one && c < best.other && one[best.one - 1] == other[best.other - 1] {
        best = Block { one: best.one - 1, other: best.other - 1, size: best.size + 1 };
    }
    while best.one + best.size < b
        && best.other + best.size < d
        && one[best.one + best.size] == other[best.other + best.size]
    {
        best.size += 1;
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hunks() {
        let lines = |list: &[&str]| list.join("\n");
        let long: Vec<String> = (0..20).map(|it| it.to_string()).collect();
        let old: Vec<&str> = long.iter().map(String::as_str).collect();
        let mut new = old.clone();
        new[2] = "two";
        new.remove(15);
        let text = unified(&lines(&old), &lines(&new));
        assert_eq!(
            text,
            "@@ -1,6 +1,6 @@\n 0\n 1\n-2\n+two\n 3\n 4\n 5\n@@ -13,7 +13,6 @@\n 12\n 13\n 14\n-15\n 16\n 17\n 18\n"
        );
        assert_eq!(unified("a", "a"), "");
        assert_eq!(unified("a", "b\nc"), "@@ -1 +1,2 @@\n-a\n+b\n+c\n");
    }
}
