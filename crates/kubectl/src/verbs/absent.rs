//! What kubectl has and this one has not: an honest word instead of silence.

use sim::Gather as _;

use super::VERBS;
use crate::client::{Failure, fail};
use crate::flags::Flags;

/// Verbs that are left out, and what to do instead.
const LEFT_OUT: &[(&str, &str)] = &[
    ("alpha", ""),
    ("attach", "use kubectl logs -f or kubectl exec -it"),
    ("auth", "there is one user, who may do everything"),
    ("autoscale", "there is no autoscaler; use kubectl scale"),
    ("certificate", ""),
    ("completion", "the terminal completes names by itself"),
    ("cp", "use kubectl exec POD -- cat FILE"),
    ("diff", "use kubectl apply --dry-run=server -o yaml"),
    ("edit", "edit the manifest on the page and apply it, or use kubectl patch"),
    ("explain", "the fields are described at https://kubernetes.io/docs/reference/kubernetes-api/"),
    ("kustomize", ""),
    ("options", ""),
    ("plugin", ""),
    ("port-forward", "use kubectl exec POD -- wget -qO- localhost:PORT"),
    ("proxy", ""),
    ("set selector", "use kubectl patch"),
    ("set subject", "there is one user, who may do everything"),
    ("create clusterrole", ""),
    ("create clusterrolebinding", ""),
    ("create ingress", ""),
    ("create quota", ""),
    ("create role", ""),
    ("create rolebinding", ""),
    ("create token", ""),
    ("config delete-context", "this workstation has one context only"),
    ("config rename-context", "this workstation has one context only"),
    ("config set", "use kubectl config set-context --current --namespace"),
    ("config set-cluster", "this workstation has one cluster only"),
    ("config set-credentials", "this workstation has one user only"),
    ("config unset", ""),
    ("apply edit-last-applied", ""),
    ("apply set-last-applied", ""),
    ("apply view-last-applied", "use kubectl get -o yaml"),
    ("cluster-info dump", ""),
];

/// Flags that are known and do nothing here; where a verb stands, only with it.
const FLAGS_LEFT_OUT: &[(&str, &str)] = &[
    ("", "as"),
    ("", "as-group"),
    ("", "as-uid"),
    ("", "as-user-extra"),
    ("", "local"),
    ("", "warnings-as-errors"),
    ("apply", "applyset"),
    ("apply", "prune"),
    ("apply", "prune-allowlist"),
    ("apply", "prune-whitelist"),
    ("apply", "subresource"),
    ("create", "edit"),
    ("create", "raw"),
    ("create", "selector"),
    ("delete", "interactive"),
    ("delete", "raw"),
    ("get", "subresource"),
    ("replace", "raw"),
    ("replace", "subresource"),
    ("set env", "keys"),
    ("set env", "prefix"),
    ("set env", "resolve"),
];

/// Refuses what would be ignored in silence.
pub fn flags(flags: &Flags, verb: &str) -> Result<(), Failure> {
    for (of, flag) in FLAGS_LEFT_OUT {
        if (of.is_empty() || *of == verb) && flags.given(flag) && flags.text(flag) != "false" {
            return fail(format!("--{flag} is not supported by this playground's kubectl {verb}"));
        }
    }
    match flags.value("context") {
        Some(other) if !other.is_empty() && other != super::config::CONTEXT => {
            fail(format!("context {other:?} does not exist"))
        }
        _ => Ok(()),
    }
}

/// Groups that do nothing without a subcommand of theirs.
const GROUPS: &[&str] = &["set", "rollout", "config"];

fn left_out(name: &str) -> Option<Failure> {
    let (_, instead) = LEFT_OUT.iter().find(|it| it.0 == name)?;
    let instead = if instead.is_empty() { String::new() } else { ["; ", instead].concat() };
    Some(Failure::Text(format!("this playground has no kubectl {name}{instead}")))
}

/// A subcommand that is left out, though its group is there.
pub fn of_group(words: &[String], places: &[usize], verb: &str) -> Option<Failure> {
    let sub = places.get(1).map(|it| words[*it].as_str())?;
    if verb.contains(' ') { None } else { left_out(&[verb, " ", sub].concat()) }
}

/// A verb that is not there.
pub fn unknown(words: &[String], at: usize) -> Failure {
    let name = words[at].as_str();
    let sub = words[at + 1..].iter().find(|it| !it.starts_with('-'));
    if let Some(failure) = left_out(name) {
        return failure;
    }
    if GROUPS.contains(&name) {
        let long = sub.map(|it| [name, " ", it].concat());
        if let Some(failure) = long.and_then(|it| left_out(&it)) {
            return failure;
        }
        let start = [name, " "].concat();
        let subs: Vec<&str> = VERBS.iter().filter_map(|it| it.name.strip_prefix(&start)).gather();
        return Failure::Text(format!(
            "kubectl {name} needs one of these commands: {}\nSee 'kubectl {name} -h' for help and examples",
            subs.join(", ")
        ));
    }
    unheard_of(name)
}

fn unheard_of(name: &str) -> Failure {
    let mut text = format!("unknown command {name:?} for \"kubectl\"");
    let mut near: Vec<&str> = Vec::new();
    let known = VERBS.iter().map(|it| it.name).chain(LEFT_OUT.iter().map(|it| it.0));
    for word in known.filter_map(|it| it.split(' ').next()) {
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
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().gather(), b.chars().gather());
    let mut row: Vec<usize> = (0..=b.len()).gather();
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
