//! `create configmap`, `secret`, `service`, …: objects from flags.
//!
//! Follows kubernetes v1.36 kubectl/pkg/cmd/create.

use serde_json::{Map, Value, json};

use super::create::{Sent, name, send};
use super::{DONE, DryRun, Next, change_flags};
use crate::client::{Failure, fail, usage};
use crate::flags::Flags;
use crate::json::set;
use crate::{Call, manifest};

pub const CONFIG_MAP: &str =
    change_flags!("from-literal= from-file= from-env-file= append-hash! save-config! validate~strict");
pub const SECRET: &str =
    change_flags!("type= from-literal= from-file= from-env-file= append-hash! save-config! validate~strict");
pub const TLS: &str = change_flags!("cert= key= append-hash! save-config! validate~strict");
pub const REGISTRY: &str = change_flags!(
    "docker-username= docker-password= docker-email= docker-server= from-file= append-hash! save-config! validate~strict"
);
pub const BARE: &str = change_flags!("save-config! validate~strict");
pub const PRIORITY: &str =
    change_flags!("value# global-default! description= preemption-policy= save-config! validate~strict");
pub const BUDGET: &str =
    change_flags!("min-available= max-unavailable= selector= save-config! validate~strict");
pub const SERVICE: &str =
    change_flags!("tcp= node-port# clusterip= external-name= save-config! validate~strict");
pub const JOB: &str = change_flags!("image= from= schedule= restart= save-config! validate~strict");

/// The bytes of a ConfigMap or Secret that are read at most.
const DATA_BYTES_MAX: usize = 3 << 20;

/// Sends the object; a refusal is told with words in front.
fn finish(call: &mut Call, flags: &Flags, mut object: Value, refused: &str) -> Result<Next, Failure> {
    if flags.on("append-hash") {
        return fail("--append-hash is not supported here");
    }
    let dry = DryRun::of(call, flags)?;
    let cluster_wide = object["kind"] == "PriorityClass";
    if flags.given("namespace") && !cluster_wide {
        set(&mut object, "metadata.namespace", flags.text("namespace").into());
    }
    send(call, flags, &object, &Sent::created(dry)).map_err(|e| e.prefixed(refused))?;
    DONE
}

/// Keys and bytes from `--from-literal`, `--from-file` and `--from-env-file`.
fn sources(call: &mut Call, flags: &Flags) -> Result<Vec<(String, Vec<u8>)>, Failure> {
    let mut all: Vec<(String, Vec<u8>)> = Vec::new();
    for word in flags.all("from-file") {
        let (key, path) = match word.split_once('=') {
            Some((key, path)) if key.is_empty() || path.is_empty() => {
                let what = if key.is_empty() { "key name" } else { "file path" };
                let whole = if key.is_empty() { path } else { key };
                return fail(format!("{what} for file path {whole} missing"));
            }
            Some((key, path)) => (Some(key), path),
            None => (None, word),
        };
        let full = manifest::absolute(call, path);
        match call.world.list_dir(&full) {
            Some(_) if key.is_some() => {
                return fail("cannot give a key name for a directory path");
            }
            Some(names) => {
                for file in names.iter().filter(|it| !it.ends_with('/')) {
                    let bytes = read(call, &format!("{full}/{file}"), path)?;
                    all.push((file.clone(), bytes));
                }
            }
            None => {
                let base = path.rsplit('/').next().unwrap_or(path);
                let bytes = read(call, &full, path)?;
                all.push((key.unwrap_or(base).to_owned(), bytes));
            }
        }
    }
    for word in flags.all("from-literal") {
        match word.split_once('=') {
            Some((key, value)) if !key.is_empty() => {
                all.push((key.to_owned(), value.trim_matches(['\'', '"']).as_bytes().to_vec()));
            }
            _ => return fail(format!("invalid literal source {word}, expected key=value")),
        }
    }
    for path in flags.all("from-env-file") {
        let full = manifest::absolute(call, path);
        let bytes = read(call, &full, path)?;
        for line in String::from_utf8_lossy(&bytes).lines() {
            let line = line.trim_start();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let (key, value) = line.split_once('=').unwrap_or((line, ""));
            all.push((key.to_owned(), value.as_bytes().to_vec()));
        }
    }
    let mut seen: Vec<&str> = Vec::new();
    for (key, _) in &all {
        if seen.contains(&key.as_str()) {
            return fail(format!("cannot add key {key:?}, another key by that name already exists in Data"));
        }
        let problems = api::syntax::config_map_key(key);
        if !problems.is_empty() {
            return fail(format!("{key:?} is not a valid key name for a ConfigMap: {}", problems.join(",")));
        }
        seen.push(key);
    }
    if DATA_BYTES_MAX < all.iter().map(|it| it.1.len()).sum() {
        return fail("the data are too long");
    }
    Ok(all)
}

fn read(call: &mut Call, full: &str, shown: &str) -> Result<Vec<u8>, Failure> {
    let missing = format!("error reading {shown}: no such file or directory");
    call.world.read_file(full).map_err(|_| Failure::Text(missing))
}

pub fn base64(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let at = |index: usize| u32::from(chunk.get(index).copied().unwrap_or(0));
        let bits = at(0) << 16 | at(1) << 8 | at(2);
        for index in 0..4 {
            let letter = LETTERS[(bits >> (18 - 6 * index) & 63) as usize];
            out.push(if index <= chunk.len() { letter as char } else { '=' });
        }
    }
    out
}

pub fn config_map(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let name = name(flags, "create configmap")?;
    let mut object = json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}});
    for (key, bytes) in sources(call, flags)? {
        match String::from_utf8(bytes) {
            Ok(text) => crate::json::slot(&mut object, "data")[key] = text.into(),
            Err(bytes) => {
                crate::json::slot(&mut object, "binaryData")[key] = base64(bytes.as_bytes()).into();
            }
        }
    }
    finish(call, flags, object, "failed to create configmap: ")
}

fn secret(name: &str, type_: &str, data: Vec<(String, Vec<u8>)>) -> Value {
    let mut object = json!({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}});
    if !data.is_empty() {
        let data = data.into_iter().map(|(key, bytes)| (key, base64(&bytes).into()));
        object["data"] = Value::Object(data.collect::<Map<_, _>>());
    }
    if !type_.is_empty() {
        object["type"] = type_.into();
    }
    object
}

pub fn secret_generic(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let name = name(flags, "create secret generic")?;
    let data = sources(call, flags)?;
    finish(call, flags, secret(&name, flags.text("type"), data), "failed to create secret ")
}

pub fn secret_tls(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let name = name(flags, "create secret tls")?;
    if flags.text("key").is_empty() || flags.text("cert").is_empty() {
        return fail("key and cert must be specified");
    }
    let mut data = Vec::new();
    for (flag, key) in [("cert", "tls.crt"), ("key", "tls.key")] {
        let path = flags.text(flag).to_owned();
        let full = manifest::absolute(call, &path);
        data.push((key.to_owned(), read(call, &full, &path)?));
    }
    finish(call, flags, secret(&name, "kubernetes.io/tls", data), "failed to create secret ")
}

pub fn secret_registry(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let name = name(flags, "create secret docker-registry")?;
    if flags.given("from-file") {
        return fail("--from-file is not supported here; give --docker-username and --docker-password");
    }
    let (user, password) = (flags.text("docker-username"), flags.text("docker-password"));
    if user.is_empty() || password.is_empty() {
        return fail(
            "either --from-file or the combination of --docker-username, --docker-password and --docker-server is required",
        );
    }
    let server = match flags.text("docker-server") {
        "" => "https://index.docker.io/v1/",
        given => given,
    };
    let mut entry = json!({"username": user, "password": password, "auth": base64(format!("{user}:{password}").as_bytes())});
    if !flags.text("docker-email").is_empty() {
        entry["email"] = flags.text("docker-email").into();
    }
    let config = json!({"auths": {server: entry}}).to_string();
    let data = vec![(".dockerconfigjson".to_owned(), config.into_bytes())];
    let object = secret(&name, "kubernetes.io/dockerconfigjson", data);
    finish(call, flags, object, "failed to create secret ")
}

pub fn service_account(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let name = name(flags, "create serviceaccount")?;
    let object = json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name}});
    finish(call, flags, object, "failed to create serviceaccount: ")
}

pub fn priority_class(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let name = name(flags, "create priorityclass")?;
    let policy = match flags.text("preemption-policy") {
        "" => "PreemptLowerPriority",
        given => given,
    };
    let mut object = json!({
        "apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name},
        "preemptionPolicy": policy, "value": flags.number("value").unwrap_or(0),
    });
    if flags.on("global-default") {
        object["globalDefault"] = true.into();
    }
    if !flags.text("description").is_empty() {
        object["description"] = flags.text("description").into();
    }
    finish(call, flags, object, "failed to create priorityclass: ")
}

fn int_or_text(text: &str) -> Value {
    text.parse::<i64>().map_or_else(|_| json!(text), |it| json!(it))
}

pub fn budget(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let name = name(flags, "create poddisruptionbudget")?;
    let (least, most) = (flags.text("min-available"), flags.text("max-unavailable"));
    if flags.text("selector").is_empty() {
        return fail("a selector must be specified");
    }
    if least.is_empty() && most.is_empty() {
        return fail("one of min-available or max-unavailable must be specified");
    }
    if !least.is_empty() && !most.is_empty() {
        return fail("min-available and max-unavailable cannot be both specified");
    }
    let labels = flags.list("selector").filter_map(|it| it.split_once('='));
    let labels: Map<String, Value> =
        labels.map(|(key, value)| (key.to_owned(), value.trim_start_matches('=').into())).collect();
    if labels.is_empty() {
        return fail("only selectors of the form key=value are understood here");
    }
    let mut spec = json!({"selector": {"matchLabels": labels}});
    if least.is_empty() {
        spec["maxUnavailable"] = int_or_text(most);
    } else {
        spec["minAvailable"] = int_or_text(least);
    }
    let object = json!({
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": {"name": name}, "spec": spec,
        "status": {"currentHealthy": 0, "desiredHealthy": 0, "disruptionsAllowed": 0, "expectedPods": 0},
    });
    finish(call, flags, object, "failed to create poddisruptionbudgets: ")
}

pub fn cluster_ip(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    service(call, flags, "clusterip", "ClusterIP")
}

pub fn node_port(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    service(call, flags, "nodeport", "NodePort")
}

pub fn load_balancer(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    service(call, flags, "loadbalancer", "LoadBalancer")
}

pub fn external_name(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    service(call, flags, "externalname", "ExternalName")
}

fn service(call: &mut Call, flags: &Flags, word: &str, type_: &str) -> Result<Next, Failure> {
    let name = name(flags, &format!("create service {word}"))?;
    let mut ports = Vec::new();
    for pair in flags.list("tcp") {
        let (port, target) = pair.split_once(':').unwrap_or((pair, pair));
        let Ok(number) = port.parse::<u16>() else {
            return fail(format!("strconv.Atoi: parsing {port:?}: invalid syntax"));
        };
        let name = pair.replace(':', "-");
        let mut it =
            json!({"name": name, "port": number, "protocol": "TCP", "targetPort": int_or_text(target)});
        if let Some(node) = flags.number("node-port").filter(|it| *it != 0) {
            it["nodePort"] = node.into();
        }
        ports.push(it);
    }
    let headless = flags.text("clusterip") == "None";
    if ports.is_empty() && !headless && type_ != "ExternalName" {
        return fail("at least one tcp port specifier must be provided");
    }
    if type_ == "ExternalName" && flags.text("external-name").is_empty() {
        return fail("required flag(s) \"external-name\" not set");
    }
    let labels = json!({"app": name});
    let mut object = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": {"labels": labels, "name": name},
        "spec": {"selector": labels, "type": type_}, "status": {"loadBalancer": {}},
    });
    if !ports.is_empty() {
        object["spec"]["ports"] = Value::Array(ports);
    }
    for (flag, field) in [("clusterip", "clusterIP"), ("external-name", "externalName")] {
        if !flags.text(flag).is_empty() {
            object["spec"][field] = flags.text(flag).into();
        }
    }
    finish(call, flags, object, &format!("failed to create {type_} service: "))
}

/// What a Job runs; nothing but the manifest can come of it here.
fn job_spec(flags: &Flags, name: &str, restart: &str) -> Result<Value, Failure> {
    if flags.text("image").is_empty() {
        return fail("either --image or --from must be specified");
    }
    let command = &flags.args[flags.dash.unwrap_or(1).min(flags.args.len())..];
    let mut container = json!({"image": flags.text("image"), "name": name, "resources": {}});
    if !command.is_empty() {
        container["command"] = json!(command);
    }
    Ok(json!({"template": {"metadata": {}, "spec": {"containers": [container], "restartPolicy": restart}}}))
}

fn first_name(flags: &Flags, verb: &str) -> Result<String, Failure> {
    match flags.args.first() {
        Some(name) if flags.dash != Some(0) => Ok(name.clone()),
        _ => usage(verb, "exactly one NAME is required, got 0"),
    }
}

pub fn job(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let name = first_name(flags, "create job")?;
    if flags.given("from") {
        return fail("this playground does not simulate jobs.batch or cronjobs.batch");
    }
    let spec = job_spec(flags, &name, "Never")?;
    let object = json!({"apiVersion": "batch/v1", "kind": "Job", "metadata": {"name": name}, "spec": spec, "status": {}});
    finish(call, flags, object, "failed to create job: ")
}

pub fn cron_job(call: &mut Call, flags: &Flags) -> Result<Next, Failure> {
    let name = first_name(flags, "create cronjob")?;
    if flags.text("schedule").is_empty() {
        return fail("required flag(s) \"schedule\" not set");
    }
    let restart = if flags.given("restart") { flags.text("restart") } else { "OnFailure" };
    let spec = job_spec(flags, &name, restart)?;
    let object = json!({
        "apiVersion": "batch/v1", "kind": "CronJob", "metadata": {"name": name},
        "spec": {"jobTemplate": {"metadata": {"name": name}, "spec": spec}, "schedule": flags.text("schedule")},
        "status": {},
    });
    finish(call, flags, object, "failed to create cronjob: ")
}

#[cfg(test)]
mod tests {
    use super::base64;

    #[test]
    fn encodes() {
        assert_eq!(["", "b", "ab", "abc"].map(|it| base64(it.as_bytes())), ["", "Yg==", "YWI=", "YWJj"]);
    }
}
