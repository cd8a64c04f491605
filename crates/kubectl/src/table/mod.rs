//! The server's tables: what `get` shows of an object, one row of columns per kind.
//!
//! Follows kubernetes v1.36 pkg/printers/internalversion/printers.go.

mod pod;
pub use pod::cells as pod_cells;
mod rows;

use serde_json::Value;
use sim::{Gather as _, SimTime};

use crate::age::since_value;
use crate::json::at;
use crate::resources::Resource;

pub use rows::{label_selector, load_balancer, node_roles};

/// Columns per resource; `+` marks those of `-o wide`.
const COLUMNS: &[(&str, &str)] = &[
    ("pods", "NAME,READY,STATUS,RESTARTS,AGE,+IP,+NODE,+NOMINATED NODE,+READINESS GATES"),
    (
        "nodes",
        "NAME,STATUS,ROLES,AGE,VERSION,+INTERNAL-IP,+EXTERNAL-IP,+OS-IMAGE,+KERNEL-VERSION,+CONTAINER-RUNTIME",
    ),
    ("services", "NAME,TYPE,CLUSTER-IP,EXTERNAL-IP,PORT(S),AGE,+SELECTOR"),
    ("endpoints", "NAME,ENDPOINTS,AGE"),
    ("configmaps", "NAME,DATA,AGE"),
    ("secrets", "NAME,TYPE,DATA,AGE"),
    ("namespaces", "NAME,STATUS,AGE"),
    ("events", "LAST SEEN,TYPE,REASON,OBJECT,+SUBOBJECT,+SOURCE,MESSAGE,+FIRST SEEN,+COUNT,+NAME"),
    (
        "persistentvolumeclaims",
        "NAME,STATUS,VOLUME,CAPACITY,ACCESS MODES,STORAGECLASS,VOLUMEATTRIBUTESCLASS,AGE,+VOLUMEMODE",
    ),
    ("resourcequotas", "NAME,REQUEST,LIMIT,AGE"),
    ("limitranges", "NAME,CREATED AT"),
    ("replicationcontrollers", "NAME,DESIRED,CURRENT,READY,AGE,+CONTAINERS,+IMAGES,+SELECTOR"),
    ("componentstatuses", "NAME,STATUS,MESSAGE,ERROR"),
    ("deployments", "NAME,READY,UP-TO-DATE,AVAILABLE,AGE,+CONTAINERS,+IMAGES,+SELECTOR"),
    ("replicasets", "NAME,DESIRED,CURRENT,READY,AGE,+CONTAINERS,+IMAGES,+SELECTOR"),
    ("statefulsets", "NAME,READY,AGE,+CONTAINERS,+IMAGES"),
    (
        "daemonsets",
        "NAME,DESIRED,CURRENT,READY,UP-TO-DATE,AVAILABLE,NODE SELECTOR,AGE,+CONTAINERS,+IMAGES,+SELECTOR",
    ),
    ("jobs", "NAME,STATUS,COMPLETIONS,DURATION,AGE,+CONTAINERS,+IMAGES,+SELECTOR"),
    ("cronjobs", "NAME,SCHEDULE,TIMEZONE,SUSPEND,ACTIVE,LAST SCHEDULE,AGE,+CONTAINERS,+IMAGES,+SELECTOR"),
    ("poddisruptionbudgets", "NAME,MIN AVAILABLE,MAX UNAVAILABLE,ALLOWED DISRUPTIONS,AGE"),
    ("priorityclasses", "NAME,VALUE,GLOBAL-DEFAULT,AGE,PREEMPTIONPOLICY"),
    ("endpointslices", "NAME,ADDRESSTYPE,PORTS,ENDPOINTS,AGE"),
    ("horizontalpodautoscalers", "NAME,REFERENCE,TARGETS,MINPODS,MAXPODS,REPLICAS,AGE"),
    ("leases", "NAME,HOLDER,AGE"),
];

/// The headers of a resource's table.
pub fn headers(resource: &Resource, wide: bool) -> Vec<String> {
    let found = COLUMNS.iter().find(|it| it.0 == resource.plural);
    let columns = found.map_or("NAME,AGE", |it| it.1);
    shown(columns, wide).map(|it| it.trim_start_matches('+').to_owned()).gather()
}

fn shown(columns: &'static str, wide: bool) -> impl Iterator<Item = &'static str> {
    columns.split(',').filter(move |it| wide || !it.starts_with('+'))
}

/// One object's cells.
pub fn row(resource: &Resource, object: &Value, wide: bool, now: SimTime) -> Vec<String> {
    let Some((_, columns)) = COLUMNS.iter().find(|it| it.0 == resource.plural) else {
        let name = at(object, "metadata.name").as_str().unwrap_or("").to_owned();
        return vec![name, since_value(at(object, "metadata.creationTimestamp"), now)];
    };
    let cells = if resource.is("pods") {
        pod::cells(object, now)
    } else {
        rows::cells(resource.plural, object, wide, now)
    };
    columns
        .split(',')
        .zip(cells)
        .filter(|(column, _)| wide || !column.starts_with('+'))
        .map(|it| it.1)
        .gather()
}
