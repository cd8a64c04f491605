//! What a controller sees, what it plans, and the one place where plans are carried out.

use std::time::Duration;

use api::k8s_openapi::api::core::v1::ObjectReference;
use api::{Because, Cause, Kind, Object, ObjectKey};
use apiserver::status::Failure;
use apiserver::{DeleteOptions, EventKind, EventRecorder, Occurrence, Store};
use sim::VecMap;

use crate::index::Index;
use crate::{Controller, Ctx, node_lifecycle, pod_gc, replicaset, taint_eviction};

/// Everything a controller may look at.
pub(crate) struct View<'a> {
    pub(crate) store: &'a Store,
    pub(crate) index: &'a Index,
    pub(crate) memory: &'a Memory,
}

impl View<'_> {
    pub(crate) fn get(&self, key: &ObjectKey) -> Option<&Object> {
        self.store.get(key).map(|it| &it.object)
    }
}

/// What controllers remember that is not in the API server.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) struct Memory {
    recorders: VecMap<Controller, EventRecorder>,
    /// Pods that will be evicted when their tolerance ends.
    pub(crate) evictions: VecMap<ObjectKey, taint_eviction::Scheduled>,
    pub(crate) nodes: node_lifecycle::Health,
    pub(crate) missing_nodes: pod_gc::MissingNodes,
}

/// A change of what a controller remembers.
#[derive(Debug)]
pub(crate) enum Note {
    Evict(ObjectKey, Option<taint_eviction::Scheduled>),
    Nodes(node_lifecycle::Health),
    MissingNodes(pod_gc::MissingNodes),
}

impl Memory {
    fn note(&mut self, note: Note) {
        match note {
            Note::Evict(key, Some(scheduled)) => {
                self.evictions.insert(key, scheduled);
            }
            Note::Evict(key, None) => {
                self.evictions.remove(&key);
            }
            Note::Nodes(health) => self.nodes = health,
            Note::MissingNodes(missing) => self.missing_nodes = missing,
        }
    }
}

/// The outcome of one look at one key.
#[derive(Debug, Default)]
pub(crate) struct Reconciled {
    pub(crate) writes: Vec<Write>,
    pub(crate) requeue_after: Option<Duration>,
    /// Other keys of the same controller to look at later.
    pub(crate) later: Vec<(ObjectKey, Duration)>,
    pub(crate) notes: Vec<Note>,
    /// Something was not there that must be: after the writes it is looked at again, each time later.
    pub(crate) incomplete: bool,
}

impl Reconciled {
    pub(crate) fn push(&mut self, request: Request, because: Because) {
        self.writes.push(Write { request, because, tell: None, batch: 0 });
    }

    pub(crate) fn push_and_tell(&mut self, request: Request, because: Because, tell: Tell) {
        self.writes.push(Write { request, because, tell: Some(tell), batch: 0 });
    }

    pub(crate) fn tell(&mut self, tell: Tell) {
        self.push_and_tell(Request::Nothing, Because::Recorded, tell);
    }

    /// The sooner of two wishes counts.
    pub(crate) fn again_in(&mut self, delay: Duration) {
        self.requeue_after = Some(self.requeue_after.map_or(delay, |it| it.min(delay)));
    }
}

#[derive(Debug)]
pub(crate) struct Write {
    pub(crate) request: Request,
    pub(crate) because: Because,
    pub(crate) tell: Option<Tell>,
    /// When a creation fails, those of later batches are left out.
    pub(crate) batch: u32,
}

#[derive(Debug)]
pub(crate) enum Request {
    Create(Object),
    Update(Object),
    UpdateStatus(Object),
    Delete(ObjectKey, DeleteOptions),
    /// Only the Event.
    Nothing,
}

/// The Event that goes with a write once it has succeeded.
#[derive(Debug)]
pub(crate) struct Tell {
    pub(crate) regarding: ObjectReference,
    pub(crate) kind: EventKind,
    pub(crate) reason: &'static str,
    pub(crate) message: String,
    /// The message ends with the name of what was created.
    pub(crate) named: bool,
    /// Reason and beginning of the message of the Warning when the write fails.
    pub(crate) failed: Option<(&'static str, String)>,
}

impl Tell {
    pub(crate) fn normal(regarding: ObjectReference, reason: &'static str, message: String) -> Tell {
        Tell { regarding, kind: EventKind::Normal, reason, message, named: false, failed: None }
    }

    pub(crate) fn warning(regarding: ObjectReference, reason: &'static str, message: String) -> Tell {
        Tell { kind: EventKind::Warning, ..Tell::normal(regarding, reason, message) }
    }
}

/// The key must be looked at again: a write met a conflict or was refused.
pub(crate) struct TryAgain;

/// Writes a plan in order.
pub(crate) fn carry_out(
    plan: Reconciled,
    controller: Controller,
    parent: Option<u64>,
    memory: &mut Memory,
    ctx: &mut Ctx<'_>,
) -> Result<(), TryAgain> {
    for note in plan.notes {
        memory.note(note);
    }
    let mut failed_batch: Option<(u32, String)> = None;
    let mut quiet_stop = false;
    // What this plan wrote itself is no conflict.
    let mut written: VecMap<ObjectKey, Option<String>> = VecMap::new();
    for Write { mut request, because, tell, batch } in plan.writes {
        if let Request::Create(_) = request
            && (quiet_stop || failed_batch.as_ref().is_some_and(|(failed, _)| *failed < batch))
        {
            continue;
        }
        if let Request::Update(object) | Request::UpdateStatus(object) = &mut request {
            if let Some(version) = written.get(&object.key()) {
                object.metadata_mut().resource_version.clone_from(version);
            }
            if let (Object::ReplicaSet(set), Some((_, message))) = (&mut *object, &failed_batch) {
                replicaset::note_failure(std::sync::Arc::make_mut(set), message, ctx.now);
            }
        }
        if let Request::Create(object) = &request
            && namespace_ends(object, ctx)
        {
            quiet_stop = true;
            continue;
        }
        let cause = Cause { by: controller.actor(), because, parent };
        let creates = matches!(request, Request::Create(_));
        match send(request, cause, ctx) {
            Ok(stored) => {
                if let Some(tell) = tell {
                    record(memory, controller, tell, stored.as_ref(), parent, ctx);
                }
                if let Some(stored) = stored {
                    written.insert(stored.key(), stored.metadata().resource_version.clone());
                }
            }
            Err(failure) => match verdict(&failure, creates) {
                Verdict::Fine => {}
                Verdict::Stop => quiet_stop = true,
                Verdict::Conflict => return Err(TryAgain),
                Verdict::Refused => {
                    let message = apiserver::status::message(&failure).to_owned();
                    if let Some(Tell { regarding, failed: Some((reason, text)), .. }) = tell {
                        let tell = Tell::warning(regarding, reason, text + &message);
                        record(memory, controller, tell, None, parent, ctx);
                    }
                    failed_batch.get_or_insert((batch, message));
                }
            },
        }
    }
    if failed_batch.is_some() { Err(TryAgain) } else { Ok(()) }
}

/// Nothing is created in a namespace that is being deleted, and nobody complains about that.
fn namespace_ends(object: &Object, ctx: &Ctx<'_>) -> bool {
    let namespace = ObjectKey::new(Kind::Namespace, "", object.namespace());
    ctx.api.get(&namespace).is_some_and(|it| it.metadata().deletion_timestamp.is_some())
}

fn send(request: Request, cause: Cause, ctx: &mut Ctx<'_>) -> Result<Option<Object>, Failure> {
    match request {
        // What a user wrote into a template is checked when a Pod is made of it.
        Request::Create(object @ Object::Pod(_)) => {
            ctx.api.create_from_template(object, cause, ctx.now).map(Some)
        }
        Request::Create(object) => ctx.api.create(object, cause, ctx.now).map(Some),
        Request::Update(object) => ctx.api.update(object, cause, ctx.now).map(Some),
        Request::UpdateStatus(object) => ctx.api.update_status(object, cause, ctx.now).map(Some),
        Request::Delete(key, options) => ctx.api.delete(&key, &options, cause, ctx.now).map(|_| None),
        Request::Nothing => Ok(None),
    }
}

enum Verdict {
    /// Somebody else did it already.
    Fine,
    /// The namespace is going: nothing more to create, nothing to complain about.
    Stop,
    Conflict,
    Refused,
}

fn verdict(failure: &Failure, creates: bool) -> Verdict {
    let terminating =
        failure.details.as_ref().and_then(|it| it.causes.as_ref()).is_some_and(|causes| {
            causes.iter().any(|it| it.reason.as_deref() == Some("NamespaceTerminating"))
        });
    match failure.reason.as_deref() {
        Some("NotFound") if !creates => Verdict::Fine,
        Some("AlreadyExists") => Verdict::Fine,
        Some("Conflict") => Verdict::Conflict,
        _ if terminating => Verdict::Stop,
        _ => Verdict::Refused,
    }
}

fn record(
    memory: &mut Memory,
    controller: Controller,
    tell: Tell,
    stored: Option<&Object>,
    parent: Option<u64>,
    ctx: &mut Ctx<'_>,
) {
    let Tell { regarding, kind, reason, mut message, named, .. } = tell;
    if let (true, Some(stored)) = (named, stored) {
        message.push_str(stored.name());
    }
    let recorder = memory
        .recorders
        .entry(controller)
        .or_insert_with(|| EventRecorder::new(controller.component(), None));
    let occurrence = Occurrence { regarding, kind, reason: reason.to_owned(), message };
    // The Event tells of this very write, so that is its parent.
    let parent = stored.and_then(|it| it.metadata().resource_version.as_ref()?.parse().ok()).or(parent);
    recorder.record(ctx.api, &controller.actor(), occurrence, parent, ctx.now);
}
