//! What we say ourselves, as data. The locale files hold one sentence for each variant, named as the variant is.
//!
//! A sentence names the fields in braces: `{container}`; `{at|time}` is a clock time, `{until|left}` the time that is
//! left, `{since|ago}` the time gone by, `{wait|span}` a duration, `{times|nth}` an ordinal. A new variant needs a line
//! in both files and nothing else.

use serde::Serialize;

use super::Micros;

/// What an object is doing or waiting for now; also what the live region reads out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Narration {
    // Pods without a node.
    PodWaitsForScheduler {
        pod: String,
    },
    PodFitsNowhere {
        pod: String,
        message: String,
    },
    PodIsGated {
        pod: String,
        gates: String,
    },
    PodInSchedulerBackoff {
        pod: String,
        until: Micros,
    },
    PodMakesRoom {
        pod: String,
        node: String,
    },
    // On its way.
    PodBound {
        pod: String,
        node: String,
    },
    PodSandboxStarts {
        pod: String,
        node: String,
    },
    SandboxFails {
        pod: String,
        message: String,
    },
    ImagePulling {
        container: String,
        image: String,
    },
    ImagePullFails {
        container: String,
        image: String,
        message: String,
    },
    ImagePullWaits {
        container: String,
        image: String,
        until: Micros,
    },
    ContainerCreating {
        container: String,
    },
    ConfigMissing {
        container: String,
        message: String,
    },
    VolumeMissing {
        pod: String,
        message: String,
    },
    InitRuns {
        container: String,
        step: u32,
        of: u32,
    },
    InitFails {
        container: String,
        step: u32,
        of: u32,
        exit_code: i32,
    },
    // Running.
    PodRunsReady {
        pod: String,
        since: Micros,
    },
    PodRunsNotReady {
        pod: String,
        container: String,
    },
    /// `next`: when it looks again.
    StartupProbeWaits {
        container: String,
        failed: u32,
        threshold: u32,
        next: Micros,
    },
    ReadinessFails {
        container: String,
        failed: u32,
        threshold: u32,
        output: String,
        next: Micros,
    },
    LivenessFails {
        container: String,
        failed: u32,
        threshold: u32,
        output: String,
        next: Micros,
    },
    // Ended.
    ContainerExitedWaits {
        container: String,
        exit_code: i32,
        times: u32,
        wait: Micros,
        until: Micros,
    },
    ContainerOomKilled {
        container: String,
        limit: String,
        times: u32,
        until: Micros,
    },
    ContainerRestarts {
        container: String,
        times: u32,
    },
    PodSucceeded {
        pod: String,
    },
    PodFailed {
        pod: String,
        reason: String,
        message: String,
    },
    PodEvicted {
        pod: String,
        message: String,
    },
    // Leaving.
    PodTerminating {
        pod: String,
        deadline: Micros,
    },
    ContainerStopping {
        container: String,
        kill: Micros,
    },
    ContainerPreStop {
        container: String,
    },
    ContainerPostStart {
        container: String,
    },
    PodPreStop {
        pod: String,
        container: String,
        deadline: Micros,
    },
    PodOnSilentNode {
        pod: String,
        node: String,
    },
    PodGone {
        pod: String,
    },
    // Nodes.
    NodeReady {
        node: String,
        pods: u32,
    },
    NodeCordoned {
        node: String,
    },
    NodeNotReady {
        node: String,
        since: Micros,
    },
    NodeSilent {
        node: String,
        since: Micros,
    },
    NodeUnderPressure {
        node: String,
        pressure: String,
    },
    // Others.
    ServiceSends {
        service: String,
        ready: u32,
        of: u32,
    },
    ServiceSendsNowhere {
        service: String,
    },
    DeploymentSteady {
        name: String,
        ready: i32,
    },
    DeploymentRolls {
        name: String,
        updated: i32,
        wanted: i32,
        ready: i32,
    },
    DeploymentWaits {
        name: String,
        ready: i32,
        wanted: i32,
    },
    ObjectExists {
        kind: String,
        name: String,
    },
    // Why an endpoint gets nothing.
    EndpointNotReady {
        container: String,
    },
    EndpointTerminating,
    EndpointNoAddress,
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Actor {
    You,
    ApiServer,
    Scheduler,
    /// `replicaset-controller`
    Controller(String),
    /// Of this node.
    Kubelet(String),
    Cluster,
}

/// Why something was written; one step of the chain that ends at the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Why {
    /// By this command line.
    Asked {
        command: String,
    },
    Bootstrap,
    Bound {
        node: String,
        feasible: u32,
        score: i64,
    },
    NoNodeFits {
        message: String,
    },
    StatusSync,
    Recorded {
        reason: String,
        message: String,
    },
    Replicas {
        wanted: i32,
        found: i32,
    },
    NewTemplate,
    Rollout,
    OwnerGone,
    Endpoints,
    NodeSilent {
        seconds: u32,
    },
    NodeBack,
    TaintEviction {
        taint: String,
    },
    PodGarbage,
    Preempted {
        by: String,
    },
    Terminated,
    Refused {
        reason: String,
    },
    Housekeeping,
    ProbeFailed {
        container: String,
        output: String,
    },
    ContainerExited {
        container: String,
        exit_code: i32,
    },
}
