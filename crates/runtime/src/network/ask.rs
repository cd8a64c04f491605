//! Requests on their way: from processes, from the machines themselves, and the answers back.

use std::sync::Arc;
use std::time::Duration;

use sim::{Gather as _, Outbox, SimTime};

use super::dns::is_address;
use super::http::{GRPC, PREFACE};
use super::route::{From, Route};
use super::{FAR, NEAR, Open, Pending, SERVE};
use crate::cri::{ConnectError, HttpAnswer, Notice, Request, RequestId, SandboxId};
use crate::kernel::net;
use crate::kernel::net::{
    Answer, CONNECT_TIMEOUT, Call, CallId, ConnectionId, Failure, Incoming, IncomingKind, Reply,
};
use crate::machine::Origin;
use crate::{Event, Runtime};

/// The proxies of a lookup: what a name takes.
const LOOKUP: Duration = Duration::from_micros(900);

/// How the kubelet introduces itself.
const PROBE_AGENT: &str = "kube-probe/1.36";

/// What a request became at once.
enum Sent {
    /// A process has it; it may have been woken.
    Delivered(SandboxId),
    Answered(Reply, Duration),
    Refused,
    Silence,
}

impl Runtime {
    /// A call of a process to the network.
    pub(crate) fn call(
        &mut self,
        id: SandboxId,
        call: CallId,
        what: Call,
        now: SimTime,
        outbox: &mut Outbox<Event>,
        todo: &mut Vec<SandboxId>,
    ) {
        let Some((machine, sandbox)) = self.place(id) else { return };
        let name = match &what {
            Call::Resolve { name } => {
                let resolved = self.resolve(Some((machine, sandbox)), name);
                let answer = Answer::Resolved(resolved);
                outbox.at(now + LOOKUP, Event::Answer { sandbox: id, call, answer });
                return;
            }
            Call::Connect { host, .. } | Call::Exchange { host, .. } | Call::Ping { host } => host.clone(),
            Call::Http(request) => request.host.clone(),
        };
        let looked_up = if is_address(&name) { Duration::ZERO } else { LOOKUP };
        let address = self.addresses(Some((machine, sandbox)), &name).into_iter().next();
        let Some(address) = address else {
            let answer = Answer::Failed(Failure::BadAddress);
            outbox.at(now + LOOKUP, Event::Answer { sandbox: id, call, answer });
            return;
        };
        let origin = Origin::Call { sandbox: id, call };
        let (port, kind) = match what {
            Call::Ping { .. } => {
                let answer = self.ping(From::Sandbox(machine, sandbox), &address, now);
                outbox.at(now + looked_up + answer.1, Event::Answer { sandbox: id, call, answer: answer.0 });
                return;
            }
            Call::Connect { port, .. } => (port, None),
            Call::Exchange { port, data, .. } => (port, Some(IncomingKind::Data(data))),
            Call::Http(request) => (request.port, Some(IncomingKind::Http(request))),
            Call::Resolve { .. } => return,
        };
        let sent = self.send(id, None, &address, port, kind, origin, now);
        let after = |delay: Duration| now + looked_up + delay;
        match sent {
            Sent::Delivered(target) => todo.push(target),
            Sent::Answered(reply, delay) => {
                let answer = answer_of(reply, address);
                outbox.at(after(delay), Event::Answer { sandbox: id, call, answer });
            }
            Sent::Refused => {
                let answer = Answer::Failed(Failure::Refused { address });
                outbox.at(after(FAR), Event::Answer { sandbox: id, call, answer });
            }
            Sent::Silence => {
                let answer = Answer::Failed(Failure::TimedOut { address });
                outbox.at(after(CONNECT_TIMEOUT), Event::Answer { sandbox: id, call, answer });
            }
        }
    }

    fn place(&self, id: SandboxId) -> Option<(&crate::machine::Machine, &crate::machine::Sandbox)> {
        let machine = self.of(id.0)?;
        Some((machine, machine.sandboxes.get(&id)?))
    }

    fn ping(&self, from: From<'_>, address: &str, now: SimTime) -> (Answer, Duration) {
        // Whoever refuses a connection is there; Services do not answer echoes.
        let service = self.services.iter().any(|it| it.cluster_ip == address);
        match self.route(from, address, 0, now) {
            Route::Refused | Route::Listener { .. } | Route::ApiServer if !service => {
                let took = if address.starts_with("127.") { NEAR / 3 } else { FAR };
                (Answer::Pong { address: address.to_owned(), took }, took)
            }
            _ => (Answer::Failed(Failure::TimedOut { address: address.to_owned() }), CONNECT_TIMEOUT),
        }
    }

    /// From a process of the sandbox, or (None asks) from the machine `machine` itself.
    #[expect(clippy::too_many_arguments, reason = "one place where a request meets the network")]
    fn send(
        &mut self,
        sandbox: SandboxId,
        machine: Option<usize>,
        address: &str,
        port: u16,
        kind: Option<IncomingKind>,
        origin: Origin,
        now: SimTime,
    ) -> Sent {
        self.turn += 1;
        let from = match machine {
            Some(index) => self.machines.get(index).and_then(|it| it.as_deref()).map(From::Machine),
            None => self.place(sandbox).map(|it| From::Sandbox(it.0, it.1)),
        };
        let Some(from) = from else { return Sent::Silence };
        match self.route(from, address, port, now) {
            Route::Refused => Sent::Refused,
            Route::Silence => Sent::Silence,
            Route::ApiServer => match kind {
                Some(IncomingKind::Http(_)) => Sent::Answered(Reply::Http(forbidden()), FAR + SERVE),
                _ => Sent::Answered(Reply::Data(Vec::new()), FAR),
            },
            Route::Listener { latency, http_status: Some(status), .. }
                if matches!(kind, Some(IncomingKind::Http(_))) =>
            {
                let grpc = matches!(&kind, Some(IncomingKind::Http(it)) if it.method == PREFACE);
                let response = if grpc {
                    super::HttpResponse::grpc_health((200..300).contains(&status))
                } else {
                    super::HttpResponse::text(status, format!("{}\n", super::reason(status)))
                };
                Sent::Answered(Reply::Http(response.to_kernel(now)), latency + SERVE)
            }
            Route::Listener { sandbox, port, from, latency, .. } => {
                let Some(what) = kind else { return Sent::Answered(Reply::Data(Vec::new()), latency) };
                let id = ConnectionId(self.fresh());
                let Some(target) = self.of_mut(sandbox.0).and_then(|it| it.sandbox_mut(sandbox)) else {
                    return Sent::Refused;
                };
                target.connections.insert(id, Open { origin, latency, arrived_at: now });
                if target.kernel.deliver(Incoming { id, port, from, what }) {
                    Sent::Delivered(sandbox)
                } else {
                    target.connections.remove(&id);
                    Sent::Refused
                }
            }
        }
    }

    /// A process answered a request.
    pub(crate) fn replied(
        &mut self,
        id: SandboxId,
        connection: ConnectionId,
        reply: Reply,
        now: SimTime,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(target) = self.of_mut(id.0).and_then(|it| it.sandbox_mut(id)) else { return };
        let Some(open) = target.connections.remove(&connection) else { return };
        let ip = target.status.ip.clone();
        let due = now + open.latency + SERVE;
        match open.origin {
            Origin::Call { sandbox, call } => {
                outbox.at(due, Event::Answer { sandbox, call, answer: answer_of(reply, ip) });
            }
            Origin::Request(request) => self.finish_with_reply(request, reply, due, open.arrived_at, outbox),
        }
    }

    /// A request from the machine itself (probes, hooks); ends in `Notice::RequestFinished`.
    pub fn request(
        &mut self,
        machine: &str,
        request: Request,
        timeout: Duration,
        now: SimTime,
        outbox: &mut Outbox<Event>,
    ) -> RequestId {
        let index = self.index_of(machine).unwrap_or_default();
        let id = RequestId(self.new_id(index));
        let (Request::Http { host, port, .. }
        | Request::Tcp { host, port }
        | Request::Grpc { host, port, .. }) = &request;
        let (host, port, kind) = (host.clone(), *port, question_of(&request).map(IncomingKind::Http));
        let grpc = matches!(request, Request::Grpc { .. });
        let pending = Pending { request, timeout };
        let give_up = || Err(error_of(&pending, true));
        if let Some(machine) = self.of_mut(id.0) {
            machine.requests.insert(id, pending.clone());
        }
        let address = self.addresses(None, &host).into_iter().next();
        let Some(address) = address else {
            let text = format!("dial tcp: lookup {host} on {}:53: no such host", "10.96.0.10");
            let result = Err(ConnectError::Other(with_url(&pending.request, &text)));
            outbox.at(now + FAR, Event::RequestDone { request: id, result });
            return id;
        };
        let sent = self.send(SandboxId(0), Some(index), &address, port, kind, Origin::Request(id), now);
        let deadline = now + timeout;
        match sent {
            // The connection is tried again until the time is over.
            Sent::Refused if grpc => {
                outbox.at(deadline, Event::RequestDone { request: id, result: give_up() });
            }
            Sent::Answered(reply, delay) => self.finish_with_reply(id, reply, now + delay, now, outbox),
            Sent::Refused => {
                let result = Err(error_of(&pending, false));
                outbox.at(now + FAR, Event::RequestDone { request: id, result });
            }
            Sent::Silence => {
                outbox.at(deadline, Event::RequestDone { request: id, result: give_up() });
            }
            Sent::Delivered(target) => {
                self.pump(target, now, outbox);
                // Nothing more to do when the answer is on its way already.
                let open = self
                    .place(target)
                    .is_some_and(|it| it.1.connections.values().any(|it| it.origin == Origin::Request(id)));
                if open {
                    let result = Err(slow(&pending));
                    outbox.at(deadline, Event::RequestDone { request: id, result });
                }
            }
        }
        id
    }

    fn finish_with_reply(
        &mut self,
        id: RequestId,
        reply: Reply,
        due: SimTime,
        asked_at: SimTime,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(pending) = self.of(id.0).and_then(|it| it.requests.get(&id)) else { return };
        let deadline = asked_at + pending.timeout;
        if deadline < due {
            let result = Err(slow(pending));
            outbox.at(deadline, Event::RequestDone { request: id, result });
            return;
        }
        if matches!(pending.request, Request::Grpc { .. }) {
            let result = match &reply {
                Reply::Http(response) if is_grpc(response) => grpc_result(response),
                // It is no server of HTTP/2: the connection never gets ready.
                Reply::Http(_) | Reply::Data(_) | Reply::Reset => Err(error_of(pending, true)),
            };
            let ready = matches!(&reply, Reply::Http(response) if is_grpc(response));
            outbox.at(if ready { due } else { deadline }, Event::RequestDone { request: id, result });
            return;
        }
        let https = matches!(pending.request, Request::Http { https: true, .. });
        let result = match reply {
            Reply::Http(_) if https => {
                let text = "http: server gave HTTP response to HTTPS client";
                Err(ConnectError::Other(with_url(&pending.request, text)))
            }
            Reply::Http(response) => Ok(HttpAnswer { status: response.status, body: response.body }),
            Reply::Data(_) if matches!(pending.request, Request::Tcp { .. }) => Ok(HttpAnswer::default()),
            Reply::Data(_) | Reply::Reset => Err(ConnectError::Other(with_url(&pending.request, "EOF"))),
        };
        outbox.at(due, Event::RequestDone { request: id, result });
    }

    pub(crate) fn finish_request(&mut self, request: RequestId, result: Result<HttpAnswer, ConnectError>) {
        let Some(machine) = self.of_mut(request.0).filter(|it| it.powered) else { return };
        if machine.requests.remove(&request).is_some() {
            self.notify(request.0, Notice::RequestFinished { request, result });
        }
    }

    /// The answer to a process's call has arrived.
    pub(crate) fn answered(
        &mut self,
        id: SandboxId,
        call: CallId,
        answer: Answer,
        now: SimTime,
        outbox: &mut Outbox<Event>,
    ) {
        let Some(sandbox) = self.of_mut(id.0).filter(|it| it.powered).and_then(|it| it.sandbox_mut(id))
        else {
            return;
        };
        sandbox.kernel.answer(call, answer);
        self.pump(id, now, outbox);
    }
}

/// What a server gets to see of a machine's request; none for a bare connection. Who asks for nothing else than the
/// kubelet's own agent comes with that.
pub(super) fn question_of(request: &Request) -> Option<net::HttpRequest> {
    if let Request::Grpc { host, port, service } = request {
        return Some(net::HttpRequest {
            host: format!("{host}:{port}"),
            port: *port,
            method: PREFACE.to_owned(),
            path: "*".to_owned(),
            body: service.clone().into_bytes(),
            ..net::HttpRequest::default()
        });
    }
    let Request::Http { host, port, path, https, headers } = request else { return None };
    let given = |name: &str| headers.iter().find(|it| it.0.eq_ignore_ascii_case(name)).map(|it| it.1.clone());
    let agent = given("user-agent").is_none().then(|| ("User-Agent".to_owned(), PROBE_AGENT.to_owned()));
    Some(net::HttpRequest {
        tls: *https,
        host: given("host").unwrap_or_else(|| format!("{host}:{port}")),
        port: *port,
        method: "GET".to_owned(),
        path: if path.starts_with('/') { path.clone() } else { format!("/{path}") },
        headers: headers.iter().cloned().chain(agent).gather(),
        body: Vec::new(),
    })
}

fn is_grpc(response: &net::HttpResponse) -> bool {
    response.headers.iter().any(|it| it.0 == "Content-Type" && it.1 == GRPC)
}

/// Follows kubernetes v1.36 pkg/probe/grpc: Probe.
fn grpc_result(response: &net::HttpResponse) -> Result<HttpAnswer, ConnectError> {
    let text = String::from_utf8_lossy(&response.body);
    Err(ConnectError::Other(match response.status {
        0 if text == "SERVING" => return Ok(HttpAnswer::default()),
        0 => format!("service unhealthy (responded with \"{text}\")"),
        // The only other code that a health service gives.
        _ => format!("error: health rpc probe failed: rpc error: code = NotFound desc = {text}"),
    }))
}

fn answer_of(reply: Reply, address: String) -> Answer {
    match reply {
        Reply::Http(response) => Answer::Http { address, response },
        Reply::Data(data) if data.is_empty() => Answer::Connected { address },
        Reply::Data(data) => Answer::Data { address, data },
        Reply::Reset => Answer::Failed(Failure::Reset { address }),
    }
}

/// What the API server says to somebody without a token.
fn forbidden() -> net::HttpResponse {
    let body = "{\n  \"kind\": \"Status\",\n  \"apiVersion\": \"v1\",\n  \"metadata\": {},\n  \"status\": \"Failure\",\n  \"message\": \"forbidden: User \\\"system:anonymous\\\" cannot get path \\\"/\\\"\",\n  \"reason\": \"Forbidden\",\n  \"details\": {},\n  \"code\": 403\n}";
    net::HttpResponse {
        status: 403,
        headers: vec![("Content-Type".to_owned(), "application/json".to_owned())],
        body: Arc::new(body.as_bytes().to_vec()),
    }
}

/// Go's words: `Get "http://10.244.0.5:8080/": …` around what went wrong; a plain connection has them bare.
fn with_url(request: &Request, text: &str) -> String {
    match request {
        Request::Http { host, port, path, https, .. } => {
            let scheme = if *https { "https" } else { "http" };
            let slash = if path.starts_with('/') { "" } else { "/" };
            format!("Get \"{scheme}://{host}:{port}{slash}{path}\": {text}")
        }
        Request::Tcp { .. } | Request::Grpc { .. } => text.to_owned(),
    }
}

/// Nobody listens, or (`silent`) nobody is there.
fn error_of(pending: &Pending, silent: bool) -> ConnectError {
    match &pending.request {
        Request::Grpc { host, port, .. } => {
            let seconds = pending.timeout.as_secs().max(1);
            let text = format!(
                "timeout: failed to connect service \"{host}:{port}\" within {seconds}s: context deadline exceeded"
            );
            ConnectError::TimedOut(text)
        }
        Request::Http { host, port, .. } | Request::Tcp { host, port } => {
            if silent {
                let http = matches!(pending.request, Request::Http { .. });
                let more = if http { " (Client.Timeout exceeded while awaiting headers)" } else { "" };
                let text = format!("dial tcp {host}:{port}: i/o timeout{more}");
                return ConnectError::TimedOut(with_url(&pending.request, &text));
            }
            let text = format!("dial tcp {host}:{port}: connect: connection refused");
            ConnectError::Refused(with_url(&pending.request, &text))
        }
    }
}

/// Connected, but no answer in time.
fn slow(pending: &Pending) -> ConnectError {
    if matches!(pending.request, Request::Grpc { .. }) {
        return error_of(pending, true);
    }
    let text = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)";
    ConnectError::TimedOut(with_url(&pending.request, text))
}
