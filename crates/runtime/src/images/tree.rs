//! An image's files: the base of its flavour, its commands, its own files.

use std::fmt::Write as _;
use std::sync::Arc;

use sim::{Gather as _, VecMap};

use super::{Flavour, Spec};
use crate::commands;
use crate::files::{Content, Node, Owner, Tree};

/// Directories that every image has. The service account's token gets mounted in nearly every container; the directory
/// is there already, so that a container shares its image's tree until it writes.
const DIRECTORIES: &[(&str, u32)] = &[
    ("bin", 0o755),
    ("dev", 0o755),
    ("etc", 0o755),
    ("home", 0o755),
    ("lib", 0o755),
    ("proc", 0o555),
    ("root", 0o700),
    ("run/secrets/kubernetes.io/serviceaccount", 0o755),
    ("sbin", 0o755),
    ("sys", 0o555),
    ("tmp", 0o1777),
    ("usr/bin", 0o755),
    ("usr/lib", 0o755),
    ("usr/local/bin", 0o755),
    ("usr/sbin", 0o755),
    ("usr/share", 0o755),
    ("var/lib", 0o755),
    ("var/log", 0o755),
    ("var/tmp", 0o1777),
];

/// Commands that small GNU images leave out; an image that has them names them.
const NOT_IN_GNU: &[&str] = &[
    "ip",
    "ifconfig",
    "ps",
    "top",
    "free",
    "wget",
    "curl",
    "nc",
    "ping",
    "netstat",
    "nslookup",
    "vi",
    "httpd",
    "telnet",
    "busybox",
    "ash",
    "killall",
    "pgrep",
    "pkill",
    "uptime",
    "watch",
    "less",
    "ss",
    "dig",
    "host",
    "traceroute",
    "route",
    "arp",
    "unzip",
    "kubectl",
];
const NOT_IN_BUSYBOX: &[&str] = &["bash", "curl", "dig", "host", "ss", "apt-get", "yum", "kubectl", "nginx"];

pub(super) fn build(image: &Spec) -> Tree {
    let mut tree = Tree::default();
    let owner = Owner::default();
    for (path, mode) in DIRECTORIES {
        if let Ok(ino) = tree.make_directories(path, 0o755, owner)
            && let Some(inode) = tree.get_mut(ino)
        {
            inode.mode = *mode;
        }
    }
    // A tree of the catalogue is far below its limits.
    let mut put = |path: &str, node: Node, mode: u32| {
        let placed = tree.put(path, node, mode, owner);
        debug_assert!(placed.is_ok(), "{path}");
    };
    put("var/run", Node::Symlink(Arc::from("/run")), 0o777);
    for (path, text) in texts(image) {
        put(path, Node::File(Content::text(&text)), if path == "etc/shadow" { 0o640 } else { 0o644 });
    }
    for (path, bytes) in image.files {
        put(path, Node::File(Content::Bytes(Arc::new(bytes.to_vec()))), mode_of(path));
    }
    let program: Arc<str> = format!("{}/{}", image.program, image.version).into();
    let servers = image.commands.iter().filter(|_| !image.program.is_empty());
    for path in servers {
        let name = path.rsplit('/').next().unwrap_or(path);
        if commands::NAMES.contains(&name) {
            continue;
        }
        let node = Node::File(Content::Program { name: Arc::clone(&program), size: 1_580_000 });
        put(path, node, 0o755);
    }
    for (path, text) in &image.own_files {
        put(path, Node::File(Content::text(text)), mode_of(path));
    }
    for path in image.links() {
        put(&path.0, Node::Symlink(path.1.into()), 0o777);
    }
    put_commands(&mut tree, image);
    tree
}

/// Scripts can be run.
fn mode_of(path: &str) -> u32 {
    if path.strip_suffix(".sh").is_some() { 0o755 } else { 0o644 }
}

impl Spec {
    /// Logs of nginx go to the container's.
    fn links(&self) -> Vec<(String, String)> {
        if self.program != "nginx" {
            return Vec::new();
        }
        vec![
            ("var/log/nginx/access.log".to_owned(), "/dev/stdout".to_owned()),
            ("var/log/nginx/error.log".to_owned(), "/dev/stderr".to_owned()),
        ]
    }
}

fn put_commands(tree: &mut Tree, image: &Spec) {
    let (left_out, program): (&[&str], &str) = match image.flavour {
        Flavour::Scratch => return,
        Flavour::Busybox | Flavour::Alpine => (NOT_IN_BUSYBOX, "busybox"),
        Flavour::Debian | Flavour::Centos => (NOT_IN_GNU, "coreutils"),
    };
    let named = |name: &str| image.commands.iter().any(|it| it.rsplit('/').next() == Some(name));
    let own = matches!(image.flavour, Flavour::Alpine).then_some("bash");
    let present: Vec<&str> = commands::NAMES
        .iter()
        .copied()
        .filter(|it| (!left_out.contains(it) || named(it)) && Some(*it) != own)
        .filter(|it| tree.find(&format!("bin/{it}")).is_none())
        .gather();
    let placed = tree.put_programs("bin", program, &present);
    debug_assert!(placed.is_ok());
    let shells: &[&str] = match image.flavour {
        Flavour::Debian => &["bash"],
        Flavour::Centos => &["bash", "sh"],
        Flavour::Busybox | Flavour::Alpine | Flavour::Scratch => &[],
    };
    if present.contains(&"sh") && !shells.is_empty() {
        let root = tree.find("bin").unwrap_or(Tree::ROOT);
        for name in shells.iter().filter(|it| present.contains(*it)) {
            let gone = tree.unlink(root, name, sim::SimTime::ZERO);
            debug_assert!(gone.is_ok());
        }
        let placed = tree.put_programs("bin", "bash", shells);
        debug_assert!(placed.is_ok());
    }
    // Both /bin/sh and /usr/bin/env are asked for by their full path.
    let usr = [
        "env", "id", "test", "[", "wget", "tail", "head", "sort", "wc", "awk", "cut", "tr", "tee", "seq",
        "printf",
    ];
    let usr: Vec<&str> = usr.iter().copied().filter(|it| present.contains(it)).gather();
    for name in usr {
        let path = format!("usr/bin/{name}");
        if tree.find(&path).is_none() {
            let placed =
                tree.put(&path, Node::Symlink(format!("/bin/{name}").into()), 0o777, Owner::default());
            debug_assert!(placed.is_ok());
        }
    }
}

fn texts(image: &Spec) -> VecMap<&'static str, String> {
    let shell =
        if matches!(image.flavour, Flavour::Debian | Flavour::Centos) { "/bin/bash" } else { "/bin/sh" };
    let mut passwd = format!("root:x:0:0:root:/root:{shell}\n");
    for (name, id, home) in users(image) {
        let _ = writeln!(passwd, "{name}:x:{id}:{id}:{name}:{home}:/bin/false");
    }
    let mut group = "root:x:0:\n".to_owned();
    for (name, id, _) in users(image) {
        let _ = writeln!(group, "{name}:x:{id}:");
    }
    let mut all = VecMap::from([
        ("etc/passwd", passwd),
        ("etc/group", group),
        ("etc/shadow", "root:*:::::::\n".to_owned()),
        ("etc/nsswitch.conf", "hosts: files dns\n".to_owned()),
    ]);
    if !image.os.is_empty() {
        let id = image.os.split(' ').next().unwrap_or_default().to_ascii_lowercase();
        let version: String = image.os.chars().filter(|it| it.is_ascii_digit() || *it == '.').fill();
        let text = format!(
            "PRETTY_NAME=\"{}\"\nNAME=\"{}\"\nVERSION_ID=\"{version}\"\nID={id}\n",
            image.os, image.os
        );
        all.insert("etc/os-release", text);
        match image.flavour {
            Flavour::Alpine => {
                all.insert("etc/alpine-release", version + "\n");
            }
            Flavour::Debian => {
                all.insert("etc/debian_version", version + "\n");
            }
            Flavour::Centos => {
                all.insert("etc/redhat-release", image.os.clone() + "\n");
            }
            Flavour::Busybox | Flavour::Scratch => {}
        }
    }
    all
}

/// Programs bring their own users along; the others are everywhere.
fn users(image: &Spec) -> impl Iterator<Item = &'static (&'static str, u32, &'static str)> {
    let brought = |name: &str| image.user == name || image.commands.iter().any(|it| it.contains(name));
    USERS.iter().filter(move |(name, ..)| !matches!(*name, "nginx" | "mysql" | "node") || brought(name))
}

/// Users beside root: (name, uid and gid, home).
pub(super) const USERS: &[(&str, u32, &str)] = &[
    ("bin", 2, "/bin"),
    ("www-data", 33, "/var/www"),
    ("nginx", 101, "/nonexistent"),
    ("mysql", 999, "/var/lib/mysql"),
    ("node", 1000, "/home/node"),
    ("nobody", 65534, "/nonexistent"),
];
