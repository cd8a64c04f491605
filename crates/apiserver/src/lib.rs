//! The API server: the one place where the cluster's objects live, and the only way to change them.
//!
//! Components write typed objects (`create`, `update`, `update_status`, `delete`, `bind`); what a user sends comes
//! as text or JSON and goes through strict decoding first. Every write goes
//! default → validate → admit → conflict check → store, and fails with the real Kubernetes `Status`.

mod recorder;
mod server;
pub mod status;
mod store;

pub use recorder::{EventKind, EventRecorder, Occurrence};
pub use server::{ApiServer, DeleteOptions};
pub use store::{Change, Expired, Store, Stored, WatchEvent};
