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

/// The line that ended with the keys at `index`: shells are given whole lines, other programs keys.
pub fn typed_line(inputs: &[Logged], index: usize) -> String {
    let mut line = String::new();
    for (step, logged) in inputs[..inputs.len().min(index + 1)].iter().rev().enumerate() {
        let Input::Keys(keys) = &logged.input else { break };
        let body = keys.trim_end_matches(['\r', '\n']);
        if step > 0 && body.len() < keys.len() {
            break;
        }
        line.insert_str(0, body);
    }
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_put_together_from_keys() {
        let keys = |text: &str| Logged { at: 0, input: Input::Keys(text.to_owned()) };
        let inputs = [keys("ls\r"), keys("kub"), keys("ectl get po"), keys("\r"), keys("pwd\r")];
        assert_eq!(typed_line(&inputs, 3), "kubectl get po");
        assert_eq!(typed_line(&inputs, 4), "pwd");
        assert_eq!(typed_line(&[], 4), "");
    }
}
