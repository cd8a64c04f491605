//! The smallest changes that would place a Pod, as somebody would make them: what is edited, and the command line for it.

use api::codec::to_value;
use api::k8s_openapi::api::core::v1::PodSpec;
use api::{Kind, Object, ObjectKey, Pod, taints};
use cluster::{Cluster, Fault};
use scheduler::PodInfo;
use scheduler::remedy::{self, Change, ClusterEdit, Edit, Place, PodEdit, Side};
use serde_json::{Value, json};
use sim::Gather as _;

use super::manifest::LAST_APPLIED;
use crate::frame::{Fixes, ObjectRef, Remedy, RemedyEdit, RemedyKind, RemedySide};
use crate::session::quoted;

const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// Searches. `namespace` is that of the workstation's context. `None`: the Pod does not wait for a node.
pub fn fixes(cluster: &Cluster, object: &ObjectRef, namespace: &str) -> Option<Fixes> {
    let pod = waiting(cluster, object)?;
    let info = PodInfo::new(pod.clone());
    let found = remedy::smallest_changes(cluster.scheduler().snapshot(), &info);
    let writer = Writer { cluster, pod, owner: owner(cluster, pod), here: pod_namespace(pod) == namespace };
    let remedies = found.changes.iter().filter(|it| !it.edits.is_empty()).map(|it| writer.remedy(it));
    Some(Fixes {
        pod: object.clone(),
        remedies: remedies.gather(),
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
        let (mut of_pod, mut of_cluster) = (Vec::new(), Vec::new());
        for edit in &change.edits {
            match edit {
                Edit::Pod(it) => of_pod.push(it),
                Edit::Cluster(it) => of_cluster.push(it),
            }
        }
        let mut commands: Vec<String> = of_cluster.iter().map(|it| self.cluster_command(it)).gather();
        let mut note =
            of_cluster.iter().any(|it| matches!(it, ClusterEdit::AddNode { .. })).then_some("add_node");
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
            edits: change.edits.iter().map(|it| self.edit(it)).gather(),
            command: commands.join(" && "),
            note,
            lands: change.lands_on.iter().map(ToString::to_string).gather(),
            nodes: change.feasible.iter().map(ToString::to_string).gather(),
        }
    }

    fn name(&self) -> String {
        let name = quoted(self.pod.metadata.name.as_deref().unwrap_or(""));
        name + &self.place()
    }

    fn place(&self) -> String {
        if self.here { String::new() } else { format!(" -n {}", quoted(pod_namespace(self.pod))) }
    }

    fn cluster_command(&self, edit: &ClusterEdit) -> String {
        match edit {
            ClusterEdit::Uncordon { node } => format!("kubectl uncordon {}", quoted(node)),
            ClusterEdit::RemoveTaint { node, key, effect } => {
                format!("kubectl taint node {} {}", quoted(node), quoted(&format!("{key}:{effect}-")))
            }
            ClusterEdit::LabelNode { node, key, value } => {
                let had = self
                    .cluster
                    .api()
                    .node(node)
                    .is_some_and(|it| it.metadata.labels.as_ref().is_some_and(|it| it.contains_key(key)));
                let change = value.as_ref().map_or_else(|| format!("{key}-"), |it| format!("{key}={it}"));
                let overwrite = if had && value.is_some() { " --overwrite" } else { "" };
                format!("kubectl label node {} {}{overwrite}", quoted(node), quoted(&change))
            }
            ClusterEdit::DeletePod { pod } => {
                let there = if *pod.namespace == *pod_namespace(self.pod) && self.here {
                    String::new()
                } else {
                    format!(" -n {}", quoted(&pod.namespace))
                };
                format!("kubectl delete pod {}{there}", quoted(&pod.name))
            }
            ClusterEdit::AddNode { node, like } => {
                Fault::AddNode { node: node.clone(), like: like.to_string() }.command_line()
            }
        }
    }

    /// Commands for edits of the Pod, and what they do besides.
    fn pod_commands(&self, edits: &[&PodEdit]) -> (Vec<String>, Option<&'static str>) {
        let (gates, others): (Vec<&PodEdit>, Vec<&PodEdit>) =
            edits.iter().partition(|it| matches!(it, PodEdit::OpenGate { .. }));
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
                let (resizes, rest): (Vec<&PodEdit>, Vec<&PodEdit>) =
                    others.iter().partition(|it| Self::is_resize(it));
                if rest.iter().any(|it| !matches!(it, PodEdit::Tolerate { .. })) {
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
    fn is_resize(edit: &PodEdit) -> bool {
        match edit {
            PodEdit::LowerRequest { place: Place::App(_), resource, to, .. } => {
                0 < *to && matches!(&**resource, "cpu" | "memory")
            }
            _ => false,
        }
    }

    fn patch(&self, target: &str, prefix: &str, edits: &[&PodEdit]) -> String {
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
        let own = taints::tolerations(self.pod);
        if prefix == "/spec" {
            return !own.is_empty();
        }
        own.iter().any(|it| !is_admitted(it))
    }

    /// Anew, with another manifest: that which was applied, or else what the Pod is now.
    fn replace(&self, edits: &[&PodEdit]) -> String {
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
        match edit {
            Edit::Pod(it) => self.pod_edit(it),
            Edit::Cluster(it) => self.cluster_edit(it),
        }
    }

    fn cluster_edit(&self, edit: &ClusterEdit) -> RemedyEdit {
        let (kind, subject) = match edit {
            ClusterEdit::Uncordon { node } => (RemedyKind::Uncordon, &**node),
            ClusterEdit::RemoveTaint { node, .. } => (RemedyKind::RemoveTaint, &**node),
            ClusterEdit::LabelNode { node, .. } => (RemedyKind::LabelNode, &**node),
            ClusterEdit::DeletePod { pod } => (RemedyKind::DeletePod, &*pod.name),
            ClusterEdit::AddNode { node, .. } => (RemedyKind::AddNode, &**node),
        };
        RemedyEdit { kind, subject: subject.to_owned(), preview: self.cluster_command(edit) }
    }

    fn pod_edit(&self, edit: &PodEdit) -> RemedyEdit {
        let spec = self.pod.spec.as_ref();
        let made =
            |kind, subject: &str, preview: String| RemedyEdit { kind, subject: subject.to_owned(), preview };
        let gone = |what: String| [what.as_str(), " → ∅"].concat();
        let term = |of: &str, terms: Option<Value>, at: usize| {
            let term = terms.and_then(|it| it.get(at).cloned()).unwrap_or_default();
            gone([&format!("{of}.{REQUIRED}[{at}]: "), &term.to_string()[..]].concat())
        };
        match edit {
            PodEdit::OpenGate { gate } => {
                made(RemedyKind::OpenGate, gate, gone(format!("schedulingGates: {gate}")))
            }
            PodEdit::LowerRequest { place, resource, from, to } => {
                let (from, to) = (remedy::quantity(resource, *from), remedy::quantity(resource, *to));
                let preview = format!("resources.requests.{resource}: {from} → {to}");
                made(RemedyKind::LowerRequest, &container_name(spec, *place), preview)
            }
            PodEdit::Tolerate { key, value, effect } => {
                let list = json!({ "tolerations": [to_value(&remedy::toleration(key, value, effect))] });
                made(RemedyKind::Tolerate, key, api::yaml::emit(&list).trim_end().to_owned())
            }
            PodEdit::DropNodeSelector { key } => {
                let value =
                    spec.and_then(|it| it.node_selector.as_ref()?.get(key)).cloned().unwrap_or_default();
                made(RemedyKind::DropSelector, key, gone(format!("nodeSelector.{key}: {value}")))
            }
            PodEdit::DropNodeRequirement { term, at } => {
                let terms = node_terms(spec);
                let it = terms
                    .get(*term)
                    .and_then(|it| it["matchExpressions"].get(*at).cloned())
                    .unwrap_or_default();
                let words =
                    format!("nodeAffinity.{REQUIRED}.nodeSelectorTerms[{term}].matchExpressions[{at}]: {it}");
                made(RemedyKind::DropAffinity, it["key"].as_str().unwrap_or(""), gone(words))
            }
            PodEdit::DropNodeAffinity => {
                made(RemedyKind::DropAffinity, "nodeAffinity", gone(format!("nodeAffinity.{REQUIRED}")))
            }
            PodEdit::DropPodAffinity { at } => {
                let terms = spec.and_then(|it| it.affinity.as_ref()?.pod_affinity.as_ref());
                let terms = terms.map(|it| to_value(&it.required_during_scheduling_ignored_during_execution));
                made(RemedyKind::DropAffinity, "podAffinity", term("podAffinity", terms, *at))
            }
            PodEdit::DropPodAntiAffinity { at } => {
                let terms = spec.and_then(|it| it.affinity.as_ref()?.pod_anti_affinity.as_ref());
                let terms = terms.map(|it| to_value(&it.required_during_scheduling_ignored_during_execution));
                made(RemedyKind::DropAffinity, "podAntiAffinity", term("podAntiAffinity", terms, *at))
            }
            PodEdit::RelaxSpread { at } => {
                let all = spec.and_then(|it| it.topology_spread_constraints.as_deref()).unwrap_or_default();
                let key = all.get(*at).map_or("", |it| &it.topology_key);
                made(
                    RemedyKind::RelaxSpread,
                    key,
                    "whenUnsatisfiable: DoNotSchedule → ScheduleAnyway".to_owned(),
                )
            }
            PodEdit::DropHostPort { place, port } => {
                let number = spec.and_then(|it| container(it, *place)?.ports.as_ref()?.get(*port)?.host_port);
                let words = gone(format!("hostPort: {}", number.unwrap_or_default()));
                made(RemedyKind::FreePort, &container_name(spec, *place), words)
            }
        }
    }
}

fn node_terms(spec: Option<&PodSpec>) -> Vec<Value> {
    let nodes = spec.and_then(|it| it.affinity.as_ref()?.node_affinity.as_ref());
    let required = nodes.and_then(|it| it.required_during_scheduling_ignored_during_execution.as_ref());
    required.map(|it| it.node_selector_terms.iter().map(to_value).gather()).unwrap_or_default()
}

fn container(spec: &PodSpec, place: Place) -> Option<&api::k8s_openapi::api::core::v1::Container> {
    match place {
        Place::Init(at) => spec.init_containers.as_ref()?.get(at),
        Place::App(at) => spec.containers.get(at),
        Place::Whole => None,
    }
}

/// Where its fields lie below the Pod's spec.
fn path_of(place: Place) -> String {
    match place {
        Place::Init(at) => format!("/initContainers/{at}"),
        Place::App(at) => format!("/containers/{at}"),
        Place::Whole => String::new(),
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
fn edited(mut pod: Pod, edits: &[&PodEdit]) -> Option<Pod> {
    edits.iter().rev().try_for_each(|it| remedy::edit_pod(&mut pod, it))?;
    Some(pod)
}

fn escaped(key: &str) -> String {
    key.replace('~', "~0").replace('/', "~1")
}

/// The edit as JSON patches of what lies at `prefix`.
fn write_ops(edit: &PodEdit, spec: &PodSpec, prefix: &str, has_tolerations: &mut bool, ops: &mut Vec<Value>) {
    let mut op = |op: &str, path: String, value: Option<Value>| {
        let path = [prefix, &path].concat();
        let mut it = json!({ "op": op, "path": path });
        if let Some(value) = value {
            it["value"] = value;
        }
        ops.push(it);
    };
    match edit {
        PodEdit::OpenGate { gate } => {
            let gates = spec.scheduling_gates.as_deref().unwrap_or_default();
            if let Some(at) = gates.iter().position(|it| it.name == *gate) {
                op("remove", format!("/schedulingGates/{at}"), None);
            }
        }
        PodEdit::LowerRequest { place, resource, to, .. } => {
            let (path, key) = ([&path_of(*place), "/resources/"].concat(), escaped(resource));
            let value = Value::from(remedy::quantity(resource, *to));
            if limit_goes_along(spec, *place, resource) {
                op("replace", format!("{path}limits/{key}"), Some(value.clone()));
            }
            op("replace", format!("{path}requests/{key}"), Some(value));
        }
        PodEdit::Tolerate { key, value, effect } => {
            let it = to_value(&remedy::toleration(key, value, effect));
            if std::mem::replace(has_tolerations, true) {
                op("add", "/tolerations/-".to_owned(), Some(it));
            } else {
                op("add", "/tolerations".to_owned(), Some(json!([it])));
            }
        }
        PodEdit::DropNodeSelector { key } => op("remove", format!("/nodeSelector/{}", escaped(key)), None),
        PodEdit::DropNodeRequirement { term, at } => {
            let terms = format!("/affinity/nodeAffinity/{REQUIRED}/nodeSelectorTerms");
            op("remove", format!("{terms}/{term}/matchExpressions/{at}"), None);
        }
        PodEdit::DropNodeAffinity => op("remove", format!("/affinity/nodeAffinity/{REQUIRED}"), None),
        PodEdit::DropPodAffinity { at } => {
            op("remove", format!("/affinity/podAffinity/{REQUIRED}/{at}"), None);
        }
        PodEdit::DropPodAntiAffinity { at } => {
            op("remove", format!("/affinity/podAntiAffinity/{REQUIRED}/{at}"), None);
        }
        PodEdit::RelaxSpread { at } => {
            let path = format!("/topologySpreadConstraints/{at}");
            let all = spec.topology_spread_constraints.as_deref().unwrap_or_default();
            if all.get(*at).is_some_and(|it| it.min_domains.is_some()) {
                op("remove", format!("{path}/minDomains"), None);
            }
            op("replace", format!("{path}/whenUnsatisfiable"), Some("ScheduleAnyway".into()));
        }
        PodEdit::DropHostPort { place, port } => {
            let Some(it) = container(spec, *place) else { return };
            let path = format!("{}/ports/{port}", path_of(*place));
            if it.ports.as_ref().and_then(|it| it.get(*port)).is_some_and(|it| it.host_ip.is_some()) {
                op("remove", format!("{path}/hostIP"), None);
            }
            op("remove", format!("{path}/hostPort"), None);
        }
    }
}

/// Whether a limit is what is requested, and so is lowered with it.
fn limit_goes_along(spec: &PodSpec, place: Place, resource: &str) -> bool {
    let resources = match place {
        Place::Whole => spec.resources.as_ref(),
        Place::Init(_) | Place::App(_) => container(spec, place).and_then(|it| it.resources.as_ref()),
    };
    let of = |list: Option<&std::collections::BTreeMap<String, api::Quantity>>| {
        list.and_then(|it| it.get(resource)).map(api::quantity::of)
    };
    let request = of(resources.and_then(|it| it.requests.as_ref()));
    request.is_some() && request == of(resources.and_then(|it| it.limits.as_ref()))
}
