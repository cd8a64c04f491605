//! What stands above Pods: services, workloads, events, the lesson.

use serde::Serialize;

use super::{Micros, ObjectRef, Sentence, Tone};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ServiceCard {
    pub namespace: String,
    pub name: String,
    /// `ClusterIP`, `NodePort`, …
    pub kind: String,
    pub cluster_ip: String,
    /// As kubectl prints them: `80/TCP`.
    pub ports: String,
    /// `app=web`, as kubectl prints a selector.
    pub selector: String,
    pub endpoints: Vec<Endpoint>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Endpoint {
    pub pod: ObjectRef,
    pub uid: String,
    pub address: String,
    pub ready: bool,
    pub terminating: bool,
    /// Why it gets nothing now.
    pub why_not: Option<Sentence>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct WorkloadCard {
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub wanted: i32,
    pub ready: i32,
    pub updated: i32,
    pub tone: Tone,
    /// Of a Deployment, newest first; of others one entry that is the workload itself.
    pub replicas: Vec<ReplicaCard>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct ReplicaCard {
    pub kind: String,
    pub name: String,
    pub revision: u32,
    pub wanted: i32,
    pub ready: i32,
    pub image: String,
    /// Uids.
    pub pods: Vec<String>,
}

/// An event as `kubectl get events` lists it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct EventCard {
    pub id: u64,
    pub first: Micros,
    pub last: Micros,
    pub warning: bool,
    pub reason: String,
    pub object: ObjectRef,
    /// `spec.containers{app}`; may be empty.
    pub field: String,
    pub message: String,
    pub source: String,
    pub count: u32,
}

/// A lesson's page beside the manifest. Texts come in the language that `ViewState` asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct LessonCard {
    pub id: String,
    pub title: String,
    /// Markdown of a small kind: paragraphs, lists, `code`, **strong**.
    pub text: String,
    pub goals: Vec<GoalCard>,
    pub documents: Vec<DocumentCard>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct GoalCard {
    pub text: String,
    pub done: bool,
    pub hint: String,
    /// A command line that would reach it; may be empty.
    pub command: String,
}

/// A manifest that the lesson brings.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct DocumentCard {
    pub name: String,
    pub text: String,
}
