//! Volumes, and paths of the machine itself.

use std::sync::Arc;

use sim::{Gather as _, SimTime, VecSet};

use super::Machine;
use super::container::follow;
use crate::Runtime;
use crate::clock::date;
use crate::cri::{FileView, HostPathKind, Notice, VolumeConfig, VolumeFile, VolumeId};
use crate::files::{Content, Ino, Node, Owner, Tree, TreeId};
use crate::kernel::Errno;

/// The kubelet's `staticPodPath`, as kubeadm sets it.
const MANIFESTS: &str = "etc/kubernetes/manifests";
/// What a listing shows of a file.
const TEXT_BYTES_MAX: usize = 4096;
const FILES_MAX: usize = 500;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Volume {
    pub config: VolumeConfig,
    pub tree: TreeId,
}

/// A link shows what it leads to; the directories behind a ConfigMap's names are left out.
pub(super) fn views(tree: &Tree, from: Ino) -> Vec<FileView> {
    let view = |(path, ino): (String, Ino)| {
        if path.starts_with("..") {
            return None;
        }
        let link = matches!(tree.get(ino)?.node, Node::Symlink(_)) && from == Tree::ROOT;
        let ino = if link { follow(tree, &path).unwrap_or(ino) } else { ino };
        let inode = tree.get(ino)?;
        let text = match &inode.node {
            Node::File(Content::Bytes(bytes)) => {
                String::from_utf8_lossy(&bytes[..bytes.len().min(TEXT_BYTES_MAX)]).into_owned()
            }
            Node::Symlink(target) => target.to_string(),
            Node::File(_) | Node::Directory(_) | Node::Device(_) | Node::Socket => String::new(),
        };
        let directory = matches!(inode.node, Node::Directory(_));
        Some(FileView { path, directory, size_bytes: inode.size(), mode: inode.mode, text })
    };
    tree.walk(from).into_iter().filter_map(view).take(FILES_MAX).gather()
}

impl Machine {
    /// Does the directory of static Pods hold something else than when this was last asked? Costs nothing as long as no file
    /// of the machine changes.
    pub(super) fn manifests_changed(&mut self) -> bool {
        let changes = self.trees.changes();
        if std::mem::replace(&mut self.manifests_seen.0, changes) == changes {
            return false;
        }
        let Some(tree) = self.trees.get(self.host) else { return false };
        let entries = tree.find(MANIFESTS).and_then(|it| tree.entries(it).ok());
        let held = entries.filter(|it| !it.is_empty()).map_or(0, |entries| {
            let nodes = entries.iter().map(|(name, ino)| (name, tree.get(*ino).map(|it| &it.node)));
            sim::digest_of(&nodes.gather())
        });
        std::mem::replace(&mut self.manifests_seen.1, held) != held
    }
}

impl Runtime {
    pub fn create_volume(&mut self, machine: &str, config: VolumeConfig) -> VolumeId {
        let id = VolumeId(self.new_id(self.index_of(machine).unwrap_or_default()));
        let mut tree = Tree::default();
        tree.group = config.group.map(|it| it as u32);
        if let Some(root) = tree.get_mut(Tree::ROOT) {
            // An emptyDir is everybody's, and so is what the kubelet makes upon one: in memory, but for ConfigMaps. A group
            // of its own also marks new files.
            root.mode = match config.kind.as_str() {
                "secret" | "projected" | "downwardAPI" => 0o1777,
                "emptyDir" if config.memory => 0o1777,
                "emptyDir" | "configMap" => 0o777,
                _ => 0o755,
            };
            if let Some(group) = config.group {
                (root.gid, root.mode) = (group as u32, root.mode | 0o2070);
            }
        }
        if let Some(machine) = self.of_mut(id.0) {
            let tree = machine.trees.add(tree);
            machine.volumes.insert(id, Arc::new(Volume { config, tree }));
        }
        id
    }

    #[expect(clippy::needless_pass_by_value, reason = "callers make it for this")]
    pub fn write_volume_file(&mut self, volume: VolumeId, file: VolumeFile, now: SimTime) {
        self.with_tree(volume, |tree| put(tree, &file, now));
    }

    /// Makes these the volume's only files, in one step: what a ConfigMap, a Secret or the like holds now. They lie in a
    /// directory that bears the time, `..data` leads there, and every name leads through `..data`.
    /// Follows kubernetes v1.36 pkg/volume/util/atomic_writer.go: Write.
    pub fn replace_volume_files(&mut self, volume: VolumeId, files: &[VolumeFile], now: SimTime) {
        // Ten digits, as most random numbers of 32 bits have.
        let number = 1_000_000_000 + (sim::digest_of(&(volume, now)) % 3_000_000_000) as u32;
        self.with_tree(volume, |tree| {
            let written = write_atomically(tree, files, number, now);
            debug_assert!(written.is_ok());
        });
    }

    fn with_tree(&mut self, volume: VolumeId, act: impl FnOnce(&mut Tree)) {
        let Some(machine) = self.of_mut(volume.0) else { return };
        let Some(tree) = machine.volumes.get(&volume).map(|it| it.tree) else { return };
        if let Some(tree) = machine.trees.get_mut(tree) {
            act(tree);
        }
    }

    pub fn volume_files(&self, volume: VolumeId) -> Vec<FileView> {
        let Some(machine) = self.of(volume.0) else { return Vec::new() };
        let tree = machine.volumes.get(&volume).and_then(|it| machine.trees.get(it.tree));
        tree.map_or_else(Vec::new, |it| views(it, Tree::ROOT))
    }

    /// Bytes that its files take.
    pub fn volume_usage(&self, volume: VolumeId) -> u64 {
        let Some(machine) = self.of(volume.0) else { return 0 };
        machine.volumes.get(&volume).and_then(|it| machine.trees.get(it.tree)).map_or(0, Tree::used)
    }

    pub fn remove_volume(&mut self, volume: VolumeId) {
        if let Some(machine) = self.of_mut(volume.0)
            && let Some(volume) = machine.volumes.remove(&volume)
        {
            machine.trees.remove(volume.tree);
        }
    }

    /// What lies at a path of the machine itself.
    pub fn host_path_kind(&self, machine: &str, path: &str) -> Option<HostPathKind> {
        let tree = self.host_tree(machine)?;
        match &tree.get(tree.find(path)?)?.node {
            Node::Directory(_) => Some(HostPathKind::Directory),
            Node::File(_) | Node::Symlink(_) => Some(HostPathKind::File),
            Node::Socket => Some(HostPathKind::Socket),
            Node::Device(_) => Some(HostPathKind::CharDevice),
        }
    }

    /// Makes an empty file or directory, with its parents, at a path of the machine itself.
    pub fn make_host_path(&mut self, machine: &str, path: &str, kind: HostPathKind, now: SimTime) {
        let owner = Owner { uid: 0, gid: 0, now };
        let Some(machine) = self.machine_mut(machine) else { return };
        let host = machine.host;
        let Some(tree) = machine.trees.get_mut(host) else { return };
        let made = match kind {
            HostPathKind::Directory => tree.make_directories(path, 0o755, owner),
            HostPathKind::File => tree.put(path, Node::File(Content::text("")), 0o644, owner),
            HostPathKind::Socket | HostPathKind::CharDevice | HostPathKind::BlockDevice => {
                tree.put(path, Node::Socket, 0o644, owner)
            }
        };
        debug_assert!(made.is_ok() || tree.find(path).is_some());
    }

    /// Writes a file of the machine itself.
    pub fn write_host_file(&mut self, machine: &str, file: &VolumeFile, now: SimTime) {
        let Some(machine) = self.machine_mut(machine) else { return };
        let host = machine.host;
        if let Some(tree) = machine.trees.get_mut(host) {
            put(tree, file, now);
        }
    }

    pub fn read_host_file(&self, machine: &str, path: &str) -> Option<Vec<u8>> {
        let tree = self.host_tree(machine)?;
        tree.read(tree.find(path)?, 0, crate::files::FILE_BYTES_MAX).ok()
    }

    /// The files below a path of the machine itself.
    pub fn host_files(&self, machine: &str, path: &str) -> Vec<FileView> {
        let Some(tree) = self.host_tree(machine) else { return Vec::new() };
        tree.find(path).map_or_else(Vec::new, |it| views(tree, it))
    }

    /// The files of the directory of static Pods, by name; hidden ones are left out.
    pub fn manifests(&self, machine: &str) -> Vec<(String, Vec<u8>)> {
        let Some(tree) = self.host_tree(machine) else { return Vec::new() };
        let Some(entries) = tree.find(MANIFESTS).and_then(|it| tree.entries(it).ok()) else {
            return Vec::new();
        };
        let text = |ino: &Ino| tree.read(*ino, 0, crate::files::FILE_BYTES_MAX).ok();
        let shown = entries.iter().filter(|it| !it.0.starts_with('.'));
        shown.filter_map(|(name, ino)| Some((name.to_string(), text(ino)?))).gather()
    }

    /// Puts a file into the directory of static Pods, or takes it away; false when there is none to take.
    pub fn put_manifest(&mut self, machine: &str, name: &str, text: Option<&str>, now: SimTime) -> bool {
        let Some(machine) = self.machine_mut(machine) else { return false };
        let host = machine.host;
        let Some(tree) = machine.trees.get_mut(host) else { return false };
        let done = match (text, tree.find(MANIFESTS)) {
            (Some(text), _) => tree.put_text(&[MANIFESTS, name].join("/"), text, 0o644).is_ok(),
            (None, Some(directory)) => tree.remove(directory, name, now).is_ok(),
            (None, None) => false,
        };
        let told = machine.manifests_changed().then(|| Arc::clone(&machine.spec.name));
        self.notices.extend(told.map(|it| (it, Notice::ManifestsChanged)));
        done
    }

    fn host_tree(&self, machine: &str) -> Option<&Tree> {
        let machine: &Machine = self.machine(machine)?;
        machine.trees.get(machine.host)
    }
}

const DATA: &str = "..data";

fn write_atomically(tree: &mut Tree, files: &[VolumeFile], number: u32, now: SimTime) -> Result<(), Errno> {
    let date = date(now);
    let (year, month, day, time) = (date.year, date.month, date.day, date.time().replace(':', "_"));
    let inside = format!("..{year}_{month:02}_{day:02}_{time}.{number}");
    let owner = Owner { uid: 0, gid: tree.group.unwrap_or(0), now };
    let before = tree.lookup(Tree::ROOT, DATA).and_then(|it| match &tree.get(it)?.node {
        Node::Symlink(target) => Some(Arc::clone(target)),
        _ => None,
    });
    tree.make_directories(&inside, 0o755, owner)?;
    for file in files {
        put(tree, &VolumeFile { path: format!("{inside}/{}", file.path), ..file.clone() }, now);
    }
    tree.put(DATA, Node::Symlink(inside.as_str().into()), 0o777, owner)?;
    let keep: VecSet<&str> = files.iter().filter_map(|it| it.path.split('/').next()).fill();
    for name in &keep {
        if tree.lookup(Tree::ROOT, name).is_none() {
            tree.put(name, Node::Symlink(format!("{DATA}/{name}").into()), 0o777, owner)?;
        }
    }
    let names: Vec<Arc<str>> = tree.entries(Tree::ROOT)?.keys().cloned().gather();
    for name in names.iter().filter(|it| !it.starts_with("..") && !keep.contains(&***it)) {
        tree.remove(Tree::ROOT, name, now)?;
    }
    match before {
        Some(before) if *before != inside => tree.remove(Tree::ROOT, &before, now),
        Some(_) | None => Ok(()),
    }
}

/// Over an old file, what reads it through another name (a sub-path) sees the old content on, as in Kubernetes.
fn put(tree: &mut Tree, file: &VolumeFile, now: SimTime) {
    let same = tree.find(&file.path).and_then(|it| tree.get(it)).is_some_and(|it| {
        matches!(&it.node, Node::File(Content::Bytes(bytes)) if **bytes == file.content)
            && it.mode == file.mode
    });
    if same {
        return;
    }
    let node = Node::File(Content::Bytes(Arc::new(file.content.clone())));
    let placed = tree.put(&file.path, node, file.mode, Owner { uid: 0, gid: tree.group.unwrap_or(0), now });
    debug_assert!(placed.is_ok(), "{}", file.path);
}
