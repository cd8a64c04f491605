//! Questions that a machine asks its own Pods again and again, as probes do: answered without an event where the answer
//! is known at once.

use std::sync::Arc;
use std::time::Duration;

use sim::{Outbox, SimTime};

use super::route::open_port;
use super::{HttpRequest, NEAR, Pending, SERVE};
use crate::cri::{HttpAnswer, Request, RequestId};
use crate::kernel::World;
use crate::machine::{Machine, collect_output};
use crate::{Event, Runtime};

/// A request, ready to be made many times.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Asked {
    pub request: Request,
    /// As the server will see it; none for a bare connection.
    http: Option<HttpRequest>,
}

/// What came back, and when it arrives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AtOnce {
    pub answer: HttpAnswer,
    pub due: SimTime,
}

/// Who takes longer is waited for as for any other.
const SOON: Duration = Duration::from_millis(2);

impl Runtime {
    pub fn prepare_request(&self, machine: &str, request: Request) -> Asked {
        let gateway = self.machine(machine).map(|it| format!("{}.1", it.spec.pod_network));
        let http = super::ask::question_of(&request).filter(|it| !it.tls).map(|it| {
            let port = it.port;
            HttpRequest::from_kernel(it, gateway.unwrap_or_default(), port)
        });
        Asked { request, http }
    }

    /// The answer of a Pod of this very machine, when it comes without waiting for anybody. None, and nothing has
    /// happened: ask with [`Runtime::request`].
    pub fn ask_at_once(
        &mut self,
        machine: &str,
        asked: &Asked,
        timeout: Duration,
        now: SimTime,
    ) -> Option<AtOnce> {
        let (host, port) = match &asked.request {
            Request::Http { host, port, https: false, .. } | Request::Tcp { host, port } => (host, *port),
            Request::Http { https: true, .. } | Request::Grpc { .. } => return None,
        };
        let index = self.index_of(machine)?;
        let machine = self.machines.get_mut(index)?.as_mut().filter(|it| it.powered)?;
        let id = *machine.addresses.get(host)?;
        let sandbox = machine.sandboxes.get(&id).filter(|it| it.status.ready)?;
        let (more, scripted) = open_port(sandbox, port, now)?;
        let took = if asked.http.is_some() { NEAR + more + SERVE } else { NEAR + more };
        if SOON.min(timeout) < took {
            return None;
        }
        let due = now + took;
        let Some(request) = &asked.http else { return Some(AtOnce { answer: HttpAnswer::default(), due }) };
        if let Some(status) = scripted {
            return Some(AtOnce { answer: HttpAnswer { status, ..HttpAnswer::default() }, due });
        }
        let Machine { sandboxes, trees, .. } = Arc::make_mut(machine);
        let sandbox = Arc::make_mut(sandboxes.get_mut(&id)?);
        let response = sandbox.kernel.answer_now(port, request, &mut World { now, trees })?;
        collect_output(sandbox, now);
        Some(AtOnce { answer: HttpAnswer { status: response.status, body: response.body.clone() }, due })
    }

    /// Makes an answer that is known arrive in its time, as [`Runtime::request`] would have.
    pub fn deliver_later(
        &mut self,
        machine: &str,
        asked: &Asked,
        timeout: Duration,
        answer: AtOnce,
        outbox: &mut Outbox<Event>,
    ) -> RequestId {
        let id = RequestId(self.new_id(self.index_of(machine).unwrap_or_default()));
        if let Some(machine) = self.of_mut(id.0) {
            machine.requests.insert(id, Pending { request: asked.request.clone(), timeout });
        }
        outbox.at(answer.due, Event::RequestDone { request: id, result: Ok(answer.answer) });
        id
    }
}
