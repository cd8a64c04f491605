//! The rules of the house that no compiler checks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::process::{command, output, root};

const FILE_LINES_MAX: usize = 800;
const FUNCTION_LINES_MAX: usize = 70;
/// Longer ones that are still to be taken apart. This list only shrinks.
const LONG_FUNCTIONS: &[&str] = &[
    "crates/runtime/src/commands/client.rs start",
    "crates/runtime/src/commands/client.rs wget",
    "crates/runtime/src/commands/filter.rs line",
    "crates/runtime/src/commands/filter.rs start",
    "crates/runtime/src/commands/listing.rs find",
    "crates/runtime/src/commands/output.rs printf_once",
    "crates/runtime/src/files/mounts.rs resolve",
];

/// Prints what is not tidy; true when nothing is.
pub fn run() -> Result<bool, String> {
    let mut found = Vec::new();
    dependencies(&mut found)?;
    for file in rust_files() {
        let text = read(&file)?;
        let name = file.strip_prefix(root()).unwrap_or(&file).display().to_string();
        lengths(&name, &text, &mut found);
        leftovers(&name, &text, &mut found);
        if name.starts_with("src/") {
            spoken_text(&name, &text, &mut found);
        }
    }
    architecture(&mut found)?;
    locales(&mut found)?;
    for it in &found {
        println!("tidy: {it}");
    }
    println!("tidy: {} to mend", found.len());
    Ok(found.is_empty())
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|it| format!("{}: {it}", path.display()))
}

/// The engine knows no browser, and its parts meet only in the API server.
fn dependencies(found: &mut Vec<String>) -> Result<(), String> {
    let tree = |package: &str| {
        output(&mut command(
            "cargo",
            &[
                "tree",
                "--package",
                package,
                "--edges",
                "normal",
                "--prefix",
                "none",
                "--format",
                "{p}",
                "--target",
                "wasm32-unknown-unknown",
                "--locked",
            ],
        ))
    };
    let has = |tree: &str, name: &str| tree.lines().any(|it| it.split(' ').next() == Some(name));
    let session = tree("session")?;
    for browser in ["web-sys", "js-sys", "wasm-bindgen", "leptos_dom", "reactive_graph", "tachys"] {
        if has(&session, browser) {
            found.push(format!("session depends on {browser}: the engine knows no browser"));
        }
    }
    for (one, others) in [
        ("scheduler", &["controllers", "kubelet", "runtime", "cluster"][..]),
        ("controllers", &["scheduler", "kubelet", "runtime", "cluster"]),
        ("kubelet", &["scheduler", "controllers", "cluster"]),
        ("runtime", &["apiserver", "kubelet", "api"]),
        ("kubectl", &["cluster", "kubelet", "runtime", "scheduler"]),
        ("api", &["apiserver"]),
    ] {
        let tree = tree(one)?;
        found.extend(others.iter().filter(|it| has(&tree, it)).map(|it| format!("{one} depends on {it}")));
    }
    Ok(())
}

fn rust_files() -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in ["src", "crates", "tests", "xtask"] {
        collect(&root().join(folder), &mut files);
    }
    files.sort();
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name();
        if path.is_dir() {
            if name != "target" && name != "node_modules" {
                collect(&path, files);
            }
        } else if path.extension().is_some_and(|it| it == "rs") {
            files.push(path);
        }
    }
}

/// rustfmt has been over every file, so indentation tells where a function ends.
fn lengths(name: &str, text: &str, found: &mut Vec<String>) {
    let lines: Vec<&str> = text.lines().collect();
    let code_end = lines.iter().position(|it| *it == "#[cfg(test)]").unwrap_or(lines.len());
    if FILE_LINES_MAX < code_end {
        found.push(format!("{name} has {code_end} lines of code, more than {FILE_LINES_MAX}"));
    }
    // Tables of tests are as long as their cases.
    if name.contains("/tests/") || name.ends_with("/tests.rs") {
        return;
    }
    let mut open: Option<(usize, usize, String)> = None;
    for (index, line) in lines[..code_end].iter().enumerate() {
        let body = line.trim_start();
        let indent = line.len() - body.len();
        match &open {
            Some((from, depth, function)) if indent == *depth && body == "}" => {
                let length = index - from - 1;
                if FUNCTION_LINES_MAX < length
                    && !LONG_FUNCTIONS.contains(&format!("{name} {function}").as_str())
                {
                    found.push(format!(
                        "{name}:{}: {function} has {length} lines, more than {FUNCTION_LINES_MAX}",
                        from + 1
                    ));
                }
                open = None;
            }
            Some(_) => {}
            None => {
                let words = body.split(['(', '<']).next().unwrap_or("");
                let is_function = words.split(' ').any(|it| it == "fn")
                    && !body.starts_with("//")
                    && !line.ends_with(['}', ';']);
                if is_function {
                    let function = words.rsplit(' ').next().unwrap_or("").to_owned();
                    open = Some((index, indent, function));
                }
            }
        }
    }
}

fn leftovers(name: &str, text: &str, found: &mut Vec<String>) {
    // Split, so that this file does not find itself.
    let unwanted = [
        concat!("todo", "!("),
        concat!("unimplemented", "!("),
        concat!("#[", "ignore"),
        concat!("FIX", "ME"),
        concat!("XX", "X:"),
    ];
    for (index, line) in text.lines().enumerate() {
        found.extend(
            unwanted.iter().filter(|it| line.contains(**it)).map(|it| format!("{name}:{}: {it}", index + 1)),
        );
    }
}

/// Text for people belongs into the locale files.
fn spoken_text(name: &str, text: &str, found: &mut Vec<String>) {
    const SPOKEN: &[&str] = &["aria-label=\"", "title=\"", "placeholder=\"", "alt=\""];
    let speaks = |it: &str| it.chars().take_while(|c| *c != '"').filter(|c| c.is_alphabetic()).count() > 1;
    let code = text.split("#[cfg(test)]").next().unwrap_or("");
    for (index, line) in code.lines().enumerate() {
        let attribute = SPOKEN.iter().any(|it| line.split(it).skip(1).any(speaks));
        let body = line.trim();
        let words = body
            .strip_prefix('"')
            .and_then(|it| it.strip_suffix('"'))
            .is_some_and(|it| it.contains(' ') && speaks(it));
        if attribute || words {
            found.push(format!("{name}:{}: text for people outside locales/: {body}", index + 1));
        }
    }
}

/// Every path that ARCHITECTURE.md names in backticks and that looks like one exists.
fn architecture(found: &mut Vec<String>) -> Result<(), String> {
    let text = read(&root().join("ARCHITECTURE.md"))?;
    for path in text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|it| it.contains('/') && !it.contains([' ', '*', '<', '{', ':', '…']))
    {
        if !root().join(path.trim_start_matches('/')).exists() {
            found.push(format!("ARCHITECTURE.md names {path}, which does not exist"));
        }
    }
    Ok(())
}

/// Both languages have the same keys.
fn locales(found: &mut Vec<String>) -> Result<(), String> {
    let keys = |file: &Path| -> Result<BTreeSet<String>, String> {
        let value: serde_json::Value =
            serde_json::from_str(&read(file)?).map_err(|it| format!("{}: {it}", file.display()))?;
        let mut keys = BTreeSet::new();
        key_paths("", &value, &mut keys);
        Ok(keys)
    };
    let folder = root().join("locales");
    let english = keys(&folder.join("en.json"))?;
    let chinese = keys(&folder.join("zh-CN.json"))?;
    found.extend(english.difference(&chinese).map(|it| format!("locales/zh-CN.json lacks {it}")));
    found.extend(chinese.difference(&english).map(|it| format!("locales/en.json lacks {it}")));
    Ok(())
}

fn key_paths(prefix: &str, value: &serde_json::Value, keys: &mut BTreeSet<String>) {
    match value.as_object() {
        Some(map) => map.iter().for_each(|(key, value)| key_paths(&format!("{prefix}.{key}"), value, keys)),
        None => {
            keys.insert(prefix.to_owned());
        }
    }
}
