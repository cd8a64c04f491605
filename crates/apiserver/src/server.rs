//! Typed requests of the cluster's own components.

use std::sync::Arc;
use std::time::Duration;

use api::{Cause, Kind, Node, Object, ObjectKey, Pod};
use sim::{Rng, SimTime};

use crate::status::{self, Failure};
use crate::store::{Store, Stored};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ApiServer {
    store: Store,
    rng: Rng,
}

/// `kubectl delete`'s options.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeleteOptions {
    /// Absent: the Pod's own `terminationGracePeriodSeconds`.
    pub grace_period_seconds: Option<i64>,
    /// Fails with a conflict when the object under this name is another one.
    pub uid: Option<String>,
}

impl ApiServer {
    pub fn new(rng: Rng) -> ApiServer {
        ApiServer { store: Store::default(), rng }
    }

    pub fn store(&self) -> &Store {
        &self.store
    }

    pub fn get(&self, key: &ObjectKey) -> Option<&Object> {
        self.store.get(key).map(|it| &it.object)
    }

    pub fn pod(&self, namespace: &str, name: &str) -> Option<&Arc<Pod>> {
        self.get(&ObjectKey::pod(namespace, name))?.as_pod()
    }

    pub fn node(&self, name: &str) -> Option<&Arc<Node>> {
        self.get(&ObjectKey::node(name))?.as_node()
    }

    pub fn pods(&self) -> impl Iterator<Item = &Arc<Pod>> {
        self.store.list(Kind::Pod).filter_map(|it| it.object.as_pod())
    }

    pub fn nodes(&self) -> impl Iterator<Item = &Arc<Node>> {
        self.store.list(Kind::Node).filter_map(|it| it.object.as_node())
    }

    /// Stores a new object; `generateName` is honoured. Answers with what was stored.
    pub fn create(&mut self, mut object: Object, cause: Cause, now: SimTime) -> Result<Object, Failure> {
        let meta = object.metadata_mut();
        if let (None | Some(""), Some(prefix)) = (meta.name.as_deref(), meta.generate_name.clone()) {
            meta.name = Some(prefix + &self.rng.suffix(5));
        }
        let key = object.key();
        if self.store.get(&key).is_some() {
            return Err(status::already_exists(&key));
        }
        let revision = self.store.next_revision();
        let uid = self.rng.uuid();
        let meta = object.metadata_mut();
        meta.uid = Some(uid);
        meta.creation_timestamp = Some(api::time::time(now));
        meta.resource_version = Some(revision.to_string());
        if matches!(key.kind, Kind::Pod | Kind::Deployment | Kind::ReplicaSet) {
            meta.generation = Some(1);
        }
        self.store.put(object.clone(), cause, now);
        Ok(object)
    }

    /// Replaces metadata and spec. With a `resourceVersion` it fails when that is not the newest.
    pub fn update(&mut self, object: Object, cause: Cause, now: SimTime) -> Result<Object, Failure> {
        self.replace(object, cause, now)
    }

    /// Replaces the status (and what a controller may change of metadata).
    pub fn update_status(&mut self, object: Object, cause: Cause, now: SimTime) -> Result<Object, Failure> {
        self.replace(object, cause, now)
    }

    fn replace(&mut self, mut object: Object, cause: Cause, now: SimTime) -> Result<Object, Failure> {
        let key = object.key();
        let stored = self.store.get(&key).ok_or_else(|| status::not_found(&key))?;
        let revision = object.metadata().resource_version.as_deref();
        if revision.is_some_and(|it| it != stored.revision.to_string()) {
            return Err(status::conflict(&key));
        }
        object.metadata_mut().resource_version.clone_from(&stored.object.metadata().resource_version);
        if object == stored.object {
            return Ok(object);
        }
        object.metadata_mut().resource_version = Some(self.store.next_revision().to_string());
        self.store.put(object.clone(), cause, now);
        Ok(object)
    }

    /// Writes `spec.nodeName`, once.
    pub fn bind(&mut self, key: &ObjectKey, node: &str, cause: Cause, now: SimTime) -> Result<(), Failure> {
        let Some(Object::Pod(pod)) = self.get(key) else { return Err(status::not_found(key)) };
        let mut pod = (**pod).clone();
        let spec = pod.spec.get_or_insert_default();
        if spec.node_name.is_some() {
            return Err(status::conflict(key));
        }
        spec.node_name = Some(node.to_owned());
        self.replace(pod.into(), cause, now).map(|_| ())
    }

    /// A Pod on a node only gets its `deletionTimestamp`; its kubelet deletes it for good with a grace period of 0.
    pub fn delete(
        &mut self,
        key: &ObjectKey,
        options: &DeleteOptions,
        cause: Cause,
        now: SimTime,
    ) -> Result<Object, Failure> {
        let stored = self.store.get(key).ok_or_else(|| status::not_found(key))?;
        if options.uid.as_deref().is_some_and(|it| it != stored.object.uid()) {
            return Err(status::conflict(key));
        }
        let mut object = stored.object.clone();
        if let Object::Pod(pod) = &object {
            let spec = pod.spec.as_ref();
            let on_node = spec.is_some_and(|it| it.node_name.is_some());
            let own = spec.and_then(|it| it.termination_grace_period_seconds).unwrap_or(30);
            let grace = options.grace_period_seconds.unwrap_or(own);
            if on_node && 0 < grace {
                let meta = object.metadata_mut();
                if meta.deletion_timestamp.is_none() {
                    meta.deletion_timestamp = Some(api::time::time(now + Duration::from_secs(grace as u64)));
                    meta.deletion_grace_period_seconds = Some(grace);
                    return self.replace(object, cause, now);
                }
                return Ok(object);
            }
        }
        self.store.remove(key, object.clone(), cause, now);
        Ok(object)
    }

    pub fn stored(&self, key: &ObjectKey) -> Option<&Stored> {
        self.store.get(key)
    }
}
