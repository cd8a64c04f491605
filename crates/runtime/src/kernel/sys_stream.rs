//! System calls that read and write what is open: files, pipes, terminals, the container's output.

use sim::Gather as _;

use super::{
    BYTES_PER_FUEL, DescriptionId, Errno, Kernel, Open, PIPE_BYTES_MAX, Pid, Read, State, Sys, Wait, World,
    signal,
};

impl Sys<'_> {
    /// At most `length` bytes. Of a terminal, at most a line.
    pub fn read(&mut self, number: u32, length: usize) -> Result<Read, Errno> {
        let id = self.descriptor(number).ok_or(Errno::BadDescriptor)?;
        self.read_description(id, length)
    }

    pub fn read_description(&mut self, id: DescriptionId, length: usize) -> Result<Read, Errno> {
        let shared = self.kernel.descriptions.get_mut(&id).ok_or(Errno::BadDescriptor)?;
        let data = match &mut shared.open {
            Open::Null => return Ok(Read::End),
            Open::Zero | Open::Full => vec![0; length],
            Open::Random => {
                let length = length.min(65_536);
                (0..length).map(|_| self.kernel.random() as u8).gather()
            }
            Open::File { read: false, .. } | Open::PipeWriter(_) | Open::Sink { .. } => {
                return Err(Errno::BadDescriptor);
            }
            Open::File { tree, ino, offset, .. } => {
                let tree = self.trees.get(*tree).ok_or(Errno::NotFound)?;
                let data = tree.read(*ino, *offset, length).unwrap_or_default();
                *offset += data.len() as u64;
                data
            }
            Open::Text { text, offset } => {
                let end = text.len().min(offset.saturating_add(length));
                let data = text[*offset..end].to_vec();
                *offset = end;
                data
            }
            Open::PipeReader(pipe) => {
                let pipe = *pipe;
                let Some(found) = self.kernel.pipes.get_mut(&pipe) else { return Ok(Read::End) };
                if found.bytes.is_empty() {
                    return Ok(if found.writers == 0 { Read::End } else { Read::Block });
                }
                let length = length.min(found.bytes.len());
                let data = found.bytes.drain(..length).gather();
                self.kernel.pipe_changed(pipe);
                data
            }
            Open::Tty(tty) => {
                let Some(found) = self.kernel.ttys.get_mut(tty) else { return Ok(Read::End) };
                if found.ready.is_empty() {
                    if 0 < found.end {
                        found.end -= 1;
                        return Ok(Read::End);
                    }
                    return Ok(if found.hung_up { Read::End } else { Read::Block });
                }
                let line =
                    found.ready.iter().position(|it| *it == b'\n').map_or(found.ready.len(), |it| it + 1);
                found.ready.drain(..line.min(length)).gather()
            }
        };
        self.fuel += (data.len() / BYTES_PER_FUEL) as u64;
        Ok(if data.is_empty() { Read::End } else { Read::Data(data) })
    }

    /// Gives back what was read too much, where that can be.
    pub fn unread(&mut self, number: u32, data: &[u8]) {
        let Some(id) = self.descriptor(number) else { return };
        match self.kernel.descriptions.get_mut(&id).map(|it| &mut it.open) {
            Some(Open::File { offset, .. }) => *offset -= data.len() as u64,
            Some(Open::Text { offset, .. }) => *offset -= data.len(),
            Some(Open::PipeReader(pipe)) => {
                if let Some(found) = self.kernel.pipes.get_mut(pipe) {
                    for byte in data.iter().rev() {
                        found.bytes.push_front(*byte);
                    }
                }
            }
            Some(Open::Tty(tty)) => {
                if let Some(found) = self.kernel.ttys.get_mut(tty) {
                    for byte in data.iter().rev() {
                        found.ready.push_front(*byte);
                    }
                }
            }
            _ => {}
        }
    }

    /// Never blocks: what finds no room waits, and so does the process before its next step.
    pub fn write(&mut self, number: u32, data: &[u8]) -> Result<(), Errno> {
        let id = self.descriptor(number).ok_or(Errno::BadDescriptor)?;
        if data.is_empty() {
            return Ok(());
        }
        self.fuel += (data.len() / BYTES_PER_FUEL) as u64;
        if !self.me().unwritten.is_empty() {
            self.kernel.hold(id);
            self.me_mut().unwritten.push((id, data.to_vec()));
            return Ok(());
        }
        let written = self.write_some(id, data)?;
        if written < data.len() {
            self.kernel.hold(id);
            self.me_mut().unwritten.push((id, data[written..].to_vec()));
        }
        Ok(())
    }

    /// How many bytes found room.
    pub(super) fn write_some(&mut self, id: DescriptionId, data: &[u8]) -> Result<usize, Errno> {
        let shared = self.kernel.descriptions.get_mut(&id).ok_or(Errno::BadDescriptor)?;
        match &mut shared.open {
            Open::Null | Open::Zero | Open::Random => {}
            Open::Full => return Err(Errno::NoSpace),
            Open::File { write: false, .. } | Open::PipeReader(_) | Open::Text { .. } => {
                return Err(Errno::BadDescriptor);
            }
            Open::File { tree, ino, offset, append, .. } => {
                let tree = self.trees.get_mut(*tree).ok_or(Errno::NotFound)?;
                if *append {
                    *offset = tree.get(*ino).ok_or(Errno::NotFound)?.size();
                }
                tree.write(*ino, *offset, data, self.now)?;
                *offset += data.len() as u64;
            }
            Open::Sink { sink, stream } => {
                let (sink, stream) = (*sink, *stream);
                self.kernel.emit(sink, stream, data);
            }
            Open::Tty(tty) => {
                let tty = *tty;
                self.kernel.tty_output(tty, data);
            }
            Open::PipeWriter(pipe) => {
                let pipe = *pipe;
                let Some(found) = self.kernel.pipes.get_mut(&pipe) else { return Ok(data.len()) };
                if found.readers == 0 {
                    self.kernel.deliver_signal(self.pid, signal::PIPE, false, self.now);
                    return Ok(data.len());
                }
                let room = PIPE_BYTES_MAX.saturating_sub(found.bytes.len()).min(data.len());
                found.bytes.extend(&data[..room]);
                self.kernel.pipe_changed(pipe);
                return Ok(room);
            }
        }
        Ok(data.len())
    }

    /// Zeros into a file take no memory.
    pub fn write_zeros(&mut self, number: u32, count: u64) -> Result<(), Errno> {
        let id = self.descriptor(number).ok_or(Errno::BadDescriptor)?;
        let shared = self.kernel.descriptions.get_mut(&id).ok_or(Errno::BadDescriptor)?;
        if let Open::File { tree, ino, offset, write: true, .. } = &mut shared.open {
            *offset += count;
            return self.trees.get_mut(*tree).ok_or(Errno::NotFound)?.append_zeros(*ino, count, self.now);
        }
        self.write(number, &vec![0; count.min(65_536) as usize])
    }

    pub fn out(&mut self, text: &str) {
        let _ = self.write(1, text.as_bytes());
    }

    pub fn err(&mut self, text: &str) {
        let _ = self.write(2, text.as_bytes());
    }

    /// Waits for the reader of a full pipe, or for nothing.
    pub(super) fn write_wait(&self, id: DescriptionId) -> Option<Wait> {
        match self.kernel.descriptions.get(&id)?.open {
            Open::PipeWriter(pipe) => Some(Wait::PipeRoom(pipe)),
            _ => None,
        }
    }
}

impl Kernel {
    /// Writes what waits; false when the process blocks on.
    pub(super) fn flush(&mut self, pid: Pid, world: &mut World<'_>) -> bool {
        loop {
            let Some(process) = self.processes.get(&pid) else { return false };
            let Some((id, data)) = process.unwritten.first().cloned() else { return true };
            let mut sys = Sys::new(self, world, pid);
            let written = sys.write_some(id, &data).unwrap_or(data.len());
            let wait = sys.write_wait(id);
            let Some(process) = self.processes.get(&pid).filter(|it| !it.is_zombie()) else { return false };
            debug_assert!(!process.unwritten.is_empty());
            let process = self.process_mut(pid);
            if written < data.len() {
                process.unwritten[0].1.drain(..written);
                if let Some(wait) = wait
                    && process.state == State::Ready
                {
                    process.state = State::Blocked { wait, until: None };
                }
                return false;
            }
            process.unwritten.remove(0);
            self.let_go(id);
        }
    }
}
