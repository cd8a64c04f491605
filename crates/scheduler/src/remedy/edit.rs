//! One edit of a Pod or of the cluster, and what the cluster looks like after it.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::k8s_openapi::api::core::v1::{Container, PodSpec, ResourceRequirements, Toleration};
use api::quantity::{Amount, Format};
use api::{Node, Pod, Quantity};

use super::relevant::{CORDONED, HOSTNAME, step};
use crate::pod_info::{PodInfo, PodKey};
use crate::snapshot::Snapshot;

/// Where in the Pod: `spec.initContainers[at]`, `spec.containers[at]` or the Pod's own resources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    Init(usize),
    App(usize),
    Whole,
}

/// Places in lists are those of the Pod as it stands: edits are applied from the last to the first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PodEdit {
    OpenGate {
        gate: String,
    },
    /// In thousandths of a core for cpu, else in bytes or pieces. A limit that was equal goes along.
    LowerRequest {
        place: Place,
        resource: Arc<str>,
        from: i64,
        to: i64,
    },
    Tolerate {
        key: String,
        value: String,
        effect: String,
    },
    DropNodeSelector {
        key: String,
    },
    /// One requirement of one term of the required node affinity.
    DropNodeRequirement {
        term: usize,
        at: usize,
    },
    /// The whole of it.
    DropNodeAffinity,
    DropPodAffinity {
        at: usize,
    },
    DropPodAntiAffinity {
        at: usize,
    },
    /// `DoNotSchedule` becomes `ScheduleAnyway`.
    RelaxSpread {
        at: usize,
    },
    DropHostPort {
        place: Place,
        port: usize,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ClusterEdit {
    Uncordon {
        node: Arc<str>,
    },
    RemoveTaint {
        node: Arc<str>,
        key: String,
        effect: String,
    },
    /// Without a value the label goes.
    LabelNode {
        node: Arc<str>,
        key: String,
        value: Option<String>,
    },
    DeletePod {
        pod: PodKey,
    },
    /// One more like this one, without its taints.
    AddNode {
        node: String,
        like: Arc<str>,
    },
}

/// Those of the Pod come first.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Edit {
    Pod(PodEdit),
    Cluster(ClusterEdit),
}

impl From<PodEdit> for Edit {
    fn from(edit: PodEdit) -> Edit {
        Edit::Pod(edit)
    }
}

impl From<ClusterEdit> for Edit {
    fn from(edit: ClusterEdit) -> Edit {
        Edit::Cluster(edit)
    }
}

impl Edit {
    pub fn of_pod(&self) -> bool {
        matches!(self, Edit::Pod(_))
    }

    /// How much it takes; of equally many edits those with the least trouble come first.
    pub(super) fn trouble(&self) -> u32 {
        match self {
            Edit::Pod(it) => it.trouble(),
            Edit::Cluster(it) => it.trouble(),
        }
    }

    /// A number for its kind.
    pub(super) fn kind(&self) -> u32 {
        match self {
            Edit::Pod(it) => it.kind(),
            Edit::Cluster(it) => it.kind(),
        }
    }

    /// The same edit whatever value it sets: two of one field exclude each other.
    pub(super) fn field(&self) -> Edit {
        match self {
            Edit::Pod(PodEdit::LowerRequest { place, resource, .. }) => {
                PodEdit::LowerRequest { place: *place, resource: resource.clone(), from: 0, to: 0 }.into()
            }
            Edit::Cluster(ClusterEdit::LabelNode { node, key, .. }) => {
                ClusterEdit::LabelNode { node: node.clone(), key: key.clone(), value: None }.into()
            }
            Edit::Cluster(ClusterEdit::AddNode { node, .. }) => {
                ClusterEdit::AddNode { node: node.clone(), like: Arc::from("") }.into()
            }
            other => other.clone(),
        }
    }

    /// By how many thousandths a request is lowered.
    pub(super) fn lowered(&self) -> u64 {
        match self {
            Edit::Pod(PodEdit::LowerRequest { from, to, .. }) => {
                (i128::from(from - to) * 1_000 / i128::from((*from).max(1))).unsigned_abs() as u64
            }
            _ => 0,
        }
    }

    /// Of a request, in steps: a value that fits and one that does not.
    pub(super) fn range(&self) -> Option<(i64, i64)> {
        match self {
            Edit::Pod(PodEdit::LowerRequest { resource, from, to, .. }) => {
                let step = step(resource, *from);
                Some((to / step, from / step + i64::from(from % step != 0)))
            }
            _ => None,
        }
    }

    /// To this many thousandths of what is requested.
    pub(super) fn lowered_by(&self, share: i64) -> Edit {
        match self {
            Edit::Pod(PodEdit::LowerRequest { resource, from, to, .. }) => {
                let part = (i128::from(*from) * i128::from(share) / 1_000) as i64;
                self.lowered_to((part / step(resource, *from)).max(to / step(resource, *from)))
            }
            other => other.clone(),
        }
    }

    pub(super) fn lowered_to(&self, steps: i64) -> Edit {
        match self {
            Edit::Pod(PodEdit::LowerRequest { place, resource, from, .. }) => PodEdit::LowerRequest {
                place: *place,
                resource: resource.clone(),
                from: *from,
                to: steps * step(resource, *from),
            }
            .into(),
            other => other.clone(),
        }
    }
}

impl PodEdit {
    fn trouble(&self) -> u32 {
        match self {
            PodEdit::OpenGate { .. } => 0,
            PodEdit::LowerRequest { .. } => 1,
            PodEdit::Tolerate { key, .. } => of_taint(key),
            PodEdit::DropNodeSelector { .. }
            | PodEdit::RelaxSpread { .. }
            | PodEdit::DropHostPort { .. }
            | PodEdit::DropNodeRequirement { .. } => 3,
            PodEdit::DropPodAffinity { .. }
            | PodEdit::DropPodAntiAffinity { .. }
            | PodEdit::DropNodeAffinity => 4,
        }
    }

    fn kind(&self) -> u32 {
        match self {
            PodEdit::OpenGate { .. } => 0,
            PodEdit::LowerRequest { .. } => 1,
            PodEdit::Tolerate { .. } => 2,
            PodEdit::DropNodeSelector { .. } => 3,
            PodEdit::DropNodeRequirement { .. } => 4,
            PodEdit::DropNodeAffinity => 5,
            PodEdit::DropPodAffinity { .. } => 6,
            PodEdit::DropPodAntiAffinity { .. } => 7,
            PodEdit::RelaxSpread { .. } => 8,
            PodEdit::DropHostPort { .. } => 9,
        }
    }
}

impl ClusterEdit {
    fn trouble(&self) -> u32 {
        match self {
            ClusterEdit::Uncordon { .. } => 1,
            ClusterEdit::RemoveTaint { key, .. } => of_taint(key),
            ClusterEdit::LabelNode { .. } => 2,
            ClusterEdit::AddNode { .. } => 5,
            ClusterEdit::DeletePod { .. } => 6,
        }
    }

    fn kind(&self) -> u32 {
        match self {
            ClusterEdit::Uncordon { .. } => 10,
            ClusterEdit::RemoveTaint { .. } => 11,
            ClusterEdit::LabelNode { .. } => 12,
            ClusterEdit::DeletePod { .. } => 13,
            ClusterEdit::AddNode { .. } => 14,
        }
    }
}

/// The control plane is kept free with good reason.
fn of_taint(key: &str) -> u32 {
    if key.contains("control-plane") { 8 } else { 2 }
}

/// As a manifest writes an amount of it.
pub fn quantity(resource: &str, amount: i64) -> String {
    if resource == "cpu" {
        Amount::from_milli(amount).to_text(Format::DecimalSI)
    } else if resource.contains('/') {
        amount.to_string()
    } else {
        Amount::from_value(amount).to_text(Format::BinarySI)
    }
}

/// Cluster and Pod after the edits. `None` where one of them has nothing to edit.
pub fn apply(snapshot: &Snapshot, pod: &PodInfo, edits: &[Edit]) -> Option<(Snapshot, PodInfo)> {
    let (mut snapshot, mut changed) = (snapshot.clone(), None::<Pod>);
    for edit in edits.iter().rev() {
        match edit {
            Edit::Pod(it) => edit_pod(changed.get_or_insert_with(|| (*pod.pod).clone()), it)?,
            Edit::Cluster(it) => edit_cluster(&mut snapshot, it)?,
        }
    }
    let pod = changed.map_or_else(|| pod.clone(), |it| PodInfo::new(Arc::new(it)));
    Some((snapshot, pod))
}

/// `None` where the Pod has no such thing to edit. Of several edits the last comes first.
pub fn edit_pod(pod: &mut Pod, edit: &PodEdit) -> Option<()> {
    let spec = pod.spec.as_mut()?;
    let affinity = &mut spec.affinity;
    match edit {
        PodEdit::OpenGate { gate } => spec.scheduling_gates.as_mut()?.retain(|it| it.name != *gate),
        PodEdit::LowerRequest { place, resource, to, .. } => lower(spec, *place, resource, *to)?,
        PodEdit::Tolerate { key, value, effect } => {
            spec.tolerations.get_or_insert_default().push(toleration(key, value, effect));
        }
        PodEdit::DropNodeSelector { key } => drop(spec.node_selector.as_mut()?.remove(key)?),
        PodEdit::DropNodeRequirement { term, at } => {
            let nodes = affinity.as_mut()?.node_affinity.as_mut()?;
            let required = nodes.required_during_scheduling_ignored_during_execution.as_mut()?;
            take(required.node_selector_terms.get_mut(*term)?.match_expressions.as_mut()?, *at)?;
        }
        PodEdit::DropNodeAffinity => {
            let nodes = affinity.as_mut()?.node_affinity.as_mut()?;
            nodes.required_during_scheduling_ignored_during_execution = None;
        }
        PodEdit::DropPodAffinity { at } => {
            let pods = affinity.as_mut()?.pod_affinity.as_mut()?;
            take(pods.required_during_scheduling_ignored_during_execution.as_mut()?, *at)?;
        }
        PodEdit::DropPodAntiAffinity { at } => {
            let pods = affinity.as_mut()?.pod_anti_affinity.as_mut()?;
            take(pods.required_during_scheduling_ignored_during_execution.as_mut()?, *at)?;
        }
        PodEdit::RelaxSpread { at } => {
            let constraint = spec.topology_spread_constraints.as_mut()?.get_mut(*at)?;
            "ScheduleAnyway".clone_into(&mut constraint.when_unsatisfiable);
            constraint.min_domains = None;
        }
        PodEdit::DropHostPort { place, port } => {
            let port = container(spec, *place)?.ports.as_mut()?.get_mut(*port)?;
            (port.host_port, port.host_ip) = (None, None);
        }
    }
    Some(())
}

fn take<T>(list: &mut Vec<T>, at: usize) -> Option<T> {
    (at < list.len()).then(|| list.remove(at))
}

pub fn toleration(key: &str, value: &str, effect: &str) -> Toleration {
    let exists = value.is_empty();
    Toleration {
        key: Some(key.to_owned()),
        operator: exists.then(|| "Exists".to_owned()),
        value: (!exists).then(|| value.to_owned()),
        effect: Some(effect.to_owned()),
        toleration_seconds: None,
    }
}

fn container(spec: &mut PodSpec, place: Place) -> Option<&mut Container> {
    match place {
        Place::Init(at) => spec.init_containers.as_mut()?.get_mut(at),
        Place::App(at) => spec.containers.get_mut(at),
        Place::Whole => None,
    }
}

fn lower(spec: &mut PodSpec, place: Place, resource: &str, to: i64) -> Option<()> {
    let resources: &mut ResourceRequirements = match place {
        Place::Whole => spec.resources.as_mut()?,
        _ => container(spec, place)?.resources.as_mut()?,
    };
    let value = Quantity(quantity(resource, to));
    let requests = resources.requests.as_mut()?;
    let old = requests.insert(resource.to_owned(), value.clone())?;
    if let Some(limit) = resources.limits.as_mut().and_then(|it: &mut BTreeMap<_, _>| it.get_mut(resource))
        && api::quantity::of(limit) == api::quantity::of(&old)
    {
        *limit = value;
    }
    Some(())
}

fn edit_cluster(snapshot: &mut Snapshot, edit: &ClusterEdit) -> Option<()> {
    match edit {
        ClusterEdit::Uncordon { node } => change_node(snapshot, node, |it| {
            let spec = it.spec.get_or_insert_default();
            spec.unschedulable = None;
            spec.taints.iter_mut().for_each(|it| it.retain(|it| it.key != CORDONED));
        }),
        ClusterEdit::RemoveTaint { node, key, effect } => change_node(snapshot, node, |it| {
            let taints = it.spec.get_or_insert_default().taints.iter_mut();
            taints.for_each(|it| it.retain(|it| it.key != *key || it.effect != *effect));
        }),
        ClusterEdit::LabelNode { node, key, value } => change_node(snapshot, node, |it| {
            let labels = it.metadata.labels.get_or_insert_default();
            match value {
                Some(value) => drop(labels.insert(key.clone(), value.clone())),
                None => drop(labels.remove(key)),
            }
        }),
        ClusterEdit::DeletePod { pod } => snapshot.remove_pod(pod).map(drop),
        ClusterEdit::AddNode { node, like } => {
            let new = like_this((*snapshot.node(like)?.node).clone(), node);
            snapshot.set_node(Arc::new(new));
            Some(())
        }
    }
}

/// Labels that one more node like another gets from it; those of Kubernetes' own its kubelet sets.
pub fn is_given_along(label: &str) -> bool {
    !label.contains("kubernetes.io/") || label.starts_with("topology.")
}

/// A machine of the same size and with the same labels, as far as they are not Kubernetes' own; it has no taints, no images
/// and no devices.
fn like_this(mut new: Node, name: &str) -> Node {
    const OF_EVERY_NODE: [&str; 4] =
        ["kubernetes.io/os", "kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch"];
    new.metadata.name = Some(name.to_owned());
    let labels = new.metadata.labels.get_or_insert_default();
    labels.retain(|key, _| is_given_along(key) || OF_EVERY_NODE.contains(&key.as_str()));
    labels.insert(HOSTNAME.to_owned(), name.to_owned());
    let spec = new.spec.get_or_insert_default();
    (spec.taints, spec.unschedulable) = (None, None);
    let status = new.status.get_or_insert_default();
    status.images = None;
    for list in [&mut status.allocatable, &mut status.capacity].into_iter().flatten() {
        list.retain(|resource, _| !resource.contains('/') && !resource.starts_with("hugepages-"));
    }
    new
}

fn change_node(snapshot: &mut Snapshot, name: &str, change: impl FnOnce(&mut Node)) -> Option<()> {
    let mut node = (*snapshot.node(name)?.node).clone();
    change(&mut node);
    snapshot.set_node(Arc::new(node));
    Some(())
}
