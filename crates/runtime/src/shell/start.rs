//! How a shell begins: `sh`, `sh -c text`, `sh script`, and what it takes from its environment.

use std::sync::Arc;

use sim::VecMap;

use super::{Frame, Kind, Options, SHELL_BYTES, Shell, Variable};
use crate::kernel::{Flavour, Sys};

impl Shell {
    /// The shell of an executable with that name.
    pub fn new(sys: &Sys<'_>, program: &str) -> Shell {
        let kind = match program {
            "bash" | "rbash" => Kind::Bash,
            "dash" => Kind::Dash,
            _ if sys.facts().flavour == Flavour::Gnu => Kind::Dash,
            _ => Kind::Ash,
        };
        Shell {
            kind,
            name: program.to_owned(),
            script: false,
            started: false,
            interactive: false,
            ending: false,
            positional: Arc::default(),
            variables: Arc::default(),
            functions: Arc::default(),
            traps: Arc::default(),
            options: Options::default(),
            stack: Vec::new(),
            status: 0,
            substituted: None,
            jobs: Vec::new(),
            last_background: None,
            number: 0,
            line: 1,
            pending: Vec::new(),
            environment: None,
            splitting: true,
            variable_bytes: 0,
            started_at: sys.now,
        }
    }

    /// Reads the arguments; the code when that is the end of it.
    pub(super) fn begin(&mut self, sys: &mut Sys<'_>) -> Option<i32> {
        self.started = true;
        self.number = sys.me().number;
        self.take_environment(sys);
        let argv = Arc::clone(&sys.me().argv);
        self.name = argv.first().map_or("sh", String::as_str).to_owned();
        let mut rest = &argv[1..];
        let mut command = false;
        let mut stdin = false;
        while let Some((first, more)) = rest.split_first() {
            if !first.starts_with(['-', '+']) || first.len() < 2 {
                break;
            }
            rest = more;
            if first == "--" {
                break;
            }
            if first.starts_with("--") {
                continue;
            }
            let on = first.starts_with('-');
            for flag in first[1..].chars() {
                match flag {
                    'c' => command = true,
                    's' => stdin = true,
                    'i' => self.interactive = on,
                    'l' => {}
                    'o' => {
                        if let Some((name, more)) = rest.split_first() {
                            rest = more;
                            self.set_option_by_name(name, on);
                        }
                    }
                    _ => {
                        if !self.set_option(flag, on) {
                            sys.err(&format!("{}: invalid option -- '{flag}'\n", self.name));
                            return Some(2);
                        }
                    }
                }
            }
        }
        if command {
            let Some((text, rest)) = rest.split_first() else {
                sys.err(&format!("{}: -c requires an argument\n", self.name));
                return Some(2);
            };
            if let Some((name, arguments)) = rest.split_first() {
                name.clone_into(&mut self.name);
                self.positional = Arc::new(arguments.to_vec());
            }
            self.ending = true;
            self.stack.push(Frame::Source { text: Arc::from(text.as_str()), at: 0, line: 1 });
            return None;
        }
        if let Some((path, arguments)) = rest.split_first().filter(|_| !stdin) {
            self.positional = Arc::new(arguments.to_vec());
            return self.begin_script(path, sys);
        }
        self.positional = Arc::new(rest.to_vec());
        self.interactive |= sys.is_tty(0) && sys.is_tty(2);
        if self.interactive {
            sys.set_signal(crate::kernel::signal::INT, true, false);
            sys.set_signal(crate::kernel::signal::TERM, true, false);
            sys.set_signal(crate::kernel::signal::QUIT, true, false);
        }
        self.stack.push(Frame::Prompt { text: String::new(), prompted: false });
        None
    }

    fn begin_script(&mut self, path: &str, sys: &mut Sys<'_>) -> Option<i32> {
        let text = match sys.read_file(path) {
            Ok(text) => String::from_utf8_lossy(&text).into_owned(),
            Err(error) => {
                let text = match self.kind {
                    Kind::Ash => format!("can't open '{path}': {error}"),
                    Kind::Dash => format!("0: cannot open {path}: No such file"),
                    Kind::Bash => format!("{path}: {error}"),
                };
                sys.err(&format!("{}: {text}\n", self.name));
                return Some(if self.kind == Kind::Ash || self.kind == Kind::Dash { 2 } else { 127 });
            }
        };
        self.script = true;
        path.clone_into(&mut self.name);
        self.stack.push(Frame::Source { text: Arc::from(text), at: 0, line: 1 });
        None
    }

    fn take_environment(&mut self, sys: &mut Sys<'_>) {
        let mut variables = VecMap::new();
        let mut put = |name: &str, value: &str, exported| {
            let variable = Variable { value: value.to_owned(), exported, read_only: false };
            variables.entry(name.to_owned()).or_insert(variable);
        };
        let depth = sys.me().environment.iter().find(|it| it.0 == "SHLVL").and_then(|it| it.1.parse().ok());
        for (name, value) in &*sys.me().environment {
            // Only what can be a variable is taken in and handed on; bash hands on everything.
            if self.kind == Kind::Bash || is_variable(name) {
                put(name, value, true);
            }
        }
        put("PWD", &sys.me().directory, true);
        put("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", true);
        put("OPTIND", "1", false);
        put("PS4", "+ ", false);
        if self.kind != Kind::Dash {
            let deeper = depth.unwrap_or(0_u32).saturating_add(1).to_string();
            let value = Variable { value: deeper, exported: true, read_only: false };
            variables.insert("SHLVL".to_owned(), value);
        }
        self.variables = Arc::new(variables);
        self.variable_bytes = self.variables.values().map(|it| it.value.len() as u64).sum();
        sys.me_mut().memory_bytes = SHELL_BYTES;
    }

    /// False when there is no such switch.
    pub(super) fn set_option(&mut self, flag: char, on: bool) -> bool {
        let options = &mut self.options;
        match flag {
            'e' => options.exit_on_error = on,
            'u' => options.no_unset = on,
            'x' => options.trace = on,
            'f' => options.no_glob = on,
            'n' => options.no_execute = on,
            'v' => options.verbose = on,
            'a' | 'b' | 'm' | 'h' | 'B' | 'C' | 'E' | 'H' => {}
            _ => return false,
        }
        true
    }

    pub(super) fn set_option_by_name(&mut self, name: &str, on: bool) -> bool {
        match name {
            "errexit" => self.options.exit_on_error = on,
            "nounset" => self.options.no_unset = on,
            "xtrace" => self.options.trace = on,
            "noglob" => self.options.no_glob = on,
            "pipefail" => self.options.pipe_fail = on,
            "noexec" => self.options.no_execute = on,
            "allexport" | "monitor" | "vi" | "emacs" | "posix" | "noclobber" | "verbose" => {}
            _ => return false,
        }
        true
    }
}

fn is_variable(name: &str) -> bool {
    let mut bytes = name.bytes();
    bytes.next().is_some_and(|it| it == b'_' || it.is_ascii_alphabetic())
        && bytes.all(|it| it == b'_' || it.is_ascii_alphanumeric())
}
