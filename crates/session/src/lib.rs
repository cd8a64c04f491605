//! What any front end needs: commands in, frames out, history, links. Knows no browser.
//!
//! [`Session`] is the playground behind a page, [`Headless`] the same without one: apply a manifest, run kubectl, let
//! virtual time pass, look at objects, events and logs.

mod complete;
mod diagnose;
pub mod frame;
mod headless;
mod history;
mod input;
mod line;
mod link;
#[cfg(feature = "packing")]
mod packing;
mod playground;
mod recording;
mod scenario;
mod session;
pub mod suggest;
#[cfg(test)]
mod tests;
pub mod theatre;
mod view;
mod words;
mod workstation;
mod world;

pub use cluster::{Cluster, Fault, FaultError, NodeSpec, Settings, Taint};
pub use headless::{COMMAND_PATIENCE, CommandFailed, Headless};
pub use input::{Input, Logged};
pub use link::{Link, LinkError, UNPACKED_MAX};
pub use playground::{Finished, Playground, RunId};
pub use runtime::CustomImage;
pub use scenario::give_words;
pub use session::{INPUT_BYTES_MAX, MANIFEST_BYTES_MAX, Session};
pub use sim::Gather;
