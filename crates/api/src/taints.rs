//! Taints and the Pods that bear them.

use k8s_openapi::api::core::v1::{Taint, Toleration};

use crate::{Node, Pod};

pub fn of(node: &Node) -> &[Taint] {
    node.spec.as_ref().and_then(|it| it.taints.as_deref()).unwrap_or_default()
}

pub fn tolerations(pod: &Pod) -> &[Toleration] {
    pod.spec.as_ref().and_then(|it| it.tolerations.as_deref()).unwrap_or_default()
}

/// Does a toleration bear a taint?
// Follows kubernetes v1.36 api/core/v1/toleration.go: ToleratesTaint (operators Lt and Gt are gated off).
pub fn tolerates(toleration: &Toleration, taint: &Taint) -> bool {
    let effect = toleration.effect.as_deref().unwrap_or("");
    let key = toleration.key.as_deref().unwrap_or("");
    if !(effect.is_empty() || effect == taint.effect) || !(key.is_empty() || key == taint.key) {
        return false;
    }
    match toleration.operator.as_deref().unwrap_or("") {
        "Exists" => true,
        "" | "Equal" => toleration.value.as_deref().unwrap_or("") == taint.value.as_deref().unwrap_or(""),
        _ => false,
    }
}
