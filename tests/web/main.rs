//! The session API in a real browser's WebAssembly: the example that users copy, and the digests that native runs have.

#![cfg(target_arch = "wasm32")]

use wasm_bindgen_test::{wasm_bindgen_test, wasm_bindgen_test_configure};

#[path = "../../crates/session/tests/whole/digests.rs"]
mod digests;
#[path = "../../crates/session/examples/test_a_manifest.rs"]
mod test_a_manifest;

wasm_bindgen_test_configure!(run_in_browser);

#[wasm_bindgen_test]
fn a_pod_becomes_ready() {
    test_a_manifest::a_pod_becomes_ready().expect("every command works");
}

#[wasm_bindgen_test]
fn a_crashing_pod_backs_off() {
    test_a_manifest::a_crashing_pod_backs_off().expect("every command works");
}

#[wasm_bindgen_test]
fn a_node_fails() {
    test_a_manifest::a_node_fails().expect("every command works");
}

#[wasm_bindgen_test]
fn a_mistake_is_told() {
    test_a_manifest::a_mistake_is_told();
}

#[wasm_bindgen_test]
fn digests_are_those_of_native_runs() {
    assert_eq!(digests::table(), digests::RECORDED);
}
