//! A server's process, through its system calls.

use std::sync::Arc;

use sim::{Gather as _, SimTime};

use super::{Looked, Process, Server};
use crate::cri::LogStream;
use crate::files::{Content, Node, TreeId};
use crate::kernel::{Credentials, Program, Spawn, Sys};

/// The user that workers run as in an image that does not know theirs by name.
const WORKER_UID: u32 = 101;
const WORKER_BYTES: u64 = 2 << 20;

pub(super) struct Running<'a, 'b> {
    sys: &'a mut Sys<'b>,
    version: Arc<str>,
    argv: Arc<Vec<String>>,
    ports: Vec<u16>,
    pub cpu_milli: u64,
}

impl<'a, 'b> Running<'a, 'b> {
    pub fn new(sys: &'a mut Sys<'b>, server: &Server) -> Running<'a, 'b> {
        let (version, argv) = (Arc::clone(&server.version), Arc::clone(&sys.me().argv));
        Running { sys, version, argv, ports: Vec::new(), cpu_milli: server.cpu_milli }
    }
}

impl Process for Running<'_, '_> {
    fn now(&self) -> SimTime {
        self.sys.now
    }

    fn pid(&self) -> u32 {
        self.sys.me().number
    }

    fn argv(&self) -> &[String] {
        &self.argv
    }

    fn env(&self, name: &str) -> Option<String> {
        self.sys.environment(name).map(str::to_owned)
    }

    fn hostname(&self) -> String {
        self.sys.facts().hostname.clone()
    }

    fn version(&self) -> String {
        self.version.to_string()
    }

    fn declared_ports(&self) -> Vec<u16> {
        self.sys.facts().declared_ports.clone()
    }

    fn directory(&self) -> String {
        self.sys.me().directory.to_string()
    }

    fn print(&mut self, stream: LogStream, line: &str) {
        let mut whole = String::with_capacity(line.len() + 1);
        whole.push_str(line);
        whole.push('\n');
        match stream {
            LogStream::Stdout => self.sys.out(&whole),
            LogStream::Stderr => self.sys.err(&whole),
        }
    }

    fn read_file(&self, path: &str) -> Option<Vec<u8>> {
        match self.look(path) {
            Looked::File(bytes, _) => Some(bytes),
            Looked::Directory | Looked::Nothing => None,
        }
    }

    fn file_changes(&self) -> u64 {
        self.sys.trees.changes()
    }

    fn look(&self, path: &str) -> Looked {
        let Ok(stat) = self.sys.stat(path, true) else { return Looked::Nothing };
        if !self.sys.may(&stat.inode, 4) {
            return Looked::Nothing;
        }
        match &stat.inode.node {
            Node::File(Content::Bytes(bytes)) => Looked::File(bytes.to_vec(), stat.tree != TreeId(0)),
            Node::Directory(_) => Looked::Directory,
            _ => Looked::Nothing,
        }
    }

    fn list(&self, path: &str) -> Option<Vec<String>> {
        let names = self.sys.list(path).ok()?;
        let mark = |name: String| {
            let directory = self.sys.stat(&format!("{path}/{name}"), true).is_ok_and(|it| it.is_directory());
            if directory { format!("{name}/") } else { name }
        };
        Some(names.into_iter().map(mark).gather())
    }

    fn write_file(&mut self, path: &str, bytes: &[u8]) {
        // As root, and with the directories that are missing.
        let mut at = 1;
        while let Some(end) = path[at..].find('/') {
            let _ = self.sys.make_directory(&path[..at + end]);
            at += end + 1;
        }
        let Ok(number) = self.sys.open_number(path, crate::kernel::OpenMode::Write) else { return };
        let _ = self.sys.write(number, bytes);
        self.sys.close(number);
    }

    fn listen(&mut self, port: u16) -> bool {
        let listening = self.sys.listen(port).is_ok();
        if listening {
            self.ports.push(port);
        }
        listening
    }

    fn close_ports(&mut self) {
        let pid = self.sys.pid;
        let mine: Vec<u16> =
            self.sys.kernel().listeners().iter().filter(|it| *it.1 == pid).map(|it| *it.0).gather();
        for port in mine {
            self.sys.unlisten(port);
        }
    }

    fn worker(&mut self, title: &str, user: &str) -> u32 {
        let (uid, gid) = crate::commands::user(self.sys, user).unwrap_or((WORKER_UID, WORKER_UID));
        let environment = Arc::clone(&self.sys.me().environment);
        let spawn = Spawn {
            argv: Arc::new(vec![title.to_owned()]),
            environment,
            program: Some(Program::Pause),
            descriptors: Vec::new(),
            group: None,
            ignored: 0,
        };
        let Ok(child) = self.sys.spawn(spawn) else { return 0 };
        let parent = std::mem::replace(&mut self.sys.pid, child);
        let me = self.sys.me_mut();
        me.credentials = Credentials { uid, gid, groups: Arc::default() };
        me.memory_bytes = WORKER_BYTES;
        let number = me.number;
        self.sys.pid = parent;
        number
    }

    fn set_title(&mut self, title: &str) {
        self.sys.me_mut().argv = Arc::new(vec![title.to_owned()]);
    }

    fn set_memory(&mut self, bytes: u64) {
        self.sys.me_mut().memory_bytes = bytes;
    }

    fn set_cpu(&mut self, milli: u64) {
        self.cpu_milli = milli;
    }

    fn signal(&mut self, pid: u32, number: u8) -> bool {
        let target = self.sys.by_number(pid);
        target.is_some_and(|it| self.sys.kill(it, number).is_ok())
    }
}
