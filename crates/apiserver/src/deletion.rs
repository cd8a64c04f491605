//! Deleting: at once, after a grace period, or when the last finalizer is gone.
//!
//! Follows kubernetes v1.36 apiserver/pkg/registry/rest/delete.go and pkg/registry/core/pod/strategy.go.

use std::time::Duration;

use api::{Cause, Kind, Object, ObjectKey};
use sim::SimTime;

use crate::ApiServer;
use crate::status::{self, Failure};
use crate::store::Stored;

/// What becomes of the objects that name this one as their owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Propagation {
    /// The garbage collector deletes them afterwards.
    Background,
    /// They go first.
    Foreground,
    Orphan,
}

impl Propagation {
    pub fn from_name(name: &str) -> Option<Propagation> {
        Some(match name {
            "Background" => Propagation::Background,
            "Foreground" => Propagation::Foreground,
            "Orphan" => Propagation::Orphan,
            _ => return None,
        })
    }
}

/// `kubectl delete`'s options.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Absent: the Pod's own `terminationGracePeriodSeconds`.
    pub grace_period_seconds: Option<i64>,
    /// Fails with a conflict when the object under this name is another one.
    pub uid: Option<String>,
    /// Absent: in the background.
    pub propagation: Option<Propagation>,
}

/// Marked for deletion, out of grace and free of finalizers.
pub(crate) fn is_finished(object: &Object) -> bool {
    let meta = object.metadata();
    meta.deletion_timestamp.is_some()
        && meta.deletion_grace_period_seconds.unwrap_or(0) == 0
        && meta.finalizers.as_ref().is_none_or(Vec::is_empty)
        && namespace_finalizers(object) == 0
}

fn namespace_finalizers(object: &Object) -> usize {
    match object {
        Object::Namespace(it) => it.spec.as_ref().and_then(|it| it.finalizers.as_ref()).map_or(0, Vec::len),
        _ => 0,
    }
}

impl ApiServer {
    /// A Pod on a node only gets its `deletionTimestamp`; its kubelet deletes it for good with a grace period of 0.
    /// An object with finalizers stays until the last of them is removed.
    pub fn delete(
        &mut self,
        key: &ObjectKey,
        options: &DeleteOptions,
        cause: Cause,
        now: SimTime,
    ) -> Result<Object, Failure> {
        let stored = self.store.get(key).ok_or_else(|| status::not_found(key))?;
        let object = stored.object.clone();
        if let Some(wanted) = options.uid.as_deref().filter(|it| *it != object.uid()) {
            let why = format!(
                "Precondition failed: UID in precondition: {wanted}, UID in object meta: {}",
                object.uid()
            );
            return Err(status::conflict_because(key, "", &why));
        }
        if key.kind == Kind::Namespace && matches!(&*key.name, "default" | "kube-system" | "kube-public") {
            return Err(status::forbidden(key, "this namespace may not be deleted"));
        }
        let grace = grace_period(&object, options);
        let first = object.metadata().deletion_timestamp.is_none();
        let marked = mark(object, grace, options, now);
        if first && key.kind == Kind::Namespace && namespace_finalizers(&marked) != 0 {
            return Ok(self.store_marked(terminating(marked), cause, now));
        }
        if !is_finished(&marked) {
            return Ok(self.store_marked(marked, cause, now));
        }
        // Watchers of Pods see the mark, or the grace period cut to nothing, before the object goes.
        let marked =
            if key.kind == Kind::Pod { self.store_marked(marked, cause.clone(), now) } else { marked };
        self.store.remove(key, marked.clone(), cause, now);
        Ok(marked)
    }

    fn store_marked(&mut self, mut object: Object, cause: Cause, now: SimTime) -> Object {
        let key = object.key();
        if self.store.get(&key).map(|it: &Stored| &it.object) != Some(&object) {
            object.metadata_mut().resource_version = Some(self.store.next_revision().to_string());
            self.store.put(key, object.clone(), cause, now);
        }
        object
    }
}

fn terminating(object: Object) -> Object {
    let Object::Namespace(namespace) = object else { return object };
    let mut namespace = (*namespace).clone();
    namespace.status.get_or_insert_default().phase = Some("Terminating".to_owned());
    namespace.into()
}

/// Only Pods have one, and only while a kubelet may still run something of them.
fn grace_period(object: &Object, options: &DeleteOptions) -> i64 {
    let Object::Pod(pod) = object else { return 0 };
    let spec = pod.spec.as_ref();
    let phase = pod.status.as_ref().and_then(|it| it.phase.as_deref());
    let on_node = spec.and_then(|it| it.node_name.as_deref()).is_some_and(|it| !it.is_empty());
    if !on_node || matches!(phase, Some("Succeeded" | "Failed")) {
        return 0;
    }
    let own = spec.and_then(|it| it.termination_grace_period_seconds).unwrap_or(30);
    let marked = pod.metadata.deletion_grace_period_seconds;
    let wanted = options.grace_period_seconds.or(marked).unwrap_or(own);
    // A negative period counts as one second.
    if wanted < 0 { 1 } else { wanted }
}

fn mark(mut object: Object, grace: i64, options: &DeleteOptions, now: SimTime) -> Object {
    let meta = object.metadata_mut();
    let deadline =
        |from: SimTime, grace: i64| api::time::time(from + Duration::from_secs(grace.unsigned_abs()));
    match (&meta.deletion_timestamp, meta.deletion_grace_period_seconds) {
        (None, _) => {
            meta.deletion_timestamp = Some(deadline(now, grace));
            meta.deletion_grace_period_seconds = Some(grace);
            meta.generation = meta.generation.map(|it| it + 1);
            let finalizer = match options.propagation {
                Some(Propagation::Foreground) => Some("foregroundDeletion"),
                Some(Propagation::Orphan) => Some("orphan"),
                Some(Propagation::Background) | None => None,
            };
            if let Some(finalizer) = finalizer {
                let finalizers = meta.finalizers.get_or_insert_default();
                if !finalizers.iter().any(|it| it == finalizer) {
                    finalizers.push(finalizer.to_owned());
                }
            }
        }
        // A second deletion can only shorten the first.
        (Some(at), Some(before)) if grace < before => {
            let started = api::time::sim_time(at).as_secs().saturating_sub(before.unsigned_abs());
            meta.deletion_timestamp = Some(deadline(SimTime::from_secs(started), grace));
            meta.deletion_grace_period_seconds = Some(grace);
        }
        _ => {}
    }
    object
}
