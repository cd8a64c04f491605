//! Requests and answers between machines, as far as anybody looks at them.

use std::sync::Arc;

use sim::SimTime;

use crate::clock::date;
use crate::kernel::net;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct HttpRequest {
    pub method: String,
    /// With its query.
    pub path: String,
    /// As the client wrote it: the Host header.
    pub host: String,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    pub user_agent: String,
    /// Where it comes from.
    pub remote: String,
    /// The port that was asked.
    pub port: u16,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct HttpResponse {
    pub status: u16,
    pub content_type: String,
    pub server: String,
    pub location: String,
    pub body: Arc<Vec<u8>>,
}

/// The content type of a gRPC answer.
pub(super) const GRPC: &str = "application/grpc";
/// The method of HTTP/2's connection preface, `PRI * HTTP/2.0`: all that a server of HTTP/1 gets to see of a gRPC call.
pub(super) const PREFACE: &str = "PRI";

impl HttpRequest {
    /// Whether it is a call over HTTP/2; its body is then the name of the service that is asked after.
    pub fn is_grpc(&self) -> bool {
        self.method == PREFACE
    }

    pub fn version(&self) -> &'static str {
        if self.is_grpc() { "HTTP/2.0" } else { "HTTP/1.1" }
    }
}

impl HttpResponse {
    pub fn new(status: u16, content_type: &str, body: impl Into<Vec<u8>>) -> HttpResponse {
        HttpResponse {
            status,
            content_type: content_type.to_owned(),
            server: String::new(),
            location: String::new(),
            body: Arc::new(body.into()),
        }
    }

    pub fn text(status: u16, body: impl Into<Vec<u8>>) -> HttpResponse {
        HttpResponse::new(status, "text/plain; charset=utf-8", body)
    }

    /// What a gRPC server answers: code 0 with its message, or another code and why.
    pub fn grpc(code: u16, text: &str) -> HttpResponse {
        HttpResponse::new(code, GRPC, text)
    }

    /// What the health service of a gRPC server says.
    pub fn grpc_health(serving: bool) -> HttpResponse {
        HttpResponse::grpc(0, if serving { "SERVING" } else { "NOT_SERVING" })
    }
}

/// The words of the status line.
pub fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        307 => "Temporary Redirect",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "Unknown",
    }
}

pub fn content_type(path: &str) -> &'static str {
    match path.rsplit_once('.').map_or("", |it| it.1) {
        "html" | "htm" => "text/html",
        "txt" => "text/plain",
        "css" => "text/css",
        "js" => "application/javascript",
        "json" => "application/json",
        "xml" => "text/xml",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        _ => "application/octet-stream",
    }
}

impl HttpRequest {
    pub(crate) fn from_kernel(request: net::HttpRequest, remote: String, port: u16) -> HttpRequest {
        let agent = request.headers.iter().find(|it| it.0.eq_ignore_ascii_case("user-agent"));
        HttpRequest {
            user_agent: agent.map_or_else(String::new, |it| it.1.clone()),
            method: request.method,
            path: request.path,
            host: request.host,
            headers: request.headers,
            body: request.body,
            remote,
            port,
        }
    }
}

impl HttpResponse {
    pub(crate) fn to_kernel(&self, now: SimTime) -> net::HttpResponse {
        let mut headers = Vec::with_capacity(5);
        let mut add = |name: &str, value: &str| {
            if !value.is_empty() {
                headers.push((name.to_owned(), value.to_owned()));
            }
        };
        add("Server", &self.server);
        add("Date", &http_date(now));
        add("Content-Type", &self.content_type);
        add("Content-Length", &self.body.len().to_string());
        add("Location", &self.location);
        net::HttpResponse { status: self.status, headers, body: Arc::clone(&self.body) }
    }
}

/// `Sat, 21 Nov 2026 05:25:34 GMT`
fn http_date(now: SimTime) -> String {
    let now = date(now);
    let day = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][now.weekday as usize % 7];
    let (month, hour) = (now.month_name(), now.hour);
    format!("{day}, {:02} {month} {} {hour:02}:{:02}:{:02} GMT", now.day, now.year, now.minute, now.second)
}
