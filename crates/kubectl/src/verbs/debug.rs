//! `debug`: one more container in a running Pod, and its terminal where that is asked for.
//!
//! Follows kubernetes v1.36 kubectl/pkg/cmd/debug: Validate, generateDebugContainer, waitForContainer.
//! Copies of Pods (`--copy-to`) and shells on nodes are left out, and refused.

use serde_json::{Map, Value, json};
use sim::Gather as _;

use super::run::Attached;
use super::{DONE, Next};
use crate::Call;
use crate::args;
use crate::client::{Failure, Method, PatchType, Request, fail, usage};
use crate::flags::Flags;
use crate::json::{list, text};
use crate::resources::of_plural;

pub const FLAGS: &str = "image= target= container,c= stdin,i! tty,t! attach! env= image-pull-policy= profile= quiet,q! copy-to= replace! same-node! set-image= share-processes! arguments-only! custom= filename,f= keep-annotations! keep-init-containers! keep-labels! keep-liveness! keep-readiness! keep-startup!";

/// What only copies of Pods know.
const OF_COPIES: &[&str] = &["copy-to", "share-processes", "custom", "filename"];

pub fn run(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let before = flags.dash.unwrap_or(flags.args.len()).min(1);
    if before == 0 || flags.args.is_empty() {
        return fail("NAME or filename is required for debug");
    }
    check(flags)?;
    let word = &flags.args[0];
    let targets = if word.contains('/') { args::targets(std::slice::from_ref(word))? } else { Vec::new() };
    if let Some(other) = targets.first().filter(|it| !it.resource.is("pods")) {
        let plural = other.resource.plural;
        return fail(format!("this playground's kubectl debug knows Pods only, not {plural}"));
    }
    let pod = super::logs::pod_of(call, flags, word)?;
    let name = match flags.text("container") {
        "" => {
            let name = free_name(&pod);
            if !flags.on("quiet") {
                call.warn(&format!("Defaulting debug container name to {name}."));
            }
            name
        }
        given => given.to_owned(),
    };
    let target = flags.text("target");
    if !target.is_empty() && !flags.on("quiet") {
        call.warn(&format!("Targeting container {target:?}. If you don't see processes from this container it may be because the container runtime doesn't support this feature."));
    }
    if flags.text("profile") == "legacy" {
        call.warn("--profile=legacy is deprecated and will be removed in the future. It is recommended to explicitly specify a profile, for example \"--profile=general\".");
    }
    let (namespace, of) = (text(&pod, "metadata.namespace"), text(&pod, "metadata.name"));
    let patch = json!({"spec": {"ephemeralContainers": [container(flags, &name)?]}});
    let request = Request::new(Method::Patch(PatchType::Strategic), of_plural("pods"), namespace, of)
        .body(patch)
        .subresource("ephemeralcontainers")
        .query("fieldManager", "kubectl-debug");
    call.request(&request)?;
    let attach = if flags.given("attach") { flags.on("attach") } else { flags.on("stdin") };
    if !attach {
        return DONE;
    }
    Box::new(Attached::debugging(call, flags, &pod, name)).step(call)
}

fn check(flags: &Flags) -> Result<(), Failure> {
    if let Some(flag) = OF_COPIES.iter().find(|it| flags.given(it)) {
        return fail(format!("--{flag} is not supported by this playground's kubectl debug"));
    }
    for flag in ["replace", "same-node", "set-image"] {
        if flags.given(flag) {
            return fail(format!("--{flag} may only be used with --copy-to."));
        }
    }
    if flags.text("image").is_empty() {
        return fail("you must specify --image when not using --copy-to.");
    }
    if flags.on("tty") && !flags.on("stdin") {
        return fail("-i/--stdin is required for containers with -t/--tty=true");
    }
    if !matches!(flags.text("image-pull-policy"), "" | "Always" | "IfNotPresent" | "Never") {
        return usage("debug", &format!("invalid image pull policy: {}", flags.text("image-pull-policy")));
    }
    profile(flags.text("profile")).map(|_| ())
}

fn container(flags: &Flags, name: &str) -> Result<Value, Failure> {
    let mut container = json!({
        "name": name,
        "image": flags.text("image"),
        "terminationMessagePolicy": "File",
        "resources": {},
    });
    let mut set = |field: &str, value: Value| container[field] = value;
    let words = &flags.args[1..];
    if !words.is_empty() {
        set(if flags.on("arguments-only") { "args" } else { "command" }, json!(words));
    }
    let pairs = flags.all("env").filter_map(|it| it.split_once('='));
    let env: Vec<Value> = pairs.map(|(key, value)| json!({"name": key, "value": value})).gather();
    if !env.is_empty() {
        set("env", Value::Array(env));
    }
    for (flag, field) in [("image-pull-policy", "imagePullPolicy"), ("target", "targetContainerName")] {
        if flags.given(flag) {
            set(field, flags.text(flag).into());
        }
    }
    for field in ["stdin", "tty"] {
        if flags.on(field) {
            set(field, true.into());
        }
    }
    let context = profile(flags.text("profile"))?;
    if !context.is_empty() {
        set("securityContext", Value::Object(context));
    }
    Ok(container)
}

/// What a profile lets the container do.
// Follows kubernetes v1.36 kubectl/pkg/cmd/debug/profiles.go.
fn profile(name: &str) -> Result<Map<String, Value>, Failure> {
    let context = match name {
        "legacy" | "baseline" => json!({}),
        "" | "general" => json!({"capabilities": {"add": ["SYS_PTRACE"]}}),
        "restricted" => json!({
            "allowPrivilegeEscalation": false,
            "capabilities": {"drop": ["ALL"]},
            "runAsNonRoot": true,
            "seccompProfile": {"type": "RuntimeDefault"},
        }),
        "netadmin" => json!({"capabilities": {"add": ["NET_ADMIN", "NET_RAW"]}}),
        "sysadmin" => json!({"privileged": true}),
        other => return fail(format!("unknown profile: {other}")),
    };
    Ok(context.as_object().cloned().unwrap_or_default())
}

/// `debugger-` and five letters that no container of the Pod has; the same Pod gets the same again in every replay.
fn free_name(pod: &Value) -> String {
    let taken: Vec<&str> = ["spec.containers", "spec.initContainers", "spec.ephemeralContainers"]
        .into_iter()
        .flat_map(|path| list(pod, path))
        .map(|it| text(it, "name"))
        .gather();
    let uid = text(pod, "metadata.uid").bytes();
    let mut rng =
        sim::Rng::from_seed(uid.fold(0, |sum: u64, it| sum.wrapping_mul(31).wrapping_add(it.into())));
    loop {
        let name = ["debugger-", &rng.suffix(5)].concat();
        if !taken.contains(&name.as_str()) {
            return name;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_free_and_stays_the_same() {
        let mut pod = json!({"metadata": {"uid": "u1"}, "spec": {}});
        let first = free_name(&pod);
        assert_eq!(first.len(), "debugger-".len() + 5);
        assert_eq!(first, free_name(&pod));
        pod["spec"]["ephemeralContainers"] = json!([{"name": first}]);
        assert_ne!(first, free_name(&pod));
    }
}
