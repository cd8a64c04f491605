//! Names, labels, annotations, finalizers; label selectors.
//!
//! Follows kubernetes v1.36 apimachinery/pkg/api/validation/objectmeta.go and apis/meta/v1/validation.

use api::selector::Labels;
use api::{Kind, LabelSelector, ObjectMeta, syntax};

use super::text;
use crate::field::Errors;

const ANNOTATIONS_BYTES_MAX: usize = 256 * 1024;

pub(super) fn metadata(meta: &ObjectMeta, kind: Kind, errors: &mut Errors) {
    let name = text(meta.name.as_ref());
    let prefix = text(meta.generate_name.as_ref());
    let check = |name: &str| match kind {
        Kind::Namespace | Kind::Service => syntax::dns1123_label(name),
        _ => syntax::dns1123_subdomain(name),
    };
    if !prefix.is_empty() {
        // A prefix may end with the dash that the suffix completes.
        errors.invalid_all("metadata.generateName", prefix, check(&format!("{prefix}a")));
    }
    if name.is_empty() {
        errors.required("metadata.name", "name or generateName is required");
    } else {
        errors.invalid_all("metadata.name", name, check(name));
    }
    let namespace = text(meta.namespace.as_ref());
    if kind.info().namespaced {
        errors.invalid_all("metadata.namespace", namespace, syntax::dns1123_label(namespace));
    }
    for owner in meta.owner_references.iter().flatten() {
        for (field, value) in [
            ("apiVersion", &owner.api_version),
            ("kind", &owner.kind),
            ("name", &owner.name),
            ("uid", &owner.uid),
        ] {
            if value.is_empty() {
                errors.invalid(format!("metadata.ownerReferences.{field}"), value, "must not be empty");
            }
        }
    }
    finalizers(meta, errors);
    if let Some(labels) = &meta.labels {
        self::labels(labels, "metadata.labels", errors);
    }
    annotations(meta, errors);
}

fn finalizers(meta: &ObjectMeta, errors: &mut Errors) {
    let all = meta.finalizers.as_deref().unwrap_or_default();
    for finalizer in all {
        errors.invalid_all("metadata.finalizers", finalizer, syntax::qualified_name(finalizer));
    }
    for (index, finalizer) in all.iter().enumerate() {
        if !finalizer.contains('/')
            && !matches!(finalizer.as_str(), "kubernetes" | "orphan" | "foregroundDeletion")
        {
            let why = "name is neither a standard finalizer name nor is it fully qualified";
            errors.invalid(format!("metadata.finalizers[{index}]"), finalizer, why);
        }
    }
}

fn annotations(meta: &ObjectMeta, errors: &mut Errors) {
    let mut size = 0;
    for (key, value) in meta.annotations.iter().flatten() {
        size += key.len() + value.len();
        errors.invalid_all("metadata.annotations", key, syntax::qualified_name(&key.to_ascii_lowercase()));
    }
    if ANNOTATIONS_BYTES_MAX < size {
        errors.too_long("metadata.annotations", ANNOTATIONS_BYTES_MAX);
    }
}

pub(super) fn labels(labels: &Labels, path: &str, errors: &mut Errors) {
    for (key, value) in labels {
        errors.invalid_all(path, key, syntax::qualified_name(key));
        errors.invalid_all(path, value, syntax::label_value(value));
    }
}

pub(super) fn label_name(name: &str, path: &str, errors: &mut Errors) {
    errors.invalid_all(path, name, syntax::qualified_name(name));
}

pub(super) fn label_selector(selector: Option<&LabelSelector>, path: &str, errors: &mut Errors) {
    let Some(selector) = selector else { return };
    if let Some(all) = &selector.match_labels {
        labels(all, &format!("{path}.matchLabels"), errors);
    }
    for (index, expression) in selector.match_expressions.iter().flatten().enumerate() {
        let path = format!("{path}.matchExpressions[{index}]");
        let values = expression.values.as_deref().unwrap_or_default();
        match expression.operator.as_str() {
            "In" | "NotIn" => {
                if values.is_empty() {
                    let why = "must be specified when `operator` is 'In' or 'NotIn'";
                    errors.required(format!("{path}.values"), why);
                }
            }
            "Exists" | "DoesNotExist" => {
                if !values.is_empty() {
                    let why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'";
                    errors.forbidden(format!("{path}.values"), why);
                }
            }
            other => errors.invalid(format!("{path}.operator"), other, "not a valid selector operator"),
        }
        label_name(&expression.key, &format!("{path}.key"), errors);
        for (index, value) in values.iter().enumerate() {
            errors.invalid_all(&format!("{path}.values[{index}]"), value, syntax::label_value(value));
        }
    }
}
