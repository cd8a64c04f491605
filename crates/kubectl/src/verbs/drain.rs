//! `drain`: cordons nodes and evicts their Pods.
//!
//! Follows kubernetes v1.36 kubectl/pkg/drain and pkg/cmd/drain.

use std::time::Duration;

use serde_json::{Value, json};
use sim::{Gather as _, SimTime, Sort as _};

use super::{DONE, DryRun, Next, Task, change_flags};
use crate::Call;
use crate::args::{self, Found};
use crate::client::{Failure, Method, PatchType, Request, fail, usage};
use crate::flags::Flags;
use crate::json::{at, has, is_true, list, text};
use crate::resources::{find, of_plural};

pub const FLAGS: &str = change_flags!(
    "force! ignore-daemonsets! delete-emptydir-data! delete-local-data! grace-period# timeout% selector,l= pod-selector= disable-eviction! skip-wait-for-delete-timeout# chunk-size#"
);

/// Between two tries to evict a Pod that a budget protects.
const RETRY: Duration = Duration::from_secs(5);

const DAEMON: &str = "cannot delete DaemonSet-managed Pods (use --ignore-daemonsets to ignore)";
const LOCAL: &str = "cannot delete Pods with local storage (use --delete-emptydir-data to override)";
const BARE: &str = "cannot delete Pods that declare no controller (use --force to override)";

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Leaving {
    namespace: String,
    name: String,
    uid: String,
    /// When to ask next for its eviction; nothing once that is granted.
    ask_at: Option<SimTime>,
}

/// Nodes that are drained one after another.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Draining {
    flags: Flags,
    dry: DryRun,
    /// Cordoned already; the first one is at work once `at_work`.
    nodes: Vec<String>,
    at_work: bool,
    leaving: Vec<Leaving>,
    until: Option<SimTime>,
    /// Nodes that could not be drained, and why.
    failed: Vec<(String, Vec<String>)>,
}

pub fn run(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let selected = !flags.text("selector").is_empty();
    if flags.args.is_empty() && !selected {
        return usage("drain", "USAGE: drain NODE [flags]");
    }
    if selected && !flags.args.is_empty() {
        return fail("error: cannot specify both a node name and a --selector option");
    }
    let dry = DryRun::of(call, flags)?;
    let mut words = vec!["nodes".to_owned()];
    words.extend(flags.args.iter().map(|it| it.rsplit('/').next().unwrap_or(it).to_owned()));
    let (found, failures) = args::find(call, flags, &words)?;
    Failure::gather(failures)?;
    for it in &found {
        cordon(call, it, dry)?;
    }
    let until = flags.duration("timeout").and_then(|it| u64::try_from(it).ok()).filter(|it| 0 < *it);
    let draining = Draining {
        flags: flags.clone(),
        dry,
        nodes: found.into_iter().map(|it| it.name).gather(),
        at_work: false,
        leaving: Vec::new(),
        until: until.map(|it| call.now + Duration::from_micros(it)),
        failed: Vec::new(),
    };
    Box::new(draining).step(call)
}

fn cordon(call: &mut Call, it: &Found, dry: DryRun) -> Result<(), Failure> {
    let already = if is_true(&it.object, "spec.unschedulable") { "already " } else { "" };
    if already.is_empty() && dry != DryRun::Client {
        let request = Request::new(Method::Patch(PatchType::Strategic), it.resource, "", &it.name);
        let request = request.body(json!({"spec": {"unschedulable": true}}));
        call.request(&request.query("dryRun", dry.query()))?;
    }
    call.say(&format!("node/{} {already}cordoned{}", it.name, dry.suffix()));
    Ok(())
}

/// What stands against the eviction of a node's Pods, and what is only worth a warning.
#[derive(Default)]
struct Verdicts {
    leaving: Vec<Leaving>,
    /// By message, in the order of the Pods.
    errors: Vec<(&'static str, Vec<String>)>,
    warnings: Vec<(&'static str, Vec<String>)>,
}

fn note(all: &mut Vec<(&'static str, Vec<String>)>, message: &'static str, pod: &str) {
    match all.iter_mut().find(|it| it.0 == message) {
        Some(found) => found.1.push(pod.to_owned()),
        None => all.push((message, vec![pod.to_owned()])),
    }
}

fn verdicts(call: &mut Call, flags: &Flags, node: &str) -> Result<Verdicts, Failure> {
    let request = Request::new(Method::List, of_plural("pods"), "", "")
        .query("fieldSelector", &format!("spec.nodeName={node}"))
        .query("labelSelector", flags.text("pod-selector"));
    let pods = list(&call.request(&request)?, "items").to_vec();
    let mut seen = Verdicts::default();
    for pod in &pods {
        judge(call, flags, pod, &mut seen);
    }
    Ok(seen)
}

// Follows kubernetes v1.36 kubectl/pkg/drain: makeFilters.
fn judge(call: &mut Call, flags: &Flags, pod: &Value, seen: &mut Verdicts) {
    let (namespace, name) = (text(pod, "metadata.namespace"), text(pod, "metadata.name"));
    let shown = format!("{namespace}/{name}");
    let ended = matches!(text(pod, "status.phase"), "Succeeded" | "Failed");
    let owner = list(pod, "metadata.ownerReferences").iter().find(|it| is_true(it, "controller"));
    if owner.is_some_and(|it| text(it, "kind") == "DaemonSet") && !ended {
        if daemon_set_gone(call, namespace, owner) {
            if !flags.on("force") {
                return note(&mut seen.errors, BARE, &shown);
            }
        } else if flags.on("ignore-daemonsets") {
            return note(&mut seen.warnings, "ignoring DaemonSet-managed Pods", &shown);
        } else {
            return note(&mut seen.errors, DAEMON, &shown);
        }
    }
    if at(pod, "metadata.annotations").get(api::names::MIRROR_ANNOTATION).is_some() {
        return;
    }
    let local = list(pod, "spec.volumes").iter().any(|it| has(it, "emptyDir"));
    if local && !ended && !(flags.on("delete-emptydir-data") || flags.on("delete-local-data")) {
        return note(&mut seen.errors, LOCAL, &shown);
    }
    if owner.is_none() && !ended {
        if !flags.on("force") {
            return note(&mut seen.errors, BARE, &shown);
        }
        note(&mut seen.warnings, "deleting Pods that declare no controller", &shown);
    }
    let uid = text(pod, "metadata.uid").to_owned();
    let (namespace, name) = (namespace.to_owned(), name.to_owned());
    seen.leaving.push(Leaving { namespace, name, uid, ask_at: Some(call.now) });
}

fn daemon_set_gone(call: &mut Call, namespace: &str, owner: Option<&Value>) -> bool {
    let Some(resource) = find("daemonsets").filter(|it| it.stored_kind().is_some()) else { return false };
    let name = owner.map_or("", |it| text(it, "name"));
    call.request(&Request::new(Method::Get, resource, namespace, name)).is_err_and(|it| it.is_not_found())
}

fn one_or_list(all: &[String]) -> String {
    if let [one] = all { one.clone() } else { format!("[{}]", all.join(", ")) }
}

impl Draining {
    pub fn step(mut self: Box<Self>, call: &mut Call) -> Result<Next, Failure> {
        if call.interrupted {
            return Ok(Next::Exit(130));
        }
        while let Some(node) = self.nodes.first().cloned() {
            if !self.at_work {
                self.at_work = true;
                if let Err(why) = self.begin(call, &node)? {
                    self.give_up(call, node, why);
                    continue;
                }
            }
            self.evict(call)?;
            if self.leaving.is_empty() {
                call.say(&format!("node/{node} drained{}", self.dry.suffix()));
                self.next_node();
                continue;
            }
            if self.until.is_some_and(|it| it <= call.now) {
                let why = self.late(call, &node);
                self.give_up(call, node, why);
                continue;
            }
            let retry = self.leaving.iter().filter_map(|it| it.ask_at).min();
            let wake = [retry, self.until].into_iter().flatten().min();
            return Ok(Next::Wait(Task::Drain(self), wake));
        }
        if self.failed.is_empty() {
            return DONE;
        }
        call.warn("There are pending nodes to be drained:");
        for (node, why) in &self.failed {
            call.warn(&format!(" {node}"));
            for why in why {
                call.warn(why);
            }
        }
        Ok(Next::Exit(1))
    }

    fn next_node(&mut self) {
        self.nodes.remove(0);
        self.leaving.clear();
        self.at_work = false;
    }

    fn give_up(&mut self, call: &mut Call, node: String, why: Vec<String>) {
        call.warn(&format!(
            "error: unable to drain node {node:?} due to error: {}, continuing command...",
            one_or_list(&why)
        ));
        self.failed.push((node, why));
        self.next_node();
    }

    /// What is to leave, or what stands against it.
    fn begin(&mut self, call: &mut Call, node: &str) -> Result<Result<(), Vec<String>>, Failure> {
        let seen = verdicts(call, &self.flags, node)?;
        let worded = |all: &[(&str, Vec<String>)]| -> Vec<String> {
            all.iter().map(|(message, pods)| format!("{message}: {}", pods.join(", "))).gather()
        };
        if !seen.errors.is_empty() {
            return Ok(Err(worded(&seen.errors)));
        }
        if !seen.warnings.is_empty() {
            let mut warnings = worded(&seen.warnings);
            warnings.put_in_order();
            call.warn(&format!("Warning: {}", warnings.join("; ")));
        }
        self.leaving = seen.leaving;
        Ok(Ok(()))
    }

    /// Asks for what is due, and forgets what is gone.
    fn evict(&mut self, call: &mut Call) -> Result<(), Failure> {
        let by = if self.flags.on("disable-eviction") { "deleting" } else { "evicting" };
        let done = if self.flags.on("disable-eviction") { "deleted" } else { "evicted" };
        let mut left = Vec::new();
        for mut it in std::mem::take(&mut self.leaving) {
            if it.ask_at.is_some_and(|at| at <= call.now) {
                call.say(&format!("{by} pod {}/{}{}", it.namespace, it.name, self.dry.suffix()));
                if self.dry == DryRun::Client {
                    continue;
                }
                match call.request(&self.request(&it)) {
                    Ok(_) => it.ask_at = None,
                    Err(failure) if failure.is_not_found() => continue,
                    Err(failure) if failure.reason() == "TooManyRequests" => {
                        call.warn(&format!(
                            "error when evicting pods/{:?} -n {:?} (will retry after 5s): {}",
                            it.name,
                            it.namespace,
                            failure.message()
                        ));
                        it.ask_at = Some(call.now + RETRY);
                    }
                    Err(failure) => return Err(failure),
                }
                if self.dry == DryRun::Server {
                    continue;
                }
            }
            if it.ask_at.is_none() {
                let request = Request::new(Method::Get, of_plural("pods"), &it.namespace, &it.name);
                let found = call.request(&request);
                if !found.is_ok_and(|found| text(&found, "metadata.uid") == it.uid) {
                    call.say(&format!("pod/{} {done}", it.name));
                    continue;
                }
            }
            left.push(it);
        }
        self.leaving = left;
        Ok(())
    }

    fn request(&self, it: &Leaving) -> Request {
        let mut options = json!({});
        if let Some(seconds) = self.flags.number("grace-period").filter(|it| 0 <= *it) {
            options["gracePeriodSeconds"] = seconds.into();
        }
        if self.flags.on("disable-eviction") {
            let request = Request::new(Method::Delete, of_plural("pods"), &it.namespace, &it.name);
            return request.body(options).query("dryRun", self.dry.query());
        }
        let body = json!({
            "apiVersion": "policy/v1", "kind": "Eviction",
            "metadata": {"name": it.name, "namespace": it.namespace}, "deleteOptions": options,
        });
        let request = Request::new(Method::Create, of_plural("pods"), &it.namespace, &it.name);
        request.subresource("eviction").body(body).query("dryRun", self.dry.query())
    }

    fn late(&self, call: &mut Call, node: &str) -> Vec<String> {
        let why: Vec<String> = self
            .leaving
            .iter()
            .map(|it| {
                let (name, namespace) = (&it.name, &it.namespace);
                if it.ask_at.is_some() {
                    format!("error when evicting pods/{name:?} -n {namespace:?}: global timeout reached")
                } else {
                    format!("error when waiting for pod {name:?} in namespace {namespace:?} to terminate: context deadline exceeded")
                }
            })
            .gather();
        call.warn(&format!(
            "There are pending pods in node {node:?} when an error occurred: {}",
            one_or_list(&why)
        ));
        for it in &self.leaving {
            call.warn(&format!("pod/{}", it.name));
        }
        why
    }
}
