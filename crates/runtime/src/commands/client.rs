//! Clients of the network: wget, curl, nc, nslookup, ping.

use std::time::Duration;

use sim::{Gather as _, SimTime};

use super::options::Options;
use super::{Command, seconds};
use crate::kernel::net::{Answer, CONNECT_TIMEOUT, Call, CallId, Failure, HttpRequest, HttpResponse};
use crate::kernel::{Errno, OpenMode, Read, Step, Sys, Wait};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Client {
    what: What,
    options: Options,
    host: String,
    port: u16,
    call: Option<CallId>,
    started: SimTime,
    until: SimTime,
    input: Option<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum What {
    Wget(HttpRequest),
    Curl(HttpRequest, u32),
    Nc,
    NcListen,
    Nslookup,
    Ping { sent: u32, received: u32, count: u32, address: String },
}

pub fn start(sys: &mut Sys<'_>, argv: &[String]) -> Result<Command, i32> {
    let name = sys.me().name().to_owned();
    let valued = match name.as_str() {
        "wget" => "O T U Y t header post-data timeout output-document",
        "curl" => {
            "o w X H d m A u b connect-timeout max-time request header data retry retry-delay output write-out resolve data-raw data-binary user-agent user"
        }
        "nc" => "w p i e",
        "ping" => "c w W i s I",
        _ => "type",
    };
    let options = Options::parse(&argv[1..], valued);
    let limit = |name: &str| options.value(name).and_then(seconds);
    let mut client = Client {
        what: What::Nslookup,
        host: String::new(),
        port: 0,
        call: None,
        started: sys.now,
        until: SimTime::MAX,
        input: None,
        options: Options::default(),
    };
    let mut wait = CONNECT_TIMEOUT;
    let first = options.rest.first().cloned();
    let Some(target) = first.or_else(|| options.value("p").map(str::to_owned)) else {
        sys.err(&match name.as_str() {
            "curl" => "curl: try 'curl --help' or 'curl --manual' for more information\n".to_owned(),
            _ => format!("BusyBox v1.36.1 (2023-07-18 02:45:30 UTC) multi-call binary.\n\nUsage: {name} [OPTIONS] HOST\n"),
        });
        return Err(if name == "curl" { 2 } else { 1 });
    };
    match name.as_str() {
        "wget" | "curl" => {
            let mut request = request_of(&target, &options, &name);
            (client.host, client.port) = (request.host.clone(), request.port);
            if name == "wget" {
                wait = limit("T").or(limit("timeout")).unwrap_or(wait);
                client.what = What::Wget(request);
            } else {
                let both = [limit("m"), limit("max-time"), limit("connect-timeout")];
                wait = both.into_iter().flatten().min().unwrap_or(wait);
                if options.any(&["I", "head"]) {
                    "HEAD".clone_into(&mut request.method);
                }
                client.what = What::Curl(request, 0);
            }
        }
        "nc" => {
            if options.has("l") {
                let port = options.value("p").unwrap_or(&target).parse().unwrap_or(0);
                if let Err(error) = sys.listen(port) {
                    sys.err(&format!("nc: bind: {error}\n"));
                    return Err(1);
                }
                client.what = What::NcListen;
            } else {
                client.port = options.rest.get(1).and_then(|it| it.parse().ok()).unwrap_or(0);
                client.host = target;
                client.what = What::Nc;
                wait = limit("w").unwrap_or(wait);
            }
        }
        "ping" => {
            client.host = target;
            let count = options.number("c").map_or(u32::MAX, |it| it.max(1) as u32);
            client.what = What::Ping { sent: 0, received: 0, count, address: String::new() };
        }
        _ => client.host = target,
    }
    client.until = sys.now + wait;
    client.options = options;
    Ok(Command::Client(Box::new(client)))
}

fn request_of(url: &str, options: &Options, name: &str) -> HttpRequest {
    let (tls, rest) = match url.split_once("://") {
        Some(("https", rest)) => (true, rest),
        Some((_, rest)) => (false, rest),
        None => (false, url),
    };
    let slash = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(slash);
    let authority = authority.rsplit('@').next().unwrap_or(authority);
    let (host, port) = match authority.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|it| it.is_ascii_digit()) => {
            (host, port.parse().unwrap_or(80))
        }
        _ => (authority, if tls { 443 } else { 80 }),
    };
    let path = path.split('#').next().unwrap_or("");
    let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
    let shown = if port == if tls { 443 } else { 80 } { host.to_owned() } else { format!("{host}:{port}") };
    let agent = if name == "curl" { "curl/8.5.0" } else { "Wget" };
    let mut headers = vec![("Host".to_owned(), shown), ("User-Agent".to_owned(), agent.to_owned())];
    for header in options.values("H").chain(options.values("header")) {
        if let Some((name, value)) = header.split_once(':') {
            headers.retain(|it| !it.0.eq_ignore_ascii_case(name));
            headers.push((name.to_owned(), value.trim().to_owned()));
        }
    }
    let data: Vec<&str> = ["d", "data", "data-raw", "data-binary", "post-data"]
        .iter()
        .flat_map(|it| options.values(it))
        .gather();
    let method = match options.value("X").or(options.value("request")) {
        Some(method) => method.to_owned(),
        None if data.is_empty() => "GET".to_owned(),
        None => "POST".to_owned(),
    };
    HttpRequest { tls, host: host.to_owned(), port, method, path, headers, body: data.join("&").into_bytes() }
}

impl Client {
    pub fn step(&mut self, sys: &mut Sys<'_>) -> Step {
        if let What::NcListen = self.what {
            return Self::nc_listen(sys);
        }
        let Some(call) = self.call else { return self.begin(sys) };
        if let Some(answer) = sys.take_answer(call) {
            // A lost packet shows only when the time is over.
            if let (Answer::Failed(Failure::TimedOut { .. }), true) = (&answer, sys.now < self.until) {
                return Step::Sleep(self.until);
            }
            self.call = None;
            return self.done(answer, sys);
        }
        if self.until <= sys.now {
            self.call = None;
            return self.done(Answer::Failed(Failure::TimedOut { address: self.host.clone() }), sys);
        }
        if let What::Ping { .. } = self.what
            && sys.take_signal().is_some()
        {
            return self.ping_end(sys);
        }
        Step::WaitUntil(Wait::Network(call), self.until)
    }

    fn begin(&mut self, sys: &mut Sys<'_>) -> Step {
        let call = match &mut self.what {
            What::Wget(request) | What::Curl(request, _) => Call::Http(request.clone()),
            What::Nslookup => Call::Resolve { name: self.host.clone() },
            What::Ping { sent, .. } => {
                *sent += 1;
                if *sent == 1 {
                    sys.set_signal(crate::kernel::signal::INT, true, false);
                }
                self.until = sys.now + Duration::from_secs(1);
                Call::Ping { host: self.host.clone() }
            }
            What::Nc if self.options.has("z") => Call::Connect { host: self.host.clone(), port: self.port },
            What::Nc => {
                let mut input = self.input.take().unwrap_or_default();
                match sys.read(0, 65_536) {
                    Ok(Read::Block) => {
                        self.input = Some(input);
                        return Step::Wait(Wait::Readable(0));
                    }
                    Ok(Read::Data(data)) => {
                        let line = sys.is_tty(0) && data.ends_with(b"\n");
                        input.extend(data);
                        if !line {
                            self.input = Some(input);
                            return Step::Ready;
                        }
                    }
                    Ok(Read::End) | Err(_) => {}
                }
                Call::Exchange { host: self.host.clone(), port: self.port, data: input }
            }
            What::NcListen => return Step::Exited(0),
        };
        let id = sys.network(call);
        self.call = Some(id);
        Step::WaitUntil(Wait::Network(id), self.until)
    }

    fn nc_listen(sys: &mut Sys<'_>) -> Step {
        let Some(incoming) = sys.accept() else { return Step::Wait(Wait::Connection) };
        if let crate::kernel::net::IncomingKind::Data(data) = incoming.what {
            let _ = sys.write(1, &data);
        }
        let mut answer = Vec::new();
        while let Ok(Read::Data(data)) = sys.read(0, 65_536) {
            answer.extend(data);
        }
        sys.reply(incoming.id, crate::kernel::net::Reply::Data(answer));
        Step::Exited(0)
    }

    fn done(&mut self, answer: Answer, sys: &mut Sys<'_>) -> Step {
        match &self.what {
            What::Wget(_) => Step::Exited(self.wget(answer, sys)),
            What::Curl(..) => self.curl(answer, sys),
            What::Nc => Step::Exited(self.nc(answer, sys)),
            What::Nslookup => Step::Exited(self.nslookup(answer, sys)),
            What::Ping { .. } => self.pinged(answer, sys),
            What::NcListen => Step::Exited(0),
        }
    }

    /// Opens `path` (or standard output for `-`) and writes there.
    fn save(path: &str, data: &[u8], sys: &mut Sys<'_>) -> Result<(), Errno> {
        if path == "-" {
            return sys.write(1, data);
        }
        let number = sys.open_number(path, OpenMode::Write)?;
        let outcome = sys.write(number, data);
        sys.close(number);
        outcome
    }

    fn wget(&self, answer: Answer, sys: &mut Sys<'_>) -> i32 {
        let What::Wget(request) = &self.what else { return 1 };
        let quiet = self.options.any(&["q", "quiet"]);
        let (host, port) = (&self.host, self.port);
        let connecting = |address: &str| format!("Connecting to {host}:{port} ({address}:{port})\n");
        let (address, response) = match answer {
            Answer::Http { address, response } => (address, response),
            Answer::Failed(failure) => {
                let (address, reason) = match &failure {
                    Failure::BadAddress => {
                        sys.err(&format!("wget: bad address '{host}'\n"));
                        return 1;
                    }
                    Failure::Refused { address } => (address, "Connection refused"),
                    Failure::Unreachable { address } => (address, "No route to host"),
                    Failure::TimedOut { address } => (address, "Connection timed out"),
                    Failure::Reset { address } => {
                        if !quiet {
                            sys.err(&connecting(address));
                        }
                        sys.err("wget: error getting response: Connection reset by peer\n");
                        return 1;
                    }
                };
                if !quiet {
                    sys.err(&connecting(address));
                }
                if reason == "Connection timed out" && self.options.any(&["T", "timeout"]) {
                    sys.err("wget: download timed out\n");
                } else {
                    sys.err(&format!("wget: can't connect to remote host ({address}): {reason}\n"));
                }
                return 1;
            }
            _ => return 1,
        };
        if !quiet {
            sys.err(&connecting(&address));
        }
        if self.options.any(&["S", "server-response"]) {
            let head = head_text(&response, "1.1").replace("\r\n", "\n");
            let text: String = head.lines().map(|it| format!("  {it}\n")).fill();
            sys.err(&text);
        }
        if !(200..300).contains(&response.status) {
            let (status, reason) = (response.status, reason_of(response.status));
            sys.err(&format!("wget: server returned error: HTTP/1.1 {status} {reason}\n"));
            return 1;
        }
        if self.options.has("spider") {
            if !quiet {
                sys.err("remote file exists\n");
            }
            return 0;
        }
        let name = request.path.rsplit('/').next().unwrap_or("").split('?').next().unwrap_or("");
        let name = if name.is_empty() { "index.html" } else { name };
        let path =
            self.options.value("O").or(self.options.value("output-document")).unwrap_or(name).to_owned();
        let stdout = path == "-";
        if !quiet {
            let text =
                if stdout { "writing to stdout\n".to_owned() } else { format!("saving to '{path}'\n") };
            sys.err(&text);
        }
        if path != "-" && !self.options.any(&["O", "output-document"]) && sys.exists(&path) {
            sys.err(&format!("wget: can't open '{path}': File exists\n"));
            return 1;
        }
        if let Err(error) = Self::save(&path, &response.body, sys) {
            sys.err(&format!("wget: can't open '{path}': {error}\n"));
            return 1;
        }
        if !quiet {
            let size = response.body.len();
            sys.err(&format!(
                "{path:<20.20} 100% |********************************| {size:>5}  0:00:00 ETA\n"
            ));
            let text = if stdout { "written to stdout\n".to_owned() } else { format!("'{path}' saved\n") };
            sys.err(&text);
        }
        0
    }

    fn curl(&mut self, answer: Answer, sys: &mut Sys<'_>) -> Step {
        const REDIRECTS_MAX: u32 = 50;
        let What::Curl(request, hops) = &mut self.what else { return Step::Exited(2) };
        let took = sys.now.since(self.started).as_millis();
        let (host, port) = (self.host.clone(), self.port);
        let complain = !self.options.any(&["s", "silent"]) || self.options.any(&["S", "show-error"]);
        let fail = |code: i32, text: String, sys: &mut Sys<'_>| {
            if complain {
                sys.err(&format!("curl: ({code}) {text}\n"));
            }
            code
        };
        let outcome = match answer {
            Answer::Http { address, response } => {
                let location = response.headers.iter().find(|it| it.0.eq_ignore_ascii_case("location"));
                if let (Some((_, location)), true, true) = (
                    location,
                    self.options.any(&["L", "location"]) && (300..400).contains(&response.status),
                    *hops < REDIRECTS_MAX,
                ) {
                    *hops += 1;
                    let base = format!("http://{host}:{port}");
                    let url =
                        if location.contains("://") { location.clone() } else { format!("{base}{location}") };
                    let next = request_of(&url, &self.options, "curl");
                    (self.host, self.port) = (next.host.clone(), next.port);
                    *request = next;
                    return Step::Ready;
                }
                let request = request.clone();
                return Step::Exited(self.curl_answer(&request, &address, &response, complain, sys));
            }
            Answer::Failed(Failure::BadAddress) => fail(6, format!("Could not resolve host: {host}"), sys),
            Answer::Failed(Failure::Refused { .. } | Failure::Unreachable { .. }) => fail(
                7,
                format!(
                    "Failed to connect to {host} port {port} after {took} ms: Couldn't connect to server"
                ),
                sys,
            ),
            Answer::Failed(Failure::TimedOut { .. }) if self.options.has("connect-timeout") => fail(
                28,
                format!("Failed to connect to {host} port {port} after {took} ms: Timeout was reached"),
                sys,
            ),
            Answer::Failed(Failure::TimedOut { .. }) => {
                fail(28, format!("Connection timed out after {took} milliseconds"), sys)
            }
            Answer::Failed(Failure::Reset { .. }) => {
                fail(56, "Recv failure: Connection reset by peer".to_owned(), sys)
            }
            _ => 2,
        };
        if let Some(format) = self.options.value("w").or(self.options.value("write-out")) {
            let text =
                format.replace("%{http_code}", "000").replace("%{response_code}", "000").replace("\\n", "\n");
            sys.out(&text);
        }
        Step::Exited(outcome)
    }

    fn curl_answer(
        &self,
        request: &HttpRequest,
        address: &str,
        response: &HttpResponse,
        complain: bool,
        sys: &mut Sys<'_>,
    ) -> i32 {
        let options = &self.options;
        let status = response.status;
        let head = head_text(response, "1.1");
        if options.any(&["v", "verbose"]) {
            let (host, port) = (&self.host, self.port);
            let mut text =
                format!("*   Trying {address}:{port}...\n* Connected to {host} ({address}) port {port}\n");
            text.push_str(&format!("> {} {} HTTP/1.1\n", request.method, request.path));
            for (name, value) in &request.headers {
                text.push_str(&format!("> {name}: {value}\n"));
            }
            text.push_str("> Accept: */*\n> \n");
            for line in head.lines() {
                text.push_str(&format!("< {line}\n"));
            }
            sys.err(&(text + &format!("* Connection #0 to host {host} left intact\n")));
        }
        let failed = 400 <= status && options.any(&["f", "fail"]);
        let mut data = Vec::new();
        if options.any(&["i", "include", "I", "head"]) {
            data.extend_from_slice(head.as_bytes());
        }
        if !options.any(&["I", "head"]) && !failed {
            data.extend_from_slice(&response.body);
        }
        let path = options.value("o").or(options.value("output")).unwrap_or("-").to_owned();
        let mut code = 0;
        if Self::save(&path, &data, sys).is_err() {
            if complain {
                sys.err("curl: (23) Failure writing output to destination\n");
            }
            code = 23;
        }
        if let Some(format) = options.value("w").or(options.value("write-out")) {
            let took = sys.now.since(self.started);
            let time = format!("{}.{:06}", took.as_secs(), took.subsec_micros());
            let text = format
                .replace("%{http_code}", &format!("{status:03}"))
                .replace("%{response_code}", &format!("{status:03}"))
                .replace("%{size_download}", &response.body.len().to_string())
                .replace("%{time_total}", &time)
                .replace("%{remote_ip}", address)
                .replace("\\n", "\n");
            sys.out(&text);
        }
        if failed {
            if complain {
                sys.err(&format!("curl: (22) The requested URL returned error: {status}\n"));
            }
            code = 22;
        }
        code
    }

    fn nc(&self, answer: Answer, sys: &mut Sys<'_>) -> i32 {
        let (host, port) = (&self.host, self.port);
        let verbose = self.options.any(&["v", "z"]) && self.options.has("v");
        match answer {
            Answer::Connected { address } | Answer::Data { address, .. } if self.options.has("z") => {
                if verbose {
                    sys.err(&format!("{host} ({address}:{port}) open\n"));
                }
                0
            }
            Answer::Data { data, .. } => {
                let _ = sys.write(1, &data);
                0
            }
            Answer::Failed(failure) => {
                let text = match failure {
                    Failure::BadAddress => format!("nc: bad address '{host}'\n"),
                    Failure::Refused { address } => {
                        format!("nc: {host} ({address}:{port}): Connection refused\n")
                    }
                    Failure::Unreachable { address } => {
                        format!("nc: {host} ({address}:{port}): No route to host\n")
                    }
                    Failure::TimedOut { address } if self.options.has("w") && address == *host => {
                        "nc: timed out\n".to_owned()
                    }
                    Failure::TimedOut { address } => {
                        format!("nc: {host} ({address}:{port}): Connection timed out\n")
                    }
                    Failure::Reset { .. } => "nc: Connection reset by peer\n".to_owned(),
                };
                sys.err(&text);
                1
            }
            _ => 0,
        }
    }

    fn nslookup(&self, answer: Answer, sys: &mut Sys<'_>) -> i32 {
        let Answer::Resolved(found) = answer else {
            sys.out(";; connection timed out; no servers could be reached\n\n");
            return 1;
        };
        let server = &found.server;
        let mut text = format!("Server:\t\t{server}\nAddress:\t{server}:53\n\n");
        if found.addresses.is_empty() {
            text.push_str(&format!("** server can't find {}: NXDOMAIN\n\n", self.host));
            sys.out(&text);
            return 1;
        }
        for address in &found.addresses {
            text.push_str(&format!("Name:\t{}\nAddress: {address}\n", found.name));
        }
        sys.out(&(text + "\n"));
        0
    }

    fn pinged(&mut self, answer: Answer, sys: &mut Sys<'_>) -> Step {
        let host = self.host.clone();
        let What::Ping { sent, received, count, address } = &mut self.what else { return Step::Exited(1) };
        match answer {
            Answer::Pong { address: from, took } => {
                if address.is_empty() {
                    sys.out(&format!("PING {host} ({from}): 56 data bytes\n"));
                }
                *received += 1;
                let micros = took.as_micros();
                sys.out(&format!(
                    "64 bytes from {from}: seq={} ttl=62 time={}.{:03} ms\n",
                    *sent - 1,
                    micros / 1000,
                    micros % 1000
                ));
                *address = from;
            }
            Answer::Failed(Failure::BadAddress) => {
                sys.err(&format!("ping: bad address '{host}'\n"));
                return Step::Exited(1);
            }
            _ => {
                if address.is_empty() {
                    sys.out(&format!("PING {host} ({host}): 56 data bytes\n"));
                    address.clone_from(&host);
                }
            }
        }
        if *count <= *sent {
            return self.ping_end(sys);
        }
        Step::Sleep(self.until)
    }

    fn ping_end(&self, sys: &mut Sys<'_>) -> Step {
        let What::Ping { sent, received, .. } = &self.what else { return Step::Exited(1) };
        let loss = (*sent - *received) * 100 / (*sent).max(1);
        sys.out(&format!(
            "\n--- {} ping statistics ---\n{sent} packets transmitted, {received} packets received, {loss}% packet loss\n",
            self.host
        ));
        Step::Exited(i32::from(*received == 0))
    }
}

fn head_text(response: &HttpResponse, version: &str) -> String {
    let mut text = format!("HTTP/{version} {} {}\r\n", response.status, reason_of(response.status));
    for (name, value) in &response.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text + "\r\n"
}

/// The words of a status, as servers send them.
pub fn reason_of(status: u16) -> &'static str {
    match status {
        200 => "OK",
        201 => "Created",
        202 => "Accepted",
        204 => "No Content",
        301 => "Moved Permanently",
        302 => "Found",
        304 => "Not Modified",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        418 => "I'm a teapot",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        501 => "Not Implemented",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}
