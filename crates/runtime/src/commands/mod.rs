//! The commands of a busybox (and the same of GNU), each small and true.

use std::sync::Arc;

use sim::SimTime;

use crate::kernel::{Program, Read, Step, Sys, Wait};
use crate::programs::Server;

/// What a busybox is called by.
pub const NAMES: &[&str] = &["sleep", "cat", "echo", "true", "false"];

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Command {
    Start,
    Sleep(SimTime),
    Cat,
}

/// The program of an executable named so; None when there is no such program.
pub fn load(sys: &mut Sys<'_>, name: &str, argv: &Arc<Vec<String>>) -> Option<Program> {
    if let Some(server) = Server::load(sys, name, argv) {
        return Some(Program::Server(Box::new(server)));
    }
    Some(Program::Command(Box::new(Command::Start)))
}

impl Command {
    pub fn step(&mut self, sys: &mut Sys<'_>) -> Step {
        match self {
            Command::Start => self.start(sys),
            Command::Sleep(until) if *until <= sys.now => Step::Exited(0),
            Command::Sleep(until) => Step::Sleep(*until),
            Command::Cat => match sys.read(0, 65_536) {
                Ok(Read::Data(data)) => {
                    let _ = sys.write(1, &data);
                    Step::Ready
                }
                Ok(Read::Block) => Step::Wait(Wait::Readable(0)),
                Ok(Read::End) | Err(_) => Step::Exited(0),
            },
        }
    }

    fn start(&mut self, sys: &mut Sys<'_>) -> Step {
        let argv = Arc::clone(&sys.me().argv);
        match sys.me().name() {
            "true" => Step::Exited(0),
            "sleep" => {
                let seconds = argv.get(1).and_then(|it| it.parse().ok()).unwrap_or(0);
                *self = Command::Sleep(sys.now + std::time::Duration::from_secs(seconds));
                Step::Ready
            }
            "echo" => {
                sys.out(&(argv[1..].join(" ") + "\n"));
                Step::Exited(0)
            }
            "cat" if argv.len() == 1 => {
                *self = Command::Cat;
                Step::Ready
            }
            "cat" => match sys.read_file(&argv[1]) {
                Ok(data) => {
                    let _ = sys.write(1, &data);
                    Step::Exited(0)
                }
                Err(error) => {
                    sys.err(&format!("cat: can't open '{}': {error}\n", argv[1]));
                    Step::Exited(1)
                }
            },
            _ => Step::Exited(1),
        }
    }
}
