//! Every namespace has a ServiceAccount `default`.
//!
//! Follows kubernetes v1.36 pkg/controller/serviceaccount/serviceaccounts_controller.go.

use api::{Because, Kind, Object, ObjectKey};
use apiserver::bootstrap::namespace_contents;
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
    view.get(namespace).is_some_and(|it| it.metadata().deletion_timestamp.is_none())
}

pub(crate) fn reconcile(view: &View<'_>, key: &ObjectKey) -> Reconciled {
    let mut plan = Reconciled::default();
    if is_active(view, key) {
        let [account, _] = namespace_contents(&key.name);
        if view.get(&Object::key(&account)).is_none() {
            plan.push(Request::Create(account), Because::Housekeeping);
        }
    }
    plan
}
