//! Turns the image catalogue (`images/*.yaml` at the repository root) into tables, so that nothing is parsed at run time.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_yaml::{Mapping, Value};

fn main() {
    let root = PathBuf::from(env::var("CARGO_MANIFEST_DIR").expect("cargo sets it")).join("../../images");
    println!("cargo::rerun-if-changed={}", root.display());
    println!("cargo::rerun-if-changed=build.rs");
    let mut paths: Vec<PathBuf> =
        fs::read_dir(&root).expect("images/ is there").filter_map(|it| Some(it.ok()?.path())).collect();
    paths.retain(|it| it.extension().is_some_and(|it| it == "yaml"));
    paths.sort();
    let mut out = String::new();
    let mut families = Vec::new();
    for path in &paths {
        println!("cargo::rerun-if-changed={}", path.display());
        let name = path.file_stem().and_then(|it| it.to_str()).expect("a plain file name");
        let map = read(path);
        if name == "registry" {
            write_registry(&mut out, &map);
        } else {
            write_family(&mut out, name, &map);
            families.push(format!("&{}", constant(name)));
        }
    }
    let _ = writeln!(out, "pub(super) static FAMILIES: &[&Family] = &[{}];", families.join(", "));
    let target = Path::new(&env::var("OUT_DIR").expect("cargo sets it")).join("catalogue.rs");
    fs::write(target, out).expect("the build folder takes a file");
}

fn read(path: &Path) -> Mapping {
    let text = fs::read_to_string(path).expect("readable");
    let value: Value =
        serde_yaml::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    value.as_mapping().unwrap_or_else(|| panic!("{}: not a map", path.display())).clone()
}

fn constant(name: &str) -> String {
    name.replace(['-', '.'], "_").to_uppercase()
}

fn write_registry(out: &mut String, map: &Mapping) {
    for key in ["hosts", "official", "absent", "absent_tags"] {
        let _ = writeln!(
            out,
            "pub(super) static {}: &[&str] = &{:?};",
            key.to_uppercase(),
            strings(map.get(key))
        );
    }
    let _ = writeln!(out, "pub(super) const SIZE_BYTES: u64 = {};", number(map.get("size_bytes")));
}

const KEYS: &[&str] = &[
    "repositories",
    "tags",
    "version",
    "size_bytes",
    "entrypoint",
    "cmd",
    "env",
    "user",
    "workdir",
    "stop_signal",
    "ports",
    "flavour",
    "os",
    "program",
    "commands",
    "files",
    "wars",
];

fn write_family(out: &mut String, name: &str, family: &Mapping) {
    let mut files: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    for (path, text) in pairs(family.get("files")) {
        files.insert(path, text.into_bytes());
    }
    if let Some(wars) = family.get("wars").and_then(Value::as_mapping) {
        for (path, inside) in wars {
            files.insert(string(path), archive(&pairs(Some(inside))));
        }
    }
    let name = constant(name);
    let files: Vec<String> =
        files.iter().map(|(path, bytes)| format!("({path:?}, b\"{}\")", bytes.escape_ascii())).collect();
    let _ = writeln!(out, "static {name}_FILES: &[(&str, &[u8])] = &[{}];", files.join(", "));
    let mut images = String::new();
    for tag in family.get("tags").and_then(Value::as_sequence).expect("tags") {
        let mut merged = family.clone();
        for (key, value) in tag.as_mapping().expect("a tag is a map") {
            merged.insert(key.clone(), value.clone());
        }
        for key in merged.keys() {
            let key = string(key);
            assert!(key == "match" || KEYS.contains(&key.as_str()), "{name}: unknown key {key}");
        }
        let flavour = text(&merged, "flavour");
        let flavour = flavour[..1].to_uppercase() + &flavour[1..];
        let _ = writeln!(
            images,
            "Image {{ globs: &{:?}, version: {:?}, size_bytes: {}, entrypoint: &{:?}, cmd: &{:?}, env: &{:?}, user: {:?}, \
             workdir: {:?}, stop_signal: {:?}, ports: &{:?}, flavour: Flavour::{flavour}, os: {:?}, program: {:?}, \
             commands: &{:?}, files: {name}_FILES }},",
            strings(merged.get("match")),
            text(&merged, "version"),
            number(merged.get("size_bytes")),
            strings(merged.get("entrypoint")),
            strings(merged.get("cmd")),
            pairs(merged.get("env")),
            text(&merged, "user"),
            text(&merged, "workdir"),
            text(&merged, "stop_signal"),
            strings(merged.get("ports")).iter().map(|it| it.parse().expect("a port")).collect::<Vec<u16>>(),
            text(&merged, "os"),
            text(&merged, "program"),
            strings(merged.get("commands")),
        );
    }
    let _ = writeln!(
        out,
        "static {name}: Family = Family {{ repositories: &{:?}, images: &[{images}] }};",
        strings(family.get("repositories"))
    );
}

fn string(value: &Value) -> String {
    match value {
        Value::String(it) => it.clone(),
        Value::Number(it) => it.to_string(),
        Value::Bool(it) => it.to_string(),
        _ => panic!("text expected, found {value:?}"),
    }
}

fn text(map: &Mapping, key: &str) -> String {
    map.get(key).map_or_else(String::new, string)
}

fn strings(value: Option<&Value>) -> Vec<String> {
    value.and_then(Value::as_sequence).map_or_else(Vec::new, |it| it.iter().map(string).collect())
}

fn number(value: Option<&Value>) -> u64 {
    value.and_then(Value::as_u64).expect("a number")
}

fn pairs(value: Option<&Value>) -> Vec<(String, String)> {
    let map = value.and_then(Value::as_mapping);
    map.map_or_else(Vec::new, |it| it.iter().map(|(key, value)| (string(key), string(value))).collect())
}

/// A zip archive whose files are stored, not compressed.
fn archive(files: &[(String, String)]) -> Vec<u8> {
    let (mut bytes, mut directory) = (Vec::new(), Vec::new());
    for (path, text) in files {
        let offset = bytes.len() as u32;
        let mut entry = Vec::new();
        for part in [20_u16, 0, 0, 0, 0x21] {
            entry.extend(part.to_le_bytes());
        }
        for part in [crc32(text.as_bytes()), text.len() as u32, text.len() as u32] {
            entry.extend(part.to_le_bytes());
        }
        entry.extend((path.len() as u16).to_le_bytes());
        entry.extend([0, 0]);
        bytes.extend(b"PK\x03\x04");
        bytes.extend(&entry);
        bytes.extend(path.as_bytes());
        bytes.extend(text.as_bytes());
        directory.extend(b"PK\x01\x02\x14\x00");
        directory.extend(&entry);
        directory.extend([0; 10]);
        directory.extend(offset.to_le_bytes());
        directory.extend(path.as_bytes());
    }
    let (start, length, count) = (bytes.len() as u32, directory.len() as u32, files.len() as u16);
    bytes.extend(directory);
    bytes.extend(b"PK\x05\x06\x00\x00\x00\x00");
    bytes.extend(count.to_le_bytes());
    bytes.extend(count.to_le_bytes());
    bytes.extend(length.to_le_bytes());
    bytes.extend(start.to_le_bytes());
    bytes.extend([0, 0]);
    bytes
}

fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 0 { crc >> 1 } else { crc >> 1 ^ 0xedb8_8320 };
    !bytes.iter().fold(!0, |crc: u32, byte| (0..8).fold(crc ^ u32::from(*byte), step))
}
