//! Taints on a node, and what Pods bear.

use api::Node;
use api::k8s_openapi::api::core::v1::Taint;
pub(crate) use api::taints::{of, tolerations};
use sim::SimTime;

pub(crate) const NOT_READY: &str = "node.kubernetes.io/not-ready";
pub(crate) const UNREACHABLE: &str = "node.kubernetes.io/unreachable";
pub(crate) const UNSCHEDULABLE: &str = "node.kubernetes.io/unschedulable";
pub(crate) const NO_SCHEDULE: &str = "NoSchedule";
pub(crate) const NO_EXECUTE: &str = "NoExecute";

pub(crate) fn has(node: &Node, key: &str, effect: &str) -> bool {
    of(node).iter().any(|it| it.key == key && it.effect == effect)
}

pub(crate) fn add(node: &mut Node, key: &str, effect: &str, now: SimTime) {
    if !has(node, key, effect) {
        let taints = node.spec.get_or_insert_default().taints.get_or_insert_default();
        taints.push(Taint {
            key: key.to_owned(),
            effect: effect.to_owned(),
            value: None,
            time_added: Some(api::time::time(now)),
        });
    }
}

pub(crate) fn remove(node: &mut Node, key: &str, effect: &str) {
    let Some(spec) = &mut node.spec else { return };
    if let Some(taints) = &mut spec.taints {
        taints.retain(|it| !(it.key == key && it.effect == effect));
        if taints.is_empty() {
            spec.taints = None;
        }
    }
}
