//! Commands that the shell must do itself.

use std::sync::Arc;

use sim::Gather as _;

use super::input::LineEnd;
use super::{Frame, Kind, Shell, Variable};
use crate::commands;
use crate::kernel::{Errno, Pid, Step, Sys, Wait, signal};

/// How a builtin ended.
pub enum Built {
    Status(i32),
    /// Frames tell the rest.
    Step(Step),
    /// An error that ends a shell that is not interactive.
    Fatal(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ReadState {
    names: Vec<String>,
    raw: bool,
    line: Vec<u8>,
    until: Option<sim::SimTime>,
}

const NAMES: &[&str] = &[
    ":", ".", "source", "break", "continue", "return", "exit", "cd", "eval", "export", "unset", "set",
    "shift", "local", "readonly", "declare", "typeset", "trap", "wait", "read", "command", "builtin", "type",
    "hash", "jobs", "ulimit", "umask", "getopts", "let", "times", "fg", "bg", "alias", "unalias", "shopt",
    "[[", "disown", "exec", "history",
];

pub fn exists(name: &str) -> bool {
    NAMES.contains(&name) || commands::inline(name).is_some()
}

fn is_name(text: &str) -> bool {
    !text.is_empty()
        && !text.as_bytes()[0].is_ascii_digit()
        && text.bytes().all(|it| it == b'_' || it.is_ascii_alphanumeric())
}

impl Shell {
    pub(super) fn builtin(&mut self, argv: &[String], sys: &mut Sys<'_>) -> Built {
        let (name, arguments) = (argv[0].as_str(), &argv[1..]);
        let first = arguments.first().map(String::as_str);
        match name {
            ":" | "hash" | "times" | "alias" | "unalias" | "shopt" | "disown" | "bg" | "history" => {
                Built::Status(0)
            }
            "break" | "continue" => self.leave_loop(first, name == "continue", sys),
            "return" => self.return_from(first, sys),
            "exit" => {
                let code = first.map_or(Ok(self.status), str::parse);
                match code {
                    Ok(code) => Built::Step(self.exit(code)),
                    Err(_) => Built::Fatal(format!("exit: Illegal number: {}", first.unwrap_or(""))),
                }
            }
            "cd" => self.change_directory(first, sys),
            "eval" => {
                let text = arguments.join(" ");
                self.status = 0;
                self.stack.push(Frame::Source { text: Arc::from(text), at: 0, line: self.line });
                Built::Step(Step::Ready)
            }
            "." | "source" => self.source(arguments, sys),
            "export" | "readonly" | "local" | "declare" | "typeset" => self.declare(name, arguments, sys),
            "unset" => self.unset(arguments),
            "set" => self.set_builtin(arguments, sys),
            "shift" => {
                let count = first.map_or(Ok(1), str::parse::<usize>).unwrap_or(1);
                if self.positional.len() < count {
                    return Built::Fatal("shift: can't shift that many".to_owned());
                }
                self.positional = Arc::new(self.positional[count..].to_vec());
                Built::Status(0)
            }
            "trap" => self.trap(arguments, sys),
            "wait" => self.wait_builtin(arguments, sys),
            "read" => self.read_builtin(arguments, sys),
            "command" | "builtin" => self.command_builtin(arguments, sys),
            "type" => Built::Status(self.type_of(arguments, sys)),
            "jobs" => {
                self.poll_jobs(sys);
                for (number, job) in self.jobs.iter().enumerate() {
                    let state = if job.status.is_some() { "Done" } else { "Running" };
                    sys.out(&format!("[{}]  {state:<24}{}\n", number + 1, job.text));
                }
                self.jobs.retain(|it| it.status.is_none());
                Built::Status(0)
            }
            "fg" => match self.jobs.pop() {
                Some(job) if job.status.is_none() => {
                    sys.set_foreground(job.pid.0);
                    self.stack.push(Frame::Foreground { pids: vec![job.pid], statuses: Vec::new() });
                    Built::Step(Step::Ready)
                }
                _ => Built::Status(1),
            },
            "ulimit" => {
                let text = match first {
                    Some("-n") => "1048576\n",
                    Some("-c") => "0\n",
                    _ => "unlimited\n",
                };
                if arguments.len() < 2 {
                    sys.out(text);
                }
                Built::Status(0)
            }
            "umask" => {
                if let Some(Ok(mask)) = first.map(|it| u32::from_str_radix(it, 8)) {
                    sys.me_mut().umask = mask & 0o777;
                } else {
                    let mask = sys.me().umask;
                    sys.out(&format!("{mask:04o}\n"));
                }
                Built::Status(0)
            }
            "getopts" => Built::Status(self.getopts(arguments, sys)),
            "let" => {
                let mut value = 0;
                for text in arguments {
                    let parts = [super::ast::Part::Quoted(text.clone())];
                    let mut expander = super::expand::Expander { shell: self, sys, results: &[], used: 0 };
                    match expander.arithmetic(&parts) {
                        Ok(it) => value = it,
                        Err(super::expand::Stop::Error(text)) => return Built::Fatal(text),
                        Err(super::expand::Stop::Need(_)) => {}
                    }
                }
                Built::Status(i32::from(value == 0))
            }
            "[[" => {
                match commands::test::evaluate_extended(sys, &arguments[..arguments.len().saturating_sub(1)])
                {
                    Ok(yes) => Built::Status(i32::from(!yes)),
                    Err(text) => {
                        self.complain(sys, &format!("[[: {text}"));
                        Built::Status(2)
                    }
                }
            }
            _ => {
                let Some(command) = commands::inline(name) else { return Built::Status(127) };
                let who = self.name.clone();
                Built::Status(command(sys, argv, &who))
            }
        }
    }

    fn leave_loop(&mut self, count: Option<&str>, go_on: bool, sys: &mut Sys<'_>) -> Built {
        let mut count: u32 = count.and_then(|it| it.parse().ok()).unwrap_or(1).max(1);
        let is_loop = |frame: &Frame| matches!(frame, Frame::While { .. } | Frame::For { .. });
        let within = self.stack.iter().rev().take_while(|it| !matches!(it, Frame::Call { .. }));
        if !within.clone().any(is_loop) {
            return Built::Status(0);
        }
        count = count.min(within.filter(|it| is_loop(it)).count() as u32);
        self.status = 0;
        while let Some(frame) = self.stack.pop() {
            if !is_loop(&frame) {
                self.leave(frame, sys);
                continue;
            }
            count -= 1;
            if count == 0 {
                if go_on {
                    let frame = match frame {
                        Frame::While { node, status, .. } => Frame::While { node, in_body: true, status },
                        other => other,
                    };
                    self.stack.push(frame);
                }
                break;
            }
        }
        Built::Step(Step::Ready)
    }

    fn return_from(&mut self, code: Option<&str>, sys: &mut Sys<'_>) -> Built {
        self.status = code.and_then(|it| it.parse().ok()).unwrap_or(self.status);
        if !self.stack.iter().any(|it| matches!(it, Frame::Call { .. } | Frame::Dot)) {
            return Built::Step(self.exit(self.status));
        }
        while let Some(frame) = self.stack.pop() {
            let end = matches!(frame, Frame::Call { .. } | Frame::Dot);
            self.leave(frame, sys);
            if end {
                break;
            }
        }
        Built::Step(self.after_command())
    }

    fn change_directory(&mut self, to: Option<&str>, sys: &mut Sys<'_>) -> Built {
        let home = self.get("HOME").unwrap_or("/").to_owned();
        let back = to == Some("-");
        let target = match to {
            None | Some("~") => home,
            Some("-") => self.get("OLDPWD").unwrap_or("/").to_owned(),
            Some(path) => path.to_owned(),
        };
        let outcome = sys.stat(&target, true).and_then(|stat| {
            if !stat.is_directory() {
                Err(Errno::NotDirectory)
            } else if !sys.may(&stat.inode, 1) {
                Err(Errno::Access)
            } else {
                Ok(stat.path)
            }
        });
        match outcome {
            Ok(path) => {
                let old = sys.me().directory.to_string();
                sys.me_mut().directory = Arc::from(path.as_str());
                if back {
                    sys.out(&format!("{path}\n"));
                }
                for (name, value) in [("OLDPWD", old), ("PWD", path)] {
                    // A readonly PWD stays as it is.
                    let _ = self.set(name, &value);
                }
                Built::Status(0)
            }
            Err(error) => {
                let text = match self.kind {
                    Kind::Ash if self.interactive => format!("cd: can't cd to {target}: {error}"),
                    Kind::Ash => {
                        sys.err(&format!(
                            "{}: cd: line {}: can't cd to {target}: {error}\n",
                            self.name, self.line
                        ));
                        return Built::Status(2);
                    }
                    Kind::Dash => format!("cd: can't cd to {target}"),
                    Kind::Bash => format!("cd: {target}: {error}"),
                };
                self.complain(sys, &text);
                Built::Status(if self.kind == Kind::Bash { 1 } else { 2 })
            }
        }
    }

    fn source(&mut self, arguments: &[String], sys: &mut Sys<'_>) -> Built {
        let Some(path) = arguments.first() else { return Built::Status(2) };
        let found = if path.contains('/') { path.clone() } else { format!("./{path}") };
        let text = match sys.read_file(&found) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => {
                return match self.kind {
                    Kind::Ash => Built::Fatal(format!(".: can't open '{path}': {error}")),
                    Kind::Dash => Built::Fatal(format!(".: cannot open {path}: No such file")),
                    Kind::Bash => {
                        self.complain(sys, &format!("{path}: {error}"));
                        Built::Status(1)
                    }
                };
            }
        };
        self.stack.push(Frame::Dot);
        self.stack.push(Frame::Source { text: Arc::from(text), at: 0, line: 1 });
        self.status = 0;
        Built::Step(Step::Ready)
    }

    fn declare(&mut self, what: &str, arguments: &[String], sys: &mut Sys<'_>) -> Built {
        if arguments.is_empty() || arguments == ["-p"] {
            let wanted =
                |it: &Variable| (what != "export" || it.exported) && (what != "readonly" || it.read_only);
            let lines: String = self
                .variables
                .iter()
                .filter(|it| wanted(it.1))
                .map(|it| format!("{what} {}='{}'\n", it.0, it.1.value))
                .fill();
            sys.out(&lines);
            return Built::Status(0);
        }
        let mut flags = String::new();
        for argument in arguments {
            if let Some(flag) = argument.strip_prefix('-') {
                flags.push_str(flag);
                continue;
            }
            let (name, value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (argument.as_str(), None),
            };
            if !is_name(name) {
                return Built::Fatal(format!("{what}: {argument}: bad variable name"));
            }
            if what == "local" || (what != "export" && what != "readonly") {
                let old = self.variables.get(name).cloned();
                let call = self.stack.iter_mut().rev().find(|it| matches!(it, Frame::Call { .. }));
                match call {
                    Some(Frame::Call { locals, .. }) => locals.push((name.to_owned(), old)),
                    _ if what == "local" => return Built::Fatal("local: not in a function".to_owned()),
                    _ => {}
                }
                if value.is_none() && what == "local" {
                    Arc::make_mut(&mut self.variables).remove(name);
                }
            }
            if let Some(value) = value
                && let Err(text) = self.set(name, value)
            {
                return Built::Fatal(text);
            }
            if what == "export" || flags.contains('x') {
                self.export(name);
            }
            if (what == "readonly" || flags.contains('r'))
                && let Some(variable) = Arc::make_mut(&mut self.variables).get_mut(name)
            {
                variable.read_only = true;
            }
        }
        // `local x=$(false)` hides the status; that is so in real shells.
        Built::Status(0)
    }

    fn unset(&mut self, arguments: &[String]) -> Built {
        let functions = arguments.first().is_some_and(|it| it == "-f");
        for name in arguments.iter().filter(|it| !it.starts_with('-')) {
            if functions {
                Arc::make_mut(&mut self.functions).remove(name);
                continue;
            }
            if self.variables.get(name).is_some_and(|it| it.read_only) {
                return Built::Fatal(format!("unset: {name}: is read only"));
            }
            self.environment = None;
            Arc::make_mut(&mut self.variables).remove(name);
        }
        Built::Status(0)
    }

    fn set_builtin(&mut self, arguments: &[String], sys: &mut Sys<'_>) -> Built {
        if arguments.is_empty() {
            let lines: String = self.variables.iter().map(|it| format!("{}='{}'\n", it.0, it.1.value)).fill();
            sys.out(&lines);
        }
        let mut rest = arguments;
        while let Some((first, more)) = rest.split_first() {
            if first == "--" {
                self.positional = Arc::new(more.to_vec());
                return Built::Status(0);
            }
            if !first.starts_with(['-', '+']) || first.len() < 2 {
                self.positional = Arc::new(rest.to_vec());
                return Built::Status(0);
            }
            rest = more;
            let on = first.starts_with('-');
            for flag in first[1..].chars() {
                if flag == 'o' {
                    let Some((name, more)) = rest.split_first() else { return Built::Status(0) };
                    rest = more;
                    if !self.set_option_by_name(name, on) {
                        return Built::Fatal(format!("set: illegal option -o {name}"));
                    }
                } else if !self.set_option(flag, on) {
                    return Built::Fatal(format!("set: illegal option -{flag}"));
                }
            }
        }
        Built::Status(0)
    }

    fn trap(&mut self, arguments: &[String], sys: &mut Sys<'_>) -> Built {
        let arguments =
            if arguments.first().is_some_and(|it| it == "--") { &arguments[1..] } else { arguments };
        let Some((action, signals)) = arguments.split_first() else {
            let lines: String = self
                .traps
                .iter()
                .map(|it| {
                    format!("trap -- '{}' {}\n", it.1, if *it.0 == 0 { "EXIT" } else { signal::name(*it.0) })
                })
                .fill();
            sys.out(&lines);
            return Built::Status(0);
        };
        let (action, signals) =
            if signals.is_empty() { ("-", std::slice::from_ref(action)) } else { (action.as_str(), signals) };
        for name in signals {
            let number = if name == "EXIT" { Some(0) } else { signal::parse(name) };
            let Some(number) = number else {
                if matches!(name.as_str(), "ERR" | "DEBUG" | "RETURN") && self.kind == Kind::Bash {
                    continue;
                }
                self.complain(sys, &format!("trap: {name}: invalid signal specification"));
                return Built::Status(1);
            };
            let traps = Arc::make_mut(&mut self.traps);
            if action == "-" {
                traps.remove(&number);
            } else {
                traps.insert(number, action.to_owned());
            }
            if number != 0 {
                let kept = self.interactive && matches!(number, signal::INT | signal::TERM | signal::QUIT);
                let caught = (action != "-" && !action.is_empty()) || (kept && action == "-");
                sys.set_signal(number, caught, action.is_empty());
            }
        }
        Built::Status(0)
    }

    /// Takes the ends of background children that nobody has waited for.
    pub(super) fn poll_jobs(&mut self, sys: &mut Sys<'_>) {
        for job in self.jobs.iter_mut().filter(|it| it.status.is_none()) {
            match sys.reap(Some(job.pid)) {
                Ok(Some((_, code))) => job.status = Some(code),
                Ok(None) => {}
                Err(_) => job.status = Some(127),
            }
        }
    }

    fn wait_builtin(&mut self, arguments: &[String], sys: &mut Sys<'_>) -> Built {
        self.poll_jobs(sys);
        let mut pids = Vec::new();
        for argument in arguments.iter().filter(|it| !it.starts_with('-')) {
            let job = match argument.strip_prefix('%') {
                Some(number) => number.parse::<usize>().ok().and_then(|it| self.jobs.get(it.checked_sub(1)?)),
                None => argument
                    .parse::<u32>()
                    .ok()
                    .and_then(|number| self.jobs.iter().find(|it| it.number == number)),
            };
            let Some(job) = job else {
                self.complain(sys, &format!("wait: pid {argument} is not a child of this shell"));
                return Built::Status(127);
            };
            pids.push(job.pid);
        }
        self.status = 0;
        self.stack.push(Frame::Wait { pids });
        Built::Step(Step::Ready)
    }

    pub(super) fn wait_for(&mut self, pids: Vec<Pid>, sys: &mut Sys<'_>) -> Step {
        self.poll_jobs(sys);
        let open = |it: &&super::Job| it.status.is_none() && (pids.is_empty() || pids.contains(&it.pid));
        if self.jobs.iter().any(|it| open(&it)) {
            self.stack.push(Frame::Wait { pids });
            return Step::Wait(Wait::Child);
        }
        if let Some(last) = pids.last()
            && let Some(job) = self.jobs.iter().find(|it| it.pid == *last)
        {
            self.status = job.status.unwrap_or(0);
        }
        self.jobs.retain(|it| it.status.is_none() || (!pids.is_empty() && !pids.contains(&it.pid)));
        self.after_command()
    }

    fn read_builtin(&mut self, arguments: &[String], sys: &mut Sys<'_>) -> Built {
        let mut state = ReadState { names: Vec::new(), raw: false, line: Vec::new(), until: None };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "-r" => state.raw = true,
                "-s" | "-e" => {}
                "-p" => sys.err(rest.next().map_or("", String::as_str)),
                "-t" => {
                    let seconds = rest.next().and_then(|it| commands::seconds(it)).unwrap_or_default();
                    state.until = Some(sys.now + seconds);
                }
                "-n" | "-d" | "-u" => {
                    rest.next();
                }
                name if is_name(name) => state.names.push(name.to_owned()),
                name => {
                    self.complain(sys, &format!("read: {name}: bad variable name"));
                    return Built::Status(2);
                }
            }
        }
        self.stack.push(Frame::Read(Box::new(state)));
        Built::Step(Step::Ready)
    }

    pub(super) fn read_more(&mut self, mut state: Box<ReadState>, sys: &mut Sys<'_>) -> Step {
        let outcome = Shell::read_line(&mut state.line, sys);
        match outcome {
            LineEnd::Blocked if state.until.is_some_and(|it| it <= sys.now) => {
                self.status = 1;
                return self.after_command();
            }
            LineEnd::Blocked => {
                let until = state.until;
                self.stack.push(Frame::Read(state));
                return until
                    .map_or(Step::Wait(Wait::Readable(0)), |it| Step::WaitUntil(Wait::Readable(0), it));
            }
            LineEnd::Line if !state.raw && state.line.ends_with(b"\\\n") => {
                state.line.truncate(state.line.len() - 2);
                self.stack.push(Frame::Read(state));
                return Step::Ready;
            }
            LineEnd::Line | LineEnd::End => {}
        }
        let text = String::from_utf8_lossy(&state.line).into_owned();
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = if state.raw { text.to_owned() } else { text.replace('\\', "") };
        if state.names.is_empty() {
            state.names.push("REPLY".to_owned());
        }
        let separators = self.get("IFS").unwrap_or(" \t\n").to_owned();
        let values = split_for_read(&text, &separators, state.names.len());
        for (number, name) in state.names.iter().enumerate() {
            if let Err(text) = self.set(name, values.get(number).map_or("", String::as_str)) {
                return self.fatal(&text, sys);
            }
        }
        self.status = i32::from(outcome == LineEnd::End);
        self.after_command()
    }

    fn command_builtin(&mut self, arguments: &[String], sys: &mut Sys<'_>) -> Built {
        match arguments {
            [] => Built::Status(0),
            [flag, rest @ ..] if flag == "-v" || flag == "-V" => {
                let mut status = 0;
                for name in rest {
                    let text = if self.functions.contains_key(name) || exists(name) {
                        Some(name.clone())
                    } else {
                        sys.which(name, self.get("PATH")).ok().map(|it| it.path)
                    };
                    match text {
                        Some(text) => sys.out(&format!("{text}\n")),
                        None => status = 127,
                    }
                }
                Built::Status(status)
            }
            _ => {
                let rest: Vec<String> = arguments.iter().skip_while(|it| *it == "-p").cloned().gather();
                if rest.first().is_some_and(|it| exists(it)) {
                    return self.builtin(&rest, sys);
                }
                // As a program, whatever functions there are.
                let quoted: Vec<super::ast::Word> =
                    rest.into_iter().map(|it| vec![super::ast::Part::Quoted(it)]).gather();
                let simple = super::ast::Simple { words: quoted, line: self.line, ..Default::default() };
                self.push_run(&Arc::new(super::ast::Node::Simple(simple)));
                Built::Step(Step::Ready)
            }
        }
    }

    fn type_of(&self, names: &[String], sys: &mut Sys<'_>) -> i32 {
        let mut status = 0;
        for name in names {
            let text = if self.functions.contains_key(name) {
                format!("{name} is a function")
            } else if exists(name) {
                format!("{name} is a shell builtin")
            } else if let Ok(stat) = sys.which(name, self.get("PATH")) {
                format!("{name} is {}", stat.path)
            } else {
                status = 127;
                format!("{name}: not found")
            };
            sys.out(&format!("{text}\n"));
        }
        status
    }

    fn getopts(&mut self, arguments: &[String], sys: &mut Sys<'_>) -> i32 {
        let [options, name, given @ ..] = arguments else { return 2 };
        let given: Vec<String> = if given.is_empty() { self.positional.to_vec() } else { given.to_vec() };
        let at: usize = self.get("OPTIND").and_then(|it| it.parse().ok()).unwrap_or(1);
        let inner: usize = self.get("_OPTPOS").and_then(|it| it.parse().ok()).unwrap_or(1);
        let done = |it: &String| !it.starts_with('-') || it == "-" || it == "--";
        let mut set = |name: &str, value: &str| {
            // Readonly names keep their values.
            let _ = self.set(name, value);
        };
        let Some(word) = given.get(at.wrapping_sub(1)).filter(|it| !done(it)) else {
            set(name, "?");
            return 1;
        };
        let Some(flag) = word.chars().nth(inner) else { return 1 };
        let place = options.find(flag).filter(|_| flag != ':');
        let takes = place.is_some_and(|it| options[it + 1..].starts_with(':'));
        let last = word.chars().count() <= inner + 1;
        let (mut next, mut next_inner) = if last { (at + 1, 1) } else { (at, inner + 1) };
        let mut value = String::new();
        if takes {
            value = if last {
                next += 1;
                given.get(at).cloned().unwrap_or_default()
            } else {
                (next, next_inner) = (at + 1, 1);
                word.chars().skip(inner + 1).fill()
            };
        }
        set("OPTIND", &next.to_string());
        set("_OPTPOS", &next_inner.to_string());
        set("OPTARG", &value);
        set(name, &if place.is_some() { flag.to_string() } else { "?".to_owned() });
        if place.is_none() && !options.starts_with(':') {
            sys.err(&format!("{}: illegal option -{flag}\n", self.name));
        }
        0
    }
}

/// Fields for `read`: the last name takes what is left.
fn split_for_read(text: &str, separators: &str, count: usize) -> Vec<String> {
    let blank = |c: char| separators.contains(c) && c.is_ascii_whitespace();
    let mut values = Vec::new();
    let mut rest = text.trim_start_matches(blank);
    while values.len() + 1 < count && !rest.is_empty() {
        let end = rest.find(|c| separators.contains(c)).unwrap_or(rest.len());
        values.push(rest[..end].to_owned());
        rest = rest[end..].trim_start_matches(blank);
        if let Some(next) = rest.chars().next()
            && separators.contains(next)
        {
            rest = rest[next.len_utf8()..].trim_start_matches(blank);
        }
    }
    values.push(rest.trim_end_matches(blank).to_owned());
    values
}
