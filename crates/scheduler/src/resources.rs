//! What Pods request and nodes offer, as integers: parsed once per object.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::k8s_openapi::api::core::v1::{Container, ContainerStatus, PodStatus, ResourceRequirements};
use api::quantity::{self, Amount};
use api::{Pod, Quantity};
use sim::{Gather as _, VecMap};

/// Names are the objects' own.
type List<'a> = VecMap<&'a str, Amount>;

/// What a container without requests counts for in scores.
pub const DEFAULT_MILLI_CPU: i64 = 100;
pub const DEFAULT_MEMORY: i64 = 200 * 1024 * 1024;

/// `milli_cpu` in thousandths of a core, the rest in bytes or pieces.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Resources {
    pub milli_cpu: i64,
    pub memory: i64,
    pub ephemeral_storage: i64,
    /// How many Pods a node takes; unused for a Pod's own request.
    pub pods: i64,
    /// Extended resources, huge pages and the like, sorted by name.
    pub scalar: Vec<(Arc<str>, i64)>,
}

impl Resources {
    pub fn scalar(&self, name: &str) -> i64 {
        self.scalar.iter().find(|it| *it.0 == *name).map_or(0, |it| it.1)
    }

    pub fn is_zero(&self) -> bool {
        self.milli_cpu == 0
            && self.memory == 0
            && self.ephemeral_storage == 0
            && self.scalar.iter().all(|it| it.1 == 0)
    }

    pub fn add(&mut self, other: &Resources, sign: i64) {
        self.milli_cpu += sign * other.milli_cpu;
        self.memory += sign * other.memory;
        self.ephemeral_storage += sign * other.ephemeral_storage;
        for (name, amount) in &other.scalar {
            match self.scalar.binary_search_by(|it| it.0.cmp(name)) {
                Ok(found) => self.scalar[found].1 += sign * amount,
                Err(gap) => self.scalar.insert(gap, (name.clone(), sign * amount)),
            }
        }
    }

    pub fn of_list(list: Option<&BTreeMap<String, Quantity>>) -> Resources {
        Resources::of(&parse(list))
    }

    // Follows kubernetes v1.36 pkg/scheduler/framework/types.go: Resource.Add.
    fn of(list: &List<'_>) -> Resources {
        let mut resources = Resources::default();
        for (name, amount) in list {
            match *name {
                "cpu" => resources.milli_cpu = amount.milli_value(),
                "memory" => resources.memory = amount.value(),
                "ephemeral-storage" => resources.ephemeral_storage = amount.value(),
                "pods" => resources.pods = amount.value(),
                name if is_scalar(name) => resources.scalar.push((name.into(), amount.value())),
                _ => {}
            }
        }
        resources
    }
}

// Follows kubernetes v1.36 pkg/scheduler/util: IsScalarResourceName.
fn is_scalar(name: &str) -> bool {
    name.contains('/') || name.starts_with("hugepages-") || name.starts_with("attachable-volumes-")
}

fn parse(list: Option<&BTreeMap<String, Quantity>>) -> List<'_> {
    list.into_iter().flatten().map(|(name, it)| (name.as_str(), quantity::of(it))).fill()
}

/// What one Pod asks for, in the five ways the plugins count it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Requests {
    /// What must be free on the node (NodeResourcesFit's filter).
    pub incoming: Resources,
    /// What a placed Pod takes; a resize in progress counts with its larger side.
    pub placed: Resources,
    /// cpu and memory of the placed Pod in scores, with a default where a container names none.
    pub placed_non_zero: (i64, i64),
    /// cpu and memory of the incoming Pod for LeastAllocated.
    pub least_allocated: (i64, i64),
}

const RESIZE_PENDING: &str = "PodResizePending";

#[derive(Debug, Clone, Copy, Default)]
struct Counting {
    status: bool,
    pod_level: bool,
    /// Of cpu and of memory, where a container names none.
    defaults: (bool, bool),
}

impl Requests {
    // Follows kubernetes v1.36 pkg/scheduler/framework/types.go: PodInfo.CalculateResource,
    // and plugins/noderesources: computePodResourceRequest, calculatePodResourceRequest.
    pub fn of(pod: &Pod) -> Requests {
        let resized = pod.status.as_ref().is_some_and(|it| {
            it.resources.is_some()
                || it.container_statuses.iter().flatten().any(|it| it.resources.is_some())
                || it.init_container_statuses.iter().flatten().any(|it| it.resources.is_some())
        });
        let pod_level = pod_level_requests(pod).is_some();
        let plain = requests(pod, Counting { pod_level: true, ..Counting::default() });
        let incoming = Resources::of(&plain);
        let placed_list = if resized {
            requests(pod, Counting { status: true, pod_level: true, ..Counting::default() })
        } else {
            plain
        };
        let placed = if resized { Resources::of(&placed_list) } else { incoming.clone() };
        let defaults = (
            !pod_level || !placed_list.contains_key("cpu"),
            !pod_level || !placed_list.contains_key("memory"),
        );
        let defaulted = defaults.0 && !all_request(pod, "cpu") || defaults.1 && !all_request(pod, "memory");
        let placed_non_zero = if resized || defaulted {
            cpu_and_memory(&requests(pod, Counting { status: resized, pod_level: true, defaults }))
        } else {
            (placed.milli_cpu, placed.memory)
        };
        let least_allocated = if pod_level || resized {
            let counting = Counting { defaults: (true, true), ..Counting::default() };
            cpu_and_memory(&requests(pod, counting))
        } else {
            placed_non_zero
        };
        Requests { incoming, placed, placed_non_zero, least_allocated }
    }
}

/// Whether there is no container that a default would count for.
fn all_request(pod: &Pod, name: &str) -> bool {
    let spec = pod.spec.as_ref();
    let mut all = spec.into_iter().flat_map(|it| it.init_containers.iter().flatten().chain(&it.containers));
    all.all(|it| {
        let requests = it.resources.as_ref().and_then(|it| it.requests.as_ref());
        requests.is_some_and(|it| it.contains_key(name))
    })
}

fn cpu_and_memory(list: &List<'_>) -> (i64, i64) {
    let of = |name| list.get(name).copied().unwrap_or_default();
    (of("cpu").milli_value(), of("memory").value())
}

fn is_pod_level(name: &str) -> bool {
    matches!(name, "cpu" | "memory") || name.starts_with("hugepages-")
}

fn pod_level_requests(pod: &Pod) -> Option<&BTreeMap<String, Quantity>> {
    let requests = pod.spec.as_ref()?.resources.as_ref()?.requests.as_ref()?;
    requests.keys().any(|it| is_pod_level(it)).then_some(requests)
}

// Follows kubernetes v1.36 component-helpers/resource: PodRequests.
fn requests(pod: &Pod, counting: Counting) -> List<'_> {
    let mut total = container_requests(pod, counting);
    if counting.pod_level
        && let Some(own) = pod_level_requests(pod)
    {
        let status = pod.status.as_ref();
        let actuated = status.and_then(|it| it.resources.as_ref()).filter(|_| counting.status);
        let effective = actuated.map(|it| {
            let allocated = status.and_then(|it| it.allocated_resources.as_ref());
            effective_requests(pod, Some(own), it.requests.as_ref(), allocated)
        });
        for (name, quantity) in own.iter().filter(|it| is_pod_level(it.0)) {
            let amount = match &effective {
                Some(list) => list.get(name.as_str()).copied().unwrap_or_default(),
                None => quantity::of(quantity),
            };
            total.insert(name, amount);
        }
    }
    add(&mut total, &parse(pod.spec.as_ref().and_then(|it| it.overhead.as_ref())));
    total
}

fn container_requests(pod: &Pod, counting: Counting) -> List<'_> {
    let Some(spec) = &pod.spec else { return List::new() };
    let status = pod.status.as_ref().filter(|_| counting.status);
    let apps = status.and_then(|it| it.container_statuses.as_deref());
    let inits = status.and_then(|it| it.init_container_statuses.as_deref());
    let mut total = List::new();
    for container in &spec.containers {
        add(&mut total, &one_container(pod, container, apps, counting));
    }
    let (mut sidecars, mut init_peak) = (List::new(), List::new());
    for container in spec.init_containers.iter().flatten() {
        if container.restart_policy.as_deref() == Some("Always") {
            let own = one_container(pod, container, inits, counting);
            add(&mut total, &own);
            add(&mut sidecars, &own);
            max(&mut init_peak, &sidecars);
        } else {
            let mut own = one_container(pod, container, None, counting);
            add(&mut own, &sidecars);
            max(&mut init_peak, &own);
        }
    }
    max(&mut total, &init_peak);
    total
}

fn one_container<'a>(
    pod: &Pod,
    container: &'a Container,
    statuses: Option<&'a [ContainerStatus]>,
    counting: Counting,
) -> List<'a> {
    let spec = container.resources.as_ref().and_then(|it: &ResourceRequirements| it.requests.as_ref());
    let status = statuses.and_then(|all| all.iter().find(|it| it.name == container.name));
    let actuated = status.and_then(|it| it.resources.as_ref());
    let mut list = match (status, actuated) {
        (Some(status), Some(actuated)) => {
            effective_requests(pod, spec, actuated.requests.as_ref(), status.allocated_resources.as_ref())
        }
        _ => parse(spec),
    };
    if counting.defaults.0 {
        list.entry("cpu").or_insert(Amount::from_milli(DEFAULT_MILLI_CPU));
    }
    if counting.defaults.1 {
        list.entry("memory").or_insert(Amount::from_value(DEFAULT_MEMORY));
    }
    list
}

// Follows kubernetes v1.36 component-helpers/resource: determineEffectiveRequests.
fn effective_requests<'a>(
    pod: &Pod,
    spec: Option<&'a BTreeMap<String, Quantity>>,
    actuated: Option<&'a BTreeMap<String, Quantity>>,
    allocated: Option<&'a BTreeMap<String, Quantity>>,
) -> List<'a> {
    let conditions = pod.status.as_ref().and_then(|it| it.conditions.as_deref()).unwrap_or_default();
    let pending = conditions.iter().find(|it| it.type_ == RESIZE_PENDING);
    let infeasible = pending.is_some_and(|it| it.reason.as_deref() == Some("Infeasible"));
    let mut list = parse(actuated);
    max(&mut list, &parse(allocated));
    if !infeasible {
        max(&mut list, &parse(spec));
    }
    list
}

/// Whether both statuses lead to the same requests of one spec.
pub fn actuated_alike(one: Option<&PodStatus>, other: Option<&PodStatus>) -> bool {
    type Quantities = Option<BTreeMap<String, Quantity>>;
    fn said<'a>(
        status: Option<&'a PodStatus>,
    ) -> impl Iterator<Item = (&'a str, &'a Quantities, &'a Quantities)> {
        let none: &'a Quantities = &None;
        let asked = move |it: &'a Option<ResourceRequirements>| it.as_ref().map_or(none, |it| &it.requests);
        let pod = status.map(|it| ("", asked(&it.resources), &it.allocated_resources));
        let inits = status.and_then(|it| it.init_container_statuses.as_ref());
        let apps = status.and_then(|it| it.container_statuses.as_ref());
        let containers = inits.into_iter().chain(apps).flatten();
        let containers = containers.map(move |it| (&*it.name, asked(&it.resources), &it.allocated_resources));
        // Where nothing is asked, the spec alone counts.
        let asks = |it: &Quantities| it.as_ref().is_some_and(|it| !it.is_empty());
        pod.into_iter().chain(containers).filter(move |it| asks(it.1) || asks(it.2))
    }
    let resizes = |it: Option<&PodStatus>| {
        it.and_then(|it| it.conditions.as_ref())
            .is_some_and(|all| all.iter().any(|it| it.type_ == RESIZE_PENDING))
    };
    !resizes(one) && !resizes(other) && said(one).eq(said(other))
}

fn add<'a>(list: &mut List<'a>, other: &List<'a>) {
    for (name, amount) in other {
        *list.entry(name).or_default() += *amount;
    }
}

fn max<'a>(list: &mut List<'a>, other: &List<'a>) {
    for (name, amount) in other {
        let entry = list.entry(name).or_insert(*amount);
        *entry = (*entry).max(*amount);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_rounded_once() {
        let list = |memory: &str| Some([("memory".to_owned(), Quantity(memory.to_owned()))].into());
        let container = |memory| Container {
            resources: Some(ResourceRequirements {
                requests: list(memory),
                ..ResourceRequirements::default()
            }),
            ..Container::default()
        };
        let mut pod = Pod::default();
        pod.spec.get_or_insert_default().containers = vec![container("500m"), container("500m")];
        assert_eq!(Requests::of(&pod).incoming.memory, 1);
        assert_eq!(Requests::of(&pod).placed_non_zero, (2 * DEFAULT_MILLI_CPU, 1));
    }
}
