//! Typed requests of the cluster's own components.

use std::sync::Arc;

use api::codec::same;
use api::k8s_openapi::api::core::v1::PodCondition;
use api::{Cause, Kind, Node, Object, ObjectKey, Pod};
use sim::{Rng, SimTime};

use crate::deletion;
use crate::status::{self, Failure};
use crate::store::{Store, Stored};
use crate::{admission, allocate, defaults, validation};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ApiServer {
    pub(crate) store: Store,
    pub(crate) rng: Rng,
}

/// Kinds whose registry counts generations.
pub(crate) const fn has_generation(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Pod
            | Kind::Deployment
            | Kind::ReplicaSet
            | Kind::EndpointSlice
            | Kind::PodDisruptionBudget
            | Kind::PriorityClass
    )
}

fn spec_changed(old: &Object, new: &Object) -> bool {
    match (old, new) {
        (Object::Pod(a), Object::Pod(b)) => !same(&a.spec, &b.spec),
        (Object::Deployment(a), Object::Deployment(b)) => !same(&a.spec, &b.spec),
        (Object::ReplicaSet(a), Object::ReplicaSet(b)) => !same(&a.spec, &b.spec),
        (Object::PodDisruptionBudget(a), Object::PodDisruptionBudget(b)) => !same(&a.spec, &b.spec),
        (Object::EndpointSlice(a), Object::EndpointSlice(b)) => {
            !same(&a.endpoints, &b.endpoints) || !same(&a.ports, &b.ports)
        }
        _ => false,
    }
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

    /// Stores a new object with its defaults; `generateName` is honoured. Answers with what was stored.
    /// Components are trusted: nothing is validated, and what admission would refuse is stored as it is.
    pub fn create(&mut self, mut object: Object, cause: Cause, now: SimTime) -> Result<Object, Failure> {
        self.name(&mut object);
        defaults::apply(&mut object);
        if !matches!(object, Object::Node(_)) {
            let _ = admission::admit(&mut object, &self.store, &mut self.rng);
        }
        allocate::service(&mut object, &self.store, &mut self.rng);
        self.insert(object, cause, now)
    }

    /// Stores what a component made of what a user wrote, a controller of a template or a kubelet of a file: nobody has
    /// checked that yet, so it is admitted and validated as if the user had sent it.
    pub fn create_from_template(
        &mut self,
        mut object: Object,
        cause: Cause,
        now: SimTime,
    ) -> Result<Object, Failure> {
        self.name(&mut object);
        self.check_new(&mut object)?;
        self.insert(object, cause, now)
    }

    /// An object with its defaults, if it is valid. Nothing is stored.
    pub fn completed(&self, mut object: Object) -> Option<Object> {
        defaults::apply(&mut object);
        validation::validate(&object, &self.store).is_empty().then_some(object)
    }

    /// Gives a new object what it needs and refuses what must not be stored.
    pub(crate) fn check_new(&mut self, object: &mut Object) -> Result<(), Failure> {
        defaults::apply(object);
        admission::check_namespace(&object.key(), &self.store)?;
        admission::admit(object, &self.store, &mut self.rng)?;
        allocate::service(object, &self.store, &mut self.rng);
        let errors = validation::validate(object, &self.store);
        if errors.is_empty() { Ok(()) } else { Err(status::invalid(&object.key(), &errors)) }
    }

    pub(crate) fn name(&mut self, object: &mut Object) {
        let meta = object.metadata();
        if let (None | Some(""), Some(prefix)) = (meta.name.as_deref(), meta.generate_name.clone()) {
            object.metadata_mut().name = Some(prefix + &self.rng.suffix(5));
        }
    }

    /// The last step of a creation.
    pub(crate) fn insert(
        &mut self,
        mut object: Object,
        cause: Cause,
        now: SimTime,
    ) -> Result<Object, Failure> {
        let key = object.key();
        if let Some(stored) = self.store.get(&key) {
            let mut failure = status::already_exists(&key);
            if stored.object.metadata().deletion_timestamp.is_some()
                && let Some(message) = &mut failure.message
            {
                message.insert_str(0, "object is being deleted: ");
            }
            return Err(failure);
        }
        let revision = self.store.next_revision();
        let uid = self.rng.uuid();
        let meta = object.metadata_mut();
        meta.uid = Some(uid);
        meta.creation_timestamp = Some(api::time::time(now));
        meta.resource_version = Some(revision.to_string());
        meta.generation = has_generation(key.kind).then_some(1);
        self.store.put(key, object.clone(), cause, now);
        Ok(object)
    }

    /// Replaces metadata and spec. With a `resourceVersion` it fails when that is not the newest.
    pub fn update(&mut self, mut object: Object, cause: Cause, now: SimTime) -> Result<Object, Failure> {
        defaults::apply(&mut object);
        self.replace(object, cause, now)
    }

    /// Replaces the status (and what a controller may change of metadata).
    pub fn update_status(&mut self, object: Object, cause: Cause, now: SimTime) -> Result<Object, Failure> {
        self.replace(object, cause, now)
    }

    /// Changes the newest version in place, without defaults and validation: for what a component writes again and again.
    pub fn amend(
        &mut self,
        key: &ObjectKey,
        change: &mut dyn FnMut(&mut Object),
        cause: Cause,
        now: SimTime,
    ) -> Result<Object, Failure> {
        let old = self.store.get(key).ok_or_else(|| status::not_found(key))?.object.clone();
        let mut object = old.clone();
        change(&mut object);
        Ok(self.supersede(key.clone(), &old, object, cause, now))
    }

    pub(crate) fn replace(&mut self, object: Object, cause: Cause, now: SimTime) -> Result<Object, Failure> {
        let key = object.key();
        let stored = self.store.get(&key).ok_or_else(|| status::not_found(&key))?;
        let revision = object.metadata().resource_version.as_deref();
        if revision.is_some() && revision != stored.object.metadata().resource_version.as_deref() {
            return Err(status::conflict(&key));
        }
        let old = stored.object.clone();
        Ok(self.supersede(key, &old, object, cause, now))
    }

    /// Puts the next version of an object into the store.
    fn supersede(
        &mut self,
        key: ObjectKey,
        old: &Object,
        mut object: Object,
        cause: Cause,
        now: SimTime,
    ) -> Object {
        // A change of what is wanted is a new generation; a binding is not.
        let generation = old.metadata().generation;
        let changed = generation.is_some() && spec_changed(old, &object);
        let meta = object.metadata_mut();
        meta.resource_version.clone_from(&old.metadata().resource_version);
        meta.generation = generation.map(|it| it + i64::from(changed));
        if object == *old {
            return object;
        }
        if deletion::is_finished(&object) {
            self.store.remove(&key, object.clone(), cause, now);
            return object;
        }
        object.metadata_mut().resource_version = Some(self.store.next_revision().to_string());
        self.store.put(key, object.clone(), cause, now);
        object
    }

    /// Writes `spec.nodeName`, once, and says so in the condition `PodScheduled`.
    pub fn bind(&mut self, key: &ObjectKey, node: &str, cause: Cause, now: SimTime) -> Result<(), Failure> {
        let Some(Object::Pod(pod)) = self.get(key) else { return Err(status::not_found(key)) };
        let mut pod = (**pod).clone();
        let spec = pod.spec.get_or_insert_default();
        let refuse = |why: String| Err(status::conflict_because(key, "/binding", &why));
        if pod.metadata.deletion_timestamp.is_some() {
            return refuse(format!("pod {} is being deleted, cannot be assigned to a host", key.name));
        }
        if let Some(node) = spec.node_name.as_deref().filter(|it| !it.is_empty()) {
            return refuse(format!("pod {} is already assigned to node \"{node}\"", key.name));
        }
        if spec.scheduling_gates.as_ref().is_some_and(|it| !it.is_empty()) {
            return refuse(format!("pod {} has non-empty .spec.schedulingGates", key.name));
        }
        spec.node_name = Some(node.to_owned());
        let status = pod.status.get_or_insert_default();
        // What was promised is kept: the nomination has no more to say.
        status.nominated_node_name = None;
        let conditions = status.conditions.get_or_insert_default();
        let scheduled = PodCondition {
            type_: "PodScheduled".to_owned(),
            status: "True".to_owned(),
            last_transition_time: Some(api::time::time(now)),
            observed_generation: pod.metadata.generation,
            ..PodCondition::default()
        };
        match conditions.iter_mut().find(|it| it.type_ == "PodScheduled") {
            Some(condition) => *condition = scheduled,
            None => conditions.push(scheduled),
        }
        let mut object: Object = pod.into();
        object.metadata_mut().resource_version = Some(self.store.next_revision().to_string());
        self.store.put(key.clone(), object, cause, now);
        Ok(())
    }

    pub fn stored(&self, key: &ObjectKey) -> Option<&Stored> {
        self.store.get(key)
    }
}
