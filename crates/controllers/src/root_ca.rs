//! Every namespace has a ConfigMap `kube-root-ca.crt`, which is mounted into every Pod.
//!
//! Follows kubernetes v1.36 pkg/controller/certificates/rootcacertpublisher/publisher.go.

use api::{Because, Kind, Object, ObjectKey};
use apiserver::bootstrap::namespace_contents;
use apiserver::{Change, WatchEvent};

use crate::plan::{Reconciled, Request, View};
use crate::service_account::is_active;
use crate::{Controller, Wakes};

const NAME: &str = "kube-root-ca.crt";

/// Keys are namespaces.
pub(crate) fn wakes(event: &WatchEvent, wake: &mut Wakes) {
    let key = match event.key.kind {
        Kind::Namespace if event.change != Change::Deleted => event.key.clone(),
        Kind::ConfigMap if &*event.key.name == NAME && event.change != Change::Added => {
            ObjectKey::new(Kind::Namespace, "", &event.key.namespace)
        }
        _ => return,
    };
    wake.now(Controller::RootCa, key);
}

pub(crate) fn reconcile(view: &View<'_>, key: &ObjectKey) -> Reconciled {
    let mut plan = Reconciled::default();
    if !is_active(view, key) {
        return plan;
    }
    let [_, bundle] = namespace_contents(&key.name);
    match (view.get(&bundle.key()), &bundle) {
        (Some(Object::ConfigMap(found)), Object::ConfigMap(wanted)) if found.data != wanted.data => {
            let mut found = (**found).clone();
            found.data.clone_from(&wanted.data);
            plan.push(Request::Update(found.into()), Because::Housekeeping);
        }
        (Some(_), _) => {}
        (None, _) => plan.push(Request::Create(bundle), Because::Housekeeping),
    }
    plan
}
