//! What a container sees where: its root tree and what is mounted over it, and how a path is followed.

use std::sync::Arc;

use super::{Ino, Inode, Node, Tree, TreeId, Trees};
use crate::kernel::Errno;

/// Symbolic links followed on one path, as Linux has it.
const LINKS_MAX: u32 = 40;
const PATH_BYTES_MAX: usize = 4096;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mount {
    /// Absolute, without a slash at its end; empty for the root.
    pub at: Arc<str>,
    pub tree: TreeId,
    /// A directory, or a file for a mounted file (`subPath`, /etc/hosts).
    pub root: Ino,
    pub read_only: bool,
    /// What `mount` prints: `overlay`, `tmpfs`, `/dev/sda1`….
    pub device: Arc<str>,
}

/// Later mounts cover earlier ones; the first one is the root.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Mounts(pub Vec<Mount>);

/// Where a path leads.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Found {
    /// Without links, `.` and `..`.
    pub path: String,
    pub tree: TreeId,
    /// None: the directory is there, the file is not.
    pub ino: Option<Ino>,
    pub read_only: bool,
    /// The directory that the last name is in, and that name; the root is in itself.
    pub parent: Ino,
    pub name: String,
}

impl Mounts {
    pub fn root(tree: TreeId, read_only: bool) -> Mounts {
        let mut mounts = Mounts::default();
        mounts.mount("", tree, Tree::ROOT, read_only, "overlay");
        mounts
    }

    pub fn mount(&mut self, at: &str, tree: TreeId, root: Ino, read_only: bool, device: &str) {
        let at = Arc::from(at.trim_end_matches('/'));
        self.0.push(Mount { at, tree, root, read_only, device: Arc::from(device) });
    }

    pub fn at(&self, path: &str) -> Option<&Mount> {
        self.0.iter().rev().find(|it| &*it.at == path)
    }

    /// Follows an absolute path; the last name is followed as well when `follow` says so.
    pub fn resolve(&self, trees: &Trees, path: &str, follow: bool) -> Result<Found, Errno> {
        let root = self.at("").ok_or(Errno::NotFound)?;
        // Directories from the root to here, so that `..` is a step back.
        let mut stack: Vec<(TreeId, Ino, bool, usize)> = vec![(root.tree, root.root, root.read_only, 0)];
        let mut found = Found {
            path: String::with_capacity(path.len()),
            tree: root.tree,
            ino: Some(root.root),
            read_only: root.read_only,
            parent: root.root,
            name: String::new(),
        };
        if PATH_BYTES_MAX < path.len() {
            return Err(Errno::TooLong);
        }
        let must_be_directory = path.ends_with('/');
        let mut names: Vec<String> = Vec::new();
        let mut todo = path.to_owned();
        let mut at = 0;
        let mut links = 0;
        loop {
            while todo.as_bytes().get(at) == Some(&b'/') {
                at += 1;
            }
            if at == todo.len() {
                let Some(rest) = names.pop() else { break };
                (todo, at) = (rest, 0);
                continue;
            }
            let end = todo[at..].find('/').map_or(todo.len(), |it| at + it);
            let name = &todo[at..end];
            let last = names.is_empty() && todo[end..].bytes().all(|it| it == b'/');
            let (tree, directory, read_only, length) = *stack.last().expect("the root is never left");
            let Some(inode) = trees.inode(tree, directory) else { return Err(Errno::NotFound) };
            if !matches!(inode.node, Node::Directory(_)) {
                return Err(Errno::NotDirectory);
            }
            if name == "." {
                at = end;
                continue;
            }
            if name == ".." {
                if 1 < stack.len() {
                    stack.pop();
                }
                let (tree, ino, read_only, length) = *stack.last().expect("the root is never left");
                found.path.truncate(length);
                (found.tree, found.ino, found.read_only) = (tree, Some(ino), read_only);
                at = end;
                continue;
            }
            found.path.truncate(length);
            found.path.push('/');
            found.path.push_str(name);
            found.parent = directory;
            name.clone_into(&mut found.name);
            let mounted = self.at(&found.path);
            let (tree, ino, read_only) = match mounted {
                Some(mount) => (mount.tree, Some(mount.root), mount.read_only),
                None => (tree, trees.get(tree).and_then(|it| it.lookup(directory, name)), read_only),
            };
            (found.tree, found.ino, found.read_only) = (tree, ino, read_only);
            let Some(ino) = ino else {
                return if last { Ok(found) } else { Err(Errno::NotFound) };
            };
            let inode = trees.inode(tree, ino).ok_or(Errno::NotFound)?;
            at = end;
            if let Node::Symlink(target) = &inode.node
                && (!last || follow || must_be_directory)
            {
                links += 1;
                if LINKS_MAX < links {
                    return Err(Errno::Loop);
                }
                if target.starts_with('/') {
                    stack.truncate(1);
                }
                let rest = todo.split_off(at);
                if !rest.is_empty() {
                    names.push(rest);
                }
                (todo, at) = (target.to_string(), 0);
                // A magic link of /proc ends the walk: the kernel answers it.
                if target.starts_with("/proc/") {
                    target.as_ref().clone_into(&mut found.path);
                    found.ino = None;
                    while let Some(rest) = names.pop() {
                        found.path.push_str(&rest);
                    }
                    return Ok(found);
                }
                let length = stack.last().map_or(0, |it| it.3);
                found.path.truncate(length);
                let (tree, ino, read_only, _) = *stack.last().expect("the root is never left");
                (found.tree, found.ino, found.read_only) = (tree, Some(ino), read_only);
                continue;
            }
            stack.push((tree, ino, read_only, found.path.len()));
        }
        if must_be_directory
            && let Some(inode) = found.inode(trees)
            && !matches!(inode.node, Node::Directory(_))
        {
            return Err(Errno::NotDirectory);
        }
        if found.path.is_empty() {
            found.path.push('/');
        }
        Ok(found)
    }
}

impl Found {
    pub fn inode<'a>(&self, trees: &'a Trees) -> Option<&'a Inode> {
        trees.inode(self.tree, self.ino?)
    }
}
