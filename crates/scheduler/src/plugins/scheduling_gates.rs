//! A Pod with scheduling gates does not enter the queue.
//!
//! Follows kubernetes v1.36 plugins/schedulinggates.

use api::Pod;
use sim::Gather as _;

/// Why the Pod has to wait; `None` when nothing holds it.
pub fn gates_reason(pod: &Pod) -> Option<String> {
    let gates = pod.spec.as_ref()?.scheduling_gates.as_ref().filter(|it| !it.is_empty())?;
    let names: Vec<&str> = gates.iter().map(|it| it.name.as_str()).gather();
    Some(format!("waiting for scheduling gates: [{}]", names.join(" ")))
}
