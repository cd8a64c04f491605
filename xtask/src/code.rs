//! What the WebAssembly's code consists of: bytes by crate and by kind of function.
//!
//! Builds with names kept and reads two sections of the file, code and names.

use std::collections::BTreeMap;

use crate::process::{command, root, run};

/// Name's part and group; the first that fits counts.
const GROUPS: &[(&str, &str)] = &[
    ("slice::sort", "sorting"),
    ("btree", "BTreeMap, BTreeSet"),
    ("::map::VecMap", "VecMap, VecSet"),
    ("codec::Codec", "Kubernetes types to and from JSON"),
    ("::de::", "Deserialize"),
    ("::ser::", "Serialize"),
    ("drop_in_place", "Drop"),
    ("drop_slow", "Drop"),
    ("Clone>::clone", "Clone"),
    ("PartialEq", "PartialEq"),
    ("fmt::Debug>", "Debug"),
    ("fmt::Display>", "Display"),
    ("tachys", "views"),
    ("leptos", "views"),
    ("reactive_graph", "reactive values"),
];

const LARGEST: usize = 40;

pub fn print() -> Result<bool, String> {
    let target = "wasm32-unknown-unknown";
    let mut build =
        command("cargo", &["build", "--profile", "web", "--target", target, "--package", "pod-playground"]);
    // The mangling that keeps type arguments apart; a folder of its own, for the site's build has neither.
    let folder = root().join("target/named");
    build.env("CARGO_PROFILE_WEB_STRIP", "none").env("CARGO_TARGET_DIR", &folder);
    run(crate::site::small(&mut build, "-Csymbol-mangling-version=v0")?)?;
    let built = folder.join(target).join("web/pod-playground.wasm");
    // wasm-bindgen drops what only it needs and writes the names as Rust does.
    run(command("wasm-bindgen", &["--target", "web", "--no-typescript", "--out-dir"])
        .arg(&folder)
        .arg(built))?;
    let file = std::fs::read(folder.join("pod-playground_bg.wasm")).map_err(|it| it.to_string())?;
    let functions = functions(&file).ok_or("the file is no WebAssembly that this command can read")?;
    print_groups("crate", &functions, crate_of);
    print_groups("group", &functions, |name| {
        GROUPS.iter().find(|(part, _)| name.contains(part)).map_or("other", |it| it.1)
    });
    let mut largest = functions;
    largest.sort_by_key(|it| std::cmp::Reverse(it.1));
    println!("\n{:>9}  largest functions", "bytes");
    for (name, size) in largest.iter().take(LARGEST) {
        println!("{size:>9}  {}", name.chars().take(160).collect::<String>());
    }
    Ok(true)
}

/// The first crate that the name speaks of.
fn crate_of(name: &str) -> &str {
    let name = name.trim_start_matches(|c: char| !c.is_ascii_alphabetic());
    let name = name.trim_start_matches("mut ").trim_start_matches("dyn ");
    name.split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next().unwrap_or(name)
}

fn print_groups<'a>(title: &str, functions: &'a [(String, usize)], group: impl Fn(&'a str) -> &'a str) {
    let mut sums: BTreeMap<&str, (usize, usize)> = BTreeMap::new();
    for (name, size) in functions {
        let sum = sums.entry(group(name)).or_default();
        sum.0 += size;
        sum.1 += 1;
    }
    let mut sums: Vec<_> = sums.into_iter().filter(|(_, sum)| sum.0 > 1000).collect();
    sums.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.0));
    println!("\n{:>9} {:>9}  {title}", "bytes", "functions");
    for (name, (size, count)) in sums {
        println!("{size:>9} {count:>9}  {name}");
    }
}

/// A cursor over WebAssembly's encoding.
struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        self.0 = rest;
        Some(*first)
    }

    /// LEB128.
    fn number(&mut self) -> Option<usize> {
        let mut number = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            number |= usize::from(byte & 127) << shift;
            if byte < 128 {
                return Some(number);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }

    fn sized(&mut self) -> Option<Reader<'a>> {
        let length = self.number()?;
        self.take(length).map(Reader)
    }
}

/// Each function's name and size.
fn functions(file: &[u8]) -> Option<Vec<(String, usize)>> {
    let mut file = Reader(file.get(8..)?);
    let (mut sizes, mut names) = (Vec::new(), BTreeMap::new());
    while let Some(id) = file.byte() {
        let mut section = file.sized()?;
        match id {
            10 => {
                for _ in 0..section.number()? {
                    sizes.push(section.sized()?.0.len());
                }
            }
            0 if section.sized()?.0 == b"name" => {
                while let Some(id) = section.byte() {
                    let mut part = section.sized()?;
                    // 1: the functions' names.
                    let count = if id == 1 { part.number()? } else { 0 };
                    for _ in 0..count {
                        let index = part.number()?;
                        names.insert(index, String::from_utf8_lossy(part.sized()?.0).into_owned());
                    }
                }
            }
            _ => {}
        }
    }
    // Imported functions have the first numbers and no code: what is left over in front.
    let imported = names.keys().next_back().map_or(0, |last| (last + 1).saturating_sub(sizes.len()));
    let name = |index: usize| names.get(&(imported + index)).cloned().unwrap_or_default();
    Some(sizes.iter().enumerate().map(|(index, size)| (name(index), *size)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_functions_behind_the_imported() {
        let names = b"\x03\0\x01i\x01\x02fa\x02\x02fb";
        let mut section = b"\x04name\x01".to_vec();
        section.push(names.len() as u8);
        section.extend(names);
        let mut file = b"\0asm\x01\0\0\0\x0a\x08\x02\x02\0\x0b\x03\0\x01\x0b\0".to_vec();
        file.push(section.len() as u8);
        file.extend(&section);
        assert_eq!(functions(&file), Some(vec![("fa".to_owned(), 2), ("fb".to_owned(), 3)]));
        assert_eq!(functions(&file[..file.len() - 1]), None, "cut short");
    }

    #[test]
    fn crates_by_name() {
        assert_eq!(crate_of("<&mut serde_json[1a]::de::Deserializer>::end"), "serde_json");
        assert_eq!(crate_of("<api[1a]::object::Object>::from_value"), "api");
    }
}
