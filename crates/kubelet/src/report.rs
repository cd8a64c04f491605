//! The kubelet's own copy of a Pod's status, and how it gets to the API server.
//!
//! Follows kubernetes v1.36 pkg/kubelet/status/status_manager.go: updateStatusInternal, SetContainerReadiness,
//! TerminatePod, syncPod, mergePodStatus, canBeDeleted.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use api::codec::same;
use api::k8s_openapi::api::core::v1::{ContainerStatus, PodStatus};
use api::{Because, Cause, Object, ObjectKey, Pod};
use apiserver::DeleteOptions;
use runtime::ContainerId;
use sim::{Gather as _, SimTime, latency};

use crate::held::Held;
use crate::pod;
use crate::resize::Resize;
use crate::status::{Sources, condition, derive, lost_state};
use crate::words::container_id_text;
use crate::worker::{Stage, Worker};
use crate::{Ctx, Event, Host, conditions};

/// From what the newest status was derived last without a change: derived from the same again, it stays the same.
/// This is knowledge about the state, no part of it, and so it takes no part in comparisons and digests.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settled(Option<(Held<Pod>, Held<PodStatus>, SimTime)>);

impl PartialEq for Settled {
    fn eq(&self, _: &Settled) -> bool {
        true
    }
}

impl Eq for Settled {}

impl Hash for Settled {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

const LOST: &str = "The container could not be located when the pod was terminated";

impl Worker {
    /// Derives a status from what `observed` says and makes it the newest.
    pub(crate) fn derive_status(
        &mut self,
        observed: &crate::observed::Observed,
        terminal: bool,
        verdict: Option<(&str, &str)>,
        host: &Host,
        ctx: &Ctx<'_>,
    ) -> PodStatus {
        let empty = PodStatus::default();
        let old = self.status.as_deref().or(self.pod.status.as_ref()).unwrap_or(&empty);
        let (status, unready) = derive(&Sources {
            pod: &self.pod,
            observed,
            old,
            reasons: &self.reasons,
            probes: &self.probes,
            resize: &self.resize,
            terminal,
            verdict,
            host_ip: &host.ip,
            now: ctx.now,
        });
        for name in unready {
            self.mark_triggered(&name);
        }
        status
    }

    /// Would a look at an undecided Pod derive the status that it has? Only what changes seldom may count: a Pod with
    /// probes, a resize or a reason why something does not start is always looked at.
    pub(crate) fn is_settled(&self) -> bool {
        let (Some((pod, status, seen)), Some(newest)) = (&self.settled.0, &self.status) else { return false };
        self.derives_plainly()
            && *seen == self.cache_at
            && Arc::ptr_eq(&pod.0, &self.pod.0)
            && Arc::ptr_eq(&status.0, &newest.0)
    }

    /// Is the status derived from the Pod, what is observed, and the status before, and from nothing else?
    fn derives_plainly(&self) -> bool {
        self.probes.is_empty()
            && self.reasons.is_empty()
            && self.verdict.is_none()
            && self.resize == Resize::default()
    }

    /// The newest status is what was just derived. `plain` tells that no decision of the kubelet was in it.
    pub(crate) fn take_derived(&mut self, status: PodStatus, plain: bool, ctx: &mut Ctx<'_>) {
        match self.status.clone().filter(|it| same(&**it, &status)) {
            Some(same) if plain && self.derives_plainly() => {
                self.settled = Settled(Some((self.pod.clone(), same, self.cache_at)));
            }
            Some(_) => {}
            None => self.replace_status(status, ctx),
        }
    }

    pub(crate) fn set_status(&mut self, status: PodStatus, ctx: &mut Ctx<'_>) {
        if self.status.as_deref().is_some_and(|it| same(it, &status)) {
            return;
        }
        self.replace_status(status, ctx);
    }

    fn replace_status(&mut self, status: PodStatus, ctx: &mut Ctx<'_>) {
        self.refresh_targets(&status);
        self.status = Some(Held::new(status));
        self.plan_report(ctx);
    }

    pub(crate) fn plan_report(&mut self, ctx: &mut Ctx<'_>) {
        if self.mirror.is_of_file && !self.is_shown() {
            return;
        }
        if !self.report_planned {
            self.report_planned = true;
            let delay = latency::STATUS_WRITE.draw(ctx.rng);
            ctx.outbox.at(ctx.now + delay, Event::Report { pod: self.id });
        }
    }

    /// A readiness probe has changed its mind: no look at the containers is needed to say so.
    pub(crate) fn set_readiness(&mut self, container: ContainerId, ready: bool, ctx: &mut Ctx<'_>) {
        let pod = self.pod.clone();
        self.change_container(
            container,
            ctx,
            |found| {
                let changed = found.ready != ready;
                found.ready = ready;
                changed
            },
            |old, status, now| conditions::refresh_readiness(&pod, old, status, now),
        );
    }

    pub(crate) fn set_started(&mut self, container: ContainerId, started: bool, ctx: &mut Ctx<'_>) {
        self.change_container(
            container,
            ctx,
            |found| {
                let changed = found.started != Some(started);
                found.started = Some(started);
                changed
            },
            |_, _, _| {},
        );
    }

    fn change_container(
        &mut self,
        container: ContainerId,
        ctx: &mut Ctx<'_>,
        change: impl Fn(&mut ContainerStatus) -> bool,
        then: impl Fn(&PodStatus, &mut PodStatus, sim::SimTime),
    ) {
        let Some(old) = self.status.clone() else { return };
        let text = container_id_text(container);
        let mut status = (*old).clone();
        let found = status
            .container_statuses
            .iter_mut()
            .chain(&mut status.init_container_statuses)
            .flatten()
            .find(|it| it.container_id.as_deref() == Some(&text));
        if found.is_some_and(change) {
            then(&old, &mut status, ctx.now);
            self.set_status(status, ctx);
        }
    }

    /// The sandbox is up; the rest of the status is as it was.
    pub(crate) fn report_sandbox_up(&mut self, ctx: &mut Ctx<'_>) {
        let Some(old) = self.status.clone() else { return };
        let mut status = (*old).clone();
        conditions::set_sandbox_up(&self.pod, &old, &mut status, ctx.now);
        self.set_status(status, ctx);
    }

    /// The last word about a Pod: what is not known to have ended has been lost.
    pub(crate) fn terminate_status(&mut self, ctx: &mut Ctx<'_>) {
        let mut status = self.status.as_deref().or(self.pod.status.as_ref()).cloned().unwrap_or_default();
        let lose = |list: &mut dyn Iterator<Item = &mut ContainerStatus>| {
            for it in list {
                if it.state.as_ref().is_none_or(|state| state.terminated.is_none()) {
                    it.state = Some(lost_state(LOST));
                }
            }
        };
        if self.has_initialized() {
            lose(&mut status.container_statuses.iter_mut().flatten());
        }
        let begun = |it: &ContainerStatus| {
            it.state.as_ref().is_none_or(|state| state.waiting.is_none())
                || it.last_state.as_ref().is_some_and(|state| state.terminated.is_some())
        };
        if let Some(init) = status.init_container_statuses.as_mut() {
            let reached = init.iter().rposition(begun).unwrap_or(0);
            lose(&mut init.iter_mut().take(reached + 1));
        }
        if !pod::is_terminal(status.phase.as_deref().unwrap_or("")) {
            status.phase = Some("Failed".to_owned());
        }
        self.finished = true;
        self.set_status(status, ctx);
        self.plan_report(ctx);
    }

    /// Follows hasPodInitialized.
    fn has_initialized(&self) -> bool {
        let init = pod::init_containers(&self.pod);
        let Some(status) = self.status.as_deref().or(self.pod.status.as_ref()) else {
            return init.is_empty();
        };
        let apps_began = status.container_statuses.iter().flatten().any(|it| {
            it.state.as_ref().is_some_and(|state| state.waiting.is_none())
                || it.last_state.as_ref().is_some_and(|state| state.terminated.is_some())
        });
        let last_done = match (init.last(), status.init_container_statuses.as_ref().and_then(|it| it.last()))
        {
            (Some(container), Some(last)) if pod::is_sidecar(container) => last.started == Some(true),
            (Some(_), Some(last)) => [&last.state, &last.last_state]
                .into_iter()
                .flatten()
                .any(|state| state.terminated.as_ref().is_some_and(|it| it.exit_code == 0)),
            _ => false,
        };
        init.is_empty() || apps_began || last_done
    }

    /// Writes the newest status; a deleted Pod whose work is done leaves the store for good.
    pub(crate) fn write_report(&mut self, host: &Host, ctx: &mut Ctx<'_>) {
        self.report_planned = false;
        let Some(status) = self.status.clone() else { return };
        let key = ObjectKey::pod(pod::namespace(&self.pod), pod::name(&self.pod));
        let Some(Object::Pod(current)) = ctx.api.get(&key) else { return };
        if pod::uid_on_node(current) != &*self.uid {
            return;
        }
        let may_run = matches!(self.stage, Stage::Syncing | Stage::Terminating) && !self.rejected;
        let merged = merge(current, &status, may_run);
        let phase = merged.phase.clone().unwrap_or_default();
        let deleted = current.metadata.deletion_timestamp.is_some();
        let cause = |because| Cause { by: host.actor.clone(), because, parent: self.parent() };
        if !current.status.as_ref().is_some_and(|it| same(it, &merged)) {
            // Without a copy of the status that it replaces.
            let (metadata, spec) = (current.metadata.clone(), current.spec.clone());
            let pod = Pod { metadata, spec, status: Some(merged) };
            let because = match (&self.verdict, self.finished) {
                (Some((reason, _)), _) => Because::Refused { reason: reason.as_str().into() },
                (None, true) => Because::Terminated,
                (None, false) => Because::StatusSync,
            };
            // A status that is refused is derived anew at the next look.
            let _ = ctx.api.update_status(pod.into(), cause(because), ctx.now);
        }
        if deleted && !self.mirror.is_of_file && self.finished && pod::is_terminal(&phase) {
            let options = DeleteOptions {
                grace_period_seconds: Some(0),
                uid: Some(self.uid.to_string()),
                ..DeleteOptions::default()
            };
            let _ = ctx.api.delete(&key, &options, cause(Because::Terminated), ctx.now);
        }
    }
}

/// Follows mergePodStatus: others' conditions stay, and no final phase while something may still run.
fn merge(current: &Pod, new: &PodStatus, may_run: bool) -> PodStatus {
    let empty = PodStatus::default();
    let old = current.status.as_ref().unwrap_or(&empty);
    let mut merged = new.clone();
    let terminal = |it: &PodStatus| pod::is_terminal(it.phase.as_deref().unwrap_or(""));
    let ending = !terminal(old) && terminal(new);
    let owned = |kind: &str| conditions::is_owned(kind);
    let mut list: Vec<_> = old.conditions.iter().flatten().filter(|it| !owned(&it.type_)).cloned().gather();
    if ending
        && !may_run
        && let Some(target) = condition(new.conditions.as_ref(), "DisruptionTarget")
    {
        conditions::replace_or_append(&mut list, target.clone());
    }
    list.extend(new.conditions.iter().flatten().filter(|it| owned(&it.type_)).cloned());
    merged.conditions = (!list.is_empty()).then_some(list);
    merged.nominated_node_name.clone_from(&old.nominated_node_name);
    merged.resource_claim_statuses.clone_from(&old.resource_claim_statuses);
    merged.extended_resource_claim_status.clone_from(&old.extended_resource_claim_status);
    if ending && may_run {
        merged.phase.clone_from(&old.phase);
        merged.reason.clone_from(&old.reason);
        merged.message.clone_from(&old.message);
    }
    merged
}
