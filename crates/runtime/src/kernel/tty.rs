//! The line discipline of a terminal.

use std::fmt::Write as _;

use sim::{Gather as _, SimTime};

use super::{Kernel, Open, Output, Pid, State, TtyId, Wait, signal};
use crate::cri::LogStream;

const LINE_BYTES_MAX: usize = 4096;

impl Kernel {
    pub(super) fn tty_of(&self, pid: Pid) -> Option<TtyId> {
        let process = self.process(pid)?;
        process.descriptors.iter().find_map(|it| match self.descriptions.get(&it.1)?.open {
            Open::Tty(tty) => Some(tty),
            _ => None,
        })
    }

    pub(super) fn tty_output(&mut self, id: TtyId, bytes: &[u8]) {
        let Some(tty) = self.ttys.get(&id) else { return };
        let mut cooked = Vec::with_capacity(bytes.len() + 8);
        for byte in bytes {
            if *byte == b'\n' {
                cooked.push(b'\r');
            }
            cooked.push(*byte);
        }
        self.emit(tty.sink, LogStream::Stdout, &cooked);
    }

    pub(super) fn emit(&mut self, sink: u64, stream: LogStream, bytes: &[u8]) {
        match self.outputs.last_mut() {
            Some(last) if last.sink == sink && last.stream == stream => last.bytes.extend_from_slice(bytes),
            _ => self.outputs.push(Output { sink, stream, bytes: bytes.to_vec() }),
        }
    }

    pub(super) fn type_bytes(&mut self, id: TtyId, bytes: &[u8], now: SimTime) {
        for byte in bytes {
            let Some(tty) = self.ttys.get_mut(&id) else { return };
            let foreground = tty.foreground;
            let mut echo = String::new();
            let mut kill = None;
            match byte {
                b'\r' | b'\n' => {
                    tty.ready.extend(std::mem::take(&mut tty.line));
                    tty.ready.push_back(b'\n');
                    echo.push('\n');
                }
                0x03 | 0x1c | 0x1a => {
                    tty.line.clear();
                    let (number, shown) = match byte {
                        0x03 => (signal::INT, "^C"),
                        0x1c => (signal::QUIT, "^\\"),
                        _ => (signal::TSTP, "^Z"),
                    };
                    echo.push_str(shown);
                    kill = Some(number);
                }
                0x04 if tty.line.is_empty() => tty.end += 1,
                0x04 => tty.ready.extend(std::mem::take(&mut tty.line)),
                0x08 | 0x7f => {
                    while tty.line.last().is_some_and(|it| it & 0xc0 == 0x80) {
                        tty.line.pop();
                    }
                    if tty.line.pop().is_some() {
                        echo.push_str("\x08 \x08");
                    }
                }
                0x15 => {
                    for _ in 0..std::mem::take(&mut tty.line).len() {
                        echo.push_str("\x08 \x08");
                    }
                }
                byte if tty.line.len() < LINE_BYTES_MAX => {
                    tty.line.push(*byte);
                    if *byte < 0x20 && *byte != b'\t' {
                        let _ = write!(echo, "^{}", char::from(byte + 0x40));
                    }
                }
                _ => {}
            }
            if !echo.is_empty() {
                self.tty_output(id, echo.as_bytes());
            } else if *byte >= 0x20 || *byte == b'\t' {
                self.tty_output(id, &[*byte]);
            }
            if let Some(number) = kill {
                self.signal_group(foreground, number, now);
            }
        }
        self.wake_readers(id);
    }

    /// The working directory of a process that waits at its terminal, in the foreground, for a line that nobody has begun.
    pub fn waits_for_line(&self, pid: Pid) -> Option<&str> {
        let process = self.process(pid)?;
        let tty = self.ttys.get(&self.tty_of(pid)?)?;
        let reads = matches!(process.state, State::Blocked { wait: Wait::Readable(0), .. });
        let idle = tty.ready.is_empty() && tty.line.is_empty() && tty.foreground == process.group;
        (reads && idle).then_some(&*process.directory)
    }

    /// The other side has gone: the end for readers, SIGHUP for the foreground.
    pub(super) fn hang_up(&mut self, id: TtyId) {
        if let Some(tty) = self.ttys.get_mut(&id) {
            tty.hung_up = true;
        }
        self.wake_readers(id);
    }

    fn wake_readers(&mut self, id: TtyId) {
        let descriptions = &self.descriptions;
        let woken: Vec<Pid> = self
            .processes()
            .filter(|process| match process.state {
                State::Blocked { wait: Wait::Readable(number), .. } => process
                    .descriptors
                    .iter()
                    .find(|it| it.0 == number)
                    .and_then(|it| descriptions.get(&it.1))
                    .is_some_and(|it| it.open == Open::Tty(id)),
                _ => false,
            })
            .map(|it| it.pid)
            .gather();
        for pid in woken {
            self.wake(pid);
        }
    }
}
