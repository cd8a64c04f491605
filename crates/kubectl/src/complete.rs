//! What a Tab may put in after `kubectl …`: words of the tables here, or the names of things that only the caller knows.

use sim::Gather as _;

use crate::flags;
use crate::resources;
use crate::verbs;

/// What fits at the end of a command line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Completion {
    /// One of these.
    Words(Vec<String>),
    /// `prefix` and the name of an object of this kind: `pod/` and `web`.
    Names {
        kind: String,
        prefix: String,
    },
    /// A container of that Pod.
    Containers {
        pod: String,
    },
    File,
    Nothing,
}

const WORKLOADS: [&str; 3] = ["deployments", "daemonsets", "statefulsets"];

/// `words` stand before the word that is being typed, without `kubectl` itself; `partial` is its beginning.
///
/// Follows kubernetes v1.36 staging/src/k8s.io/kubectl/pkg/util/completion: resources, then names; flags after a dash.
pub fn complete(words: &[String], partial: &str) -> Completion {
    let verb = verbs::longest(words);
    let spec = verb.map_or("", |it| it.1);
    if let Some(found) = words.last().and_then(|it| flags::awaits(spec, it)) {
        return value_of(found, words, verb.map_or("", |it| it.0));
    }
    if words.iter().any(|it| it == "--") {
        return Completion::Nothing;
    }
    if partial.starts_with('-') {
        let all = flags::spelled(spec).filter(|it| it.starts_with(partial));
        return Completion::Words(all.gather());
    }
    let arguments = flags::arguments(spec, words);
    let next = verbs::next_words(&arguments, partial);
    if !next.is_empty() {
        return Completion::Words(next);
    }
    let Some((name, _)) = verb else { return Completion::Nothing };
    positional(name, &arguments[name.split(' ').count().min(arguments.len())..], partial)
}

fn value_of(flag: &str, words: &[String], verb: &str) -> Completion {
    let list = |it: &[&str]| Completion::Words(it.iter().map(|it| (*it).to_owned()).gather());
    match flag {
        "namespace" => Completion::Names { kind: "Namespace".to_owned(), prefix: String::new() },
        "filename" | "from-file" | "from-env-file" => Completion::File,
        "output" => list(&["json", "yaml", "name", "wide", "jsonpath=", "custom-columns=", "go-template="]),
        "restart" if verb == "run" => list(&["Always", "OnFailure", "Never"]),
        "dry-run" => list(&["client", "server", "none"]),
        "container" => {
            let pod = words.iter().skip(1).find(|it| !it.starts_with('-')).cloned().unwrap_or_default();
            Completion::Containers { pod }
        }
        _ => Completion::Nothing,
    }
}

fn positional(verb: &str, arguments: &[&str], partial: &str) -> Completion {
    let first = verb.split(' ').next().unwrap_or(verb);
    let names = |kind: &str| Completion::Names { kind: kind.to_owned(), prefix: String::new() };
    match first {
        "logs" | "exec" | "attach" => match arguments {
            [] => names("Pod"),
            [pod] if first == "logs" => Completion::Containers { pod: (*pod).to_owned() },
            _ => Completion::Nothing,
        },
        "cordon" | "uncordon" | "drain" => names("Node"),
        "taint" if arguments.is_empty() => Completion::Words(vec!["nodes".to_owned()]),
        "get" | "describe" | "delete" | "label" | "annotate" | "scale" | "patch" | "wait" | "expose"
        | "taint" | "rollout" | "set" | "edit" | "explain" => {
            if let Some((kind, _)) = partial.split_once('/') {
                let prefix = [kind, "/"].concat();
                return resources::find(kind).map_or(Completion::Nothing, |it| Completion::Names {
                    kind: it.kind.to_owned(),
                    prefix,
                });
            }
            match arguments {
                [] if matches!(first, "rollout" | "set" | "scale") => {
                    Completion::Words(WORKLOADS.iter().map(|it| (*it).to_owned()).gather())
                }
                [] => Completion::Words(resources::all().map(|it| it.plural.to_owned()).gather()),
                [kind, ..] if !kind.contains('/') && first != "explain" => {
                    resources::find(kind).map_or(Completion::Nothing, |it| names(it.kind))
                }
                _ => Completion::Nothing,
            }
        }
        _ => Completion::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(line: &str) -> Completion {
        let mut words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let partial = words.pop().unwrap_or_default();
        complete(&words, &partial)
    }

    fn words(line: &str) -> Vec<String> {
        let partial = line.rsplit(' ').next().unwrap_or("");
        match after(line) {
            Completion::Words(it) => it.into_iter().filter(|it| it.starts_with(partial)).collect(),
            other => panic!("{line}: {other:?}"),
        }
    }

    fn names(kind: &str) -> Completion {
        Completion::Names { kind: kind.to_owned(), prefix: String::new() }
    }

    #[test]
    fn verbs_resources_and_flags() {
        assert_eq!(words("cor"), ["cordon"]);
        assert_eq!(words("rollout re"), ["restart", "resume"]);
        assert_eq!(words("create secret "), ["docker-registry", "generic", "tls"]);
        assert_eq!(words("get pods"), ["pods"]);
        assert_eq!(words("logs --foll"), ["--follow"]);
        assert_eq!(words("get pods -o ya"), ["yaml"]);
        assert_eq!(words("rollout restart dep"), ["deployments"]);
    }

    #[test]
    fn names_of_what_was_said_before() {
        assert_eq!(after("get po "), names("Pod"));
        assert_eq!(after("get -A deploy w"), names("Deployment"));
        assert_eq!(after("-n kube-system logs "), names("Pod"));
        assert_eq!(after("get pods -n "), names("Namespace"));
        assert_eq!(after("taint nodes "), names("Node"));
        assert_eq!(after("logs web -c "), Completion::Containers { pod: "web".to_owned() });
        assert_eq!(
            after("delete pod/"),
            Completion::Names { kind: "Pod".to_owned(), prefix: "pod/".to_owned() }
        );
        assert_eq!(after("apply -f "), Completion::File);
        assert_eq!(after("exec web -- l"), Completion::Nothing);
        assert_eq!(after("get nonsense "), Completion::Nothing);
    }
}
