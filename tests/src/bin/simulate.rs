//! `cargo xtask simulate [--seed N] [--count K] [--plan FILE] [--jobs N]`: seeds from N on, each run twice.
//!
//! A failure prints its seed, what was broken, and where its plan was saved, whole and shortened.

use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use suite::simulate::{Plan, plan_of, run_twice, shrink};

const USAGE: &str = "usage: simulate [--seed N] [--count K] [--plan FILE] [--jobs N]";
/// After so many failures nobody reads on.
const FAILURES_MAX: u64 = 10;

struct Options {
    seed: u64,
    count: u64,
    jobs: u64,
    plan: Option<String>,
}

fn options() -> Result<Options, String> {
    let mut options = Options { seed: 1, count: 100, jobs: 1, plan: None };
    let (mut seed, mut count) = (None, None);
    let mut args = std::env::args().skip(1);
    while let Some(flag) = args.next() {
        let value = args.next().ok_or(USAGE)?;
        let number = || value.parse::<u64>().map_err(|_| format!("{flag} takes a number\n{USAGE}"));
        match flag.as_str() {
            "--seed" => seed = Some(number()?),
            "--count" => count = Some(number()?),
            "--jobs" => options.jobs = number()?.max(1),
            "--plan" => options.plan = Some(value),
            _ => return Err(USAGE.to_owned()),
        }
    }
    // One seed is meant alone.
    options.count = count.unwrap_or(if seed.is_some() { 1 } else { options.count });
    options.seed = seed.unwrap_or(options.seed);
    Ok(options)
}

fn main() -> ExitCode {
    let outcome = options().and_then(|options| match &options.plan {
        Some(file) => replay(file),
        None => Ok(seeds(&options)),
    });
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}

fn replay(file: &str) -> Result<bool, String> {
    let text = std::fs::read_to_string(file).map_err(|error| format!("{file}: {error}"))?;
    let plan = Plan::read(&text).map_err(|error| format!("{file}: {error}"))?;
    match run_twice(&plan) {
        Ok(it) => {
            println!(
                "{} events until {:.1} s, digest {:016x}",
                it.events(),
                it.at().0 as f64 / 1e6,
                it.digest()
            );
            Ok(true)
        }
        Err(failure) => {
            println!("{}\nat {:.3} s:\n{}", failure.told.join("\n"), failure.at.0 as f64 / 1e6, failure.what);
            Ok(false)
        }
    }
}

fn save(name: &str, plan: &Plan) -> String {
    let file = std::env::temp_dir().join(format!("simulate-{}{name}.yaml", plan.seed));
    match std::fs::write(&file, plan.write()) {
        Ok(()) => file.display().to_string(),
        Err(error) => format!("(not saved: {error})"),
    }
}

fn seeds(options: &Options) -> bool {
    static RUNNING: Mutex<Vec<u64>> = Mutex::new(Vec::new());
    let default = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        default(info);
        let running = RUNNING.lock().map(|it| it.clone()).unwrap_or_default();
        for seed in running {
            eprintln!("a run panicked, perhaps seed {seed}; plan: {}", save("", &plan_of(seed)));
        }
    }));
    let (next, failed, events) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
    let start = Instant::now();
    std::thread::scope(|scope| {
        for _ in 0..options.jobs {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if options.count <= number || FAILURES_MAX <= failed.load(Ordering::Relaxed) {
                        return;
                    }
                    let seed = options.seed + number;
                    if let Ok(mut it) = RUNNING.lock() {
                        it.push(seed);
                    }
                    match one(seed) {
                        Some(count) => drop(events.fetch_add(count, Ordering::Relaxed)),
                        None => drop(failed.fetch_add(1, Ordering::Relaxed)),
                    }
                    if let Ok(mut it) = RUNNING.lock() {
                        it.retain(|it| *it != seed);
                    }
                }
            });
        }
    });
    let (failed, ran) = (failed.into_inner(), next.into_inner().min(options.count));
    let seconds = start.elapsed().as_secs_f64();
    let events = events.into_inner();
    println!(
        "simulate: {ran} seeds from {}, each twice: {failed} failed; {seconds:.1} s, {:.1} ms a seed, {events} events",
        options.seed,
        seconds * 1e3 / ran.max(1) as f64
    );
    failed == 0
}

/// How many events it had; None: it failed.
fn one(seed: u64) -> Option<u64> {
    let plan = plan_of(seed);
    let failure = match run_twice(&plan) {
        Ok(ended) => return Some(ended.events()),
        Err(failure) => failure,
    };
    let whole = save("", &plan);
    let (short, failure) = shrink(&plan, &failure);
    let shortened = save("-short", &short);
    println!(
        "seed {seed} fails at {:.3} s:\n{}\nplan: {whole}\nshortened to {} of {} steps: {shortened}\n",
        failure.at.0 as f64 / 1e6,
        failure.what,
        short.steps.len(),
        plan.steps.len()
    );
    None
}
