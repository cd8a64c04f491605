//! Guesses what a mistake was meant to be, and how to repair it.

use api::Kind;
use api::schema::{self, Problem, Shape, Struct, Type};
use api::yaml::{self, Data, Document, Mark, Place, Step, YamlError};
use sim::{Gather as _, Sort as _};

use super::{Edit, Fix, Hint};
use crate::field::{FieldError, Reason};

type Guess = (Option<Hint>, Option<Fix>);

pub(super) fn replace(place: Place, text: String) -> Fix {
    Fix { edits: vec![Edit { start: place.value.start, end: place.value.end, text }] }
}

/// The name that is nearest to `wrong`, when it is near enough to be meant.
pub(super) fn nearest<'a>(wrong: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = wrong.to_ascii_lowercase();
    let allowed = (wrong.len() / 4).clamp(1, 4);
    names
        .map(|it| (distance(&lower, &it.to_ascii_lowercase()), it))
        .filter(|(distance, _)| *distance <= allowed)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, it)| it)
}

/// Edits of one character, a swap of two neighbours counting as one.
fn distance(a: &str, b: &str) -> usize {
    const LENGTH_MAX: usize = 80;
    let (a, b): (Vec<char>, Vec<char>) =
        (a.chars().take(LENGTH_MAX).gather(), b.chars().take(LENGTH_MAX).gather());
    let mut rows: Vec<Vec<usize>> = vec![(0..=b.len()).gather()];
    for (i, x) in a.iter().enumerate() {
        let mut row = vec![i + 1];
        for (j, y) in b.iter().enumerate() {
            let mut best = (rows[i][j] + usize::from(x != y)).min(row[j] + 1).min(rows[i][j + 1] + 1);
            if 0 < i && 0 < j && a[i - 1] == *y && b[j - 1] == *x {
                best = best.min(rows[i - 1][j - 1] + 1);
            }
            row.push(best);
        }
        rows.push(row);
    }
    rows[a.len()][b.len()]
}

/// The structs along a path, from the kind's own to the one that holds the last step.
fn structs_along(kind: Kind, path: &[Step]) -> Vec<(usize, &'static Struct)> {
    let mut found = Vec::new();
    let Some(mut current) = schema::find(kind.name()) else { return found };
    found.push((0, current));
    let mut shape = Shape::Struct(current);
    for (index, step) in path.iter().enumerate().take(path.len().saturating_sub(1)) {
        let next = match (shape, step) {
            (Shape::Struct(of), Step::Key(name)) => of.field(name).map(|it| it.type_.shape()),
            (Shape::List(item) | Shape::Map(item), _) => Some(item.shape()),
            _ => None,
        };
        let Some(next) = next else { break };
        shape = next;
        if let Shape::Struct(of) = shape {
            current = of;
            found.push((index + 1, current));
        }
    }
    found
}

fn item_struct(type_: Type) -> Option<&'static Struct> {
    match type_.shape() {
        Shape::Struct(it) => Some(it),
        Shape::List(item) => item_struct(item),
        _ => None,
    }
}

pub(super) fn unknown_field(document: &Document, text: &str, kind: Kind, path: &[Step]) -> Guess {
    let Some((Step::Key(wrong), parent_path)) = path.split_last() else { return (None, None) };
    let along = structs_along(kind, path);
    let Some((_, parent)) = along.last() else { return (None, None) };
    let place = document.locate_steps(path);
    let Some(key) = place.key else { return (None, None) };
    let rename = |right: &str| {
        let edits = vec![Edit { start: key.start, end: key.end, text: right.to_owned() }];
        (Some(Hint::DidYouMean { wrong: wrong.clone(), right: right.to_owned() }), Some(Fix { edits }))
    };
    let names = || parent.fields.iter().map(|it| it.name);
    if let Some(right) = names().find(|it| it.eq_ignore_ascii_case(wrong)) {
        return rename(right);
    }
    // In a list or object that stands just before it?
    if let Some(Data::Mapping(pairs)) = document.node(parent_path).map(|it| &it.data) {
        let before = pairs.iter().rev().find_map(|(name, value)| {
            let Data::Scalar { value: name, .. } = &name.data else { return None };
            let of = item_struct(parent.field(name)?.type_)?;
            let earlier = document.absolute(value.span).start < key.start;
            (earlier && of.field(wrong).is_some()).then_some((name.clone(), value))
        });
        if let Some((sibling, value)) = before {
            let inner = match &value.data {
                Data::Sequence(items) => items.last().map(|it| it.span.start.column),
                Data::Mapping(_) => Some(value.span.start.column),
                _ => None,
            };
            let hint = Hint::MisIndented { field: wrong.clone(), parent: sibling, deeper: true };
            return (Some(hint), inner.and_then(|column| reindent(text, key.start, place.value.end, column)));
        }
    }
    // In something around it?
    let outer = along.iter().rev().skip(1).find(|(_, of)| of.field(wrong).is_some());
    if let Some((depth, of)) = outer {
        let holder = &path[..*depth];
        let parent =
            holder.iter().rev().find_map(|it| if let Step::Key(it) = it { Some(it.clone()) } else { None });
        let hint = Hint::MisIndented {
            field: wrong.clone(),
            parent: parent.unwrap_or_else(|| of.name.to_owned()),
            deeper: false,
        };
        let column = document.node(holder).map(|it| it.span.start.column);
        return (Some(hint), column.and_then(|column| reindent(text, key.start, place.value.end, column)));
    }
    if let Some(right) = nearest(wrong, names()) {
        return rename(right);
    }
    // In something that could stand here: `spec.env` belongs into a container.
    let below =
        parent.fields.iter().find(|it| item_struct(it.type_).is_some_and(|it| it.field(wrong).is_some()));
    let hint =
        below.map(|it| Hint::MisIndented { field: wrong.clone(), parent: it.name.to_owned(), deeper: true });
    (hint, None)
}

/// Moves the lines of a block so that it begins at `column`. Nothing to do where the block does not begin its line.
fn reindent(text: &str, start: Mark, end: Mark, column: u32) -> Option<Fix> {
    let mut edits = Vec::new();
    let mut offset = 0;
    // A block value ends where the next thing begins; what counts are its lines.
    let last = if end.column == 0 && start.line < end.line { end.line - 1 } else { end.line };
    for (number, line) in text.split_inclusive('\n').enumerate() {
        let number = number as u32;
        if (start.line..=last).contains(&number) {
            let blanks = (line.len() - line.trim_start_matches(' ').len()) as u32;
            if number == start.line && blanks != start.column {
                return None;
            }
            if !line.trim().is_empty() {
                let at = |column: u32| Mark { line: number, column, offset: offset + column };
                if start.column < column {
                    let text = " ".repeat((column - start.column) as usize);
                    edits.push(Edit { start: at(0), end: at(0), text });
                } else {
                    let gone = (start.column - column).min(blanks);
                    edits.push(Edit { start: at(0), end: at(gone), text: String::new() });
                }
            }
        }
        offset += line.len() as u32;
    }
    Some(Fix { edits })
}

pub(super) fn mismatch(document: &Document, text: &str, kind: Kind, problem: &Problem) -> Guess {
    let Some(node) = document.node(&problem.path) else { return (None, None) };
    let place = document.locate_steps(&problem.path);
    let wanted = problem.message.rsplit(" of type ").next().unwrap_or("");
    let field =
        problem.path.iter().rev().find_map(|it| if let Step::Key(it) = it { Some(it.clone()) } else { None });
    let _ = kind;
    match &node.data {
        Data::Scalar { value, plain: true, .. } if problem.message.starts_with("json: cannot unmarshal") => {
            let is_text = wanted == "string" || (wanted.starts_with("v1.") && !value.is_empty());
            let scalar =
                problem.message.contains("unmarshal number") || problem.message.contains("unmarshal bool");
            if is_text && scalar {
                let fix = replace(place, format!("{value:?}"));
                return (Some(Hint::QuoteIt { value: value.clone() }), Some(fix));
            }
            (None, None)
        }
        Data::Scalar { value, plain: false, .. } if matches!(wanted, "int32" | "int64" | "bool") => {
            let bare = value.parse::<i64>().is_ok() || value == "true" || value == "false";
            (None, bare.then(|| replace(place, value.clone())))
        }
        Data::Mapping(_) if wanted.starts_with("[]") => {
            let hint = field.map(|field| Hint::MissingDash { field });
            let start = place.value.start;
            let Some(mut fix) = reindent(text, start, place.value.end, start.column + 2) else {
                return (hint, None);
            };
            if let Some(first) = fix.edits.first_mut() {
                // The first line gets the dash instead of two more blanks.
                first.start = Mark { column: start.column, offset: start.offset, ..start };
                first.end = first.start;
                "- ".clone_into(&mut first.text);
            }
            (hint, Some(fix))
        }
        Data::Scalar { value, .. } if wanted.starts_with("[]") => {
            let hint = field.map(|field| Hint::MissingDash { field });
            (hint, Some(replace(place, format!("[{value:?}]"))))
        }
        _ => (None, None),
    }
}

/// Of several allowed values, the one that is meant.
pub(super) fn unsupported(place: Place, error: &FieldError) -> Guess {
    if error.reason != Reason::NotSupported || !place.exact {
        return (None, None);
    }
    let wrong = error.value.trim_matches('"');
    let allowed = error.detail.trim_start_matches("supported values: ").split(", ");
    let Some(right) = nearest(wrong.trim(), allowed.map(|it| it.trim_matches('"'))) else {
        return (None, None);
    };
    let hint = Hint::DidYouMean { wrong: wrong.to_owned(), right: right.to_owned() };
    (Some(hint), Some(replace(place, right.to_owned())))
}

/// Longer texts are not repaired: each attempt reads them whole.
const REPAIRED_BYTES_MAX: usize = 64 * 1024;
/// How many columns are tried for a line that stands oddly.
const COLUMNS_MAX: usize = 8;

pub(super) fn yaml(text: &str, error: &YamlError) -> Guess {
    let Some(place) = error.place else { return (None, None) };
    let lines: Vec<&str> = text.lines().gather();
    let number = (place.line as usize).min(lines.len().saturating_sub(1));
    let Some(line) = lines.get(number) else { return (None, None) };
    let indentation = &line[..line.len() - line.trim_start().len()];
    if indentation.contains('\t') {
        let offset = line_offset(text, number);
        let at = |column: u32| Mark { line: number as u32, column, offset: offset + column };
        let edits = vec![Edit {
            start: at(0),
            end: at(indentation.len() as u32),
            text: indentation.replace('\t', "  "),
        }];
        return (Some(Hint::Tab), Some(Fix { edits }));
    }
    if REPAIRED_BYTES_MAX < text.len() {
        return (None, None);
    }
    // Move the line, or the one before it, to a column that others have, and see whether the text becomes YAML.
    for number in [number, number.saturating_sub(1)] {
        let Some(line) = lines.get(number).filter(|it| !it.trim().is_empty()) else { continue };
        let own = (line.len() - line.trim_start_matches(' ').len()) as u32;
        let mut columns: Vec<u32> = Vec::new();
        for other in lines[..number].iter().rev().filter(|it| !it.trim().is_empty()) {
            let bare = other.trim_start_matches(' ');
            let blanks = (other.len() - bare.len()) as u32;
            let inside = if bare.starts_with("- ") { blanks + 2 } else { blanks };
            for column in [inside, blanks] {
                if column != own && !columns.contains(&column) {
                    columns.push(column);
                }
            }
        }
        columns.put_in_order_by_key(|it| it.abs_diff(own));
        columns.truncate(COLUMNS_MAX);
        let start = Mark { line: number as u32, column: own, offset: line_offset(text, number) + own };
        for column in columns {
            let Some(fix) = reindent(text, start, start, column) else { continue };
            let repaired = yaml::read(&fix.apply(text));
            if !repaired.is_empty() && repaired.iter().all(Result::is_ok) {
                return (Some(Hint::OddIndentation { column: own }), Some(fix));
            }
        }
    }
    (None, None)
}

fn line_offset(text: &str, number: usize) -> u32 {
    text.split_inclusive('\n').take(number).map(str::len).sum::<usize>() as u32
}
