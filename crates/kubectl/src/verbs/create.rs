//! `create -f`, `create deployment`, `create namespace`, and `run`.

use serde_json::{Value, json};

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
pub const RUN: &str = change_flags!(
    "image= env= labels,l= port= expose! image-pull-policy= overrides= override-type= restart= command! stdin,i! tty,t! rm! attach! quiet,q! annotations= leave-stdin-open! pod-running-timeout% privileged! save-config! grace-period# force! wait! cascade~background timeout%"
);

fn send(call: &mut Call, flags: &Flags, object: &Value, dry: DryRun) -> Result<(), Failure> {
    let known = of_kind(text(object, "apiVersion"), text(object, "kind"));
    let Some(resource) = known else { return fail("no such kind") };
    if dry == DryRun::Client {
        return tell(call, flags, object, "created", dry);
    }
    let namespace = match text(object, "metadata.namespace") {
        "" => call.namespace(flags),
        own => own.to_owned(),
    };
    let request = Request::new(Method::Create, resource, &namespace, "").body(object.clone());
    let request = request.query("fieldManager", "kubectl-create").query("dryRun", dry.query());
    let created = call.request(&request)?;
    tell(call, flags, &created, "created", dry)
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
        if let Err(failure) = send(call, flags, &it.object, dry) {
            wrong.push(failure.from_source("creating", &it.source));
        }
    }
    wrong.append(&mut failures);
    Failure::gather(wrong)?;
    DONE
}

fn name(flags: &Flags, verb: &str) -> Result<String, Failure> {
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
    let images: Vec<&str> = flags.list("image").collect();
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
        .collect();
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
    send(call, flags, &object, dry).map_err(|e| e.prefixed("failed to create deployment: "))?;
    DONE
}

pub fn namespace(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let name = name(flags, "create namespace")?;
    let dry = DryRun::of(call, flags)?;
    let object = json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}, "spec": {}, "status": {}});
    send(call, flags, &object, dry)?;
    DONE
}

pub fn run(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    if !flags.given("image") {
        return fail("required flag(s) \"image\" not set");
    }
    let Some(name) = flags.args.first() else { return usage("run", "NAME is required for run") };
    let dry = DryRun::of(call, flags)?;
    let mut container = json!({"image": flags.text("image"), "name": name, "resources": {}});
    let words = &flags.args[1..];
    if !words.is_empty() {
        container[if flags.on("command") { "command" } else { "args" }] = json!(words);
    }
    let env: Vec<Value> = flags
        .all("env")
        .filter_map(|it| it.split_once('='))
        .map(|(key, value)| json!({"name": key, "value": value}))
        .collect();
    if !env.is_empty() {
        container["env"] = Value::Array(env);
    }
    if let Some(port) = flags.number("port") {
        container["ports"] = json!([{"containerPort": port}]);
    }
    for (flag, field) in [("image-pull-policy", "imagePullPolicy")] {
        if flags.given(flag) {
            container[field] = flags.text(flag).into();
        }
    }
    for field in ["stdin", "tty"] {
        if flags.on(field) {
            container[field] = true.into();
        }
    }
    if flags.on("stdin") {
        container["stdinOnce"] = true.into();
    }
    let given: serde_json::Map<String, Value> = flags
        .list("labels")
        .filter_map(|it| it.split_once('='))
        .map(|(key, value)| (key.to_owned(), value.into()))
        .collect();
    let labels = if given.is_empty() { json!({"run": name}) } else { Value::Object(given) };
    let restart = if flags.given("restart") { flags.text("restart") } else { "Always" };
    let mut object = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"labels": labels, "name": name},
        "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart},
        "status": {},
    });
    if flags.given("namespace") {
        set(&mut object, "metadata.namespace", flags.text("namespace").into());
    }
    send(call, flags, &object, dry)?;
    DONE
}
