//! What controllers ask about a Pod.

use std::time::Duration;

use api::Pod;
use api::k8s_openapi::api::core::v1::PodCondition;
use sim::SimTime;

pub(crate) fn phase(pod: &Pod) -> &str {
    pod.status.as_ref().and_then(|it| it.phase.as_deref()).unwrap_or("")
}

pub(crate) fn node_name(pod: &Pod) -> &str {
    pod.spec.as_ref().and_then(|it| it.node_name.as_deref()).unwrap_or("")
}

pub(crate) fn is_terminal(pod: &Pod) -> bool {
    matches!(phase(pod), "Succeeded" | "Failed")
}

/// Neither ended nor being deleted.
pub(crate) fn is_active(pod: &Pod) -> bool {
    !is_terminal(pod) && pod.metadata.deletion_timestamp.is_none()
}

pub(crate) fn condition<'a>(pod: &'a Pod, kind: &str) -> Option<&'a PodCondition> {
    pod.status.as_ref()?.conditions.as_ref()?.iter().find(|it| it.type_ == kind)
}

pub(crate) fn is_ready(pod: &Pod) -> bool {
    condition(pod, "Ready").is_some_and(|it| it.status == "True")
}

/// Since when the Pod has been ready, in whole seconds as its condition says.
pub(crate) fn ready_since(pod: &Pod) -> Option<SimTime> {
    let ready = condition(pod, "Ready").filter(|it| it.status == "True")?;
    ready.last_transition_time.as_ref().map(api::time::sim_time)
}

/// When a ready Pod counts as available: at once, or after having been ready for a while.
pub(crate) fn available_at(pod: &Pod, min_ready: Duration) -> Option<SimTime> {
    if min_ready.is_zero() {
        return is_ready(pod).then_some(SimTime::ZERO);
    }
    ready_since(pod).map(|it| it + min_ready)
}

pub(crate) fn created(pod: &Pod) -> SimTime {
    pod.metadata.creation_timestamp.as_ref().map_or(SimTime::ZERO, api::time::sim_time)
}

/// Sets or replaces a condition; the transition time moves when the status does.
pub(crate) fn set_condition(pod: &mut Pod, kind: &str, reason: &str, message: &str, now: SimTime) {
    let generation = pod.metadata.generation;
    let conditions = pod.status.get_or_insert_default().conditions.get_or_insert_default();
    let time = Some(api::time::time(now));
    let fresh = PodCondition {
        type_: kind.to_owned(),
        status: "True".to_owned(),
        reason: Some(reason.to_owned()),
        message: Some(message.to_owned()),
        last_transition_time: time,
        last_probe_time: None,
        observed_generation: generation,
    };
    match conditions.iter_mut().find(|it| it.type_ == kind) {
        Some(old) => {
            let since = (old.status == "True").then(|| old.last_transition_time.clone()).flatten();
            *old = PodCondition { last_transition_time: since.or(fresh.last_transition_time), ..fresh };
        }
        None => conditions.push(fresh),
    }
}
