//! The smallest changes that the page offers: each, run as its command line, places the Pod where it was said to land.

use std::sync::Arc;

use session::Session;
use session::frame::{Command, Fixes, Frame, ObjectRef, RemedyKind, RemedySide, ViewState};

fn session(setup: &[&str], manifest: &str) -> Session {
    let (mut session, error) = Session::open("");
    assert_eq!(error, None);
    session.advance(2_000_000, 100_000);
    for line in setup {
        let outcome = session.run(Command::RunLine { line: (*line).to_owned() });
        assert!(outcome.errors.is_empty(), "{line}: {:?}", outcome.errors);
        session.advance(1_000_000, 100_000);
    }
    let outcome = session.run(Command::ApplyManifest { text: manifest.to_owned() });
    assert!(outcome.errors.is_empty(), "{:?}", outcome.errors);
    session.advance(2_000_000, 100_000);
    session
}

fn frame(session: &mut Session, fixes: Option<ObjectRef>) -> Arc<Frame> {
    session.frame(&ViewState { fixes, ..ViewState::default() })
}

fn fixes(session: &mut Session) -> (ObjectRef, Fixes) {
    let before = frame(session, None);
    assert_eq!(before.pending.len(), 1, "{:?}", before.pending);
    let pod = before.pending[0].pod.clone();
    let found = frame(session, Some(pod.clone())).fixes.clone().expect("fixes of a Pod that waits");
    (pod, (*found).clone())
}

/// Runs every remedy in a cluster of its own.
fn check(setup: &[&str], manifest: &str) -> Fixes {
    let (pod, found) = fixes(&mut session(setup, manifest));
    assert!(!found.remedies.is_empty() && found.complete, "{found:?}");
    for remedy in &found.remedies {
        let mut session = session(setup, manifest);
        let placed = frame(&mut session, None).pods.iter().filter(|it| it.node.is_some()).count();
        let outcome = session.run(Command::RunLine { line: remedy.command.clone() });
        assert!(outcome.errors.is_empty(), "{}: {:?}", remedy.command, outcome.errors);
        session.advance(90_000_000, 1_000_000);
        let after = frame(&mut session, None);
        assert!(after.pending.is_empty(), "{}\n{:?}\n{}", remedy.command, after.pending, outcome.output);
        let deleted = remedy.edits.iter().filter(|it| it.kind == RemedyKind::DeletePod).count();
        let on: Vec<_> = after.pods.iter().filter_map(|it| it.node.clone()).collect();
        assert_eq!(on.len(), placed + 1 - deleted, "{}", remedy.command);
        if let Some(card) = after.pod_named(&pod.namespace, &pod.name) {
            let node = card.node.clone().unwrap_or_default();
            assert!(remedy.nodes.contains(&node), "{}: {node} is none of {:?}", remedy.command, remedy.nodes);
            assert!(remedy.lands.iter().all(|it| remedy.nodes.contains(it)));
        }
    }
    found
}

fn has(found: &Fixes, kind: RemedyKind, command: &str) {
    let it = found.remedies.iter().find(|it| it.edits.iter().any(|it| it.kind == kind));
    let it = it.unwrap_or_else(|| panic!("{kind:?} in {found:#?}"));
    assert!(it.command.contains(command), "{}", it.command);
}

#[test]
fn a_request_that_is_too_large() {
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: big}\nspec:\n  containers:\n  - name: app\n    image: nginx\n    resources: {requests: {memory: 9Gi, cpu: 100m}}\n";
    let found = check(&[], manifest);
    has(&found, RemedyKind::LowerRequest, "kubectl patch pod big --subresource=resize --type=json -p '[");
    assert!(found.remedies[0].edits[0].preview.starts_with("resources.requests.memory: 9Gi → "));
}

#[test]
fn a_selector_no_node_has() {
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  nodeSelector: {env: dev}\n  containers: [{name: app, image: nginx}]\n";
    let found = check(&[], manifest);
    has(&found, RemedyKind::LabelNode, "kubectl label node node-1 env=dev");
    has(
        &found,
        RemedyKind::DropSelector,
        "kubectl replace --force -f - <<'EOF'\napiVersion: v1\nkind: Pod\n",
    );
}

#[test]
fn taints_and_cordons() {
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec:\n  containers: [{name: app, image: nginx}]\n";
    let found = check(&["kubectl taint node node-1 env=dev:NoSchedule", "kubectl cordon node-2"], manifest);
    has(&found, RemedyKind::Tolerate, "kubectl patch pod web --type=json -p '[");
    has(&found, RemedyKind::RemoveTaint, "kubectl taint node node-1 env:NoSchedule-");
    has(&found, RemedyKind::Uncordon, "kubectl uncordon node-2");
    has(&found, RemedyKind::AddNode, "fault node add node-3 node-1");
}

#[test]
fn host_ports_and_neighbours() {
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: c, labels: {app: web}}\nspec:\n  affinity:\n    podAntiAffinity:\n      requiredDuringSchedulingIgnoredDuringExecution:\n      - topologyKey: kubernetes.io/hostname\n        labelSelector: {matchLabels: {app: web}}\n  containers: [{name: app, image: nginx}]\n";
    let setup = ["kubectl run a --image=nginx --labels=app=web", "kubectl cordon node-2"];
    let found = check(&setup, manifest);
    has(&found, RemedyKind::DropAffinity, "kubectl replace --force");
    has(&found, RemedyKind::DeletePod, "kubectl delete pod a");
}

#[test]
fn what_a_deployment_wrote_is_changed_there() {
    let manifest = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  replicas: 1\n  selector: {matchLabels: {app: web}}\n  template:\n    metadata: {labels: {app: web}}\n    spec:\n      nodeSelector: {disk: ssd}\n      containers: [{name: app, image: nginx}]\n";
    let found = check(&[], manifest);
    has(
        &found,
        RemedyKind::DropSelector,
        "kubectl patch deployment web --type=json -p '[{\"op\":\"remove\",\"path\":\"/spec/template/spec/nodeSelector/disk\"}]'",
    );
    assert!(found.remedies.iter().any(|it| it.side == RemedySide::Pod && it.note == Some("template")));
}

#[test]
fn gates_are_opened() {
    let manifest = "apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: default}\nspec:\n  schedulingGates: [{name: example.com/wait}]\n  containers: [{name: app, image: nginx}]\n";
    let found = check(&[], manifest);
    assert_eq!(found.remedies.len(), 1);
    has(&found, RemedyKind::OpenGate, "kubectl patch pod web --type=json");
}
