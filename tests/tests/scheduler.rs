//! The scheduler against the recordings of kube-scheduler.

#![allow(clippy::unwrap_used, clippy::needless_pass_by_value, reason = "a test fails by panicking")]

use std::io::Read;

use suite::conformance_scheduler::{differences, run};
use suite::conformance_scheduler_tables::left_out;

fn golden(name: &str) -> Vec<String> {
    let path = format!("{}/golden/scheduler/{name}.jsonl.gz", env!("CARGO_MANIFEST_DIR"));
    let bytes = std::fs::read(&path).unwrap();
    let mut text = String::new();
    flate2::read::GzDecoder::new(&bytes[..]).read_to_string(&mut text).unwrap();
    text.lines().map(str::to_owned).collect()
}

#[test]
fn every_feature_agrees() {
    let cases = run(golden("features").into_iter());
    assert_eq!(cases.len(), 380);
    for case in cases {
        assert!(case.agrees, "{} ({})\n{}", case.id, case.part, case.diff);
    }
}

#[test]
fn a_planted_difference_is_seen() {
    let lines =
        golden("features").into_iter().map(|it| it.replacen("Insufficient cpu", "Insufficient gpu", 1));
    assert!(run(lines).iter().any(|it| it.diff.contains("Insufficient gpu")));
    let mut diff = String::new();
    differences("x", &serde_json::json!({ "a": 1 }), &serde_json::json!({ "b": 1 }), &mut diff);
    assert_eq!(diff, "x.a\n- 1\n+ null\nx.b\n- null\n+ 1\n");
}

#[test]
fn upstream_tables_agree() {
    let cases = run(golden("upstream-tables").into_iter());
    for case in &cases {
        assert!(case.agrees, "{}\n{}", case.id, case.diff);
    }
    let left_out = left_out(golden("upstream-tables").into_iter());
    assert_eq!(cases.len() + left_out.values().sum::<usize>(), 758);
    assert_eq!(cases.len(), 335, "{left_out:?}");
}

#[test]
fn random_scenarios_agree() {
    let cases = run(golden("dev").into_iter().step_by(10));
    assert_eq!(cases.len(), 150);
    for case in cases {
        assert!(case.agrees, "{}\n{}", case.id, case.diff);
    }
}
