//! The two strategies.
//!
//! Follows kubernetes v1.36 pkg/controller/deployment/rolling.go and recreate.go.

use std::sync::Arc;

use api::{Because, Kind, ObjectKey, ReplicaSet};
use apiserver::DeleteOptions;
use sim::{Gather as _, Sort as _};

use super::{Generations, Sets, Sync, by_creation, revision, scale, status};
use crate::plan::Request;
use crate::pods;

impl Sync<'_> {
    pub(super) fn rollout_rolling(&mut self) {
        let generations = self.generations(true);
        let Some(new) = generations.new.clone() else { return };
        if !self.grow_new(&new, &generations) && !self.shrink_old(&new, &generations) {
            let complete =
                self.deployment.status.as_ref().is_some_and(|it| status::is_complete(&self.deployment, it));
            if complete {
                self.clean_up(&generations.old);
            }
        }
        self.sync_rollout_status(&generations);
    }

    fn grow_new(&mut self, new: &Arc<ReplicaSet>, generations: &Generations) -> bool {
        let (current, wanted) = (scale::size(new), self.replicas());
        if current == wanted {
            return false;
        }
        let others = generations.old.iter().map(|it| scale::size(it)).sum();
        let target = if wanted < current { wanted } else { self.new_set_replicas(others, current) };
        target != current && self.scale_set(new, target).is_some()
    }

    /// Old Pods go as far as enough others are available, those first that do not work anyway.
    fn shrink_old(&mut self, new: &Arc<ReplicaSet>, generations: &Generations) -> bool {
        let mut old: Sets = generations.old.iter().filter(|it| 0 < scale::size(it)).cloned().gather();
        if old.is_empty() {
            return false;
        }
        by_creation(&mut old);
        let min_available = self.replicas() - self.max_unavailable();
        let all: i32 = generations.all().map(|it| scale::size(it)).sum();
        let new_unavailable = scale::size(new) - scale::available(new);
        let max_scaled_down = all - min_available - new_unavailable;
        if max_scaled_down <= 0 {
            return false;
        }
        let mut scaled_down = 0;
        for set in &mut old {
            let unhealthy = scale::size(set) - scale::available(set);
            let count = unhealthy.min(max_scaled_down - scaled_down);
            if count <= 0 {
                continue;
            }
            let target = scale::size(set) - count;
            if let Some(smaller) = self.scale_set(set, target) {
                *set = smaller;
                scaled_down += count;
            }
        }
        let available: i32 = old.iter().chain([new]).map(|it| scale::available(it)).sum();
        let mut left = available - min_available;
        for set in &old {
            let count = scale::size(set).min(left);
            if 0 < count {
                let target = scale::size(set) - count;
                if self.scale_set(set, target).is_some() {
                    scaled_down += count;
                }
                left -= count;
            }
        }
        0 < scaled_down
    }

    pub(super) fn rollout_recreate(&mut self) {
        let generations = self.generations(false);
        let active: Sets = generations.old.iter().filter(|it| 0 < scale::size(it)).cloned().gather();
        let mut scaled_down = false;
        for set in &active {
            scaled_down |= self.scale_set(set, 0).is_some();
        }
        if scaled_down || self.old_pods_run(&generations) {
            self.sync_rollout_status(&generations);
            return;
        }
        let generations = if generations.new.is_none() { self.generations(true) } else { generations };
        if let Some(new) = &generations.new
            && !self.wrote_status
        {
            self.scale_set(new, self.replicas());
        }
        if self.deployment.status.as_ref().is_some_and(|it| status::is_complete(&self.deployment, it)) {
            self.clean_up(&generations.old);
        }
        self.sync_rollout_status(&generations);
    }

    fn old_pods_run(&self, generations: &Generations) -> bool {
        let counted = |it: &Arc<ReplicaSet>| it.status.as_ref().is_some_and(|it| 0 < it.replicas);
        generations.old.iter().any(|set| {
            let uid = set.metadata.uid.as_deref().unwrap_or("");
            let mut pods = self.view.index.dependents(uid).filter_map(|it| self.view.get(it)?.as_pod());
            counted(set) || pods.any(|it| !pods::is_terminal(it))
        })
    }

    /// Old ReplicaSets beyond the history limit go, the oldest revision first.
    pub(super) fn clean_up(&mut self, old: &[Arc<ReplicaSet>]) {
        let limit = self.deployment.spec.as_ref().and_then(|it| it.revision_history_limit);
        let Some(limit) = limit.filter(|it| *it != i32::MAX) else { return };
        let mut alive: Sets =
            old.iter().filter(|it| it.metadata.deletion_timestamp.is_none()).cloned().gather();
        let surplus = alive.len().saturating_sub(limit.max(0) as usize);
        alive.put_in_order_by_key(|it| revision(it));
        for set in alive.iter().take(surplus) {
            let status = set.status.clone().unwrap_or_default();
            if status.replicas != 0
                || scale::size(set) != 0
                || status.observed_generation < set.metadata.generation
            {
                continue;
            }
            let namespace = set.metadata.namespace.as_deref().unwrap_or("");
            let name = set.metadata.name.as_deref().unwrap_or("");
            let key = ObjectKey::new(Kind::ReplicaSet, namespace, name);
            self.plan.push(Request::Delete(key, DeleteOptions::default()), Because::Housekeeping);
        }
    }
}
