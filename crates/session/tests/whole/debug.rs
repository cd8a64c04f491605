//! `kubectl debug`: one more container in a running Pod.

use session::{Finished, Headless, Settings};

fn text_of(told: &Finished) -> String {
    [told.stdout.as_str(), told.stderr.as_str()].concat()
}

fn with_web() -> Headless {
    let mut cluster = Headless::new(&Settings::default());
    cluster.kubectl("run web --image=nginx").unwrap();
    cluster.advance_seconds(20);
    cluster
}

#[test]
fn a_container_is_added_sees_its_target_and_ends() {
    let mut cluster = with_web();
    let told =
        cluster.run("kubectl debug web --image=busybox -c dbg --target=web -- sh -c 'ps; echo hi; exit 3'");
    let expected = "Targeting container \"web\". If you don't see processes from this container it may be because the container runtime doesn't support this feature.\n";
    assert_eq!((told.code, text_of(&told)), (0, expected.to_owned()));
    cluster.advance_seconds(20);
    let logs = cluster.kubectl("logs web -c dbg").unwrap();
    assert!(logs.contains("nginx: master process") && logs.ends_with("hi\n"), "{logs}");
    let state = "get pod web -o jsonpath={.status.ephemeralContainerStatuses[0].state.terminated.exitCode}";
    assert_eq!(cluster.kubectl(state).unwrap(), "3");
    // It is none of the Pod's own: the Pod stays ready.
    assert_eq!(cluster.status_column("default", "web").as_deref(), Some("Running"));
}

#[test]
fn what_cannot_be_asked_is_refused() {
    let mut cluster = with_web();
    for (line, complaint) in [
        ("debug --image=busybox", "error: NAME or filename is required for debug"),
        ("debug web", "error: you must specify --image when not using --copy-to."),
        ("debug web -t --image=busybox", "error: -i/--stdin is required for containers with -t/--tty=true"),
        ("debug web --image=busybox --profile=odd", "error: unknown profile: odd"),
        ("debug none --image=busybox", "Error from server (NotFound): pods \"none\" not found"),
    ] {
        let told = cluster.run(&["kubectl ", line].concat());
        assert_eq!(told.code, 1, "{line}");
        assert!(text_of(&told).contains(complaint), "{line}: {}", text_of(&told));
    }
}

#[test]
fn a_name_is_given_and_the_terminal_is_passed_on() {
    let mut cluster = with_web();
    let told = cluster.run("echo 'echo in $0; exit' | kubectl debug web -i --image=busybox");
    let text = text_of(&told);
    assert_eq!(told.code, 0, "{text}");
    assert!(text.contains("Defaulting debug container name to debugger-"), "{text}");
    assert!(text.contains("in sh\n"), "{text}");
}
