//! Python and Node as small examples use them: a file server, one-liners that print, sleep and exit.

use std::time::Duration;

use sim::Gather as _;

use super::files::{Served, find, rows};
use super::{Process, Server, Step};
use crate::clock::date;
use crate::cri::LogStream;
use crate::network::{HttpRequest, HttpResponse};

pub(super) fn step_python(server: &mut Server, process: &mut dyn Process) -> Step {
    let argv: Vec<String> = process.argv().iter().filter(|it| *it != "-u").cloned().gather();
    let words: Vec<&str> = argv.iter().skip(1).map(String::as_str).gather();
    match words.as_slice() {
        ["-m", "http.server", rest @ ..] => serve(server, process, rest),
        ["-c", program, ..] => run(server, process, &python_statements(program)),
        ["--version" | "-V", ..] => {
            let version = process.version();
            process.print(LogStream::Stdout, &format!("Python {version}"));
            Step::Exit(0)
        }
        [file, ..] if !file.starts_with('-') => {
            let Some(bytes) = process.read_file(file) else {
                let line = format!("python: can't open file '{file}': [Errno 2] No such file or directory");
                process.print(LogStream::Stderr, &line);
                return Step::Exit(2);
            };
            run(server, process, &python_statements(&String::from_utf8_lossy(&bytes)))
        }
        // Its standard input has ended: nothing to run.
        _ => Step::Exit(0),
    }
}

fn serve(server: &mut Server, process: &mut dyn Process, words: &[&str]) -> Step {
    let port = words.iter().find_map(|it| it.parse().ok()).unwrap_or(8000);
    let directory =
        words.iter().position(|it| matches!(*it, "-d" | "--directory")).and_then(|at| words.get(at + 1));
    let root = directory.map_or_else(|| process.directory(), |it| (*it).to_owned());
    if !process.listen(port) {
        process.print(LogStream::Stderr, "OSError: [Errno 98] Address already in use");
        return Step::Exit(1);
    }
    server.roots = vec![("root".to_owned(), root)];
    process.print(
        LogStream::Stdout,
        &format!("Serving HTTP on 0.0.0.0 port {port} (http://0.0.0.0:{port}/) ..."),
    );
    process.set_memory(18 << 20);
    Step::Wait
}

/// What a statement of a small script does.
enum Statement {
    Print(String),
    Sleep(Duration),
    Exit(i32),
    Listen(u16),
    /// All before it, again and again.
    Loop,
    Fail(String),
}

fn run(server: &mut Server, process: &mut dyn Process, statements: &[Statement]) -> Step {
    process.set_memory(10 << 20);
    // A loop without a sleep in it ends its turn here.
    let mut turns = 0;
    while let Some(statement) = statements.get(server.phase as usize) {
        server.phase += 1;
        match statement {
            Statement::Print(text) => process.print(LogStream::Stdout, text),
            Statement::Sleep(time) => return Step::Until(process.now() + *time),
            Statement::Exit(code) => return Step::Exit(*code),
            Statement::Listen(port) => {
                if !process.listen(*port) {
                    process.print(LogStream::Stderr, "Error: listen EADDRINUSE: address already in use");
                    return Step::Exit(1);
                }
            }
            Statement::Loop => {
                server.phase = 0;
                turns += 1;
                if turns == 2 {
                    return Step::Until(process.now() + Duration::from_millis(100));
                }
            }
            Statement::Fail(text) => {
                process.print(LogStream::Stderr, text);
                return Step::Exit(1);
            }
        }
    }
    let listens = statements.iter().any(|it| matches!(it, Statement::Listen(_)));
    if listens { Step::Wait } else { Step::Exit(0) }
}

/// Literal prints, sleeps and exits; a `while True:` repeats all of them.
fn python_statements(program: &str) -> Vec<Statement> {
    let mut list = Vec::new();
    let repeats = program.contains("while True") || program.contains("while 1");
    for part in program.split(['\n', ';']) {
        let part = part.trim().trim_start_matches("while True:").trim_start_matches("while 1:").trim();
        if let Some(inner) = call(part, "print") {
            list.push(Statement::Print(literal(inner)));
        } else if let Some(inner) = call(part, "time.sleep").or_else(|| call(part, "sleep")) {
            list.push(Statement::Sleep(seconds(inner)));
        } else if let Some(inner) =
            call(part, "sys.exit").or_else(|| call(part, "exit")).or_else(|| call(part, "os._exit"))
        {
            list.push(Statement::Exit(inner.trim().parse().unwrap_or(i32::from(!inner.is_empty()))));
        } else if let Some(error) = part.strip_prefix("raise ") {
            let name = error.split('(').next().unwrap_or(error);
            let text = call(error, name).map(literal).unwrap_or_default();
            list.push(Statement::Fail(format!(
                "Traceback (most recent call last):\n  File \"<string>\", line 1, in <module>\n{name}: {text}"
            )));
        }
    }
    if repeats {
        list.push(Statement::Loop);
    }
    list
}

pub(super) fn step_node(server: &mut Server, process: &mut dyn Process) -> Step {
    let argv: Vec<String> = process.argv().to_vec();
    let words: Vec<&str> = argv.iter().skip(1).map(String::as_str).skip_while(|it| *it == "node").gather();
    match words.as_slice() {
        ["-e" | "--eval", program, ..] => run(server, process, &node_statements(program)),
        ["--version" | "-v", ..] => {
            let version = process.version();
            process.print(LogStream::Stdout, &format!("v{version}"));
            Step::Exit(0)
        }
        [file, ..] if !file.starts_with('-') => {
            let Some(bytes) = process.read_file(file) else {
                let line = format!(
                    "node:internal/modules/cjs/loader:1228\n  throw err;\n  ^\n\nError: Cannot find module '{file}'"
                );
                process.print(LogStream::Stderr, &line);
                return Step::Exit(1);
            };
            run(server, process, &node_statements(&String::from_utf8_lossy(&bytes)))
        }
        _ => Step::Exit(0),
    }
}

fn node_statements(program: &str) -> Vec<Statement> {
    let mut list = Vec::new();
    for part in program.split(['\n', ';']) {
        let part = part.trim();
        if let Some(at) = part.find(".listen(") {
            let digits: String = part[at + 8..].chars().take_while(char::is_ascii_digit).fill();
            list.push(Statement::Listen(digits.parse().unwrap_or(3000)));
        } else if let Some(inner) = call(part, "console.log") {
            list.push(Statement::Print(literal(inner)));
        } else if let Some(inner) = call(part, "process.exit") {
            list.push(Statement::Exit(inner.trim().parse().unwrap_or(0)));
        } else if part.starts_with("throw ") {
            list.push(Statement::Fail(format!("Uncaught:\n{}", part.trim_start_matches("throw "))));
        }
    }
    list
}

/// What stands between the brackets of `name(…)`.
fn call<'a>(part: &'a str, name: &str) -> Option<&'a str> {
    let inner = part.strip_prefix(name)?.trim_start().strip_prefix('(')?;
    Some(&inner[..inner.rfind(')')?])
}

fn literal(text: &str) -> String {
    let text = text.trim();
    let text = text.split(", flush=").next().unwrap_or(text);
    let quote = text.chars().next().filter(|it| matches!(it, '"' | '\''));
    quote.and_then(|it| text.strip_prefix(it)?.strip_suffix(it)).unwrap_or(text).to_owned()
}

fn seconds(text: &str) -> Duration {
    let (whole, part) = text.trim().split_once('.').unwrap_or((text.trim(), ""));
    let millis: u64 = format!("{part:0<3}")[..3].parse().unwrap_or(0);
    Duration::from_millis(whole.parse::<u64>().unwrap_or(0) * 1_000 + millis)
}

/// Of `http.server`; other Python programs are not known to answer.
pub(super) fn answer(server: &Server, request: &HttpRequest, process: &mut dyn Process) -> HttpResponse {
    let root = server.root("root");
    if root.is_empty() {
        return HttpResponse::text(200, format!("{}\n", process.hostname()));
    }
    let mut response = match find(root, &request.path, &["index.html", "index.htm"], process) {
        Served::File { bytes, kind, .. } => HttpResponse::new(200, kind, bytes),
        Served::Redirect(to) => HttpResponse { location: to, ..HttpResponse::new(301, "text/html", "") },
        Served::Listing(names) => {
            let rows = rows(&names, |it| format!("<li><a href=\"{it}\">{it}</a></li>\n"));
            let path = &request.path;
            let body = format!(
                "<!DOCTYPE HTML>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n<title>Directory listing for {path}</title>\n</head>\n<body>\n<h1>Directory listing for {path}</h1>\n<hr>\n<ul>\n{rows}</ul>\n<hr>\n</body>\n</html>\n"
            );
            HttpResponse::new(200, "text/html; charset=utf-8", body)
        }
        Served::NotFound => {
            let body = "<!DOCTYPE HTML>\n<html lang=\"en\">\n    <head>\n        <meta charset=\"utf-8\">\n        <title>Error response</title>\n    </head>\n    <body>\n        <h1>Error response</h1>\n        <p>Error code: 404</p>\n        <p>Message: File not found.</p>\n    </body>\n</html>\n";
            HttpResponse::new(404, "text/html;charset=utf-8", body)
        }
    };
    response.server = "SimpleHTTP/0.6 Python/3".to_owned();
    let now = date(process.now());
    let time = format!("{:02}/{}/{} {}", now.day, now.month_name(), now.year, now.time());
    if response.status == 404 {
        let words = "code 404, message File not found";
        process.print(LogStream::Stderr, &format!("{} - - [{time}] {words}", request.remote));
    }
    let line = format!(
        "{} - - [{time}] \"{} {} HTTP/1.1\" {} -",
        request.remote, request.method, request.path, response.status
    );
    process.print(LogStream::Stderr, &line);
    response
}
