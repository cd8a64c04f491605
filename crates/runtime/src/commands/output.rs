//! Commands that only print: echo, printf, pwd, seq, expr….

use std::fmt::Write as _;

use sim::Gather as _;

use crate::kernel::{Flavour, Sys};
use crate::shell::escapes::unescape;

pub fn echo(sys: &mut Sys<'_>, argv: &[String], _who: &str) -> i32 {
    let mut rest = &argv[1..];
    let (mut newline, mut escapes) = (true, false);
    while let Some(first) = rest.first() {
        let flags =
            first.strip_prefix('-').filter(|it| !it.is_empty() && it.bytes().all(|b| b"neE".contains(&b)));
        let Some(flags) = flags else { break };
        newline &= !flags.contains('n');
        escapes = flags.contains('e') || (escapes && !flags.contains('E'));
        rest = &rest[1..];
    }
    let mut text = rest.join(" ");
    if escapes {
        let (done, ended) = unescape(&text, true);
        text = done;
        newline &= !ended;
    }
    if newline {
        text.push('\n');
    }
    match sys.write(1, text.as_bytes()) {
        Ok(()) => 0,
        Err(error) => {
            sys.err(&format!("{}: write error: {error}\n", argv[0]));
            1
        }
    }
}

/// Of a format that is used again and again.
const ROUNDS_MAX: usize = 10_000;

pub fn printf(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let arguments = if argv.get(1).is_some_and(|it| it == "--") { &argv[2..] } else { &argv[1..] };
    let Some((format, arguments)) = arguments.split_first() else {
        sys.err(&format!("{who}: usage: printf format [arguments]\n"));
        return 2;
    };
    let mut out = String::new();
    let mut rest = arguments;
    let mut status = 0;
    for _ in 0..ROUNDS_MAX {
        let before = rest.len();
        let (ended, bad) = printf_once(format, &mut rest, &mut out);
        if let Some(bad) = bad {
            sys.err(&format!("{who}: invalid number '{bad}'\n"));
            status = 1;
        }
        if ended || rest.is_empty() || rest.len() == before {
            break;
        }
    }
    let _ = sys.write(1, out.as_bytes());
    status
}

/// One pass over the format; true when `\c` ends all, and an argument that is no number.
pub fn printf_once(format: &str, rest: &mut &[String], out: &mut String) -> (bool, Option<String>) {
    let mut bad = None;
    let mut text = format;
    while let Some(percent) = text.find('%') {
        let (done, ended) = unescape(&text[..percent], false);
        out.push_str(&done);
        if ended {
            return (true, bad);
        }
        text = &text[percent + 1..];
        let length = text.find(|c: char| !"-+ #0123456789.*".contains(c)).unwrap_or(text.len());
        let mut spec = text[..length].to_owned();
        let Some(kind) = text[length..].chars().next() else { break };
        text = &text[length + kind.len_utf8()..];
        if kind == '%' {
            out.push('%');
            continue;
        }
        let mut next = || match rest.split_first() {
            Some((first, more)) => {
                *rest = more;
                first.clone()
            }
            None => String::new(),
        };
        while let Some(star) = spec.find('*') {
            spec.replace_range(star..=star, &next());
        }
        let value = next();
        let (flags, precision) = match spec.split_once('.') {
            Some((flags, precision)) => (flags.to_owned(), Some(precision.parse::<usize>().unwrap_or(0))),
            None => (spec.clone(), None),
        };
        let number = |bad: &mut Option<String>| {
            let trimmed = value.trim();
            if trimmed.is_empty() {
                return 0;
            }
            if let Some(c) = trimmed.strip_prefix(['\'', '"']) {
                return c.chars().next().map_or(0, |it| i64::from(u32::from(it)));
            }
            let parsed = match trimmed.strip_prefix("0x") {
                Some(hex) => i64::from_str_radix(hex, 16).ok(),
                None => trimmed.split('.').next().and_then(|it| it.parse().ok()),
            };
            parsed.unwrap_or_else(|| {
                *bad = Some(trimmed.to_owned());
                0
            })
        };
        let body = match kind {
            's' => match precision {
                Some(precision) => value.chars().take(precision).fill(),
                None => value.clone(),
            },
            'b' => unescape(&value, true).0,
            'c' => value.chars().next().map_or(String::new(), |it| it.to_string()),
            'd' | 'i' | 'u' => {
                let number = number(&mut bad);
                if flags.contains('+') && 0 <= number { format!("+{number}") } else { number.to_string() }
            }
            'x' => format!("{:x}", number(&mut bad)),
            'X' => format!("{:X}", number(&mut bad)),
            'o' => format!("{:o}", number(&mut bad)),
            'f' | 'F' | 'e' | 'g' => {
                let value = sim::parse_float(value.trim()).unwrap_or(0.0);
                format!("{value:.*}", precision.unwrap_or(6))
            }
            other => other.to_string(),
        };
        pad(out, &body, &flags, !matches!(kind, 's' | 'b' | 'c'));
    }
    let (done, ended) = unescape(text, false);
    out.push_str(&done);
    (ended, bad)
}

fn pad(out: &mut String, body: &str, flags: &str, number: bool) {
    const WIDTH_MAX: usize = 10_000;
    let left = flags.starts_with('-');
    let digits = flags.trim_start_matches(['-', '+', ' ', '#']);
    let width: usize = digits.trim_start_matches('0').parse().unwrap_or(0).min(WIDTH_MAX);
    let fill = width.saturating_sub(body.chars().count());
    if left {
        let _ = write!(out, "{body}{:fill$}", "");
    } else if number && digits.starts_with('0') {
        let (sign, rest) = body.strip_prefix('-').map_or(("", body), |it| ("-", it));
        let _ = write!(out, "{sign}{}{rest}", "0".repeat(fill));
    } else {
        let _ = write!(out, "{:fill$}{body}", "");
    }
}

pub fn pwd(sys: &mut Sys<'_>, _argv: &[String], _who: &str) -> i32 {
    let directory = sys.me().directory.to_string();
    sys.out(&format!("{directory}\n"));
    0
}

pub fn basename(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let Some(path) = argv.get(1) else { return missing(sys, who) };
    let trimmed = path.trim_end_matches('/');
    let mut name = trimmed.rsplit('/').next().unwrap_or(trimmed);
    if let Some(suffix) = argv.get(2)
        && let Some(short) = name.strip_suffix(suffix.as_str())
        && !short.is_empty()
    {
        name = short;
    }
    let text = if name.is_empty() { "/\n".to_owned() } else { format!("{name}\n") };
    sys.out(&text);
    0
}

pub fn dirname(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let Some(path) = argv.get(1) else { return missing(sys, who) };
    let trimmed = path.trim_end_matches('/');
    let text = match trimmed.rsplit_once('/') {
        Some(("", _)) => "/",
        Some((parent, _)) => parent,
        None if path.starts_with('/') => "/",
        None => ".",
    };
    sys.out(&format!("{text}\n"));
    0
}

pub fn missing(sys: &mut Sys<'_>, who: &str) -> i32 {
    let text = match sys.facts().flavour {
        Flavour::Gnu => format!("{who}: missing operand\nTry '{who} --help' for more information.\n"),
        Flavour::Busybox => {
            format!(
                "BusyBox v1.36.1 (2023-07-18 02:45:30 UTC) multi-call binary.\n\nUsage: {who} [OPTIONS]...\n"
            )
        }
    };
    sys.err(&text);
    1
}

pub fn seq(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    const LINES_MAX: i64 = 1_000_000;
    let mut separator = "\n".to_owned();
    let mut words = argv[1..].to_vec();
    if let Some(rest) = words.first().and_then(|it| it.strip_prefix("-s")).map(str::to_owned) {
        words.remove(0);
        separator = rest;
        if separator.is_empty() && !words.is_empty() {
            separator = words.remove(0);
        }
    }
    let numbers: Vec<i64> = words.iter().filter_map(|it| it.parse().ok()).gather();
    let (first, step, last) = match numbers[..] {
        [last] => (1, 1, last),
        [first, last] => (first, 1, last),
        [first, step, last] if step != 0 => (first, step, last),
        _ => return missing(sys, who),
    };
    let mut out = String::new();
    let mut value = first;
    for _ in 0..LINES_MAX {
        if (0 < step && last < value) || (step < 0 && value < last) {
            break;
        }
        if value != first {
            out.push_str(&separator);
        }
        let _ = write!(out, "{value}");
        value = value.saturating_add(step);
    }
    if !out.is_empty() {
        out.push('\n');
    }
    sys.out(&out);
    0
}

pub fn expr(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let mut words = argv[1..].iter().map(String::as_str).peekable();
    let value = expr_level(&mut words, 0);
    match value {
        Some(value) if words.peek().is_none() => {
            sys.out(&format!("{value}\n"));
            i32::from(value.is_empty() || value == "0")
        }
        _ => {
            sys.err(&format!("{who}: syntax error\n"));
            2
        }
    }
}

fn expr_level<'a>(
    words: &mut std::iter::Peekable<impl Iterator<Item = &'a str>>,
    level: usize,
) -> Option<String> {
    const LEVELS: [&[&str]; 6] =
        [&["|"], &["&"], &["=", "!=", "<", "<=", ">", ">="], &["+", "-"], &["*", "/", "%"], &[":"]];
    let Some(signs) = LEVELS.get(level) else { return words.next().map(str::to_owned) };
    let mut left = expr_level(words, level + 1)?;
    while let Some(sign) = words.peek().copied().filter(|it| signs.contains(it)) {
        words.next();
        let right = expr_level(words, level + 1)?;
        let numbers = left.parse::<i64>().ok().zip(right.parse::<i64>().ok());
        let falsy = |it: &str| it.is_empty() || it == "0";
        let order = numbers.map_or_else(|| left.cmp(&right), |(a, b)| a.cmp(&b));
        left = match sign {
            "|" => {
                if falsy(&left) {
                    right
                } else {
                    left
                }
            }
            "&" => {
                if falsy(&left) || falsy(&right) {
                    "0".to_owned()
                } else {
                    left
                }
            }
            "=" => i32::from(order.is_eq()).to_string(),
            "!=" => i32::from(order.is_ne()).to_string(),
            "<" => i32::from(order.is_lt()).to_string(),
            "<=" => i32::from(order.is_le()).to_string(),
            ">" => i32::from(order.is_gt()).to_string(),
            ">=" => i32::from(order.is_ge()).to_string(),
            ":" => {
                let regex = super::regex::Regex::new(&format!("^{right}"), false, false)?;
                regex.find(&left, 0).map_or("0".to_owned(), |groups| match groups.get(1) {
                    Some(Some((from, to))) => left[*from..*to].to_owned(),
                    _ => groups[0].map_or(0, |it| left[it.0..it.1].chars().count()).to_string(),
                })
            }
            _ => {
                let (a, b) = numbers?;
                match sign {
                    "+" => a.wrapping_add(b),
                    "-" => a.wrapping_sub(b),
                    "*" => a.wrapping_mul(b),
                    "/" => a.checked_div(b)?,
                    _ => a.checked_rem(b)?,
                }
                .to_string()
            }
        };
    }
    Some(left)
}
