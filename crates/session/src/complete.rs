//! What Tab finds at a prompt: commands, files, and for kubectl its verbs, resources, names and flags.

use api::Kind;
use kubectl::complete::Completion;
use runtime::ContainerId;
use sim::{Gather as _, Sort as _};

use crate::playground::Playground;
use crate::workstation::{MACHINE, Prompt};

const FOLDERS: [&str; 5] = ["/bin", "/usr/bin", "/usr/local/bin", "/sbin", "/usr/sbin"];
const BUILTINS: [&str; 12] =
    ["cd", "echo", "exit", "export", "for", "if", "read", "set", "trap", "unset", "wait", "while"];
/// The words of `fault`, and what its last word names.
const FAULTS: [(&str, &[&str], &str); 10] = [
    ("node", &["fail", "recover"], "Node"),
    ("kubelet", &["stop", "continue", "restart"], "Node"),
    ("runtime", &["freeze", "continue"], "Node"),
    ("network", &["cut", "heal"], "Node"),
    ("sandbox", &["kill"], "Pod"),
    ("container", &["kill"], "Pod"),
    ("process", &["kill"], "Node"),
    ("static-pod", &["add", "remove"], "Node"),
    ("registry", &["down", "up"], ""),
    ("image", &["remove", "restore"], ""),
];

/// The word before the cursor, and what may stand in its place.
pub fn complete(playground: &Playground, prompt: &Prompt, before: &str) -> (String, Vec<String>) {
    // Only the last of several commands.
    let start = before.rfind(['|', ';', '&', '(', '`']).map_or(0, |it| it + 1);
    let mut words: Vec<String> = before[start..].split_whitespace().map(str::to_owned).gather();
    let begun = !before.ends_with([' ', '\t']) && before.len() > start;
    let partial = if begun { words.pop().unwrap_or_default() } else { String::new() };
    let mut look =
        Look { playground: playground.clone(), container: prompt.container, directory: &prompt.directory };
    let at_home = prompt.machine == MACHINE;
    let mut found = match words.split_first() {
        None => look.commands(&partial),
        Some((first, rest)) if at_home && matches!(first.as_str(), "kubectl" | "k") => {
            return look.kubectl(rest, &partial);
        }
        Some((first, rest)) if at_home && first == "fault" => look.fault(rest),
        Some(_) => look.files(&partial),
    };
    found.retain(|it| it.starts_with(&partial));
    found.put_in_order();
    found.dedup();
    (partial, found)
}

struct Look<'a> {
    /// A copy: looking at files needs a process that does it.
    playground: Playground,
    container: ContainerId,
    directory: &'a str,
}

impl Look<'_> {
    fn commands(&mut self, partial: &str) -> Vec<String> {
        if partial.contains('/') {
            return self.files(partial);
        }
        let mut found: Vec<String> = BUILTINS.iter().map(|it| (*it).to_owned()).gather();
        for folder in FOLDERS {
            found.extend(
                self.playground.names_in(self.container, folder).into_iter().filter(|it| !it.ends_with('/')),
            );
        }
        found
    }

    fn files(&mut self, partial: &str) -> Vec<String> {
        let (folder, _) = partial.rsplit_once('/').map_or(("", partial), |(folder, name)| (folder, name));
        let shown = &partial[..partial.rfind('/').map_or(0, |it| it + 1)];
        let path = match (shown.starts_with('/'), folder) {
            (true, _) => shown.to_owned(),
            (false, "") => self.directory.to_owned(),
            (false, folder) => [self.directory, "/", folder].concat(),
        };
        let names = self.playground.names_in(self.container, &path);
        names.into_iter().map(|it| [shown, &it].concat()).gather()
    }

    fn objects(&self, kind: &str, namespace: Option<&str>) -> Vec<String> {
        let Some(kind) = Kind::ALL.iter().find(|it| it.name() == kind) else { return Vec::new() };
        let namespace = namespace.unwrap_or_else(|| self.playground.namespace());
        let all = self.playground.cluster().api().store().list(*kind);
        let mine = all.filter(|it| !kind.info().namespaced || it.object.namespace() == namespace);
        mine.map(|it| it.object.name().to_owned()).gather()
    }

    fn kubectl(&mut self, words: &[String], partial: &str) -> (String, Vec<String>) {
        // `--namespace=ku` completes what follows the `=`.
        let (mut words, mut partial) = (words.to_vec(), partial);
        if let Some((flag, value)) = partial.split_once('=').filter(|it| it.0.starts_with("--")) {
            words.push(flag.to_owned());
            partial = value;
        }
        let given =
            words.iter().position(|it| it == "-n" || it == "--namespace").and_then(|at| words.get(at + 1));
        let joined = words.iter().find_map(|it| it.strip_prefix("--namespace="));
        let namespace = given.map(String::as_str).or(joined);
        let mut found = match kubectl::complete::complete(&words, partial) {
            Completion::Words(it) => it,
            Completion::Names { kind, prefix } => {
                let names = self.objects(&kind, namespace);
                names.into_iter().map(|it| [&prefix, it.as_str()].concat()).gather()
            }
            Completion::Containers { pod } => self.containers(&pod, namespace),
            Completion::File => self.files(partial),
            Completion::Nothing => Vec::new(),
        };
        found.retain(|it| it.starts_with(partial));
        found.put_in_order();
        found.dedup();
        (partial.to_owned(), found)
    }

    fn containers(&self, pod: &str, namespace: Option<&str>) -> Vec<String> {
        let name = pod.rsplit('/').next().unwrap_or(pod);
        let namespace = namespace.unwrap_or_else(|| self.playground.namespace());
        let found = self.playground.cluster().api().pod(namespace, name);
        let Some(spec) = found.as_ref().and_then(|it| it.spec.as_ref()) else { return Vec::new() };
        let init = spec.init_containers.iter().flatten();
        init.chain(&spec.containers).map(|it| it.name.clone()).gather()
    }

    fn fault(&self, words: &[String]) -> Vec<String> {
        let list = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).gather();
        let entry = words.first().and_then(|word| FAULTS.iter().find(|it| it.0 == word));
        match (words.len(), entry) {
            (0, _) => FAULTS.iter().map(|it| it.0.to_owned()).gather(),
            (1, Some((_, verbs, _))) => list(verbs),
            (2, Some((_, _, kind))) => self.objects(kind, None),
            (3, Some(("container", ..))) => self.containers(&words[2], None),
            _ => Vec::new(),
        }
    }
}
