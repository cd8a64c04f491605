//! Whether the cluster has been given what stands in the editor, wherever it was applied from: editor, terminal, link.

use api::{Kind, ObjectKey};
use serde_json::Value;
use sim::Gather as _;

use crate::frame::ManifestState;

pub const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";

/// The editor's text as objects, read again only when it changes.
#[derive(Debug, Default)]
pub struct Declared {
    text: String,
    namespace: String,
    /// None where the text holds something that can't be compared.
    objects: Option<Vec<(ObjectKey, Value)>>,
}

impl Declared {
    /// Answers whether anything changed.
    pub fn read(&mut self, text: &str, namespace: &str) -> bool {
        if self.text == text && self.namespace == namespace {
            return false;
        }
        let objects = api::yaml::read(text).into_iter().map(|it| object(it.ok()?.value, namespace)).fill();
        *self = Declared { text: text.to_owned(), namespace: namespace.to_owned(), objects };
        true
    }

    pub fn state(&self, api: &apiserver::ApiServer) -> ManifestState {
        let Some(objects) = self.objects.as_ref().filter(|it| !it.is_empty()) else {
            return ManifestState::Unread;
        };
        let applied = |(key, declared): &(ObjectKey, Value)| {
            let found = api.get(key)?;
            let annotation = found.metadata().annotations.as_ref().and_then(|it| it.get(LAST_APPLIED));
            let last = annotation.and_then(|it| serde_json::from_str(it).ok());
            Some(last.is_some_and(|it| bare(it, &key.namespace) == *declared))
        };
        let found: Vec<Option<bool>> = objects.iter().map(applied).gather();
        if found.iter().all(Option::is_none) {
            ManifestState::NotApplied
        } else if found.iter().all(|it| *it == Some(true)) {
            ManifestState::Applied
        } else {
            ManifestState::Differs
        }
    }
}

fn object(value: Value, namespace: &str) -> Option<(ObjectKey, Value)> {
    let text = |it: &Value| it.as_str().map(str::to_owned);
    let kind = Kind::find(&text(&value["apiVersion"])?, &text(&value["kind"])?)?;
    let namespace = text(&value["metadata"]["namespace"]).unwrap_or_else(|| namespace.to_owned());
    let key = ObjectKey::new(
        kind,
        if kind.info().namespaced { &namespace } else { "" },
        &text(&value["metadata"]["name"])?,
    );
    let bare = bare(value, &key.namespace);
    Some((key, bare))
}

/// Without what `kubectl apply` adds before it notes what it has applied.
fn bare(mut value: Value, namespace: &str) -> Value {
    if let Some(metadata) = value["metadata"].as_object_mut() {
        if metadata.get("namespace").is_some_and(|it| it == namespace) {
            metadata.remove("namespace");
        }
        if let Some(annotations) = metadata.get_mut("annotations").and_then(Value::as_object_mut) {
            annotations.remove(LAST_APPLIED);
        }
        if metadata
            .get("annotations")
            .is_some_and(|it| it.is_null() || it.as_object().is_some_and(serde_json::Map::is_empty))
        {
            metadata.remove("annotations");
        }
    }
    value
}
