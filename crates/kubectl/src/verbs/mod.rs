//! The verbs: one table, one function each; those that take time go on as a [`Task`].

mod absent;
mod apply;
mod change;
mod config;
mod create;
mod debug;
mod delete;
mod describe;
mod drain;
mod events;
mod exec;
mod expose;
mod generate;
mod get;
mod info;
mod logs;
mod patch;
mod replace;
mod revisions;
mod rollout;
mod run;
mod set;
mod wait;

use sim::{Gather as _, SimTime, Sort as _};

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
    Run(Box<run::Attached>),
    Until(Box<wait::Waiting>),
    Events(Box<events::Watch>),
    Drain(Box<drain::Draining>),
    Replace(Box<replace::Replacing>),
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
    Verb { name: "create namespace", flags: create::NAMESPACE, run: create::namespace },
    Verb { name: "create secret docker-registry", flags: generate::REGISTRY, run: generate::secret_registry },
    Verb { name: "create secret generic", flags: generate::SECRET, run: generate::secret_generic },
    Verb { name: "create secret tls", flags: generate::TLS, run: generate::secret_tls },
    Verb { name: "create configmap", flags: generate::CONFIG_MAP, run: generate::config_map },
    Verb { name: "create serviceaccount", flags: generate::BARE, run: generate::service_account },
    Verb { name: "create service clusterip", flags: generate::SERVICE, run: generate::cluster_ip },
    Verb { name: "create service nodeport", flags: generate::SERVICE, run: generate::node_port },
    Verb { name: "create service loadbalancer", flags: generate::SERVICE, run: generate::load_balancer },
    Verb { name: "create service externalname", flags: generate::SERVICE, run: generate::external_name },
    Verb { name: "create deployment", flags: create::DEPLOYMENT, run: create::deployment },
    Verb { name: "create poddisruptionbudget", flags: generate::BUDGET, run: generate::budget },
    Verb { name: "create priorityclass", flags: generate::PRIORITY, run: generate::priority_class },
    Verb { name: "create job", flags: generate::JOB, run: generate::job },
    Verb { name: "create cronjob", flags: generate::JOB, run: generate::cron_job },
    Verb { name: "expose", flags: expose::FLAGS, run: expose::run },
    Verb { name: "run", flags: run::FLAGS, run: run::run },
    Verb { name: "debug", flags: debug::FLAGS, run: debug::run },
    Verb { name: "set image", flags: change::IMAGE, run: change::image },
    Verb { name: "set resources", flags: set::RESOURCES, run: set::resources },
    Verb { name: "set env", flags: set::ENV, run: set::env },
    Verb { name: "set serviceaccount", flags: set::ACCOUNT, run: set::service_account },
    Verb { name: "get", flags: get::FLAGS, run: get::run },
    Verb { name: "delete", flags: delete::FLAGS, run: delete::run },
    Verb { name: "rollout history", flags: revisions::HISTORY, run: revisions::history },
    Verb { name: "rollout pause", flags: revisions::PAUSE, run: revisions::pause },
    Verb { name: "rollout resume", flags: revisions::PAUSE, run: revisions::resume },
    Verb { name: "rollout undo", flags: revisions::UNDO, run: revisions::undo },
    Verb { name: "rollout status", flags: rollout::STATUS, run: rollout::status },
    Verb { name: "rollout restart", flags: change::RESTART, run: change::restart },
    Verb { name: "scale", flags: change::SCALE, run: change::scale },
    Verb { name: "cluster-info", flags: info::PLAIN, run: info::cluster_info },
    Verb { name: "top", flags: info::PLAIN, run: info::top },
    Verb { name: "cordon", flags: change::CORDON, run: change::cordon },
    Verb { name: "uncordon", flags: change::CORDON, run: change::uncordon },
    Verb { name: "drain", flags: drain::FLAGS, run: drain::run },
    Verb { name: "taint", flags: patch::TAINT, run: patch::taint },
    Verb { name: "describe", flags: describe::FLAGS, run: describe::run },
    Verb { name: "logs", flags: logs::FLAGS, run: logs::run },
    Verb { name: "exec", flags: exec::FLAGS, run: exec::run },
    Verb { name: "events", flags: events::FLAGS, run: events::run },
    Verb { name: "apply", flags: apply::FLAGS, run: apply::run },
    Verb { name: "patch", flags: patch::PATCH, run: patch::patch },
    Verb { name: "replace", flags: replace::FLAGS, run: replace::run },
    Verb { name: "wait", flags: wait::FLAGS, run: wait::run },
    Verb { name: "label", flags: change::LABEL, run: change::label },
    Verb { name: "annotate", flags: change::LABEL, run: change::annotate },
    Verb { name: "api-resources", flags: info::RESOURCES, run: info::api_resources },
    Verb { name: "api-versions", flags: info::PLAIN, run: info::api_versions },
    Verb { name: "config current-context", flags: config::FLAGS, run: config::current_context },
    Verb { name: "config get-clusters", flags: config::FLAGS, run: config::get_clusters },
    Verb { name: "config get-contexts", flags: config::FLAGS, run: config::get_contexts },
    Verb { name: "config get-users", flags: config::FLAGS, run: config::get_users },
    Verb { name: "config set-context", flags: config::FLAGS, run: config::set_context },
    Verb { name: "config use-context", flags: config::FLAGS, run: config::use_context },
    Verb { name: "config use", flags: config::FLAGS, run: config::use_context },
    Verb { name: "config view", flags: config::FLAGS, run: config::view },
    Verb { name: "version", flags: info::VERSION, run: info::version },
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

/// The verb that these words name, with its flags; with as many subcommands as are there.
pub(crate) fn longest(words: &[String]) -> Option<(&'static str, &'static str)> {
    let arguments = flags::arguments("", words);
    let begins = |name: &str| {
        let mut said = arguments.iter();
        name.split(' ').all(|part| said.next().is_some_and(|it| *it == part))
    };
    VERBS.iter().filter(|it| begins(it.name)).max_by_key(|it| it.name.len()).map(|it| (it.name, it.flags))
}

/// What may stand after these arguments as part of a verb's name, each once.
pub(crate) fn next_words(arguments: &[&str], partial: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for verb in VERBS {
        let mut parts = verb.name.split(' ');
        let same = arguments.iter().all(|said| parts.next().is_some_and(|it| it == *said));
        if let Some(next) = parts.next().filter(|it| same && it.starts_with(partial))
            && !found.iter().any(|it| it == next)
        {
            found.push(next.to_owned());
        }
    }
    found.put_in_order();
    found
}

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
        Task::Run(attached) => attached.step(call),
        Task::Until(waiting) => waiting.step(call),
        Task::Events(watch) => Ok(watch.step(call)),
        Task::Drain(draining) => draining.step(call),
        Task::Replace(replacing) => replacing.step(call),
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
    absent::flags(&flags, verb.name)?;
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
    // The longest chain of words that is a verb: `create secret generic` before `create`.
    let (mut long, mut places) = (name.to_owned(), vec![at]);
    let mut found = VERBS.iter().find(|it| it.name == name).map(|it| (it, 1));
    while places.len() < WORDS_MAX {
        let next = places.last().map_or(0, |it| it + 1);
        let Some(place) = flags::verb_position(&words[next..]).map(|it| next + it) else { break };
        places.push(place);
        long = [&long, " ", &words[place]].concat();
        let named = |it: &&Verb| it.name == long || ALIASES.contains(&(long.as_str(), it.name));
        if let Some(verb) = VERBS.iter().find(named) {
            found = Some((verb, places.len()));
        }
        if let Some((of, full)) = GROUPS.iter().find(|it| it.0 == long) {
            long = [of.split(' ').next().unwrap_or(""), " ", full].concat();
        }
    }
    let Some((verb, length)) = found else { return Err(absent::unknown(words, at)) };
    if let Some(failure) = absent::of_group(words, &places, verb.name) {
        return Err(failure);
    }
    let taken = &places[..length];
    let rest: Vec<String> =
        words.iter().enumerate().filter(|it| !taken.contains(&it.0)).map(|it| it.1.clone()).gather();
    let parsed = Flags::parse(verb.flags, &rest);
    let flags =
        parsed.map_err(|e| Failure::Text(format!("{e}\nSee 'kubectl {} --help' for usage.", verb.name)))?;
    Ok((verb, flags))
}

/// `create secret generic`
const WORDS_MAX: usize = 3;

/// Groups of subcommands under another name.
const GROUPS: &[(&str, &str)] = &[("create svc", "service")];

/// Subcommands under another name.
const ALIASES: &[(&str, &str)] = &[
    ("create deploy", "create deployment"),
    ("create ns", "create namespace"),
    ("create cm", "create configmap"),
    ("create sa", "create serviceaccount"),
    ("create pc", "create priorityclass"),
    ("create pdb", "create poddisruptionbudget"),
    ("create cj", "create cronjob"),
    ("set sa", "set serviceaccount"),
];

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

/// Tells a condition: the format asked for, or the object's name and a word.
pub(crate) fn tell_bare(
    call: &mut Call,
    flags: &Flags,
    object: &serde_json::Value,
    what: &str,
) -> Result<(), Failure> {
    tell(call, flags, object, what, DryRun::No)
}
