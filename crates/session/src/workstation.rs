//! The workstation: a machine of the runtime outside the cluster, with a shell on a terminal.
//!
//! `kubectl` and `fault` are programs there that run outside the simulation's processes: the session carries them out,
//! and the process that stands for them only waits. So pipes, loops and `$(…)` around kubectl are the shell's own work.

use cluster::{Cluster, Fault};
use kubectl::{Env, Invocation, Progress, State};
use runtime::{
    ContainerConfig, ContainerId, ExecConfig, ExecId, ExecOutcome, External, MachineSpec, SandboxConfig,
    Signal,
};
use sim::{Gather as _, SimTime, VecMap};

use crate::playground::{Finished, RunId};
use crate::world::{Remotes, WorkstationWorld};

pub const MACHINE: &str = "workstation";
const IMAGE: &str = "playground.dev/workstation:v1";
const HOME: &str = "/root";
/// What the terminal remembers.
const SCREEN_BYTES_MAX: usize = 256 << 10;
/// What a command beside the terminal may print.
const CAPTURE_BYTES_MAX: usize = 8 << 20;
/// Runs that are remembered after their end.
const RUNS_MAX: usize = 32;
/// Rounds in which processes and kubectl feed each other at one instant.
const ROUNDS_MAX: u32 = 64;
const RESET: &[u8] = b"\x1bc";

/// What a terminal has shown: the last bytes, and how many there have been.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
struct Screen {
    bytes: Vec<u8>,
    written: u64,
}

impl Screen {
    fn write(&mut self, bytes: &[u8]) {
        self.written += bytes.len() as u64;
        self.bytes.extend(bytes);
        if 2 * SCREEN_BYTES_MAX < self.bytes.len() {
            self.bytes.drain(..self.bytes.len() - SCREEN_BYTES_MAX);
        }
    }

    /// Line ends as a terminal wants them.
    fn write_lines(&mut self, bytes: &[u8]) {
        let mut out = Vec::with_capacity(bytes.len() + 16);
        for byte in bytes {
            if *byte == b'\n' {
                out.push(b'\r');
            }
            out.push(*byte);
        }
        self.write(&out);
    }

    /// What stands on the line of the cursor.
    fn last_line(&self) -> &[u8] {
        let start = self.bytes.iter().rposition(|it| matches!(it, b'\n' | b'\r')).map_or(0, |it| it + 1);
        &self.bytes[start..]
    }

    fn since(&self, seen: Option<u64>) -> Vec<u8> {
        let first = self.written - self.bytes.len() as u64;
        match seen {
            Some(seen) if first <= seen && seen <= self.written => {
                self.bytes[(seen - first) as usize..].to_vec()
            }
            _ => [RESET, &self.bytes].concat(),
        }
    }
}

/// A shell that waits for a line at the terminal: the workstation's, or one in a container after `kubectl exec -it`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Prompt {
    pub machine: &'static str,
    pub container: ContainerId,
    pub directory: String,
    /// As it stands on the screen.
    pub text: String,
    /// Nothing else is writing to the terminal.
    pub clear: bool,
}

/// A command beside the terminal's foreground.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Run {
    exec: ExecId,
    shown: bool,
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    code: Option<i32>,
}

/// A kubectl that runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Kubectl {
    invocation: Invocation,
    wake_at: Option<SimTime>,
    remotes: Remotes,
    input: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Workstation {
    container: ContainerId,
    shell: ExecId,
    screen: Screen,
    /// The shell's line that an announced command has overwritten.
    overwritten: Vec<u8>,
    runs: VecMap<RunId, Run>,
    next_run: u64,
    kubectls: VecMap<External, Kubectl>,
    /// What they that put manifests onto nodes have read so far.
    reading: VecMap<External, Vec<u8>>,
    /// The store's revision when kubectls were asked last.
    polled: u64,
    /// The input that what happens now belongs to.
    input: u32,
    namespace: String,
}

impl Workstation {
    pub fn new(cluster: &mut Cluster) -> Workstation {
        let now = cluster.now();
        let container = cluster.with_runtime(|runtime, outbox| {
            runtime.add_machine(MachineSpec {
                name: MACHINE.into(),
                ip: "192.168.10.2".to_owned(),
                pod_network: "10.244.0".to_owned(),
                cpu_milli: 4_000,
                memory_bytes: 8 << 30,
                images: vec![IMAGE.to_owned()],
            });
            let sandbox = SandboxConfig {
                hostname: MACHINE.to_owned(),
                host_network: true,
                pod_name: MACHINE.to_owned(),
                ..SandboxConfig::default()
            };
            let sandbox = runtime.run_sandbox(MACHINE, sandbox, now, outbox).expect("the machine was added");
            let config = ContainerConfig {
                name: MACHINE.to_owned(),
                image: IMAGE.to_owned(),
                working_dir: HOME.to_owned(),
                ..ContainerConfig::default()
            };
            let container = runtime.create_container(sandbox, config, now).expect("the image is there");
            runtime.start_container(container, now, outbox).expect("the image has a command");
            for program in ["kubectl", "k", "fault"] {
                runtime.install_external(container, &format!("/usr/local/bin/{program}"), now);
            }
            container
        });
        let shell = start_shell(cluster, container);
        Workstation {
            container,
            shell,
            screen: Screen::default(),
            overwritten: Vec::new(),
            runs: VecMap::new(),
            next_run: 0,
            kubectls: VecMap::new(),
            reading: VecMap::new(),
            polled: 0,
            input: 0,
            namespace: "default".to_owned(),
        }
    }

    pub fn input(&mut self, number: u32) {
        self.input = number;
    }

    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub fn set_namespace(&mut self, namespace: &str) {
        namespace.clone_into(&mut self.namespace);
    }

    pub fn wake_at(&self) -> Option<SimTime> {
        self.kubectls.values().filter_map(|it| it.wake_at).min()
    }

    /// Keys go to the shell; while `kubectl exec -it` is in front, as they are to the terminal at its other end.
    pub fn keys(&mut self, cluster: &mut Cluster, keys: &str) {
        let now = cluster.now();
        let shell = self.remote_terminal(cluster).map_or(self.shell, |it| it.0);
        cluster.with_runtime(|runtime, outbox| runtime.exec_write(shell, keys.as_bytes(), now, outbox));
    }

    /// The command in a container that has the terminal, and its container.
    fn remote_terminal(&self, cluster: &Cluster) -> Option<(ExecId, ContainerId)> {
        if cluster.runtime().exec_waits_for_line(self.shell).is_some() {
            return None;
        }
        self.kubectls.values().find_map(|it| it.remotes.terminal())
    }

    /// The shell that waits for a line, if one does.
    pub fn prompt(&self, cluster: &Cluster) -> Option<Prompt> {
        let remote = self.remote_terminal(cluster);
        let (exec, container) = remote.unwrap_or((self.shell, self.container));
        let directory = cluster.runtime().exec_waits_for_line(exec)?.to_owned();
        let clear = !self.runs.values().any(|it| it.shown && it.code.is_none());
        let text = if clear { self.screen.last_line() } else { &self.overwritten };
        Some(Prompt {
            machine: if remote.is_some() { "" } else { MACHINE },
            container,
            directory,
            text: String::from_utf8_lossy(text).into_owned(),
            clear,
        })
    }

    /// Starts a line in a shell of its own.
    pub fn start(&mut self, cluster: &mut Cluster, line: &str, shown: bool) -> RunId {
        if shown {
            self.announce(line);
        }
        let argv = ["sh", "-c", line].map(str::to_owned).to_vec();
        let config = ExecConfig { argv, interactive: true, at_once: true, ..ExecConfig::default() };
        let exec = cluster.exec(self.container, config);
        self.next_run += 1;
        let id = RunId(self.next_run);
        self.runs.insert(id, Run { exec, shown, stdout: Vec::new(), stderr: Vec::new(), code: None });
        while RUNS_MAX < self.runs.len() {
            // The oldest that has ended; those that still run are kept.
            let Some(old) = self.runs.iter().find(|(_, it)| it.code.is_some()).map(|(id, _)| *id) else {
                break;
            };
            self.runs.remove(&old);
        }
        id
    }

    /// A line that was not typed, as if it had been.
    fn announce(&mut self, line: &str) {
        // While such a command still prints, the last line is its own.
        if !self.runs.values().any(|it| it.shown && it.code.is_none()) {
            self.overwritten = self.screen.last_line().to_vec();
        }
        self.screen.write(b"\r\x1b[2K\x1b[90m$\x1b[0m ");
        self.screen.write_lines(line.as_bytes());
        self.screen.write(b"\r\n");
    }

    pub fn tell(&mut self, line: &str, error: Option<String>) {
        self.announce(line);
        if let Some(error) = error {
            self.screen.write_lines(format!("error: {error}\n").as_bytes());
        }
        self.prompt_again();
    }

    /// The shell does not know that something was written below its prompt.
    fn prompt_again(&mut self) {
        self.screen.write(&self.overwritten);
    }

    pub fn write_file(&mut self, cluster: &mut Cluster, path: &str, text: &str) {
        let path = absolute(path);
        let (now, container) = (cluster.now(), self.container);
        cluster.with_runtime(|runtime, _| runtime.write_file(container, &path, text.as_bytes(), now));
    }

    pub fn take_finished(&mut self, run: RunId) -> Option<Finished> {
        let ended = self.look_at(run).filter(|_| self.runs.get(&run).is_some_and(|it| it.code.is_some()))?;
        self.runs.remove(&run);
        Some(ended)
    }

    pub fn look_at(&self, run: RunId) -> Option<Finished> {
        let run = self.runs.get(&run)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Some(Finished { code: run.code.unwrap_or(0), stdout: text(&run.stdout), stderr: text(&run.stderr) })
    }

    pub fn last_run(&self) -> Option<RunId> {
        self.runs.keys().next_back().copied()
    }

    pub fn give_up(&mut self, cluster: &mut Cluster, run: RunId) -> Finished {
        let now = cluster.now();
        if let Some(exec) = self.runs.get(&run).map(|it| it.exec) {
            cluster.with_runtime(|runtime, outbox| runtime.exec_signal(exec, Signal::Kill, now, outbox));
        }
        self.pump(cluster);
        let mut finished = self.look_at(run).unwrap_or_default();
        self.runs.remove(&run);
        finished.code = 130;
        finished
    }

    pub fn screen_since(&self, seen: Option<u64>) -> (Vec<u8>, u64) {
        (self.screen.since(seen), self.screen.written)
    }

    /// Carries bytes between the simulation's processes, the terminal and the kubectls, until nothing moves at this instant.
    pub fn pump(&mut self, cluster: &mut Cluster) {
        for _ in 0..ROUNDS_MAX {
            self.read_terminal(cluster);
            self.read_runs(cluster);
            let moved = self.start_externals(cluster) | self.poll_externals(cluster);
            if !moved {
                return;
            }
        }
    }

    fn read_terminal(&mut self, cluster: &mut Cluster) {
        let shell = self.shell;
        let (out, err) = cluster.with_runtime(|runtime, _| runtime.exec_read(shell));
        if !out.is_empty() || !err.is_empty() {
            self.screen.write(&out);
            self.screen.write(&err);
        }
        // Who leaves the shell gets a new one.
        if cluster.exec_result(shell).is_some() {
            self.shell = start_shell(cluster, self.container);
        }
    }

    fn read_runs(&mut self, cluster: &mut Cluster) {
        let mut shown_ended = false;
        for run in self.runs.values_mut().filter(|it| it.code.is_none()) {
            let exec = run.exec;
            let (out, err) = cluster.with_runtime(|runtime, _| runtime.exec_read(exec));
            if run.shown {
                self.screen.write_lines(&out);
                self.screen.write_lines(&err);
            }
            keep(&mut run.stdout, &out);
            keep(&mut run.stderr, &err);
            if let Some(result) = cluster.exec_result(exec) {
                run.code = Some(match result.outcome {
                    ExecOutcome::Exited(code) => code,
                    ExecOutcome::TimedOut => 124,
                    ExecOutcome::Failed(text) => {
                        keep(&mut run.stderr, text.as_bytes());
                        127
                    }
                });
                shown_ended |= run.shown;
            }
        }
        if shown_ended {
            self.prompt_again();
        }
    }

    /// Processes that stand for kubectl and have nobody who carries them out yet.
    fn start_externals(&mut self, cluster: &mut Cluster) -> bool {
        let found = cluster.runtime().externals(MACHINE);
        let (now, mut moved) = (cluster.now(), false);
        self.reading.retain(|id, _| found.iter().any(|it| it.id == *id));
        for call in found {
            if self.kubectls.contains_key(&call.id) {
                continue;
            }
            let name = call.argv.first().map_or("", |it| it.rsplit('/').next().unwrap_or(it)).to_owned();
            if name == "fault" {
                moved |= self.run_fault(cluster, call.id, &call.argv[1..]);
                continue;
            }
            moved = true;
            let env = Env {
                cwd: call.directory,
                home: HOME.to_owned(),
                vars: call.environment,
                namespace: self.namespace.clone(),
            };
            let mut argv = call.argv;
            if let Some(first) = argv.first_mut() {
                "kubectl".clone_into(first);
            }
            let invocation = Invocation::start(&argv, &env, now);
            let kubectl =
                Kubectl { invocation, wake_at: Some(now), remotes: Remotes::default(), input: self.input };
            self.kubectls.insert(call.id, kubectl);
        }
        moved
    }

    /// True when something has happened: a manifest is read to its end before anything is done with it.
    fn run_fault(&mut self, cluster: &mut Cluster, id: External, words: &[String]) -> bool {
        let words: Vec<&str> = words.iter().map(String::as_str).gather();
        let mut parsed = Fault::parse(&words, &self.namespace);
        if let Some(Fault::AddStaticPod { text, .. }) = &mut parsed {
            let now = cluster.now();
            let (bytes, ended) = cluster.with_runtime(|runtime, _| runtime.external_read(id, now));
            let read = self.reading.entry(id).or_default();
            read.extend(&bytes[..bytes.len().min(MANIFEST_BYTES_MAX.saturating_sub(read.len()))]);
            if !ended {
                return !bytes.is_empty();
            }
            *text = String::from_utf8_lossy(&self.reading.remove(&id).unwrap_or_default()).into_owned();
        }
        let (text, code) = match parsed {
            None => (FAULT_USAGE.to_owned(), 1),
            Some(fault) => match cluster.inflict(&fault) {
                Ok(()) => (String::new(), 0),
                Err(error) => (format!("error: {error}\n"), 1),
            },
        };
        let now = cluster.now();
        cluster.with_runtime(|runtime, outbox| {
            runtime.external_write(id, true, text.as_bytes(), now);
            runtime.external_exit(id, code, now, outbox);
        });
        true
    }

    /// Asks each kubectl to go on where something may have changed for it.
    fn poll_externals(&mut self, cluster: &mut Cluster) -> bool {
        if self.kubectls.is_empty() {
            return false;
        }
        let alive: Vec<External> = cluster.runtime().externals(MACHINE).into_iter().map(|it| it.id).gather();
        // Ctrl-C has ended the process: whoever acted for it stops.
        let gone: Vec<External> = self.kubectls.keys().filter(|it| !alive.contains(it)).copied().gather();
        for id in &gone {
            if let Some(kubectl) = self.kubectls.remove(id) {
                kubectl.remotes.stop(cluster);
            }
        }
        let mut moved = !gone.is_empty();
        for id in alive {
            moved |= self.poll(cluster, id);
        }
        self.polled = cluster.api().store().revision();
        moved
    }

    fn poll(&mut self, cluster: &mut Cluster, id: External) -> bool {
        let Some(mut kubectl) = self.kubectls.remove(&id) else { return false };
        let now = cluster.now();
        let mut world = WorkstationWorld {
            cluster,
            external: id,
            container: self.container,
            remotes: &mut kubectl.remotes,
            input: kubectl.input,
            namespace: &mut self.namespace,
            moved: false,
        };
        let Progress { stdout, stderr, state } = kubectl.invocation.poll(&mut world, now);
        let mut moved = world.moved || !stdout.is_empty() || !stderr.is_empty();
        cluster.with_runtime(|runtime, outbox| {
            runtime.external_write(id, false, &stdout, now);
            runtime.external_write(id, true, &stderr, now);
            if let State::Exited(code) = state {
                runtime.external_exit(id, code, now, outbox);
            } else {
                runtime.pump_external(id, now, outbox);
            }
        });
        match state {
            State::Exited(_) => {
                kubectl.remotes.stop(cluster);
                moved = true;
            }
            State::Running { wake_at } => {
                kubectl.wake_at = wake_at.filter(|it| now < *it);
                self.kubectls.insert(id, kubectl);
            }
        }
        moved
    }
}

/// Of a static Pod; what is longer is cut off.
const MANIFEST_BYTES_MAX: usize = 64 << 10;
const FAULT_USAGE: &str = "usage: fault node fail|recover NODE
       fault node add NODE LIKE
       fault kubelet stop|continue|restart NODE
       fault runtime freeze|continue NODE
       fault network cut|heal NODE
       fault sandbox kill POD
       fault container kill POD CONTAINER
       fault process kill NODE PID
       fault static-pod add|remove NODE FILE
       fault registry down|up
       fault image remove|restore IMAGE
";

fn start_shell(cluster: &mut Cluster, container: ContainerId) -> ExecId {
    let argv = vec!["sh".to_owned(), "-i".to_owned()];
    cluster.exec(
        container,
        ExecConfig {
            argv,
            tty: true,
            stdin: true,
            interactive: true,
            at_once: true,
            ..ExecConfig::default()
        },
    )
}

fn keep(kept: &mut Vec<u8>, bytes: &[u8]) {
    let room = CAPTURE_BYTES_MAX.saturating_sub(kept.len());
    kept.extend(&bytes[..bytes.len().min(room)]);
}

pub fn absolute(path: &str) -> String {
    if path.starts_with('/') { path.to_owned() } else { format!("{HOME}/{path}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screen_tells_what_is_new() {
        let mut screen = Screen::default();
        screen.write(b"one");
        assert_eq!(screen.since(None), b"\x1bcone");
        screen.write_lines(b"\ntwo");
        assert_eq!(screen.since(Some(3)), b"\r\ntwo");
        assert_eq!(screen.since(Some(99)), b"\x1bcone\r\ntwo");
    }
}
