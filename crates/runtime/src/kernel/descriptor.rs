//! What file descriptors stand for: open files, ends of pipes, terminals, and the sinks that the machine collects.

use std::collections::VecDeque;
use std::sync::Arc;

use super::{PipeId, TtyId};
use crate::cri::LogStream;
use crate::files::{Ino, TreeId};

/// An open file description; shared by the descriptors that were copied from one another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Open {
    Null,
    Zero,
    Full,
    Random,
    File {
        tree: TreeId,
        ino: Ino,
        offset: u64,
        append: bool,
        read: bool,
        write: bool,
    },
    PipeReader(PipeId),
    PipeWriter(PipeId),
    /// Leaves the kernel: a container's log, or the output of a command run from outside.
    Sink {
        sink: u64,
        stream: LogStream,
    },
    Tty(TtyId),
    /// Text made when it was opened: /proc, here-documents.
    Text {
        text: Arc<[u8]>,
        offset: usize,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Shared {
    pub open: Open,
    pub references: u32,
}

/// As Linux has it.
pub const PIPE_BYTES_MAX: usize = 65_536;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Pipe {
    pub bytes: VecDeque<u8>,
    pub readers: u32,
    pub writers: u32,
}

/// A terminal in cooked mode: it echoes, edits the line, and turns Ctrl-C into a signal.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Tty {
    pub sink: u64,
    /// Whole lines, ready to be read.
    pub ready: VecDeque<u8>,
    /// The line being typed.
    pub line: Vec<u8>,
    /// Ctrl-D on an empty line: the next read sees the end.
    pub end: u32,
    /// The process group that Ctrl-C goes to.
    pub foreground: u32,
    pub hung_up: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Read {
    Data(Vec<u8>),
    End,
    /// Nothing yet: wait until readable.
    Block,
}

/// Bytes that left the kernel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Output {
    pub sink: u64,
    pub stream: LogStream,
    pub bytes: Vec<u8>,
}
