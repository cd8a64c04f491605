//! Every namespace has a ServiceAccount `default`.
//!
//! Follows kubernetes v1.36 pkg/controller/serviceaccount/serviceaccounts_controller.go.

use api::{Because, Kind, Object, ObjectKey, ObjectMeta, ServiceAccount};
use apiserver::{Change, WatchEvent};

use crate::plan::{Reconciled, Request, View};
use crate::{Controller, Wakes};

const NAME: &str = "default";

/// Keys are namespaces.
pub(crate) fn wakes(event: &WatchEvent, wake: &mut Wakes) {
    let deleted = event.change == Change::Deleted;
    match event.key.kind {
        Kind::Namespace if !deleted => wake.now(Controller::ServiceAccount, event.key.clone()),
        Kind::ServiceAccount if deleted && &*event.key.name == NAME => {
            wake.now(Controller::ServiceAccount, ObjectKey::new(Kind::Namespace, "", &event.key.namespace));
        }
        _ => {}
    }
}

pub(crate) fn is_active(view: &View<'_>, namespace: &ObjectKey) -> bool {
    match view.get(namespace) {
        Some(Object::Namespace(it)) => {
            let phase = it.status.as_ref().and_then(|it| it.phase.as_deref());
            it.metadata.deletion_timestamp.is_none() && phase != Some("Terminating")
        }
        _ => false,
    }
}

pub(crate) fn reconcile(view: &View<'_>, key: &ObjectKey) -> Reconciled {
    let mut plan = Reconciled::default();
    let account = ObjectKey::new(Kind::ServiceAccount, &key.name, NAME);
    if is_active(view, key) && view.get(&account).is_none() {
        let metadata = ObjectMeta {
            name: Some(NAME.to_owned()),
            namespace: Some(key.name.to_string()),
            ..ObjectMeta::default()
        };
        let account = ServiceAccount { metadata, ..ServiceAccount::default() };
        plan.push(Request::Create(account.into()), Because::Housekeeping);
    }
    plan
}
