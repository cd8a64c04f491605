//! Sessions that a seed draws: commands, keys and faults at odd instants.

use session::Session;
use session::frame::{Command, FaultTarget};
use sim::Rng;

const LINES: &[&str] = &[
    "kubectl create deployment web --image=nginx --replicas=3",
    "kubectl scale deployment web --replicas=7",
    "kubectl scale deployment web --replicas=1",
    "kubectl run shell --image=busybox -- sh -c 'while true; do date; sleep 1; done'",
    "kubectl delete pod shell --wait=false",
    "kubectl delete pods --all --wait=false",
    "kubectl run broken --image=busybox --restart=OnFailure -- sh -c 'exit 3'",
    "kubectl taint node k8s-node-1 a=b:NoExecute --overwrite",
    "kubectl taint node k8s-node-1 a-",
    "kubectl cordon k8s-node-2",
    "kubectl uncordon k8s-node-2",
    "kubectl get pods -o wide; kubectl logs shell --tail=2",
    "kubectl rollout restart deployment web",
    "echo $(seq 1 9) > file; wc file",
];

const KEYS: &[&str] =
    &["kubectl get pods\r", "ls\r", "kub\t get no\t\r", "\u{3}", "sleep 3\r", "kubectl get pods -w\r"];

fn fault(rng: &mut Rng) -> Command {
    let node = ["k8s-node-1", "k8s-node-2"][rng.below(2) as usize].to_owned();
    let target = match rng.below(6) {
        0 => FaultTarget::Node { node },
        1 => FaultTarget::Kubelet { node },
        2 => FaultTarget::Runtime { node },
        3 => FaultTarget::Network { node },
        4 => FaultTarget::Registry,
        _ => FaultTarget::Image { image: "nginx".to_owned() },
    };
    if rng.below(2) == 0 { Command::Fault { target } } else { Command::Heal { target } }
}

/// Everything that can be broken, made whole again.
pub fn heal(session: &mut Session) {
    let mut targets = vec![FaultTarget::Registry, FaultTarget::Image { image: "nginx".to_owned() }];
    for node in ["k8s-node-1", "k8s-node-2"].map(str::to_owned) {
        targets.extend([
            FaultTarget::Network { node: node.clone() },
            FaultTarget::Runtime { node: node.clone() },
            FaultTarget::Kubelet { node: node.clone() },
            FaultTarget::Node { node },
        ]);
    }
    for target in targets {
        session.run(Command::Heal { target });
    }
}

/// One thing that a person may do; a failure of it is part of the game.
pub fn act(session: &mut Session, rng: &mut Rng) {
    let pick = |rng: &mut Rng, list: &[&'static str]| list[rng.below(list.len() as u64) as usize].to_owned();
    let command = match rng.below(8) {
        0..4 => Command::RunLine { line: pick(rng, LINES) },
        4..6 => Command::TerminalInput { bytes: pick(rng, KEYS) },
        _ => fault(rng),
    };
    session.run(command);
}

/// Lets up to `millis_max` pass.
pub fn pass(session: &mut Session, rng: &mut Rng, millis_max: u64) {
    let target = session.now().0 + 1_000 * (1 + rng.below(millis_max)) + rng.below(1_000);
    run_to(session, target);
}

pub fn run_to(session: &mut Session, micros: u64) {
    while session.now().0 < micros {
        session.advance(micros - session.now().0, u32::MAX);
    }
}

pub fn seconds(session: &mut Session, seconds: u64) {
    run_to(session, session.now().0 + 1_000_000 * seconds);
}
