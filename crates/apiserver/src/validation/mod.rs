//! Which values are not allowed, all of them at once, with field paths and texts to the letter.

mod container;
mod difference;
mod internal;
mod meta;
mod other;
mod pod;
mod resize;
mod security;
mod service;
mod volume;
mod warnings;
mod workload;

pub use resize::admit as admit_resize;

use api::Object;

use crate::field::{Errors, FieldError};
use crate::request::Subresource;
use crate::store::Store;

/// Of a new object, with its defaults.
pub fn validate(object: &Object, store: &Store) -> Vec<FieldError> {
    let mut errors = Errors::default();
    match object {
        Object::Pod(it) => pod::create(it, &mut errors),
        _ => other_kinds(object, None, store, &mut errors),
    }
    errors.0
}

/// Of a changed object.
pub fn validate_update(
    object: &Object,
    old: &Object,
    subresource: Option<Subresource>,
    store: &Store,
) -> Vec<FieldError> {
    let mut errors = Errors::default();
    match (object, old) {
        (Object::Pod(new), Object::Pod(old)) => pod::update(new, old, subresource, &mut errors),
        _ => other_kinds(object, Some(old), store, &mut errors),
    }
    errors.0
}

fn other_kinds(object: &Object, old: Option<&Object>, store: &Store, errors: &mut Errors) {
    macro_rules! old {
        ($kind:ident) => {
            match old {
                Some(Object::$kind(it)) => Some(&**it),
                _ => None,
            }
        };
    }
    match object {
        Object::Deployment(it) => workload::deployment(it, old!(Deployment), errors),
        Object::ReplicaSet(it) => workload::replica_set(it, old!(ReplicaSet), errors),
        Object::Service(it) => service::service(it, old!(Service), store, errors),
        Object::ConfigMap(it) => other::config_map(it, old!(ConfigMap), errors),
        Object::Secret(it) => other::secret(it, old!(Secret), errors),
        Object::PriorityClass(it) => other::priority_class(it, old!(PriorityClass), errors),
        Object::Namespace(it) => other::namespace(it, errors),
        Object::ServiceAccount(it) => other::service_account(it, errors),
        Object::Node(it) => other::node(it, errors),
        Object::PodDisruptionBudget(it) => other::budget(it, errors),
        // Nobody types these.
        Object::Pod(_) | Object::Event(_) | Object::EndpointSlice(_) | Object::Lease(_) => {}
    }
}

/// What the server stores and warns about.
pub fn warnings(object: &Object) -> Vec<String> {
    let template = match object {
        Object::Pod(pod) => {
            return pod
                .spec
                .as_ref()
                .map_or_else(Vec::new, |it| warnings::pod_spec(Some(&pod.metadata), it, "spec"));
        }
        Object::Service(it) => return warnings::service(it),
        Object::Deployment(it) => it.spec.as_ref().map(|it| &it.template),
        Object::ReplicaSet(it) => it.spec.as_ref().and_then(|it| it.template.as_ref()),
        _ => None,
    };
    let spec = template.and_then(|it| it.spec.as_ref());
    spec.map_or_else(Vec::new, |it| warnings::pod_spec(None, it, "spec.template.spec"))
}

fn text(value: Option<&String>) -> &str {
    value.map_or("", String::as_str)
}

fn non_negative(value: i64, path: &str, errors: &mut Errors) {
    if value < 0 {
        errors.invalid(path, &value, "must be greater than or equal to 0");
    }
}
