//! `cargo xtask …`: the project's own commands.
//!
//! `serve` and `test` set up everything they need, once, outside `target/`, so that a second run starts in seconds.

mod browser;
mod code;
mod locals;
mod offsets;
mod order;
mod process;
mod site;
mod suites;
mod tidy;
mod tools;
mod values;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask <command>

  serve [--port N] [--release]   build the site and serve it on localhost
  test [STEP…]                   every check; ends with a line `N passed, N failed`
  build                          the site as it is published, into dist/
  conformance scheduler|api|kubectl|lifecycle [PATH…] [--all]
                                 compare with recordings of real Kubernetes
  simulate [--seed N] [--count K] [--plan FILE] [--jobs N]
                                 random Pods, faults and commands; every promise checked after every event
  bench [engine|kubelet|scheduler|frame|weight…] [--wasm|--code]
                                 speed and weight, as printed figures; with --wasm also in a browser
  pictures                       take the pictures of docs/pictures again
  order FILE…                    put WebAssembly into the order that compresses best; `build` does
  tidy                           the rules of the house
  tools                          only set up what the other commands need
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let (command, rest) = match args.split_first() {
        Some((command, rest)) => (command.as_str(), rest),
        None => ("help", &[][..]),
    };
    let outcome = match command {
        "serve" => site::serve(rest),
        "build" => site::build().map(|()| true),
        "test" => suites::test(rest),
        "conformance" => suites::conformance(rest),
        "bench" => suites::bench(rest),
        "simulate" => suites::simulate(rest),
        "pictures" => browser::pictures().map(|()| true),
        "order" => rest.iter().try_for_each(|it| order::file(it.as_ref())).map(|()| true),
        "tidy" => tidy::run(),
        "tools" => tools::for_tests().map(|_| true),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(true)
        }
        unknown => Err(format!("unknown command {unknown:?}\n\n{HELP}")),
    };
    match outcome {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(message) => {
            eprintln!("error: {message}");
            ExitCode::FAILURE
        }
    }
}
