//! `wait`: until objects are as asked, or it took too long.
//!
//! Follows kubernetes v1.36 kubectl/pkg/cmd/wait.

use std::time::Duration;

use serde_json::Value;
use sim::{Gather as _, SimTime};

use super::{DONE, Next, Task, file_flags, tell_bare};
use crate::args;
use crate::client::{Failure, Method, Request, fail};
use crate::flags::Flags;
use crate::json::{int, list, plain, text};
use crate::jsonpath::{self, Template};
use crate::resources::Resource;
use crate::{Call, manifest};

pub const FLAGS: &str = file_flags!(
    "for= timeout% selector,l= all! all-namespaces,A! field-selector= output,o= template= allow-missing-template-keys! show-managed-fields! local!"
);

/// Without `--timeout`.
const PATIENCE_DEFAULT: Duration = Duration::from_secs(30);
/// What a negative `--timeout` means.
const PATIENCE_MAX: Duration = Duration::from_hours(7 * 24);

/// What is waited for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Until {
    Created,
    Deleted,
    Condition {
        name: String,
        value: String,
    },
    /// A path, and the value it shall have; any, where there is none.
    Path {
        path: String,
        value: Option<String>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Left {
    resource: Resource,
    namespace: String,
    name: String,
    /// The object that was there at the start; another one under its name does not count.
    uid: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Waiting {
    flags: Flags,
    until: Until,
    left: Vec<Left>,
    /// Failed already, told at the end.
    failed: Vec<String>,
    end: SimTime,
}

fn condition(flags: &Flags) -> Result<Until, Failure> {
    let word = flags.text("for");
    if !flags.given("for") {
        return fail("unrecognized condition: []");
    }
    let lower = word.to_ascii_lowercase();
    if lower == "delete" {
        return Ok(Until::Deleted);
    }
    if lower == "create" {
        return Ok(Until::Created);
    }
    if lower.starts_with("condition=") {
        let (name, value) = word[10..].split_once('=').unwrap_or((&word[10..], "true"));
        return Ok(Until::Condition { name: name.to_owned(), value: value.to_owned() });
    }
    let Some(rest) = lower.starts_with("jsonpath=").then(|| &word[9..]) else {
        return fail(format!("unrecognized condition: {word:?}"));
    };
    // An equal sign inside brackets belongs to a filter.
    let close = rest.rfind('}').map_or(0, |it| it + 1);
    let (path, value) = match rest[close..].split_once('=') {
        None => (rest, None),
        Some((between, value)) => (&rest[..close + between.len()], Some(value.trim_matches(['\'', '"']))),
    };
    if path.is_empty() {
        return fail("jsonpath expression cannot be empty");
    }
    if value == Some("") {
        return fail(
            "jsonpath wait has to have a value after equal sign, like --for=jsonpath='{.status.readyReplicas}'=3",
        );
    }
    let path = jsonpath::relaxed(path).map_err(Failure::Text)?;
    Template::parse(&path).map_err(Failure::Text)?;
    Ok(Until::Path { path, value: value.map(str::to_owned) })
}

pub fn run(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let until = condition(flags)?;
    let patience = match flags.duration("timeout") {
        None => PATIENCE_DEFAULT,
        Some(it) => u64::try_from(it).map_or(PATIENCE_MAX, Duration::from_micros),
    };
    let end = call.now + patience;
    let mut waiting = Waiting { flags: flags.clone(), until, left: Vec::new(), failed: Vec::new(), end };
    if waiting.until == Until::Created {
        waiting.left = unborn(call, flags)?;
        return Box::new(waiting).step(call);
    }
    let (found, mut failures) = args::find(call, flags, &flags.args)?;
    let gone = waiting.until == Until::Deleted;
    failures.retain(|it| !(gone && it.is_not_found()));
    Failure::gather(failures)?;
    if found.is_empty() {
        return if gone { DONE } else { fail("no matching resources found") };
    }
    waiting.left = found
        .into_iter()
        .map(|it| Left {
            uid: text(&it.object, "metadata.uid").to_owned(),
            resource: it.resource,
            namespace: it.namespace,
            name: it.name,
        })
        .gather();
    Box::new(waiting).step(call)
}

/// Named objects that need not be there yet.
fn unborn(call: &mut Call, flags: &Flags) -> Result<Vec<Left>, Failure> {
    let namespace = call.namespace(flags);
    let mut left = Vec::new();
    if flags.given("filename") {
        let input = std::mem::take(&mut call.input);
        let (found, failures) = manifest::load(call, flags, &input);
        Failure::gather(failures)?;
        left.extend(found.into_iter().map(|it| Left {
            resource: it.resource,
            namespace: it.namespace,
            name: it.name,
            uid: String::new(),
        }));
    }
    for target in args::targets(&flags.args)? {
        let Some(name) = target.name else {
            return fail("--for=create needs the names of resources here");
        };
        let namespace = namespace.clone();
        left.push(Left { resource: target.resource, namespace, name, uid: String::new() });
    }
    if left.is_empty() { fail(args::NOTHING_NAMED) } else { Ok(left) }
}

impl Waiting {
    pub fn step(mut self: Box<Self>, call: &mut Call) -> Result<Next, Failure> {
        if call.interrupted {
            return Ok(Next::Exit(130));
        }
        let mut left = Vec::new();
        for it in std::mem::take(&mut self.left) {
            let request = Request::new(Method::Get, it.resource, &it.namespace, &it.name);
            let found = match call.request(&request) {
                Ok(found) => Some(found),
                Err(failure) if failure.is_not_found() => None,
                Err(failure) => return Err(failure),
            };
            let same =
                found.as_ref().filter(|found| it.uid.is_empty() || text(found, "metadata.uid") == it.uid);
            match (self.met(same)?, same) {
                (true, Some(found)) => tell_bare(call, &self.flags, found, "condition met")?,
                (true, None) => {
                    let name = crate::output::named(&it.resource, &it.name);
                    call.say(&format!("{name} condition met"));
                }
                (false, None) if self.until != Until::Created => {
                    self.failed.push(format!("{} {:?} not found", it.resource.qualified(), it.name));
                }
                (false, _) => left.push(it),
            }
        }
        self.left = left;
        if self.end <= call.now {
            let late = self.left.iter().map(|it| {
                format!("timed out waiting for the condition on {}/{}", it.resource.plural, it.name)
            });
            self.failed.extend(late);
            self.left = Vec::new();
        }
        if self.left.is_empty() {
            Failure::gather(self.failed.into_iter().map(Failure::Text).gather())?;
            return DONE;
        }
        let end = self.end;
        Ok(Next::Wait(Task::Until(self), Some(end)))
    }

    fn met(&self, object: Option<&Value>) -> Result<bool, Failure> {
        let Some(object) = object else { return Ok(self.until == Until::Deleted) };
        Ok(match &self.until {
            Until::Created => true,
            Until::Deleted => false,
            Until::Condition { name, value } => {
                let mut own = list(object, "status.conditions").iter();
                own.find(|it| text(it, "type").eq_ignore_ascii_case(name)).is_some_and(|it| {
                    let seen = it.get("observedGeneration").and_then(Value::as_i64);
                    let current = seen.is_none_or(|it| int(object, "metadata.generation") <= it);
                    current && text(it, "status").eq_ignore_ascii_case(value)
                })
            }
            Until::Path { path, value } => {
                let template = Template::parse(path).map_err(Failure::Text)?;
                let found = template.find(object).unwrap_or_default();
                match (value, found.as_slice()) {
                    (_, []) => false,
                    (None, _) => true,
                    (Some(value), [one]) => plain(one) == *value,
                    (Some(_), _) => {
                        return fail("given jsonpath expression matches more than one value");
                    }
                }
            }
        })
    }
}
