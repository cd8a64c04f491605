//! The scenarios: a cluster to begin with, manifests for the editor, steps with goals, words in two languages.
//!
//! The table is made from `lessons/` while building. To add a scenario add a folder there; how its files look is
//! told in `lessons/README.md`. Without the feature `texts` only titles and summaries are built in; the other words are
//! given while the program runs.

mod check;
mod given;
#[cfg(test)]
mod tests;
mod words;

pub use check::{Evidence, Visit};
pub use given::give;

include!(concat!(env!("OUT_DIR"), "/scenarios.rs"));

/// Where a scenario stands in the menu.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Group {
    Start,
    Articles,
    Scheduling,
    Lifecycle,
    Network,
    Failures,
}

/// A language that the scenarios are written in; the number is the place in `Scenario::texts`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Language {
    En = 0,
    ZhCn = 1,
}

impl Language {
    /// As in `lang` attributes; anything else is English.
    pub fn from_code(code: &str) -> Language {
        if code.starts_with("zh") { Language::ZhCn } else { Language::En }
    }
}

#[derive(Debug, PartialEq, Eq)]
pub struct Scenario {
    /// Stands in links; never changes.
    pub id: &'static str,
    pub order: u32,
    pub group: Group,
    /// Which examples of the articles it covers (`A1` …).
    pub articles: &'static [&'static str],
    pub tags: &'static [&'static str],
    pub nodes: &'static [NodeSpec],
    /// Manifests that are applied before it begins: name and text.
    pub start: &'static [(&'static str, &'static str)],
    /// What the editor offers; the first is shown. All of them lie on the workstation as files.
    pub documents: &'static [Document],
    pub steps: &'static [Step],
    texts: [Text; 2],
}

#[derive(Debug, PartialEq, Eq)]
pub struct NodeSpec {
    pub name: &'static str,
    /// Of the machine, as quantities; the kubelet keeps 100 MiB back for itself.
    pub cpu: &'static str,
    pub memory: &'static str,
    pub labels: &'static [(&'static str, &'static str)],
    /// As `kubectl taint` takes them: `key=value:Effect`.
    pub taints: &'static [&'static str],
    pub control_plane: bool,
    /// Images that the node holds already.
    pub images: &'static [&'static str],
}

#[derive(Debug, PartialEq, Eq)]
pub struct Document {
    pub name: &'static str,
    pub text: &'static str,
    /// As the article prints it, mistake included: that it fails is part of the lesson.
    pub mistaken: bool,
}

#[derive(Debug, PartialEq, Eq)]
pub struct Step {
    /// A command line that reaches the goals; may be empty.
    pub command: &'static str,
    /// Something to break, in the words of the workstation's command `fault`; may be empty.
    pub fault: &'static str,
    /// All must be met.
    pub goals: &'static [Goal],
}

/// Something that can be seen in the cluster or in the terminal.
#[derive(Debug, PartialEq, Eq)]
pub enum Goal {
    /// So many objects pass all tests. `name` may contain `*`; namespaced objects are looked for in `default`.
    Object {
        kind: &'static str,
        name: &'static str,
        has: &'static [(&'static str, Test)],
        at_least: u32,
        at_most: u32,
    },
    /// An Event about an object; empty texts fit anything.
    Event { kind: &'static str, name: &'static str, reason: &'static str, message: &'static str },
    /// The terminal has printed this.
    Terminal { text: &'static str },
    /// A command line that contains this was entered.
    Typed { text: &'static str },
}

/// A test of what a path like `status.conditions[type=Ready].status` leads to; `[*]` is any element, `[a.b/c]` a key
/// with dots in it.
#[derive(Debug, PartialEq, Eq)]
pub enum Test {
    Is(&'static str),
    /// Passes also when there is nothing.
    IsNot(&'static str),
    AtLeast(i64),
    Contains(&'static str),
    Exists,
    Absent,
}

/// The words of one language, in Markdown of a small kind: paragraphs, lists, `code`, **strong**.
#[derive(Debug, PartialEq, Eq)]
pub struct Text {
    pub title: &'static str,
    pub summary: &'static str,
    pub intro: &'static str,
    /// What to predict before looking.
    pub question: &'static str,
    pub steps: &'static [StepText],
    /// What it was all about, for the end.
    pub why: &'static str,
}

#[derive(Debug, PartialEq, Eq)]
pub struct StepText {
    pub title: &'static str,
    pub body: &'static str,
    /// May be empty.
    pub hint: &'static str,
}

impl Scenario {
    pub fn text(&self, language: Language) -> &Text {
        given::find(self, language).unwrap_or_else(|| self.built_in(language))
    }

    fn built_in(&self, language: Language) -> &Text {
        &self.texts[language as usize]
    }

    /// Marks the steps whose goals are met now; a step that was reached once stays so. One bit a step.
    pub fn advance(&self, done: u64, evidence: &dyn Evidence) -> u64 {
        self.steps.iter().enumerate().fold(done, |done, (at, step)| {
            let bit = 1 << at;
            let met = done & bit != 0 || step.goals.iter().all(|it| it.is_met(evidence));
            if met { done | bit } else { done }
        })
    }
}

/// All scenarios in the order of the menu.
pub fn all() -> &'static [Scenario] {
    SCENARIOS
}

pub fn find(id: &str) -> Option<&'static Scenario> {
    SCENARIOS.iter().find(|it| it.id == id)
}
