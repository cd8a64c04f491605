//! Words. Each language is a file of its own, fetched when it is first spoken; a change of language builds the page anew.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::OnceLock;

use serde_json::Value;
use session::frame::{Field, Micros, Sentence};

use crate::browser;
use crate::dom::prelude::*;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Language {
    #[default]
    English,
    Chinese,
}

impl Language {
    /// As in `lang` attributes and addresses.
    pub fn code(self) -> &'static str {
        match self {
            Language::English => "en",
            Language::Chinese => "zh-CN",
        }
    }

    pub fn from_code(code: &str) -> Language {
        if code.starts_with("zh") { Language::Chinese } else { Language::English }
    }

    pub fn other(self) -> Language {
        match self {
            Language::English => Language::Chinese,
            Language::Chinese => Language::English,
        }
    }
}

type Table = BTreeMap<String, String>;

thread_local! {
    static CURRENT: Cell<Language> = const { Cell::new(Language::English) };
}
static TABLES: [OnceLock<Table>; 2] = [const { OnceLock::new() }; 2];

fn table(language: Language) -> &'static OnceLock<Table> {
    &TABLES[usize::from(language == Language::Chinese)]
}

/// Sees to it that the words of a language are there; false when they cannot be had.
pub async fn fetch(language: Language) -> bool {
    if table(language).get().is_some() {
        return true;
    }
    browser::words(language.code()).await.is_some_and(|it| learn(language, &it))
}

/// Takes in a file of words as `web/build.mjs` makes it; false when it is none.
fn learn(language: Language, file: &str) -> bool {
    let words: Value = serde_json::from_str(file).unwrap_or_default();
    let mut found = Table::new();
    flatten("", &words["page"], &mut found);
    if found.is_empty() || !session::give_words(language.code(), &words["lessons"]) {
        return false;
    }
    table(language).get_or_init(|| found);
    true
}

fn flatten(path: &str, value: &Value, table: &mut Table) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                let dot = if path.is_empty() { "" } else { "." };
                flatten(&[path, dot, key].concat(), value, table);
            }
        }
        Value::String(text) => {
            table.insert(path.to_owned(), text.clone());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {}
    }
}

pub fn use_language(language: Language) {
    CURRENT.set(language);
}

pub fn language() -> Language {
    CURRENT.get()
}

/// The words for `key`; an unknown key shows itself.
pub fn t(key: &'static str) -> &'static str {
    lookup(key).unwrap_or(key)
}

pub fn lookup(key: &str) -> Option<&'static str> {
    table(language()).get()?.get(key).map(String::as_str)
}

/// The words for `key` with `{0}`, `{1}` filled in.
pub fn tf(key: &'static str, values: &[&str]) -> String {
    fill_in(t(key), values)
}

/// Puts values where a template has `{name}` or `{name|form}`.
fn fill(template: &str, value: &dyn Fn(&str, &str) -> Option<String>) -> String {
    let mut text = String::with_capacity(template.len() + 16);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        text.push_str(before);
        let Some((slot, after)) = after.split_once('}') else { break };
        let (name, form) = slot.split_once('|').unwrap_or((slot, ""));
        text.push_str(&value(name, form).unwrap_or_default());
        rest = after;
    }
    text.push_str(rest);
    text
}

/// One piece of a sentence.
enum Piece {
    Plain(String),
    Strong(String),
    Code(String),
}

/// A sentence in words. `*strong*` and `` `code` `` are marks of the template, never of a value.
fn sentence(data: &Sentence, now: Micros) -> Vec<Piece> {
    let template = lookup(data.key()).unwrap_or_default();
    let value = |name: &str, form: &str| {
        Some(match data.field(name)? {
            Field::Text(text) => text.clone(),
            Field::Number(number) => form_number(*number, form, now),
        })
    };
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find(['*', '`']) {
        let mark = &rest[at..=at];
        let Some((inside, after)) = rest[at + 1..].split_once(mark) else { break };
        pieces.push(Piece::Plain(fill(&rest[..at], &value)));
        let inside = fill(inside, &value);
        pieces.push(if mark == "*" { Piece::Strong(inside) } else { Piece::Code(inside) });
        rest = after;
    }
    pieces.push(Piece::Plain(fill(rest, &value)));
    pieces
}

fn form_number(number: i64, form: &str, now: Micros) -> String {
    let micros = number.max(0) as Micros;
    match form {
        "time" => clock(micros),
        "left" => span(micros.saturating_sub(now)),
        "ago" => span(now.saturating_sub(micros)),
        "span" => span(micros),
        "nth" => ordinal(number),
        _ => number.to_string(),
    }
}

pub fn sentence_text(data: &Sentence, now: Micros) -> String {
    sentence(data, now)
        .into_iter()
        .map(|it| match it {
            Piece::Plain(text) | Piece::Strong(text) | Piece::Code(text) => text,
        })
        .collect()
}

pub fn sentence_view(data: &Sentence, now: Micros) -> View {
    sentence(data, now)
        .into_iter()
        .map(|it| match it {
            Piece::Plain(text) => text.into_view(),
            Piece::Strong(text) => view! { <b>{text}</b> },
            Piece::Code(text) => view! { <code>{text}</code> },
        })
        .collect_view()
}

pub fn ordinal(number: i64) -> String {
    match (language(), number % 10, number % 100) {
        (Language::Chinese, ..) => number.to_string(),
        (_, 1, it) if it != 11 => format!("{number}st"),
        (_, 2, it) if it != 12 => format!("{number}nd"),
        (_, 3, it) if it != 13 => format!("{number}rd"),
        _ => format!("{number}th"),
    }
}

/// `00:01:42.6`, with days before it where there are any.
pub fn clock_tenths(at: Micros) -> String {
    format!("{}.{}", clock(at), at / 100_000 % 10)
}

/// `00:01:42`
pub fn clock(at: Micros) -> String {
    let seconds = at / 1_000_000;
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{hours:02}:{minutes:02}:{seconds:02}")
}

/// `1:42`, for rulers.
pub fn clock_short(at: Micros) -> String {
    let seconds = at / 1_000_000;
    if seconds < 3600 { format!("{}:{:02}", seconds / 60, seconds % 60) } else { clock(at) }
}

/// `42 s`, `2 min 5 s`, `3 h 20 min`; below a second in milliseconds.
pub fn span(micros: Micros) -> String {
    let seconds = micros / 1_000_000;
    let unit = |number: u64, key| format!("{number} {}", t(key));
    let pair = |big: u64, one, small: u64, two| {
        if small == 0 { unit(big, one) } else { format!("{} {}", unit(big, one), unit(small, two)) }
    };
    match seconds {
        0 if micros != 0 => unit((micros / 1_000).max(1), "unit.ms"),
        0..60 => unit(seconds, "unit.s"),
        60..3600 => pair(seconds / 60, "unit.min", seconds % 60, "unit.s"),
        _ => pair(seconds / 3600, "unit.h", seconds / 60 % 60, "unit.min"),
    }
}

/// `212 MiB`
pub fn bytes(number: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let power = (0..4).take_while(|it| number >> (10 * (it + 1)) != 0).count();
    let tenths = (number * 10) >> (10 * power);
    if tenths < 100 && power > 0 && !tenths.is_multiple_of(10) {
        format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[power])
    } else {
        format!("{} {}", tenths / 10, UNITS[power])
    }
}

/// Fills `{0}`, `{1}` of a text that was looked up.
pub fn fill_in(text: &str, values: &[&str]) -> String {
    fill(text, &|name, _| name.parse::<usize>().ok().and_then(|it| values.get(it)).map(|it| (*it).to_owned()))
}
