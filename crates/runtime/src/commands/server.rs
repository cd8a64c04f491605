//! busybox `httpd`: serves files of a directory.

use std::sync::Arc;

use super::Command;
use super::options::Options;
use crate::kernel::net::{HttpResponse, IncomingKind, Reply};
use crate::kernel::{Program, Spawn, Step, Sys, Wait};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    home: String,
}

pub fn start(sys: &mut Sys<'_>, argv: &[String]) -> Result<Command, i32> {
    let options = Options::parse(&argv[1..], "p h c u r");
    let port = options.value("p").unwrap_or("80");
    let port: u16 = port.rsplit(':').next().and_then(|it| it.parse().ok()).unwrap_or(80);
    let home = options.value("h").unwrap_or(".");
    let home = sys.absolute(home);
    let server = Command::Server(Box::new(Server { home }));
    if options.any(&["f", "v"]) {
        if let Err(error) = sys.listen(port) {
            sys.err(&format!("httpd: bind: {error}\n"));
            return Err(1);
        }
        return Ok(server);
    }
    // Goes to the background: a child listens, this one ends.
    let spawn = Spawn {
        argv: Arc::new([argv, &["-f".to_owned()]].concat()),
        environment: Arc::clone(&sys.me().environment),
        program: Some(Program::Command(Box::new(Command::Start))),
        descriptors: Vec::new(),
        group: Some(0),
        ignored: 0,
    };
    Err(i32::from(sys.spawn(spawn).is_err()))
}

impl Server {
    pub fn step(&mut self, sys: &mut Sys<'_>) -> Step {
        while let Some(incoming) = sys.accept() {
            let reply = match incoming.what {
                IncomingKind::Http(request) => {
                    let path = request.path.split('?').next().unwrap_or("/");
                    let safe = !path.split('/').any(|it| it == "..");
                    let mut file = format!("{}{path}", self.home.trim_end_matches('/'));
                    if file.ends_with('/') || sys.stat(&file, true).is_ok_and(|it| it.is_directory()) {
                        file = format!("{}/index.html", file.trim_end_matches('/'));
                    }
                    match sys.read_file(&file) {
                        Ok(body) if safe => response(200, content_type(&file), body),
                        _ => {
                            let body = "<HTML><HEAD><TITLE>404 Not Found</TITLE></HEAD>\n<BODY><H1>404 Not Found</H1>\nThe requested URL was not found\n</BODY></HTML>\n";
                            response(404, "text/html", body.as_bytes().to_vec())
                        }
                    }
                }
                IncomingKind::Data(_) => Reply::Data(Vec::new()),
            };
            sys.reply(incoming.id, reply);
        }
        Step::Wait(Wait::Connection)
    }
}

fn content_type(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html" | "htm") => "text/html",
        Some("txt") => "text/plain",
        Some("json") => "application/json",
        Some("css") => "text/css",
        _ => "application/octet-stream",
    }
}

fn response(status: u16, kind: &str, body: Vec<u8>) -> Reply {
    let headers = vec![
        ("Connection".to_owned(), "close".to_owned()),
        ("Content-type".to_owned(), kind.to_owned()),
        ("Content-Length".to_owned(), body.len().to_string()),
    ];
    Reply::Http(HttpResponse { status, headers, body: Arc::new(body) })
}
