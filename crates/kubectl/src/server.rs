//! From kubectl's requests to the simulated API server, and back.

use std::sync::Arc;

use api::{Cause, Kind, ObjectKey};
use apiserver::{Answer, ApiServer, Change, FieldValidation, PatchKind, Subresource, Verb};
use serde_json::{Value, json};
use sim::{Gather as _, SimTime};

use crate::client::{Method, PatchType, Request, Response};
use crate::{ChangeKind, Resource, Watched};

/// Answers a request of kubectl. Kinds that the cluster does not have are empty, and say so when written to.
pub fn serve(api: &mut ApiServer, request: &Request, cause: Cause, now: SimTime) -> Response {
    let Some(kind) = request.resource.stored_kind() else { return absent(request) };
    let verb = match request.method {
        Method::Get => Verb::Get,
        Method::List => Verb::List,
        Method::Create => Verb::Create,
        Method::Update => Verb::Update,
        Method::Delete => Verb::Delete,
        Method::Patch(PatchType::Json) => Verb::Patch(PatchKind::Json),
        Method::Patch(PatchType::Merge) => Verb::Patch(PatchKind::Merge),
        Method::Patch(PatchType::Strategic) => Verb::Patch(PatchKind::Strategic),
        // DIFFERENCE: field ownership is not kept; the object is created or merged.
        Method::Patch(PatchType::Apply) => {
            let key = ObjectKey::new(kind, &request.namespace, &request.name);
            if api.get(&key).is_some() { Verb::Patch(PatchKind::Strategic) } else { Verb::Create }
        }
    };
    let mut sent = apiserver::Request::new(verb, kind, &request.namespace, &request.name, cause);
    sent.body = request.body.clone();
    sent.subresource = match request.subresource {
        "status" => Some(Subresource::Status),
        "binding" => Some(Subresource::Binding),
        "eviction" => Some(Subresource::Eviction),
        "scale" => Some(Subresource::Scale),
        "resize" => Some(Subresource::Resize),
        "ephemeralcontainers" => Some(Subresource::EphemeralContainers),
        _ => None,
    };
    sent.dry_run = !request.query_value("dryRun").is_empty();
    sent.field_manager = request.query_value("fieldManager").to_owned();
    sent.field_validation = match request.query_value("fieldValidation") {
        "Ignore" => FieldValidation::Ignore,
        "Warn" => FieldValidation::Warn,
        _ => FieldValidation::Strict,
    };
    sent.label_selector = request.query_value("labelSelector").to_owned();
    sent.field_selector = request.query_value("fieldSelector").to_owned();
    let answer = api.request(sent, now);
    let mut body = match &answer.answer {
        Answer::Failure(status) => {
            let mut value = api::status_value(status);
            value["kind"] = "Status".into();
            value
        }
        _ => answer.value(),
    };
    if request.method == Method::Create && !request.query_value("dryRun").is_empty() {
        // What was never stored has no version.
        crate::json::remove(&mut body, "metadata", "resourceVersion");
    }
    Response { code: answer.code, body, warnings: answer.warnings }
}

/// How a warning about such a kind begins.
pub const UNSIMULATED: &str = "this playground does not simulate ";

/// A kind that nobody works on here: reading finds nothing, and says why.
fn absent(request: &Request) -> Response {
    let resource = request.resource.qualified();
    let why = [UNSIMULATED, &resource].concat();
    let (code, reason, message) = match request.method {
        Method::List => {
            let body = json!({"kind": "List", "apiVersion": "v1", "items": []});
            return Response { code: 200, body, warnings: vec![why] };
        }
        Method::Get | Method::Update | Method::Patch(_) | Method::Delete => {
            (404, "NotFound", format!("{resource} {:?} not found", request.name))
        }
        Method::Create => (405, "MethodNotAllowed", why.clone()),
    };
    let mut warnings = if request.method == Method::Create { Vec::new() } else { vec![why] };
    if request.resource.is("endpoints") {
        warnings.insert(
            0,
            "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice".to_owned(),
        );
    }
    let status = json!({"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": message});
    Response { code, body: status, warnings }
}

/// What happened to a resource after a revision, and the revision to go on from.
pub fn watch(api: &ApiServer, resource: &Resource, namespace: &str, revision: u64) -> (Vec<Watched>, u64) {
    let newest = api.store().revision();
    let Some(kind): Option<Kind> = resource.stored_kind() else { return (Vec::new(), newest) };
    let Ok(events) = api.store().events_after(revision) else { return (Vec::new(), newest) };
    let wanted = |it: &&Arc<apiserver::WatchEvent>| {
        it.key.kind == kind
            && (namespace.is_empty() || !resource.namespaced || *it.key.namespace == *namespace)
    };
    let seen = events.iter().filter(wanted).map(|it| Watched {
        change: match it.change {
            Change::Added => ChangeKind::Added,
            Change::Modified => ChangeKind::Modified,
            Change::Deleted => ChangeKind::Deleted,
        },
        object: it.object.to_value() as Value,
    });
    (seen.gather(), newest)
}
