//! What every cluster has from the start.

use std::collections::BTreeMap;

use api::k8s_openapi::api::core::v1::{ServicePort, ServiceSpec};
use api::{
    Actor, Because, Cause, ConfigMap, IntOrString, Namespace, Object, ObjectMeta, PriorityClass, Service,
    ServiceAccount, names,
};
use sim::{Gather as _, SimTime};

use crate::ApiServer;

pub const NAMESPACES: [&str; 4] = ["default", "kube-system", "kube-public", names::LEASE_NAMESPACE];

/// Stands for the real certificate, which nobody here would check.
const AUTHORITY: &str =
    "-----BEGIN CERTIFICATE-----\n(the cluster's own authority)\n-----END CERTIFICATE-----\n";

impl ApiServer {
    /// Creates what is not there yet: namespaces with their ServiceAccount and root certificate, the Service
    /// `kubernetes`, the two system PriorityClasses.
    pub fn bootstrap(&mut self, now: SimTime) {
        let mut put = |object: Object| {
            let _ = self.create(object, Cause::new(Actor::ApiServer, Because::Bootstrap), now);
        };
        for (name, value, description) in [
            (
                names::CLUSTER_CRITICAL,
                names::CLUSTER_CRITICAL_PRIORITY,
                "Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.",
            ),
            (
                names::NODE_CRITICAL,
                names::NODE_CRITICAL_PRIORITY,
                "Used for system critical pods that must not be moved from their current node.",
            ),
        ] {
            let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
            let (value, description) = (Some(value), Some(description.to_owned()));
            put(PriorityClass { metadata, value, description, ..PriorityClass::default() }.into());
        }
        for name in NAMESPACES {
            let metadata = ObjectMeta { name: Some(name.to_owned()), ..ObjectMeta::default() };
            put(Namespace { metadata, ..Namespace::default() }.into());
            for object in namespace_contents(name) {
                put(object);
            }
        }
        put(kubernetes_service());
    }
}

/// What the controller manager puts into every namespace.
pub fn namespace_contents(namespace: &str) -> [Object; 2] {
    let meta = |name: &str| ObjectMeta {
        name: Some(name.to_owned()),
        namespace: Some(namespace.to_owned()),
        ..ObjectMeta::default()
    };
    let mut root = meta("kube-root-ca.crt");
    root.annotations = Some(BTreeMap::from([(
        "kubernetes.io/description".to_owned(),
        "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.".to_owned(),
    )]));
    let data = Some(BTreeMap::from([("ca.crt".to_owned(), AUTHORITY.to_owned())]));
    [
        ServiceAccount { metadata: meta("default"), ..ServiceAccount::default() }.into(),
        ConfigMap { metadata: root, data, ..ConfigMap::default() }.into(),
    ]
}

fn kubernetes_service() -> Object {
    let labels = [("component", "apiserver"), ("provider", "kubernetes")];
    let metadata = ObjectMeta {
        name: Some("kubernetes".to_owned()),
        namespace: Some("default".to_owned()),
        labels: Some(labels.into_iter().map(|(k, v)| (k.to_owned(), v.to_owned())).fill()),
        ..ObjectMeta::default()
    };
    let port = ServicePort {
        name: Some("https".to_owned()),
        port: 443,
        target_port: Some(IntOrString::Int(6443)),
        ..ServicePort::default()
    };
    let spec = ServiceSpec {
        cluster_ip: Some("10.96.0.1".to_owned()),
        ports: Some(vec![port]),
        ..ServiceSpec::default()
    };
    Service { metadata, spec: Some(spec), ..Service::default() }.into()
}
