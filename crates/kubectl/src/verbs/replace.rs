//! `replace`: the whole object as the file has it; with `--force` another one in its place.

use serde_json::{Value, json};

use super::{DONE, DryRun, Next, Task, change_flags, tell};
use crate::Call;
use crate::client::{Failure, Method, Request, fail};
use crate::flags::Flags;
use crate::json::{has, set, text};
use crate::manifest::{self, Manifest};
use crate::resources::Resource;

pub const FLAGS: &str = change_flags!(
    "force! grace-period# cascade~background timeout% wait! validate~strict subresource= save-config! raw="
);

/// Objects that must be gone before they are made again.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Replacing {
    flags: Flags,
    left: Vec<(Resource, String, String, String)>,
    /// What comes in their place; kept as text, because values have no hash.
    objects: Vec<String>,
}

pub fn run(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    if !flags.given("filename") {
        return fail("must specify one of -f and -k");
    }
    if !flags.on("force") && (0 <= flags.number("grace-period").unwrap_or(-1)) {
        return fail("--grace-period must have --force specified");
    }
    if !flags.on("force") && flags.given("timeout") {
        return fail("--timeout must have --force specified");
    }
    let dry = DryRun::of(call, flags)?;
    let input = std::mem::take(&mut call.input);
    let (manifests, mut failures) = manifest::load(call, flags, &input);
    if manifests.is_empty() && failures.is_empty() {
        return fail("no objects passed to replace");
    }
    if flags.on("force") {
        Failure::gather(failures)?;
        return forced(call, flags, manifests);
    }
    for it in manifests {
        if dry == DryRun::Client {
            tell(call, flags, &it.object, "replaced", dry)?;
            continue;
        }
        match one(call, &it, dry) {
            Ok(object) => tell(call, flags, &object, "replaced", dry)?,
            Err(failure) => failures.push(failure.from_source("replacing", &it.source)),
        }
    }
    Failure::gather(failures)?;
    DONE
}

fn one(call: &mut Call, it: &Manifest, dry: DryRun) -> Result<Value, Failure> {
    let mut object = it.object.clone();
    if !has(&object, "metadata.resourceVersion") {
        let current = call.request(&Request::new(Method::Get, it.resource, &it.namespace, &it.name))?;
        set(&mut object, "metadata.resourceVersion", text(&current, "metadata.resourceVersion").into());
    }
    let request = Request::new(Method::Update, it.resource, &it.namespace, &it.name).body(object);
    call.request(&request.query("fieldManager", "kubectl-replace").query("dryRun", dry.query()))
}

fn forced(call: &mut Call, flags: &Flags, manifests: Vec<Manifest>) -> Result<Next, Failure> {
    let mut replacing = Replacing { flags: flags.clone(), left: Vec::new(), objects: Vec::new() };
    for it in manifests {
        let mut options = json!({"propagationPolicy": "Background"});
        if let Some(seconds) = flags.number("grace-period").filter(|it| 0 <= *it) {
            options["gracePeriodSeconds"] = seconds.into();
        }
        let request = Request::new(Method::Delete, it.resource, &it.namespace, &it.name).body(options);
        match call.request(&request) {
            Ok(gone) => {
                let of = if it.resource.namespaced {
                    format!(" from {} namespace", it.namespace)
                } else {
                    String::new()
                };
                call.say(&format!("{} {:?} deleted{of}", it.resource.qualified_singular(), it.name));
                let uid = text(&gone, "metadata.uid");
                let uid = if uid.is_empty() { text(&gone, "details.uid") } else { uid }.to_owned();
                replacing.left.push((it.resource, it.namespace.clone(), it.name.clone(), uid));
            }
            Err(failure) if failure.is_not_found() => {}
            Err(failure) => return Err(failure.from_source("deleting", &it.source)),
        }
        replacing.objects.push(it.object.to_string());
    }
    Box::new(replacing).step(call)
}

impl Replacing {
    pub fn step(mut self: Box<Self>, call: &mut Call) -> Result<Next, Failure> {
        if call.interrupted {
            return Ok(Next::Exit(130));
        }
        self.left.retain(|it| {
            let found = call.request(&Request::new(Method::Get, it.0, &it.1, &it.2));
            found.is_ok_and(|found| it.3.is_empty() || text(&found, "metadata.uid") == it.3)
        });
        if !self.left.is_empty() {
            return Ok(Next::Wait(Task::Replace(self), None));
        }
        let mut failures = Vec::new();
        for object in &self.objects {
            let mut object: Value = serde_json::from_str(object).unwrap_or_default();
            for stale in ["resourceVersion", "uid"] {
                crate::json::remove(&mut object, "metadata", stale);
            }
            let known = crate::resources::of_kind(text(&object, "apiVersion"), text(&object, "kind"));
            let Some(resource) = known else { continue };
            let namespace = text(&object, "metadata.namespace").to_owned();
            let request = Request::new(Method::Create, resource, &namespace, "").body(object);
            match call.request(&request.query("fieldManager", "kubectl-replace")) {
                Ok(made) => tell(call, &self.flags, &made, "replaced", DryRun::No)?,
                Err(failure) => failures.push(failure),
            }
        }
        Failure::gather(failures)?;
        DONE
    }
}
