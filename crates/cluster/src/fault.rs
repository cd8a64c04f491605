//! What can be done to a running cluster from outside, beside the API: each a button and a command.

use std::sync::Arc;

use kubelet::Kubelet;
use runtime::{ContainerId, ContainerState, Runtime, SandboxId, Signal};
use scheduler::remedy::is_given_along;
use serde_json::{Map, Value};
use sim::Gather as _;

use crate::{Cluster, NodeSpec};

/// Declares [`Fault`]: each with its name in JSON, its command and its fields.
macro_rules! faults {
    ($($(#[$about:meta])* $name:ident $tag:literal $command:literal $({ $($field:ident: $type:ty),* })?,)*) => {
        /// A fault, or its repair.
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        pub enum Fault {
            $($(#[$about])* $name $({ $($field: $type),* })?),*
        }

        const FORMS: &[Form] =
            &[$(Form { tag: $tag, command: $command, fields: &[$($(stringify!($field)),*)?] }),*];

        impl Fault {
            fn tag(&self) -> &'static str {
                match self { $(Fault::$name { .. } => $tag),* }
            }

            fn command(&self) -> &'static str {
                match self { $(Fault::$name { .. } => $command),* }
            }

            /// Shows the fields in their order.
            fn each_field(&self, show: &mut dyn FnMut(&'static str, Value)) {
                match self {
                    $(Fault::$name $({ $($field),* })? => { $($(show(stringify!($field), $field.write());)*)? })*
                }
            }

            /// What [`Fault::to_value`] makes; fields of others do no harm.
            pub fn of_value(fields: &Value) -> Result<Fault, String> {
                let mut wrong = None;
                let tag: String = field(fields, "fault", &mut wrong);
                let fault = match tag.as_str() {
                    $($tag => Fault::$name $({ $($field: field(fields, stringify!($field), &mut wrong)),* })?,)*
                    other => return Err(wrong.unwrap_or_else(|| format!("unknown variant `{other}`"))),
                };
                wrong.map_or(Ok(fault), Err)
            }
        }
    };
}

faults! {
    /// SIGKILL to one process, by its pid on the node.
    KillProcess "kill-process" "process kill" { node: String, pid: u32 },
    /// SIGKILL to a container's first process.
    KillContainer "kill-container" "container kill" { namespace: String, pod: String, container: String },
    /// The pause container dies: the kubelet makes the sandbox anew.
    KillSandbox "kill-sandbox" "sandbox kill" { namespace: String, pod: String },
    /// The kubelet freezes: its machine and containers go on.
    StopKubelet "stop-kubelet" "kubelet stop" { node: String },
    ContinueKubelet "continue-kubelet" "kubelet continue" { node: String },
    RestartKubelet "restart-kubelet" "kubelet restart" { node: String },
    /// The container runtime stops answering.
    FreezeRuntime "freeze-runtime" "runtime freeze" { node: String },
    ContinueRuntime "continue-runtime" "runtime continue" { node: String },
    /// Power off: the machine and all on it are gone at once.
    FailNode "fail-node" "node fail" { node: String },
    /// Power on again: empty of containers.
    RecoverNode "recover-node" "node recover" { node: String },
    /// No registry answers.
    RegistryDown "registry-down" "registry down",
    RegistryUp "registry-up" "registry up",
    /// A machine is cut off from the network.
    CutNetwork "cut-network" "network cut" { node: String },
    HealNetwork "heal-network" "network heal" { node: String },
    /// The registry has no such image (any more).
    RemoveFromRegistry "remove-from-registry" "image remove" { image: String },
    RestoreToRegistry "restore-to-registry" "image restore" { image: String },
    /// A manifest comes into the node's directory of static Pods, under this name.
    AddStaticPod "add-static-pod" "static-pod add" { node: String, file: String, text: String },
    RemoveStaticPod "remove-static-pod" "static-pod remove" { node: String, file: String },
    /// One more machine like this one joins: as large, with the same labels, without taints.
    AddNode "add-node" "node add" { node: String, like: String },
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

struct Form {
    tag: &'static str,
    command: &'static str,
    fields: &'static [&'static str],
}

/// What can be a field of a fault.
trait Field: Default {
    const EXPECTED: &'static str;

    fn write(&self) -> Value;
    fn read(value: &Value) -> Option<Self>;
}

impl Field for String {
    const EXPECTED: &'static str = "a string";

    fn write(&self) -> Value {
        self.as_str().into()
    }

    fn read(value: &Value) -> Option<String> {
        value.as_str().map(str::to_owned)
    }
}

impl Field for u32 {
    const EXPECTED: &'static str = "u32";

    fn write(&self) -> Value {
        (*self).into()
    }

    fn read(value: &Value) -> Option<u32> {
        value.as_u64()?.try_into().ok()
    }
}

/// A field's value; where it is missing or of another type, the first such is put into `wrong`.
fn field<T: Field>(fields: &Value, name: &str, wrong: &mut Option<String>) -> T {
    let value = fields.get(name);
    value.and_then(T::read).unwrap_or_else(|| {
        wrong.get_or_insert_with(|| match value {
            Some(it) => format!("invalid `{name}`: {it}, expected {}", T::EXPECTED),
            None => format!("missing field `{name}`"),
        });
        T::default()
    })
}

/// More machines than that are no lesson.
const NODES_MAX: usize = 200;

impl Fault {
    /// As JSON: `{"fault":"fail-node","node":"n1"}`. By hand, as it is read: what serde derives for an enum with its tag among
    /// the fields is 40 KB of code.
    pub fn to_value(&self) -> Value {
        let mut fields = Map::new();
        fields.insert("fault".to_owned(), self.tag().into());
        self.each_field(&mut |name, value| {
            fields.insert(name.to_owned(), value);
        });
        Value::Object(fields)
    }

    /// The command of the workstation that does the same.
    pub fn command_line(&self) -> String {
        let mut line = ["fault ", self.command()].concat();
        self.each_field(&mut |name, value| {
            // `namespace/pod` is one word, and the text of a static Pod is none.
            match name {
                "text" => return,
                "pod" => line.push('/'),
                _ => line.push(' '),
            }
            match value {
                Value::String(it) => line.push_str(&it),
                other => line.push_str(&other.to_string()),
            }
        });
        line
    }

    /// Reads what [`Fault::command_line`] writes, without the leading `fault`; a Pod without a namespace is in `namespace`.
    /// The text of a static Pod comes from elsewhere, and is empty.
    pub fn parse(words: &[&str], namespace: &str) -> Option<Fault> {
        let [about, act, words @ ..] = words else { return None };
        let form = FORMS.iter().find(|it| it.command.split_once(' ') == Some((about, act)))?;
        let mut words = words.iter();
        let mut fields = Map::new();
        fields.insert("fault".to_owned(), form.tag.into());
        for name in form.fields {
            let value = match *name {
                "text" => "".into(),
                "namespace" => namespace.into(),
                "pid" => words.next()?.parse::<u32>().ok()?.into(),
                "pod" => {
                    let word = words.next()?;
                    let (namespace, pod) = word.split_once('/').unwrap_or((namespace, word));
                    fields.insert("namespace".to_owned(), namespace.into());
                    pod.into()
                }
                _ => (*words.next()?).into(),
            };
            fields.insert((*name).to_owned(), value);
        }
        if words.next().is_some() {
            return None;
        }
        Fault::of_value(&Value::Object(fields)).ok()
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
            let json = fault.to_value();
            let line = fault.command_line();
            let words: Vec<&str> = line.split(' ').skip(1).collect();
            assert_eq!(Fault::parse(&words, "other").map(|it| it.command_line()), Some(line.clone()));
            assert_eq!(Fault::parse(&[&words[..], &["more"]].concat(), "other"), None, "{line} more");
            assert_eq!(Fault::of_value(&json).as_ref(), Ok(&fault), "{json}");
        }
    }

    #[test]
    fn is_written_as_links_hold_it() {
        let kill = Fault::KillProcess { node: "n1".to_owned(), pid: 7 };
        for (fault, json) in [
            (kill, r#"{"fault":"kill-process","node":"n1","pid":7}"#),
            (Fault::RegistryDown, r#"{"fault":"registry-down"}"#),
        ] {
            assert_eq!(fault.to_value().to_string(), json);
        }
    }

    #[test]
    fn says_what_is_wrong() {
        let wrong = |json: &str| Fault::of_value(&serde_json::from_str(json).expect("JSON"));
        for (json, problem) in [
            (r#"{"node":"n1"}"#, "missing field `fault`"),
            (r#"["fail-node","n1"]"#, "missing field `fault`"),
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
