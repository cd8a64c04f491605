//! Time travel: checkpoints to start from, inputs to replay, and the futures that were left.

use std::sync::Arc;

use sim::{SimTime, Sort as _};

use crate::input::{Input, Logged};
use crate::playground::Playground;

/// Virtual time between two checkpoints at the least; the interval doubles when there are too many.
const CHECKPOINT_INTERVAL: u64 = 5_000_000;
pub const CHECKPOINTS_MAX: usize = 48;
pub const INPUTS_MAX: usize = 4_096;
pub const BRANCHES_MAX: usize = 8;
/// A replay does at most this many events between two looks at the clock of the page.
const REPLAY_EVENTS: u32 = 20_000;

/// A future that was left by acting in its past.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    pub forked_at: SimTime,
    pub end: SimTime,
    inputs: Vec<Logged>,
}

#[derive(Debug, Clone)]
pub struct History {
    start: Arc<Playground>,
    inputs: Vec<Logged>,
    checkpoints: Vec<Arc<Playground>>,
    interval: u64,
    branches: Vec<Branch>,
}

impl History {
    pub fn new(start: Playground) -> History {
        History {
            start: Arc::new(start),
            inputs: Vec::new(),
            checkpoints: Vec::new(),
            interval: CHECKPOINT_INTERVAL,
            branches: Vec::new(),
        }
    }

    /// Where the session begins: one cannot go back further.
    pub fn start_time(&self) -> SimTime {
        self.start.now()
    }

    pub fn inputs(&self) -> &[Logged] {
        &self.inputs
    }

    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// The inputs of a link, before anything has run.
    pub fn load(&mut self, mut inputs: Vec<Logged>) {
        inputs.put_in_order_by_key(|it| it.at);
        inputs.truncate(INPUTS_MAX);
        self.inputs = inputs;
    }

    /// Notes an input at `at`. What lay after it becomes a branch that ended at `end`. False when the log is full.
    pub fn record(&mut self, at: SimTime, input: Input, end: SimTime) -> bool {
        if at < end {
            self.fork(at, end);
        }
        if INPUTS_MAX <= self.inputs.len() {
            return false;
        }
        self.inputs.push(Logged { at: at.0, input });
        true
    }

    /// Cuts the log at `at`; the rest stays as a branch that can be returned to.
    pub fn fork(&mut self, at: SimTime, end: SimTime) {
        let inputs = self.inputs.clone();
        self.inputs.retain(|it| it.at() <= at);
        if at < end {
            self.branches.push(Branch { forked_at: at, end, inputs });
            if BRANCHES_MAX < self.branches.len() {
                self.branches.remove(0);
            }
        }
        self.checkpoints.retain(|it| it.now() <= at);
    }

    /// Takes up a branch again; what is left now becomes a branch in its turn. Answers where that branch had ended.
    pub fn switch_to(&mut self, index: usize, now_end: SimTime) -> Option<SimTime> {
        if self.branches.len() <= index {
            return None;
        }
        let branch = self.branches.remove(index);
        let left = std::mem::replace(&mut self.inputs, branch.inputs);
        self.branches.push(Branch { forked_at: branch.forked_at, end: now_end, inputs: left });
        self.checkpoints.retain(|it| it.now() <= branch.forked_at);
        Some(branch.end)
    }

    /// Keeps a copy now and then.
    pub fn maybe_checkpoint(&mut self, current: &Playground) {
        let last = self.checkpoints.last().map_or(SimTime::ZERO, |it| it.now());
        if current.now() < SimTime(last.0 + self.interval) {
            return;
        }
        self.checkpoints.push(Arc::new(current.clone()));
        if CHECKPOINTS_MAX < self.checkpoints.len() {
            let mut keep = false;
            self.checkpoints.retain(|_| {
                keep = !keep;
                !keep
            });
            self.interval *= 2;
        }
    }

    /// The playground as it was at `time`: inputs of that very instant included.
    pub fn at(&self, time: SimTime) -> Playground {
        let base = self.checkpoints.iter().rev().find(|it| it.now() <= time).unwrap_or(&self.start);
        let mut playground = (**base).clone();
        let done = playground.inputs_applied();
        for logged in self.inputs.iter().skip(done).take_while(|it| it.at() <= time) {
            run_to(&mut playground, logged.at());
            playground.apply(&logged.input);
        }
        run_to(&mut playground, time);
        playground
    }

    /// The inputs that `playground` has not seen yet and that are due by `time`.
    pub fn pending<'a>(&'a self, playground: &Playground, time: SimTime) -> impl Iterator<Item = &'a Logged> {
        self.inputs.iter().skip(playground.inputs_applied()).take_while(move |it| it.at() <= time)
    }
}

fn run_to(playground: &mut Playground, time: SimTime) {
    while !playground.run_until(time, REPLAY_EVENTS) {}
}
