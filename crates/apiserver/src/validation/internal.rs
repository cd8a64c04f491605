//! How the server shows a Pod's spec in the difference of a forbidden update: as JSON of its internal type, with every
//! field, set or not, in the type's order.
//!
//! Follows kubernetes v1.36 pkg/apis/core/types.go (names and order of fields), pkg/apis/core/v1/conversion.go (what of
//! the spec the internal type keeps in its security context).
//!
//! DIFFERENCE: sources of volumes that live outside the cluster show as in a manifest.

use std::fmt::Write as _;

use api::k8s_openapi::api::core::v1::PodSpec;
use serde_json::{Map, Value};
use sim::Gather as _;

/// A type a line (longer ones go on after two spaces): its name, then `Field:kind`. A field without a kind is null or
/// whatever stands in the manifest; kinds are `s` text, `i` number, `b` truth, `*T` a T or null, `[T` a list of them or
/// null, `=T` always a T; `+T` stands for the fields of T, `!` before a kind leaves out what is not set.
const TYPES: &str = include_str!("internal.txt");

/// Of the spec, but of the security context internally.
const IN_SECURITY_CONTEXT: [&str; 5] =
    ["hostNetwork", "hostPID", "hostIPC", "shareProcessNamespace", "hostUsers"];

/// Pretty JSON with an indentation of one space.
pub(super) fn show(spec: &PodSpec) -> String {
    let mut value = api::codec::to_value(spec);
    if let Some(map) = value.as_object_mut() {
        let moved: Vec<(String, Value)> = IN_SECURITY_CONTEXT
            .iter()
            .filter_map(|it| map.remove(*it).map(|value| ((*it).to_owned(), value)))
            .gather();
        let context = map.entry("securityContext").or_insert_with(|| Value::Object(Map::new()));
        if let Some(context) = context.as_object_mut() {
            context.extend(moved);
        }
    }
    let mut out = String::new();
    write_struct(&mut out, "PodSpec", Some(&value), 0);
    out
}

/// The fields of a type, those of embedded types among them.
fn fields(of: &str) -> Vec<(&'static str, &'static str)> {
    let mut lines = TYPES.lines().skip_while(|it| it.split(' ').next() != Some(of));
    let first = lines.next().unwrap_or("");
    let more = lines.take_while(|it| it.starts_with("  "));
    let words = first.split(' ').skip(1).chain(more.flat_map(|it| it.split(' ')));
    words
        .filter(|it| !it.is_empty())
        .flat_map(|word| match word.strip_prefix('+') {
            Some(embedded) => fields(embedded),
            None => vec![word.split_once(':').unwrap_or((word, ""))],
        })
        .gather()
}

fn write_struct(out: &mut String, kind: &str, value: Option<&Value>, depth: usize) {
    let given = value.and_then(Value::as_object);
    let rows = fields(kind).into_iter().filter_map(|(name, kind)| {
        // The names differ in their capitals only.
        let found = given.and_then(|it| it.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)));
        let found = found.map(|it| it.1).filter(|it| !it.is_null());
        let optional = kind.strip_prefix('!');
        (optional.is_none() || found.is_some()).then(|| (name, optional.unwrap_or(kind), found))
    });
    write_rows(out, ['{', '}'], rows, depth, |out, (name, kind, value)| {
        let _ = write!(out, "\"{name}\": ");
        write_field(out, kind, value, depth + 1);
    });
}

fn write_field(out: &mut String, kind: &str, value: Option<&Value>, depth: usize) {
    let mut letters = kind.chars();
    match (letters.next(), value) {
        (Some('='), value) => write_struct(out, letters.as_str(), value, depth),
        (Some('*'), Some(value)) => write_struct(out, letters.as_str(), Some(value), depth),
        (Some('['), Some(Value::Array(list))) => {
            write_rows(out, ['[', ']'], list.iter(), depth, |out, it| {
                write_struct(out, letters.as_str(), Some(it), depth + 1);
            });
        }
        (Some('s'), None) => out.push_str("\"\""),
        (Some('i'), None) => out.push('0'),
        (Some('b'), None) => out.push_str("false"),
        (_, None) => out.push_str("null"),
        (_, Some(value)) => write_value(out, value, depth),
    }
}

fn write_value(out: &mut String, value: &Value, depth: usize) {
    match value {
        Value::Array(list) => {
            write_rows(out, ['[', ']'], list.iter(), depth, |out, it| write_value(out, it, depth + 1));
        }
        Value::Object(map) => write_rows(out, ['{', '}'], map.iter(), depth, |out, (key, it)| {
            out.push_str(&quoted(key));
            out.push_str(": ");
            write_value(out, it, depth + 1);
        }),
        Value::String(text) => out.push_str(&quoted(text)),
        other => out.push_str(&other.to_string()),
    }
}

/// Go writes what HTML could take for its own by number.
fn quoted(text: &str) -> String {
    let text = Value::from(text).to_string();
    text.replace('<', "\\u003c").replace('>', "\\u003e").replace('&', "\\u0026")
}

fn write_rows<T>(
    out: &mut String,
    [open, close]: [char; 2],
    rows: impl Iterator<Item = T>,
    depth: usize,
    mut each: impl FnMut(&mut String, T),
) {
    out.push(open);
    let mut any = false;
    for row in rows {
        out.push_str(if any { ",\n" } else { "\n" });
        any = true;
        out.extend(std::iter::repeat_n(' ', depth + 1));
        each(out, row);
    }
    if any {
        out.push('\n');
        out.extend(std::iter::repeat_n(' ', depth));
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_that_a_field_names_is_there() {
        for line in TYPES.lines().filter(|it| !it.starts_with(' ')) {
            for (name, kind) in fields(line.split(' ').next().unwrap_or("")) {
                let kind = kind.trim_start_matches(['*', '[', '=', '!']);
                let known = ["", "s", "i", "b"].contains(&kind) || !fields(kind).is_empty();
                assert!(known, "{name}: {kind}");
            }
        }
    }

    #[test]
    fn unset_fields_show_and_the_host_s_namespaces_move() {
        let spec = PodSpec { host_network: Some(true), ..PodSpec::default() };
        let text = show(&spec);
        assert!(text.starts_with("{\n \"Volumes\": null,\n \"InitContainers\": null,\n"), "{text}");
        assert!(
            text.contains("\n \"SecurityContext\": {\n  \"HostNetwork\": true,\n  \"HostPID\": false,\n"),
            "{text}"
        );
        assert!(text.contains("\n \"Hostname\": \"\",\n"), "{text}");
    }
}
