//! A stand-in for the session while it is being built: one made-up frame to draw by. To be deleted.

use std::sync::Arc;

use session::frame::*;

pub struct Instant(pub u64);

pub struct Session {
    now: Micros,
    taints: bool,
    text: String,
    out: Vec<u8>,
    faults: Vec<FaultTarget>,
    id: u64,
}

const S: Micros = 1_000_000;

fn text(it: &str) -> String {
    it.to_owned()
}

impl Session {
    pub fn open(_: &str) -> (Session, Option<String>) {
        (Session { now: 100 * S, taints: true, text: text(MANIFEST), out: b"\x1b[32m$\x1b[0m k get pods -o wide\r\nNAME              READY   STATUS             RESTARTS      NODE\r\nbatch-7           0/1     Pending            0             <none>\r\ncrash-1           0/1     CrashLoopBackOff   4 (38s ago)   node-2\r\n\x1b[32m$\x1b[0m ".to_vec(), faults: vec![], id: 0 }, None)
    }
    pub fn manifest(&self) -> &str {
        &self.text
    }
    pub fn now(&self) -> Instant {
        Instant(self.now)
    }
    pub fn run(&mut self, command: Command) -> Outcome {
        match command {
            Command::SeekTo { at } => self.now = at,
            Command::TerminalInput { bytes } => self.out.extend(bytes.bytes()),
            Command::RemoveTaint { node, taint } => {
                self.taints = false;
                return Outcome {
                    printed: Some(format!("kubectl taint node {node} {taint}-")),
                    output: format!("node/{node} untainted"),
                    ..Outcome::default()
                };
            }
            Command::Fault { target } => self.faults.push(target),
            Command::Heal { target } => self.faults.retain(|it| *it != target),
            Command::ApplyManifest { .. } => {
                self.id += 1;
                return Outcome {
                    printed: Some(text("kubectl apply -f liveness.yaml")),
                    output: text("pod/liveness-exec created"),
                    ..Outcome::default()
                };
            }
            _ => {}
        }
        Outcome::default()
    }
    pub fn advance(&mut self, by: u64, _: u32) -> Advanced {
        let before = self.now / (2 * S);
        self.now += by;
        if before != self.now / (2 * S) {
            self.id += 1;
        }
        Advanced { events: 1, behind: false }
    }
    pub fn terminal_take_output(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }
    pub fn check(text: &str) -> Vec<Diagnostic> {
        let Some(at) = text.lines().position(|it| it.contains("livenesProbe")) else { return vec![] };
        vec![Diagnostic {
            severity: Severity::Error,
            line: at as u32 + 1,
            column: 5,
            end_line: at as u32 + 1,
            end_column: 17,
            server: "strict decoding error: unknown field \"spec.containers[0].livenesProbe\"".to_owned(),
            hint: "didYouMean".to_owned(),
            hint_values: vec!["livenesProbe".to_owned(), "livenessProbe".to_owned()],
            fix: Some(Fix {
                label: "livenessProbe".to_owned(),
                text: text.replace("livenesProbe", "livenessProbe"),
            }),
        }]
    }
    pub fn scenarios() -> Vec<ScenarioCard> {
        vec![ScenarioCard {
            id: text("a11"),
            group: ScenarioGroup::Articles,
            title_en: text("Liveness, readiness, and who gets killed"),
            title_zh: text("存活、就绪，以及谁会被杀死"),
            summary_en: text("A probe that fails, and what the kubelet does about it"),
            summary_zh: text("探针失败时 kubelet 会做什么"),
        }]
    }
    pub fn share_link(&self, _: Option<&str>) -> String {
        text("v=1")
    }
    pub fn frame(&mut self, view: &ViewState) -> Frame {
        let mut frame = Frame::default();
        frame.clock = Clock { now: self.now, end: self.now.max(103 * S), ..Clock::default() };
        frame.about = Arc::new(About {
            scenario: text("a11"),
            kubernetes: text("v1.36.2"),
            faults: self.faults.clone(),
            ..About::default()
        });
        frame.plane = Arc::new(Plane {
            revision: 1284,
            last_request: None,
            hops: vec![Hop {
                id: self.id,
                from: if self.id % 2 == 0 { Station::You } else { Station::Scheduler },
                to: Station::ApiServer,
                subject: ObjectRef::pod("default", "batch-7"),
                verb: text("create"),
                started: self.now,
                ends: self.now + 1000,
                failed: false,
            }],
        });
        frame.scheduler = Arc::new(Scheduler {
            active: Lane { count: 1, ..Lane::default() },
            unschedulable: Lane { count: 1, pods: vec![ObjectRef::pod("default", "batch-7")], next: None },
            placing: Some(ObjectRef::pod("default", "batch-7")),
            ..Scheduler::default()
        });
        frame.pending = vec![Arc::new(Pending {
            pod: ObjectRef::pod("default", "batch-7"),
            uid: text("b7"),
            since: 90 * S,
            head: text("0/3 nodes are available:"),
            clauses: vec![
                Clause { text: text("1 Insufficient memory"), nodes: vec![text("node-1")] },
                Clause { text: text("1 node(s) had untolerated taint(s)"), nodes: vec![text("node-2")] },
                Clause { text: text("1 node(s) were unschedulable"), nodes: vec![text("node-3")] },
            ],
            tail: String::new(),
            message: text(
                "0/3 nodes are available: 1 Insufficient memory, 1 node(s) had untolerated taint(s), 1 node(s) were unschedulable.",
            ),
            remedies: vec![Remedy {
                kind: RemedyKind::RemoveTaint,
                preview: text("kubectl taint node node-2 env:NoSchedule-"),
                command: Some(text("kubectl taint node node-2 env:NoSchedule-")),
                nodes: vec![text("node-2")],
            }],
            ..Pending::default()
        })];
        frame.decision = Some(Arc::new(Decision {
            pod: ObjectRef::pod("default", "api-5"),
            at: 96 * S,
            chosen: Some(text("node-3")),
            columns: [
                "NodeUnschedulable",
                "TaintToleration",
                "NodeAffinity",
                "NodePorts",
                "NodeResourcesFit",
                "PodTopologySpread",
                "NodeResourcesBalancedAllocation",
                "ImageLocality",
            ]
            .iter()
            .enumerate()
            .map(|(i, it)| DecisionColumn {
                plugin: text(it),
                filters: i < 6,
                scores: i == 1 || i == 2 || i > 3,
                weight: if i == 1 {
                    3
                } else if i == 2 || i == 5 {
                    2
                } else {
                    1
                },
            })
            .collect(),
            rows: vec![
                DecisionRow {
                    node: text("node-1"),
                    verdict: Verdict::Rejected {
                        plugin: text("NodeResourcesFit"),
                        reasons: vec![text("Insufficient memory")],
                    },
                    scores: vec![],
                    total: None,
                },
                DecisionRow {
                    node: text("node-2"),
                    verdict: Verdict::Rejected {
                        plugin: text("TaintToleration"),
                        reasons: vec![text("node(s) had untolerated taint(s)")],
                    },
                    scores: vec![],
                    total: None,
                },
                DecisionRow {
                    node: text("node-3"),
                    verdict: Verdict::Fits,
                    scores: vec![None, Some(300), Some(200), None, Some(88), Some(200), Some(51), Some(4)],
                    total: Some(843),
                },
            ],
            message: String::new(),
            examined: 3,
            total: 3,
            victims: vec![],
            tie: false,
        }));
        let amounts = |c: i64, cu: i64, m: i64, ct: &str, mt: &str| {
            vec![
                Amount { resource: text("cpu"), allocatable: 4000, requested: c, used: cu, text: text(ct) },
                Amount {
                    resource: text("memory"),
                    allocatable: 8000,
                    requested: m,
                    used: m / 2,
                    text: text(mt),
                },
                Amount {
                    resource: text("pods"),
                    allocatable: 110_000,
                    requested: 3000,
                    used: 0,
                    text: text("3 / 110"),
                },
            ]
        };
        let label = |k: &str, v: &str| LabelChip { key: text(k), value: text(v), well_known: false };
        let gate = |r: &str, d: &str| {
            Some(Gate { fits: false, reason: text(r), detail: text(d), ..Gate::default() })
        };
        let extra = if view.log_previous { 900 } else { 0 };
        let mut n1 = NodeCard {
            name: text("node-1"),
            amounts: amounts(2500, 2000, 7300, "2.5 / 4", "7.3 / 8 Gi"),
            labels: vec![label("disktype", "ssd"), label("zone", "a")],
            gate: gate("Insufficient memory", "96 MiB short"),
            pods: vec![text("p1"), text("p2")],
            ..NodeCard::default()
        };
        for i in 0..extra {
            n1.pods.push(format!("x{i}"));
        }
        frame.nodes = vec![
            Arc::new(n1),
            Arc::new(NodeCard {
                name: text("node-2"),
                amounts: amounts(1200, 900, 1900, "1.2 / 4", "1.9 / 8 Gi"),
                labels: vec![label("zone", "b")],
                taints: if self.taints {
                    vec![TaintChip { key: text("env"), value: text("dev"), effect: text("NoSchedule") }]
                } else {
                    vec![]
                },
                gate: gate("untolerated taint", ""),
                pods: vec![text("p3"), text("p4")],
                ..NodeCard::default()
            }),
            Arc::new(NodeCard {
                name: text("node-3"),
                cordoned: true,
                amounts: amounts(300, 200, 500, "0.3 / 4", "0.5 / 8 Gi"),
                labels: vec![label("zone", "b")],
                gate: Some(Gate { fits: true, score: Some(843), chosen: true, ..Gate::default() }),
                pods: vec![text("p5"), text("p6")],
                ..NodeCard::default()
            }),
        ];
        let c = |name: &str, kind: ContainerKind, tone: Tone, says: Says| ContainerCard {
            name: text(name),
            kind,
            tone,
            says,
            image: text("busybox"),
            ..ContainerCard::default()
        };
        let f = |ip: &str| {
            Some(Foundation {
                ip: text(ip),
                shared: vec![text("net"), text("ipc"), text("uts")],
                host_network: false,
                attempt: 1,
            })
        };
        let vol = |n: &str| vec![VolumeCard { name: text(n), shared: true, ..VolumeCard::default() }];
        let pod = |uid: &str, name: &str, node: &str, status: &str, tone: Tone, ready: &str| PodCard {
            uid: text(uid),
            namespace: text("default"),
            name: text(name),
            node: Some(text(node)),
            status: text(status),
            tone,
            ready: text(ready),
            ..PodCard::default()
        };
        let mut p1 = pod("p1", "liveness-exec", "node-1", "Running", Tone::Ok, "1/1");
        p1.restarts = 1;
        p1.foundation = f("10.244.1.7");
        let mut k = c("liveness", ContainerKind::App, Tone::Ok, Says::RunningSince { at: 67 * S });
        k.lamps = vec![
            Lamp {
                probe: Probe::Liveness,
                ok: Some(true),
                count: 2,
                threshold: 3,
                next: Some(self.now / (5 * S) * 5 * S + 5 * S),
                what: text("exec cat /tmp/healthy"),
                output: text("cat: can't open '/tmp/healthy'"),
            },
            Lamp { probe: Probe::Readiness, ok: Some(true), threshold: 3, ..Lamp::default() },
        ];
        p1.containers = vec![k];
        let mut p2 = pod("p2", "javaweb-2", "node-1", "Init:1/2", Tone::Busy, "0/1");
        let mut one = c("war", ContainerKind::Init, Tone::Done, Says::Completed);
        one.step = 1;
        let mut two = c("warm-up", ContainerKind::Init, Tone::Busy, Says::RunningSince { at: 90 * S });
        two.step = 2;
        p2.containers =
            vec![one, two, c("tomcat", ContainerKind::App, Tone::Wait, Says::AfterInit { step: 2, of: 2 })];
        p2.foundation = f("10.244.1.9");
        p2.volumes = vol("app-volume");
        let mut p3 = pod("p3", "web-6d4cf-x2k9p", "node-2", "Running", Tone::Ok, "2/2");
        let mut nginx = c("nginx", ContainerKind::App, Tone::Ok, Says::RunningSince { at: 20 * S });
        nginx.ports = vec![80];
        p3.containers =
            vec![nginx, c("log-agent", ContainerKind::Sidecar, Tone::Ok, Says::RunningSince { at: 19 * S })];
        p3.foundation = f("10.244.2.4");
        p3.volumes = vol("logs");
        let mut p4 = pod("p4", "crash-1", "node-2", "CrashLoopBackOff", Tone::Bad, "0/1");
        p4.restarts = 4;
        let mut crash = c("app", ContainerKind::App, Tone::Bad, Says::Exited { exit_code: 1, times: 4 });
        crash.backoff = Some(Backoff { until: 144 * S, total: 80 * S, attempt: 4, pull: false });
        p4.containers = vec![crash];
        p4.foundation = f("10.244.2.6");
        let mut p5 = pod("p5", "two-containers", "node-3", "NotReady", Tone::NotReady, "1/2");
        p5.containers = vec![
            c("nginx", ContainerKind::App, Tone::Ok, Says::RunningSince { at: 30 * S }),
            c("debian", ContainerKind::App, Tone::Done, Says::Completed),
        ];
        p5.foundation = f("10.244.3.2");
        p5.volumes = vol("shared-data");
        let mut p6 = pod("p6", "api-0", "node-3", "Terminating", Tone::Ending, "1/1");
        p6.containers = vec![c("api", ContainerKind::App, Tone::Ending, Says::Stopping { kill: 120 * S })];
        p6.grace = Some(Grace { signal: text("SIGTERM"), started: 90 * S, deadline: 120 * S });
        p6.foundation = f("10.244.3.5");
        frame.pods = [p1, p2, p3, p4, p5, p6].into_iter().map(Arc::new).collect();
        for i in 0..extra {
            frame.pods.push(Arc::new(pod(
                &format!("x{i}"),
                &format!("x{i}"),
                "node-1",
                "Running",
                if i % 17 == 0 { Tone::Bad } else { Tone::Ok },
                "1/1",
            )));
        }
        frame.services = vec![Arc::new(ServiceCard {
            namespace: text("default"),
            name: text("web"),
            kind: text("ClusterIP"),
            cluster_ip: text("10.96.14.3"),
            ports: text("80/TCP"),
            selector: text("app=web"),
            endpoints: vec![
                Endpoint {
                    pod: ObjectRef::pod("default", "web-6d4cf-x2k9p"),
                    uid: text("p3"),
                    address: text("10.244.2.4:80"),
                    ready: true,
                    terminating: false,
                    why_not: None,
                },
                Endpoint {
                    pod: ObjectRef::pod("default", "api-0"),
                    uid: text("p6"),
                    address: text("10.244.3.5:80"),
                    ready: false,
                    terminating: true,
                    why_not: Some(Narration::EndpointTerminating),
                },
            ],
        })];
        frame.workloads = vec![Arc::new(WorkloadCard {
            kind: text("Deployment"),
            namespace: text("default"),
            name: text("web"),
            wanted: 2,
            ready: 1,
            updated: 1,
            tone: Tone::Busy,
            replicas: vec![ReplicaCard {
                kind: text("ReplicaSet"),
                name: text("web-6d4cf"),
                revision: 1,
                wanted: 2,
                ready: 1,
                image: text("nginx"),
                pods: vec![text("p3")],
            }],
        })];
        let event = |at: u64, warning: bool, reason: &str, name: &str, message: &str| EventCard {
            id: at,
            first: at * S,
            last: at * S,
            warning,
            reason: text(reason),
            object: ObjectRef::pod("default", name),
            message: text(message),
            source: text("kubelet, node-1"),
            count: 1,
            field: String::new(),
        };
        frame.events = Arc::new(vec![
            event(
                1,
                false,
                "Scheduled",
                "liveness-exec",
                "Successfully assigned default/liveness-exec to node-1",
            ),
            event(3, false, "Started", "liveness-exec", "Container started"),
            event(
                95,
                true,
                "Unhealthy",
                "liveness-exec",
                "Liveness probe failed: cat: can't open '/tmp/healthy': No such file or directory",
            ),
        ]);
        let seg = |start: u64, end: Option<u64>, status: &str, tone: Tone, waits: bool| Segment {
            start: start * S,
            end: end.map(|it| it * S),
            status: text(status),
            tone,
            waits,
        };
        let lane = |name: &str, segments: Vec<Segment>| PodLane {
            pod: ObjectRef::pod("default", name),
            uid: text(name),
            segments,
            ticks: vec![],
        };
        let mut l1 = lane(
            "liveness-exec",
            vec![
                seg(1, Some(3), "ContainerCreating", Tone::Wait, false),
                seg(3, Some(56), "Running", Tone::Ok, false),
                seg(56, Some(67), "Terminating", Tone::Ending, false),
                seg(67, None, "Running", Tone::Ok, false),
            ],
        );
        l1.ticks = [37, 42, 47, 93, 98]
            .iter()
            .map(|it| Tick { at: it * S, probe: Probe::Liveness, ok: false })
            .collect();
        frame.timeline = Arc::new(Timeline {
            lanes: vec![
                l1,
                lane(
                    "javaweb-2",
                    vec![
                        seg(74, Some(79), "Init:0/2", Tone::Wait, false),
                        seg(79, Some(90), "Init:0/2", Tone::Busy, false),
                        seg(90, None, "Init:1/2", Tone::Busy, false),
                    ],
                ),
                lane(
                    "crash-1",
                    vec![
                        seg(9, Some(12), "Running", Tone::Ok, false),
                        seg(12, Some(19), "CrashLoopBackOff", Tone::Bad, true),
                        seg(19, Some(22), "Running", Tone::Ok, false),
                        seg(22, None, "CrashLoopBackOff", Tone::Bad, true),
                    ],
                ),
                lane(
                    "api-0",
                    vec![
                        seg(6, Some(90), "Running", Tone::Ok, false),
                        seg(90, None, "Terminating", Tone::Ending, false),
                    ],
                ),
            ],
            marks: vec![
                Mark {
                    at: 98 * S,
                    text: text("Liveness probe failed (2/3)"),
                    tone: Tone::Bad,
                    yours: false,
                    object: None,
                },
                Mark {
                    at: 9 * S,
                    text: text("kubectl apply -f crash.yaml"),
                    tone: Tone::Ok,
                    yours: true,
                    object: None,
                },
            ],
            branches: vec![Branch { index: 0, forked_at: 40 * S, end: 80 * S }],
        });
        frame.said = self.id;
        frame.narrated = Arc::new(vec![Narration::LivenessFails {
            container: text("liveness"),
            failed: 2,
            threshold: 3,
            output: text("…"),
        }]);
        let part = |start: u64, it: &str, tone: Tone| TrackPart { start: start * S, text: text(it), tone };
        let object = view.selected.clone().unwrap_or_else(|| ObjectRef::pod("default", "liveness-exec"));
        frame.inspector = Some(Arc::new(Inspector {
            object: object.clone(),
            gone: false,
            facts: vec![text("default"), text("node-1"), text("10.244.1.7"), text("Burstable")],
            now: vec![Narration::LivenessFails {
                container: text("liveness"),
                failed: 2,
                threshold: 3,
                output: text("cat: can't open '/tmp/healthy': No such file or directory"),
            }],
            tracks: vec![
                Track {
                    kind: TrackKind::Phase,
                    parts: vec![part(1, "Pending", Tone::Wait), part(3, "Running", Tone::Ok)],
                },
                Track {
                    kind: TrackKind::Status,
                    parts: vec![part(1, "ContainerCreating", Tone::Wait), part(3, "Running", Tone::Ok)],
                },
                Track {
                    kind: TrackKind::Condition(text("Ready")),
                    parts: vec![part(1, "False", Tone::Done), part(3, "True", Tone::Ok)],
                },
                Track {
                    kind: TrackKind::Container(text("liveness")),
                    parts: vec![
                        part(1, "waiting", Tone::Wait),
                        part(3, "running", Tone::Ok),
                        part(56, "137", Tone::Bad),
                        part(67, "running", Tone::Ok),
                    ],
                },
            ],
            conditions: vec![
                Condition {
                    kind: text("PodScheduled"),
                    status: text("True"),
                    since: S,
                    ..Condition::default()
                },
                Condition { kind: text("Ready"), status: text("True"), since: 3 * S, ..Condition::default() },
            ],
            why: vec![
                WhyStep {
                    at: S,
                    actor: Actor::You,
                    verb: text("create"),
                    object: object.clone(),
                    why: Why::Asked { command: text("kubectl apply -f liveness.yaml") },
                },
                WhyStep {
                    at: 2 * S,
                    actor: Actor::Scheduler,
                    verb: text("bind"),
                    object: object.clone(),
                    why: Why::Bound { node: text("node-1"), feasible: 3, score: 271 },
                },
                WhyStep {
                    at: 67 * S,
                    actor: Actor::Kubelet(text("node-1")),
                    verb: text("update"),
                    object,
                    why: Why::StatusSync,
                },
            ],
            yaml: Arc::new(
                MANIFEST
                    .lines()
                    .map(|it| ServedLine { text: text(it), defaulted: it.contains("Policy") })
                    .collect(),
            ),
            events: vec![0, 1, 2],
            logs: vec![LogTail {
                container: text("liveness"),
                previous: false,
                text: text("line one\nline two"),
            }],
            inside: Some(Arc::new(Inside {
                hostname: text("javaweb-2"),
                ip: text("10.244.1.9"),
                namespaces: vec![
                    Namespace {
                        kind: NamespaceKind::Net,
                        shared: true,
                        host: false,
                        shows: text("10.244.1.9"),
                    },
                    Namespace {
                        kind: NamespaceKind::Ipc,
                        shared: true,
                        host: false,
                        shows: text("/dev/shm"),
                    },
                    Namespace { kind: NamespaceKind::Mnt, shared: false, host: false, shows: String::new() },
                    Namespace { kind: NamespaceKind::Pid, shared: false, host: false, shows: String::new() },
                ],
                ports: vec![Port {
                    port: 8080,
                    container: text("tomcat"),
                    open: true,
                    host_port: Some(8001),
                }],
                rooms: vec![
                    Room {
                        name: text("pause"),
                        pause: true,
                        state: text("Running"),
                        tone: Tone::Ok,
                        processes: vec![ProcessLine {
                            pid: 1,
                            command: text("/pause"),
                            ..ProcessLine::default()
                        }],
                        ..Room::default()
                    },
                    Room {
                        name: text("war"),
                        kind: ContainerKind::Init,
                        step: 1,
                        state: text("exit 0"),
                        tone: Tone::Done,
                        processes: vec![ProcessLine {
                            pid: 1,
                            command: text("cp /sample.war /app"),
                            ended: true,
                            ..ProcessLine::default()
                        }],
                        ..Room::default()
                    },
                    Room {
                        name: text("tomcat"),
                        state: text("Running"),
                        tone: Tone::Ok,
                        processes: vec![
                            ProcessLine {
                                pid: 1,
                                command: text("sh -c …/start.sh"),
                                ..ProcessLine::default()
                            },
                            ProcessLine {
                                pid: 7,
                                depth: 1,
                                command: text("java catalina"),
                                ..ProcessLine::default()
                            },
                        ],
                        ports: vec![8080],
                        memory: Some(Usage {
                            used: 222_000_000,
                            request: Some(134_217_728),
                            limit: Some(268_435_456),
                            curve: vec![
                                10_000_000,
                                20_000_000,
                                120_000_000,
                                160_000_000,
                                180_000_000,
                                210_000_000,
                                222_000_000,
                            ],
                        }),
                        ..Room::default()
                    },
                ],
                drawers: vec![Drawer {
                    name: text("app-volume"),
                    kind: VolumeKind::EmptyDir,
                    source: String::new(),
                    mounts: vec![
                        Mount { container: text("war"), path: text("/app"), read_only: false },
                        Mount {
                            container: text("tomcat"),
                            path: text("/usr/local/tomcat/webapps"),
                            read_only: true,
                        },
                    ],
                    files: vec![FileLine { path: text("sample.war"), bytes: 4_299_161 }],
                }],
            })),
            by_hand: vec![text("kubectl describe pod liveness-exec")],
        }));
        frame.lesson = Some(Arc::new(LessonCard {
            id: text("a11"),
            title: text("Liveness"),
            text: text(
                "The kubelet runs `cat /tmp/healthy` every **5 s**.\n\nAfter 30 s the file is gone.\n\n- three failures\n- one kill",
            ),
            goals: vec![
                GoalCard { text: text("Apply the manifest"), done: true, ..GoalCard::default() },
                GoalCard {
                    text: text("See the first restart"),
                    done: false,
                    hint: text("It takes about 75 s"),
                    command: text("kubectl get pods -w"),
                },
            ],
            documents: vec![DocumentCard { name: text("liveness.yaml"), text: text(MANIFEST) }],
        }));
        frame
    }
}

const MANIFEST: &str = "apiVersion: v1
kind: Pod
metadata:
  name: liveness-exec
  labels:
    test: liveness
spec:
  restartPolicy: Always
  containers:
  - name: liveness
    image: busybox
    args: [sh, -c, \"touch /tmp/healthy; sleep 30; rm -rf /tmp/healthy; sleep 600\"]
    livenesProbe:
      exec:
        command: [cat, /tmp/healthy]
      initialDelaySeconds: 5
      periodSeconds: 5
";
