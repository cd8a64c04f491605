//! What the scheduler hears of the cluster: keeps the cache, and wakes Pods that an event may help.
//!
//! Follows kubernetes v1.36 pkg/scheduler/eventhandlers.go.

use std::sync::Arc;

use api::codec::all_same;
use api::{Kind, Node, Object, ObjectKey, Pod, taints};
use apiserver::{Change as Watched, WatchEvent};

use crate::framework::Change;
use crate::node_info::NodeInfo;
use crate::pod_info::PodInfo;
use crate::recorder::SCHEDULER_NAME;
use crate::scheduler::{Ctx, Scheduler};

impl Scheduler {
    /// Is to be called once for each watch event of the store, in order.
    pub fn observe(&mut self, event: &WatchEvent, ctx: &mut Ctx<'_>) {
        match event.key.kind {
            Kind::Pod => self.observe_pod(event, ctx),
            Kind::Node => self.observe_node(event, ctx),
            Kind::Namespace | Kind::Service | Kind::ReplicaSet | Kind::PodDisruptionBudget => {
                self.note(event);
            }
            // Nothing else has a part in scheduling.
            _ => return,
        }
        self.arrange(ctx);
    }

    fn note(&mut self, event: &WatchEvent) {
        let (namespace, name) = (&event.key.namespace, &event.key.name);
        let gone = event.change == Watched::Deleted;
        match &event.object {
            Object::Namespace(_) if gone => self.cache.remove_namespace(name),
            Object::Namespace(it) => self.cache.set_namespace(it),
            Object::Service(_) if gone => self.cache.remove_service(namespace, name),
            Object::Service(it) => self.cache.set_service(it),
            Object::ReplicaSet(_) if gone => self.cache.remove_replica_set(namespace, name),
            Object::ReplicaSet(it) => self.cache.set_replica_set(it),
            Object::PodDisruptionBudget(_) if gone => self.cache.remove_budget(namespace, name),
            Object::PodDisruptionBudget(it) => self.cache.set_budget(it),
            _ => {}
        }
    }

    fn observe_node(&mut self, event: &WatchEvent, ctx: &mut Ctx<'_>) {
        let Object::Node(node) = &event.object else { return };
        let (revision, now) = (event.revision, ctx.now);
        let info = || NodeInfo::new(node.clone());
        if event.change == Watched::Deleted {
            self.cache.remove_node(&event.key.name);
            self.queue.apply(Change::NodeDeleted(&info()), revision, now);
            return;
        }
        let old = self.cache.node(&event.key.name).cloned();
        self.cache.set_node(node.clone());
        if let Some(old) = old {
            if matters(&old.node, node) {
                self.queue.apply(Change::NodeUpdated { old: &old, new: &info() }, revision, now);
            }
        } else {
            self.adopt_pods(&event.key.name, ctx);
            self.queue.apply(Change::NodeAdded(&info()), revision, now);
        }
    }

    /// Pods may name a node before it is there.
    fn adopt_pods(&mut self, node: &str, ctx: &Ctx<'_>) {
        for pod in ctx.api.pods() {
            if assigned(pod) == Some(node) && !finished(pod) {
                self.cache.add_pod(Arc::new(PodInfo::new(pod.clone())), node);
            }
        }
    }

    /// Finished Pods are out of sight: becoming one is like being deleted.
    fn observe_pod(&mut self, event: &WatchEvent, ctx: &mut Ctx<'_>) {
        let Object::Pod(new) = &event.object else { return };
        let old = event.before.as_ref().and_then(Object::as_pod).filter(|it| !finished(it));
        let new = Some(new).filter(|it| event.change != Watched::Deleted && !finished(it));
        match (old, new) {
            (None, None) => {}
            (None, Some(new)) => self.pod_appears(&event.key, new, event.revision, ctx),
            (Some(old), Some(new)) => self.pod_changes(&event.key, old, new, event.revision, ctx),
            (Some(old), None) => self.pod_goes(&event.key, old, event.revision, ctx),
        }
    }

    fn pod_appears(&mut self, key: &ObjectKey, pod: &Arc<Pod>, revision: u64, ctx: &Ctx<'_>) {
        let info = Arc::new(PodInfo::new(pod.clone()));
        if assigned(pod).is_some() {
            self.place(key, &info, revision, ctx);
        } else if info.scheduler_name() == SCHEDULER_NAME {
            self.queue.add(info, revision, ctx.now);
        }
    }

    /// The assumed Pod is where it was thought to be.
    fn confirm(&mut self, key: &ObjectKey, revision: u64, ctx: &Ctx<'_>) {
        self.assumed.remove(key);
        if let Some(info) = self.cache.placed_pod(key).cloned() {
            self.queue.apply(Change::PodAdded(&info), revision, ctx.now);
        }
    }

    /// Comes onto its node.
    fn place(&mut self, key: &ObjectKey, info: &Arc<PodInfo>, revision: u64, ctx: &Ctx<'_>) {
        self.assumed.remove(key);
        self.queue.remove(key);
        self.cache.remove_nomination(key);
        self.cache.remove_pod(key);
        self.cache.add_pod(info.clone(), info.node_name());
        self.queue.apply(Change::PodAdded(info), revision, ctx.now);
    }

    fn pod_changes(&mut self, key: &ObjectKey, old: &Arc<Pod>, new: &Arc<Pod>, revision: u64, ctx: &Ctx<'_>) {
        match (assigned(old), assigned(new)) {
            (Some(_), Some(_)) => {
                if self.cache.refresh_pod(new, key) {
                    return;
                }
                let before = self.cache.remove_pod(key);
                let info = Arc::new(PodInfo::new(new.clone()));
                self.cache.add_pod(info.clone(), info.node_name());
                if let Some(before) = before {
                    self.queue.apply(Change::PodUpdated { old: &before, new: &info }, revision, ctx.now);
                }
            }
            (None, Some(node)) => {
                let here = self.assumed.get(key).is_some_and(|it| *it.node == *node);
                if here && self.cache.refresh_pod(new, key) {
                    self.confirm(key, revision, ctx);
                } else {
                    self.place(key, &Arc::new(PodInfo::new(new.clone())), revision, ctx);
                }
            }
            (None, None) => self.pending_changes(key, old, new, revision, ctx),
            // A bound Pod does not come back.
            (Some(_), None) => {}
        }
    }

    fn pending_changes(
        &mut self,
        key: &ObjectKey,
        old: &Arc<Pod>,
        new: &Arc<Pod>,
        revision: u64,
        ctx: &Ctx<'_>,
    ) {
        let info = Arc::new(PodInfo::new(new.clone()));
        if info.scheduler_name() != SCHEDULER_NAME || self.assumed.contains_key(key) {
            return;
        }
        if let Some(node) = self.cache.nomination_of(key).cloned() {
            match info.nominated_node() {
                "" => self.cache.remove_nomination(key),
                other if *other == *node => self.cache.nominate(info.clone(), &node),
                other => self.cache.nominate(info.clone(), other),
            }
        }
        self.queue.update(info.clone(), revision, ctx.now);
        if nominated(old).is_some_and(|it| it != info.nominated_node()) {
            self.claim_dropped(&PodInfo::new(old.clone()), revision, ctx);
        }
    }

    fn pod_goes(&mut self, key: &ObjectKey, old: &Arc<Pod>, revision: u64, ctx: &Ctx<'_>) {
        self.queue.remove(key);
        self.cache.remove_nomination(key);
        let assumed = self.assumed.remove(key).is_some();
        let removed = self.cache.remove_pod(key);
        if assigned(old).is_some() || assumed {
            let gone = removed.unwrap_or_else(|| Arc::new(PodInfo::new(old.clone())));
            self.queue.apply(Change::PodDeleted(&gone), revision, ctx.now);
        } else if nominated(old).is_some() {
            self.claim_dropped(&PodInfo::new(old.clone()), revision, ctx);
        }
    }

    /// The room that it waited for may do for others of no higher priority.
    fn claim_dropped(&mut self, pod: &PodInfo, revision: u64, ctx: &Ctx<'_>) {
        let weaker = |it: &PodInfo| it.priority <= pod.priority && it.key != pod.key;
        self.queue.apply_to(Change::PodDeleted(pod), revision, ctx.now, weaker);
    }
}

fn assigned(pod: &Pod) -> Option<&str> {
    pod.spec.as_ref()?.node_name.as_deref().filter(|it| !it.is_empty())
}

fn nominated(pod: &Pod) -> Option<&str> {
    pod.status.as_ref()?.nominated_node_name.as_deref().filter(|it| !it.is_empty())
}

fn finished(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|it| it.phase.as_deref());
    matches!(phase, Some("Succeeded" | "Failed"))
}

// Follows kubernetes v1.36 pkg/scheduler/framework/events.go: NodeSchedulingPropertiesChange.
fn matters(old: &Node, new: &Node) -> bool {
    let (was, is) = (old.status.as_ref(), new.status.as_ref());
    let closed = |it: &Node| it.spec.as_ref().and_then(|it| it.unschedulable);
    old.metadata.labels != new.metadata.labels
        || closed(old) != closed(new)
        || !all_same(taints::of(old), taints::of(new))
        || was.and_then(|it| it.allocatable.as_ref()) != is.and_then(|it| it.allocatable.as_ref())
        || was.and_then(|it| it.declared_features.as_ref()) != is.and_then(|it| it.declared_features.as_ref())
}
