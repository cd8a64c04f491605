//! What happens in one simulation: written by a seed or by hand, read back from a file.

use serde::{Deserialize, Serialize};

/// A file of it is YAML.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Everything random inside the cluster follows from it.
    pub seed: u64,
    pub workers: Vec<Worker>,
    pub steps: Vec<Step>,
}

/// A worker node beside the control plane.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Worker {
    pub cpu_milli: u64,
    pub memory_mib: u64,
    pub pods: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// Milliseconds of virtual time.
    pub at: u64,
    pub act: Act,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Act {
    /// `kubectl apply` of a manifest.
    Apply(String),
    /// A line for the workstation's shell, where `fault` is a command. `{pod 3}` is the third Pod of the namespace `default`
    /// (counted round and round), `{container 3 1}` a container of it, `{node 2}` a worker, `{process 5}` the node and the
    /// number of a living process. A line whose word means nothing at that moment is left out.
    Run(String),
}

impl Plan {
    pub fn read(text: &str) -> Result<Plan, String> {
        serde_yaml::from_str(text).map_err(|error| error.to_string())
    }

    pub fn write(&self) -> String {
        serde_yaml::to_string(self).unwrap_or_default()
    }

    /// The names of the worker nodes.
    pub fn node_names(&self) -> impl Iterator<Item = String> {
        (1..=self.workers.len()).map(|it| format!("node-{it}"))
    }
}
