//! What the page may ask, and what it is answered.

use serde::{Deserialize, Serialize};

use super::{Micros, ObjectRef};

/// One gesture. Each that changes the cluster has a command line that does the same; `Outcome::printed` says which.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum Command {
    /// Applies the editor's text (`kubectl apply -f FILE`).
    ApplyManifest {
        text: String,
    },
    /// Keeps the editor's text with the session without applying it.
    KeepManifest {
        text: String,
    },
    /// What was typed at the terminal, as UTF-8.
    TerminalInput {
        bytes: String,
    },
    TerminalResize {
        columns: u16,
        rows: u16,
    },
    /// Runs a command line at the workstation, as if typed.
    RunLine {
        line: String,
    },
    /// To any instant; beyond the end the cluster runs there.
    SeekTo {
        at: Micros,
    },
    /// To the next event of the cluster.
    Step,
    StepBack,
    /// To the next moment worth a stop.
    NextInteresting,
    ToStart,
    ToEnd,
    /// Leaves the future here: what comes after `now` becomes a branch.
    Fork,
    SwitchBranch {
        index: u32,
    },
    Fault {
        target: FaultTarget,
    },
    /// Takes a fault back.
    Heal {
        target: FaultTarget,
    },
    /// `value` none removes the label.
    EditLabel {
        object: ObjectRef,
        key: String,
        value: Option<String>,
    },
    AddTaint {
        node: String,
        taint: String,
    },
    RemoveTaint {
        node: String,
        taint: String,
    },
    SetCordoned {
        node: String,
        cordoned: bool,
    },
    Drain {
        node: String,
    },
    DeletePod {
        namespace: String,
        name: String,
    },
    Scale {
        object: ObjectRef,
        replicas: i32,
    },
    KillContainer {
        namespace: String,
        pod: String,
        container: String,
    },
    KillProcess {
        node: String,
        pid: u32,
    },
    /// Makes a container misbehave from within.
    Trouble {
        namespace: String,
        pod: String,
        container: String,
        trouble: Trouble,
    },
    OpenScenario {
        id: String,
    },
    /// A session that was saved or shared: what stands after `#`.
    OpenLink {
        link: String,
    },
    /// The scenario from its beginning.
    Restart,
}

impl Command {
    /// What is typed on a node's card: `key=value` is a label, `key=value:Effect` or `key:Effect` a taint, `key=` a label
    /// without a value.
    pub fn of_chip(node: &str, text: &str) -> Option<Command> {
        let text = text.trim();
        if let Some((key, effect)) = text.rsplit_once(':') {
            let known = matches!(effect, "NoSchedule" | "PreferNoSchedule" | "NoExecute");
            return (known && !key.is_empty())
                .then(|| Command::AddTaint { node: node.to_owned(), taint: text.to_owned() });
        }
        let (key, value) = text.split_once('=')?;
        let object = ObjectRef::new("Node", "", node);
        let (key, value) = (key.trim().to_owned(), Some(value.trim().to_owned()));
        (!key.is_empty()).then_some(Command::EditLabel { object, key, value })
    }
}

/// What can go wrong inside a container.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Trouble {
    /// A process takes memory without end.
    LeakMemory,
    /// A file grows until nothing more fits.
    FillDisk,
    /// From its next start on, which is now, its ports open late.
    SlowStart,
}

/// What can be broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum FaultTarget {
    /// The machine is gone at once.
    Node {
        node: String,
    },
    /// The kubelet stops; its containers go on.
    Kubelet {
        node: String,
    },
    Runtime {
        node: String,
    },
    Network {
        node: String,
    },
    Registry,
    /// The registry has no such image.
    Image {
        image: String,
    },
    /// The pause container dies.
    Sandbox {
        namespace: String,
        pod: String,
    },
}

/// What came of a command.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The command line that does the same.
    pub printed: Option<String>,
    /// What it printed, such as `pod/web created`.
    pub output: String,
    /// Errors in Kubernetes' own words.
    pub errors: Vec<String>,
    /// Those that have a place in the manifest.
    pub diagnostics: Vec<Diagnostic>,
    /// The editor shall show this text from now on (a scenario was opened, time has travelled).
    pub manifest: Option<String>,
    /// Worth showing from now on: what the command made.
    pub select: Option<ObjectRef>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Severity {
    #[default]
    Error,
    Warning,
    /// Has no effect in this simulation, or a default worth knowing.
    Info,
}

/// A remark on a place in the manifest. Lines and columns count from 1, columns in UTF-16 units.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diagnostic {
    pub severity: Severity,
    pub line: u32,
    pub column: u32,
    pub end_line: u32,
    pub end_column: u32,
    /// Kubernetes' own words.
    pub server: String,
    /// The name of our sentence about it in the locale files (`hint.…`), with its values in order; may be empty.
    pub hint: String,
    pub hint_values: Vec<String>,
    pub fix: Option<Fix>,
}

/// A whole text that would be right at that place.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fix {
    /// What is put in, short enough for a button: `livenessProbe`.
    pub label: String,
    /// The manifest after the change.
    pub text: String,
}

/// How far the cluster came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Advanced {
    pub events: u32,
    /// The budget was used up before the asked time was reached: virtual time runs slower than asked.
    pub behind: bool,
}

/// What the page looks at: decides what is worth computing.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ViewState {
    pub selected: Option<ObjectRef>,
    pub tab: Tab,
    pub log_container: Option<String>,
    pub log_previous: bool,
    /// `en` or `zh-CN`.
    pub language: String,
    /// The Pod whose last decision is shown, before any other.
    pub decision: Option<ObjectRef>,
    /// The Pod for which the smallest changes are searched. That takes time: only while somebody looks.
    pub fixes: Option<ObjectRef>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Tab {
    #[default]
    Now,
    Why,
    Inside,
    Yaml,
    Events,
    Logs,
}

/// A line of the scenario menu.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ScenarioCard {
    pub id: String,
    pub group: ScenarioGroup,
    pub title_en: String,
    pub title_zh: String,
    pub summary_en: String,
    pub summary_zh: String,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum ScenarioGroup {
    #[default]
    Start,
    Articles,
    Scheduling,
    Lifecycle,
    Network,
    Failures,
}
