//! Kubernetes objects, quantities, selectors, YAML with positions. Data only: nothing here changes a cluster.

pub mod because;
pub mod codec;
mod kinds;
pub mod known;
pub mod names;
mod object;
pub mod quantity;
pub mod schema;
pub mod selector;
pub mod syntax;
pub mod taints;
pub mod time;
pub mod yaml;

pub use because::{Actor, Because, Cause};
pub use k8s_openapi;
pub use kinds::{Kind, KindInfo};
pub use object::{Object, ObjectKey, status_value};

pub use k8s_openapi::api::apps::v1::{Deployment, ReplicaSet};
pub use k8s_openapi::api::coordination::v1::Lease;
pub use k8s_openapi::api::core::v1::{
    ConfigMap, Event, Namespace, Node, Pod, Secret, Service, ServiceAccount,
};
pub use k8s_openapi::api::discovery::v1::EndpointSlice;
pub use k8s_openapi::api::policy::v1::PodDisruptionBudget;
pub use k8s_openapi::api::scheduling::v1::PriorityClass;
pub use k8s_openapi::apimachinery::pkg::api::resource::Quantity;
pub use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    LabelSelector, ObjectMeta, OwnerReference, Status, Time,
};
pub use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
