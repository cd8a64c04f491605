//! `describe`.

use super::{DONE, Next, file_flags};
use crate::args;
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
    let (mut found, mut failures) = (Vec::new(), Vec::new());
    if flags.given("filename") {
        (found, failures) = args::find(call, flags, &[])?;
    } else {
        let scope = args::scope(call, flags);
        let targets = args::targets(&flags.args)?;
        for target in targets {
            match target.name {
                Some(_) if !flags.text("selector").is_empty() => {
                    return fail("name cannot be provided when a selector is specified");
                }
                Some(name) => match args::get(call, target.resource, &scope, &name) {
                    Ok(it) => found.push(it),
                    Err(failure) if failure.is_not_found() => {
                        // A prefix of a name is good enough here.
                        let all = args::list_all(call, target.resource, &scope, flags)?;
                        let before = found.len();
                        for object in
                            all.into_iter().filter(|it| text(it, "metadata.name").starts_with(&name))
                        {
                            let namespace = text(&object, "metadata.namespace").to_owned();
                            let name = text(&object, "metadata.name").to_owned();
                            found.push(args::Found {
                                resource: target.resource,
                                namespace,
                                name,
                                object,
                                source: String::new(),
                            });
                        }
                        if found.len() == before {
                            failures.push(failure);
                        }
                    }
                    Err(failure) => failures.push(failure),
                },
                None => {
                    for object in args::list_all(call, target.resource, &scope, flags)? {
                        let namespace = text(&object, "metadata.namespace").to_owned();
                        let name = text(&object, "metadata.name").to_owned();
                        found.push(args::Found {
                            resource: target.resource,
                            namespace,
                            name,
                            object,
                            source: String::new(),
                        });
                    }
                }
            }
        }
    }
    let nothing = found.is_empty() && failures.is_empty();
    // Several objects are told without their events, unless these are asked for.
    let events = if 1 < found.len() { flags.on("show-events") } else { flags.on_unless_off("show-events") };
    for (index, it) in found.into_iter().enumerate() {
        let page = describe::describe(call, &it.resource, &it.object, events)?;
        if index > 0 {
            call.print("\n");
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
