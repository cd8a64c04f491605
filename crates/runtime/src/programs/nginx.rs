//! nginx: master and workers, document roots, access log.

use std::sync::Arc;
use std::time::Duration;

use sim::Gather as _;

use super::files::{Served, clean, common_log, find, rows};
use super::nginx_config::{Location, Site, parse};
use super::{Process, Server, Step, USR1, base_name, flag};
use crate::clock::date;
use crate::cri::LogStream;
use crate::kernel::signal;
use crate::network::{HttpRequest, HttpResponse, reason};

const PID_FILE: &str = "/run/nginx.pid";
const WORKERS: usize = 2;
/// How often it tries to bind a port that is taken, 500 ms apart.
const BIND_TRIES: u16 = 5;

const ENTRYPOINT: &[&str] = &[
    "/docker-entrypoint.sh: /docker-entrypoint.d/ is not empty, will attempt to perform configuration",
    "/docker-entrypoint.sh: Looking for shell scripts in /docker-entrypoint.d/",
    "/docker-entrypoint.sh: Launching /docker-entrypoint.d/10-listen-on-ipv6-by-default.sh",
    "10-listen-on-ipv6-by-default.sh: info: Getting the checksum of /etc/nginx/conf.d/default.conf",
    "10-listen-on-ipv6-by-default.sh: info: Enabled listen on IPv6 in /etc/nginx/conf.d/default.conf",
    "/docker-entrypoint.sh: Sourcing /docker-entrypoint.d/15-local-resolvers.envsh",
    "/docker-entrypoint.sh: Launching /docker-entrypoint.d/20-envsubst-on-templates.sh",
    "/docker-entrypoint.sh: Launching /docker-entrypoint.d/30-tune-worker-processes.sh",
    "/docker-entrypoint.sh: Configuration complete; ready for start up",
];

pub(super) fn step(server: &mut Server, process: &mut dyn Process) -> Step {
    if server.phase == 0 {
        if let Some(step) = begin(server, process) {
            return step;
        }
        server.phase = 1;
    }
    let ports: Vec<u16> = server.sites.iter().flat_map(|it| it.ports.clone()).gather();
    let taken = ports.iter().find(|port| !process.listen(**port));
    if let Some(port) = taken {
        let text = format!("bind() to 0.0.0.0:{port} failed (98: Address already in use)");
        log(process, "emerg", &text);
        process.print(LogStream::Stderr, &format!("nginx: [emerg] {text}"));
        if BIND_TRIES <= server.phase {
            log(process, "emerg", "still could not bind()");
            process.print(LogStream::Stderr, "nginx: [emerg] still could not bind()");
            return Step::Exit(1);
        }
        notice(process, "try again to bind() after 500ms");
        server.phase += 1;
        return Step::Until(process.now() + Duration::from_millis(500));
    }
    let pid = process.pid();
    process.write_file(PID_FILE, format!("{pid}\n").as_bytes());
    let version = process.version();
    notice(process, "using the \"epoll\" event method");
    notice(process, &format!("nginx/{version}"));
    notice(process, "OS: Linux 6.1.0");
    notice(process, "getrlimit(RLIMIT_NOFILE): 1048576:1048576");
    notice(process, "start worker processes");
    process.set_title("nginx: master process nginx -g daemon off;");
    process.set_memory(4 << 20);
    start_workers(server, process);
    Step::Wait
}

/// Reads arguments and configuration; a step when it does not become a server.
fn begin(server: &mut Server, process: &mut dyn Process) -> Option<Step> {
    let argv: Vec<String> = process.argv().to_vec();
    let entrypoint = argv.first().is_some_and(|it| base_name(it) == "docker-entrypoint.sh");
    let words = if entrypoint { &argv[1..] } else { &argv[..] };
    if words.iter().any(|it| matches!(it.as_str(), "-v" | "-V")) {
        process.print(LogStream::Stderr, &format!("nginx version: nginx/{}", process.version()));
        return Some(Step::Exit(0));
    }
    let mut daemon = true;
    let mut user = String::new();
    let result = configure(server, process, &mut daemon, &mut user);
    server.roots = vec![("user".to_owned(), user)];
    if let Err((file, text)) = &result {
        let text = format!("{text} in {file}");
        log(process, "emerg", &text);
        process.print(LogStream::Stderr, &format!("nginx: [emerg] {text}"));
    }
    if words.iter().any(|it| it == "-t") {
        let outcome = if result.is_ok() { "test is successful" } else { "test failed" };
        if result.is_ok() {
            let line = "nginx: the configuration file /etc/nginx/nginx.conf syntax is ok";
            process.print(LogStream::Stderr, line);
        }
        process
            .print(LogStream::Stderr, &format!("nginx: configuration file /etc/nginx/nginx.conf {outcome}"));
        return Some(Step::Exit(i32::from(result.is_err())));
    }
    if let Some(name) = flag(words, &["-s"]) {
        return Some(Step::Exit(send(name, process)));
    }
    if result.is_err() {
        return Some(Step::Exit(1));
    }
    if entrypoint {
        for line in ENTRYPOINT {
            process.print(LogStream::Stdout, line);
        }
    }
    let options = flag(words, &["-g"]).unwrap_or_default();
    if options.contains("daemon off") {
        daemon = false;
    }
    // In the background its parent ends, and with it a container whose first process it is.
    daemon.then_some(Step::Exit(0))
}

/// `nginx -s quit` and the like.
fn send(name: &str, process: &mut dyn Process) -> i32 {
    let number = match name {
        "stop" => signal::TERM,
        "quit" => signal::QUIT,
        "reload" => signal::HUP,
        "reopen" => USR1,
        _ => {
            process.print(LogStream::Stderr, &format!("nginx: invalid option: \"-s {name}\""));
            return 1;
        }
    };
    notice(process, "signal process started");
    let text = process.read_file(PID_FILE).unwrap_or_default();
    let pid = String::from_utf8_lossy(&text).trim().parse().unwrap_or(0);
    if pid == 0 {
        let line = format!("nginx: [error] open() \"{PID_FILE}\" failed (2: No such file or directory)");
        process.print(LogStream::Stderr, &line);
        return 1;
    }
    if !process.signal(pid, number) {
        process
            .print(LogStream::Stderr, &format!("nginx: [alert] kill({pid}, 3) failed (3: No such process)"));
        return 1;
    }
    0
}

fn configure(
    server: &mut Server,
    process: &mut dyn Process,
    daemon: &mut bool,
    user: &mut String,
) -> Result<(), (String, String)> {
    let mut sites = Vec::new();
    let mut files = vec!["/etc/nginx/nginx.conf".to_owned()];
    let main = process.read_file(&files[0]).unwrap_or_default();
    if String::from_utf8_lossy(&main).contains("conf.d/") {
        let names = process.list("/etc/nginx/conf.d").unwrap_or_default();
        files.extend(
            names
                .iter()
                .filter(|it| it.strip_suffix(".conf").is_some())
                .map(|it| format!("/etc/nginx/conf.d/{it}")),
        );
    }
    for file in files {
        let bytes = process.read_file(&file).unwrap_or_default();
        let result = parse(&String::from_utf8_lossy(&bytes), &mut sites, daemon, user);
        result.map_err(|error| (format!("{file}:{}", error.line), error.text))?;
    }
    for site in &mut sites {
        if site.ports.is_empty() {
            site.ports.push(80);
        }
    }
    server.sites = sites;
    server.sent = None;
    Ok(())
}

fn start_workers(server: &mut Server, process: &mut dyn Process) {
    server.workers.clear();
    // What nginx is built with where its configuration names nobody.
    let user = Some(server.root("user")).filter(|it| !it.is_empty()).unwrap_or("nginx").to_owned();
    for _ in 0..WORKERS {
        let pid = process.worker("nginx: worker process", &user);
        notice(process, &format!("start worker process {pid}"));
        server.workers.push(pid);
    }
}

pub(super) fn signal(server: &mut Server, number: u8, process: &mut dyn Process) -> Step {
    match number {
        signal::QUIT => {
            notice(process, "signal 3 (SIGQUIT) received, shutting down");
            finish(server, process)
        }
        signal::TERM => {
            notice(process, "signal 15 (SIGTERM) received, exiting");
            finish(server, process)
        }
        signal::INT => {
            notice(process, "signal 2 (SIGINT) received, exiting");
            finish(server, process)
        }
        signal::HUP => {
            notice(process, "signal 1 (SIGHUP) received, reconfiguring");
            notice(process, "reconfiguring");
            if configure(server, process, &mut true, &mut String::new()).is_ok() {
                let ports: Vec<u16> = server.sites.iter().flat_map(|it| it.ports.clone()).gather();
                process.close_ports();
                for port in ports {
                    process.listen(port);
                }
            }
            Step::Wait
        }
        _ => Step::Wait,
    }
}

fn finish(server: &mut Server, process: &mut dyn Process) -> Step {
    for pid in std::mem::take(&mut server.workers) {
        notice(process, &format!("worker process {pid} exited with code 0"));
    }
    notice(process, "exit");
    Step::Exit(0)
}

/// The last file that was sent: asked for it again, as probes do each second, nothing has to be looked up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Sent {
    method: String,
    path: String,
    port: u16,
    /// No file of the machine has changed since.
    changes: u64,
    response: Arc<HttpResponse>,
}

pub(super) fn answer(
    server: &mut Server,
    request: &HttpRequest,
    process: &mut dyn Process,
) -> Arc<HttpResponse> {
    let changes = process.file_changes();
    let again = server.sent.as_ref().filter(|it| {
        it.changes == changes
            && it.port == request.port
            && it.method == request.method
            && it.path == request.path
    });
    let response = if let Some(sent) = again {
        Arc::clone(&sent.response)
    } else {
        look_up(server, request, changes, process)
    };
    let mut line = common_log(request, &response, process);
    line.push_str(" \"-\" \"");
    line.push_str(if request.user_agent.is_empty() { "-" } else { &request.user_agent });
    line.push_str("\" \"-\"");
    process.print(LogStream::Stdout, &line);
    response
}

fn look_up(
    server: &mut Server,
    request: &HttpRequest,
    changes: u64,
    process: &mut dyn Process,
) -> Arc<HttpResponse> {
    let site = server.sites.iter().find(|it| it.ports.contains(&request.port)).or(server.sites.first());
    let (mut response, kept) = match site {
        _ if request.is_grpc() => (error_page(400, process), false),
        Some(site) => serve(site, request, process),
        None => (error_page(404, process), false),
    };
    response.server = format!("nginx/{}", process.version());
    let response = Arc::new(response);
    if kept {
        server.sent = Some(Box::new(Sent {
            method: request.method.clone(),
            path: request.path.clone(),
            port: request.port,
            changes,
            response: Arc::clone(&response),
        }));
    }
    response
}

/// The answer, and whether the same question gets it again for as long as no file changes.
fn serve(site: &Site, request: &HttpRequest, process: &mut dyn Process) -> (HttpResponse, bool) {
    let path = clean(&request.path);
    let fits = |it: &&Location| if it.exact { it.prefix == path } else { path.starts_with(&it.prefix) };
    let location = site.locations.iter().filter(fits).max_by_key(|it| (it.exact, it.prefix.len()));
    if let Some((status, text)) = location.and_then(|it| it.answer.clone()).or_else(|| site.answer.clone()) {
        return (returned(status, text, process), false);
    }
    let none = Location::default();
    let location = location.unwrap_or(&none);
    if !location.proxy.is_empty() {
        return (error_page(502, process), false);
    }
    let root = [&location.root, &site.root].into_iter().find(|it| !it.is_empty());
    let (root, below) = if location.alias.is_empty() {
        (root.map_or("/etc/nginx/html", |it| it.as_str()), path.clone())
    } else {
        let rest = path[location.prefix.len().min(path.len())..].trim_start_matches('/');
        (location.alias.as_str(), format!("/{rest}"))
    };
    let indexes: Vec<&str> = site.indexes.iter().map(String::as_str).gather();
    let indexes = if indexes.is_empty() { &["index.html", "index.htm"][..] } else { &indexes };
    let response = match find(root, &below, indexes, process) {
        Served::File { .. } if !matches!(request.method.as_str(), "GET" | "HEAD") => error_page(405, process),
        Served::File { bytes, kind, on_disk } => return (HttpResponse::new(200, kind, bytes), on_disk),
        Served::Redirect(to) => HttpResponse { location: to, ..error_page(301, process) },
        Served::Listing(names) if location.autoindex.unwrap_or(site.autoindex) => {
            let rows = rows(&names, |it| format!("<a href=\"{it}\">{it}</a>\n"));
            let body = format!(
                "<html>\n<head><title>Index of {path}</title></head>\n<body>\n<h1>Index of {path}</h1><hr><pre><a href=\"../\">../</a>\n{rows}</pre><hr></body>\n</html>\n"
            );
            HttpResponse::new(200, "text/html", body)
        }
        Served::Listing(_) => {
            log_error(process, request, &format!("directory index of \"{root}{below}\" is forbidden"));
            error_page(403, process)
        }
        Served::NotFound => {
            let text = format!("open() \"{root}{below}\" failed (2: No such file or directory)");
            log_error(process, request, &text);
            error_page(404, process)
        }
    };
    (response, false)
}

fn returned(status: u16, text: String, process: &dyn Process) -> HttpResponse {
    if text.is_empty() {
        return error_page(status, process);
    }
    if matches!(status, 301 | 302 | 307 | 308) {
        return HttpResponse { location: text, ..error_page(status, process) };
    }
    HttpResponse::new(status, "application/octet-stream", text)
}

fn error_page(status: u16, process: &dyn Process) -> HttpResponse {
    let title = format!("{status} {}", reason(status));
    let version = process.version();
    let body = format!(
        "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n<hr><center>nginx/{version}</center>\r\n</body>\r\n</html>\r\n"
    );
    HttpResponse::new(status, "text/html", body)
}

/// Images before 1.19 log from level `warn` on.
fn notice(process: &mut dyn Process, text: &str) {
    let version = process.version();
    let minor = version.split('.').nth(1).and_then(|it| it.parse::<u32>().ok()).unwrap_or(99);
    if 19 <= minor {
        log(process, "notice", text);
    }
}

/// An error and the request that led to it, as nginx joins them.
fn log_error(process: &mut dyn Process, request: &HttpRequest, text: &str) {
    let HttpRequest { remote, method, path, host, .. } = request;
    let whole = format!(
        "{text}, client: {remote}, server: localhost, request: \"{method} {path} HTTP/1.1\", host: \"{host}\""
    );
    log(process, "error", &whole);
}

fn log(process: &mut dyn Process, level: &str, text: &str) {
    let pid = process.pid();
    let time = date(process.now()).plain('/', " ");
    process.print(LogStream::Stderr, &format!("{time} [{level}] {pid}#{pid}: {text}"));
}
