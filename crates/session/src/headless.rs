//! The playground without a page: to test what a manifest does.
//!
//! ```
//! use session::Headless;
//!
//! let mut cluster = Headless::default();
//! cluster.apply("apiVersion: v1\nkind: Pod\nmetadata: {name: web}\nspec: {containers: [{name: app, image: nginx}]}")?;
//! cluster.advance_seconds(30);
//! assert_eq!(cluster.status_column("default", "web").as_deref(), Some("Running"));
//! # Ok::<(), session::CommandFailed>(())
//! ```

use std::sync::Arc;
use std::time::Duration;

use api::{Kind, Object, ObjectKey, Pod};
use apiserver::WatchEvent;
use cluster::{Cluster, Fault, FaultError, Settings};
use sim::{Gather as _, SimTime, Sort as _};

use crate::input::Input;
use crate::playground::{Finished, Playground, RunId};

/// Events that one call handles between two looks at its end; only how often, never what happens, depends on it.
const EVENTS_PER_TURN: u32 = 10_000;
/// A command that has not ended after this much virtual time is interrupted.
pub const COMMAND_PATIENCE: Duration = Duration::from_hours(1);

/// A cluster and a workstation, driven by calls. Deterministic: equal calls give equal digests, natively and in WebAssembly.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Headless {
    playground: Playground,
}

impl Default for Headless {
    /// One control-plane node and two workers of 4 CPUs and 8 GiB, as in the articles; their kubelets have registered.
    fn default() -> Self {
        Headless::new(&Settings::default())
    }
}

/// A command ended with another code than 0.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{command}` ended with {code}: {stderr}")]
pub struct CommandFailed {
    pub command: String,
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Headless {
    /// Starts the cluster and lets one second pass, in which its nodes become ready.
    pub fn new(settings: &Settings) -> Headless {
        let mut headless = Headless { playground: Playground::new(settings) };
        headless.advance(Duration::from_secs(1));
        headless
    }

    /// `kubectl apply -f` of the text; what kubectl printed, or its error.
    pub fn apply(&mut self, manifest: &str) -> Result<String, CommandFailed> {
        self.write_file("manifest.yaml", manifest);
        self.sh("kubectl apply -f manifest.yaml")
    }

    /// Runs `kubectl` with these words, as a shell would split them, and waits for its end.
    pub fn kubectl(&mut self, arguments: &str) -> Result<String, CommandFailed> {
        self.sh(&format!("kubectl {arguments}"))
    }

    /// Runs a line in the workstation's shell and lets time pass until it ends. Standard output, or the failure.
    pub fn sh(&mut self, line: &str) -> Result<String, CommandFailed> {
        let ended = self.run(line);
        if ended.code == 0 {
            Ok(ended.stdout)
        } else {
            let Finished { code, stdout, stderr } = ended;
            Err(CommandFailed { command: line.to_owned(), code, stdout, stderr })
        }
    }

    /// Like [`Headless::sh`], with both outputs and the code whatever they are.
    pub fn run(&mut self, line: &str) -> Finished {
        let run = self.playground.start_captured(line);
        let patience = self.now() + COMMAND_PATIENCE;
        loop {
            if let Some(ended) = self.playground.take_finished(run) {
                return ended;
            }
            match self.playground.next_due().filter(|due| *due <= patience) {
                Some(due) => {
                    self.playground.run_until(due, 1);
                }
                None => return self.playground.give_up(run),
            }
        }
    }

    /// Starts a line without waiting for it; [`Headless::take_finished`] gives its output.
    pub fn start_captured(&mut self, line: &str) -> RunId {
        self.playground.start_captured(line)
    }

    /// How a captured line ended; None while it runs.
    pub fn take_finished(&mut self, run: RunId) -> Option<Finished> {
        self.playground.take_finished(run)
    }

    /// Interrupts a captured line.
    pub fn give_up(&mut self, run: RunId) -> Finished {
        self.playground.give_up(run)
    }

    /// Starts a line without waiting for it; its output goes to the terminal.
    pub fn start(&mut self, line: &str) {
        self.playground.apply(&Input::Run(line.to_owned()));
    }

    pub fn write_file(&mut self, path: &str, text: &str) {
        self.playground.apply(&Input::File { path: path.to_owned(), text: text.to_owned() });
    }

    /// The namespace that commands mean when they name none.
    pub fn set_namespace(&mut self, namespace: &str) {
        self.playground.set_namespace(namespace);
    }

    /// Puts an image into the registries.
    pub fn define_image(&mut self, image: runtime::CustomImage) {
        self.playground.define_image(image);
    }

    /// Puts an image onto a node without a pull.
    pub fn load_image(&mut self, node: &str, image: &str) {
        self.playground.load_image(node, image);
    }

    /// The node has cgroups of version 1: what takes too much memory dies alone, not its whole container.
    pub fn use_cgroup_v1(&mut self, node: &str) {
        self.playground.use_cgroup_v1(node);
    }

    pub fn inflict(&mut self, fault: &Fault) -> Result<(), FaultError> {
        self.playground.inflict(fault)
    }

    /// Lets virtual time pass.
    pub fn advance(&mut self, by: Duration) {
        self.advance_to(self.now() + by);
    }

    pub fn advance_seconds(&mut self, seconds: u64) {
        self.advance(Duration::from_secs(seconds));
    }

    pub fn advance_to(&mut self, time: SimTime) {
        while !self.playground.run_until(time, EVENTS_PER_TURN) {}
    }

    /// Lets time pass until `holds`, looking after each event; false if it did not within `patience`.
    pub fn advance_until(&mut self, patience: Duration, mut holds: impl FnMut(&Headless) -> bool) -> bool {
        let end = self.now() + patience;
        while !holds(self) {
            if let Some(due) = self.playground.next_due().filter(|due| *due <= end) {
                self.playground.run_until(due, 1);
            } else {
                self.advance_to(end);
                return holds(self);
            }
        }
        true
    }

    pub fn now(&self) -> SimTime {
        self.playground.now()
    }

    pub fn cluster(&self) -> &Cluster {
        self.playground.cluster()
    }

    pub fn playground(&self) -> &Playground {
        &self.playground
    }

    pub fn get(&self, kind: Kind, namespace: &str, name: &str) -> Option<&Object> {
        self.cluster().api().get(&ObjectKey::new(kind, namespace, name))
    }

    pub fn pod(&self, namespace: &str, name: &str) -> Option<&Arc<Pod>> {
        self.cluster().api().pod(namespace, name)
    }

    /// What `kubectl get pod` shows under STATUS.
    pub fn status_column(&self, namespace: &str, name: &str) -> Option<String> {
        let object = self.get(Kind::Pod, namespace, name)?;
        Some(kubectl::pod_columns(&object.to_value(), self.now()).status)
    }

    /// (type, reason, message) of the Events about a Pod, oldest first.
    pub fn events(&self, namespace: &str, pod: &str) -> Vec<(String, String, String)> {
        let events = self.cluster().api().store().list_in(Kind::Event, namespace);
        let mut found: Vec<(u64, (String, String, String))> = events
            .filter_map(
                |it| if let Object::Event(event) = &it.object { Some((it.revision, event)) } else { None },
            )
            .filter(|(_, it)| {
                it.involved_object.name.as_deref() == Some(pod)
                    && it.involved_object.kind.as_deref() == Some("Pod")
            })
            .map(|(revision, it)| {
                let text = |field: &Option<String>| field.clone().unwrap_or_default();
                (revision, (text(&it.type_), text(&it.reason), text(&it.message)))
            })
            .gather();
        found.put_in_order();
        found.into_iter().map(|(_, it)| it).gather()
    }

    /// What the newest instance of a container has written.
    pub fn logs(&self, namespace: &str, pod: &str, container: &str) -> Option<String> {
        let id = self.cluster().container_of(namespace, pod, container).ok()?;
        let lines = self.cluster().runtime().logs(id, &runtime::LogOptions::default());
        let mut text = String::new();
        for line in lines {
            text.push_str(&line.text);
            text.push('\n');
        }
        Some(text)
    }

    /// What was written to the store after `revision`, oldest first; None when that is too long ago.
    pub fn watch(&self, revision: u64) -> Option<&[Arc<WatchEvent>]> {
        self.cluster().api().store().events_after(revision).ok()
    }

    /// What the terminal shows.
    pub fn terminal(&self) -> String {
        self.playground.terminal_text()
    }

    pub fn digest(&self) -> u64 {
        self.playground.digest()
    }
}
