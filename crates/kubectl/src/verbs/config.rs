//! `config`: the one context of this workstation, and the namespace it means.

use serde_json::{Value, json};
use sim::Gather as _;

use super::{DONE, Next};
use crate::Call;
use crate::client::{Failure, fail, usage};
use crate::columns::Widths;
use crate::flags::Flags;
use crate::output::Format;

pub const FLAGS: &str = "output,o= template= allow-missing-template-keys! show-managed-fields! minify! raw! flatten! merge! no-headers! current!";

pub const CONTEXT: &str = "kubernetes-admin@kubernetes";
const CLUSTER: &str = "kubernetes";
const USER: &str = "kubernetes-admin";
const SERVER: &str = "https://127.0.0.1:6443";

fn config(call: &Call) -> Value {
    let mut context = json!({"cluster": CLUSTER, "user": USER});
    // DIFFERENCE: a namespace that was set to `default` is not told from one that was never set.
    if call.env.namespace != "default" {
        context["namespace"] = call.env.namespace.clone().into();
    }
    json!({
        "apiVersion": "v1", "kind": "Config", "current-context": CONTEXT,
        "clusters": [{"name": CLUSTER, "cluster": {"certificate-authority-data": "DATA+OMITTED", "server": SERVER}}],
        "contexts": [{"name": CONTEXT, "context": context}],
        "users": [{"name": USER, "user": {"client-certificate-data": "DATA+OMITTED", "client-key-data": "DATA+OMITTED"}}],
    })
}

pub fn view(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let format = match Format::of_change(flags)? {
        Format::Human => Format::Yaml,
        other => other,
    };
    let text = format.print(&config(call), true, call.now)?;
    call.print(&text);
    DONE
}

pub fn current_context(call: &mut Call, _flags: &Flags) -> Result<Next, Failure> {
    call.say(CONTEXT);
    DONE
}

pub fn get_contexts(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    if let Some(other) = flags.args.iter().find(|it| *it != CONTEXT) {
        return fail(format!("context {other} not found"));
    }
    if flags.text("output") == "name" {
        return current_context(call, flags);
    }
    let own = if call.env.namespace == "default" { "" } else { &call.env.namespace };
    let mut rows = vec![["*", CONTEXT, CLUSTER, USER, own]];
    if !flags.on("no-headers") {
        rows.insert(0, ["CURRENT", "NAME", "CLUSTER", "AUTHINFO", "NAMESPACE"]);
    }
    let rows: Vec<Vec<String>> = rows.into_iter().map(|row| row.map(str::to_owned).to_vec()).gather();
    let mut out = String::new();
    Widths::default().print(&rows, &mut out);
    call.print(&out);
    DONE
}

pub fn get_clusters(call: &mut Call, _flags: &Flags) -> Result<Next, Failure> {
    call.say(&["NAME\n", CLUSTER].concat());
    DONE
}

pub fn get_users(call: &mut Call, _flags: &Flags) -> Result<Next, Failure> {
    call.say(&["NAME\n", USER].concat());
    DONE
}

pub fn use_context(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    match flags.args.as_slice() {
        [one] if one == CONTEXT => {
            call.say(&format!("Switched to context {CONTEXT:?}."));
            DONE
        }
        [other] => fail(format!("no context exists with the name: {other:?}")),
        _ => usage("config use-context", "context name must be specified"),
    }
}

pub fn set_context(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let named = flags.args.first().is_some_and(|it| it == CONTEXT);
    if !flags.on("current") && !named {
        if flags.args.is_empty() {
            return fail("you must specify a non-empty context name or --current");
        }
        return fail("this workstation has one context only; use --current");
    }
    if !flags.text("cluster").is_empty() || !flags.text("user").is_empty() {
        return fail("this workstation has one cluster and one user only");
    }
    if flags.given("namespace") {
        let namespace = match flags.text("namespace") {
            "" => "default",
            given => given,
        };
        call.world.set_namespace(namespace);
    }
    call.say(&format!("Context {CONTEXT:?} modified."));
    DONE
}
