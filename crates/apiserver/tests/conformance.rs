//! What the real API server answered to a manifest, compared with what ours answers.
//!
//! Takes each recorded `kubectl apply/create -f` of the parts wrong, valid, order and seed whose file has one document
//! and whose kind is served here. `VERBOSE=1` prints every difference; `ONLY=wrong-0123` one case.

use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

use api::{Actor, Because, Cause, Kind, Object, yaml};
use apiserver::{Answer, ApiServer, Request, Verb};
use serde_json::Value;
use sim::{Rng, SimTime};

const NOW: SimTime = SimTime::from_secs(100);

fn cases(part: &str) -> Vec<Value> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../../tests/golden/api/{part}.jsonl.gz"));
    let mut text = String::new();
    let file = std::fs::File::open(path).expect("the recordings");
    flate2::read::GzDecoder::new(file).read_to_string(&mut text).expect("gzip");
    text.lines().map(|it| serde_json::from_str(it).expect("JSON")).collect()
}

/// The one file of a step that only applies or creates it.
fn manifest(step: &Value) -> Option<String> {
    let command = step["cmd"].as_str()?;
    let plain = ["kubectl apply -f ", "kubectl create -f "].iter().find_map(|it| command.strip_prefix(it))?;
    let file = plain.split_whitespace().next()?;
    if plain.split_whitespace().count() != 1 {
        return None;
    }
    step["input"].get(file)?.as_str().map(expand)
}

/// `§x*262200§` stands for a long run of one letter.
fn expand(text: &str) -> String {
    let mut out = String::new();
    let mut parts = text.split('§');
    out.push_str(parts.next().unwrap_or(""));
    while let (Some(run), after) = (parts.next(), parts.next()) {
        if let Some((text, count)) = run.rsplit_once('*')
            && let Ok(count) = count.parse()
        {
            out.push_str(&text.repeat(count));
        }
        out.push_str(after.unwrap_or(""));
    }
    out
}

fn server() -> ApiServer {
    let mut server = ApiServer::new(Rng::from_seed(1));
    server.bootstrap(SimTime::ZERO);
    server
}

/// None where the case is not ours to answer (kubectl refuses it, another kind, several documents).
fn compare(step: &Value) -> Option<Result<(), String>> {
    let text = manifest(step)?;
    let stderr = step["stderr"].as_str().unwrap_or("");
    let documents = yaml::read(&text);
    if let Some(Err(error)) = documents.iter().find(|it| it.is_err()) {
        let ours = error.for_kubectl();
        let same = stderr.contains(&ours);
        return Some(if same { Ok(()) } else { Err(format!("yaml\n  ours   {ours}\n  theirs {stderr}")) });
    }
    if stderr.contains("error converting YAML") {
        return Some(Err(format!("yaml\n  ours   accepted\n  theirs {stderr}")));
    }
    let [Ok(document)] = &documents[..] else { return None };
    if step["status"].is_null() && step["object"].is_null() {
        return None;
    }
    if step["status"].is_array() || step["object"].is_array() {
        return None;
    }
    let mut value = document.value.clone();
    if let Some(meta) = value["metadata"].as_object_mut() {
        // kubectl takes it away before it creates.
        meta.remove("resourceVersion");
    }
    let kind = Kind::find(value["apiVersion"].as_str()?, value["kind"].as_str()?)?;
    let namespace = value["metadata"]["namespace"].as_str().filter(|it| !it.is_empty()).unwrap_or("default");
    let cause = Cause::new(Actor::User { input: 1 }, Because::Asked);
    let request = Request::new(Verb::Create, kind, namespace, "", cause).body(value);
    let response = server().request(request, NOW);
    let told: Vec<String> = response.warnings.iter().map(|it| format!("Warning: {it}")).collect();
    let theirs: Vec<&str> = stderr.lines().filter(|it| it.starts_with("Warning: ")).collect();
    if told != theirs {
        return Some(Err(format!("warnings\n  ours   {told:?}\n  theirs {theirs:?}")));
    }
    Some(match (&response.answer, step["status"].is_null()) {
        (Answer::Failure(ours), false) => {
            compare_status(&serde_json::to_value(&**ours).expect("JSON"), &step["status"])
        }
        (Answer::Object(ours), true) => compare_object(ours, &step["object"]),
        (Answer::Failure(ours), true) => Err(format!("refused: {}", ours.message.as_deref().unwrap_or(""))),
        _ => Err(format!("accepted, theirs {}", step["status"]["message"])),
    })
}

fn compare_status(ours: &Value, theirs: &Value) -> Result<(), String> {
    let mut ours = ours.clone();
    let mut theirs: Value = serde_json::from_str(&expand(&theirs.to_string())).expect("JSON");
    for value in [&mut ours, &mut theirs] {
        if let Some(map) = value.as_object_mut() {
            for name in ["kind", "apiVersion", "metadata"] {
                map.remove(name);
            }
            if map.get("details").is_some_and(|it| it == &serde_json::json!({})) {
                map.remove("details");
            }
        }
    }
    if ours == theirs {
        return Ok(());
    }
    Err(format!("status\n  ours   {ours}\n  theirs {theirs}"))
}

fn compare_object(ours: &Object, theirs: &Value) -> Result<(), String> {
    let mut ours = ours.to_value();
    let mut theirs: Value = serde_json::from_str(&expand(&theirs.to_string())).expect("JSON");
    for value in [&mut ours, &mut theirs] {
        if let Some(meta) = value["metadata"].as_object_mut() {
            for name in ["uid", "resourceVersion", "creationTimestamp", "managedFields"] {
                meta.remove(name);
            }
            if let Some(annotations) = meta.get_mut("annotations").and_then(Value::as_object_mut) {
                annotations.remove("kubectl.kubernetes.io/last-applied-configuration");
                if annotations.is_empty() {
                    meta.remove("annotations");
                }
            }
        }
        normalise(value);
    }
    let mut differences = Vec::new();
    difference("", &ours, &theirs, &mut differences);
    if differences.is_empty() { Ok(()) } else { Err(format!("object\n  {}", differences.join("\n  "))) }
}

/// Random and empty things look alike.
fn normalise(value: &mut Value) {
    match value {
        Value::Object(map) => {
            map.retain(|name, it| !(it.is_null() || (name == "status" && it == &serde_json::json!({}))));
            map.values_mut().for_each(normalise);
        }
        Value::Array(items) => items.iter_mut().for_each(normalise),
        Value::String(text) if text.starts_with("kube-api-access-") => {
            *text = "kube-api-access-xxxxx".to_owned();
        }
        _ => {}
    }
}

fn difference(path: &str, ours: &Value, theirs: &Value, out: &mut Vec<String>) {
    match (ours, theirs) {
        (_, Value::String(it)) if it == "<allocated>" || it == "<time>" => {}
        (Value::Object(a), Value::Object(b)) => {
            let keys: std::collections::BTreeSet<_> = a.keys().chain(b.keys()).collect();
            for key in keys {
                difference(
                    &format!("{path}.{key}"),
                    a.get(key).unwrap_or(&Value::Null),
                    b.get(key).unwrap_or(&Value::Null),
                    out,
                );
            }
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (index, (a, b)) in a.iter().zip(b).enumerate() {
                difference(&format!("{path}[{index}]"), a, b, out);
            }
        }
        _ if ours == theirs => {}
        _ => out.push(format!("{path}: ours {ours} theirs {theirs}")),
    }
}

#[test]
fn answers_are_the_real_servers() {
    let verbose = std::env::var("VERBOSE").is_ok();
    let only = std::env::var("ONLY").ok();
    let mut totals: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for part in ["wrong", "valid", "order", "seed"] {
        for case in cases(part) {
            let id = case["id"].as_str().unwrap_or("");
            if only.as_deref().is_some_and(|it| it != id) {
                continue;
            }
            let steps = case["steps"].as_array().expect("steps");
            let [step] = &steps[..] else { continue };
            let Some(result) = compare(step) else { continue };
            let total = totals.entry(part).or_default();
            total.1 += 1;
            match result {
                Ok(()) => total.0 += 1,
                Err(why) if verbose => println!("{id} {} {why}", case["title"]),
                Err(_) => {}
            }
        }
    }
    println!("{totals:?}");
    if only.is_none() {
        let (agree, all) = totals.values().fold((0, 0), |(a, b), (c, d)| (a + c, b + d));
        assert!(AGREEMENT_PER_MILLE_MIN * all <= agree * 1000, "{agree} of {all} agree: {totals:?}");
    }
}

/// What was reached; it may only grow.
const AGREEMENT_PER_MILLE_MIN: usize = 975;
