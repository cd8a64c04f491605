//! `expose`: a Service for what runs already.
//!
//! Follows kubernetes v1.36 kubectl/pkg/cmd/expose: RunExpose, createService.

use serde_json::{Map, Value, json};
use sim::Gather as _;

use super::create::{self, Sent};
use super::{DONE, DryRun, Next, change_flags, tell};
use crate::Call;
use crate::args::{self, Found};
use crate::client::{Failure, fail};
use crate::flags::Flags;
use crate::json::{at, entries, list, plain, set, text};

pub const FLAGS: &str = change_flags!(
    "protocol= port= type= target-port= labels,l= selector= name= external-ip= load-balancer-ip= session-affinity= cluster-ip= overrides= override-type= save-config!"
);

/// What a Service's name may be long.
const NAME_LENGTH_MAX: usize = 63;

pub fn run(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let dry = DryRun::of(call, flags)?;
    let (found, mut failures) = args::find(call, flags, &flags.args)?;
    for it in found {
        if let Err(failure) = one(call, flags, &it, dry) {
            failures.push(failure);
        }
    }
    Failure::gather(failures)?;
    DONE
}

fn one(call: &mut Call, flags: &Flags, it: &Found, dry: DryRun) -> Result<(), Failure> {
    if !matches!(
        it.resource.plural,
        "pods" | "services" | "deployments" | "replicasets" | "replicationcontrollers"
    ) {
        let group = it.resource.group();
        return fail(format!("cannot expose a {}", crate::resources::qualify(it.resource.kind, group)));
    }
    let mut service = service(flags, it)?;
    if flags.given("overrides") {
        service = create::overridden(service, flags)?;
    }
    if dry == DryRun::Client {
        return tell(call, flags, &service, "exposed", dry);
    }
    create::send(call, flags, &service, &Sent { dry, done: "exposed", manager: "kubectl-expose" })
}

fn service(flags: &Flags, it: &Found) -> Result<Value, Failure> {
    let name = if flags.text("name").is_empty() { &it.name } else { flags.text("name") };
    let name: String = name.chars().take(NAME_LENGTH_MAX).fill();
    let selector = if flags.text("selector").is_empty() {
        selector_of(it).map_err(|why| {
            Failure::Text(format!("couldn't retrieve selectors via --selector flag or introspection: {why}"))
        })?
    } else {
        pairs(flags.text("selector"))
    };
    let labels = if flags.given("labels") {
        pairs(flags.text("labels"))
    } else {
        at(&it.object, "metadata.labels").clone()
    };
    let ports = ports(flags, it)?;
    let mut object = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": selector},
        "status": {"loadBalancer": {}},
    });
    if labels.as_object().is_some_and(|it| !it.is_empty()) {
        object["metadata"]["labels"] = labels;
    }
    if !ports.is_empty() {
        object["spec"]["ports"] = Value::Array(ports);
    }
    for (flag, field) in [
        ("type", "type"),
        ("cluster-ip", "clusterIP"),
        ("session-affinity", "sessionAffinity"),
        ("load-balancer-ip", "loadBalancerIP"),
    ] {
        if !flags.text(flag).is_empty() {
            object["spec"][field] = flags.text(flag).into();
        }
    }
    if !flags.text("external-ip").is_empty() {
        object["spec"]["externalIPs"] = json!([flags.text("external-ip")]);
    }
    if flags.given("namespace") {
        set(&mut object, "metadata.namespace", flags.text("namespace").into());
    }
    Ok(object)
}

/// `a=b,c=d` as a map.
fn pairs(text: &str) -> Value {
    let pairs = text.split(',').filter_map(|it| it.split_once('='));
    Value::Object(pairs.map(|(key, value)| (key.to_owned(), value.into())).collect::<Map<_, _>>())
}

// Follows kubernetes v1.36 kubectl/pkg/polymorphichelpers: mapBasedSelectorForObject.
fn selector_of(it: &Found) -> Result<Value, String> {
    let (path, nothing) = match it.resource.plural {
        "pods" => ("metadata.labels", "the pod has no labels and cannot be exposed"),
        "services" => ("spec.selector", "the service has no pod selector set"),
        "replicationcontrollers" => ("spec.selector", "the replication controller has no selector set"),
        _ => ("spec.selector.matchLabels", "the object has no matchLabels"),
    };
    if !list(&it.object, "spec.selector.matchExpressions").is_empty() {
        return Err("couldn't convert expressions to map-based selector format".to_owned());
    }
    if entries(&it.object, path).next().is_none() {
        return Err(nothing.to_owned());
    }
    Ok(at(&it.object, path).clone())
}

fn ports(flags: &Flags, it: &Found) -> Result<Vec<Value>, Failure> {
    let own: Vec<(i64, String)> = match it.resource.plural {
        "services" => own_ports(list(&it.object, "spec.ports"), "port"),
        "pods" => container_ports(&it.object, "spec.containers"),
        _ => container_ports(&it.object, "spec.template.spec.containers"),
    };
    let given: Vec<&str> = flags.list("port").gather();
    if given.is_empty() && own.is_empty() {
        if flags.text("cluster-ip") == "None" {
            return Ok(Vec::new());
        }
        return fail("couldn't find port via --port flag or introspection");
    }
    let mut numbers = Vec::new();
    for word in given {
        let number: i64 = word
            .parse()
            .map_err(|_| Failure::Text(format!("strconv.Atoi: parsing {word:?}: invalid syntax")))?;
        numbers.push(number);
    }
    if numbers.is_empty() {
        numbers.extend(own.iter().map(|it| it.0));
    }
    let target = flags.text("target-port");
    let several = 1 < numbers.len();
    let ports = numbers.iter().enumerate().map(|(index, number)| {
        let protocol = match flags.text("protocol") {
            "" => own.iter().find(|it| it.0 == *number).map_or("TCP", |it| it.1.as_str()),
            given => given,
        };
        let target = match target.parse::<i64>() {
            Ok(number) => json!(number),
            Err(_) if target.is_empty() => json!(number),
            Err(_) => json!(target),
        };
        let mut port = json!({"port": number, "protocol": protocol, "targetPort": target});
        if several {
            port["name"] = format!("port-{}", index + 1).into();
        }
        port
    });
    Ok(ports.gather())
}

fn container_ports(object: &Value, path: &str) -> Vec<(i64, String)> {
    list(object, path).iter().flat_map(|it| own_ports(list(it, "ports"), "containerPort")).gather()
}

fn own_ports(ports: &[Value], field: &str) -> Vec<(i64, String)> {
    let protocol = |it: &Value| match text(it, "protocol") {
        "" => "TCP".to_owned(),
        own => own.to_owned(),
    };
    ports.iter().filter_map(|it| Some((plain(at(it, field)).parse().ok()?, protocol(it)))).gather()
}
