//! Environment variables and the values that they come from.
//!
//! Follows kubernetes v1.36 pkg/kubelet/kubelet_pods.go: makeEnvironmentVariables;
//! third_party/forked/golang/expansion; pkg/kubelet/envvars.

use std::collections::BTreeMap;

use api::k8s_openapi::api::core::v1::{Container, EnvVar, EnvVarSource, ResourceFieldSelector};
use api::quantity::{self, Amount};
use api::{Kind, Object, ObjectKey, Pod};
use apiserver::ApiServer;
use sim::Gather as _;

use crate::Host;
use crate::pod;

pub type Env = Vec<(String, String)>;

pub fn not_found(kind: &str, name: &str) -> String {
    format!("{kind} \"{name}\" not found")
}

/// All variables of a container, in the order of the manifest; services' come last.
pub fn of_container(
    container: &Container,
    pod: &Pod,
    pod_ip: &str,
    host: &Host,
    api: &ApiServer,
) -> Result<Env, String> {
    let services = service_variables(pod, api);
    let mut env: Env = Vec::new();
    for source in container.env_from.iter().flatten() {
        let prefix = source.prefix.as_deref().unwrap_or("");
        for (key, value) in env_from(source, pod, api)? {
            set(&mut env, format!("{prefix}{key}"), value);
        }
    }
    for variable in container.env.iter().flatten() {
        if let Some(value) = value_of(variable, container, pod, pod_ip, host, api, &env, &services)? {
            set(&mut env, variable.name.clone(), value);
        }
    }
    for (name, value) in services {
        if !env.iter().any(|(known, _)| *known == name) {
            env.push((name, value));
        }
    }
    Ok(env)
}

fn set(env: &mut Env, name: String, value: String) {
    match env.iter_mut().find(|(known, _)| *known == name) {
        Some(found) => found.1 = value,
        None => env.push((name, value)),
    }
}

fn config_data(name: &str, pod: &Pod, api: &ApiServer) -> Option<BTreeMap<String, String>> {
    let key = ObjectKey::new(Kind::ConfigMap, pod::namespace(pod), name);
    let Some(Object::ConfigMap(found)) = api.get(&key) else { return None };
    Some(found.data.clone().unwrap_or_default())
}

fn secret_data(name: &str, pod: &Pod, api: &ApiServer) -> Option<BTreeMap<String, String>> {
    let key = ObjectKey::new(Kind::Secret, pod::namespace(pod), name);
    let Some(Object::Secret(found)) = api.get(&key) else { return None };
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Some(found.data.iter().flatten().map(|(key, value)| (key.clone(), text(&value.0))).fill())
}

fn env_from(
    source: &api::k8s_openapi::api::core::v1::EnvFromSource,
    pod: &Pod,
    api: &ApiServer,
) -> Result<BTreeMap<String, String>, String> {
    let (kind, name, optional, data) = if let Some(it) = &source.config_map_ref {
        ("configmap", &it.name, it.optional, config_data(&it.name, pod, api))
    } else if let Some(it) = &source.secret_ref {
        ("secret", &it.name, it.optional, secret_data(&it.name, pod, api))
    } else {
        return Ok(BTreeMap::new());
    };
    match data {
        Some(data) => Ok(data),
        None if optional == Some(true) => Ok(BTreeMap::new()),
        None => Err(not_found(kind, name)),
    }
}

/// None: an optional source is not there, so neither is the variable.
#[allow(clippy::too_many_arguments)] // All of it is what a variable may refer to.
fn value_of(
    variable: &EnvVar,
    container: &Container,
    pod: &Pod,
    pod_ip: &str,
    host: &Host,
    api: &ApiServer,
    env: &Env,
    services: &Env,
) -> Result<Option<String>, String> {
    if let Some(text) = variable.value.as_deref().filter(|it| !it.is_empty()) {
        return Ok(Some(expand(text, |name| lookup(name, &[env, services]))));
    }
    let Some(source) = &variable.value_from else { return Ok(Some(String::new())) };
    if let Some(field) = &source.field_ref {
        return pod_field(&field.field_path, pod, host, pod_ip).map(Some);
    }
    if let Some(resource) = &source.resource_field_ref {
        let named = resource.container_name.as_deref().filter(|it| !it.is_empty());
        let found = named.and_then(|it| pod::find_container(pod, it));
        return resource_field(resource, found.as_deref().unwrap_or(container), host, api).map(Some);
    }
    keyed_value(source, pod, api)
}

fn keyed_value(source: &EnvVarSource, pod: &Pod, api: &ApiServer) -> Result<Option<String>, String> {
    let namespace = pod::namespace(pod);
    let (kind, title, name, key, optional, data) = if let Some(it) = &source.config_map_key_ref {
        ("configmap", "ConfigMap", &it.name, &it.key, it.optional, config_data(&it.name, pod, api))
    } else if let Some(it) = &source.secret_key_ref {
        ("secret", "Secret", &it.name, &it.key, it.optional, secret_data(&it.name, pod, api))
    } else {
        return Ok(Some(String::new()));
    };
    let optional = optional == Some(true);
    let Some(mut data) = data else {
        return if optional { Ok(None) } else { Err(not_found(kind, name)) };
    };
    match data.remove(key) {
        Some(value) => Ok(Some(value)),
        None if optional => Ok(None),
        None => Err(format!("couldn't find key {key} in {title} {namespace}/{name}")),
    }
}

fn lookup(name: &str, places: &[&Env]) -> Option<String> {
    places.iter().flat_map(|it| it.iter()).find(|(known, _)| known == name).map(|(_, value)| value.clone())
}

/// Replaces `$(NAME)`; `$$` is a dollar sign; what is not known stays as it is.
pub fn expand(text: &str, lookup: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        if let Some(tail) = after.strip_prefix('$') {
            out.push('$');
            rest = tail;
        } else if let Some((name, tail)) = after.strip_prefix('(').and_then(|it| it.split_once(')')) {
            match lookup(name) {
                Some(value) => out.push_str(&value),
                None => out.extend(["$(", name, ")"]),
            }
            rest = tail;
        } else {
            out.push('$');
            rest = after;
        }
    }
    out.push_str(rest);
    out
}

/// `metadata.labels['app']` and the like.
pub fn pod_field(path: &str, pod: &Pod, host: &Host, pod_ip: &str) -> Result<String, String> {
    let meta = &pod.metadata;
    if let Some((map, key)) = path.strip_suffix("']").and_then(|it| it.split_once("['")) {
        let map = match map {
            "metadata.labels" => meta.labels.as_ref(),
            "metadata.annotations" => meta.annotations.as_ref(),
            _ => return Err(format!("fieldPath \"{path}\" does not support subscript")),
        };
        return Ok(map.and_then(|it| it.get(key)).cloned().unwrap_or_default());
    }
    let spec = pod::spec(pod);
    Ok(match path {
        "metadata.name" => pod::name(pod).to_owned(),
        "metadata.namespace" => pod::namespace(pod).to_owned(),
        "metadata.uid" => pod::uid(pod).to_owned(),
        "spec.nodeName" => host.name.to_string(),
        "spec.serviceAccountName" => spec.service_account_name.clone().unwrap_or_default(),
        "status.hostIP" | "status.hostIPs" => host.ip.clone(),
        "status.podIP" | "status.podIPs" if pod::host_network(pod) => host.ip.clone(),
        "status.podIP" | "status.podIPs" => pod_ip.to_owned(),
        _ => return Err(format!("unsupported fieldPath: {path}")),
    })
}

/// Follows kubernetes v1.36 pkg/api/v1/resource: ExtractContainerResourceValue; a missing limit is the node's.
pub fn resource_field(
    field: &ResourceFieldSelector,
    container: &Container,
    host: &Host,
    api: &ApiServer,
) -> Result<String, String> {
    let Some((list, name)) = field.resource.split_once('.') else {
        return Err(format!("unsupported container resource : {}", field.resource));
    };
    let resources = container.resources.as_ref();
    let own = match list {
        "limits" => resources.and_then(|it| it.limits.as_ref()?.get(name)),
        _ => resources.and_then(|it| it.requests.as_ref()?.get(name)),
    };
    let node = api.node(&host.name).and_then(|it| it.status.as_ref()?.allocatable.as_ref()?.get(name));
    let amount = quantity::of_option(own.or_else(|| node.filter(|_| list == "limits")));
    let divisor = field.divisor.as_ref().map(quantity::of).filter(|it| !it.is_zero());
    let divisor = divisor.unwrap_or(Amount::from_value(1));
    let (whole, part) = (amount.nanos(), divisor.nanos());
    Ok(((whole + part - 1) / part).to_string())
}

/// `WEB_SERVICE_HOST` and its relatives: services of the namespace, and the API server's own.
fn service_variables(pod: &Pod, api: &ApiServer) -> Env {
    let namespace = pod::namespace(pod);
    let links = pod::spec(pod).enable_service_links.unwrap_or(true);
    let mut env = Env::new();
    let own = api.store().list_in(Kind::Service, namespace).filter(|_| links);
    let master = api
        .store()
        .list_in(Kind::Service, "default")
        .filter(|it| it.object.name() == "kubernetes" && (namespace != "default" || !links));
    for stored in own.chain(master) {
        let Object::Service(service) = &stored.object else { continue };
        let Some(spec) = service.spec.as_ref() else { continue };
        let ip = spec.cluster_ip.as_deref().unwrap_or("");
        let Some(first) = spec.ports.as_ref().and_then(|it| it.first()) else { continue };
        if ip.is_empty() || ip == "None" {
            continue;
        }
        let name = stored.object.name().replace('-', "_").to_ascii_uppercase();
        env.push((format!("{name}_SERVICE_HOST"), ip.to_owned()));
        env.push((format!("{name}_SERVICE_PORT"), first.port.to_string()));
        for port in spec.ports.iter().flatten() {
            if let Some(label) = port.name.as_deref().filter(|it| !it.is_empty()) {
                let label = label.replace('-', "_").to_ascii_uppercase();
                env.push((format!("{name}_SERVICE_PORT_{label}"), port.port.to_string()));
            }
        }
        for (index, port) in spec.ports.iter().flatten().enumerate() {
            let protocol = port.protocol.as_deref().unwrap_or("TCP");
            let url = format!("{}://{ip}:{}", protocol.to_ascii_lowercase(), port.port);
            if index == 0 {
                env.push((format!("{name}_PORT"), url.clone()));
            }
            let prefix = format!("{name}_PORT_{}_{protocol}", port.port);
            env.push((prefix.clone(), url));
            env.push((format!("{prefix}_PROTO"), protocol.to_ascii_lowercase()));
            env.push((format!("{prefix}_PORT"), port.port.to_string()));
            env.push((format!("{prefix}_ADDR"), ip.to_owned()));
        }
    }
    env
}

/// Looks like a token and names its Pod; nothing checks it.
pub fn service_account_token(pod: &Pod) -> String {
    let account = pod::spec(pod).service_account_name.as_deref().unwrap_or("default");
    let (namespace, name) = (pod::namespace(pod), pod::name(pod));
    let claims = format!(
        "{{\"aud\":[\"https://kubernetes.default.svc.cluster.local\"],\"kubernetes.io\":{{\"namespace\":\"{namespace}\",\"pod\":{{\"name\":\"{name}\"}}}},\"sub\":\"system:serviceaccount:{namespace}:{account}\"}}"
    );
    let header = "{\"alg\":\"none\",\"typ\":\"JWT\"}";
    format!("{}.{}.cGxheWdyb3VuZA", base64_url(header.as_bytes()), base64_url(claims.as_bytes()))
}

fn base64_url(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut text = Vec::with_capacity(bytes.len() / 3 * 4 + 4);
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0_u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..=chunk.len() {
            text.push(ALPHABET[(word >> (18 - 6 * place) & 63) as usize]);
        }
    }
    String::from_utf8(text).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expands_as_upstream() {
        let known = |name: &str| (name == "A").then(|| "1".to_owned());
        for (text, expected) in [
            ("$(A)", "1"),
            ("$(B)", "$(B)"),
            ("$$(A)", "$(A)"),
            ("x$(A)y$", "x1y$"),
            ("$(A", "$(A"),
            ("$A", "$A"),
        ] {
            assert_eq!(expand(text, known), expected);
        }
    }

    #[test]
    fn encodes_base64() {
        assert_eq!(base64_url(b"hello"), "aGVsbG8");
        assert_eq!(base64_url(b"foo"), "Zm9v");
    }
}
