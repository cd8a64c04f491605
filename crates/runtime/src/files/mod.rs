//! File trees: an image's, a container's, a volume's, a machine's own.
//!
//! A container's root is a clone of its image's tree: content is shared until somebody writes. No devices' data, no
//! locks, no access control lists.

mod mounts;

use std::sync::Arc;

use sim::{Gather as _, SimTime, VecMap};

use crate::kernel::Errno;

pub use mounts::{Found, Mount, Mounts};

/// Names one tree of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreeId(pub u64);

/// Names a file of a tree for as long as the tree exists; numbers are never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ino(pub u32);

/// Real bytes that one file may hold; zeros beyond cost nothing.
pub const FILE_BYTES_MAX: usize = 4 << 20;
/// Real bytes that one tree may hold.
pub const TREE_BYTES_MAX: u64 = 32 << 20;
pub const TREE_FILES_MAX: usize = 20_000;
/// Deleted files that are kept, because a process may still have them open.
const ORPHANS_MAX: usize = 64;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Node {
    Directory(VecMap<Arc<str>, Ino>),
    File(Content),
    Symlink(Arc<str>),
    Device(Device),
    /// A Unix socket or a named pipe: there to be seen.
    Socket,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Content {
    Bytes(Arc<Vec<u8>>),
    /// So many zero bytes, as `dd if=/dev/zero` makes them.
    Zeros(u64),
    /// An executable that the kernel knows by this name; `busybox` goes by the name it is called with.
    Program {
        name: Arc<str>,
        size: u64,
    },
    /// An executable that the host of the simulation runs (`kubectl` of the workstation).
    External(Arc<str>),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Device {
    Null,
    Zero,
    Full,
    Random,
    Tty,
}

impl Content {
    pub fn text(text: &str) -> Content {
        Content::Bytes(Arc::new(text.as_bytes().to_vec()))
    }

    pub fn size(&self) -> u64 {
        match self {
            Content::Bytes(bytes) => bytes.len() as u64,
            Content::Zeros(size) | Content::Program { size, .. } => *size,
            // The program lies with the host of the simulation; here it takes no room to speak of.
            Content::External(_) => 4_096,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Inode {
    pub node: Node,
    /// Permission bits, such as `0o644`.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub modified: SimTime,
    pub links: u32,
}

impl Inode {
    pub fn size(&self) -> u64 {
        match &self.node {
            Node::File(content) => content.size(),
            Node::Symlink(target) => target.len() as u64,
            Node::Directory(_) => 4096,
            Node::Device(_) | Node::Socket => 0,
        }
    }
}

/// Who owns a new file, and when it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Owner {
    pub uid: u32,
    pub gid: u32,
    pub now: SimTime,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Tree {
    inodes: VecMap<Ino, Arc<Inode>>,
    next: u32,
    orphans: Vec<Ino>,
    /// Bytes of all files, as `du` and an ephemeral-storage limit count them.
    used: u64,
    /// What a file system in memory may hold; writing more fails.
    pub limit: Option<u64>,
    /// New files get this group (`fsGroup` of a volume).
    pub group: Option<u32>,
}

impl Default for Tree {
    fn default() -> Self {
        let root = Inode {
            node: Node::Directory(VecMap::new()),
            mode: 0o755,
            uid: 0,
            gid: 0,
            modified: SimTime::ZERO,
            links: 1,
        };
        Tree {
            inodes: VecMap::from([(Tree::ROOT, Arc::new(root))]),
            next: 1,
            orphans: Vec::new(),
            used: 0,
            limit: None,
            group: None,
        }
    }
}

impl Tree {
    pub const ROOT: Ino = Ino(0);

    pub fn get(&self, ino: Ino) -> Option<&Inode> {
        self.inodes.get(&ino).map(|it| &**it)
    }

    pub fn get_mut(&mut self, ino: Ino) -> Option<&mut Inode> {
        self.inodes.get_mut(&ino).map(Arc::make_mut)
    }

    /// Bytes that its files take.
    pub fn used(&self) -> u64 {
        self.used
    }

    pub fn lookup(&self, directory: Ino, name: &str) -> Option<Ino> {
        match &self.get(directory)?.node {
            Node::Directory(entries) => entries.get(name).copied(),
            Node::File(_) | Node::Symlink(_) | Node::Device(_) | Node::Socket => None,
        }
    }

    pub fn entries(&self, directory: Ino) -> Result<&VecMap<Arc<str>, Ino>, Errno> {
        match &self.get(directory).ok_or(Errno::NotFound)?.node {
            Node::Directory(entries) => Ok(entries),
            Node::File(_) | Node::Symlink(_) | Node::Device(_) | Node::Socket => Err(Errno::NotDirectory),
        }
    }

    fn entries_mut(&mut self, directory: Ino) -> Result<&mut VecMap<Arc<str>, Ino>, Errno> {
        match &mut self.get_mut(directory).ok_or(Errno::NotFound)?.node {
            Node::Directory(entries) => Ok(entries),
            Node::File(_) | Node::Symlink(_) | Node::Device(_) | Node::Socket => Err(Errno::NotDirectory),
        }
    }

    /// A new file; the name must not exist.
    pub fn create(
        &mut self,
        directory: Ino,
        name: &str,
        node: Node,
        mode: u32,
        owner: Owner,
    ) -> Result<Ino, Errno> {
        if self.entries(directory)?.contains_key(name) {
            return Err(Errno::Exists);
        }
        if TREE_FILES_MAX <= self.inodes.len() {
            return Err(Errno::NoSpace);
        }
        let size = if let Node::File(content) = &node { content.size() } else { 0 };
        self.room_for(size)?;
        let ino = Ino(self.next);
        self.next += 1;
        let gid = self.group.unwrap_or(owner.gid);
        self.inodes
            .insert(ino, Arc::new(Inode { node, mode, uid: owner.uid, gid, modified: owner.now, links: 1 }));
        self.used += size;
        self.entries_mut(directory)?.insert(Arc::from(name), ino);
        self.touch(directory, owner.now);
        Ok(ino)
    }

    /// One more name for the same file.
    pub fn link(&mut self, directory: Ino, name: &str, ino: Ino) -> Result<(), Errno> {
        if self.entries(directory)?.contains_key(name) {
            return Err(Errno::Exists);
        }
        self.get_mut(ino).ok_or(Errno::NotFound)?.links += 1;
        self.entries_mut(directory)?.insert(Arc::from(name), ino);
        Ok(())
    }

    /// Removes a name; a directory must be empty.
    pub fn unlink(&mut self, directory: Ino, name: &str, now: SimTime) -> Result<(), Errno> {
        let ino = self.lookup(directory, name).ok_or(Errno::NotFound)?;
        if self.entries(ino).is_ok_and(|it| !it.is_empty()) {
            return Err(Errno::NotEmpty);
        }
        self.entries_mut(directory)?.remove(name);
        self.touch(directory, now);
        self.release(ino);
        Ok(())
    }

    /// Moves a name within the tree, over a file of that name if there is one.
    pub fn rename(&mut self, from: (Ino, &str), to: (Ino, &str), now: SimTime) -> Result<(), Errno> {
        let ino = self.lookup(from.0, from.1).ok_or(Errno::NotFound)?;
        let old = self.lookup(to.0, to.1);
        if old == Some(ino) {
            return Ok(());
        }
        if old.is_some() {
            self.unlink(to.0, to.1, now)?;
        }
        self.entries_mut(from.0)?.remove(from.1);
        self.entries_mut(to.0)?.insert(Arc::from(to.1), ino);
        self.touch(from.0, now);
        self.touch(to.0, now);
        Ok(())
    }

    fn release(&mut self, ino: Ino) {
        let Some(inode) = self.get_mut(ino) else { return };
        inode.links = inode.links.saturating_sub(1);
        if inode.links != 0 {
            return;
        }
        if let Node::File(content) = &inode.node {
            let size = content.size();
            self.used = self.used.saturating_sub(size);
            self.orphans.push(ino);
            if ORPHANS_MAX < self.orphans.len() {
                let gone = self.orphans.remove(0);
                self.inodes.remove(&gone);
            }
        } else {
            self.inodes.remove(&ino);
        }
    }

    fn touch(&mut self, ino: Ino, now: SimTime) {
        if let Some(inode) = self.get_mut(ino) {
            inode.modified = now;
        }
    }

    fn room_for(&self, more: u64) -> Result<(), Errno> {
        if self.limit.is_some_and(|limit| limit < self.used + more) { Err(Errno::NoSpace) } else { Ok(()) }
    }

    /// At most `length` bytes from `offset`; empty at the end.
    pub fn read(&self, ino: Ino, offset: u64, length: usize) -> Result<Vec<u8>, Errno> {
        match &self.get(ino).ok_or(Errno::NotFound)?.node {
            Node::File(Content::Bytes(bytes)) => {
                let start = (offset as usize).min(bytes.len());
                Ok(bytes[start..bytes.len().min(start.saturating_add(length))].to_vec())
            }
            Node::File(Content::Zeros(size)) => {
                Ok(vec![0; size.saturating_sub(offset).min(length as u64) as usize])
            }
            Node::File(Content::Program { .. } | Content::External(_)) => {
                Ok(if offset == 0 { b"\x7fELF\x02\x01\x01\0".to_vec() } else { Vec::new() })
            }
            Node::Directory(_) => Err(Errno::IsDirectory),
            Node::Symlink(_) | Node::Device(_) | Node::Socket => Err(Errno::Invalid),
        }
    }

    /// Writes at `offset`, filling a gap with zeros.
    pub fn write(&mut self, ino: Ino, offset: u64, data: &[u8], now: SimTime) -> Result<(), Errno> {
        let (limit, used) = (self.limit, self.used);
        let inode = self.get_mut(ino).ok_or(Errno::NotFound)?;
        let Node::File(content) = &mut inode.node else { return Err(Errno::IsDirectory) };
        let before = content.size();
        let end = offset + data.len() as u64;
        let after = before.max(end);
        if limit.is_some_and(|limit| limit < used + (after - before)) {
            return Err(Errno::NoSpace);
        }
        if !matches!(content, Content::Bytes(_)) {
            let keep = if let Content::Zeros(size) = content { *size } else { 0 };
            if (FILE_BYTES_MAX as u64) < keep {
                return Err(Errno::NoSpace);
            }
            *content = Content::Bytes(Arc::new(vec![0; keep as usize]));
        }
        let Content::Bytes(bytes) = content else { return Err(Errno::Invalid) };
        if FILE_BYTES_MAX as u64 <= after || TREE_BYTES_MAX < used + data.len() as u64 {
            return Err(Errno::NoSpace);
        }
        let bytes = Arc::make_mut(bytes);
        let (start, end) = (offset as usize, end as usize);
        if bytes.len() < start {
            bytes.resize(start, 0);
        }
        let overlap = bytes.len().min(end) - start;
        bytes[start..start + overlap].copy_from_slice(&data[..overlap]);
        bytes.extend_from_slice(&data[overlap..]);
        inode.modified = now;
        self.used += after - before;
        Ok(())
    }

    /// Grows a file by zeros that take no memory; content before is lost unless it is zeros, too.
    pub fn append_zeros(&mut self, ino: Ino, count: u64, now: SimTime) -> Result<(), Errno> {
        self.room_for(count)?;
        let inode = self.get_mut(ino).ok_or(Errno::NotFound)?;
        let Node::File(content) = &mut inode.node else { return Err(Errno::IsDirectory) };
        *content = Content::Zeros(content.size() + count);
        inode.modified = now;
        self.used += count;
        Ok(())
    }

    pub fn truncate(&mut self, ino: Ino, size: u64, now: SimTime) -> Result<(), Errno> {
        let inode = self.get_mut(ino).ok_or(Errno::NotFound)?;
        let Node::File(content) = &mut inode.node else { return Err(Errno::IsDirectory) };
        let before = content.size();
        match content {
            Content::Bytes(bytes) if size <= FILE_BYTES_MAX as u64 => {
                Arc::make_mut(bytes).resize(size as usize, 0);
            }
            _ if size == 0 => *content = Content::Bytes(Arc::default()),
            _ => *content = Content::Zeros(size),
        }
        inode.modified = now;
        self.used = (self.used + size).saturating_sub(before);
        Ok(())
    }

    /// Follows names only: for building trees and looking into them from outside.
    pub fn find(&self, path: &str) -> Option<Ino> {
        path.split('/').filter(|it| !it.is_empty()).try_fold(Tree::ROOT, |at, name| self.lookup(at, name))
    }

    /// Makes the directory and its parents.
    pub fn make_directories(&mut self, path: &str, mode: u32, owner: Owner) -> Result<Ino, Errno> {
        let mut at = Tree::ROOT;
        for name in path.split('/').filter(|it| !it.is_empty()) {
            at = match self.lookup(at, name) {
                Some(found) => found,
                None => self.create(at, name, Node::Directory(VecMap::new()), mode, owner)?,
            };
        }
        self.entries(at)?;
        Ok(at)
    }

    /// Puts a file at a path, making directories and replacing what is there. Replacing makes a new inode.
    pub fn put(&mut self, path: &str, node: Node, mode: u32, owner: Owner) -> Result<Ino, Errno> {
        let (parent, name) = path.trim_end_matches('/').rsplit_once('/').unwrap_or(("", path));
        let directory = self.make_directories(parent, 0o755, owner)?;
        if self.lookup(directory, name).is_some() {
            self.unlink(directory, name, owner.now)?;
        }
        self.create(directory, name, node, mode, owner)
    }

    pub fn put_text(&mut self, path: &str, text: &str, mode: u32) -> Result<Ino, Errno> {
        self.put(path, Node::File(Content::text(text)), mode, Owner::default())
    }

    /// Several names of one executable: the applets of a busybox.
    pub fn put_programs(&mut self, directory: &str, program: &str, names: &[&str]) -> Result<(), Errno> {
        let at = self.make_directories(directory, 0o755, Owner::default())?;
        let node = Node::File(Content::Program { name: Arc::from(program), size: 1_050_000 });
        let Some((first, rest)) = names.split_first() else { return Ok(()) };
        let ino = self.create(at, first, node, 0o755, Owner::default())?;
        rest.iter().try_for_each(|name| self.link(at, name, ino))
    }

    /// Removes a file, or a directory with all that is in it.
    pub fn remove(&mut self, directory: Ino, name: &str, now: SimTime) -> Result<(), Errno> {
        let ino = self.lookup(directory, name).ok_or(Errno::NotFound)?;
        if let Ok(entries) = self.entries(ino) {
            let names: Vec<Arc<str>> = entries.keys().cloned().gather();
            for inner in names {
                self.remove(ino, &inner, now)?;
            }
        }
        self.unlink(directory, name, now)
    }

    /// Every file below `from` with its path, in order of names.
    pub fn walk(&self, from: Ino) -> Vec<(String, Ino)> {
        let mut found = Vec::new();
        let mut open = vec![(String::new(), from)];
        while let Some((path, ino)) = open.pop() {
            if let Ok(entries) = self.entries(ino) {
                for (name, inner) in entries.iter().rev() {
                    let path = if path.is_empty() { name.to_string() } else { format!("{path}/{name}") };
                    open.push((path, *inner));
                }
            }
            if !path.is_empty() {
                found.push((path, ino));
            }
        }
        found
    }

    /// The files of a container's /dev.
    pub fn devices() -> Tree {
        let mut tree = Tree::default();
        let devices = [
            ("null", Device::Null),
            ("zero", Device::Zero),
            ("full", Device::Full),
            ("random", Device::Random),
            ("urandom", Device::Random),
            ("tty", Device::Tty),
        ];
        let mut put = |path: &str, node, mode| {
            tree.put(path, node, mode, Owner::default()).expect("a new tree has room for its devices");
        };
        for (name, device) in devices {
            put(name, Node::Device(device), 0o666);
        }
        for (number, name) in ["stdin", "stdout", "stderr"].iter().enumerate() {
            put(name, Node::Symlink(format!("/proc/self/fd/{number}").into()), 0o777);
        }
        put("fd", Node::Symlink(Arc::from("/proc/self/fd")), 0o777);
        put("shm", Node::Directory(VecMap::new()), 0o1777);
        put("pts", Node::Directory(VecMap::new()), 0o755);
        tree
    }
}

/// All trees of a machine. A clone shares every tree until it changes.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Trees {
    all: VecMap<TreeId, Arc<Tree>>,
    next: u64,
    changes: u64,
}

impl Trees {
    pub fn add(&mut self, tree: impl Into<Arc<Tree>>) -> TreeId {
        self.next += 1;
        self.all.insert(TreeId(self.next), tree.into());
        TreeId(self.next)
    }

    /// Grows with every change of a tree: as long as it stays, a path leads to the same file with the same content.
    pub fn changes(&self) -> u64 {
        self.changes
    }

    pub fn remove(&mut self, id: TreeId) {
        self.changes += 1;
        self.all.remove(&id);
    }

    pub fn get(&self, id: TreeId) -> Option<&Tree> {
        self.all.get(&id).map(|it| &**it)
    }

    pub fn get_mut(&mut self, id: TreeId) -> Option<&mut Tree> {
        self.changes += 1;
        self.all.get_mut(&id).map(Arc::make_mut)
    }

    pub(crate) fn inode(&self, tree: TreeId, ino: Ino) -> Option<&Inode> {
        self.get(tree)?.get(ino)
    }

    /// Keeps what the inode is now, also when it changes.
    pub(crate) fn shared_inode(&self, tree: TreeId, ino: Ino) -> Option<Arc<Inode>> {
        self.get(tree)?.inodes.get(&ino).map(Arc::clone)
    }
}
