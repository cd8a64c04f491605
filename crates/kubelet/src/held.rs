//! Kubernetes values as part of the simulation's state.

use std::hash::{Hash, Hasher};
use std::ops::Deref;
use std::sync::Arc;

use api::codec::{Codec, to_text};

/// A shared Kubernetes value; k8s types know neither `Eq` nor `Hash`.
#[derive(Debug)]
pub struct Held<T>(pub Arc<T>);

impl<T> Held<T> {
    pub fn new(value: T) -> Held<T> {
        Held(Arc::new(value))
    }
}

impl<T> Clone for Held<T> {
    fn clone(&self) -> Self {
        Held(Arc::clone(&self.0))
    }
}

impl<T> Deref for Held<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: PartialEq> PartialEq for Held<T> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || *self.0 == *other.0
    }
}

// The values hold no floats.
impl<T: PartialEq> Eq for Held<T> {}

impl<T: Codec> Hash for Held<T> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        to_text(&*self.0).hash(state);
    }
}
