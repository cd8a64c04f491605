//! `events`: what was told about objects, oldest first.
//!
//! Follows kubernetes v1.36 kubectl/pkg/cmd/events.

use serde_json::Value;
use sim::{Gather as _, Sort as _};

use super::{DONE, Next, Task};
use crate::client::{Failure, Method, Request, fail};
use crate::columns::Widths;
use crate::flags::Flags;
use crate::json::{list, text};
use crate::output::{Format, list_of};
use crate::resources::of_plural;
use crate::{Call, ChangeKind, args, describe};

pub const FLAGS: &str = "all-namespaces,A! watch,w! for= types= no-headers! chunk-size# output,o= template= allow-missing-template-keys! show-managed-fields!";

/// Events that are printed as they come.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Watch {
    flags: Flags,
    about: Option<(&'static str, String)>,
    namespace: String,
    revision: u64,
    widths: Widths,
}

pub fn run(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    for it in flags.list("types") {
        if !it.eq_ignore_ascii_case("Normal") && !it.eq_ignore_ascii_case("Warning") {
            return fail("valid --types are Normal or Warning");
        }
    }
    let about = match flags.value("for") {
        None => None,
        Some(word) => match args::targets(&[word.to_owned()])?.pop() {
            Some(args::Target { resource, name: Some(name) }) => Some((resource.kind, name)),
            _ => return fail("--for must be in resource/name form"),
        },
    };
    let namespace = args::scope(call, flags);
    let revision = call.world.revision();
    let request = Request::new(Method::List, of_plural("events"), &namespace, "");
    let mut all = list(&call.request(&request)?, "items").to_vec();
    let mut watch = Watch { flags: flags.clone(), about, namespace, revision, widths: Widths::default() };
    all.retain(|it| watch.wanted(it));
    all.put_in_order_by_key(describe::last_seen);
    let format = Format::of_change(flags)?;
    if !format.is_table() {
        for item in &mut all {
            item["kind"] = "Event".into();
            item["apiVersion"] = "v1".into();
        }
        let text = format.print(&list_of(&all), flags.on("show-managed-fields"), call.now)?;
        call.print(&text);
        return DONE;
    }
    let follow = flags.on("watch");
    if all.is_empty() && !follow {
        if flags.on("all-namespaces") {
            call.warn("No events found.");
        } else {
            call.warn(&format!("No events found in {} namespace.", watch.namespace));
        }
        return DONE;
    }
    let headers = if flags.on("no-headers") { None } else { Some(watch.headers()) };
    watch.print(call, headers, &all);
    if follow { Ok(Next::Wait(Task::Events(Box::new(watch)), None)) } else { DONE }
}

impl Watch {
    fn wanted(&self, event: &Value) -> bool {
        let types: Vec<&str> = self.flags.list("types").gather();
        let of_type = types.is_empty() || types.iter().any(|it| it.eq_ignore_ascii_case(text(event, "type")));
        let about = self.about.as_ref().is_none_or(|(kind, name)| {
            text(event, "involvedObject.kind") == *kind && text(event, "involvedObject.name") == name
        });
        of_type && about
    }

    fn headers(&self) -> Vec<String> {
        let mut row = vec!["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"];
        if self.flags.on("all-namespaces") {
            row.insert(0, "NAMESPACE");
        }
        row.into_iter().map(str::to_owned).gather()
    }

    fn print(&mut self, call: &mut Call, headers: Option<Vec<String>>, events: &[Value]) {
        let mut rows: Vec<Vec<String>> = headers.into_iter().gather();
        for it in events {
            let object = format!("{}/{}", text(it, "involvedObject.kind"), text(it, "involvedObject.name"));
            let mut row = vec![
                describe::interval(it, call.now),
                text(it, "type").to_owned(),
                text(it, "reason").to_owned(),
                object,
                text(it, "message").trim().to_owned(),
            ];
            if self.flags.on("all-namespaces") {
                row.insert(0, text(it, "metadata.namespace").to_owned());
            }
            rows.push(row);
        }
        let mut out = String::new();
        self.widths.print(&rows, &mut out);
        call.print(&out);
    }

    pub fn step(mut self: Box<Self>, call: &mut Call) -> Next {
        if call.interrupted {
            return Next::Exit(130);
        }
        let resource = of_plural("events");
        let (events, revision) = call.world.events_after(&resource, &self.namespace, self.revision);
        self.revision = revision;
        let new: Vec<Value> = events
            .into_iter()
            .filter(|it| it.change != ChangeKind::Deleted)
            .map(|it| it.object)
            .filter(|it| self.wanted(it))
            .gather();
        self.print(call, None, &new);
        Next::Wait(Task::Events(self), None)
    }
}
