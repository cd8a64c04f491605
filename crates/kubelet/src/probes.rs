//! Startup, readiness and liveness probes of one Pod: their tickers, counters and verdicts.
//!
//! Follows kubernetes v1.36 pkg/kubelet/prober: worker.run, worker.doProbe, prober.probe, manager.AddPod.

use std::sync::Arc;
use std::time::Duration;

use api::IntOrString;
use api::k8s_openapi::api::core::v1::{Container, PodStatus, Probe as ProbeSpec};
use apiserver::EventKind;
use runtime::{
    Asked, ConnectError, ContainerId, ExecConfig, ExecId, ExecOutcome, ExecResult, HttpAnswer, Request,
    RequestId,
};
use sim::{Gather as _, SimTime};

use crate::pod::{self, Role, Slot};
use crate::words::{container_id_text, go_duration, rpc_error};
use crate::worker::{Stage, Worker};
use crate::{Ctx, Event, Host, RouteTo};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ProbeKind {
    Startup,
    Readiness,
    Liveness,
}

impl ProbeKind {
    pub fn name(self) -> &'static str {
        match self {
            ProbeKind::Startup => "Startup",
            ProbeKind::Readiness => "Readiness",
            ProbeKind::Liveness => "Liveness",
        }
    }

    fn spec(self, container: &Container) -> Option<&ProbeSpec> {
        match self {
            ProbeKind::Startup => container.startup_probe.as_ref(),
            ProbeKind::Readiness => container.readiness_probe.as_ref(),
            ProbeKind::Liveness => container.liveness_probe.as_ref(),
        }
    }

    /// What holds before the first probe.
    fn initial(self) -> Verdict {
        match self {
            ProbeKind::Startup => Verdict::Unknown,
            ProbeKind::Readiness => Verdict::Failure,
            ProbeKind::Liveness => Verdict::Success,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    Unknown,
    Success,
    Failure,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Flight {
    Exec(ExecId),
    Request(RequestId),
}

/// What the Pod's status says of the probed container.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
struct Target {
    id: Option<ContainerId>,
    /// In whole seconds, as the status has it.
    running_since: Option<SimTime>,
    exit_code: Option<i32>,
    started: bool,
}

/// One probe of one container.
#[allow(clippy::struct_excessive_bools)] // Each is a fact of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Probe {
    pub container: String,
    slot: Slot,
    pub kind: ProbeKind,
    pub period: Duration,
    initial_delay: Duration,
    pub success_threshold: u32,
    pub failure_threshold: u32,
    target: Target,
    pub watching: Option<ContainerId>,
    pub verdict: Option<Verdict>,
    /// The last outcome, and how many in a row.
    pub last: Option<Verdict>,
    pub run: u32,
    on_hold: bool,
    pub next_tick: SimTime,
    /// Tells the awaited tick from ones that were given up.
    tick: u32,
    pub flight: Option<Flight>,
    question: Option<Arc<Question>>,
    attempts: u8,
    /// A tick came while a probe was under way.
    owed: bool,
    /// A readiness probe that is to run at once.
    triggered: bool,
    /// It runs before the status is written in which its container runs, and finds nothing to probe.
    outpaced: bool,
    pub stopped: bool,
}

/// What a probe that needs no process asks, each time the same as long as the Pod keeps its address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Question {
    ip: String,
    asked: Asked,
    timeout: Duration,
}

/// A probe that could not be run is tried so often before it is reported.
const PROBE_ATTEMPTS_MAX: u8 = 3;
/// Upstream triggers a readiness probe and then writes the status that the probe goes by: so rarely does the probe win.
const OUTPACED_ONE_IN: u64 = 12;
/// Follows kubernetes v1.36 pkg/probe/exec: maxReadLength.
const OUTPUT_BYTES_MAX: usize = 10 << 10;

pub fn verdict_of(probes: &[Probe], kind: ProbeKind, id: ContainerId) -> Option<Verdict> {
    probes.iter().find(|it| it.kind == kind && it.watching == Some(id)).and_then(|it| it.verdict)
}

/// Is there a working probe of this kind for the container?
pub fn is_probed(probes: &[Probe], kind: ProbeKind, container: &str) -> bool {
    probes.iter().any(|it| it.kind == kind && !it.stopped && it.container == container)
}

impl Worker {
    /// Starts what is not there yet; the ticks count from now on.
    pub(crate) fn add_probes(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) {
        let pod = self.pod.clone();
        let apps = pod::app_containers(&pod).iter().enumerate().map(|(index, it)| (Role::App, index, it));
        let sidecars = pod::init_containers(&pod)
            .iter()
            .enumerate()
            .filter(|(_, it)| pod::is_sidecar(it))
            .map(|(index, it)| (Role::Init, index, it));
        for (role, index, container) in apps.chain(sidecars) {
            for kind in [ProbeKind::Startup, ProbeKind::Readiness, ProbeKind::Liveness] {
                let Some(spec) = kind.spec(container) else { continue };
                if is_probed(&self.probes, kind, &container.name) {
                    // Upstream gives up here as well: once one worker is there, all are.
                    return;
                }
                let probe = Probe::new(container, Slot { role, index }, kind, spec, ctx.now);
                let found =
                    self.probes.iter().position(|it| it.kind == kind && it.container == container.name);
                let place = found.unwrap_or(self.probes.len());
                if place == self.probes.len() {
                    self.probes.push(probe);
                } else {
                    let tick = self.probes[place].tick + 1;
                    self.probes[place] = Probe { tick, ..probe };
                }
                self.do_probe(place, host, ctx);
                self.schedule_tick(place, ctx);
            }
        }
    }

    pub(crate) fn stop_probes(&mut self, all: bool, host: &mut Host) {
        for index in 0..self.probes.len() {
            if all || self.probes[index].kind != ProbeKind::Readiness {
                self.stop_probe(index, host);
            }
        }
    }

    fn stop_probe(&mut self, index: usize, host: &mut Host) {
        let probe = &mut self.probes[index];
        probe.stopped = true;
        probe.tick += 1;
        probe.watching = None;
        probe.verdict = None;
        if let Some(flight) = probe.flight.take() {
            host.forget(flight);
        }
    }

    pub(crate) fn lose_probe_flights(&mut self) {
        for probe in &mut self.probes {
            (probe.flight, probe.owed) = (None, false);
        }
    }

    fn schedule_tick(&mut self, index: usize, ctx: &mut Ctx<'_>) {
        let probe = &mut self.probes[index];
        probe.next_tick = ctx.now + probe.period;
        let event = Event::Probe { pod: self.id, probe: index as u16, tick: probe.tick };
        ctx.outbox.at(probe.next_tick, event);
    }

    pub(crate) fn probe_tick(&mut self, index: usize, tick: u32, host: &mut Host, ctx: &mut Ctx<'_>) {
        let Some(probe) = self.probes.get_mut(index) else { return };
        if probe.tick != tick || probe.stopped {
            return;
        }
        self.schedule_tick(index, ctx);
        let probe = &mut self.probes[index];
        if probe.flight.is_some() {
            probe.owed = true;
        } else {
            self.do_probe(index, host, ctx);
        }
    }

    /// Readiness probes of containers that run but are not ready yet.
    pub(crate) fn mark_triggered(&mut self, container: &str) {
        for probe in &mut self.probes {
            if probe.kind == ProbeKind::Readiness && !probe.stopped && probe.container == container {
                probe.triggered = true;
            }
        }
    }

    pub(crate) fn run_triggered(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) {
        for index in 0..self.probes.len() {
            let probe = &mut self.probes[index];
            if !probe.triggered || probe.flight.is_some() || probe.stopped {
                continue;
            }
            probe.triggered = false;
            // The ticker starts anew.
            probe.tick += 1;
            let too_soon = std::mem::take(&mut probe.outpaced);
            self.schedule_tick(index, ctx);
            if !too_soon {
                self.do_probe(index, host, ctx);
            }
        }
    }

    /// Follows doProbe up to the probe itself, which goes on in `probe_ended`.
    fn do_probe(&mut self, index: usize, host: &mut Host, ctx: &mut Ctx<'_>) {
        if self.status.as_ref().is_some_and(|it| pod::is_terminal(it.phase.as_deref().unwrap_or(""))) {
            self.stop_probe(index, host);
            return;
        }
        let probe = &mut self.probes[index];
        let target = probe.target;
        let Some(id) = target.id else { return };
        if probe.watching != Some(id) {
            probe.watching = Some(id);
            probe.verdict = None;
            probe.on_hold = false;
            let initial = probe.kind.initial();
            self.set_verdict(index, initial, host, ctx);
        }
        let probe = &self.probes[index];
        if probe.on_hold {
            return;
        }
        let Some(since) = target.running_since else {
            self.set_verdict(index, Verdict::Failure, host, ctx);
            if let Some(code) = target.exit_code
                && let Some(container) = pod::container(&self.pod, self.probes[index].slot)
                && !pod::restarts_after(&self.pod, &container, code)
            {
                self.stop_probe(index, host);
            }
            return;
        };
        if self.pod.metadata.deletion_timestamp.is_some() && probe.kind != ProbeKind::Readiness {
            self.set_verdict(index, Verdict::Success, host, ctx);
            self.stop_probe(index, host);
            return;
        }
        let early = ctx.now.since(since).as_secs() < probe.initial_delay.as_secs();
        if early || target.started == (probe.kind == ProbeKind::Startup) {
            return;
        }
        if self.stage == Stage::Terminating && crate::kill::has_ended(id, ctx) {
            // The worker is about to be stopped.
            return;
        }
        self.probes[index].attempts = 1;
        self.launch(index, id, host, ctx);
    }

    fn launch(&mut self, index: usize, id: ContainerId, host: &mut Host, ctx: &mut Ctx<'_>) {
        let flight = match self.question(index, host, ctx) {
            Some(question) => self.ask(index, &question, host, ctx).map(Flight::Request),
            None => self.launch_exec(index, id, ctx).map(Flight::Exec),
        };
        let Some(flight) = flight else { return };
        self.probes[index].flight = Some(flight);
        host.expect(flight, self.id, RouteTo::Probe(index as u16));
    }

    fn launch_exec(&self, index: usize, id: ContainerId, ctx: &mut Ctx<'_>) -> Option<ExecId> {
        let probe = &self.probes[index];
        let container = pod::container(&self.pod, probe.slot)?;
        let spec = probe.kind.spec(&container)?;
        let argv = spec.exec.as_ref()?.command.clone().unwrap_or_default();
        let timeout = Some(seconds(spec.timeout_seconds.unwrap_or(1)));
        let config = ExecConfig { argv, timeout, ..ExecConfig::default() };
        Some(ctx.runtime.exec(id, config, ctx.now, ctx.runtime_outbox))
    }

    fn question(&mut self, index: usize, host: &Host, ctx: &Ctx<'_>) -> Option<Arc<Question>> {
        let probe = &self.probes[index];
        if let Some(found) = probe.question.as_ref().filter(|it| it.ip == self.cache.ip) {
            return Some(Arc::clone(found));
        }
        let container = pod::container(&self.pod, probe.slot)?;
        let spec = probe.kind.spec(&container).filter(|it| it.exec.is_none())?;
        let ip = self.cache.ip.clone();
        let asked = ctx.runtime.prepare_request(&host.name, probe_request(spec, &container, &ip)?);
        let timeout = seconds(spec.timeout_seconds.unwrap_or(1));
        let question = Arc::new(Question { ip, asked, timeout });
        self.probes[index].question = Some(Arc::clone(&question));
        Some(question)
    }

    /// None when all is as before: most probes find a healthy container healthy, and then nobody needs to be told when
    /// the answer arrives.
    fn ask(
        &mut self,
        index: usize,
        question: &Question,
        host: &Host,
        ctx: &mut Ctx<'_>,
    ) -> Option<RequestId> {
        let Question { asked, timeout, .. } = question;
        let Some(found) = ctx.runtime.ask_at_once(&host.name, asked, *timeout, ctx.now) else {
            let request = asked.request.clone();
            return Some(ctx.runtime.request(&host.name, request, *timeout, ctx.now, ctx.runtime_outbox));
        };
        let probe = &mut self.probes[index];
        let healthy = probe.last == Some(Verdict::Success) && probe.verdict == Some(Verdict::Success);
        if healthy && is_success(&found.answer) && !probe.triggered && !probe.owed {
            probe.run += 1;
            return None;
        }
        Some(ctx.runtime.deliver_later(&host.name, asked, *timeout, found, ctx.runtime_outbox))
    }

    pub(crate) fn probe_exec_ended(
        &mut self,
        index: usize,
        result: &ExecResult,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) {
        let output = || {
            let end = result.output.len().min(OUTPUT_BYTES_MAX);
            String::from_utf8_lossy(&result.output[..end]).into_owned()
        };
        let outcome = match &result.outcome {
            ExecOutcome::Exited(0) => Ok(None),
            ExecOutcome::Exited(_) => Ok(Some(output())),
            ExecOutcome::TimedOut => Ok(Some(self.timeout_text(index))),
            ExecOutcome::Failed(text) => Err(rpc_error(text)),
        };
        self.probe_ended(index, outcome, host, ctx);
    }

    pub(crate) fn probe_request_ended(
        &mut self,
        index: usize,
        result: &Result<HttpAnswer, ConnectError>,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) {
        let outcome = match result {
            Ok(answer) if is_success(answer) => None,
            Ok(answer) => Some(format!("HTTP probe failed with statuscode: {}", answer.status)),
            Err(error) => Some(error.to_string()),
        };
        self.probe_ended(index, Ok(outcome), host, ctx);
    }

    fn timeout_text(&self, index: usize) -> String {
        let probe = &self.probes[index];
        let container = pod::container(&self.pod, probe.slot);
        let spec = container.as_deref().and_then(|it| probe.kind.spec(it));
        let command = spec.and_then(|it| it.exec.as_ref()).and_then(|it| it.command.clone());
        let timeout = seconds(spec.and_then(|it| it.timeout_seconds).unwrap_or(1));
        let command = command.unwrap_or_default().join(" ");
        format!("command timed out: \"{command}\" timed out after {}", go_duration(timeout))
    }

    /// `Ok(None)` is success, `Ok(Some(why))` failure, `Err` a probe that could not be run.
    fn probe_ended(
        &mut self,
        index: usize,
        outcome: Result<Option<String>, String>,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) {
        let probe = &mut self.probes[index];
        probe.flight = None;
        if probe.stopped {
            return;
        }
        let verdict = match outcome {
            Ok(None) => Verdict::Success,
            Ok(Some(why)) => {
                let text = format!("{} probe failed: {why}", probe.kind.name());
                self.tell_unhealthy(index, text, host, ctx);
                Verdict::Failure
            }
            Err(why) => {
                if probe.attempts < PROBE_ATTEMPTS_MAX
                    && let Some(id) = probe.watching
                {
                    probe.attempts += 1;
                    self.launch(index, id, host, ctx);
                    return;
                }
                let kind = probe.kind.name();
                let text = format!("{kind} probe errored and resulted in unknown state: {why}");
                self.tell_unhealthy(index, text, host, ctx);
                self.after_probe(index, host, ctx);
                return;
            }
        };
        let probe = &mut self.probes[index];
        if probe.last == Some(verdict) {
            probe.run += 1;
        } else {
            (probe.last, probe.run) = (Some(verdict), 1);
        }
        let needed =
            if verdict == Verdict::Failure { probe.failure_threshold } else { probe.success_threshold };
        if needed <= probe.run {
            if probe.kind == ProbeKind::Startup
                || (probe.kind == ProbeKind::Liveness && verdict == Verdict::Failure)
            {
                // No more probes until there is a new container.
                probe.on_hold = true;
                probe.run = 0;
            }
            self.set_verdict(index, verdict, host, ctx);
        }
        self.after_probe(index, host, ctx);
    }

    fn after_probe(&mut self, index: usize, host: &mut Host, ctx: &mut Ctx<'_>) {
        let probe = &mut self.probes[index];
        if probe.triggered {
            self.run_triggered(host, ctx);
        } else if std::mem::take(&mut probe.owed) {
            self.do_probe(index, host, ctx);
        }
    }

    fn tell_unhealthy(&mut self, index: usize, text: String, host: &mut Host, ctx: &mut Ctx<'_>) {
        let probe = &self.probes[index];
        let regarding = pod::container_reference(&self.pod, probe.slot.role, &probe.container);
        host.tell(regarding, EventKind::Warning, "Unhealthy", text, self.revision, ctx);
    }

    /// A changed verdict leads to a look at the Pod.
    fn set_verdict(&mut self, index: usize, verdict: Verdict, host: &mut Host, ctx: &mut Ctx<'_>) {
        let probe = &mut self.probes[index];
        if probe.verdict == Some(verdict) {
            return;
        }
        probe.verdict = Some(verdict);
        let kind = probe.kind;
        let Some(id) = probe.watching else { return };
        match kind {
            ProbeKind::Liveness if verdict != Verdict::Failure => return,
            ProbeKind::Liveness => {}
            ProbeKind::Readiness => self.set_readiness(id, verdict == Verdict::Success, ctx),
            ProbeKind::Startup => self.set_started(id, verdict == Verdict::Success, ctx),
        }
        if self.stage != Stage::Finished {
            self.update(host, ctx);
        }
    }

    /// Tells the probes what the new status says.
    pub(crate) fn refresh_targets(&mut self, status: &PodStatus) {
        for index in 0..self.probes.len() {
            let probe = &self.probes[index];
            let list = match probe.slot.role {
                Role::Init => &status.init_container_statuses,
                Role::App | Role::Ephemeral => &status.container_statuses,
            };
            let found = list.iter().flatten().find(|it| it.name == probe.container);
            let mut target = Target::default();
            if let Some(found) = found
                && let Some(text) = &found.container_id
            {
                let state = found.state.as_ref();
                target = Target {
                    id: self.made.iter().rev().map(|it| it.id).find(|it| container_id_text(*it) == *text),
                    running_since: state
                        .and_then(|it| it.running.as_ref()?.started_at.as_ref())
                        .map(api::time::sim_time),
                    exit_code: state.and_then(|it| it.terminated.as_ref()).map(|it| it.exit_code),
                    started: found.started == Some(true),
                };
            }
            let probe = &mut self.probes[index];
            let appeared = probe.target.running_since.is_none() && target.running_since.is_some();
            probe.outpaced =
                appeared && sim::digest_of(&(&self.uid, target.id)).is_multiple_of(OUTPACED_ONE_IN);
            probe.target = target;
        }
    }
}

impl Probe {
    fn new(container: &Container, slot: Slot, kind: ProbeKind, spec: &ProbeSpec, now: SimTime) -> Probe {
        Probe {
            container: container.name.clone(),
            slot,
            kind,
            period: seconds(spec.period_seconds.unwrap_or(10).max(1)),
            initial_delay: seconds(spec.initial_delay_seconds.unwrap_or(0)),
            success_threshold: spec.success_threshold.unwrap_or(1).max(1) as u32,
            failure_threshold: spec.failure_threshold.unwrap_or(3).max(1) as u32,
            target: Target::default(),
            watching: None,
            verdict: None,
            last: None,
            run: 0,
            on_hold: false,
            next_tick: now,
            tick: 0,
            flight: None,
            question: None,
            attempts: 0,
            owed: false,
            triggered: false,
            outpaced: false,
            stopped: false,
        }
    }
}

/// 0 stands for a bare connection.
fn is_success(answer: &HttpAnswer) -> bool {
    answer.status == 0 || (200..400).contains(&answer.status)
}

fn seconds(count: i32) -> Duration {
    Duration::from_secs(u64::try_from(count).unwrap_or(0))
}

fn probe_request(spec: &ProbeSpec, container: &Container, pod_ip: &str) -> Option<Request> {
    if let Some(get) = &spec.http_get {
        return http_request(get, container, pod_ip);
    }
    if let Some(tcp) = &spec.tcp_socket {
        let host = tcp.host.clone().filter(|it| !it.is_empty()).unwrap_or_else(|| pod_ip.to_owned());
        return Some(Request::Tcp { host, port: port_number(&tcp.port, container)? });
    }
    let grpc = spec.grpc.as_ref()?;
    let service = grpc.service.clone().unwrap_or_default();
    Some(Request::Grpc { host: pod_ip.to_owned(), port: u16::try_from(grpc.port).ok()?, service })
}

pub(crate) fn http_request(
    get: &api::k8s_openapi::api::core::v1::HTTPGetAction,
    container: &Container,
    pod_ip: &str,
) -> Option<Request> {
    let path = get.path.clone().unwrap_or_default();
    let headers = get.http_headers.iter().flatten().map(|it| (it.name.clone(), it.value.clone()));
    Some(Request::Http {
        host: get.host.clone().filter(|it| !it.is_empty()).unwrap_or_else(|| pod_ip.to_owned()),
        port: port_number(&get.port, container)?,
        path: if path.starts_with('/') { path } else { format!("/{path}") },
        https: get.scheme.as_deref() == Some("HTTPS"),
        headers: headers.gather(),
    })
}

fn port_number(port: &IntOrString, container: &Container) -> Option<u16> {
    match port {
        IntOrString::Int(number) => u16::try_from(*number).ok(),
        IntOrString::String(name) => {
            let named = container.ports.iter().flatten().find(|it| it.name.as_deref() == Some(name));
            named.map_or_else(|| name.parse().ok(), |it| u16::try_from(it.container_port).ok())
        }
    }
}
