//! Resizing in place: a Pod's containers get other CPUs and memory while they run.
//!
//! Follows kubernetes v1.36 pkg/kubelet/allocation/allocation_manager.go: handlePodResourcesResize, retryPendingResizes;
//! kuberuntime_manager.go: computePodResizeAction, validateMemoryResizeAction; events/resize.go.

use std::sync::Arc;

use api::codec::same;
use api::k8s_openapi::api::core::v1::{Container, PodCondition, ResourceRequirements};
use api::{Object, Pod, quantity};
use apiserver::EventKind;
use serde_json::{Map, Value, json};
use sim::{Gather as _, SimTime};

use crate::held::Held;
use crate::observed::{Instance, Observed};
use crate::pod;
use crate::worker::{Stage, Worker};
use crate::{Ctx, Host, Kubelet, PodId, admission};

/// How far a resize has come.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Resize {
    progress: Option<Standing>,
    pending: Option<Standing>,
}

/// A condition before it is written.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Standing {
    generation: Option<i64>,
    since: SimTime,
    reason: &'static str,
    message: String,
}

pub const PENDING: &str = "PodResizePending";
pub const IN_PROGRESS: &str = "PodResizeInProgress";

/// What a running container needs so that it has what its Pod was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    InPlace,
    Restart,
}

impl Resize {
    pub fn conditions(&self) -> impl Iterator<Item = PodCondition> {
        let all = [(PENDING, &self.pending), (IN_PROGRESS, &self.progress)];
        all.into_iter().filter_map(|(kind, it)| {
            let it = it.as_ref()?;
            Some(PodCondition {
                type_: kind.to_owned(),
                status: "True".to_owned(),
                reason: (!it.reason.is_empty()).then(|| it.reason.to_owned()),
                message: (!it.message.is_empty()).then(|| it.message.clone()),
                observed_generation: it.generation,
                last_transition_time: Some(api::time::time(it.since)),
                last_probe_time: None,
            })
        })
    }
}

/// Requests and limits of CPU and memory; 0 for none.
type Amounts = [(&'static str, i64, i64); 2];

fn amounts(of: Option<&ResourceRequirements>) -> Amounts {
    ["cpu", "memory"].map(|name| {
        let value = |list: Option<&std::collections::BTreeMap<String, api::Quantity>>| {
            let found = quantity::of_option(list.and_then(|it| it.get(name)));
            if name == "cpu" { found.milli_value() } else { found.value() }
        };
        (name, value(of.and_then(|it| it.requests.as_ref())), value(of.and_then(|it| it.limits.as_ref())))
    })
}

/// None when it has what it should.
pub fn change_of(container: &Container, instance: &Instance) -> Option<Change> {
    if container.resources.as_ref().is_some_and(|it| same(it, &*instance.resources)) {
        return None;
    }
    let (wanted, actual) = (amounts(container.resources.as_ref()), amounts(Some(&instance.resources)));
    let differing: Vec<&str> =
        wanted.iter().zip(&actual).filter(|(one, other)| one != other).map(|it| it.0.0).gather();
    let restarts =
        container.resize_policy.iter().flatten().any(|it| {
            it.restart_policy == "RestartContainer" && differing.contains(&it.resource_name.as_str())
        });
    match differing.as_slice() {
        [] => None,
        [..] if restarts => Some(Change::Restart),
        [..] => Some(Change::InPlace),
    }
}

fn all_containers(pod: &Pod) -> impl Iterator<Item = &Container> {
    pod::init_containers(pod).iter().chain(pod::app_containers(pod))
}

fn same_resources(one: &Pod, other: &Pod) -> bool {
    all_containers(one)
        .map(|it| amounts(it.resources.as_ref()))
        .eq(all_containers(other).map(|it| amounts(it.resources.as_ref())))
}

/// The Pod with what it was given before.
fn with_resources_of(pod: &Pod, given: &Pod) -> Pod {
    let mut pod = pod.clone();
    if let Some(spec) = &mut pod.spec {
        let wanted = spec.init_containers.iter_mut().flatten().chain(&mut spec.containers);
        for (container, before) in wanted.zip(all_containers(given)) {
            container.resources.clone_from(&before.resources);
        }
    }
    pod
}

/// `Pod resize started: {"containers":[…],"generation":2}`
fn message(prefix: &str, pod: &Pod, generation: Option<i64>, error: &str) -> String {
    let list = |containers: &[Container]| -> Value {
        let row = |it: &Container| {
            let resources = it.resources.as_ref().map_or_else(|| json!({}), api::codec::to_value);
            json!({"name": it.name, "resources": resources})
        };
        containers.iter().map(row).collect()
    };
    let mut parts: Vec<(&str, Value)> = Vec::new();
    if !pod::init_containers(pod).is_empty() {
        parts.push(("initContainers", list(pod::init_containers(pod))));
    }
    parts.push(("containers", list(pod::app_containers(pod))));
    parts.push(("generation", generation.unwrap_or(0).into()));
    if !error.is_empty() {
        parts.push(("error", error.into()));
    }
    // In this order, whatever the order of a map is.
    let text: Vec<String> = parts
        .into_iter()
        .map(|(name, value)| {
            let whole = Value::Object(Map::from_iter([(name.to_owned(), value)])).to_string();
            whole[1..whole.len() - 1].to_owned()
        })
        .gather();
    format!("{prefix}: {{{}}}", text.join(","))
}

impl Kubelet {
    /// The Pod as this node lives it: a wish for other resources counts once they are given.
    pub(crate) fn allocate(&mut self, id: PodId, wanted: &Arc<Pod>, ctx: &mut Ctx<'_>) -> Arc<Pod> {
        let Some(worker) = self.workers.get(&id) else { return wanted.clone() };
        let given = worker.pod.0.clone();
        if worker.resize.pending.is_none() && wanted.metadata.generation == given.metadata.generation {
            return wanted.clone();
        }
        if worker.stage != Stage::Syncing || worker.rejected || same_resources(wanted, &given) {
            if worker.resize.pending.is_some()
                && let Some(worker) = self.workers.get_mut(&id)
            {
                Arc::make_mut(worker).resize.pending = None;
            }
            return wanted.clone();
        }
        let active = |it: &&Arc<Worker>| {
            it.id != id && matches!(it.stage, Stage::Syncing | Stage::Terminating) && !it.rejected
        };
        let others: Vec<&Pod> = self.workers.values().filter(active).map(|it| &*it.pod.0).gather();
        let refusal =
            ctx.api.node(&self.host.name).and_then(|node| admission::too_large(wanted, node, &others));
        let Some(worker) = self.workers.get_mut(&id).map(Arc::make_mut) else { return wanted.clone() };
        let generation = wanted.metadata.generation;
        let (kind, reason, text) = match refusal {
            None => {
                worker.resize.pending = None;
                let begun = Standing { generation, since: ctx.now, reason: "", message: String::new() };
                worker.resize.progress = Some(begun);
                (EventKind::Normal, "ResizeStarted", message("Pod resize started", wanted, generation, ""))
            }
            Some(refusal) => {
                let before = worker.resize.pending.take();
                let known = before.as_ref().is_some_and(|it| it.generation == generation);
                let since = before.map_or(ctx.now, |it| it.since);
                let why = refusal.message;
                let text = message("Pod resize Deferred", wanted, generation, &why);
                worker.resize.pending =
                    Some(Standing { generation, since, reason: "Deferred", message: why });
                if known {
                    return Arc::new(with_resources_of(wanted, &given));
                }
                (EventKind::Warning, "ResizeDeferred", text)
            }
        };
        let allocated = if kind == EventKind::Normal {
            wanted.clone()
        } else {
            Arc::new(with_resources_of(wanted, &given))
        };
        let revision = worker.revision;
        self.host.tell(pod::reference(wanted), kind, reason, text, revision, ctx);
        allocated
    }

    /// Room may have become free for those who wait.
    pub(crate) fn retry_resizes(&mut self, ctx: &mut Ctx<'_>) {
        let waiting: Vec<PodId> =
            self.workers.values().filter(|it| it.resize.pending.is_some()).map(|it| it.id).gather();
        for id in waiting {
            let Some(given) = self.workers.get(&id).map(|it| it.pod.0.clone()) else { continue };
            let Some(Object::Pod(wanted)) = ctx.api.get(&crate::pod_key(&given)) else { continue };
            let wanted = wanted.clone();
            let allocated = self.allocate(id, &wanted, ctx);
            if let Some(worker) = self.workers.get_mut(&id).filter(|it| it.resize.pending.is_none()) {
                let worker = Arc::make_mut(worker);
                worker.pod = Held(allocated);
                worker.update(&mut self.host, ctx);
            }
        }
    }
}

impl Worker {
    /// Gives running containers what they were allocated.
    pub(crate) fn resize_containers(&mut self, names: &[String], host: &mut Host, ctx: &mut Ctx<'_>) {
        let pod = self.pod.clone();
        if let Err(why) = self.may_shrink(&pod, names, ctx) {
            let Some(progress) = self.resize.progress.as_mut().filter(|it| it.message != why) else { return };
            (progress.reason, progress.message, progress.since) = ("Error", why.clone(), ctx.now);
            let text = message("Pod resize error", &pod, progress.generation, &why);
            host.tell(pod::reference(&pod), EventKind::Warning, "ResizeError", text, self.revision, ctx);
            return;
        }
        for container in all_containers(&pod).filter(|it| names.contains(&it.name)) {
            let Some(id) = self.cache.find(&container.name).map(|it| it.status.id) else { continue };
            let [(_, _, cpu), (_, _, memory)] = amounts(container.resources.as_ref());
            let limit = |it: i64| (0 < it).then_some(it.unsigned_abs());
            ctx.runtime.update_container(id, limit(cpu), limit(memory));
            if let Some(made) = self.made.iter_mut().find(|it| it.id == id) {
                made.resources = Held::new(container.resources.clone().unwrap_or_default());
            }
        }
        host.mark_dirty(self.id, ctx);
        self.pending = true;
    }

    fn may_shrink(&self, pod: &Pod, names: &[String], ctx: &Ctx<'_>) -> Result<(), String> {
        for container in all_containers(pod).filter(|it| names.contains(&it.name)) {
            let Some(instance) = self.cache.find(&container.name) else { continue };
            let (wanted, actual) =
                (amounts(container.resources.as_ref())[1].2, amounts(Some(&instance.resources))[1].2);
            let used =
                ctx.runtime.container_stats(instance.status.id, ctx.now).map_or(0, |it| it.memory_bytes);
            if wanted != 0 && (actual == 0 || wanted < actual) && wanted.unsigned_abs() <= used {
                return Err(format!(
                    "cannot decrease memory limits: attempting to set container \"{}\" memory limit ({wanted}) below current usage ({used})",
                    container.name
                ));
            }
        }
        Ok(())
    }

    /// Has every running container what it was allocated?
    pub(crate) fn settle_resize(&mut self, cache: &Observed, host: &mut Host, ctx: &mut Ctx<'_>) {
        let Some(progress) = &self.resize.progress else { return };
        let pod = self.pod.clone();
        let changes = |it: &Container| {
            cache
                .find(&it.name)
                .filter(|it| it.is_running())
                .is_some_and(|found| change_of(it, found).is_some())
        };
        if all_containers(&pod).any(changes) {
            return;
        }
        let text = message("Pod resize completed", &pod, progress.generation, "");
        self.resize.progress = None;
        host.tell(pod::reference(&pod), EventKind::Normal, "ResizeCompleted", text, self.revision, ctx);
    }
}
