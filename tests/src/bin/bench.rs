//! `cargo xtask bench [NAME…] [--wasm]`: speed, as printed figures. Built twice: as a program, and for a browser.

#[cfg(not(target_arch = "wasm32"))]
fn main() {
    native::main();
}

#[cfg(target_arch = "wasm32")]
fn main() {}

#[cfg(not(target_arch = "wasm32"))]
mod native {
    use std::sync::OnceLock;
    use std::time::Instant;

    use suite::bench;

    /// `--beside FILE`: what the same benchmarks printed in a browser.
    pub fn main() {
        let mut names: Vec<String> = std::env::args().skip(1).collect();
        let wasm = names.iter().position(|it| it == "--beside").map(|at| names.drain(at..).nth(1));
        let wasm = wasm.flatten().and_then(|it| std::fs::read_to_string(it).ok()).unwrap_or_default();
        if let Some(unknown) = names.iter().find(|it| !bench::ALL.iter().any(|known| known.0 == **it)) {
            let known: Vec<&str> = bench::ALL.iter().map(|it| it.0).collect();
            eprintln!("unknown benchmark {unknown:?}; there are: {}", known.join(" "));
            std::process::exit(1);
        }
        println!("CPU time of one thread, the best of several rounds");
        bench::run(&names, cpu, |figure| println!("{}", bench::row(figure, &wasm)));
    }

    /// CPU time of this thread where the system tells it, else wall-clock time.
    fn cpu() -> f64 {
        static START: OnceLock<Instant> = OnceLock::new();
        let nanos = std::fs::read_to_string("/proc/thread-self/schedstat").ok();
        let nanos = nanos.and_then(|it| it.split(' ').next()?.parse::<f64>().ok());
        nanos.map_or_else(|| START.get_or_init(Instant::now).elapsed().as_secs_f64() * 1e3, |it| it / 1e6)
    }
}

#[cfg(target_arch = "wasm32")]
mod browser {
    use suite::bench;
    use wasm_bindgen::prelude::wasm_bindgen;

    #[wasm_bindgen]
    extern "C" {
        #[wasm_bindgen(js_namespace = performance)]
        fn now() -> f64;
    }

    /// The figures of one benchmark, a line each.
    #[wasm_bindgen]
    pub fn bench(name: &str) -> String {
        let mut lines = String::new();
        bench::run(
            &[name.to_owned()],
            || now(),
            |figure| {
                lines.push_str(&bench::line(figure));
                lines.push('\n');
            },
        );
        lines
    }
}
