//! System calls about processes: finding programs, starting them, waiting for them, signals.

use std::sync::Arc;

use sim::{Gather as _, Sort as _};

use super::signal::Signals;
use super::{
    DescriptionId, Environment, Errno, FUEL_SPAWN, Pid, Process, Program, Spawn, Stat, State, Sys, signal,
};
use crate::files::{Content, Node};

/// Bytes of arguments and environment that a program may be started with.
const ARGUMENT_BYTES_MAX: usize = 2 << 20;
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

impl Sys<'_> {
    /// Where a program lies: `name` as it is when it has a slash, else by PATH.
    pub fn which(&self, name: &str, path: Option<&str>) -> Result<Stat, Errno> {
        if name.contains('/') {
            let stat = self.stat(name, true)?;
            return self.executable(stat);
        }
        let mut best = Errno::NotFound;
        let path = path.or_else(|| self.environment("PATH")).unwrap_or(DEFAULT_PATH);
        for directory in path.split(':') {
            let Ok(stat) = self.stat(&format!("{}/{name}", directory.trim_end_matches('/')), true) else {
                continue;
            };
            match self.executable(stat) {
                Ok(mut stat) => {
                    // The name that it was found by, not what a link leads to.
                    stat.path = format!("{}/{name}", directory.trim_end_matches('/'));
                    return Ok(stat);
                }
                Err(error) => best = error,
            }
        }
        Err(best)
    }

    fn executable(&self, stat: Stat) -> Result<Stat, Errno> {
        if stat.is_directory() || !self.may(&stat.inode, 1) { Err(Errno::Access) } else { Ok(stat) }
    }

    /// Starts a child. Fails as `execve` does; nothing is left then.
    pub fn spawn(&mut self, spawn: Spawn) -> Result<Pid, Errno> {
        self.fuel += FUEL_SPAWN;
        let size: usize = spawn.argv.iter().map(String::len).sum::<usize>()
            + spawn.environment.iter().map(|it| it.0.len() + it.1.len()).sum::<usize>();
        if ARGUMENT_BYTES_MAX < size {
            return Err(Errno::TooLong);
        }
        let me = self.me();
        let forked = spawn.program.is_some();
        let child = Process {
            pid: Pid(0),
            parent: Some(self.pid),
            group: spawn.group.unwrap_or(me.group),
            space: me.space,
            namespace: me.namespace,
            number: 0,
            argv: spawn.argv,
            environment: spawn.environment,
            directory: Arc::clone(&me.directory),
            credentials: me.credentials.clone(),
            umask: me.umask,
            started_at: self.now,
            cpu_micros: 0,
            memory_bytes: if forked { me.memory_bytes } else { 0 },
            state: State::Ready,
            signals: Signals { ignored: me.signals.ignored | spawn.ignored, ..Signals::default() },
            descriptors: me.descriptors.clone(),
            unwritten: Vec::new(),
            exiting: None,
            program: spawn.program.unwrap_or(Program::None),
            has_tty: me.has_tty,
            adopted: false,
        };
        let held: Vec<DescriptionId> = child.descriptors.iter().map(|it| it.1).gather();
        let pid = self.kernel.new_process(child)?;
        for id in held {
            self.kernel.hold(id);
        }
        if spawn.group == Some(0) {
            self.kernel.process_mut(pid).group = pid.0;
        }
        let parent = std::mem::replace(&mut self.pid, pid);
        for (number, to) in spawn.descriptors {
            if let Some(id) = to {
                self.kernel.hold(id);
            }
            self.set_descriptor(number, to);
        }
        let outcome = if forked { Ok(()) } else { self.exec_self() };
        self.pid = parent;
        if let Err(error) = outcome {
            self.kernel.end(pid, 127, self.now);
            self.kernel.processes.remove(&pid);
            return Err(error);
        }
        Ok(pid)
    }

    /// Replaces the program of this process by another one; what it was is gone at the end of the step.
    pub fn exec(&mut self, argv: Arc<Vec<String>>, environment: Environment) -> Result<(), Errno> {
        let me = self.me_mut();
        let old =
            (std::mem::replace(&mut me.argv, argv), std::mem::replace(&mut me.environment, environment));
        let outcome = self.exec_self();
        if outcome.is_err() {
            let me = self.me_mut();
            (me.argv, me.environment) = old;
        }
        outcome
    }

    pub(super) fn exec_self(&mut self) -> Result<(), Errno> {
        let argv = Arc::clone(&self.me().argv);
        let name = argv.first().ok_or(Errno::NotFound)?;
        let stat = self.which(name, None)?;
        let program = self.load(&stat, &argv, 0)?;
        let me = self.me_mut();
        me.program = program;
        me.signals.caught = 0;
        me.signals.pending = 0;
        Ok(())
    }

    fn load(&mut self, stat: &Stat, argv: &Arc<Vec<String>>, depth: u32) -> Result<Program, Errno> {
        const INTERPRETERS_MAX: u32 = 4;
        let Node::File(content) = &stat.inode.node else { return Err(Errno::Access) };
        match content {
            Content::External(_) => Ok(Program::External),
            Content::Program { name, .. } => crate::commands::load(self, name, argv).ok_or(Errno::ExecFormat),
            Content::Zeros(_) => Err(Errno::ExecFormat),
            Content::Bytes(bytes) => {
                let line = bytes.split(|it| *it == b'\n').next().unwrap_or_default();
                let line = String::from_utf8_lossy(line);
                let Some(line) = line.strip_prefix("#!") else { return Err(Errno::ExecFormat) };
                let mut words: Vec<String> =
                    line.trim().splitn(2, [' ', '\t']).map(|it| it.trim().to_owned()).gather();
                words.push(stat.path.clone());
                words.extend(argv.iter().skip(1).cloned());
                let interpreter = self.stat(&words[0], true)?;
                if INTERPRETERS_MAX < depth {
                    return Err(Errno::Loop);
                }
                let words = Arc::new(words);
                let program = self.load(&interpreter, &words, depth + 1)?;
                self.me_mut().argv = words;
                Ok(program)
            }
        }
    }

    /// The code of a child that has ended, and forgets it. None: none has ended yet; `Err`: there is no such child.
    pub fn reap(&mut self, child: Option<Pid>) -> Result<Option<(Pid, i32)>, Errno> {
        let mut any = false;
        let mut ended = None;
        for process in self.kernel.processes() {
            if process.parent == Some(self.pid)
                && !process.adopted
                && child.is_none_or(|it| it == process.pid)
            {
                any = true;
                if let State::Zombie(code) = process.state {
                    ended = Some((process.pid, code));
                    break;
                }
            }
        }
        if let Some((pid, _)) = ended {
            self.kernel.processes.remove(&pid);
        } else if !any {
            return Err(Errno::NoProcess);
        }
        Ok(ended)
    }

    /// A process that this one can see, by the number it sees.
    pub fn by_number(&self, number: u32) -> Option<Pid> {
        let namespace = self.me().namespace;
        self.kernel.processes().find(|it| it.namespace == namespace && it.number == number).map(|it| it.pid)
    }

    pub fn number_of(&self, pid: Pid) -> u32 {
        self.kernel.process(pid).map_or(0, |it| it.number)
    }

    /// All that this process can see, in order of their numbers.
    pub fn visible(&self) -> Vec<&Process> {
        let namespace = self.me().namespace;
        let mut all: Vec<&Process> = self.kernel.processes().filter(|it| it.namespace == namespace).gather();
        all.put_in_order_by_key(|it| it.number);
        all
    }

    pub fn kill(&mut self, pid: Pid, number: u8) -> Result<(), Errno> {
        let target = self.kernel.process(pid).ok_or(Errno::NoProcess)?;
        let (uid, other) = (self.me().credentials.uid, target.credentials.uid);
        if uid != 0 && uid != other {
            return Err(Errno::NotPermitted);
        }
        self.kernel.deliver_signal(pid, number, false, self.now);
        Ok(())
    }

    /// Chooses what happens on a signal: caught ones come by `take_signal`.
    pub fn set_signal(&mut self, number: u8, caught: bool, ignored: bool) {
        let bit = signal::bit(number);
        let signals = &mut self.me_mut().signals;
        signals.caught = if caught { signals.caught | bit } else { signals.caught & !bit };
        signals.ignored = if ignored { signals.ignored | bit } else { signals.ignored & !bit };
    }

    pub fn take_signal(&mut self) -> Option<u8> {
        if self.me().signals.pending == 0 {
            return None;
        }
        let signals = &mut self.me_mut().signals;
        let number = signals.pending.trailing_zeros() as u8;
        signals.pending &= !signal::bit(number);
        Some(number)
    }

    /// The process group that Ctrl-C of this process's terminal reaches.
    pub fn set_foreground(&mut self, group: u32) {
        if let Some(tty) = self.kernel.tty_of(self.pid).and_then(|it| self.kernel.ttys.get_mut(&it)) {
            tty.foreground = group;
        }
    }
}
