//! The simulation as a whole: a cluster and the workstation that the person types at. Plain data; a clone is a snapshot.

use cluster::{Cluster, Fault, FaultError, Settings};
use runtime::{ContainerId, CustomImage};
use sim::SimTime;

use crate::input::Input;
use crate::workstation::{Prompt, Workstation};

/// A command line that was started beside the terminal's foreground.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RunId(pub u64);

/// How such a command ended.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Finished {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Playground {
    cluster: Cluster,
    workstation: Workstation,
    inputs_applied: usize,
}

impl Playground {
    pub fn new(settings: &Settings) -> Playground {
        let mut cluster = Cluster::new(settings);
        let workstation = Workstation::new(&mut cluster);
        let mut playground = Playground { cluster, workstation, inputs_applied: 0 };
        playground.workstation.pump(&mut playground.cluster);
        playground
    }

    pub fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    pub fn now(&self) -> SimTime {
        self.cluster.now()
    }

    pub fn digest(&self) -> u64 {
        sim::digest_of(self)
    }

    /// How many of the session's inputs have happened here.
    pub fn inputs_applied(&self) -> usize {
        self.inputs_applied
    }

    /// When something happens next, if anything is planned.
    pub fn next_due(&self) -> Option<SimTime> {
        [self.cluster.next_due(), self.workstation.wake_at()].into_iter().flatten().min()
    }

    /// Lets happen what is due until `deadline`, at most `events_max` events. True when `deadline` was reached.
    pub fn run_until(&mut self, deadline: SimTime, events_max: u32) -> bool {
        for _ in 0..events_max {
            let wake = self.workstation.wake_at().filter(|it| *it <= deadline);
            if !self.cluster.step(wake.unwrap_or(deadline)) {
                let Some(wake) = wake else {
                    self.cluster.fast_forward(deadline);
                    return true;
                };
                self.cluster.fast_forward(wake);
            }
            self.workstation.pump(&mut self.cluster);
        }
        self.next_due().is_none_or(|due| deadline < due)
    }

    /// Does what the person did, now. Whatever it leads to at this very instant happens with the next `run_until`.
    pub fn apply(&mut self, input: &Input) {
        self.inputs_applied += 1;
        self.workstation.input(self.inputs_applied as u32);
        match input {
            Input::Keys(keys) => self.workstation.keys(&mut self.cluster, keys),
            Input::Run(line) => {
                self.workstation.start(&mut self.cluster, line, true);
            }
            Input::Apply { file, text } => {
                self.workstation.write_file(&mut self.cluster, file, text);
                self.workstation.start(&mut self.cluster, &format!("kubectl apply -f {file}"), true);
            }
            Input::File { path, text } => self.workstation.write_file(&mut self.cluster, path, text),
            Input::Fault(fault) => {
                // What could not be done was refused before it became an input; in another life it may be moot.
                let line = fault.command_line();
                let outcome = self.cluster.inflict(fault);
                self.workstation.tell(&line, outcome.err().map(|it| it.to_string()));
            }
        }
        self.workstation.pump(&mut self.cluster);
    }

    pub fn inflict(&mut self, fault: &Fault) -> Result<(), FaultError> {
        self.cluster.inflict(fault)
    }

    /// Starts a line whose output is kept for the caller and not shown.
    pub fn start_captured(&mut self, line: &str) -> RunId {
        self.inputs_applied += 1;
        self.workstation.input(self.inputs_applied as u32);
        let run = self.workstation.start(&mut self.cluster, line, false);
        self.workstation.pump(&mut self.cluster);
        run
    }

    /// How a run ended; it is forgotten with that.
    pub fn take_finished(&mut self, run: RunId) -> Option<Finished> {
        self.workstation.take_finished(run)
    }

    /// What a run has printed so far, and its code if it has ended.
    pub fn look_at(&self, run: RunId) -> Option<Finished> {
        self.workstation.look_at(run)
    }

    pub fn last_run(&self) -> Option<RunId> {
        self.workstation.last_run()
    }

    /// Interrupts a run and answers with what it printed until then, and code 130.
    pub fn give_up(&mut self, run: RunId) -> Finished {
        self.workstation.give_up(&mut self.cluster, run)
    }

    /// The namespace that commands mean when they name none.
    pub fn namespace(&self) -> &str {
        self.workstation.namespace()
    }

    /// The shell that waits for a line at the terminal, if one does.
    pub(crate) fn prompt(&self) -> Option<Prompt> {
        self.workstation.prompt(&self.cluster)
    }

    /// What lies in a folder as a container sees it, folders with a `/` at their end.
    pub(crate) fn names_in(&mut self, container: ContainerId, path: &str) -> Vec<String> {
        let now = self.now();
        self.cluster.with_runtime(|runtime, _| runtime.list_names(container, path, now)).unwrap_or_default()
    }

    /// Changes the namespace of the workstation's context.
    pub fn set_namespace(&mut self, namespace: &str) {
        self.workstation.set_namespace(namespace);
    }

    /// Puts an image into the registries.
    pub fn define_image(&mut self, image: CustomImage) {
        self.cluster.with_runtime(|runtime, _| runtime.define_image(image));
    }

    /// Puts an image onto a node without a pull.
    pub fn load_image(&mut self, node: &str, image: &str) {
        self.cluster.with_runtime(|runtime, _| runtime.load_image(node, image));
    }

    pub fn use_cgroup_v1(&mut self, node: &str) {
        self.cluster.with_runtime(|runtime, _| runtime.set_oom_kills_container(node, false));
    }

    /// What was written to the terminal since `seen` bytes, and how many it is now. None: from the start, with a reset.
    pub fn terminal_since(&self, seen: Option<u64>) -> (Vec<u8>, u64) {
        self.workstation.screen_since(seen)
    }

    pub fn terminal_text(&self) -> String {
        String::from_utf8_lossy(&self.workstation.screen_since(None).0).into_owned()
    }

    /// A scenario's files come to the workstation, and what it starts with is applied, before anything is recorded.
    pub fn prepare<'a>(
        &mut self,
        files: impl Iterator<Item = (&'a str, &'a str)>,
        start: &[(&'a str, &'a str)],
    ) {
        for (name, text) in files.chain(start.iter().copied()) {
            self.workstation.write_file(&mut self.cluster, name, text);
        }
        for (name, _) in start {
            self.workstation.start(&mut self.cluster, &format!("kubectl apply -f {name}"), false);
        }
        self.workstation.pump(&mut self.cluster);
    }
}
