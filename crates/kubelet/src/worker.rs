//! One worker per Pod: what it is doing, what it waits for, when it looks again.
//!
//! Follows kubernetes v1.36 pkg/kubelet/pod_workers.go: UpdatePod, podWorkerLoop, completeWork.

use std::sync::Arc;
use std::time::Duration;

use api::Pod;
use runtime::{ContainerState, SandboxId};
use sim::{SimTime, VecMap, latency};

use crate::backoff::Backoff;
use crate::eviction::VolumeSample;
use crate::held::Held;
use crate::observed::{Made, Observed};
use crate::pod;
use crate::probes::Probe;
use crate::report::Settled;
use crate::resize::Resize;
use crate::static_pods::Mirror;
use crate::status::Reason;
use crate::sync::{Doing, Next, Outcome};
use crate::volumes::Mounts;
use crate::{Ctx, Event, Host, PodId};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Stage {
    Syncing,
    /// To be torn down.
    Terminating,
    /// Its containers are gone.
    Terminated,
    /// Nothing is left to do.
    Finished,
}

/// Between two looks at a Pod that needs none.
const RESYNC: Duration = Duration::from_mins(1);
/// Before the next look after a failure that names no time of its own.
const RETRY: Duration = Duration::from_secs(10);

#[allow(clippy::struct_excessive_bools)] // Each is a fact of its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Worker {
    pub id: PodId,
    pub uid: Arc<str>,
    pub pod: Held<Pod>,
    /// Of the last write to the Pod that this worker has seen: what its own writes follow from.
    pub revision: u64,
    /// The object is no longer in the store.
    pub gone: bool,
    /// Admission said no: there are no containers and never will be.
    pub rejected: bool,
    pub stage: Stage,
    /// Of the termination, in seconds.
    pub grace: Option<i64>,
    /// The kubelet's own decision that the Pod has failed: (reason, message).
    pub verdict: Option<(String, String)>,
    pub pending: bool,
    pub doing: Doing,
    /// A step is being taken: what it leads to waits until it is done.
    stepping: bool,
    wait: u32,
    wake_due: Option<SimTime>,
    pub work_due: Option<SimTime>,
    pub last_sync: SimTime,
    pub cache: Observed,
    pub cache_at: SimTime,
    pub sandboxes: Vec<SandboxId>,
    /// Oldest first.
    pub made: Vec<Made>,
    /// The number of the last instance of each container.
    pub attempts: VecMap<String, u32>,
    pub status: Option<Held<api::k8s_openapi::api::core::v1::PodStatus>>,
    pub report_planned: bool,
    /// The last word about the Pod is spoken.
    pub finished: bool,
    pub reasons: VecMap<String, Reason>,
    /// By container and image.
    pub crash_backoffs: VecMap<(String, String), Backoff>,
    /// By image, with the last error.
    pub pull_backoffs: VecMap<String, (Backoff, String)>,
    pub probes: Vec<Probe>,
    pub mounts: Mounts,
    pub resize: Resize,
    pub(crate) settled: Settled,
    /// What is only known of a static Pod.
    pub(crate) mirror: Mirror,
    /// What its volumes were last found to hold.
    pub(crate) volume_sample: VolumeSample,
}

impl Worker {
    pub(crate) fn new(id: PodId, uid: Arc<str>, pod: Arc<Pod>, revision: u64) -> Worker {
        Worker {
            id,
            uid,
            pod: Held(pod),
            revision,
            gone: false,
            rejected: false,
            stage: Stage::Syncing,
            grace: None,
            verdict: None,
            pending: false,
            doing: Doing::Idle,
            stepping: false,
            wait: 0,
            wake_due: None,
            work_due: None,
            last_sync: SimTime::ZERO,
            cache: Observed::default(),
            cache_at: SimTime::ZERO,
            sandboxes: Vec::new(),
            made: Vec::new(),
            attempts: VecMap::new(),
            status: None,
            report_planned: false,
            finished: false,
            reasons: VecMap::new(),
            crash_backoffs: VecMap::new(),
            pull_backoffs: VecMap::new(),
            probes: Vec::new(),
            mounts: Mounts::default(),
            resize: Resize::default(),
            settled: Settled::default(),
            mirror: Mirror::default(),
            volume_sample: VolumeSample::default(),
        }
    }

    /// What its writes follow from; of a static Pod that was never shown nothing.
    pub(crate) fn parent(&self) -> Option<u64> {
        (self.revision != 0).then_some(self.revision)
    }

    /// Asks for a look at the Pod.
    pub(crate) fn update(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) {
        if self.stage == Stage::Finished {
            return;
        }
        let deleted = self.pod.metadata.deletion_timestamp.is_some() || self.gone;
        let ended = self.verdict.is_some() || pod::is_terminal(pod::api_phase(&self.pod));
        let begins = self.stage == Stage::Syncing && (deleted || (ended && !self.rejected));
        if begins {
            self.stage = Stage::Terminating;
        }
        let mut shortened = false;
        if self.stage == Stage::Terminating {
            let grace = self.effective_grace();
            shortened = self.grace.is_some_and(|it| it != grace);
            self.grace = Some(grace);
        }
        self.pending = true;
        match &self.doing {
            _ if self.stepping => {}
            Doing::Idle => self.begin(host, ctx),
            Doing::Mounting { .. } if begins => self.end_sync(Outcome::Cancelled, host, ctx),
            Doing::KillPod { then_terminate: true, .. } if shortened => {
                self.end_sync(Outcome::Cancelled, host, ctx);
            }
            _ => {}
        }
    }

    /// Follows calculateEffectiveGracePeriod: it only ever gets shorter.
    fn effective_grace(&self) -> i64 {
        let lost = self.gone && !self.mirror.is_of_file;
        let deletion = self.pod.metadata.deletion_grace_period_seconds.or(lost.then_some(0));
        let grace = match (self.grace, deletion) {
            (Some(grace), Some(other)) => grace.min(other),
            (Some(grace), None) => grace,
            (None, Some(other)) => other,
            (None, None) => pod::spec(&self.pod).termination_grace_period_seconds.unwrap_or(30),
        };
        grace.max(1)
    }

    fn begin(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) {
        if self.rejected && self.stage == Stage::Syncing {
            self.pending = false;
            return;
        }
        self.pending = false;
        self.doing = Doing::Fresh;
        self.advance(host, ctx);
    }

    /// Does the cache tell of a moment after the last look?
    pub(crate) fn is_fresh(&self, host: &Host, now: SimTime) -> bool {
        self.last_sync == SimTime::ZERO
            || self.last_sync < self.cache_at
            || self.last_sync < host.last_relist(now)
    }

    /// Goes on as far as it can.
    pub(crate) fn advance(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) {
        if self.doing != Doing::Idle && ctx.runtime.is_frozen(&host.name) {
            let due = ctx.now + Duration::from_secs(1);
            self.wake_at(due, ctx);
            return;
        }
        while self.doing != Doing::Idle {
            let doing = std::mem::replace(&mut self.doing, Doing::Idle);
            self.stepping = true;
            let next = self.step(doing, host, ctx);
            self.stepping = false;
            match next {
                Next::Go(doing) => self.doing = doing,
                Next::Wait(doing, due) => {
                    self.doing = doing;
                    if let Some(due) = due {
                        self.wake_at(due, ctx);
                    }
                    return;
                }
                Next::End(outcome) => return self.end_sync(outcome, host, ctx),
            }
        }
    }

    fn wake_at(&mut self, due: SimTime, ctx: &mut Ctx<'_>) {
        if self.wake_due == Some(due) && ctx.now < due {
            return;
        }
        self.wait += 1;
        self.wake_due = Some(due);
        ctx.outbox.at(due, Event::Wake { pod: self.id, wait: self.wait });
    }

    pub(crate) fn wake(&mut self, wait: u32, host: &mut Host, ctx: &mut Ctx<'_>) {
        if self.wait == wait {
            self.wake_due = None;
            self.advance(host, ctx);
        }
    }

    pub(crate) fn end_sync(&mut self, outcome: Outcome, host: &mut Host, ctx: &mut Ctx<'_>) {
        self.doing = Doing::Idle;
        self.last_sync = ctx.now;
        let wait = match outcome {
            Outcome::Done { worked } => {
                if worked {
                    // The relist that a successful sync asks for comes after it.
                    self.relist(ctx.now + Duration::from_micros(1), host, ctx);
                }
                RESYNC
            }
            Outcome::Failed { retry_at } => retry_at.map_or(RETRY, |it| it.since(ctx.now)).min(RESYNC),
            Outcome::Cancelled => RETRY,
            Outcome::Terminal => {
                self.stage = self.stage.max(Stage::Terminating);
                self.grace = self.grace.or_else(|| Some(self.effective_grace()));
                self.pending = true;
                Duration::ZERO
            }
            Outcome::Stopped => {
                self.stage = Stage::Terminated;
                self.pending = true;
                Duration::ZERO
            }
            Outcome::Ended => {
                self.stage = Stage::Finished;
                self.pending = false;
                self.work_due = None;
                return;
            }
        };
        // Jitter only adds.
        let jittered = ctx.rng.between(wait, wait + wait / 2);
        let due = host.next_tick(ctx.now + jittered);
        self.work_due = Some(due);
        ctx.outbox.at(due, Event::Due { pod: self.id });
        if self.pending {
            self.begin(host, ctx);
        }
    }

    pub(crate) fn lose_flights(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) {
        self.lose_probe_flights();
        if self.doing != Doing::Idle {
            self.pending = true;
            self.end_sync(Outcome::Cancelled, host, ctx);
        }
    }

    pub(crate) fn due(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) {
        if self.work_due.is_some_and(|it| it <= ctx.now) {
            self.work_due = None;
            self.update(host, ctx);
        }
    }

    /// Asks the runtime anew; news lead to a look at the Pod.
    pub(crate) fn relist(&mut self, at: SimTime, host: &mut Host, ctx: &mut Ctx<'_>) {
        host.dirty.remove(&self.id);
        let (observed, missed) = if self.stage < Stage::Terminated {
            Observed::relist(ctx.runtime, &self.sandboxes, &self.made, &self.cache, ctx.now)
        } else {
            // The runtime has answered that all is stopped: it has noticed every end by itself.
            (Observed::read(ctx.runtime, &self.sandboxes, &self.made, &self.cache), false)
        };
        if missed {
            host.mark_dirty(self.id, ctx);
        }
        let news = observed.has_news(&self.cache);
        self.cache = observed;
        self.cache_at = at;
        if news {
            self.collect_garbage(host, ctx);
            self.update(host, ctx);
        }
    }

    /// Of each container one dead instance is kept; of an evicted Pod none.
    // Follows kubernetes v1.36 pkg/kubelet/kubelet.go: cleanUpContainersInPod.
    fn collect_garbage(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) {
        let none_kept = self.is_evicted();
        let mut seen: Vec<&str> = Vec::new();
        let mut old = Vec::new();
        for it in self.cache.containers.iter().filter(|it| it.exit().is_some()) {
            if none_kept || seen.contains(&it.status.name.as_str()) {
                old.push(it.status.id);
            } else {
                seen.push(&it.status.name);
            }
        }
        for id in old {
            ctx.runtime.remove_container(id);
            host.containers.remove(&id);
            self.made.retain(|it| it.id != id);
            host.mark_dirty(self.id, ctx);
        }
    }

    pub(crate) fn sandbox_ip(&self, ctx: &Ctx<'_>) -> String {
        let status = self.sandboxes.last().and_then(|id| ctx.runtime.sandbox_status(*id));
        status.map_or_else(|| self.cache.ip.clone(), |it| it.ip)
    }

    pub(crate) fn next_poll(since: SimTime, period: Duration, now: SimTime) -> SimTime {
        let passed = now.since(since).as_micros();
        let period_micros = period.as_micros();
        since + Duration::from_micros(((passed / period_micros + 1) * period_micros) as u64)
    }

    /// A container has ended: does a kill wait for that?
    pub(crate) fn advance_if_killing(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) {
        if matches!(self.doing, Doing::KillPod { .. } | Doing::KillSome { .. } | Doing::Start(_)) {
            self.advance(host, ctx);
        }
    }

    pub(crate) fn plan_deadline_check(&mut self, ctx: &mut Ctx<'_>) {
        if let Some(seconds) = pod::spec(&self.pod).active_deadline_seconds
            && !self.rejected
        {
            let due = self.deadline().unwrap_or(ctx.now + Duration::from_secs(seconds.max(0).unsigned_abs()));
            ctx.outbox.at(due.max(ctx.now), Event::Deadline { pod: self.id });
        }
    }

    /// Like the kubelet's look at its Pods each second.
    pub(crate) fn check_deadline(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) {
        let Some(deadline) = self.deadline() else { return };
        let tick = host.next_tick(deadline.max(ctx.now));
        if ctx.now < tick {
            ctx.outbox.at(tick, Event::Deadline { pod: self.id });
        } else if self.stage == Stage::Syncing {
            self.update(host, ctx);
            ctx.outbox.at(tick + Duration::from_secs(1), Event::Deadline { pod: self.id });
        }
    }

    /// Everything of the Pod leaves the machine.
    pub(crate) fn clean_up(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) {
        self.stop_probes(true, host);
        self.release_volumes(ctx);
        for id in std::mem::take(&mut self.sandboxes) {
            ctx.runtime.stop_sandbox(id, ctx.now, ctx.runtime_outbox);
            ctx.runtime.remove_sandbox(id);
            host.sandboxes.remove(&id);
        }
        for it in std::mem::take(&mut self.made) {
            host.containers.remove(&it.id);
        }
        host.dirty.remove(&self.id);
    }

    /// How long until the back-off lets a container start again, for the page.
    pub fn backoff_until(&self, container: &str, image: &str) -> Option<(Backoff, SimTime)> {
        let backoff = self.crash_backoffs.get(&(container.to_owned(), image.to_owned()))?;
        let exited = self.cache.find_exited(container)?;
        let ContainerState::Exited { finished_at, .. } = &exited.status.state else { return None };
        Some((*backoff, *finished_at + backoff.wait))
    }
}

/// Between two looks for whether the volumes are there.
pub const VOLUME_POLL: Duration = Duration::from_millis(300);

/// The time from a binding to the first look at the Pod, or between a wish and a look.
pub(crate) fn begin_delay(worker: &Worker, ctx: &mut Ctx<'_>) -> Duration {
    if worker.last_sync == SimTime::ZERO {
        latency::POD_WORKER_START.draw(ctx.rng)
    } else {
        latency::POD_SYNC.draw(ctx.rng)
    }
}
