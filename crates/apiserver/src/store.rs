//! Objects by key, a monotonic revision, and a watch log that is read with a cursor.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use api::{Cause, Kind, Object, ObjectKey};
use sim::{Gather as _, SimTime};

/// How many watch events are kept; a reader that is further behind has to list again.
pub const WATCH_LOG_MAX: usize = 8_192;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Stored {
    pub object: Object,
    pub revision: u64,
    pub cause: Arc<Cause>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Change {
    Added,
    Modified,
    Deleted,
}

/// One line of a watch. `before` is what the write replaced.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct WatchEvent {
    pub revision: u64,
    pub at: SimTime,
    pub change: Change,
    pub key: ObjectKey,
    /// For `Deleted`: the last state.
    pub object: Object,
    pub before: Option<Object>,
    pub cause: Arc<Cause>,
}

/// The log no longer reaches back that far; list again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Expired;

type Names = BTreeMap<ObjectKey, Stored>;

/// Copies are cheap: the objects of a kind are shared until one of them changes.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Store {
    revision: u64,
    compacted: u64,
    kinds: Vec<Arc<Names>>,
    log: Vec<Arc<WatchEvent>>,
}

impl Default for Store {
    fn default() -> Self {
        let kinds = Kind::ALL.iter().map(|_| Arc::default()).gather();
        Store { revision: 0, compacted: 0, kinds, log: Vec::new() }
    }
}

impl Store {
    pub fn revision(&self) -> u64 {
        self.revision
    }

    pub fn get(&self, key: &ObjectKey) -> Option<&Stored> {
        self.kinds[key.kind as usize].get(key)
    }

    /// All objects of a kind, by namespace and name.
    pub fn list(&self, kind: Kind) -> impl Iterator<Item = &Stored> {
        self.kinds[kind as usize].values()
    }

    pub fn list_in(&self, kind: Kind, namespace: &str) -> impl Iterator<Item = &Stored> {
        let from = ObjectKey { kind, namespace: namespace.into(), name: Arc::default() };
        let namespace = from.namespace.clone();
        self.kinds[kind as usize]
            .range((Bound::Included(from), Bound::Unbounded))
            .take_while(move |(found, _)| found.namespace == namespace)
            .map(|(_, stored)| stored)
    }

    pub fn len(&self, kind: Kind) -> usize {
        self.kinds[kind as usize].len()
    }

    /// What happened after `revision`, oldest first.
    pub fn events_after(&self, revision: u64) -> Result<&[Arc<WatchEvent>], Expired> {
        if revision < self.compacted {
            return Err(Expired);
        }
        let start = self.log.partition_point(|it| it.revision <= revision);
        Ok(&self.log[start..])
    }

    /// The revision that the next write will have.
    pub(crate) fn next_revision(&self) -> u64 {
        self.revision + 1
    }

    /// `key` is the object's; it must carry `next_revision` as its resourceVersion.
    pub(crate) fn put(&mut self, key: ObjectKey, object: Object, cause: Cause, at: SimTime) {
        self.revision += 1;
        let cause = Arc::new(cause);
        let stored = Stored { object: object.clone(), revision: self.revision, cause: cause.clone() };
        let names = Arc::make_mut(&mut self.kinds[key.kind as usize]);
        let before = names.insert(key.clone(), stored).map(|it| it.object);
        let change = if before.is_none() { Change::Added } else { Change::Modified };
        self.append(WatchEvent { revision: self.revision, at, change, key, object, before, cause });
    }

    /// `last` is the final state, as watchers will see it.
    pub(crate) fn remove(&mut self, key: &ObjectKey, mut last: Object, cause: Cause, at: SimTime) {
        self.revision += 1;
        last.metadata_mut().resource_version = Some(self.revision.to_string());
        let names = Arc::make_mut(&mut self.kinds[key.kind as usize]);
        let before = names.remove(key).map(|it| it.object);
        self.append(WatchEvent {
            revision: self.revision,
            at,
            change: Change::Deleted,
            key: key.clone(),
            object: last,
            before,
            cause: Arc::new(cause),
        });
    }

    fn append(&mut self, event: WatchEvent) {
        if WATCH_LOG_MAX <= self.log.len() {
            // Half at a time, so that the cost of moving is spread over many writes.
            self.compacted = self.log[WATCH_LOG_MAX / 2 - 1].revision;
            self.log.drain(..WATCH_LOG_MAX / 2);
        }
        self.log.push(Arc::new(event));
    }
}
