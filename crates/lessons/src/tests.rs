//! Every scenario is whole. (That the steps are the same in both languages and that manifests exist, the build checks.)

use std::collections::BTreeSet;

use api::{Actor, Because, Cause, Kind};
use apiserver::{ApiServer, Request, Verb};
use sim::{Rng, SimTime};

use crate::check::kind_named;
use crate::{Evidence, Goal, Language, SCENARIOS, Text, Visit};

struct Nothing;

impl Evidence for Nothing {
    fn each(&self, _: Kind, _: &mut Visit<'_>) {}
    fn printed(&self, _: &str) -> bool {
        false
    }
    fn typed(&self, _: &str) -> bool {
        false
    }
}

#[test]
fn all_twenty_examples_are_there() {
    let covered: BTreeSet<&str> = SCENARIOS.iter().flat_map(|it| it.articles).copied().collect();
    for number in 1..=20 {
        assert!(covered.contains(format!("A{number}").as_str()), "A{number} has no scenario");
    }
}

#[test]
fn ids_are_unique_and_plain() {
    let ids: BTreeSet<&str> = SCENARIOS.iter().map(|it| it.id).collect();
    assert_eq!(ids.len(), SCENARIOS.len());
    assert!(
        ids.iter()
            .all(|it| it.bytes().all(|it| it.is_ascii_lowercase() || it.is_ascii_digit() || it == b'-'))
    );
    assert!(SCENARIOS.is_sorted_by_key(|it| it.order));
}

#[test]
fn nothing_is_solved_at_the_start() {
    for scenario in SCENARIOS {
        assert_eq!(scenario.advance(0, &Nothing), 0, "{}", scenario.id);
        assert!(!scenario.documents.is_empty() || scenario.steps.iter().any(|it| !it.command.is_empty()));
        assert!(scenario.nodes.iter().any(|it| !it.control_plane), "{}: nowhere to run", scenario.id);
        for goal in scenario.steps.iter().flat_map(|it| it.goals) {
            if let Goal::Object { kind, .. } | Goal::Event { kind, .. } = goal {
                assert!(kind_named(kind).is_some(), "{}: no kind {kind}", scenario.id);
            }
        }
    }
}

/// What the page fetches says the same as what is built in.
#[test]
fn given_words_are_those_built_in() {
    for (language, file) in [(Language::En, "en.md"), (Language::ZhCn, "zh-CN.md")] {
        for scenario in SCENARIOS {
            let folder =
                format!("{}/../../lessons/{:02}-{}", env!("CARGO_MANIFEST_DIR"), scenario.order, scenario.id);
            let markdown = std::fs::read_to_string(format!("{folder}/{file}")).unwrap();
            let built_in = scenario.text(language);
            assert_eq!(&crate::given::text(built_in, &markdown), built_in, "{} {file}", scenario.id);
        }
        assert!(!crate::give(language, &serde_json::json!({"why-pods": "# Of one only"})));
    }
}

fn length(text: &Text, measure: impl Fn(&str) -> usize) -> usize {
    let steps = text.steps.iter().map(|it| measure(it.title) + measure(it.body) + measure(it.hint));
    measure(text.intro) + measure(text.question) + measure(text.why) + steps.sum::<usize>()
}

#[test]
fn texts_are_of_readable_length() {
    for scenario in SCENARIOS {
        let english = length(scenario.text(Language::En), |it| it.split_whitespace().count());
        assert!((110..=270).contains(&english), "{}: {english} words", scenario.id);
        let chinese =
            length(scenario.text(Language::ZhCn), |it| it.chars().filter(|it| '\u{4e00}' <= *it).count());
        assert!((150..=520).contains(&chinese), "{}: {chinese} characters", scenario.id);
    }
}

/// Chinese and Latin text are kept apart by a space, except at punctuation.
#[test]
fn chinese_is_set_well() {
    let is_han = |it: char| ('\u{4e00}'..='\u{9fff}').contains(&it);
    for scenario in SCENARIOS {
        let text = scenario.text(Language::ZhCn);
        let steps = text.steps.iter().flat_map(|it| [it.title, it.body, it.hint]);
        for part in [text.title, text.summary, text.intro, text.question, text.why].into_iter().chain(steps) {
            let signs: Vec<char> = part.chars().collect();
            for pair in signs.windows(2) {
                let latin = |it: char| it.is_ascii_alphanumeric() || it == '`';
                let touches = (is_han(pair[0]) && latin(pair[1])) || (latin(pair[0]) && is_han(pair[1]));
                assert!(!touches, "{}: {}{} in: {part}", scenario.id, pair[0], pair[1]);
            }
        }
    }
}

fn server() -> ApiServer {
    let mut server = ApiServer::new(Rng::from_seed(1));
    server.bootstrap(SimTime::ZERO);
    server
}

/// Creates what a text describes; the first complaint.
fn create_all(server: &mut ApiServer, text: &str) -> Result<(), String> {
    for document in api::yaml::read(text) {
        let value = document.map_err(|error| error.for_kubectl())?.value;
        let field = |name: &str| value[name].as_str().unwrap_or("").to_owned();
        let Some(kind) = Kind::find(&field("apiVersion"), &field("kind")) else {
            return Err("no such kind".to_owned());
        };
        let cause = Cause::new(Actor::User { input: 1 }, Because::Asked);
        let request = Request::new(Verb::Create, kind, "default", "", cause).body(value);
        if let Some(failure) = server.request(request, SimTime::ZERO).failure() {
            return Err(failure.message.clone().unwrap_or_default());
        }
    }
    Ok(())
}

#[test]
fn the_api_server_takes_every_good_manifest() {
    for scenario in SCENARIOS {
        let documents = scenario.documents.iter().filter(|it| !it.mistaken).map(|it| (it.name, it.text));
        for (name, text) in documents.chain(scenario.start.iter().copied()) {
            assert_eq!(create_all(&mut server(), text), Ok(()), "{} {name}", scenario.id);
        }
    }
}

#[test]
fn every_mistake_is_noticed() {
    for scenario in SCENARIOS {
        for mistaken in scenario.documents.iter().filter(|it| it.mistaken) {
            let mut server = server();
            for good in scenario.documents.iter().filter(|it| !it.mistaken) {
                let _ = create_all(&mut server, good.text);
            }
            let complaint = create_all(&mut server, mistaken.text);
            assert!(complaint.is_err(), "{} {}", scenario.id, mistaken.name);
            let complaint = complaint.unwrap_err();
            // kubectl words some of them; what the reader and the server say must be what the goal waits for.
            let words = ["did not find", "mapping values", "unknown field"];
            let step = scenario.steps.iter().find(|it| it.command.contains(mistaken.name));
            if let Some(step) = step.filter(|_| words.iter().any(|it| complaint.contains(it))) {
                let expected =
                    |goal: &Goal| matches!(goal, Goal::Terminal { text } if complaint.contains(text));
                assert!(step.goals.iter().any(expected), "{}: {complaint}", scenario.id);
            }
        }
    }
}
