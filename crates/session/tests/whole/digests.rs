//! Sessions whose end state must be the same natively and in WebAssembly, bit by bit.
//!
//! `digests.txt` beside this file holds the digests; the native test and the one in the browser compare with it.
//! `UPDATE=1` writes it anew natively, after the simulation has changed.

use std::fmt::Write;

use session::{Session, frame::Command, frame::FaultTarget};

pub const RECORDED: &str = include_str!("digests.txt");

/// What is done, after how many milliseconds more.
enum Act {
    Line(&'static str),
    Keys(&'static str),
    Apply(&'static str),
    Break(FaultTarget),
    Heal(FaultTarget),
    Wait,
    /// Back to so many seconds after the start, and on from there.
    Back(u64),
}

use Act::{Apply, Back, Break, Heal, Keys, Line, Wait};

struct Played {
    name: &'static str,
    link: &'static str,
    acts: fn() -> Vec<(u64, Act)>,
}

const PLAYED: &[Played] = &[
    Played { name: "life-of-a-pod", link: "v=1&scenario=12-life-of-a-pod", acts: life_of_a_pod },
    Played { name: "terminal", link: "v=1&seed=7", acts: terminal },
    Played { name: "node-failure", link: "v=1&scenario=17-node-failure&seed=3", acts: node_failure },
    Played { name: "crash-loop", link: "v=1&scenario=21-crash-loop", acts: crash_loop },
    Played { name: "scheduling", link: "v=1&scenario=14-node-affinity&seed=11", acts: scheduling },
    Played { name: "travel", link: "v=1&seed=5", acts: travel },
];

const MIXED: &str = "
apiVersion: v1
kind: Pod
metadata: {name: mixed, labels: {app: mixed}}
spec:
  terminationGracePeriodSeconds: 3
  initContainers:
  - {name: first, image: busybox, command: [sh, -c, 'echo one | tee /data/a; sleep 1']}
  - {name: side, image: busybox, restartPolicy: Always, command: [sh, -c, 'while true; do date >> /data/a; sleep 2; done']}
  containers:
  - name: app
    image: nginx:1.25
    resources: {requests: {cpu: 100m, memory: 64Mi}, limits: {memory: 128Mi}}
    livenessProbe: {exec: {command: [cat, /data/a]}, periodSeconds: 3}
    readinessProbe: {httpGet: {path: /, port: 80}, periodSeconds: 2}
    volumeMounts: [{name: data, mountPath: /data}]
  - {name: short, image: busybox, command: [sh, -c, 'exit 1']}
  volumes: [{name: data, emptyDir: {}}]
";

fn life_of_a_pod() -> Vec<(u64, Act)> {
    vec![
        (0, Apply(MIXED)),
        (20_500, Line("kubectl get pods -o wide; kubectl describe pod mixed")),
        (3_000, Line("kubectl exec mixed -c app -- sh -c 'rm /data/a; ls -la /; ps'")),
        (30_000, Line("kubectl logs mixed -c short --previous; kubectl delete pod mixed --wait=false")),
        (10_000, Wait),
    ]
}

/// Sizes, places and counts of the shell's and the file system's own: what is a `usize` there.
fn terminal() -> Vec<(u64, Act)> {
    vec![
        (10, Keys("for n in 1 2 3; do echo line $n >> list; done; wc list\r")),
        (700, Keys("ls -la / | sort -r | head -5; cat list | sed s/line/Zeile/ | awk '{print $2}'\r")),
        (700, Keys("f() { x=$1; echo ${#x} ${x%b*}; }; f abcab; sleep 100 & jobs\r")),
        (700, Keys("kubectl get no\tpods\u{3}echo $((2147483647 + 1)) $?\r")),
        (700, Keys("seq 1 2000 | tail -n 3; printf '%05d|%s\\n' 42 x; cat <<E\rtext\rE\r")),
        (700, Line("kubectl run a --image=busybox -- sh -c 'while true; do seq 1 50; sleep 1; done'")),
        (9_000, Line("kubectl logs a --tail=3 | od -c | head -2; kubectl get pods -w & sleep 3; kill %1")),
        (5_000, Keys("kubectl logs -f a\r")),
        (2_250, Keys("\u{3}history\r")),
        (1_000, Wait),
    ]
}

fn node_failure() -> Vec<(u64, Act)> {
    let node = || "k8s-node-2".to_owned();
    vec![
        (5_000, Line("kubectl scale deployment web --replicas=6")),
        (8_000, Break(FaultTarget::Node { node: node() })),
        (380_000, Heal(FaultTarget::Node { node: node() })),
        (60_000, Break(FaultTarget::Runtime { node: "k8s-node-1".to_owned() })),
        (40_000, Heal(FaultTarget::Runtime { node: "k8s-node-1".to_owned() })),
        (30_000, Wait),
    ]
}

fn crash_loop() -> Vec<(u64, Act)> {
    vec![
        (0, Line("kubectl apply -f pod.yaml")),
        (5_000, Break(FaultTarget::Registry)),
        (100_000, Line("kubectl get events --sort-by=.metadata.creationTimestamp; kubectl get pods -o yaml")),
        (300_000, Heal(FaultTarget::Registry)),
        (300_000, Wait),
    ]
}

fn scheduling() -> Vec<(u64, Act)> {
    vec![
        (0, Line("for f in *.yaml; do kubectl apply -f $f; done")),
        (9_000, Line("kubectl create deployment many --image=nginx --replicas=40")),
        (
            15_000,
            Line("kubectl label node k8s-node-1 disktype=ssd; kubectl taint node k8s-node-2 a=b:NoSchedule"),
        ),
        (
            15_000,
            Line(
                "kubectl set image deployment/many nginx=nginx:1.25; kubectl scale deployment many --replicas=12",
            ),
        ),
        (60_000, Line("kubectl drain k8s-node-1 --ignore-daemonsets --force --delete-emptydir-data")),
        (60_000, Wait),
    ]
}

fn travel() -> Vec<(u64, Act)> {
    vec![
        (1_000, Apply(MIXED)),
        (30_000, Line("kubectl delete pod mixed --wait=false")),
        (20_000, Back(25)),
        (1_000, Line("kubectl run other --image=nginx")),
        (20_000, Wait),
    ]
}

/// A line for each session: its name, the digest of its state after each act, and how many events it took.
pub fn table() -> String {
    let mut table = String::new();
    for played in PLAYED {
        let (mut session, error) = Session::open(played.link);
        assert_eq!(error, None, "{}", played.name);
        let _ = write!(table, "{}", played.name);
        for (millis, act) in (played.acts)() {
            let target = session.now() + std::time::Duration::from_millis(millis);
            while session.now() < target {
                session.advance(target.0 - session.now().0, u32::MAX);
            }
            match act {
                Line(line) => drop(session.run(Command::RunLine { line: line.to_owned() })),
                Keys(bytes) => drop(session.run(Command::TerminalInput { bytes: bytes.to_owned() })),
                Apply(text) => drop(session.run(Command::ApplyManifest { text: text.to_owned() })),
                Break(target) => drop(session.run(Command::Fault { target })),
                Heal(target) => drop(session.run(Command::Heal { target })),
                Back(seconds) => drop(session.run(Command::SeekTo { at: seconds * 1_000_000 })),
                Wait => {}
            }
            let _ = write!(table, " {:016x}", session.playground().digest());
        }
        let _ = writeln!(table, " {}", session.playground().cluster().steps());
    }
    table
}

#[cfg(not(target_arch = "wasm32"))]
#[test]
fn digests_are_those_that_were_recorded() {
    let found = table();
    assert_eq!(table(), found, "two equal runs differ");
    if std::env::var_os("UPDATE").is_some() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/whole/digests.txt");
        std::fs::write(path, &found).expect("the file can be written");
    } else {
        assert_eq!(found, RECORDED, "after a change of the simulation: UPDATE=1 cargo test -p session");
    }
}
