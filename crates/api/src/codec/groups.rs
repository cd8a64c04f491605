//! The structs of the other groups and of metadata.

use super::codec;

use k8s_openapi::api::apps::v1::{
    Deployment, DeploymentCondition, DeploymentSpec, DeploymentStatus, DeploymentStrategy, ReplicaSet,
    ReplicaSetCondition, ReplicaSetSpec, ReplicaSetStatus, RollingUpdateDeployment,
};
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::api::discovery::v1::{
    Endpoint, EndpointConditions, EndpointHints, EndpointPort, EndpointSlice, ForNode, ForZone,
};
use k8s_openapi::api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus};
use k8s_openapi::api::scheduling::v1::PriorityClass;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{
    Condition, LabelSelector, LabelSelectorRequirement, ListMeta, ManagedFieldsEntry, ObjectMeta,
    OwnerReference, ShardInfo, Status, StatusCause, StatusDetails,
};

codec! {
    Deployment { metadata "metadata", spec "spec", status "status" }
    DeploymentCondition {
        last_transition_time "lastTransitionTime", last_update_time "lastUpdateTime", message "message",
        reason "reason", status "status", type_ "type",
    }
    DeploymentSpec {
        min_ready_seconds "minReadySeconds", paused "paused",
        progress_deadline_seconds "progressDeadlineSeconds", replicas "replicas",
        revision_history_limit "revisionHistoryLimit", selector "selector", strategy "strategy",
        template "template",
    }
    DeploymentStatus {
        available_replicas "availableReplicas", collision_count "collisionCount", conditions "conditions",
        observed_generation "observedGeneration", ready_replicas "readyReplicas", replicas "replicas",
        terminating_replicas "terminatingReplicas", unavailable_replicas "unavailableReplicas",
        updated_replicas "updatedReplicas",
    }
    DeploymentStrategy { rolling_update "rollingUpdate", type_ "type" }
    ReplicaSet { metadata "metadata", spec "spec", status "status" }
    ReplicaSetCondition {
        last_transition_time "lastTransitionTime", message "message", reason "reason", status "status",
        type_ "type",
    }
    ReplicaSetSpec {
        min_ready_seconds "minReadySeconds", replicas "replicas", selector "selector", template "template",
    }
    ReplicaSetStatus {
        available_replicas "availableReplicas", conditions "conditions",
        fully_labeled_replicas "fullyLabeledReplicas", observed_generation "observedGeneration",
        ready_replicas "readyReplicas", replicas "replicas", terminating_replicas "terminatingReplicas",
    }
    RollingUpdateDeployment { max_surge "maxSurge", max_unavailable "maxUnavailable" }
    Lease { metadata "metadata", spec "spec" }
    LeaseSpec {
        acquire_time "acquireTime", holder_identity "holderIdentity",
        lease_duration_seconds "leaseDurationSeconds", lease_transitions "leaseTransitions",
        preferred_holder "preferredHolder", renew_time "renewTime", strategy "strategy",
    }
    Endpoint {
        addresses "addresses", conditions "conditions", deprecated_topology "deprecatedTopology",
        hints "hints", hostname "hostname", node_name "nodeName", target_ref "targetRef", zone "zone",
    }
    EndpointConditions { ready "ready", serving "serving", terminating "terminating" }
    EndpointHints { for_nodes "forNodes", for_zones "forZones" }
    EndpointPort { app_protocol "appProtocol", name "name", port "port", protocol "protocol" }
    EndpointSlice { address_type "addressType", endpoints "endpoints", metadata "metadata", ports "ports" }
    ForNode { name "name" }
    ForZone { name "name" }
    PodDisruptionBudget { metadata "metadata", spec "spec", status "status" }
    PodDisruptionBudgetSpec {
        max_unavailable "maxUnavailable", min_available "minAvailable", selector "selector",
        unhealthy_pod_eviction_policy "unhealthyPodEvictionPolicy",
    }
    PodDisruptionBudgetStatus {
        conditions "conditions", current_healthy "currentHealthy", desired_healthy "desiredHealthy",
        disrupted_pods "disruptedPods", disruptions_allowed "disruptionsAllowed",
        expected_pods "expectedPods", observed_generation "observedGeneration",
    }
    PriorityClass {
        description "description", global_default "globalDefault", metadata "metadata",
        preemption_policy "preemptionPolicy", value "value",
    }
    Condition {
        last_transition_time "lastTransitionTime", message "message",
        observed_generation "observedGeneration", reason "reason", status "status", type_ "type",
    }
    LabelSelector { match_expressions "matchExpressions", match_labels "matchLabels" }
    LabelSelectorRequirement { key "key", operator "operator", values "values" }
    ListMeta {
        continue_ "continue", remaining_item_count "remainingItemCount", resource_version "resourceVersion",
        self_link "selfLink", shard_info "shardInfo",
    }
    ManagedFieldsEntry {
        api_version "apiVersion", fields_type "fieldsType", fields_v1 "fieldsV1", manager "manager",
        operation "operation", subresource "subresource", time "time",
    }
    ObjectMeta {
        annotations "annotations", creation_timestamp "creationTimestamp",
        deletion_grace_period_seconds "deletionGracePeriodSeconds", deletion_timestamp "deletionTimestamp",
        finalizers "finalizers", generate_name "generateName", generation "generation", labels "labels",
        managed_fields "managedFields", name "name", namespace "namespace",
        owner_references "ownerReferences", resource_version "resourceVersion", self_link "selfLink",
        uid "uid",
    }
    OwnerReference {
        api_version "apiVersion", block_owner_deletion "blockOwnerDeletion", controller "controller",
        kind "kind", name "name", uid "uid",
    }
    ShardInfo { selector "selector" }
    Status {
        code "code", details "details", message "message", metadata "metadata", reason "reason",
        status "status",
    }
    StatusCause { field "field", message "message", reason "reason" }
    StatusDetails {
        causes "causes", group "group", kind "kind", name "name", retry_after_seconds "retryAfterSeconds",
        uid "uid",
    }
}
