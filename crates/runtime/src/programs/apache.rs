//! Apache httpd.

use super::files::{Served, common_log, find, rows};
use super::{Process, Server, Step, WINCH};
use crate::clock::date;
use crate::cri::LogStream;
use crate::kernel::signal;
use crate::network::{HttpRequest, HttpResponse, reason};

const DOCUMENTS: &str = "/usr/local/apache2/htdocs";

pub(super) fn step(server: &mut Server, process: &mut dyn Process) -> Step {
    server.roots = vec![("root".to_owned(), DOCUMENTS.to_owned())];
    let config = process.read_file("/usr/local/apache2/conf/httpd.conf").unwrap_or_default();
    let config = String::from_utf8_lossy(&config).into_owned();
    let port =
        config.lines().find_map(|it| it.trim().strip_prefix("Listen ")?.trim().parse().ok()).unwrap_or(80);
    let line =
        "AH00558: httpd: Could not reliably determine the server's fully qualified domain name, using ";
    let ip = process.hostname();
    let warning = format!("{line}{ip}. Set the 'ServerName' directive globally to suppress this message");
    process.print(LogStream::Stderr, &warning);
    if !process.listen(port) {
        let line =
            format!("(98)Address already in use: AH00072: make_sock: could not bind to address [::]:{port}");
        process.print(LogStream::Stderr, &line);
        let line = format!(
            "(98)Address already in use: AH00072: make_sock: could not bind to address 0.0.0.0:{port}"
        );
        process.print(LogStream::Stderr, &line);
        process.print(LogStream::Stderr, "no listening sockets available, shutting down");
        process.print(LogStream::Stderr, "AH00015: Unable to open logs");
        return Step::Exit(1);
    }
    process.print(LogStream::Stderr, &warning);
    let version = process.version();
    notice(
        process,
        "mpm_event",
        &format!("AH00489: Apache/{version} (Unix) configured -- resuming normal operations"),
    );
    notice(process, "core", "AH00094: Command line: 'httpd -D FOREGROUND'");
    process.set_title("httpd -DFOREGROUND");
    for _ in 0..3 {
        process.worker("httpd -DFOREGROUND", "www-data");
    }
    process.set_memory(9 << 20);
    Step::Wait
}

fn notice(process: &mut dyn Process, module: &str, text: &str) {
    let now = date(process.now());
    let pid = process.pid();
    let day = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"][now.weekday as usize % 7];
    let time =
        format!("{day} {} {:02} {}.{:06} {}", now.month_name(), now.day, now.time(), now.micros, now.year);
    process.print(LogStream::Stderr, &format!("[{time}] [{module}:notice] [pid {pid}:tid {pid}] {text}"));
}

pub(super) fn signal(number: u8, process: &mut dyn Process) -> Step {
    let text = match number {
        signal::TERM | signal::INT => "AH00491: caught SIGTERM, shutting down",
        WINCH => "AH00492: caught SIGWINCH, shutting down gracefully",
        _ => return Step::Wait,
    };
    notice(process, "mpm_event", text);
    Step::Exit(0)
}

pub(super) fn answer(server: &mut Server, request: &HttpRequest, process: &mut dyn Process) -> HttpResponse {
    let page = |status: u16| {
        let words = reason(status);
        let body = format!(
            "<!DOCTYPE HTML PUBLIC \"-//IETF//DTD HTML 2.0//EN\">\n<html><head>\n<title>{status} {words}</title>\n</head><body>\n<h1>{words}</h1>\n<p>The requested URL was not found on this server.</p>\n</body></html>\n"
        );
        HttpResponse::new(status, "text/html", body)
    };
    let served = if request.is_grpc() {
        None
    } else {
        Some(find(server.root("root"), &request.path, &["index.html"], process))
    };
    let mut response = match served {
        None => page(400),
        Some(Served::File { bytes, kind, .. }) => HttpResponse::new(200, kind, bytes),
        Some(Served::Redirect(to)) => HttpResponse { location: to, ..page(301) },
        Some(Served::Listing(names)) => {
            let rows = rows(&names, |it| format!("<li><a href=\"{it}\"> {it}</a></li>\n"));
            let path = &request.path;
            let body = format!(
                "<!DOCTYPE HTML PUBLIC \"-//W3C//DTD HTML 3.2 Final//EN\">\n<html>\n <head>\n  <title>Index of {path}</title>\n </head>\n <body>\n<h1>Index of {path}</h1>\n<ul>{rows}</ul>\n</body></html>\n"
            );
            HttpResponse::new(200, "text/html;charset=UTF-8", body)
        }
        Some(Served::NotFound) => page(404),
    };
    response.server = format!("Apache/{} (Unix)", process.version());
    let line = common_log(request, &response, process);
    process.print(LogStream::Stdout, &line);
    response
}
