//! The images that Kubernetes' own documentation and tests use: agnhost, and the old liveness server.

use std::time::Duration;

use super::{Process, Server, Step, flag};
use crate::cri::LogStream;
use crate::network::{HttpRequest, HttpResponse};

/// The documentation's liveness example is healthy for so long.
const HEALTHY: Duration = Duration::from_secs(10);

pub(super) fn step(server: &mut Server, process: &mut dyn Process) -> Step {
    let argv = process.argv().to_vec();
    let command = argv.get(1).map_or("pause", String::as_str).to_owned();
    let port =
        |names: &[&str], default: u16| flag(&argv, names).and_then(|it| it.parse().ok()).unwrap_or(default);
    let ports = match command.as_str() {
        "netexec" => vec![port(&["--http-port"], 8080), port(&["--udp-port"], 8081)],
        "serve-hostname" => vec![port(&["--port"], 9376)],
        "liveness" => vec![8080],
        "porter" | "test-webserver" => vec![port(&["--port"], 80)],
        "grpc-health-checking" => vec![port(&["--port"], 5000), 8080],
        "pause" => {
            process.print(LogStream::Stdout, "Paused");
            vec![]
        }
        _ => {
            let line =
                format!("Error: unknown command \"{command}\" for \"app\"\nRun 'app --help' for usage.");
            process.print(LogStream::Stderr, &line);
            return Step::Exit(1);
        }
    };
    for (number, port) in ports.iter().enumerate() {
        if !process.listen(*port) {
            process.print(LogStream::Stderr, &format!("listen tcp :{port}: bind: address already in use"));
            return Step::Exit(1);
        }
        if command == "netexec" && number == 0 {
            process.print(LogStream::Stderr, &format!("Started HTTP server on port {port}"));
        }
    }
    process.set_memory(8 << 20);
    server.roots = vec![("command".to_owned(), command)];
    if server.root("command") == "grpc-health-checking" {
        let delay = flag(&argv, &["--delay-unhealthy-sec"]).unwrap_or("-1").to_owned();
        let service = flag(&argv, &["--service"]).unwrap_or_default().to_owned();
        server.roots.extend([("port".to_owned(), ports[0].to_string()), ("delay".to_owned(), delay)]);
        server.roots.push(("service".to_owned(), service));
    }
    Step::Wait
}

pub(super) fn step_liveness(_server: &mut Server, process: &mut dyn Process) -> Step {
    if process.listen(8080) { Step::Wait } else { Step::Exit(1) }
}

pub(super) fn answer_liveness(server: &Server, process: &dyn Process) -> HttpResponse {
    let age = process.now().since(server.started_at);
    if age < HEALTHY {
        return HttpResponse::text(200, "ok");
    }
    HttpResponse::text(500, format!("error: {}.{:09}", age.as_secs(), age.subsec_nanos()))
}

/// The health service of `grpc-health-checking`: it serves until its delay is over.
pub(super) fn grpc_health(
    server: &Server,
    request: &HttpRequest,
    process: &dyn Process,
) -> Option<HttpResponse> {
    if server.root("command") != "grpc-health-checking" || server.root("port") != request.port.to_string() {
        return None;
    }
    let known = [String::new(), server.root("service").to_owned()];
    if !known.iter().any(|it| it.as_bytes() == request.body) {
        return Some(HttpResponse::grpc(NOT_FOUND, "unknown service"));
    }
    let age = process.now().since(server.started_at).as_secs();
    let healthy = server.root("delay").parse::<u64>().map_or(true, |delay| delay == 0 || age < delay);
    Some(HttpResponse::grpc_health(healthy))
}

/// gRPC's own code.
const NOT_FOUND: u16 = 5;

pub(super) fn answer(
    server: &Server,
    request: &HttpRequest,
    process: &mut dyn Process,
) -> Option<HttpResponse> {
    let (path, query) = request.path.split_once('?').unwrap_or((&request.path, ""));
    let value = |name: &str| query.split('&').find_map(|it| it.strip_prefix(name)?.strip_prefix('='));
    Some(match server.root("command") {
        "pause" => return None,
        "liveness" => answer_liveness(server, process),
        "serve-hostname" => HttpResponse::text(200, format!("{}\n", process.hostname())),
        "netexec" => match path {
            "/" => HttpResponse::text(
                200,
                format!("NOW: {} UTC", crate::clock::date(process.now()).plain('-', " ")),
            ),
            "/hostname" | "/hostName" => HttpResponse::text(200, process.hostname()),
            "/clientip" => HttpResponse::text(200, format!("{}:40000", request.remote)),
            "/echo" => HttpResponse::text(200, value("msg").unwrap_or_default()),
            "/header" => {
                let key = value("key").unwrap_or_default();
                let found = request.headers.iter().find(|it| it.0.eq_ignore_ascii_case(key));
                HttpResponse::text(200, found.map_or_else(String::new, |it| it.1.clone()))
            }
            "/exit" | "/healthz" => HttpResponse::text(200, ""),
            _ => HttpResponse::text(404, "404 page not found\n"),
        },
        _ => HttpResponse::text(200, process.hostname()),
    })
}
