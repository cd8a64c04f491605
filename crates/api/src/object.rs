//! Any object of the cluster, and the key it is stored under.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde_json::Value;

use crate::codec::{self, WrongType};
use crate::kinds::for_each_kind;
use crate::{
    ConfigMap, Deployment, EndpointSlice, Event, Kind, Lease, Namespace, Node, ObjectMeta, Pod,
    PodDisruptionBudget, PriorityClass, ReplicaSet, Secret, Service, ServiceAccount, Status,
};

/// Names one object. `namespace` is empty for kinds without namespaces.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectKey {
    pub kind: Kind,
    pub namespace: Arc<str>,
    pub name: Arc<str>,
}

impl ObjectKey {
    pub fn new(kind: Kind, namespace: &str, name: &str) -> ObjectKey {
        let namespace = if kind.info().namespaced { namespace.into() } else { Arc::default() };
        ObjectKey { kind, namespace, name: name.into() }
    }

    pub fn pod(namespace: &str, name: &str) -> ObjectKey {
        ObjectKey::new(Kind::Pod, namespace, name)
    }

    pub fn node(name: &str) -> ObjectKey {
        ObjectKey::new(Kind::Node, "", name)
    }
}

impl fmt::Display for ObjectKey {
    /// `pod/default/web`, `node/node-1`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/", self.kind.info().singular)?;
        if !self.namespace.is_empty() {
            write!(f, "{}/", self.namespace)?;
        }
        f.write_str(&self.name)
    }
}

macro_rules! define_object {
    ($($kind:ident, $group:literal, $version:literal, $plural:literal, $singular:literal, [$($short:literal),*], $namespaced:literal;)*) => {
        /// An object of any kind, cheap to clone and never changed in place once it is stored.
        #[derive(Debug, Clone)]
        pub enum Object { $($kind(Arc<$kind>)),* }

        impl Object {
            pub fn kind(&self) -> Kind {
                match self { $(Object::$kind(_) => Kind::$kind),* }
            }

            pub fn metadata(&self) -> &ObjectMeta {
                match self { $(Object::$kind(it) => &it.metadata),* }
            }

            /// Copies the object first if somebody else holds it.
            pub fn metadata_mut(&mut self) -> &mut ObjectMeta {
                match self { $(Object::$kind(it) => &mut Arc::make_mut(it).metadata),* }
            }

            /// The object as JSON, `apiVersion` and `kind` included.
            pub fn to_value(&self) -> Value {
                let value = match self { $(Object::$kind(it) => codec::to_value(&**it)),* };
                with_type(value, self.kind().info().api_version(), self.kind().name())
            }

            /// Reads a typed object; unknown fields are dropped here (strict decoding has seen them before).
            pub fn from_value(kind: Kind, value: Value) -> Result<Object, WrongType> {
                match kind { $(Kind::$kind => codec::from_value(value).map(|it| Object::$kind(Arc::new(it)))),* }
            }
        }

        impl PartialEq for Object {
            fn eq(&self, other: &Object) -> bool {
                match (self, other) {
                    $((Object::$kind(one), Object::$kind(other)) => {
                        Arc::ptr_eq(one, other) || codec::same(&**one, &**other)
                    })*
                    _ => false,
                }
            }
        }

        $(impl From<$kind> for Object {
            fn from(it: $kind) -> Object { Object::$kind(Arc::new(it)) }
        })*
        $(impl From<Arc<$kind>> for Object {
            fn from(it: Arc<$kind>) -> Object { Object::$kind(it) }
        })*
    };
}
for_each_kind!(define_object);

impl Eq for Object {}

/// A Status as it goes over the wire.
pub fn status_value(status: &Status) -> Value {
    with_type(codec::to_value(status), "v1".to_owned(), "Status")
}

fn with_type(mut value: Value, api_version: String, kind: &str) -> Value {
    if let Value::Object(fields) = &mut value {
        fields.insert("apiVersion".to_owned(), api_version.into());
        fields.insert("kind".to_owned(), kind.into());
    }
    value
}

impl Hash for Object {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind().hash(state);
        self.to_value().to_string().hash(state);
    }
}

impl Object {
    pub fn key(&self) -> ObjectKey {
        let meta = self.metadata();
        ObjectKey::new(
            self.kind(),
            meta.namespace.as_deref().unwrap_or(""),
            meta.name.as_deref().unwrap_or(""),
        )
    }

    pub fn name(&self) -> &str {
        self.metadata().name.as_deref().unwrap_or("")
    }

    pub fn namespace(&self) -> &str {
        self.metadata().namespace.as_deref().unwrap_or("")
    }

    pub fn uid(&self) -> &str {
        self.metadata().uid.as_deref().unwrap_or("")
    }

    pub fn as_pod(&self) -> Option<&Arc<Pod>> {
        if let Object::Pod(it) = self { Some(it) } else { None }
    }

    pub fn as_node(&self) -> Option<&Arc<Node>> {
        if let Object::Node(it) = self { Some(it) } else { None }
    }
}
