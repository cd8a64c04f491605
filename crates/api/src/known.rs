//! Kinds that real Kubernetes serves and this cluster does not simulate, so that one can say so.

/// Group and version, kind, plural, short names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownKind {
    pub api_version: &'static str,
    pub kind: &'static str,
    pub plural: &'static str,
    pub short_names: &'static [&'static str],
    pub namespaced: bool,
}

/// Every other resource of a v1.36 cluster's discovery that one can write to.
pub const KNOWN: &[KnownKind] = &[
    known("v1", "Endpoints", "endpoints", &["ep"], true),
    known("v1", "LimitRange", "limitranges", &["limits"], true),
    known("v1", "PersistentVolume", "persistentvolumes", &["pv"], false),
    known("v1", "PersistentVolumeClaim", "persistentvolumeclaims", &["pvc"], true),
    known("v1", "PodTemplate", "podtemplates", &[], true),
    known("v1", "ReplicationController", "replicationcontrollers", &["rc"], true),
    known("v1", "ResourceQuota", "resourcequotas", &["quota"], true),
    known("apps/v1", "ControllerRevision", "controllerrevisions", &[], true),
    known("apps/v1", "DaemonSet", "daemonsets", &["ds"], true),
    known("apps/v1", "StatefulSet", "statefulsets", &["sts"], true),
    known("autoscaling/v1", "HorizontalPodAutoscaler", "horizontalpodautoscalers", &["hpa"], true),
    known("autoscaling/v2", "HorizontalPodAutoscaler", "horizontalpodautoscalers", &["hpa"], true),
    known("batch/v1", "CronJob", "cronjobs", &["cj"], true),
    known("batch/v1", "Job", "jobs", &[], true),
    known("networking.k8s.io/v1", "Ingress", "ingresses", &["ing"], true),
    known("networking.k8s.io/v1", "IngressClass", "ingressclasses", &[], false),
    known("networking.k8s.io/v1", "NetworkPolicy", "networkpolicies", &["netpol"], true),
    known("networking.k8s.io/v1", "IPAddress", "ipaddresses", &["ip"], false),
    known("networking.k8s.io/v1", "ServiceCIDR", "servicecidrs", &[], false),
    known("node.k8s.io/v1", "RuntimeClass", "runtimeclasses", &[], false),
    known("rbac.authorization.k8s.io/v1", "ClusterRole", "clusterroles", &[], false),
    known("rbac.authorization.k8s.io/v1", "ClusterRoleBinding", "clusterrolebindings", &[], false),
    known("rbac.authorization.k8s.io/v1", "Role", "roles", &[], true),
    known("rbac.authorization.k8s.io/v1", "RoleBinding", "rolebindings", &[], true),
    known("storage.k8s.io/v1", "StorageClass", "storageclasses", &["sc"], false),
    known("storage.k8s.io/v1", "VolumeAttachment", "volumeattachments", &[], false),
    known("storage.k8s.io/v1", "CSIDriver", "csidrivers", &[], false),
    known("storage.k8s.io/v1", "CSINode", "csinodes", &[], false),
    known("storage.k8s.io/v1", "CSIStorageCapacity", "csistoragecapacities", &[], true),
    known("resource.k8s.io/v1", "DeviceClass", "deviceclasses", &[], false),
    known("resource.k8s.io/v1", "ResourceClaim", "resourceclaims", &[], true),
    known("resource.k8s.io/v1", "ResourceClaimTemplate", "resourceclaimtemplates", &[], true),
    known("resource.k8s.io/v1", "ResourceSlice", "resourceslices", &[], false),
    known(
        "certificates.k8s.io/v1",
        "CertificateSigningRequest",
        "certificatesigningrequests",
        &["csr"],
        false,
    ),
    known("events.k8s.io/v1", "Event", "events", &["ev"], true),
    known(
        "apiextensions.k8s.io/v1",
        "CustomResourceDefinition",
        "customresourcedefinitions",
        &["crd", "crds"],
        false,
    ),
    known("apiregistration.k8s.io/v1", "APIService", "apiservices", &[], false),
    known(
        "admissionregistration.k8s.io/v1",
        "MutatingWebhookConfiguration",
        "mutatingwebhookconfigurations",
        &[],
        false,
    ),
    known(
        "admissionregistration.k8s.io/v1",
        "ValidatingAdmissionPolicy",
        "validatingadmissionpolicies",
        &[],
        false,
    ),
    known(
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "validatingwebhookconfigurations",
        &[],
        false,
    ),
    known("flowcontrol.apiserver.k8s.io/v1", "FlowSchema", "flowschemas", &[], false),
    known(
        "flowcontrol.apiserver.k8s.io/v1",
        "PriorityLevelConfiguration",
        "prioritylevelconfigurations",
        &[],
        false,
    ),
];

const fn known(
    api_version: &'static str,
    kind: &'static str,
    plural: &'static str,
    short_names: &'static [&'static str],
    namespaced: bool,
) -> KnownKind {
    KnownKind { api_version, kind, plural, short_names, namespaced }
}

pub fn find(api_version: &str, kind: &str) -> Option<&'static KnownKind> {
    KNOWN.iter().find(|it| it.api_version == api_version && it.kind == kind)
}

/// By what one types after `kubectl get`: plural, singular or short name, any case.
pub fn find_resource(name: &str) -> Option<&'static KnownKind> {
    let name = name.to_ascii_lowercase();
    let bare = name.split('.').next().unwrap_or("");
    KNOWN.iter().find(|it| {
        it.plural == bare || it.kind.to_ascii_lowercase() == bare || it.short_names.contains(&bare)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_by_all_their_names() {
        assert!(find("batch/v1", "Job").is_some());
        assert_eq!(find_resource("sts").map(|it| it.kind), Some("StatefulSet"));
        assert_eq!(find_resource("ingresses.networking.k8s.io").map(|it| it.kind), Some("Ingress"));
        assert!(find("v1", "Pod").is_none());
    }
}
