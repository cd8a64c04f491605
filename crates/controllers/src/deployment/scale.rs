//! How many Pods each ReplicaSet of a Deployment may have.
//!
//! Follows kubernetes v1.36 pkg/controller/deployment/sync.go: scale, scaleReplicaSet, isScalingEvent, and
//! util/deployment_util.go: ResolveFenceposts, NewRSNewReplicas, GetReplicaSetProportion.

use std::cmp::Reverse;
use std::sync::Arc;

use api::k8s_openapi::api::apps::v1::RollingUpdateDeployment;
use api::{Because, IntOrString, ReplicaSet};
use sim::{Gather as _, Sort as _};

use super::{DESIRED_REPLICAS, Generations, MAX_REPLICAS, Sync, annotation, is_recreate};
use crate::plan::Request;

pub(super) fn size(set: &ReplicaSet) -> i32 {
    crate::replicaset::wanted(set)
}

pub(super) fn available(set: &ReplicaSet) -> i32 {
    set.status.as_ref().and_then(|it| it.available_replicas).unwrap_or(0)
}

pub(super) fn number_annotation(set: &ReplicaSet, name: &str) -> Option<i32> {
    annotation(&set.metadata, name)?.parse().ok().filter(|it| 0 <= *it)
}

/// A number, or a percentage of `total` rounded up or down.
fn scaled(value: Option<&IntOrString>, total: i32, up: bool) -> i32 {
    match value {
        None => 0,
        Some(IntOrString::Int(number)) => *number,
        Some(IntOrString::String(text)) => {
            let percent: i64 = text.trim_end_matches('%').parse().unwrap_or(0);
            let hundredths = percent * i64::from(total);
            (if up { (hundredths + 99).div_euclid(100) } else { hundredths.div_euclid(100) }) as i32
        }
    }
}

impl Sync<'_> {
    fn fences(&self) -> (i32, i32) {
        if is_recreate(&self.deployment) {
            return (0, 0);
        }
        let quarter = || Some(IntOrString::String("25%".to_owned()));
        let strategy =
            self.deployment.spec.as_ref().and_then(|it| it.strategy.as_ref()?.rolling_update.clone());
        let rolling = strategy
            .unwrap_or_else(|| RollingUpdateDeployment { max_surge: quarter(), max_unavailable: quarter() });
        let surge = scaled(rolling.max_surge.as_ref(), self.replicas(), true);
        let unavailable = scaled(rolling.max_unavailable.as_ref(), self.replicas(), false);
        if surge == 0 && unavailable == 0 { (0, 1) } else { (surge, unavailable) }
    }

    pub(super) fn max_surge(&self) -> i32 {
        self.fences().0
    }

    pub(super) fn max_unavailable(&self) -> i32 {
        if self.replicas() == 0 { 0 } else { self.fences().1.min(self.replicas()) }
    }

    /// The size that the new ReplicaSet may have now, `others` Pods being wanted by the old ones.
    pub(super) fn new_set_replicas(&self, others: i32, current: i32) -> i32 {
        if is_recreate(&self.deployment) {
            return self.replicas();
        }
        let room = self.replicas() + self.max_surge() - others - current;
        if room <= 0 { current } else { current + room.min(self.replicas() - current) }
    }

    /// The Deployment's replicas have changed since its ReplicaSets were sized.
    pub(super) fn is_scaling(&mut self) -> bool {
        let generations = self.generations(false);
        generations
            .all()
            .filter(|it| 0 < size(it))
            .any(|it| number_annotation(it, DESIRED_REPLICAS).is_some_and(|it| it != self.replicas()))
    }

    pub(super) fn sync_scale(&mut self) {
        let generations = self.generations(false);
        self.scale(&generations);
        if self.paused() {
            self.clean_up(&generations.old);
        }
        self.sync_status(&generations);
    }

    fn scale(&mut self, generations: &Generations) {
        let active: Vec<_> = generations.all().filter(|it| 0 < size(it)).cloned().gather();
        let newest_old = || generations.old.last().cloned();
        let only = match active.as_slice() {
            [] => generations.new.clone().or_else(newest_old),
            [only] => Some(only.clone()),
            _ => None,
        };
        if let Some(only) = only {
            if size(&only) != self.replicas() {
                self.scale_set(&only, self.replicas());
            }
            return;
        }
        let Some(_) = active.first() else { return };
        if generations.new.as_ref().is_some_and(|it| self.is_saturated(it)) {
            for old in generations.old.iter().filter(|it| 0 < size(it)) {
                self.scale_set(old, 0);
            }
        } else if !is_recreate(&self.deployment) {
            self.scale_in_proportion(active);
        }
    }

    fn is_saturated(&self, set: &ReplicaSet) -> bool {
        let wanted = self.replicas();
        size(set) == wanted
            && number_annotation(set, DESIRED_REPLICAS) == Some(wanted)
            && available(set) == wanted
    }

    /// In the middle of a rollout both generations grow or shrink alike; the largest takes what is left over.
    fn scale_in_proportion(&mut self, mut active: Vec<Arc<ReplicaSet>>) {
        let allowed = if 0 < self.replicas() { self.replicas() + self.max_surge() } else { 0 };
        let to_add = allowed - active.iter().map(|it| size(it)).sum::<i32>();
        let created = |it: &ReplicaSet| it.metadata.creation_timestamp.as_ref().map(|it| it.0);
        if 0 < to_add {
            active.put_in_order_by_key(|it| (Reverse(size(it)), Reverse(created(it))));
        } else if to_add < 0 {
            active.put_in_order_by_key(|it| (Reverse(size(it)), created(it)));
        }
        let mut sizes: Vec<i32> = active.iter().map(|it| size(it)).gather();
        let mut added = 0;
        if to_add != 0 {
            for (set, size) in active.iter().zip(&mut sizes) {
                let share = self.share(set, to_add, added);
                *size += share;
                added += share;
            }
            sizes[0] = (sizes[0] + to_add - added).max(0);
        }
        for (set, size) in active.iter().zip(sizes) {
            self.scale_set(set, size);
        }
    }

    fn share(&self, set: &ReplicaSet, to_add: i32, added: i32) -> i32 {
        if size(set) == 0 || to_add == added {
            return 0;
        }
        let allowed = to_add - added;
        let fraction = self.fraction(set);
        if 0 < to_add { fraction.min(allowed) } else { fraction.max(allowed) }
    }

    fn fraction(&self, set: &ReplicaSet) -> i32 {
        if self.replicas() == 0 {
            return -size(set);
        }
        let replicas = self.deployment.status.as_ref().and_then(|it| it.replicas).unwrap_or(0);
        let before = number_annotation(set, MAX_REPLICAS).filter(|it| *it != 0).unwrap_or(replicas);
        if before == 0 {
            return 0;
        }
        let scaled = i64::from(size(set)) * i64::from(self.replicas() + self.max_surge());
        let before = i64::from(before);
        ((2 * scaled + before) / (2 * before)) as i32 - size(set)
    }

    /// Plans the new size of a ReplicaSet; answers with the ReplicaSet as it will be when its size changes.
    pub(super) fn scale_set(&mut self, set: &Arc<ReplicaSet>, new_size: i32) -> Option<Arc<ReplicaSet>> {
        let old_size = size(set);
        let mut fresh = (**set).clone();
        fresh.spec.get_or_insert_default().replicas = Some(new_size);
        let annotated = self.set_replicas_annotations(&mut fresh.metadata);
        if old_size == new_size {
            if annotated {
                self.plan.push(Request::Update(fresh.into()), Because::Rollout);
            }
            return None;
        }
        let direction = if old_size < new_size { "up" } else { "down" };
        let name = fresh.metadata.name.as_deref().unwrap_or("");
        let message = format!("Scaled {direction} replica set {name} from {old_size} to {new_size}");
        let tell = self.scaling_event(message);
        let fresh = Arc::new(fresh);
        self.plan.push_and_tell(Request::Update(fresh.clone().into()), Because::Rollout, tell);
        Some(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentages() {
        let quarter = IntOrString::String("25%".to_owned());
        for (total, up, down) in [(1, 1, 0), (3, 1, 0), (4, 1, 1), (10, 3, 2), (0, 0, 0)] {
            assert_eq!(
                (scaled(Some(&quarter), total, true), scaled(Some(&quarter), total, false)),
                (up, down)
            );
        }
    }
}
