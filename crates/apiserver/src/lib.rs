//! The API server: the one place where the cluster's objects live, and the only way to change them.
//!
//! Components write typed objects (`create`, `update`, `update_status`, `delete`, `bind`); what a user sends comes
//! as text or JSON and goes through strict decoding first. Every write goes
//! default → validate → admit → conflict check → store, and fails with the real Kubernetes `Status`.

mod admission;
mod allocate;
pub mod bootstrap;
pub mod check;
mod defaults;
mod deletion;
mod eviction;
pub mod field;
mod patch;
mod recorder;
pub mod request;
mod server;
pub mod status;
mod store;
mod validation;

pub use check::check;
pub use defaults::qos_class;
pub use deletion::{DeleteOptions, Propagation};
pub use request::{Answer, FieldValidation, PatchKind, Request, Response, Subresource, Verb};

pub use recorder::{EventKind, EventRecorder, Occurrence};
pub use server::ApiServer;
pub use store::{Change, Expired, Store, Stored, WatchEvent};
