//! Events of the newer kind: with `eventTime`, an action, and a series instead of a count.
//!
//! Follows kubernetes v1.36 client-go/tools/events: eventBroadcasterImpl.recordToSink.

use std::time::Duration;

use api::k8s_openapi::api::core::v1::{EventSeries, EventSource, ObjectReference};
use api::{Actor, Because, Cause, Event, Object, ObjectKey, Pod};
use apiserver::ApiServer;
use sim::{SimTime, VecMap};

pub const SCHEDULER_NAME: &str = "default-scheduler";
/// How many different events are remembered; the oldest is forgotten first.
const SEEN_MAX: usize = 1024;
/// A series ends after so long without another of its kind…
const SERIES_QUIET: Duration = Duration::from_mins(6);
/// …and is written again after so long.
const SERIES_REFRESH: Duration = Duration::from_mins(30);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Series {
    event: ObjectKey,
    count: i32,
    last: SimTime,
    written: SimTime,
}

/// uid, resourceVersion, reason.
type Kind = (String, String, &'static str);

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Recorder {
    seen: VecMap<Kind, Series>,
    order: Vec<Kind>,
    /// Keeps the names of two events of one instant apart.
    written: u64,
}

/// What happened to a Pod.
#[derive(Debug)]
pub struct Occurrence<'a> {
    pub regarding: &'a Pod,
    pub related: Option<&'a Pod>,
    pub warning: bool,
    pub reason: &'static str,
    pub action: &'static str,
    pub note: String,
}

pub fn reference(pod: &Pod) -> ObjectReference {
    ObjectReference {
        api_version: Some("v1".to_owned()),
        kind: Some("Pod".to_owned()),
        name: pod.metadata.name.clone(),
        namespace: pod.metadata.namespace.clone(),
        resource_version: pod.metadata.resource_version.clone(),
        uid: pod.metadata.uid.clone(),
        field_path: None,
    }
}

impl Recorder {
    pub fn record(&mut self, api: &mut ApiServer, it: Occurrence<'_>, parent: Option<u64>, now: SimTime) {
        let cause = Cause { by: Actor::Scheduler, because: Because::Recorded, parent };
        let regarding = reference(it.regarding);
        let part = |text: &Option<String>| text.clone().unwrap_or_default();
        // What succeeds happens once.
        let kind = it.warning.then(|| (part(&regarding.uid), part(&regarding.resource_version), it.reason));
        if let Some(series) = kind.as_ref().and_then(|it| self.seen.get_mut(it))
            && now.since(series.last) < SERIES_QUIET
        {
            series.repeat(api, cause, now);
            return;
        }
        let mut event = Event { involved_object: regarding, ..Event::default() };
        self.written += 1;
        let micros = api::time::micro_time(now);
        let nanos = micros.0.as_microsecond().unsigned_abs() * 1_000 + self.written % 1_000;
        event.metadata.name = Some(format!("{}.{nanos:x}", part(&it.regarding.metadata.name)));
        event.metadata.namespace.clone_from(&it.regarding.metadata.namespace);
        event.event_time = Some(micros);
        event.reason = Some(it.reason.to_owned());
        event.action = Some(it.action.to_owned());
        event.message = Some(it.note);
        event.type_ = Some(if it.warning { "Warning" } else { "Normal" }.to_owned());
        event.related = it.related.map(reference);
        event.source = Some(EventSource::default());
        event.reporting_component = Some(SCHEDULER_NAME.to_owned());
        event.reporting_instance = Some("default-scheduler-control-plane".to_owned());
        if let (Ok(stored), Some(kind)) = (api.create(event.into(), cause, now), kind) {
            self.remember(kind, Series { event: stored.key(), count: 1, last: now, written: now });
        }
    }

    fn remember(&mut self, kind: Kind, series: Series) {
        if SEEN_MAX <= self.order.len() {
            for old in self.order.drain(..SEEN_MAX / 2) {
                self.seen.remove(&old);
            }
        }
        self.order.push(kind.clone());
        self.seen.insert(kind, series);
    }
}

impl Series {
    /// The second one makes it a series; later ones are only counted for a while.
    fn repeat(&mut self, api: &mut ApiServer, cause: Cause, now: SimTime) {
        self.count += 1;
        self.last = now;
        if 2 < self.count && now.since(self.written) < SERIES_REFRESH {
            return;
        }
        let Some(Object::Event(event)) = api.get(&self.event) else { return };
        let mut event = (**event).clone();
        event.series = Some(EventSeries {
            count: Some(self.count),
            last_observed_time: Some(api::time::micro_time(now)),
        });
        self.written = now;
        let _ = api.update(event.into(), cause, now);
    }
}
