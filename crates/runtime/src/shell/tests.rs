//! Scripts, and what they print, how they end, and when.

use sim::{SimTime, digest_of};

use crate::kernel::tests::Bench;
use crate::kernel::{Start, signal};

/// Output, exit code, and the time it took in milliseconds.
fn run_in(bench: &mut Bench, script: &str) -> (String, i32, u64) {
    let before = bench.now;
    let pid = bench.start(&["sh", "-c", script]);
    bench.run_until(before + std::time::Duration::from_secs(100_000));
    let code = bench.kernel.take_exits().iter().find(|it| it.pid == pid).map_or(-1, |it| it.code);
    (bench.output(), code, bench.now.since(before).as_millis() as u64)
}

fn run(script: &str) -> (String, i32, u64) {
    run_in(&mut Bench::new(), script)
}

#[test]
fn scripts_print_and_end_as_in_ash() {
    let table: &[(&str, &str, i32)] = &[
        ("echo hello world", "hello world\n", 0),
        ("exit 3", "", 3),
        ("false || echo no; true && echo yes", "no\nyes\n", 0),
        ("! true; echo $?", "1\n", 0),
        ("x=5; echo $x ${x} \"$x\" '$x' ${y:-d} ${x:+set} ${#x}", "5 5 5 $x d set 1\n", 0),
        (
            "f=/a/b/c.tar.gz; echo ${f##*/} ${f%.*} ${f%%.*} ${f#/a}",
            "c.tar.gz /a/b/c.tar /a/b/c /b/c.tar.gz\n",
            0,
        ),
        ("echo $((1+2*3)) $(( (1+2)*3 )) $((7/2)) $((7%3)) $((1<2))", "7 9 3 1 1\n", 0),
        ("i=0; while [ $i -lt 3 ]; do echo $i; i=$((i+1)); done", "0\n1\n2\n", 0),
        ("for i in a b c; do [ $i = b ] && continue; echo $i; done", "a\nc\n", 0),
        ("for i in 1 2 3; do if [ $i -eq 2 ]; then break; fi; echo $i; done", "1\n", 0),
        ("case abc in a*) echo A;; *) echo B;; esac", "A\n", 0),
        ("f() { echo $1 $#; return 4; }; f x y; echo $?", "x 2\n4\n", 0),
        ("f() { local v=1; echo $v; }; v=0; f; echo $v", "1\n0\n", 0),
        ("x=$(echo a; echo b); echo \"$x\"; echo $x", "a\nb\na b\n", 0),
        ("echo `echo hi`", "hi\n", 0),
        ("echo one two | cat | wc -w", "2\n", 0),
        ("printf '%s-%03d\\n' a 7 b 8", "a-007\nb-008\n", 0),
        (
            "echo hi > /tmp/f; echo there >> /tmp/f; cat /tmp/f; rm /tmp/f; cat /tmp/f",
            "hi\nthere\ncat: can't open '/tmp/f': No such file or directory\n",
            1,
        ),
        ("cat <<EOF\na $((1+1))\nEOF\necho end", "a 2\nend\n", 0),
        ("cat <<'EOF'\na $x\nEOF", "a $x\n", 0),
        ("printf 'a b\\nc d\\n' | while read x y; do echo $y $x; done", "b a\nd c\n", 0),
        ("printf 'x=1\\n' | while IFS== read -r k v; do echo $k:$v; done", "x:1\n", 0),
        ("nosuchcmd", "sh: nosuchcmd: not found\n", 127),
        ("nosuchcmd; echo $?", "sh: nosuchcmd: not found\n127\n", 0),
        ("/etc/passwd", "sh: /etc/passwd: Permission denied\n", 126),
        ("if true; then echo x", "sh: syntax error: unexpected end of file (expecting \"fi\")\n", 2),
        ("echo a; done", "sh: syntax error: unexpected \"done\"\n", 2),
        ("set -e; false; echo no", "", 1),
        ("set -e; if false; then :; fi; false || true; echo ok", "ok\n", 0),
        ("set -u; echo $nope", "sh: nope: parameter not set\n", 2),
        ("set -x; echo a b", "+ echo a b\na b\n", 0),
        ("trap 'echo bye' EXIT; echo hi; exit 5", "hi\nbye\n", 5),
        ("trap 'echo got; exit 7' TERM; kill -TERM $$; echo no", "got\n", 7),
        ("sleep 1 & wait $!; echo $?", "0\n", 0),
        ("(exit 3) & wait $!; echo $?", "3\n", 0),
        ("(echo sub; exit 2); echo $?", "sub\n2\n", 0),
        ("{ echo a; echo b; } | tail -n 1", "b\n", 0),
        (
            "set -- a 'b c' d; for x in \"$@\"; do echo \"[$x]\"; done; shift 2; echo $#",
            "[a]\n[b c]\n[d]\n1\n",
            0,
        ),
        ("eval 'a=1; echo $a'", "1\n", 0),
        ("echo {1,2} $HOME ~", "{1,2} /root\n", 0),
        ("cd /tmp && touch b a && echo *; echo [a]; echo '*' \"*\"", "a b\na\n* *\n", 0),
        ("exec echo replaced", "replaced\n", 0),
        ("echo err >&2 2>/dev/null; echo err 2>&1 >/dev/null", "err\n", 0),
        ("command -v echo sleep; type nosuch", "echo\n/bin/sleep\nnosuch: not found\n", 127),
        ("A=1 env | grep ^A; echo [$A]", "A=1\n[]\n", 0),
        ("export B=2; sh -c 'echo $B'", "2\n", 0),
        ("[ -f /etc/passwd -a ! -d /etc/passwd ] && [[ abc == a* ]] && echo yes", "yes\n", 0),
        ("x=abc; echo ${x:1:1} ${x/b/B} ${x//[ac]/.}", "b aBc .b.\n", 0),
        ("until false; do echo once; break; done", "once\n", 0),
        ("echo a:b | cut -d: -f2; echo abc | sed 's/b/[&]/'", "b\na[b]c\n", 0),
        ("seq 3 | xargs echo n; seq 2 | xargs -I{} echo i{}", "n 1 2 3\ni1\ni2\n", 0),
        ("echo $$ $PPID; ps | wc -l", "1 0\n4\n", 0),
        ("date -u +%Y-%m-%dT%H:%M:%SZ; hostname", "2026-01-01T00:00:00Z\nweb-0\n", 0),
        ("cd /nope; echo $?", "sh: cd: line 1: can't cd to /nope: No such file or directory\n2\n", 0),
        ("echo x > /no/where", "sh: can't create /no/where: nonexistent directory\n", 1),
        ("while getopts ab:c o -a -b val; do echo $o $OPTARG; done", "a\nb val\n", 0),
        ("kill -9 $$; echo alive", "alive\n", 0),
        ("timeout 1 sleep 5; echo $?", "Terminated\n143\n", 0),
        ("echo $((1/0))", "sh: divide by zero\n", 2),
        ("f() { f; }; f", "Segmentation fault\n", 139),
        ("echo log > /proc/1/fd/1; echo e > /dev/stderr; echo n > /dev/null", "log\ne\n", 0),
        ("printf 'b\\na\\nb\\n' | sort | uniq -c", "      1 a\n      2 b\n", 0),
        (
            "printf 'hello' | md5sum; printf hello | sha256sum; printf hello | base64",
            "5d41402abc4b2a76b9719d911017c592  -\n2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824  -\naGVsbG8=\n",
            0,
        ),
    ];
    let mut wrong = String::new();
    for (script, output, code) in table {
        let (got, exit, _) = run(script);
        if (got.as_str(), exit) != (*output, *code) {
            wrong += &format!("--- {script}\nwanted {code} {output:?}\ngot    {exit} {got:?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn time_passes_only_in_sleeps() {
    assert_eq!(run("sleep 30; echo a; sleep 0.5"), ("a\n".to_owned(), 0, 30_500));
    assert_eq!(run("for i in 1 2 3; do sleep 10; done").2, 30_000);
    assert_eq!(run("sleep 5 & sleep 3; wait; echo x"), ("x\n".to_owned(), 0, 5_000));
}

#[test]
fn a_trap_runs_when_the_child_ends_or_at_once_in_wait() {
    for (script, millis) in [
        ("trap 'echo bye; exit 0' TERM; while true; do sleep 10; done", 10_000),
        ("trap 'echo bye; exit 0' TERM; sleep 100 & wait $!", 2_000),
    ] {
        let mut bench = Bench::new();
        let pid = bench.start(&["sh", "-c", script]);
        bench.run_until(SimTime::from_secs(2));
        bench.now = SimTime::from_secs(2);
        bench.kernel.signal(pid, signal::TERM, bench.now);
        bench.run_until(SimTime::from_secs(50));
        assert_eq!(bench.kernel.take_exits()[0].code, 0, "{script}");
        assert_eq!(bench.output(), "bye\n");
        assert_eq!(bench.now.as_micros() / 1000, millis, "{script}");
    }
}

#[test]
fn hostile_scripts_cost_time_not_the_page() {
    for script in [
        "while true; do :; done",
        ":(){ :|:& };:",
        "yes",
        "yes > /tmp/flood",
        "x=a; while true; do x=$x$x; done",
        "while true; do echo flood; done",
        "cat /dev/zero > /tmp/z",
        "while true; do sleep 1 & done",
        "tail -f /dev/null | cat",
        "seq 1000000 | sort | tail -1",
    ] {
        let mut bench = Bench::new();
        bench.start(&["sh", "-c", script]);
        bench.run_until(SimTime::from_secs(20));
        assert!(bench.output().len() < 64 << 20, "{script}");
        assert!(bench.kernel.processes().count() <= crate::kernel::PROCESSES_MAX, "{script}");
    }
}

#[test]
fn a_clone_runs_on_as_the_original_does() {
    let script = "i=0; while [ $i -lt 20 ]; do echo $i $(date +%s) | sed 's/1/x/' | (read a b; echo $a; sleep 1); i=$((i+1)); done";
    let mut bench = Bench::new();
    bench.start(&["sh", "-c", script]);
    bench.run_until(SimTime::from_millis(7_300));
    let mut twin = Bench {
        kernel: bench.kernel.clone(),
        trees: bench.trees.clone(),
        space: bench.space,
        now: bench.now,
    };
    for it in [&mut bench, &mut twin] {
        it.run_until(SimTime::from_secs(60));
    }
    assert_eq!(digest_of(&bench.kernel), digest_of(&twin.kernel));
    assert!(bench.kernel == twin.kernel && bench.trees == twin.trees);
    assert_eq!(bench.kernel.take_exits()[0].code, 0);
}

#[test]
fn somebody_types() {
    let mut bench = Bench::new();
    let start = Start { argv: vec!["sh".to_owned()], stdin: true, tty: true, ..Start::default() };
    let pid = bench.start_with(start);
    let typed = |bench: &mut Bench, text: &str| {
        bench.kernel.write_stdin(pid, text.as_bytes(), bench.now);
        bench.run();
        bench.output()
    };
    assert_eq!(typed(&mut bench, "echox\x7f hi\r"), "/ # echox\x08 \x08 hi\r\nhi\r\n/ # ");
    assert_eq!(typed(&mut bench, "if true\r"), "if true\r\n> ");
    assert_eq!(typed(&mut bench, "then echo y; fi\r"), "then echo y; fi\r\ny\r\n/ # ");
    assert_eq!(typed(&mut bench, "sleep 100\r"), "sleep 100\r\n");
    assert_eq!(typed(&mut bench, "\x03"), "^C\r\n/ # ");
    assert_eq!(typed(&mut bench, "echo $?; cd /tmp\r"), "echo $?; cd /tmp\r\n130\r\n/tmp # ");
    assert_eq!(typed(&mut bench, "abc\x03"), "abc^C\r\n/tmp # ");
    assert_eq!(typed(&mut bench, "exit 4\r"), "exit 4\r\n");
    assert_eq!(bench.kernel.take_exits()[0].code, 4);
}
