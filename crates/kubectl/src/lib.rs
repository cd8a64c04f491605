//! kubectl: arguments, requests, printers, describe.
//!
//! A running command is an [`Invocation`]: plain data that is polled while virtual time passes. Everything outside,
//! the API server, the workstation's files, containers' logs and terminals, is reached through [`World`].

mod age;
mod args;
pub mod client;
mod columns;
pub mod complete;
mod describe;
mod flags;
mod json;
mod jsonpath;
mod manifest;
mod merge;
mod output;
mod resources;
mod server;
mod table;
mod template;
mod verbs;

use serde_json::Value;
use sim::SimTime;

pub use client::{Failure, Method, PatchType, Request, Response};
pub use resources::{Resource, of_kind as resource_of};
pub use server::{serve, watch};

use flags::Flags;
use verbs::Task;

/// Where the command runs.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Env {
    pub cwd: String,
    pub home: String,
    pub vars: Vec<(String, String)>,
    /// The context's namespace.
    pub namespace: String,
}

impl Default for Env {
    fn default() -> Self {
        Env { cwd: "/root".into(), home: "/root".into(), vars: Vec::new(), namespace: "default".into() }
    }
}

impl Env {
    pub fn var(&self, name: &str) -> Option<&str> {
        self.vars.iter().find(|it| it.0 == name).map(|it| it.1.as_str())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
}

/// One event of a watch.
#[derive(Debug, Clone, PartialEq)]
pub struct Watched {
    pub change: ChangeKind,
    pub object: Value,
}

/// Bytes typed since the last look.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Stdin {
    pub bytes: Vec<u8>,
    pub eof: bool,
}

/// One line of a container's log.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogLine {
    pub at: SimTime,
    /// Without the newline, except that the last line may be unfinished.
    pub text: Vec<u8>,
}

/// A part of a container's log, oldest line first.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LogView {
    /// Lines from the index asked for on.
    pub lines: Vec<LogLine>,
    /// The container runs no longer: nothing will follow.
    pub ended: bool,
    /// What the kubelet writes in place of a log that is gone; no line feed follows it.
    pub remark: String,
}

/// What an exec session has to tell.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExecView {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub exit: Option<i32>,
    /// The program could not be started: `stderr` says why, and no exit code of its own is told.
    pub failed: bool,
}

/// What `exec`, `attach` and `run -it` start in a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExecRequest {
    pub namespace: String,
    pub pod: String,
    pub container: String,
    /// Empty: attach to the container's own process.
    pub command: Vec<String>,
    pub stdin: bool,
    pub tty: bool,
}

/// Everything a command reaches outside itself.
pub trait World {
    fn request(&mut self, request: &Request) -> Response;
    /// The store's newest revision: where a watch begins.
    fn revision(&self) -> u64;
    /// What happened to one resource after a revision; and the revision to go on from.
    fn events_after(&mut self, resource: &Resource, namespace: &str, revision: u64) -> (Vec<Watched>, u64);
    fn read_file(&mut self, path: &str) -> Result<Vec<u8>, String>;
    fn write_file(&mut self, path: &str, bytes: &[u8]) -> Result<(), String>;
    /// Names in a directory, sorted; `None` when the path is none. Directories end with `/`.
    fn list_dir(&mut self, path: &str) -> Option<Vec<String>>;
    fn stdin(&mut self) -> Stdin;
    /// The namespace that later commands mean when they name none.
    fn set_namespace(&mut self, namespace: &str);
    /// Log lines from index `from` on, or the server's error text.
    fn logs(
        &mut self,
        namespace: &str,
        pod: &str,
        container: &str,
        previous: bool,
        from: usize,
    ) -> Result<LogView, String>;
    /// Starts a program in a container; answers with its number, or the server's error text.
    fn exec_start(&mut self, request: &ExecRequest) -> Result<u64, String>;
    fn exec_write(&mut self, exec: u64, input: &Stdin);
    fn exec_poll(&mut self, exec: u64) -> ExecView;
    fn exec_stop(&mut self, exec: u64);
    /// Opens an editor on a file of the workstation; answers with a number to ask `edit_done` with.
    fn edit_start(&mut self, path: &str) -> Result<u64, String>;
    /// `None` while the editor is open; otherwise its exit code.
    fn edit_done(&mut self, edit: u64) -> Option<i32>;
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum State {
    /// Waits for the cluster or for input; `wake_at` is the latest instant to poll again.
    Running {
        wake_at: Option<SimTime>,
    },
    Exited(i32),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Progress {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub state: State,
}

/// One running kubectl command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Invocation {
    argv: Vec<String>,
    env: Env,
    task: Task,
    interrupted: bool,
    exited: Option<i32>,
}

/// What a verb works with: the world, its own call, and where its words go.
pub(crate) struct Call<'a> {
    pub world: &'a mut dyn World,
    pub env: &'a Env,
    pub now: SimTime,
    pub out: Vec<u8>,
    pub err: String,
    /// Standard input, when `-f -` asked for it.
    pub input: Vec<u8>,
    pub interrupted: bool,
    /// Kinds are asked for that nobody named (`get all`): not worth a word when they are not simulated.
    pub unasked: bool,
}

impl Call<'_> {
    pub fn say(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
        self.out.push(b'\n');
    }

    pub fn print(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    pub fn warn(&mut self, text: &str) {
        self.err.push_str(text);
        self.err.push('\n');
    }

    pub fn request(&mut self, request: &Request) -> Result<Value, Failure> {
        let response = self.world.request(request);
        for warning in &response.warnings {
            let line = ["Warning: ", warning].concat();
            // kubectl tells each warning once a command.
            let unasked = self.unasked && warning.starts_with(server::UNSIMULATED);
            if !unasked && !self.err.lines().any(|it| it == line) {
                self.warn(&line);
            }
        }
        client::result(response)
    }

    /// The namespace that the flags or the context ask for.
    pub fn namespace(&self, flags: &Flags) -> String {
        match flags.value("namespace") {
            Some(namespace) if !namespace.is_empty() => namespace.to_owned(),
            _ => self.env.namespace.clone(),
        }
    }
}

impl Invocation {
    /// `argv[0]` is `kubectl` itself. Nothing happens before the first `poll`.
    pub fn start(argv: &[String], env: &Env, _now: SimTime) -> Invocation {
        Invocation {
            argv: argv.to_vec(),
            env: env.clone(),
            task: Task::Start,
            interrupted: false,
            exited: None,
        }
    }

    /// Ctrl-C: the command ends at its next poll, with whatever it says then.
    pub fn interrupt(&mut self) {
        self.interrupted = true;
    }

    /// Goes on as far as it can at `now`. Poll again after every change of the cluster, on input, and at `wake_at`.
    pub fn poll(&mut self, world: &mut dyn World, now: SimTime) -> Progress {
        if let Some(code) = self.exited {
            return Progress { stdout: Vec::new(), stderr: Vec::new(), state: State::Exited(code) };
        }
        let mut call = Call {
            world,
            env: &self.env,
            now,
            out: Vec::new(),
            err: String::new(),
            input: Vec::new(),
            interrupted: self.interrupted,
            unasked: false,
        };
        let task = std::mem::take(&mut self.task);
        let result = verbs::step(task, self.argv.get(1..).unwrap_or(&[]), &mut call);
        let (out, mut err) = (call.out, call.err);
        let state = match result {
            Ok(verbs::Next::Exit(code)) => State::Exited(code),
            Ok(verbs::Next::Wait(task, wake_at)) => {
                self.task = task;
                State::Running { wake_at }
            }
            Err(failure) => {
                err.push_str(&failure.report());
                State::Exited(failure.code())
            }
        };
        if let State::Exited(code) = state {
            self.exited = Some(code);
        }
        Progress { stdout: out, stderr: err.into_bytes(), state }
    }
}

/// What `kubectl get pod` shows of a Pod.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PodColumns {
    pub ready: String,
    pub status: String,
    pub restarts: String,
}

pub fn pod_columns(pod: &Value, now: SimTime) -> PodColumns {
    let mut cells = table::pod_cells(pod, now).into_iter().skip(1);
    let mut next = || cells.next().unwrap_or_default();
    PodColumns { ready: next(), status: next(), restarts: next() }
}
