//! `run`: one Pod from flags, and its terminal where that is asked for.
//!
//! Follows kubernetes v1.36 kubectl/pkg/cmd/run.

use std::time::Duration;

use serde_json::{Map, Value, json};
use sim::{Gather as _, SimTime};

use super::create::{self, Sent};
use super::exec::Session;
use super::{DONE, DryRun, Next, Task, change_flags, tell};
use crate::client::{Failure, Method, Request, fail, usage};
use crate::flags::Flags;
use crate::json::{at, int, list, set, text};
use crate::resources::of_plural;
use crate::{Call, ExecRequest};

pub const FLAGS: &str = change_flags!(
    "image= env= labels,l= port= expose! image-pull-policy= overrides= override-type= restart= command! stdin,i! tty,t! rm! attach! quiet,q! annotations= leave-stdin-open! pod-running-timeout% privileged! save-config! grace-period# force! wait! cascade~background timeout%"
);

/// Without `--pod-running-timeout`.
const PATIENCE_DEFAULT: Duration = Duration::from_mins(1);

pub fn run(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    if !flags.given("image") {
        return fail("required flag(s) \"image\" not set");
    }
    if flags.text("image").is_empty() {
        return fail("--image is required");
    }
    let Some(name) = flags.args.first().filter(|_| flags.dash != Some(0)) else {
        return usage("run", "NAME is required for run");
    };
    let dry = DryRun::of(call, flags)?;
    let attached =
        if flags.given("attach") { flags.on("attach") } else { flags.on("stdin") || flags.on("tty") };
    check(flags, attached, dry)?;
    let mut object = pod(flags, name)?;
    if flags.given("overrides") {
        object = create::overridden(object, flags)?;
    }
    let sent = Sent { dry, done: "created", manager: "kubectl-run" };
    // Whoever is attached is told nothing of the creation.
    let quiet = attached || flags.on("quiet");
    let before = call.out.len();
    let made = create::make(call, flags, &object, &sent)?;
    if quiet && !flags.given("output") {
        call.out.truncate(before);
    }
    if flags.on("expose") {
        expose(call, flags, &object, &sent)?;
    }
    if !attached {
        return DONE;
    }
    let patience = flags.duration("pod-running-timeout").and_then(|it| u64::try_from(it).ok());
    let patience = patience.map_or(PATIENCE_DEFAULT, Duration::from_micros);
    let attached = Attached {
        namespace: text(&made, "metadata.namespace").to_owned(),
        pod: text(&made, "metadata.name").to_owned(),
        container: text(&made["spec"]["containers"][0], "name").to_owned(),
        stdin: flags.on("stdin"),
        tty: flags.on("tty"),
        remove: flags.on("rm"),
        quiet: flags.on("quiet"),
        exit_counts: matches!(text(&made, "spec.restartPolicy"), "Never" | "OnFailure"),
        debug: None,
        until: call.now + patience,
        stage: Stage::Starting,
    };
    Box::new(attached).step(call)
}

fn check(flags: &Flags, attached: bool, dry: DryRun) -> Result<(), Failure> {
    if flags.on("tty") && !flags.on("stdin") {
        return usage("run", "-i/--stdin is required for containers with -t/--tty=true");
    }
    if flags.on("rm") && !attached {
        return usage("run", "--rm should only be used for attached containers");
    }
    if attached && dry != DryRun::No {
        return usage(
            "run",
            "--dry-run=[server|client] can't be used with attached containers options (--attach, --stdin, or --tty)",
        );
    }
    if flags.on("expose") && !flags.given("port") {
        return usage("run", "--port must be set when exposing a service");
    }
    if !matches!(flags.text("restart"), "" | "Always" | "OnFailure" | "Never") {
        return fail(format!("invalid restart policy: {}", flags.text("restart")));
    }
    if !matches!(flags.text("image-pull-policy"), "" | "Always" | "IfNotPresent" | "Never") {
        return usage("run", &format!("invalid image pull policy: {}", flags.text("image-pull-policy")));
    }
    if let Some(wrong) = flags.all("env").find(|it| it.split_once('=').is_none_or(|it| it.0.is_empty())) {
        return fail(format!("invalid env: {wrong}"));
    }
    for flag in ["force", "grace-period", "timeout", "cascade", "wait", "leave-stdin-open"] {
        if flags.given(flag) {
            return fail(format!("--{flag} is not supported with kubectl run here"));
        }
    }
    Ok(())
}

fn pairs<'a>(words: impl Iterator<Item = &'a str>) -> Map<String, Value> {
    words.filter_map(|it| it.split_once('=')).map(|(key, value)| (key.to_owned(), value.into())).collect()
}

fn pod(flags: &Flags, name: &str) -> Result<Value, Failure> {
    let mut container = json!({"image": flags.text("image"), "name": name, "resources": {}});
    let words = &flags.args[1..];
    if !words.is_empty() {
        container[if flags.on("command") { "command" } else { "args" }] = json!(words);
    }
    let env: Vec<Value> = flags
        .all("env")
        .filter_map(|it| it.split_once('='))
        .map(|(key, value)| json!({"name": key, "value": value}))
        .gather();
    if !env.is_empty() {
        container["env"] = Value::Array(env);
    }
    if flags.given("port") {
        let Ok(port) = flags.text("port").parse::<i32>() else {
            return fail(format!("strconv.Atoi: parsing {:?}: invalid syntax", flags.text("port")));
        };
        container["ports"] = json!([{"containerPort": port}]);
    }
    if flags.given("image-pull-policy") {
        container["imagePullPolicy"] = flags.text("image-pull-policy").into();
    }
    for field in ["stdin", "tty"] {
        if flags.on(field) {
            container[field] = true.into();
        }
    }
    if flags.on("stdin") {
        container["stdinOnce"] = true.into();
    }
    if flags.on("privileged") {
        container["securityContext"] = json!({"privileged": true});
    }
    let given = pairs(flags.list("labels"));
    let labels = if given.is_empty() { json!({"run": name}) } else { Value::Object(given) };
    let restart = if flags.text("restart").is_empty() { "Always" } else { flags.text("restart") };
    let mut object = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": {"labels": labels, "name": name},
        "spec": {"containers": [container], "dnsPolicy": "ClusterFirst", "restartPolicy": restart},
        "status": {},
    });
    let annotations = pairs(flags.all("annotations"));
    if !annotations.is_empty() {
        object["metadata"]["annotations"] = Value::Object(annotations);
    }
    if flags.given("namespace") {
        set(&mut object, "metadata.namespace", flags.text("namespace").into());
    }
    Ok(object)
}

/// The Service of `--expose`.
fn expose(call: &mut Call, flags: &Flags, pod: &Value, sent: &Sent) -> Result<(), Failure> {
    let port = flags.number("port").unwrap_or(0);
    let mut service = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": text(pod, "metadata.name")},
        "spec": {
            "ports": [{"port": port, "protocol": "TCP", "targetPort": port}],
            "selector": at(pod, "metadata.labels"),
        },
        "status": {"loadBalancer": {}},
    });
    if flags.given("namespace") {
        set(&mut service, "metadata.namespace", flags.text("namespace").into());
    }
    if sent.dry == DryRun::Client {
        return tell(call, flags, &service, "created", sent.dry);
    }
    create::send(call, flags, &service, sent)
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Stage {
    Starting,
    Running(Session),
    /// The process has ended; its status must say so.
    Ended,
    /// The Pod is deleted; with this code the command ends.
    Removing(i32),
}

/// A Pod whose terminal is ours.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Attached {
    namespace: String,
    pod: String,
    container: String,
    stdin: bool,
    tty: bool,
    remove: bool,
    quiet: bool,
    exit_counts: bool,
    /// It is a container for debugging: why it waited, as last told.
    debug: Option<String>,
    until: SimTime,
    stage: Stage,
}

impl Attached {
    /// The terminal of a container that was added to a Pod.
    pub fn debugging(call: &Call, flags: &Flags, pod: &Value, container: String) -> Attached {
        Attached {
            namespace: text(pod, "metadata.namespace").to_owned(),
            pod: text(pod, "metadata.name").to_owned(),
            container,
            stdin: flags.on("stdin"),
            tty: flags.on("tty"),
            remove: false,
            quiet: flags.on("quiet"),
            exit_counts: false,
            debug: Some(String::new()),
            until: call.now,
            stage: Stage::Starting,
        }
    }

    /// Whether the container for debugging has begun; says why not.
    // Follows kubernetes v1.36 kubectl/pkg/cmd/debug: waitForContainer.
    fn debugger_began(&mut self, call: &mut Call, pod: &Value) -> bool {
        let statuses = list(pod, "status.ephemeralContainerStatuses");
        let Some(status) = statuses.iter().find(|it| text(it, "name") == self.container) else {
            return false;
        };
        let waits = text(status, "state.waiting.message");
        if !waits.is_empty() && self.debug.as_deref() != Some(waits) {
            call.warn(&format!("Warning: container {}: {waits}", self.container));
            self.debug = Some(waits.to_owned());
        }
        at(status, "state.waiting").is_null() && !at(status, "state").is_null()
    }

    fn request(&self, method: Method) -> Request {
        Request::new(method, of_plural("pods"), &self.namespace, &self.pod)
    }

    pub fn step(mut self: Box<Self>, call: &mut Call) -> Result<Next, Failure> {
        loop {
            if call.interrupted {
                // Who gives up still takes the Pod away.
                return Ok(self.end(call, 130));
            }
            match self.stage.clone() {
                Stage::Starting => {
                    let pod = call.request(&self.request(Method::Get))?;
                    if self.debug.is_some() {
                        if !self.debugger_began(call, &pod) {
                            return Ok(Next::Wait(Task::Run(self), None));
                        }
                        self.stage = self.attach(call)?;
                        continue;
                    }
                    let phase = text(&pod, "status.phase");
                    if matches!(phase, "Running" | "Succeeded" | "Failed") {
                        self.stage = self.attach(call)?;
                        continue;
                    }
                    if self.until <= call.now {
                        return fail("timed out waiting for the condition");
                    }
                    let until = self.until;
                    return Ok(Next::Wait(Task::Run(self), Some(until)));
                }
                Stage::Running(session) => {
                    if session.go_on(call).is_none() {
                        return Ok(Next::Wait(Task::Run(self), None));
                    }
                    self.stage = Stage::Ended;
                }
                Stage::Ended if self.debug.is_some() => {
                    if self.tty && self.stdin && !self.quiet {
                        let (pod, container) = (&self.pod, &self.container);
                        call.say(&format!("Session ended, the ephemeral container will not be restarted but may be reattached using 'kubectl attach {pod} -c {container} -i -t' if it is still running"));
                    }
                    return Ok(Next::Exit(0));
                }
                Stage::Ended => {
                    let pod = call.request(&self.request(Method::Get))?;
                    let statuses = list(&pod, "status.containerStatuses");
                    let status = statuses.iter().find(|it| text(it, "name") == self.container);
                    let ended = status.map(|it| at(it, "state.terminated")).filter(|it| !it.is_null());
                    let code = match ended {
                        Some(ended) => int(ended, "exitCode") as i32,
                        None if self.exit_counts => return Ok(Next::Wait(Task::Run(self), None)),
                        None => 0,
                    };
                    if !self.exit_counts && !self.remove {
                        let (pod, container) = (&self.pod, &self.container);
                        call.say(&format!("Session ended, resume using 'kubectl attach {pod} -c {container} -i -t' command when the pod is running"));
                    }
                    let code = if self.exit_counts { code } else { 0 };
                    return Ok(self.end(call, code));
                }
                Stage::Removing(code) => {
                    if call.request(&self.request(Method::Get)).is_err() {
                        return Ok(Next::Exit(code));
                    }
                    return Ok(Next::Wait(Task::Run(self), None));
                }
            }
        }
    }

    fn attach(&self, call: &mut Call) -> Result<Stage, Failure> {
        if self.stdin && !self.quiet {
            call.warn("All commands and output from this session will be recorded in container logs, including credentials and sensitive information passed through the command prompt.");
            if self.tty {
                call.warn("If you don't see a command prompt, try pressing enter.");
            }
        }
        let request = ExecRequest {
            namespace: self.namespace.clone(),
            pod: self.pod.clone(),
            container: self.container.clone(),
            command: Vec::new(),
            stdin: self.stdin,
            tty: self.tty,
        };
        let exec = call.world.exec_start(&request).map_err(Failure::Text)?;
        Ok(Stage::Running(Session::new(exec, self.stdin)))
    }

    fn end(mut self: Box<Self>, call: &mut Call, code: i32) -> Next {
        if let Stage::Running(session) = &self.stage {
            session.stop(call);
        }
        if !self.remove || matches!(self.stage, Stage::Removing(_)) {
            return Next::Exit(code);
        }
        let gone =
            call.request(&self.request(Method::Delete).body(json!({"propagationPolicy": "Background"})));
        if gone.is_ok() && !self.quiet {
            call.say(&format!("pod {:?} deleted from {} namespace", self.pod, self.namespace));
        }
        if call.interrupted {
            return Next::Exit(code);
        }
        self.stage = Stage::Removing(code);
        Next::Wait(Task::Run(self), None)
    }
}
