//! What the page shows of a Pod's worker: lamps, clocks, and what it waits for. Read-only.

use api::Pod;
use runtime::Signal;
use sim::{Gather as _, SimTime};

use crate::kill::{Kill, KillStep};
use crate::pod::{self, slot_of};
use crate::probes::{ProbeKind, Verdict};
use crate::start::StartStep;
use crate::sync::Doing;
use crate::worker::{Stage, Worker};

/// One probe.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeLamp<'a> {
    pub container: &'a str,
    pub kind: ProbeKind,
    pub verdict: Option<Verdict>,
    /// The last outcome, and how many of them came in a row.
    pub last: Option<Verdict>,
    pub run: u32,
    pub success_threshold: u32,
    pub failure_threshold: u32,
    pub next_tick: SimTime,
    pub under_way: bool,
}

/// A container that waits to be started again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackoffClock {
    pub container: String,
    pub until: SimTime,
    pub wait: std::time::Duration,
}

/// A container that is being stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GraceClock<'a> {
    pub container: &'a str,
    /// None before the signal is sent.
    pub signal: Option<Signal>,
    pub deadline: SimTime,
    pub in_hook: bool,
}

/// What the worker waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Waiting<'a> {
    Nothing,
    /// For the next relist.
    Relist,
    Volumes {
        missing: Vec<&'a str>,
        next_try: Option<SimTime>,
    },
    Sandbox {
        at: SimTime,
    },
    Pull {
        image: &'a str,
        since: SimTime,
    },
    Create,
    Start,
    PostStart,
    Stop,
    StopSandbox,
    Unmount,
    /// For the next look at the Pod.
    Due {
        at: SimTime,
    },
}

impl Worker {
    pub fn stage(&self) -> Stage {
        self.stage
    }

    pub fn probe_lamps(&self) -> impl Iterator<Item = ProbeLamp<'_>> {
        self.probes.iter().filter(|it| !it.stopped).map(|it| ProbeLamp {
            container: &it.container,
            kind: it.kind,
            verdict: it.verdict,
            last: it.last,
            run: it.run,
            success_threshold: it.success_threshold,
            failure_threshold: it.failure_threshold,
            next_tick: it.next_tick,
            under_way: it.flight.is_some(),
        })
    }

    pub fn backoff_clocks(&self, now: SimTime) -> Vec<BackoffClock> {
        let containers = pod::init_containers(&self.pod).iter().chain(pod::app_containers(&self.pod));
        containers
            .filter_map(|it| {
                if self.cache.find(&it.name)?.is_running() {
                    return None;
                }
                let (backoff, until) = self.backoff_until(&it.name, it.image.as_deref().unwrap_or(""))?;
                (now < until).then(|| BackoffClock { container: it.name.clone(), until, wait: backoff.wait })
            })
            .gather()
    }

    pub fn grace_clocks(&self) -> Vec<GraceClock<'_>> {
        let kills = match &self.doing {
            Doing::KillPod { kills, .. } | Doing::KillSome { kills, .. } => kills,
            Doing::Start(starts) => match &starts.step {
                StartStep::Undo { kills, .. } => kills,
                _ => return Vec::new(),
            },
            _ => return Vec::new(),
        };
        kills.list.iter().filter_map(grace_clock).gather()
    }

    /// Does the postStart hook of this container run?
    pub fn runs_post_start(&self, pod: &Pod, container: &str) -> bool {
        let Doing::Start(starts) = &self.doing else { return false };
        matches!(&starts.step, StartStep::PostStart { slot, .. } if slot_of(pod, container) == Some(*slot))
    }

    pub fn waiting(&self) -> Waiting<'_> {
        match &self.doing {
            Doing::Idle => self.work_due.map_or(Waiting::Nothing, |at| Waiting::Due { at }),
            Doing::Fresh | Doing::Begin { .. } => Waiting::Relist,
            Doing::Mounting { .. } => {
                let missing = self.mounts.list.iter().filter(|it| it.source.is_none());
                Waiting::Volumes {
                    missing: missing.clone().map(|it| it.name.as_str()).gather(),
                    next_try: missing.map(|it| it.next_try).min(),
                }
            }
            Doing::KillPod { .. } | Doing::KillSome { .. } => Waiting::Stop,
            Doing::StopSandbox { .. } => Waiting::StopSandbox,
            Doing::RunSandbox { at, .. } => Waiting::Sandbox { at: *at },
            Doing::Unmount { .. } => Waiting::Unmount,
            Doing::Start(starts) => match &starts.step {
                StartStep::Pulling { image, since, .. } => Waiting::Pull { image, since: *since },
                StartStep::Start { .. } => Waiting::Start,
                StartStep::PostStart { .. } => Waiting::PostStart,
                StartStep::Undo { .. } => Waiting::Stop,
                StartStep::Next | StartStep::Create { .. } => Waiting::Create,
            },
        }
    }
}

fn grace_clock(kill: &Kill) -> Option<GraceClock<'_>> {
    let container = kill.name.as_str();
    match &kill.step {
        KillStep::PreStop { deadline, .. } => {
            Some(GraceClock { container, signal: None, deadline: *deadline, in_hook: true })
        }
        KillStep::Turn { deadline, .. } => {
            Some(GraceClock { container, signal: None, deadline: *deadline, in_hook: false })
        }
        KillStep::Stopping { signal, deadline } => {
            Some(GraceClock { container, signal: Some(*signal), deadline: *deadline, in_hook: false })
        }
        KillStep::Settling { .. } | KillStep::Done => None,
    }
}
