//! What an object gets that its author left out.
//!
//! Follows kubernetes v1.36 pkg/apis/*/v1/defaults.go and the PrepareForCreate of each registry strategy.

mod pod;

use api::k8s_openapi::ByteString;
use api::k8s_openapi::api::apps::v1::{DeploymentStrategy, ReplicaSetStatus, RollingUpdateDeployment};
use api::k8s_openapi::api::core::v1::{
    ClientIPConfig, LoadBalancerStatus, NamespaceSpec, NamespaceStatus, SessionAffinityConfig,
};
use api::{Deployment, IntOrString, Namespace, Node, Object, ReplicaSet, Secret, Service};
use std::sync::Arc;

pub use pod::qos_class;

/// Fields get their defaults; cheap when they have them already.
pub fn apply(object: &mut Object) {
    match object {
        Object::Pod(it) => pod::pod(Arc::make_mut(it)),
        Object::Deployment(it) => deployment(Arc::make_mut(it)),
        Object::ReplicaSet(it) => replica_set(Arc::make_mut(it)),
        Object::Service(it) => service(Arc::make_mut(it)),
        Object::Secret(it) => secret(Arc::make_mut(it)),
        Object::Namespace(it) => namespace(Arc::make_mut(it)),
        Object::Node(it) => node(Arc::make_mut(it)),
        Object::PodDisruptionBudget(it) => {
            let it = Arc::make_mut(it);
            let status = it.status.get_or_insert_default();
            let counters = [
                &mut status.current_healthy,
                &mut status.desired_healthy,
                &mut status.disruptions_allowed,
                &mut status.expected_pods,
            ];
            for counter in counters {
                counter.get_or_insert(0);
            }
        }
        Object::PriorityClass(it) => {
            let it = Arc::make_mut(it);
            it.value.get_or_insert(0);
            it.preemption_policy.get_or_insert_with(|| "PreemptLowerPriority".to_owned());
        }
        Object::ServiceAccount(_)
        | Object::ConfigMap(_)
        | Object::Event(_)
        | Object::EndpointSlice(_)
        | Object::Lease(_) => {}
    }
}

pub(crate) fn set(field: &mut Option<String>, value: &str) {
    if field.as_deref().is_none_or(str::is_empty) {
        *field = Some(value.to_owned());
    }
}

fn deployment(deployment: &mut Deployment) {
    let spec = deployment.spec.get_or_insert_default();
    spec.replicas.get_or_insert(1);
    let strategy = spec.strategy.get_or_insert_with(DeploymentStrategy::default);
    set(&mut strategy.type_, "RollingUpdate");
    if strategy.type_.as_deref() == Some("RollingUpdate") {
        let quarter = || IntOrString::String("25%".to_owned());
        let rolling = strategy.rolling_update.get_or_insert_with(RollingUpdateDeployment::default);
        rolling.max_surge.get_or_insert_with(quarter);
        rolling.max_unavailable.get_or_insert_with(quarter);
    }
    spec.revision_history_limit.get_or_insert(10);
    spec.progress_deadline_seconds.get_or_insert(600);
    pod::template(&mut spec.template);
    deployment.status.get_or_insert_default();
}

fn replica_set(replica_set: &mut ReplicaSet) {
    let spec = replica_set.spec.get_or_insert_default();
    spec.replicas.get_or_insert(1);
    if let Some(template) = &mut spec.template {
        pod::template(template);
    }
    replica_set.status.get_or_insert_with(ReplicaSetStatus::default);
}

fn service(service: &mut Service) {
    let spec = service.spec.get_or_insert_default();
    set(&mut spec.session_affinity, "None");
    match spec.session_affinity.as_deref() {
        Some("None") => spec.session_affinity_config = None,
        Some("ClientIP") => {
            let timeout =
                spec.session_affinity_config.as_ref().and_then(|it| it.client_ip.as_ref()?.timeout_seconds);
            spec.session_affinity_config = Some(SessionAffinityConfig {
                client_ip: Some(ClientIPConfig { timeout_seconds: Some(timeout.unwrap_or(10_800)) }),
            });
        }
        _ => {}
    }
    set(&mut spec.type_, "ClusterIP");
    for port in spec.ports.iter_mut().flatten() {
        set(&mut port.protocol, "TCP");
        match &port.target_port {
            None | Some(IntOrString::Int(0)) => port.target_port = Some(IntOrString::Int(port.port)),
            Some(IntOrString::String(name)) if name.is_empty() => {
                port.target_port = Some(IntOrString::Int(port.port));
            }
            Some(_) => {}
        }
    }
    let type_ = spec.type_.clone().unwrap_or_default();
    let external_ips = spec.external_ips.as_ref().is_some_and(|it| !it.is_empty());
    if matches!(&*type_, "NodePort" | "LoadBalancer") || (type_ == "ClusterIP" && external_ips) {
        set(&mut spec.external_traffic_policy, "Cluster");
    }
    if matches!(&*type_, "NodePort" | "LoadBalancer" | "ClusterIP") {
        set(&mut spec.internal_traffic_policy, "Cluster");
    }
    if type_ == "LoadBalancer" {
        spec.allocate_load_balancer_node_ports.get_or_insert(true);
    }
    let status = service.status.get_or_insert_default();
    status.load_balancer.get_or_insert_with(LoadBalancerStatus::default);
}

fn secret(secret: &mut Secret) {
    set(&mut secret.type_, "Opaque");
    if let Some(texts) = secret.string_data.take() {
        let data = secret.data.get_or_insert_default();
        data.extend(texts.into_iter().map(|(key, text)| (key, ByteString(text.into_bytes()))));
    }
}

fn namespace(namespace: &mut Namespace) {
    let name = namespace.metadata.name.clone().unwrap_or_default();
    if !name.is_empty() {
        let labels = namespace.metadata.labels.get_or_insert_default();
        labels.insert("kubernetes.io/metadata.name".to_owned(), name);
    }
    let spec = namespace.spec.get_or_insert_with(NamespaceSpec::default);
    let finalizers = spec.finalizers.get_or_insert_default();
    if finalizers.is_empty() && namespace.metadata.deletion_timestamp.is_none() {
        finalizers.push("kubernetes".to_owned());
    }
    let status = namespace.status.get_or_insert_with(NamespaceStatus::default);
    set(&mut status.phase, "Active");
}

fn node(node: &mut Node) {
    if let Some(spec) = &mut node.spec
        && let (Some(cidr), None) = (&spec.pod_cidr, &spec.pod_cidrs)
    {
        spec.pod_cidrs = Some(vec![cidr.clone()]);
    }
    let status = node.status.get_or_insert_default();
    status.node_info.get_or_insert_default();
    let endpoints = status.daemon_endpoints.get_or_insert_default();
    endpoints.kubelet_endpoint.get_or_insert_default();
}
