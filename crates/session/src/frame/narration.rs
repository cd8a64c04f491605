//! What we say ourselves, as data. The locale files hold one sentence for each variant, named as the variant is.
//!
//! A sentence names the fields in braces: `{container}`; `{at|time}` is a clock time, `{until|left}` the time that is
//! left, `{since|ago}` the time gone by, `{wait|span}` a duration, `{times|nth}` an ordinal. A new variant needs a line
//! in both files and nothing else.
//!
//! A frame holds the sentence that a variant becomes at once: as one shape, because enums of so many are copied,
//! compared, dropped and written by code for each variant.

use serde::{Serialize, Serializer};

use super::Micros;

/// Which sentence, and what stands in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// Its key in the locale files and its fields' names: `now.PodBound pod node`.
    form: &'static str,
    fields: Vec<Field>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Field {
    Text(String),
    Number(i64),
}

impl Sentence {
    /// Of its words in the locale files: `now.PodBound`.
    pub fn key(&self) -> &'static str {
        self.form.split(' ').next().unwrap_or_default()
    }

    pub fn field(&self, name: &str) -> Option<&Field> {
        self.fields().find(|it| it.0 == name).map(|it| it.1)
    }

    fn fields(&self) -> impl Iterator<Item = (&'static str, &Field)> {
        self.form.split(' ').skip(1).zip(&self.fields)
    }
}

/// As serde writes an enum: `{"PodGone":{"pod":"web"}}`, `"EndpointTerminating"`.
impl Serialize for Sentence {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        struct Fields<'a>(&'a Sentence);

        impl Serialize for Fields<'_> {
            fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_map(self.0.fields())
            }
        }

        let name = self.key().split_once('.').map_or("", |it| it.1);
        if self.fields.is_empty() { to.serialize_str(name) } else { to.collect_map([(name, Fields(self))]) }
    }
}

impl From<String> for Field {
    fn from(it: String) -> Field {
        Field::Text(it)
    }
}

macro_rules! numbers {
    ($($type:ty)*) => { $(
        impl From<$type> for Field {
            fn from(it: $type) -> Field {
                Field::Number(it.into())
            }
        }
    )* };
}
numbers!(i32 u32 i64);

impl From<Micros> for Field {
    fn from(it: Micros) -> Field {
        Field::Number(it as i64)
    }
}

macro_rules! form {
    ($section:literal $name:ident $($field:ident)*) => {
        concat!($section, ".", stringify!($name) $(, " ", stringify!($field))*)
    };
}

/// An enum of which each variant is a sentence of one section of the locale files.
macro_rules! sentences {
    ($(#[$doc:meta])* $enum:ident $section:literal {
        $($(#[$about:meta])* $name:ident $({ $($field:ident: $type:ty),* })?,)*
    }) => {
        $(#[$doc])*
        #[derive(Debug)]
        pub enum $enum {
            $($(#[$about])* $name $({ $($field: $type),* })?),*
        }

        impl From<$enum> for Sentence {
            fn from(it: $enum) -> Sentence {
                let (form, fields) = match it {
                    $($enum::$name $({ $($field),* })? => {
                        (form!($section $name $($($field)*)?), vec![$($($field.into()),*)?])
                    })*
                };
                Sentence { form, fields }
            }
        }

        #[cfg(test)]
        impl $enum {
            const FORMS: &[&str] = &[$(form!($section $name $($($field)*)?)),*];
        }
    };
}

sentences! {
    /// What an object is doing or waiting for now; also what the live region reads out.
    Narration "now" {
        // Pods without a node.
        PodWaitsForScheduler { pod: String },
        PodFitsNowhere { pod: String, message: String },
        PodIsGated { pod: String, gates: String },
        PodInSchedulerBackoff { pod: String, until: Micros },
        PodMakesRoom { pod: String, node: String },
        // On its way.
        PodBound { pod: String, node: String },
        PodSandboxStarts { pod: String, node: String },
        SandboxFails { pod: String, message: String },
        ImagePulling { container: String, image: String },
        ImagePullFails { container: String, image: String, message: String },
        ImagePullWaits { container: String, image: String, until: Micros },
        ContainerCreating { container: String },
        ConfigMissing { container: String, message: String },
        VolumeMissing { pod: String, message: String },
        InitRuns { container: String, step: u32, of: u32 },
        InitFails { container: String, step: u32, of: u32, exit_code: i32 },
        // Running.
        PodRunsReady { pod: String, since: Micros },
        PodRunsNotReady { pod: String, container: String },
        /// `next`: when it looks again.
        StartupProbeWaits { container: String, failed: u32, threshold: u32, next: Micros },
        ReadinessFails { container: String, failed: u32, threshold: u32, output: String, next: Micros },
        LivenessFails { container: String, failed: u32, threshold: u32, output: String, next: Micros },
        // Ended.
        ContainerExitedWaits { container: String, exit_code: i32, times: u32, wait: Micros, until: Micros },
        ContainerOomKilled { container: String, limit: String, times: u32, until: Micros },
        ContainerRestarts { container: String, times: u32 },
        PodSucceeded { pod: String },
        PodFailed { pod: String, reason: String, message: String },
        PodEvicted { pod: String, message: String },
        // Leaving.
        PodTerminating { pod: String, deadline: Micros },
        ContainerStopping { container: String, kill: Micros },
        ContainerPreStop { container: String },
        ContainerPostStart { container: String },
        PodPreStop { pod: String, container: String, deadline: Micros },
        PodOnSilentNode { pod: String, node: String },
        PodGone { pod: String },
        // Nodes.
        NodeReady { node: String, pods: u32 },
        NodeCordoned { node: String },
        NodeNotReady { node: String, since: Micros },
        NodeSilent { node: String, since: Micros },
        NodeUnderPressure { node: String, pressure: String },
        // Others.
        ServiceSends { service: String, ready: u32, of: u32 },
        ServiceSendsNowhere { service: String },
        DeploymentSteady { name: String, ready: i32 },
        DeploymentRolls { name: String, updated: i32, wanted: i32, ready: i32 },
        DeploymentWaits { name: String, ready: i32, wanted: i32 },
        ObjectExists { kind: String, name: String },
        // Why an endpoint gets nothing.
        EndpointNotReady { container: String },
        EndpointTerminating,
        EndpointNoAddress,
    }
}

sentences! {
    /// Why something was written; one step of the chain that ends at the person.
    Why "why" {
        /// By this command line.
        Asked { command: String },
        Bootstrap,
        Bound { node: String, feasible: u32, score: i64 },
        NoNodeFits { message: String },
        StatusSync,
        Recorded { reason: String, message: String },
        Replicas { wanted: i32, found: i32 },
        NewTemplate,
        Rollout,
        OwnerGone,
        Endpoints,
        NodeSilent { seconds: u32 },
        NodeBack,
        TaintEviction { taint: String },
        PodGarbage,
        Preempted { by: String },
        Terminated,
        Refused { reason: String },
        Housekeeping,
        ProbeFailed { container: String, output: String },
        ContainerExited { container: String, exit_code: i32 },
    }
}

/// Who did something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Actor {
    You,
    ApiServer,
    Scheduler,
    /// `replicaset-controller`
    Controller(String),
    /// Of this node.
    Kubelet(String),
    Cluster,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::*;

    /// What a text has in braces, without the forms.
    fn slots(text: &str) -> BTreeSet<&str> {
        let inside = text.split('{').skip(1).filter_map(|it| it.split_once('}'));
        inside.map(|(slot, _)| slot.split_once('|').map_or(slot, |it| it.0)).collect()
    }

    #[test]
    fn both_languages_have_each_sentence_with_its_fields() {
        for file in
            [include_str!("../../../../locales/en.json"), include_str!("../../../../locales/zh-CN.json")]
        {
            let words: Value = serde_json::from_str(file).expect("a locale file is JSON");
            for (section, forms) in [("now", Narration::FORMS), ("why", Why::FORMS)] {
                for form in forms {
                    let mut names = form.split(' ');
                    let key = names.next().expect("a form begins with its key");
                    let name = key.split_once('.').expect("a section and a name").1;
                    let text = words[section][name].as_str().unwrap_or_else(|| panic!("no words for {key}"));
                    assert_eq!(slots(text), names.collect(), "{key}: {text}");
                }
                let keys = words[section].as_object().expect("a section").keys();
                let sentences = keys.filter(|it| it.starts_with(|it: char| it.is_ascii_uppercase()));
                assert_eq!(sentences.count(), forms.len(), "words of {section} without a sentence");
            }
        }
    }

    #[test]
    fn is_written_as_an_enum() {
        let write = |it: Sentence| serde_json::to_value(it).expect("plain data");
        let bound = Narration::InitRuns { container: "app".to_owned(), step: 1, of: 2 };
        assert_eq!(write(bound.into()), json!({"InitRuns": {"container": "app", "step": 1, "of": 2}}));
        assert_eq!(write(Why::Bootstrap.into()), json!("Bootstrap"));
    }
}
