//! Turns `lessons/NN-slug/` at the repository root into one table, so that nothing is parsed at run time.
//!
//! A mistake in a lesson stops the build with the file's name: steps that differ between the languages, a manifest
//! that is not there, a goal that cannot be read.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde::Deserialize;

#[path = "src/words.rs"]
mod words;

const LANGUAGES: [&str; 2] = ["en", "zh-CN"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Lesson {
    group: String,
    #[serde(default)]
    articles: Vec<String>,
    #[serde(default)]
    tags: Vec<String>,
    /// Absent: the article's three nodes.
    #[serde(default)]
    node: Vec<Node>,
    /// Images that every node holds already.
    #[serde(default)]
    images: Vec<String>,
    #[serde(default)]
    start: Vec<String>,
    #[serde(default)]
    document: Vec<Document>,
    step: Vec<Step>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Node {
    name: String,
    #[serde(default = "two_cpus")]
    cpu: String,
    #[serde(default = "four_gibibytes")]
    memory: String,
    #[serde(default)]
    labels: Vec<String>,
    #[serde(default)]
    taints: Vec<String>,
    #[serde(default)]
    control_plane: bool,
    #[serde(default)]
    images: Vec<String>,
}

fn two_cpus() -> String {
    "2".to_owned()
}

fn four_gibibytes() -> String {
    "4Gi".to_owned()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Document {
    file: String,
    /// As the article prints it, with a mistake that is part of the lesson.
    #[serde(default)]
    mistaken: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(default)]
    command: String,
    #[serde(default)]
    fault: String,
    #[serde(default)]
    goal: Vec<Goal>,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Goal {
    object: String,
    has: Vec<String>,
    at_least: Option<u32>,
    at_most: Option<u32>,
    event: String,
    reason: String,
    message: String,
    terminal: String,
    typed: String,
}

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../lessons");
    println!("cargo::rerun-if-changed={}", root.display());
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=src/words.rs");
    let mut folders: Vec<PathBuf> = fs::read_dir(&root)
        .expect("lessons/ is there")
        .filter_map(|it| Some(it.ok()?.path()))
        .filter(|it| it.join("lesson.toml").is_file())
        .collect();
    folders.sort();
    let mut out = String::from("pub static SCENARIOS: &[Scenario] = &[\n");
    for folder in &folders {
        println!("cargo::rerun-if-changed={}", folder.display());
        for file in fs::read_dir(folder).expect("readable") {
            println!("cargo::rerun-if-changed={}", file.expect("readable").path().display());
        }
        write_lesson(&mut out, folder);
    }
    out.push_str("];\n");
    let target = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("scenarios.rs");
    fs::write(target, out).expect("the build folder takes a file");
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn write_lesson(out: &mut String, folder: &Path) {
    let name = folder.file_name().and_then(|it| it.to_str()).expect("a plain folder name");
    let path = folder.join("lesson.toml");
    let lesson: Lesson =
        toml::from_str(&read(&path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let (order, id) = name.split_once('-').unwrap_or_else(|| panic!("{name}: NN-slug expected"));
    let order: u32 = order.parse().unwrap_or_else(|_| panic!("{name}: NN-slug expected"));
    let _ = writeln!(
        out,
        "Scenario {{ id: {id:?}, order: {order}, group: Group::{},",
        group(name, &lesson.group)
    );
    let _ = writeln!(out, "articles: &{:?}, tags: &{:?},", lesson.articles, lesson.tags);
    write_nodes(out, name, &lesson);
    let file = |file: &String| format!("({file:?}, {:?})", read(&folder.join(file)));
    let start: Vec<String> = lesson.start.iter().map(file).collect();
    let _ = writeln!(out, "start: &[{}],", start.join(", "));
    out.push_str("documents: &[");
    for it in &lesson.document {
        let text = read(&folder.join(&it.file));
        let _ =
            write!(out, "Document {{ name: {:?}, text: {text:?}, mistaken: {} }}, ", it.file, it.mistaken);
    }
    out.push_str("],\nsteps: &[\n");
    for step in &lesson.step {
        assert!(!step.goal.is_empty(), "{name}: a step without a goal");
        let _ = write!(out, "Step {{ command: {:?}, fault: {:?}, goals: &[", step.command, step.fault);
        for it in &step.goal {
            write_goal(out, name, it);
        }
        out.push_str("] },\n");
    }
    out.push_str("],\ntexts: [\n");
    for language in LANGUAGES {
        let path = folder.join(format!("{language}.md"));
        write_text(out, &path, lesson.step.len());
    }
    out.push_str("] },\n");
}

fn group(name: &str, group: &str) -> &'static str {
    match group {
        "start" => "Start",
        "articles" => "Articles",
        "scheduling" => "Scheduling",
        "lifecycle" => "Lifecycle",
        "network" => "Network",
        "failures" => "Failures",
        _ => panic!("{name}: no group {group}"),
    }
}

fn write_nodes(out: &mut String, name: &str, lesson: &Lesson) {
    let article = |name: &str, control_plane: bool| Node {
        name: name.to_owned(),
        cpu: two_cpus(),
        memory: four_gibibytes(),
        labels: Vec::new(),
        taints: Vec::new(),
        control_plane,
        images: Vec::new(),
    };
    let default = [article("k8s-master", true), article("k8s-node-1", false), article("k8s-node-2", false)];
    let nodes = if lesson.node.is_empty() { &default[..] } else { &lesson.node };
    out.push_str("nodes: &[");
    for it in nodes {
        let labels: Vec<_> = it
            .labels
            .iter()
            .map(|it| it.split_once('=').unwrap_or_else(|| panic!("{name}: label {it} has no =")))
            .collect();
        let images: Vec<_> = lesson.images.iter().chain(&it.images).collect();
        let _ = write!(
            out,
            "NodeSpec {{ name: {:?}, cpu: {:?}, memory: {:?}, labels: &{labels:?}, taints: &{:?}, control_plane: {}, images: &{images:?} }}, ",
            it.name, it.cpu, it.memory, it.taints, it.control_plane
        );
    }
    out.push_str("],\n");
}

fn write_goal(out: &mut String, name: &str, goal: &Goal) {
    let split = |text: &str| {
        let (kind, name) =
            text.split_once('/').unwrap_or_else(|| panic!("{name}: Kind/name expected: {text}"));
        (kind.to_owned(), name.to_owned())
    };
    if !goal.object.is_empty() {
        let (kind, object) = split(&goal.object);
        let _ = write!(out, "Goal::Object {{ kind: {kind:?}, name: {object:?}, has: &[");
        for it in &goal.has {
            write_test(out, name, it);
        }
        let at_least = goal.at_least.unwrap_or(u32::from(goal.at_most.is_none()));
        let at_most = goal.at_most.map_or("u32::MAX".to_owned(), |it| it.to_string());
        let _ = write!(out, "], at_least: {at_least}, at_most: {at_most} }}, ");
    } else if !goal.event.is_empty() {
        let (kind, object) = split(&goal.event);
        let _ = write!(
            out,
            "Goal::Event {{ kind: {kind:?}, name: {object:?}, reason: {:?}, message: {:?} }}, ",
            goal.reason, goal.message
        );
    } else if !goal.terminal.is_empty() {
        let _ = write!(out, "Goal::Terminal {{ text: {:?} }}, ", goal.terminal);
    } else if !goal.typed.is_empty() {
        let _ = write!(out, "Goal::Typed {{ text: {:?} }}, ", goal.typed);
    } else {
        panic!("{name}: an empty goal");
    }
}

/// `path = value`, `path != value`, `path >= 3`, `path ~ part of a text`, `path exists`, `path absent`
fn write_test(out: &mut String, name: &str, text: &str) {
    let operators = [(" >= ", "AtLeast"), (" != ", "IsNot"), (" = ", "Is"), (" ~ ", "Contains")];
    for (operator, test) in operators {
        if let Some((path, value)) = text.split_once(operator) {
            if test == "AtLeast" {
                let value: i64 = value.parse().unwrap_or_else(|_| panic!("{name}: no number in {text}"));
                let _ = write!(out, "({path:?}, Test::AtLeast({value})), ");
            } else {
                let _ = write!(out, "({path:?}, Test::{test}({value:?})), ");
            }
            return;
        }
    }
    match text.rsplit_once(' ') {
        Some((path, "exists")) => {
            let _ = write!(out, "({path:?}, Test::Exists), ");
        }
        Some((path, "absent")) => {
            let _ = write!(out, "({path:?}, Test::Absent), ");
        }
        _ => panic!("{name}: cannot read the test {text}"),
    }
}

fn write_text(out: &mut String, path: &Path, steps: usize) {
    let text = read(path);
    let found = words::read(&text);
    let parts = [
        ("title", found.title),
        ("summary", found.summary),
        ("question", found.question),
        ("reason", found.why),
    ];
    for (part, text) in parts {
        assert!(!text.is_empty(), "{}: no {part}", path.display());
    }
    assert!(found.steps.len() == steps, "{}: not the {steps} steps of lesson.toml", path.display());
    // The rest is given while the program runs.
    let built_in = env::var_os("CARGO_FEATURE_TEXTS").is_some();
    let body = if built_in { words::read(&text) } else { words::read("") };
    let _ = writeln!(out, "Text {{ title: {:?}, summary: {:?},", found.title, found.summary);
    let _ = writeln!(
        out,
        "question: {:?}, intro: {:?}, why: {:?}, steps: &[",
        body.question, body.intro, body.why
    );
    for it in &body.steps {
        let _ =
            writeln!(out, "StepText {{ title: {:?}, body: {:?}, hint: {:?} }},", it.title, it.body, it.hint);
    }
    out.push_str("] },\n");
}
