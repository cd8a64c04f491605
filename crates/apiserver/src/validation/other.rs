//! ConfigMaps, Secrets, Namespaces, Nodes, PodDisruptionBudgets, PriorityClasses.

use api::{
    ConfigMap, Kind, Namespace, Node, PodDisruptionBudget, PriorityClass, Secret, ServiceAccount, names,
    syntax,
};

use super::workload::{int_or_percent, not_more_than_all};
use super::{meta, text};
use crate::field::{Errors, Raw, Shown};

const DATA_BYTES_MAX: usize = 1024 * 1024;

pub(super) fn config_map(map: &ConfigMap, old: Option<&ConfigMap>, errors: &mut Errors) {
    meta::metadata(&map.metadata, Kind::ConfigMap, errors);
    let mut size = 0;
    for (key, value) in map.data.iter().flatten() {
        errors.invalid_all(&format!("data[{key}]"), key, syntax::config_map_key(key));
        if map.binary_data.as_ref().is_some_and(|it| it.contains_key(key)) {
            errors.invalid(format!("data[{key}]"), key, "duplicate of key present in binaryData");
        }
        size += value.len();
    }
    for (key, value) in map.binary_data.iter().flatten() {
        errors.invalid_all(&format!("binaryData[{key}]"), key, syntax::config_map_key(key));
        size += value.0.len();
    }
    if DATA_BYTES_MAX < size {
        errors.too_long("[]", DATA_BYTES_MAX);
    }
    if let Some(old) = old.filter(|it| it.immutable == Some(true)) {
        let why = "field is immutable when `immutable` is set";
        if map.immutable != Some(true) {
            errors.forbidden("immutable", why);
        }
        if map.data != old.data {
            errors.forbidden("data", why);
        }
        if map.binary_data != old.binary_data {
            errors.forbidden("binaryData", why);
        }
    }
}

pub(super) fn secret(secret: &Secret, old: Option<&Secret>, errors: &mut Errors) {
    meta::metadata(&secret.metadata, Kind::Secret, errors);
    let mut size = 0;
    for (key, value) in secret.data.iter().flatten() {
        errors.invalid_all(&format!("data[{key}]"), key, syntax::config_map_key(key));
        size += value.0.len();
    }
    if DATA_BYTES_MAX < size {
        errors.too_long("data", DATA_BYTES_MAX);
    }
    let data = |key: &str| secret.data.as_ref().and_then(|it| it.get(key));
    let required: &[&str] = match text(secret.type_.as_ref()) {
        "kubernetes.io/tls" => &["tls.crt", "tls.key"],
        "kubernetes.io/ssh-auth" => &["ssh-privatekey"],
        "kubernetes.io/dockercfg" => &[".dockercfg"],
        "kubernetes.io/dockerconfigjson" => &[".dockerconfigjson"],
        "kubernetes.io/service-account-token" => {
            let name = "kubernetes.io/service-account.name";
            if secret.metadata.annotations.as_ref().is_none_or(|it| !it.contains_key(name)) {
                errors.required(format!("metadata.annotations[{name}]"), "");
            }
            &[]
        }
        "kubernetes.io/basic-auth" => {
            if data("username").is_none() && data("password").is_none() {
                errors.required("data[username]", "");
                errors.required("data[password]", "");
            }
            &[]
        }
        _ => &[],
    };
    for key in required {
        match data(key) {
            None => errors.required(format!("data[{key}]"), ""),
            Some(value) if key.starts_with(".docker") => {
                // Go's reader takes bytes that are no UTF-8 for U+FFFD too.
                let json = String::from_utf8_lossy(&value.0);
                if let Err(why) = serde_json::from_str::<serde_json::Value>(&json) {
                    let why = go_json_error(json.as_bytes(), &why);
                    errors.invalid(format!("data[{key}]"), "<secret contents redacted>", &why);
                }
            }
            Some(value) if key == &"ssh-privatekey" && value.0.is_empty() => {
                errors.required(format!("data[{key}]"), "");
            }
            Some(_) => {}
        }
    }
    if let Some(old) = old {
        if secret.type_ != old.type_ {
            errors.invalid("type", text(secret.type_.as_ref()), "field is immutable");
        }
        if old.immutable == Some(true) {
            let why = "field is immutable when `immutable` is set";
            if secret.immutable != Some(true) {
                errors.forbidden("immutable", why);
            }
            if secret.data != old.data {
                errors.forbidden("data", why);
            }
        }
    }
}

fn go_json_error(bytes: &[u8], error: &serde_json::Error) -> String {
    let at = error.column().saturating_sub(1);
    let found = bytes.get(at).map_or('?', |it| char::from(*it));
    if error.is_eof() {
        return "unexpected end of JSON input".to_owned();
    }
    let before = bytes[..at].iter().rev().find(|it| !it.is_ascii_whitespace());
    let place = match before {
        Some(b'{') => "looking for beginning of object key string",
        _ => "looking for beginning of value",
    };
    format!("invalid character '{found}' {place}")
}

pub(super) fn namespace(namespace: &Namespace, errors: &mut Errors) {
    meta::metadata(&namespace.metadata, Kind::Namespace, errors);
}

pub(super) fn service_account(account: &ServiceAccount, errors: &mut Errors) {
    meta::metadata(&account.metadata, Kind::ServiceAccount, errors);
}

pub(super) fn node(node: &Node, errors: &mut Errors) {
    meta::metadata(&node.metadata, Kind::Node, errors);
    let taints = api::taints::of(node);
    for (index, taint) in taints.iter().enumerate() {
        // Upstream names the wrong parent.
        let path = format!("metadata.taints[{index}]");
        meta::label_name(&taint.key, &format!("{path}.key"), errors);
        let value = text(taint.value.as_ref());
        let complaints = syntax::label_value(value);
        if !complaints.is_empty() {
            errors.invalid(format!("{path}.value"), value, &complaints.join(";"));
        }
        if taint.effect.is_empty() {
            errors.required(format!("{path}.effect"), "");
        } else {
            const EFFECTS: &[&str] = &["NoSchedule", "PreferNoSchedule", "NoExecute"];
            errors.one_of(format!("{path}.effect"), Some(&taint.effect), EFFECTS);
        }
        if taints[..index].iter().any(|it| (&it.key, &it.effect) == (&taint.key, &taint.effect)) {
            let shown = format!(
                "{{\"Key\":{},\"Value\":{},\"Effect\":{},\"TimeAdded\":null}}: taints must be unique by key and effect pair",
                taint.key.shown(),
                value.shown(),
                taint.effect.shown()
            );
            errors.duplicate(path, &Raw(shown));
        }
    }
}

pub(super) fn budget(budget: &PodDisruptionBudget, errors: &mut Errors) {
    meta::metadata(&budget.metadata, Kind::PodDisruptionBudget, errors);
    let Some(spec) = &budget.spec else { return };
    if let (Some(min), Some(max)) = (&spec.min_available, &spec.max_unavailable) {
        let selector = api::codec::to_text(&spec.selector);
        let policy = api::codec::to_text(&spec.unhealthy_pod_eviction_policy);
        let shown = format!(
            "{{\"MinAvailable\":{},\"Selector\":{selector},\"MaxUnavailable\":{},\"UnhealthyPodEvictionPolicy\":{policy}}}",
            min.shown(),
            max.shown()
        );
        errors.invalid("spec", &Raw(shown), "minAvailable and maxUnavailable cannot be both set");
    }
    for (name, value) in [("minAvailable", &spec.min_available), ("maxUnavailable", &spec.max_unavailable)] {
        if let Some(value) = value {
            int_or_percent(value, &format!("spec.{name}"), errors);
            not_more_than_all(value, &format!("spec.{name}"), errors);
        }
    }
    meta::label_selector(spec.selector.as_ref(), "spec.selector", errors);
    errors.one_of(
        "spec.unhealthyPodEvictionPolicy",
        spec.unhealthy_pod_eviction_policy.as_deref(),
        &["AlwaysAllow", "IfHealthyBudget"],
    );
}

pub(super) fn priority_class(class: &PriorityClass, old: Option<&PriorityClass>, errors: &mut Errors) {
    meta::metadata(&class.metadata, Kind::PriorityClass, errors);
    let name = text(class.metadata.name.as_ref());
    let value = class.value.unwrap_or(0);
    if name.starts_with("system-") {
        let known = [
            (names::CLUSTER_CRITICAL, names::CLUSTER_CRITICAL_PRIORITY),
            (names::NODE_CRITICAL, names::NODE_CRITICAL_PRIORITY),
        ];
        if !known.contains(&(name, value)) {
            let why = "priority class names with 'system-' prefix are reserved for system use only. error: value mismatch or unknown system priority class";
            errors.forbidden("metadata.name", why);
        }
    } else if 1_000_000_000 < value {
        let why = "maximum allowed value of a user defined priority is 1000000000";
        errors.forbidden("value", why);
    }
    errors.one_of("preemptionPolicy", class.preemption_policy.as_deref(), &["PreemptLowerPriority", "Never"]);
    if let Some(old) = old {
        if class.value != old.value {
            errors.invalid("value", &value, "field is immutable");
        }
        if class.preemption_policy != old.preemption_policy {
            errors.invalid("preemptionPolicy", text(class.preemption_policy.as_ref()), "field is immutable");
        }
    }
}
