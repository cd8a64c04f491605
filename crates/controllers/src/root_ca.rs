//! Every namespace has a ConfigMap `kube-root-ca.crt`, which is mounted into every Pod.
//!
//! Follows kubernetes v1.36 pkg/controller/certificates/rootcacertpublisher/publisher.go.

use api::{Because, ConfigMap, Kind, Object, ObjectKey, ObjectMeta};
use apiserver::{Change, WatchEvent};

use crate::plan::{Reconciled, Request, View};
use crate::service_account::is_active;
use crate::{Controller, Wakes};

const NAME: &str = "kube-root-ca.crt";
const DESCRIPTION: (&str, &str) = (
    "kubernetes.io/description",
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes clusters.",
);
/// Nobody checks it here; it only has to look like one.
const BUNDLE: &str = "-----BEGIN CERTIFICATE-----\n\
MIIBeDCCAR2gAwIBAgIBADAKBggqhkjOPQQDAjAjMSEwHwYDVQQDDBhwb2QtcGxh\n\
eWdyb3VuZC1zaW11bGF0aW9uMB4XDTI2MDEwMTAwMDAwMFoXDTM2MDEwMTAwMDAw\n\
-----END CERTIFICATE-----\n";

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
    let data = Some([("ca.crt".to_owned(), BUNDLE.to_owned())].into());
    let published = ObjectKey::new(Kind::ConfigMap, &key.name, NAME);
    let request = match view.get(&published) {
        Some(Object::ConfigMap(found)) if found.data == data => return plan,
        Some(Object::ConfigMap(found)) => {
            let mut found = (**found).clone();
            found.data = data;
            Request::Update(found.into())
        }
        _ => {
            let metadata = ObjectMeta {
                name: Some(NAME.to_owned()),
                namespace: Some(key.name.to_string()),
                annotations: Some([(DESCRIPTION.0.to_owned(), DESCRIPTION.1.to_owned())].into()),
                ..ObjectMeta::default()
            };
            Request::Create(ConfigMap { metadata, data, ..ConfigMap::default() }.into())
        }
    };
    plan.push(request, Because::Housekeeping);
    plan
}
