//! Deployments and ReplicaSets.
//!
//! Follows kubernetes v1.36 pkg/apis/apps/validation.

use api::codec;
use api::k8s_openapi::api::core::v1::PodTemplateSpec;
use api::selector::label_selector_matches;
use api::{Deployment, IntOrString, Kind, LabelSelector, ReplicaSet, syntax};

use super::{meta, non_negative, pod, text};
use crate::field::{Errors, Raw, Shown};

impl Shown for IntOrString {
    fn shown(&self) -> String {
        match self {
            IntOrString::Int(it) => it.to_string(),
            IntOrString::String(it) => it.shown(),
        }
    }
}

pub(super) fn deployment(deployment: &Deployment, old: Option<&Deployment>, errors: &mut Errors) {
    meta::metadata(&deployment.metadata, Kind::Deployment, errors);
    let Some(spec) = &deployment.spec else { return };
    let template = Some(&spec.template);
    common(spec.replicas, Some(&spec.selector), "deployment", template, errors);
    if let Some(strategy) = &spec.strategy {
        let rolling = strategy.rolling_update.as_ref();
        match text(strategy.type_.as_ref()) {
            "Recreate" if rolling.is_some() => {
                let why = "may not be specified when strategy `type` is 'Recreate'";
                errors.forbidden("spec.strategy.rollingUpdate", why);
            }
            "Recreate" => {}
            "RollingUpdate" => {
                let path = "spec.strategy.rollingUpdate";
                let Some(rolling) = rolling else {
                    errors.required(path, "this should be defaulted and never be nil");
                    return;
                };
                let zero = IntOrString::Int(0);
                let surge = rolling.max_surge.as_ref().unwrap_or(&zero);
                let unavailable = rolling.max_unavailable.as_ref().unwrap_or(&zero);
                int_or_percent(unavailable, &format!("{path}.maxUnavailable"), errors);
                int_or_percent(surge, &format!("{path}.maxSurge"), errors);
                let none = |it: &IntOrString| matches!(it, IntOrString::Int(0)) || it.shown() == "\"0%\"";
                if none(unavailable) && none(surge) {
                    let why = "may not be 0 when `maxSurge` is 0";
                    errors.invalid(format!("{path}.maxUnavailable"), unavailable, why);
                }
                not_more_than_all(unavailable, &format!("{path}.maxUnavailable"), errors);
            }
            other => {
                let value = format!("{{\"Type\":{},\"RollingUpdate\":null}}", other.shown());
                let before = errors.0.len();
                errors.not_supported("spec.strategy", other, &["Recreate", "RollingUpdate"]);
                if let Some(error) = errors.0.get_mut(before) {
                    error.value = value;
                }
            }
        }
    }
    non_negative(i64::from(spec.min_ready_seconds.unwrap_or(0)), "spec.minReadySeconds", errors);
    if let Some(limit) = spec.revision_history_limit {
        non_negative(i64::from(limit), "spec.revisionHistoryLimit", errors);
    }
    if let Some(deadline) = spec.progress_deadline_seconds {
        non_negative(i64::from(deadline), "spec.progressDeadlineSeconds", errors);
        if deadline <= spec.min_ready_seconds.unwrap_or(0) {
            errors.invalid("spec.progressDeadlineSeconds", &deadline, "must be greater than minReadySeconds");
        }
    }
    let before = old.and_then(|it| it.spec.as_ref()).map(|it| &it.selector);
    immutable_selector(Some(&spec.selector), before, errors);
}

pub(super) fn replica_set(replica_set: &ReplicaSet, old: Option<&ReplicaSet>, errors: &mut Errors) {
    meta::metadata(&replica_set.metadata, Kind::ReplicaSet, errors);
    let Some(spec) = &replica_set.spec else { return };
    let selector = Some(&spec.selector).filter(|it| !codec::same(*it, &LabelSelector::default()));
    common(spec.replicas, selector, "replicaset", spec.template.as_ref(), errors);
    let before = old.and_then(|it| it.spec.as_ref()).map(|it| &it.selector);
    immutable_selector(Some(&spec.selector), before, errors);
}

fn common(
    replicas: Option<i32>,
    selector: Option<&LabelSelector>,
    kind: &str,
    template: Option<&PodTemplateSpec>,
    errors: &mut Errors,
) {
    non_negative(i64::from(replicas.unwrap_or(1)), "spec.replicas", errors);
    match selector {
        None => errors.required("spec.selector", ""),
        Some(selector) => {
            meta::label_selector(Some(selector), "spec.selector", errors);
            let empty = selector.match_labels.as_ref().is_none_or(std::collections::BTreeMap::is_empty)
                && selector.match_expressions.as_ref().is_none_or(Vec::is_empty);
            if empty {
                let why = format!("empty selector is invalid for {kind}");
                errors.invalid("spec.selector", &Raw("{}".to_owned()), &why);
            }
        }
    }
    let Some(template) = template else {
        errors.required("spec.template", "");
        return;
    };
    let labels = template.metadata.as_ref().and_then(|it| it.labels.as_ref());
    let empty = selector.is_some_and(|it| codec::same(it, &LabelSelector::default()));
    if !empty && !label_selector_matches(selector, labels) {
        let value = labels.map_or("null".to_owned(), api::codec::to_text);
        let why = "`selector` does not match template `labels`";
        errors.invalid("spec.template.metadata.labels", &Raw(value), why);
    }
    if let Some(labels) = labels {
        meta::labels(labels, "spec.template.labels", errors);
    }
    let Some(spec) = &template.spec else { return };
    pod::pod_spec(spec, "spec.template.spec", errors);
    if let Some(policy) = spec.restart_policy.as_deref().filter(|it| *it != "Always") {
        // An unknown policy is told twice, as upstream does.
        errors.not_supported("spec.template.spec.restartPolicy", policy, &["Always"]);
    }
    if spec.active_deadline_seconds.is_some() {
        let why = "activeDeadlineSeconds in ReplicaSet is not Supported";
        errors.forbidden("spec.template.spec.activeDeadlineSeconds", why);
    }
}

fn immutable_selector(new: Option<&LabelSelector>, old: Option<&LabelSelector>, errors: &mut Errors) {
    if let (Some(new), Some(old)) = (new, old)
        && !codec::same(new, old)
    {
        let value = Raw(api::codec::to_text(new));
        errors.invalid("spec.selector", &value, "field is immutable");
    }
}

pub(super) fn int_or_percent(value: &IntOrString, path: &str, errors: &mut Errors) {
    match value {
        IntOrString::Int(it) => non_negative(i64::from(*it), path, errors),
        IntOrString::String(it) => {
            let digits = it.strip_suffix('%').unwrap_or("");
            if digits.is_empty() || !digits.bytes().all(|it| it.is_ascii_digit()) {
                let why = syntax::regex_error(
                    "a valid percent string must be a numeric string followed by an ending '%'",
                    "[0-9]+%",
                    &["1%", "93%"],
                );
                errors.invalid(path, it, &why);
            }
        }
    }
}

pub(super) fn not_more_than_all(value: &IntOrString, path: &str, errors: &mut Errors) {
    if let IntOrString::String(it) = value
        && it.strip_suffix('%').and_then(|it| it.parse::<u32>().ok()).is_some_and(|it| 100 < it)
    {
        errors.invalid(path, it, "must not be greater than 100%");
    }
}
