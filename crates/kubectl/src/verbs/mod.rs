//! The verbs: one table, one function each; those that take time go on as a [`Task`].

mod apply;
mod change;
mod create;
mod delete;
mod describe;
mod exec;
mod get;
mod info;
mod logs;
mod patch;
mod rollout;

use sim::SimTime;

use crate::Call;
use crate::client::{Failure, fail};
use crate::flags::{self, Flags};

/// What a command that is not finished waits for: plain data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(crate) enum Task {
    #[default]
    Start,
    /// Reads standard input before the verb begins.
    Input(Vec<u8>),
    Watch(Box<get::Watch>),
    Delete(Box<delete::Waiting>),
    Logs(Box<logs::Follow>),
    Exec(exec::Session),
    Rollout(Box<rollout::Rollout>),
}

pub(crate) enum Next {
    Exit(i32),
    Wait(Task, Option<SimTime>),
}

pub(crate) const DONE: Result<Next, Failure> = Ok(Next::Exit(0));

type Run = fn(&mut Call, &Flags) -> Result<Next, Failure>;

struct Verb {
    /// With a subcommand after a space.
    name: &'static str,
    flags: &'static str,
    run: Run,
}

/// In the order that kubectl registers its commands: suggestions come in it.
const VERBS: &[Verb] = &[
    Verb { name: "create", flags: create::FILE, run: create::file },
    Verb { name: "create deployment", flags: create::DEPLOYMENT, run: create::deployment },
    Verb { name: "create namespace", flags: create::NAMESPACE, run: create::namespace },
    Verb { name: "run", flags: create::RUN, run: create::run },
    Verb { name: "set image", flags: change::IMAGE, run: change::image },
    Verb { name: "get", flags: get::FLAGS, run: get::run },
    Verb { name: "delete", flags: delete::FLAGS, run: delete::run },
    Verb { name: "rollout restart", flags: change::RESTART, run: change::restart },
    Verb { name: "scale", flags: change::SCALE, run: change::scale },
    Verb { name: "cluster-info", flags: info::PLAIN, run: info::cluster_info },
    Verb { name: "top", flags: info::PLAIN, run: info::top },
    Verb { name: "cordon", flags: change::CORDON, run: change::cordon },
    Verb { name: "uncordon", flags: change::CORDON, run: change::uncordon },
    Verb { name: "describe", flags: describe::FLAGS, run: describe::run },
    Verb { name: "logs", flags: logs::FLAGS, run: logs::run },
    Verb { name: "exec", flags: exec::FLAGS, run: exec::run },
    Verb { name: "apply", flags: apply::FLAGS, run: apply::run },
    Verb { name: "label", flags: change::LABEL, run: change::label },
    Verb { name: "annotate", flags: change::LABEL, run: change::annotate },
    Verb { name: "api-resources", flags: info::RESOURCES, run: info::api_resources },
    Verb { name: "api-versions", flags: info::PLAIN, run: info::api_versions },
    Verb { name: "version", flags: info::VERSION, run: info::version },
    Verb { name: "config current-context", flags: info::PLAIN, run: info::current_context },
    Verb { name: "patch", flags: patch::PATCH, run: patch::patch },
    Verb { name: "taint", flags: patch::TAINT, run: patch::taint },
    Verb { name: "rollout status", flags: rollout::STATUS, run: rollout::status },
];

/// Flags of everything that reads manifests.
macro_rules! file_flags {
    ($rest:literal) => {
        concat!("filename,f= kustomize,k= recursive,R! ", $rest)
    };
}
pub(crate) use file_flags;

/// Flags of everything that prints what it changed.
macro_rules! change_flags {
    ($rest:literal) => {
        concat!(
            "filename,f= kustomize,k= recursive,R! output,o= template= allow-missing-template-keys! show-managed-fields! dry-run~unchanged field-manager= ",
            $rest
        )
    };
}
pub(crate) use change_flags;

/// Begins or goes on.
pub(crate) fn step(task: Task, words: &[String], call: &mut Call) -> Result<Next, Failure> {
    match task {
        Task::Start => start(words, call),
        Task::Input(mut held) => {
            if call.interrupted {
                return Ok(Next::Exit(130));
            }
            let input = call.world.stdin();
            held.extend(input.bytes);
            if !input.eof {
                return Ok(Next::Wait(Task::Input(held), None));
            }
            call.input = held;
            let (verb, flags) = parse(words)?;
            (verb.run)(call, &flags)
        }
        Task::Watch(watch) => watch.step(call),
        Task::Delete(waiting) => waiting.step(call),
        Task::Logs(follow) => follow.step(call),
        Task::Exec(session) => Ok(session.step(call)),
        Task::Rollout(rollout) => rollout.step(call),
    }
}

fn start(words: &[String], call: &mut Call) -> Result<Next, Failure> {
    if flags::verb_position(words).is_none_or(|it| words[it] == "help") {
        call.print(HELP);
        return DONE;
    }
    let (verb, flags) = parse(words)?;
    if flags.on("help") {
        call.say(&format!(
            "Usage of {} is described at https://kubernetes.io/docs/reference/kubectl/generated/kubectl_{}/",
            verb.name,
            verb.name.replace(' ', "/kubectl_")
        ));
        return DONE;
    }
    if let Some(path) = flags.value("kubeconfig")
        && call.world.read_file(&crate::manifest::absolute(call, path)).is_err()
    {
        return fail(format!("stat {path}: no such file or directory"));
    }
    if flags.given("kustomize") {
        return fail(format!(
            "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization' in directory '{}'",
            crate::manifest::absolute(call, flags.text("kustomize"))
        ));
    }
    if flags.all("filename").any(|it| it == "-") {
        return step(Task::Input(Vec::new()), words, call);
    }
    (verb.run)(call, &flags)
}

const HELP: &str = "kubectl controls the Kubernetes cluster manager.

 Find more information at: https://kubernetes.io/docs/reference/kubectl/

Usage:
  kubectl [flags] [options]

Use \"kubectl <command> --help\" for more information about a given command.
Use \"kubectl options\" for a list of global command-line options (applies to all commands).
";

/// Finds the verb and reads its flags.
fn parse(words: &[String]) -> Result<(&'static Verb, Flags), Failure> {
    let Some(at) = flags::verb_position(words) else { return fail("no command") };
    let name = words[at].as_str();
    let mut rest: Vec<String> = words[..at].to_vec();
    rest.extend_from_slice(&words[at + 1..]);
    let sub = flags::verb_position(&words[at + 1..]).map(|it| at + 1 + it);
    let long = sub.map(|it| format!("{name} {}", words[it]));
    let mut found = long.and_then(|long| {
        VERBS.iter().find(|it| it.name == long || ALIASES.contains(&(long.as_str(), it.name)))
    });
    if let (Some(_), Some(sub)) = (found, sub) {
        rest.remove(sub - 1);
    } else {
        found = VERBS.iter().find(|it| it.name == name);
    }
    let Some(verb) = found else { return Err(unknown(name)) };
    let parsed = Flags::parse(verb.flags, &rest);
    let flags =
        parsed.map_err(|e| Failure::Text(format!("{e}\nSee 'kubectl {} --help' for usage.", verb.name)))?;
    Ok((verb, flags))
}

/// Subcommands under another name.
const ALIASES: &[(&str, &str)] = &[
    ("create deploy", "create deployment"),
    ("create ns", "create namespace"),
    ("create cm", "create configmap"),
    ("create sa", "create serviceaccount"),
    ("create pc", "create priorityclass"),
    ("create pdb", "create poddisruptionbudget"),
    ("create svc clusterip", "create service clusterip"),
];

fn unknown(name: &str) -> Failure {
    let mut text = format!("unknown command {name:?} for \"kubectl\"");
    let mut near: Vec<&str> = Vec::new();
    for verb in VERBS {
        let word = verb.name.split(' ').next().unwrap_or("");
        if !near.contains(&word) && (distance(name, word) <= 2 || word.starts_with(name)) {
            near.push(word);
        }
    }
    if !near.is_empty() {
        text.push_str("\n\nDid you mean this?\n");
        for word in near {
            text = format!("{text}\t{word}\n");
        }
    }
    Failure::Text(text)
}

/// Levenshtein's.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let cost = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = cost.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[b.len()]
}

/// `--dry-run`, understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum DryRun {
    No,
    Client,
    Server,
}

impl DryRun {
    pub fn of(call: &mut Call, flags: &Flags) -> Result<DryRun, Failure> {
        Ok(match flags.value("dry-run") {
            None | Some("none" | "") => DryRun::No,
            Some("client") => DryRun::Client,
            Some("server") => DryRun::Server,
            Some("unchanged") => {
                call.warn("W1121 00:00:00.000000       1 helpers.go:749] --dry-run is deprecated and can be replaced with --dry-run=client.");
                DryRun::Client
            }
            Some("true") => {
                return fail("Invalid dry-run value (true). Must be \"none\", \"server\", or \"client\".");
            }
            Some(other) => {
                return fail(format!(
                    "Invalid dry-run value ({other}). Must be \"none\", \"server\", or \"client\"."
                ));
            }
        })
    }

    pub fn query(self) -> &'static str {
        if self == DryRun::Server { "All" } else { "" }
    }

    pub fn suffix(self) -> &'static str {
        match self {
            DryRun::No => "",
            DryRun::Client => " (dry run)",
            DryRun::Server => " (server dry run)",
        }
    }
}

/// Tells what happened to an object, in the format asked for.
pub(crate) fn tell(
    call: &mut Call,
    flags: &Flags,
    object: &serde_json::Value,
    what: &str,
    dry: DryRun,
) -> Result<(), Failure> {
    let format = crate::output::Format::of_change(flags)?;
    if format.is_table() {
        call.say(&format!("{} {what}{}", crate::output::name_of(object), dry.suffix()));
    } else {
        let text = format.print(object, flags.on("show-managed-fields"), call.now)?;
        if matches!(format, crate::output::Format::Yaml) && call.out.ends_with(b"\n") {
            call.say("---");
        }
        call.print(&text);
    }
    Ok(())
}
