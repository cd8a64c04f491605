//! What makes Pods: Deployments, ReplicaSets, StatefulSets, DaemonSets, Jobs.

use serde_json::Value;
use sim::{Gather as _, Sort as _};

use super::{Page, controller, pod};
use crate::Call;
use crate::age;
use crate::args::pods_of;
use crate::client::{Failure, Method, Request};
use crate::json::{at, entries, has, int, labels, list, plain, text};
use crate::resources::{self, Resource};
use crate::table::label_selector;

// Follows kubernetes v1.36 kubectl/pkg/describe: DescribePodTemplate.
pub fn template(page: &mut Page, it: &Value) {
    page.line(0, "Pod Template:");
    page.labels("  Labels", at(it, "metadata.labels"));
    if entries(it, "metadata.annotations").next().is_some() {
        page.annotations_titled("  Annotations:", at(it, "metadata.annotations"));
    }
    let spec = at(it, "spec");
    if !text(spec, "serviceAccountName").is_empty() {
        page.pair(1, "Service Account", text(spec, "serviceAccountName"));
    }
    if !list(spec, "initContainers").is_empty() {
        pod::containers(page, "Init Containers", list(spec, "initContainers"), &[], None, "  ");
    }
    pod::containers(page, "Containers", list(spec, "containers"), &[], None, "  ");
    pod::volumes(page, list(spec, "volumes"), "  ");
    pod::spread(page, list(spec, "topologySpreadConstraints"), "  ");
    if !text(spec, "priorityClassName").is_empty() {
        page.pair(1, "Priority Class Name", text(spec, "priorityClassName"));
    }
    page.labels("  Node-Selectors", at(spec, "nodeSelector"));
    pod::tolerations(page, "  ", list(spec, "tolerations"));
}

fn conditions(page: &mut Page, it: &Value) {
    if list(it, "status.conditions").is_empty() {
        return;
    }
    page.line(0, "Conditions:\n  Type\tStatus\tReason");
    page.line(1, "----\t------\t------");
    for it in list(it, "status.conditions") {
        page.line(1, &format!("{} \t{}\t{}", text(it, "type"), text(it, "status"), text(it, "reason")));
    }
}

/// The ReplicaSets of a Deployment, oldest revision first.
pub fn replica_sets(call: &mut Call, it: &Value) -> Result<Vec<Value>, Failure> {
    let request =
        Request::new(Method::List, resources::of_plural("replicasets"), text(it, "metadata.namespace"), "");
    let mut all = list(&call.request(&request)?, "items").to_vec();
    let uid = text(it, "metadata.uid");
    all.retain(|set| list(set, "metadata.ownerReferences").iter().any(|it| text(it, "uid") == uid));
    all.put_in_order_by_key(revision);
    Ok(all)
}

pub fn revision(it: &Value) -> i64 {
    let annotation = at(it, "metadata.annotations").get("deployment.kubernetes.io/revision");
    annotation.and_then(|it| plain(it).parse().ok()).unwrap_or(0)
}

/// The template without what the controller adds: what tells ReplicaSets apart.
pub fn bare_template(it: &Value) -> Value {
    let mut template = at(it, "spec.template").clone();
    crate::json::remove(&mut template, "metadata.labels", "pod-template-hash");
    crate::json::remove(&mut template, "metadata", "creationTimestamp");
    template
}

// Follows kubernetes v1.36 kubectl/pkg/describe: describeDeployment.
pub fn deployment(call: &mut Call, page: &mut Page, it: &Value) -> Result<(), Failure> {
    page.pair(0, "Name", text(it, "metadata.name"));
    page.pair(0, "Namespace", text(it, "metadata.namespace"));
    page.pair(0, "CreationTimestamp", &age::rfc1123z(text(it, "metadata.creationTimestamp")));
    page.labels("Labels", at(it, "metadata.labels"));
    page.annotations(at(it, "metadata.annotations"));
    page.pair(0, "Selector", &label_selector(at(it, "spec.selector")));
    let counts = format!(
        "{} desired | {} updated | {} total | {} available | {} unavailable",
        int(it, "spec.replicas"),
        int(it, "status.updatedReplicas"),
        int(it, "status.replicas"),
        int(it, "status.availableReplicas"),
        int(it, "status.unavailableReplicas")
    );
    page.pair(0, "Replicas", &counts);
    page.pair(0, "StrategyType", text(it, "spec.strategy.type"));
    page.pair(0, "MinReadySeconds", &int(it, "spec.minReadySeconds").to_string());
    if has(it, "spec.strategy.rollingUpdate") {
        let rolling = at(it, "spec.strategy.rollingUpdate");
        let (down, up) = (plain(at(rolling, "maxUnavailable")), plain(at(rolling, "maxSurge")));
        page.pair(0, "RollingUpdateStrategy", &format!("{down} max unavailable, {up} max surge"));
    }
    template(page, at(it, "spec.template"));
    conditions(page, it);
    let all = replica_sets(call, it)?;
    let wanted = bare_template(it);
    let show = |set: &Value| {
        let (have, want) = (int(set, "status.replicas"), int(set, "spec.replicas"));
        format!("{} ({have}/{want} replicas created)", text(set, "metadata.name"))
    };
    let newest = all.iter().position(|set| bare_template(set) == wanted);
    let old: Vec<String> =
        all.iter().enumerate().filter(|it| Some(it.0) != newest).map(|it| show(it.1)).gather();
    if !all.is_empty() {
        page.pair(0, "OldReplicaSets", super::none_if_empty(&old.join(", ")));
        page.pair(0, "NewReplicaSet", &newest.map_or("<none>".to_owned(), |it| show(&all[it])));
    }
    Ok(())
}

/// `2 Running / 1 Waiting / 0 Succeeded / 0 Failed`
fn pods_status(call: &mut Call, it: &Value) -> Result<String, Failure> {
    let selector = label_selector(at(it, "spec.selector"));
    let all = pods_of(call, text(it, "metadata.namespace"), &selector)?;
    let uid = text(it, "metadata.uid");
    let own = |pod: &&Value| {
        list(pod, "metadata.ownerReferences")
            .iter()
            .any(|it| at(it, "controller").as_bool() == Some(true) && text(it, "uid") == uid)
    };
    let count = |phase: &str| all.iter().filter(own).filter(|it| text(it, "status.phase") == phase).count();
    Ok(format!(
        "{} Running / {} Waiting / {} Succeeded / {} Failed",
        count("Running"),
        count("Pending"),
        count("Succeeded"),
        count("Failed")
    ))
}

pub fn replicas(call: &mut Call, page: &mut Page, resource: &Resource, it: &Value) -> Result<(), Failure> {
    let set = resource.is("replicasets");
    page.pair(0, "Name", text(it, "metadata.name"));
    page.pair(0, "Namespace", text(it, "metadata.namespace"));
    if resource.is("statefulsets") {
        page.pair(0, "CreationTimestamp", &age::rfc1123z(text(it, "metadata.creationTimestamp")));
    }
    page.pair(0, "Selector", &label_selector(at(it, "spec.selector")));
    if resource.is("daemonsets") {
        page.pair(0, "Node-Selector", &labels(it, "spec.template.spec.nodeSelector"));
    }
    page.labels("Labels", at(it, "metadata.labels"));
    page.annotations(at(it, "metadata.annotations"));
    if let (true, Some(controller)) = (set, controller(it)) {
        page.pair(0, "Controlled By", &controller);
    }
    let (have, want) = (int(it, "status.replicas"), int(it, "spec.replicas"));
    match resource.plural {
        "replicasets" => page.pair(0, "Replicas", &format!("{have} current / {want} desired")),
        "statefulsets" => {
            page.pair(0, "Replicas", &format!("{want} desired | {have} total"));
            page.pair(0, "Update Strategy", text(it, "spec.updateStrategy.type"));
            if has(it, "spec.updateStrategy.rollingUpdate.partition") {
                page.pair(
                    1,
                    "Partition",
                    &int(it, "spec.updateStrategy.rollingUpdate.partition").to_string(),
                );
            }
        }
        _ => {
            let lines = [
                ("Desired Number of Nodes Scheduled", "desiredNumberScheduled"),
                ("Current Number of Nodes Scheduled", "currentNumberScheduled"),
                ("Number of Nodes Scheduled with Up-to-date Pods", "updatedNumberScheduled"),
                ("Number of Nodes Scheduled with Available Pods", "numberAvailable"),
                ("Number of Nodes Misscheduled", "numberMisscheduled"),
            ];
            for (title, field) in lines {
                page.line(0, &format!("{title}: {}", int(at(it, "status"), field)));
            }
        }
    }
    page.pair(0, "Pods Status", &pods_status(call, it)?);
    template(page, at(it, "spec.template"));
    if set {
        conditions(page, it);
    }
    if resource.is("statefulsets") {
        claims(page, it);
    }
    Ok(())
}

fn claims(page: &mut Page, it: &Value) {
    let all = list(it, "spec.volumeClaimTemplates");
    page.line(0, if all.is_empty() { "Volume Claims:\t<none>" } else { "Volume Claims:" });
    for claim in all {
        page.pair(1, "Name", text(claim, "metadata.name"));
        page.pair(1, "StorageClass", text(claim, "spec.storageClassName"));
        page.labels("  Labels", at(claim, "metadata.labels"));
        page.annotations_titled("  Annotations:", at(claim, "metadata.annotations"));
        page.pair(1, "Capacity", &plain(at(claim, "spec.resources.requests.storage")));
        let modes: Vec<String> = list(claim, "spec.accessModes").iter().map(plain).gather();
        page.pair(1, "Access Modes", &format!("[{}]", modes.join(" ")));
    }
}

// Follows kubernetes v1.36 kubectl/pkg/describe: describeJob.
pub fn job(page: &mut Page, it: &Value) {
    page.pair(0, "Name", text(it, "metadata.name"));
    page.pair(0, "Namespace", text(it, "metadata.namespace"));
    if has(it, "spec.selector") {
        page.pair(0, "Selector", &label_selector(at(it, "spec.selector")));
    }
    page.labels("Labels", at(it, "metadata.labels"));
    page.annotations(at(it, "metadata.annotations"));
    if let Some(controller) = controller(it) {
        page.pair(0, "Controlled By", &controller);
    }
    let or_unset = |path: &str| if has(it, path) { plain(at(it, path)) } else { "<unset>".to_owned() };
    page.pair(0, "Parallelism", &or_unset("spec.parallelism"));
    page.pair(0, "Completions", &or_unset("spec.completions"));
    if has(it, "spec.completionMode") {
        page.pair(0, "Completion Mode", text(it, "spec.completionMode"));
    }
    if has(it, "spec.suspend") {
        page.pair(0, "Suspend", &plain(at(it, "spec.suspend")));
    }
    page.pair(0, "Backoff Limit", &or_unset("spec.backoffLimit"));
    if has(it, "spec.ttlSecondsAfterFinished") {
        page.pair(0, "TTL Seconds After Finished", &int(it, "spec.ttlSecondsAfterFinished").to_string());
    }
    let (start, end) = (text(it, "status.startTime"), text(it, "status.completionTime"));
    if !start.is_empty() {
        page.pair(0, "Start Time", &age::rfc1123z(start));
    }
    if !end.is_empty() {
        page.pair(0, "Completed At", &age::rfc1123z(end));
        if let (Some(start), Some(end)) = (age::micros(start), age::micros(end)) {
            page.pair(0, "Duration", &age::human(end - start));
        }
    }
    if has(it, "spec.activeDeadlineSeconds") {
        page.pair(0, "Active Deadline Seconds", &format!("{}s", int(it, "spec.activeDeadlineSeconds")));
    }
    let status = at(it, "status");
    let active = int(status, "active");
    let ready =
        if has(status, "ready") { format!(" ({} Ready)", int(status, "ready")) } else { String::new() };
    let (succeeded, failed) = (int(status, "succeeded"), int(status, "failed"));
    page.pair(
        0,
        "Pods Statuses",
        &format!("{active} Active{ready} / {succeeded} Succeeded / {failed} Failed"),
    );
    template(page, at(it, "spec.template"));
}
