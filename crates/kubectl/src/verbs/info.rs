//! What kubectl tells about the cluster and about itself.

use sim::{Gather as _, Sort as _};

use super::{DONE, Next};
use crate::Call;
use crate::client::{Failure, fail};
use crate::columns::Widths;
use crate::flags::Flags;
use crate::resources;

pub const RESOURCES: &str =
    "output,o= namespaced! api-group= no-headers! sort-by= verbs= cached! categories=";
pub const VERSION: &str = "client! output,o=";
pub const PLAIN: &str = "output,o= minify! raw! flatten!";

pub fn api_resources(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let mut rows = Vec::new();
    let mut all: Vec<resources::Resource> = resources::all().gather();
    if flags.given("namespaced") {
        all.retain(|it| it.namespaced == flags.on("namespaced"));
    }
    if flags.given("api-group") {
        all.retain(|it| it.group() == flags.text("api-group"));
    }
    match flags.text("sort-by") {
        "name" => all.put_in_order_by_key(|it| it.plural),
        "kind" => all.put_in_order_by_key(|it| it.kind),
        _ => {}
    }
    if flags.text("output") == "name" {
        for it in all {
            call.say(&it.qualified());
        }
        return DONE;
    }
    if !flags.on("no-headers") {
        rows.push(["NAME", "SHORTNAMES", "APIVERSION", "NAMESPACED", "KIND"].map(str::to_owned).to_vec());
    }
    for it in all {
        rows.push(
            [it.plural, it.shorts, it.api_version, if it.namespaced { "true" } else { "false" }, it.kind]
                .map(str::to_owned)
                .to_vec(),
        );
    }
    let mut out = String::new();
    Widths::default().print(&rows, &mut out);
    call.print(&out);
    DONE
}

pub fn api_versions(call: &mut Call, _flags: &Flags) -> Result<Next, Failure> {
    let mut all: Vec<&str> = resources::all().map(|it| it.api_version).gather();
    all.push("autoscaling/v1");
    all.put_in_order();
    all.dedup();
    for it in all {
        call.say(it);
    }
    DONE
}

pub fn version(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    call.say("Client Version: v1.36.2\nKustomize Version: v5.8.1");
    if !flags.on("client") {
        call.say("Server Version: v1.36.2");
    }
    DONE
}

pub fn cluster_info(call: &mut Call, _flags: &Flags) -> Result<Next, Failure> {
    call.say("Kubernetes control plane is running at https://127.0.0.1:6443\n\nTo further debug and diagnose cluster problems, use 'kubectl cluster-info dump'.");
    DONE
}

pub fn top(_call: &mut Call, _flags: &Flags) -> Result<Next, Failure> {
    fail("Metrics API not available")
}
