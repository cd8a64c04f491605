//! `logs`: what a container wrote, once or as it comes.

use serde_json::Value;
use sim::{Gather as _, SimTime};

use super::{DONE, Next, Task};
use crate::args;
use crate::client::{Failure, fail, usage};
use crate::flags::Flags;
use crate::json::{at, list, text};
use crate::resources::of_plural;
use crate::table::label_selector;
use crate::{Call, age};

pub const FLAGS: &str = "follow,f! container,c= previous,p! tail# since% since-time= timestamps! selector,l= all-containers! all-pods! prefix! limit-bytes# max-log-requests# pod-running-timeout% ignore-errors! insecure-skip-tls-verify-backend!";

/// A container whose log is followed.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Follow {
    namespace: String,
    sources: Vec<(String, String, usize)>,
    timestamps: bool,
    prefix: bool,
}

/// The Pod that a `logs` or `exec` argument stands for.
pub fn pod_of(call: &mut Call, flags: &Flags, word: &str) -> Result<Value, Failure> {
    let namespace = call.namespace(flags);
    let targets = if word.contains('/') { args::targets(&[word.to_owned()])? } else { Vec::new() };
    let Some(target) = targets.first().filter(|it| !it.resource.is("pods")) else {
        let name = word.rsplit('/').next().unwrap_or(word);
        return Ok(args::get(call, of_plural("pods"), &namespace, name)?.object);
    };
    let owner = args::get(call, target.resource, &namespace, target.name.as_deref().unwrap_or(""))?.object;
    let selector = at(&owner, "spec.selector");
    let selector = if target.resource.is("services") {
        crate::json::labels(&owner, "spec.selector")
    } else {
        label_selector(selector)
    };
    let pods = args::pods_of(call, &namespace, &selector)?;
    let Some(first) = pods.first().cloned() else {
        return fail("timed out waiting for the condition");
    };
    if 1 < pods.len() {
        call.warn(&format!("Found {} pods, using pod/{}", pods.len(), text(&first, "metadata.name")));
    }
    Ok(first)
}

/// The container asked for, or the first one, with a word about it when there are several.
pub fn container_of(call: &mut Call, flags: &Flags, pod: &Value) -> Result<String, Failure> {
    let names: Vec<String> = ["spec.containers", "spec.initContainers", "spec.ephemeralContainers"]
        .into_iter()
        .flat_map(|path| list(pod, path))
        .map(|it| text(it, "name").to_owned())
        .gather();
    let wanted = flags.text("container");
    if !wanted.is_empty() {
        if !names.iter().any(|it| it == wanted) {
            let name = text(pod, "metadata.name");
            return fail(format!(
                "container {wanted} is not valid for pod {name} out of: {}",
                names.join(", ")
            ));
        }
        return Ok(wanted.to_owned());
    }
    let annotated = at(pod, "metadata.annotations").get("kubectl.kubernetes.io/default-container");
    if let Some(name) = annotated.and_then(Value::as_str).filter(|it| names.iter().any(|name| name == it)) {
        return Ok(name.to_owned());
    }
    let first = names.first().cloned().unwrap_or_default();
    if 1 < names.len() {
        let inits = list(pod, "spec.initContainers").len();
        let main = names.len() - inits - list(pod, "spec.ephemeralContainers").len();
        let shown: Vec<String> = names
            .iter()
            .enumerate()
            .map(
                |(index, it)| {
                    if (main..main + inits).contains(&index) { format!("{it} (init)") } else { it.clone() }
                },
            )
            .gather();
        call.warn(&format!("Defaulted container {first:?} out of: {}", shown.join(", ")));
    }
    Ok(first)
}

pub fn run(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let selector = flags.text("selector").to_owned();
    if flags.args.is_empty() && selector.is_empty() {
        return usage(
            "logs",
            "expected 'logs [-f] [-p] (POD | TYPE/NAME) [-c CONTAINER]'.\nPOD or TYPE/NAME is a required argument for the logs command",
        );
    }
    let namespace = call.namespace(flags);
    let pods = if selector.is_empty() {
        let namespace = namespace.clone();
        let found = pod_of(call, flags, &flags.args[0]);
        vec![found.map_err(|failure| {
            if !failure.is_not_found() || flags.args[0].contains('/') {
                return failure;
            }
            let text = failure.message();
            Failure::Text(format!("error from server (NotFound): {text} in namespace {namespace:?}"))
        })?]
    } else {
        args::pods_of(call, &namespace, &selector)?
    };
    let mut sources = Vec::new();
    for pod in &pods {
        let name = text(pod, "metadata.name").to_owned();
        if flags.on("all-containers") {
            for path in ["spec.initContainers", "spec.containers"] {
                sources
                    .extend(list(pod, path).iter().map(|it| (name.clone(), text(it, "name").to_owned(), 0)));
            }
        } else if let Some(container) = flags.args.get(1) {
            sources.push((name, container.clone(), 0));
        } else {
            sources.push((name, container_of(call, flags, pod)?, 0));
        }
    }
    let tail = flags.number("tail").filter(|it| 0 <= *it);
    let tail = tail.or(if selector.is_empty() { None } else { Some(10) });
    let after = flags
        .duration("since")
        .map_or(SimTime::ZERO, |it| SimTime(call.now.0.saturating_sub(it.max(0) as u64)));
    let mut follow =
        Follow { namespace, sources, timestamps: flags.on("timestamps"), prefix: flags.on("prefix") };
    let previous = flags.on("previous");
    for index in 0..follow.sources.len() {
        follow.print(call, index, previous, tail, after)?;
    }
    if flags.on("follow") && !previous { follow.step(call) } else { DONE }
}

/// The server's word for what the kubelet refuses.
fn refused(text: &str) -> Failure {
    Failure::Plain(["Error from server (BadRequest): ", text].concat())
}

impl Follow {
    /// Prints what is new of one source; answers whether more may come.
    fn print(
        &mut self,
        call: &mut Call,
        index: usize,
        previous: bool,
        tail: Option<i64>,
        after: SimTime,
    ) -> Result<bool, Failure> {
        let (pod, container, from) = self.sources[index].clone();
        let view =
            call.world.logs(&self.namespace, &pod, &container, previous, from).map_err(|it| refused(&it))?;
        call.print(&view.remark);
        self.sources[index].2 = from + view.lines.len();
        let skip = tail.map_or(0, |it| view.lines.len().saturating_sub(it as usize));
        for line in view.lines.iter().skip(skip).filter(|it| after <= it.at) {
            if self.prefix {
                call.print(&format!("[pod/{pod}/{container}] "));
            }
            if self.timestamps {
                call.print(&age::rfc3339_nanos(line.at));
                call.print(" ");
            }
            call.out.extend_from_slice(&line.text);
            call.print("\n");
        }
        Ok(!view.ended)
    }

    pub fn step(mut self, call: &mut Call) -> Result<Next, Failure> {
        if call.interrupted {
            return Ok(Next::Exit(130));
        }
        let mut more = false;
        for index in 0..self.sources.len() {
            more |= self.print(call, index, false, None, SimTime::ZERO)?;
        }
        if more { Ok(Next::Wait(Task::Logs(Box::new(self)), None)) } else { DONE }
    }
}
