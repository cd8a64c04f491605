//! `apply`: make the cluster hold what the files say.
//!
//! Follows kubernetes v1.36 kubectl/pkg/cmd/apply.

use serde_json::{Value, json};

use super::{DONE, DryRun, Next, change_flags, tell};
use crate::args::group_version;
use crate::client::{Failure, Method, PatchType, Request, fail};
use crate::flags::Flags;
use crate::json::{at, has, remove, set, text};
use crate::manifest::{self, Manifest};
use crate::{Call, merge};

pub const FLAGS: &str = change_flags!(
    "selector,l= all! force! overwrite! prune! prune-allowlist= cascade~background grace-period# timeout% wait! validate~strict server-side! force-conflicts! openapi-patch! subresource= prune-whitelist= applyset="
);

pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

pub fn run(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    if !flags.given("filename") {
        return fail("must specify one of -f and -k");
    }
    if !flags.args.is_empty() {
        return fail(format!(
            "Unexpected args: [{}]\nSee 'kubectl apply -h' for help and examples",
            flags.args.join(" ")
        ));
    }
    let dry = DryRun::of(call, flags)?;
    if flags.on("server-side") && dry == DryRun::Client {
        return fail(
            "--dry-run=client doesn't work with --server-side (did you mean --dry-run=server instead?)",
        );
    }
    let input = std::mem::take(&mut call.input);
    let (manifests, mut failures) = manifest::load(call, flags, &input);
    if manifests.is_empty() && failures.is_empty() {
        return fail("no objects passed to apply");
    }
    let mut later = Vec::new();
    let several = 1 < manifests.len();
    let format = crate::output::Format::of_change(flags)?;
    let mut printed = Vec::new();
    for it in manifests {
        match one(call, flags, &it, dry) {
            Ok((object, what)) if format.is_table() || !several => tell(call, flags, &object, what, dry)?,
            Ok((object, _)) => printed.push(object),
            Err(failure) => later.push(failure),
        }
    }
    if !printed.is_empty() {
        let text =
            format.print(&crate::output::list_of(&printed), flags.on("show-managed-fields"), call.now)?;
        call.print(&text);
    }
    later.append(&mut failures);
    Failure::gather(later)?;
    DONE
}

/// The object without what apply itself adds, as the annotation keeps it.
fn annotation(object: &Value) -> String {
    let mut bare = object.clone();
    remove(&mut bare, "metadata.annotations", LAST_APPLIED);
    if !at(&bare, "metadata.annotations").is_object() {
        set(&mut bare, "metadata.annotations", json!({}));
    }
    html_safe(&bare.to_string()) + "\n"
}

/// Go's JSON encoder escapes these.
pub fn html_safe(json: &str) -> String {
    json.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

pub fn with_annotation(mut object: Value) -> Value {
    let applied = annotation(&object);
    if !at(&object, "metadata.annotations").is_object() {
        set(&mut object, "metadata.annotations", json!({}));
    }
    object["metadata"]["annotations"][LAST_APPLIED] = Value::String(applied);
    object
}

/// `Resource: …, GroupVersionKind: …` and the name, as errors tell them.
fn information(it: &Manifest) -> String {
    format!(
        "Resource: \"{}, Resource={}\", GroupVersionKind: \"{}, Kind={}\"\nName: {:?}, Namespace: {:?}",
        group_version(&it.resource),
        it.resource.plural,
        group_version(&it.resource),
        it.resource.kind,
        it.name,
        it.namespace
    )
}

fn one(call: &mut Call, flags: &Flags, it: &Manifest, dry: DryRun) -> Result<(Value, &'static str), Failure> {
    if it.name.is_empty() && has(&it.object, "metadata.generateName") {
        return fail(format!(
            "from {}: cannot use generate name with apply",
            text(&it.object, "metadata.generateName")
        ));
    }
    let validation = match flags.text("validate") {
        "false" | "ignore" => "Ignore",
        "warn" => "Warn",
        _ => "Strict",
    };
    let how = |manager: &'static str| How {
        manager: if flags.given("field-manager") {
            flags.text("field-manager").to_owned()
        } else {
            manager.to_owned()
        },
        validation,
        dry,
        force: flags.on("force"),
        show_current: flags.given("output"),
    };
    if flags.on("server-side") {
        let request = how("kubectl").request(Method::Patch(PatchType::Apply), it, &it.name);
        let request = request.body(it.object.clone());
        let force = if flags.on("force-conflicts") { "true" } else { "" };
        return Ok((call.request(&request.query("force", force))?, "serverside-applied"));
    }
    let how = how("kubectl-client-side-apply");
    let modified = with_annotation(it.object.clone());
    let current = if it.name.is_empty() {
        Err(Failure::Text("resource name may not be empty".into()))
    } else {
        call.request(&Request::new(Method::Get, it.resource, &it.namespace, &it.name))
    };
    match current {
        Ok(current) => change(call, it, &how, modified, current),
        Err(failure) if failure.is_not_found() => {
            if dry == DryRun::Client {
                return Ok((modified, "created"));
            }
            let request = how.request(Method::Create, it, "").body(modified);
            let created = call.request(&request).map_err(|e| e.from_source("creating", &it.source))?;
            Ok((created, "created"))
        }
        Err(failure) => {
            let verb = format!("retrieving current configuration of:\n{}\nfrom server for:", information(it));
            Err(failure.from_source(&verb, &it.source))
        }
    }
}

/// How requests are sent.
struct How {
    manager: String,
    validation: &'static str,
    dry: DryRun,
    force: bool,
    show_current: bool,
}

impl How {
    fn request(&self, method: Method, it: &Manifest, name: &str) -> Request {
        Request::new(method, it.resource, &it.namespace, name)
            .query("fieldManager", &self.manager)
            .query("fieldValidation", self.validation)
            .query("dryRun", self.dry.query())
    }
}

/// The object is there: what differs is patched.
fn change(
    call: &mut Call,
    it: &Manifest,
    how: &How,
    modified: Value,
    current: Value,
) -> Result<(Value, &'static str), Failure> {
    let annotated = at(&current, "metadata.annotations").get(LAST_APPLIED).and_then(Value::as_str);
    if annotated.is_none() && how.dry != DryRun::Client {
        call.warn(&format!(
            "Warning: resource {}/{} is missing the {LAST_APPLIED} annotation which is required by kubectl apply. kubectl apply should only be used on resources created declaratively by either kubectl create --save-config or kubectl apply. The missing annotation will be patched automatically.",
            it.resource.plural, it.name
        ));
    }
    if how.dry == DryRun::Client {
        return Ok((if how.show_current { current } else { modified }, "configured"));
    }
    let original = annotated.and_then(|it| serde_json::from_str(it).ok()).unwrap_or(Value::Null);
    let patch = merge::three_way(it.resource.kind, &original, &modified, &current);
    if patch.as_object().is_some_and(serde_json::Map::is_empty) {
        return Ok((current, "unchanged"));
    }
    if has(&current, "metadata.deletionTimestamp") {
        call.warn(&format!(
            "Warning: Detected changes to resource {} which is currently being deleted.",
            it.name
        ));
    }
    let request = how.request(Method::Patch(PatchType::Strategic), it, &it.name).body(patch.clone());
    match call.request(&request) {
        Ok(patched) => Ok((patched, "configured")),
        Err(failure) if how.force && matches!(failure.reason(), "Conflict" | "Invalid") => {
            let delete = Request::new(Method::Delete, it.resource, &it.namespace, &it.name)
                .body(json!({"gracePeriodSeconds": 0, "propagationPolicy": "Background"}));
            call.request(&delete)?;
            let create = Request::new(Method::Create, it.resource, &it.namespace, "").body(modified);
            Ok((call.request(&create)?, "configured"))
        }
        Err(failure) => {
            let shown = html_safe(&patch.to_string());
            let verb = format!("applying patch:\n{shown}\nto:\n{}\nfor:", information(it));
            Err(failure.from_source(&verb, &it.source))
        }
    }
}
