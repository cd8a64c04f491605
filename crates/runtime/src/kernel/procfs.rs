//! /proc and /sys/fs/cgroup: text made when it is opened.

use std::fmt::Write as _;
use std::sync::Arc;

use sim::{Gather as _, VecMap};

use super::{DescriptionId, Errno, Open, Pid, Process, State, Sys};
use crate::files::{Content, Ino, Node};

const TOP: [&str; 9] =
    ["cpuinfo", "loadavg", "meminfo", "mounts", "net", "stat", "uptime", "version", "self"];
const OF_PROCESS: [&str; 9] = ["cgroup", "cmdline", "comm", "cwd", "environ", "exe", "fd", "stat", "status"];
const OF_CGROUP: [&str; 6] =
    ["cgroup.controllers", "cpu.max", "cpu.stat", "memory.current", "memory.max", "pids.current"];

fn directory<T: AsRef<str>>(names: impl IntoIterator<Item = T>) -> Node {
    let entries: VecMap<Arc<str>, Ino> = names.into_iter().map(|it| (Arc::from(it.as_ref()), Ino(0))).fill();
    Node::Directory(entries)
}

fn lines_of_status(process: &Process, parent: u32) -> String {
    let state = match process.state {
        State::Ready => "R (running)",
        State::Blocked { .. } | State::Sleeping(_) => "S (sleeping)",
        State::Stopped => "T (stopped)",
        State::Zombie(_) => "Z (zombie)",
    };
    let who = &process.credentials;
    let groups: String = who.groups.iter().fold(String::new(), |mut all, it| {
        let _ = write!(all, "{it} ");
        all
    });
    format!(
        "Name:\t{}\nUmask:\t{:04o}\nState:\t{state}\nTgid:\t{n}\nPid:\t{n}\nPPid:\t{parent}\nUid:\t{u}\t{u}\t{u}\t{u}\nGid:\t{g}\t{g}\t{g}\t{g}\nGroups:\t{groups}\nVmRSS:\t{:8} kB\nThreads:\t1\nSigIgn:\t{:016x}\nSigCgt:\t{:016x}\n",
        process.name(),
        process.umask,
        process.memory_bytes / 1024,
        process.signals.ignored >> 1,
        process.signals.caught >> 1,
        n = process.number,
        u = who.uid,
        g = who.gid,
    )
}

/// DIFFERENCE: nobody counts the bytes on their way.
fn net_devices() -> String {
    let zeros = format!("{:8}{:8}{:5}{:5}{:5}{:6}{:11}{:10}", 0, 0, 0, 0, 0, 0, 0, 0);
    let sent = format!("{:9}{:8}{:5}{:5}{:5}{:6}{:8}{:11}", 0, 0, 0, 0, 0, 0, 0, 0);
    let rows = ["lo", "eth0"].map(|it| format!("{it:>6}:{zeros}{sent}\n"));
    format!(
        "Inter-|   Receive                                                |  Transmit\n face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n{}",
        rows.concat()
    )
}

impl Sys<'_> {
    fn parent_number(&self, process: &Process) -> u32 {
        let parent = process.parent.and_then(|it| self.kernel().process(it));
        parent.filter(|it| it.namespace == process.namespace).map_or(0, |it| it.number)
    }

    fn proc_process(&self, name: &str) -> Option<Pid> {
        if name == "self" { Some(self.pid) } else { self.by_number(name.parse().ok()?) }
    }

    /// What lies at a path of /proc or /sys/fs/cgroup; None when it is another path, or nothing is there.
    pub(super) fn proc_node(&self, path: &str) -> Option<Node> {
        if let Some(rest) = path.strip_prefix("/sys/fs/cgroup") {
            let name = rest.trim_matches('/');
            return if name.is_empty() {
                Some(directory(OF_CGROUP))
            } else {
                Some(Node::File(Content::Bytes(Arc::new(self.cgroup_text(name)?.into_bytes()))))
            };
        }
        let rest = path.strip_prefix("/proc")?;
        if !rest.is_empty() && !rest.starts_with('/') {
            return None;
        }
        let rest = rest.trim_matches('/');
        let (first, second) = rest.split_once('/').unwrap_or((rest, ""));
        if first.is_empty() {
            let numbers = self.visible().into_iter().map(|it| it.number.to_string());
            return Some(directory(numbers.chain(TOP.iter().map(ToString::to_string))));
        }
        if let Some(pid) = self.proc_process(first) {
            let process = self.kernel().process(pid)?;
            return match second {
                "" => Some(directory(OF_PROCESS)),
                "cwd" => Some(Node::Symlink(Arc::clone(&process.directory))),
                "exe" => Some(Node::Symlink(process.argv.first()?.as_str().into())),
                "root" => Some(directory(self.list("/").unwrap_or_default())),
                "fd" => Some(directory(process.descriptors.iter().map(|it| it.0.to_string()))),
                _ => match second.strip_prefix("fd/") {
                    Some(number) => {
                        let number: u32 = number.parse().ok()?;
                        process.descriptors.iter().find(|it| it.0 == number)?;
                        Some(Node::Device(crate::files::Device::Tty))
                    }
                    None => Some(Node::File(Content::text(&self.proc_text(rest)?))),
                },
            };
        }
        if first == "net" && second.is_empty() {
            return Some(directory(["dev"]));
        }
        self.proc_text(rest).map(|it| Node::File(Content::text(&it)))
    }

    /// None: not a path of /proc.
    pub(super) fn open_proc(&mut self, path: &str) -> Option<Result<DescriptionId, Errno>> {
        if let Some(name) = path.strip_prefix("/sys/fs/cgroup/") {
            let text = self.cgroup_text(name)?;
            return Some(Ok(self.open_text(text.as_bytes())));
        }
        let rest = path.strip_prefix("/proc/")?;
        let parts: Vec<&str> = rest.split('/').gather();
        if let [process, "fd", number] = parts[..] {
            let found = self.proc_process(process).and_then(|pid| {
                let number: u32 = number.parse().ok()?;
                let process = self.kernel().process(pid)?;
                process.descriptors.iter().find(|it| it.0 == number).map(|it| it.1)
            });
            let Some(id) = found else { return Some(Err(Errno::NotFound)) };
            let uid = self.me().credentials.uid;
            let owner = self.proc_process(process).and_then(|it| self.kernel().process(it));
            if uid != 0 && owner.is_some_and(|it| it.credentials.uid != uid) {
                return Some(Err(Errno::Access));
            }
            self.hold(id);
            return Some(Ok(id));
        }
        Some(match self.proc_node(path) {
            Some(Node::Directory(_)) => Err(Errno::IsDirectory),
            Some(Node::File(Content::Bytes(bytes))) => {
                Ok(self.kernel.describe(Open::Text { text: Arc::from(bytes.as_slice()), offset: 0 }))
            }
            _ => Err(Errno::NotFound),
        })
    }

    fn cgroup_text(&self, name: &str) -> Option<String> {
        let space = self.space();
        let limit = |it: Option<u64>| it.map_or("max".to_owned(), |it| it.to_string());
        Some(match name {
            "cgroup.controllers" => "cpuset cpu io memory hugetlb pids rdma misc\n".to_owned(),
            "cpu.max" => {
                let quota = limit(space.cpu_limit_milli.map(|it| it * 100));
                format!("{quota} 100000\n")
            }
            "cpu.stat" => {
                let quota = &space.quota;
                format!(
                    "usage_usec {0}\nuser_usec {0}\nsystem_usec 0\nnr_periods {1}\nnr_throttled {2}\nthrottled_usec {3}\n",
                    space.cpu_micros, quota.periods, quota.throttled, quota.throttled_micros
                )
            }
            "memory.current" => format!("{}\n", self.kernel().memory_of(self.me().space)),
            "memory.max" => format!("{}\n", limit(space.memory_limit_bytes)),
            "pids.current" => {
                let space = self.me().space;
                format!("{}\n", self.kernel().processes().filter(|it| it.space == space).count())
            }
            _ => return None,
        })
    }

    fn proc_text(&self, rest: &str) -> Option<String> {
        let facts = &self.space().facts;
        let (first, second) = rest.split_once('/').unwrap_or((rest, ""));
        if let Some(pid) = self.proc_process(first) {
            let process = self.kernel().process(pid)?;
            let joined =
                |all: &mut dyn Iterator<Item = String>| all.fold(String::new(), |text, it| text + &it + "\0");
            return Some(match second {
                "cmdline" => joined(&mut process.argv.iter().cloned()),
                "environ" => joined(&mut process.environment.iter().map(|it| format!("{}={}", it.0, it.1))),
                "comm" => format!("{}\n", process.name().chars().take(15).collect::<String>()),
                "cgroup" => "0::/\n".to_owned(),
                "status" => lines_of_status(process, self.parent_number(process)),
                "mounts" => self.mounts_text(),
                "stat" => format!(
                    "{} ({}) S {} {n} {n} 0 -1 0 0 0 0 0 {} 0 0 0 20 0 1 0 {} 0 {}\n",
                    process.number,
                    process.name(),
                    self.parent_number(process),
                    process.cpu_micros / 10_000,
                    process.started_at.as_micros() / 10_000,
                    process.memory_bytes / 4096,
                    n = process.number,
                ),
                _ => return None,
            });
        }
        let seconds = self.now.as_secs();
        Some(match rest {
            "mounts" => self.mounts_text(),
            "uptime" => format!("{seconds}.{:02} {seconds}.00\n", self.now.as_micros() / 10_000 % 100),
            "loadavg" => format!("0.08 0.03 0.01 1/{} {}\n", self.visible().len(), self.me().number),
            "version" => format!(
                "Linux version {} (gcc (Ubuntu 13.3.0) 13.3.0, GNU ld 2.42) #1 SMP PREEMPT_DYNAMIC\n",
                facts.kernel_release
            ),
            "meminfo" => {
                let total = facts.memory_bytes / 1024;
                let used: u64 = self.kernel().processes().map(|it| it.memory_bytes / 1024).sum();
                format!(
                    "MemTotal:       {total:8} kB\nMemFree:        {0:8} kB\nMemAvailable:   {0:8} kB\nBuffers:               0 kB\nCached:                0 kB\nSwapTotal:             0 kB\nSwapFree:              0 kB\n",
                    total.saturating_sub(used)
                )
            }
            "cpuinfo" => (0..facts.cpus).fold(String::new(), |text, it| {
                text + &format!(
                    "processor\t: {it}\nmodel name\t: Virtual CPU @ 1.00GHz\ncpu MHz\t\t: 1000.000\n\n"
                )
            }),
            "stat" => format!("cpu  {0} 0 0 0 0 0 0 0 0 0\nbtime {1}\n", seconds, facts.epoch_seconds),
            "net/dev" => net_devices(),
            "sys/kernel/hostname" => format!("{}\n", facts.hostname),
            "sys/kernel/pid_max" => "4194304\n".to_owned(),
            _ => return None,
        })
    }

    /// One line per mount, as /proc/mounts has them.
    pub fn mounts_text(&self) -> String {
        let mut text = String::new();
        let mut cover = |device: &str, at: &str, kind: &str, options: &str| {
            let at = if at.is_empty() { "/" } else { at };
            let _ = writeln!(text, "{device} {at} {kind} {options} 0 0");
        };
        for mount in &self.space().mounts.0 {
            let options = if mount.read_only { "ro,relatime" } else { "rw,relatime" };
            let kind = match &*mount.device {
                "overlay" => "overlay",
                "tmpfs" => "tmpfs",
                _ => "ext4",
            };
            cover(&mount.device, &mount.at, kind, options);
        }
        cover("proc", "/proc", "proc", "rw,nosuid,nodev,noexec,relatime");
        cover("cgroup", "/sys/fs/cgroup", "cgroup2", "ro,nosuid,nodev,noexec,relatime");
        text
    }
}
