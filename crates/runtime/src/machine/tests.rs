use std::time::Duration;

use sim::{EventQueue, Outbox, Rng, SimTime};

use crate::*;

/// A runtime with its queue: what the cluster does, in small.
pub(super) struct Bench {
    pub runtime: Runtime,
    queue: EventQueue<Event>,
    rng: Rng,
    pub notices: Vec<(SimTime, Notice)>,
}

impl Bench {
    pub(super) fn new(images: &[&str]) -> Bench {
        let mut runtime = Runtime::default();
        for number in 1..=2 {
            runtime.add_machine(MachineSpec {
                name: format!("node{number}").into(),
                ip: format!("192.168.49.{number}"),
                pod_network: format!("10.244.{number}"),
                cpu_milli: 2_000,
                memory_bytes: 4 << 30,
                images: images.iter().map(|it| (*it).to_owned()).collect(),
            });
        }
        Bench { runtime, queue: EventQueue::default(), rng: Rng::from_seed(1), notices: Vec::new() }
    }

    fn with<T>(&mut self, act: impl FnOnce(&mut Runtime, SimTime, &mut Outbox<Event>) -> T) -> T {
        let mut outbox = Outbox::default();
        let result = act(&mut self.runtime, self.queue.now(), &mut outbox);
        for (due, event) in outbox.drain() {
            self.queue.schedule_at(due, event);
        }
        let now = self.queue.now();
        self.notices.extend(self.runtime.take_notices().into_iter().map(|it| (now, it.1)));
        result
    }

    pub(super) fn run(&mut self, seconds: u64) {
        let until = self.queue.now() + Duration::from_secs(seconds);
        while let Some(event) = self.queue.pop_until(until) {
            let mut rng = self.rng.clone();
            self.with(|runtime, now, outbox| runtime.handle(event, now, &mut rng, outbox));
        }
        self.queue.fast_forward(until);
    }

    pub(super) fn sandbox(&mut self, name: &str) -> SandboxId {
        let config = SandboxConfig {
            pod_name: name.to_owned(),
            hostname: name.to_owned(),
            namespace: "default".to_owned(),
            dns_search: vec!["default.svc.cluster.local".to_owned(), "svc.cluster.local".to_owned()],
            ..SandboxConfig::default()
        };
        self.with(|runtime, now, outbox| runtime.run_sandbox("node1", config, now, outbox)).unwrap()
    }

    pub(super) fn start(
        &mut self,
        sandbox: SandboxId,
        config: ContainerConfig,
    ) -> Result<ContainerId, RuntimeError> {
        let id = self.with(|runtime, now, _| runtime.create_container(sandbox, config, now))?;
        self.with(|runtime, now, outbox| runtime.start_container(id, now, outbox))?;
        Ok(id)
    }

    pub(super) fn container(&mut self, sandbox: SandboxId, image: &str, command: &[&str]) -> ContainerId {
        self.start(sandbox, config(image, command)).unwrap()
    }

    pub(super) fn exec(&mut self, container: ContainerId, argv: &[&str], timeout: u64) -> ExecResult {
        let config = ExecConfig {
            argv: argv.iter().map(|it| (*it).to_owned()).collect(),
            timeout: Some(Duration::from_secs(timeout)),
            ..ExecConfig::default()
        };
        let id = self.with(|runtime, now, outbox| runtime.exec(container, config, now, outbox));
        self.run(timeout + 1);
        let found = self.notices.iter().find_map(|it| match &it.1 {
            Notice::ExecFinished { exec, result } if *exec == id => Some(result.clone()),
            _ => None,
        });
        found.expect("it has ended")
    }

    pub(super) fn get(&mut self, host: &str, port: u16, path: &str) -> Result<HttpAnswer, ConnectError> {
        let request = Request::Http {
            host: host.to_owned(),
            port,
            path: path.to_owned(),
            https: false,
            headers: Vec::new(),
        };
        self.ask(request)
    }

    pub(super) fn ask(&mut self, request: Request) -> Result<HttpAnswer, ConnectError> {
        let timeout = Duration::from_secs(1);
        let id = self.with(|runtime, now, outbox| runtime.request("node1", request, timeout, now, outbox));
        self.run(2);
        let found = self.notices.iter().find_map(|it| match &it.1 {
            Notice::RequestFinished { request, result } if *request == id => Some(result.clone()),
            _ => None,
        });
        found.expect("it has ended")
    }

    pub(super) fn pull(&mut self, image: &str) -> Result<PulledImage, String> {
        let id = self.with(|runtime, now, outbox| runtime.pull_image("node1", image, now, outbox));
        let id = id.map_err(|it| it.to_string())?;
        self.run(60);
        let found = self.notices.iter().find_map(|it| match &it.1 {
            Notice::PullFinished { pull, result } if *pull == id => Some(result.clone()),
            _ => None,
        });
        found.expect("it has ended").map_err(|it| it.to_string())
    }

    pub(super) fn state(&self, id: ContainerId) -> ContainerState {
        self.runtime.container_status(id).unwrap().state
    }

    pub(super) fn code(&self, id: ContainerId) -> Option<(i32, ExitReason)> {
        match self.state(id) {
            ContainerState::Exited { exit_code, reason, .. } => Some((exit_code, reason)),
            ContainerState::Created | ContainerState::Running { .. } => None,
        }
    }

    pub(super) fn log(&self, id: ContainerId) -> String {
        let lines = self.runtime.logs(id, &LogOptions::default());
        lines.iter().fold(String::new(), |all, it| all + &it.text + "\n")
    }

    pub(super) fn signal(&mut self, id: ContainerId, signal: Signal) {
        self.with(|runtime, now, outbox| runtime.signal_container(id, signal, now, outbox));
    }
}

pub(super) fn config(image: &str, command: &[&str]) -> ContainerConfig {
    ContainerConfig {
        name: "app".to_owned(),
        image: image.to_owned(),
        command: command.iter().map(|it| (*it).to_owned()).collect(),
        termination_message_path: "/dev/termination-log".to_owned(),
        ..ContainerConfig::default()
    }
}

#[test]
fn a_container_sleeps_and_ends() {
    let mut bench = Bench::new(&["busybox:1.28"]);
    let sandbox = bench.sandbox("p");
    let id = bench.container(sandbox, "busybox:1.28", &["sleep", "5"]);
    bench.run(4);
    assert_eq!(bench.state(id), ContainerState::Running { started_at: SimTime::ZERO });
    bench.run(2);
    assert_eq!(bench.code(id), Some((0, ExitReason::Exit)));
    assert_eq!(bench.notices, [(SimTime::from_secs(5), Notice::ContainerExited { container: id })]);
}

#[test]
fn starting_fails_in_the_words_of_runc() {
    let start = "failed to create containerd task: failed to create shim task: OCI runtime create failed: runc create failed: unable to start container process: ";
    let table = [
        ("nosuchcmd", "exec: \"nosuchcmd\": executable file not found in $PATH: unknown"),
        (
            "/bin/nosuchcmd",
            "exec: \"/bin/nosuchcmd\": stat /bin/nosuchcmd: no such file or directory: unknown",
        ),
        ("/etc/passwd", "exec: \"/etc/passwd\": permission denied: unknown"),
        ("/etc", "exec: \"/etc\": permission denied: unknown"),
    ];
    let mut bench = Bench::new(&["busybox"]);
    let sandbox = bench.sandbox("p");
    for (command, want) in table {
        let got = bench.start(sandbox, config("busybox", &[command]));
        assert_eq!(got, Err(RuntimeError(format!("{start}{want}"))));
        let id = *bench.runtime.list_containers(sandbox).last().unwrap();
        assert_eq!(bench.code(id), Some((128, ExitReason::StartError)));
    }
}

#[test]
fn nginx_serves_what_lies_in_its_volume_and_quits() {
    let mut bench = Bench::new(&["nginx:1.25"]);
    let sandbox = bench.sandbox("web");
    let volume = bench
        .runtime
        .create_volume("node1", VolumeConfig { kind: "emptyDir".to_owned(), ..VolumeConfig::default() });
    let file = VolumeFile { path: "hello.txt".to_owned(), content: b"hi\n".to_vec(), mode: 0o644 };
    bench.runtime.write_volume_file(volume, file, SimTime::ZERO);
    let mut wanted = config("nginx:1.25", &[]);
    let mount = |path: &str| Mount {
        source: MountSource::Volume(volume),
        sub_path: String::new(),
        path: path.to_owned(),
        read_only: false,
    };
    wanted.mounts = vec![mount("/usr/share/nginx/html/more")];
    let id = bench.start(sandbox, wanted).unwrap();
    bench.run(1);
    let ip = bench.runtime.sandbox_status(sandbox).unwrap().ip;
    assert_eq!(bench.get(&ip, 80, "/").unwrap().body.len(), 615);
    assert_eq!(
        bench.get(&ip, 80, "/more/hello.txt"),
        Ok(HttpAnswer { status: 200, body: Arc::new(b"hi\n".to_vec()) })
    );
    assert_eq!(bench.get(&ip, 80, "/nosuch").unwrap().status, 404);
    let log = bench.log(id);
    assert!(log.contains("Configuration complete; ready for start up"), "{log}");
    assert!(log.contains("[notice] 1#1: nginx/1.25\n"), "{log}");
    assert!(log.contains("10.244.1.1 - - [01/Jan/2026:00:00:01 +0000] \"GET / HTTP/1.1\" 200 615 \"-\" \"kube-probe/1.36\" \"-\""), "{log}");
    assert_eq!(bench.runtime.stop_signal(id), Signal::Quit);
    let view = bench.runtime.inspect_sandbox(sandbox).unwrap();
    assert_eq!(view.ports[0].port, 80);
    assert_eq!(view.containers[0].processes.len(), 3);
    assert_eq!(view.volumes[0].files[0].path, "hello.txt");
    bench.signal(id, Signal::Quit);
    assert_eq!(bench.code(id), Some((0, ExitReason::Exit)));
    let refused = bench.get(&ip, 80, "/").unwrap_err().to_string();
    assert_eq!(refused, format!("Get \"http://{ip}:80/\": dial tcp {ip}:80: connect: connection refused"));
    let silent = bench.get("10.244.9.9", 80, "/").unwrap_err().to_string();
    assert_eq!(
        silent,
        "Get \"http://10.244.9.9:80/\": dial tcp 10.244.9.9:80: i/o timeout (Client.Timeout exceeded while awaiting headers)"
    );
}

#[test]
fn two_servers_cannot_share_a_port() {
    let mut bench = Bench::new(&["nginx"]);
    let sandbox = bench.sandbox("clash");
    bench.container(sandbox, "nginx", &[]);
    let second = bench.container(sandbox, "nginx", &[]);
    bench.run(5);
    assert_eq!(bench.code(second), Some((1, ExitReason::Exit)));
    let log = bench.log(second);
    assert!(
        log.contains("nginx: [emerg] bind() to 0.0.0.0:80 failed (98: Address already in use)\n"),
        "{log}"
    );
    assert!(log.ends_with("nginx: [emerg] still could not bind()\n"), "{log}");
}

#[test]
fn pulls_answer_as_registries_do() {
    let mut bench = Bench::new(&[]);
    let table = [
        ("busybox", "2140972"),
        (
            "nosuchimage",
            "failed to pull and unpack image \"docker.io/library/nosuchimage:latest\": failed to resolve reference \"docker.io/library/nosuchimage:latest\": pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
        ),
        (
            "nginx:nosuchtag",
            "rpc error: code = NotFound desc = failed to pull and unpack image \"docker.io/library/nginx:nosuchtag\": failed to resolve reference \"docker.io/library/nginx:nosuchtag\": docker.io/library/nginx:nosuchtag: not found",
        ),
        ("nginx:::bad", "couldn't parse image name \"nginx:::bad\": invalid reference format"),
        (
            "Nginx:::bad",
            "couldn't parse image name \"Nginx:::bad\": invalid reference format: repository name (library/Nginx) must be lowercase",
        ),
    ];
    for (image, want) in table {
        let got = bench.pull(image).map_or_else(|it| it, |it| it.size_bytes.to_string());
        assert_eq!(got, want);
    }
    assert_eq!(bench.runtime.image_present("node1", "docker.io/library/busybox:latest"), Ok(true));
}

#[test]
fn server_images_have_their_commands() {
    let mut bench = Bench::new(&["nginx"]);
    let sandbox = bench.sandbox("p");
    let id = bench.container(sandbox, "nginx", &[]);
    for argv in [&["sleep", "1"][..], &["/bin/sh", "-c", "sleep 1; nginx -s quit"]] {
        assert_eq!(bench.exec(id, argv, 5).outcome, ExecOutcome::Exited(0), "{argv:?}");
    }
}

#[test]
fn a_tail_without_end_runs_out_of_memory() {
    let mut bench = Bench::new(&["busybox"]);
    let sandbox = bench.sandbox("p");
    let mut wanted = config("busybox", &["tail", "/dev/zero"]);
    wanted.memory_limit_bytes = Some(100 << 20);
    let id = bench.start(sandbox, wanted).unwrap();
    bench.run(5);
    assert_eq!(bench.code(id), Some((137, ExitReason::OomKilled)));
}

#[test]
fn probes_run_commands() {
    let mut bench = Bench::new(&["busybox"]);
    let sandbox = bench.sandbox("p");
    let id = bench.container(sandbox, "busybox", &["sleep", "3600"]);
    assert_eq!(bench.exec(id, &["true"], 1).outcome, ExecOutcome::Exited(0));
    assert_eq!(
        bench.exec(id, &["cat", "/tmp/healthy"], 1),
        ExecResult {
            output: b"cat: can't open '/tmp/healthy': No such file or directory\n".to_vec(),
            outcome: ExecOutcome::Exited(1),
        }
    );
    assert_eq!(bench.exec(id, &["sleep", "10"], 1).outcome, ExecOutcome::TimedOut);
    let ExecOutcome::Failed(text) = bench.exec(id, &["/no/such/cmd"], 1).outcome else { panic!("it ran") };
    assert!(text.starts_with("failed to exec in container: failed to start exec \""), "{text}");
    assert!(text.ends_with("\": OCI runtime exec failed: exec failed: unable to start container process: exec: \"/no/such/cmd\": stat /no/such/cmd: no such file or directory: unknown"), "{text}");
    bench.signal(id, Signal::Term);
    assert_eq!(bench.code(id), None, "the first process has no handler for it");
    bench.signal(id, Signal::Kill);
    assert_eq!(bench.code(id), Some((137, ExitReason::Exit)));
}

#[test]
fn annotations_script_a_container() {
    let mut bench = Bench::new(&["busybox"]);
    let sandbox = bench.sandbox("p");
    let own = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    let mut wanted = config("busybox", &["sleep", "3600"]);
    wanted.script = vec![own("memory-curve", "0s:10Mi,30s:200Mi")];
    wanted.memory_limit_bytes = Some(100 << 20);
    let greedy = bench.start(sandbox, wanted).unwrap();
    let mut wanted = config("busybox", &["sleep", "3600"]);
    wanted.script = vec![own("exit-code", "3"), own("after", "20s")];
    let failing = bench.start(sandbox, wanted).unwrap();
    bench.run(29);
    assert_eq!(bench.code(failing), Some((3, ExitReason::Exit)));
    assert_eq!(bench.runtime.container_stats(greedy, SimTime::from_secs(29)).unwrap().memory_bytes >> 20, 10);
    bench.run(2);
    assert_eq!(bench.code(greedy), Some((137, ExitReason::OomKilled)));
}

#[test]
fn tomcat_deploys_a_copied_archive() {
    let mut bench = Bench::new(&["geektime/sample:v2", "geektime/tomcat:7.0"]);
    let sandbox = bench.sandbox("javaweb-2");
    let volume = bench
        .runtime
        .create_volume("node1", VolumeConfig { kind: "emptyDir".to_owned(), ..VolumeConfig::default() });
    let war = bench.runtime.image_file("geektime/sample:v2", "/sample.war").unwrap();
    bench.runtime.write_volume_file(
        volume,
        VolumeFile { path: "sample.war".to_owned(), content: war, mode: 0o644 },
        SimTime::ZERO,
    );
    let mut wanted = config("geektime/tomcat:7.0", &["/root/apache-tomcat-7.0.42-v2/bin/start.sh"]);
    wanted.mounts = vec![Mount {
        source: MountSource::Volume(volume),
        sub_path: String::new(),
        path: "/root/apache-tomcat-7.0.42-v2/webapps".to_owned(),
        read_only: false,
    }];
    let id = bench.start(sandbox, wanted).unwrap();
    bench.run(5);
    let ip = bench.runtime.sandbox_status(sandbox).unwrap().ip;
    let answer = bench.get(&ip, 8080, "/sample/").unwrap();
    assert!(String::from_utf8_lossy(&answer.body).contains("Hello, World"), "{}", bench.log(id));
    assert!(bench.log(id).contains("INFO: Server startup in"), "{}", bench.log(id));
}

#[test]
fn the_pause_process_holds_the_sandbox() {
    let mut bench = Bench::new(&["nginx"]);
    let sandbox = bench.sandbox("p");
    let id = bench.container(sandbox, "nginx", &[]);
    bench.with(|runtime, now, outbox| runtime.kill_sandbox(sandbox, now, outbox));
    // Number 1 of its own pid namespace runs on; stopping it is the kubelet's business.
    assert_eq!(bench.code(id), None);
    assert!(bench.notices.iter().any(|it| it.1 == Notice::SandboxDied { sandbox }));
    assert!(!bench.runtime.sandbox_status(sandbox).unwrap().ready);
    // Nothing starts in it any more; what has tried has failed.
    let config =
        ContainerConfig { name: "late".to_owned(), image: "nginx".to_owned(), ..ContainerConfig::default() };
    let late = bench.runtime.create_container(sandbox, config, SimTime::ZERO).unwrap();
    bench.with(|runtime, now, outbox| assert!(runtime.start_container(late, now, outbox).is_err()));
    assert_eq!(bench.code(late), Some((128, ExitReason::StartError)));
}

#[test]
fn a_dead_machine_is_silent() {
    let mut bench = Bench::new(&["nginx"]);
    let sandbox = bench.sandbox("p");
    bench.container(sandbox, "nginx", &[]);
    let ip = bench.runtime.sandbox_status(sandbox).unwrap().ip;
    bench.run(1);
    bench.notices.clear();
    bench.runtime.fail_machine("node1", SimTime::from_secs(1));
    let request = Request::Tcp { host: ip.clone(), port: 80 };
    let timeout = Duration::from_secs(1);
    bench.with(|runtime, now, outbox| runtime.request("node2", request, timeout, now, outbox));
    bench.run(3);
    let text = format!("dial tcp {ip}:80: i/o timeout");
    let [(_, Notice::RequestFinished { result, .. })] = bench.notices.as_slice() else {
        panic!("{:?}", bench.notices)
    };
    assert_eq!(*result, Err(ConnectError::TimedOut(text)));
}

#[test]
fn services_names_and_refusals() {
    let mut bench = Bench::new(&["nginx"]);
    let sandbox = bench.sandbox("web");
    bench.container(sandbox, "nginx", &[]);
    let ip = bench.runtime.sandbox_status(sandbox).unwrap().ip;
    let port = |endpoints| ServicePort { port: 8080, node_port: 30_080, endpoints, ..ServicePort::default() };
    let service = |name: &str, ip: &str, port| ServiceEntry {
        namespace: "default".to_owned(),
        name: name.to_owned(),
        cluster_ip: ip.to_owned(),
        ports: vec![port],
        ..ServiceEntry::default()
    };
    bench.runtime.set_services(vec![
        service("web", "10.96.1.1", port(vec![(ip, 80)])),
        service("empty", "10.96.1.2", ServicePort { port: 80, ..ServicePort::default() }),
    ]);
    assert_eq!(bench.get("10.96.1.1", 8080, "/").unwrap().status, 200);
    assert_eq!(bench.get("192.168.49.2", 30_080, "/").unwrap().status, 200);
    assert!(matches!(bench.get("10.96.1.2", 80, "/"), Err(ConnectError::Refused(_))));
    let names = [
        ("web", 1),
        ("web.default", 1),
        ("web.default.svc.cluster.local", 1),
        ("nosuch", 0),
        ("10-1-2-3.default.pod.cluster.local", 1),
    ];
    let machine = bench.runtime.machine("node1").unwrap();
    let place = Some((machine, &*machine.sandboxes[&sandbox]));
    for (name, want) in names {
        assert_eq!(bench.runtime.addresses(place, name).len(), want, "{name}");
    }
}

#[test]
fn clones_are_cheap_and_equal() {
    let mut bench = Bench::new(&["busybox"]);
    let start = std::hint::black_box(0);
    for number in start..100 {
        let sandbox = bench.sandbox(&format!("p{number}"));
        bench.container(sandbox, "busybox", &["sleep", "3600"]);
    }
    let copy = bench.runtime.clone();
    assert!(copy == bench.runtime);
    assert_eq!(sim::digest_of(&copy), sim::digest_of(&bench.runtime));
    bench.run(1);
    bench.sandbox("more");
    assert!(copy != bench.runtime);
}

/// Prints what a thousand containers cost: `cargo test -p runtime --profile bench costs -- --nocapture`.
#[test]
fn costs() {
    #[expect(clippy::disallowed_methods, reason = "measures the real clock, outside of the simulation")]
    let clock = std::time::Instant::now;
    let mut bench = Bench::new(&["busybox", "nginx"]);
    let start = clock();
    let mut last = String::new();
    for number in 0..200 {
        let sandbox = bench.sandbox(&format!("p{number}"));
        for _ in 0..4 {
            bench.container(sandbox, "busybox", &["sleep", "3600"]);
        }
        bench.container(sandbox, "nginx", &[]);
        last = bench.runtime.sandbox_status(sandbox).unwrap().ip;
    }
    println!("1,000 containers start: {:?}", start.elapsed());
    let start = clock();
    bench.run(600);
    println!("they idle for 10 min: {:?}", start.elapsed());
    let start = clock();
    let copy = bench.runtime.clone();
    println!("clone: {:?}", start.elapsed());
    let start = clock();
    for _ in 0..1_000 {
        bench.get(&last, 80, "/").unwrap();
        bench.notices.clear();
    }
    println!("HTTP probe: {:?}", start.elapsed() / 1_000);
    let start = clock();
    assert!(copy != bench.runtime);
    println!("compare: {:?}", start.elapsed());
    let start = clock();
    sim::digest_of(&copy);
    println!("digest: {:?}", start.elapsed());
}

/// The short way answers and logs as the long one does, and sees files that change.
#[test]
fn at_once_is_answered_alike() {
    let mut bench = Bench::new(&["nginx:1.25"]);
    let sandbox = bench.sandbox("web");
    let id = bench.container(sandbox, "nginx:1.25", &[]);
    bench.run(1);
    let host = bench.runtime.sandbox_status(sandbox).unwrap().ip;
    let http = |port: u16, path: &str| Request::Http {
        host: host.clone(),
        port,
        path: path.to_owned(),
        https: false,
        headers: Vec::new(),
    };
    let at_once = |bench: &mut Bench, request: &Request| {
        let asked = bench.runtime.prepare_request("node1", request.clone());
        let timeout = Duration::from_secs(1);
        bench.with(|runtime, now, _| runtime.ask_at_once("node1", &asked, timeout, now)).map(|it| it.answer)
    };
    for path in ["/", "/", "/nosuch", "/"] {
        let start = bench.log(id).len();
        let short_answer = at_once(&mut bench, &http(80, path)).unwrap();
        let short = bench.log(id)[start..].to_owned();
        assert_eq!(Ok(short_answer), bench.ask(http(80, path)));
        assert_eq!(short, bench.log(id)[start + short.len()..], "{path}");
        assert!(short.contains(&format!("\"GET {path} HTTP/1.1\"")), "{short}");
    }
    bench.exec(id, &["sh", "-c", "echo hi > /usr/share/nginx/html/index.html"], 1);
    assert_eq!(*at_once(&mut bench, &http(80, "/")).unwrap().body, *b"hi\n");
    let tcp = |port| Request::Tcp { host: host.clone(), port };
    assert_eq!(at_once(&mut bench, &tcp(80)), Some(HttpAnswer::default()));
    assert_eq!([at_once(&mut bench, &http(81, "/")), at_once(&mut bench, &tcp(81))], [None, None]);
    bench.exec(id, &["nginx", "-s", "stop"], 1);
    assert_eq!(at_once(&mut bench, &http(80, "/")), None);
}

#[test]
fn grpc_calls_find_health_services_and_servers_of_http_1() {
    let mut bench = Bench::new(&["nginx:1.22.1", "registry.k8s.io/e2e-test-images/agnhost:2.53"]);
    let web = bench.sandbox("web");
    let nginx = bench.container(web, "nginx:1.22.1", &[]);
    let health = bench.sandbox("health");
    let command = ["/agnhost", "grpc-health-checking", "--delay-unhealthy-sec=8", "--service", "shop"];
    bench.container(health, "registry.k8s.io/e2e-test-images/agnhost:2.53", &command);
    bench.run(1);
    let ip = |bench: &Bench, sandbox| bench.runtime.sandbox_status(sandbox).unwrap().ip;
    let (web, health) = (ip(&bench, web), ip(&bench, health));
    let mut ask = |host: &str, port: u16, service: &str| {
        let (host, service) = (host.to_owned(), service.to_owned());
        bench.ask(Request::Grpc { host, port, service }).err().map(|it| it.to_string()).unwrap_or_default()
    };
    let never = |ip: &str, port: u16| {
        format!("timeout: failed to connect service \"{ip}:{port}\" within 1s: context deadline exceeded")
    };
    assert_eq!(ask(&health, 5000, ""), "");
    assert_eq!(ask(&health, 5000, "shop"), "");
    assert_eq!(
        ask(&health, 5000, "bank"),
        "error: health rpc probe failed: rpc error: code = NotFound desc = unknown service"
    );
    assert_eq!(ask(&web, 80, ""), never(&web, 80));
    assert_eq!(ask(&web, 81, ""), never(&web, 81));
    assert_eq!(ask(&health, 5000, ""), "service unhealthy (responded with \"NOT_SERVING\")");
    let log = bench.log(nginx);
    assert!(log.contains("] \"PRI * HTTP/2.0\" 400 157 \"-\" \"-\" \"-\"\n"), "{log}");
}

#[test]
fn files_of_a_config_map_change_all_at_once_behind_links() {
    let mut bench = Bench::new(&["busybox"]);
    let sandbox = bench.sandbox("p");
    let config_map = VolumeConfig { kind: "configMap".to_owned(), ..VolumeConfig::default() };
    let volume = bench.runtime.create_volume("node1", config_map);
    let file = |path: &str, text: &str| VolumeFile {
        path: path.to_owned(),
        content: text.as_bytes().to_vec(),
        mode: 0o644,
    };
    let before = [file("k", "old"), file("sub/deep", "1"), file("gone", "x")];
    bench.runtime.replace_volume_files(volume, &before, SimTime::ZERO);
    let mount = |path: &str, sub_path: &str| Mount {
        source: MountSource::Volume(volume),
        sub_path: sub_path.to_owned(),
        path: path.to_owned(),
        read_only: true,
    };
    let mut wanted = config("busybox", &["sleep", "900"]);
    wanted.mounts = vec![mount("/v", ""), mount("/one", "k"), mount("/two", "sub/deep")];
    let id = bench.start(sandbox, wanted).unwrap();
    let say = |bench: &mut Bench, line: &str| {
        String::from_utf8_lossy(&bench.exec(id, &["sh", "-c", line], 5).output).into_owned()
    };
    assert_eq!(say(&mut bench, "cat /v/k /v/sub/deep /v/gone /one /two"), "old1xold1");
    let now = SimTime::ZERO + Duration::from_secs(90);
    bench.runtime.replace_volume_files(volume, &[file("k", "new"), file("sub/deep", "2")], now);
    // What is mounted by a sub-path stays as it was.
    assert_eq!(say(&mut bench, "cat /v/k /v/sub/deep /one /two"), "new2old1");
    let listed = say(&mut bench, "ls /v; ls -a /v | grep -c '^..2026_01_01_00_01_30.[0-9]*$'; readlink /v/k");
    assert_eq!(listed, "k\nsub\n1\n..data/k\n");
    let listed = say(&mut bench, "ls -la /v");
    assert!(
        listed.starts_with("total 12\ndrwxrwxrwx    3 root     root          4096 Jan  1 00:01 .\n"),
        "{listed}"
    );
    let shown: Vec<String> =
        bench.runtime.volume_files(volume).into_iter().map(|it| it.path + &it.text).collect();
    assert_eq!(shown, ["knew", "sub"]);
}

#[test]
fn images_bring_files_of_their_own_and_nginx_obeys_its_configuration() {
    let mut bench = Bench::new(&[]);
    let conf = bench.runtime.image_file("nginx:1.22.1", "/etc/nginx/nginx.conf").unwrap();
    let conf = String::from_utf8_lossy(&conf).replace("user  nginx;", "user www-data;");
    bench.runtime.define_image(CustomImage {
        name: "shop".to_owned(),
        like: "nginx:1.22.1".to_owned(),
        files: vec![
            ("/etc/nginx/nginx.conf".to_owned(), conf),
            ("/hello.sh".to_owned(), "echo hi\n".to_owned()),
        ],
        ..CustomImage::default()
    });
    assert!(bench.runtime.load_image("node1", "shop"));
    let sandbox = bench.sandbox("p");
    let id = bench.container(sandbox, "shop", &[]);
    bench.run(1);
    let users = bench.exec(id, &["sh", "-c", "grep Uid /proc/7/status; /hello.sh"], 5);
    assert_eq!(String::from_utf8_lossy(&users.output), "Uid:\t33\t33\t33\t33\nhi\n");
}

fn limited(image: &str, command: &[&str], milli: u64) -> ContainerConfig {
    ContainerConfig { cpu_limit_milli: Some(milli), ..config(image, command) }
}

#[test]
fn a_busy_loop_gets_what_its_limit_allows() {
    let mut bench = Bench::new(&["busybox"]);
    let sandbox = bench.sandbox("p");
    let spin = ["sh", "-c", "while true; do :; done"];
    let ids: Vec<ContainerId> =
        [100, 10, 5_000].map(|it| bench.start(sandbox, limited("busybox", &spin, it)).unwrap()).into();
    let two = bench.container(sandbox, "busybox", &["sh", "-c", "while :; do :; done & while :; do :; done"]);
    bench.run(40);
    let used = |bench: &Bench, id| bench.runtime.container_stats(id, bench.queue.now()).unwrap().cpu_milli;
    for (id, expected) in ids.iter().zip([100_u64, 10, 1_000]).chain([(&two, 2_000)]) {
        let found = used(&bench, *id);
        assert!(found.abs_diff(expected) <= expected / 10, "{found} is not {expected}");
    }
    let stat = bench.exec(ids[0], &["cat", "/sys/fs/cgroup/cpu.stat"], 5).output;
    let stat = String::from_utf8(stat).unwrap();
    let throttled = stat.lines().find_map(|it| it.strip_prefix("throttled_usec ")).unwrap();
    assert!(30_000_000 < throttled.parse::<u64>().unwrap(), "{stat}");
}

#[test]
fn little_cpu_makes_commands_late_and_sleepers_not() {
    let mut bench = Bench::new(&["busybox"]);
    let sandbox = bench.sandbox("p");
    let outcome = |bench: &mut Bench, milli: u64, command: &str| {
        let id = bench.start(sandbox, limited("busybox", &["sh", "-c", command], milli)).unwrap();
        bench.run(10);
        bench.exec(id, &["true"], 1).outcome
    };
    assert_eq!(outcome(&mut bench, 10, "sleep 100"), ExecOutcome::TimedOut);
    assert_eq!(outcome(&mut bench, 100, "sleep 100"), ExecOutcome::Exited(0));
    let spin = "while :; do :; done";
    assert_eq!(outcome(&mut bench, 100, spin), ExecOutcome::Exited(0), "it gets its fair share");
    assert_eq!(outcome(&mut bench, 30, spin), ExecOutcome::TimedOut);
    let sleeper = limited("busybox", &["sh", "-c", "sleep 30; echo done"], 50);
    let id = bench.start(sandbox, sleeper).unwrap();
    bench.run(31);
    assert_eq!(bench.log(id), "done\n");
}
