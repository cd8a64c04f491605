//! Who owns an object.

use api::k8s_openapi::api::core::v1::ObjectReference;
use api::{Kind, ObjectKey, ObjectMeta, OwnerReference};

use crate::plan::View;

/// The one owner that manages an object.
pub(crate) fn controller_of(meta: &ObjectMeta) -> Option<&OwnerReference> {
    meta.owner_references.iter().flatten().find(|it| it.controller == Some(true))
}

pub(crate) fn is_controlled_by(meta: &ObjectMeta, uid: &str) -> bool {
    controller_of(meta).is_some_and(|it| it.uid == uid)
}

/// How a controller writes itself into what it creates.
pub(crate) fn controller_reference(kind: Kind, owner: &ObjectMeta) -> OwnerReference {
    OwnerReference {
        api_version: kind.info().api_version(),
        kind: kind.name().to_owned(),
        name: owner.name.clone().unwrap_or_default(),
        uid: owner.uid.clone().unwrap_or_default(),
        controller: Some(true),
        block_owner_deletion: Some(true),
    }
}

/// The key of an owner; nothing for kinds that this cluster does not serve.
pub(crate) fn owner_key(owner: &OwnerReference, namespace: &str) -> Option<ObjectKey> {
    Kind::find(&owner.api_version, &owner.kind).map(|kind| ObjectKey::new(kind, namespace, &owner.name))
}

/// The controller of an object when it is of this kind and still the same one.
pub(crate) fn resolve_controller(view: &View<'_>, meta: &ObjectMeta, kind: Kind) -> Option<ObjectKey> {
    let owner = controller_of(meta).filter(|it| it.kind == kind.name())?;
    let key = owner_key(owner, meta.namespace.as_deref().unwrap_or(""))?;
    view.get(&key).is_some_and(|it| it.uid() == owner.uid).then_some(key)
}

/// How an Event names what it is about.
pub(crate) fn reference(kind: Kind, meta: &ObjectMeta) -> ObjectReference {
    ObjectReference {
        api_version: Some(kind.info().api_version()),
        kind: Some(kind.name().to_owned()),
        namespace: meta.namespace.clone(),
        name: meta.name.clone(),
        uid: meta.uid.clone(),
        resource_version: meta.resource_version.clone(),
        field_path: None,
    }
}
