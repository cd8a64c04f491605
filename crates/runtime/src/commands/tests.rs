//! What commands print.

use crate::kernel::tests::Bench;

fn run(script: &str) -> String {
    let mut bench = Bench::new();
    bench.start(&["sh", "-c", script]);
    bench.run_until(sim::SimTime::from_secs(100));
    bench.output()
}

#[test]
fn commands_print_as_in_busybox() {
    let table: &[(&str, &str)] = &[
        ("echo a b c | awk '{print $2}'", "b\n"),
        ("printf 'x 1\\ny 2\\n' | awk '$2 > 1 {print $1 \"-\" NR} END {print NR, NF}'", "y-2\n2 2\n"),
        (
            "printf 'a:1\\nb:2\\na:3\\n' | awk -F: '{s[$1] += $2} END {for (k in s) print k, s[k]}'",
            "a 4\nb 2\n",
        ),
        ("echo 5 | awk '{printf \"%05.1f|%s\\n\", $1/2, $1 % 2 == 1 ? \"odd\" : \"even\"}'", "002.5|odd\n"),
        ("awk 'BEGIN { for (i = 0; i < 3; i++) { if (i == 1) continue; print i } }'", "0\n2\n"),
        (
            "printf 'foo\\nbar\\n' | awk '/^b/ {gsub(/a/, \"A\"); print length, $0, substr($0, 2), toupper($1)}'",
            "3 bAr Ar BAR\n",
        ),
        (
            "printf 'a\\nb\\nc\\n' | sed -n '2p'; printf 'a\\nb\\nc\\n' | sed '1d;$d'; echo aXbX | sed 's/X/-/g'",
            "b\nb\na-b-\n",
        ),
        ("echo 'k=v' | sed -E 's/(.*)=(.*)/\\2=\\1/'; printf 'a\\n' | sed 'a\\ more'", "v=k\na\nmore\n"),
        (
            "printf 'abc\\nabd\\nxyz\\n' | grep -c ab; echo abc | grep -o 'b.'; echo x | grep -q y || echo none",
            "2\nbc\nnone\n",
        ),
        (
            "printf 'a\\nb\\n' | grep -vn a; printf 'A\\n' | grep -i a; echo 'a.b' | grep -F . ; echo foo1 | grep -E '^(foo|bar)[0-9]+$'",
            "2:b\nA\na.b\nfoo1\n",
        ),
        ("echo hello | tr a-z A-Z; echo aabb | tr -s a; echo a1b2 | tr -d 0-9", "HELLO\nabb\nab\n"),
        ("printf '3\\n10\\n2\\n' | sort -n; printf 'b 1\\na 2\\n' | sort -k2 -r", "2\n3\n10\na 2\nb 1\n"),
        (
            "printf '1\\n2\\n3\\n' | head -n 2; printf '1\\n2\\n3\\n' | tail -n +2; printf '1\\n2\\n' | tac",
            "1\n2\n2\n3\n2\n1\n",
        ),
        (
            "mkdir -p /tmp/a/b; touch /tmp/a/x; ls -R /tmp/a; find /tmp/a -type f",
            "/tmp/a:\nb\nx\n\n/tmp/a/b:\n/tmp/a/x\n",
        ),
        (
            "echo 12345 > /tmp/f; ls -l /tmp/f; ln -s /tmp/f /tmp/l; readlink /tmp/l; cat /tmp/l; wc -c < /tmp/l",
            "-rw-r--r--    1 root     root             6 Jan  1 00:00 /tmp/f\n/tmp/f\n12345\n6\n",
        ),
        (
            "cp /etc/passwd /tmp/p; mv /tmp/p /tmp/q; ls /tmp; rm -r /tmp/q; ls /tmp/q",
            "q\nls: /tmp/q: No such file or directory\n",
        ),
        (
            "mkdir /tmp/d; rm /tmp/d; rmdir /tmp/d; chmod 600 /etc/hostname; stat -c '%a %U' /etc/hostname",
            "rm: '/tmp/d' is a directory\n600 root\n",
        ),
        (
            "dd if=/dev/zero of=/tmp/z bs=1M count=100 2>/dev/null; du -m /tmp/z; ls -lh /tmp/z | awk '{print $5}'",
            "100\t/tmp/z\n100.0M\n",
        ),
        ("id; whoami; id -u; uname; nproc", "uid=0(root) gid=0(root) groups=0(root)\nroot\n0\nLinux\n4\n"),
        ("basename /a/b.txt .txt; dirname /a/b; seq -s, 3; expr 2 + 3", "b\n/a\n1,2,3\n5\n"),
        (
            "sleep 100 & sleep 1; ps",
            "PID   USER     TIME  COMMAND\n    1 root      0:00 ps\n    7 root      0:00 sleep 100\n",
        ),
        ("date -d @0 +%F; date '+%a %b %e'; date +%s", "1970-01-01\nThu Jan  1\n1767225600\n"),
        (
            "cat /proc/1/comm /sys/fs/cgroup/memory.max; cat /proc/self/cmdline | tr '\\0' ' '",
            "sh\nmax\ncat /proc/self/cmdline ",
        ),
        (
            "cat nope; sleep x; mv a b",
            "cat: can't open 'nope': No such file or directory\nsleep: invalid number 'x'\nmv: can't rename 'a': No such file or directory\n",
        ),
        (
            "ip a | grep eth0 | head -n 1; hostname -i",
            "2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1500 qdisc noqueue \n10.244.1.5\n",
        ),
        ("echo a > /tmp/log; (sleep 3; echo b >> /tmp/log) & timeout 6 tail -f /tmp/log", "a\nb\n"),
        (
            "su nobody -s /bin/sh -c id; su nobody -s /bin/sh -c 'touch /etc/x'",
            "uid=65534(nobody) gid=65534\ntouch: /etc/x: Permission denied\n",
        ),
        (
            "echo aGk= | base64 -d; echo; yes | head -n 2; vi x",
            "hi\ny\ny\nvi: no full-screen editor in this simulated container; use echo, printf or cat with >\n",
        ),
    ];
    let mut wrong = String::new();
    for (script, output) in table {
        let got = run(script);
        if got != *output {
            wrong += &format!("--- {script}\nwanted {output:?}\ngot    {got:?}\n");
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn a_client_fails_in_the_words_of_its_program() {
    use crate::kernel::net::{Answer, Failure};
    let refused = || Answer::Failed(Failure::Refused { address: "10.0.0.1".to_owned() });
    let table = [
        (
            "wget -q -O - 10.0.0.1",
            refused(),
            "wget: can't connect to remote host (10.0.0.1): Connection refused\n",
        ),
        ("wget -q -O - x", Answer::Failed(Failure::BadAddress), "wget: bad address 'x'\n"),
        (
            "curl -s -S 10.0.0.1",
            refused(),
            "curl: (7) Failed to connect to 10.0.0.1 port 80 after 0 ms: Couldn't connect to server\n",
        ),
        ("curl http://x:81/", Answer::Failed(Failure::BadAddress), "curl: (6) Could not resolve host: x\n"),
        ("nc -zv 10.0.0.1 80", refused(), "nc: 10.0.0.1 (10.0.0.1:80): Connection refused\n"),
    ];
    for (script, answer, output) in table {
        let mut bench = Bench::new();
        bench.start(&["sh", "-c", script]);
        let calls = bench.kernel.take_calls();
        bench.kernel.answer(calls[0].0, answer);
        bench.run();
        assert_eq!(bench.output(), output, "{script}");
    }
}

#[test]
fn a_probe_is_cheap() {
    let mut bench = Bench::new();
    bench.start(&["sh", "-c", "touch /tmp/healthy; sleep 36000"]);
    // The kernel itself: commands and their ends, a thousand times.
    for _ in 0..1000 {
        bench.start(&["cat", "/tmp/healthy"]);
        bench.now = bench.now + std::time::Duration::from_millis(1);
    }
    assert_eq!(bench.kernel.take_exits().iter().filter(|it| it.code == 0).count(), 1000);
    assert_eq!(bench.kernel.processes().count(), 1);
}
