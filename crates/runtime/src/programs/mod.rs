//! Server programs that images bring along: state machines that know a process, its files and its ports, and no more.
//!
//! A program is started by its name in the image catalogue, steps when it asked to be woken or was signalled, and
//! answers requests between steps. One that waits costs nothing.

mod agnhost;
mod apache;
mod database;
mod files;
mod nginx;
mod nginx_config;
mod running;
mod script;
mod simple;
mod tomcat;
mod war;

use std::sync::Arc;

use sim::SimTime;

use crate::cri::LogStream;
use crate::kernel::net::{IncomingKind, Reply};
use crate::kernel::{self, Sys, Wait, signal};
use crate::network::{HttpRequest, HttpResponse};
use running::Running;

/// What a server asks of the process that it runs as.
pub trait Process {
    fn now(&self) -> SimTime;
    fn pid(&self) -> u32;
    fn argv(&self) -> &[String];
    fn env(&self, name: &str) -> Option<String>;
    fn hostname(&self) -> String;
    /// What the image says of itself: its version.
    fn version(&self) -> String;
    /// Ports that the Pod declares for this container.
    fn declared_ports(&self) -> Vec<u16>;
    fn directory(&self) -> String;
    /// Writes a line to standard output or standard error.
    fn print(&mut self, stream: LogStream, line: &str);
    fn read_file(&self, path: &str) -> Option<Vec<u8>>;
    /// Grows whenever a file of the machine changes.
    fn file_changes(&self) -> u64;
    /// One look at a path, as a file server needs it.
    fn look(&self, path: &str) -> Looked;
    /// Names in a directory; directories end in a slash.
    fn list(&self, path: &str) -> Option<Vec<String>>;
    fn write_file(&mut self, path: &str, bytes: &[u8]);
    /// False when somebody listens there already.
    fn listen(&mut self, port: u16) -> bool;
    /// Stops listening on all ports.
    fn close_ports(&mut self);
    /// A child process that does nothing and ends with its parent; its pid.
    fn worker(&mut self, title: &str, user: &str) -> u32;
    fn set_title(&mut self, title: &str);
    fn set_memory(&mut self, bytes: u64);
    fn set_cpu(&mut self, milli: u64);
    /// False when there is no such process.
    fn signal(&mut self, pid: u32, number: u8) -> bool;
}

/// What a path leads to that the process may read.
pub enum Looked {
    /// With whether it lies on a disk; what /proc says changes without a write.
    File(Vec<u8>, bool),
    Directory,
    Nothing,
}

/// What a server does next.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// Until a signal or a request.
    Wait,
    Until(SimTime),
    Exit(i32),
}

/// A running server program.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Server {
    program: Program,
    version: Arc<str>,
    /// Where in its start or stop it is.
    phase: u16,
    started_at: SimTime,
    /// When it steps next of itself.
    due: Option<SimTime>,
    /// How many requests it answered.
    hits: u64,
    cpu_milli: u64,
    workers: Vec<u32>,
    /// What it found in its arguments and files when it started.
    roots: Vec<(String, String)>,
    sites: Vec<nginx_config::Site>,
    sent: Option<Box<nginx::Sent>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Program {
    Nginx,
    Apache,
    Tomcat,
    Redis,
    Mysql,
    Postgres,
    Python,
    Node,
    Pause,
    Agnhost,
    Liveness,
    Hello,
    HelloWorld,
    Whoami,
    Stress,
    Collector,
    Generic,
}

/// The programs by their name in the catalogue.
const PROGRAMS: &[(&str, Program)] = &[
    ("nginx", Program::Nginx),
    ("httpd", Program::Apache),
    ("tomcat", Program::Tomcat),
    ("redis", Program::Redis),
    ("mysql", Program::Mysql),
    ("postgres", Program::Postgres),
    ("python", Program::Python),
    ("node", Program::Node),
    ("pause", Program::Pause),
    ("agnhost", Program::Agnhost),
    ("liveness", Program::Liveness),
    ("hello", Program::Hello),
    ("hello-world", Program::HelloWorld),
    ("whoami", Program::Whoami),
    ("stress", Program::Stress),
    ("collector", Program::Collector),
    ("generic", Program::Generic),
];

/// Whether the name is one of a built-in server program.
pub fn is_server(name: &str) -> bool {
    PROGRAMS.iter().any(|it| it.0 == name)
}

impl Server {
    /// By the name of an executable, `nginx/1.29.3`: program and version. None when there is no such program.
    pub fn load(sys: &mut Sys<'_>, name: &str, _argv: &Arc<Vec<String>>) -> Option<Server> {
        Server::new(name, sys.now)
    }

    fn new(name: &str, now: SimTime) -> Option<Server> {
        let (name, version) = name.split_once('/').unwrap_or((name, "1"));
        let program = PROGRAMS.iter().find(|it| it.0 == name)?.1;
        Some(Server {
            program,
            version: Arc::from(version),
            phase: 0,
            started_at: now,
            due: Some(now),
            hits: 0,
            cpu_milli: 0,
            workers: Vec::new(),
            roots: Vec::new(),
            sites: Vec::new(),
            sent: None,
        })
    }

    /// Computing that it does without steps.
    pub fn cpu_milli(&self) -> u64 {
        self.cpu_milli
    }

    /// Signals first, then requests, then what it does of itself.
    pub fn step(&mut self, sys: &mut Sys<'_>) -> kernel::Step {
        if self.phase == 0 && self.hits == 0 {
            for number in self.catches() {
                sys.set_signal(*number, true, false);
            }
        }
        while let Some(number) = sys.take_signal() {
            let mut process = Running::new(sys, self);
            if let Step::Exit(code) = self.signal(number, &mut process) {
                return self.exit(code, sys);
            }
        }
        while sys.reap(None).is_ok_and(|it| it.is_some()) {}
        while let Some(incoming) = sys.accept() {
            let reply = match incoming.what {
                IncomingKind::Data(_) => Reply::Data(Vec::new()),
                IncomingKind::Http(request) => {
                    let request = HttpRequest::from_kernel(request, incoming.from, incoming.port);
                    let mut process = Running::new(sys, self);
                    let response = self.answer(&request, &mut process);
                    let now = sys.now;
                    response.map_or(Reply::Reset, |it| Reply::Http(it.to_kernel(now)))
                }
            };
            sys.reply(incoming.id, reply);
        }
        if self.due.is_some_and(|it| it <= sys.now) {
            let mut process = Running::new(sys, self);
            let step = self.advance(&mut process);
            self.cpu_milli = process.cpu_milli;
            match step {
                Step::Exit(code) => return self.exit(code, sys),
                Step::Wait => self.due = None,
                Step::Until(due) => self.due = Some(due),
            }
        }
        match self.due {
            Some(due) => kernel::Step::WaitUntil(Wait::Connection, due),
            None => kernel::Step::Wait(Wait::Connection),
        }
    }

    fn exit(&mut self, code: i32, sys: &mut Sys<'_>) -> kernel::Step {
        for number in std::mem::take(&mut self.workers) {
            if let Some(pid) = sys.by_number(number) {
                let _ = sys.kill(pid, signal::KILL);
            }
        }
        kernel::Step::Exited(code)
    }

    fn advance(&mut self, process: &mut dyn Process) -> Step {
        match self.program {
            Program::Nginx => nginx::step(self, process),
            Program::Apache => apache::step(self, process),
            Program::Tomcat => tomcat::step(self, process),
            Program::Redis => database::step_redis(self, process),
            Program::Mysql => database::step_mysql(self, process),
            Program::Postgres => database::step_postgres(self, process),
            Program::Python => script::step_python(self, process),
            Program::Node => script::step_node(self, process),
            Program::Agnhost => agnhost::step(self, process),
            Program::Liveness => agnhost::step_liveness(self, process),
            Program::Pause => simple::step_pause(process),
            Program::Hello => simple::step_hello(self, process),
            Program::HelloWorld => simple::step_hello_world(process),
            Program::Whoami => simple::step_whoami(self, process),
            Program::Stress => simple::step_stress(self, process),
            Program::Collector => simple::step_collector(self, process),
            Program::Generic => simple::step_generic(self, process),
        }
    }

    /// The signals that it has handlers for.
    fn catches(&self) -> &'static [u8] {
        const STOPS: &[u8] = &[signal::TERM, signal::INT, signal::QUIT];
        match self.program {
            Program::Nginx => &[signal::TERM, signal::INT, signal::QUIT, signal::HUP, USR1, USR2, WINCH],
            Program::Apache => &[signal::TERM, signal::INT, signal::HUP, USR1, WINCH],
            Program::Tomcat
            | Program::Mysql
            | Program::Postgres
            | Program::Pause
            | Program::Generic
            | Program::Agnhost
            | Program::Collector
            | Program::Hello => STOPS,
            Program::Redis => &[signal::TERM, signal::INT],
            Program::Python => &[signal::INT],
            Program::Node | Program::Liveness | Program::HelloWorld | Program::Whoami | Program::Stress => {
                &[]
            }
        }
    }

    fn signal(&mut self, number: u8, process: &mut dyn Process) -> Step {
        match self.program {
            Program::Nginx => nginx::signal(self, number, process),
            Program::Apache => apache::signal(number, process),
            Program::Tomcat => tomcat::stop(process),
            Program::Redis | Program::Mysql | Program::Postgres => database::stop(self, number, process),
            Program::Python => Step::Exit(130),
            Program::Pause
            | Program::Generic
            | Program::Agnhost
            | Program::Collector
            | Program::Hello
            | Program::Node
            | Program::Liveness
            | Program::HelloWorld
            | Program::Whoami
            | Program::Stress => Step::Exit(0),
        }
    }

    /// None: it accepts the connection and speaks no HTTP.
    fn answer(&mut self, request: &HttpRequest, process: &mut dyn Process) -> Option<Arc<HttpResponse>> {
        self.hits += 1;
        if request.is_grpc() && !matches!(self.program, Program::Nginx | Program::Apache) {
            return self.answer_grpc(request, process).map(Arc::new);
        }
        Some(Arc::new(match self.program {
            Program::Nginx => return Some(nginx::answer(self, request, process)),
            Program::Apache => apache::answer(self, request, process),
            Program::Tomcat => tomcat::answer(self, request, process),
            Program::Python => script::answer(self, request, process),
            Program::Agnhost => agnhost::answer(self, request, process)?,
            Program::Liveness => agnhost::answer_liveness(self, process),
            Program::Node | Program::Hello | Program::Whoami | Program::Generic | Program::Collector => {
                simple::answer(self, request, process)
            }
            Program::Redis
            | Program::Mysql
            | Program::Postgres
            | Program::Pause
            | Program::HelloWorld
            | Program::Stress => return None,
        }))
    }

    /// None: it does not speak HTTP/2. Of an image that is not described, a health service is believed.
    fn answer_grpc(&self, request: &HttpRequest, process: &mut dyn Process) -> Option<HttpResponse> {
        match self.program {
            Program::Agnhost => agnhost::grpc_health(self, request, process),
            Program::Generic => Some(HttpResponse::grpc_health(true)),
            Program::Nginx
            | Program::Apache
            | Program::Tomcat
            | Program::Python
            | Program::Liveness
            | Program::Node
            | Program::Hello
            | Program::Whoami
            | Program::Collector
            | Program::Redis
            | Program::Mysql
            | Program::Postgres
            | Program::Pause
            | Program::HelloWorld
            | Program::Stress => None,
        }
    }

    /// Answers between two steps, for a server that waits for nothing else.
    pub fn answer_now(&mut self, request: &HttpRequest, sys: &mut Sys<'_>) -> Option<Arc<HttpResponse>> {
        let mut process = Running::new(sys, self);
        self.answer(request, &mut process)
    }

    /// Whether every request that reaches it gets an HTTP answer.
    pub fn speaks_http(&self) -> bool {
        match self.program {
            Program::Nginx
            | Program::Apache
            | Program::Tomcat
            | Program::Python
            | Program::Node
            | Program::Liveness
            | Program::Hello
            | Program::Whoami
            | Program::Collector
            | Program::Generic => true,
            Program::Agnhost => self.root("command") != "pause",
            Program::Redis
            | Program::Mysql
            | Program::Postgres
            | Program::Pause
            | Program::HelloWorld
            | Program::Stress => false,
        }
    }

    fn root(&self, key: &str) -> &str {
        self.roots.iter().find(|it| it.0 == key).map_or("", |it| &it.1)
    }
}

const USR1: u8 = 10;
const USR2: u8 = 12;
const WINCH: u8 = 28;

/// The last word of a path: `nginx` of `/usr/sbin/nginx`.
fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The value of `-p 80` or `--port=80`, whatever the flag is called.
fn flag<'a>(argv: &'a [String], names: &[&str]) -> Option<&'a str> {
    for (at, word) in argv.iter().enumerate() {
        if names.contains(&word.as_str()) {
            return argv.get(at + 1).map(String::as_str);
        }
        if let Some((name, value)) = word.split_once('=')
            && names.contains(&name)
        {
            return Some(value);
        }
    }
    None
}
