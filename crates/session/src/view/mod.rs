//! From the state of the simulation to what the page draws. Decides nothing: looks, words and arranges.

mod decision;
mod fixes;
mod inside;
mod inspector;
mod manifest;
mod narrate;
mod nodes;
mod plane;
mod pods;
mod queue;
mod workloads;

use std::sync::Arc;

use api::ObjectKey;
use api::codec::same;
use cluster::Cluster;
use sim::{Gather as _, Sort as _, VecMap};

use crate::frame::{
    self, About, Clock, FaultTarget, Frame, Gate, LessonCard, NodeCard, PodCard, Timeline, ViewState,
};
use crate::history::Branch;
use crate::input::Logged;
use crate::playground::Playground;
use crate::recording::Recording;
use crate::scenario::{self, Scenario};
use crate::words::{self, PodStatusWords};

/// What Kubernetes version is simulated.
pub const KUBERNETES: &str = "v1.36.2";
/// Pods of which more than their status is worked out in every frame; beyond, only what changed is looked at.
const DETAILED_PODS_MAX: usize = 80;

/// Pods whose memory is kept as a curve.
const SAMPLED_PODS_MAX: usize = 60;

/// What lies around the simulation.
pub struct Surroundings<'a> {
    pub scenario: &'a Scenario,
    /// What stands in the editor.
    pub manifest: &'a str,
    pub seed: u64,
    pub end: sim::SimTime,
    pub faults: &'a [FaultTarget],
    pub branches: &'a [Branch],
    pub inputs: &'a [Logged],
}

/// What the smallest changes were searched for.
#[derive(Debug)]
struct Searched {
    snapshot: scheduler::Snapshot,
    pod: Arc<api::Pod>,
    found: Arc<frame::Fixes>,
}

/// Keeps cards from one frame to the next, so that what has not changed stays the same `Arc`.
#[derive(Debug, Default)]
pub struct View {
    pods: VecMap<String, (Option<String>, Arc<PodCard>)>,
    /// Of Pods whose version the recording has not seen last, as after a journey back.
    statuses: VecMap<String, Arc<(Option<String>, PodStatusWords)>>,
    /// How many Events there were, and the newest one's revision.
    events_of: (usize, u64),
    /// The recording's version that the timeline was made of, and how many branches there were.
    timeline_of: (u64, usize),
    fixes: Option<Searched>,
    declared: manifest::Declared,
    last: Arc<Frame>,
    /// The store's revision and the instant that `last` was made of.
    revision: u64,
    steps_done: u64,
    lesson_key: (String, u64, String),
}

impl View {
    pub fn frame(
        &mut self,
        playground: &Playground,
        recording: &Recording,
        about: &Surroundings<'_>,
        view: &ViewState,
    ) -> Arc<Frame> {
        let cluster = playground.cluster();
        let revision = cluster.api().store().revision();
        let changed = revision != self.revision || cluster.now().0 < self.last.clock.now;
        let pods = self.pod_cards(cluster, recording, changed);
        let places = self.places(&pods);
        let decision = shown_decision(cluster, view);
        let gates = decision.map(|it| decision::gates(&it.decision)).unwrap_or_default();
        let nodes = self.node_cards(cluster, &pods, &gates);
        let (services, workloads, events) = if changed {
            (
                keep_all(&self.last.services, workloads::services(cluster.api(), &pods)),
                keep_all(&self.last.workloads, workloads::workloads(cluster.api(), &pods)),
                self.events(cluster),
            )
        } else {
            (self.last.services.clone(), self.last.workloads.clone(), self.last.events.clone())
        };
        let inspected =
            inspector::Inspected { cluster, recording, inputs: about.inputs, events: &events, pods: &pods };
        let inspector = view
            .selected
            .as_ref()
            .and_then(|it| inspected.inspect(it, view))
            .map(|it| keep_option(self.last.inspector.as_ref(), it));
        let looked_into = view.selected.as_ref().filter(|_| view.tab == frame::Tab::Inside);
        let memory = looked_into.and_then(|it| {
            let card = pods.iter().find(|card| card.name == it.name && card.namespace == it.namespace)?;
            (it.kind == "Pod").then(|| inside::memory(cluster, recording, it, card))
        });
        let rewritten = self.declared.read(about.manifest, playground.namespace());
        let manifest =
            if changed || rewritten { self.declared.state(cluster.api()) } else { self.last.manifest };
        let frame = Frame {
            manifest,
            memory: keep(&self.last.memory, memory.unwrap_or_default()),
            clock: clock(cluster, about),
            about: keep(&self.last.about, about_card(about)),
            plane: keep(&self.last.plane, plane::plane(cluster, &recording.hops)),
            scheduler: keep(&self.last.scheduler, queue::scheduler(cluster)),
            pending: keep_all(&self.last.pending, plane::pending(cluster)),
            decision: decision.map(|it| {
                let table = decision::table(&it.decision, it.at, cluster.scheduler().snapshot());
                keep_option(self.last.decision.as_ref(), table)
            }),
            fixes: view.fixes.as_ref().and_then(|it| self.fixes(playground, it)),
            nodes,
            services,
            workloads,
            events,
            timeline: self.timeline(recording, about),
            inspector,
            lesson: self.lesson(playground, about, view, changed),
            said: self.last.said,
            narrated: self.last.narrated.clone(),
            places,
            pods,
        };
        self.revision = revision;
        self.last = Arc::new(self.narrated(frame, cluster));
        self.last.clone()
    }

    /// What changed since the last frame, for those who listen.
    fn narrated(&self, mut frame: Frame, cluster: &Cluster) -> Frame {
        const SAID_MAX: usize = 20;
        let mut said = Vec::new();
        for card in &frame.pods {
            let before = self.last.pod(&card.uid);
            if before.is_some_and(|it| Arc::ptr_eq(it, card)) {
                continue;
            }
            if before
                .is_some_and(|it| it.status == card.status && it.tone == card.tone && it.ready == card.ready)
            {
                continue;
            }
            let object = frame::ObjectRef::pod(&card.namespace, &card.name);
            let found = cluster.api().get(&ObjectKey::pod(&card.namespace, &card.name));
            said.extend(narrate::now(&object, found, Some(card), cluster).into_iter().next());
        }
        for card in &self.last.pods {
            if frame.pod(&card.uid).is_none() {
                said.push(frame::Narration::PodGone { pod: card.name.clone() }.into());
            }
        }
        if !said.is_empty() {
            frame.said += said.len() as u64;
            let mut all: Vec<_> = frame.narrated.iter().cloned().chain(said).gather();
            let surplus = all.len().saturating_sub(SAID_MAX);
            all.drain(..surplus);
            frame.narrated = Arc::new(all);
        }
        frame
    }

    /// Searched anew when cluster or Pod have changed since.
    fn fixes(&mut self, playground: &Playground, pod: &frame::ObjectRef) -> Option<Arc<frame::Fixes>> {
        let cluster = playground.cluster();
        let waiting = fixes::waiting(cluster, pod)?;
        let snapshot = cluster.scheduler().snapshot();
        if let Some(known) =
            self.fixes.as_ref().filter(|it| same(&*it.pod, &**waiting) && it.snapshot == *snapshot)
        {
            return Some(known.found.clone());
        }
        let found = fixes::fixes(cluster, pod, playground.namespace())?;
        let found = keep_option(self.fixes.as_ref().map(|it| &it.found), found);
        self.fixes =
            Some(Searched { snapshot: snapshot.clone(), pod: waiting.clone(), found: found.clone() });
        Some(found)
    }

    fn timeline(&mut self, recording: &Recording, about: &Surroundings<'_>) -> Arc<Timeline> {
        let of = (recording.version, about.branches.len());
        if of == self.timeline_of {
            return self.last.timeline.clone();
        }
        self.timeline_of = of;
        keep(&self.last.timeline, timeline(recording, about))
    }

    /// Made anew only when a Pod came, went or changed its place.
    fn places(&self, pods: &[Arc<PodCard>]) -> Arc<VecMap<String, u32>> {
        let same = pods.len() == self.last.pods.len()
            && pods.iter().zip(&self.last.pods).all(|(new, old)| Arc::ptr_eq(new, old) || new.uid == old.uid);
        if same {
            return self.last.places.clone();
        }
        Arc::new(pods.iter().zip(0..).map(|(it, place)| (it.uid.clone(), place)).fill())
    }

    fn events(&mut self, cluster: &Cluster) -> Arc<Vec<frame::EventCard>> {
        let stored = cluster.api().store().list(api::Kind::Event);
        let of = stored.fold((0, 0), |(count, newest), it| (count + 1, it.revision.max(newest)));
        if of == self.events_of {
            return self.last.events.clone();
        }
        self.events_of = of;
        keep(&self.last.events, workloads::events(cluster.api()))
    }

    fn status(&mut self, pod: &Arc<api::Pod>, recording: &Recording, now: sim::SimTime) -> PodStatusWords {
        if let Some(words) = recording.shown(pod) {
            return words.clone();
        }
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let version = pod.metadata.resource_version.clone();
        match self.statuses.get(&uid) {
            Some(it) if it.0 == version => it.1.clone(),
            _ => {
                let words = words::pod_status(pod, now);
                self.statuses.insert(uid, (version, words.clone()).into());
                words
            }
        }
    }

    fn pod_cards(&mut self, cluster: &Cluster, recording: &Recording, changed: bool) -> Vec<Arc<PodCard>> {
        let detailed = cluster.api().store().len(api::Kind::Pod) <= DETAILED_PODS_MAX;
        if !detailed && !changed {
            return self.last.pods.clone();
        }
        let old = std::mem::take(&mut self.pods);
        let mut kept = Vec::new();
        let mut cards = Vec::new();
        for pod in cluster.api().pods() {
            let uid = pod.metadata.uid.clone().unwrap_or_default();
            let version = pod.metadata.resource_version.clone();
            let card = match old.get(&uid) {
                Some((seen, card)) if !detailed && *seen == version => card.clone(),
                Some((_, card)) => {
                    let words = self.status(pod, recording, cluster.now());
                    keep(card, pods::card(pod, words, cluster))
                }
                None => Arc::new(pods::card(pod, self.status(pod, recording, cluster.now()), cluster)),
            };
            kept.push((uid, (version, card.clone())));
            cards.push(card);
        }
        self.pods = kept.into_iter().fill();
        self.statuses.retain(|uid, _| self.pods.contains_key(uid));
        cards
    }

    fn node_cards(
        &self,
        cluster: &Cluster,
        pods: &[Arc<PodCard>],
        gates: &VecMap<String, Gate>,
    ) -> Vec<Arc<NodeCard>> {
        let mut on_node: VecMap<&str, Vec<(u64, String)>> = VecMap::new();
        for card in pods {
            if let Some(node) = &card.node {
                on_node.entry(node).or_default().push((card.created, card.uid.clone()));
            }
        }
        let used = used(cluster);
        cluster
            .api()
            .nodes()
            .map(|node| {
                let name = node.metadata.name.as_deref().unwrap_or("");
                let mut mine = on_node.remove(name).unwrap_or_default();
                mine.put_in_order();
                let requested = cluster.scheduler().snapshot().node(name);
                let (used_cpu_milli, used_memory) = used.get(name).copied().unwrap_or_default();
                let load = nodes::Load {
                    cpu_milli: requested.map_or(0, |it| it.requested.milli_cpu),
                    memory: requested.map_or(0, |it| it.requested.memory),
                    used_cpu_milli,
                    used_memory,
                    pods: mine.len() as i64,
                };
                let uids = mine.into_iter().map(|it| it.1).gather();
                let card = nodes::card(node, cluster, load, uids, gates.get(name).cloned());
                keep_option(self.last.nodes.iter().find(|it| it.name == card.name), card)
            })
            .gather()
    }

    fn lesson(
        &mut self,
        playground: &Playground,
        about: &Surroundings<'_>,
        view: &ViewState,
        changed: bool,
    ) -> Option<Arc<LessonCard>> {
        let key = (about.scenario.id.clone(), about.seed, view.language.clone());
        let moved = key != self.lesson_key;
        if moved {
            self.steps_done = 0;
        }
        if changed || moved || self.last.lesson.is_none() {
            self.steps_done = about.scenario.advance(self.steps_done, playground, about.inputs);
            self.lesson_key = key;
            let card = scenario::lesson(about.scenario, self.steps_done, &view.language);
            return Some(keep_option(self.last.lesson.as_ref(), card));
        }
        self.last.lesson.clone()
    }
}

/// The old card where nothing changed.
fn keep<T: PartialEq>(old: &Arc<T>, new: T) -> Arc<T> {
    if **old == new { old.clone() } else { Arc::new(new) }
}

fn keep_all<T: PartialEq>(old: &[Arc<T>], new: Vec<Arc<T>>) -> Vec<Arc<T>> {
    if old == new { old.to_vec() } else { new }
}

fn keep_option<T: PartialEq>(old: Option<&Arc<T>>, new: T) -> Arc<T> {
    match old {
        Some(old) if **old == new => old.clone(),
        _ => Arc::new(new),
    }
}

fn clock(cluster: &Cluster, about: &Surroundings<'_>) -> Clock {
    Clock {
        now: cluster.now().0,
        end: about.end.0,
        wall: api::time::time(cluster.now()).0.to_string(),
        next: cluster.next_due().map(|it| it.0),
        seeking: false,
    }
}

fn about_card(about: &Surroundings<'_>) -> About {
    About {
        scenario: about.scenario.id.clone(),
        seed: about.seed,
        kubernetes: KUBERNETES.to_owned(),
        faults: about.faults.to_vec(),
    }
}

/// Of the selected Pod while that is new or it waits; else of a Pod that waits, or of the last one for a moment.
fn shown_decision<'a>(cluster: &'a Cluster, view: &ViewState) -> Option<&'a scheduler::Attempt> {
    const SHOWN: std::time::Duration = std::time::Duration::from_secs(3);
    let attempts = cluster.scheduler().attempts();
    let asked = view.decision.as_ref();
    if let Some(attempt) =
        asked.and_then(|it| cluster.scheduler().last_attempt(&ObjectKey::pod(&it.namespace, &it.name)))
    {
        return Some(attempt);
    }
    let selected = view
        .selected
        .as_ref()
        .filter(|it| it.kind == "Pod")
        .and_then(|it| cluster.scheduler().last_attempt(&ObjectKey::pod(&it.namespace, &it.name)));
    let waits = |it: &scheduler::Attempt| {
        it.decision.chosen.is_none() && cluster.has_pod(&it.decision.pod.namespace, &it.decision.pod.name)
    };
    let is_new = |it: &scheduler::Attempt| cluster.now().since(it.at) < SHOWN;
    let of_selected = selected.filter(|it| waits(it) || is_new(it));
    of_selected
        .or_else(|| attempts.iter().rev().find(|it| waits(it)))
        .or(selected)
        .or_else(|| attempts.last().filter(|it| is_new(it)))
}

/// Notes the memory in use of the containers of the first Pods, for their curves.
pub fn sample_memory(cluster: &Cluster, recording: &mut Recording) {
    let (runtime, now) = (cluster.runtime(), cluster.now());
    let sandboxes = cluster.node_names().flat_map(|it| runtime.list_sandboxes(it));
    for sandbox in sandboxes.filter(|it| it.ready).take(SAMPLED_PODS_MAX) {
        for container in runtime.list_containers(sandbox.id) {
            let running = runtime
                .container_status(container)
                .filter(|it| matches!(it.state, runtime::ContainerState::Running { .. }));
            if let (Some(status), Some(stats)) = (running, runtime.container_stats(container, now)) {
                let sample = frame::Sample { at: now.0, bytes: stats.memory_bytes };
                recording.sample(&sandbox.pod_uid, &status.name, sample);
            }
        }
    }
}

/// What containers use, by node: (thousandths of a CPU, bytes).
fn used(cluster: &Cluster) -> VecMap<String, (i64, i64)> {
    let mut used: VecMap<String, (i64, i64)> = VecMap::new();
    let runtime = cluster.runtime();
    for node in cluster.node_names() {
        let entry = used.entry(node.to_owned()).or_default();
        let Some(machine) = runtime.machine(node) else { continue };
        for container in machine.container_ids() {
            if let Some(stats) = runtime.container_stats(container, cluster.now()) {
                entry.0 += stats.cpu_milli as i64;
                entry.1 += stats.memory_bytes as i64;
            }
        }
    }
    used
}

fn timeline(recording: &Recording, about: &Surroundings<'_>) -> Timeline {
    let branches = about.branches.iter().enumerate();
    Timeline {
        lanes: recording.lanes.iter().map(|it| (**it).clone()).gather(),
        marks: recording.marks.clone(),
        branches: branches
            .map(|(index, it)| frame::Branch {
                index: index as u32,
                forked_at: it.forked_at.0,
                end: it.end.0,
            })
            .gather(),
    }
}
