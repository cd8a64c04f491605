//! Requests to the API server, its answers, and how kubectl words what went wrong.

use serde_json::Value;
use sim::Gather as _;

use crate::json::{int, list, text};
use crate::resources::Resource;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PatchType {
    Strategic,
    Merge,
    Json,
    Apply,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Method {
    Get,
    List,
    Create,
    Update,
    Patch(PatchType),
    Delete,
}

/// One HTTP request, before it becomes a path.
#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub method: Method,
    pub resource: Resource,
    /// Empty: all namespaces, or a resource without.
    pub namespace: String,
    pub name: String,
    /// Empty, or `status`, `scale`, `eviction`, `binding`, `resize`, `ephemeralcontainers`.
    pub subresource: &'static str,
    pub body: Value,
    /// `labelSelector`, `fieldSelector`, `dryRun`, `fieldManager`, `force`, `fieldValidation`.
    pub query: Vec<(&'static str, String)>,
}

impl Request {
    pub fn new(method: Method, resource: Resource, namespace: &str, name: &str) -> Request {
        Request {
            method,
            resource,
            namespace: if resource.namespaced { namespace.to_owned() } else { String::new() },
            name: name.to_owned(),
            subresource: "",
            body: Value::Null,
            query: Vec::new(),
        }
    }

    #[must_use]
    pub fn body(mut self, body: Value) -> Request {
        self.body = body;
        self
    }

    #[must_use]
    pub fn subresource(mut self, subresource: &'static str) -> Request {
        self.subresource = subresource;
        self
    }

    #[must_use]
    pub fn query(mut self, key: &'static str, value: &str) -> Request {
        if !value.is_empty() {
            self.query.push((key, value.to_owned()));
        }
        self
    }

    pub fn query_value(&self, key: &str) -> &str {
        self.query.iter().find(|it| it.0 == key).map_or("", |it| it.1.as_str())
    }
}

/// The object or list asked for, or a `Status`; `code` tells which.
#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    pub code: u16,
    pub body: Value,
    pub warnings: Vec<String>,
}

impl Response {
    pub fn ok(body: Value) -> Response {
        Response { code: 200, body, warnings: Vec::new() }
    }
}

/// Why a command ends with an error.
#[derive(Debug, Clone, PartialEq)]
pub enum Failure {
    /// The server's own `Status`.
    Status(Box<Value>),
    /// Printed as `error: …`, unless it says so itself.
    Text(String),
    /// Printed as it stands.
    Plain(String),
    /// Several, one a line.
    Many(Vec<Failure>),
    /// Nothing more to say; the exit code only.
    Exit(i32),
}

pub fn fail<T>(text: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Text(text.into()))
}

/// A wrong call: the message and where help is.
pub fn usage<T>(verb: &str, text: &str) -> Result<T, Failure> {
    fail(format!("{text}\nSee 'kubectl {verb} -h' for help and examples"))
}

impl Failure {
    pub fn reason(&self) -> &str {
        if let Failure::Status(status) = self { text(status, "reason") } else { "" }
    }

    pub fn is_not_found(&self) -> bool {
        self.reason() == "NotFound"
    }

    /// All failures as one, or success when there are none.
    pub fn gather(mut all: Vec<Failure>) -> Result<(), Failure> {
        match all.len() {
            0 => Ok(()),
            1 => Err(all.remove(0)),
            _ => Err(Failure::Many(all)),
        }
    }

    /// Names the file that the object came from.
    #[must_use]
    pub fn from_source(self, verb: &str, source: &str) -> Failure {
        if source.is_empty() {
            return self;
        }
        let around = |message: &str| format!("error when {verb} {source:?}: {message}");
        match self {
            Failure::Status(mut status) => {
                status["message"] = Value::String(around(text(&status, "message")));
                Failure::Status(status)
            }
            Failure::Text(message) => Failure::Text(around(&message)),
            other => other,
        }
    }

    /// The message with words in front of it.
    #[must_use]
    pub fn prefixed(self, words: &str) -> Failure {
        match self {
            Failure::Status(status) => Failure::Text([words, text(&status, "message")].concat()),
            other => other,
        }
    }

    /// The bare message.
    pub fn message(&self) -> String {
        match self {
            Failure::Status(status) => text(status, "message").to_owned(),
            Failure::Text(text) | Failure::Plain(text) => text.clone(),
            Failure::Many(all) => {
                let all: Vec<String> = all.iter().map(Failure::message).gather();
                format!("[{}]", all.join(", "))
            }
            Failure::Exit(_) => String::new(),
        }
    }

    /// One line of several errors.
    // Follows kubernetes v1.36 kubectl/pkg/cmd/util: StandardErrorMessage, messageForError.
    pub fn line(&self) -> String {
        match self {
            Failure::Status(status) => {
                let (reason, message) = (text(status, "reason"), text(status, "message"));
                if reason.is_empty() {
                    format!("Error from server: {message}")
                } else {
                    format!("Error from server ({reason}): {message}")
                }
            }
            Failure::Text(text) if text.starts_with("error: ") => text.clone(),
            Failure::Text(text) => format!("error: {text}"),
            Failure::Plain(text) => text.clone(),
            Failure::Many(_) => self.report(),
            Failure::Exit(_) => String::new(),
        }
    }

    /// What the command prints at its end.
    // Follows kubernetes v1.36 kubectl/pkg/cmd/util: checkErr.
    pub fn report(&self) -> String {
        let mut out = match self {
            Failure::Status(status) if text(status, "reason") == "Invalid" => invalid(status),
            Failure::Many(all) => {
                // An error text that is no Status stands bare in a list.
                let lines: Vec<String> = all.iter().map(Failure::line).gather();
                lines.join("\n")
            }
            _ => self.line(),
        };
        if !out.is_empty() && !out.ends_with('\n') {
            out.push('\n');
        }
        out
    }

    pub fn code(&self) -> i32 {
        if let Failure::Exit(code) = self { *code } else { 1 }
    }
}

fn invalid(status: &Value) -> String {
    let mut out = "The request is invalid".to_owned();
    let (kind, name) = (text(status, "details.kind"), text(status, "details.name"));
    let mut causes: Vec<String> = Vec::new();
    for cause in list(status, "details.causes") {
        let line = format!("{}: {}", text(cause, "field"), text(cause, "message"));
        if !causes.contains(&line) {
            causes.push(line);
        }
    }
    let named = !kind.is_empty() || !name.is_empty();
    if named {
        out = format!("The {kind} {name:?} is invalid");
    } else if causes.is_empty() && !text(status, "message").is_empty() {
        out = [&out, ": ", text(status, "message")].concat();
    }
    match causes.as_slice() {
        [] => {}
        [one] => out = format!("{out}: {one}"),
        many => {
            out.push_str(": ");
            for cause in many {
                out = format!("{out}\n* {cause}");
            }
        }
    }
    out
}

pub fn result(response: Response) -> Result<Value, Failure> {
    if response.code < 400 && int(&response.body, "code") < 400 {
        Ok(response.body)
    } else {
        Err(Failure::Status(Box::new(response.body)))
    }
}
