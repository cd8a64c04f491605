//! Pod specs: everything that is not a container or a volume; and what an update may change.
//!
//! Follows kubernetes v1.36 pkg/apis/core/validation: ValidatePodSpec, ValidatePodCreate, ValidatePodUpdate.

use api::codec;
use api::k8s_openapi::api::core::v1::{
    Affinity, Container, NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm, PodSpec,
    Toleration, TopologySpreadConstraint, WeightedPodAffinityTerm,
};
use api::{Pod, quantity, syntax};
use sim::VecSet;

use super::container::{self, Context};
use super::{internal, meta, security, text, volume};
use crate::field::{Errors, Raw};
use crate::request::Subresource;

const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];
const SPEC_UPDATE: &str = "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";
const IP_MESSAGE: &str = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)";

pub(super) fn create(pod: &Pod, errors: &mut Errors) {
    let default = PodSpec::default();
    let spec = pod.spec.as_ref().unwrap_or(&default);
    pod_and_spec(pod, spec, errors);
    if spec.ephemeral_containers.as_ref().is_some_and(|it| !it.is_empty()) {
        errors.forbidden("spec.ephemeralContainers", "cannot be set on create");
    }
    let gated = spec.scheduling_gates.as_ref().is_some_and(|it| !it.is_empty());
    if gated && !text(spec.node_name.as_ref()).is_empty() {
        errors.forbidden("spec.nodeName", "cannot be set until all schedulingGates have been cleared");
    }
}

fn pod_and_spec(pod: &Pod, spec: &PodSpec, errors: &mut Errors) {
    meta::metadata(&pod.metadata, api::Kind::Pod, errors);
    pod_spec(spec, "spec", errors);
    container::images(&spec.containers, "spec.containers", errors);
    container::images(spec.init_containers.as_deref().unwrap_or_default(), "spec.initContainers", errors);
}

/// Of a Pod or of a template.
pub(super) fn pod_spec(spec: &PodSpec, path: &str, errors: &mut Errors) {
    let volumes =
        volume::volumes(spec.volumes.as_deref().unwrap_or_default(), &format!("{path}.volumes"), errors);
    let context = Context { spec, volumes: &volumes };
    container::containers(&context, &format!("{path}.containers"), errors);
    container::init_containers(&context, &format!("{path}.initContainers"), errors);
    pod_resources(spec, path, errors);
    host_network(spec, path, errors);
    errors.one_of(
        format!("{path}.restartPolicy"),
        spec.restart_policy.as_deref(),
        &["Always", "OnFailure", "Never"],
    );
    errors.one_of(
        format!("{path}.dnsPolicy"),
        spec.dns_policy.as_deref(),
        &["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"],
    );
    if let Some(labels) = &spec.node_selector {
        meta::labels(labels, &format!("{path}.nodeSelector"), errors);
    }
    if let Some(context) = &spec.security_context {
        security::pod(context, spec, &format!("{path}.securityContext"), errors);
    }
    if let Some(it) = &spec.affinity {
        affinity(it, &format!("{path}.affinity"), errors);
    }
    dns(spec, path, errors);
    for (index, gate) in spec.readiness_gates.iter().flatten().enumerate() {
        meta::label_name(
            &gate.condition_type,
            &format!("{path}.readinessGates[{index}].conditionType"),
            errors,
        );
    }
    let mut gates = VecSet::new();
    for (index, gate) in spec.scheduling_gates.iter().flatten().enumerate() {
        let path = format!("{path}.schedulingGates[{index}]");
        meta::label_name(&gate.name, &path, errors);
        if !gates.insert(&gate.name) {
            errors.duplicate(path, &gate.name);
        }
    }
    let constraints = spec.topology_spread_constraints.as_deref().unwrap_or_default();
    topology(constraints, &format!("{path}.topologySpreadConstraints"), errors);
    names(spec, path, errors);
    tolerations(spec.tolerations.as_deref().unwrap_or_default(), &format!("{path}.tolerations"), errors);
    for (index, alias) in spec.host_aliases.iter().flatten().enumerate() {
        let path = format!("{path}.hostAliases[{index}]");
        if alias.ip.parse::<std::net::IpAddr>().is_err() {
            errors.invalid(format!("{path}.ip"), &alias.ip, IP_MESSAGE);
        }
        for (index, name) in alias.hostnames.iter().flatten().enumerate() {
            errors.invalid_all(&format!("{path}.hostnames[{index}]"), name, syntax::dns1123_subdomain(name));
        }
    }
    let class = text(spec.priority_class_name.as_ref());
    if !class.is_empty() {
        errors.invalid_all(&format!("{path}.priorityClassName"), class, syntax::dns1123_subdomain(class));
    }
    errors.one_of(
        format!("{path}.preemptionPolicy"),
        spec.preemption_policy.as_deref(),
        &["PreemptLowerPriority", "Never"],
    );
}

fn names(spec: &PodSpec, path: &str, errors: &mut Errors) {
    let account = text(spec.service_account_name.as_ref());
    if !account.is_empty() {
        errors.invalid_all(
            &format!("{path}.serviceAccountName"),
            account,
            syntax::dns1123_subdomain(account),
        );
    }
    let node = text(spec.node_name.as_ref());
    if !node.is_empty() {
        errors.invalid_all(&format!("{path}.nodeName"), node, syntax::dns1123_subdomain(node));
    }
    if let Some(deadline) = spec.active_deadline_seconds.filter(|it| !(1..=i64::from(i32::MAX)).contains(it))
    {
        let why = "must be between 1 and 2147483647, inclusive";
        errors.invalid(format!("{path}.activeDeadlineSeconds"), &deadline, why);
    }
    for (field, value) in [("hostname", &spec.hostname), ("subdomain", &spec.subdomain)] {
        let value = text(value.as_ref());
        if !value.is_empty() {
            errors.invalid_all(&format!("{path}.{field}"), value, syntax::dns1123_label(value));
        }
    }
}

fn pod_resources(spec: &PodSpec, path: &str, errors: &mut Errors) {
    let Some(own) = &spec.resources else { return };
    container::resources(own, &format!("{path}.resources"), errors);
    for (name, value) in own.requests.iter().flatten() {
        let sum: quantity::Amount = spec
            .containers
            .iter()
            .filter_map(|it| it.resources.as_ref()?.requests.as_ref()?.get(name))
            .map(quantity::of)
            .sum();
        if quantity::of(value) < sum {
            let why = format!("must be greater than or equal to aggregate container requests of {sum}");
            errors.invalid(format!("{path}.resources.requests[{name}]"), &value.0, &why);
        }
    }
}

fn host_network(spec: &PodSpec, path: &str, errors: &mut Errors) {
    if spec.host_network != Some(true) {
        return;
    }
    for (index, container) in spec.containers.iter().enumerate() {
        for (port_index, port) in container.ports.iter().flatten().enumerate() {
            let host = port.host_port.unwrap_or(0);
            if host != port.container_port && (host != 0 || path == "spec") {
                let path = format!("{path}.containers[{index}].ports[{port_index}].hostPort");
                errors.invalid(path, &host, "must match `containerPort` when `hostNetwork` is true");
            }
        }
    }
    if spec.host_users == Some(false) {
        errors.forbidden(format!("{path}.hostNetwork"), "when `hostUsers` is false");
    }
}

fn dns(spec: &PodSpec, path: &str, errors: &mut Errors) {
    let config = spec.dns_config.as_ref();
    let servers = config.and_then(|it| it.nameservers.as_deref()).unwrap_or_default();
    let path = format!("{path}.dnsConfig.nameservers");
    if spec.dns_policy.as_deref() == Some("None") {
        if config.is_none() {
            let why = "must provide `dnsConfig` when `dnsPolicy` is None";
            errors.required(path.trim_end_matches(".nameservers"), why);
            return;
        }
        if servers.is_empty() {
            errors.required(&path, "must provide at least one DNS nameserver when `dnsPolicy` is None");
            return;
        }
    }
    if 3 < servers.len() {
        let why = "must not have more than 3 nameservers";
        errors.invalid(&path, &Raw(api::codec::to_text(&servers.to_vec())), why);
    }
    for (index, server) in servers.iter().enumerate() {
        if server.parse::<std::net::IpAddr>().is_err() {
            errors.invalid(format!("{path}[{index}]"), server, IP_MESSAGE);
        }
    }
}

fn affinity(affinity: &Affinity, path: &str, errors: &mut Errors) {
    if let Some(node) = &affinity.node_affinity {
        let path = format!("{path}.nodeAffinity");
        if let Some(required) = &node.required_during_scheduling_ignored_during_execution {
            let path = format!("{path}.requiredDuringSchedulingIgnoredDuringExecution");
            node_selector(required, &path, errors);
        }
        let preferred = node.preferred_during_scheduling_ignored_during_execution.iter().flatten();
        for (index, term) in preferred.enumerate() {
            let path = format!("{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]");
            weight(term.weight, &path, errors);
            node_term(&term.preference, &format!("{path}.preference"), errors);
        }
    }
    if let Some(it) = &affinity.pod_affinity {
        pod_terms(
            it.required_during_scheduling_ignored_during_execution.as_deref(),
            it.preferred_during_scheduling_ignored_during_execution.as_deref(),
            &format!("{path}.podAffinity"),
            errors,
        );
    }
    if let Some(it) = &affinity.pod_anti_affinity {
        pod_terms(
            it.required_during_scheduling_ignored_during_execution.as_deref(),
            it.preferred_during_scheduling_ignored_during_execution.as_deref(),
            &format!("{path}.podAntiAffinity"),
            errors,
        );
    }
}

fn weight(weight: i32, path: &str, errors: &mut Errors) {
    if !(1..=100).contains(&weight) {
        errors.invalid(format!("{path}.weight"), &weight, "must be in the range 1-100");
    }
}

fn pod_terms(
    required: Option<&[PodAffinityTerm]>,
    preferred: Option<&[WeightedPodAffinityTerm]>,
    path: &str,
    errors: &mut Errors,
) {
    for (index, term) in required.unwrap_or_default().iter().enumerate() {
        pod_term(term, &format!("{path}.requiredDuringSchedulingIgnoredDuringExecution[{index}]"), errors);
    }
    for (index, term) in preferred.unwrap_or_default().iter().enumerate() {
        let path = format!("{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]");
        weight(term.weight, &path, errors);
        pod_term(&term.pod_affinity_term, &format!("{path}.podAffinityTerm"), errors);
    }
}

fn pod_term(term: &PodAffinityTerm, path: &str, errors: &mut Errors) {
    meta::label_selector(term.label_selector.as_ref(), &format!("{path}.labelSelector"), errors);
    meta::label_selector(term.namespace_selector.as_ref(), &format!("{path}.namespaceSelector"), errors);
    for name in term.namespaces.iter().flatten() {
        errors.invalid_all(&format!("{path}.namespace"), name, syntax::dns1123_label(name));
    }
    let path = format!("{path}.topologyKey");
    if term.topology_key.is_empty() {
        errors.required(&path, "can not be empty");
    }
    meta::label_name(&term.topology_key, &path, errors);
}

fn node_selector(selector: &NodeSelector, path: &str, errors: &mut Errors) {
    let path = format!("{path}.nodeSelectorTerms");
    if selector.node_selector_terms.is_empty() {
        errors.required(path, "must have at least one node selector term");
        return;
    }
    for (index, term) in selector.node_selector_terms.iter().enumerate() {
        node_term(term, &format!("{path}[{index}]"), errors);
    }
}

fn node_term(term: &NodeSelectorTerm, path: &str, errors: &mut Errors) {
    for (index, requirement) in term.match_expressions.iter().flatten().enumerate() {
        node_requirement(requirement, &format!("{path}.matchExpressions[{index}]"), errors);
    }
    for (index, requirement) in term.match_fields.iter().flatten().enumerate() {
        let path = format!("{path}.matchFields[{index}]");
        let values = requirement.values.as_deref().unwrap_or_default();
        if !matches!(requirement.operator.as_str(), "In" | "NotIn") {
            errors.invalid(
                format!("{path}.operator"),
                &requirement.operator,
                "not a valid selector operator",
            );
        } else if values.len() != 1 {
            let why = "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
            errors.required(format!("{path}.values"), why);
        }
        if requirement.key == "metadata.name" {
            for (index, value) in values.iter().enumerate() {
                errors.invalid_all(
                    &format!("{path}.values[{index}]"),
                    value,
                    syntax::dns1123_subdomain(value),
                );
            }
        } else {
            errors.invalid(format!("{path}.key"), &requirement.key, "not a valid field selector key");
        }
    }
}

fn node_requirement(requirement: &NodeSelectorRequirement, path: &str, errors: &mut Errors) {
    let values = requirement.values.as_deref().unwrap_or_default();
    let values_path = format!("{path}.values");
    match requirement.operator.as_str() {
        "In" | "NotIn" => {
            if values.is_empty() {
                errors.required(values_path.clone(), "must be specified when `operator` is 'In' or 'NotIn'");
            }
        }
        "Exists" | "DoesNotExist" => {
            if !values.is_empty() {
                let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                errors.forbidden(values_path.clone(), why);
            }
        }
        "Gt" | "Lt" => {
            if values.len() != 1 {
                let why = "must be specified single value when `operator` is 'Lt' or 'Gt'";
                errors.required(values_path.clone(), why);
            }
        }
        other => errors.invalid(format!("{path}.operator"), other, "not a valid selector operator"),
    }
    meta::label_name(&requirement.key, &format!("{path}.key"), errors);
    for (index, value) in values.iter().enumerate() {
        errors.invalid_all(&format!("{values_path}[{index}]"), value, syntax::label_value(value));
    }
}

fn topology(constraints: &[TopologySpreadConstraint], path: &str, errors: &mut Errors) {
    for (index, it) in constraints.iter().enumerate() {
        let path = format!("{path}[{index}]");
        if it.max_skew <= 0 {
            errors.invalid(format!("{path}.maxSkew"), &it.max_skew, "must be greater than zero");
        }
        if it.topology_key.is_empty() {
            errors.required(format!("{path}.topologyKey"), "can not be empty");
        }
        errors.one_of(
            format!("{path}.whenUnsatisfiable"),
            Some(&it.when_unsatisfiable),
            &["DoNotSchedule", "ScheduleAnyway"],
        );
        let repeated = constraints[index + 1..].iter().any(|other| {
            (&other.topology_key, &other.when_unsatisfiable) == (&it.topology_key, &it.when_unsatisfiable)
        });
        if repeated {
            let value = format!("{{{}, {}}}", it.topology_key, it.when_unsatisfiable);
            errors.duplicate(format!("{path}.{{topologyKey, whenUnsatisfiable}}"), &value);
        }
        let path = format!("{path}.minDomains");
        if let Some(domains) = it.min_domains {
            if domains <= 0 {
                errors.invalid(&path, &domains, "must be greater than zero");
            }
            if it.when_unsatisfiable != "DoNotSchedule" {
                let why = format!(
                    "can only use minDomains if whenUnsatisfiable=DoNotSchedule, not {}",
                    it.when_unsatisfiable
                );
                errors.invalid(path, &domains, &why);
            }
        }
    }
}

fn tolerations(tolerations: &[Toleration], path: &str, errors: &mut Errors) {
    for (index, it) in tolerations.iter().enumerate() {
        let path = format!("{path}[{index}]");
        let (key, operator) = (text(it.key.as_ref()), text(it.operator.as_ref()));
        let (value, effect) = (text(it.value.as_ref()), text(it.effect.as_ref()));
        if !key.is_empty() {
            meta::label_name(key, &format!("{path}.key"), errors);
        } else if operator != "Exists" {
            let why =
                "operator must be Exists when `key` is empty, which means \"match all values and all keys\"";
            errors.invalid(format!("{path}.operator"), operator, why);
        }
        if it.toleration_seconds.is_some() && effect != "NoExecute" {
            let why = "effect must be 'NoExecute' when `tolerationSeconds` is set";
            errors.invalid(format!("{path}.effect"), effect, why);
        }
        match operator {
            "" | "Equal" => {
                let complaints = syntax::label_value(value);
                if !complaints.is_empty() {
                    errors.invalid(format!("{path}.operator"), value, &complaints.join(";"));
                }
            }
            "Exists" => {
                if !value.is_empty() {
                    let why = "value must be empty when `operator` is 'Exists'";
                    errors.invalid(format!("{path}.operator"), value, why);
                }
            }
            other => errors.not_supported(format!("{path}.operator"), other, &["Equal", "Exists"]),
        }
        if !effect.is_empty() {
            errors.one_of(format!("{path}.effect"), Some(effect), EFFECTS);
        }
    }
}

/// Of a write to the Pod itself.
pub(super) fn update(new: &Pod, old: &Pod, subresource: Option<Subresource>, errors: &mut Errors) {
    if subresource == Some(Subresource::Status) {
        meta::metadata(&new.metadata, api::Kind::Pod, errors);
        return;
    }
    let (empty, default) = (PodSpec::default(), PodSpec::default());
    let (spec, before) = (new.spec.as_ref().unwrap_or(&empty), old.spec.as_ref().unwrap_or(&default));
    pod_and_spec(new, spec, errors);
    if subresource == Some(Subresource::Resize) {
        return super::resize::update(new, old, spec, before, errors);
    }
    let lists: [(&str, &[Container], &[Container]); 2] = [
        ("spec.containers", &spec.containers, &before.containers),
        (
            "spec.initContainers",
            spec.init_containers.as_deref().unwrap_or_default(),
            before.init_containers.as_deref().unwrap_or_default(),
        ),
    ];
    for (path, new, old) in lists {
        if new.len() != old.len() {
            errors.forbidden(path, "pod updates may not add or remove containers");
            return;
        }
    }
    deadline(spec, before, errors);
    gates(spec, before, errors);
    let mut munged = spec.clone();
    for (container, old) in munged.containers.iter_mut().zip(&before.containers) {
        container.image.clone_from(&old.image);
    }
    let old_inits = before.init_containers.iter().flatten();
    for (container, old) in munged.init_containers.iter_mut().flatten().zip(old_inits) {
        container.image.clone_from(&old.image);
    }
    if subresource == Some(Subresource::EphemeralContainers) {
        munged.ephemeral_containers.clone_from(&before.ephemeral_containers);
    }
    munged.active_deadline_seconds = before.active_deadline_seconds;
    munged.scheduling_gates.clone_from(&before.scheduling_gates);
    let kept = |it: &Toleration| {
        let same = |new: &Toleration| {
            let at_all_times = |it: &Toleration| Toleration { toleration_seconds: None, ..it.clone() };
            codec::same(&at_all_times(new), &at_all_times(it))
        };
        spec.tolerations.iter().flatten().any(same)
    };
    if !before.tolerations.iter().flatten().all(kept) {
        let why = "existing toleration can not be modified except its tolerationSeconds";
        errors.forbidden("spec.tolerations", why);
    }
    munged.tolerations.clone_from(&before.tolerations);
    let gated = before.scheduling_gates.as_ref().is_some_and(|it| !it.is_empty());
    if gated {
        let (new, old) = (spec.node_selector.clone().unwrap_or_default(), before.node_selector.as_ref());
        if old.into_iter().flatten().any(|(key, value)| new.get(key) != Some(value)) {
            let value = Raw(api::codec::to_text(&new));
            let why = "only additions to spec.nodeSelector are allowed (no mutations or deletions)";
            errors.invalid("spec.nodeSelector", &value, why);
        }
        munged.node_selector.clone_from(&before.node_selector);
    }
    if !codec::same(&munged, before) {
        let difference = super::difference::unified(&internal::show(before), &internal::show(&munged));
        errors.forbidden("spec", &format!("{SPEC_UPDATE}\n{difference}"));
    }
}

fn deadline(spec: &PodSpec, before: &PodSpec, errors: &mut Errors) {
    match (spec.active_deadline_seconds, before.active_deadline_seconds) {
        (Some(new), Some(old)) if old < new => {
            errors.invalid(
                "spec.activeDeadlineSeconds",
                &new,
                "must be less than or equal to previous value",
            );
        }
        (None, Some(_)) => {
            let why = "must not update from a positive integer to nil value";
            errors.invalid("spec.activeDeadlineSeconds", &Raw("null".to_owned()), why);
        }
        _ => {}
    }
}

fn gates(spec: &PodSpec, before: &PodSpec, errors: &mut Errors) {
    let old = before.scheduling_gates.as_deref().unwrap_or_default();
    for (index, gate) in spec.scheduling_gates.iter().flatten().enumerate() {
        if !old.contains(gate) {
            let why = format!("only deletion is allowed, but found new scheduling gate '{}'", gate.name);
            errors.forbidden(format!("spec.schedulingGates[{index}].name"), &why);
        }
    }
}
