//! Deletes what its owners leave behind, in the way that the deletion of the owner asked for.
//!
//! Follows kubernetes v1.36 pkg/controller/garbagecollector: attemptToDeleteItem, attemptToOrphanWorker,
//! processDeletingDependentsItem.

use api::codec::same;
use api::{Because, Object, ObjectKey, ObjectMeta, OwnerReference};
use apiserver::{Change, DeleteOptions, Propagation, WatchEvent};
use sim::Gather as _;

use crate::plan::{Reconciled, Request, View};
use crate::{Controller, Wakes, ownership};

const ORPHAN: &str = "orphan";
const FOREGROUND: &str = "foregroundDeletion";

fn has_finalizer(meta: &ObjectMeta, name: &str) -> bool {
    meta.finalizers.iter().flatten().any(|it| it == name)
}

fn waits_for_dependents(meta: &ObjectMeta) -> bool {
    meta.deletion_timestamp.is_some() && has_finalizer(meta, FOREGROUND)
}

pub(crate) fn wakes(view: &View<'_>, event: &WatchEvent, wake: &mut Wakes) {
    let meta = event.object.metadata();
    let uid = meta.uid.as_deref().unwrap_or("");
    let mut each = |key: &ObjectKey| wake.now(Controller::GarbageCollector, key.clone());
    if event.change == Change::Deleted {
        view.index.dependents(uid).for_each(&mut each);
        // An owner may be waiting for this very object.
        for owner in meta.owner_references.iter().flatten() {
            let key = ownership::owner_key(owner, &event.key.namespace);
            if let Some(key) =
                key.filter(|it| view.get(it).is_some_and(|it| waits_for_dependents(it.metadata())))
            {
                each(&key);
            }
        }
        return;
    }
    if meta.deletion_timestamp.is_some() && (has_finalizer(meta, ORPHAN) || has_finalizer(meta, FOREGROUND)) {
        each(&event.key);
        if waits_for_dependents(meta) {
            view.index.dependents(uid).for_each(&mut each);
        }
    }
    let before = event.before.as_ref().map(Object::metadata);
    let owners = meta.owner_references.as_deref().unwrap_or_default();
    if before.is_none_or(|it| !same(&it.owner_references, &meta.owner_references))
        && owners.iter().any(|it| state(view, it, &event.key.namespace) != Owner::Solid)
    {
        each(&event.key);
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    Solid,
    /// Being deleted in the foreground: it waits for its dependents.
    Waiting,
    Absent,
}

/// An owner of a kind that is not served here is left alone.
fn state(view: &View<'_>, owner: &OwnerReference, namespace: &str) -> Owner {
    let Some(key) = ownership::owner_key(owner, namespace) else { return Owner::Solid };
    match view.get(&key).filter(|it| it.uid() == owner.uid) {
        None => Owner::Absent,
        Some(it) if waits_for_dependents(it.metadata()) => Owner::Waiting,
        Some(_) => Owner::Solid,
    }
}

pub(crate) fn reconcile(view: &View<'_>, key: &ObjectKey) -> Reconciled {
    let mut plan = Reconciled::default();
    let Some(object) = view.get(key) else { return plan };
    let meta = object.metadata();
    if meta.deletion_timestamp.is_some() {
        if has_finalizer(meta, ORPHAN) {
            orphan_dependents(view, object, &mut plan);
            remove_finalizer(object, ORPHAN, &mut plan);
        } else if has_finalizer(meta, FOREGROUND) && !is_blocked(view, object.uid()) {
            remove_finalizer(object, FOREGROUND, &mut plan);
        }
        return plan;
    }
    let owners = meta.owner_references.as_deref().unwrap_or_default();
    let states: Vec<Owner> = owners.iter().map(|it| state(view, it, &key.namespace)).gather();
    if states.iter().all(|it| *it == Owner::Solid) {
        return plan;
    }
    if states.contains(&Owner::Solid) {
        let mut fresh = object.clone();
        let mut states = states.into_iter();
        let owners = fresh.metadata_mut().owner_references.get_or_insert_default();
        owners.retain(|_| states.next() == Some(Owner::Solid));
        plan.push(Request::Update(fresh), Because::OwnerGone);
        return plan;
    }
    let foreground = states.contains(&Owner::Waiting) && view.index.dependents(object.uid()).next().is_some();
    let options = delete_options(object.uid(), foreground);
    plan.push(Request::Delete(key.clone(), options), Because::OwnerGone);
    plan
}

fn delete_options(uid: &str, foreground: bool) -> DeleteOptions {
    let propagation = if foreground { Propagation::Foreground } else { Propagation::Background };
    DeleteOptions { uid: Some(uid.to_owned()), propagation: Some(propagation), ..DeleteOptions::default() }
}

/// Dependents that ask for it hold their owner back.
fn is_blocked(view: &View<'_>, uid: &str) -> bool {
    let blocks = |it: &OwnerReference| it.uid == uid && it.block_owner_deletion == Some(true);
    view.index
        .dependents(uid)
        .filter_map(|it| view.get(it))
        .any(|it| it.metadata().owner_references.iter().flatten().any(blocks))
}

fn orphan_dependents(view: &View<'_>, owner: &Object, plan: &mut Reconciled) {
    for dependent in view.index.dependents(owner.uid()).filter_map(|it| view.get(it)) {
        let mut dependent = dependent.clone();
        let meta = dependent.metadata_mut();
        if let Some(owners) = &mut meta.owner_references {
            owners.retain(|it| it.uid != owner.uid());
            if owners.is_empty() {
                meta.owner_references = None;
            }
        }
        plan.push(Request::Update(dependent), Because::OwnerGone);
    }
}

/// The API server removes an object that is being deleted when its last finalizer goes.
fn remove_finalizer(object: &Object, name: &str, plan: &mut Reconciled) {
    let mut fresh = object.clone();
    let meta = fresh.metadata_mut();
    if let Some(finalizers) = &mut meta.finalizers {
        finalizers.retain(|it| it != name);
        if finalizers.is_empty() {
            meta.finalizers = None;
        }
    }
    plan.push(Request::Update(fresh), Because::OwnerGone);
}
