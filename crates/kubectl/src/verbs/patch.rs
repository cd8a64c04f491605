//! `patch` and `taint`.

use serde_json::{Value, json};

use super::{DONE, DryRun, Next, change_flags, tell};
use crate::args;
use crate::client::{Failure, Method, PatchType, Request, fail, usage};
use crate::flags::Flags;
use crate::json::{list, text};
use crate::{Call, manifest};

pub const PATCH: &str = change_flags!("patch,p= patch-file= type= subresource= local!");
pub const TAINT: &str = change_flags!("selector,l= all! overwrite! validate~strict");

pub fn patch(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let kind = match flags.text("type") {
        "" | "strategic" => PatchType::Strategic,
        "merge" => PatchType::Merge,
        "json" => PatchType::Json,
        other => return fail(format!("--type must be one of [json merge strategic], not {other:?}")),
    };
    let source = if flags.given("patch-file") {
        let path = manifest::absolute(call, flags.text("patch-file"));
        let bytes = call.world.read_file(&path).map_err(Failure::Text)?;
        String::from_utf8_lossy(&bytes).into_owned()
    } else if flags.text("patch").is_empty() {
        return fail("must specify --patch or --patch-file containing the contents of the patch");
    } else {
        flags.text("patch").to_owned()
    };
    let read = api::yaml::read(&source).into_iter().next();
    let body = match read {
        Some(Ok(document)) => document.value,
        Some(Err(error)) => return fail(format!("unable to parse {source:?}: {}", error.message)),
        None => return fail("unable to parse the patch"),
    };
    let dry = DryRun::of(call, flags)?;
    let subresource = ["status", "scale", "resize", "ephemeralcontainers"]
        .into_iter()
        .find(|it| *it == flags.text("subresource"));
    let (found, mut failures) = args::find(call, flags, &flags.args)?;
    for it in found {
        let request = Request::new(Method::Patch(kind), it.resource, &it.namespace, &it.name)
            .body(body.clone())
            .subresource(subresource.unwrap_or(""))
            .query("fieldManager", "kubectl-patch")
            .query("fieldValidation", "Warn")
            .query("dryRun", dry.query());
        match call.request(&request) {
            Ok(object) => {
                let same = object == it.object;
                tell(call, flags, &object, if same { "patched (no change)" } else { "patched" }, dry)?;
            }
            Err(failure) => failures.push(failure),
        }
    }
    Failure::gather(failures)?;
    DONE
}

/// `key=value:Effect`, or nothing.
// Follows kubernetes v1.36 kubectl/pkg/cmd/taint: parseTaint.
fn parse(word: &str) -> Result<Value, Failure> {
    let wrong = |why: &str| usage("taint", &format!("invalid taint spec: {word}{why}"));
    let (left, effect) = word.split_once(':').unwrap_or((word, ""));
    // Without an effect all of it is the key.
    let pair = if effect.is_empty() { None } else { left.split_once('=') };
    let (key, value) = pair.unwrap_or((left, ""));
    if effect.contains(':') || value.contains('=') {
        return wrong("");
    }
    let mut problems = api::syntax::qualified_name(key);
    problems.extend(api::syntax::label_value(value));
    if !problems.is_empty() {
        return wrong(&[", ", &problems.join("; ")].concat());
    }
    let mut taint = json!({"key": key});
    if !value.is_empty() {
        taint["value"] = value.into();
    }
    if !effect.is_empty() {
        if !matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute") {
            return usage("taint", &format!("invalid taint effect: {effect}, unsupported taint effect"));
        }
        taint["effect"] = effect.into();
    }
    Ok(taint)
}

pub fn taint(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let is_change = |it: &String| it.contains(['=', ':']) || it.ends_with('-');
    let (changes, names): (Vec<String>, Vec<String>) = flags.args.iter().cloned().partition(is_change);
    if names.is_empty() {
        return fail("one or more resources must be specified as <resource> <name>");
    }
    if args::resource(names[0].split('/').next().unwrap_or("")).is_ok_and(|it| !it.is("nodes")) {
        return fail(format!("invalid resource type {}, only node types are supported", names[0]));
    }
    if changes.is_empty() {
        return fail("at least one taint update is required");
    }
    let (mut add, mut gone) = (Vec::new(), Vec::new());
    for word in &changes {
        match word.strip_suffix('-') {
            Some(word) => gone.push(parse(word)?),
            None => add.push(parse(word)?),
        }
    }
    if let Some(it) = add.iter().find(|it| it.get("effect").is_none()) {
        return usage("taint", &format!("invalid taint spec: {}", text(it, "key")));
    }
    let dry = DryRun::of(call, flags)?;
    let (found, mut failures) = args::find(call, flags, &names)?;
    for it in found {
        let mut taints = list(&it.object, "spec.taints").to_vec();
        let same = |a: &Value, b: &Value| a["key"] == b["key"] && a["effect"] == b["effect"];
        let mut missing = None;
        for old in &gone {
            let before = taints.len();
            taints.retain(|it| {
                !(it["key"] == old["key"] && (old.get("effect").is_none() || it["effect"] == old["effect"]))
            });
            if taints.len() == before {
                let effect =
                    old.get("effect").map_or(String::new(), |it| format!(":{}", it.as_str().unwrap_or("")));
                missing = Some(format!("taint \"{}{effect}\" not found", text(old, "key")));
            }
        }
        if let Some(missing) = missing {
            failures.push(Failure::Text(missing));
            continue;
        }
        let clash = add.iter().find(|new| taints.iter().any(|it| same(it, new)));
        if let (Some(new), false) = (clash, flags.on("overwrite")) {
            failures.push(Failure::Text(format!(
                "node {} already has {} taint(s) with same effect(s) and --overwrite is false",
                it.name,
                text(new, "key")
            )));
            continue;
        }
        let what = match (clash.is_some(), add.is_empty()) {
            (true, _) => "modified",
            (false, true) => "untainted",
            (false, false) => "tainted",
        };
        taints.retain(|old| !add.iter().any(|new| same(old, new)));
        let mut all = add.clone();
        all.append(&mut taints);
        if dry != DryRun::Client {
            let value = if all.is_empty() { Value::Null } else { Value::Array(all) };
            let request = Request::new(Method::Patch(PatchType::Merge), it.resource, "", &it.name);
            call.request(&request.body(json!({"spec": {"taints": value}})).query("dryRun", dry.query()))?;
        }
        tell(call, flags, &it.object, what, dry)?;
    }
    Failure::gather(failures)?;
    DONE
}
