//! Shell patterns: `*`, `?`, `[…]`; a backslash quotes.

use sim::Gather as _;

/// Steps that one match may take; more is no match.
const STEPS_MAX: u32 = 1_000_000;

pub fn matches(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().gather(), text.chars().gather());
    matches_chars(&pattern, &text)
}

fn matches_chars(pattern: &[char], text: &[char]) -> bool {
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    for _ in 0..STEPS_MAX {
        if p < pattern.len() && pattern[p] == '*' {
            star = Some((p, t));
            p += 1;
            continue;
        }
        if t == text.len() && p == pattern.len() {
            return true;
        }
        if t < text.len()
            && p < pattern.len()
            && let Some(length) = one(&pattern[p..], text[t])
        {
            p += length;
            t += 1;
            continue;
        }
        match star {
            Some((at, from)) if from < text.len() => {
                star = Some((at, from + 1));
                p = at + 1;
                t = from + 1;
            }
            _ => return false,
        }
    }
    false
}

/// How much of the pattern matches this character.
fn one(pattern: &[char], c: char) -> Option<usize> {
    match pattern[0] {
        '?' => Some(1),
        '\\' if 1 < pattern.len() => (pattern[1] == c).then_some(2),
        '[' => match set(pattern, c) {
            Some((length, found)) => found.then_some(length),
            None => (c == '[').then_some(1),
        },
        other => (other == c).then_some(1),
    }
}

/// The length of the `[…]` and whether it holds the character.
fn set(pattern: &[char], c: char) -> Option<(usize, bool)> {
    let negate = matches!(pattern.get(1), Some('!' | '^'));
    let start = 1 + usize::from(negate);
    let mut at = start;
    let mut found = false;
    loop {
        let mut low = *pattern.get(at)?;
        if low == ']' && at != start {
            return Some((at + 1, found != negate));
        }
        if low == '[' && pattern.get(at + 1) == Some(&':') {
            let end = at + pattern[at..].windows(2).position(|it| it == [':', ']'])?;
            let class: String = pattern[at + 2..end].iter().fill();
            found |= in_class(&class, c);
            at = end + 2;
            continue;
        }
        if low == '\\' {
            at += 1;
            low = *pattern.get(at)?;
        }
        if pattern.get(at + 1) == Some(&'-') && pattern.get(at + 2).is_some_and(|it| *it != ']') {
            found |= (low..=pattern[at + 2]).contains(&c);
            at += 3;
        } else {
            found |= low == c;
            at += 1;
        }
    }
}

pub fn in_class(class: &str, c: char) -> bool {
    match class {
        "alpha" => c.is_ascii_alphabetic(),
        "digit" => c.is_ascii_digit(),
        "alnum" => c.is_ascii_alphanumeric(),
        "space" => c.is_ascii_whitespace() || c == '\x0b',
        "blank" => c == ' ' || c == '\t',
        "upper" => c.is_ascii_uppercase(),
        "lower" => c.is_ascii_lowercase(),
        "punct" => c.is_ascii_punctuation(),
        "xdigit" => c.is_ascii_hexdigit(),
        "print" => !c.is_control(),
        "cntrl" => c.is_control(),
        _ => false,
    }
}

/// Removes the shortest or longest front or end that matches.
pub fn trim<'a>(text: &'a str, pattern: &str, front: bool, longest: bool) -> &'a str {
    let mut cuts: Vec<usize> = text.char_indices().map(|it| it.0).chain([text.len()]).gather();
    if front == longest {
        cuts.reverse();
    }
    for cut in cuts {
        let (start, end) = text.split_at(cut);
        if front && matches(pattern, start) {
            return end;
        }
        if !front && matches(pattern, end) {
            return start;
        }
    }
    text
}

/// The text with the (first) longest match replaced.
pub fn replace(text: &str, pattern: &str, with: &str, all: bool) -> String {
    let mut done = String::new();
    let mut rest = text;
    while !rest.is_empty() {
        let ends = rest.char_indices().map(|it| it.0 + it.1.len_utf8()).rev();
        if let Some(end) = ends.into_iter().find(|end| matches(pattern, &rest[..*end])) {
            done.push_str(with);
            rest = &rest[end..];
            if !all {
                break;
            }
        } else {
            let next = rest.chars().next().map_or(0, char::len_utf8);
            done.push_str(&rest[..next]);
            rest = &rest[next..];
        }
    }
    done + rest
}
