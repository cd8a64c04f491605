//! The terminal: editing, history, completion, shells in containers, and what commands are known by afterwards.

use session::Session;
use session::frame::{Command, ObjectRef, Tab, ViewState, Why};

use crate::random::seconds;

const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: kept\nspec:\n  containers:\n  - name: app\n    image: busybox\n    command: [sh, -c, 'while true; do date; sleep 5; done']\n";

fn open() -> Session {
    let (mut session, _) = Session::open("v=1&scenario=life-of-a-pod");
    session.run(Command::TerminalResize { columns: 80, rows: 24 });
    session.run(Command::ApplyManifest { text: POD.to_owned() });
    seconds(&mut session, 10);
    shown(&mut session);
    session
}

fn keys(session: &mut Session, keys: &str) {
    session.run(Command::TerminalInput { bytes: keys.to_owned() });
    seconds(session, 2);
}

/// What was written to the terminal since the last look.
fn shown(session: &mut Session) -> String {
    String::from_utf8(session.terminal_take_output()).unwrap()
}

#[test]
fn a_line_is_edited_before_the_shell_sees_it() {
    let mut session = open();
    keys(&mut session, "echp one\x1b[D\x1b[D\x1b[D\x1b[D\x7fo\r");
    assert!(shown(&mut session).contains("echo one\r\none\r\n"));
    keys(&mut session, "\x1b[A\x17two\r");
    assert!(shown(&mut session).contains("echo two\r\ntwo\r\n"));
    keys(&mut session, "ec");
    keys(&mut session, "ho three\x03");
    assert!(shown(&mut session).contains("^C"));
    keys(&mut session, "echo 1\necho 2\necho 3");
    let text = shown(&mut session);
    assert!(text.contains("\r\n1\r\n") && text.contains("\r\n2\r\n") && text.ends_with("echo 3"), "{text:?}");
}

#[test]
fn tab_completes_verbs_resources_names_flags_and_files() {
    let mut session = open();
    for (typed, wanted) in [
        ("kubectl des\t", "kubectl describe "),
        ("k get po\t", "k get pod"),
        ("k get pods ke\t", "k get pods kept "),
        ("kubectl logs kept -c \t", "kubectl logs kept -c app "),
        ("kubectl logs --foll\t", "kubectl logs --follow "),
        ("kubectl get pods -n kube-sy\t", "kubectl get pods -n kube-system "),
        ("kubectl apply -f po\t", "kubectl apply -f pod.yaml "),
        ("true; kube\t", "true; kubectl "),
        ("fault node fail k8s-node-1\t", "fault node fail k8s-node-1 "),
    ] {
        keys(&mut session, typed);
        let text = shown(&mut session);
        // What stands on the last line after all drawing.
        let line = text.rsplit(['\n', '\r']).next().unwrap_or("").replace("\x1b[J", "");
        assert!(line.ends_with(wanted), "{typed:?}: {line:?} of {text:?}");
        keys(&mut session, "\x15");
        shown(&mut session);
    }
}

#[test]
fn a_shell_in_a_container_has_the_terminal_to_itself() {
    let mut session = open();
    keys(&mut session, "kubectl exec -it kept -- sh\r");
    shown(&mut session);
    keys(&mut session, "sleep 1000\r");
    keys(&mut session, "\x03");
    keys(&mut session, "echo $?; hostname\r");
    let text = shown(&mut session);
    assert!(text.contains("130") && text.contains("\nkept"), "{text:?}");
    let drawn = text.rsplit("\x1b[J").next().unwrap_or("");
    assert_eq!(drawn.matches("hostname").count(), 1, "one echo: {text:?}");
    keys(&mut session, "ls /et\t");
    assert!(shown(&mut session).ends_with("ls /etc/"));
    keys(&mut session, "\x15exit\r");
    keys(&mut session, "hostname\r");
    assert!(shown(&mut session).contains("workstation"));
}

#[test]
fn what_follows_ends_at_ctrl_c() {
    let mut session = open();
    for line in
        ["kubectl get pods -w\r", "kubectl logs -f kept\r", "while true; do echo round; done\r", "yes\r"]
    {
        keys(&mut session, line);
        keys(&mut session, "\x03");
        shown(&mut session);
        keys(&mut session, "echo still here\r");
        assert!(shown(&mut session).contains("\nstill here"), "{line}");
    }
}

#[test]
fn why_ends_at_the_command_that_was_typed() {
    let mut session = open();
    for key in "kubectl run typed --image=nginx\r".chars() {
        session.run(Command::TerminalInput { bytes: key.to_string() });
    }
    seconds(&mut session, 20);
    let view = ViewState {
        selected: Some(ObjectRef::pod("default", "typed")),
        tab: Tab::Why,
        ..ViewState::default()
    };
    let card = session.frame(&view).inspector.clone().unwrap();
    let command = "kubectl run typed --image=nginx".to_owned();
    assert_eq!(
        card.why.first().map(|it| it.why.clone()),
        Some(Why::Asked { command: command.clone() }.into())
    );
    assert!(session.frame(&view).timeline.marks.iter().any(|it| it.yours && it.text == command));
    // A link carries what the arrow keys bring back.
    let (mut again, _) = Session::open(&session.share_link(None));
    shown(&mut again);
    keys(&mut again, "\x1b[A");
    assert!(shown(&mut again).ends_with(&command));
}

#[test]
fn a_future_without_further_inputs_can_be_returned_to() {
    let mut session = open();
    let start = session.now().0;
    seconds(&mut session, 60);
    session.run(Command::SeekTo { at: start });
    session.run(Command::RunLine { line: "kubectl delete pod kept --now".to_owned() });
    seconds(&mut session, 30);
    assert!(!session.playground().cluster().has_pod("default", "kept"));
    session.run(Command::SwitchBranch { index: 0 });
    assert!(session.playground().cluster().has_pod("default", "kept"));
}
