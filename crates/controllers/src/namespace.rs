//! Empties a namespace that is being deleted, and lets it go when it is empty.
//!
//! Follows kubernetes v1.36 pkg/controller/namespace/deletion/namespaced_resources_deleter.go: Delete,
//! deleteAllContent, and namespace_controller.go (the wait of five seconds, the next look after half the grace period).

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use api::k8s_openapi::api::core::v1::NamespaceCondition;
use api::{Because, Kind, Namespace, Object, ObjectKey};
use apiserver::{Change, DeleteOptions, WatchEvent};
use sim::{Gather as _, SimTime};

use crate::plan::{Reconciled, Request, View};
use crate::{Controller, Wakes, pods};

/// Other components get this long to notice before the content goes.
const GRACE: Duration = Duration::from_secs(5);
/// What a finalizer is given before the next look.
const FINALIZER_SECONDS: u64 = 15;
/// The next look at what nothing explains.
const RETRY: Duration = Duration::from_millis(500);

pub(crate) fn wakes(event: &WatchEvent, wake: &mut Wakes) {
    if let Object::Namespace(namespace) = &event.object
        && event.change != Change::Deleted
        && namespace.metadata.deletion_timestamp.is_some()
        && event.before.as_ref().is_none_or(|it| it.metadata().deletion_timestamp.is_none())
    {
        wake.after(Controller::Namespace, event.key.clone(), GRACE);
    }
}

pub(crate) fn reconcile(view: &View<'_>, key: &ObjectKey, now: SimTime) -> Reconciled {
    let mut plan = Reconciled::default();
    let Some(Object::Namespace(namespace)) = view.get(key) else { return plan };
    if namespace.metadata.deletion_timestamp.is_none() {
        return plan;
    }
    let name = key.name.as_ref();
    let delete = |plan: &mut Reconciled, key: ObjectKey| {
        plan.push(Request::Delete(key, DeleteOptions::default()), Because::NamespaceGone);
    };
    let mut estimate = 0;
    let mut remaining: Vec<(Kind, usize)> = Vec::new();
    // Pods go first; as long as one is left the rest stays, so that it can end in good order.
    let mut left = 0;
    for stored in view.store.list_in(Kind::Pod, name) {
        let Object::Pod(pod) = &stored.object else { continue };
        delete(&mut plan, stored.object.key());
        // A Pod that has no node or has no time left is gone with its deletion.
        let grace =
            pod.spec.as_ref().and_then(|it| it.termination_grace_period_seconds).unwrap_or(30).max(0) as u64;
        let stays = pod.metadata.finalizers.as_ref().is_some_and(|it| !it.is_empty());
        if stays || (!pods::node_name(pod).is_empty() && 0 < grace) {
            left += 1;
            estimate = estimate.max(if pods::is_terminal(pod) { 0 } else { grace });
        }
    }
    if 0 < left {
        remaining.push((Kind::Pod, left));
    } else {
        for kind in Kind::ALL.iter().copied().filter(|it| it.info().namespaced && *it != Kind::Pod) {
            let mut left = 0;
            for stored in view.store.list_in(kind, name) {
                delete(&mut plan, stored.object.key());
                if stored.object.metadata().finalizers.as_ref().is_some_and(|it| !it.is_empty()) {
                    left += 1;
                    estimate = estimate.max(FINALIZER_SECONDS);
                }
            }
            if 0 < left {
                remaining.push((kind, left));
            }
        }
    }
    if remaining.is_empty() {
        finalize(namespace, key, &mut plan);
    } else {
        report(namespace, &remaining, now, &mut plan);
        plan.again_in(if estimate == 0 { RETRY } else { Duration::from_secs(estimate / 2 + 1) });
    }
    plan
}

fn finalize(namespace: &Arc<Namespace>, key: &ObjectKey, plan: &mut Reconciled) {
    let mut namespace = namespace.clone();
    if namespace.spec.as_ref().is_some_and(|it| it.finalizers.is_some()) {
        let spec = Arc::make_mut(&mut namespace).spec.get_or_insert_default();
        spec.finalizers = spec
            .finalizers
            .take()
            .map(|it| it.into_iter().filter(|it| it != "kubernetes").gather())
            .filter(|it| !it.is_empty());
        plan.push(Request::Update(namespace.into()), Because::NamespaceGone);
    }
    plan.push(Request::Delete(key.clone(), DeleteOptions::default()), Because::NamespaceGone);
}

/// Follows status_condition_utils.go.
fn report(namespace: &Arc<Namespace>, remaining: &[(Kind, usize)], now: SimTime, plan: &mut Reconciled) {
    let mut text = String::from("Some resources are remaining: ");
    for (at, (kind, count)) in remaining.iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        let info = kind.info();
        let _ = write!(text, "{comma}{}.{} has {count} resource instances", info.plural, info.group);
    }
    let conditions = [
        (
            "NamespaceDeletionDiscoveryFailure",
            "False",
            "ResourcesDiscovered",
            "All resources successfully discovered",
        ),
        (
            "NamespaceDeletionGroupVersionParsingFailure",
            "False",
            "ParsedGroupVersions",
            "All legacy kube types successfully parsed",
        ),
        (
            "NamespaceDeletionContentFailure",
            "False",
            "ContentDeleted",
            "All content successfully deleted, may be waiting on finalization",
        ),
        ("NamespaceContentRemaining", "True", "SomeResourcesRemain", &text),
        (
            "NamespaceFinalizersRemaining",
            "False",
            "ContentHasNoFinalizers",
            "All content-preserving finalizers finished",
        ),
    ];
    let mut fresh = namespace.clone();
    let status = Arc::make_mut(&mut fresh).status.get_or_insert_default();
    status.phase = Some("Terminating".to_owned());
    let list = status.conditions.get_or_insert_default();
    for (kind, state, reason, message) in conditions {
        match list.iter_mut().find(|it| it.type_ == kind) {
            Some(old) => old.message = Some(message.to_owned()),
            None => list.push(NamespaceCondition {
                type_: kind.to_owned(),
                status: state.to_owned(),
                reason: Some(reason.to_owned()),
                message: Some(message.to_owned()),
                last_transition_time: Some(api::time::time(now)),
            }),
        }
    }
    plan.push(Request::UpdateStatus(fresh.into()), Because::NamespaceGone);
}
