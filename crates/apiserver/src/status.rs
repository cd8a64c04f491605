//! The errors of the API, with Kubernetes' own texts.
//!
//! Follows kubernetes v1.36 apimachinery/pkg/api/errors.

use api::k8s_openapi::apimachinery::pkg::apis::meta::v1::{StatusCause, StatusDetails};
use api::{Kind, ObjectKey, Status};
use sim::Gather as _;

use crate::field::{FieldError, go_quote};

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
            name: (!name.is_empty()).then(|| name.to_owned()),
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

pub fn forbidden(key: &ObjectKey, why: &str) -> Failure {
    let message = format!("{} \"{}\" is forbidden: {why}", key.kind.info().qualified_resource(), key.name);
    failure(403, "Forbidden", message, key.kind, &key.name)
}

/// 400, without details.
pub fn bad_request(message: String) -> Failure {
    plain(400, "BadRequest", message)
}

pub fn plain(code: i32, reason: &str, message: String) -> Failure {
    Box::new(Status {
        code: Some(code),
        reason: (!reason.is_empty()).then(|| reason.to_owned()),
        message: Some(message),
        status: Some("Failure".to_owned()),
        ..Status::default()
    })
}

/// What could not be decoded: the kind is named twice, as the server does.
pub fn undecodable(kind: Kind, why: &str) -> Failure {
    let info = kind.info();
    bad_request(format!("{kind} in version \"{}\" cannot be handled as a {kind}: {why}", info.version))
}

/// 409 with a reason of its own, such as a Pod that is bound already.
pub fn conflict_because(key: &ObjectKey, subresource: &str, why: &str) -> Failure {
    let resource = format!("{}{subresource}", key.kind.info().qualified_resource());
    let message = format!("Operation cannot be fulfilled on {resource} \"{}\": {why}", key.name);
    let mut failure = failure(409, "Conflict", message, key.kind, &key.name);
    if let Some(details) = &mut failure.details {
        details.kind = Some(resource);
    }
    failure
}

/// 422: all invalid fields at once.
pub fn invalid(key: &ObjectKey, errors: &[FieldError]) -> Failure {
    let mut texts: Vec<String> = Vec::new();
    for error in errors {
        let text = error.to_string();
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    let list = if let [only] = &texts[..] { only.clone() } else { format!("[{}]", texts.join(", ")) };
    let info = key.kind.info();
    let qualified =
        if info.group.is_empty() { info.kind.to_owned() } else { format!("{}.{}", info.kind, info.group) };
    let message = format!("{qualified} {} is invalid: {list}", go_quote(&key.name));
    let mut failure = failure(422, "Invalid", message, key.kind, &key.name);
    let causes = errors.iter().map(|it| StatusCause {
        reason: Some(it.reason.name().to_owned()),
        message: Some(it.body()),
        field: Some(it.field.clone()),
    });
    if let Some(details) = &mut failure.details {
        details.kind = Some(info.kind.to_owned());
        details.causes = Some(causes.gather());
    }
    failure
}

/// A patch whose result cannot be decoded; the server names no object here.
pub fn invalid_patch(shown: &str, why: &str) -> Failure {
    let body = format!("Invalid value: {}: {why}", go_quote(shown));
    let mut failure = plain(422, "Invalid", format!(" \"\" is invalid: patch: {body}"));
    failure.details = Some(StatusDetails {
        causes: Some(vec![StatusCause {
            reason: Some("FieldValueInvalid".to_owned()),
            message: Some(body),
            field: Some("patch".to_owned()),
        }]),
        ..StatusDetails::default()
    });
    failure
}

pub fn too_many_requests(cause: String, retry_after_seconds: i32) -> Failure {
    let message = "Cannot evict pod as it would violate the pod's disruption budget.".to_owned();
    let mut failure = plain(429, "TooManyRequests", message);
    failure.details = Some(StatusDetails {
        causes: Some(vec![StatusCause {
            reason: Some("DisruptionBudget".to_owned()),
            message: Some(cause),
            field: None,
        }]),
        retry_after_seconds: (retry_after_seconds != 0).then_some(retry_after_seconds),
        ..StatusDetails::default()
    });
    failure
}

pub fn message(status: &Status) -> &str {
    status.message.as_deref().unwrap_or("")
}
