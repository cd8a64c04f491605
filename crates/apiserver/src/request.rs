//! What a user sends: decode → namespace → default → admit → validate → conflict → store, as over HTTP.
//!
//! Follows kubernetes v1.36 apiserver/pkg/endpoints/handlers: create.go, update.go, patch.go, delete.go.

use api::schema::{self, Decoded};
use api::selector::{FieldSelector, Selector};
use api::{Cause, Kind, Object, ObjectKey, Status};
use serde_json::{Value, json};
use sim::{Gather as _, SimTime};

use crate::deletion::{DeleteOptions, Propagation};
use crate::status::{self, Failure};
use crate::{ApiServer, allocate, defaults, eviction, patch, validation};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum PatchKind {
    Json,
    Merge,
    Strategic,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verb {
    Get,
    List,
    Create,
    Update,
    Patch(PatchKind),
    Delete,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subresource {
    Status,
    Binding,
    Eviction,
    Scale,
    Resize,
    EphemeralContainers,
}

/// What becomes of unknown fields.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FieldValidation {
    #[default]
    Strict,
    Warn,
    Ignore,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Request {
    pub verb: Verb,
    pub kind: Kind,
    /// Empty for kinds without namespaces, and for a list over all of them.
    pub namespace: String,
    /// Empty for `List` and `Create`.
    pub name: String,
    pub subresource: Option<Subresource>,
    /// The object, the patch, or the delete options.
    pub body: Value,
    pub dry_run: bool,
    pub field_manager: String,
    pub field_validation: FieldValidation,
    pub label_selector: String,
    pub field_selector: String,
    pub cause: Cause,
}

impl Request {
    pub fn new(verb: Verb, kind: Kind, namespace: &str, name: &str, cause: Cause) -> Request {
        let namespace = if kind.info().namespaced { namespace } else { "" };
        Request {
            verb,
            kind,
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: None,
            body: Value::Null,
            dry_run: false,
            field_manager: String::new(),
            field_validation: FieldValidation::Strict,
            label_selector: String::new(),
            field_selector: String::new(),
            cause,
        }
    }

    #[must_use]
    pub fn body(mut self, body: Value) -> Request {
        self.body = body;
        self
    }

    #[must_use]
    pub fn subresource(mut self, subresource: Subresource) -> Request {
        self.subresource = Some(subresource);
        self
    }

    fn key(&self) -> ObjectKey {
        ObjectKey::new(self.kind, &self.namespace, &self.name)
    }
}

#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    Object(Object),
    List(Vec<Object>),
    /// A success without an object, such as a binding's, or a scale.
    Value(Value),
    Failure(Failure),
}

#[derive(Debug, Clone, PartialEq)]
pub struct Response {
    pub code: u16,
    pub answer: Answer,
    pub warnings: Vec<String>,
}

impl Response {
    pub fn object(&self) -> Option<&Object> {
        if let Answer::Object(it) = &self.answer { Some(it) } else { None }
    }

    pub fn failure(&self) -> Option<&Status> {
        if let Answer::Failure(it) = &self.answer { Some(it) } else { None }
    }

    /// As it goes over the wire.
    pub fn value(&self) -> Value {
        match &self.answer {
            Answer::Object(it) => it.to_value(),
            Answer::Value(it) => it.clone(),
            Answer::Failure(it) => api::status_value(it),
            Answer::List(items) => {
                let items: Vec<Value> = items.iter().map(Object::to_value).gather();
                json!({"apiVersion": "v1", "kind": "List", "metadata": {"resourceVersion": ""}, "items": items})
            }
        }
    }
}

type Outcome = Result<(u16, Answer), Failure>;

impl ApiServer {
    /// A dry run goes all the way on a copy.
    pub fn request(&mut self, request: Request, now: SimTime) -> Response {
        if request.dry_run {
            let mut request = request;
            request.dry_run = false;
            return self.clone().request(request, now);
        }
        let mut warnings = Vec::new();
        let (code, answer) = self
            .answer(request, &mut warnings, now)
            .unwrap_or_else(|failure| (failure.code.map_or(500, |it| it as u16), Answer::Failure(failure)));
        Response { code, answer, warnings }
    }

    fn answer(&mut self, request: Request, warnings: &mut Vec<String>, now: SimTime) -> Outcome {
        match (request.verb, request.subresource) {
            (Verb::List, _) => self.list(&request),
            (Verb::Create, Some(Subresource::Binding)) => self.create_binding(request, now),
            (Verb::Create, Some(Subresource::Eviction)) => eviction::evict(self, &request.key(), &request.body, request.cause, now)
                .map(|()| (201, Answer::Value(json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Success", "code": 201})))),
            (_, Some(Subresource::Scale)) => self.scale(request, now),
            (Verb::Get, _) => {
                let key = request.key();
                let object = self.get(&key).cloned().ok_or_else(|| status::not_found(&key))?;
                Ok((200, Answer::Object(object)))
            }
            (Verb::Create, _) => self.create_checked(request, warnings, now),
            (Verb::Update, _) => {
                let body = request.body.clone();
                self.update_checked(request, body, None, warnings, now)
            }
            (Verb::Patch(kind), _) => self.patch(request, kind, warnings, now),
            (Verb::Delete, _) => {
                let options = delete_options(&request.body);
                let object = self.delete(&request.key(), &options, request.cause, now)?;
                Ok((200, Answer::Object(object)))
            }
        }
    }

    fn list(&self, request: &Request) -> Outcome {
        let wrong = |why: String| status::bad_request(format!("unable to parse requirement: {why}"));
        let labels = Selector::parse(&request.label_selector).map_err(wrong)?;
        let fields = FieldSelector::parse(&request.field_selector).map_err(status::bad_request)?;
        for field in &fields.0 {
            if !field_is_known(request.kind, &field.field) {
                let why = format!("field label not supported: {}", field.field);
                return Err(status::bad_request(why));
            }
        }
        let objects = self.store.list(request.kind).map(|it| &it.object).filter(|it| {
            (request.namespace.is_empty() || it.namespace() == request.namespace)
                && labels.matches_option(it.metadata().labels.as_ref())
                && fields.matches(|name| field_value(it, name))
        });
        Ok((200, Answer::List(objects.cloned().gather())))
    }

    fn create_checked(&mut self, mut request: Request, warnings: &mut Vec<String>, now: SimTime) -> Outcome {
        let mut object = decode(request.kind, &mut request.body, request.field_validation, warnings)?;
        let meta = object.metadata_mut();
        if request.kind.info().namespaced {
            let namespace = meta.namespace.get_or_insert_default();
            if namespace.is_empty() {
                namespace.clone_from(&request.namespace);
            } else if *namespace != request.namespace {
                return Err(status::bad_request(
                    "the namespace of the provided object does not match the namespace sent on the request"
                        .to_owned(),
                ));
            }
        } else {
            meta.namespace = None;
        }
        if meta.resource_version.as_deref().is_some_and(|it| !it.is_empty()) {
            return Err(status::plain(
                500,
                "",
                "resourceVersion should not be set on objects to be created".to_owned(),
            ));
        }
        meta.uid = None;
        meta.managed_fields = None;
        meta.self_link = None;
        meta.deletion_timestamp = None;
        meta.deletion_grace_period_seconds = None;
        drop_status(&mut object);
        self.name(&mut object);
        self.check_new(&mut object)?;
        warnings.extend(validation::warnings(&object));
        let object = self.insert(object, request.cause, now)?;
        Ok((201, Answer::Object(object)))
    }

    fn patch(
        &mut self,
        request: Request,
        kind: PatchKind,
        warnings: &mut Vec<String>,
        now: SimTime,
    ) -> Outcome {
        let key = request.key();
        let stored = self.store.get(&key).ok_or_else(|| status::not_found(&key))?.object.clone();
        let mut value = stored.to_value();
        let before = value.clone();
        let body = &request.body;
        match kind {
            PatchKind::Merge => patch::json_merge(&mut value, body),
            PatchKind::Strategic => {
                patch::strategic_merge(&mut value, body, schema::find(request.kind.name()))
                    .map_err(status::bad_request)?;
            }
            // The server's own words hide what was wrong with the patch.
            PatchKind::Json => patch::json_patch(&mut value, body).map_err(|_| {
                let message = "the server rejected our request due to an error in our request".to_owned();
                status::plain(422, "Invalid", message)
            })?,
        }
        if value == before {
            return Ok((200, Answer::Object(stored)));
        }
        self.update_checked(request, value, Some(kind), warnings, now)
    }

    fn update_checked(
        &mut self,
        request: Request,
        mut value: Value,
        patch: Option<PatchKind>,
        warnings: &mut Vec<String>,
        now: SimTime,
    ) -> Outcome {
        let key = request.key();
        let mut object = match patch {
            None => decode(request.kind, &mut value, request.field_validation, warnings)?,
            Some(patch) => {
                let (kind, validation) = (request.kind, request.field_validation);
                decode_patched(kind, &mut value, patch, &request.body, validation, warnings)?
            }
        };
        let old = self.store.get(&key).ok_or_else(|| status::not_found(&key))?.object.clone();
        let meta = object.metadata_mut();
        if meta.name.as_deref() != Some(&*key.name) {
            let found = meta.name.clone().unwrap_or_default();
            return Err(status::bad_request(format!(
                "the name of the object ({found}) does not match the name on the URL ({})",
                key.name
            )));
        }
        if request.kind.info().namespaced && meta.namespace.as_deref().is_none_or(str::is_empty) {
            meta.namespace = Some(request.namespace.clone());
        }
        meta.resource_version = meta.resource_version.take().filter(|it| !it.is_empty());
        if meta
            .resource_version
            .as_deref()
            .is_some_and(|it| Some(it) != old.metadata().resource_version.as_deref())
        {
            return Err(status::conflict(&key));
        }
        keep_server_fields(&mut object, &old);
        take_part(&mut object, &old, request.subresource);
        defaults::apply(&mut object);
        allocate::service(&mut object, &self.store, &mut self.rng);
        let errors = validation::validate_update(&object, &old, request.subresource, &self.store);
        if !errors.is_empty() {
            return Err(status::invalid(&key, &errors));
        }
        if request.subresource == Some(Subresource::Resize)
            && let Object::Pod(pod) = &object
        {
            validation::admit_resize(pod, &self.store)?;
        }
        warnings.extend(validation::warnings(&object));
        let object = self.replace(object, request.cause, now)?;
        Ok((200, Answer::Object(object)))
    }

    fn create_binding(&mut self, request: Request, now: SimTime) -> Outcome {
        let node = request.body.pointer("/target/name").and_then(Value::as_str).unwrap_or("").to_owned();
        self.bind(&request.key(), &node, request.cause, now)?;
        let success =
            json!({"apiVersion": "v1", "kind": "Status", "metadata": {}, "status": "Success", "code": 201});
        Ok((201, Answer::Value(success)))
    }

    /// `autoscaling/v1` Scale of a Deployment or ReplicaSet.
    fn scale(&mut self, request: Request, now: SimTime) -> Outcome {
        let key = request.key();
        let mut object = self.get(&key).cloned().ok_or_else(|| status::not_found(&key))?;
        if request.verb != Verb::Get {
            let wanted = request.body.pointer("/spec/replicas").and_then(Value::as_i64).unwrap_or(0);
            if wanted < 0 {
                let mut errors = crate::field::Errors::default();
                errors.invalid("spec.replicas", &wanted, "must be greater than or equal to 0");
                return Err(status::invalid(&key, &errors.0));
            }
            let sent = request.body.pointer("/metadata/resourceVersion").and_then(Value::as_str);
            if sent
                .is_some_and(|it| !it.is_empty() && Some(it) != object.metadata().resource_version.as_deref())
            {
                return Err(status::conflict(&key));
            }
            let replicas = i32::try_from(wanted).ok();
            match &mut object {
                Object::Deployment(it) => {
                    std::sync::Arc::make_mut(it).spec.get_or_insert_default().replicas = replicas;
                }
                Object::ReplicaSet(it) => {
                    std::sync::Arc::make_mut(it).spec.get_or_insert_default().replicas = replicas;
                }
                _ => {}
            }
            object = self.replace(object, request.cause, now)?;
        }
        let value = object.to_value();
        let part = |path: &str| value.pointer(path).cloned().unwrap_or(Value::Null);
        let scale = json!({
            "apiVersion": "autoscaling/v1", "kind": "Scale",
            "metadata": {"name": part("/metadata/name"), "namespace": part("/metadata/namespace"),
                "uid": part("/metadata/uid"), "resourceVersion": part("/metadata/resourceVersion"),
                "creationTimestamp": part("/metadata/creationTimestamp")},
            "spec": {"replicas": part("/spec/replicas")},
            "status": {"replicas": value.pointer("/status/replicas").cloned().unwrap_or(json!(0))},
        });
        Ok((200, Answer::Value(scale)))
    }
}

/// From what was sent to a typed object, or the server's words about why not.
pub fn decode(
    kind: Kind,
    body: &mut Value,
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Object, Failure> {
    decode_with(kind, body, validation, warnings, |_, why| status::undecodable(kind, why))
}

/// What a patch makes of an object is refused in other words than what is sent whole.
fn decode_patched(
    kind: Kind,
    body: &mut Value,
    patch: PatchKind,
    sent: &Value,
    validation: FieldValidation,
    warnings: &mut Vec<String>,
) -> Result<Object, Failure> {
    let before = body.clone();
    decode_with(kind, body, validation, warnings, |decoded, why| match patch {
        PatchKind::Strategic => {
            let mismatch = decoded.and_then(|it| it.mismatches.first());
            let why = mismatch.map_or_else(|| why.to_owned(), |it| patch::mismatch(it, &before));
            status::invalid_patch(&patch::go_map(sent), &why)
        }
        PatchKind::Merge | PatchKind::Json => status::invalid_patch(&before.to_string(), why),
    })
}

fn decode_with(
    kind: Kind,
    body: &mut Value,
    validation: FieldValidation,
    warnings: &mut Vec<String>,
    fail: impl Fn(Option<&Decoded>, &str) -> Failure,
) -> Result<Object, Failure> {
    let decoded = schema::decode(kind.name(), body);
    if let Some(why) = decoded.error(validation == FieldValidation::Strict) {
        return Err(fail(Some(&decoded), &why));
    }
    if validation == FieldValidation::Warn {
        warnings.extend(decoded.unknown_sorted().iter().map(|it| format!("unknown field \"{it}\"")));
    }
    Object::from_value(kind, body.take()).map_err(|it| fail(None, &it.to_string()))
}

fn delete_options(body: &Value) -> DeleteOptions {
    DeleteOptions {
        grace_period_seconds: body.get("gracePeriodSeconds").and_then(Value::as_i64),
        uid: body.pointer("/preconditions/uid").and_then(Value::as_str).map(str::to_owned),
        propagation: body.get("propagationPolicy").and_then(Value::as_str).and_then(Propagation::from_name),
    }
}

/// A status belongs to the components: a user cannot create one.
fn drop_status(object: &mut Object) {
    use std::sync::Arc;
    match object {
        Object::Pod(it) => Arc::make_mut(it).status = None,
        Object::Deployment(it) => Arc::make_mut(it).status = None,
        Object::ReplicaSet(it) => Arc::make_mut(it).status = None,
        Object::Service(it) => Arc::make_mut(it).status = None,
        Object::Namespace(it) => Arc::make_mut(it).status = None,
        Object::PodDisruptionBudget(it) => Arc::make_mut(it).status = None,
        // A Node's creation may say what the machine has.
        Object::Node(_)
        | Object::ServiceAccount(_)
        | Object::ConfigMap(_)
        | Object::Secret(_)
        | Object::Event(_)
        | Object::EndpointSlice(_)
        | Object::PriorityClass(_)
        | Object::Lease(_) => {}
    }
}

fn keep_server_fields(object: &mut Object, old: &Object) {
    let old = old.metadata();
    let meta = object.metadata_mut();
    if meta.uid.as_deref().is_none_or(str::is_empty) {
        meta.uid.clone_from(&old.uid);
    }
    meta.creation_timestamp.clone_from(&old.creation_timestamp);
    meta.deletion_timestamp.clone_from(&old.deletion_timestamp);
    meta.deletion_grace_period_seconds = old.deletion_grace_period_seconds;
    meta.generation = old.generation;
    meta.managed_fields = None;
    meta.self_link = None;
}

/// A write to the object leaves its status alone, a write to the status everything else.
fn take_part(object: &mut Object, old: &Object, subresource: Option<Subresource>) {
    use std::sync::Arc;
    macro_rules! parts {
        ($($kind:ident),*) => {
            match (object, old) {
                $((Object::$kind(new), Object::$kind(old)) => {
                    let new = Arc::make_mut(new);
                    if subresource == Some(Subresource::Status) {
                        new.spec.clone_from(&old.spec);
                    } else {
                        new.status.clone_from(&old.status);
                    }
                })*
                _ => {}
            }
        };
    }
    parts!(Pod, Deployment, ReplicaSet, Service, Namespace, Node, PodDisruptionBudget);
}

fn field_is_known(kind: Kind, field: &str) -> bool {
    matches!(field, "metadata.name" | "metadata.namespace")
        || match kind {
            Kind::Pod => matches!(
                field,
                "spec.nodeName"
                    | "spec.restartPolicy"
                    | "spec.schedulerName"
                    | "spec.serviceAccountName"
                    | "spec.hostNetwork"
                    | "status.phase"
                    | "status.podIP"
                    | "status.nominatedNodeName"
            ),
            Kind::Event => {
                field.starts_with("involvedObject.")
                    || matches!(field, "reason" | "reportingComponent" | "source" | "type")
            }
            Kind::Node => field == "spec.unschedulable",
            Kind::Secret => field == "type",
            Kind::Namespace => field == "status.phase",
            Kind::Service => matches!(field, "spec.clusterIP" | "spec.type"),
            Kind::ReplicaSet => field == "status.replicas",
            _ => false,
        }
}

/// The value of a field that lists can be filtered by; empty when it is not set.
pub fn field_value<'a>(object: &'a Object, field: &str) -> &'a str {
    let text = |it: &'a Option<String>| it.as_deref().unwrap_or("");
    match (object, field) {
        (_, "metadata.name") => object.name(),
        (_, "metadata.namespace") => object.namespace(),
        (Object::Pod(pod), _) => {
            let (Some(spec), Some(status)) = (&pod.spec, &pod.status) else { return "" };
            match field {
                "spec.nodeName" => text(&spec.node_name),
                "spec.restartPolicy" => text(&spec.restart_policy),
                "spec.schedulerName" => text(&spec.scheduler_name),
                "spec.serviceAccountName" => text(&spec.service_account_name),
                "spec.hostNetwork" => {
                    if spec.host_network == Some(true) {
                        "true"
                    } else {
                        "false"
                    }
                }
                "status.phase" => text(&status.phase),
                "status.podIP" => text(&status.pod_ip),
                "status.nominatedNodeName" => text(&status.nominated_node_name),
                _ => "",
            }
        }
        (Object::Event(event), _) => {
            let involved = &event.involved_object;
            match field {
                "involvedObject.kind" => text(&involved.kind),
                "involvedObject.namespace" => text(&involved.namespace),
                "involvedObject.name" => text(&involved.name),
                "involvedObject.uid" => text(&involved.uid),
                "involvedObject.apiVersion" => text(&involved.api_version),
                "involvedObject.resourceVersion" => text(&involved.resource_version),
                "involvedObject.fieldPath" => text(&involved.field_path),
                "reason" => text(&event.reason),
                "reportingComponent" => text(&event.reporting_component),
                "source" => event.source.as_ref().map_or("", |it| text(&it.component)),
                "type" => text(&event.type_),
                _ => "",
            }
        }
        (Object::Node(node), "spec.unschedulable") => {
            if node.spec.as_ref().and_then(|it| it.unschedulable) == Some(true) { "true" } else { "false" }
        }
        (Object::Secret(it), "type") => text(&it.type_),
        (Object::Namespace(it), "status.phase") => it.status.as_ref().map_or("", |it| text(&it.phase)),
        (Object::Service(it), "spec.clusterIP") => it.spec.as_ref().map_or("", |it| text(&it.cluster_ip)),
        (Object::Service(it), "spec.type") => it.spec.as_ref().map_or("", |it| text(&it.type_)),
        _ => "",
    }
}
