//! Commands that run another one: env, xargs, timeout, time, nohup, su, watch.

use std::sync::Arc;
use std::time::Duration;

use sim::{Gather as _, SimTime};

use super::options::Options;
use super::{Command, seconds, signal_number};
use crate::kernel::{Environment, Errno, Pid, Read, Spawn, Step, Sys, Wait, signal};

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Child {
    kind: Kind,
    argv: Vec<String>,
    pid: Option<Pid>,
    status: i32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    Timeout {
        until: SimTime,
        signal: u8,
        killed: bool,
        preserve: bool,
    },
    Time {
        started: SimTime,
    },
    Watch {
        period: Duration,
        next: SimTime,
    },
    Xargs {
        input: Vec<u8>,
        words: Vec<String>,
        ended: bool,
        per_call: usize,
        replace: Option<String>,
        ran: bool,
    },
}

pub fn start(sys: &mut Sys<'_>, argv: &[String]) -> Result<Command, i32> {
    let name = sys.me().name().to_owned();
    let arguments = &argv[1..];
    let child =
        |kind, argv: Vec<String>| Ok(Command::Child(Box::new(Child { kind, argv, pid: None, status: 0 })));
    match name.as_str() {
        "env" => env(sys, arguments),
        "nohup" | "setsid" => replace(sys, &name, arguments.to_vec(), None),
        "nice" => {
            let options = Options::parse_until(arguments, "n", true);
            replace(sys, &name, options.rest, None)
        }
        "su" => su(sys, arguments),
        "timeout" => {
            let options = Options::parse_until(arguments, "s k t signal kill-after", true);
            let old = options.value("t").map(str::to_owned);
            let (time, rest) = match (&old, options.rest.split_first()) {
                (Some(time), _) => (time.clone(), options.rest.clone()),
                (None, Some((time, rest))) => (time.clone(), rest.to_vec()),
                (None, None) => return Err(super::output::missing(sys, &name)),
            };
            let Some(time) = seconds(&time) else {
                sys.err(&format!("timeout: invalid number '{time}'\n"));
                return Err(1);
            };
            let named = options.value("s").or(options.value("signal"));
            let signal = named.and_then(signal_number).unwrap_or(signal::TERM);
            let until = if time.is_zero() { SimTime::MAX } else { sys.now + time };
            child(Kind::Timeout { until, signal, killed: false, preserve: false }, rest)
        }
        "time" => child(Kind::Time { started: sys.now }, arguments.to_vec()),
        "watch" => {
            let options = Options::parse_until(arguments, "n", true);
            let period = options.value("n").and_then(seconds).unwrap_or(Duration::from_secs(2));
            let argv = vec!["sh".to_owned(), "-c".to_owned(), options.rest.join(" ")];
            child(Kind::Watch { period: period.max(Duration::from_millis(100)), next: sys.now }, argv)
        }
        _ => {
            let options = Options::parse_until(arguments, "n I L P d s", true);
            let replace = options.value("I").map(str::to_owned);
            let per_call = options.number("n").or(options.number("L")).map_or(5000, |it| it.max(1) as usize);
            let ran = options.has("r");
            let argv = if options.rest.is_empty() { vec!["echo".to_owned()] } else { options.rest };
            child(
                Kind::Xargs { input: Vec::new(), words: Vec::new(), ended: false, per_call, replace, ran },
                argv,
            )
        }
    }
}

fn env(sys: &mut Sys<'_>, arguments: &[String]) -> Result<Command, i32> {
    let options = Options::parse_until(arguments, "u", true);
    let mut all: Vec<(String, String)> =
        if options.any(&["i", "-"]) { Vec::new() } else { sys.me().environment.to_vec() };
    all.retain(|it| options.values("u").all(|name| it.0 != name));
    let mut rest = options.rest.as_slice();
    while let Some((first, more)) = rest.split_first()
        && let Some((name, value)) = first.split_once('=')
    {
        all.retain(|it| it.0 != name);
        all.push((name.to_owned(), value.to_owned()));
        rest = more;
    }
    if rest.is_empty() {
        let text: String = all.iter().map(|it| format!("{}={}\n", it.0, it.1)).fill();
        sys.out(&text);
        return Err(0);
    }
    replace(sys, "env", rest.to_vec(), Some(Arc::new(all)))
}

fn su(sys: &mut Sys<'_>, arguments: &[String]) -> Result<Command, i32> {
    let options = Options::parse(arguments, "c s");
    let name = options.rest.iter().find(|it| *it != "-").map_or("root", String::as_str);
    let Some(user) = super::system::user(sys, name) else {
        sys.err(&format!("su: unknown user {name}\n"));
        return Err(1);
    };
    if sys.me().credentials.uid != 0 && user.0 != sys.me().credentials.uid {
        sys.err("su: must be suid to work properly\n");
        return Err(1);
    }
    let me = sys.me_mut();
    (me.credentials.uid, me.credentials.gid) = user;
    let mut argv = vec![options.value("s").unwrap_or("sh").to_owned()];
    if let Some(command) = options.value("c") {
        argv.extend(["-c".to_owned(), command.to_owned()]);
    }
    replace(sys, "su", argv, None)
}

/// Becomes the other command.
fn replace(
    sys: &mut Sys<'_>,
    who: &str,
    argv: Vec<String>,
    environment: Option<Environment>,
) -> Result<Command, i32> {
    let Some(name) = argv.first().cloned() else { return Err(super::output::missing(sys, who)) };
    let environment = environment.unwrap_or_else(|| Arc::clone(&sys.me().environment));
    match sys.exec(Arc::new(argv), environment) {
        Ok(()) => Ok(Command::Start),
        Err(error) => {
            sys.err(&cannot_run(who, &name, error));
            Err(code_of(error))
        }
    }
}

fn cannot_run(who: &str, name: &str, error: Errno) -> String {
    format!("{who}: can't execute '{name}': {error}\n")
}

fn code_of(error: Errno) -> i32 {
    if error == Errno::NotFound { 127 } else { 126 }
}

impl Child {
    pub fn step(&mut self, sys: &mut Sys<'_>) -> Step {
        if let Some(pid) = self.pid {
            return self.wait(pid, sys);
        }
        match &mut self.kind {
            Kind::Xargs { .. } => self.xargs(sys),
            Kind::Watch { next, .. } if sys.now < *next => Step::Sleep(*next),
            Kind::Watch { period, next } => {
                *next = sys.now + *period;
                let title = format!("\x1b[H\x1b[JEvery {}.0s: {}\n\n", period.as_secs(), self.argv[2]);
                sys.out(&title);
                self.run(self.argv.clone(), sys)
            }
            Kind::Timeout { .. } | Kind::Time { .. } => self.run(self.argv.clone(), sys),
        }
    }

    fn run(&mut self, argv: Vec<String>, sys: &mut Sys<'_>) -> Step {
        let who = sys.me().name().to_owned();
        let Some(name) = argv.first().cloned() else {
            return Step::Exited(super::output::missing(sys, &who));
        };
        let spawn = Spawn {
            argv: Arc::new(argv),
            environment: Arc::clone(&sys.me().environment),
            program: None,
            descriptors: Vec::new(),
            group: None,
            ignored: 0,
        };
        match sys.spawn(spawn) {
            Ok(pid) => {
                self.pid = Some(pid);
                Step::Ready
            }
            Err(error) => {
                sys.err(&cannot_run(&who, &name, error));
                Step::Exited(code_of(error))
            }
        }
    }

    fn wait(&mut self, pid: Pid, sys: &mut Sys<'_>) -> Step {
        let ended = sys.reap(Some(pid)).unwrap_or(Some((pid, 127)));
        match (&mut self.kind, ended) {
            (Kind::Timeout { until, signal, killed, .. }, None) => {
                if *until <= sys.now && !*killed {
                    *killed = true;
                    // The child may have changed its user: nothing to do about that.
                    let _ = sys.kill(pid, *signal);
                    return Step::Ready;
                }
                if *killed { Step::Wait(Wait::Child) } else { Step::WaitUntil(Wait::Child, *until) }
            }
            (_, None) => Step::Wait(Wait::Child),
            (Kind::Timeout { killed, .. }, Some((_, code))) => {
                // busybox tells of the signal, GNU says 124.
                let gnu = sys.facts().flavour == crate::kernel::Flavour::Gnu;
                Step::Exited(if *killed && gnu { 124 } else { code })
            }
            (Kind::Time { started }, Some((_, code))) => {
                let took = sys.now.since(*started);
                let text = format!(
                    "{}m {}.{:02}s",
                    took.as_secs() / 60,
                    took.as_secs() % 60,
                    took.subsec_millis() / 10
                );
                sys.err(&format!("real\t{text}\nuser\t0m 0.00s\nsys\t0m 0.00s\n"));
                Step::Exited(code)
            }
            (Kind::Watch { .. }, Some(_)) => {
                self.pid = None;
                Step::Ready
            }
            (Kind::Xargs { .. }, Some((_, code))) => {
                self.pid = None;
                if code != 0 {
                    self.status = 123;
                }
                Step::Ready
            }
        }
    }

    fn xargs(&mut self, sys: &mut Sys<'_>) -> Step {
        const INPUT_BYTES_MAX: usize = 1 << 20;
        let Kind::Xargs { input, words, ended, per_call, replace, ran } = &mut self.kind else {
            return Step::Ready;
        };
        if !*ended {
            match sys.read(0, 65_536) {
                Ok(Read::Data(data)) => {
                    if input.len() < INPUT_BYTES_MAX {
                        input.extend(data);
                    }
                    return Step::Ready;
                }
                Ok(Read::Block) => return Step::Wait(Wait::Readable(0)),
                Ok(Read::End) | Err(_) => {
                    *ended = true;
                    let text = String::from_utf8_lossy(input).into_owned();
                    *words = if replace.is_some() {
                        text.lines()
                            .filter(|it| !it.trim().is_empty())
                            .map(|it| it.trim().to_owned())
                            .gather()
                    } else {
                        text.split(|c: char| c.is_whitespace() || c == '\0')
                            .filter(|it| !it.is_empty())
                            .map(|it| it.trim_matches(['"', '\'']).to_owned())
                            .gather()
                    };
                }
            }
        }
        if words.is_empty() && *ran {
            return Step::Exited(self.status);
        }
        *ran = true;
        let mut argv = self.argv.clone();
        if let Some(mark) = replace {
            if words.is_empty() {
                return Step::Exited(self.status);
            }
            let word = words.remove(0);
            argv = argv.iter().map(|it| it.replace(mark.as_str(), &word)).gather();
        } else {
            let rest = words.split_off((*per_call).min(words.len()));
            argv.append(words);
            *words = rest;
        }
        self.run(argv, sys)
    }
}
