//! `create -f`, and what creates objects from flags.

use serde_json::{Value, json};
use sim::Gather as _;

use super::{DONE, DryRun, Next, change_flags, tell};
use crate::client::{Failure, Method, Request, fail, usage};
use crate::flags::Flags;
use crate::json::{set, text};
use crate::resources::of_kind;
use crate::{Call, manifest};

pub const FILE: &str =
    change_flags!("selector,l= edit! raw= save-config! validate~strict windows-line-endings!");
pub const DEPLOYMENT: &str = change_flags!("image= replicas,r# port# save-config! validate~strict");
pub const NAMESPACE: &str = change_flags!("save-config! validate~strict");
/// How an object is sent, and what is told then.
pub struct Sent {
    pub dry: DryRun,
    pub done: &'static str,
    pub manager: &'static str,
}

impl Sent {
    pub fn created(dry: DryRun) -> Sent {
        Sent { dry, done: "created", manager: "kubectl-create" }
    }
}

/// Creates an object and tells of it.
pub fn send(call: &mut Call, flags: &Flags, object: &Value, how: &Sent) -> Result<(), Failure> {
    make(call, flags, object, how).map(|_| ())
}

/// Like [`send`]; answers with the object as it was stored.
pub fn make(call: &mut Call, flags: &Flags, object: &Value, how: &Sent) -> Result<Value, Failure> {
    let known = of_kind(text(object, "apiVersion"), text(object, "kind"));
    let Some(resource) = known else { return fail("no such kind") };
    let object =
        &if flags.on("save-config") { super::apply::with_annotation(object.clone()) } else { object.clone() };
    if how.dry == DryRun::Client {
        tell(call, flags, object, how.done, how.dry)?;
        return Ok(object.clone());
    }
    let namespace = match text(object, "metadata.namespace") {
        "" => call.namespace(flags),
        own => own.to_owned(),
    };
    let request = Request::new(Method::Create, resource, &namespace, "").body(object.clone());
    let request = request.query("fieldManager", how.manager).query("dryRun", how.dry.query());
    let created = call.request(&request.query("fieldValidation", "Strict"))?;
    tell(call, flags, &created, how.done, how.dry)?;
    Ok(created)
}

/// The object with what `--overrides` says in its place.
pub fn overridden(object: Value, flags: &Flags) -> Result<Value, Failure> {
    let source = flags.text("overrides");
    let given: Value =
        serde_json::from_str(source).map_err(|_| Failure::Text(format!("Invalid JSON Patch: {source}")))?;
    let mut object = object;
    let original = std::mem::take(&mut object);
    Ok(match flags.text("override-type") {
        "" | "merge" => merged(original, &given),
        other @ ("strategic" | "json") => {
            return fail(format!("--override-type={other} is not supported here; use merge"));
        }
        other => return fail(format!("invalid override type: {other}")),
    })
}

/// RFC 7386.
fn merged(mut object: Value, given: &Value) -> Value {
    let Value::Object(given) = given else { return given.clone() };
    if !object.is_object() {
        object = json!({});
    }
    for (key, value) in given {
        if value.is_null() {
            crate::json::remove(&mut object, "", key);
        } else {
            let own = object.get_mut(key).map(Value::take).unwrap_or_default();
            object[key] = merged(own, value);
        }
    }
    object
}

pub fn file(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    if !flags.given("filename") {
        return fail("must specify one of -f and -k");
    }
    let dry = DryRun::of(call, flags)?;
    let input = std::mem::take(&mut call.input);
    let (manifests, mut failures) = manifest::load(call, flags, &input);
    if manifests.is_empty() && failures.is_empty() {
        return fail("no objects passed to create");
    }
    let mut wrong = Vec::new();
    for it in manifests {
        if let Err(failure) = send(call, flags, &it.object, &Sent::created(dry)) {
            wrong.push(failure.from_source("creating", &it.source));
        }
    }
    wrong.append(&mut failures);
    Failure::gather(wrong)?;
    DONE
}

pub fn name(flags: &Flags, verb: &str) -> Result<String, Failure> {
    if flags.args.len() == 1 {
        return Ok(flags.args[0].clone());
    }
    usage(verb, &format!("exactly one NAME is required, got {}", flags.args.len()))
}

pub fn deployment(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    if !flags.given("image") {
        return fail("required flag(s) \"image\" not set");
    }
    let before = flags.dash.unwrap_or(flags.args.len());
    if before != 1 {
        return usage("create deployment", &format!("exactly one NAME is required, got {before}"));
    }
    let (name, command) = (flags.args[0].clone(), flags.args[before..].to_vec());
    let dry = DryRun::of(call, flags)?;
    let images: Vec<&str> = flags.list("image").gather();
    let containers: Vec<Value> = images
        .iter()
        .map(|image| {
            let short = image.rsplit('/').next().unwrap_or(image).split([':', '@']).next().unwrap_or("");
            let short = if images.len() == 1 { short.to_owned() } else { short.replace('_', "-") };
            let mut container = json!({"image": image, "name": short, "resources": {}});
            if !command.is_empty() {
                container["command"] = json!(command);
            }
            if let Some(port) = flags.number("port") {
                container["ports"] = json!([{"containerPort": port}]);
            }
            container
        })
        .gather();
    let labels = json!({"app": name});
    let mut object = json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": {"labels": labels, "name": name},
        "spec": {
            "replicas": flags.number("replicas").unwrap_or(1),
            "selector": {"matchLabels": labels},
            "strategy": {},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": containers}},
        },
        "status": {},
    });
    if flags.given("namespace") {
        set(&mut object, "metadata.namespace", flags.text("namespace").into());
    }
    send(call, flags, &object, &Sent::created(dry))
        .map_err(|e| e.prefixed("failed to create deployment: "))?;
    DONE
}

pub fn namespace(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let name = name(flags, "create namespace")?;
    let dry = DryRun::of(call, flags)?;
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {}, "status": {}});
    send(call, flags, &object, &Sent::created(dry))?;
    DONE
}
