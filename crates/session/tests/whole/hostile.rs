//! Input that means harm: refused or bounded, told clearly, and nothing that was there is lost.
//!
//! Bounds are counted in events and bytes, not in seconds: a slow machine fails no test.

use std::time::Duration;

use session::frame::{Command, Outcome};
use session::{Headless, INPUT_BYTES_MAX, MANIFEST_BYTES_MAX, Session};

const POD: &str =
    "{apiVersion: v1, kind: Pod, metadata: {name: kept}, spec: {containers: [{name: app, image: nginx}]}}";
/// Events that ten virtual seconds may take, whatever runs in the cluster.
const EVENTS_PER_TEN_SECONDS_MAX: u64 = 400_000;

fn with_a_pod() -> Session {
    let (mut session, _) = Session::open("v=1");
    session.run(Command::ApplyManifest { text: POD.to_owned() });
    crate::random::seconds(&mut session, 10);
    session
}

/// The session still answers, and its Pod still runs.
fn still_works(session: &mut Session) {
    let line = "kubectl get pod kept --no-headers".to_owned();
    let Outcome { output, errors, .. } = session.run(Command::RunLine { line });
    crate::random::seconds(session, 1);
    assert!(output.contains("1/1"), "{output} {errors:?}");
    assert!(session.playground().cluster().check_invariants().is_empty());
}

fn apply(session: &mut Session, text: String) -> Outcome {
    session.run(Command::ApplyManifest { text })
}

#[test]
fn a_manifest_that_is_too_large_is_refused() {
    let mut session = with_a_pod();
    let inputs = session.share_link(None).len();
    let text = format!("{POD}\n# {}", "x".repeat(5 << 20));
    assert!(MANIFEST_BYTES_MAX < text.len());
    let outcome = apply(&mut session, text);
    assert_eq!(outcome.errors, ["error: the manifest is larger than 1024 KiB"]);
    assert_eq!(session.share_link(None).len(), inputs);
    still_works(&mut session);
}

#[test]
fn manifests_that_mean_harm_are_refused() {
    let bomb = {
        let mut text = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        for level in 1..12 {
            let before = format!("*a{}, ", level - 1).repeat(10);
            text.push_str(&format!("a{level}: &a{level} [{}]\n", before.trim_end_matches(", ")));
        }
        format!("apiVersion: v1\nkind: Pod\nmetadata: {{name: bomb}}\n{text}")
    };
    let cases = [
        ("nested sequences", format!("spec: {}{}", "[".repeat(10_000), "]".repeat(10_000))),
        ("nested mappings", format!("{}x{}", "{a: ".repeat(10_000), "}".repeat(10_000))),
        ("never closed", "[".repeat(10_000)),
        ("nested blocks", (0..1_000).map(|it| format!("{}a:\n", " ".repeat(it))).collect()),
        ("alias bomb", bomb),
        ("unknown kind", "{apiVersion: v1, kind: Nosuch, metadata: {name: x}}".to_owned()),
        ("unknown group", "{apiVersion: no.such/v1, kind: Pod, metadata: {name: x}}".to_owned()),
        ("no object", "just words".to_owned()),
        ("control characters", "kind: \u{0}\u{7}\u{1b}[2J".to_owned()),
        ("long name", format!("{{apiVersion: v1, kind: Pod, metadata: {{name: {}}}}}", "n".repeat(100_000))),
    ];
    for (name, text) in cases {
        let mut session = with_a_pod();
        let revision = session.playground().cluster().api().pods().count();
        let outcome = apply(&mut session, text);
        crate::random::seconds(&mut session, 1);
        let screen = session.playground().terminal_text();
        assert!(!outcome.errors.is_empty() || screen.contains("rror"), "{name}: nothing is told: {screen}");
        assert_eq!(session.playground().cluster().api().pods().count(), revision, "{name}");
        still_works(&mut session);
    }
}

#[test]
fn a_thousand_documents_are_applied() {
    let mut session = with_a_pod();
    let text: String = (0..1_000)
        .map(|it| {
            format!("---\napiVersion: v1\nkind: ConfigMap\nmetadata: {{name: c{it}}}\ndata: {{a: b}}\n")
        })
        .collect();
    apply(&mut session, text);
    crate::random::seconds(&mut session, 60);
    let line = "kubectl get configmaps -o name | grep -c /c".to_owned();
    let outcome = session.run(Command::RunLine { line });
    assert_eq!(outcome.output.trim(), "1000", "{:?}", outcome.errors);
    still_works(&mut session);
}

/// Runs a script in a Pod for ten seconds; how many events that took, and bytes of its log.
fn hostile_pod(script: &str) -> (u64, usize) {
    let mut session = with_a_pod();
    let text = format!(
        "apiVersion: v1\nkind: Pod\nmetadata: {{name: bad}}\nspec:\n  containers:\n  - name: app\n    image: busybox\n    command: [sh, -c, {script:?}]\n"
    );
    apply(&mut session, text);
    crate::random::seconds(&mut session, 5);
    let before = session.playground().cluster().steps();
    crate::random::seconds(&mut session, 10);
    let events = session.playground().cluster().steps() - before;
    still_works(&mut session);
    let cluster = session.playground().cluster();
    let log = cluster.container_of("default", "bad", "app").map_or(0, |it| {
        cluster.runtime().logs(it, &runtime::LogOptions::default()).iter().map(|it| it.text.len()).sum()
    });
    (events, log)
}

#[test]
fn programs_that_never_rest_are_bounded() {
    for script in [
        "while true; do :; done",
        "while :; do echo y; done",
        "yes",
        "f() { f | f & }; f",
        "while true; do sh -c 'sleep 1000' & done",
        "cat /dev/zero | tr x y",
        "f() { f; }; f",
        "x=xx; while true; do x=$x$x; done",
        "while true; do echo x >> /tmp/file; done",
    ] {
        let (events, log) = hostile_pod(script);
        assert!(events < EVENTS_PER_TEN_SECONDS_MAX, "{script}: {events} events");
        assert!(log <= 16 << 20, "{script}: {log} bytes of log");
    }
}

#[test]
fn a_watch_without_end_is_interrupted_by_keys() {
    let mut session = with_a_pod();
    session.run(Command::TerminalInput { bytes: "kubectl get pods -w\r".to_owned() });
    crate::random::seconds(&mut session, 3_600);
    session.run(Command::TerminalInput { bytes: "\u{3}".to_owned() });
    crate::random::seconds(&mut session, 1);
    session.run(Command::TerminalInput { bytes: "echo still here\r".to_owned() });
    crate::random::seconds(&mut session, 1);
    let screen = session.playground().terminal_text();
    assert!(screen.contains("\nstill here"), "{screen}");
    still_works(&mut session);
}

#[test]
fn a_hundred_thousand_keys_are_bounded() {
    let mut session = with_a_pod();
    let before = session.share_link(None);
    session.run(Command::TerminalInput { bytes: "x".repeat(100_000) });
    assert_eq!(session.share_link(None), before, "more than {INPUT_BYTES_MAX} bytes at once are refused");
    for _ in 0..50 {
        session.run(Command::TerminalInput { bytes: "y".repeat(2_000) });
    }
    session.run(Command::TerminalInput { bytes: "\u{3}".to_owned() });
    crate::random::seconds(&mut session, 1);
    session.run(Command::TerminalInput { bytes: "echo still here\r".to_owned() });
    crate::random::seconds(&mut session, 1);
    assert!(session.playground().terminal_text().contains("\nstill here"));
    still_works(&mut session);
}

#[test]
fn a_session_that_is_full_says_so() {
    let mut session = with_a_pod();
    for _ in 0..5_000 {
        session.run(Command::TerminalInput { bytes: "\u{3}".to_owned() });
    }
    let outcome = session.run(Command::RunLine { line: "true".to_owned() });
    assert_eq!(outcome.errors, ["this session has 4096 inputs already; start a new one"]);
    assert!(session.playground().cluster().has_pod("default", "kept"));
}

#[test]
fn damaged_links_open_a_session_that_works() {
    let mut good = with_a_pod();
    good.run(Command::RunLine { line: "kubectl get pods".to_owned() });
    let link = good.share_link(None);
    let mut rng = sim::Rng::from_seed(9);
    for _ in 0..40 {
        let mut bytes = link.clone().into_bytes();
        match rng.below(3) {
            0 => bytes.truncate(rng.below(bytes.len() as u64) as usize),
            1 => {
                let at = rng.below(bytes.len() as u64) as usize;
                bytes[at] = b"A9&=%z-_"[rng.below(8) as usize];
            }
            _ => {
                let at = rng.below(bytes.len() as u64) as usize;
                bytes.insert(at, b'%');
            }
        }
        let text = String::from_utf8(bytes).unwrap();
        let (mut session, error) = Session::open(&text);
        if error.is_some() {
            let before = good.playground().digest();
            let outcome = good.run(Command::OpenLink { link: text });
            assert!(!outcome.errors.is_empty());
            assert_eq!(good.playground().digest(), before, "what was there is lost");
        }
        session.run(Command::RunLine { line: "kubectl get nodes".to_owned() });
    }
}

#[test]
fn a_command_that_does_not_end_is_given_up() {
    let mut cluster = Headless::default();
    let ended = cluster.run("kubectl get pods -w");
    assert_eq!(ended.code, 130);
    cluster.advance(Duration::from_secs(1));
    assert_eq!(cluster.sh("echo on").as_deref(), Ok("on\n"));
}
