//! `set env`, `set resources`, `set serviceaccount`.
//!
//! Follows kubernetes v1.36 kubectl/pkg/cmd/set.

use serde_json::{Map, Value, json};
use sim::Gather as _;

use super::{DONE, DryRun, Next, change_flags, tell};
use crate::Call;
use crate::args::{self, Found};
use crate::client::{Failure, Method, PatchType, Request, fail};
use crate::flags::Flags;
use crate::json::{at, list, plain, text};

pub const ENV: &str = change_flags!(
    "selector,l= all! local! env,e= from= prefix= keys= containers,c= list! resolve! overwrite!"
);
pub const RESOURCES: &str = change_flags!("selector,l= all! local! limits= requests= containers,c=");
pub const ACCOUNT: &str = change_flags!("selector,l= all! local!");

/// Where an object keeps its Pods' spec.
fn spec_path(it: &Found) -> &'static str {
    if it.resource.is("pods") { "spec" } else { "spec.template.spec" }
}

fn chosen<'a>(flags: &Flags, it: &'a Found) -> Vec<&'a Value> {
    let pattern = if flags.given("containers") { flags.text("containers") } else { "*" };
    let fits = |name: &str| match pattern.strip_suffix('*') {
        Some(start) => name.starts_with(start),
        None => name == pattern,
    };
    list(at(&it.object, spec_path(it)), "containers").iter().filter(|it| fits(text(it, "name"))).gather()
}

/// Sends a change of the Pods' spec.
fn patch(
    call: &mut Call,
    flags: &Flags,
    it: &Found,
    change: Value,
    (what, action): (&str, &str),
    dry: DryRun,
) -> Result<(), Failure> {
    if flags.on("local") {
        return fail("--local is not supported here; change the file");
    }
    if dry == DryRun::Client {
        return tell(call, flags, &it.object, what, dry);
    }
    let mut body = json!({});
    crate::json::set(&mut body, spec_path(it), change);
    let request = Request::new(Method::Patch(PatchType::Strategic), it.resource, &it.namespace, &it.name);
    let object = call
        .request(&request.body(body).query("fieldManager", "kubectl-set").query("dryRun", dry.query()))
        .map_err(|e| {
            Failure::Text(format!("failed to patch {action} update to pod template {}", e.message()))
        })?;
    let same = object["metadata"]["resourceVersion"] == it.object["metadata"]["resourceVersion"];
    if same { Ok(()) } else { tell(call, flags, &object, what, dry) }
}

pub fn env(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    if flags.given("from") {
        return fail("--from is not supported here; use envFrom in the manifest");
    }
    let is_change = |it: &String| it.contains('=') || it.ends_with('-');
    let (mut changes, names): (Vec<String>, Vec<String>) = flags.args.iter().cloned().partition(is_change);
    changes.extend(flags.all("env").map(str::to_owned));
    if names.is_empty() && !flags.given("filename") {
        return fail("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    if changes.is_empty() && !flags.on("list") {
        return fail("at least one environment variable must be provided");
    }
    let dry = DryRun::of(call, flags)?;
    let (found, mut failures) = args::find(call, flags, &names)?;
    for it in found {
        let mut containers = Vec::new();
        for container in chosen(flags, &it) {
            if flags.on("list") {
                list_env(call, &it, container, &changes);
                continue;
            }
            let env: Vec<Value> = changes
                .iter()
                .map(|it| match it.split_once('=') {
                    Some((key, value)) => json!({"name": key, "value": value, "valueFrom": null}),
                    None => json!({"name": it.trim_end_matches('-'), "$patch": "delete"}),
                })
                .gather();
            containers.push(json!({"name": text(container, "name"), "env": env}));
        }
        if flags.on("list") {
            continue;
        }
        if containers.is_empty() {
            failures.push(Failure::Text(format!(
                "{} {:?} does not have any containers matching {:?}",
                it.resource.qualified(),
                it.name,
                flags.text("containers")
            )));
            continue;
        }
        if let Err(failure) =
            patch(call, flags, &it, json!({"containers": containers}), ("env updated", "env"), dry)
        {
            failures.push(failure);
        }
    }
    Failure::gather(failures)?;
    DONE
}

fn list_env(call: &mut Call, it: &Found, container: &Value, changes: &[String]) {
    call.say(&format!("# {} {}, container {}", it.resource.kind, it.name, text(container, "name")));
    let mut all: Vec<(String, String)> = Vec::new();
    for env in list(container, "env") {
        let source = at(env, "valueFrom").as_object().and_then(|it| it.iter().next());
        let shown = match source {
            None => format!("{}={}", text(env, "name"), text(env, "value")),
            Some((_, from)) => {
                let (name, key) = (text(from, "name"), text(from, "key"));
                let of = if key.is_empty() {
                    text(from, "fieldPath").to_owned()
                } else {
                    format!("{name}, key {key}")
                };
                format!("# {} from {of}", text(env, "name"))
            }
        };
        all.push((text(env, "name").to_owned(), shown));
    }
    for change in changes {
        let key = change.split('=').next().unwrap_or("").trim_end_matches('-').to_owned();
        let place = all.iter().position(|it| it.0 == key);
        match (place, change.contains('=')) {
            (Some(place), true) => all[place].1.clone_from(change),
            (None, true) => all.push((key, change.clone())),
            (Some(place), false) => {
                all.remove(place);
            }
            (None, false) => {}
        }
    }
    for (_, line) in all {
        call.say(&line);
    }
}

/// `cpu=1,memory=2Gi`; zero means that it is taken away.
fn amounts(spec: &str) -> Result<Map<String, Value>, Failure> {
    let mut all = Map::new();
    for word in spec.split(',').filter(|it| !it.is_empty()) {
        let Some((name, amount)) = word.split_once('=') else {
            return fail(format!("invalid argument syntax {word:?}, expected <resource>=<quantity>"));
        };
        let parsed = api::quantity::parse(amount);
        let Ok(parsed) = parsed else {
            return fail(
                "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
            );
        };
        let value = if parsed.milli_value() == 0 { Value::Null } else { amount.into() };
        all.insert(name.to_owned(), value);
    }
    Ok(all)
}

pub fn resources(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    if flags.text("limits").is_empty() && flags.text("requests").is_empty() {
        return fail("you must specify an update to requests or limits (in the form of --requests/--limits)");
    }
    let mut change = json!({});
    for side in ["limits", "requests"] {
        let amounts = amounts(flags.text(side))?;
        if !amounts.is_empty() {
            change[side] = Value::Object(amounts);
        }
    }
    let dry = DryRun::of(call, flags)?;
    let (found, mut failures) = args::find(call, flags, &flags.args)?;
    for it in found {
        let containers: Vec<Value> = chosen(flags, &it)
            .into_iter()
            .map(|it| json!({"name": plain(at(it, "name")), "resources": change}))
            .gather();
        if containers.is_empty() {
            let wanted = flags.text("containers");
            failures.push(Failure::Text(format!("unable to find container named {wanted}")));
            continue;
        }
        let words = ("resource requirements updated", "resources");
        if let Err(failure) = patch(call, flags, &it, json!({"containers": containers}), words, dry) {
            failures.push(failure);
        }
    }
    Failure::gather(failures)?;
    DONE
}

pub fn service_account(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let Some((account, names)) = flags.args.split_last() else {
        return fail("serviceaccount is required");
    };
    let dry = DryRun::of(call, flags)?;
    let (found, mut failures) = args::find(call, flags, names)?;
    for it in found {
        let change = json!({"serviceAccountName": account});
        let words = ("serviceaccount updated", "serviceaccount");
        if let Err(failure) = patch(call, flags, &it, change, words, dry) {
            failures.push(failure);
        }
    }
    Failure::gather(failures)?;
    DONE
}
