//! The interpreter: one frame at a time.

use std::sync::Arc;

use sim::Gather as _;

use super::ast::{Arm, Node, Part, Redirect, RedirectKind, Simple, Word};
use super::builtins::Built;
use super::expand::{Expander, Stop};
use super::{Frame, Kind, SHELL_BYTES, Shell, Variable, pattern};
use crate::kernel::{DescriptionId, Errno, OpenMode, Step, Sys, signal};

/// Deeper recursion ends the shell, as a full stack would.
const FRAMES_MAX: usize = 4_000;
pub(super) const JOBS_MAX: usize = 64;

pub(super) type Saved = Vec<(u32, Option<DescriptionId>)>;

/// What happens instead of going on: an error of the shell itself.
pub(super) enum Trouble {
    Need(Arc<Node>),
    /// Ends a shell that is not interactive.
    Fatal(String),
    /// Only this command fails.
    Failed(String),
}

impl From<Stop> for Trouble {
    fn from(stop: Stop) -> Self {
        match stop {
            Stop::Need(node) => Trouble::Need(node),
            Stop::Error(text) => Trouble::Fatal(text),
        }
    }
}

impl Shell {
    pub fn step(&mut self, sys: &mut Sys<'_>) -> Step {
        if !self.started {
            if let Some(code) = self.begin(sys) {
                return Step::Exited(code);
            }
            return Step::Ready;
        }
        while let Some(signal) = sys.take_signal() {
            if !self.pending.contains(&signal) {
                self.pending.push(signal);
            }
        }
        if !self.pending.is_empty()
            && let Some(step) = self.handle_signal(sys)
        {
            return step;
        }
        if FRAMES_MAX < self.stack.len() {
            sys.err("Segmentation fault\n");
            return Step::Exited(139);
        }
        let Some(frame) = self.stack.pop() else { return self.exit(self.status) };
        self.frame(frame, sys)
    }

    /// Traps wait for the child in the foreground, but not for `wait`.
    fn handle_signal(&mut self, sys: &mut Sys<'_>) -> Option<Step> {
        if matches!(self.stack.last(), Some(Frame::Foreground { .. } | Frame::Collect { .. })) {
            return None;
        }
        let number = self.pending.remove(0);
        if let Some(Frame::Wait { .. }) = self.stack.last() {
            self.stack.pop();
            self.status = 128 + i32::from(number);
        }
        if let Some(text) = self.traps.get(&number) {
            let text: Arc<str> = Arc::from(text.as_str());
            self.stack.push(Frame::AfterTrap { status: self.status });
            self.stack.push(Frame::Source { text, at: 0, line: self.line });
        } else if self.interactive && number == signal::INT {
            sys.err("\n");
            self.status = 130;
            self.back_to_prompt(sys);
        }
        Some(Step::Ready)
    }

    /// Ends the shell, after its EXIT trap.
    pub(super) fn exit(&mut self, code: i32) -> Step {
        self.stack.clear();
        self.status = code & 0xff;
        let Some(text) = Arc::make_mut(&mut self.traps).remove(&0) else { return Step::Exited(self.status) };
        self.stack.push(Frame::Exit);
        self.stack.push(Frame::AfterTrap { status: self.status });
        self.stack.push(Frame::Source { text: Arc::from(text), at: 0, line: self.line });
        Step::Ready
    }

    fn frame(&mut self, frame: Frame, sys: &mut Sys<'_>) -> Step {
        match frame {
            Frame::Run { node, results } => return self.run(node, results, sys),
            Frame::Source { text, at, line } => return self.read_source(text, at, line, sys),
            Frame::Prompt { text, prompted } => return self.read_prompt(text, prompted, sys),
            Frame::List { node, next } => return self.list(&node, next, sys),
            Frame::And(right) => {
                if self.status == 0 {
                    self.push_run(&right);
                }
            }
            Frame::Or(right) => {
                if self.status != 0 {
                    self.push_run(&right);
                }
            }
            Frame::Not => self.status = i32::from(self.status == 0),
            Frame::If(node) => {
                if let Node::If { then, otherwise, .. } = &*node {
                    match (self.status, otherwise) {
                        (0, _) => self.push_run(then),
                        (_, Some(otherwise)) => self.push_run(otherwise),
                        (_, None) => self.status = 0,
                    }
                }
            }
            Frame::While { node, in_body, status } => self.repeat(node, in_body, status),
            Frame::For { name, values, next, body } => {
                if let Some(value) = values.get(next) {
                    if let Err(text) = self.set(&name, value) {
                        return self.fatal(&text, sys);
                    }
                    self.stack.push(Frame::For { name, values, next: next + 1, body: Arc::clone(&body) });
                    self.push_run(&body);
                }
            }
            Frame::Arms { arms } => {
                if let Some((first, rest)) = arms.split_first() {
                    if first.falls_through {
                        self.stack.push(Frame::Arms { arms: rest.to_vec() });
                    }
                    self.push_run(&first.body);
                }
            }
            Frame::Foreground { pids, statuses } => return self.foreground(pids, statuses, sys),
            Frame::Collect { pid, number, bytes, ended } => {
                return self.collect(pid, number, bytes, ended, sys);
            }
            Frame::Wait { pids } => return self.wait_for(pids, sys),
            Frame::Read(state) => return self.read_more(state, sys),
            Frame::AfterTrap { status } => self.status = status,
            Frame::Exit => return Step::Exited(self.status),
            Frame::Time { started } => {
                let took = sys.now.since(started);
                let (minutes, seconds) = (took.as_secs() / 60, took.as_millis() % 60_000);
                let text = format!("{minutes}m{}.{:03}s", seconds / 1000, seconds % 1000);
                sys.err(&format!("\nreal\t{text}\nuser\t0m0.000s\nsys\t0m0.000s\n"));
            }
            frame @ (Frame::Restore { .. } | Frame::Call { .. } | Frame::Dot) => self.leave(frame, sys),
        }
        Step::Ready
    }

    pub(super) fn push_run(&mut self, node: &Arc<Node>) {
        self.stack.push(Frame::Run { node: Arc::clone(node), results: Vec::new() });
    }

    /// Undoes what a frame did when it is left, in whatever way.
    pub(super) fn leave(&mut self, frame: Frame, sys: &mut Sys<'_>) {
        match frame {
            Frame::Restore { descriptors, variables } => {
                for (number, old) in descriptors.into_iter().rev() {
                    sys.set_descriptor(number, old);
                }
                for (name, old) in variables.into_iter().rev() {
                    self.put_back(name, old);
                }
            }
            Frame::Call { positional, locals } => {
                self.positional = positional;
                for (name, old) in locals.into_iter().rev() {
                    self.put_back(name, old);
                }
            }
            Frame::Collect { number, .. } => sys.close(number),
            _ => {}
        }
    }

    fn list(&mut self, node: &Arc<Node>, next: usize, sys: &mut Sys<'_>) -> Step {
        let Node::List(items) = &**node else { return Step::Ready };
        let Some((item, background)) = items.get(next) else { return Step::Ready };
        if next + 1 < items.len() {
            self.stack.push(Frame::List { node: Arc::clone(node), next: next + 1 });
        }
        if *background {
            return self.background(item, sys);
        }
        self.push_run(item);
        Step::Ready
    }

    fn repeat(&mut self, node: Arc<Node>, in_body: bool, status: i32) {
        let Node::While { condition, body, until } = &*node else { return };
        let (condition, body) = (Arc::clone(condition), Arc::clone(body));
        if in_body {
            let status = self.status;
            self.stack.push(Frame::While { node, in_body: false, status });
            self.push_run(&condition);
        } else if (self.status == 0) != *until {
            self.stack.push(Frame::While { node, in_body: true, status });
            self.push_run(&body);
        } else {
            self.status = status;
        }
    }

    fn run(&mut self, node: Arc<Node>, results: Vec<String>, sys: &mut Sys<'_>) -> Step {
        sys.burn(1);
        match &*node {
            Node::Simple(_)
            | Node::For { .. }
            | Node::Case { .. }
            | Node::Redirected(..)
            | Node::Arithmetic(_) => {
                return self.run_expanding(node, results, sys);
            }
            Node::List(_) => self.stack.push(Frame::List { node, next: 0 }),
            Node::Pipeline(parts) => return self.pipeline(parts, sys),
            Node::Not(inner) => {
                self.stack.push(Frame::Not);
                self.push_run(inner);
            }
            Node::And(left, right) => {
                self.stack.push(Frame::And(Arc::clone(right)));
                self.push_run(left);
            }
            Node::Or(left, right) => {
                self.stack.push(Frame::Or(Arc::clone(right)));
                self.push_run(left);
            }
            Node::If { condition, .. } => {
                let condition = Arc::clone(condition);
                self.stack.push(Frame::If(node));
                self.push_run(&condition);
            }
            Node::While { condition, .. } => {
                let condition = Arc::clone(condition);
                self.stack.push(Frame::While { node, in_body: false, status: 0 });
                self.push_run(&condition);
            }
            Node::Subshell(inner) => {
                return match self.fork(inner, Vec::new(), 0, None, sys) {
                    Ok(pid) => self.in_foreground(vec![pid], sys),
                    Err(error) => self.cannot_fork(error, sys),
                };
            }
            Node::Function { name, body } => {
                Arc::make_mut(&mut self.functions).insert(name.clone(), Arc::clone(body));
                self.status = 0;
            }
            Node::Time(inner) => {
                self.stack.push(Frame::Time { started: sys.now });
                self.push_run(inner);
            }
        }
        Step::Ready
    }

    /// Nodes that expand words: they may have to wait for command substitutions, and then start again.
    fn run_expanding(&mut self, node: Arc<Node>, results: Vec<String>, sys: &mut Sys<'_>) -> Step {
        let before = Arc::clone(&self.variables);
        if results.is_empty() {
            self.substituted = None;
        }
        let outcome = match &*node {
            Node::Simple(simple) => self.simple(simple, &results, sys),
            Node::For { name, words, body } => self.start_for(name, words.as_deref(), body, &results, sys),
            Node::Case { word, arms } => self.start_case(word, arms, &results, sys),
            Node::Redirected(inner, redirects) => self.redirected(inner, redirects, &results, sys),
            Node::Arithmetic(parts) => {
                let value = Expander { shell: self, sys, results: &results, used: 0 }.arithmetic(parts);
                value.map_err(Trouble::from).map(|value| {
                    self.status = i32::from(value == 0);
                    self.after_command()
                })
            }
            _ => Ok(Step::Ready),
        };
        match outcome {
            Ok(step) => step,
            Err(Trouble::Need(inner)) => {
                // Assignments made on the way (`${x:=…}`) will be made again.
                self.variables = before;
                self.environment = None;
                self.substitute(node, results, &inner, sys)
            }
            Err(Trouble::Fatal(text)) => self.fatal(&text, sys),
            Err(Trouble::Failed(text)) => {
                self.complain(sys, &text);
                self.status = 1;
                self.after_command()
            }
        }
    }

    pub(super) fn fatal(&mut self, text: &str, sys: &mut Sys<'_>) -> Step {
        self.complain(sys, text);
        let code = if self.kind == Kind::Bash { 1 } else { 2 };
        if self.interactive {
            self.status = code;
            self.back_to_prompt(sys);
            return Step::Ready;
        }
        self.exit(code)
    }

    /// `set -e`.
    pub(super) fn after_command(&mut self) -> Step {
        let condition = |frame: &Frame| {
            matches!(
                frame,
                Frame::If(_)
                    | Frame::And(_)
                    | Frame::Or(_)
                    | Frame::Not
                    | Frame::While { in_body: false, .. }
            )
        };
        if self.status != 0 && self.options.exit_on_error && !self.stack.iter().any(condition) {
            return self.exit(self.status);
        }
        Step::Ready
    }

    fn start_for(
        &mut self,
        name: &str,
        words: Option<&[Word]>,
        body: &Arc<Node>,
        results: &[String],
        sys: &mut Sys<'_>,
    ) -> Result<Step, Trouble> {
        let values = match words {
            None => Arc::clone(&self.positional),
            Some(words) => Arc::new(Expander { shell: self, sys, results, used: 0 }.words(words)?),
        };
        self.status = 0;
        self.stack.push(Frame::For { name: name.to_owned(), values, next: 0, body: Arc::clone(body) });
        Ok(Step::Ready)
    }

    fn start_case(
        &mut self,
        word: &Word,
        arms: &[Arm],
        results: &[String],
        sys: &mut Sys<'_>,
    ) -> Result<Step, Trouble> {
        let mut expander = Expander { shell: self, sys, results, used: 0 };
        let text = expander.text(word)?;
        let mut found = None;
        'arms: for (number, arm) in arms.iter().enumerate() {
            for candidate in &arm.patterns {
                if pattern::matches(&expander.pattern(candidate)?, &text) {
                    found = Some(number);
                    break 'arms;
                }
            }
        }
        self.status = 0;
        if let Some(number) = found {
            self.stack.push(Frame::Arms { arms: arms[number..].to_vec() });
        }
        Ok(Step::Ready)
    }

    fn redirected(
        &mut self,
        inner: &Arc<Node>,
        redirects: &[Redirect],
        results: &[String],
        sys: &mut Sys<'_>,
    ) -> Result<Step, Trouble> {
        let targets = self.targets(redirects, results, &mut 0, sys)?;
        let mut saved = Vec::new();
        let outcome = self.redirect(redirects, &targets, &mut saved, sys);
        self.stack.push(Frame::Restore { descriptors: saved, variables: Vec::new() });
        outcome.map_err(Trouble::Failed)?;
        self.push_run(inner);
        Ok(Step::Ready)
    }

    fn targets(
        &mut self,
        redirects: &[Redirect],
        results: &[String],
        used: &mut usize,
        sys: &mut Sys<'_>,
    ) -> Result<Vec<String>, Trouble> {
        let mut expander = Expander { shell: self, sys, results, used: *used };
        let targets: Result<Vec<String>, Stop> = redirects.iter().map(|it| expander.text(&it.target)).fill();
        *used = expander.used;
        Ok(targets?)
    }

    /// Opens one after the other; what was there before is saved, also when one fails.
    fn redirect(
        &mut self,
        redirects: &[Redirect],
        targets: &[String],
        saved: &mut Saved,
        sys: &mut Sys<'_>,
    ) -> Result<(), String> {
        for (redirect, target) in redirects.iter().zip(targets) {
            let (mode, numbers): (OpenMode, &[u32]) = match redirect.kind {
                RedirectKind::Read => (OpenMode::Read, &[0]),
                RedirectKind::Write => (OpenMode::Write, &[1]),
                RedirectKind::Append => (OpenMode::Append, &[1]),
                RedirectKind::ReadWrite => (OpenMode::ReadWrite, &[0]),
                RedirectKind::Both => (OpenMode::Write, &[1, 2]),
                RedirectKind::BothAppend => (OpenMode::Append, &[1, 2]),
                RedirectKind::Here | RedirectKind::HereString | RedirectKind::Duplicate => {
                    (OpenMode::Read, &[0])
                }
            };
            let mut numbers = numbers.to_vec();
            if let Some(number) = redirect.number {
                numbers = vec![number];
            }
            let opened = match redirect.kind {
                RedirectKind::Here => Some(sys.open_text(target.as_bytes())),
                RedirectKind::HereString => Some(sys.open_text(format!("{target}\n").as_bytes())),
                RedirectKind::Duplicate if target == "-" => None,
                RedirectKind::Duplicate => {
                    if let Ok(number) = target.parse::<u32>() {
                        let id =
                            sys.descriptor(number).ok_or_else(|| format!("{number}: Bad file descriptor"))?;
                        sys.hold(id);
                        Some(id)
                    } else {
                        numbers = vec![1, 2];
                        Some(
                            sys.open(target, OpenMode::Write)
                                .map_err(|it| self.cannot_open(target, true, it))?,
                        )
                    }
                }
                _ => Some(
                    sys.open(target, mode)
                        .map_err(|it| self.cannot_open(target, mode != OpenMode::Read, it))?,
                ),
            };
            for (round, number) in numbers.iter().enumerate() {
                if 0 < round
                    && let Some(id) = opened
                {
                    sys.hold(id);
                }
                if saved.iter().all(|it| it.0 != *number) {
                    saved.push((*number, sys.take_descriptor(*number)));
                }
                sys.set_descriptor(*number, opened);
            }
        }
        Ok(())
    }

    fn cannot_open(&self, path: &str, write: bool, error: Errno) -> String {
        match (self.kind, write) {
            (Kind::Bash, _) => format!("{path}: {error}"),
            (Kind::Dash, true) if error == Errno::NotFound => {
                format!("cannot create {path}: Directory nonexistent")
            }
            (Kind::Dash, true) => format!("cannot create {path}: {error}"),
            (Kind::Dash, false) if error == Errno::NotFound => format!("cannot open {path}: No such file"),
            (Kind::Dash, false) => format!("cannot open {path}: {error}"),
            (Kind::Ash, true) if error == Errno::NotFound => {
                format!("can't create {path}: nonexistent directory")
            }
            (Kind::Ash, true) => format!("can't create {path}: {error}"),
            (Kind::Ash, false) if error == Errno::NotFound => format!("can't open {path}: no such file"),
            (Kind::Ash, false) => format!("can't open {path}: {error}"),
        }
    }

    fn simple(&mut self, simple: &Simple, results: &[String], sys: &mut Sys<'_>) -> Result<Step, Trouble> {
        self.line = simple.line;
        sys.me_mut().memory_bytes = SHELL_BYTES + self.variable_bytes;
        let declares = matches!(simple.words.first().map(Vec::as_slice), Some([Part::Literal(it)])
            if matches!(it.as_str(), "export" | "local" | "readonly" | "declare" | "typeset" | "[["));
        let mut expander = Expander { shell: self, sys, results, used: 0 };
        let argv = if declares {
            let words: Result<Vec<String>, Stop> = simple.words.iter().map(|it| expander.text(it)).fill();
            words?
        } else {
            expander.words(&simple.words)?
        };
        let mut assignments: Vec<(String, String)> = Vec::new();
        for assignment in &simple.assignments {
            let mut value = expander.text(&assignment.value)?;
            if assignment.append {
                value = expander.shell.get(&assignment.name).unwrap_or("").to_owned() + &value;
            }
            // The next one may use it. What is expanded before a restart is undone there.
            if argv.is_empty() {
                expander.shell.set(&assignment.name, &value).map_err(Trouble::Fatal)?;
            }
            assignments.push((assignment.name.clone(), value));
        }
        let mut used = expander.used;
        let targets = self.targets(&simple.redirects, results, &mut used, sys)?;
        if self.options.trace {
            self.trace(&assignments, &argv, sys);
        }
        let mut saved = Vec::new();
        let outcome = self.redirect(&simple.redirects, &targets, &mut saved, sys);
        let Some(name) = argv.first().filter(|_| outcome.is_ok()).cloned() else {
            self.leave(Frame::Restore { descriptors: saved, variables: Vec::new() }, sys);
            outcome.map_err(Trouble::Failed)?;
            self.status = self.substituted.take().unwrap_or(0);
            return Ok(self.after_command());
        };
        self.command(&name, argv, &assignments, saved, sys)
    }

    fn trace(&mut self, assignments: &[(String, String)], argv: &[String], sys: &mut Sys<'_>) {
        let quote = |text: &String| {
            let plain = |it: char| it.is_alphanumeric() || "_-./:=,+@%^".contains(it);
            if !text.is_empty() && text.chars().all(plain) { text.clone() } else { format!("'{text}'") }
        };
        let mut words: Vec<String> = assignments.iter().map(|it| format!("{}={}", it.0, it.1)).gather();
        words.extend(argv.iter().map(quote));
        let prefix = self.get("PS4").unwrap_or("+ ").to_owned();
        sys.err(&format!("{prefix}{}\n", words.join(" ")));
    }

    fn command(
        &mut self,
        name: &str,
        argv: Vec<String>,
        assignments: &[(String, String)],
        mut saved: Saved,
        sys: &mut Sys<'_>,
    ) -> Result<Step, Trouble> {
        let function = self.functions.get(name).map(Arc::clone);
        if function.is_none() && name == "exec" {
            return Ok(self.exec(&argv[1..], assignments, saved, sys));
        }
        if function.is_some() || super::builtins::exists(name) {
            let mut variables: Vec<(String, Option<Variable>)> = Vec::new();
            for (name, value) in assignments {
                variables.push((name.clone(), self.variables.get(name).cloned()));
                self.set(name, value).map_err(Trouble::Fatal)?;
            }
            if !saved.is_empty() || !variables.is_empty() {
                let descriptors = std::mem::take(&mut saved);
                self.stack.push(Frame::Restore { descriptors, variables });
            }
            if let Some(body) = function {
                let positional = std::mem::replace(&mut self.positional, Arc::new(argv[1..].to_vec()));
                self.stack.push(Frame::Call { positional, locals: Vec::new() });
                self.push_run(&body);
                return Ok(Step::Ready);
            }
            return Ok(match self.builtin(&argv, sys) {
                Built::Status(status) => {
                    self.status = status;
                    self.after_command()
                }
                Built::Step(step) => step,
                Built::Fatal(text) => self.fatal(&text, sys),
            });
        }
        Ok(self.external(argv, assignments, saved, sys))
    }
}
