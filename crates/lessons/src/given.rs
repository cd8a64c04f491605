//! Words that come while the program runs, for a program that was built without them (feature `texts`).

use std::sync::OnceLock;

use serde_json::Value;

use crate::words;
use crate::{Language, SCENARIOS, Scenario, StepText, Text};

/// By language, in the order of `SCENARIOS`. No state of the simulation: nothing but what is shown depends on it.
static GIVEN: [OnceLock<Vec<Text>>; 2] = [const { OnceLock::new() }; 2];

/// Takes in each lesson's Markdown by its id, for as long as the program runs; a title and a summary are built in and may
/// be missing there. False when a lesson has no words, and then nothing is taken.
pub fn give(language: Language, markdown: &Value) -> bool {
    let one = |it: &Scenario| Some(text(it.built_in(language), markdown[it.id].as_str()?));
    let Some(texts) = SCENARIOS.iter().map(one).collect() else { return false };
    GIVEN[language as usize].get_or_init(|| texts);
    true
}

pub(crate) fn find(scenario: &Scenario, language: Language) -> Option<&'static Text> {
    let at = SCENARIOS.iter().position(|it| it.id == scenario.id)?;
    GIVEN[language as usize].get()?.get(at)
}

pub(crate) fn text(built_in: &Text, markdown: &str) -> Text {
    let read = words::read(markdown);
    let kept = |it: &str| -> &'static str { it.to_owned().leak() };
    let steps: Vec<StepText> = read
        .steps
        .iter()
        .map(|it| StepText { title: kept(it.title), body: kept(&it.body), hint: kept(it.hint) })
        .collect();
    Text {
        title: built_in.title,
        summary: built_in.summary,
        intro: kept(&read.intro),
        question: kept(read.question),
        steps: steps.leak(),
        why: kept(read.why),
    }
}
