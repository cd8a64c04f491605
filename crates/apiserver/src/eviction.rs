//! The eviction subresource: deletes a Pod unless a disruption budget forbids it.
//!
//! Follows kubernetes v1.36 pkg/registry/core/pod/storage/eviction.go.

use std::sync::Arc;

use api::k8s_openapi::api::core::v1::PodCondition;
use api::selector::label_selector_matches;
use api::{Cause, Kind, Object, ObjectKey, Pod, PodDisruptionBudget};
use serde_json::Value;
use sim::{Gather as _, SimTime};

use crate::ApiServer;
use crate::deletion::DeleteOptions;
use crate::status::{self, Failure};

pub(crate) fn evict(
    api: &mut ApiServer,
    key: &ObjectKey,
    body: &Value,
    cause: Cause,
    now: SimTime,
) -> Result<(), Failure> {
    let Some(Object::Pod(pod)) = api.get(key).cloned() else { return Err(status::not_found(key)) };
    if !can_ignore_budgets(&pod) {
        let budgets = budgets_of(api, &pod);
        match &budgets[..] {
            [] => {}
            [budget] => check_budget(api, budget, &pod, &cause, now)?,
            _ => {
                let why = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.";
                return Err(status::plain(500, "InternalError", why.to_owned()));
            }
        }
    }
    let options = DeleteOptions {
        grace_period_seconds: body.pointer("/deleteOptions/gracePeriodSeconds").and_then(Value::as_i64),
        ..DeleteOptions::default()
    };
    mark_disrupted(api, &pod, &cause, now)?;
    api.delete(key, &options, cause, now).map(|_| ())
}

/// The condition tells the Pod's owner that it was not the Pod's own failure.
fn mark_disrupted(api: &mut ApiServer, pod: &Pod, cause: &Cause, now: SimTime) -> Result<(), Failure> {
    let mut pod = pod.clone();
    let condition = PodCondition {
        type_: "DisruptionTarget".to_owned(),
        status: "True".to_owned(),
        reason: Some("EvictionByEvictionAPI".to_owned()),
        message: Some("Eviction API: evicting".to_owned()),
        last_transition_time: Some(api::time::time(now)),
        observed_generation: pod.metadata.generation,
        ..PodCondition::default()
    };
    let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
    conditions.retain(|it| it.type_ != condition.type_);
    conditions.push(condition);
    api.update_status(pod.into(), cause.clone(), now).map(|_| ())
}

/// Nothing of it runs, or it is going already.
fn can_ignore_budgets(pod: &Pod) -> bool {
    let phase = pod.status.as_ref().and_then(|it| it.phase.as_deref()).unwrap_or("");
    pod.metadata.deletion_timestamp.is_some() || matches!(phase, "Succeeded" | "Failed" | "Pending")
}

fn budgets_of(api: &ApiServer, pod: &Pod) -> Vec<Arc<PodDisruptionBudget>> {
    let namespace = pod.metadata.namespace.as_deref().unwrap_or("");
    let all = api.store().list_in(Kind::PodDisruptionBudget, namespace);
    all.filter_map(|it| match &it.object {
        Object::PodDisruptionBudget(it) => Some(it.clone()),
        _ => None,
    })
    .filter(|it| {
        let selector = it.spec.as_ref().and_then(|it| it.selector.as_ref());
        label_selector_matches(selector, pod.metadata.labels.as_ref())
    })
    .gather()
}

fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.as_ref().and_then(|it| it.conditions.as_ref());
    conditions.into_iter().flatten().any(|it| it.type_ == "Ready" && it.status == "True")
}

fn check_budget(
    api: &mut ApiServer,
    budget: &Arc<PodDisruptionBudget>,
    pod: &Pod,
    cause: &Cause,
    now: SimTime,
) -> Result<(), Failure> {
    let name = budget.metadata.name.as_deref().unwrap_or("");
    let found = budget.status.clone().unwrap_or_default();
    let healthy = found.current_healthy.unwrap_or(0);
    let desired = found.desired_healthy.unwrap_or(0);
    let allowed = found.disruptions_allowed.unwrap_or(0);
    let policy = budget.spec.as_ref().and_then(|it| it.unhealthy_pod_eviction_policy.as_deref());
    if !is_ready(pod) {
        let enough = 0 < healthy && desired <= healthy;
        if policy == Some("AlwaysAllow") || enough {
            return Ok(());
        }
    }
    if found.observed_generation.unwrap_or(0) < budget.metadata.generation.unwrap_or(0) {
        let why = format!("The disruption budget {name} is still being processed by the server.");
        return Err(status::too_many_requests(why, 10));
    }
    if allowed <= 0 {
        let why =
            format!("The disruption budget {name} needs {desired} healthy pods and has {healthy} currently");
        return Err(status::too_many_requests(why, 0));
    }
    let mut changed = (**budget).clone();
    let status = changed.status.get_or_insert_default();
    status.disruptions_allowed = Some(allowed - 1);
    let pod_name = pod.metadata.name.clone().unwrap_or_default();
    status.disrupted_pods.get_or_insert_default().insert(pod_name, api::time::time(now));
    api.update_status(changed.into(), cause.clone(), now).map(|_| ())
}
