//! What a cluster is made of at the start.

/// A taint that a node registers with.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Taint {
    pub key: String,
    pub value: String,
    /// `NoSchedule`, `PreferNoSchedule` or `NoExecute`.
    pub effect: String,
}

impl Taint {
    /// Reads `key=value:Effect` or `key:Effect`, as `kubectl taint` takes them.
    pub fn parse(text: &str) -> Option<Taint> {
        let (pair, effect) = text.rsplit_once(':')?;
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        Some(Taint { key: key.to_owned(), value: value.to_owned(), effect: effect.to_owned() })
    }
}

/// A machine that joins the cluster.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct NodeSpec {
    pub name: String,
    pub cpu_milli: u64,
    pub memory_bytes: u64,
    pub pods: u32,
    pub labels: Vec<(String, String)>,
    pub taints: Vec<Taint>,
    /// Has the control-plane role label and its `NoSchedule` taint.
    pub control_plane: bool,
    /// Images that lie in its cache from the start.
    pub images: Vec<String>,
}

impl NodeSpec {
    /// A worker of 4 CPUs and 8 GiB.
    pub fn worker(name: &str) -> NodeSpec {
        NodeSpec {
            name: name.to_owned(),
            cpu_milli: 4_000,
            memory_bytes: 8 << 30,
            pods: 110,
            labels: Vec::new(),
            taints: Vec::new(),
            control_plane: false,
            images: Vec::new(),
        }
    }

    pub fn control_plane(name: &str) -> NodeSpec {
        NodeSpec { control_plane: true, ..NodeSpec::worker(name) }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Settings {
    /// Everything random follows from it.
    pub seed: u64,
    pub nodes: Vec<NodeSpec>,
}

impl Default for Settings {
    /// The nodes of the articles.
    fn default() -> Self {
        let nodes = vec![
            NodeSpec::control_plane("k8s-master"),
            NodeSpec::worker("k8s-node-1"),
            NodeSpec::worker("k8s-node-2"),
        ];
        Settings { seed: 1, nodes }
    }
}
