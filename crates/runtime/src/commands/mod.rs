//! The commands of a busybox (and the same of GNU), each small and true.
//!
//! Most do their work in one step ([`Simple`]); those that read, wait or start others are state machines. One table
//! ([`lookup`]) names them all. No editor, no compression, no package manager.

mod awk;
mod awk_parse;
mod child;
mod client;
mod clock;
mod directory;
mod filter;
mod follow;
mod listing;
mod options;
mod output;
mod processes;
mod regex;
mod sed;
mod server;
mod sums;
mod system;
pub(crate) use system::user;
pub mod test;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use sim::SimTime;

use crate::kernel::{Program, Step, Sys, signal};
use crate::programs::Server;
use crate::shell::Shell;

/// Arguments (with the name first) and who complains; gives the exit code.
pub type Simple = fn(&mut Sys<'_>, &[String], &str) -> i32;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Command {
    Start,
    Sleep(SimTime),
    Yes(String),
    Filter(Box<filter::Filter>),
    Follow(Box<follow::Follow>),
    Child(Box<child::Child>),
    Client(Box<client::Client>),
    Server(Box<server::Server>),
    Top(Box<processes::Top>),
}

/// How a command begins.
enum Entry {
    Simple(Simple),
    Machine(fn(&mut Sys<'_>, &[String]) -> Result<Command, i32>),
}

macro_rules! table {
    ($($kind:ident { $($name:literal => $function:expr,)* })*) => {
        /// What a busybox is called by.
        pub const NAMES: &[&str] = &["sh", "ash", $($($name,)*)*];

        fn lookup(name: &str) -> Option<Entry> {
            match name {
                $($($name => Some(Entry::$kind($function)),)*)*
                _ => None,
            }
        }
    };
}

table! {
    Simple {
        "true" => |_, _, _| 0,
        "false" => |_, _, _| 1,
        "echo" => output::echo,
        "printf" => output::printf,
        "pwd" => output::pwd,
        "basename" => output::basename,
        "dirname" => output::dirname,
        "seq" => output::seq,
        "expr" => output::expr,
        "mktemp" => directory::mktemp,
        "[" => test::command,
        "test" => test::command,
        "kill" => processes::kill,
        "killall" => processes::killall,
        "pkill" => processes::killall,
        "pidof" => processes::pidof,
        "pgrep" => processes::pidof,
        "ps" => processes::ps,
        "touch" => directory::touch,
        "rm" => directory::rm,
        "rmdir" => directory::rmdir,
        "mkdir" => directory::mkdir,
        "cp" => directory::cp,
        "mv" => directory::mv,
        "ln" => directory::ln,
        "ls" => listing::ls,
        "find" => listing::find,
        "chmod" => directory::chmod,
        "chown" => directory::chown,
        "chgrp" => directory::chown,
        "stat" => listing::stat,
        "du" => listing::du,
        "readlink" => directory::readlink,
        "realpath" => directory::readlink,
        "truncate" => directory::truncate,
        "dd" => directory::dd,
        "date" => clock::date,
        "uptime" => clock::uptime,
        "hostname" => system::hostname,
        "uname" => system::uname,
        "arch" => system::uname,
        "nproc" => system::nproc,
        "id" => system::id,
        "whoami" => system::id,
        "groups" => system::id,
        "printenv" => system::printenv,
        "free" => system::free,
        "df" => system::df,
        "mount" => system::mount,
        "ip" => system::ip,
        "ifconfig" => system::ifconfig,
        "netstat" => system::netstat,
        "ss" => system::netstat,
        "which" => system::which,
        "sync" => |_, _, _| 0,
        "logger" => |_, _, _| 0,
        "clear" => system::clear,
        "tty" => system::tty,
        "dmesg" => |_, _, _| 0,
        "vi" => system::no_editor,
        "vim" => system::no_editor,
        "nano" => system::no_editor,
    }
    Machine {
        "sleep" => sleep,
        "usleep" => sleep,
        "yes" => yes,
        "cat" => filter::start,
        "tac" => filter::start,
        "rev" => filter::start,
        "nl" => filter::start,
        "head" => filter::start,
        "grep" => filter::start,
        "egrep" => filter::start,
        "fgrep" => filter::start,
        "sed" => filter::start,
        "awk" => filter::start,
        "cut" => filter::start,
        "sort" => filter::start,
        "uniq" => filter::start,
        "wc" => filter::start,
        "tr" => filter::start,
        "tee" => filter::start,
        "base64" => filter::start,
        "md5sum" => filter::start,
        "sha256sum" => filter::start,
        "tail" => follow::start,
        "env" => child::start,
        "xargs" => child::start,
        "timeout" => child::start,
        "time" => child::start,
        "nohup" => child::start,
        "nice" => child::start,
        "setsid" => child::start,
        "su" => child::start,
        "watch" => child::start,
        "wget" => client::start,
        "curl" => client::start,
        "nslookup" => client::start,
        "ping" => client::start,
        "nc" => client::start,
        "httpd" => server::start,
        "top" => processes::top,
    }
}

/// The commands that a shell has built in.
pub fn inline(name: &str) -> Option<Simple> {
    if !matches!(name, "echo" | "printf" | "test" | "[" | "kill" | "true" | "false" | "pwd") {
        return None;
    }
    match lookup(name)? {
        Entry::Simple(function) => Some(function),
        Entry::Machine(_) => None,
    }
}

/// The program of an executable named so, as `argv` calls it; None when there is no such program.
pub fn load(sys: &mut Sys<'_>, name: &str, argv: &Arc<Vec<String>>) -> Option<Program> {
    if let Some(server) = Server::load(sys, name, argv) {
        return Some(Program::Server(Box::new(server)));
    }
    let called = argv.first().map_or(name, String::as_str);
    let called = called.rsplit('/').next().unwrap_or(called);
    let mut called = if matches!(name, "busybox" | "coreutils") { called } else { name };
    if called == "busybox" {
        called = argv.get(1).map_or("", String::as_str);
        if lookup(called).is_some() || called == "sh" {
            sys.me_mut().argv = Arc::new(argv[1..].to_vec());
        }
    }
    if matches!(called, "sh" | "ash" | "bash" | "dash") {
        return Some(Program::Shell(Box::new(Shell::new(sys, called))));
    }
    lookup(called)?;
    sys.me_mut().memory_bytes = 700_000;
    Some(Program::Command(Box::new(Command::Start)))
}

impl Command {
    pub fn step(&mut self, sys: &mut Sys<'_>) -> Step {
        match self {
            Command::Start => {
                let argv = Arc::clone(&sys.me().argv);
                let name = sys.me().name().to_owned();
                match lookup(&name) {
                    Some(Entry::Simple(function)) => Step::Exited(function(sys, &argv, &name)),
                    Some(Entry::Machine(start)) => match start(sys, &argv) {
                        Ok(command) => {
                            *self = command;
                            Step::Ready
                        }
                        Err(code) => Step::Exited(code),
                    },
                    None => {
                        sys.err(&format!("{name}: applet not found\n"));
                        Step::Exited(127)
                    }
                }
            }
            Command::Sleep(until) if *until <= sys.now => Step::Exited(0),
            Command::Sleep(until) => Step::Sleep(*until),
            Command::Yes(line) => {
                let _ = sys.write(1, line.as_bytes());
                Step::Ready
            }
            Command::Filter(it) => it.step(sys),
            Command::Follow(it) => it.step(sys),
            Command::Child(it) => it.step(sys),
            Command::Client(it) => it.step(sys),
            Command::Server(it) => it.step(sys),
            Command::Top(it) => it.step(sys),
        }
    }
}

/// From `10`, `0.5`, `5m`, `1h`, `1d`, `infinity`.
pub fn seconds(text: &str) -> Option<Duration> {
    if text == "infinity" || text == "inf" {
        return Some(Duration::from_secs(10_000_000_000));
    }
    let (number, unit) = match text.char_indices().last()? {
        (_, '0'..='9' | '.') => (text, 1),
        (at, 's') => (&text[..at], 1),
        (at, 'm') => (&text[..at], 60),
        (at, 'h') => (&text[..at], 3600),
        (at, 'd') => (&text[..at], 86_400),
        _ => return None,
    };
    let (whole, part) = number.split_once('.').unwrap_or((number, ""));
    let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
    let micros: u64 = if part.is_empty() { 0 } else { format!("{part:0<6}").get(..6)?.parse().ok()? };
    Some(Duration::from_micros(
        whole.min(10_000_000_000).saturating_mul(1_000_000).saturating_add(micros) * unit,
    ))
}

fn sleep(sys: &mut Sys<'_>, argv: &[String]) -> Result<Command, i32> {
    let gnu = sys.facts().flavour == crate::kernel::Flavour::Gnu;
    if argv.len() < 2 {
        sys.err(if gnu {
            "sleep: missing operand\nTry 'sleep --help' for more information.\n"
        } else {
            "BusyBox v1.36.1 (2023-07-18 02:45:30 UTC) multi-call binary.\n\nUsage: sleep [N]...\n"
        });
        return Err(1);
    }
    let mut all = Duration::ZERO;
    for text in &argv[1..] {
        let Some(time) = seconds(text) else {
            sys.err(&if gnu {
                format!("sleep: invalid time interval '{text}'\nTry 'sleep --help' for more information.\n")
            } else {
                format!("sleep: invalid number '{text}'\n")
            });
            return Err(1);
        };
        all += if argv[0].ends_with("usleep") { time / 1_000_000 } else { time };
    }
    Ok(Command::Sleep(sys.now + all))
}

#[expect(clippy::unnecessary_wraps, reason = "the table's shape")]
fn yes(_sys: &mut Sys<'_>, argv: &[String]) -> Result<Command, i32> {
    let line = if argv.len() < 2 { "y\n".to_owned() } else { argv[1..].join(" ") + "\n" };
    Ok(Command::Yes(line.repeat((1024 / line.len()).max(1))))
}

/// What `timeout` and `kill` take.
fn signal_number(text: &str) -> Option<u8> {
    signal::parse(text)
}
