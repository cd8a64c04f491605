//! System calls: what a program can do to its kernel during a step.

use std::collections::BTreeMap;
use std::sync::Arc;

use sim::SimTime;

use super::net::{Answer, Call, CallId, ConnectionId, Incoming, Reply};
use super::signal::Signals;
use super::{
    BYTES_PER_FUEL, DescriptionId, Environment, Errno, FUEL_SPAWN, Facts, Kernel, Open, PIPE_BYTES_MAX, Pid,
    PipeId, Process, Program, Read, Space, State, Wait, World, signal,
};
use crate::files::{Content, Device, Found, Ino, Inode, Node, Owner, TreeId};

/// Bytes of arguments and environment that a program may be started with.
const ARGUMENT_BYTES_MAX: usize = 2 << 20;
const DESCRIPTORS_MAX: usize = 1024;
const DEFAULT_PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub struct Sys<'a> {
    pub(super) kernel: &'a mut Kernel,
    pub trees: &'a mut crate::files::Trees,
    pub now: SimTime,
    pub pid: Pid,
    pub(super) fuel: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OpenMode {
    Read,
    Write,
    Append,
    ReadWrite,
}

/// A child to start: it has what its parent has, but for this.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spawn {
    pub argv: Arc<Vec<String>>,
    pub environment: Environment,
    /// A fork runs this instead of what `argv` names.
    pub program: Option<Program>,
    /// Descriptors that the child has different from its parent's; None is closed. The kernel takes no reference: the
    /// parent still has to let go of what it opened.
    pub descriptors: Vec<(u32, Option<DescriptionId>)>,
    /// A process group of its own, or another child's.
    pub group: Option<u32>,
    /// Signals that the child ignores from the start.
    pub ignored: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stat {
    pub path: String,
    pub tree: TreeId,
    pub ino: Ino,
    pub inode: Arc<Inode>,
    pub read_only: bool,
}

impl Stat {
    pub fn is_directory(&self) -> bool {
        matches!(self.inode.node, Node::Directory(_))
    }
}

impl<'a> Sys<'a> {
    pub(super) fn new(kernel: &'a mut Kernel, world: &'a mut World<'_>, pid: Pid) -> Sys<'a> {
        Sys { kernel, trees: world.trees, now: world.now, pid, fuel: 0 }
    }

    pub fn me(&self) -> &Process {
        self.kernel.process(self.pid).expect("a process that runs is there")
    }

    pub fn me_mut(&mut self) -> &mut Process {
        self.kernel.process_mut(self.pid)
    }

    pub fn space(&self) -> &Space {
        self.kernel.space(self.me().space).expect("a process that runs has its container")
    }

    pub fn facts(&self) -> Arc<Facts> {
        Arc::clone(&self.space().facts)
    }

    pub fn kernel(&self) -> &Kernel {
        self.kernel
    }

    pub fn random(&mut self) -> u64 {
        self.kernel.random()
    }

    /// Unix time in whole seconds.
    pub fn unix_seconds(&self) -> i64 {
        self.space().facts.epoch_seconds + self.now.as_secs() as i64
    }

    pub fn burn(&mut self, fuel: u64) {
        self.fuel += fuel;
    }

    pub fn environment(&self, name: &str) -> Option<&str> {
        self.me().environment.iter().find(|it| it.0 == name).map(|it| it.1.as_str())
    }

    /// Absolute, from the working directory.
    pub fn absolute(&self, path: &str) -> String {
        if path.starts_with('/') { path.to_owned() } else { format!("{}/{path}", self.me().directory) }
    }

    pub fn find(&self, path: &str, follow: bool) -> Result<Found, Errno> {
        if path.is_empty() {
            return Err(Errno::NotFound);
        }
        self.space().mounts.resolve(self.trees, &self.absolute(path), follow)
    }

    pub fn stat(&self, path: &str, follow: bool) -> Result<Stat, Errno> {
        let path = self.absolute(path);
        if let Some(node) = self.proc_node(&path) {
            let mode = if matches!(node, Node::Directory(_)) { 0o555 } else { 0o444 };
            let inode = Inode { node, mode, uid: 0, gid: 0, modified: self.now, links: 1 };
            let (tree, ino) = (TreeId(0), Ino(0));
            return Ok(Stat { path, tree, ino, inode: Arc::new(inode), read_only: true });
        }
        let found = self.find(&path, follow)?;
        if found.ino.is_none()
            && let Some(node) = self.proc_node(&found.path)
        {
            let inode = Inode { node, mode: 0o444, uid: 0, gid: 0, modified: self.now, links: 1 };
            let (tree, ino) = (TreeId(0), Ino(0));
            return Ok(Stat { path: found.path, tree, ino, inode: Arc::new(inode), read_only: true });
        }
        let ino = found.ino.ok_or(Errno::NotFound)?;
        let inode = self.trees.inode(found.tree, ino).ok_or(Errno::NotFound)?;
        let inode = Arc::new(inode.clone());
        Ok(Stat { path: found.path, tree: found.tree, ino, inode, read_only: found.read_only })
    }

    pub fn exists(&self, path: &str) -> bool {
        self.stat(path, true).is_ok()
    }

    /// `wanted` is a sum of 4 (read), 2 (write), 1 (execute).
    pub fn may(&self, inode: &Inode, wanted: u32) -> bool {
        let who = &self.me().credentials;
        if who.uid == 0 {
            return wanted & 1 == 0 || matches!(inode.node, Node::Directory(_)) || inode.mode & 0o111 != 0;
        }
        let shift = if who.uid == inode.uid {
            6
        } else if who.has_group(inode.gid) {
            3
        } else {
            0
        };
        inode.mode >> shift & wanted == wanted
    }

    fn owner(&self) -> Owner {
        let who = &self.me().credentials;
        Owner { uid: who.uid, gid: who.gid, now: self.now }
    }

    /// May names in the directory of `found` be added or removed?
    fn may_change(&self, found: &Found) -> Result<(), Errno> {
        let parent = self.trees.inode(found.tree, found.parent).ok_or(Errno::NotFound)?;
        if !self.may(parent, 2) {
            return Err(Errno::Access);
        }
        if found.read_only { Err(Errno::ReadOnly) } else { Ok(()) }
    }

    /// The description is the caller's: put it into a descriptor or let go of it.
    pub fn open(&mut self, path: &str, mode: OpenMode) -> Result<DescriptionId, Errno> {
        let path = self.absolute(path);
        if let Some(opened) = self.open_proc(&path) {
            return opened;
        }
        let found = self.find(&path, true)?;
        if found.ino.is_none()
            && let Some(opened) = self.open_proc(&found.path)
        {
            return opened;
        }
        let Some(ino) = found.ino else {
            return match mode {
                OpenMode::Read => Err(Errno::NotFound),
                OpenMode::Write | OpenMode::Append | OpenMode::ReadWrite => self.open_new(&found, mode),
            };
        };
        let inode = self.trees.inode(found.tree, ino).ok_or(Errno::NotFound)?;
        let (read, write) =
            (matches!(mode, OpenMode::Read | OpenMode::ReadWrite), !matches!(mode, OpenMode::Read));
        match &inode.node {
            Node::Directory(_) => return Err(Errno::IsDirectory),
            Node::Device(device) => {
                let open = match device {
                    Device::Null => Open::Null,
                    Device::Zero => Open::Zero,
                    Device::Full => Open::Full,
                    Device::Random => Open::Random,
                    Device::Tty => Open::Tty(self.kernel.tty_of(self.pid).ok_or(Errno::NotFound)?),
                };
                return Ok(self.kernel.describe(open));
            }
            Node::Socket | Node::Symlink(_) => return Err(Errno::NotFound),
            Node::File(_) => {}
        }
        if !self.may(inode, u32::from(read) * 4 + u32::from(write) * 2) {
            return Err(Errno::Access);
        }
        if write && found.read_only {
            return Err(Errno::ReadOnly);
        }
        if mode == OpenMode::Write {
            self.trees.get_mut(found.tree).ok_or(Errno::NotFound)?.truncate(ino, 0, self.now)?;
        }
        Ok(self.describe_file(found.tree, ino, mode))
    }

    fn open_new(&mut self, found: &Found, mode: OpenMode) -> Result<DescriptionId, Errno> {
        self.may_change(found)?;
        let (owner, bits) = (self.owner(), 0o666 & !self.me().umask);
        let tree = self.trees.get_mut(found.tree).ok_or(Errno::NotFound)?;
        let node = Node::File(Content::Bytes(Arc::default()));
        let ino = tree.create(found.parent, &found.name, node, bits, owner)?;
        Ok(self.describe_file(found.tree, ino, mode))
    }

    fn describe_file(&mut self, tree: TreeId, ino: Ino, mode: OpenMode) -> DescriptionId {
        self.kernel.describe(Open::File {
            tree,
            ino,
            offset: 0,
            append: mode == OpenMode::Append,
            read: matches!(mode, OpenMode::Read | OpenMode::ReadWrite),
            write: mode != OpenMode::Read,
        })
    }

    pub fn open_text(&mut self, text: &[u8]) -> DescriptionId {
        self.kernel.describe(Open::Text { text: Arc::from(text), offset: 0 })
    }

    pub fn open_null(&mut self) -> DescriptionId {
        self.kernel.describe(Open::Null)
    }

    /// (reader, writer)
    pub fn pipe(&mut self) -> (DescriptionId, DescriptionId) {
        let pipe = PipeId(self.kernel.fresh());
        (self.kernel.describe(Open::PipeReader(pipe)), self.kernel.describe(Open::PipeWriter(pipe)))
    }

    pub fn descriptor(&self, number: u32) -> Option<DescriptionId> {
        self.me().descriptors.iter().find(|it| it.0 == number).map(|it| it.1)
    }

    pub fn what_is(&self, number: u32) -> Option<&Open> {
        self.kernel.descriptions.get(&self.descriptor(number)?).map(|it| &it.open)
    }

    pub fn is_tty(&self, number: u32) -> bool {
        matches!(self.what_is(number), Some(Open::Tty(_)))
    }

    pub fn hold(&mut self, id: DescriptionId) {
        self.kernel.hold(id);
    }

    pub fn let_go(&mut self, id: DescriptionId) {
        self.kernel.let_go(id);
    }

    /// Makes `number` stand for the description (taking over the reference); None closes it.
    pub fn set_descriptor(&mut self, number: u32, to: Option<DescriptionId>) {
        let old = self.take_descriptor(number);
        if let Some(id) = to {
            self.me_mut().descriptors.push((number, id));
        }
        if let Some(id) = old {
            self.kernel.let_go(id);
        }
    }

    /// Takes a descriptor out without closing what it stands for.
    pub fn take_descriptor(&mut self, number: u32) -> Option<DescriptionId> {
        let all = &mut self.me_mut().descriptors;
        let at = all.iter().position(|it| it.0 == number)?;
        Some(all.remove(at).1)
    }

    /// Opens a file at the lowest free number.
    pub fn open_number(&mut self, path: &str, mode: OpenMode) -> Result<u32, Errno> {
        let id = self.open(path, mode)?;
        let taken = &self.me().descriptors;
        if DESCRIPTORS_MAX <= taken.len() {
            self.kernel.let_go(id);
            return Err(Errno::Again);
        }
        let number = (3..DESCRIPTORS_MAX as u32).find(|it| taken.iter().all(|d| d.0 != *it)).unwrap_or(3);
        self.set_descriptor(number, Some(id));
        Ok(number)
    }

    pub fn close(&mut self, number: u32) {
        self.set_descriptor(number, None);
    }

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
                (0..length).map(|_| self.kernel.random() as u8).collect()
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
                let data = found.bytes.drain(..length).collect();
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
                found.ready.drain(..line.min(length)).collect()
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

    /// A whole file, bounded.
    pub fn read_file(&mut self, path: &str) -> Result<Vec<u8>, Errno> {
        let id = self.open(path, OpenMode::Read)?;
        let data = self.read_description(id, crate::files::FILE_BYTES_MAX);
        self.kernel.let_go(id);
        Ok(match data? {
            Read::Data(data) => data,
            Read::End | Read::Block => Vec::new(),
        })
    }

    /// Names in order; a directory of /proc as well.
    pub fn list(&self, path: &str) -> Result<Vec<String>, Errno> {
        let stat = self.stat(path, true)?;
        let Node::Directory(entries) = &stat.inode.node else { return Err(Errno::NotDirectory) };
        if !self.may(&stat.inode, 4) {
            return Err(Errno::Access);
        }
        let mut names: Vec<String> = entries.keys().map(ToString::to_string).collect();
        if stat.path == "/" && !entries.contains_key("proc") {
            names.push("proc".to_owned());
            names.sort();
        }
        Ok(names)
    }

    pub fn make_node(&mut self, path: &str, node: Node, mode: u32) -> Result<(), Errno> {
        let found = self.find(path.trim_end_matches('/'), false)?;
        if found.ino.is_some() {
            return Err(Errno::Exists);
        }
        self.may_change(&found)?;
        let (owner, bits) = (self.owner(), mode & !self.me().umask);
        let bits = if matches!(node, Node::Symlink(_)) { 0o777 } else { bits };
        let tree = self.trees.get_mut(found.tree).ok_or(Errno::NotFound)?;
        tree.create(found.parent, &found.name, node, bits, owner).map(|_| ())
    }

    pub fn make_directory(&mut self, path: &str) -> Result<(), Errno> {
        if path.trim_matches('/').is_empty() {
            return Err(Errno::Exists);
        }
        self.make_node(path, Node::Directory(BTreeMap::new()), 0o777)
    }

    /// Removes a name. `all`: a directory with what is in it.
    pub fn remove(&mut self, path: &str, all: bool) -> Result<(), Errno> {
        let found = self.find(path.trim_end_matches('/'), false)?;
        if found.ino.is_none() {
            return Err(Errno::NotFound);
        }
        if found.name.is_empty() || self.space().mounts.at(&found.path).is_some() {
            return Err(Errno::Busy);
        }
        self.may_change(&found)?;
        let tree = self.trees.get_mut(found.tree).ok_or(Errno::NotFound)?;
        if all {
            tree.remove(found.parent, &found.name, self.now)
        } else {
            tree.unlink(found.parent, &found.name, self.now)
        }
    }

    /// Within one file system; `Busy` across two (copy, then).
    pub fn rename(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        let (source, target) = (self.find(from, false)?, self.find(to, false)?);
        if source.ino.is_none() {
            return Err(Errno::NotFound);
        }
        self.may_change(&source)?;
        self.may_change(&target)?;
        if source.tree != target.tree {
            return Err(Errno::Busy);
        }
        if target.path.starts_with(&format!("{}/", source.path)) {
            return Err(Errno::Invalid);
        }
        let tree = self.trees.get_mut(source.tree).ok_or(Errno::NotFound)?;
        tree.rename((source.parent, &source.name), (target.parent, &target.name), self.now)
    }

    pub fn link(&mut self, from: &str, to: &str) -> Result<(), Errno> {
        let (source, target) = (self.find(from, true)?, self.find(to, false)?);
        let ino = source.ino.ok_or(Errno::NotFound)?;
        if target.ino.is_some() {
            return Err(Errno::Exists);
        }
        self.may_change(&target)?;
        if source.tree != target.tree {
            return Err(Errno::Invalid);
        }
        self.trees.get_mut(target.tree).ok_or(Errno::NotFound)?.link(target.parent, &target.name, ino)
    }

    /// Changes mode, owner or time of a file that the process owns.
    pub fn change(&mut self, path: &str, change: impl FnOnce(&mut Inode)) -> Result<(), Errno> {
        let stat = self.stat(path, true)?;
        if stat.read_only {
            return Err(Errno::ReadOnly);
        }
        let uid = self.me().credentials.uid;
        if uid != 0 && uid != stat.inode.uid {
            return Err(Errno::NotPermitted);
        }
        let tree = self.trees.get_mut(stat.tree).ok_or(Errno::NotFound)?;
        change(tree.get_mut(stat.ino).ok_or(Errno::NotFound)?);
        Ok(())
    }

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
        let held: Vec<DescriptionId> = child.descriptors.iter().map(|it| it.1).collect();
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
                    line.trim().splitn(2, [' ', '\t']).map(|it| it.trim().to_owned()).collect();
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
        let mut all: Vec<&Process> = self.kernel.processes().filter(|it| it.namespace == namespace).collect();
        all.sort_by_key(|it| it.number);
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

    /// Asks something of the network; wait with `Wait::Network`, then `take_answer`.
    pub fn network(&mut self, call: Call) -> CallId {
        self.kernel.next_call += 1;
        let id = CallId(self.kernel.next_call);
        self.kernel.calls.push((id, self.pid, call));
        id
    }

    pub fn take_answer(&mut self, id: CallId) -> Option<Answer> {
        self.kernel.answers.remove(&id)
    }

    pub fn listen(&mut self, port: u16) -> Result<(), Errno> {
        if port < 1024 && self.me().credentials.uid != 0 && !self.low_ports_open() {
            return Err(Errno::Access);
        }
        if self.kernel.listeners.contains_key(&port) || self.kernel.taken_ports.contains(&port) {
            return Err(Errno::AddressInUse);
        }
        self.kernel.listeners.insert(port, self.pid);
        Ok(())
    }

    /// containerd sets net.ipv4.ip_unprivileged_port_start to 0.
    #[expect(clippy::unused_self, reason = "a sandbox may say otherwise one day")]
    fn low_ports_open(&self) -> bool {
        true
    }

    /// A request that came in on a port of this process.
    pub fn accept(&mut self) -> Option<Incoming> {
        let (listeners, pid) = (&self.kernel.listeners, self.pid);
        let at = self.kernel.incoming.iter().position(|it| listeners.get(&it.port) == Some(&pid))?;
        Some(self.kernel.incoming.remove(at))
    }

    pub fn reply(&mut self, to: ConnectionId, reply: Reply) {
        self.kernel.replies.push((to, reply));
    }

    /// Stops listening.
    pub fn unlisten(&mut self, port: u16) {
        if self.kernel.listeners.get(&port) == Some(&self.pid) {
            self.kernel.listeners.remove(&port);
        }
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
