//! From the Deployment's template to the ReplicaSet that stands for it.
//!
//! Follows kubernetes v1.36 pkg/controller/deployment/sync.go: getNewReplicaSet, and
//! util/deployment_util.go: SetNewReplicaSetAnnotations, EqualIgnoreHash.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::codec::same;
use api::k8s_openapi::api::apps::v1::ReplicaSetSpec;
use api::k8s_openapi::api::core::v1::PodTemplateSpec;
use api::{Because, Deployment, Kind, ObjectMeta, ReplicaSet};
use sim::Gather as _;

use super::{
    DESIRED_REPLICAS, Generations, MAX_REPLICAS, REVISION, REVISION_HISTORY, Sync, TEMPLATE_HASH, annotation,
    revision, scale, status,
};
use crate::ownership;
use crate::plan::Request;

/// Characters of the revision history annotation.
const REVISION_HISTORY_MAX: usize = 2_000;
/// A name may have this many characters.
const NAME_MAX: usize = 253;

impl Sync<'_> {
    /// The ReplicaSets by template; with `create` the missing new one is planned.
    pub(super) fn generations(&mut self, create: bool) -> Generations {
        let template = &self.deployment.spec.as_ref().expect("validated").template;
        let found = self.sets.iter().position(|it| {
            it.spec
                .as_ref()
                .and_then(|it| it.template.as_ref())
                .is_some_and(|it| equal_ignoring_hash(it, template))
        });
        let mut old = self.sets.clone();
        let new = found.map(|at| old.remove(at));
        let next_revision = old.iter().map(|it| revision(it)).max().unwrap_or(0) + 1;
        let new = match new {
            Some(set) => Some(self.refresh(set, next_revision)),
            None if create => Some(self.create(&old, next_revision)),
            None => None,
        };
        Generations { new, old }
    }

    /// Brings the annotations of an existing new ReplicaSet up to date.
    fn refresh(&mut self, mut set: Arc<ReplicaSet>, next_revision: i64) -> Arc<ReplicaSet> {
        let min_ready = self.min_ready_seconds();
        let mut fresh = (*set).clone();
        copy_annotations(&self.deployment, &mut fresh.metadata);
        set_revision(&mut fresh.metadata, next_revision);
        fresh.spec.get_or_insert_default().min_ready_seconds = min_ready;
        if !same(&fresh, &set) {
            set = Arc::new(fresh);
            let own = self.sets.iter_mut().find(|it| it.metadata.uid == set.metadata.uid);
            if let Some(own) = own {
                own.clone_from(&set);
            }
            self.plan.push(Request::Update(set.clone().into()), Because::Rollout);
            return set;
        }
        let revision = annotation(&set.metadata, REVISION).unwrap_or("1").to_owned();
        self.set_own_revision(&revision);
        let has_condition = status::condition(self.deployment.status.as_ref(), "Progressing").is_some();
        if self.progress_deadline().is_some() && !has_condition {
            let message = format!("Found new replica set \"{}\"", set.metadata.name.as_deref().unwrap_or(""));
            self.set_condition("Progressing", "True", "FoundNewReplicaSet", message);
        }
        self.write_status(Because::Housekeeping);
        set
    }

    fn create(&mut self, old: &[Arc<ReplicaSet>], next_revision: i64) -> Arc<ReplicaSet> {
        let mut set = self.new_replica_set();
        let others: i32 = old.iter().map(|it| scale::size(it)).sum();
        let replicas = self.new_set_replicas(others, 0);
        set.spec.get_or_insert_default().replicas = Some(replicas);
        copy_annotations(&self.deployment, &mut set.metadata);
        set_revision(&mut set.metadata, next_revision);
        self.set_replicas_annotations(&mut set.metadata);
        let name = set.metadata.name.clone().unwrap_or_default();
        let set = Arc::new(set);
        let request = Request::Create(set.clone().into());
        if 0 < replicas {
            let tell = self.scaling_event(format!("Scaled up replica set {name} from 0 to {replicas}"));
            self.plan.push_and_tell(request, Because::NewTemplate, tell);
        } else {
            self.plan.push(request, Because::NewTemplate);
        }
        self.set_own_revision(&next_revision.to_string());
        if self.progress_deadline().is_some() {
            let message = format!("Created new replica set \"{name}\"");
            self.set_condition("Progressing", "True", "NewReplicaSetCreated", message);
        }
        self.write_status(Because::NewTemplate);
        set
    }

    fn new_replica_set(&self) -> ReplicaSet {
        let (meta, spec) = (&self.deployment.metadata, self.deployment.spec.as_ref().expect("validated"));
        let collisions = self.deployment.status.as_ref().and_then(|it| it.collision_count);
        let hash = template_hash(&spec.template, collisions);
        let mut template = spec.template.clone();
        let labels = template.metadata.get_or_insert_default().labels.get_or_insert_default();
        labels.insert(TEMPLATE_HASH.to_owned(), hash.clone());
        let labels = labels.clone();
        let mut selector = spec.selector.clone();
        selector.match_labels.get_or_insert_default().insert(TEMPLATE_HASH.to_owned(), hash.clone());
        let mut name = meta.name.clone().unwrap_or_default();
        name.truncate(NAME_MAX - 1 - hash.len());
        ReplicaSet {
            metadata: ObjectMeta {
                name: Some(format!("{name}-{hash}")),
                namespace: meta.namespace.clone(),
                labels: Some(labels),
                owner_references: Some(vec![ownership::controller_reference(Kind::Deployment, meta)]),
                ..ObjectMeta::default()
            },
            spec: Some(ReplicaSetSpec {
                replicas: Some(0),
                min_ready_seconds: spec.min_ready_seconds,
                selector,
                template: Some(template),
            }),
            status: None,
        }
    }

    fn set_own_revision(&mut self, revision: &str) {
        let annotations = self.deployment.metadata.annotations.get_or_insert_default();
        annotations.insert(REVISION.to_owned(), revision.to_owned());
    }

    pub(super) fn set_replicas_annotations(&self, meta: &mut ObjectMeta) -> bool {
        let annotations = meta.annotations.get_or_insert_default();
        let wanted = self.replicas();
        let mut changed = false;
        for (name, value) in [(DESIRED_REPLICAS, wanted), (MAX_REPLICAS, wanted + self.max_surge())] {
            let value = value.to_string();
            if annotations.get(name) != Some(&value) {
                annotations.insert(name.to_owned(), value);
                changed = true;
            }
        }
        changed
    }
}

fn copy_annotations(deployment: &Deployment, meta: &mut ObjectMeta) {
    const OWN: [&str; 5] = [
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION,
        REVISION_HISTORY,
        DESIRED_REPLICAS,
        MAX_REPLICAS,
    ];
    for (name, value) in deployment.metadata.annotations.iter().flatten() {
        if !OWN.contains(&name.as_str()) {
            meta.annotations.get_or_insert_default().insert(name.clone(), value.clone());
        }
    }
}

/// Raises the revision of a ReplicaSet; one that returns keeps the numbers it had in its history.
fn set_revision(meta: &mut ObjectMeta, next: i64) {
    let old = annotation(meta, REVISION).map(str::to_owned);
    let Ok(old_number) = old.as_deref().unwrap_or("0").parse::<i64>() else { return };
    if next <= old_number {
        return;
    }
    let annotations: &mut BTreeMap<_, _> = meta.annotations.get_or_insert_default();
    annotations.insert(REVISION.to_owned(), next.to_string());
    let Some(old) = old else { return };
    let history = annotations.entry(REVISION_HISTORY.to_owned()).or_default();
    if history.is_empty() {
        *history = old;
    } else {
        history.push(',');
        history.push_str(&old);
        while REVISION_HISTORY_MAX < history.len()
            && let Some(comma) = history.find(',')
        {
            history.drain(..=comma);
        }
    }
}

fn equal_ignoring_hash(of_set: &PodTemplateSpec, of_deployment: &PodTemplateSpec) -> bool {
    let labels = |template: &PodTemplateSpec| {
        let mut labels = template.metadata.as_ref().and_then(|it| it.labels.clone()).unwrap_or_default();
        labels.remove(TEMPLATE_HASH);
        labels
    };
    let annotations = |template: &PodTemplateSpec| {
        template.metadata.as_ref().and_then(|it| it.annotations.clone()).unwrap_or_default()
    };
    same(&of_set.spec, &of_deployment.spec)
        && labels(of_set) == labels(of_deployment)
        && annotations(of_set) == annotations(of_deployment)
}

/// Follows controller_utils.go: ComputeHash, and util/rand: SafeEncodeString.
/// DIFFERENCE: hashes the template's JSON instead of Go's dump of it, so the value differs from a real cluster's.
fn template_hash(template: &PodTemplateSpec, collisions: Option<i32>) -> String {
    const ALPHANUMS: &[u8] = b"bcdfghjklmnpqrstvwxz2456789";
    let text = api::codec::to_text(template);
    let salt = collisions.map(|it| i64::from(it).to_le_bytes()).unwrap_or_default();
    let bytes = text.bytes().chain(salt.into_iter().take(if collisions.is_some() { 8 } else { 0 }));
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    hash.to_string().bytes().map(|it| char::from(ALPHANUMS[usize::from(it) % ALPHANUMS.len()])).fill()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hash_has_upstream_shape() {
        let hash = template_hash(&PodTemplateSpec::default(), None);
        assert!(
            (8..=10).contains(&hash.len()) && hash.bytes().all(|it| b"456789bcdf".contains(&it)),
            "{hash}"
        );
        assert_ne!(hash, template_hash(&PodTemplateSpec::default(), Some(1)));
    }

    #[test]
    fn history_of_revisions() {
        let mut meta = ObjectMeta::default();
        for next in [1, 2, 2, 4] {
            set_revision(&mut meta, next);
        }
        assert_eq!(annotation(&meta, REVISION), Some("4"));
        assert_eq!(annotation(&meta, REVISION_HISTORY), Some("1,2"));
    }
}
