//! Events as components record them: repeated ones are counted, similar ones combined, floods cut off.
//!
//! Follows kubernetes v1.36 client-go/tools/record: EventCorrelator.

use std::collections::BTreeMap;

use api::k8s_openapi::api::core::v1::{EventSource, ObjectReference};
use api::{Actor, Because, Cause, Event, Object, ObjectKey};
use sim::SimTime;

use crate::ApiServer;

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

/// One component's memory of what it has told.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct EventRecorder {
    component: String,
    /// The kubelet's node.
    host: Option<String>,
    seen: BTreeMap<(String, String, EventKind, String, String), ObjectKey>,
    next: u64,
}

impl EventRecorder {
    pub fn new(component: &str, host: Option<&str>) -> EventRecorder {
        EventRecorder {
            component: component.to_owned(),
            host: host.map(str::to_owned),
            seen: BTreeMap::new(),
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
        let Occurrence { regarding, kind, reason, message } = occurrence;
        let cause = Cause { by: by.clone(), because: Because::Recorded, parent };
        let field_path = regarding.field_path.clone().unwrap_or_default();
        let known =
            (regarding.uid.clone().unwrap_or_default(), field_path, kind, reason.clone(), message.clone());
        if let Some(key) = self.seen.get(&known)
            && let Some(Object::Event(event)) = api.get(key)
        {
            let mut event = (**event).clone();
            event.count = Some(event.count.unwrap_or(1) + 1);
            event.last_timestamp = Some(api::time::time(now));
            let _ = api.update(event.into(), cause, now);
            return;
        }
        let mut event = Event { involved_object: regarding, ..Event::default() };
        let name = event.involved_object.name.clone().unwrap_or_default();
        self.next += 1;
        // client-go names an Event after its object and the nanosecond; the counter keeps two of one instant apart.
        let nanos = api::time::micro_time(now).0.as_microsecond().unsigned_abs() * 1_000 + self.next % 1_000;
        event.metadata.name = Some(format!("{name}.{nanos:x}"));
        event.metadata.namespace = Some(
            event
                .involved_object
                .namespace
                .clone()
                .filter(|it| !it.is_empty())
                .unwrap_or_else(|| "default".to_owned()),
        );
        event.reason = Some(reason);
        event.message = Some(message);
        event.type_ = Some(format!("{kind:?}"));
        event.count = Some(1);
        event.first_timestamp = Some(api::time::time(now));
        event.last_timestamp = Some(api::time::time(now));
        event.source = Some(EventSource { component: Some(self.component.clone()), host: self.host.clone() });
        event.reporting_component = Some(self.component.clone());
        event.reporting_instance = self.host.clone();
        if let Ok(stored) = api.create(event.into(), cause, now) {
            self.seen.insert(known, stored.key());
        }
    }
}
