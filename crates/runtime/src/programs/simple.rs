//! Small programs, and the stand-in for an image of which nothing is known.

use super::{Process, Program, Server, Step, base_name, flag};
use crate::cri::LogStream;
use crate::network::{HttpRequest, HttpResponse};

pub(super) fn step_pause(process: &mut dyn Process) -> Step {
    process.set_memory(400_000);
    Step::Wait
}

/// Listens on what the Pod declares, and runs until it is told to stop.
pub(super) fn step_generic(server: &mut Server, process: &mut dyn Process) -> Step {
    if server.phase == 0 {
        server.phase = 1;
        process.set_memory(24 << 20);
        for port in process.declared_ports() {
            if !process.listen(port) {
                process.print(
                    LogStream::Stderr,
                    &format!("listen tcp 0.0.0.0:{port}: bind: address already in use"),
                );
                return Step::Exit(1);
            }
        }
    }
    Step::Wait
}

pub(super) fn step_hello(server: &mut Server, process: &mut dyn Process) -> Step {
    let port = process.env("PORT").and_then(|it| it.parse().ok()).unwrap_or(8080);
    listen(server, process, port, "Server listening on port ")
}

pub(super) fn step_whoami(server: &mut Server, process: &mut dyn Process) -> Step {
    let argv = process.argv().to_vec();
    let given = flag(&argv, &["--port", "-port", "-listen"]).map(|it| it.trim_start_matches(':').to_owned());
    let port = given.or_else(|| process.env("WHOAMI_PORT_NUMBER")).and_then(|it| it.parse().ok());
    let text = flag(&argv, &["-text"]).unwrap_or_default();
    server.roots = vec![("text".to_owned(), text.trim_matches('"').to_owned())];
    // http-echo has another port of its own.
    let default = if text.is_empty() { 80 } else { 5678 };
    listen(server, process, port.unwrap_or(default), "Starting up on port ")
}

fn listen(server: &mut Server, process: &mut dyn Process, port: u16, line: &str) -> Step {
    server.phase = 1;
    if !process.listen(port) {
        process.print(LogStream::Stderr, &format!("listen tcp :{port}: bind: address already in use"));
        return Step::Exit(1);
    }
    process.print(LogStream::Stderr, &format!("{line}{port}"));
    process.set_memory(6 << 20);
    Step::Wait
}

pub(super) fn step_hello_world(process: &mut dyn Process) -> Step {
    let text =
        "\nHello from Docker!\nThis message shows that your installation appears to be working correctly.\n";
    process.print(LogStream::Stdout, text);
    Step::Exit(0)
}

/// A log collector: tells that it watches, and lets the shell do the rest.
pub(super) fn step_collector(server: &mut Server, process: &mut dyn Process) -> Step {
    server.phase = 1;
    let version = process.version();
    process.print(LogStream::Stderr, &format!("Fluent Bit v{version}"));
    process.listen(2020);
    process.set_memory(14 << 20);
    Step::Wait
}

/// `stress --vm 1 --vm-bytes 250M --vm-hang 1 --cpu 2 --timeout 60s`.
pub(super) fn step_stress(server: &mut Server, process: &mut dyn Process) -> Step {
    let argv = process.argv().to_vec();
    let number = |names: &[&str]| flag(&argv, names).and_then(size).unwrap_or(0);
    let (vm, cpu) = (number(&["--vm", "-m"]), number(&["--cpu", "-c", "-cpus"]));
    let pid = process.pid();
    let (vm, bytes) = match flag(&argv, &["-mem-total"]).and_then(size) {
        Some(bytes) => (1, bytes),
        None => {
            (vm, if vm == 0 { 0 } else { number(&["--vm-bytes"]).max(if vm == 0 { 0 } else { 1 << 20 }) })
        }
    };
    if server.phase == 0 {
        server.phase = 1;
        if vm == 0 && cpu == 0 {
            process.print(LogStream::Stdout, "`stress' imposes certain types of compute stress on your system\n\nUsage: stress [OPTION [ARG]] ...");
            return Step::Exit(0);
        }
        let line = format!("stress: info: [{pid}] dispatching hogs: {cpu} cpu, 0 io, {vm} vm, 0 hdd");
        process.print(LogStream::Stdout, &line);
        process.set_cpu((cpu + vm) * 1_000);
        process.set_memory((1 << 20) + vm * bytes);
        let timeout = flag(&argv, &["--timeout", "-t"]).and_then(|it| it.trim_end_matches('s').parse().ok());
        return match timeout {
            Some(seconds) => Step::Until(process.now() + std::time::Duration::from_secs(seconds)),
            None => Step::Wait,
        };
    }
    let seconds = process.now().since(server.started_at).as_secs();
    let line = format!("stress: info: [{pid}] successful run completed in {seconds}s");
    process.print(LogStream::Stdout, &line);
    Step::Exit(0)
}

/// `150M`, `1G`, `100Mi`, `3`.
fn size(text: &str) -> Option<u64> {
    let digits = text.find(|it: char| !it.is_ascii_digit()).unwrap_or(text.len());
    let shift = match text[digits..].trim_end_matches(['i', 'B', 'b']) {
        "" => 0,
        "k" | "K" => 10,
        "m" | "M" => 20,
        "g" | "G" => 30,
        _ => return None,
    };
    text[..digits].parse::<u64>().ok()?.checked_shl(shift)
}

pub(super) fn answer(server: &Server, request: &HttpRequest, process: &dyn Process) -> HttpResponse {
    let host = process.hostname();
    match server.program {
        Program::Hello => {
            let version = process.version();
            HttpResponse::text(200, format!("Hello, world!\nVersion: {version}\nHostname: {host}\n"))
        }
        Program::Whoami if !server.root("text").is_empty() => {
            HttpResponse::text(200, format!("{}\n", server.root("text")))
        }
        Program::Whoami => {
            let HttpRequest { method, path, user_agent: agent, remote, .. } = request;
            let body = format!(
                "Hostname: {host}\nIP: 127.0.0.1\nRemoteAddr: {remote}:40000\n{method} {path} HTTP/1.1\nHost: {}\nUser-Agent: {agent}\n\n",
                request.host
            );
            HttpResponse::text(200, body)
        }
        _ => {
            let program = process.argv().first().map_or("", |it| base_name(it)).to_owned();
            HttpResponse::text(200, format!("{program} on {host} (simulated)\n"))
        }
    }
}
