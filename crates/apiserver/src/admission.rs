//! Admission: what the default plugins add to a new object, and what they refuse.
//!
//! Follows kubernetes v1.36 plugin/pkg/admission: serviceaccount, priority, defaulttolerationseconds,
//! nodetaint and apiserver/pkg/admission/plugin/namespace/lifecycle.

use std::sync::Arc;

use api::k8s_openapi::api::core::v1::{
    ConfigMapProjection, DownwardAPIProjection, DownwardAPIVolumeFile, KeyToPath, ObjectFieldSelector,
    PodCondition, PodSpec, ProjectedVolumeSource, ServiceAccountTokenProjection, Taint, Toleration, Volume,
    VolumeMount, VolumeProjection,
};
use api::{Kind, Object, ObjectKey, Pod};
use sim::Rng;

use crate::status::{self, Failure};
use crate::store::Store;

const TOKEN_PATH: &str = "/var/run/secrets/kubernetes.io/serviceaccount";
const NOT_READY: &str = "node.kubernetes.io/not-ready";
const UNREACHABLE: &str = "node.kubernetes.io/unreachable";

/// Changes a new object as the plugins do; an error refuses it.
pub fn admit(object: &mut Object, store: &Store, rng: &mut Rng) -> Result<(), Failure> {
    match object {
        Object::Pod(pod) => admit_pod(Arc::make_mut(pod), store, rng),
        Object::Node(node) => {
            let spec = Arc::make_mut(node).spec.get_or_insert_default();
            let taints = spec.taints.get_or_insert_default();
            if !taints.iter().any(|it| it.key == NOT_READY && it.effect == "NoSchedule") {
                taints.push(Taint {
                    key: NOT_READY.to_owned(),
                    effect: "NoSchedule".to_owned(),
                    ..Taint::default()
                });
            }
            Ok(())
        }
        _ => Ok(()),
    }
}

/// 404 for a namespace that is not there, 403 for one that is going away.
pub fn check_namespace(key: &ObjectKey, store: &Store) -> Result<(), Failure> {
    if !key.kind.info().namespaced {
        return Ok(());
    }
    let namespace = ObjectKey::new(Kind::Namespace, "", &key.namespace);
    let Some(stored) = store.get(&namespace) else { return Err(status::not_found(&namespace)) };
    if stored.object.metadata().deletion_timestamp.is_some() {
        let why = format!(
            "unable to create new content in namespace {} because it is being terminated",
            key.namespace
        );
        return Err(status::forbidden(key, &why));
    }
    Ok(())
}

fn admit_pod(pod: &mut Pod, store: &Store, rng: &mut Rng) -> Result<(), Failure> {
    service_account(pod, store, rng)?;
    priority(pod, store)?;
    let spec = pod.spec.get_or_insert_default();
    default_tolerations(spec);
    if let Some(class) = spec.runtime_class_name.clone() {
        // There are no RuntimeClasses here.
        let key = ObjectKey::pod(
            pod.metadata.namespace.as_deref().unwrap_or(""),
            pod.metadata.name.as_deref().unwrap_or(""),
        );
        return Err(status::forbidden(&key, &format!("pod rejected: RuntimeClass \"{class}\" not found")));
    }
    let gated = spec.scheduling_gates.as_ref().is_some_and(|it| !it.is_empty());
    if gated {
        let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
        if !conditions.iter().any(|it| it.type_ == "PodScheduled") {
            conditions.push(PodCondition {
                type_: "PodScheduled".to_owned(),
                status: "False".to_owned(),
                reason: Some("SchedulingGated".to_owned()),
                message: Some("Scheduling is blocked due to non-empty scheduling gates".to_owned()),
                ..PodCondition::default()
            });
        }
    }
    Ok(())
}

fn service_account(pod: &mut Pod, store: &Store, rng: &mut Rng) -> Result<(), Failure> {
    let is_mirror =
        pod.metadata.annotations.as_ref().is_some_and(|it| it.contains_key(api::names::MIRROR_ANNOTATION));
    if is_mirror {
        return Ok(());
    }
    let namespace = pod.metadata.namespace.clone().unwrap_or_default();
    let key = ObjectKey::pod(&namespace, pod.metadata.name.as_deref().unwrap_or(""));
    let spec = pod.spec.get_or_insert_default();
    let name = spec.service_account_name.get_or_insert_default();
    if name.is_empty() {
        "default".clone_into(name);
    }
    let name = name.clone();
    spec.service_account = Some(name.clone());
    let account_key = ObjectKey::new(Kind::ServiceAccount, &namespace, &name);
    let Some(Object::ServiceAccount(account)) = store.get(&account_key).map(|it| &it.object) else {
        let why = format!(
            "error looking up service account {namespace}/{name}: serviceaccount \"{name}\" not found"
        );
        return Err(status::forbidden(&key, &why));
    };
    let wanted =
        spec.automount_service_account_token.or(account.automount_service_account_token).unwrap_or(true);
    let uses_default = |it: &api::k8s_openapi::api::core::v1::Container| {
        it.volume_mounts.iter().flatten().any(|it| it.mount_path == TOKEN_PATH)
    };
    let all_have = spec.containers.iter().chain(spec.init_containers.iter().flatten()).all(uses_default);
    if wanted && !all_have {
        mount_token(spec, rng);
    }
    if spec.image_pull_secrets.as_ref().is_none_or(Vec::is_empty)
        && let Some(secrets) = &account.image_pull_secrets
    {
        spec.image_pull_secrets = Some(secrets.clone());
    }
    Ok(())
}

fn mount_token(spec: &mut PodSpec, rng: &mut Rng) {
    let known = spec.volumes.iter().flatten().find(|it| it.name.starts_with("kube-api-access-"));
    let name = known.map(|it| it.name.clone());
    let is_new = name.is_none();
    let name = name.unwrap_or_else(|| format!("kube-api-access-{}", rng.suffix(5)));
    for container in spec.containers.iter_mut().chain(spec.init_containers.iter_mut().flatten()) {
        let mounts = container.volume_mounts.get_or_insert_default();
        if !mounts.iter().any(|it| it.mount_path == TOKEN_PATH) {
            mounts.push(VolumeMount {
                name: name.clone(),
                read_only: Some(true),
                mount_path: TOKEN_PATH.to_owned(),
                ..VolumeMount::default()
            });
        }
    }
    if is_new {
        spec.volumes.get_or_insert_default().push(token_volume(name));
    }
}

fn token_volume(name: String) -> Volume {
    let token = ServiceAccountTokenProjection {
        expiration_seconds: Some(3607),
        path: "token".to_owned(),
        ..ServiceAccountTokenProjection::default()
    };
    let authority = ConfigMapProjection {
        name: "kube-root-ca.crt".to_owned(),
        items: Some(vec![KeyToPath { key: "ca.crt".to_owned(), path: "ca.crt".to_owned(), mode: None }]),
        optional: None,
    };
    let namespace = DownwardAPIVolumeFile {
        path: "namespace".to_owned(),
        field_ref: Some(ObjectFieldSelector {
            api_version: Some("v1".to_owned()),
            field_path: "metadata.namespace".to_owned(),
        }),
        ..DownwardAPIVolumeFile::default()
    };
    let sources = vec![
        VolumeProjection { service_account_token: Some(token), ..VolumeProjection::default() },
        VolumeProjection { config_map: Some(authority), ..VolumeProjection::default() },
        VolumeProjection {
            downward_api: Some(DownwardAPIProjection { items: Some(vec![namespace]) }),
            ..VolumeProjection::default()
        },
    ];
    let projected = ProjectedVolumeSource { default_mode: Some(0o644), sources: Some(sources) };
    Volume { name, projected: Some(projected), ..Volume::default() }
}

fn priority(pod: &mut Pod, store: &Store) -> Result<(), Failure> {
    let key = ObjectKey::pod(
        pod.metadata.namespace.as_deref().unwrap_or(""),
        pod.metadata.name.as_deref().unwrap_or(""),
    );
    let spec = pod.spec.get_or_insert_default();
    let class_name = spec.priority_class_name.clone().unwrap_or_default();
    let (value, policy) = if class_name.is_empty() {
        let default = store.list(Kind::PriorityClass).find_map(|it| match &it.object {
            Object::PriorityClass(it) if it.global_default == Some(true) => Some(it),
            _ => None,
        });
        if let Some(class) = default {
            spec.priority_class_name = class.metadata.name.clone();
        }
        default.map_or((0, None), |it| (it.value.unwrap_or(0), it.preemption_policy.clone()))
    } else {
        let class_key = ObjectKey::new(Kind::PriorityClass, "", &class_name);
        let Some(Object::PriorityClass(class)) = store.get(&class_key).map(|it| &it.object) else {
            return Err(status::forbidden(
                &key,
                &format!("no PriorityClass with name {class_name} was found"),
            ));
        };
        (class.value.unwrap_or(0), class.preemption_policy.clone())
    };
    let policy = policy.unwrap_or_else(|| "PreemptLowerPriority".to_owned());
    if spec.priority.is_some_and(|it| it != value) {
        let given = spec.priority.unwrap_or(0);
        let why = format!(
            "the integer value of priority ({given}) must not be provided in pod spec; priority admission controller computed {value} from the given PriorityClass name"
        );
        return Err(status::forbidden(&key, &why));
    }
    spec.priority = Some(value);
    if let Some(given) = spec.preemption_policy.as_ref().filter(|it| **it != policy) {
        let why = format!(
            "the string value of PreemptionPolicy ({given}) must not be provided in pod spec; priority admission controller computed {policy} from the given PriorityClass name"
        );
        return Err(status::forbidden(&key, &why));
    }
    spec.preemption_policy = Some(policy);
    Ok(())
}

fn default_tolerations(spec: &mut PodSpec) {
    let tolerations = spec.tolerations.get_or_insert_default();
    for key in [NOT_READY, UNREACHABLE] {
        let tolerated = tolerations.iter().any(|it| {
            let same_key = it.key.as_deref().is_none_or(|it| it.is_empty() || it == key);
            same_key && it.effect.as_deref().is_none_or(|it| it.is_empty() || it == "NoExecute")
        });
        if !tolerated {
            tolerations.push(Toleration {
                key: Some(key.to_owned()),
                operator: Some("Exists".to_owned()),
                effect: Some("NoExecute".to_owned()),
                toleration_seconds: Some(300),
                value: None,
            });
        }
    }
}
