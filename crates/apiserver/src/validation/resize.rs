//! What the resize subresource may change: CPUs and memory of containers, nothing else.
//!
//! Follows kubernetes v1.36 pkg/apis/core/validation: ValidatePodResize, validateContainerResize;
//! plugin/pkg/admission/podresize.

use std::collections::BTreeMap;

use api::codec::same;
use api::k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements};
use api::{Kind, Object, ObjectKey, Pod, Quantity, quantity};
use sim::Gather as _;

use crate::defaults::qos_class;
use crate::field::Errors;
use crate::status::{self, Failure};
use crate::store::Store;

type List = BTreeMap<String, Quantity>;

const RESIZED: [&str; 2] = ["cpu", "memory"];
const ONLY_RESOURCES: &str = "only cpu and memory resources are mutable";

pub(super) fn update(new: &Pod, old: &Pod, spec: &PodSpec, before: &PodSpec, errors: &mut Errors) {
    let class = qos_class(old);
    if class != qos_class(new) {
        errors.invalid("spec", class, "Pod QOS Class may not change as a result of resizing");
    }
    let inits = |it: &PodSpec| it.init_containers.clone().unwrap_or_default();
    let lists = [
        ("initContainers", inits(spec), inits(before)),
        ("containers", spec.containers.clone(), before.containers.clone()),
    ];
    for (kind, new, old) in &lists {
        if new.len() != old.len() {
            errors
                .forbidden(format!("spec.{kind}"), &format!("{kind} may not be added or removed on resize"));
            return;
        }
        for (index, (new, old)) in new.iter().zip(old).enumerate() {
            if new.name != old.name {
                let why = format!("{kind} may not be renamed or reordered on resize");
                errors.forbidden(format!("spec.{kind}[{index}].name"), &why);
                return;
            }
            let (path, none) = (format!("spec.{kind}[{index}].resources"), ResourceRequirements::default());
            let (new, old) =
                (new.resources.as_ref().unwrap_or(&none), old.resources.as_ref().unwrap_or(&none));
            if removed(new.requests.as_ref(), old.requests.as_ref()) {
                errors.forbidden(format!("{path}.requests"), "resource requests cannot be removed");
            }
            if removed(new.limits.as_ref(), old.limits.as_ref()) {
                errors.forbidden(format!("{path}.limits"), "resource limits cannot be removed");
            }
        }
    }
    let mut munged = spec.clone();
    for (container, old) in munged.containers.iter_mut().zip(&before.containers) {
        keep_resized(container, old);
        if !same(container, old) {
            errors.forbidden("spec", ONLY_RESOURCES);
        }
    }
    for (index, (container, old)) in
        munged.init_containers.iter_mut().flatten().zip(before.init_containers.iter().flatten()).enumerate()
    {
        keep_resized(container, old);
        if !same(container, old) {
            let why = "only cpu and memory resources for init or sidecar containers are mutable";
            errors.forbidden(format!("spec.initContainers[{index}]"), why);
        }
    }
    if errors.0.is_empty() && !same(&munged, before) {
        errors.forbidden("spec", ONLY_RESOURCES);
    }
}

fn removed(new: Option<&List>, old: Option<&List>) -> bool {
    old.into_iter().flatten().any(|(name, _)| !new.is_some_and(|it| it.contains_key(name)))
}

/// What may change takes its old value, so that the rest can be compared.
fn keep_resized(container: &mut Container, old: &Container) {
    let none = ResourceRequirements::default();
    let before = old.resources.as_ref().unwrap_or(&none);
    let Some(resources) = &mut container.resources else { return };
    for (list, old) in [(&mut resources.requests, &before.requests), (&mut resources.limits, &before.limits)]
    {
        let mut kept = list.take().unwrap_or_default();
        for name in RESIZED {
            kept.remove(name);
            if let Some(value) = old.as_ref().and_then(|it| it.get(name)) {
                kept.insert(name.to_owned(), value.clone());
            }
        }
        *list = (!kept.is_empty() || old.is_some()).then_some(kept);
    }
    if same(resources, &none) && old.resources.is_none() {
        container.resources = None;
    }
}

/// No Pod may ask for more than its node has.
pub fn admit(pod: &Pod, store: &Store) -> Result<(), Failure> {
    let name = pod.spec.as_ref().and_then(|it| it.node_name.as_deref()).unwrap_or("");
    if name.is_empty() {
        return Ok(());
    }
    let key = ObjectKey::pod(
        pod.metadata.namespace.as_deref().unwrap_or(""),
        pod.metadata.name.as_deref().unwrap_or(""),
    );
    let found = store.get(&ObjectKey::new(Kind::Node, "", name)).map(|it| &it.object);
    let Some(Object::Node(node)) = found else {
        return Err(status::forbidden(&key, &format!("node \"{name}\" not found")));
    };
    let allocatable = node.status.as_ref().and_then(|it| it.allocatable.as_ref());
    let number = |of: &str, it: quantity::Amount| if of == "cpu" { it.milli_value() } else { it.value() };
    let too_much: Vec<String> = RESIZED
        .iter()
        .filter_map(|of| {
            let (asked, room) = (
                number(of, requests(pod, of)),
                number(of, quantity::of_option(allocatable.and_then(|it| it.get(*of)))),
            );
            (room < asked).then(|| format!("{of}, requested: {asked}, allocatable: {room}"))
        })
        .gather();
    if too_much.is_empty() {
        return Ok(());
    }
    let why = format!("node didn't have enough allocatable resources: {}", too_much.join("; "));
    Err(status::forbidden(&key, &why))
}

/// Of all containers that run at once; an init container runs beside the sidecars before it.
fn requests(pod: &Pod, name: &str) -> quantity::Amount {
    let of = |it: &Container| {
        let list = it.resources.as_ref().and_then(|it| it.requests.as_ref());
        quantity::of_option(list.and_then(|it| it.get(name))).milli_value()
    };
    let spec = pod.spec.as_ref();
    let (mut sidecars, mut peak) = (0_i64, 0_i64);
    for it in spec.and_then(|it| it.init_containers.as_ref()).into_iter().flatten() {
        peak = peak.max(sidecars.saturating_add(of(it)));
        if it.restart_policy.as_deref() == Some("Always") {
            sidecars = sidecars.saturating_add(of(it));
        }
    }
    let apps = spec.into_iter().flat_map(|it| &it.containers).map(of).fold(sidecars, i64::saturating_add);
    quantity::Amount::from_milli(apps.max(peak))
}
