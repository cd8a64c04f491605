//! Verbs that patch one field: `scale`, `label`, `annotate`, `cordon`, `uncordon`, `set image`, `rollout restart`.

use serde_json::{Value, json};

use super::{DONE, DryRun, Next, change_flags, tell};
use crate::args::{self, Found};
use crate::client::{Failure, Method, PatchType, Request, fail, usage};
use crate::flags::Flags;
use crate::json::{at, list, plain, text};
use crate::{Call, age};

pub const SCALE: &str =
    change_flags!("replicas# current-replicas# resource-version= selector,l= all! timeout%");
pub const LABEL: &str = change_flags!(
    "selector,l= all! all-namespaces,A! overwrite! list! resource-version= field-selector= local!"
);
pub const CORDON: &str = change_flags!("selector,l=");
pub const IMAGE: &str = change_flags!("selector,l= all! local!");
pub const RESTART: &str = change_flags!("selector,l=");

fn patch(call: &mut Call, it: &Found, kind: PatchType, change: Value, dry: DryRun) -> Result<Value, Failure> {
    if dry == DryRun::Client {
        return Ok(it.object.clone());
    }
    let request = Request::new(Method::Patch(kind), it.resource, &it.namespace, &it.name).body(change);
    call.request(&request.query("dryRun", dry.query()))
}

pub fn scale(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let Some(replicas) = flags.number("replicas") else {
        return fail("required flag(s) \"replicas\" not set");
    };
    if replicas < 0 {
        return fail("The --replicas=COUNT flag is required, and COUNT must be greater than or equal to 0");
    }
    let dry = DryRun::of(call, flags)?;
    let (found, mut failures) = args::find(call, flags, &flags.args)?;
    for it in found {
        if !matches!(
            it.resource.plural,
            "deployments" | "replicasets" | "statefulsets" | "replicationcontrollers"
        ) {
            failures.push(Failure::Plain(
                "Error from server (NotFound): the server could not find the requested resource".into(),
            ));
            continue;
        }
        if let Some(wanted) = flags.number("current-replicas").filter(|it| 0 <= *it)
            && wanted != crate::json::int(&it.object, "spec.replicas")
        {
            failures.push(Failure::Text(format!(
                "Expected replicas to be {wanted}, was {}",
                crate::json::int(&it.object, "spec.replicas")
            )));
            continue;
        }
        match patch(call, &it, PatchType::Merge, json!({"spec": {"replicas": replicas}}), dry) {
            Ok(object) => tell(call, flags, &object, "scaled", dry)?,
            Err(failure) => failures.push(failure),
        }
    }
    Failure::gather(failures)?;
    DONE
}

pub fn label(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    pairs(call, flags, "labels", "label", "labeled", "unlabeled")
}

pub fn annotate(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    pairs(call, flags, "annotations", "annotation", "annotated", "annotated")
}

/// kubectl itself looks at labels' values.
fn check_values(changes: &[String]) -> Result<(), Failure> {
    for (word, value) in changes.iter().filter_map(|it| Some((it, it.split_once('=')?.1))) {
        let problems = api::syntax::label_value(value);
        if !problems.is_empty() {
            return fail(format!("invalid label value: {word:?}: {}", problems.join("; ")));
        }
    }
    Ok(())
}

fn pairs(
    call: &mut Call,
    flags: &Flags,
    field: &str,
    word: &str,
    done: &str,
    undone: &str,
) -> Result<Next, Failure> {
    let is_change = |it: &&String| {
        it.contains('=')
            || (it.ends_with('-') && !it.contains('/'))
            || it.rsplit('/').next().is_some_and(|it| it.ends_with('-'))
    };
    let split = flags.args.iter().position(|it| is_change(&it)).unwrap_or(flags.args.len());
    let (names, changes) = flags.args.split_at(split);
    if names.is_empty() && !flags.given("filename") {
        return fail("one or more resources must be specified as <resource> <name> or <resource>/<name>");
    }
    if changes.is_empty() && !flags.on("list") {
        return fail(format!("at least one {word} update is required"));
    }
    if field == "labels" {
        check_values(changes)?;
    }
    let dry = DryRun::of(call, flags)?;
    let (found, mut failures) = args::find(call, flags, names)?;
    for it in found {
        let current = at(at(&it.object, "metadata"), field);
        let mut change = serde_json::Map::new();
        let (mut set, mut clash) = (false, None);
        for word in changes {
            if let Some((key, value)) = word.split_once('=') {
                set = true;
                if current.get(key).is_some_and(|old| old != value) && !flags.on("overwrite") {
                    clash = Some((key.to_owned(), plain(&current[key])));
                }
                change.insert(key.to_owned(), value.into());
            } else {
                let key = word.trim_end_matches('-');
                if current.get(key).is_none() && field == "labels" {
                    call.say(&format!("label {key:?} not found."));
                }
                change.insert(key.to_owned(), Value::Null);
            }
        }
        if let Some((key, value)) = clash {
            let name = if field == "labels" {
                format!("'{key}' already has a value ({value}), and --overwrite is false")
            } else {
                format!(
                    "--overwrite is false but found the following declared annotation(s): '{key}' already has a value ({value})"
                )
            };
            failures.push(Failure::Text(name));
            continue;
        }
        let same = change.iter().all(|(key, value)| current.get(key).unwrap_or(&Value::Null) == value);
        match patch(call, &it, PatchType::Merge, json!({"metadata": {field: change}}), dry) {
            Ok(object) => {
                let what = match (same && field == "labels", set) {
                    (true, _) => format!("not {done}"),
                    (false, true) => done.to_owned(),
                    (false, false) => undone.to_owned(),
                };
                tell(call, flags, &object, &what, dry)?;
            }
            Err(failure) => failures.push(failure),
        }
    }
    Failure::gather(failures)?;
    DONE
}

pub fn cordon(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    schedulable(call, flags, true)
}

pub fn uncordon(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    schedulable(call, flags, false)
}

fn schedulable(call: &mut Call, flags: &Flags, closed: bool) -> Result<Next, Failure> {
    let verb = if closed { "cordon" } else { "uncordon" };
    if flags.args.is_empty() && flags.text("selector").is_empty() {
        return usage(verb, &format!("USAGE: {verb} NODE [flags]"));
    }
    let dry = DryRun::of(call, flags)?;
    let mut words = vec!["nodes".to_owned()];
    words.extend(flags.args.iter().map(|it| it.rsplit('/').next().unwrap_or(it).to_owned()));
    let (found, failures) = args::find(call, flags, &words)?;
    for it in found {
        let already = crate::json::is_true(&it.object, "spec.unschedulable") == closed;
        if !already {
            let value = if closed { Value::Bool(true) } else { Value::Null };
            patch(call, &it, PatchType::Strategic, json!({"spec": {"unschedulable": value}}), dry)?;
        }
        let already = if already { "already " } else { "" };
        call.say(&format!("node/{} {already}{verb}ed{}", it.name, dry.suffix()));
    }
    Failure::gather(failures)?;
    DONE
}

pub fn image(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let (changes, names): (Vec<String>, Vec<String>) =
        flags.args.iter().cloned().partition(|it| it.contains('='));
    if names.is_empty() && !flags.given("filename") {
        return fail(args::NOTHING_NAMED);
    }
    args::targets(&names)?;
    if changes.is_empty() {
        return fail("at least one image update is required");
    }
    let dry = DryRun::of(call, flags)?;
    let (found, mut failures) = args::find(call, flags, &names)?;
    for it in found {
        let path = if it.resource.is("pods") { "spec" } else { "spec.template.spec" };
        let containers = list(at(&it.object, path), "containers");
        let mut images = Vec::new();
        for change in &changes {
            let (name, image) = change.split_once('=').unwrap_or((change, ""));
            let before = images.len();
            for container in containers.iter().filter(|it| name == "*" || text(it, "name") == name) {
                images.push(json!({"name": text(container, "name"), "image": image}));
            }
            if images.len() == before {
                failures.push(Failure::Text(format!("unable to find container named {name:?}")));
            }
        }
        let same = images
            .iter()
            .all(|new| containers.iter().any(|it| it["name"] == new["name"] && it["image"] == new["image"]));
        if images.is_empty() || same {
            continue;
        }
        let mut body = json!({});
        crate::json::set(&mut body, &format!("{path}.containers"), Value::Array(images));
        match patch(call, &it, PatchType::Strategic, body, dry) {
            Ok(object) => tell(call, flags, &object, "image updated", dry)?,
            Err(failure) => failures.push(failure),
        }
    }
    Failure::gather(failures)?;
    DONE
}

pub fn restart(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let (found, failures) = args::find(call, flags, &flags.args)?;
    for it in found {
        let (kind, name) = (it.resource.qualified(), &it.name);
        if at(&it.object, "spec.template").is_null() {
            return fail(format!("{kind} {name:?} restarting is not supported"));
        }
        if crate::json::is_true(&it.object, "spec.paused") {
            return fail(format!(
                "{kind} {name:?} can't restart paused deployment (run rollout resume first)"
            ));
        }
        let stamp = json!({"kubectl.kubernetes.io/restartedAt": age::rfc3339(call.now)});
        let change = json!({"spec": {"template": {"metadata": {"annotations": stamp}}}});
        let object = patch(call, &it, PatchType::Strategic, change, DryRun::No)?;
        tell(call, flags, &object, "restarted", DryRun::No)?;
    }
    Failure::gather(failures)?;
    DONE
}
