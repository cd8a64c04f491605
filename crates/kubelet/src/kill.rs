//! Stopping containers: hook, signal, grace period, the order among sidecars.
//!
//! Follows kubernetes v1.36 pkg/kubelet/kuberuntime: killContainer, executePreStopHook, terminationOrdering.

use std::time::Duration;

use api::Pod;
use apiserver::EventKind;
use runtime::{ContainerId, ContainerState, Signal};
use sim::{SimTime, latency};

use crate::actions::{KillPlan, KillReason};
use crate::hooks::Hook;
use crate::pod;
use crate::worker::Worker;
use crate::{Ctx, Host};

/// Even the shortest kill leaves the process this long.
const GRACE_SECONDS_MIN: i64 = 2;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Kill {
    pub container: ContainerId,
    pub name: String,
    /// What is left of the grace period at the beginning of the step, in seconds.
    pub grace: i64,
    pub step: KillStep,
    /// The hook did not end in time: its failure is told when the container is gone.
    overrun: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum KillStep {
    PreStop {
        hook: Hook,
        since: SimTime,
        deadline: SimTime,
    },
    /// A sidecar waits until those that need it have ended.
    Turn {
        since: SimTime,
        deadline: SimTime,
    },
    /// The signal is sent; SIGKILL follows at the deadline.
    Stopping {
        signal: Signal,
        deadline: SimTime,
    },
    /// The process is gone, the runtime's answer is on its way.
    Settling {
        at: SimTime,
    },
    Done,
}

/// Containers that are stopped at the same time.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Kills {
    pub list: Vec<Kill>,
    /// Sidecars wait for their turn.
    pub ordered: bool,
}

impl Kills {
    pub fn is_done(&self) -> bool {
        self.list.iter().all(|it| it.step == KillStep::Done)
    }

    fn is_gone(&self, name: &str) -> bool {
        !self.list.iter().any(|it| it.name == name && it.step != KillStep::Done)
    }

    /// App containers end first, then the sidecars from the last to the first.
    fn may_stop(&self, pod: &Pod, name: &str) -> bool {
        let init = pod::init_containers(pod);
        let Some(place) = init.iter().position(|it| it.name == name && pod::is_sidecar(it)) else {
            return true;
        };
        let later = init[place + 1..].iter().find(|it| pod::is_sidecar(it));
        pod::app_containers(pod).iter().chain(later).all(|it| self.is_gone(&it.name))
    }
}

impl Worker {
    /// Announces and begins one kill. `override_grace` is the Pod's own termination.
    pub(crate) fn begin_kill(
        &mut self,
        plan: &KillPlan,
        override_grace: Option<i64>,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) -> Kill {
        let pod = self.pod.clone();
        let found = pod::find_container(&pod, &plan.name);
        let role = pod::slot_of(&pod, &plan.name).map_or(pod::Role::App, |it| it.role);
        let message = if plan.message.is_empty() {
            format!("Stopping container {}", plan.name)
        } else {
            plan.message.clone()
        };
        let regarding = pod::container_reference(&pod, role, &plan.name);
        host.tell(regarding, EventKind::Normal, "Killing", message, self.revision, ctx);
        let probe_grace = found.as_deref().and_then(|it| match plan.reason {
            KillReason::Liveness => it.liveness_probe.as_ref()?.termination_grace_period_seconds,
            KillReason::Startup => it.startup_probe.as_ref()?.termination_grace_period_seconds,
            KillReason::Other => None,
        });
        let own = pod.metadata.deletion_grace_period_seconds;
        let of_pod = pod::spec(&pod).termination_grace_period_seconds;
        let grace = override_grace.or(own).or(probe_grace).or(of_pod).unwrap_or(GRACE_SECONDS_MIN);
        let mut kill = Kill {
            container: plan.container,
            name: plan.name.clone(),
            grace,
            step: KillStep::Done,
            overrun: false,
        };
        let pre_stop = found.as_deref().and_then(|it| it.lifecycle.as_ref()?.pre_stop.as_ref());
        kill.step = match (&found, pre_stop) {
            (Some(container), Some(handler)) if 0 < grace => KillStep::PreStop {
                hook: self.start_hook(handler, container, plan.container, host, ctx),
                since: ctx.now,
                deadline: ctx.now + seconds(grace),
            },
            _ => KillStep::Turn { since: ctx.now, deadline: ctx.now + seconds(grace.max(0)) },
        };
        kill
    }

    /// Goes on with all kills as far as it can; answers when to look again.
    pub(crate) fn advance_kills(
        &mut self,
        kills: &mut Kills,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) -> Option<SimTime> {
        loop {
            let mut moved = false;
            for index in 0..kills.list.len() {
                let may_stop = !kills.ordered || kills.may_stop(&self.pod, &kills.list[index].name);
                moved |= self.advance_kill(&mut kills.list[index], may_stop, host, ctx);
            }
            if !moved {
                break;
            }
        }
        kills
            .list
            .iter()
            .filter_map(|it| match &it.step {
                KillStep::PreStop { hook, deadline, .. } => {
                    Some(hook.sleeps_until().map_or(*deadline, |until| until.min(*deadline)))
                }
                KillStep::Turn { deadline, .. } | KillStep::Stopping { deadline, .. } => Some(*deadline),
                KillStep::Settling { at } => Some(*at),
                KillStep::Done => None,
            })
            .min()
    }

    fn advance_kill(&mut self, kill: &mut Kill, may_stop: bool, host: &mut Host, ctx: &mut Ctx<'_>) -> bool {
        let left = |grace: i64, since: SimTime| grace - ctx.now.since(since).as_secs() as i64;
        match &mut kill.step {
            KillStep::PreStop { hook, since, deadline } => {
                let outcome = hook.poll(ctx.now);
                let gone = has_ended(kill.container, ctx);
                if outcome.is_none() && ctx.now < *deadline && !gone {
                    return false;
                }
                kill.overrun = outcome.is_none();
                let grace = left(kill.grace, *since);
                if let Some(Err(_)) = outcome {
                    self.tell_pre_stop_failed(&kill.name, host, ctx);
                }
                kill.grace = grace;
                kill.step = KillStep::Turn { since: ctx.now, deadline: ctx.now + seconds(grace.max(0)) };
            }
            KillStep::Turn { since, deadline } => {
                if !may_stop && ctx.now < *deadline && !has_ended(kill.container, ctx) {
                    return false;
                }
                kill.grace = left(kill.grace, *since).max(GRACE_SECONDS_MIN);
                let signal = ctx.runtime.stop_signal(kill.container);
                let deadline = ctx.now + seconds(kill.grace);
                ctx.runtime.signal_container(kill.container, signal, ctx.now, ctx.runtime_outbox);
                kill.step = KillStep::Stopping { signal, deadline };
                host.mark_dirty(self.id, ctx);
            }
            KillStep::Stopping { signal, deadline } => {
                if has_ended(kill.container, ctx) {
                    let at = ctx.now + latency::CONTAINER_STOP.draw(ctx.rng);
                    kill.step = KillStep::Settling { at };
                } else if *deadline <= ctx.now && *signal != Signal::Kill {
                    *signal = Signal::Kill;
                    // What ignores even SIGKILL is asked again.
                    *deadline = ctx.now + seconds(1);
                    ctx.runtime.signal_container(kill.container, Signal::Kill, ctx.now, ctx.runtime_outbox);
                } else if *deadline <= ctx.now {
                    *deadline = ctx.now + seconds(1);
                    ctx.runtime.signal_container(kill.container, Signal::Kill, ctx.now, ctx.runtime_outbox);
                    return false;
                } else {
                    return false;
                }
            }
            KillStep::Settling { at } => {
                if ctx.now < *at {
                    return false;
                }
                kill.step = KillStep::Done;
                if std::mem::take(&mut kill.overrun) {
                    self.tell_pre_stop_failed(&kill.name, host, ctx);
                }
            }
            KillStep::Done => return false,
        }
        true
    }

    fn tell_pre_stop_failed(&mut self, name: &str, host: &mut Host, ctx: &mut Ctx<'_>) {
        let role = pod::slot_of(&self.pod, name).map_or(pod::Role::App, |it| it.role);
        let regarding = pod::container_reference(&self.pod, role, name);
        let text = "PreStopHook failed".to_owned();
        host.tell(regarding, EventKind::Warning, "FailedPreStopHook", text, self.revision, ctx);
    }
}

pub(crate) fn has_ended(container: ContainerId, ctx: &Ctx<'_>) -> bool {
    let status = ctx.runtime.container_status(container);
    status.is_none_or(|it| matches!(it.state, ContainerState::Exited { .. }))
}

fn seconds(count: i64) -> Duration {
    Duration::from_secs(count.max(0).unsigned_abs())
}
