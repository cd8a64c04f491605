//! What has been seen of a session so far: lanes, marks, messages, causes.
//!
//! Lies beside the simulation, not in it: it keeps what lies ahead of an instant that one has travelled back to. The
//! same stretch lived a second time adds nothing.

use std::collections::VecDeque;
use std::sync::Arc;

use api::k8s_openapi::api::core::v1::{ContainerStatus, Event as CoreEvent, PodStatus};
use api::{Actor, Because, Cause, Kind, Object, ObjectKey, Pod};
use apiserver::{Change, WatchEvent};
use sim::{Gather as _, SimTime, VecMap};

use crate::frame::{
    Hop, Mark, ObjectRef, PodLane, Probe, Sample, Segment, Station, Tick, Tone, Track, TrackKind, TrackPart,
};
use crate::words::{self, PodStatusWords};

pub const LANES_MAX: usize = 400;
const SEGMENTS_MAX: usize = 400;
const TICKS_MAX: usize = 600;
pub const MARKS_MAX: usize = 3_000;
const HOPS_MAX: usize = 600;
const CAUSES_MAX: usize = 60_000;
/// Of each container; older ones are forgotten.
const SAMPLES_MAX: usize = 180;
/// Between two looks at the memory in use.
pub const SAMPLE_EVERY: u64 = 1_000_000;
/// How long a message is on its way on the stage. Real ones take a millisecond or two: too short to be seen.
const HOP_TAKES: u64 = 350_000;

/// A write, remembered for "why?".
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    pub at: SimTime,
    pub key: ObjectKey,
    pub change: Change,
    pub cause: Arc<Cause>,
    /// For a recorded Event: its reason and message.
    pub said: Option<(String, String)>,
}

#[derive(Debug, Clone, Default)]
pub struct Recording {
    /// The newest revision that was looked at, and its instant.
    pub revision: u64,
    pub until: SimTime,
    /// Grows with every change of what is drawn from here.
    pub version: u64,
    pub lanes: Vec<Arc<PodLane>>,
    pub tracks: VecMap<String, Arc<Vec<Track>>>,
    pub marks: Vec<Mark>,
    pub hops: VecDeque<Hop>,
    /// What kubectl shows of each Pod, by uid, with the version it was worked out of: turning a Pod into JSON is dear.
    shown: VecMap<String, Arc<(Option<String>, PodStatusWords)>>,
    /// By revision, oldest first.
    causes: VecDeque<(u64, Written)>,
    /// The newest write to each object.
    newest: VecMap<ObjectKey, u64>,
    /// Memory in use, by the Pod's uid and the container's name, oldest first.
    memory: VecMap<(String, String), VecDeque<Sample>>,
    sampled: u64,
}

impl Recording {
    /// Takes in what a watch brought. Events that were seen in an earlier life of the same stretch are passed over.
    pub fn observe(&mut self, events: &[Arc<WatchEvent>]) {
        for event in events {
            if event.revision <= self.revision {
                continue;
            }
            self.revision = event.revision;
            self.version += 1;
            self.until = self.until.max(event.at);
            self.note_cause(event);
            self.note_hops(event);
            match &event.object {
                Object::Pod(pod) => self.note_pod(pod, event),
                Object::Event(it) if event.change != Change::Deleted => self.note_event(it, event.at),
                _ => {}
            }
        }
    }

    /// A recorded Event is worth a stop; one of a failed probe is a tick on its Pod's lane too.
    ///
    /// DIFFERENCE: looks that succeed leave no trace in the API, so none is drawn.
    fn note_event(&mut self, event: &CoreEvent, at: SimTime) {
        let about = &event.involved_object;
        let text = |field: &Option<String>| field.clone().unwrap_or_default();
        if event.reason.as_deref() == Some("Unhealthy") {
            let message = event.message.as_deref().unwrap_or("");
            let probe =
                [("Startup", Probe::Startup), ("Liveness", Probe::Liveness), ("Readiness", Probe::Readiness)];
            if let Some((_, probe)) = probe.into_iter().find(|(name, _)| message.starts_with(name)) {
                self.tick(about.uid.as_deref().unwrap_or(""), Tick { at: at.0, probe, ok: false });
            }
        }
        let object = ObjectRef::new(
            about.kind.as_deref().unwrap_or(""),
            about.namespace.as_deref().unwrap_or(""),
            about.name.as_deref().unwrap_or(""),
        );
        let tone = if event.type_.as_deref() == Some("Warning") { Tone::Bad } else { Tone::Ok };
        let text = format!("{}: {}", text(&event.reason), text(&event.message).trim_end());
        self.mark(Mark { at: at.0, text, tone, yours: false, object: Some(object) });
    }

    pub fn mark(&mut self, mark: Mark) {
        self.version += 1;
        if MARKS_MAX <= self.marks.len() {
            self.marks.drain(..MARKS_MAX / 4);
        }
        let at = self.marks.partition_point(|it| it.at <= mark.at);
        self.marks.insert(at, mark);
    }

    /// Whether memory shall be looked at again; says so once for an instant.
    pub fn samples_at(&mut self, now: SimTime) -> bool {
        let due = self.sampled + SAMPLE_EVERY <= now.0;
        if due {
            self.sampled = now.0;
        }
        due
    }

    pub fn sample(&mut self, uid: &str, container: &str, sample: Sample) {
        let curve = self.memory.entry((uid.to_owned(), container.to_owned())).or_default();
        if SAMPLES_MAX <= curve.len() {
            curve.pop_front();
        }
        curve.push_back(sample);
    }

    /// What was seen of a container's memory until `now`.
    pub fn curve(&self, uid: &str, container: &str, now: SimTime) -> Vec<Sample> {
        let found = self.memory.get(&(uid.to_owned(), container.to_owned()));
        found.into_iter().flatten().filter(|it| it.at <= now.0).copied().gather()
    }

    /// A probe looked.
    fn tick(&mut self, uid: &str, tick: Tick) {
        if let Some(lane) = self.lanes.iter_mut().find(|it| it.uid == uid) {
            if lane.ticks.last().is_some_and(|it| tick.at < it.at || *it == tick) {
                return;
            }
            let lane = Arc::make_mut(lane);
            if TICKS_MAX <= lane.ticks.len() {
                lane.ticks.drain(..TICKS_MAX / 4);
            }
            lane.ticks.push(tick);
        }
    }

    /// Forgets what came after `at`: it will not happen that way again. `revision` is the store's at that instant.
    pub fn cut(&mut self, at: SimTime, revision: u64) {
        self.until = at;
        self.revision = revision;
        self.version += 1;
        self.marks.retain(|it| it.at <= at.0);
        self.hops.retain(|it| it.started <= at.0);
        self.causes.retain(|it| it.0 <= revision);
        self.newest.retain(|_, it| *it <= revision);
        self.lanes.retain(|it| it.segments.first().is_some_and(|first| first.start <= at.0));
        for lane in &mut self.lanes {
            let lane = Arc::make_mut(lane);
            lane.segments.retain(|it| it.start <= at.0);
            lane.ticks.retain(|it| it.at <= at.0);
            if let Some(last) = lane.segments.last_mut()
                && last.end.is_some_and(|end| at.0 < end)
            {
                last.end = None;
            }
        }
        self.sampled = self.sampled.min(at.0);
        for curve in self.memory.values_mut() {
            curve.retain(|it| it.at <= at.0);
        }
        self.memory.retain(|_, it| !it.is_empty());
        for tracks in self.tracks.values_mut() {
            for track in Arc::make_mut(tracks) {
                track.parts.retain(|it| it.start <= at.0);
            }
        }
    }

    /// The writes that led to the newest one of an object, the last first.
    pub fn chain(&self, key: &ObjectKey, now_revision: u64) -> Vec<&Written> {
        const STEPS_MAX: usize = 24;
        let mut chain = Vec::new();
        let mut next = self.newest.get(key).copied().filter(|it| *it <= now_revision);
        if next.is_none() {
            next = self
                .causes
                .iter()
                .rev()
                .find(|(revision, it)| *revision <= now_revision && it.key == *key)
                .map(|(revision, _)| *revision);
        }
        while let Some(revision) = next {
            let Ok(at) = self.causes.binary_search_by_key(&revision, |it| it.0) else { break };
            let written = &self.causes[at].1;
            chain.push(written);
            next = written.cause.parent.filter(|it| *it < revision);
            if STEPS_MAX <= chain.len() {
                break;
            }
        }
        chain
    }

    /// What kubectl shows of a Pod, if this very version of it was the last one seen.
    pub fn shown(&self, pod: &Pod) -> Option<&PodStatusWords> {
        let (version, words) = &**self.shown.get(pod.metadata.uid.as_ref()?)?;
        (*version == pod.metadata.resource_version).then_some(words)
    }

    fn note_cause(&mut self, event: &WatchEvent) {
        if event.key.kind == Kind::Lease {
            return;
        }
        let said = if let Object::Event(it) = &event.object {
            Some((it.reason.clone().unwrap_or_default(), it.message.clone().unwrap_or_default()))
        } else {
            None
        };
        let written = Written {
            at: event.at,
            key: event.key.clone(),
            change: event.change,
            cause: event.cause.clone(),
            said,
        };
        self.causes.push_back((event.revision, written));
        if event.key.kind != Kind::Event {
            self.newest.insert(event.key.clone(), event.revision);
        }
        if CAUSES_MAX < self.causes.len() {
            self.causes.pop_front();
        }
    }

    fn note_hops(&mut self, event: &WatchEvent) {
        if matches!(event.key.kind, Kind::Lease | Kind::Event) || event.at == SimTime::ZERO {
            return;
        }
        let subject = words::object_ref(&event.key);
        let from = match &event.cause.by {
            Actor::User { .. } => Station::You,
            Actor::ApiServer => Station::ApiServer,
            Actor::Scheduler => Station::Scheduler,
            Actor::Controller(_) => Station::Controllers,
            Actor::Kubelet(node) => Station::Kubelet(node.to_string()),
        };
        let verb = match (&event.cause.because, event.change) {
            (Because::Bound { .. }, _) => "bind",
            (_, Change::Added) => "create",
            (_, Change::Modified) => "patch",
            (_, Change::Deleted) => "delete",
        };
        let at = event.at.0;
        let base = event.revision * 4;
        let mut hop = |offset: u64, from: Station, to: Station, verb: &str, started: u64| {
            let hop = Hop {
                id: base + offset,
                from,
                to,
                subject: subject.clone(),
                verb: verb.to_owned(),
                started,
                ends: started + HOP_TAKES,
                failed: false,
            };
            self.hops.push_back(hop);
        };
        if from != Station::ApiServer {
            hop(0, from, Station::ApiServer, verb, at);
        }
        hop(1, Station::ApiServer, Station::Etcd, "put", at + HOP_TAKES / 2);
        if let Some(to) = watcher(event) {
            hop(2, Station::ApiServer, to, "watch", at + HOP_TAKES / 2);
        }
        while HOPS_MAX < self.hops.len() {
            self.hops.pop_front();
        }
    }

    fn note_pod(&mut self, pod: &Arc<Pod>, event: &WatchEvent) {
        let uid = pod.metadata.uid.clone().unwrap_or_default();
        let at = event.at.0;
        let status = words::pod_status(pod, event.at);
        let gone = event.change == Change::Deleted;
        if gone {
            self.shown.remove(&uid);
        } else {
            self.shown.insert(uid.clone(), (pod.metadata.resource_version.clone(), status.clone()).into());
        }
        let index = self.lanes.iter().position(|it| it.uid == uid);
        let lane = match index {
            Some(index) => Arc::make_mut(&mut self.lanes[index]),
            None if self.lanes.len() < LANES_MAX => {
                let lane =
                    PodLane { pod: words::object_ref(&event.key), uid: uid.clone(), ..PodLane::default() };
                self.lanes.push(Arc::new(lane));
                Arc::make_mut(self.lanes.last_mut().expect("it was pushed"))
            }
            None => return,
        };
        let changed =
            lane.segments.last().is_none_or(|it| it.status != status.text || it.tone != status.tone || gone);
        if changed {
            if let Some(last) = lane.segments.last_mut() {
                last.end = Some(at);
            }
            if !gone && lane.segments.len() < SEGMENTS_MAX {
                let waits = status.text.ends_with("BackOff");
                lane.segments.push(Segment {
                    start: at,
                    end: None,
                    status: status.text.clone(),
                    tone: status.tone,
                    waits,
                });
            }
        }
        note_tracks(Arc::make_mut(self.tracks.entry(uid).or_default()), pod, &status, at);
    }
}

/// Whom this write concerns first.
fn watcher(event: &WatchEvent) -> Option<Station> {
    match &event.object {
        Object::Pod(pod) => {
            let node = pod.spec.as_ref().and_then(|it| it.node_name.clone());
            let was_bound = event
                .before
                .as_ref()
                .and_then(Object::as_pod)
                .and_then(|it| it.spec.as_ref()?.node_name.as_ref())
                .is_some();
            match (node, event.change) {
                (None, Change::Added) => Some(Station::Scheduler),
                (Some(node), _) if !was_bound || pod.metadata.deletion_timestamp.is_some() => {
                    Some(Station::Kubelet(node))
                }
                _ => None,
            }
        }
        Object::Deployment(_) | Object::ReplicaSet(_)
            if matches!(event.cause.by, Actor::User { .. } | Actor::Controller(_)) =>
        {
            Some(Station::Controllers)
        }
        _ => None,
    }
}

/// Four things side by side that are often taken for one.
fn note_tracks(tracks: &mut Vec<Track>, pod: &Pod, status: &words::PodStatusWords, at: u64) {
    let Some(found) = &pod.status else { return };
    let phase = found.phase.clone().unwrap_or_default();
    let tone = match phase.as_str() {
        "Running" => Tone::Ok,
        "Succeeded" => Tone::Done,
        "Failed" => Tone::Bad,
        _ => Tone::Wait,
    };
    extend(tracks, TrackKind::Phase, phase, tone, at);
    extend(tracks, TrackKind::Status, status.text.clone(), status.tone, at);
    for kind in ["PodScheduled", "Initialized", "ContainersReady", "Ready"] {
        if let Some(it) = found.conditions.iter().flatten().find(|it| it.type_ == kind) {
            let tone = if it.status == "True" { Tone::Ok } else { Tone::Wait };
            extend(tracks, TrackKind::Condition(kind.to_owned()), it.status.clone(), tone, at);
        }
    }
    for container in all_statuses(found) {
        let (text, tone) = words::container_state(container);
        extend(tracks, TrackKind::Container(container.name.clone()), text, tone, at);
    }
}

fn extend(tracks: &mut Vec<Track>, kind: TrackKind, text: String, tone: Tone, at: u64) {
    let index = tracks.iter().position(|it| it.kind == kind).unwrap_or_else(|| {
        tracks.push(Track { kind, parts: Vec::new() });
        tracks.len() - 1
    });
    let parts = &mut tracks[index].parts;
    if parts.last().is_none_or(|it| it.text != text) && parts.len() < SEGMENTS_MAX {
        parts.push(TrackPart { start: at, text, tone });
    }
}

/// Init containers first, as they are shown.
pub fn all_statuses(status: &PodStatus) -> impl Iterator<Item = &ContainerStatus> {
    let init = status.init_container_statuses.iter().flatten();
    init.chain(status.container_statuses.iter().flatten())
        .chain(status.ephemeral_container_statuses.iter().flatten())
}
