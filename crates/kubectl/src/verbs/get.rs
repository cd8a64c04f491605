//! `get`: tables and objects, once or as they change.

use std::time::Duration;

use serde_json::Value;
use sim::{Gather as _, SimTime, Sort as _};

use super::{DONE, Next, Task, file_flags};
use crate::args::{self, Target};
use crate::client::{Failure, fail, usage};
use crate::columns::Widths;
use crate::flags::Flags;
use crate::json::{at, labels, plain, text};
use crate::jsonpath::{self, Template};
use crate::output::{Format, list_of};
use crate::resources::Resource;
use crate::{Call, ChangeKind, table};

pub const FLAGS: &str = file_flags!(
    "output,o= template= allow-missing-template-keys! watch,w! watch-only! selector,l= all-namespaces,A! field-selector= sort-by= show-labels! label-columns,L= no-headers! show-kind! ignore-not-found! chunk-size# raw= subresource= server-print! output-watch-events! show-managed-fields!"
);

/// A watch that goes on.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Watch {
    flags: Flags,
    resource: Resource,
    name: Option<String>,
    namespace: String,
    revision: u64,
    widths: Widths,
    headers_due: bool,
    until: Option<SimTime>,
}

/// How rows are made.
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
struct Look {
    wide: bool,
    show_kind: bool,
    namespaces: bool,
    events: bool,
    labels: Vec<String>,
    show_labels: bool,
    headers: bool,
}

impl Look {
    fn of(flags: &Flags, wide: bool) -> Look {
        Look {
            wide,
            show_kind: flags.on("show-kind"),
            namespaces: flags.on("all-namespaces"),
            events: flags.on("output-watch-events"),
            labels: flags.list("label-columns").map(str::to_owned).gather(),
            show_labels: flags.on("show-labels"),
            headers: !flags.on("no-headers"),
        }
    }

    fn headers(&self, resource: &Resource) -> Vec<String> {
        let mut row = Vec::new();
        if self.events {
            row.push("EVENT".to_owned());
        }
        if self.namespaces && resource.namespaced {
            row.push("NAMESPACE".to_owned());
        }
        row.extend(table::headers(resource, self.wide));
        row.extend(self.labels.iter().map(|it| it.rsplit('/').next().unwrap_or("").to_ascii_uppercase()));
        if self.show_labels {
            row.push("LABELS".to_owned());
        }
        row
    }

    fn row(&self, resource: &Resource, object: &Value, event: &str, now: SimTime) -> Vec<String> {
        let mut row = Vec::new();
        if self.events {
            row.push(event.to_owned());
        }
        if self.namespaces && resource.namespaced {
            row.push(text(object, "metadata.namespace").to_owned());
        }
        let mut cells = table::row(resource, object, self.wide, now);
        if self.show_kind
            && let Some(first) = cells.first_mut()
        {
            *first = format!("{}/{first}", resource.qualified_singular());
        }
        row.extend(cells);
        let own = at(object, "metadata.labels");
        row.extend(self.labels.iter().map(|it| own.get(it).map_or_else(String::new, plain)));
        if self.show_labels {
            row.push(labels(object, "metadata.labels"));
        }
        row
    }
}

pub fn run(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    if let Some(path) = flags.value("raw") {
        return fail(format!("raw requests are not simulated: {path}"));
    }
    if flags.args.is_empty() && !flags.given("filename") {
        call.print("");
        call.warn("You must specify the type of resource to get. Use \"kubectl api-resources\" for a complete list of supported resources.\n");
        return usage(
            "get",
            "Required resource not specified.\nUse \"kubectl explain <resource>\" for a detailed description of that resource (e.g. kubectl explain pods).",
        );
    }
    let format = Format::of_get(flags)?;
    let targets = if flags.given("filename") { Vec::new() } else { args::targets(&flags.args)? };
    if targets.iter().any(|it| it.name.is_some()) && !flags.text("selector").is_empty() {
        return fail("name cannot be provided when a selector is specified");
    }
    if flags.on("all-namespaces") && targets.iter().any(|it| it.name.is_some()) {
        return fail("a resource cannot be retrieved by name across all namespaces");
    }
    if flags.on("watch") || flags.on("watch-only") {
        return watch(call, flags, &format, &targets);
    }
    let (groups, failures) = collect(call, flags, &targets)?;
    if format.is_table() {
        print_tables(call, flags, &format, groups, &failures);
    } else {
        print_objects(call, flags, &format, groups, &targets, &failures)?;
    }
    Failure::gather(failures)?;
    DONE
}

type Groups = Vec<(Resource, Vec<Value>)>;

/// The objects, in groups as the arguments name them.
fn collect(call: &mut Call, flags: &Flags, targets: &[Target]) -> Result<(Groups, Vec<Failure>), Failure> {
    let (mut groups, mut failures): (Groups, Vec<Failure>) = (Vec::new(), Vec::new());
    let mut add = |resource: Resource, items: Vec<Value>| match groups.last_mut() {
        Some(last) if last.0 == resource => last.1.extend(items),
        _ => groups.push((resource, items)),
    };
    if flags.given("filename") {
        let (found, wrong) = args::find(call, flags, &flags.args)?;
        failures.extend(wrong);
        for it in found {
            add(it.resource, vec![it.object]);
        }
        return Ok((groups, failures));
    }
    let scope = args::scope(call, flags);
    call.unasked = flags.args.first().is_some_and(|it| it == "all");
    for target in targets {
        match &target.name {
            None => {
                let items = args::list_all(call, target.resource, &scope, flags);
                match items {
                    Ok(items) => add(target.resource, items),
                    Err(failure) => failures.push(failure),
                }
            }
            Some(name) => match args::get(call, target.resource, &scope, name) {
                Ok(found) => add(target.resource, vec![found.object]),
                Err(failure) if flags.on("ignore-not-found") && failure.is_not_found() => {}
                Err(failure) => failures.push(failure),
            },
        }
    }
    if flags.given("sort-by") {
        for (_, items) in &mut groups {
            sort(items, flags.text("sort-by"))?;
        }
    }
    Ok((groups, failures))
}

/// Sorts by a field; objects without it come first.
fn sort(items: &mut [Value], path: &str) -> Result<(), Failure> {
    let path = jsonpath::relaxed(path).map_err(Failure::Text)?;
    let template = Template::parse(&path).map_err(Failure::Text)?;
    let key = |it: &Value| -> Option<Value> { template.find(it).ok()?.first().map(|it| (*it).clone()) };
    items.put_in_order_by(|a, b| {
        let (a, b) = (key(a), key(b));
        match (&a, &b) {
            (Some(Value::Number(a)), Some(Value::Number(b))) => {
                a.as_f64().partial_cmp(&b.as_f64()).unwrap_or(std::cmp::Ordering::Equal)
            }
            (Some(a), Some(b)) => natural(&plain(a), &plain(b)),
            (a, b) => a.is_some().cmp(&b.is_some()),
        }
    });
    Ok(())
}

/// Numbers inside names count as numbers, quantities by their amount.
fn natural(a: &str, b: &str) -> std::cmp::Ordering {
    if let (Ok(a), Ok(b)) = (api::quantity::parse(a), api::quantity::parse(b)) {
        return a.cmp(&b);
    }
    a.cmp(b)
}

fn print_tables(call: &mut Call, flags: &Flags, format: &Format, groups: Groups, failures: &[Failure]) {
    let mut look = Look::of(flags, matches!(format, Format::Wide));
    let several = 1 < groups.len() || flags.args.first().is_some_and(|it| it == "all" || it.contains(','));
    look.show_kind |= several;
    let mut written = false;
    for (resource, items) in groups {
        if items.is_empty() {
            continue;
        }
        if flags.given("sort-by") && items.iter().all(|it| lacks(it, flags.text("sort-by"))) {
            continue;
        }
        if written && look.headers {
            call.print("\n");
        }
        let mut rows = Vec::new();
        if look.headers {
            rows.push(look.headers(&resource));
        }
        rows.extend(items.iter().map(|it| look.row(&resource, it, "", call.now)));
        let mut out = String::new();
        Widths::default().print(&rows, &mut out);
        call.print(&out);
        written = true;
    }
    if !written && failures.is_empty() && !flags.on("ignore-not-found") {
        nothing_found(call, flags);
    }
}

fn lacks(object: &Value, path: &str) -> bool {
    let Ok(path) = jsonpath::relaxed(path) else { return false };
    Template::parse(&path).is_ok_and(|it| it.find(object).is_ok_and(|it| it.is_empty()))
}

fn nothing_found(call: &mut Call, flags: &Flags) {
    let cluster = args::targets(&flags.args).is_ok_and(|it| it.iter().all(|it| !it.resource.namespaced));
    if flags.on("all-namespaces") || cluster {
        call.warn("No resources found");
    } else {
        call.warn(&format!("No resources found in {} namespace.", call.namespace(flags)));
    }
}

fn print_objects(
    call: &mut Call,
    flags: &Flags,
    format: &Format,
    groups: Groups,
    targets: &[Target],
    failures: &[Failure],
) -> Result<(), Failure> {
    let single = targets.len() == 1 && targets[0].name.is_some();
    let mut items: Vec<Value> = groups.into_iter().flat_map(|it| it.1).gather();
    let one = single || (flags.given("filename") && items.len() == 1);
    if one && items.is_empty() {
        return Ok(());
    }
    let object = if one { items.remove(0) } else { list_of(&items) };
    if !one && !failures.is_empty() && object["items"].as_array().is_some_and(Vec::is_empty) {
        return Ok(());
    }
    let text = format.print(&object, flags.on("show-managed-fields"), call.now)?;
    call.print(&text);
    Ok(())
}

fn watch(call: &mut Call, flags: &Flags, format: &Format, targets: &[Target]) -> Result<Next, Failure> {
    let [target] = targets else {
        return fail("you may only specify a single resource type");
    };
    let until = flags.duration_or_text("request-timeout").map(|it| call.now + Duration::from_micros(it));
    let namespace = args::scope(call, flags);
    let revision = call.world.revision();
    let mut watch = Watch {
        flags: flags.clone(),
        resource: target.resource,
        name: target.name.clone(),
        namespace,
        revision,
        widths: Widths::default(),
        headers_due: true,
        until,
    };
    let items = match &target.name {
        Some(name) => vec![args::get(call, target.resource, &watch.namespace, name)?.object],
        None => args::list_all(call, target.resource, &watch.namespace, flags)?,
    };
    if !flags.on("watch-only") {
        let items: Vec<(String, Value)> = items.into_iter().map(|it| ("ADDED".to_owned(), it)).gather();
        watch.print(call, format, &items)?;
    }
    watch.step_again(call)
}

impl Watch {
    fn print(&mut self, call: &mut Call, format: &Format, items: &[(String, Value)]) -> Result<(), Failure> {
        if !format.is_table() {
            for (_, item) in items {
                if matches!(format, Format::Yaml) {
                    call.say("---");
                }
                let text = format.print(item, self.flags.on("show-managed-fields"), call.now)?;
                call.print(&text);
            }
            return Ok(());
        }
        let look = Look::of(&self.flags, matches!(format, Format::Wide));
        let mut rows = Vec::new();
        if !items.is_empty() && std::mem::take(&mut self.headers_due) && look.headers {
            rows.push(look.headers(&self.resource));
        }
        rows.extend(items.iter().map(|(event, it)| look.row(&self.resource, it, event, call.now)));
        let mut out = String::new();
        self.widths.print(&rows, &mut out);
        call.print(&out);
        Ok(())
    }

    pub fn step(mut self, call: &mut Call) -> Result<Next, Failure> {
        if call.interrupted {
            return Ok(Next::Exit(130));
        }
        let (events, revision) = call.world.events_after(&self.resource, &self.namespace, self.revision);
        self.revision = revision;
        let selector = api::selector::Selector::parse(self.flags.text("selector")).map_err(Failure::Text)?;
        let items: Vec<(String, Value)> = events
            .into_iter()
            .filter(|it| self.name.as_deref().is_none_or(|name| text(&it.object, "metadata.name") == name))
            .filter(|it| selector.matches(&label_map(&it.object)))
            .map(|it| {
                let change = match it.change {
                    ChangeKind::Added => "ADDED",
                    ChangeKind::Modified => "MODIFIED",
                    ChangeKind::Deleted => "DELETED",
                };
                (change.to_owned(), it.object)
            })
            .gather();
        let format = Format::of_get(&self.flags)?;
        self.print(call, &format, &items)?;
        self.step_again(call)
    }

    fn step_again(self, call: &mut Call) -> Result<Next, Failure> {
        let watch = Box::new(self);
        if watch.until.is_some_and(|it| it <= call.now) {
            return DONE;
        }
        let until = watch.until;
        Ok(Next::Wait(Task::Watch(watch), until))
    }
}

/// An object's labels as the selectors read them.
pub fn label_map(object: &Value) -> std::collections::BTreeMap<String, String> {
    crate::json::entries(object, "metadata.labels").map(|(key, value)| (key.to_owned(), plain(value))).fill()
}
