//! The kubelet's own Node: registration, status, heartbeat.
//!
//! Follows kubernetes v1.36 pkg/kubelet/kubelet_node_status.go, pkg/kubelet/nodestatus/setters.go,
//! component-helpers/apimachinery/lease.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use api::codec::same;
use api::k8s_openapi::api::coordination::v1::LeaseSpec;
use api::k8s_openapi::api::core::v1::{
    ContainerImage, DaemonEndpoint, NodeAddress, NodeCondition, NodeDaemonEndpoints, NodeSpec, NodeStatus,
    NodeSystemInfo, ObjectReference, Taint,
};
use api::quantity::{Amount, Format};
use api::{Because, Cause, Kind, Lease, Node, Object, ObjectKey, OwnerReference, Quantity};
use apiserver::EventKind;
use sim::{Gather as _, SimTime, digest_of};

use crate::{Ctx, Event, Host};

const HEARTBEAT: Duration = Duration::from_secs(10);
const STATUS_CHECK: Duration = Duration::from_secs(10);
/// An unchanged status is written so often.
const STATUS_REPORT: Duration = Duration::from_mins(5);
/// Kept for the node itself.
const RESERVED_MEMORY_BYTES: u64 = 100 << 20;
const DISK_BYTES: i64 = 61_255_492 << 10;
const DISK_ALLOCATABLE_BYTES: i64 = 56_453_061_334;
/// The PLEG counts as unhealthy when it has not run for so long.
const PLEG_SILENCE_MAX: Duration = Duration::from_mins(3);
/// A runtime that answers nothing makes the node unready after its calls have timed out.
const RUNTIME_SILENCE_MAX: Duration = Duration::from_mins(2);

impl Host {
    pub(crate) fn node_reference(&self) -> ObjectReference {
        ObjectReference {
            kind: Some("Node".to_owned()),
            name: Some(self.name.to_string()),
            // The kubelet names its node here where others name a uid.
            uid: Some(self.name.to_string()),
            ..ObjectReference::default()
        }
    }

    fn tell_node(&mut self, reason: &str, message: String, ctx: &mut Ctx<'_>) {
        let regarding = self.node_reference();
        self.tell(regarding, EventKind::Normal, reason, message, 0, ctx);
    }

    fn cause(&self, because: Because) -> Cause {
        Cause::new(self.actor.clone(), because)
    }

    /// Registers the node or brings its object up to date; starts the heartbeat.
    pub(crate) fn register(&mut self, ctx: &mut Ctx<'_>) {
        self.create_node(ctx);
        self.report_node(true, ctx);
        self.tell_start(ctx);
        self.tell_status("NodeReady", ctx);
        self.renew_lease(ctx);
        ctx.outbox.at(ctx.now + HEARTBEAT, Event::Heartbeat);
        ctx.outbox.at(ctx.now + STATUS_CHECK, Event::NodeStatus);
    }

    /// A Node that somebody has deleted comes back only when the process starts anew.
    ///
    /// Follows kubernetes v1.36 pkg/kubelet/kubelet_node_status.go: registerWithAPIServer.
    pub(crate) fn register_again(&mut self, ctx: &mut Ctx<'_>) {
        if self.create_node(ctx) {
            self.report_node(true, ctx);
            self.renew_lease(ctx);
        }
    }

    /// Unless it is there.
    fn create_node(&mut self, ctx: &mut Ctx<'_>) -> bool {
        if ctx.api.node(&self.name).is_some() {
            return false;
        }
        let node = self.new_node(ctx);
        let cause = self.cause(Because::Bootstrap);
        // A node that cannot be registered shows as a missing node.
        ctx.api.create(node.into(), cause, ctx.now).is_ok()
    }

    /// What every start of the process tells.
    pub(crate) fn tell_start(&mut self, ctx: &mut Ctx<'_>) {
        self.tell_node("Starting", "Starting kubelet.".to_owned(), ctx);
        let text = "Updated Node Allocatable limit across pods".to_owned();
        self.tell_node("NodeAllocatableEnforced", text, ctx);
        for condition in ["NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"] {
            self.tell_status(condition, ctx);
        }
    }

    fn tell_status(&mut self, condition: &str, ctx: &mut Ctx<'_>) {
        let text = format!("Node {} status is now: {condition}", self.name);
        self.tell_node(condition, text, ctx);
    }

    pub(crate) fn heartbeat(&mut self, ctx: &mut Ctx<'_>) {
        self.renew_lease(ctx);
        // Up to four hundredths more, as upstream.
        let wait = ctx.rng.between(HEARTBEAT, HEARTBEAT + HEARTBEAT / 25);
        ctx.outbox.at(ctx.now + wait, Event::Heartbeat);
    }

    pub(crate) fn check_node(&mut self, ctx: &mut Ctx<'_>) {
        self.report_node(false, ctx);
        ctx.outbox.at(ctx.now + STATUS_CHECK, Event::NodeStatus);
    }

    fn new_node(&self, ctx: &Ctx<'_>) -> Node {
        let mut labels: BTreeMap<String, String> = [
            ("beta.kubernetes.io/arch", "amd64"),
            ("beta.kubernetes.io/os", "linux"),
            ("kubernetes.io/arch", "amd64"),
            ("kubernetes.io/os", "linux"),
            ("kubernetes.io/hostname", &*self.name),
        ]
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .fill();
        labels.extend(self.settings.labels.clone());
        let network = ctx.runtime.machine(&self.name).map(|it| format!("{}.0/24", it.spec.pod_network));
        let taints: Vec<Taint> = self
            .settings
            .taints
            .iter()
            .map(|(key, value, effect)| Taint {
                key: key.clone(),
                value: (!value.is_empty()).then(|| value.clone()),
                effect: effect.clone(),
                time_added: None,
            })
            .gather();
        let mut node = Node::default();
        node.metadata.name = Some(self.name.to_string());
        node.metadata.labels = Some(labels);
        node.metadata.annotations = Some(BTreeMap::from([
            ("node.alpha.kubernetes.io/ttl".to_owned(), "0".to_owned()),
            ("volumes.kubernetes.io/controller-managed-attach-detach".to_owned(), "true".to_owned()),
        ]));
        node.spec = Some(NodeSpec {
            pod_cidr: network.clone(),
            pod_cidrs: network.map(|it| vec![it]),
            taints: (!taints.is_empty()).then_some(taints),
            ..NodeSpec::default()
        });
        node
    }

    // Follows kubernetes v1.36 pkg/kubelet/kubelet_node_status.go: recordNodeSchedulableEvent.
    fn tell_cordoned(&mut self, node: &Node, ctx: &mut Ctx<'_>) {
        let cordoned = node.spec.as_ref().and_then(|it| it.unschedulable).unwrap_or(false);
        if std::mem::replace(&mut self.cordoned, cordoned) != cordoned {
            self.tell_status(if cordoned { "NodeNotSchedulable" } else { "NodeSchedulable" }, ctx);
        }
    }

    /// Writes the status when something in it is new, or when it is time.
    fn report_node(&mut self, first: bool, ctx: &mut Ctx<'_>) {
        let key = ObjectKey { kind: Kind::Node, namespace: Arc::default(), name: self.name.clone() };
        let Some(Object::Node(node)) = ctx.api.get(&key).cloned() else { return };
        self.tell_cordoned(&node, ctx);
        let (ready, message) = self.readiness(first, ctx);
        let due = self.node_reported_at + STATUS_REPORT <= ctx.now;
        let images = ctx.runtime.machine(&self.name).map_or(0, |it| it.image_changes);
        let short = self.short_of_memory_at.is_some();
        let well = ready && !short;
        let agreed = self.node_agreed.as_ref().is_some_and(|(version, seen, was_well)| {
            *version == node.metadata.resource_version && (*seen, *was_well) == (images, well)
        });
        if !first && !due && ready && agreed {
            return;
        }
        let basis = (node.metadata.resource_version.clone(), images, well);
        let none = NodeStatus::default();
        let old = node.status.as_ref().unwrap_or(&none);
        let mut status = self.node_status(old, ready, message.into_owned(), ctx);
        let without_times = |it: &NodeStatus| {
            let mut it = it.clone();
            for condition in it.conditions.iter_mut().flatten() {
                condition.last_heartbeat_time = None;
            }
            it
        };
        if !first && !due && same(&without_times(old), &without_times(&status)) {
            self.node_agreed = Some(basis);
            return;
        }
        status.volumes_attached.clone_from(&old.volumes_attached);
        let was = |kind: &str, status: &NodeStatus| {
            status.conditions.iter().flatten().find(|it| it.type_ == kind).map(|it| it.status.clone())
        };
        let changed = |kind: &str| was(kind, old) != was(kind, &status);
        let news: Vec<&str> = [
            ("MemoryPressure", if short { "NodeHasInsufficientMemory" } else { "NodeHasSufficientMemory" }),
            ("DiskPressure", "NodeHasNoDiskPressure"),
            ("PIDPressure", "NodeHasSufficientPID"),
            ("Ready", if ready { "NodeReady" } else { "NodeNotReady" }),
        ]
        .into_iter()
        .filter(|(kind, _)| !first && changed(kind))
        .map(|(_, reason)| reason)
        .gather();
        // Without a copy of the status that it replaces.
        let node = Node { metadata: node.metadata.clone(), spec: node.spec.clone(), status: Some(status) };
        let cause = self.cause(if first { Because::NodeBack } else { Because::Housekeeping });
        if let Ok(written) = ctx.api.update_status(node.into(), cause, ctx.now) {
            self.node_reported_at = ctx.now;
            self.node_agreed = Some((written.metadata().resource_version.clone(), images, well));
        }
        for reason in news {
            self.tell_status(reason, ctx);
        }
    }

    fn readiness(&mut self, first: bool, ctx: &Ctx<'_>) -> (bool, Cow<'static, str>) {
        let frozen = ctx.runtime.is_frozen(&self.name);
        if !frozen {
            self.runtime_silent_since = None;
        }
        if let Some(since) = self.silent_since.take()
            && PLEG_SILENCE_MAX < ctx.now.since(since)
            && !first
        {
            let ago = crate::words::go_duration(ctx.now.since(since));
            let text = format!("PLEG is not healthy: pleg was last seen active {ago} ago; threshold is 3m0s");
            return (false, text.into());
        }
        if frozen {
            let since = *self.runtime_silent_since.get_or_insert(ctx.now);
            if RUNTIME_SILENCE_MAX <= ctx.now.since(since) {
                return (false, "container runtime is down".into());
            }
        }
        (true, "kubelet is posting ready status".into())
    }

    fn node_status(&self, old: &NodeStatus, ready: bool, message: String, ctx: &Ctx<'_>) -> NodeStatus {
        let machine = ctx.runtime.machine(&self.name).map(|it| it.spec.clone());
        let (cpu, memory) = machine.as_ref().map_or((0, 0), |it| (it.cpu_milli, it.memory_bytes));
        let list = |memory: u64, disk: Quantity| -> BTreeMap<String, Quantity> {
            let zero = Quantity("0".to_owned());
            let bytes = |it: i64| Amount::from_value(it).to_quantity(Format::BinarySI);
            [
                ("cpu", Amount::from_milli(cpu as i64).to_quantity(Format::DecimalSI)),
                ("memory", bytes(memory as i64)),
                ("ephemeral-storage", disk),
                ("hugepages-1Gi", zero.clone()),
                ("hugepages-2Mi", zero),
                ("pods", Quantity(self.settings.pods_max.to_string())),
            ]
            .into_iter()
            .map(|(name, quantity)| (name.to_owned(), quantity))
            .fill()
        };
        let disk = Amount::from_value(DISK_BYTES).to_quantity(Format::BinarySI);
        let disk_allocatable = Amount::from_value(DISK_ALLOCATABLE_BYTES).to_quantity(Format::DecimalSI);
        let images = ctx.runtime.list_images(&self.name).into_iter().map(|it| ContainerImage {
            size_bytes: Some(it.size_bytes as i64),
            names: Some(if it.id == it.name { vec![it.name] } else { vec![it.id, it.name] }),
        });
        let address =
            |kind: &str, address: &str| NodeAddress { type_: kind.to_owned(), address: address.to_owned() };
        NodeStatus {
            capacity: Some(list(memory, disk)),
            allocatable: Some(list(memory.saturating_sub(RESERVED_MEMORY_BYTES), disk_allocatable)),
            conditions: Some(conditions(old, self.short_of_memory_at.is_some(), ready, message, ctx.now)),
            addresses: Some(vec![address("InternalIP", &self.ip), address("Hostname", &self.name)]),
            daemon_endpoints: Some(NodeDaemonEndpoints {
                kubelet_endpoint: Some(DaemonEndpoint { port: 10_250 }),
            }),
            node_info: Some(self.node_info()),
            images: Some(images.gather()),
            ..NodeStatus::default()
        }
    }

    fn node_info(&self) -> NodeSystemInfo {
        let id = digest_of(&self.name);
        NodeSystemInfo {
            machine_id: format!("{id:016x}{:016x}", id.rotate_left(17)),
            system_uuid: format!("{:08x}-0000-4000-8000-{:012x}", id >> 32, id & 0xffff_ffff_ffff),
            boot_id: format!("{:08x}-0000-4000-9000-{:012x}", id & 0xffff_ffff, id >> 16),
            kernel_version: "6.1.0-28-amd64".to_owned(),
            os_image: "Debian GNU/Linux 12 (bookworm)".to_owned(),
            container_runtime_version: "containerd://2.1.3".to_owned(),
            kubelet_version: "v1.36.2".to_owned(),
            kube_proxy_version: String::new(),
            operating_system: "linux".to_owned(),
            architecture: "amd64".to_owned(),
            swap: None,
        }
    }

    fn renew_lease(&mut self, ctx: &mut Ctx<'_>) {
        let key =
            ObjectKey { kind: Kind::Lease, namespace: self.lease_namespace.clone(), name: self.name.clone() };
        let now = api::time::micro_time(ctx.now);
        let cause = self.cause(Because::Housekeeping);
        let mut renew = |it: &mut Object| {
            if let Object::Lease(lease) = it {
                Arc::make_mut(lease).spec.get_or_insert_default().renew_time = Some(now.clone());
            }
        };
        if ctx.api.amend(&key, &mut renew, cause.clone(), ctx.now).is_ok() {
            return;
        }
        let Some(node) = ctx.api.node(&self.name) else { return };
        let mut lease = Lease::default();
        lease.metadata.name = Some(self.name.to_string());
        lease.metadata.namespace = Some(self.lease_namespace.to_string());
        lease.metadata.owner_references = Some(vec![self.owner_reference(node)]);
        lease.spec = Some(LeaseSpec {
            holder_identity: Some(self.name.to_string()),
            lease_duration_seconds: Some(40),
            renew_time: Some(now),
            ..LeaseSpec::default()
        });
        let _ = ctx.api.create(lease.into(), cause, ctx.now);
    }

    /// As the owner of what the kubelet makes.
    pub(crate) fn owner_reference(&self, node: &Node) -> OwnerReference {
        OwnerReference {
            api_version: "v1".to_owned(),
            kind: "Node".to_owned(),
            name: self.name.to_string(),
            uid: node.metadata.uid.clone().unwrap_or_default(),
            ..OwnerReference::default()
        }
    }
}

fn conditions(
    old: &NodeStatus,
    short_of_memory: bool,
    ready: bool,
    message: String,
    now: SimTime,
) -> Vec<NodeCondition> {
    let ready_reason = if ready { "KubeletReady" } else { "KubeletNotReady" };
    let (enough, words) = if short_of_memory {
        ("KubeletHasInsufficientMemory", "kubelet has insufficient memory available")
    } else {
        ("KubeletHasSufficientMemory", "kubelet has sufficient memory available")
    };
    [
        ("MemoryPressure", short_of_memory, enough, words.to_owned()),
        ("DiskPressure", false, "KubeletHasNoDiskPressure", "kubelet has no disk pressure".to_owned()),
        ("PIDPressure", false, "KubeletHasSufficientPID", "kubelet has sufficient PID available".to_owned()),
        ("Ready", ready, ready_reason, message),
    ]
    .into_iter()
    .map(|(kind, holds, reason, message)| {
        let status = if holds { "True" } else { "False" };
        let before = old.conditions.iter().flatten().find(|it| it.type_ == kind && it.status == status);
        NodeCondition {
            type_: kind.to_owned(),
            status: status.to_owned(),
            reason: Some(reason.to_owned()),
            message: Some(message),
            last_heartbeat_time: Some(api::time::time(now)),
            last_transition_time: before
                .and_then(|it| it.last_transition_time.clone())
                .or_else(|| Some(api::time::time(now))),
        }
    })
    .gather()
}
