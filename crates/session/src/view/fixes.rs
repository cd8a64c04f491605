//! The smallest changes that would place a Pod, as somebody would make them: what is edited, and the command line for it.

use api::k8s_openapi::api::core::v1::PodSpec;
use api::{Kind, Object, ObjectKey, Pod};
use cluster::{Cluster, Fault};
use scheduler::PodInfo;
use scheduler::remedy::{self, Change, Edit, Place, Side};
use serde_json::{Value, json};

use crate::frame::{Fixes, ObjectRef, Remedy, RemedyEdit, RemedyKind, RemedySide};
use crate::session::quoted;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// Searches. `namespace` is that of the workstation's context. `None`: the Pod does not wait for a node.
pub fn fixes(cluster: &Cluster, object: &ObjectRef, namespace: &str) -> Option<Fixes> {
    let pod = waiting(cluster, object)?;
    let info = PodInfo::new(pod.clone());
    let found = remedy::smallest_changes(cluster.scheduler().snapshot(), &info);
    let writer = Writer { cluster, pod, owner: owner(cluster, pod), here: pod_namespace(pod) == namespace };
    let remedies = found.changes.iter().filter(|it| !it.edits.is_empty()).map(|it| writer.remedy(it));
    Some(Fixes {
        pod: object.clone(),
        remedies: remedies.collect(),
        complete: found.complete,
        runs: found.runs,
    })
}

pub fn waiting<'a>(cluster: &'a Cluster, object: &ObjectRef) -> Option<&'a std::sync::Arc<Pod>> {
    let pod = cluster.api().pod(&object.namespace, &object.name).filter(|_| object.kind == "Pod")?;
    let spec = pod.spec.as_ref()?;
    let free =
        spec.node_name.as_deref().unwrap_or("").is_empty() && pod.metadata.deletion_timestamp.is_none();
    free.then_some(pod)
}

/// Where the Pod's fields are written.
enum Owner {
    Nobody,
    Deployment(String),
    ReplicaSet(String),
}

fn owner(cluster: &Cluster, pod: &Pod) -> Owner {
    let controller = |meta: &api::ObjectMeta, kind: &str| {
        let owners = meta.owner_references.as_deref().unwrap_or_default();
        owners.iter().find(|it| it.controller == Some(true) && it.kind == kind).map(|it| it.name.clone())
    };
    let Some(name) = controller(&pod.metadata, "ReplicaSet") else { return Owner::Nobody };
    let replica_set = cluster.api().get(&ObjectKey::new(Kind::ReplicaSet, pod_namespace(pod), &name));
    let deployment = match replica_set {
        Some(Object::ReplicaSet(it)) => controller(&it.metadata, "Deployment"),
        _ => None,
    };
    deployment.map_or(Owner::ReplicaSet(name), Owner::Deployment)
}

fn pod_namespace(pod: &Pod) -> &str {
    pod.metadata.namespace.as_deref().unwrap_or("default")
}

struct Writer<'a> {
    cluster: &'a Cluster,
    pod: &'a Pod,
    owner: Owner,
    /// The Pod is in the namespace that commands mean when they name none.
    here: bool,
}

impl Writer<'_> {
    fn remedy(&self, change: &Change) -> Remedy {
        let (of_pod, of_cluster): (Vec<&Edit>, Vec<&Edit>) = change.edits.iter().partition(|it| it.of_pod());
        let mut commands: Vec<String> = of_cluster.iter().map(|it| self.cluster_command(it)).collect();
        let mut note = of_cluster.iter().any(|it| matches!(it, Edit::AddNode { .. })).then_some("add_node");
        if !of_pod.is_empty() {
            let (more, of) = self.pod_commands(&of_pod);
            commands.extend(more);
            note = of.or(note);
        }
        let side = match change.side() {
            Side::Pod => RemedySide::Pod,
            Side::Cluster => RemedySide::Cluster,
            Side::Both => RemedySide::Both,
        };
        Remedy {
            side,
            edits: change.edits.iter().map(|it| self.edit(it)).collect(),
            command: commands.join(" && "),
            note,
            lands: change.lands_on.iter().map(ToString::to_string).collect(),
            nodes: change.feasible.iter().map(ToString::to_string).collect(),
        }
    }

    fn name(&self) -> String {
        let name = quoted(self.pod.metadata.name.as_deref().unwrap_or(""));
        name + &self.place()
    }

    fn place(&self) -> String {
        if self.here { String::new() } else { format!(" -n {}", quoted(pod_namespace(self.pod))) }
    }

    fn cluster_command(&self, edit: &Edit) -> String {
        match edit {
            Edit::Uncordon { node } => format!("kubectl uncordon {}", quoted(node)),
            Edit::RemoveTaint { node, key, effect } => {
                format!("kubectl taint node {} {}", quoted(node), quoted(&format!("{key}:{effect}-")))
            }
            Edit::LabelNode { node, key, value } => {
                let had = self
                    .cluster
                    .api()
                    .node(node)
                    .is_some_and(|it| it.metadata.labels.as_ref().is_some_and(|it| it.contains_key(key)));
                let change = value.as_ref().map_or_else(|| format!("{key}-"), |it| format!("{key}={it}"));
                let overwrite = if had && value.is_some() { " --overwrite" } else { "" };
                format!("kubectl label node {} {}{overwrite}", quoted(node), quoted(&change))
            }
            Edit::DeletePod { pod } => {
                let there = if *pod.namespace == *pod_namespace(self.pod) && self.here {
                    String::new()
                } else {
                    format!(" -n {}", quoted(&pod.namespace))
                };
                format!("kubectl delete pod {}{there}", quoted(&pod.name))
            }
            Edit::AddNode { node, like } => {
                Fault::AddNode { node: node.clone(), like: like.to_string() }.command_line()
            }
            Edit::OpenGate { .. }
            | Edit::LowerRequest { .. }
            | Edit::Tolerate { .. }
            | Edit::DropNodeSelector { .. }
            | Edit::DropNodeRequirement { .. }
            | Edit::DropNodeAffinity
            | Edit::DropPodAffinity { .. }
            | Edit::DropPodAntiAffinity { .. }
            | Edit::RelaxSpread { .. }
            | Edit::DropHostPort { .. } => String::new(),
        }
    }

    /// Commands for edits of the Pod, and what they do besides.
    fn pod_commands(&self, edits: &[&Edit]) -> (Vec<String>, Option<&'static str>) {
        let of_pod = |it: &&&Edit| matches!(it, Edit::OpenGate { .. });
        let (gates, others): (Vec<&Edit>, Vec<&Edit>) = edits.iter().partition(|it| of_pod(it));
        let mut commands = Vec::new();
        if !gates.is_empty() {
            commands.push(self.patch(&["pod ", &self.name()].concat(), "/spec", &gates));
        }
        if others.is_empty() {
            return (commands, None);
        }
        match &self.owner {
            Owner::Deployment(name) => {
                let target = ["deployment ", &quoted(name), &self.place()].concat();
                commands.push(self.patch(&target, "/spec/template/spec", &others));
                (commands, Some("template"))
            }
            Owner::ReplicaSet(name) => {
                let target = ["replicaset ", &quoted(name), &self.place()].concat();
                commands.push(self.patch(&target, "/spec/template/spec", &others));
                commands.push(["kubectl delete pod ", &self.name()].concat());
                (commands, Some("template"))
            }
            Owner::Nobody => {
                let (resizes, rest): (Vec<&Edit>, Vec<&Edit>) =
                    others.iter().partition(|it| Self::is_resize(it));
                if rest.iter().any(|it| !matches!(it, Edit::Tolerate { .. })) {
                    commands.push(self.replace(&others));
                    return (commands, Some("replace"));
                }
                if !resizes.is_empty() {
                    let target = ["pod ", &self.name(), " --subresource=resize"].concat();
                    commands.push(self.patch(&target, "/spec", &resizes));
                }
                if !rest.is_empty() {
                    commands.push(self.patch(&["pod ", &self.name()].concat(), "/spec", &rest));
                }
                (commands, None)
            }
        }
    }

    /// Whether the Pod may be changed so while it lives.
    // Follows kubernetes v1.36 pkg/apis/core/validation: ValidatePodResize; the QoS class has to stay.
    fn is_resize(edit: &Edit) -> bool {
        match edit {
            Edit::LowerRequest { place: Place::App(_), resource, to, .. } => {
                0 < *to && matches!(&**resource, "cpu" | "memory")
            }
            _ => false,
        }
    }

    fn patch(&self, target: &str, prefix: &str, edits: &[&Edit]) -> String {
        let mut ops = Vec::new();
        let mut tolerations = self.has_tolerations(prefix);
        // From the last to the first, so that places in lists stay those of now.
        for edit in edits.iter().rev() {
            if let Some(spec) = &self.pod.spec {
                write_ops(edit, spec, prefix, &mut tolerations, &mut ops);
            }
        }
        format!("kubectl patch {target} --type=json -p {}", quoted(&Value::from(ops).to_string()))
    }

    /// A Pod always has some; a template only those that somebody wrote.
    fn has_tolerations(&self, prefix: &str) -> bool {
        let own = self.pod.spec.as_ref().and_then(|it| it.tolerations.as_deref()).unwrap_or_default();
        if prefix == "/spec" {
            return !own.is_empty();
        }
        own.iter().any(|it| !is_admitted(it))
    }

    /// Anew, with another manifest: that which was applied, or else what the Pod is now.
    fn replace(&self, edits: &[&Edit]) -> String {
        let applied = self.pod.metadata.annotations.as_ref().and_then(|it| it.get(LAST_APPLIED));
        let applied = applied.and_then(|it| serde_json::from_str(it).ok());
        let applied = applied.and_then(|it| Object::from_value(Kind::Pod, it).ok());
        let applied = applied.and_then(|it| it.as_pod().map(|it| (**it).clone()));
        let manifest = applied
            .and_then(|it| edited(it, edits))
            .or_else(|| edited(bare(self.pod), edits))
            .map(|it| Object::from(it).to_value());
        let text = api::yaml::emit(&manifest.unwrap_or_default());
        format!("kubectl replace --force -f - <<'EOF'\n{text}EOF\n")
    }

    fn edit(&self, edit: &Edit) -> RemedyEdit {
        let spec = self.pod.spec.as_ref();
        let made =
            |kind, subject: &str, preview: String| RemedyEdit { kind, subject: subject.to_owned(), preview };
        let gone = |what: String| [what.as_str(), " → ∅"].concat();
        let term = |of: &str, terms: Option<Value>, at: usize| {
            let term = terms.and_then(|it| it.get(at).cloned()).unwrap_or_default();
            gone([&format!("{of}.{REQUIRED}[{at}]: "), &term.to_string()[..]].concat())
        };
        match edit {
            Edit::OpenGate { gate } => {
                made(RemedyKind::OpenGate, gate, gone(format!("schedulingGates: {gate}")))
            }
            Edit::LowerRequest { place, resource, from, to } => {
                let (from, to) = (remedy::quantity(resource, *from), remedy::quantity(resource, *to));
                let preview = format!("resources.requests.{resource}: {from} → {to}");
                made(RemedyKind::LowerRequest, &container_name(spec, *place), preview)
            }
            Edit::Tolerate { key, value, effect } => {
                let list = json!({ "tolerations": [remedy::toleration(key, value, effect)] });
                made(RemedyKind::Tolerate, key, api::yaml::emit(&list).trim_end().to_owned())
            }
            Edit::DropNodeSelector { key } => {
                let value =
                    spec.and_then(|it| it.node_selector.as_ref()?.get(key)).cloned().unwrap_or_default();
                made(RemedyKind::DropSelector, key, gone(format!("nodeSelector.{key}: {value}")))
            }
            Edit::DropNodeRequirement { term, at } => {
                let terms = node_terms(spec);
                let it = terms
                    .get(*term)
                    .and_then(|it| it["matchExpressions"].get(*at).cloned())
                    .unwrap_or_default();
                let words =
                    format!("nodeAffinity.{REQUIRED}.nodeSelectorTerms[{term}].matchExpressions[{at}]: {it}");
                made(RemedyKind::DropAffinity, it["key"].as_str().unwrap_or(""), gone(words))
            }
            Edit::DropNodeAffinity => {
                made(RemedyKind::DropAffinity, "nodeAffinity", gone(format!("nodeAffinity.{REQUIRED}")))
            }
            Edit::DropPodAffinity { at } => {
                let terms = spec.and_then(|it| it.affinity.as_ref()?.pod_affinity.as_ref());
                let terms = terms.map(|it| json!(it.required_during_scheduling_ignored_during_execution));
                made(RemedyKind::DropAffinity, "podAffinity", term("podAffinity", terms, *at))
            }
            Edit::DropPodAntiAffinity { at } => {
                let terms = spec.and_then(|it| it.affinity.as_ref()?.pod_anti_affinity.as_ref());
                let terms = terms.map(|it| json!(it.required_during_scheduling_ignored_during_execution));
                made(RemedyKind::DropAffinity, "podAntiAffinity", term("podAntiAffinity", terms, *at))
            }
            Edit::RelaxSpread { at } => {
                let all = spec.and_then(|it| it.topology_spread_constraints.as_deref()).unwrap_or_default();
                let key = all.get(*at).map_or("", |it| &it.topology_key);
                made(
                    RemedyKind::RelaxSpread,
                    key,
                    "whenUnsatisfiable: DoNotSchedule → ScheduleAnyway".to_owned(),
                )
            }
            Edit::DropHostPort { place, port } => {
                let number = spec.and_then(|it| container(it, *place)?.ports.as_ref()?.get(*port)?.host_port);
                let words = gone(format!("hostPort: {}", number.unwrap_or_default()));
                made(RemedyKind::FreePort, &container_name(spec, *place), words)
            }
            Edit::Uncordon { node } => made(RemedyKind::Uncordon, node, self.cluster_command(edit)),
            Edit::RemoveTaint { node, .. } => made(RemedyKind::RemoveTaint, node, self.cluster_command(edit)),
            Edit::LabelNode { node, .. } => made(RemedyKind::LabelNode, node, self.cluster_command(edit)),
            Edit::DeletePod { pod } => made(RemedyKind::DeletePod, &pod.name, self.cluster_command(edit)),
            Edit::AddNode { node, .. } => made(RemedyKind::AddNode, node, self.cluster_command(edit)),
        }
    }
}

fn node_terms(spec: Option<&PodSpec>) -> Vec<Value> {
    let nodes = spec.and_then(|it| it.affinity.as_ref()?.node_affinity.as_ref());
    let required = nodes.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref());
    required.map(|it| it.node_selector_terms.iter().map(|it| json!(it)).collect()).unwrap_or_default()
}

fn container(spec: &PodSpec, place: Place) -> Option<&api::k8s_openapi::api::core::v1::Container> {
    match place {
        Place::Init(at) => spec.init_containers.as_ref()?.get(at),
        Place::App(at) => spec.containers.get(at),
        Place::Whole => None,
    }
}

fn container_name(spec: Option<&PodSpec>, place: Place) -> String {
    spec.and_then(|it| container(it, place)).map(|it| it.name.clone()).unwrap_or_default()
}

/// Those that admission gives to every Pod.
fn is_admitted(it: &api::k8s_openapi::api::core::v1::Toleration) -> bool {
    let key = it.key.as_deref().unwrap_or("");
    it.toleration_seconds == Some(300)
        && matches!(key, "node.kubernetes.io/not-ready" | "node.kubernetes.io/unreachable")
}

/// Without what the cluster has added.
fn bare(pod: &Pod) -> Pod {
    let mut bare = Pod::default();
    let meta = &pod.metadata;
    (bare.metadata.name, bare.metadata.namespace) = (meta.name.clone(), meta.namespace.clone());
    (bare.metadata.labels, bare.metadata.annotations) = (meta.labels.clone(), meta.annotations.clone());
    if let Some(annotations) = &mut bare.metadata.annotations {
        annotations.remove(LAST_APPLIED);
    }
    bare.spec.clone_from(&pod.spec);
    if let Some(tolerations) = bare.spec.as_mut().and_then(|it| it.tolerations.as_mut()) {
        tolerations.retain(|it| !is_admitted(it));
    }
    bare
}

/// The one of several edits that comes last in a list is done first.
fn edited(mut pod: Pod, edits: &[&Edit]) -> Option<Pod> {
    edits.iter().rev().try_for_each(|it| remedy::edit_pod(&mut pod, it))?;
    Some(pod)
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The edit as JSON patches of what lies at `prefix`.
fn write_ops(edit: &Edit, spec: &PodSpec, prefix: &str, has_tolerations: &mut bool, ops: &mut Vec<Value>) {
    let mut op = |op: &str, path: String, value: Option<Value>| {
        let path = [prefix, &path].concat();
        let mut it = json!({ "op": op, "path": path });
        if let Some(value) = value {
            it["value"] = value;
        }
        ops.push(it);
    };
    match edit {
        Edit::OpenGate { gate } => {
            let gates = spec.scheduling_gates.as_deref().unwrap_or_default();
            if let Some(at) = gates.iter().position(|it| it.name == *gate) {
                op("remove", format!("/schedulingGates/{at}"), None);
            }
        }
        Edit::LowerRequest { place, resource, to, .. } => {
            let (path, resources) = match place {
                Place::Init(at) => (
                    format!("/initContainers/{at}"),
                    container(spec, *place).and_then(|it| it.resources.as_ref()),
                ),
                Place::App(at) => (
                    format!("/containers/{at}"),
                    container(spec, *place).and_then(|it| it.resources.as_ref()),
                ),
                Place::Whole => (String::new(), spec.resources.as_ref()),
            };
            let value = Value::from(remedy::quantity(resource, *to));
            let key = escaped(resource);
            let of = |list: Option<&std::collections::BTreeMap<String, api::Quantity>>| {
                list.and_then(|it| it.get(&**resource)).map(api::quantity::of)
            };
            let request = of(resources.and_then(|it| it.requests.as_ref()));
            if request.is_some() && request == of(resources.and_then(|it| it.limits.as_ref())) {
                op("replace", format!("{path}/resources/limits/{key}"), Some(value.clone()));
            }
            op("replace", format!("{path}/resources/requests/{key}"), Some(value));
        }
        Edit::Tolerate { key, value, effect } => {
            let it = json!(remedy::toleration(key, value, effect));
            if std::mem::replace(has_tolerations, true) {
                op("add", "/tolerations/-".to_owned(), Some(it));
            } else {
                op("add", "/tolerations".to_owned(), Some(json!([it])));
            }
        }
        Edit::DropNodeSelector { key } => op("remove", format!("/nodeSelector/{}", escaped(key)), None),
        Edit::DropNodeRequirement { term, at } => {
            let terms = format!("/affinity/nodeAffinity/{REQUIRED}/nodeSelectorTerms");
            op("remove", format!("{terms}/{term}/matchExpressions/{at}"), None);
        }
        Edit::DropNodeAffinity => op("remove", format!("/affinity/nodeAffinity/{REQUIRED}"), None),
        Edit::DropPodAffinity { at } => op("remove", format!("/affinity/podAffinity/{REQUIRED}/{at}"), None),
        Edit::DropPodAntiAffinity { at } => {
            op("remove", format!("/affinity/podAntiAffinity/{REQUIRED}/{at}"), None);
        }
        Edit::RelaxSpread { at } => {
            let path = format!("/topologySpreadConstraints/{at}");
            let all = spec.topology_spread_constraints.as_deref().unwrap_or_default();
            if all.get(*at).is_some_and(|it| it.min_domains.is_some()) {
                op("remove", format!("{path}/minDomains"), None);
            }
            op("replace", format!("{path}/whenUnsatisfiable"), Some("ScheduleAnyway".into()));
        }
        Edit::DropHostPort { place, port } => {
            let path = match place {
                Place::Init(at) => format!("/initContainers/{at}/ports/{port}"),
                Place::App(at) => format!("/containers/{at}/ports/{port}"),
                Place::Whole => return,
            };
            let it = container(spec, *place).and_then(|it| it.ports.as_ref()?.get(*port));
            if it.is_some_and(|it| it.host_ip.is_some()) {
                op("remove", format!("{path}/hostIP"), None);
            }
            op("remove", format!("{path}/hostPort"), None);
        }
        Edit::Uncordon { .. }
        | Edit::RemoveTaint { .. }
        | Edit::LabelNode { .. }
        | Edit::DeletePod { .. }
        | Edit::AddNode { .. } => {}
    }
}
