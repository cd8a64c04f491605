//! What the host of the simulation does on a machine: runs programs of its own as processes, reads and writes files of a
//! container, kills.

use std::sync::Arc;

use sim::{Gather as _, Outbox, SimTime};

use crate::cri::{ContainerId, SandboxId};
use crate::files::{Content, Node};
use crate::kernel::{Errno, OpenMode, Pid, Read, Sys, World, signal};
use crate::machine::{Machine, node_pid_of};
use crate::pull::CustomImage;
use crate::{Event, Runtime};

/// A process whose program the host runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct External {
    sandbox: SandboxId,
    pid: Pid,
}

/// How it was started.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExternalCall {
    pub id: External,
    pub argv: Vec<String>,
    pub environment: Vec<(String, String)>,
    pub directory: String,
}

/// What one read of standard input brings at the most.
const READ_BYTES: usize = 64 << 10;

impl Runtime {
    /// Puts a program that the host runs into a container's files.
    pub fn install_external(&mut self, container: ContainerId, path: &str, now: SimTime) {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.as_first_process(container, now, |sys| {
            sys.make_node(path, Node::File(Content::External(name.into())), 0o755)
        });
    }

    /// All of a machine that have not ended.
    pub fn externals(&self, machine: &str) -> Vec<ExternalCall> {
        let Some(machine) = self.machine(machine) else { return Vec::new() };
        let calls = machine.sandboxes.iter().flat_map(|(sandbox, it)| {
            it.kernel.externals().map(|process| ExternalCall {
                id: External { sandbox: *sandbox, pid: process.pid },
                argv: process.argv.to_vec(),
                environment: process.environment.to_vec(),
                directory: process.directory.to_string(),
            })
        });
        calls.gather()
    }

    fn as_external<T>(
        &mut self,
        id: External,
        now: SimTime,
        act: impl FnOnce(&mut Sys<'_>) -> T,
    ) -> Option<T> {
        let Machine { sandboxes, trees, .. } = self.of_mut(id.sandbox.0)?;
        let sandbox = Arc::make_mut(sandboxes.get_mut(&id.sandbox)?);
        sandbox.kernel.with_external(id.pid, &mut World { now, trees }, act)
    }

    /// What lies in its standard input, and whether that was all.
    pub fn external_read(&mut self, id: External, now: SimTime) -> (Vec<u8>, bool) {
        let read = self.as_external(id, now, |sys| {
            let mut bytes = Vec::new();
            loop {
                match sys.read(0, READ_BYTES) {
                    Ok(Read::Data(more)) if bytes.len() < READ_BYTES => bytes.extend(more),
                    Ok(Read::Data(more)) => {
                        bytes.extend(more);
                        return (bytes, false);
                    }
                    Ok(Read::Block) => return (bytes, false),
                    Ok(Read::End) | Err(_) => return (bytes, true),
                }
            }
        });
        read.unwrap_or((Vec::new(), true))
    }

    pub fn external_write(&mut self, id: External, to_stderr: bool, bytes: &[u8], now: SimTime) {
        if !bytes.is_empty() {
            self.as_external(id, now, |sys| sys.write(if to_stderr { 2 } else { 1 }, bytes));
        }
    }

    pub fn external_exit(&mut self, id: External, code: i32, now: SimTime, outbox: &mut Outbox<Event>) {
        if let Some(sandbox) = self.of_mut(id.sandbox.0).and_then(|it| it.sandbox_mut(id.sandbox)) {
            sandbox.kernel.finish_external(id.pid, code);
        }
        self.pump(id.sandbox, now, outbox);
    }

    /// Lets those who read what it wrote go on.
    pub fn pump_external(&mut self, id: External, now: SimTime, outbox: &mut Outbox<Event>) {
        self.pump(id.sandbox, now, outbox);
    }

    fn as_first_process<T>(
        &mut self,
        container: ContainerId,
        now: SimTime,
        act: impl FnOnce(&mut Sys<'_>) -> T,
    ) -> Option<T> {
        let Machine { sandboxes, trees, containers, .. } = self.of_mut(container.0)?;
        let sandbox = Arc::make_mut(sandboxes.get_mut(containers.get(&container)?)?);
        let pid = sandbox.containers.get(&container)?.pid?;
        sandbox.kernel.as_process(pid, &mut World { now, trees }, act)
    }

    /// A file as the container's first process sees it; the error is the system's own word.
    pub fn read_file(&mut self, container: ContainerId, path: &str, now: SimTime) -> Result<Vec<u8>, String> {
        let gone = Err(Errno::NoProcess.to_string());
        self.as_first_process(container, now, |sys| sys.read_file(path).map_err(|it| it.to_string()))
            .unwrap_or(gone)
    }

    /// Folders above it are made where they are missing.
    pub fn write_file(&mut self, container: ContainerId, path: &str, bytes: &[u8], now: SimTime) {
        self.as_first_process(container, now, |sys| {
            for (at, _) in path.match_indices('/').skip(1) {
                let _ = sys.make_directory(&path[..at]);
            }
            if let Ok(file) = sys.open(path, OpenMode::Write) {
                sys.set_descriptor(99, Some(file));
                let _ = sys.write(99, bytes);
                sys.set_descriptor(99, None);
            }
        });
    }

    /// Names in a folder, folders with a `/` at their end; None when it is none.
    pub fn list_names(&mut self, container: ContainerId, path: &str, now: SimTime) -> Option<Vec<String>> {
        self.as_first_process(container, now, |sys| {
            let names = sys.list(path).ok()?;
            let marked = names.into_iter().map(|name| {
                let inside = format!("{}/{name}", path.trim_end_matches('/'));
                let folder = sys.stat(&inside, true).is_ok_and(|it| it.is_directory());
                if folder { format!("{name}/") } else { name }
            });
            Some(marked.gather())
        })?
    }

    /// SIGKILL to a process by its number on the machine; false when there is none.
    pub fn kill_process(
        &mut self,
        machine: &str,
        node_pid: u32,
        now: SimTime,
        outbox: &mut Outbox<Event>,
    ) -> bool {
        let Some(sandboxes) = self.machine(machine).map(|it| it.sandboxes.keys().copied().gather()) else {
            return false;
        };
        for id in sandboxes {
            let Some(sandbox) = self.of_mut(id.0).and_then(|it| it.sandbox_mut(id)) else { continue };
            let found = sandbox
                .kernel
                .processes()
                .find(|it| node_pid_of(id, it.pid) == node_pid && !it.is_zombie())
                .map(|it| it.pid);
            if let Some(pid) = found {
                sandbox.kernel.signal(pid, signal::KILL, now);
                self.pump(id, now, outbox);
                return true;
            }
        }
        false
    }

    /// The registries have no image of that name, whatever the catalogue says; or they have it again.
    pub fn set_image_absent(&mut self, image: &str, absent: bool) {
        if absent {
            self.define_image(CustomImage { name: image.to_owned(), ..CustomImage::default() });
        } else {
            self.forget_image(image);
        }
    }

    /// Nothing is known of the image: what it does is assumed.
    pub fn is_assumed(&self, image: &str) -> bool {
        crate::images::parse(image)
            .is_ok_and(|it| self.find_image(&it).is_ok_and(|it| it.program == "generic"))
    }
}
