//! System calls: what a program can do to its kernel during a step.

use std::borrow::Cow;
use std::sync::Arc;

use sim::{Gather as _, SimTime, Sort as _, VecMap};

use super::net::{Answer, Call, CallId, ConnectionId, Incoming, Reply};
use super::{
    DescriptionId, Environment, Errno, Facts, Kernel, Open, Pid, PipeId, Process, Program, Read, Space, World,
};
use crate::files::{Content, Device, Found, Ino, Inode, Node, Owner, TreeId};

const DESCRIPTORS_MAX: usize = 1024;

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
        self.full(path).into_owned()
    }

    fn full<'p>(&self, path: &'p str) -> Cow<'p, str> {
        if path.starts_with('/') {
            Cow::Borrowed(path)
        } else {
            Cow::Owned(format!("{}/{path}", self.me().directory))
        }
    }

    pub fn find(&self, path: &str, follow: bool) -> Result<Found, Errno> {
        if path.is_empty() {
            return Err(Errno::NotFound);
        }
        self.space().mounts.resolve(self.trees, &self.full(path), follow)
    }

    pub fn stat(&self, path: &str, follow: bool) -> Result<Stat, Errno> {
        let path = self.full(path);
        if let Some(node) = self.proc_node(&path) {
            let mode = if matches!(node, Node::Directory(_)) { 0o555 } else { 0o444 };
            let inode = Inode { node, mode, uid: 0, gid: 0, modified: self.now, links: 1 };
            let (tree, ino) = (TreeId(0), Ino(0));
            let path = path.into_owned();
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
        let inode = self.trees.shared_inode(found.tree, ino).ok_or(Errno::NotFound)?;
        Ok(Stat { path: found.path, tree: found.tree, ino, inode, read_only: found.read_only })
    }

    /// How many names a file has: a directory those of its own and one in each that lies in it; the root of an overlay has
    /// one.
    pub fn links(&self, stat: &Stat) -> u32 {
        let Node::Directory(entries) = &stat.inode.node else { return stat.inode.links };
        if stat.path == "/" {
            return 1;
        }
        let inner = entries.values().filter_map(|it| self.trees.inode(stat.tree, *it));
        2 + inner.filter(|it| matches!(it.node, Node::Directory(_))).count() as u32
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
        let mut names: Vec<String> = entries.keys().map(ToString::to_string).gather();
        if stat.path == "/" && !entries.contains_key("proc") {
            names.push("proc".to_owned());
            names.put_in_order();
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
        self.make_node(path, Node::Directory(VecMap::new()), 0o777)
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
}
