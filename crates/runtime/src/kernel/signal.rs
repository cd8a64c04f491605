//! Signals: numbers, names, and what a process does about each.

use crate::cri::Signal;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Signals {
    /// Sets of signals, one bit each.
    pub ignored: u64,
    pub caught: u64,
    pub pending: u64,
    /// Those ignored when the process was started, which a shell cannot trap.
    pub blocked: u64,
}

pub const fn bit(signal: u8) -> u64 {
    1 << signal
}

pub const HUP: u8 = 1;
pub const INT: u8 = 2;
pub const QUIT: u8 = 3;
pub const KILL: u8 = 9;
pub const PIPE: u8 = 13;
pub const TERM: u8 = 15;
pub const CHLD: u8 = 17;
pub const CONT: u8 = 18;
pub const STOP: u8 = 19;
pub const TSTP: u8 = 20;

/// (number, name, what the shell prints when a child dies of it)
pub const NAMES: [(u8, &str, &str); 23] = [
    (1, "HUP", "Hangup"),
    (2, "INT", ""),
    (3, "QUIT", "Quit"),
    (4, "ILL", "Illegal instruction"),
    (5, "TRAP", "Trace/breakpoint trap"),
    (6, "ABRT", "Aborted"),
    (7, "BUS", "Bus error"),
    (8, "FPE", "Floating point exception"),
    (9, "KILL", "Killed"),
    (10, "USR1", "User defined signal 1"),
    (11, "SEGV", "Segmentation fault"),
    (12, "USR2", "User defined signal 2"),
    (13, "PIPE", ""),
    (14, "ALRM", "Alarm clock"),
    (15, "TERM", "Terminated"),
    (17, "CHLD", ""),
    (18, "CONT", ""),
    (19, "STOP", "Stopped (signal)"),
    (20, "TSTP", "Stopped"),
    (21, "TTIN", "Stopped (tty input)"),
    (22, "TTOU", "Stopped (tty output)"),
    (23, "URG", ""),
    (28, "WINCH", ""),
];

/// From `15`, `TERM` or `SIGTERM`, in any case.
pub fn parse(text: &str) -> Option<u8> {
    if let Ok(number) = text.parse::<u8>() {
        return (number < 64).then_some(number);
    }
    let upper = text.to_ascii_uppercase();
    let name = upper.strip_prefix("SIG").unwrap_or(&upper);
    NAMES.iter().find(|it| it.1 == name).map(|it| it.0)
}

pub fn name(signal: u8) -> &'static str {
    NAMES.iter().find(|it| it.0 == signal).map_or("", |it| it.1)
}

pub fn number(signal: Signal) -> u8 {
    match signal {
        Signal::Hup => HUP,
        Signal::Int => INT,
        Signal::Quit => QUIT,
        Signal::Kill => KILL,
        Signal::Usr1 => 10,
        Signal::Usr2 => 12,
        Signal::Term => TERM,
        Signal::Chld => CHLD,
        Signal::Stop => STOP,
        Signal::Cont => CONT,
        Signal::Winch => 28,
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Default {
    End,
    Ignore,
    Stop,
    Continue,
}

pub(super) fn default_action(signal: u8) -> Default {
    match signal {
        CHLD | 23 | 28 => Default::Ignore,
        STOP..=22 => Default::Stop,
        CONT => Default::Continue,
        _ => Default::End,
    }
}
