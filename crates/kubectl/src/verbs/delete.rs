//! `delete`: asks for the end of objects, and waits until they are gone.
//!
//! Follows kubernetes v1.36 kubectl/pkg/cmd/delete.

use std::time::Duration;

use serde_json::{Value, json};
use sim::{Gather as _, SimTime};

use super::{DONE, DryRun, Next, Task, file_flags};
use crate::args::{self, Found};
use crate::client::{Failure, Method, Request, fail};
use crate::flags::Flags;
use crate::json::text;
use crate::resources::Resource;
use crate::{Call, manifest};

pub const FLAGS: &str = file_flags!(
    "selector,l= field-selector= all! all-namespaces,A! force! cascade~background now! grace-period# wait! timeout% output,o= dry-run~unchanged ignore-not-found! interactive,i! raw="
);

/// Objects that are asked to go, by uid.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Waiting {
    left: Vec<(Resource, String, String, String)>,
    until: Option<SimTime>,
    code: i32,
}

pub fn run(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let dry = DryRun::of(call, flags)?;
    let grace = grace(call, flags)?;
    if flags.on("all") && !flags.text("selector").is_empty() {
        return fail("setting 'all' parameter but found a non empty selector. ");
    }
    let (found, mut failures) = targets(call, flags)?;
    let ignore = flags.on("ignore-not-found") || flags.on("all");
    failures.retain(|it| !(ignore && it.is_not_found()));
    let mut left = Vec::new();
    let mut any = false;
    for it in found {
        any = true;
        match one(call, flags, &it, grace, dry) {
            Ok(uid) => left.push((it.resource, it.namespace.clone(), it.name.clone(), uid)),
            Err(failure) if ignore && failure.is_not_found() => {}
            Err(failure) => failures.push(failure.from_source("deleting", &it.source)),
        }
    }
    if !any && failures.is_empty() && !flags.given("filename") {
        call.say("No resources found");
    }
    let code = i32::from(!failures.is_empty());
    if let Err(failure) = Failure::gather(failures) {
        call.err.push_str(&failure.report());
    }
    let wait =
        flags.on_unless_off("wait") && dry == DryRun::No && (flags.given("wait") || !flags.on("force"));
    if !wait || left.is_empty() {
        return Ok(Next::Exit(code));
    }
    let until =
        flags.duration("timeout").filter(|it| 0 < *it).map(|it| call.now + Duration::from_micros(it as u64));
    Box::new(Waiting { left, until, code }).step(call)
}

/// Seconds; nothing for the object's own.
fn grace(call: &mut Call, flags: &Flags) -> Result<Option<i64>, Failure> {
    let mut grace = flags.number("grace-period").filter(|it| 0 <= *it);
    if flags.on("now") {
        if grace.is_some() {
            return fail("--now and --grace-period cannot be specified together");
        }
        grace = Some(1);
    }
    if grace == Some(0) && !flags.on("force") {
        // Without --force kubectl still waits a second for a clean end.
        grace = Some(1);
    }
    if flags.on("force") {
        match grace {
            None => grace = Some(0),
            Some(1..) => {
                return fail("--force and --grace-period greater than 0 cannot be specified together");
            }
            Some(_) => {}
        }
        call.warn("Warning: Immediate deletion does not wait for confirmation that the running resource has been terminated. The resource may continue to run on the cluster indefinitely.");
    }
    Ok(grace)
}

fn targets(call: &mut Call, flags: &Flags) -> Result<(Vec<Found>, Vec<Failure>), Failure> {
    if flags.given("filename") {
        let input = std::mem::take(&mut call.input);
        let (manifests, failures) = manifest::load(call, flags, &input);
        let found = manifests.into_iter().map(|it| Found {
            resource: it.resource,
            namespace: it.namespace,
            name: it.name,
            object: Value::Null,
            source: it.source,
        });
        return Ok((found.gather(), failures));
    }
    if flags.args.is_empty() {
        return fail(args::NOTHING_NAMED);
    }
    let named = args::targets(&flags.args)?;
    if named.iter().all(|it| it.name.is_some()) {
        if !flags.text("selector").is_empty() || flags.on("all") {
            return fail("name cannot be provided when a selector is specified");
        }
        let scope = call.namespace(flags);
        let found = named.into_iter().map(|it| Found {
            namespace: if it.resource.namespaced { scope.clone() } else { String::new() },
            resource: it.resource,
            name: it.name.unwrap_or_default(),
            object: Value::Null,
            source: String::new(),
        });
        return Ok((found.gather(), Vec::new()));
    }
    args::find(call, flags, &flags.args)
}

/// Asks for one object's end and answers with its uid.
fn one(
    call: &mut Call,
    flags: &Flags,
    it: &Found,
    grace: Option<i64>,
    dry: DryRun,
) -> Result<String, Failure> {
    let policy = match flags.text("cascade") {
        "orphan" | "false" => "Orphan",
        "foreground" => "Foreground",
        _ => "Background",
    };
    let mut options = json!({"propagationPolicy": policy});
    if let Some(grace) = grace {
        options["gracePeriodSeconds"] = grace.into();
    }
    let gone = if dry == DryRun::Client {
        let request = Request::new(Method::Get, it.resource, &it.namespace, &it.name);
        call.request(&request)?
    } else {
        let request = Request::new(Method::Delete, it.resource, &it.namespace, &it.name).body(options);
        call.request(&request.query("dryRun", dry.query()))?
    };
    let forced = if grace == Some(0) { " force" } else { "" };
    let from =
        if it.resource.namespaced { format!(" from {} namespace", it.namespace) } else { String::new() };
    if flags.text("output") == "name" {
        call.say(&format!("{}/{}", it.resource.qualified_singular(), it.name));
    } else {
        call.say(&format!(
            "{} {:?}{forced} deleted{from}{}",
            it.resource.qualified_singular(),
            it.name,
            dry.suffix()
        ));
    }
    let uid = text(&gone, "metadata.uid");
    Ok(if uid.is_empty() { text(&gone, "details.uid") } else { uid }.to_owned())
}

impl Waiting {
    pub fn step(mut self, call: &mut Call) -> Result<Next, Failure> {
        if call.interrupted {
            return Ok(Next::Exit(130));
        }
        let mut left = Vec::new();
        for it in std::mem::take(&mut self.left) {
            let request = Request::new(Method::Get, it.0, &it.1, &it.2);
            let still = call
                .request(&request)
                .is_ok_and(|found| it.3.is_empty() || text(&found, "metadata.uid") == it.3);
            if still {
                left.push(it);
            }
        }
        if left.is_empty() {
            return if self.code == 0 { DONE } else { Ok(Next::Exit(self.code)) };
        }
        if self.until.is_some_and(|it| it <= call.now) {
            let all = left.iter().map(|it| {
                Failure::Text(format!("timed out waiting for the condition on {}/{}", it.0.plural, it.2))
            });
            Failure::gather(all.gather())?;
        }
        self.left = left;
        let until = self.until;
        Ok(Next::Wait(Task::Delete(Box::new(self)), until))
    }
}
