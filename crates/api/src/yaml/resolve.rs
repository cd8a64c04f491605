//! What an unquoted scalar means, and from the tree to JSON.
//!
//! Follows go.yaml.in/yaml/v2 resolve.go (YAML 1.1 with Go's number syntax) and sigs.k8s.io/yaml.

use serde_json::{Map, Number, Value};
use sim::Gather as _;

use super::YamlError;
use super::parser::{Data, Node};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Float(f64),
    /// Kept as text, yet written in quotes.
    Timestamp,
    Merge,
    Text,
}

pub(super) fn resolve(text: &str) -> Scalar {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Scalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return Scalar::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return Scalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => return Scalar::Float(f64::NEG_INFINITY),
        "<<" => return Scalar::Merge,
        _ => {}
    }
    match text.as_bytes()[0] {
        b'.' => float(text).map_or(Scalar::Text, Scalar::Float),
        b'+' | b'-' | b'0'..=b'9' => number(text),
        _ => Scalar::Text,
    }
}

fn number(text: &str) -> Scalar {
    if is_timestamp(text) {
        return Scalar::Timestamp;
    }
    let plain = text.replace('_', "");
    let (negative, digits) = match plain.as_bytes().first() {
        Some(b'-') => (true, &plain[1..]),
        Some(b'+') => (false, &plain[1..]),
        _ => (false, &plain[..]),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    // A second sign would pass Rust's parser.
    if digits.starts_with(|it: char| it.is_ascii_alphanumeric())
        && let Ok(magnitude) = u64::from_str_radix(digits, radix)
    {
        if negative {
            if let Some(value) = 0_i64.checked_sub_unsigned(magnitude) {
                return Scalar::Int(value);
            }
        } else if !text.starts_with('+') || i64::try_from(magnitude).is_ok() {
            return i64::try_from(magnitude).map_or(Scalar::Uint(magnitude), Scalar::Int);
        }
    }
    float(&plain).map_or(Scalar::Text, Scalar::Float)
}

fn float(text: &str) -> Option<f64> {
    sim::parse_float(text).filter(|it| it.is_finite())
}

/// `2006-1-2`, with an optional time of day.
fn is_timestamp(text: &str) -> bool {
    let bytes = text.as_bytes();
    if bytes.len() < 8 || !bytes[..4].iter().all(u8::is_ascii_digit) || bytes[4] != b'-' {
        return false;
    }
    let date_end = text.find(['T', 't', ' ']).unwrap_or(text.len());
    let mut parts = text[5..date_end].split('-').map(|it| (it.len(), it.parse::<u32>().unwrap_or(0)));
    let date = matches!(
        (parts.next(), parts.next(), parts.next()),
        (Some((1 | 2, 1..=12)), Some((1 | 2, 1..=31)), None)
    );
    if !date || date_end == text.len() {
        return date;
    }
    let time = &text[date_end + 1..];
    let clock_end = time.find(['Z', 'z', '+', '-']).unwrap_or(time.len());
    let zoned = clock_end != time.len();
    let clock = time[..clock_end].split('.').next().unwrap_or("");
    let parts: Vec<Option<u32>> = clock.split(':').map(|it| it.parse().ok()).gather();
    let in_day = matches!(parts[..], [Some(0..=23), Some(0..=59), Some(0..=59)]);
    in_day && zoned == (text.as_bytes()[date_end] != b' ')
}

/// Duplicate keys are no error: the last one wins, as kubectl converts to JSON first.
pub(super) fn to_value(node: &Node) -> Result<Value, YamlError> {
    Ok(match &node.data {
        Data::Scalar { value, plain, tag } => scalar_value(node, value, *plain, tag.as_deref())?,
        Data::Sequence(items) => Value::Array(items.iter().map(to_value).collect::<Result<_, _>>()?),
        Data::Mapping(pairs) => {
            let mut map = Map::new();
            mapping_into(pairs, &mut map)?;
            Value::Object(map)
        }
        Data::Alias(node) => to_value(node)?,
    })
}

fn mapping_into(pairs: &[(Node, Node)], map: &mut Map<String, Value>) -> Result<(), YamlError> {
    for (key, value) in pairs {
        if is_merge(key) {
            merge(value, map)?;
            continue;
        }
        let name = key_text(key, value)?;
        map.insert(name, to_value(value)?);
    }
    Ok(())
}

pub(super) fn is_merge(key: &Node) -> bool {
    matches!(&key.data, Data::Scalar { value, plain: true, .. } if value == "<<")
}

fn merge(node: &Node, map: &mut Map<String, Value>) -> Result<(), YamlError> {
    let target = |node: &Node| -> Option<Vec<(Node, Node)>> {
        match &node.data {
            Data::Mapping(pairs) => Some(pairs.clone()),
            Data::Alias(inner) => match &inner.data {
                Data::Mapping(pairs) => Some(pairs.clone()),
                _ => None,
            },
            _ => None,
        }
    };
    let wrong = || {
        YamlError::plain("map merge requires map or sequence of maps as the value").placed(node.span.start)
    };
    if let Data::Sequence(items) = &node.data {
        for item in items.iter().rev() {
            mapping_into(&target(item).ok_or_else(wrong)?, map)?;
        }
        return Ok(());
    }
    mapping_into(&target(node).ok_or_else(wrong)?, map)
}

/// A key as JSON has it: always text.
pub(super) fn key_text(key: &Node, value: &Node) -> Result<String, YamlError> {
    let complain = |text: String| YamlError::plain(&text).placed(key.span.start);
    let key_value = match &key.data {
        Data::Alias(inner) => return key_text(inner, value),
        Data::Sequence(_) | Data::Mapping(_) => {
            return Err(complain(format!("invalid map key: {}", go_syntax(&to_value(key)?))));
        }
        Data::Scalar { .. } => to_value(key)?,
    };
    Ok(match key_value {
        Value::String(text) => text,
        Value::Bool(it) => it.to_string(),
        Value::Number(it) => it.to_string(),
        _ => {
            let value = go_syntax(&to_value(value)?);
            return Err(complain(format!(
                "unsupported map key of type: %!s(<nil>), key: <nil>, value: {value}"
            ))
            .without_yaml_prefix());
        }
    })
}

/// Go's `%#v` of what go-yaml makes of a value.
fn go_syntax(value: &Value) -> String {
    match value {
        Value::Null => "interface {}(nil)".to_owned(),
        Value::Bool(it) => it.to_string(),
        Value::Number(it) => it.to_string(),
        Value::String(it) => format!("{it:?}"),
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(go_syntax).gather();
            format!("[]interface {{}}{{{}}}", items.join(", "))
        }
        Value::Object(map) => {
            let pairs: Vec<String> = map.iter().map(|(k, v)| format!("{k:?}:{}", go_syntax(v))).gather();
            format!("map[interface {{}}]interface {{}}{{{}}}", pairs.join(", "))
        }
    }
}

fn scalar_value(node: &Node, text: &str, plain: bool, tag: Option<&str>) -> Result<Value, YamlError> {
    let quoted = Value::String(text.to_owned());
    let resolved = match tag {
        None | Some("!") if plain => resolve(text),
        Some("!!int" | "!!float" | "!!bool" | "!!null" | "!!timestamp") => resolve(text),
        _ => return Ok(quoted),
    };
    let expected = match (&resolved, tag) {
        (Scalar::Int(_) | Scalar::Uint(_), Some("!!int" | "!!float"))
        | (Scalar::Float(_), Some("!!float"))
        | (Scalar::Bool(_), Some("!!bool"))
        | (Scalar::Null, Some("!!null"))
        | (Scalar::Timestamp, Some("!!timestamp"))
        | (_, None | Some("!")) => None,
        (it, Some(tag)) => Some((it, tag)),
    };
    if let Some((found, tag)) = expected {
        let found = match found {
            Scalar::Null => "!!null",
            Scalar::Bool(_) => "!!bool",
            Scalar::Int(_) | Scalar::Uint(_) => "!!int",
            Scalar::Float(_) => "!!float",
            Scalar::Timestamp => "!!timestamp",
            Scalar::Merge => "!!merge",
            Scalar::Text => "!!str",
        };
        let complaint = format!("cannot decode {found} `{text}` as a {tag}");
        return Err(YamlError::plain(&complaint).placed(node.span.start));
    }
    Ok(match resolved {
        Scalar::Null => Value::Null,
        Scalar::Bool(it) => Value::Bool(it),
        Scalar::Int(it) => Value::from(it),
        Scalar::Uint(it) => Value::from(it),
        Scalar::Float(it) => return float_value(it, node),
        Scalar::Timestamp | Scalar::Merge | Scalar::Text => quoted,
    })
}

/// JSON knows no infinity, and a whole number is whole however it was written.
fn float_value(float: f64, node: &Node) -> Result<Value, YamlError> {
    if float.fract() == 0.0 && float.abs() < 9.0e18 {
        return Ok(Value::from(float as i64));
    }
    Number::from_f64(float).map(Value::Number).ok_or_else(|| {
        let name = if float.is_nan() {
            "NaN"
        } else if float < 0.0 {
            "-Inf"
        } else {
            "+Inf"
        };
        YamlError::plain(&format!("json: unsupported value: {name}"))
            .placed(node.span.start)
            .without_yaml_prefix()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scalars_are_yaml_1_1_in_go() {
        assert_eq!(resolve("yes"), Scalar::Bool(true));
        assert_eq!(resolve("0755"), Scalar::Int(493));
        assert_eq!(resolve("0o644"), Scalar::Int(420));
        assert_eq!(resolve("08"), Scalar::Float(8.0));
        assert_eq!(resolve("1_000"), Scalar::Int(1000));
        assert_eq!(resolve("0x1F"), Scalar::Int(31));
        assert_eq!(resolve("12:30:45"), Scalar::Text);
        assert_eq!(resolve("1e3"), Scalar::Float(1000.0));
        assert_eq!(resolve("2024-01-02"), Scalar::Timestamp);
        assert_eq!(resolve("2024-01-02T03:04:05Z"), Scalar::Timestamp);
        assert_eq!(resolve("1.28.4"), Scalar::Text);
        assert_eq!(resolve("-"), Scalar::Text);
        assert_eq!(resolve("+1"), Scalar::Int(1));
        assert_eq!(resolve("64Mi"), Scalar::Text);
        assert_eq!(resolve("-5"), Scalar::Int(-5));
    }
}
