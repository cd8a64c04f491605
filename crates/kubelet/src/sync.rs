//! One look at a Pod, step by step: each step ends at once or waits for something.
//!
//! Follows kubernetes v1.36 pkg/kubelet/kubelet.go: SyncPod, SyncTerminatingPod, SyncTerminatedPod;
//! kuberuntime_manager.go: SyncPod.

use std::time::Duration;

use apiserver::EventKind;
use runtime::SandboxConfig;
use sim::{Gather as _, SimTime, latency};

use crate::actions::{KillPlan, KillReason, PodActions, pod_actions};
use crate::kill::{Kill, Kills};
use crate::observed::Observed;
use crate::pod;
use crate::start::Starts;
use crate::worker::{Stage, VOLUME_POLL, Worker, begin_delay};
use crate::{Ctx, Host};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Doing {
    Idle,
    /// Waits until the cache is newer than the last look.
    Fresh,
    Begin {
        at: SimTime,
    },
    /// Waits for the volumes.
    Mounting {
        since: SimTime,
    },
    /// Stops all containers, then the sandbox.
    KillPod {
        kills: Kills,
        actions: Box<PodActions>,
        then_terminate: bool,
    },
    StopSandbox {
        at: SimTime,
        actions: Box<PodActions>,
        then_terminate: bool,
    },
    /// Stops single containers, one after the other.
    KillSome {
        kills: Kills,
        actions: Box<PodActions>,
    },
    RunSandbox {
        at: SimTime,
        actions: Box<PodActions>,
    },
    Start(Box<Starts>),
    Unmount {
        at: SimTime,
    },
}

pub enum Next {
    Go(Doing),
    /// For a notice, or at the latest until then.
    Wait(Doing, Option<SimTime>),
    End(Outcome),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done {
        worked: bool,
    },
    /// `retry_at` is the end of the shortest back-off, when back-off is all that went wrong.
    Failed {
        retry_at: Option<SimTime>,
    },
    Cancelled,
    /// The Pod has come to its end; its sandbox is next.
    Terminal,
    /// Its containers are gone.
    Stopped,
    /// All is done.
    Ended,
}

/// Follows kubernetes v1.36 pkg/kubelet/volumemanager: podAttachAndMountTimeout.
const MOUNT_TIMEOUT: Duration = Duration::from_secs(123);

impl Worker {
    pub(crate) fn step(&mut self, doing: Doing, host: &mut Host, ctx: &mut Ctx<'_>) -> Next {
        match doing {
            Doing::Idle => Next::Wait(Doing::Idle, None),
            Doing::Fresh if self.is_fresh(host, ctx.now) => {
                Next::Go(Doing::Begin { at: ctx.now + begin_delay(self, ctx) })
            }
            // Just after the relist.
            Doing::Fresh => {
                let due = host.next_relist(ctx.now) + Duration::from_millis(2);
                Next::Wait(Doing::Fresh, Some(due))
            }
            Doing::Begin { at }
            | Doing::StopSandbox { at, .. }
            | Doing::RunSandbox { at, .. }
            | Doing::Unmount { at }
                if ctx.now < at =>
            {
                Next::Wait(doing, Some(at))
            }
            Doing::Begin { .. } => match self.stage {
                Stage::Syncing => self.begin_sync(host, ctx),
                Stage::Terminating => self.begin_terminating(host, ctx),
                Stage::Terminated => self.begin_terminated(host, ctx),
                Stage::Finished => Next::End(Outcome::Ended),
            },
            Doing::Mounting { since } => self.wait_for_volumes(since, host, ctx),
            Doing::KillPod { mut kills, actions, then_terminate } => {
                let due = self.advance_kills(&mut kills, host, ctx);
                if !kills.is_done() {
                    return Next::Wait(Doing::KillPod { kills, actions, then_terminate }, due);
                }
                let up = self
                    .sandboxes
                    .last()
                    .and_then(|id| ctx.runtime.sandbox_status(*id))
                    .is_some_and(|it| it.ready);
                let delay = if up { latency::STOP_SANDBOX.draw(ctx.rng) } else { Duration::ZERO };
                Next::Go(Doing::StopSandbox { at: ctx.now + delay, actions, then_terminate })
            }
            Doing::StopSandbox { actions, then_terminate, .. } => {
                if let Some(id) = self.sandboxes.last() {
                    ctx.runtime.stop_sandbox(*id, ctx.now, ctx.runtime_outbox);
                    host.mark_dirty(self.id, ctx);
                }
                if then_terminate {
                    self.end_terminating(host, ctx)
                } else {
                    self.after_kills(actions, host, ctx)
                }
            }
            Doing::KillSome { kills, actions } => self.kill_some(kills, actions, host, ctx),
            Doing::RunSandbox { actions, .. } => self.run_sandbox(&actions, host, ctx),
            Doing::Start(starts) => self.step_starts(starts, host, ctx),
            Doing::Unmount { .. } => {
                self.release_volumes(ctx);
                self.terminate_status(ctx);
                Next::End(Outcome::Ended)
            }
        }
    }

    fn begin_sync(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) -> Next {
        let cache = std::mem::take(&mut self.cache);
        self.settle_resize(&cache, host, ctx);
        let verdict = self.decide(host, ctx);
        let undecided = verdict.is_none();
        let mut terminal = false;
        if undecided && self.is_settled() {
            debug_assert_eq!(
                Some(&self.derive_status(&cache, false, None, host, ctx)),
                self.status.as_deref(),
                "what is at rest derives itself"
            );
            self.cache = cache;
        } else {
            let verdict = verdict.as_ref().map(|(reason, message)| (reason.as_str(), message.as_str()));
            let status = self.derive_status(&cache, false, verdict, host, ctx);
            self.cache = cache;
            terminal = pod::is_terminal(status.phase.as_deref().unwrap_or(""));
            self.take_derived(status, undecided && !terminal, ctx);
        }
        self.reconcile_mirror(host, ctx);
        self.run_triggered(host, ctx);
        if terminal {
            return Next::End(Outcome::Terminal);
        }
        self.plan_volumes(ctx);
        Next::Go(Doing::Mounting { since: ctx.now })
    }

    /// Has the kubelet decided that the Pod has failed?
    fn decide(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) -> Option<(String, String)> {
        if self.is_past_deadline(ctx.now) {
            let text = "Pod was active on the node longer than the specified deadline".to_owned();
            let regarding = pod::reference(&self.pod);
            host.tell(regarding, EventKind::Normal, "DeadlineExceeded", text.clone(), self.revision, ctx);
            return Some(("DeadlineExceeded".to_owned(), text));
        }
        self.verdict.clone()
    }

    /// When `activeDeadlineSeconds` end.
    pub fn deadline(&self) -> Option<SimTime> {
        let seconds = pod::spec(&self.pod).active_deadline_seconds?;
        let status = self.status.as_deref().or(self.pod.status.as_ref())?;
        let start = api::time::sim_time(status.start_time.as_ref()?);
        Some(start + Duration::from_secs(seconds.max(0).unsigned_abs()))
    }

    fn is_past_deadline(&self, now: SimTime) -> bool {
        self.deadline().is_some_and(|it| it <= now)
    }

    fn wait_for_volumes(&mut self, since: SimTime, host: &mut Host, ctx: &mut Ctx<'_>) -> Next {
        let waited = ctx.now.since(since);
        if self.volumes_ready()
            && (self.mounts.settled || waited.as_micros().is_multiple_of(VOLUME_POLL.as_micros()))
        {
            self.mounts.settled = true;
            self.refresh_volumes(host, ctx);
            self.add_probes(host, ctx);
            let actions = pod_actions(&self.pod, &self.cache, &self.probes);
            return self.carry_out(actions, host, ctx);
        }
        if MOUNT_TIMEOUT <= waited {
            return Next::End(Outcome::Failed { retry_at: None });
        }
        let due = if self.volumes_ready() {
            Worker::next_poll(since, VOLUME_POLL, ctx.now)
        } else {
            since + MOUNT_TIMEOUT
        };
        Next::Wait(Doing::Mounting { since }, Some(due))
    }

    fn carry_out(&mut self, actions: PodActions, host: &mut Host, ctx: &mut Ctx<'_>) -> Next {
        if actions.create_sandbox && actions.sandbox.is_some() {
            let text = "Pod sandbox changed, it will be killed and re-created.".to_owned();
            let regarding = pod::reference(&self.pod);
            host.tell(regarding, EventKind::Normal, "SandboxChanged", text, self.revision, ctx);
        }
        let actions = Box::new(actions);
        if actions.kill_pod {
            let kills = self.kill_all(None, host, ctx);
            return Next::Go(Doing::KillPod { kills, actions, then_terminate: false });
        }
        self.kill_some(Kills::default(), actions, host, ctx)
    }

    fn kill_all(&mut self, grace: Option<i64>, host: &mut Host, ctx: &mut Ctx<'_>) -> Kills {
        let running: Vec<KillPlan> = self
            .cache
            .running()
            .map(|it| KillPlan {
                container: it.status.id,
                name: it.status.name.clone(),
                message: String::new(),
                reason: KillReason::Other,
            })
            .gather();
        let list: Vec<Kill> = running.iter().map(|plan| self.begin_kill(plan, grace, host, ctx)).gather();
        Kills { list, ordered: pod::has_sidecar(&self.pod) }
    }

    fn kill_some(
        &mut self,
        mut kills: Kills,
        mut actions: Box<PodActions>,
        host: &mut Host,
        ctx: &mut Ctx<'_>,
    ) -> Next {
        loop {
            let due = self.advance_kills(&mut kills, host, ctx);
            if !kills.is_done() {
                return Next::Wait(Doing::KillSome { kills, actions }, due);
            }
            if actions.kills.is_empty() {
                return self.after_kills(actions, host, ctx);
            }
            let plan = actions.kills.remove(0);
            kills.list = vec![self.begin_kill(&plan, None, host, ctx)];
        }
    }

    fn after_kills(&mut self, actions: Box<PodActions>, host: &mut Host, ctx: &mut Ctx<'_>) -> Next {
        if actions.create_sandbox {
            if actions.sandbox.is_some() {
                self.purge_init_containers(host, ctx);
            }
            let at = ctx.now + latency::RUN_SANDBOX.draw(ctx.rng);
            return Next::Go(Doing::RunSandbox { at, actions });
        }
        if !actions.kill_pod && !actions.resizes.is_empty() {
            self.resize_containers(&actions.resizes, host, ctx);
        }
        let sandbox = self.sandboxes.last().copied();
        match sandbox {
            Some(sandbox) if !actions.kill_pod => {
                Next::Go(Doing::Start(Box::new(Starts::new(sandbox, &actions.starts))))
            }
            _ => Next::End(Outcome::Done { worked: actions.kill_pod }),
        }
    }

    /// A new sandbox means that the init containers run again.
    fn purge_init_containers(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) {
        let pod = self.pod.clone();
        let names: Vec<&str> = pod::init_containers(&pod).iter().map(|it| it.name.as_str()).gather();
        self.made.retain(|it| {
            let keep = !names.contains(&it.name.as_str());
            if !keep {
                ctx.runtime.remove_container(it.id);
                host.containers.remove(&it.id);
            }
            keep
        });
    }

    fn run_sandbox(&mut self, actions: &PodActions, host: &mut Host, ctx: &mut Ctx<'_>) -> Next {
        let config = sandbox_config(&self.pod);
        match ctx.runtime.run_sandbox(&host.name, config, ctx.now, ctx.runtime_outbox) {
            Ok(sandbox) => {
                self.sandboxes.push(sandbox);
                host.sandboxes.insert(sandbox, self.id);
                host.mark_dirty(self.id, ctx);
                self.report_sandbox_up(ctx);
                Next::Go(Doing::Start(Box::new(Starts::new(sandbox, &actions.starts).after_sandbox())))
            }
            Err(error) => {
                let text = format!("Failed to create pod sandbox: {error}");
                let regarding = pod::reference(&self.pod);
                let reason = "FailedCreatePodSandBox";
                host.tell(regarding, EventKind::Warning, reason, text, self.revision, ctx);
                Next::End(Outcome::Failed { retry_at: None })
            }
        }
    }

    fn begin_terminating(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) -> Next {
        let cache = std::mem::take(&mut self.cache);
        let verdict = self.decide(host, ctx);
        let verdict = verdict.as_ref().map(|(reason, message)| (reason.as_str(), message.as_str()));
        let status = self.derive_status(&cache, false, verdict, host, ctx);
        self.cache = cache;
        self.set_status(status, ctx);
        self.run_triggered(host, ctx);
        self.stop_probes(false, host);
        let kills = self.kill_all(self.grace, host, ctx);
        Next::Go(Doing::KillPod { kills, actions: Box::default(), then_terminate: true })
    }

    fn end_terminating(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) -> Next {
        self.stop_probes(true, host);
        let observed = Observed::read(ctx.runtime, &self.sandboxes, &self.made, &self.cache);
        if observed.running().next().is_some() {
            return Next::End(Outcome::Failed { retry_at: None });
        }
        let verdict = self.decide(host, ctx);
        let verdict = verdict.as_ref().map(|(reason, message)| (reason.as_str(), message.as_str()));
        // As recorded: a static Pod whose file is gone comes to no final phase.
        let final_phase = !(self.gone && self.mirror.is_of_file);
        let status = self.derive_status(&observed, final_phase, verdict, host, ctx);
        self.set_status(status, ctx);
        Next::End(Outcome::Stopped)
    }

    fn begin_terminated(&mut self, host: &mut Host, ctx: &mut Ctx<'_>) -> Next {
        let cache = std::mem::take(&mut self.cache);
        let verdict = self.decide(host, ctx);
        let verdict = verdict.as_ref().map(|(reason, message)| (reason.as_str(), message.as_str()));
        let status = self.derive_status(&cache, true, verdict, host, ctx);
        self.cache = cache;
        self.set_status(status, ctx);
        Next::Go(Doing::Unmount { at: ctx.now + latency::VOLUME_UNMOUNT.draw(ctx.rng) })
    }
}

fn sandbox_config(pod: &api::Pod) -> SandboxConfig {
    let spec = pod::spec(pod);
    let mut hostname = spec.hostname.clone().unwrap_or_else(|| pod::name(pod).to_owned());
    hostname.truncate(63);
    let ports = pod::app_containers(pod).iter().chain(pod::init_containers(pod));
    let host_ports = ports.flat_map(|it| it.ports.iter().flatten()).filter_map(|it| {
        let host = u16::try_from(it.host_port?).ok().filter(|it| *it != 0)?;
        let protocol = it.protocol.clone().unwrap_or_else(|| "TCP".to_owned());
        Some((host, u16::try_from(it.container_port).ok()?, protocol))
    });
    let namespace = pod::namespace(pod);
    SandboxConfig {
        pod_uid: pod::uid(pod).to_owned(),
        pod_name: pod::name(pod).to_owned(),
        namespace: namespace.to_owned(),
        hostname: hostname.trim_end_matches(['-', '.']).to_owned(),
        host_network: pod::host_network(pod),
        host_pid: spec.host_pid.unwrap_or(false),
        share_process_namespace: spec.share_process_namespace.unwrap_or(false),
        host_aliases: spec
            .host_aliases
            .iter()
            .flatten()
            .map(|it| (it.ip.clone(), it.hostnames.clone().unwrap_or_default()))
            .gather(),
        dns_search: vec![
            format!("{namespace}.svc.cluster.local"),
            "svc.cluster.local".to_owned(),
            "cluster.local".to_owned(),
        ],
        host_ports: host_ports.gather(),
        ..SandboxConfig::default()
    }
}
