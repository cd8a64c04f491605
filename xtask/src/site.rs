//! Building, serving and weighing the site.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::process::{command, output, root, run};
use crate::tools;

/// What may be fetched, in bytes after brotli. `cargo xtask test` fails above `accepted`, which may only shrink until it
/// is the goal.
struct Budget {
    what: &'static str,
    goal: u64,
    accepted: u64,
}

const WASM: Budget = Budget { what: "wasm", goal: 750 << 10, accepted: 750 << 10 };
const PAGE: Budget = Budget { what: "whole page", goal: 1 << 20, accepted: 1 << 20 };
const FIRST_PAINT: Budget = Budget { what: "first paint", goal: 30 << 10, accepted: 30 << 10 };

/// What LLVM does otherwise than it would, so that the code compresses better.
const PASSES: [&str; 6] = [
    // Loops stay without strength reduction, which makes an addition of what an access has as its offset, and with their
    // constants where they are used.
    "disable-lsr",
    "disable-machine-licm",
    // What has a frame of its own is not put into its caller, which then has a larger one.
    "inline-max-stacksize=16",
    // What is computed twice needs no local to be kept in; what is computed stands where it is used, in the order of the source.
    "disable-machine-cse",
    "disable-cgp-branch-opts",
    "pre-RA-sched=source",
];

/// The site as it is published, into dist/.
pub fn build() -> Result<(), String> {
    tools::for_site()?;
    let mut trunk = command("trunk", &["build", "--cargo-profile", "web"]);
    run(small(&mut trunk, "")?)
}

/// With a standard library of its own: made for size, and a panic is a trap without words, for which the page has the same
/// box. The compiler is a pinned one; it takes these switches only with its word of unlocking.
pub fn small<'a>(build: &'a mut Command, more_flags: &str) -> Result<&'a mut Command, String> {
    tools::rust_source()?;
    let xtask = std::env::current_exe().map_err(|it| it.to_string())?;
    let passes = PASSES.iter().map(|it| format!("-Cllvm-args=-{it} ")).collect::<String>();
    let flags =
        format!("-Zunstable-options -Cpanic=immediate-abort {passes}-Cpasses=function(sink) {more_flags}");
    Ok(build
        // For the site's post_build hook, which puts the file into order.
        .env("XTASK", xtask)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_UNSTABLE_BUILD_STD", "std,panic_abort")
        .env("CARGO_UNSTABLE_BUILD_STD_FEATURES", "optimize_for_size")
        .env("CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS", flags.trim_end()))
}

pub fn serve(args: &[String]) -> Result<bool, String> {
    let mut port = "8080".to_owned();
    let mut profile = "serve";
    let mut rest = args.iter();
    while let Some(arg) = rest.next() {
        match arg.as_str() {
            "--port" => port.clone_from(rest.next().ok_or("--port needs a number")?),
            "--release" => profile = "web",
            other => return Err(format!("unknown option {other:?}")),
        }
    }
    tools::for_site()?;
    println!("building; the page will be at http://127.0.0.1:{port}/");
    let mut trunk = command("trunk", &["serve", "--cargo-profile", profile, "--port", &port]);
    if profile == "web" {
        small(&mut trunk, "")?;
    }
    run(&mut trunk).map(|()| true)
}

/// One file of the site and its weight as a browser fetches it.
pub struct Weight {
    pub name: String,
    pub raw: u64,
    pub brotli: u64,
}

pub fn weights() -> Result<Vec<Weight>, String> {
    let mut files = Vec::new();
    collect(&root().join("dist"), &mut files)?;
    files.sort();
    // Node has brotli built in, so that no further tool is needed.
    let script = "const z=require('zlib'),f=require('fs');for(const n of process.argv.slice(1)){const b=f.readFileSync(n);\
                  console.log(b.length+' '+z.brotliCompressSync(b,{params:{[z.constants.BROTLI_PARAM_QUALITY]:11}}).length)}";
    let printed = output(command("node", &["-e", script]).args(&files))?;
    let sizes = printed
        .lines()
        .filter_map(|it| it.split_once(' '))
        .filter_map(|(a, b)| Some((a.parse().ok()?, b.parse().ok()?)));
    let dist = root().join("dist");
    let name = |it: &Path| it.strip_prefix(&dist).unwrap_or(it).display().to_string();
    Ok(files
        .iter()
        .zip(sizes)
        .map(|(file, (raw, brotli))| Weight { name: name(file), raw, brotli })
        .collect())
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), String> {
    let entries =
        std::fs::read_dir(folder).map_err(|it| format!("{}: {it}; build first", folder.display()))?;
    for entry in entries.flatten() {
        let path = entry.path();
        // Trunk's workshop is no part of the site.
        let hidden = path.file_name().is_some_and(|it| it.to_string_lossy().starts_with('.'));
        if path.is_dir() && !hidden {
            collect(&path, files)?;
        } else if path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

/// Prints the table and says whether every budget holds.
pub fn print_weights() -> Result<bool, String> {
    let weights = weights()?;
    println!("\n{:<44} {:>10} {:>10}", "file", "bytes", "brotli");
    for it in &weights {
        println!("{:<44} {:>10} {:>10}", it.name, it.raw, it.brotli);
    }
    let sum = |fits: &dyn Fn(&str) -> bool| {
        weights.iter().filter(|it| fits(&it.name)).map(|it| it.brotli).sum::<u64>()
    };
    // A visitor reads one language: of the two files of words the heavier one counts. (The worker that keeps the page for
    // later fetches the other too, when everything else is there.)
    let words = weights.iter().filter(|it| it.name.starts_with("words")).map(|it| it.brotli);
    let unread = words.min().unwrap_or_default();
    // What is on the first screen before any script runs: the page itself and its style.
    let first = sum(&|name| {
        has_extension(name, "html") || (has_extension(name, "css") && !name.starts_with("xterm"))
    });
    let budgets = [
        (WASM, sum(&|name| has_extension(name, "wasm"))),
        (PAGE, sum(&|_| true) - unread),
        (FIRST_PAINT, first),
    ];
    let mut fits = true;
    for (budget, size) in budgets {
        let verdict = match size {
            0 => "MISSING",
            _ if size <= budget.goal => "fits",
            _ if size <= budget.accepted => "OVER ITS GOAL, not larger than accepted",
            _ => "TOO LARGE",
        };
        let kib = |bytes: u64| bytes as f64 / 1024.0;
        println!(
            "{:<12} {:>8.1} KiB brotli, goal {:>7.1} KiB  {verdict}",
            budget.what,
            kib(size),
            kib(budget.goal)
        );
        fits &= 0 < size && size <= budget.accepted;
    }
    Ok(fits)
}

fn has_extension(name: &str, extension: &str) -> bool {
    Path::new(name).extension().is_some_and(|it| it.eq_ignore_ascii_case(extension))
}
