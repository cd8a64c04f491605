//! `rollout history`, `undo`, `pause`, `resume`.
//!
//! Follows kubernetes v1.36 kubectl/pkg/polymorphichelpers: history.go, rollback.go, objectpauser.go.

use serde_json::{Value, json};

use super::{DONE, DryRun, Next, change_flags, file_flags, tell};
use crate::Call;
use crate::args::{self, Found};
use crate::client::{Failure, Method, PatchType, Request, fail};
use crate::columns;
use crate::describe::workload;
use crate::flags::Flags;
use crate::json::{at, is_true};

pub const HISTORY: &str = file_flags!(
    "revision# selector,l= output,o= template= allow-missing-template-keys! show-managed-fields!"
);
pub const UNDO: &str = change_flags!("to-revision# selector,l=");
pub const PAUSE: &str = change_flags!("selector,l=");

const CAUSE: &str = "kubernetes.io/change-cause";
/// Annotations of a ReplicaSet that a Deployment does not get back.
const OWN: [&str; 5] = [
    "kubectl.kubernetes.io/last-applied-configuration",
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/revision-history",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
];

fn found(call: &mut Call, flags: &Flags) -> Result<Vec<Found>, Failure> {
    let (found, failures) = args::find(call, flags, &flags.args)?;
    Failure::gather(failures)?;
    Ok(found)
}

fn cause_of(set: &Value) -> &str {
    at(set, "metadata.annotations").get(CAUSE).and_then(Value::as_str).unwrap_or("")
}

pub fn history(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    if flags.given("output") {
        return fail("rollout history prints no objects here; use kubectl get replicasets -o yaml");
    }
    for it in found(call, flags)? {
        let name = crate::output::named(&it.resource, &it.name);
        if matches!(it.resource.plural, "statefulsets" | "daemonsets") {
            call.say(&format!("{name} \nNo rollout history found."));
            continue;
        }
        if !it.resource.is("deployments") {
            return fail(format!("no history viewer has been implemented for {:?}", it.resource.kind));
        }
        let sets = workload::replica_sets(call, &it.object)?;
        if let Some(wanted) = flags.number("revision").filter(|it| *it != 0) {
            if wanted < 0 {
                return fail(format!("revision must be a positive integer: {wanted}"));
            }
            let Some(set) = sets.iter().find(|it| workload::revision(it) == wanted) else {
                return fail("unable to find the specified revision");
            };
            let mut template = at(set, "spec.template").clone();
            if !cause_of(set).is_empty() {
                crate::json::slot(&mut template, "metadata.annotations")[CAUSE] = cause_of(set).into();
            }
            let page = crate::describe::pod_template(&template);
            call.say(&format!("{name} with revision #{wanted}\n{page}"));
            continue;
        }
        let mut rows = "REVISION\tCHANGE-CAUSE\n".to_owned();
        for set in &sets {
            let cause = cause_of(set);
            let cause = if cause.is_empty() { "<none>" } else { cause };
            rows = format!("{rows}{}\t{cause}\n", workload::revision(set));
        }
        call.say(&format!("{name} \n{}", columns::align(&rows, 0, 2)));
    }
    DONE
}

pub fn undo(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let dry = DryRun::of(call, flags)?;
    for it in found(call, flags)? {
        if !it.resource.is("deployments") {
            return fail(format!("no rollbacker has been implemented for {:?}", it.resource.kind));
        }
        if is_true(&it.object, "spec.paused") {
            return fail(
                "you cannot rollback a paused deployment; resume it first with 'kubectl rollout resume' and try again",
            );
        }
        let sets = workload::replica_sets(call, &it.object)?;
        let set = match flags.number("to-revision").unwrap_or(0) {
            wanted @ ..0 => return fail(format!("unable to find specified revision {wanted} in history")),
            0 => match sets.len().checked_sub(2).map(|it| &sets[it]) {
                Some(set) => set,
                None => return fail(format!("no rollout history found for deployment {:?}", it.name)),
            },
            wanted => match sets.iter().find(|it| workload::revision(it) == wanted) {
                Some(set) => set,
                None => return fail(format!("unable to find specified revision {wanted} in history")),
            },
        };
        let template = workload::bare_template(set);
        if dry == DryRun::Client {
            let page = crate::describe::pod_template(&template);
            call.say(&format!("{} {page}", crate::output::named(&it.resource, &it.name)));
            continue;
        }
        if template == workload::bare_template(&it.object) {
            let revision = workload::revision(set);
            tell(
                call,
                flags,
                &it.object,
                &format!("skipped rollback (current template already matches revision {revision})"),
                dry,
            )?;
            continue;
        }
        let patch = json!([
            {"op": "replace", "path": "/spec/template", "value": template},
            {"op": "replace", "path": "/metadata/annotations", "value": annotations(&it.object, set)},
        ]);
        let request =
            Request::new(Method::Patch(PatchType::Json), it.resource, &it.namespace, &it.name).body(patch);
        let object = call
            .request(&request.query("fieldManager", "kubectl-rollout").query("dryRun", dry.query()))
            .map_err(|e| {
                Failure::Text(format!(
                    "failed restoring revision {}: {}",
                    workload::revision(set),
                    e.message()
                ))
            })?;
        tell(call, flags, &object, "rolled back", dry)?;
    }
    DONE
}

/// The Deployment's own bookkeeping, with everything else as the revision had it.
fn annotations(deployment: &Value, set: &Value) -> Value {
    let own = |it: &Value, keep: bool| -> serde_json::Map<String, Value> {
        let all = at(it, "metadata.annotations").as_object().cloned().unwrap_or_default();
        all.into_iter().filter(|it| OWN.contains(&it.0.as_str()) == keep).collect()
    };
    let mut kept = own(deployment, true);
    kept.extend(own(set, false));
    Value::Object(kept)
}

pub fn pause(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    set_paused(call, flags, true)
}

pub fn resume(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    set_paused(call, flags, false)
}

fn set_paused(call: &mut Call, flags: &Flags, paused: bool) -> Result<Next, Failure> {
    let mut failures = Vec::new();
    for it in found(call, flags)? {
        let kind = it.resource.qualified();
        if !it.resource.is("deployments") {
            let word = if paused { "pausing" } else { "resuming" };
            failures.push(Failure::Text(format!("{kind} {:?} {word} is not supported", it.name)));
            continue;
        }
        if is_true(&it.object, "spec.paused") == paused {
            let word = if paused { "is already paused" } else { "is not paused" };
            failures.push(Failure::Text(format!("{kind} {:?} {word}", it.name)));
            continue;
        }
        let value = if paused { Value::Bool(true) } else { Value::Null };
        let request = Request::new(Method::Patch(PatchType::Strategic), it.resource, &it.namespace, &it.name);
        match call.request(&request.body(json!({"spec": {"paused": value}}))) {
            Ok(object) => tell(call, flags, &object, if paused { "paused" } else { "resumed" }, DryRun::No)?,
            Err(failure) => failures.push(failure),
        }
    }
    Failure::gather(failures)?;
    DONE
}
