//! `test`: every check, counted; `conformance`, `simulate` and `bench` hand over to the programs of the package `suite`.

use std::time::Instant;

use crate::process::{command, output, run, watch};
use crate::tools::{self, TestTools};
use crate::{browser, code, site, tidy};

/// Tests that passed and failed.
type Counts = (u32, u32);
type Step = (&'static str, fn(&TestTools) -> Result<Counts, String>);

const STEPS: &[Step] = &[
    ("format", |_| one(&mut command("cargo", &["fmt", "--all", "--check"]))),
    ("tidy", |_| tidy::run().map(|fine| (u32::from(fine), u32::from(!fine)))),
    ("clippy", |_| {
        one(&mut command(
            "cargo",
            &["clippy", "--quiet", "--workspace", "--all-targets", "--", "-D", "warnings"],
        ))
    }),
    ("clippy-wasm", |_| {
        let args = [
            "clippy",
            "--quiet",
            "--package",
            "pod-playground",
            "--all-targets",
            "--target",
            "wasm32-unknown-unknown",
        ];
        one(command("cargo", &args).args(["--", "-D", "warnings"]))
    }),
    ("native", |_| cargo_test(&mut command("cargo", &["test", "--workspace", "--no-fail-fast"]))),
    ("conformance", |_| {
        one(&mut command(
            "cargo",
            &["run", "--quiet", "--package", "suite", "--bin", "conformance", "--", "ratchet"],
        ))
    }),
    ("headless", headless),
    ("site", |_| site::build().map(|()| (1, 0))),
    ("weight", |_| site::print_weights().map(|fine| (u32::from(fine), u32::from(!fine)))),
    ("browser", |tools| browser::end_to_end(&tools.chromium)),
];

pub fn test(chosen: &[String]) -> Result<bool, String> {
    if let Some(unknown) = chosen.iter().find(|it| !STEPS.iter().any(|(name, _)| name == it)) {
        let names: Vec<_> = STEPS.iter().map(|(name, _)| *name).collect();
        return Err(format!("unknown step {unknown:?}; there are: {}", names.join(" ")));
    }
    let tools = tools::for_tests()?;
    let (mut passed, mut failed) = (0, 0);
    let mut summary = Vec::new();
    for (name, step) in
        STEPS.iter().filter(|(name, _)| chosen.is_empty() || chosen.iter().any(|it| it == name))
    {
        println!("\n── {name}");
        let start = Instant::now();
        let (good, bad) = step(&tools).unwrap_or_else(|message| {
            println!("{name}: {message}");
            (0, 1)
        });
        passed += good;
        failed += bad;
        summary
            .push(format!("{name:<12} {good:>6} passed {bad:>6} failed {:>6} s", start.elapsed().as_secs()));
    }
    println!("\n{}\n\n{passed} passed, {failed} failed", summary.join("\n"));
    Ok(failed == 0)
}

fn one(command: &mut std::process::Command) -> Result<Counts, String> {
    run(command).map(|()| (1, 0))
}

/// Adds up the `test result:` lines.
fn cargo_test(command: &mut std::process::Command) -> Result<Counts, String> {
    let (mut passed, mut failed) = (0, 0);
    let fine = watch(command, |line| {
        let Some(result) = line.trim().strip_prefix("test result:") else { return };
        let number = |word: &str| {
            let before = result.split(word).next().unwrap_or("").trim_end();
            before.rsplit([' ', '.']).next().and_then(|it| it.parse::<u32>().ok()).unwrap_or(0)
        };
        passed += number("passed");
        failed += number("failed");
    })?;
    if !fine && failed == 0 {
        Err("the tests did not build or did not end".to_owned())
    } else {
        Ok((passed, failed))
    }
}

/// The same session API in a real browser's WebAssembly.
fn headless(tools: &TestTools) -> Result<Counts, String> {
    let mut command = command("wasm-pack", &["test", "--headless", "--chrome", "--mode", "no-install"]);
    cargo_test(command.env("CHROMEDRIVER", &tools.chromedriver))
}

pub fn conformance(args: &[String]) -> Result<bool, String> {
    watch(
        command(
            "cargo",
            &["run", "--quiet", "--release", "--package", "suite", "--bin", "conformance", "--"],
        )
        .args(args),
        |_| (),
    )
}

pub fn simulate(args: &[String]) -> Result<bool, String> {
    watch(
        command("cargo", &["run", "--quiet", "--release", "--package", "suite", "--bin", "simulate", "--"])
            .args(args),
        |_| (),
    )
}

const BENCHMARKS: &[&str] = &["engine", "kubelet", "scheduler", "frame"];

/// `bench [NAME…] [--wasm]`: natively, and on demand in a browser as well, side by side; `--code` only says what the
/// WebAssembly's code consists of.
pub fn bench(args: &[String]) -> Result<bool, String> {
    let (flags, names): (Vec<&String>, Vec<&String>) = args.iter().partition(|it| it.starts_with("--"));
    if let Some(unknown) = flags.iter().find(|it| !matches!(it.as_str(), "--wasm" | "--code")) {
        return Err(format!("unknown option {unknown:?}; there are: --wasm --code"));
    }
    if flags.iter().any(|it| *it == "--code") {
        tools::for_site()?;
        return code::print();
    }
    let all = names.is_empty();
    let speed: Vec<&str> =
        BENCHMARKS.iter().copied().filter(|it| all || names.iter().any(|name| name == it)).collect();
    if let Some(unknown) = names.iter().find(|it| **it != "weight" && !BENCHMARKS.contains(&it.as_str())) {
        return Err(format!("unknown benchmark {unknown:?}; there are: {} weight", BENCHMARKS.join(" ")));
    }
    let mut fine = true;
    if !speed.is_empty() {
        let mut native =
            command("cargo", &["run", "--quiet", "--release", "--package", "suite", "--bin", "bench", "--"]);
        native.args(&speed);
        if flags.iter().any(|it| *it == "--wasm") {
            native.arg("--beside").arg(bench_in_browser(&speed)?);
        }
        fine = watch(&mut native, |_| ())?;
    }
    if all || names.iter().any(|it| *it == "weight") {
        site::build()?;
        site::print_weights()?;
    }
    Ok(fine)
}

/// The benchmarks as the site is built, but a program of their own; answers with the file of their figures.
fn bench_in_browser(names: &[&str]) -> Result<std::path::PathBuf, String> {
    let tools = tools::for_tests()?;
    let target = crate::process::root().join("target");
    let build = ["build", "--quiet", "--package", "suite", "--bin", "bench", "--profile", "web"];
    let mut cargo = command("cargo", &build);
    run(site::small(cargo.args(["--target", "wasm32-unknown-unknown"]), "")?)?;
    let folder = target.join("bench");
    let bind = ["--target", "web", "--no-typescript", "--out-name", "bench", "--out-dir"];
    run(command("wasm-bindgen", &bind)
        .arg(&folder)
        .arg(target.join("wasm32-unknown-unknown/web/bench.wasm")))?;
    let mut node = command("node", &["tests/e2e/bench.mjs"]);
    let printed = output(node.arg(&folder).args(names).env("CHROMIUM", tools.chromium))?;
    let file = folder.join("figures.txt");
    std::fs::write(&file, printed).map_err(|it| format!("{}: {it}", file.display()))?;
    Ok(file)
}
