//! Complaints about fields, as validation collects them.
//!
//! Follows kubernetes v1.36 apimachinery/pkg/util/validation/field/errors.go.

use std::fmt;

use sim::Gather as _;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    Required,
    Invalid,
    NotSupported,
    Forbidden,
    Duplicate,
    NotFound,
    TooLong,
    TooMany,
}

impl Reason {
    /// As it stands in a Status's causes.
    pub const fn name(self) -> &'static str {
        match self {
            Reason::Required => "FieldValueRequired",
            Reason::Invalid => "FieldValueInvalid",
            Reason::NotSupported => "FieldValueNotSupported",
            Reason::Forbidden => "FieldValueForbidden",
            Reason::Duplicate => "FieldValueDuplicate",
            Reason::NotFound => "FieldValueNotFound",
            Reason::TooLong => "FieldValueTooLong",
            Reason::TooMany => "FieldValueTooMany",
        }
    }

    const fn text(self) -> &'static str {
        match self {
            Reason::Required => "Required value",
            Reason::Invalid => "Invalid value",
            Reason::NotSupported => "Unsupported value",
            Reason::Forbidden => "Forbidden",
            Reason::Duplicate => "Duplicate value",
            Reason::NotFound => "Not found",
            Reason::TooLong => "Too long",
            Reason::TooMany => "Too many",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldError {
    pub reason: Reason,
    /// `spec.containers[0].name`
    pub field: String,
    /// As Go shows it; empty where the sort of error has no value.
    pub value: String,
    pub detail: String,
}

impl FieldError {
    /// What stands behind the field: `Invalid value: "x": must be …`.
    pub fn body(&self) -> String {
        let mut text = self.reason.text().to_owned();
        for part in [&self.value, &self.detail] {
            if !part.is_empty() {
                text.push_str(": ");
                text.push_str(part);
            }
        }
        text
    }
}

impl fmt::Display for FieldError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.field, self.body())
    }
}

/// A value as Go's `%#v` and `%v` show it in errors.
pub trait Shown {
    fn shown(&self) -> String;
}

impl Shown for str {
    fn shown(&self) -> String {
        go_quote(self)
    }
}

impl Shown for String {
    fn shown(&self) -> String {
        go_quote(self)
    }
}

impl Shown for i64 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for i32 {
    fn shown(&self) -> String {
        self.to_string()
    }
}

impl Shown for bool {
    fn shown(&self) -> String {
        self.to_string()
    }
}

/// Text that is shown as it is.
pub struct Raw(pub String);

impl Shown for Raw {
    fn shown(&self) -> String {
        self.0.clone()
    }
}

pub fn go_quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\t' => out.push_str("\\t"),
            '\r' => out.push_str("\\r"),
            c if c.is_control() => out.extend(format!("\\x{:02x}", u32::from(c)).chars()),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

/// The complaints so far.
#[derive(Debug, Default)]
pub struct Errors(pub Vec<FieldError>);

impl Errors {
    fn push(&mut self, reason: Reason, field: String, value: String, detail: &str) {
        self.0.push(FieldError { reason, field, value, detail: detail.to_owned() });
    }

    pub fn required(&mut self, field: impl Into<String>, detail: &str) {
        self.push(Reason::Required, field.into(), String::new(), detail);
    }

    pub fn invalid(&mut self, field: impl Into<String>, value: &(impl Shown + ?Sized), detail: &str) {
        self.push(Reason::Invalid, field.into(), value.shown(), detail);
    }

    /// One complaint for each text.
    pub fn invalid_all(&mut self, field: &str, value: &(impl Shown + ?Sized), details: Vec<String>) {
        for detail in details {
            self.push(Reason::Invalid, field.to_owned(), value.shown(), &detail);
        }
    }

    /// `supported` is shown in the order given, which for upstream's sets is sorted.
    pub fn not_supported(&mut self, field: impl Into<String>, value: &str, supported: &[&str]) {
        let supported: Vec<String> = supported.iter().map(|it| go_quote(it)).gather();
        let detail = if supported.is_empty() {
            String::new()
        } else {
            format!("supported values: {}", supported.join(", "))
        };
        self.push(Reason::NotSupported, field.into(), go_quote(value), &detail);
    }

    pub fn forbidden(&mut self, field: impl Into<String>, detail: &str) {
        self.push(Reason::Forbidden, field.into(), String::new(), detail);
    }

    pub fn duplicate(&mut self, field: impl Into<String>, value: &(impl Shown + ?Sized)) {
        self.push(Reason::Duplicate, field.into(), value.shown(), "");
    }

    pub fn not_found(&mut self, field: impl Into<String>, value: &(impl Shown + ?Sized)) {
        self.push(Reason::NotFound, field.into(), value.shown(), "");
    }

    pub fn too_long(&mut self, field: impl Into<String>, max: usize) {
        let detail = format!("may not be more than {max} bytes");
        self.push(Reason::TooLong, field.into(), String::new(), &detail);
    }

    pub fn too_many(&mut self, field: impl Into<String>, found: usize, max: usize) {
        let detail = format!("must have at most {max} items");
        self.push(Reason::TooMany, field.into(), found.to_string(), &detail);
    }

    /// Complains unless `value` is one of `supported`; empty is left to `required`.
    pub fn one_of(&mut self, field: impl Into<String>, value: Option<&str>, supported: &[&str]) {
        if let Some(value) = value
            && !supported.contains(&value)
        {
            self.not_supported(field, value, supported);
        }
    }
}
