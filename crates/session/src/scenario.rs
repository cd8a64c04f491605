//! Scenarios as sessions begin with them.

use std::sync::Arc;

use api::{Kind, quantity};
use cluster::{NodeSpec, Settings, Taint};
use lessons::{Evidence, Group, Language, Visit};

use crate::frame::{DocumentCard, GoalCard, LessonCard, ScenarioCard, ScenarioGroup};
use crate::input::{Input, Logged};
use crate::playground::Playground;
use sim::{Gather as _, SimTime};

/// A scenario that is played: the table's entry with what follows from it.
#[derive(Debug, Clone)]
pub struct Scenario {
    pub id: String,
    pub seed: u64,
    lesson: &'static lessons::Scenario,
}

/// The scenario of that id, or the first one.
pub fn find(id: &str) -> Arc<Scenario> {
    let lesson = lessons::find(id).unwrap_or_else(|| &lessons::all()[0]);
    Arc::new(Scenario { id: lesson.id.to_owned(), seed: 1, lesson })
}

pub fn cards() -> Vec<ScenarioCard> {
    let card = |it: &lessons::Scenario| {
        let (en, zh) = (it.text(Language::En), it.text(Language::ZhCn));
        ScenarioCard {
            id: it.id.to_owned(),
            group: match it.group {
                Group::Start => ScenarioGroup::Start,
                Group::Articles => ScenarioGroup::Articles,
                Group::Scheduling => ScenarioGroup::Scheduling,
                Group::Lifecycle => ScenarioGroup::Lifecycle,
                Group::Network => ScenarioGroup::Network,
                Group::Failures => ScenarioGroup::Failures,
            },
            title_en: en.title.to_owned(),
            title_zh: zh.title.to_owned(),
            summary_en: en.summary.to_owned(),
            summary_zh: zh.summary.to_owned(),
        }
    };
    lessons::all().iter().map(card).gather()
}

/// Time for nodes to become ready and for what is there at the start to be in its place.
const WARM_UP: SimTime = SimTime::from_secs(10);

impl Scenario {
    /// The manifest that the editor shows first.
    pub fn manifest(&self) -> &str {
        self.lesson.documents.first().map_or("", |it| it.text)
    }

    pub fn file_name(&self) -> &str {
        self.lesson.documents.first().map_or("manifest.yaml", |it| it.name)
    }

    /// A cluster that has been up for some seconds, with the scenario's files on the workstation.
    pub fn playground(&self, seed: u64) -> Playground {
        let settings = Settings { seed, nodes: self.lesson.nodes.iter().map(node).gather() };
        let mut playground = Playground::new(&settings);
        playground.prepare(self.lesson.documents.iter().map(|it| (it.name, it.text)), self.lesson.start);
        while !playground.run_until(WARM_UP, 10_000) {}
        playground
    }

    pub fn advance(&self, done: u64, playground: &Playground, inputs: &[Logged]) -> u64 {
        self.lesson.advance(done, &Seen { playground, inputs })
    }
}

fn node(it: &lessons::NodeSpec) -> NodeSpec {
    let amount = |text: &str| quantity::parse(text).unwrap_or_default();
    let pair = |it: &(&str, &str)| (it.0.to_owned(), it.1.to_owned());
    NodeSpec {
        cpu_milli: amount(it.cpu).milli_value().max(0) as u64,
        memory_bytes: amount(it.memory).value().max(0) as u64,
        labels: it.labels.iter().map(pair).gather(),
        taints: it.taints.iter().filter_map(|it| Taint::parse(it)).gather(),
        control_plane: it.control_plane,
        images: it.images.iter().map(|it| (*it).to_owned()).gather(),
        ..NodeSpec::worker(it.name)
    }
}

/// What a scenario's goals look at.
struct Seen<'a> {
    playground: &'a Playground,
    inputs: &'a [Logged],
}

impl Evidence for Seen<'_> {
    fn each(&self, kind: Kind, visit: &mut Visit<'_>) {
        for stored in self.playground.cluster().api().store().list(kind) {
            let object = &stored.object;
            visit(object.namespace(), object.name(), &|| object.to_value());
        }
    }

    fn printed(&self, text: &str) -> bool {
        self.playground.terminal_text().contains(text)
    }

    fn typed(&self, text: &str) -> bool {
        let now = self.playground.now();
        let mut keys = String::new();
        for logged in self.inputs.iter().filter(|it| it.at() <= now) {
            match &logged.input {
                Input::Run(line) if line.contains(text) => return true,
                Input::Apply { file, .. } if format!("kubectl apply -f {file}").contains(text) => {
                    return true;
                }
                Input::Keys(more) => keys.push_str(more),
                Input::Run(_) | Input::Apply { .. } | Input::File { .. } | Input::Fault(_) => {}
            }
        }
        keys.contains(text)
    }
}

/// Takes in the lessons' words of a language, Markdown by id, where they are not built in (feature `texts`). False when
/// words are missing.
pub fn give_words(language: &str, markdown: &serde_json::Value) -> bool {
    lessons::give(Language::from_code(language), markdown)
}

/// The page beside the manifest, in the language asked for.
pub fn lesson(scenario: &Scenario, done: u64, language: &str) -> LessonCard {
    let found = scenario.lesson;
    let text = found.text(Language::from_code(language));
    let mut body = text.intro.to_owned();
    if !text.question.is_empty() {
        body.push_str("\n\n**");
        body.push_str(text.question);
        body.push_str("**");
    }
    let all_done = !found.steps.is_empty() && done.count_ones() as usize == found.steps.len();
    if all_done && !text.why.is_empty() {
        body.push_str("\n\n");
        body.push_str(text.why);
    }
    let goals = found.steps.iter().zip(text.steps).enumerate().map(|(index, (step, words))| GoalCard {
        text: if words.body.is_empty() {
            words.title.to_owned()
        } else {
            format!("**{}** {}", words.title, words.body)
        },
        done: done & (1 << index) != 0,
        hint: words.hint.to_owned(),
        command: if step.command.is_empty() { fault_command(step.fault) } else { step.command.to_owned() },
    });
    LessonCard {
        id: found.id.to_owned(),
        title: text.title.to_owned(),
        text: body,
        goals: goals.gather(),
        documents: found
            .documents
            .iter()
            .map(|it| DocumentCard { name: it.name.to_owned(), text: it.text.to_owned() })
            .gather(),
    }
}

/// A scenario's fault as a command line of the workstation.
fn fault_command(fault: &str) -> String {
    if fault.is_empty() { String::new() } else { format!("fault {fault}") }
}
