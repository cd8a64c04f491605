//! What the arguments name: types, names, `type/name`, and the objects they stand for.
//!
//! Follows kubernetes v1.36 cli-runtime/pkg/resource: Builder.

use serde_json::Value;
use sim::Gather as _;

use crate::Call;
use crate::client::{Failure, Method, Request, fail};
use crate::flags::Flags;
use crate::json::{list, text};
use crate::manifest;
use crate::resources::{self, CATEGORY_ALL, Resource};

pub const NOTHING_NAMED: &str = "You must provide one or more resources by argument or filename.\nExample resource specifications include:\n   '-f rsrc.yaml'\n   '--filename=rsrc.json'\n   '<resource> <name>'\n   '<resource>'";

/// A type with a name, or all of a type.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    pub resource: Resource,
    pub name: Option<String>,
}

/// An object that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    pub resource: Resource,
    pub namespace: String,
    pub name: String,
    pub object: Value,
    /// The file it was named in; empty for arguments.
    pub source: String,
}

pub fn resource(word: &str) -> Result<Resource, Failure> {
    resources::find(word).ok_or_else(|| {
        let (name, rest) = word.split_once('.').unwrap_or((word, ""));
        let text = match rest.split_once('.') {
            // `pods.v1.core`: the last try is the bare name.
            Some(_) => format!("the server doesn't have a resource type {name:?}"),
            None => format!("the server doesn't have a resource type {word:?}"),
        };
        Failure::Text(text)
    })
}

fn types(word: &str) -> Result<Vec<Resource>, Failure> {
    let mut all: Vec<Resource> = Vec::new();
    for word in word.split(',') {
        let words = if word == "all" { CATEGORY_ALL } else { word };
        for word in words.split(',') {
            let found = resource(word)?;
            if !all.contains(&found) {
                all.push(found);
            }
        }
    }
    Ok(all)
}

pub fn targets(args: &[String]) -> Result<Vec<Target>, Failure> {
    let slashes = args.iter().filter(|it| it.contains('/')).count();
    if slashes > 0 && slashes < args.len() {
        return fail(
            "there is no need to specify a resource type as a separate argument when passing arguments in resource/name form (e.g. 'kubectl get resource/<resource_name>' instead of 'kubectl get resource resource/<resource_name>'",
        );
    }
    let mut targets = Vec::new();
    if slashes > 0 {
        for arg in args {
            let parts: Vec<&str> = arg.split('/').gather();
            let [kind, name] = parts[..] else {
                return fail("arguments in resource/name form may not have more than one slash");
            };
            if kind.is_empty() || name.is_empty() {
                return fail("arguments in resource/name form must have a single resource and name");
            }
            for resource in types(kind)? {
                targets.push(Target { resource, name: Some(name.to_owned()) });
            }
        }
        return Ok(targets);
    }
    let Some((first, names)) = args.split_first() else { return Ok(targets) };
    let resources = types(first)?;
    if names.is_empty() {
        targets.extend(resources.into_iter().map(|resource| Target { resource, name: None }));
        return Ok(targets);
    }
    if 1 < resources.len() {
        return fail("you must specify only one resource");
    }
    for name in names {
        targets.push(Target { resource: resources[0], name: Some(name.clone()) });
    }
    Ok(targets)
}

/// One object.
pub fn get(call: &mut Call, resource: Resource, namespace: &str, name: &str) -> Result<Found, Failure> {
    let object = call.request(&Request::new(Method::Get, resource, namespace, name))?;
    let namespace = text(&object, "metadata.namespace").to_owned();
    Ok(Found { resource, namespace, name: name.to_owned(), object, source: String::new() })
}

/// All objects of a type that the selectors let through; the items carry their kind.
pub fn list_all(
    call: &mut Call,
    resource: Resource,
    namespace: &str,
    flags: &Flags,
) -> Result<Vec<Value>, Failure> {
    let (labels, fields) = (flags.text("selector"), flags.text("field-selector"));
    let request = Request::new(Method::List, resource, namespace, "");
    let request = request.query("labelSelector", labels).query("fieldSelector", fields);
    let mut answer = call.request(&request).map_err(|failure| {
        let Failure::Status(mut status) = failure else { return failure };
        let about = matches!(text(&status, "reason"), "BadRequest" | "NotFound");
        if about && !(labels.is_empty() && fields.is_empty()) {
            let message = format!(
                "Unable to find \"{}, Resource={}\" that match label selector {labels:?}, field selector {fields:?}: {}",
                group_version(&resource),
                resource.plural,
                text(&status, "message")
            );
            status["message"] = Value::String(message);
        }
        Failure::Status(status)
    })?;
    let mut items = answer
        .get_mut("items")
        .map(Value::take)
        .and_then(|it| if let Value::Array(it) = it { Some(it) } else { None })
        .unwrap_or_default();
    for item in &mut items {
        item["kind"] = resource.kind.into();
        item["apiVersion"] = resource.api_version.into();
    }
    Ok(items)
}

/// `/v1`, `apps/v1`
pub fn group_version(resource: &Resource) -> String {
    format!("{}/{}", resource.group(), resource.version())
}

/// The namespace to look in: empty for all.
pub fn scope(call: &Call, flags: &Flags) -> String {
    if flags.on("all-namespaces") { String::new() } else { call.namespace(flags) }
}

/// Every object that arguments, selectors and files name, with what went wrong on the way.
pub fn find(call: &mut Call, flags: &Flags, args: &[String]) -> Result<(Vec<Found>, Vec<Failure>), Failure> {
    let (mut all, mut failures) = (Vec::new(), Vec::new());
    if flags.given("filename") {
        if !args.is_empty() {
            return fail(
                "when paths, URLs, or stdin is provided as input, you may not specify resource arguments as well",
            );
        }
        let input = std::mem::take(&mut call.input);
        let (manifests, wrong) = manifest::load(call, flags, &input);
        failures.extend(wrong);
        for it in manifests {
            match get(call, it.resource, &it.namespace, &it.name) {
                Ok(mut found) => {
                    found.source = it.source;
                    all.push(found);
                }
                Err(failure) => failures.push(failure),
            }
        }
        return Ok((all, failures));
    }
    if args.is_empty() {
        return fail(NOTHING_NAMED);
    }
    let scope = scope(call, flags);
    let selected = flags.on("all") || !flags.text("selector").is_empty() || flags.given("field-selector");
    for target in targets(args)? {
        match target.name {
            Some(_) if !flags.text("selector").is_empty() => {
                return fail("name cannot be provided when a selector is specified");
            }
            Some(name) => match get(call, target.resource, &scope, &name) {
                Ok(found) => all.push(found),
                Err(failure) => failures.push(failure),
            },
            None if !selected => return fail("resource(s) were provided, but no name was specified"),
            None => {
                for object in list_all(call, target.resource, &scope, flags)? {
                    let namespace = text(&object, "metadata.namespace").to_owned();
                    let name = text(&object, "metadata.name").to_owned();
                    all.push(Found {
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
    Ok((all, failures))
}

/// The Pods that a selector of labels lets through.
pub fn pods_of(call: &mut Call, namespace: &str, selector: &str) -> Result<Vec<Value>, Failure> {
    let request = Request::new(Method::List, resources::of_plural("pods"), namespace, "")
        .query("labelSelector", selector);
    Ok(list(&call.request(&request)?, "items").to_vec())
}
