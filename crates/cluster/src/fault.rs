//! What can be done to a running cluster from outside, beside the API: each a button and a command.

use std::sync::Arc;

use kubelet::Kubelet;
use runtime::{ContainerId, ContainerState, Runtime, SandboxId, Signal};
use scheduler::remedy::is_given_along;
use serde::Serialize;
use serde::de::{Deserialize, Deserializer, Error};
use serde_json::{Map, Value};
use sim::Gather as _;

use crate::{Cluster, NodeSpec};

/// A fault, or its repair.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(tag = "fault", rename_all = "kebab-case")]
pub enum Fault {
    /// SIGKILL to one process, by its pid on the node.
    KillProcess {
        node: String,
        pid: u32,
    },
    /// SIGKILL to a container's first process.
    KillContainer {
        namespace: String,
        pod: String,
        container: String,
    },
    /// The pause container dies: the kubelet makes the sandbox anew.
    KillSandbox {
        namespace: String,
        pod: String,
    },
    /// The kubelet freezes: its machine and containers go on.
    StopKubelet {
        node: String,
    },
    ContinueKubelet {
        node: String,
    },
    RestartKubelet {
        node: String,
    },
    /// The container runtime stops answering.
    FreezeRuntime {
        node: String,
    },
    ContinueRuntime {
        node: String,
    },
    /// Power off: the machine and all on it are gone at once.
    FailNode {
        node: String,
    },
    /// Power on again: empty of containers.
    RecoverNode {
        node: String,
    },
    /// No registry answers.
    RegistryDown,
    RegistryUp,
    /// A machine is cut off from the network.
    CutNetwork {
        node: String,
    },
    HealNetwork {
        node: String,
    },
    /// The registry has no such image (any more).
    RemoveFromRegistry {
        image: String,
    },
    RestoreToRegistry {
        image: String,
    },
    /// A manifest comes into the node's directory of static Pods, under this name.
    AddStaticPod {
        node: String,
        file: String,
        text: String,
    },
    RemoveStaticPod {
        node: String,
        file: String,
    },
    /// One more machine like this one joins: as large, with the same labels, without taints.
    AddNode {
        node: String,
        like: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FaultError {
    #[error("node \"{0}\" not found")]
    NoNode(String),
    #[error("pod \"{0}\" has no sandbox")]
    NoSandbox(String),
    #[error("container \"{0}\" is not running")]
    NotRunning(String),
    #[error("no process {0}")]
    NoProcess(u32),
    #[error("\"{0}\" is no file of a static pod")]
    NoManifest(String),
    #[error("node \"{0}\" is there already")]
    NodeExists(String),
    #[error("\"{0}\" is no name for a node")]
    NodeName(String),
    #[error("a cluster here has {NODES_MAX} nodes at the most")]
    TooManyNodes,
}

/// By hand: what serde derives for an enum with its tag among the fields is 40 KB of code.
impl<'de> Deserialize<'de> for Fault {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Fault, D::Error> {
        Fault::of_fields(&Map::deserialize(from)?).map_err(D::Error::custom)
    }
}

/// More machines than that are no lesson.
const NODES_MAX: usize = 200;

impl Fault {
    /// The command of the workstation that does the same.
    pub fn command_line(&self) -> String {
        match self {
            Fault::KillProcess { node, pid } => format!("fault process kill {node} {pid}"),
            Fault::KillContainer { namespace, pod, container } => {
                format!("fault container kill {namespace}/{pod} {container}")
            }
            Fault::KillSandbox { namespace, pod } => format!("fault sandbox kill {namespace}/{pod}"),
            Fault::StopKubelet { node } => format!("fault kubelet stop {node}"),
            Fault::ContinueKubelet { node } => format!("fault kubelet continue {node}"),
            Fault::RestartKubelet { node } => format!("fault kubelet restart {node}"),
            Fault::FreezeRuntime { node } => format!("fault runtime freeze {node}"),
            Fault::ContinueRuntime { node } => format!("fault runtime continue {node}"),
            Fault::FailNode { node } => format!("fault node fail {node}"),
            Fault::RecoverNode { node } => format!("fault node recover {node}"),
            Fault::RegistryDown => "fault registry down".to_owned(),
            Fault::RegistryUp => "fault registry up".to_owned(),
            Fault::CutNetwork { node } => format!("fault network cut {node}"),
            Fault::HealNetwork { node } => format!("fault network heal {node}"),
            Fault::RemoveFromRegistry { image } => format!("fault image remove {image}"),
            Fault::RestoreToRegistry { image } => format!("fault image restore {image}"),
            Fault::AddStaticPod { node, file, .. } => format!("fault static-pod add {node} {file}"),
            Fault::RemoveStaticPod { node, file } => format!("fault static-pod remove {node} {file}"),
            Fault::AddNode { node, like } => format!("fault node add {node} {like}"),
        }
    }

    fn of_fields(fields: &Map<String, Value>) -> Result<Fault, String> {
        let missing = |name: &str| format!("missing field `{name}`");
        let text = |name: &str| match fields.get(name) {
            Some(Value::String(it)) => Ok(it.clone()),
            Some(it) => Err(format!("invalid `{name}`: {it}, expected a string")),
            None => Err(missing(name)),
        };
        let node = || text("node");
        Ok(match text("fault")?.as_str() {
            "kill-process" => {
                let pid = fields.get("pid").ok_or_else(|| missing("pid"))?;
                let number = pid.as_u64().and_then(|it| it.try_into().ok());
                let pid = number.ok_or_else(|| format!("invalid `pid`: {pid}, expected u32"))?;
                Fault::KillProcess { node: node()?, pid }
            }
            "kill-container" => Fault::KillContainer {
                namespace: text("namespace")?,
                pod: text("pod")?,
                container: text("container")?,
            },
            "kill-sandbox" => Fault::KillSandbox { namespace: text("namespace")?, pod: text("pod")? },
            "stop-kubelet" => Fault::StopKubelet { node: node()? },
            "continue-kubelet" => Fault::ContinueKubelet { node: node()? },
            "restart-kubelet" => Fault::RestartKubelet { node: node()? },
            "freeze-runtime" => Fault::FreezeRuntime { node: node()? },
            "continue-runtime" => Fault::ContinueRuntime { node: node()? },
            "fail-node" => Fault::FailNode { node: node()? },
            "recover-node" => Fault::RecoverNode { node: node()? },
            "registry-down" => Fault::RegistryDown,
            "registry-up" => Fault::RegistryUp,
            "cut-network" => Fault::CutNetwork { node: node()? },
            "heal-network" => Fault::HealNetwork { node: node()? },
            "remove-from-registry" => Fault::RemoveFromRegistry { image: text("image")? },
            "restore-to-registry" => Fault::RestoreToRegistry { image: text("image")? },
            "add-static-pod" => {
                Fault::AddStaticPod { node: node()?, file: text("file")?, text: text("text")? }
            }
            "remove-static-pod" => Fault::RemoveStaticPod { node: node()?, file: text("file")? },
            "add-node" => Fault::AddNode { node: node()?, like: text("like")? },
            other => return Err(format!("unknown variant `{other}`")),
        })
    }

    /// Reads what [`Fault::command_line`] writes, without the leading `fault`; a Pod without a namespace is in `namespace`.
    /// The text of a static Pod comes from elsewhere, and is empty.
    pub fn parse(words: &[&str], namespace: &str) -> Option<Fault> {
        let text = |it: &str| it.to_owned();
        let pod = |it: &str| match it.split_once('/') {
            Some((namespace, pod)) => (text(namespace), text(pod)),
            None => (text(namespace), text(it)),
        };
        Some(match words {
            ["process", "kill", node, pid] => Fault::KillProcess { node: text(node), pid: pid.parse().ok()? },
            ["container", "kill", name, container] => {
                let (namespace, pod) = pod(name);
                Fault::KillContainer { namespace, pod, container: text(container) }
            }
            ["sandbox", "kill", name] => {
                let (namespace, pod) = pod(name);
                Fault::KillSandbox { namespace, pod }
            }
            ["kubelet", "stop", node] => Fault::StopKubelet { node: text(node) },
            ["kubelet", "continue", node] => Fault::ContinueKubelet { node: text(node) },
            ["kubelet", "restart", node] => Fault::RestartKubelet { node: text(node) },
            ["runtime", "freeze", node] => Fault::FreezeRuntime { node: text(node) },
            ["runtime", "continue", node] => Fault::ContinueRuntime { node: text(node) },
            ["node", "fail", node] => Fault::FailNode { node: text(node) },
            ["node", "add", node, like] => Fault::AddNode { node: text(node), like: text(like) },
            ["static-pod", "add", node, file] => {
                Fault::AddStaticPod { node: text(node), file: text(file), text: String::new() }
            }
            ["static-pod", "remove", node, file] => {
                Fault::RemoveStaticPod { node: text(node), file: text(file) }
            }
            ["node", "recover", node] => Fault::RecoverNode { node: text(node) },
            ["registry", "down"] => Fault::RegistryDown,
            ["registry", "up"] => Fault::RegistryUp,
            ["network", "cut", node] => Fault::CutNetwork { node: text(node) },
            ["network", "heal", node] => Fault::HealNetwork { node: text(node) },
            ["image", "remove", image] => Fault::RemoveFromRegistry { image: text(image) },
            ["image", "restore", image] => Fault::RestoreToRegistry { image: text(image) },
            _ => return None,
        })
    }
}

impl Cluster {
    /// Does what `fault` says, now. What follows from it is up to the components.
    pub fn inflict(&mut self, fault: &Fault) -> Result<(), FaultError> {
        let now = self.now();
        match fault {
            Fault::KillProcess { node, pid } => self.kill_process(node, *pid),
            Fault::KillContainer { namespace, pod, container } => {
                self.kill_container(namespace, pod, container)
            }
            Fault::KillSandbox { namespace, pod } => {
                let sandbox = self.sandbox_of(namespace, pod)?;
                self.with_runtime(|runtime, outbox| runtime.kill_sandbox(sandbox, now, outbox));
                Ok(())
            }
            Fault::StopKubelet { node } => self.on_kubelet(node, |kubelet, _| kubelet.stop(now)),
            Fault::ContinueKubelet { node } => self.on_kubelet(node, kubelet::Kubelet::resume),
            Fault::RestartKubelet { node } => self.on_kubelet(node, kubelet::Kubelet::start),
            Fault::FreezeRuntime { node } => {
                self.on_machine(node, |runtime| runtime.freeze_runtime(node, true))
            }
            Fault::ContinueRuntime { node } => {
                self.on_machine(node, |runtime| runtime.freeze_runtime(node, false))
            }
            Fault::FailNode { node } => {
                self.on_machine(node, |runtime| runtime.fail_machine(node, now))?;
                self.on_kubelet(node, |kubelet, _| kubelet.stop(now))
            }
            Fault::RecoverNode { node } => {
                let was_off = self.runtime.machine(node).is_some_and(|it| !it.powered);
                self.on_machine(node, |runtime| runtime.restore_machine(node))?;
                if was_off {
                    self.on_kubelet(node, kubelet::Kubelet::lose_flights)?;
                }
                self.on_kubelet(node, kubelet::Kubelet::resume)
            }
            Fault::CutNetwork { node } => self.cut_network(node, true),
            Fault::HealNetwork { node } => self.cut_network(node, false),
            Fault::RegistryDown => {
                self.runtime.set_registry_down(true);
                Ok(())
            }
            Fault::RegistryUp => {
                self.runtime.set_registry_down(false);
                Ok(())
            }
            Fault::RemoveFromRegistry { image } => {
                self.runtime.set_image_absent(image, true);
                Ok(())
            }
            Fault::RestoreToRegistry { image } => {
                self.runtime.set_image_absent(image, false);
                Ok(())
            }
            Fault::AddStaticPod { node, file, text } => self.put_manifest(node, file, Some(text)),
            Fault::RemoveStaticPod { node, file } => self.put_manifest(node, file, None),
            Fault::AddNode { node, like } => self.add_node_like(node, like),
        }
    }

    fn put_manifest(&mut self, node: &str, file: &str, text: Option<&str>) -> Result<(), FaultError> {
        let (now, mut done) = (self.now(), false);
        let plain = !file.is_empty() && !file.contains('/') && file != "." && file != "..";
        self.on_machine(node, |runtime| done = plain && runtime.put_manifest(node, file, text, now))?;
        if done { Ok(()) } else { Err(FaultError::NoManifest(file.to_owned())) }
    }

    fn add_node_like(&mut self, name: &str, like: &str) -> Result<(), FaultError> {
        let model = self.api.node(like).cloned().ok_or_else(|| FaultError::NoNode(like.to_owned()))?;
        if self.api.node(name).is_some() || self.runtime.machines().any(|it| *it.spec.name == *name) {
            return Err(FaultError::NodeExists(name.to_owned()));
        }
        if !api::syntax::dns1123_subdomain(name).is_empty() {
            return Err(FaultError::NodeName(name.to_owned()));
        }
        if NODES_MAX <= self.runtime.machines().count() {
            return Err(FaultError::TooManyNodes);
        }
        let machine = self.runtime.machines().find(|it| *it.spec.name == *like).map(|it| it.spec.clone());
        let machine = machine.ok_or_else(|| FaultError::NoNode(like.to_owned()))?;
        let pods = model.status.as_ref().and_then(|it| it.capacity.as_ref()?.get("pods").cloned());
        let labels = model.metadata.labels.iter().flatten();
        let worker = NodeSpec::worker(name);
        self.add_node(&NodeSpec {
            cpu_milli: machine.cpu_milli,
            memory_bytes: machine.memory_bytes,
            pods: pods.map_or(worker.pods, |it| api::quantity::of(&it).value().clamp(0, 1_000) as u32),
            labels: labels.filter(|it| is_given_along(it.0)).map(|it| (it.0.clone(), it.1.clone())).gather(),
            ..worker
        });
        Ok(())
    }

    /// The sandbox that a Pod has now.
    pub fn sandbox_of(&self, namespace: &str, pod: &str) -> Result<SandboxId, FaultError> {
        let missing = || FaultError::NoSandbox(pod.to_owned());
        let found = self.api.pod(namespace, pod).ok_or_else(missing)?;
        let node = found.spec.as_ref().and_then(|it| it.node_name.as_deref()).ok_or_else(missing)?;
        let uid = kubelet::pod::uid_on_node(found);
        let sandboxes = self.runtime.list_sandboxes(node);
        sandboxes
            .iter()
            .filter(|it| it.pod_uid == uid && it.ready)
            .map(|it| it.id)
            .next_back()
            .ok_or_else(missing)
    }

    /// The newest sandbox of a Pod, ended or not: its logs can still be read.
    pub fn any_sandbox_of(&self, namespace: &str, pod: &str) -> Option<SandboxId> {
        let found = self.api.pod(namespace, pod)?;
        let node = found.spec.as_ref()?.node_name.as_deref()?;
        let uid = kubelet::pod::uid_on_node(found);
        self.runtime.list_sandboxes(node).iter().filter(|it| it.pod_uid == uid).map(|it| it.id).next_back()
    }

    /// The newest instance of a container in a sandbox.
    pub fn newest_in(&self, sandbox: SandboxId, container: &str) -> Option<ContainerId> {
        let named =
            |it: &ContainerId| self.runtime.container_status(*it).is_some_and(|it| it.name == container);
        self.runtime.list_containers(sandbox).into_iter().rfind(named)
    }

    /// The newest instance of a container of a Pod.
    pub fn container_of(
        &self,
        namespace: &str,
        pod: &str,
        container: &str,
    ) -> Result<ContainerId, FaultError> {
        let newest = self.newest_in(self.sandbox_of(namespace, pod)?, container);
        newest.ok_or_else(|| FaultError::NotRunning(container.to_owned()))
    }

    fn kill_container(&mut self, namespace: &str, pod: &str, container: &str) -> Result<(), FaultError> {
        let id = self.container_of(namespace, pod, container)?;
        let status = self.runtime.container_status(id);
        if !status.is_some_and(|it| matches!(it.state, ContainerState::Running { .. })) {
            return Err(FaultError::NotRunning(container.to_owned()));
        }
        let now = self.now();
        self.with_runtime(|runtime, outbox| runtime.signal_container(id, Signal::Kill, now, outbox));
        Ok(())
    }

    fn kill_process(&mut self, node: &str, pid: u32) -> Result<(), FaultError> {
        let now = self.now();
        let killed = self.with_runtime(|runtime, outbox| runtime.kill_process(node, pid, now, outbox));
        if killed { Ok(()) } else { Err(FaultError::NoProcess(pid)) }
    }

    /// Between this machine and every other one.
    fn cut_network(&mut self, node: &str, cut: bool) -> Result<(), FaultError> {
        let others: Vec<Arc<str>> =
            self.runtime.machines().map(|it| it.spec.name.clone()).filter(|it| **it != *node).gather();
        self.on_machine(node, |runtime| others.iter().for_each(|it| runtime.set_partition(node, it, cut)))
    }

    fn on_machine(&mut self, node: &str, act: impl FnOnce(&mut Runtime)) -> Result<(), FaultError> {
        if self.runtime.machine(node).is_none() {
            return Err(FaultError::NoNode(node.to_owned()));
        }
        act(&mut self.runtime);
        self.deliver_notices();
        Ok(())
    }

    fn on_kubelet(
        &mut self,
        node: &str,
        act: impl FnOnce(&mut Kubelet, &mut kubelet::Ctx<'_>),
    ) -> Result<(), FaultError> {
        let name: Arc<str> = node.into();
        if !self.kubelets.contains_key(&name) {
            return Err(FaultError::NoNode(node.to_owned()));
        }
        self.with_kubelet(&name, act);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let node = || "n1".to_owned();
        let (namespace, pod, file) = ("default".to_owned(), "web".to_owned(), "web.yaml".to_owned());
        let (image, text, like) = ("nginx".to_owned(), "kind: Pod".to_owned(), "n2".to_owned());
        let faults = [
            Fault::KillProcess { node: node(), pid: u32::MAX },
            Fault::KillContainer {
                namespace: namespace.clone(),
                pod: pod.clone(),
                container: "c".to_owned(),
            },
            Fault::KillSandbox { namespace, pod },
            Fault::StopKubelet { node: node() },
            Fault::ContinueKubelet { node: node() },
            Fault::RestartKubelet { node: node() },
            Fault::FreezeRuntime { node: node() },
            Fault::ContinueRuntime { node: node() },
            Fault::FailNode { node: node() },
            Fault::RecoverNode { node: node() },
            Fault::RegistryDown,
            Fault::RegistryUp,
            Fault::CutNetwork { node: node() },
            Fault::HealNetwork { node: node() },
            Fault::RemoveFromRegistry { image: image.clone() },
            Fault::RestoreToRegistry { image },
            Fault::AddStaticPod { node: node(), file: file.clone(), text },
            Fault::RemoveStaticPod { node: node(), file },
            Fault::AddNode { node: node(), like },
        ];
        for fault in faults {
            let json = serde_json::to_string(&fault).expect("plain data");
            assert_eq!(serde_json::from_str::<Fault>(&json).ok(), Some(fault), "{json}");
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let wrong = |json: &str| serde_json::from_str::<Fault>(json).map_err(|it| it.to_string());
        for (json, problem) in [
            (r#"{"node":"n1"}"#, "missing field `fault`"),
            (r#"{"fault":"rain"}"#, "unknown variant `rain`"),
            (r#"{"fault":"fail-node"}"#, "missing field `node`"),
            (r#"{"fault":"fail-node","node":null}"#, "invalid `node`: null, expected a string"),
            (
                r#"{"fault":"kill-process","node":"n1","pid":4294967296}"#,
                "invalid `pid`: 4294967296, expected u32",
            ),
        ] {
            assert_eq!(wrong(json), Err(problem.to_owned()), "{json}");
        }
        let more = r#"{"more":[{}],"fault":"registry-up","node":1}"#;
        assert_eq!(wrong(more), Ok(Fault::RegistryUp), "fields of others do no harm");
    }
}
