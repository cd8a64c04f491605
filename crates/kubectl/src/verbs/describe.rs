//! `describe`.

use super::{DONE, Next, file_flags};
use crate::args::{self, Found};
use crate::client::{Failure, fail};
use crate::flags::Flags;
use crate::json::text;
use crate::{Call, describe};

pub const FLAGS: &str = file_flags!("selector,l= all-namespaces,A! show-events! chunk-size#");

pub fn run(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    if flags.args.is_empty() && !flags.given("filename") {
        return fail(
            "You must specify the type of resource to describe. Use \"kubectl api-resources\" for a complete list of supported resources.",
        );
    }
    let (found, failures) =
        if flags.given("filename") { args::find(call, flags, &[])? } else { named(call, flags)? };
    let nothing = found.is_empty() && failures.is_empty();
    // Several objects are told without their events, unless these are asked for.
    let events = if 1 < found.len() { flags.on("show-events") } else { flags.on_unless_off("show-events") };
    for (index, it) in found.into_iter().enumerate() {
        let page = describe::describe(call, &it.resource, &it.object, events)?;
        if index > 0 {
            call.print("\n\n");
        }
        call.print(&page);
    }
    if nothing {
        let scope = args::scope(call, flags);
        if scope.is_empty() || args::targets(&flags.args)?.iter().all(|it| !it.resource.namespaced) {
            call.warn("No resources found");
        } else {
            call.warn(&format!("No resources found in {scope} namespace."));
        }
    }
    Failure::gather(failures)?;
    DONE
}

/// What the arguments name; a prefix of a name is good enough.
fn named(call: &mut Call, flags: &Flags) -> Result<(Vec<Found>, Vec<Failure>), Failure> {
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    let scope = args::scope(call, flags);
    for target in args::targets(&flags.args)? {
        let prefix = match target.name {
            Some(_) if !flags.text("selector").is_empty() => {
                return fail("name cannot be provided when a selector is specified");
            }
            Some(name) => match args::get(call, target.resource, &scope, &name) {
                Ok(it) => {
                    found.push(it);
                    continue;
                }
                Err(failure) if failure.is_not_found() => Some((name, failure)),
                Err(failure) => {
                    failures.push(failure);
                    continue;
                }
            },
            None => None,
        };
        let before = found.len();
        for object in args::list_all(call, target.resource, &scope, flags)? {
            let name = text(&object, "metadata.name").to_owned();
            if prefix.as_ref().is_none_or(|it| name.starts_with(&it.0)) {
                let namespace = text(&object, "metadata.namespace").to_owned();
                found.push(Found {
                    resource: target.resource,
                    namespace,
                    name,
                    object,
                    source: String::new(),
                });
            }
        }
        if found.len() == before
            && let Some((_, failure)) = prefix
        {
            failures.push(failure);
        }
    }
    Ok((found, failures))
}
