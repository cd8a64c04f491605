//! What the commands need beyond Rust and Node: found, or installed once.

use std::path::PathBuf;
use std::process::Stdio;

use crate::process::{command, find, root, run};

const WASM_TARGET: &str = "wasm32-unknown-unknown";
/// Must be the version of the wasm-bindgen crate in Cargo.lock.
const WASM_BINDGEN: &str = "0.2.129";
const TRUNK: &str = "0.21.14";
const WASM_PACK: &str = "0.15.1";

/// Programs that only the tests use.
pub struct TestTools {
    pub chromium: PathBuf,
    pub chromedriver: PathBuf,
}

/// All that building and serving the site takes.
pub fn for_site() -> Result<(), String> {
    wasm_target()?;
    cargo_install("wasm-bindgen", "wasm-bindgen-cli", WASM_BINDGEN, &[])?;
    cargo_install("trunk", "trunk", TRUNK, &["--no-default-features"])?;
    npm_packages()
}

/// All that the tests take.
pub fn for_tests() -> Result<TestTools, String> {
    for_site()?;
    cargo_install("wasm-pack", "wasm-pack", WASM_PACK, &[])?;
    let chromium = browser_program(&["chromium", "chromium-browser", "google-chrome"])?;
    let chromedriver = browser_program(&["chromedriver"])?;
    Ok(TestTools { chromium, chromedriver })
}

fn sysroot() -> Result<PathBuf, String> {
    let printed = crate::process::output(&mut command("rustc", &["--print", "sysroot"]))?;
    Ok(PathBuf::from(printed.trim()))
}

/// The standard library's source, with which the published site is built.
pub fn rust_source() -> Result<(), String> {
    let installed = sysroot()?.join("lib/rustlib/src/rust/library").is_dir();
    if installed { Ok(()) } else { run(&mut command("rustup", &["component", "add", "rust-src"])) }
}

fn wasm_target() -> Result<(), String> {
    let installed = sysroot()?.join("lib/rustlib").join(WASM_TARGET).is_dir();
    if installed { Ok(()) } else { run(&mut command("rustup", &["target", "add", WASM_TARGET])) }
}

fn cargo_install(program: &str, package: &str, version: &str, flags: &[&str]) -> Result<(), String> {
    let found = command(program, &["--version"]).stderr(Stdio::null()).output();
    let fits = found
        .is_ok_and(|it| String::from_utf8_lossy(&it.stdout).split_whitespace().any(|word| word == version));
    if fits {
        return Ok(());
    }
    println!("installing {package} {version} (once, some minutes)");
    let mut install = command("cargo", &["install", "--quiet", "--locked", package, "--version", version]);
    install.args(flags).current_dir(std::env::temp_dir());
    // These programs run for seconds: building them fast matters more than their speed.
    for (key, value) in [("LTO", "off"), ("CODEGEN_UNITS", "16"), ("OPT_LEVEL", "1"), ("STRIP", "debuginfo")]
    {
        install.env(format!("CARGO_PROFILE_RELEASE_{key}"), value);
    }
    run(&mut install)
}

/// The packages of the lock file, installed again only when it has changed.
fn npm_packages() -> Result<(), String> {
    let web = root().join("web");
    let stamp = web.join("node_modules/.package-lock.stamp");
    let lock = std::fs::read_to_string(web.join("package-lock.json"))
        .map_err(|it| format!("web/package-lock.json: {it}"))?;
    if std::fs::read_to_string(&stamp).is_ok_and(|it| it == lock) {
        return Ok(());
    }
    if find(&["npm"]).is_none() {
        return Err("npm is missing: install Node.js 20 or newer".to_owned());
    }
    run(command("npm", &["ci", "--no-audit", "--no-fund"]).current_dir(&web))?;
    std::fs::write(&stamp, lock).map_err(|it| format!("{}: {it}", stamp.display()))
}

fn browser_program(names: &[&str]) -> Result<PathBuf, String> {
    if let Some(found) = find(names) {
        return Ok(found);
    }
    install_browser()?;
    find(names).ok_or_else(|| format!("{} is missing: install Chromium and ChromeDriver", names[0]))
}

/// Debian's packages, when we may install them.
fn install_browser() -> Result<(), String> {
    let user = crate::process::output(&mut command("id", &["-u"])).unwrap_or_default();
    if user.trim() != "0" || find(&["apt-get"]).is_none() {
        return Err("the browser tests need Chromium and ChromeDriver on PATH; on Debian or Ubuntu:\n  \
                    sudo apt-get install chromium chromium-driver fonts-noto-core fonts-noto-cjk\n\
                    elsewhere install Chrome and the ChromeDriver of the same version"
            .to_owned());
    }
    run(&mut command("apt-get", &["update", "-qq"]))?;
    let packages = ["chromium", "chromium-driver", "fonts-noto-core", "fonts-noto-cjk"];
    run(command("apt-get", &["install", "-y", "-qq", "--no-install-recommends"])
        .args(packages)
        .stdout(Stdio::null()))
}
