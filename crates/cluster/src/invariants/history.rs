//! What only two looks show: what may not go back, and what must be over by now.

use std::sync::Arc;
use std::time::Duration;

use api::k8s_openapi::api::core::v1::{Container, ContainerPort};
use api::{Actor, Kind, Object, Pod};
use apiserver::{Change, WatchEvent};
use kubelet::sync::Doing;
use runtime::{ContainerState, SandboxId};
use scheduler::Resources;
use sim::{SimTime, VecMap};

use super::{Found, Violation, state};
use crate::Cluster;

/// How much later than its grace period a container of a working node may still run: the watch, the next relist, stopping
/// sidecars one after the other with at least two seconds each, and whole seconds in `deletionTimestamp`.
const GRACE_SLACK: Duration = Duration::from_secs(12);

/// A Pod that has to leave its node.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Leaving {
    name: String,
    node: Arc<str>,
    grace: Duration,
    /// From here on nothing of it may run, if all work.
    due: SimTime,
    gone: bool,
}

/// What the scheduler reckoned with when it placed a Pod.
#[derive(Debug, Clone, PartialEq)]
struct Placed {
    cpu: i64,
    memory: i64,
}

/// Follows a cluster from event to event. Call [`History::look`] after each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct History {
    revision: u64,
    leaving: VecMap<String, Leaving>,
    placed: VecMap<String, Placed>,
    /// Sandboxes that died with containers in them: by when the kubelet must have stopped these.
    dead: VecMap<SandboxId, SimTime>,
    /// When a node's kubelet and runtime last did not work.
    ailing: VecMap<Arc<str>, SimTime>,
}

impl History {
    /// What the writes since the last look, and the time that has passed, break.
    pub fn look(&mut self, cluster: &Cluster) -> Vec<Violation> {
        let mut found = Found::default();
        let now = cluster.now();
        let runtime = cluster.runtime();
        for (name, kubelet) in &cluster.kubelets {
            if kubelet.is_frozen() || runtime.is_frozen(name) {
                self.ailing.insert(name.clone(), now);
            }
        }
        match cluster.api().store().events_after(self.revision) {
            Ok(events) => events.iter().for_each(|it| self.observe(it, cluster, &mut found)),
            Err(expired) => {
                found.broken("store", "the log reaches back to the last look", format_args!("{expired:?}"));
            }
        }
        self.check_leaving(cluster, &mut found);
        self.check_dead_sandboxes(cluster, &mut found);
        found.0
    }

    /// Containers whose sandbox has died are stopped, each with its grace period.
    fn check_dead_sandboxes(&mut self, cluster: &Cluster, found: &mut Found) {
        let (now, runtime) = (cluster.now(), cluster.runtime());
        let mut dead = VecMap::new();
        for (machine, kubelet) in &cluster.kubelets {
            for (status, config) in runtime.sandboxes_on(machine).filter(|it| !it.0.ready) {
                let running = runtime
                    .containers_in(status.id)
                    .find(|it| matches!(it.status.state, ContainerState::Running { .. }));
                let Some(running) = running else { continue };
                let worker = kubelet.worker(&status.pod_uid);
                let grace = worker.and_then(|it| {
                    let deletion = it.pod.metadata.deletion_grace_period_seconds;
                    deletion.max(it.pod.spec.as_ref()?.termination_grace_period_seconds)
                });
                let patience = Duration::from_secs(grace.unwrap_or(30).max(1).unsigned_abs()) + GRACE_SLACK;
                let busy = worker
                    .is_some_and(|it| matches!(it.doing, Doing::Start(_) | Doing::KillSome { .. }))
                    || self.ailing.get(machine) == Some(&now);
                let due = self.dead.get(&status.id).copied().filter(|_| !busy).unwrap_or(now + patience);
                if due < now {
                    let name = format_args!("{}/{} on {machine}", config.namespace, config.pod_name);
                    found.broken(name, "no container runs on without its sandbox", &running.status.name);
                }
                dead.insert(status.id, due);
            }
        }
        self.dead = dead;
    }

    fn observe(&mut self, event: &WatchEvent, cluster: &Cluster, found: &mut Found) {
        check_write(event, self.revision, found);
        self.revision = event.revision;
        state::check_event(&event.object, found);
        let Object::Pod(pod) = &event.object else { return };
        if let (Change::Modified, Some(Object::Pod(before))) = (event.change, &event.before) {
            check_pod_write(before, pod, found);
            if state::node(before).is_none()
                && state::node(pod).is_some()
                && matches!(event.cause.by, Actor::Scheduler)
            {
                self.check_placement(pod, cluster, found);
            }
        }
        self.note_leaving(pod, event);
    }

    fn note_leaving(&mut self, pod: &Pod, event: &WatchEvent) {
        let (Some(uid), Some(node)) = (pod.metadata.uid.clone(), state::node(pod)) else { return };
        let gone = event.change == Change::Deleted;
        if gone {
            self.placed.remove(&uid);
        }
        let Some(deletion) = pod.metadata.deletion_timestamp.as_ref() else {
            if gone {
                let grace =
                    pod.spec.as_ref().and_then(|it| it.termination_grace_period_seconds).unwrap_or(30);
                self.leave(uid, pod, node, event.at, grace, gone);
            }
            return;
        };
        let grace = pod.metadata.deletion_grace_period_seconds.unwrap_or(30);
        let asked_at = SimTime(
            api::time::sim_time(deletion)
                .0
                .saturating_sub(Duration::from_secs(grace.unsigned_abs()).as_micros() as u64),
        );
        // A grace that is cut short later counts from then, though the timestamp says less.
        let marked = |it: &Object| it.metadata().deletion_timestamp.is_some();
        let anew = gone || event.before.as_ref().is_some_and(marked);
        self.leave(uid, pod, node, if anew { event.at } else { asked_at }, grace, gone);
    }

    fn leave(&mut self, uid: String, pod: &Pod, node: &str, from: SimTime, grace: i64, gone: bool) {
        let grace = Duration::from_secs(grace.max(1).unsigned_abs());
        let due = from + grace + GRACE_SLACK;
        let leaving = self.leaving.entry(uid).or_insert_with(|| Leaving {
            name: state::name(pod),
            node: node.into(),
            grace,
            due,
            gone,
        });
        leaving.gone |= gone;
        if grace < leaving.grace {
            leaving.grace = grace;
            leaving.due = leaving.due.min(due);
        }
    }

    fn check_leaving(&mut self, cluster: &Cluster, found: &mut Found) {
        let now = cluster.now();
        let ailing = &self.ailing;
        self.leaving.retain(|uid, it| {
            let worker = cluster.kubelet(&it.node).and_then(|kubelet| kubelet.worker(uid));
            if worker.is_some_and(|it| is_in_sync(&it.doing)) {
                it.due = it.due.max(now + it.grace + GRACE_SLACK);
            }
            if now <= it.due {
                return true;
            }
            if let Some(ailed) = ailing.get(&it.node) {
                let due = *ailed + it.grace + GRACE_SLACK;
                if now <= due {
                    it.due = due;
                    return true;
                }
            }
            if let Some(container) = still_runs(cluster, &it.node, uid) {
                let promise = if it.gone {
                    "what is deleted does not run on"
                } else {
                    "the grace period is not overrun"
                };
                found.broken(&it.name, promise, container);
                return false;
            }
            !it.gone
        });
    }

    /// The scheduler never gives away more than a node has, and no host port twice.
    fn check_placement(&mut self, pod: &Pod, cluster: &Cluster, found: &mut Found) {
        let (Some(uid), Some(node)) = (pod.metadata.uid.clone(), state::node(pod)) else { return };
        let (cpu, memory) = requests(pod);
        // One that was resized while it waited may have been decided about before: nobody looks again at the binding.
        if pod.metadata.generation != Some(1) {
            self.placed.insert(uid, Placed { cpu: 0, memory: 0 });
            return;
        }
        self.placed.insert(uid, Placed { cpu, memory });
        let Some(allocatable) =
            cluster.api().node(node).and_then(|it| it.status.as_ref()?.allocatable.as_ref())
        else {
            return;
        };
        let has = Resources::of_list(Some(allocatable));
        let (mut cpu, mut memory, mut count) = (0, 0, 0);
        let mut ports: Vec<&ContainerPort> = Vec::new();
        let here = cluster.api().pods().filter(|it| state::node(it) == Some(node) && !state::is_terminal(it));
        for other in here {
            let Some(placed) = other.metadata.uid.as_ref().and_then(|it| self.placed.get(it)) else {
                continue;
            };
            let current = requests(other);
            cpu += placed.cpu.min(current.0);
            memory += placed.memory.min(current.1);
            count += 1;
            for port in host_ports(other) {
                if ports.iter().any(|it| conflict(it, port)) {
                    found.broken(
                        state::name(other),
                        "a host port is given once a node",
                        format_args!("{node} {:?}", port.host_port),
                    );
                }
                ports.push(port);
            }
        }
        if has.milli_cpu < cpu || has.memory < memory || has.pods < count {
            let seen = format_args!(
                "{node}: {cpu}m of {}m, {memory} of {} bytes, {count} of {} Pods",
                has.milli_cpu, has.memory, has.pods
            );
            found.broken(state::name(pod), "a node is not overcommitted", seen);
        }
    }
}

/// A look at the Pod that has begun to stop or start containers is finished before its termination begins, with every
/// grace period, pull and hook of these: kubelet.go gives `containerRuntime.SyncPod` a context that nobody cancels.
fn is_in_sync(doing: &Doing) -> bool {
    match doing {
        Doing::KillSome { .. } | Doing::RunSandbox { .. } | Doing::Start(_) => true,
        Doing::KillPod { then_terminate, .. } | Doing::StopSandbox { then_terminate, .. } => !then_terminate,
        Doing::Idle | Doing::Fresh | Doing::Begin { .. } | Doing::Mounting { .. } | Doing::Unmount { .. } => {
            false
        }
    }
}

fn host_ports(pod: &Pod) -> impl Iterator<Item = &ContainerPort> {
    let containers = pod.spec.iter().flat_map(|it| &it.containers);
    containers.flat_map(|it| it.ports.iter().flatten()).filter(|it| it.host_port.is_some_and(|it| 0 < it))
}

fn conflict(one: &ContainerPort, other: &ContainerPort) -> bool {
    let any = |ip: &Option<String>| matches!(ip.as_deref(), None | Some("" | "0.0.0.0"));
    one.host_port == other.host_port
        && one.protocol.as_deref().unwrap_or("TCP") == other.protocol.as_deref().unwrap_or("TCP")
        && (one.host_ip == other.host_ip || any(&one.host_ip) || any(&other.host_ip))
}

/// CPU in thousandths and memory in bytes that the whole Pod asks for: its apps and sidecars together, or the largest
/// moment of its init containers.
fn requests(pod: &Pod) -> (i64, i64) {
    let of = |container: &Container| {
        let requests = container.resources.as_ref().and_then(|it| it.requests.as_ref());
        let it = Resources::of_list(requests);
        (it.milli_cpu, it.memory)
    };
    let Some(spec) = pod.spec.as_ref() else { return (0, 0) };
    let (mut sidecars, mut largest) = ((0, 0), (0, 0));
    for container in spec.init_containers.iter().flatten() {
        let own = of(container);
        let with_sidecars = (sidecars.0 + own.0, sidecars.1 + own.1);
        if container.restart_policy.as_deref() == Some("Always") {
            sidecars = with_sidecars;
        }
        largest = (with_sidecars.0.max(largest.0), with_sidecars.1.max(largest.1));
    }
    let apps = spec.containers.iter().map(of).fold(sidecars, |sum, it| (sum.0 + it.0, sum.1 + it.1));
    (apps.0.max(largest.0), apps.1.max(largest.1))
}

/// A container of the Pod that still runs on the node.
fn still_runs(cluster: &Cluster, node: &str, uid: &str) -> Option<String> {
    let runtime = cluster.runtime();
    let sandboxes = runtime.sandboxes_on(node).filter(|(status, _)| status.pod_uid == uid);
    sandboxes
        .flat_map(|(status, _)| runtime.containers_in(status.id))
        .find(|it| matches!(it.status.state, ContainerState::Running { .. }))
        .map(|it| it.status.name.clone())
}

fn check_write(event: &WatchEvent, last: u64, found: &mut Found) {
    let version =
        |it: &Object| it.metadata().resource_version.as_deref().and_then(|it| it.parse::<u64>().ok());
    if event.revision <= last || version(&event.object) != Some(event.revision) {
        found.broken(&event.key, "resourceVersions rise", event.revision);
    }
    let Some(before) = event.before.as_ref().filter(|_| event.change == Change::Modified) else { return };
    if version(&event.object) <= version(before) {
        found.broken(&event.key, "resourceVersions rise", event.revision);
    }
    let (old, new) = (before.metadata(), event.object.metadata());
    if old.uid != new.uid || old.creation_timestamp != new.creation_timestamp {
        found.broken(&event.key, "an object keeps its identity", "");
    }
    if old.deletion_timestamp.is_some() && new.deletion_timestamp.is_none() {
        found.broken(&event.key, "a deletion is not taken back", "");
    }
    if new.generation < old.generation {
        found.broken(&event.key, "generations rise", "");
    }
    if event.key.kind != Kind::Event
        && let (Some(old), Some(new)) = (observed_generation(before), observed_generation(&event.object))
        && new < old
    {
        found.broken(&event.key, "observed generations rise", format_args!("{old} to {new}"));
    }
}

fn observed_generation(object: &Object) -> Option<i64> {
    if let Object::Pod(it) = object {
        it.status.as_ref()?.observed_generation
    } else if let Object::Deployment(it) = object {
        it.status.as_ref()?.observed_generation
    } else if let Object::ReplicaSet(it) = object {
        it.status.as_ref()?.observed_generation
    } else {
        None
    }
}

fn check_pod_write(before: &Pod, after: &Pod, found: &mut Found) {
    let rank = |pod: &Pod| match state::phase(pod) {
        "Running" => 1,
        "Succeeded" | "Failed" => 2,
        _ => 0,
    };
    let (old, new) = (rank(before), rank(after));
    // A new sandbox runs the init containers again, and the Pod is Pending meanwhile.
    let again = old == 1
        && new == 0
        && after.spec.as_ref().and_then(|it| it.init_containers.as_ref()).is_some_and(|it| !it.is_empty());
    if (new < old && !again) || (old == 2 && state::phase(before) != state::phase(after)) {
        let seen = format_args!("{} to {}", state::phase(before), state::phase(after));
        found.broken(state::name(after), "a phase never goes back", seen);
    }
    if state::node(before).is_some() && state::node(before) != state::node(after) {
        found.broken(state::name(after), "a Pod stays on its node", "");
    }
    for new in state::statuses(after) {
        let old = state::statuses(before).find(|it| it.name == new.name);
        if let Some(old) = old
            && new.restart_count < old.restart_count
        {
            let seen = format_args!("{}: {} to {}", new.name, old.restart_count, new.restart_count);
            found.broken(state::name(after), "restarts are never forgotten", seen);
        }
    }
}
