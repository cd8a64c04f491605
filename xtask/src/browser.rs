//! The page in a real browser: whole-page tests and the pictures of the docs. Both are Node scripts in tests/e2e.

use crate::process::{command, run, watch};
use crate::tools;

/// Runs the whole-page tests against dist/ and counts them from the lines `ok …` and `not ok …`.
pub fn end_to_end(chromium: &std::path::Path) -> Result<(u32, u32), String> {
    let (mut passed, mut failed) = (0, 0);
    let fine = watch(command("node", &["tests/e2e/run.mjs"]).env("CHROMIUM", chromium), |line| {
        passed += u32::from(line.starts_with("ok "));
        failed += u32::from(line.starts_with("not ok "));
    })?;
    if !fine && failed == 0 { Err("tests/e2e/run.mjs failed".to_owned()) } else { Ok((passed, failed)) }
}

pub fn pictures() -> Result<(), String> {
    let tools = tools::for_tests()?;
    crate::site::build()?;
    run(command("node", &["tests/e2e/pictures.mjs"]).env("CHROMIUM", tools.chromium))
}
