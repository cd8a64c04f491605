//! What the server stores and warns about.
//!
//! Follows kubernetes v1.36 pkg/api/pod/warnings.go and pkg/api/service/warnings.go.

use api::k8s_openapi::api::core::v1::{Container, PodSpec};
use api::{ObjectMeta, Service, quantity, syntax};
use sim::VecSet;

use super::text;
use crate::field::go_quote;

const DEPRECATED_NODE_LABELS: &[(&str, &str, &str)] = &[
    ("beta.kubernetes.io/arch", "v1.14", "kubernetes.io/arch"),
    ("beta.kubernetes.io/os", "v1.14", "kubernetes.io/os"),
    ("failure-domain.beta.kubernetes.io/region", "v1.17", "topology.kubernetes.io/region"),
    ("failure-domain.beta.kubernetes.io/zone", "v1.17", "topology.kubernetes.io/zone"),
    ("beta.kubernetes.io/instance-type", "v1.17", "node.kubernetes.io/instance-type"),
];

/// `meta` is given for a Pod, absent for a template.
pub(super) fn pod_spec(meta: Option<&ObjectMeta>, spec: &PodSpec, path: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(meta) = meta {
        let complaints = syntax::dns1123_label(text(meta.name.as_ref()));
        if !complaints.is_empty() {
            found.push(format!(
                "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS label is recommended: [{}]",
                complaints.join(" ")
            ));
        }
    }
    for (old, since, new) in DEPRECATED_NODE_LABELS {
        if spec.node_selector.as_ref().is_some_and(|it| it.contains_key(*old)) {
            found.push(format!("{path}.nodeSelector[{old}]: deprecated since {since}; use {new:?} instead"));
        }
    }
    let mut addresses = VecSet::new();
    for (index, alias) in spec.host_aliases.iter().flatten().enumerate() {
        if !addresses.insert(&alias.ip) {
            found.push(format!("{path}.hostAliases[{index}].ip: duplicate ip {}", go_quote(&alias.ip)));
        }
    }
    let mut secrets = VecSet::new();
    for (index, secret) in spec.image_pull_secrets.iter().flatten().enumerate() {
        let at = format!("{path}.imagePullSecrets[{index}].name");
        if secret.name.is_empty() {
            found.push(format!("{at}: invalid empty name \"\""));
        } else if !secrets.insert(&secret.name) {
            found.push(format!("{at}: duplicate name {}", go_quote(&secret.name)));
        }
    }
    for volume in spec.volumes.iter().flatten() {
        let projected = volume.projected.as_ref();
        if projected.is_some_and(|it| it.sources.as_ref().is_none_or(Vec::is_empty)) {
            found.push(format!("volume {} (Projected) has no sources provided", go_quote(&volume.name)));
        }
    }
    let lists = [
        ("containers", spec.containers.as_slice()),
        ("initContainers", spec.init_containers.as_deref().unwrap_or_default()),
    ];
    for (name, containers) in lists {
        for (index, it) in containers.iter().enumerate() {
            container(it, &format!("{path}.{name}[{index}]"), &mut found);
        }
    }
    found
}

fn container(container: &Container, path: &str, found: &mut Vec<String>) {
    if let Some(resources) = &container.resources {
        for (kind, list) in [("limits", &resources.limits), ("requests", &resources.requests)] {
            for name in ["memory", "ephemeral-storage"] {
                let Some(value) = list.as_ref().and_then(|it| it.get(name)) else { continue };
                if quantity::of(value).nanos() % 1_000_000_000 != 0 {
                    found.push(format!(
                        "{path}.resources.{kind}[{name}]: fractional byte value {} is invalid, must be an integer",
                        go_quote(&value.0)
                    ));
                }
            }
        }
    }
    let mut names = VecSet::new();
    for (index, variable) in container.env.iter().flatten().enumerate() {
        // A later definition may build on the earlier one.
        let builds_on = text(variable.value.as_ref()).contains(&format!("$({})", variable.name));
        if !names.insert(&variable.name) && !builds_on {
            found.push(format!(
                "{path}.env[{index}]: hides previous definition of {}, which may be dropped when using apply",
                go_quote(&variable.name)
            ));
        }
    }
}

pub(super) fn service(service: &Service) -> Vec<String> {
    let external = service.spec.as_ref().and_then(|it| it.external_ips.as_ref());
    let deprecated = external.is_some_and(|it| !it.is_empty());
    let text = "spec.externalIPs is deprecated and may no longer be implemented in some clusters";
    if deprecated { vec![text.to_owned()] } else { Vec::new() }
}
