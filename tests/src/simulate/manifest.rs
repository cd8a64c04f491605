//! Random manifests, of everything that a Pod can have.

use serde_json::{Value, json};

use super::generate::Dice;

/// Images that faults take away and give back.
pub const IMAGES: &[&str] = &["nginx:1.25", "busybox:1.36", "redis:7"];

/// The labels by which Services and disruption budgets select.
const APPS: &[&str] = &["a", "b", "c"];

fn yaml(value: &Value) -> String {
    serde_yaml::to_string(value).unwrap_or_default()
}

pub fn pod(dice: &mut Dice, number: usize) -> String {
    let mut spec = pod_spec(dice);
    spec["restartPolicy"] = json!(dice.pick(&["Always", "Always", "OnFailure", "Never"]));
    if dice.one_in(8) {
        spec["activeDeadlineSeconds"] = json!(5 + dice.below(60));
    }
    if dice.one_in(15) {
        spec["nodeName"] = json!(dice.pick(&["node-1", "node-2", "nosuch"]));
    }
    yaml(&json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": { "name": format!("pod-{number}"), "labels": { "app": dice.pick(APPS) } },
        "spec": spec,
    }))
}

pub fn deployment(dice: &mut Dice, number: usize) -> String {
    let app = dice.pick(APPS);
    let strategy = match dice.below(3) {
        0 => json!({ "type": "Recreate" }),
        1 => {
            json!({ "type": "RollingUpdate", "rollingUpdate": { "maxSurge": dice.below(2), "maxUnavailable": 1 } })
        }
        _ => json!({ "type": "RollingUpdate" }),
    };
    yaml(&json!({
        "apiVersion": "apps/v1", "kind": "Deployment",
        "metadata": { "name": format!("web-{number}") },
        "spec": {
            "replicas": dice.below(4),
            "strategy": strategy,
            "selector": { "matchLabels": { "deployment": format!("web-{number}") } },
            "template": {
                "metadata": { "labels": { "app": app, "deployment": format!("web-{number}") } },
                "spec": pod_spec(dice),
            },
        },
    }))
}

/// What Pods mount and who selects them.
pub fn surroundings(dice: &mut Dice) -> String {
    let mut all = vec![json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "settings" },
        "data": { "key": "value", "other": "more" },
    })];
    if !dice.one_in(4) {
        all.push(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "keys" }, "stringData": { "password": "x" },
        }));
    }
    for app in APPS {
        if dice.one_in(2) {
            all.push(json!({
                "apiVersion": "v1", "kind": "Service", "metadata": { "name": format!("service-{app}") },
                "spec": { "selector": { "app": app }, "ports": [{ "port": 80 }] },
            }));
        }
    }
    if dice.one_in(3) {
        all.push(json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": { "name": "budget" },
            "spec": { "minAvailable": 1, "selector": { "matchLabels": { "app": dice.pick(APPS) } } },
        }));
    }
    all.iter().map(yaml).collect::<Vec<_>>().join("---\n")
}

fn pod_spec(dice: &mut Dice) -> Value {
    let mut spec = json!({});
    let count = 1 + dice.below(10) / 6 + dice.below(10) / 8;
    let mut names = Vec::new();
    let containers: Vec<Value> = (0..count)
        .map(|index| {
            names.push(format!("app-{index}"));
            container(dice, &format!("app-{index}"))
        })
        .collect();
    spec["containers"] = json!(containers);
    if dice.one_in(3) {
        let inits: Vec<Value> = (0..=dice.below(2)).map(|index| init(dice, index)).collect();
        spec["initContainers"] = json!(inits);
    }
    if dice.one_in(2) {
        add_volume(dice, &mut spec);
    }
    if dice.one_in(2) {
        spec["terminationGracePeriodSeconds"] = json!(dice.pick(&[0, 1, 2, 5, 10, 45]));
    }
    if dice.one_in(12) {
        spec["shareProcessNamespace"] = json!(true);
    }
    if dice.one_in(15) {
        spec["hostNetwork"] = json!(true);
    }
    if dice.one_in(10) {
        spec["nodeSelector"] = json!({ "disk": "ssd" });
    }
    if dice.one_in(8) {
        spec["priorityClassName"] = json!("system-node-critical");
    }
    if dice.one_in(8) {
        spec["tolerations"] = json!([{ "key": "simulated", "operator": "Exists", "effect": dice.pick(&["NoExecute", "NoSchedule"]) }]);
    }
    if dice.one_in(8) {
        spec["topologySpreadConstraints"] = json!([{
            "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "DoNotSchedule",
            "labelSelector": { "matchLabels": { "app": dice.pick(APPS) } },
        }]);
    }
    if dice.one_in(10) {
        spec["affinity"] = json!({ "podAntiAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": [{
            "topologyKey": "kubernetes.io/hostname", "labelSelector": { "matchLabels": { "app": dice.pick(APPS) } },
        }] } });
    }
    spec
}

fn shell(script: &str) -> Value {
    json!(["sh", "-c", script])
}

fn container(dice: &mut Dice, name: &str) -> Value {
    let mut it = json!({ "name": name, "image": "busybox:1.36" });
    match dice.below(20) {
        0..=6 => {
            it["image"] = json!(dice.pick(&["nginx:1.25", "nginx:1.25", "redis:7"]));
            it["ports"] = json!([{ "containerPort": 80 }]);
            if dice.one_in(6) {
                it["ports"] = json!([{ "containerPort": 80, "hostPort": 8000 + dice.below(2) }]);
            }
        }
        7..=9 => it["command"] = shell("sleep 3600"),
        10..=12 => it["command"] = shell("trap 'exit 0' TERM; touch /tmp/ok; while true; do sleep 3; done"),
        13..=14 => {
            let (seconds, code) = (dice.below(20), dice.below(3));
            it["command"] = shell(&format!("echo up; sleep {seconds}; exit {code}"));
        }
        15 => {
            it["image"] = json!("polinux/stress");
            it["command"] = json!(["stress", "--vm", "1", "--vm-bytes", "150M", "--vm-hang", "1"]);
            it["resources"] = json!({ "limits": { "memory": dice.pick(&["100Mi", "200Mi"]) } });
        }
        16 => it["command"] = json!(["nosuchcommand"]),
        17 => it["image"] = json!(dice.pick(&["nginx:nosuch", "nosuch/nosuch", "UPPER"])),
        18 => {
            it["command"] =
                shell("trap 'echo bye; sleep 2; exit 3' TERM; sleep 2; touch /tmp/ok; sleep 1000 & wait");
        }
        _ => it["command"] = shell("dd if=/dev/zero of=/tmp/big bs=1M count=30; sleep 600"),
    }
    if dice.one_in(2) && it["resources"].is_null() {
        it["resources"] = resources(dice);
    }
    for probe in ["readinessProbe", "livenessProbe", "startupProbe"] {
        if dice.one_in(4) {
            it[probe] = self::probe(dice, probe);
        }
    }
    if dice.one_in(5) {
        it["lifecycle"] = hooks(dice);
    }
    if dice.one_in(6) {
        it["imagePullPolicy"] = json!(dice.pick(&["Always", "Never", "IfNotPresent"]));
    }
    if dice.one_in(10) {
        it["env"] = json!([
            { "name": "KEY", "valueFrom": { "configMapKeyRef": { "name": dice.pick(&["settings", "nosuch"]), "key": "key" } } },
            { "name": "IP", "valueFrom": { "fieldRef": { "fieldPath": "status.podIP" } } },
        ]);
    }
    if dice.one_in(20) {
        it["securityContext"] =
            json!({ "runAsUser": dice.pick(&[0, 1000]), "readOnlyRootFilesystem": dice.one_in(2) });
    }
    it
}

fn resources(dice: &mut Dice) -> Value {
    let cpu = dice.pick(&["50m", "200m", "500m", "1"]);
    let memory = dice.pick(&["32Mi", "128Mi", "512Mi"]);
    match dice.below(4) {
        0 => {
            json!({ "requests": { "cpu": cpu, "memory": memory }, "limits": { "cpu": cpu, "memory": memory } })
        }
        1 => {
            json!({ "requests": { "cpu": cpu, "ephemeral-storage": "10Mi" }, "limits": { "ephemeral-storage": "20Mi" } })
        }
        2 => json!({ "limits": { "memory": memory } }),
        _ => json!({ "requests": { "cpu": cpu, "memory": memory } }),
    }
}

fn probe(dice: &mut Dice, kind: &str) -> Value {
    let mut it = match dice.below(6) {
        0 => json!({ "exec": { "command": ["cat", "/tmp/ok"] } }),
        1 | 2 => json!({ "httpGet": { "path": dice.pick(&["/", "/nosuch"]), "port": 80 } }),
        3 => json!({ "tcpSocket": { "port": dice.pick(&[80, 81]) } }),
        4 => json!({ "grpc": { "port": 80 } }),
        _ => json!({ "exec": { "command": ["sh", "-c", dice.pick(&["exit 0", "exit 1", "sleep 3"])] } }),
    };
    it["periodSeconds"] = json!(dice.pick(&[1, 3, 5, 10]));
    it["initialDelaySeconds"] = json!(dice.pick(&[0, 0, 2, 7]));
    it["failureThreshold"] = json!(1 + dice.below(4));
    if kind == "readinessProbe" {
        it["successThreshold"] = json!(1 + dice.below(2));
    } else if dice.one_in(5) {
        it["terminationGracePeriodSeconds"] = json!(1 + dice.below(6));
    }
    it
}

fn hooks(dice: &mut Dice) -> Value {
    let hook = |dice: &mut Dice| match dice.below(5) {
        0 => json!({ "exec": { "command": ["sh", "-c", "exit 1"] } }),
        1 => json!({ "exec": { "command": ["sleep", dice.pick(&["1", "4", "9"])] } }),
        2 => json!({ "httpGet": { "path": "/", "port": 80 } }),
        3 => json!({ "sleep": { "seconds": 1 } }),
        _ => json!({ "exec": { "command": ["touch", "/tmp/ok"] } }),
    };
    match dice.below(3) {
        0 => json!({ "postStart": hook(dice) }),
        1 => json!({ "preStop": hook(dice) }),
        _ => json!({ "postStart": hook(dice), "preStop": hook(dice) }),
    }
}

fn init(dice: &mut Dice, index: u64) -> Value {
    let mut it = json!({ "name": format!("init-{index}"), "image": "busybox:1.36" });
    if dice.one_in(2) {
        it["restartPolicy"] = json!("Always");
        it["command"] = shell(dice.pick(&[
            "trap 'exit 0' TERM; while true; do sleep 4; done",
            "sleep 3600",
            "touch /tmp/ok; sleep 12; exit 1",
        ]));
        if dice.one_in(3) {
            it["startupProbe"] = probe(dice, "startupProbe");
        }
    } else {
        it["command"] = shell(dice.pick(&["true", "sleep 2", "sleep 5; echo done", "sleep 1; exit 1"]));
    }
    if dice.one_in(3) {
        it["resources"] = resources(dice);
    }
    it
}

fn add_volume(dice: &mut Dice, spec: &mut Value) {
    let volume = match dice.below(7) {
        0 | 1 => json!({ "name": "data", "emptyDir": {} }),
        2 => json!({ "name": "data", "emptyDir": { "sizeLimit": "10Mi" } }),
        3 => {
            json!({ "name": "data", "configMap": { "name": dice.pick(&["settings", "settings", "nosuch"]) } })
        }
        4 => json!({ "name": "data", "secret": { "secretName": "keys" } }),
        5 => json!({ "name": "data", "hostPath": { "path": "/var/shared", "type": "DirectoryOrCreate" } }),
        _ => json!({ "name": "data", "projected": { "sources": [
            { "configMap": { "name": "settings" } },
            { "downwardAPI": { "items": [{ "path": "labels", "fieldRef": { "fieldPath": "metadata.labels" } }] } },
        ] } }),
    };
    let can_write = volume.get("emptyDir").is_some();
    spec["volumes"] = json!([volume]);
    for list in ["containers", "initContainers"] {
        for it in spec[list].as_array_mut().into_iter().flatten() {
            if dice.one_in(3) {
                continue;
            }
            it["volumeMounts"] = json!([{ "name": "data", "mountPath": "/data" }]);
            if can_write && it["image"] == json!("busybox:1.36") && dice.one_in(4) {
                it["command"] = shell(
                    "dd if=/dev/zero of=/data/big bs=1M count=15; echo $HOSTNAME >>/data/names; sleep 600",
                );
                if list == "initContainers" {
                    it["command"] = shell("echo $HOSTNAME >>/data/names");
                }
            }
        }
    }
}
