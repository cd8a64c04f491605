//! `exec`: another program in a running container.

use super::{Next, Task};
use crate::client::{Failure, fail, usage};
use crate::flags::Flags;
use crate::json::text;
use crate::{Call, ExecRequest};

pub const FLAGS: &str = "container,c= stdin,i! tty,t! quiet,q! filename,f= pod-running-timeout%";

/// A session that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Session {
    exec: u64,
    stdin: bool,
}

/// How a session ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ended {
    pub code: i32,
    /// Why is told already: the program never started.
    pub told: bool,
}

pub fn run(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let before = flags.dash.unwrap_or(flags.args.len());
    if flags.args.is_empty() || before == 0 {
        return usage("exec", "pod, type/name or --filename must be specified");
    }
    let command = flags.args[before..].to_vec();
    if command.is_empty() {
        if 1 < before {
            return usage(
                "exec",
                "exec [POD] [COMMAND] is not supported anymore. Use exec [POD] -- [COMMAND] instead",
            );
        }
        return fail("you must specify at least one command for the container");
    }
    let pod = super::logs::pod_of(call, flags, &flags.args[0])?;
    let phase = text(&pod, "status.phase");
    if matches!(phase, "Succeeded" | "Failed") {
        return fail(format!("cannot exec into a container in a completed pod; current phase is {phase}"));
    }
    let container = super::logs::container_of(call, flags, &pod)?;
    let request = ExecRequest {
        namespace: text(&pod, "metadata.namespace").to_owned(),
        pod: text(&pod, "metadata.name").to_owned(),
        container,
        command,
        stdin: flags.on("stdin"),
        tty: flags.on("tty"),
    };
    if text(&pod, "spec.nodeName").is_empty() {
        return fail(format!(
            "unable to upgrade connection: pod {} does not have a host assigned",
            request.pod
        ));
    }
    let exec = call.world.exec_start(&request).map_err(Failure::Text)?;
    Ok(Session::new(exec, request.stdin).step(call))
}

impl Session {
    pub fn new(exec: u64, stdin: bool) -> Session {
        Session { exec, stdin }
    }

    pub fn step(self, call: &mut Call) -> Next {
        if call.interrupted {
            self.stop(call);
            return Next::Exit(130);
        }
        match self.go_on(call) {
            None => Next::Wait(Task::Exec(self), None),
            Some(Ended { code, told }) => {
                if code != 0 && !told {
                    call.warn(&format!("command terminated with exit code {code}"));
                }
                Next::Exit(code)
            }
        }
    }

    /// Passes on what was typed and written; how it ended once it has.
    pub fn go_on(&self, call: &mut Call) -> Option<Ended> {
        if self.stdin {
            let input = call.world.stdin();
            call.world.exec_write(self.exec, &input);
        }
        let view = call.world.exec_poll(self.exec);
        call.out.extend(view.stdout);
        call.err.push_str(&String::from_utf8_lossy(&view.stderr));
        view.exit.map(|code| Ended { code, told: view.failed })
    }

    pub fn stop(&self, call: &mut Call) {
        call.world.exec_stop(self.exec);
    }
}
