//! The smaller kinds, and nodes.

use serde_json::Value;
use sim::{Gather as _, Sort as _};

use super::{Page, none_if_empty};
use crate::Call;
use crate::age;
use crate::client::{Failure, Method, Request};
use crate::json::{at, entries, has, int, is_true, labels, list, plain, text};
use crate::resources;
use crate::table::{label_selector, load_balancer, node_roles};

fn head(page: &mut Page, it: &Value) {
    page.pair(0, "Name", text(it, "metadata.name"));
    page.pair(0, "Namespace", text(it, "metadata.namespace"));
    page.labels("Labels", at(it, "metadata.labels"));
    page.annotations(at(it, "metadata.annotations"));
}

fn joined(it: &Value, path: &str) -> String {
    let all: Vec<String> = list(it, path).iter().map(plain).gather();
    all.join(",")
}

// Follows kubernetes v1.36 kubectl/pkg/describe: describeService.
pub fn service(call: &mut Call, page: &mut Page, it: &Value) -> Result<(), Failure> {
    let selector = format!("kubernetes.io/service-name={}", text(it, "metadata.name"));
    let request = Request::new(
        Method::List,
        resources::of_plural("endpointslices"),
        text(it, "metadata.namespace"),
        "",
    );
    let slices = list(&call.request(&request.query("labelSelector", &selector))?, "items").to_vec();
    head(page, it);
    let spec = at(it, "spec");
    page.pair(0, "Selector", &labels(spec, "selector"));
    page.pair(0, "Type", text(spec, "type"));
    if has(spec, "ipFamilyPolicy") {
        page.pair(0, "IP Family Policy", text(spec, "ipFamilyPolicy"));
    }
    page.pair(0, "IP Families", none_if_empty(&joined(spec, "ipFamilies")));
    page.pair(0, "IP", text(spec, "clusterIP"));
    page.pair(0, "IPs", none_if_empty(&joined(spec, "clusterIPs")));
    if !list(spec, "externalIPs").is_empty() {
        page.pair(0, "External IPs", &joined(spec, "externalIPs"));
    }
    for (title, field) in [("Desired LoadBalancer IP", "loadBalancerIP"), ("External Name", "externalName")] {
        if !text(spec, field).is_empty() {
            page.pair(0, title, text(spec, field));
        }
    }
    let ingress = list(it, "status.loadBalancer.ingress");
    if !ingress.is_empty() {
        let mode = text(&ingress[0], "ipMode");
        let mode = if mode.is_empty() { String::new() } else { format!(" ({mode})") };
        page.pair(0, "LoadBalancer Ingress", &(load_balancer(it) + &mode));
    }
    for port in list(spec, "ports") {
        let name = text(port, "name");
        let shown = if name.is_empty() { "<unset>" } else { name };
        let protocol = text(port, "protocol");
        page.line(0, &format!("Port:\t{shown}\t{}/{protocol}", int(port, "port")));
        page.pair(0, "TargetPort", &format!("{}/{protocol}", plain(at(port, "targetPort"))));
        if has(port, "appProtocol") {
            page.pair(0, "AppProtocol", text(port, "appProtocol"));
        }
        if int(port, "nodePort") != 0 {
            page.line(0, &format!("NodePort:\t{shown}\t{}/{protocol}", int(port, "nodePort")));
        }
        page.pair(0, "Endpoints", none_if_empty(&endpoints(&slices, name)));
    }
    page.pair(0, "Session Affinity", text(spec, "sessionAffinity"));
    for (title, field) in [
        ("External Traffic Policy", "externalTrafficPolicy"),
        ("Internal Traffic Policy", "internalTrafficPolicy"),
        ("Traffic Distribution", "trafficDistribution"),
    ] {
        if !text(spec, field).is_empty() {
            page.pair(0, title, text(spec, field));
        }
    }
    Ok(())
}

/// `10.0.0.1:80,10.0.0.2:80 + 1 more...`
fn endpoints(slices: &[Value], port_name: &str) -> String {
    const SHOWN_MAX: usize = 3;
    let mut all = Vec::new();
    for slice in slices {
        for port in list(slice, "ports").iter().filter(|it| text(it, "name") == port_name) {
            for endpoint in list(slice, "endpoints") {
                if at(endpoint, "conditions.ready").as_bool() != Some(false) {
                    all.extend(
                        list(endpoint, "addresses")
                            .iter()
                            .map(|it| format!("{}:{}", plain(it), int(port, "port"))),
                    );
                }
            }
        }
    }
    let shown = all[..all.len().min(SHOWN_MAX)].join(",");
    if SHOWN_MAX < all.len() { format!("{shown} + {} more...", all.len() - SHOWN_MAX) } else { shown }
}

// Follows kubernetes v1.36 kubectl/pkg/describe: ConfigMapDescriber.Describe.
pub fn config_map(page: &mut Page, it: &Value) {
    head(page, it);
    page.line(0, "\nData\n====");
    for (key, value) in entries(it, "data") {
        page.line(0, &format!("{key}:\n----\n{}\n", plain(value)));
    }
    page.line(0, "\nBinaryData\n====");
    for (key, value) in entries(it, "binaryData") {
        page.line(0, &format!("{key}: {} bytes", decoded_length(&plain(value))));
    }
    page.line(0, "");
}

fn decoded_length(base64: &str) -> usize {
    base64.trim_end_matches('=').len() * 3 / 4
}

pub fn secret(page: &mut Page, it: &Value) {
    head(page, it);
    page.line(0, &format!("\nType:\t{}", text(it, "type")));
    page.line(0, "\nData\n====");
    for (key, value) in entries(it, "data") {
        page.line(0, &format!("{key}:\t{} bytes", decoded_length(&plain(value))));
    }
}

pub fn namespace(page: &mut Page, it: &Value) {
    page.pair(0, "Name", text(it, "metadata.name"));
    page.labels("Labels", at(it, "metadata.labels"));
    page.annotations(at(it, "metadata.annotations"));
    page.pair(0, "Status", text(it, "status.phase"));
    if !list(it, "status.conditions").is_empty() {
        page.line(0, "Conditions:");
        page.line(1, "Type\tStatus\tLastTransitionTime\tReason\tMessage");
        page.line(1, "----\t------\t------------------\t------\t-------");
        for it in list(it, "status.conditions") {
            let time = age::rfc1123z(text(it, "lastTransitionTime"));
            let cells =
                [text(it, "type"), text(it, "status"), &time, text(it, "reason"), text(it, "message")];
            page.line(1, &cells.join("\t"));
        }
    }
    page.line(0, "\nNo resource quota.\n\nNo LimitRange resource.");
}

pub fn priority_class(page: &mut Page, it: &Value) {
    page.pair(0, "Name", text(it, "metadata.name"));
    page.pair(0, "Value", &int(it, "value").to_string());
    page.pair(0, "GlobalDefault", if is_true(it, "globalDefault") { "true" } else { "false" });
    page.pair(0, "PreemptionPolicy", text(it, "preemptionPolicy"));
    page.pair(0, "Description", text(it, "description"));
    page.pair(0, "Annotations", &labels(it, "metadata.annotations"));
}

pub fn disruption_budget(page: &mut Page, it: &Value) {
    page.pair(0, "Name", text(it, "metadata.name"));
    page.pair(0, "Namespace", text(it, "metadata.namespace"));
    if has(it, "spec.minAvailable") {
        page.pair(0, "Min available", &plain(at(it, "spec.minAvailable")));
    } else if has(it, "spec.maxUnavailable") {
        page.pair(0, "Max unavailable", &plain(at(it, "spec.maxUnavailable")));
    }
    let selector =
        if has(it, "spec.selector") { label_selector(at(it, "spec.selector")) } else { "<unset>".to_owned() };
    page.pair(0, "Selector", &selector);
    page.line(0, "Status:");
    for (title, field) in [
        ("Allowed disruptions", "disruptionsAllowed"),
        ("Current", "currentHealthy"),
        ("Desired", "desiredHealthy"),
        ("Total", "expectedPods"),
    ] {
        page.pair(2, title, &int(at(it, "status"), field).to_string());
    }
}

pub fn endpoint_slice(page: &mut Page, it: &Value) {
    head(page, it);
    page.pair(0, "AddressType", text(it, "addressType"));
    if list(it, "ports").is_empty() {
        page.line(0, "Ports: <unset>");
    } else {
        page.line(0, "Ports:");
        page.line(1, "Name\tPort\tProtocol");
        page.line(1, "----\t----\t--------");
        for port in list(it, "ports") {
            let name = text(port, "name");
            let name = if name.is_empty() { "<unset>" } else { name };
            page.line(1, &format!("{name}\t{}\t{}", plain(at(port, "port")), text(port, "protocol")));
        }
    }
    if list(it, "endpoints").is_empty() {
        page.line(0, "Endpoints: <none>");
        return;
    }
    page.line(0, "Endpoints:");
    for endpoint in list(it, "endpoints") {
        let or_unset =
            |path: &str| if has(endpoint, path) { plain(at(endpoint, path)) } else { "<unset>".to_owned() };
        let addresses: Vec<String> = list(endpoint, "addresses").iter().map(plain).gather();
        page.pair(1, "- Addresses", none_if_empty(&addresses.join(", ")));
        page.line(2, "Conditions:");
        page.pair(3, "Ready", &or_unset("conditions.ready"));
        page.pair(2, "Hostname", &or_unset("hostname"));
        if has(endpoint, "targetRef") {
            page.pair(
                2,
                "TargetRef",
                &format!("{}/{}", text(endpoint, "targetRef.kind"), text(endpoint, "targetRef.name")),
            );
        }
        page.pair(2, "NodeName", &or_unset("nodeName"));
        page.pair(2, "Zone", &or_unset("zone"));
    }
}

pub fn service_account(page: &mut Page, it: &Value) {
    head(page, it);
    let names = |path: &str| {
        let all: Vec<&str> = list(it, path).iter().map(|it| text(it, "name")).gather();
        none_if_empty(&all.join("\n                     ")).to_owned()
    };
    page.pair(0, "Image pull secrets", &names("imagePullSecrets"));
    page.pair(0, "Mountable secrets", &names("secrets"));
    page.pair(0, "Tokens", "<none>");
}

// Follows kubernetes v1.36 kubectl/pkg/describe: describeNode.
pub fn node(call: &mut Call, page: &mut Page, it: &Value) -> Result<(), Failure> {
    let name = text(it, "metadata.name");
    page.pair(0, "Name", name);
    page.pair(0, "Roles", &node_roles(it));
    page.labels("Labels", at(it, "metadata.labels"));
    page.annotations(at(it, "metadata.annotations"));
    page.pair(0, "CreationTimestamp", &age::rfc1123z(text(it, "metadata.creationTimestamp")));
    let mut taints: Vec<String> = list(it, "spec.taints").iter().map(taint).gather();
    taints.put_in_order();
    page.pair(0, "Taints", none_if_empty(&taints.join("\n\t")));
    page.pair(0, "Unschedulable", if is_true(it, "spec.unschedulable") { "true" } else { "false" });
    let lease = Request::new(Method::Get, resources::of_plural("leases"), api::names::LEASE_NAMESPACE, name);
    match call.request(&lease) {
        Ok(lease) => {
            page.line(0, "Lease:");
            let or_unset = |path: &str| {
                if has(&lease, path) { text(&lease, path).to_owned() } else { "<unset>".to_owned() }
            };
            page.pair(1, "HolderIdentity", &or_unset("spec.holderIdentity"));
            page.pair(1, "AcquireTime", &time_or_unset(&lease, "spec.acquireTime"));
            page.pair(1, "RenewTime", &time_or_unset(&lease, "spec.renewTime"));
        }
        Err(failure) => page.pair(0, "Lease", &format!("Failed to get lease: {}", failure.message())),
    }
    if !list(it, "status.conditions").is_empty() {
        page.line(0, "Conditions:\n  Type\tStatus\tLastHeartbeatTime\tLastTransitionTime\tReason\tMessage");
        page.line(1, "----\t------\t-----------------\t------------------\t------\t-------");
        for it in list(it, "status.conditions") {
            let time = |field: &str| age::rfc1123z(text(it, field));
            let (beat, change) = (time("lastHeartbeatTime"), time("lastTransitionTime"));
            let cells = [text(it, "type"), text(it, "status"), &beat, &change, text(it, "reason")];
            page.line(1, &format!("{} \t{}", cells.join(" \t"), text(it, "message")));
        }
    }
    page.line(0, "Addresses:");
    for address in list(it, "status.addresses") {
        page.pair(1, text(address, "type"), text(address, "address"));
    }
    for (title, field) in [("Capacity:", "status.capacity"), ("Allocatable:", "status.allocatable")] {
        if entries(it, field).next().is_some() {
            page.line(0, title);
            for (name, amount) in entries(it, field) {
                page.pair(1, name, &plain(amount));
            }
        }
    }
    page.line(0, "System Info:");
    for (title, field) in [
        ("Machine ID", "machineID"),
        ("System UUID", "systemUUID"),
        ("Boot ID", "bootID"),
        ("Kernel Version", "kernelVersion"),
        ("OS Image", "osImage"),
        ("Operating System", "operatingSystem"),
        ("Architecture", "architecture"),
        ("Container Runtime Version", "containerRuntimeVersion"),
        ("Kubelet Version", "kubeletVersion"),
    ] {
        page.pair(1, title, text(at(it, "status.nodeInfo"), field));
    }
    if !text(it, "spec.podCIDR").is_empty() {
        page.pair(0, "PodCIDR", text(it, "spec.podCIDR"));
    }
    if !list(it, "spec.podCIDRs").is_empty() {
        page.pair(0, "PodCIDRs", &joined(it, "spec.podCIDRs"));
    }
    if !text(it, "spec.providerID").is_empty() {
        page.pair(0, "ProviderID", text(it, "spec.providerID"));
    }
    pods(call, page, it)
}

fn time_or_unset(it: &Value, path: &str) -> String {
    if has(it, path) { age::rfc1123z(text(it, path)) } else { "<unset>".to_owned() }
}

/// `key=value:Effect`
pub fn taint(it: &Value) -> String {
    let (key, value, effect) = (text(it, "key"), text(it, "value"), text(it, "effect"));
    let value = if value.is_empty() { String::new() } else { format!("={value}") };
    format!("{key}{value}:{effect}")
}

/// The four sums of a Pod: CPU in millicores and memory in bytes, requests then limits.
fn sums(pod: &Value, part: &str, name: &str) -> i64 {
    let amount = |it: &Value| {
        let found = at(at(it, "resources"), part).get(name).map(plain);
        found.and_then(|it| api::quantity::parse(&it).ok()).map_or(0, api::quantity::Amount::milli_value)
    };
    let main: i64 = list(pod, "spec.containers").iter().map(amount).sum();
    let (mut sidecars, mut most) = (0, 0);
    for it in list(pod, "spec.initContainers") {
        if text(it, "restartPolicy") == "Always" {
            sidecars += amount(it);
            most = most.max(sidecars);
        } else {
            most = most.max(sidecars + amount(it));
        }
    }
    let own = at(at(pod, "spec.resources"), part).get(name).map(plain);
    let own = own.and_then(|it| api::quantity::parse(&it).ok()).map(api::quantity::Amount::milli_value);
    let overhead = at(pod, "spec.overhead").get(name).map(plain);
    let overhead =
        overhead.and_then(|it| api::quantity::parse(&it).ok()).map_or(0, api::quantity::Amount::milli_value);
    own.unwrap_or((main + sidecars).max(most)) + overhead
}

fn share(amount: i64, of: i64, binary: bool) -> String {
    use api::quantity::Format;
    let percent = if of == 0 { 0 } else { (i128::from(amount) * 100 / i128::from(of)) as i64 };
    let format = if binary { Format::BinarySI } else { Format::DecimalSI };
    let text =
        api::quantity::parse(&format!("{amount}m")).map_or_else(|_| String::new(), |it| it.to_text(format));
    format!("{text} ({percent}%)")
}

const RESOURCES: [(&str, bool); 3] = [("cpu", false), ("memory", true), ("ephemeral-storage", true)];

// Follows kubernetes v1.36 kubectl/pkg/describe: describeNodeResource.
fn pods(call: &mut Call, page: &mut Page, node: &Value) -> Result<(), Failure> {
    let fields =
        format!("spec.nodeName={},status.phase!=Succeeded,status.phase!=Failed", text(node, "metadata.name"));
    let request =
        Request::new(Method::List, resources::of_plural("pods"), "", "").query("fieldSelector", &fields);
    let all = list(&call.request(&request)?, "items").to_vec();
    page.pair(0, "Non-terminated Pods", &format!("({} in total)", all.len()));
    page.line(1, "Namespace\tName\t\tCPU Requests\tCPU Limits\tMemory Requests\tMemory Limits\tAge");
    page.line(1, "---------\t----\t\t------------\t----------\t---------------\t-------------\t---");
    let capacity = |name: &str| {
        let source = if has(node, "status.allocatable") { "status.allocatable" } else { "status.capacity" };
        let found = at(node, source).get(name).map(plain);
        found.and_then(|it| api::quantity::parse(&it).ok()).map_or(0, api::quantity::Amount::milli_value)
    };
    let mut totals = [[0_i64; 2]; 3];
    for pod in &all {
        let mut cells = vec![
            text(pod, "metadata.namespace").to_owned(),
            text(pod, "metadata.name").to_owned(),
            String::new(),
        ];
        for (index, (name, binary)) in RESOURCES.into_iter().enumerate() {
            for (side, part) in ["requests", "limits"].into_iter().enumerate() {
                let amount = sums(pod, part, name);
                totals[index][side] += amount;
                if index < 2 {
                    cells.push(share(amount, capacity(name), binary));
                }
            }
        }
        cells.push(age::since(text(pod, "metadata.creationTimestamp"), call.now));
        page.line(1, &cells.join("\t"));
    }
    page.line(0, "Allocated resources:\n  (Total limits may be over 100 percent, i.e., overcommitted.)");
    page.line(1, "Resource\tRequests\tLimits");
    page.line(1, "--------\t--------\t------");
    for (index, (name, binary)) in RESOURCES.into_iter().enumerate() {
        let [requests, limits] = totals[index];
        let of = capacity(name);
        page.line(1, &format!("{name}\t{}\t{}", share(requests, of, binary), share(limits, of, binary)));
    }
    let standard = ["cpu", "memory", "ephemeral-storage", "pods"];
    for huge in [true, false] {
        for (name, _) in entries(node, "status.allocatable").filter(|it| !standard.contains(&it.0)) {
            if name.starts_with("hugepages-") != huge {
                continue;
            }
            let total = |part: &str| all.iter().map(|it| sums(it, part, name)).sum::<i64>();
            if huge {
                let of = capacity(name);
                page.line(
                    1,
                    &format!(
                        "{name}\t{}\t{}",
                        share(total("requests"), of, true),
                        share(total("limits"), of, true)
                    ),
                );
            } else {
                page.line(1, &format!("{name}\t{}\t{}", total("requests") / 1000, total("limits") / 1000));
            }
        }
    }
    Ok(())
}
