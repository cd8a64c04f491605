//! `rollout status`.

use std::time::Duration;

use serde_json::Value;
use sim::SimTime;

use super::{DONE, Next, Task, file_flags};
use crate::Call;
use crate::args;
use crate::client::{Failure, fail};
use crate::flags::Flags;
use crate::json::{int, list, text};

pub const STATUS: &str = file_flags!("watch,w! timeout% revision# selector,l=");

/// A rollout that is watched.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rollout {
    resource: crate::Resource,
    namespace: String,
    name: String,
    last: String,
    until: Option<SimTime>,
    watch: bool,
}

pub fn status(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let (found, failures) = args::find(call, flags, &flags.args)?;
    Failure::gather(failures)?;
    let Some(it) = found.first() else { return fail(args::NOTHING_NAMED) };
    if !matches!(it.resource.plural, "deployments" | "statefulsets" | "daemonsets") {
        return fail(format!("no status viewer has been implemented for {}", it.resource.kind));
    }
    let until =
        flags.duration("timeout").filter(|it| 0 < *it).map(|it| call.now + Duration::from_micros(it as u64));
    let (namespace, name) = (it.namespace.clone(), it.name.clone());
    Rollout {
        resource: it.resource,
        namespace,
        name,
        last: String::new(),
        until,
        watch: flags.on_unless_off("watch"),
    }
    .step(call)
}

/// What is still to come, or that it is done.
// Follows kubernetes v1.36 kubectl/pkg/polymorphichelpers: DeploymentStatusViewer.Status.
fn progress(it: &Value) -> Result<(String, bool), Failure> {
    let name = text(it, "metadata.name");
    if int(it, "status.observedGeneration") < int(it, "metadata.generation") {
        return Ok(("Waiting for deployment spec update to be observed...".into(), false));
    }
    let late =
        |it: &&Value| text(it, "type") == "Progressing" && text(it, "reason") == "ProgressDeadlineExceeded";
    if list(it, "status.conditions").iter().any(|it| late(&it)) {
        return fail(format!("deployment {name:?} exceeded its progress deadline"));
    }
    let (wanted, updated) = (int(it, "spec.replicas"), int(it, "status.updatedReplicas"));
    let (total, available) = (int(it, "status.replicas"), int(it, "status.availableReplicas"));
    let still = if updated < wanted {
        format!("{updated} out of {wanted} new replicas have been updated...")
    } else if updated < total {
        format!("{} old replicas are pending termination...", total - updated)
    } else if available < updated {
        format!("{available} of {updated} updated replicas are available...")
    } else {
        return Ok((format!("deployment {name:?} successfully rolled out"), true));
    };
    Ok((format!("Waiting for deployment {name:?} rollout to finish: {still}"), false))
}

/// The same for what has no ReplicaSets.
// Follows kubernetes v1.36 kubectl/pkg/polymorphichelpers: DaemonSetStatusViewer, StatefulSetStatusViewer.
fn of_each(it: &Value, daemon_set: bool) -> (String, bool) {
    let name = text(it, "metadata.name");
    let waits = |still: String| (still, false);
    if int(it, "status.observedGeneration") < int(it, "metadata.generation") {
        let word = if daemon_set { "daemon set" } else { "statefulset" };
        return waits(format!("Waiting for {word} spec update to be observed..."));
    }
    if daemon_set {
        let wanted = int(it, "status.desiredNumberScheduled");
        let (updated, available) =
            (int(it, "status.updatedNumberScheduled"), int(it, "status.numberAvailable"));
        let still = if updated < wanted {
            format!("{updated} out of {wanted} new pods have been updated...")
        } else if available < wanted {
            format!("{available} of {wanted} updated pods are available...")
        } else {
            return (format!("daemon set {name:?} successfully rolled out"), true);
        };
        return waits(format!("Waiting for daemon set {name:?} rollout to finish: {still}"));
    }
    let (wanted, ready) = (int(it, "spec.replicas"), int(it, "status.readyReplicas"));
    if ready < wanted {
        return waits(format!("Waiting for {} pods to be ready...", wanted - ready));
    }
    (
        format!(
            "statefulset rolling update complete {ready} pods at revision {}...",
            text(it, "status.currentRevision")
        ),
        true,
    )
}

impl Rollout {
    pub fn step(mut self, call: &mut Call) -> Result<Next, Failure> {
        if call.interrupted {
            return Ok(Next::Exit(130));
        }
        let found = args::get(call, self.resource, &self.namespace, &self.name)?;
        let (line, done) = match self.resource.plural {
            "deployments" => progress(&found.object)?,
            other => of_each(&found.object, other == "daemonsets"),
        };
        if line != self.last {
            call.say(&line);
            self.last = line;
        }
        if done || !self.watch {
            return DONE;
        }
        if self.until.is_some_and(|it| it <= call.now) {
            return fail("timed out waiting for the condition");
        }
        let until = self.until;
        Ok(Next::Wait(Task::Rollout(Box::new(self)), until))
    }
}
