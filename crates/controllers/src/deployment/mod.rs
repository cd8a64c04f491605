//! Rolls Pods from one template to the next by scaling ReplicaSets.
//!
//! Follows kubernetes v1.36 pkg/controller/deployment: syncDeployment, sync.go.

mod rollout;
mod scale;
mod status;
mod template;

use std::sync::Arc;

use api::codec::same;
use api::k8s_openapi::api::apps::v1::DeploymentStatus;
use api::selector::label_selector_matches;
use api::{Because, Deployment, Kind, Object, ObjectKey, ObjectMeta, ReplicaSet};
use apiserver::{Change, WatchEvent};
use sim::{Gather as _, SimTime, Sort as _};

use crate::plan::{Reconciled, Request, Tell, View};
use crate::{Controller, Wakes, ownership};

pub(crate) const REVISION: &str = "deployment.kubernetes.io/revision";
const REVISION_HISTORY: &str = "deployment.kubernetes.io/revision-history";
const DESIRED_REPLICAS: &str = "deployment.kubernetes.io/desired-replicas";
const MAX_REPLICAS: &str = "deployment.kubernetes.io/max-replicas";
const TEMPLATE_HASH: &str = "pod-template-hash";

pub(crate) fn wakes(view: &View<'_>, event: &WatchEvent, wake: &mut Wakes) {
    match &event.object {
        Object::Deployment(_) => wake.now(Controller::Deployment, event.key.clone()),
        Object::ReplicaSet(set) => {
            let owner = ownership::resolve_controller(view, &set.metadata, Kind::Deployment);
            let before = event.before.as_ref().map(Object::metadata);
            let former = before.and_then(|it| ownership::resolve_controller(view, it, Kind::Deployment));
            for key in owner.iter().chain(former.iter().filter(|it| Some(*it) != owner.as_ref())) {
                wake.now(Controller::Deployment, key.clone());
            }
            if ownership::controller_of(&set.metadata).is_none() && event.change != Change::Deleted {
                for stored in view.store.list_in(Kind::Deployment, &event.key.namespace) {
                    if let Object::Deployment(it) = &stored.object
                        && selects(it, &set.metadata)
                    {
                        wake.now(Controller::Deployment, stored.object.key());
                    }
                }
            }
        }
        // Recreate waits for the last old Pod to go.
        Object::Pod(pod) if event.change == Change::Deleted => {
            let set = ownership::controller_of(&pod.metadata)
                .and_then(|it| view.get(&ownership::owner_key(it, &event.key.namespace)?));
            let owner =
                set.and_then(|it| ownership::resolve_controller(view, it.metadata(), Kind::Deployment));
            if let Some(key) = owner
                && let Some(Object::Deployment(it)) = view.get(&key)
                && is_recreate(it)
            {
                wake.now(Controller::Deployment, key);
            }
        }
        _ => {}
    }
}

fn selects(deployment: &Deployment, meta: &ObjectMeta) -> bool {
    deployment
        .spec
        .as_ref()
        .is_some_and(|it| label_selector_matches(Some(&it.selector), meta.labels.as_ref()))
}

fn is_recreate(deployment: &Deployment) -> bool {
    let strategy = deployment.spec.as_ref().and_then(|it| it.strategy.as_ref());
    strategy.and_then(|it| it.type_.as_deref()) == Some("Recreate")
}

pub(crate) fn reconcile(view: &View<'_>, key: &ObjectKey, now: SimTime) -> Reconciled {
    let Some(Object::Deployment(stored)) = view.get(key) else { return Reconciled::default() };
    let mut sync = Sync::new(view, stored, now);
    sync.run();
    sync.plan
}

type Sets = Vec<Arc<ReplicaSet>>;

/// One look at one Deployment: the copy to work on, its ReplicaSets, and the plan so far.
struct Sync<'a> {
    view: &'a View<'a>,
    now: SimTime,
    deployment: Deployment,
    /// What is stored, to compare the new status with.
    stored: &'a Deployment,
    sets: Sets,
    plan: Reconciled,
    /// The status has been written: a second write would meet a conflict, and the watch brings us back anyway.
    wrote_status: bool,
}

/// The ReplicaSet of the present template, if there is one, and the others.
struct Generations {
    new: Option<Arc<ReplicaSet>>,
    old: Sets,
}

impl Generations {
    fn all(&self) -> impl Iterator<Item = &Arc<ReplicaSet>> {
        self.old.iter().chain(&self.new)
    }
}

impl<'a> Sync<'a> {
    fn new(view: &'a View<'a>, stored: &'a Deployment, now: SimTime) -> Sync<'a> {
        let mut sync = Sync {
            view,
            now,
            deployment: stored.clone(),
            stored,
            sets: Vec::new(),
            plan: Reconciled::default(),
            wrote_status: false,
        };
        sync.claim_sets();
        sync
    }

    fn run(&mut self) {
        if self.deployment.metadata.deletion_timestamp.is_some() {
            let generations = self.generations(false);
            self.sync_status(&generations);
            return;
        }
        self.check_paused();
        if self.paused() || self.is_scaling() {
            self.sync_scale();
        } else if is_recreate(&self.deployment) {
            self.rollout_recreate();
        } else {
            self.rollout_rolling();
        }
    }

    /// Owned ReplicaSets that match and matching orphans, oldest first.
    fn claim_sets(&mut self) {
        let meta = &self.deployment.metadata;
        let uid = meta.uid.clone().unwrap_or_default();
        let namespace = meta.namespace.clone().unwrap_or_default();
        let goes = meta.deletion_timestamp.is_some();
        let owned = self.view.index.dependents(&uid).filter(|it| it.kind == Kind::ReplicaSet);
        let keys: Vec<_> = owned.chain(self.view.index.orphans(&namespace, Kind::ReplicaSet)).gather();
        for key in keys {
            let Some(Object::ReplicaSet(set)) = self.view.get(key) else { continue };
            let mine = ownership::is_controlled_by(&set.metadata, &uid);
            let matches = selects(&self.deployment, &set.metadata);
            let mut set = set.clone();
            if mine && !matches && !goes {
                let owners = Arc::make_mut(&mut set).metadata.owner_references.get_or_insert_default();
                owners.retain(|it| it.uid != uid);
                self.plan.push(Request::Update(set.into()), Because::Housekeeping);
                continue;
            }
            if !mine && matches && !goes && set.metadata.deletion_timestamp.is_none() {
                let reference = ownership::controller_reference(Kind::Deployment, &self.deployment.metadata);
                Arc::make_mut(&mut set).metadata.owner_references.get_or_insert_default().push(reference);
                self.plan.push(Request::Update(set.clone().into()), Because::Housekeeping);
            } else if !(mine && matches) {
                continue;
            }
            self.sets.push(set);
        }
        by_creation(&mut self.sets);
    }

    fn replicas(&self) -> i32 {
        self.deployment.spec.as_ref().and_then(|it| it.replicas).unwrap_or(1)
    }

    fn paused(&self) -> bool {
        self.deployment.spec.as_ref().and_then(|it| it.paused).unwrap_or(false)
    }

    fn min_ready_seconds(&self) -> Option<i32> {
        self.deployment.spec.as_ref().and_then(|it| it.min_ready_seconds)
    }

    fn status(&mut self) -> &mut DeploymentStatus {
        self.deployment.status.get_or_insert_default()
    }

    fn scaling_event(&self, message: String) -> Tell {
        let regarding = ownership::reference(Kind::Deployment, &self.deployment.metadata);
        Tell::normal(regarding, "ScalingReplicaSet", message)
    }

    /// Writes the copy's status and annotations, once.
    fn write_status(&mut self, because: Because) {
        if !self.wrote_status && !same(&self.deployment, self.stored) {
            self.plan.push(Request::UpdateStatus(self.deployment.clone().into()), because);
            self.wrote_status = true;
        }
    }
}

fn by_creation(sets: &mut Sets) {
    sets.put_in_order_by(|a, b| {
        let created = |it: &ReplicaSet| it.metadata.creation_timestamp.as_ref().map(|it| it.0);
        created(a).cmp(&created(b)).then_with(|| a.metadata.name.cmp(&b.metadata.name))
    });
}

fn annotation<'a>(meta: &'a ObjectMeta, name: &str) -> Option<&'a str> {
    meta.annotations.as_ref()?.get(name).map(String::as_str)
}

fn revision(set: &ReplicaSet) -> i64 {
    annotation(&set.metadata, REVISION).and_then(|it| it.parse().ok()).unwrap_or(0)
}
