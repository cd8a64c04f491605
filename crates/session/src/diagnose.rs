//! Remarks on a manifest, in the words of the API server, at the place they are about.

use api::yaml::Mark;
use apiserver::check::{self, Hint};
use sim::Gather as _;

use crate::frame::{Diagnostic, Fix, Severity};

/// What a fix button shows at the most.
const LABEL_CHARS: usize = 64;

/// Without applying it; works on half-written text.
pub fn check(text: &str) -> Vec<Diagnostic> {
    apiserver::check(text).into_iter().map(|it| remark(text, it)).gather()
}

fn remark(text: &str, found: check::Diagnostic) -> Diagnostic {
    let (line, column) = place(text, found.start);
    let (end_line, end_column) = place(text, found.end);
    let (hint, hint_values) = found.hint.as_ref().map(words).unwrap_or_default();
    let fix = found.fix.map(|fix| {
        let label: String = fix
            .edits
            .iter()
            .map(|it| it.text.trim())
            .find(|it| !it.is_empty())
            .unwrap_or("")
            .chars()
            .take(LABEL_CHARS)
            .fill();
        Fix { label: label.lines().next().unwrap_or("").to_owned(), text: fix.apply(text) }
    });
    Diagnostic {
        severity: match found.severity {
            check::Severity::Error => Severity::Error,
            check::Severity::Warning => Severity::Warning,
            check::Severity::Info => Severity::Info,
        },
        line,
        column,
        end_line,
        end_column,
        server: found.message,
        hint,
        hint_values,
        fix,
    }
}

/// Line and column from 1, the column in UTF-16 units as editors count.
fn place(text: &str, mark: Mark) -> (u32, u32) {
    let offset = (mark.offset as usize).min(text.len());
    let before = text.get(..offset).unwrap_or(text);
    let line = before.matches('\n').count() as u32 + 1;
    let start = before.rfind('\n').map_or(0, |it| it + 1);
    let column = before[start..].encode_utf16().count() as u32 + 1;
    (line, column)
}

/// The name of our sentence and its values in order.
fn words(hint: &Hint) -> (String, Vec<String>) {
    let (name, values): (&str, Vec<String>) = match hint {
        Hint::DidYouMean { wrong, right } => ("didYouMean", vec![wrong.clone(), right.clone()]),
        Hint::MisIndented { field, parent, deeper } => {
            (if *deeper { "belongsBelow" } else { "belongsAbove" }, vec![field.clone(), parent.clone()])
        }
        Hint::OddIndentation { column } => ("oddIndentation", vec![column.to_string()]),
        Hint::WrongApiVersion { kind, found, right } => {
            ("wrongApiVersion", vec![kind.clone(), found.clone(), right.clone()])
        }
        Hint::MissingDash { field } => ("missingDash", vec![field.clone()]),
        Hint::QuoteIt { value } => ("quoteIt", vec![value.clone()]),
        Hint::Tab => ("tab", Vec::new()),
        Hint::NotSimulated { kind } => ("notSimulated", vec![kind.clone()]),
        Hint::NoEffect { field } => ("noEffect", vec![field.clone()]),
    };
    (name.to_owned(), values)
}
