//! What comes from outside: the log of inputs, the seed and the scenario are the whole session.

use cluster::Fault;
use serde::{Deserialize, Serialize};
use sim::SimTime;

/// One thing that the person did.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub enum Input {
    /// Keys typed at the terminal.
    #[serde(rename = "k")]
    Keys(String),
    /// A command line run beside the terminal's foreground, as the page's buttons do.
    #[serde(rename = "r")]
    Run(String),
    /// The editor's text becomes a file of the workstation and is applied.
    #[serde(rename = "a")]
    Apply { file: String, text: String },
    /// A file is put on the workstation.
    #[serde(rename = "f")]
    File { path: String, text: String },
    #[serde(rename = "x")]
    Fault(Fault),
}

/// An input and its instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Logged {
    /// Microseconds.
    #[serde(rename = "t")]
    pub at: u64,
    #[serde(rename = "i")]
    pub input: Input,
}

impl Logged {
    pub fn at(&self) -> SimTime {
        SimTime(self.at)
    }
}
