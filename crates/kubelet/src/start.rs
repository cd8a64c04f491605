//! Starting containers one after the other: back-off, image, configuration, create, start, postStart.
//!
//! Follows kubernetes v1.36 pkg/kubelet/kuberuntime: doBackOff, startContainer; pkg/kubelet/images:
//! EnsureImageExists, pullImage.

use std::collections::VecDeque;

use api::k8s_openapi::api::core::v1::Container;
use apiserver::EventKind;
use runtime::{ContainerConfig, ContainerId, Notice, PullError, PullId, PulledImage, SandboxId};
use sim::{Gather as _, SimTime, latency};

use crate::actions::{KillPlan, KillReason};
use crate::backoff::Backoff;
use crate::held::Held;
use crate::hooks::{Hook, HookWait};
use crate::kill::Kills;
use crate::observed::{Instance, Made};
use crate::pod::{self, Role, Slot};
use crate::status::Reason;
use crate::sync::{Doing, Next, Outcome};
use crate::words::go_duration;
use crate::worker::Worker;
use crate::{Ctx, Host};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Starts {
    sandbox: SandboxId,
    queue: VecDeque<Slot>,
    pub step: StartStep,
    worked: bool,
    failed: bool,
    /// The earliest end of a back-off, as long as nothing else failed.
    retry_at: Option<SimTime>,
    other_failure: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum StartStep {
    Next,
    Pulling {
        slot: Slot,
        pull: PullId,
        image: String,
        since: SimTime,
        ended: Option<Result<PulledImage, PullError>>,
    },
    Create {
        slot: Slot,
        at: SimTime,
    },
    Start {
        slot: Slot,
        id: ContainerId,
        at: SimTime,
    },
    PostStart {
        slot: Slot,
        id: ContainerId,
        hook: Hook,
    },
    /// The hook failed: the container is stopped before its failure is told.
    Undo {
        slot: Slot,
        kills: Kills,
        message: String,
    },
}

impl Starts {
    pub fn new(sandbox: SandboxId, slots: &[Slot]) -> Starts {
        Starts {
            sandbox,
            queue: slots.iter().copied().fill(),
            step: StartStep::Next,
            worked: false,
            failed: false,
            retry_at: None,
            other_failure: false,
        }
    }

    pub fn after_sandbox(mut self) -> Starts {
        self.worked = true;
        self
    }

    /// Takes the end of a pull or of a hook; answers whether it was waited for here.
    pub fn take(&mut self, notice: &Notice, pod_name: &str) -> bool {
        match (&mut self.step, notice) {
            (StartStep::Pulling { pull, ended, .. }, Notice::PullFinished { pull: done, result })
                if pull == done =>
            {
                *ended = Some(result.clone());
                true
            }
            (StartStep::PostStart { hook, .. }, _) => hook.take(notice, pod_name),
            _ => false,
        }
    }
}

/// Why a container was not started.
struct Failure {
    reason: &'static str,
    message: String,
    retry_at: Option<SimTime>,
}

impl Failure {
    fn new(reason: &'static str, message: String) -> Failure {
        Failure { reason, message, retry_at: None }
    }
}

impl Worker {
    pub(crate) fn step_starts(
        &mut self,
        mut starts: Box<Starts>,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) -> Next {
        match std::mem::replace(&mut starts.step, StartStep::Next) {
            StartStep::Next => {
                let Some(slot) = starts.queue.pop_front() else { return end_of(&starts) };
                starts.worked = true;
                let step = self.begin_start(slot, host, ctx);
                self.go_on(starts, slot, step)
            }
            StartStep::Pulling { slot, image, since, ended: Some(result), .. } => {
                let step = self.end_pull(slot, &image, since, result, host, ctx);
                self.go_on(starts, slot, step)
            }
            step @ StartStep::Pulling { .. } => {
                starts.step = step;
                Next::Wait(Doing::Start(starts), None)
            }
            step @ (StartStep::Create { at, .. } | StartStep::Start { at, .. }) if ctx.now < at => {
                starts.step = step;
                Next::Wait(Doing::Start(starts), Some(at))
            }
            StartStep::Create { slot, .. } => {
                let step = self.create(slot, starts.sandbox, host, ctx);
                self.go_on(starts, slot, step)
            }
            StartStep::Start { slot, id, .. } => {
                let step = self.start(slot, id, host, ctx);
                self.go_on(starts, slot, step)
            }
            StartStep::PostStart { slot, id, hook } => match hook.poll(ctx.now) {
                None => {
                    let due = hook.sleeps_until();
                    starts.step = StartStep::PostStart { slot, id, hook };
                    Next::Wait(Doing::Start(starts), due)
                }
                Some(Ok(())) => self.go_on(starts, slot, Ok(StartStep::Next)),
                Some(Err(message)) => {
                    starts.step = self.undo(slot, id, message, host, ctx);
                    Next::Go(Doing::Start(starts))
                }
            },
            StartStep::Undo { slot, mut kills, message } => {
                let due = self.advance_kills(&mut kills, host, ctx);
                if !kills.is_done() {
                    starts.step = StartStep::Undo { slot, kills, message };
                    return Next::Wait(Doing::Start(starts), due);
                }
                self.go_on(starts, slot, Err(Failure::new("PostStartHookError", message)))
            }
        }
    }

    /// Notes how the step ended, and what that means for the containers after it.
    fn go_on(&mut self, mut starts: Box<Starts>, slot: Slot, step: Result<StartStep, Failure>) -> Next {
        let Some(container) =
            pod::container(&self.pod, slot).map(|it| (it.name.clone(), pod::is_sidecar(&it)))
        else {
            return end_of(&starts);
        };
        let (name, sidecar) = container;
        match step {
            Ok(StartStep::Next) => {
                self.reasons.remove(&name);
            }
            Ok(step) => starts.step = step,
            Err(failure) => {
                starts.failed = true;
                match failure.retry_at {
                    Some(at) => starts.retry_at = Some(starts.retry_at.map_or(at, |it| it.min(at))),
                    None => starts.other_failure = true,
                }
                self.reasons.insert(name, Reason { reason: failure.reason, message: failure.message });
                if slot.role == Role::Init && !sidecar {
                    starts.queue.clear();
                }
            }
        }
        Next::Go(Doing::Start(starts))
    }

    fn tell_container(
        &mut self,
        slot: Slot,
        kind: EventKind,
        reason: &str,
        message: String,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) {
        let pod = self.pod.clone();
        let Some(container) = pod::container(&pod, slot) else { return };
        let regarding = pod::container_reference(&pod, slot.role, &container.name);
        host.tell(regarding, kind, reason, message, self.revision, ctx);
    }

    fn begin_start(&mut self, slot: Slot, host: &mut Host, ctx: &mut Ctx<'_>) -> Result<StartStep, Failure> {
        let pod = self.pod.clone();
        let Some(container) = pod::container(&pod, slot) else { return Ok(StartStep::Next) };
        self.check_backoff(slot, &container, host, ctx)?;
        self.ensure_image(slot, &container, host, ctx)
    }

    fn check_backoff(
        &mut self,
        slot: Slot,
        container: &Container,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) -> Result<(), Failure> {
        let Some((_, _, ended_at)) = self.cache.find_exited(&container.name).and_then(Instance::exit) else {
            return Ok(());
        };
        let key = (container.name.clone(), container.image.clone().unwrap_or_default());
        let entry = self.crash_backoffs.get(&key).copied();
        if let Some(backoff) = entry.filter(|it| it.holds_since(ended_at, ctx.now)) {
            let pod_name = pod::full_name(&self.pod);
            let name = &container.name;
            let text = format!("Back-off restarting failed container {name} in pod {pod_name}");
            self.tell_container(slot, EventKind::Warning, "BackOff", text, host, ctx);
            let wait = go_duration(backoff.wait);
            return Err(Failure {
                reason: "CrashLoopBackOff",
                message: format!("back-off {wait} restarting failed container={name} pod={pod_name}"),
                retry_at: Some(ended_at + backoff.wait),
            });
        }
        self.crash_backoffs.insert(key, Backoff::next(entry, ended_at, ctx.now));
        Ok(())
    }

    fn ensure_image(
        &mut self,
        slot: Slot,
        container: &Container,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) -> Result<StartStep, Failure> {
        let image = container.image.clone().unwrap_or_default();
        let policy = container.image_pull_policy.as_deref().unwrap_or("IfNotPresent");
        let present = match ctx.runtime.image_present(&host.name, &image) {
            Ok(present) => present,
            Err(error) => {
                let text = format!("Failed to apply default image tag \"{image}\": {error}");
                self.tell_container(slot, EventKind::Warning, "InspectFailed", text.clone(), host, ctx);
                return Err(self.image_failure(slot, "InvalidImageName", text, host, ctx));
            }
        };
        if present && policy != "Always" {
            let text = format!(
                "Container image \"{image}\" already present on machine and can be accessed by the pod"
            );
            self.tell_container(slot, EventKind::Normal, "Pulled", text, host, ctx);
            return Ok(plan_create(slot, ctx));
        }
        if policy == "Never" {
            let text = format!("Container image \"{image}\" is not present with pull policy of Never");
            self.tell_container(slot, EventKind::Warning, "ErrImageNeverPull", text.clone(), host, ctx);
            return Err(self.image_failure(slot, "ErrImageNeverPull", text, host, ctx));
        }
        if let Some((backoff, error)) = self.pull_backoffs.get(&image)
            && backoff.holds(ctx.now)
        {
            let text = format!("Back-off pulling image \"{image}\"");
            let message = format!("{text}: {error}");
            self.tell_container(slot, EventKind::Normal, "BackOff", text, host, ctx);
            return Err(self.image_failure(slot, "ImagePullBackOff", message, host, ctx));
        }
        let text = format!("Pulling image \"{image}\"");
        self.tell_container(slot, EventKind::Normal, "Pulling", text, host, ctx);
        match ctx.runtime.pull_image(&host.name, &image, ctx.now, ctx.runtime_outbox) {
            Ok(pull) => {
                host.pulls.insert(pull, self.id);
                Ok(StartStep::Pulling { slot, pull, image, since: ctx.now, ended: None })
            }
            Err(error) => self.end_pull(slot, &image, ctx.now, Err(error), host, ctx),
        }
    }

    fn image_failure(
        &mut self,
        slot: Slot,
        reason: &'static str,
        message: String,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) -> Failure {
        self.tell_container(slot, EventKind::Warning, "Failed", format!("Error: {reason}"), host, ctx);
        Failure::new(reason, message)
    }

    fn end_pull(
        &mut self,
        slot: Slot,
        image: &str,
        since: SimTime,
        result: Result<PulledImage, PullError>,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) -> Result<StartStep, Failure> {
        match result {
            Ok(pulled) => {
                self.pull_backoffs.remove(image);
                let millis = |it: std::time::Duration| {
                    go_duration(std::time::Duration::from_millis(it.as_millis() as u64))
                };
                let text = format!(
                    "Successfully pulled image \"{image}\" in {} ({} including waiting). Image size: {} bytes.",
                    millis(pulled.took),
                    millis(pulled.took_with_waiting.max(ctx.now.since(since))),
                    pulled.size_bytes
                );
                self.tell_container(slot, EventKind::Normal, "Pulled", text, host, ctx);
                Ok(plan_create(slot, ctx))
            }
            Err(error) => {
                let error = error.to_string();
                let entry = self.pull_backoffs.get(image).map(|it| it.0);
                let backoff = Backoff::next(entry, ctx.now, ctx.now);
                self.pull_backoffs.insert(image.to_owned(), (backoff, format!("ErrImagePull: {error}")));
                let text = format!("Failed to pull image \"{image}\": {error}");
                self.tell_container(slot, EventKind::Warning, "Failed", text, host, ctx);
                Err(self.image_failure(slot, "ErrImagePull", error, host, ctx))
            }
        }
    }

    fn create(
        &mut self,
        slot: Slot,
        sandbox: SandboxId,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) -> Result<StartStep, Failure> {
        let pod = self.pod.clone();
        let Some(container) = pod::container(&pod, slot) else { return Ok(StartStep::Next) };
        let attempt = self.attempts.get(&container.name).map_or(0, |it| it + 1);
        let config = self.container_config(&container, slot, attempt, host, ctx);
        let config: ContainerConfig = config.map_err(|message| {
            self.tell_container(slot, EventKind::Warning, "Failed", format!("Error: {message}"), host, ctx);
            Failure::new("CreateContainerConfigError", message)
        })?;
        let id = ctx.runtime.create_container(sandbox, config, ctx.now).map_err(|error| {
            let text = format!("Error: {error}");
            self.tell_container(slot, EventKind::Warning, "Failed", text, host, ctx);
            Failure::new("CreateContainerError", error.to_string())
        })?;
        self.attempts.insert(container.name.clone(), attempt);
        self.made.push(Made {
            id,
            name: container.name.clone(),
            image: container.image.clone().unwrap_or_default(),
            resources: Held::new(container.resources.clone().unwrap_or_default()),
            start_error: None,
            message_from_logs: container.termination_message_policy.as_deref()
                == Some("FallbackToLogsOnError"),
        });
        host.containers.insert(id, self.id);
        host.mark_dirty(self.id, ctx);
        self.tell_container(slot, EventKind::Normal, "Created", "Container created".to_owned(), host, ctx);
        Ok(StartStep::Start { slot, id, at: ctx.now + latency::CONTAINER_START.draw(ctx.rng) })
    }

    fn start(
        &mut self,
        slot: Slot,
        id: ContainerId,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) -> Result<StartStep, Failure> {
        host.mark_dirty(self.id, ctx);
        if let Err(error) = ctx.runtime.start_container(id, ctx.now, ctx.runtime_outbox) {
            let text = error.to_string();
            self.tell_container(slot, EventKind::Warning, "Failed", format!("Error: {text}"), host, ctx);
            if let Some(made) = self.made.iter_mut().find(|it| it.id == id) {
                made.start_error = Some(text.clone());
            }
            return Err(Failure::new("RunContainerError", text));
        }
        self.tell_container(slot, EventKind::Normal, "Started", "Container started".to_owned(), host, ctx);
        let pod = self.pod.clone();
        let container = pod::container(&pod, slot);
        let handler = container.as_deref().and_then(|it| it.lifecycle.as_ref()?.post_start.as_ref());
        let (Some(handler), Some(container)) = (handler, container.as_deref()) else {
            return Ok(StartStep::Next);
        };
        let hook = self.start_hook(handler, container, id, host, ctx);
        Ok(StartStep::PostStart { slot, id, hook })
    }

    fn undo(
        &mut self,
        slot: Slot,
        id: ContainerId,
        message: String,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) -> StartStep {
        let text = "PostStartHook failed".to_owned();
        self.tell_container(slot, EventKind::Warning, "FailedPostStartHook", text, host, ctx);
        let name = pod::container(&self.pod, slot).map(|it| it.name.clone()).unwrap_or_default();
        let plan = KillPlan {
            container: id,
            name,
            message: "FailedPostStartHook".to_owned(),
            reason: KillReason::Other,
        };
        let kill = self.begin_kill(&plan, None, host, ctx);
        StartStep::Undo { slot, kills: Kills { list: vec![kill], ordered: false }, message }
    }

    /// Hands the end of something that this worker waits for to whoever waits.
    pub(crate) fn take_notice(&mut self, notice: &Notice, host: &mut Host, ctx: &mut Ctx<'_>) {
        let pod_name = pod::full_name(&self.pod);
        let taken = match &mut self.doing {
            Doing::Start(starts) => match &mut starts.step {
                StartStep::Undo { kills, .. } => take_in_kills(kills, notice, &pod_name),
                _ => starts.take(notice, &pod_name),
            },
            Doing::KillPod { kills, .. } | Doing::KillSome { kills, .. } => {
                take_in_kills(kills, notice, &pod_name)
            }
            _ => false,
        };
        if taken {
            self.advance(host, ctx);
        }
    }
}

fn take_in_kills(kills: &mut Kills, notice: &Notice, pod_name: &str) -> bool {
    kills.list.iter_mut().any(|it| match &mut it.step {
        crate::kill::KillStep::PreStop { hook, .. } => {
            matches!(hook.wait, HookWait::Flight(_)) && hook.take(notice, pod_name)
        }
        _ => false,
    })
}

fn plan_create(slot: Slot, ctx: &mut Ctx<'_>) -> StartStep {
    StartStep::Create { slot, at: ctx.now + latency::CONTAINER_CREATE.draw(ctx.rng) }
}

fn end_of(starts: &Starts) -> Next {
    Next::End(if starts.failed {
        Outcome::Failed { retry_at: starts.retry_at.filter(|_| !starts.other_failure) }
    } else {
        Outcome::Done { worked: starts.worked }
    })
}
