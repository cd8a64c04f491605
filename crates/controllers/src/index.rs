//! Indexes over the store, so that no controller has to walk through all objects.
//!
//! They follow the store's log by a cursor and are brought up to date before each use: what a controller has just
//! written it sees at once, so none needs client-go's expectations.

use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::sync::Arc;

use api::codec::same;
use api::{Kind, Object, ObjectKey};
use apiserver::{Change, Store};
use sim::{Gather as _, Sort as _, VecMap, VecSet};

use crate::ownership;

type Keys = VecSet<ObjectKey>;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Index {
    cursor: u64,
    /// By the uid of each owner.
    dependents: VecMap<String, Keys>,
    /// Pods and ReplicaSets that no controller owns, by namespace.
    orphans: VecMap<Arc<str>, Keys>,
    /// Pods by the name of their node.
    on_node: VecMap<String, Keys>,
    /// Pods by namespace, label and value.
    labelled: VecMap<Arc<(Arc<str>, String, String)>, Keys>,
}

impl Index {
    pub(crate) fn cursor(&self) -> u64 {
        self.cursor
    }

    pub(crate) fn dependents(&self, uid: &str) -> impl Iterator<Item = &ObjectKey> {
        self.dependents.get(uid).into_iter().flatten()
    }

    pub(crate) fn orphans(&self, namespace: &str, kind: Kind) -> impl Iterator<Item = &ObjectKey> {
        self.orphans.get(namespace).into_iter().flatten().filter(move |it| it.kind == kind)
    }

    pub(crate) fn on_node(&self, node: &str) -> impl Iterator<Item = &ObjectKey> {
        self.on_node.get(node).into_iter().flatten()
    }

    /// Names that Pods give as their node, whether the node exists or not.
    pub(crate) fn nodes_in_use(&self) -> impl Iterator<Item = &str> {
        self.on_node.keys().map(String::as_str)
    }

    /// The Pods that carry all of these labels; none for no labels.
    pub(crate) fn labelled<'a>(
        &'a self,
        namespace: &str,
        labels: &BTreeMap<String, String>,
    ) -> impl Iterator<Item = &'a ObjectKey> {
        let namespace: Arc<str> = namespace.into();
        let mut sets: Vec<Option<&Keys>> = labels
            .iter()
            .map(|(key, value)| self.labelled.get(&(namespace.clone(), key.clone(), value.clone())))
            .gather();
        sets.put_in_order_by_key(|it| it.map_or(0, VecSet::len));
        let smallest = sets.first().copied().flatten();
        smallest
            .into_iter()
            .flatten()
            .filter(move |key| sets.iter().all(|set| set.is_some_and(|it| it.contains(*key))))
    }

    pub(crate) fn catch_up(&mut self, store: &Store) {
        if let Ok(events) = store.events_after(self.cursor) {
            for event in events {
                let after = (event.change != Change::Deleted).then_some(&event.object);
                self.replace(event.before.as_ref(), after);
            }
        } else {
            *self = Index::default();
            for stored in Kind::ALL.iter().flat_map(|kind| store.list(*kind)) {
                self.replace(None, Some(&stored.object));
            }
        }
        self.cursor = store.revision();
    }

    fn replace(&mut self, before: Option<&Object>, after: Option<&Object>) {
        if let (Some(before), Some(after)) = (before, after)
            && same_place(before, after)
        {
            return;
        }
        if let Some(before) = before {
            self.each(before, |set, key| {
                set.remove(key);
            });
            self.sweep(before);
        }
        if let Some(after) = after {
            self.each(after, |set, key| {
                set.insert(key.clone());
            });
        }
    }

    /// Visits every set that an object belongs to.
    fn each(&mut self, object: &Object, mut visit: impl FnMut(&mut Keys, &ObjectKey)) {
        if object.kind() == Kind::Event {
            return;
        }
        let (key, meta) = (object.key(), object.metadata());
        for owner in meta.owner_references.iter().flatten() {
            visit(self.dependents.entry(owner.uid.clone()).or_default(), &key);
        }
        if matches!(key.kind, Kind::Pod | Kind::ReplicaSet) && ownership::controller_of(meta).is_none() {
            visit(self.orphans.entry(key.namespace.clone()).or_default(), &key);
        }
        let Object::Pod(pod) = object else { return };
        if let Some(node) = pod.spec.as_ref().and_then(|it| it.node_name.clone()) {
            visit(self.on_node.entry(node).or_default(), &key);
        }
        for (label, value) in meta.labels.iter().flatten() {
            let place = (key.namespace.clone(), label.clone(), value.clone());
            visit(self.labelled.entry(place.into()).or_default(), &key);
        }
    }

    /// Drops the sets that an object has left empty.
    fn sweep(&mut self, object: &Object) {
        let (key, meta) = (object.key(), object.metadata());
        for owner in meta.owner_references.iter().flatten() {
            drop_empty(&mut self.dependents, &owner.uid);
        }
        drop_empty(&mut self.orphans, &key.namespace);
        let Object::Pod(pod) = object else { return };
        if let Some(node) = pod.spec.as_ref().and_then(|it| it.node_name.as_ref()) {
            drop_empty(&mut self.on_node, node);
        }
        for (label, value) in meta.labels.iter().flatten() {
            drop_empty(&mut self.labelled, &(key.namespace.clone(), label.clone(), value.clone()));
        }
    }
}

fn drop_empty<K: Borrow<Q>, Q: Ord>(sets: &mut VecMap<K, Keys>, key: &Q) {
    if sets.get(key).is_some_and(VecSet::is_empty) {
        sets.remove(key);
    }
}

/// Most writes change a status only.
fn same_place(before: &Object, after: &Object) -> bool {
    let node = |object: &Object| object.as_pod().and_then(|it| it.spec.as_ref()?.node_name.clone());
    let (old, new) = (before.metadata(), after.metadata());
    same(&old.owner_references, &new.owner_references)
        && old.labels == new.labels
        && node(before) == node(after)
}
