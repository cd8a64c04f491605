//! What processes have open: descriptions with their references, pipes, standard input and output.

use sim::{Gather as _, SimTime};

use super::descriptor::{Open, Pipe, Shared, Tty};
use super::{DescriptionId, Kernel, Pid, PipeId, State, TtyId, Wait};
use crate::cri::LogStream;

impl Kernel {
    pub(super) fn connect_standard(&mut self, pid: Pid, sink: u64, stdin: bool, tty: bool) {
        if tty {
            let id = TtyId(self.fresh());
            self.ttys.insert(id, Tty { sink, foreground: pid.0, hung_up: !stdin, ..Tty::default() });
            let description = self.describe(Open::Tty(id));
            self.descriptions.get_mut(&description).expect("just made").references = 3;
            self.process_mut(pid).descriptors = (0..3).map(|it| (it, description)).gather();
            return;
        }
        let input = if stdin {
            let pipe = PipeId(self.fresh());
            // The writer is outside.
            self.pipes.insert(pipe, Pipe { writers: 1, ..Pipe::default() });
            self.inputs.insert(pid, pipe);
            Open::PipeReader(pipe)
        } else {
            Open::Null
        };
        let all = [
            self.describe(input),
            self.describe(Open::Sink { sink, stream: LogStream::Stdout }),
            self.describe(Open::Sink { sink, stream: LogStream::Stderr }),
        ];
        self.process_mut(pid).descriptors = (0..).zip(all).gather();
    }

    /// A new description with one reference.
    pub(super) fn describe(&mut self, open: Open) -> DescriptionId {
        match &open {
            Open::PipeReader(pipe) => self.pipes.entry(*pipe).or_default().readers += 1,
            Open::PipeWriter(pipe) => self.pipes.entry(*pipe).or_default().writers += 1,
            _ => {}
        }
        let id = DescriptionId(self.fresh());
        self.descriptions.insert(id, Shared { open, references: 1 });
        id
    }

    pub(super) fn hold(&mut self, id: DescriptionId) {
        if let Some(shared) = self.descriptions.get_mut(&id) {
            shared.references += 1;
        }
    }

    pub(super) fn let_go(&mut self, id: DescriptionId) {
        let Some(shared) = self.descriptions.get_mut(&id) else { return };
        shared.references -= 1;
        if shared.references != 0 {
            return;
        }
        let open = shared.open.clone();
        self.descriptions.remove(&id);
        match open {
            Open::PipeReader(pipe) => {
                if let Some(found) = self.pipes.get_mut(&pipe) {
                    found.readers -= 1;
                }
                self.pipe_changed(pipe);
            }
            Open::PipeWriter(pipe) => self.drop_writer(pipe),
            _ => {}
        }
    }

    pub(super) fn drop_writer(&mut self, pipe: PipeId) {
        if let Some(found) = self.pipes.get_mut(&pipe) {
            found.writers = found.writers.saturating_sub(1);
        }
        self.pipe_changed(pipe);
    }

    /// Wakes those who wait for the pipe; forgets it when nobody holds it.
    pub(super) fn pipe_changed(&mut self, pipe: PipeId) {
        if self.pipes.get(&pipe).is_some_and(|it| it.readers == 0 && it.writers == 0) {
            self.pipes.remove(&pipe);
        }
        let descriptions = &self.descriptions;
        let woken: Vec<Pid> = self
            .processes
            .values()
            .filter(|process| match process.state {
                State::Blocked { wait: Wait::PipeRoom(it), .. } => it == pipe,
                State::Blocked { wait: Wait::Readable(number), .. } => process
                    .descriptors
                    .iter()
                    .find(|it| it.0 == number)
                    .and_then(|it| descriptions.get(&it.1))
                    .is_some_and(|it| it.open == Open::PipeReader(pipe)),
                _ => false,
            })
            .map(|it| it.pid)
            .gather();
        for pid in woken {
            self.wake(pid);
        }
    }

    /// Standard input of a process started with `stdin` (or its terminal's keyboard).
    pub fn write_stdin(&mut self, pid: Pid, bytes: &[u8], now: SimTime) {
        if let Some(tty) = self.tty_of(pid) {
            self.type_bytes(tty, bytes, now);
        } else if let Some(pipe) = self.inputs.get(&pid).copied() {
            if let Some(found) = self.pipes.get_mut(&pipe) {
                found.bytes.extend(bytes);
            }
            self.pipe_changed(pipe);
        }
    }

    pub fn close_stdin(&mut self, pid: Pid) {
        if let Some(tty) = self.tty_of(pid) {
            self.hang_up(tty);
        } else if let Some(pipe) = self.inputs.remove(&pid) {
            self.drop_writer(pipe);
        }
    }
}
