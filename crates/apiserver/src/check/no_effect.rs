//! Fields of a Pod that are accepted as in Kubernetes and that do nothing here, so that nobody waits for what they do.

use api::Kind;
use api::yaml::Step;
use serde_json::Value;

/// When a field that is set has no effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    /// Whatever it says.
    Set,
    /// Unless it says what happens here anyway.
    Not(&'static str),
}

use When::{Not, Set};

/// Below a Pod's `spec`; `[]` stands for every element of a list.
const FIELDS: &[(&str, When)] = &[
    ("automountServiceAccountToken", Not("false")),
    ("dnsConfig", Set),
    ("dnsPolicy", Not("ClusterFirst")),
    ("hostIPC", Not("false")),
    ("hostUsers", Not("true")),
    ("hostnameOverride", Set),
    ("imagePullSecrets", Set),
    ("os.name", Not("linux")),
    ("resourceClaims", Set),
    ("runtimeClassName", Set),
    ("schedulingGroup", Set),
    ("setHostnameAsFQDN", Not("false")),
    ("securityContext.appArmorProfile", Set),
    ("securityContext.fsGroupChangePolicy", Not("Always")),
    ("securityContext.seLinuxChangePolicy", Set),
    ("securityContext.seLinuxOptions", Set),
    ("securityContext.seccompProfile", Set),
    ("securityContext.supplementalGroupsPolicy", Not("Merge")),
    ("securityContext.sysctls", Set),
    ("securityContext.windowsOptions", Set),
    ("volumes[].azureDisk", Set),
    ("volumes[].azureFile", Set),
    ("volumes[].awsElasticBlockStore", Set),
    ("volumes[].cephfs", Set),
    ("volumes[].cinder", Set),
    ("volumes[].csi", Set),
    ("volumes[].ephemeral", Set),
    ("volumes[].fc", Set),
    ("volumes[].flexVolume", Set),
    ("volumes[].flocker", Set),
    ("volumes[].gcePersistentDisk", Set),
    ("volumes[].gitRepo", Set),
    ("volumes[].glusterfs", Set),
    ("volumes[].image", Set),
    ("volumes[].iscsi", Set),
    ("volumes[].nfs", Set),
    ("volumes[].photonPersistentDisk", Set),
    ("volumes[].portworxVolume", Set),
    ("volumes[].quobyte", Set),
    ("volumes[].rbd", Set),
    ("volumes[].scaleIO", Set),
    ("volumes[].storageos", Set),
    ("volumes[].vsphereVolume", Set),
];

/// Below every container.
const OF_CONTAINERS: &[(&str, When)] = &[
    ("resources.claims", Set),
    ("securityContext.allowPrivilegeEscalation", Set),
    ("securityContext.appArmorProfile", Set),
    ("securityContext.capabilities", Set),
    ("securityContext.privileged", Not("false")),
    ("securityContext.procMount", Not("Default")),
    ("securityContext.seLinuxOptions", Set),
    ("securityContext.seccompProfile", Set),
    ("securityContext.windowsOptions", Set),
    ("stdinOnce", Not("false")),
    ("volumeDevices", Set),
    ("volumeMounts[].mountPropagation", Not("None")),
    ("volumeMounts[].recursiveReadOnly", Not("Disabled")),
];

const CONTAINERS: &[&str] = &["initContainers[]", "containers[]", "ephemeralContainers[]"];

/// Where the spec of a Pod stands in an object of this kind.
fn pod_spec(kind: Kind) -> &'static str {
    match kind.name() {
        "Pod" => "spec",
        "CronJob" => "spec.jobTemplate.spec.template.spec",
        _ => "spec.template.spec",
    }
}

/// The fields of a manifest that have no effect here, as steps from its root.
pub fn fields(kind: Kind, value: &Value) -> Vec<Vec<Step>> {
    let mut found = Vec::new();
    let root = pod_spec(kind);
    let mut look = |path: String, when: When| {
        let mut steps = Vec::new();
        walk(value, &path, when, &mut steps, &mut found);
    };
    for (field, when) in FIELDS {
        look([root, ".", field].concat(), *when);
    }
    for containers in CONTAINERS {
        for (field, when) in OF_CONTAINERS {
            look([root, ".", containers, ".", field].concat(), *when);
        }
    }
    found
}

fn walk(value: &Value, path: &str, when: When, steps: &mut Vec<Step>, found: &mut Vec<Vec<Step>>) {
    if path.is_empty() {
        let says = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        let idle = match when {
            Set => true,
            Not(usual) => says != usual,
        };
        if idle && !value.is_null() {
            found.push(steps.clone());
        }
        return;
    }
    let (step, rest) = path.split_once('.').unwrap_or((path, ""));
    let Some(below) = value.get(step.trim_end_matches("[]")) else { return };
    steps.push(Step::Key(step.trim_end_matches("[]").to_owned()));
    if step.ends_with("[]") {
        for (index, it) in below.as_array().into_iter().flatten().enumerate() {
            steps.push(Step::Index(index));
            walk(it, rest, when, steps, found);
            steps.pop();
        }
    } else {
        walk(below, rest, when, steps, found);
    }
    steps.pop();
}
