//! Events as components record them: repeated ones are counted, similar ones combined, floods cut off.
//!
//! Follows kubernetes v1.36 client-go/tools/record/events_cache.go: EventCorrelate, EventAggregate, eventObserve,
//! EventSourceObjectSpamFilter. DIFFERENCE: of ten similar messages the newest is forgotten again, not a random one.

use std::sync::Arc;
use std::time::Duration;

use api::k8s_openapi::api::core::v1::{EventSource, ObjectReference};
use api::{Actor, Because, Cause, Event, Kind, Object, ObjectKey};
use sim::{Gather as _, SimTime, Sort as _, VecMap, digest_of};

use crate::ApiServer;

/// From this many different messages of one reason about one object on, the next are combined into one Event …
const SIMILAR_MAX: usize = 10;
/// … unless nothing of the kind was told for so long.
const SIMILAR_INTERVAL: Duration = Duration::from_mins(10);
/// So many Events about one object may come in a burst,
const BURST: u64 = 25;
/// and one more each time this has passed.
const REFILL: Duration = Duration::from_mins(5);
/// How much each of the three memories holds; what was used least recently is forgotten.
const REMEMBERED_MAX: usize = 4_096;

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    Normal,
    Warning,
}

/// What a component has to tell.
#[derive(Debug, Clone, PartialEq)]
pub struct Occurrence {
    pub regarding: ObjectReference,
    pub kind: EventKind,
    pub reason: String,
    pub message: String,
}

/// One component's memory of what it has told. Keys are digests, so that it stays small.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventRecorder {
    component: String,
    /// The kubelet's node.
    host: Option<String>,
    told: Remembered<Told>,
    similar: Remembered<Similar>,
    budgets: Remembered<Budget>,
    next: u64,
}

/// An Event that may be counted up.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Told {
    name: Arc<str>,
    count: i32,
    first: SimTime,
}

/// The messages of one reason about one object.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Similar {
    messages: Vec<u64>,
    last: SimTime,
}

/// A token bucket that counts in microseconds: a token is worth `REFILL`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Budget {
    credit: u64,
    at: SimTime,
}

/// A map that forgets.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Remembered<T>(VecMap<u64, (SimTime, T)>);

impl<T> Remembered<T> {
    fn entry(&mut self, key: u64, now: SimTime, fresh: impl FnOnce() -> T) -> &mut T {
        if REMEMBERED_MAX <= self.0.len() && !self.0.contains_key(&key) {
            // Half at a time, so that the search for the oldest is spread over many Events.
            let mut used: Vec<SimTime> = self.0.values().map(|it| it.0).gather();
            used.put_in_order();
            let median = used[used.len() / 2];
            let mut keep = REMEMBERED_MAX / 2;
            self.0.retain(|_, it| {
                let stays = median <= it.0 && 0 < keep;
                keep -= usize::from(stays);
                stays
            });
        }
        let entry = self.0.entry(key).or_insert_with(|| (now, fresh()));
        entry.0 = now;
        &mut entry.1
    }
}

impl EventRecorder {
    pub fn new(component: &str, host: Option<&str>) -> EventRecorder {
        EventRecorder {
            component: component.to_owned(),
            host: host.map(str::to_owned),
            told: Remembered(VecMap::new()),
            similar: Remembered(VecMap::new()),
            budgets: Remembered(VecMap::new()),
            next: 0,
        }
    }

    /// `parent` is the revision of the write that led to this.
    pub fn record(
        &mut self,
        api: &mut ApiServer,
        by: &Actor,
        occurrence: Occurrence,
        parent: Option<u64>,
        now: SimTime,
    ) {
        let cause = Cause { by: by.clone(), because: Because::Recorded, parent };
        let Occurrence { regarding, kind, reason, mut message } = occurrence;
        let object = digest_of(&(&regarding.kind, &regarding.namespace, &regarding.name, &regarding.uid));
        let group = digest_of(&(object, kind, &reason));
        let key = if self.combine(group, &message, now) {
            message.insert_str(0, "(combined from similar events): ");
            group
        } else {
            digest_of(&(group, &regarding.field_path, &message))
        };
        let new_name = self.name(&regarding, now);
        let told = self.told.entry(key, now, || Told { name: new_name.into(), count: 0, first: now });
        told.count += 1;
        let told = told.clone();
        if self.is_flood(digest_of(&(object, kind)), now) {
            return;
        }
        let namespace = regarding.namespace.as_deref().filter(|it| !it.is_empty()).unwrap_or("default");
        let stored = api.get(&ObjectKey::new(Kind::Event, namespace, &told.name));
        if let Some(Object::Event(event)) = stored {
            let mut event = (**event).clone();
            event.count = Some(told.count);
            event.last_timestamp = Some(api::time::time(now));
            event.message = Some(message);
            let _ = api.update(event.into(), cause, now);
            return;
        }
        // Nothing new comes into a namespace that is being emptied.
        let home = api.get(&ObjectKey::new(Kind::Namespace, "", namespace));
        if home.is_some_and(|it| it.metadata().deletion_timestamp.is_some()) {
            return;
        }
        let mut event = Event::default();
        event.metadata.name = Some(told.name.to_string());
        event.metadata.namespace = Some(namespace.to_owned());
        event.involved_object = regarding;
        event.reason = Some(reason);
        event.message = Some(message);
        event.type_ = Some(if kind == EventKind::Normal { "Normal" } else { "Warning" }.to_owned());
        event.count = Some(told.count);
        event.first_timestamp = Some(api::time::time(told.first));
        event.last_timestamp = Some(api::time::time(now));
        event.source = Some(EventSource { component: Some(self.component.clone()), host: self.host.clone() });
        event.reporting_component = Some(self.component.clone());
        event.reporting_instance = Some(self.host.clone().unwrap_or_default());
        let _ = api.create(event.into(), cause, now);
    }

    /// Whether there have been so many different messages of the kind that this one goes into the common Event.
    fn combine(&mut self, group: u64, message: &str, now: SimTime) -> bool {
        let similar = self.similar.entry(group, now, Similar::default);
        if SIMILAR_INTERVAL < now - similar.last {
            similar.messages.clear();
        }
        similar.last = now;
        let message = digest_of(&message);
        if similar.messages.contains(&message) {
            return false;
        }
        let full = SIMILAR_MAX <= similar.messages.len() + 1;
        if !full {
            similar.messages.push(message);
        }
        full
    }

    fn is_flood(&mut self, object: u64, now: SimTime) -> bool {
        let token = REFILL.as_micros() as u64;
        let full = BURST * token;
        let budget = self.budgets.entry(object, now, || Budget { credit: full, at: now });
        budget.credit = full.min(budget.credit + (now - budget.at).as_micros() as u64);
        budget.at = now;
        let accepted = token <= budget.credit;
        if accepted {
            budget.credit -= token;
        }
        !accepted
    }

    /// client-go names an Event after its object and the nanosecond; the counter keeps two of one instant apart.
    fn name(&mut self, regarding: &ObjectReference, now: SimTime) -> String {
        self.next += 1;
        let nanos = api::time::micro_time(now).0.as_microsecond().unsigned_abs() * 1_000 + self.next % 1_000;
        format!("{}.{nanos:x}", regarding.name.as_deref().unwrap_or(""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use sim::Rng;

    struct Bench {
        api: ApiServer,
        recorder: EventRecorder,
    }

    impl Bench {
        fn new() -> Bench {
            Bench {
                api: ApiServer::new(Rng::from_seed(1)),
                recorder: EventRecorder::new("kubelet", Some("node1")),
            }
        }

        fn tell(&mut self, object: &str, kind: EventKind, message: &str, seconds: u64) {
            let regarding = ObjectReference {
                kind: Some("Pod".to_owned()),
                namespace: Some("default".to_owned()),
                name: Some(object.to_owned()),
                ..ObjectReference::default()
            };
            let occurrence =
                Occurrence { regarding, kind, reason: "Tested".to_owned(), message: message.to_owned() };
            let by = Actor::Kubelet("node1".into());
            self.recorder.record(&mut self.api, &by, occurrence, None, SimTime::from_secs(seconds));
        }

        /// Message and count of each Event.
        fn events(&self) -> Vec<(String, i32)> {
            let mut events: Vec<_> = self
                .api
                .store()
                .list(Kind::Event)
                .filter_map(|it| match &it.object {
                    Object::Event(it) => {
                        Some((it.message.clone().unwrap_or_default(), it.count.unwrap_or_default()))
                    }
                    _ => None,
                })
                .collect();
            events.sort();
            events
        }
    }

    #[test]
    fn the_same_again_is_counted() {
        let mut bench = Bench::new();
        for second in 0..3 {
            bench.tell("a", EventKind::Normal, "again", second);
        }
        bench.tell("a", EventKind::Warning, "again", 3);
        bench.tell("b", EventKind::Normal, "again", 3);
        let again = |count| ("again".to_owned(), count);
        assert_eq!(bench.events(), [again(1), again(1), again(3)]);
    }

    #[test]
    fn the_tenth_similar_message_is_combined() {
        let mut bench = Bench::new();
        for number in 1..=12 {
            bench.tell("a", EventKind::Normal, &format!("message {number:02}"), number);
        }
        let events = bench.events();
        assert_eq!(events.len(), 10);
        assert_eq!(events[0], ("(combined from similar events): message 12".to_owned(), 3));
        assert_eq!(events[9], ("message 09".to_owned(), 1));
        bench.tell("a", EventKind::Normal, "message 13", 613);
        assert_eq!(bench.events().len(), 11, "ten quiet minutes begin a new group");
    }

    #[test]
    fn a_flood_about_one_object_is_cut_off() {
        let mut bench = Bench::new();
        for second in 0..100 {
            bench.tell("a", EventKind::Warning, "flood", second);
        }
        assert_eq!(bench.events(), [("flood".to_owned(), 25)]);
        bench.tell("a", EventKind::Normal, "other kind", 100);
        assert_eq!(bench.events().len(), 2, "Normal and Warning have budgets of their own");
        bench.tell("a", EventKind::Warning, "flood", 301);
        assert_eq!(
            bench.events()[0],
            ("flood".to_owned(), 101),
            "what was not sent was counted all the same"
        );
        bench.tell("a", EventKind::Warning, "flood", 500);
        assert_eq!(bench.events()[0].1, 101);
    }

    #[test]
    fn memory_is_bounded() {
        let mut bench = Bench::new();
        for number in 0..10_000 {
            bench.tell(&format!("pod-{number}"), EventKind::Normal, "m", number);
        }
        assert!(bench.recorder.told.0.len() <= REMEMBERED_MAX);
        assert!(bench.recorder.budgets.0.len() <= REMEMBERED_MAX);
    }
}
