//! Serving files of a document root.

use super::{Looked, Process};
use crate::clock::{date, push_number};
use crate::network::{HttpRequest, HttpResponse, content_type};

/// What a path under a document root leads to.
pub(super) enum Served {
    File {
        bytes: Vec<u8>,
        kind: &'static str,
        on_disk: bool,
    },
    /// A directory asked without its slash.
    Redirect(String),
    /// A directory without an index: its names.
    Listing(Vec<String>),
    NotFound,
}

/// Query and escapes are taken off; nothing leads out of the root.
pub(super) fn clean(path: &str) -> String {
    let path = path.split(['?', '#']).next().unwrap_or("/");
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let slash = if path.ends_with('/') && !parts.is_empty() { "/" } else { "" };
    format!("/{}{slash}", parts.join("/"))
}

pub(super) fn find(root: &str, path: &str, indexes: &[&str], process: &dyn Process) -> Served {
    let path = clean(path);
    let full = format!("{}{path}", root.trim_end_matches('/'));
    let full = full.trim_end_matches('/');
    match process.look(full) {
        Looked::File(bytes, on_disk) => {
            return Served::File { bytes, kind: content_type(full), on_disk };
        }
        Looked::Directory => {}
        Looked::Nothing => return Served::NotFound,
    }
    if !path.ends_with('/') {
        return Served::Redirect(format!("{path}/"));
    }
    for index in indexes {
        if let Looked::File(bytes, on_disk) = process.look(&format!("{full}/{index}")) {
            return Served::File { bytes, kind: content_type(index), on_disk };
        }
    }
    process.list(full).map_or(Served::NotFound, Served::Listing)
}

/// `10.244.0.1 - - [21/Nov/2026:05:25:34 +0000] "GET / HTTP/1.1" 200 615`: the common log format.
pub(super) fn common_log(request: &HttpRequest, response: &HttpResponse, process: &dyn Process) -> String {
    let mut line = String::with_capacity(request.path.len() + request.user_agent.len() + 112);
    line.push_str(&request.remote);
    line.push_str(" - - [");
    date(process.now()).push_common_log(&mut line);
    line.push_str("] \"");
    line.push_str(&request.method);
    line.push(' ');
    line.push_str(&request.path);
    line.push(' ');
    line.push_str(request.version());
    line.push_str("\" ");
    push_number(&mut line, u64::from(response.status), 1);
    line.push(' ');
    push_number(&mut line, response.body.len() as u64, 1);
    line
}

/// The lines of a listing.
pub(super) fn rows(names: &[String], row: impl Fn(&str) -> String) -> String {
    names.iter().fold(String::new(), |all, it| all + &row(it))
}
