//! ps, top, kill, killall, pidof, pgrep.

use std::time::Duration;

use sim::{Gather as _, SimTime};

use super::options::Options;
use super::{Command, clock, system};
use crate::kernel::{Flavour, Pid, Process, State, Step, Sys, signal};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Top {
    rounds: u64,
    period: Duration,
    next: SimTime,
}

/// A process as these commands show it.
struct Row {
    number: u32,
    parent: u32,
    user: String,
    memory_bytes: u64,
    cpu_micros: u64,
    state: char,
    started: i64,
    command: String,
    name: String,
}

fn rows(sys: &mut Sys<'_>) -> Vec<Row> {
    let epoch = sys.facts().epoch_seconds;
    let parents: Vec<(u32, Option<Pid>)> = sys.visible().iter().map(|it| (it.number, it.parent)).gather();
    let mut rows: Vec<Row> = sys.visible().into_iter().map(|it| row(it, epoch)).gather();
    for (row, (_, parent)) in rows.iter_mut().zip(parents) {
        row.parent = parent.map_or(0, |it| sys.number_of(it));
        let uid: u32 = row.user.parse().unwrap_or(0);
        if let Some(name) = system::name_of(sys, "/etc/passwd", uid) {
            row.user = name;
        }
    }
    rows
}

fn row(process: &Process, epoch: i64) -> Row {
    let zombie = process.is_zombie();
    Row {
        number: process.number,
        parent: 0,
        user: process.credentials.uid.to_string(),
        memory_bytes: process.memory_bytes,
        cpu_micros: process.cpu_micros,
        state: match process.state {
            State::Ready => 'R',
            State::Blocked { .. } | State::Sleeping(_) => 'S',
            State::Stopped => 'T',
            State::Zombie(_) => 'Z',
        },
        started: epoch + process.started_at.as_secs() as i64,
        command: if zombie { format!("[{}]", process.name()) } else { process.argv.join(" ") },
        name: process.name().to_owned(),
    }
}

pub fn ps(sys: &mut Sys<'_>, argv: &[String], _who: &str) -> i32 {
    let rows = rows(sys);
    let gnu = sys.facts().flavour == Flavour::Gnu;
    let flags = argv[1..].join("");
    let mut text = String::new();
    let time = |row: &Row| row.cpu_micros / 1_000_000;
    if !gnu {
        text.push_str("PID   USER     TIME  COMMAND\n");
        for row in &rows {
            let (t, user) = (time(row), &row.user);
            text.push_str(&format!(
                "{:>5} {user:<8} {:>2}:{:02} {}\n",
                row.number,
                t / 60,
                t % 60,
                row.command
            ));
        }
    } else if flags.contains('u') || flags.contains("-f") || flags.contains("ef") {
        let wide = flags.contains('u') && !flags.contains("ef");
        text.push_str(if wide {
            "USER         PID %CPU %MEM    VSZ   RSS TTY      STAT START   TIME COMMAND\n"
        } else {
            "UID          PID    PPID  C STIME TTY          TIME CMD\n"
        });
        for row in &rows {
            let (t, start) = (time(row), clock::format("%H:%M", row.started, 0));
            let (user, number, command) = (&row.user, row.number, &row.command);
            if wide {
                let kib = row.memory_bytes / 1024;
                text.push_str(&format!(
                    "{user:<8} {number:>7}  0.0  0.0 {:>6} {kib:>5} ?        {}s   {start} {:>3}:{:02} {command}\n",
                    kib * 2,
                    row.state,
                    t / 60,
                    t % 60
                ));
            } else {
                let (parent, h, m, s) = (row.parent, t / 3600, t / 60 % 60, t % 60);
                text.push_str(&format!(
                    "{user:<8} {number:>7} {parent:>7}  0 {start} ?        {h:02}:{m:02}:{s:02} {command}\n"
                ));
            }
        }
    } else {
        text.push_str("    PID TTY          TIME CMD\n");
        for row in &rows {
            let t = time(row);
            let (number, h, m, s) = (row.number, t / 3600, t / 60 % 60, t % 60);
            text.push_str(&format!("{number:>7} ?        {h:02}:{m:02}:{s:02} {}\n", row.name));
        }
    }
    sys.out(&text);
    0
}

#[expect(clippy::unnecessary_wraps, reason = "the table's shape")]
pub fn top(sys: &mut Sys<'_>, argv: &[String]) -> Result<Command, i32> {
    let options = Options::parse(&argv[1..], "n d");
    let rounds = options.number("n").map_or(u64::MAX, |it| it.max(1) as u64);
    let period = options.value("d").and_then(super::seconds).unwrap_or(Duration::from_secs(5));
    let period = period.max(Duration::from_millis(100));
    Ok(Command::Top(Box::new(Top { rounds, period, next: sys.now })))
}

impl Top {
    pub fn step(&mut self, sys: &mut Sys<'_>) -> Step {
        if sys.now < self.next {
            return Step::Sleep(self.next);
        }
        let rows = rows(sys);
        let total = sys.facts().memory_bytes / 1024;
        let used: u64 = sys.kernel().processes().map(|it| it.memory_bytes / 1024).sum();
        let clear = if sys.is_tty(1) { "\x1b[H\x1b[J" } else { "" };
        let mut text = format!(
            "{clear}Mem: {used}K used, {}K free, 0K shrd, 0K buff, 0K cached\nCPU:   0% usr   0% sys   0% nic 100% idle   0% io   0% irq   0% sirq\nLoad average: 0.08 0.03 0.01 1/{} {}\n  PID  PPID USER     STAT   VSZ %VSZ CPU %CPU COMMAND\n",
            total.saturating_sub(used),
            rows.len(),
            rows.last().map_or(0, |it| it.number)
        );
        for row in &rows {
            text.push_str(&format!(
                "{:>5} {:>5} {:<8} {}    {:>5}   0%   0   0% {}\n",
                row.number,
                row.parent,
                row.user,
                row.state,
                row.memory_bytes / 1024,
                row.command
            ));
        }
        sys.out(&text);
        self.rounds -= 1;
        if self.rounds == 0 {
            return Step::Exited(0);
        }
        self.next = sys.now + self.period;
        Step::Sleep(self.next)
    }
}

/// The signal of `-9`, `-TERM`, `-s TERM`, and what is left.
fn signal_of(arguments: &[String]) -> (Option<u8>, &[String]) {
    match arguments {
        [flag, name, rest @ ..] if flag == "-s" => (signal::parse(name), rest),
        [flag, rest @ ..] if flag.starts_with('-') && flag != "--" => (signal::parse(&flag[1..]), rest),
        [flag, rest @ ..] if flag == "--" => (Some(signal::TERM), rest),
        rest => (Some(signal::TERM), rest),
    }
}

pub fn kill(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    // An applet goes by its bare name, also as a built-in of `/bin/sh`.
    let who = who.rsplit('/').next().unwrap_or(who);
    if argv.get(1).is_some_and(|it| it == "-l") {
        let names: Vec<String> = signal::NAMES.iter().map(|it| format!("{:>2}) {}", it.0, it.1)).gather();
        sys.out(&(names.join("\n") + "\n"));
        return 0;
    }
    let (number, targets) = signal_of(&argv[1..]);
    let Some(number) = number else {
        sys.err(&format!("{who}: bad signal name '{}'\n", argv[1].trim_start_matches('-')));
        return 1;
    };
    let mut status = 0;
    for target in targets {
        let Ok(wanted) = target.parse::<i64>() else {
            sys.err(&format!("{who}: invalid number '{target}'\n"));
            status = 1;
            continue;
        };
        let own = (sys.pid, sys.me().group);
        let pids: Vec<Pid> = match wanted {
            -1 => {
                sys.visible().iter().filter(|it| it.pid != own.0 && it.number != 1).map(|it| it.pid).gather()
            }
            0 => sys.visible().iter().filter(|it| it.group == own.1).map(|it| it.pid).gather(),
            number if number < 0 => {
                let leader = sys.by_number(number.unsigned_abs() as u32);
                sys.visible()
                    .iter()
                    .filter(|it| leader.is_some_and(|l| it.group == l.0))
                    .map(|it| it.pid)
                    .gather()
            }
            number => sys.by_number(number as u32).into_iter().gather(),
        };
        if pids.is_empty() {
            sys.err(&format!("{who}: can't kill pid {target}: No such process\n"));
            status = 1;
        }
        for pid in pids {
            if let Err(error) = sys.kill(pid, number) {
                sys.err(&format!("{who}: can't kill pid {target}: {error}\n"));
                status = 1;
            }
        }
    }
    status
}

fn named(sys: &Sys<'_>, wanted: &str, full: bool, part: bool) -> Vec<(Pid, u32)> {
    let regex = super::regex::Regex::new(wanted, true, false);
    let own = sys.pid;
    let matches = |it: &&&Process| {
        let name = if full { it.argv.join(" ") } else { it.name().to_owned() };
        if part { regex.as_ref().is_some_and(|r| r.find(&name, 0).is_some()) } else { it.name() == wanted }
    };
    let all = sys.visible();
    all.iter()
        .filter(|it| it.pid != own && !it.is_zombie())
        .filter(matches)
        .map(|it| (it.pid, it.number))
        .gather()
}

pub fn killall(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let part = who == "pkill";
    let full = argv.iter().any(|it| it == "-f");
    let words: Vec<String> =
        argv[1..].iter().filter(|it| !matches!(it.as_str(), "-f" | "-q" | "-x")).cloned().gather();
    let (number, names) = signal_of(&words);
    let mut status = 0;
    for name in names {
        let found = named(sys, name, full, part);
        if found.is_empty() {
            if !part {
                sys.err(&format!("{who}: {name}: no process killed\n"));
            }
            status = 1;
        }
        for (pid, _) in found {
            if sys.kill(pid, number.unwrap_or(signal::TERM)).is_err() {
                status = 1;
            }
        }
    }
    status
}

pub fn pidof(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let options = Options::parse(&argv[1..], "");
    let part = who == "pgrep";
    let mut numbers: Vec<String> = Vec::new();
    for name in &options.rest {
        for (pid, number) in named(sys, name, options.has("f"), part) {
            let text = match sys.kernel().process(pid) {
                Some(process) if part && options.any(&["l", "a"]) => {
                    format!("{number} {}", process.argv.join(" "))
                }
                _ => number.to_string(),
            };
            numbers.push(text);
        }
    }
    if !part {
        numbers.reverse();
    }
    if !numbers.is_empty() {
        let text = numbers.join(if part { "\n" } else { " " }) + "\n";
        sys.out(&text);
    }
    i32::from(numbers.is_empty())
}
