//! A node that runs out of memory sends Pods away, one at a time.
//!
//! Follows kubernetes v1.36 pkg/kubelet/eviction: eviction_manager.go (synchronize, evictPod, Admit), helpers.go
//! (rankMemoryPressure, evictionMessage), defaults_linux.go. The hard threshold of memory is the only one that is modelled:
//! disks here do not fill, and process numbers have no threshold by default.
//! DIFFERENCE: the system itself uses no memory, and the kernel kills nothing on behalf of the whole machine.

use std::cmp::Reverse;
use std::sync::Arc;
use std::time::Duration;

use api::Pod;
use api::k8s_openapi::api::core::v1::{PodCondition, Taint};
use api::names::CLUSTER_CRITICAL_PRIORITY;
use api::quantity::{self, Amount, Format};
use api::taints::tolerates;
use apiserver::EventKind;
use sim::Gather as _;

use crate::admission::Refusal;
use crate::eviction::{EVICTED, EVICTION_GRACE_SECONDS};
use crate::held::Held;
use crate::pod;
use crate::resources::request_amounts;
use crate::worker::{Stage, Worker};
use crate::{Ctx, Kubelet, conditions};

/// `memory.available`: less than that is pressure.
const AVAILABLE_BYTES_MIN: u64 = 100 << 20;
/// The node's condition outlives its cause by so long.
const TRANSITION: Duration = Duration::from_mins(5);

// Follows kubernetes v1.36 pkg/kubelet/types/pod_update.go: IsCriticalPod.
pub(crate) fn is_critical(pod: &Pod) -> bool {
    pod::is_static(pod) || pod::spec(pod).priority.is_some_and(|it| CLUSTER_CRITICAL_PRIORITY <= it)
}

/// While the node is short of memory, it takes no Pod that asks for none.
pub(crate) fn refusal(pod: &Pod) -> Option<Refusal> {
    let taint = Taint {
        key: "node.kubernetes.io/memory-pressure".to_owned(),
        effect: "NoSchedule".to_owned(),
        ..Taint::default()
    };
    let fine = is_critical(pod)
        || pod::qos_class(pod) != "BestEffort"
        || pod::spec(pod).tolerations.iter().flatten().any(|it| tolerates(it, &taint));
    (!fine).then(|| Refusal {
        reason: EVICTED.to_owned(),
        message: "The node had condition: [MemoryPressure]. ".to_owned(),
    })
}

/// Bytes by container, in the order of the manifest.
fn usage(worker: &Worker, ctx: &Ctx<'_>) -> Vec<(String, u64, Amount)> {
    let pod = &worker.pod;
    let containers = pod::app_containers(pod).iter().chain(pod::init_containers(pod));
    let used = containers.filter_map(|it| {
        let id = worker.cache.running().find(|running| running.status.name == it.name)?.status.id;
        let request = it.resources.as_ref().and_then(|it| it.requests.as_ref()?.get("memory"));
        let bytes = ctx.runtime.container_stats(id, ctx.now)?.memory_bytes;
        Some((it.name.clone(), bytes, quantity::of_option(request)))
    });
    used.gather()
}

/// Who goes first: whoever uses more than asked for, then the lower priority, then the larger excess.
fn rank(worker: &Worker, used: u64) -> (bool, i32, Reverse<i64>) {
    let asked = request_amounts(&worker.pod).get("memory").map_or(0, |it| it.value());
    let excess = (used as i64).saturating_sub(asked);
    (excess <= 0, pod::spec(&worker.pod).priority.unwrap_or(0), Reverse(excess))
}

/// Memory comes in whole pages.
fn bytes_text(bytes: u64) -> String {
    Amount::from_value((bytes & !0xfff) as i64).to_text(Format::BinarySI)
}

impl Kubelet {
    /// Comes with each heartbeat, as often as the kubelet's eviction manager looks.
    pub(crate) fn check_memory(&mut self, ctx: &mut Ctx<'_>) {
        let Some(machine) = ctx.runtime.machine(&self.host.name).filter(|it| !it.frozen) else { return };
        let used = machine.memory_in_use(ctx.now);
        let available = machine.spec.memory_bytes.saturating_sub(used);
        let short = available < AVAILABLE_BYTES_MIN;
        if short {
            self.host.short_of_memory_at = Some(ctx.now);
        } else if self.host.short_of_memory_at.is_some_and(|it| TRANSITION <= ctx.now.since(it)) {
            self.host.short_of_memory_at = None;
        }
        // The manager waits until whom it sent away is gone.
        let leaving = |it: &Arc<Worker>| it.is_evicted() && it.stage < Stage::Terminated;
        if !short || self.workers.values().any(leaving) {
            return;
        }
        let regarding = self.host.node_reference();
        let text = "Attempting to reclaim memory".to_owned();
        self.host.tell(regarding, EventKind::Warning, "EvictionThresholdMet", text, 0, ctx);
        let candidates = self.workers.values().filter(|it| {
            it.stage == Stage::Syncing
                && !it.rejected
                && !is_critical(&it.pod)
                && it.cache.running().next().is_some()
        });
        let first = candidates.min_by_key(|it| rank(it, usage(it, ctx).iter().map(|it| it.1).sum()));
        let Some(id) = first.map(|it| it.id) else { return };
        if let Some(worker) = self.workers.get_mut(&id).map(Arc::make_mut) {
            let mut message = format!(
                "The node was low on resource: memory. Threshold quantity: {}, available: {}. ",
                bytes_text(AVAILABLE_BYTES_MIN),
                bytes_text(available)
            );
            for (name, used, request) in usage(worker, ctx) {
                if request.value() < used as i64 {
                    message += &format!(
                        "Container {name} was using {}, request is {}, has larger consumption of memory. ",
                        bytes_text(used),
                        request.to_text(Format::BinarySI)
                    );
                }
            }
            worker.note_disruption(&message, ctx);
            worker.evict(message, &mut self.host, ctx);
        }
    }
}

impl Worker {
    pub(crate) fn evict(&mut self, message: String, host: &mut crate::Host, ctx: &mut Ctx<'_>) {
        let regarding = pod::reference(&self.pod);
        host.tell(regarding, EventKind::Warning, EVICTED, message.clone(), self.revision, ctx);
        self.verdict = Some((EVICTED.to_owned(), message));
        self.grace = Some(EVICTION_GRACE_SECONDS);
        self.update(host, ctx);
    }

    /// The next status says who disrupts the Pod.
    fn note_disruption(&mut self, message: &str, ctx: &Ctx<'_>) {
        let mut status = self.status.as_deref().cloned().unwrap_or_default();
        let target = PodCondition {
            type_: "DisruptionTarget".to_owned(),
            status: "True".to_owned(),
            reason: Some("TerminationByKubelet".to_owned()),
            message: Some(message.to_owned()),
            last_transition_time: Some(api::time::time(ctx.now)),
            observed_generation: self.pod.metadata.generation,
            ..PodCondition::default()
        };
        conditions::replace_or_append(status.conditions.get_or_insert_default(), target);
        self.status = Some(Held::new(status));
    }
}
