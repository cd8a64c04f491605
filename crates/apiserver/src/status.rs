//! The errors of the API, with Kubernetes' own texts.
//!
//! Follows kubernetes v1.36 apimachinery/pkg/api/errors.

use api::k8s_openapi::apimachinery::pkg::apis::meta::v1::StatusDetails;
use api::{Kind, ObjectKey, Status};

/// Boxed: a `Status` is large and rare.
pub type Failure = Box<Status>;

fn failure(code: i32, reason: &str, message: String, kind: Kind, name: &str) -> Failure {
    let info = kind.info();
    Box::new(Status {
        code: Some(code),
        reason: Some(reason.to_owned()),
        message: Some(message),
        status: Some("Failure".to_owned()),
        details: Some(StatusDetails {
            name: Some(name.to_owned()),
            group: (!info.group.is_empty()).then(|| info.group.to_owned()),
            kind: Some(info.plural.to_owned()),
            ..StatusDetails::default()
        }),
        ..Status::default()
    })
}

pub fn not_found(key: &ObjectKey) -> Failure {
    let message = format!("{} \"{}\" not found", key.kind.info().qualified_resource(), key.name);
    failure(404, "NotFound", message, key.kind, &key.name)
}

pub fn already_exists(key: &ObjectKey) -> Failure {
    let message = format!("{} \"{}\" already exists", key.kind.info().qualified_resource(), key.name);
    failure(409, "AlreadyExists", message, key.kind, &key.name)
}

pub fn conflict(key: &ObjectKey) -> Failure {
    let message = format!(
        "Operation cannot be fulfilled on {} \"{}\": the object has been modified; please apply your changes to the latest version and try again",
        key.kind.info().qualified_resource(),
        key.name
    );
    failure(409, "Conflict", message, key.kind, &key.name)
}

pub fn message(status: &Status) -> &str {
    status.message.as_deref().unwrap_or("")
}
