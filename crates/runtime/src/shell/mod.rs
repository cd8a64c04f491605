//! The POSIX shell as Pods use it: busybox ash, and near enough dash and bash.
//!
//! The interpreter keeps its own stack of [`Frame`]s, so that a half-run script is a value: a subshell is a clone.
//! The parser is our own, not a library's: the syntax tree must be hashable state, the errors must be ash's, and it is a
//! sixth of the size. No aliases, no job control beyond `&`, `wait` and `jobs`, no arrays.

use sim::Gather as _;

mod arithmetic;
mod ast;
mod builtins;
pub(crate) mod escapes;
mod expand;
mod input;
mod jobs;
mod parse;
mod parse_word;
pub(crate) mod pattern;
mod run;
mod start;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use sim::{SimTime, VecMap};

use crate::kernel::{DescriptionId, Environment, Pid, Sys};
use ast::{Arm, Node};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    Ash,
    Dash,
    Bash,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Variable {
    value: String,
    exported: bool,
    read_only: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "these are the shell's own switches")]
struct Options {
    exit_on_error: bool,
    no_unset: bool,
    trace: bool,
    no_glob: bool,
    pipe_fail: bool,
    no_execute: bool,
    verbose: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Job {
    number: u32,
    pid: Pid,
    status: Option<i32>,
    text: String,
}

/// What is left to do, the next on top.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Frame {
    /// Does a node; with the outputs of its command substitutions so far.
    Run {
        node: Arc<Node>,
        results: Vec<String>,
    },
    /// Text to read commands from: a script, `-c`, `eval`, a trap.
    Source {
        text: Arc<str>,
        at: usize,
        line: u32,
    },
    /// Lines of standard input, with prompts when somebody types.
    Prompt {
        text: String,
        prompted: bool,
    },
    List {
        node: Arc<Node>,
        next: usize,
    },
    And(Arc<Node>),
    Or(Arc<Node>),
    Not,
    /// After the condition.
    If(Arc<Node>),
    While {
        node: Arc<Node>,
        in_body: bool,
        status: i32,
    },
    For {
        name: String,
        values: Arc<Vec<String>>,
        next: usize,
        body: Arc<Node>,
    },
    /// `;&` of a `case`.
    Arms {
        arms: Vec<Arm>,
    },
    /// Undoes redirections and variables that were for one command.
    Restore {
        descriptors: Vec<(u32, Option<DescriptionId>)>,
        variables: Vec<(String, Option<Variable>)>,
    },
    /// The end of a function's call.
    Call {
        positional: Arc<Vec<String>>,
        locals: Vec<(String, Option<Variable>)>,
    },
    /// The end of a sourced file.
    Dot,
    /// Waits for children in the foreground; the last one's status counts.
    Foreground {
        pids: Vec<Pid>,
        statuses: Vec<i32>,
    },
    /// Collects the output of a command substitution.
    Collect {
        pid: Pid,
        number: u32,
        bytes: Vec<u8>,
        ended: bool,
    },
    /// The `wait` of these (all jobs: none).
    Wait {
        pids: Vec<Pid>,
    },
    /// The `read` of a line.
    Read(Box<builtins::ReadState>),
    /// After a trap's commands: the status of before.
    AfterTrap {
        status: i32,
    },
    /// Prints what `time` measured.
    Time {
        started: SimTime,
    },
    /// Ends the shell when it comes to the top.
    Exit,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Shell {
    kind: Kind,
    /// `$0`
    name: String,
    /// A script of that name is run: errors tell the line.
    script: bool,
    started: bool,
    interactive: bool,
    /// A subshell, or the last command of `-c`: may become the program it would start.
    ending: bool,
    positional: Arc<Vec<String>>,
    variables: Arc<VecMap<String, Variable>>,
    functions: Arc<VecMap<String, Arc<Node>>>,
    /// By signal; 0 is EXIT. Empty: ignored.
    traps: Arc<VecMap<u8, String>>,
    options: Options,
    stack: Vec<Frame>,
    status: i32,
    /// Of the last command substitution.
    substituted: Option<i32>,
    jobs: Vec<Job>,
    last_background: Option<u32>,
    /// `$$`: stays the same in subshells.
    number: u32,
    line: u32,
    /// Traps to run when the time comes.
    pending: Vec<u8>,
    /// What the exported variables come to, until one changes.
    environment: Option<Environment>,
    /// Words are split now; not in assignments.
    splitting: bool,
    variable_bytes: u64,
    started_at: SimTime,
}

/// Bytes that all variables of one shell may take.
const VARIABLES_BYTES_MAX: u64 = 16 << 20;
/// What a shell takes before it has any variables.
const SHELL_BYTES: u64 = 900_000;

impl Shell {
    fn get(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(|it| it.value.as_str())
    }

    fn set(&mut self, name: &str, value: &str) -> Result<(), String> {
        let old = self.variables.get(name);
        if old.is_some_and(|it| it.read_only) {
            return Err(if self.kind == Kind::Bash {
                format!("{name}: readonly variable")
            } else {
                format!("{name}: is read only")
            });
        }
        let exported = old.is_some_and(|it| it.exported);
        let before = old.map_or(0, |it| it.value.len());
        self.variable_bytes = (self.variable_bytes + value.len() as u64).saturating_sub(before as u64);
        if VARIABLES_BYTES_MAX < self.variable_bytes {
            return Err("out of memory".to_owned());
        }
        if exported {
            self.environment = None;
        }
        let variables = Arc::make_mut(&mut self.variables);
        if let Some(variable) = variables.get_mut(name) {
            value.clone_into(&mut variable.value);
        } else {
            let variable = Variable { value: value.to_owned(), exported: false, read_only: false };
            variables.insert(name.to_owned(), variable);
        }
        Ok(())
    }

    fn export(&mut self, name: &str) {
        self.environment = None;
        let variables = Arc::make_mut(&mut self.variables);
        let variable = variables.entry(name.to_owned()).or_insert_with(|| Variable {
            value: String::new(),
            exported: true,
            read_only: false,
        });
        variable.exported = true;
    }

    fn put_back(&mut self, name: String, old: Option<Variable>) {
        self.environment = None;
        let variables = Arc::make_mut(&mut self.variables);
        match old {
            Some(variable) => variables.insert(name, variable),
            None => variables.remove(&name),
        };
    }

    fn exported(&mut self) -> Environment {
        if let Some(environment) = &self.environment {
            return Arc::clone(environment);
        }
        let all = self.variables.iter().filter(|it| it.1.exported);
        let environment: Environment = Arc::new(all.map(|it| (it.0.clone(), it.1.value.clone())).gather());
        self.environment = Some(Arc::clone(&environment));
        environment
    }

    /// The value of `$name`.
    fn parameter(&self, name: &str, sys: &mut Sys<'_>) -> Option<String> {
        match name {
            "@" | "*" => Some(self.positional.join(" ")),
            "#" => Some(self.positional.len().to_string()),
            "?" => Some(self.status.to_string()),
            "$" => Some(self.number.to_string()),
            "!" => self.last_background.map(|it| it.to_string()),
            "-" => {
                let options = self.options;
                let all = [
                    ('e', options.exit_on_error),
                    ('f', options.no_glob),
                    ('i', self.interactive),
                    ('u', options.no_unset),
                    ('x', options.trace),
                ];
                Some(all.iter().filter(|it| it.1).map(|it| it.0).fill())
            }
            "0" => Some(self.name.clone()),
            "RANDOM" => Some((sys.random() % 32_768).to_string()),
            "SECONDS" => Some(sys.now.since(self.started_at).as_secs().to_string()),
            "LINENO" => Some(self.line.to_string()),
            "PPID" => {
                let parent = sys.me().parent;
                Some(parent.map_or(0, |it| sys.number_of(it)).to_string())
            }
            "EPOCHSECONDS" => Some(sys.unix_seconds().to_string()),
            _ => match name.parse::<usize>() {
                Ok(number) => self.positional.get(number.checked_sub(1)?).cloned(),
                Err(_) => self.get(name).map(str::to_owned),
            },
        }
    }

    /// `sh: `, or with the line that a script is at.
    fn prefix(&self) -> String {
        let name = &self.name;
        match self.kind {
            Kind::Ash if self.script => format!("{name}: line {}: ", self.line),
            Kind::Ash => format!("{name}: "),
            Kind::Dash => format!("{name}: {}: ", self.line),
            Kind::Bash if self.interactive => format!("{name}: "),
            Kind::Bash => format!("{name}: line {}: ", self.line),
        }
    }

    fn complain(&self, sys: &mut Sys<'_>, text: &str) {
        sys.err(&format!("{}{text}\n", self.prefix()));
    }
}
