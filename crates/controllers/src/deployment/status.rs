//! What a Deployment says about itself.
//!
//! Follows kubernetes v1.36 pkg/controller/deployment/progress.go and sync.go: calculateStatus, checkPausedConditions.

use std::sync::Arc;
use std::time::Duration;

use api::codec::same;
use api::k8s_openapi::api::apps::v1::{DeploymentCondition, DeploymentStatus, ReplicaSetStatus};
use api::{Because, Deployment, ReplicaSet};

use super::{Generations, Sync, scale};

pub(super) fn condition<'a>(
    status: Option<&'a DeploymentStatus>,
    kind: &str,
) -> Option<&'a DeploymentCondition> {
    status?.conditions.as_ref()?.iter().find(|it| it.type_ == kind)
}

/// Every Pod is of the new template and available.
pub(super) fn is_complete(deployment: &Deployment, status: &DeploymentStatus) -> bool {
    let wanted = deployment.spec.as_ref().and_then(|it| it.replicas).unwrap_or(1);
    [status.updated_replicas, status.replicas, status.available_replicas]
        .iter()
        .all(|it| it.unwrap_or(0) == wanted)
        && deployment.metadata.generation <= status.observed_generation
}

fn is_progressing(old: &DeploymentStatus, new: &DeploymentStatus) -> bool {
    let count = |it: Option<i32>| it.unwrap_or(0);
    let of_old = |it: &DeploymentStatus| count(it.replicas) - count(it.updated_replicas);
    count(old.updated_replicas) < count(new.updated_replicas)
        || of_old(new) < of_old(old)
        || count(old.ready_replicas) < count(new.ready_replicas)
        || count(old.available_replicas) < count(new.available_replicas)
}

fn remove(status: &mut DeploymentStatus, kind: &str) {
    if let Some(conditions) = &mut status.conditions {
        conditions.retain(|it| it.type_ != kind);
    }
}

/// Keeps a condition whose status and reason stay the same, times and message included.
fn set(status: &mut DeploymentStatus, mut fresh: DeploymentCondition) {
    let conditions = status.conditions.get_or_insert_default();
    if let Some(old) = conditions.iter().find(|it| it.type_ == fresh.type_) {
        if old.status == fresh.status && old.reason == fresh.reason {
            return;
        }
        if old.status == fresh.status {
            fresh.last_transition_time.clone_from(&old.last_transition_time);
        }
    }
    conditions.retain(|it| it.type_ != fresh.type_);
    conditions.push(fresh);
}

impl Sync<'_> {
    pub(super) fn progress_deadline(&self) -> Option<Duration> {
        let seconds = self.deployment.spec.as_ref().and_then(|it| it.progress_deadline_seconds);
        seconds.filter(|it| *it != i32::MAX).map(|it| Duration::from_secs(it.max(0) as u64))
    }

    fn new_condition(&self, kind: &str, status: &str, reason: &str, message: String) -> DeploymentCondition {
        let time = Some(api::time::time(self.now));
        DeploymentCondition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_transition_time: time.clone(),
            last_update_time: time,
        }
    }

    pub(super) fn set_condition(&mut self, kind: &str, status: &str, reason: &str, message: String) {
        let fresh = self.new_condition(kind, status, reason, message);
        set(self.status(), fresh);
    }

    pub(super) fn check_paused(&mut self) {
        if self.progress_deadline().is_none() {
            return;
        }
        let reason =
            condition(self.deployment.status.as_ref(), "Progressing").and_then(|it| it.reason.as_deref());
        if reason == Some("ProgressDeadlineExceeded") {
            return;
        }
        match (self.paused(), reason == Some("DeploymentPaused")) {
            (true, false) => {
                let message = "Deployment is paused".to_owned();
                self.set_condition("Progressing", "Unknown", "DeploymentPaused", message);
            }
            (false, true) => {
                let message = "Deployment is resumed".to_owned();
                self.set_condition("Progressing", "Unknown", "DeploymentResumed", message);
            }
            _ => return,
        }
        self.write_status(Because::Housekeeping);
    }

    fn calculate(&self, generations: &Generations) -> DeploymentStatus {
        let empty = ReplicaSetStatus::default();
        let sum = |count: &dyn Fn(&ReplicaSetStatus) -> i32,
                   sets: &mut dyn Iterator<Item = &Arc<ReplicaSet>>| {
            sets.map(|it| count(it.status.as_ref().unwrap_or(&empty))).sum::<i32>()
        };
        let some = |number: i32| (number != 0).then_some(number);
        let available = sum(&|it| it.available_replicas.unwrap_or(0), &mut generations.all());
        let wanted: i32 = generations.all().map(|it| scale::size(it)).sum();
        let old = self.deployment.status.clone().unwrap_or_default();
        let mut status = DeploymentStatus {
            observed_generation: self.deployment.metadata.generation,
            replicas: some(sum(&|it| it.replicas, &mut generations.all())),
            updated_replicas: some(sum(&|it| it.replicas, &mut generations.new.iter())),
            ready_replicas: some(sum(&|it| it.ready_replicas.unwrap_or(0), &mut generations.all())),
            available_replicas: some(available),
            unavailable_replicas: some((wanted - available).max(0)),
            terminating_replicas: Some(sum(
                &|it| it.terminating_replicas.unwrap_or(0),
                &mut generations.all(),
            )),
            collision_count: old.collision_count,
            conditions: old.conditions,
        };
        let fresh = if self.replicas() - self.max_unavailable() <= available {
            ("True", "MinimumReplicasAvailable", "Deployment has minimum availability.")
        } else {
            ("False", "MinimumReplicasUnavailable", "Deployment does not have minimum availability.")
        };
        set(&mut status, self.new_condition("Available", fresh.0, fresh.1, fresh.2.to_owned()));
        status
    }

    /// Outside a rollout: the counts.
    pub(super) fn sync_status(&mut self, generations: &Generations) {
        let status = self.calculate(generations);
        self.deployment.status = Some(status);
        self.write_status(Because::Housekeeping);
    }

    /// During a rollout: the counts and how it goes on.
    pub(super) fn sync_rollout_status(&mut self, generations: &Generations) {
        let mut status = self.calculate(generations);
        let deadline = self.progress_deadline();
        let current = condition(self.deployment.status.as_ref(), "Progressing").cloned();
        let finished = status.replicas == status.updated_replicas
            && current.as_ref().is_some_and(|it| it.reason.as_deref() == Some("NewReplicaSetAvailable"));
        match deadline {
            None => remove(&mut status, "Progressing"),
            Some(_) if finished => {}
            Some(deadline) => self.judge(&mut status, generations, current.as_ref(), deadline),
        }
        remove(&mut status, "ReplicaFailure");
        if let Some(failure) = replica_failure(generations) {
            let conditions = status.conditions.get_or_insert_default();
            conditions.push(failure);
        }
        if self.deployment.status.as_ref().is_some_and(|it| same(it, &status)) {
            self.watch_deadline(&status);
            return;
        }
        if !self.wrote_status {
            self.deployment.status = Some(status);
            self.write_status(Because::Rollout);
        }
    }

    fn judge(
        &self,
        status: &mut DeploymentStatus,
        generations: &Generations,
        current: Option<&DeploymentCondition>,
        deadline: Duration,
    ) {
        let subject = match &generations.new {
            Some(set) => format!("ReplicaSet \"{}\"", set.metadata.name.as_deref().unwrap_or("")),
            None => format!("Deployment \"{}\"", self.deployment.metadata.name.as_deref().unwrap_or("")),
        };
        let old = self.deployment.status.clone().unwrap_or_default();
        if is_complete(&self.deployment, status) {
            let message = format!("{subject} has successfully progressed.");
            set(status, self.new_condition("Progressing", "True", "NewReplicaSetAvailable", message));
        } else if is_progressing(&old, status) {
            let message = format!("{subject} is progressing.");
            let mut fresh = self.new_condition("Progressing", "True", "ReplicaSetUpdated", message);
            if let Some(current) = current {
                if current.status == "True" {
                    fresh.last_transition_time.clone_from(&current.last_transition_time);
                }
                remove(status, "Progressing");
            }
            set(status, fresh);
        } else if self.timed_out(current, deadline) {
            let message = format!("{subject} has timed out progressing.");
            set(status, self.new_condition("Progressing", "False", "ProgressDeadlineExceeded", message));
        }
    }

    fn timed_out(&self, current: Option<&DeploymentCondition>, deadline: Duration) -> bool {
        current.is_some_and(|it| match it.reason.as_deref() {
            Some("NewReplicaSetAvailable") => false,
            Some("ProgressDeadlineExceeded") => true,
            _ => it.last_update_time.as_ref().is_some_and(|it| api::time::sim_time(it) + deadline < self.now),
        })
    }

    /// A rollout that stands still is looked at again when its deadline has passed.
    fn watch_deadline(&mut self, status: &DeploymentStatus) {
        let (Some(deadline), Some(current)) =
            (self.progress_deadline(), condition(self.deployment.status.as_ref(), "Progressing"))
        else {
            return;
        };
        if is_complete(&self.deployment, status)
            || current.reason.as_deref() == Some("ProgressDeadlineExceeded")
        {
            return;
        }
        let since = current.last_update_time.as_ref().map(api::time::sim_time).unwrap_or_default();
        let left = (since + deadline) - self.now;
        self.plan.again_in(left + Duration::from_secs(1));
    }
}

fn replica_failure(generations: &Generations) -> Option<DeploymentCondition> {
    let sets = generations.new.iter().chain(&generations.old);
    let mut conditions = sets.filter_map(|it| it.status.as_ref()?.conditions.as_ref()).flatten();
    let failure = conditions.find(|it| it.type_ == "ReplicaFailure")?;
    Some(DeploymentCondition {
        type_: failure.type_.clone(),
        status: failure.status.clone(),
        reason: failure.reason.clone(),
        message: failure.message.clone(),
        last_transition_time: failure.last_transition_time.clone(),
        last_update_time: failure.last_transition_time.clone(),
    })
}
