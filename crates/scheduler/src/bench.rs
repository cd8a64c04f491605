//! Workloads to time the scheduler with. No clock in here: the caller has one.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::k8s_openapi::api::core::v1::{
    Affinity, Container, NodeStatus, PodAffinityTerm, PodAntiAffinity, PodSpec, ResourceRequirements,
    TopologySpreadConstraint,
};
use api::{LabelSelector, Namespace, Node, Pod, Quantity};
use sim::{Gather as _, SimTime};

use crate::pod_info::PodInfo;
use crate::queue::Queue;
use crate::schedule_one::{Options, prepare, schedule_one};
use crate::snapshot::Snapshot;

/// Pods of one application: they share labels.
const REPLICAS: usize = 50;
const ZONES: usize = 3;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Requests of cpu and memory only.
    Plain,
    /// Even over zones by force and over nodes by preference.
    Spread,
    /// Never two Pods of an application on a node.
    AntiAffinity,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    pub scheduled: usize,
    pub unschedulable: usize,
    /// So that the work is not optimised away, and to see that two runs are equal.
    pub score_sum: i64,
}

/// A cluster with Pods to come.
#[derive(Debug, Clone)]
pub struct Workload {
    snapshot: Snapshot,
    pods: Vec<Arc<Pod>>,
}

pub fn plain(nodes: usize, pods: usize) -> Counts {
    Workload::new(Kind::Plain, nodes, pods).run()
}

pub fn spread(nodes: usize, pods: usize) -> Counts {
    Workload::new(Kind::Spread, nodes, pods).run()
}

pub fn antiaffinity(nodes: usize, pods: usize) -> Counts {
    Workload::new(Kind::AntiAffinity, nodes, pods).run()
}

impl Workload {
    pub fn new(kind: Kind, nodes: usize, pods: usize) -> Workload {
        let mut snapshot = Snapshot::default();
        let mut namespace = Namespace::default();
        namespace.metadata.name = Some("default".to_owned());
        snapshot.set_namespace(&namespace);
        for number in 0..nodes {
            snapshot.set_node(Arc::new(node(number)));
        }
        Workload { snapshot, pods: (0..pods).map(|it| Arc::new(pod(kind, it))).gather() }
    }

    /// For each Pod: into the queue and out of it, the decision, the room taken, the binding seen.
    pub fn run(mut self) -> Counts {
        let (mut queue, mut counts, mut start) = (Queue::default(), Counts::default(), 0);
        for (number, pod) in self.pods.iter().enumerate() {
            let now = SimTime::from_millis(number as u64);
            queue.add(Arc::new(PodInfo::new(pod.clone())), number as u64, now);
            let Some(queued) = queue.pop(now) else { continue };
            prepare(&mut self.snapshot, &queued.info);
            let options = Options { start, tie: number as u64, explain: false };
            let decision = schedule_one(&self.snapshot, &queued.info, options);
            start = (start + decision.examined) % self.snapshot.nodes().len().max(1);
            let Some(node) = &decision.chosen else {
                counts.unschedulable += 1;
                continue;
            };
            counts.scheduled += 1;
            counts.score_sum += decision.scores.total.iter().max().unwrap_or(&0);
            self.snapshot.add_pod(queued.info.clone(), node);
            let mut bound = (**pod).clone();
            bound.spec.get_or_insert_default().node_name = Some(node.to_string());
            let bound = Arc::new(bound);
            if !self.snapshot.refresh_pod(&bound, &queued.info.key) {
                self.snapshot.remove_pod(&queued.info.key);
                self.snapshot.add_pod(Arc::new(PodInfo::new(bound)), node);
            }
        }
        counts
    }
}

fn quantities(cpu: &str, memory: &str) -> BTreeMap<String, Quantity> {
    [("cpu", cpu), ("memory", memory)].map(|(name, it)| (name.to_owned(), Quantity(it.to_owned()))).into()
}

fn node(number: usize) -> Node {
    let name = format!("node-{number:05}");
    let zone = format!("zone-{}", number % ZONES);
    let mut allocatable = quantities("32", "64Gi");
    allocatable.insert("pods".to_owned(), Quantity("110".to_owned()));
    let mut node = Node::default();
    node.metadata.labels = Some(
        [("kubernetes.io/hostname", name.clone()), ("topology.kubernetes.io/zone", zone)]
            .map(|(key, value)| (key.to_owned(), value))
            .into(),
    );
    node.metadata.name = Some(name);
    node.status = Some(NodeStatus { allocatable: Some(allocatable), ..NodeStatus::default() });
    node
}

fn pod(kind: Kind, number: usize) -> Pod {
    let labels: BTreeMap<String, String> = [("app".to_owned(), format!("app-{}", number / REPLICAS))].into();
    let selector = LabelSelector { match_labels: Some(labels.clone()), ..LabelSelector::default() };
    let resources = ResourceRequirements {
        requests: Some(quantities("100m", "128Mi")),
        ..ResourceRequirements::default()
    };
    let container = Container { name: "app".to_owned(), resources: Some(resources), ..Container::default() };
    let mut spec = PodSpec { containers: vec![container], ..PodSpec::default() };
    match kind {
        Kind::Plain => {}
        Kind::Spread => {
            let constraint = |key: &str, action: &str| TopologySpreadConstraint {
                topology_key: key.to_owned(),
                max_skew: 1,
                when_unsatisfiable: action.to_owned(),
                label_selector: Some(selector.clone()),
                ..TopologySpreadConstraint::default()
            };
            spec.topology_spread_constraints = Some(vec![
                constraint("topology.kubernetes.io/zone", "DoNotSchedule"),
                constraint("kubernetes.io/hostname", "ScheduleAnyway"),
            ]);
        }
        Kind::AntiAffinity => {
            let term = PodAffinityTerm {
                topology_key: "kubernetes.io/hostname".to_owned(),
                label_selector: Some(selector),
                ..PodAffinityTerm::default()
            };
            let anti = PodAntiAffinity {
                required_during_scheduling_ignored_during_execution: Some(vec![term]),
                ..PodAntiAffinity::default()
            };
            spec.affinity = Some(Affinity { pod_anti_affinity: Some(anti), ..Affinity::default() });
        }
    }
    let mut pod = Pod { spec: Some(spec), ..Pod::default() };
    pod.metadata.name = Some(format!("pod-{number:06}"));
    pod.metadata.namespace = Some("default".to_owned());
    pod.metadata.labels = Some(labels);
    // As the API server stores it.
    pod.metadata.uid = Some(format!("00000000-0000-4000-8000-{number:012}"));
    pod.metadata.generation = Some(1);
    pod
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_every_pod_and_the_same_way_twice() {
        for kind in [Kind::Plain, Kind::Spread, Kind::AntiAffinity] {
            let counts = Workload::new(kind, 120, 200).run();
            assert_eq!((counts.scheduled, counts.unschedulable), (200, 0), "{kind:?}");
            assert_eq!(counts, Workload::new(kind, 120, 200).run());
        }
    }
}
