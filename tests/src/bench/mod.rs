//! Speed, as figures with their goals; the same programs natively and in a browser's WebAssembly.
//!
//! Nothing fails on a time: machines differ. What counts are goals on a quiet machine, and ratios within one run.

mod clusters;
mod engine;
mod frames;
mod kubelet;
mod scheduling;

use std::fmt::Write as _;
use std::time::Duration;

/// Milliseconds of CPU that a thread has used, or of any clock where that is not known.
pub type Clock = fn() -> f64;

/// One line of the table.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub what: String,
    pub value: f64,
    pub unit: &'static str,
    /// At most so much: natively, and in WebAssembly.
    pub goals: (Option<f64>, Option<f64>),
    /// What the real component takes, in the same unit, and how many times less it has to be here.
    pub real: Option<(f64, f64, f64)>,
}

impl Figure {
    fn new(what: impl Into<String>, value: f64, unit: &'static str) -> Figure {
        Figure { what: what.into(), value, unit, goals: (None, None), real: None }
    }

    fn goal(mut self, native: f64) -> Figure {
        self.goals.0 = Some(native);
        self
    }

    fn goals(mut self, native: f64, wasm: f64) -> Figure {
        self.goals = (Some(native), Some(wasm));
        self
    }
}

pub type Benchmark = (&'static str, fn(Clock) -> Vec<Figure>);

/// The benchmarks by name.
pub const ALL: &[Benchmark] = &[
    ("engine", engine::run),
    ("kubelet", kubelet::run),
    ("scheduler", scheduling::run),
    ("frame", frames::run),
];

/// Runs those that are named, or all, handing each figure on as soon as it is there.
pub fn run(names: &[String], clock: Clock, mut tell: impl FnMut(&Figure)) {
    let chosen = ALL.iter().filter(|it| names.is_empty() || names.iter().any(|name| name == it.0));
    chosen.flat_map(|it| it.1(clock)).for_each(|it| tell(&it));
}

fn measure<T>(clock: Clock, act: impl FnOnce() -> T) -> (T, f64) {
    let start = clock();
    let value = act();
    (value, clock() - start)
}

/// How often what is measured is measured.
const ROUNDS: usize = 3;

/// The least of some rounds: whatever else the machine does only ever adds to a measure.
fn best(round: impl FnMut() -> f64) -> f64 {
    std::iter::repeat_with(round).take(ROUNDS).fold(f64::INFINITY, f64::min)
}

/// As a program reads it: name and value.
pub fn line(figure: &Figure) -> String {
    format!("{}\t{}", figure.what, figure.value)
}

/// As a person reads it; `wasm` are the lines of the same benchmark in a browser.
pub fn row(figure: &Figure, wasm: &str) -> String {
    let Figure { what, value, unit, goals, real } = figure;
    let mut text = format!("{what:<64} {value:>9.3} {unit:<6}");
    let _ = write!(text, " {:<16}", goal(*value, goals.0));
    let name = format!("{what}\t");
    let wasm = wasm.lines().find_map(|it| it.strip_prefix(&name)?.parse::<f64>().ok());
    if let Some(wasm) = wasm {
        let _ = write!(text, " wasm {wasm:>9.3} {:<16}", goal(wasm, goals.1));
    }
    if let Some((real, native_times, wasm_times)) = real {
        let ratio = |value: f64, wanted: f64| {
            format!("{:>5.1}x less than the real one (goal {wanted:.0}x)", real / value)
        };
        text.push_str(&ratio(*value, *native_times));
        if let Some(wasm) = wasm {
            let _ = write!(text, ", wasm {}", ratio(wasm, *wasm_times));
        }
    }
    text.trim_end().to_owned()
}

fn goal(value: f64, goal: Option<f64>) -> String {
    match goal {
        Some(goal) if value <= goal => format!("(goal {goal})"),
        Some(goal) => format!("(OVER {goal})"),
        None => String::new(),
    }
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}
