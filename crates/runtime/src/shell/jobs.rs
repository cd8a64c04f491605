//! What the shell starts: programs, subshells, pipelines, jobs in the background, command substitutions.

use std::sync::Arc;

use sim::{Gather as _, VecMap};

use super::ast::{Node, Part, Word};
use super::expand::VALUE_BYTES_MAX;
use super::run::{JOBS_MAX, Saved};
use super::{Frame, Job, Kind, Shell};
use crate::kernel::{DescriptionId, Errno, Pid, Program, Read, Spawn, Step, Sys, Wait, signal};

impl Shell {
    pub(super) fn external(
        &mut self,
        argv: Vec<String>,
        assignments: &[(String, String)],
        saved: Saved,
        sys: &mut Sys<'_>,
    ) -> Step {
        let environment = self.environment_with(assignments);
        let argv = Arc::new(argv);
        let last = self.ending && self.stack.is_empty() && self.traps.values().all(String::is_empty);
        let interactive = self.interactive;
        let outcome = if last && !interactive {
            match sys.exec(Arc::clone(&argv), Arc::clone(&environment)) {
                Ok(()) => return Step::Ready,
                Err(error) => Err(error),
            }
        } else {
            let spawn = Spawn {
                argv: Arc::clone(&argv),
                environment,
                program: None,
                descriptors: Vec::new(),
                group: interactive.then_some(0),
                ignored: 0,
            };
            sys.spawn(spawn)
        };
        let outcome = match outcome {
            Err(Errno::ExecFormat) => self.run_script_file(&argv, sys),
            other => other,
        };
        let step = match outcome {
            Ok(pid) => self.in_foreground(vec![pid], sys),
            Err(error @ Errno::Again) => self.cannot_fork(error, sys),
            Err(error) => {
                self.cannot_execute(&argv[0], error, sys);
                self.after_command()
            }
        };
        self.leave(Frame::Restore { descriptors: saved, variables: Vec::new() }, sys);
        step
    }

    /// A file without `#!` is a script for this shell.
    pub(super) fn run_script_file(&mut self, argv: &[String], sys: &mut Sys<'_>) -> Result<Pid, Errno> {
        let path = sys.which(&argv[0], self.get("PATH"))?.path;
        let text = String::from_utf8_lossy(&sys.read_file(&path)?).into_owned();
        let mut child = self.subshell();
        child.name = path;
        child.script = true;
        child.positional = Arc::new(argv[1..].to_vec());
        child.stack.push(Frame::Source { text: Arc::from(text), at: 0, line: 1 });
        self.fork_shell(child, Vec::new(), 0, None, sys)
    }

    pub(super) fn cannot_execute(&mut self, name: &str, error: Errno, sys: &mut Sys<'_>) {
        let slash = name.contains('/');
        let text = match (self.kind, error) {
            (Kind::Bash, Errno::NotFound) if !slash => format!("{name}: command not found"),
            (Kind::Bash, _) if sys.stat(name, true).is_ok_and(|it| it.is_directory()) => {
                format!("{name}: Is a directory")
            }
            (Kind::Bash, _) => format!("{name}: {error}"),
            (_, Errno::NotFound) => format!("{name}: not found"),
            (_, _) => format!("{name}: {error}"),
        };
        self.complain(sys, &text);
        self.status = if error == Errno::NotFound { 127 } else { 126 };
    }

    pub(super) fn environment_with(
        &mut self,
        assignments: &[(String, String)],
    ) -> crate::kernel::Environment {
        let environment = self.exported();
        if assignments.is_empty() {
            return environment;
        }
        let mut all: VecMap<String, String> = environment.iter().cloned().fill();
        all.extend(assignments.iter().cloned());
        Arc::new(all.into_iter().gather())
    }

    pub(super) fn exec(
        &mut self,
        argv: &[String],
        assignments: &[(String, String)],
        saved: Saved,
        sys: &mut Sys<'_>,
    ) -> Step {
        if argv.is_empty() {
            // The redirections stay.
            for id in saved.into_iter().filter_map(|it| it.1) {
                sys.let_go(id);
            }
            self.status = 0;
            return Step::Ready;
        }
        let environment = self.environment_with(assignments);
        match sys.exec(Arc::new(argv.to_vec()), environment) {
            Ok(()) => Step::Ready,
            Err(error) => {
                let name =
                    if self.kind == Kind::Ash { format!("exec: {}", argv[0]) } else { argv[0].clone() };
                self.cannot_execute(&name, error, sys);
                self.exit(self.status)
            }
        }
    }

    pub(super) fn subshell(&mut self) -> Shell {
        let stack = std::mem::take(&mut self.stack);
        let mut child = self.clone();
        self.stack = stack;
        child.ending = true;
        child.interactive = false;
        child.jobs = Vec::new();
        child.pending = Vec::new();
        // Traps are for this shell; what it ignores, its children ignore.
        if child.traps.values().any(|it| !it.is_empty()) {
            Arc::make_mut(&mut child.traps).retain(|_, it| it.is_empty());
        }
        child
    }

    pub(super) fn fork(
        &mut self,
        node: &Arc<Node>,
        descriptors: Vec<(u32, Option<DescriptionId>)>,
        ignored: u64,
        group: Option<u32>,
        sys: &mut Sys<'_>,
    ) -> Result<Pid, Errno> {
        let mut child = self.subshell();
        child.push_run(node);
        self.fork_shell(child, descriptors, ignored, group, sys)
    }

    pub(super) fn fork_shell(
        &mut self,
        child: Shell,
        descriptors: Vec<(u32, Option<DescriptionId>)>,
        ignored: u64,
        group: Option<u32>,
        sys: &mut Sys<'_>,
    ) -> Result<Pid, Errno> {
        let spawn = Spawn {
            argv: Arc::clone(&sys.me().argv),
            environment: Arc::clone(&sys.me().environment),
            program: Some(Program::Shell(Box::new(child))),
            descriptors,
            group: group.or(self.interactive.then_some(0)),
            ignored,
        };
        sys.spawn(spawn)
    }

    pub(super) fn background(&mut self, node: &Arc<Node>, sys: &mut Sys<'_>) -> Step {
        let mut descriptors = Vec::new();
        let mut null = None;
        let mut ignored = 0;
        if !self.interactive {
            let id = sys.open_null();
            null = Some(id);
            descriptors.push((0, Some(id)));
            ignored = signal::bit(signal::INT) | signal::bit(signal::QUIT);
        }
        let outcome = self.fork(node, descriptors, ignored, None, sys);
        if let Some(id) = null {
            sys.let_go(id);
        }
        let pid = match outcome {
            Ok(pid) => pid,
            Err(error) => return self.cannot_fork(error, sys),
        };
        let number = sys.number_of(pid);
        self.last_background = Some(number);
        if JOBS_MAX <= self.jobs.len() {
            self.jobs.remove(0);
        }
        self.jobs.push(Job { number, pid, status: None, text: describe(node) });
        if self.interactive && self.kind == Kind::Bash {
            sys.err(&format!("[{}] {number}\n", self.jobs.len()));
        }
        self.status = 0;
        Step::Ready
    }

    pub(super) fn pipeline(&mut self, parts: &[Arc<Node>], sys: &mut Sys<'_>) -> Step {
        let mut pids = Vec::new();
        let mut input: Option<DescriptionId> = None;
        let mut group = None;
        for (number, part) in parts.iter().enumerate() {
            let mut descriptors = Vec::new();
            if let Some(id) = input {
                descriptors.push((0, Some(id)));
            }
            let pipe = (number + 1 < parts.len()).then(|| sys.pipe());
            if let Some((_, writer)) = pipe {
                descriptors.push((1, Some(writer)));
            }
            let outcome = self.fork(part, descriptors, 0, group, sys);
            for id in input.take().into_iter().chain(pipe.map(|it| it.1)) {
                sys.let_go(id);
            }
            input = pipe.map(|it| it.0);
            match outcome {
                Ok(pid) => pids.push(pid),
                Err(error) => {
                    if let Some(id) = input {
                        sys.let_go(id);
                    }
                    return self.cannot_fork(error, sys);
                }
            }
            if self.interactive {
                group = Some(pids[0].0);
            }
        }
        self.in_foreground(pids, sys)
    }

    pub(super) fn in_foreground(&mut self, pids: Vec<Pid>, sys: &mut Sys<'_>) -> Step {
        if self.interactive {
            sys.set_foreground(pids[0].0);
        }
        self.stack.push(Frame::Foreground { pids, statuses: Vec::new() });
        Step::Ready
    }

    pub(super) fn foreground(&mut self, pids: Vec<Pid>, mut statuses: Vec<i32>, sys: &mut Sys<'_>) -> Step {
        while let Some(pid) = pids.get(statuses.len()) {
            match sys.reap(Some(*pid)) {
                Ok(Some((_, code))) => statuses.push(code),
                Ok(None) => {
                    self.stack.push(Frame::Foreground { pids, statuses });
                    return Step::Wait(Wait::Child);
                }
                Err(_) => statuses.push(127),
            }
        }
        if self.interactive {
            let group = sys.me().group;
            sys.set_foreground(group);
        }
        self.status = *statuses.last().unwrap_or(&0);
        if self.options.pipe_fail
            && let Some(failed) = statuses.iter().rev().find(|it| **it != 0)
        {
            self.status = *failed;
        }
        self.tell_of_death(self.status, sys);
        self.after_command()
    }

    pub(super) fn tell_of_death(&self, status: i32, sys: &mut Sys<'_>) {
        let number = u8::try_from(status - 128).unwrap_or(0);
        if self.interactive && number == signal::INT {
            sys.err("\n");
        }
        let text = signal::NAMES.iter().find(|it| it.0 == number).map_or("", |it| it.2);
        // DIFFERENCE: a child that ends with such a code of itself looks the same.
        if !text.is_empty() && matches!(number, 4..=11 | 15) {
            sys.err(&format!("{text}\n"));
        }
    }

    pub(super) fn substitute(
        &mut self,
        outer: Arc<Node>,
        results: Vec<String>,
        inner: &Arc<Node>,
        sys: &mut Sys<'_>,
    ) -> Step {
        let (reader, writer) = sys.pipe();
        let group = self.interactive.then(|| sys.me().group);
        let outcome = self.fork(inner, vec![(1, Some(writer))], 0, group, sys);
        sys.let_go(writer);
        let pid = match outcome {
            Ok(pid) => pid,
            Err(error) => {
                sys.let_go(reader);
                return self.cannot_fork(error, sys);
            }
        };
        let number = (10..1024).find(|it| sys.descriptor(*it).is_none()).unwrap_or(10);
        sys.set_descriptor(number, Some(reader));
        self.stack.push(Frame::Run { node: outer, results });
        self.stack.push(Frame::Collect { pid, number, bytes: Vec::new(), ended: false });
        Step::Ready
    }

    pub(super) fn collect(
        &mut self,
        pid: Pid,
        number: u32,
        mut bytes: Vec<u8>,
        mut ended: bool,
        sys: &mut Sys<'_>,
    ) -> Step {
        if !ended {
            match sys.read(number, 65_536) {
                Ok(Read::Data(data)) => {
                    if bytes.len() + data.len() <= VALUE_BYTES_MAX {
                        bytes.extend(data);
                    }
                    self.stack.push(Frame::Collect { pid, number, bytes, ended });
                    return Step::Ready;
                }
                Ok(Read::Block) => {
                    self.stack.push(Frame::Collect { pid, number, bytes, ended });
                    return Step::Wait(Wait::Readable(number));
                }
                Ok(Read::End) | Err(_) => {
                    sys.close(number);
                    ended = true;
                }
            }
        }
        match sys.reap(Some(pid)) {
            Ok(None) => {
                self.stack.push(Frame::Collect { pid, number, bytes, ended });
                return Step::Wait(Wait::Child);
            }
            Ok(Some((_, code))) => self.substituted = Some(code),
            Err(_) => self.substituted = Some(127),
        }
        self.status = self.substituted.unwrap_or(0);
        bytes.retain(|it| *it != 0);
        let text = String::from_utf8_lossy(&bytes);
        if let Some(Frame::Run { results, .. }) = self.stack.last_mut() {
            results.push(text.trim_end_matches('\n').to_owned());
        }
        Step::Ready
    }

    pub(super) fn cannot_fork(&mut self, error: Errno, sys: &mut Sys<'_>) -> Step {
        let text = match self.kind {
            Kind::Ash => format!("can't fork: {error}"),
            Kind::Dash => "Cannot fork".to_owned(),
            Kind::Bash => format!("fork: retry: {error}"),
        };
        self.fatal(&text, sys)
    }
}

fn describe(node: &Node) -> String {
    let word = |word: &Word| {
        word.iter().fold(String::new(), |text, part| match part {
            Part::Literal(it) | Part::Quoted(it) => text + it,
            _ => text + "…",
        })
    };
    match node {
        Node::Simple(simple) => simple.words.iter().map(word).gather().join(" "),
        _ => "{...}".to_owned(),
    }
}
