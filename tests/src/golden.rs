//! Reading recordings: the repository's own, or others of the same form.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;

/// `tests/golden/`
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("golden")
}

/// A file as text; `.gz` is unpacked.
pub fn read(path: &Path) -> Result<String, String> {
    let bytes = std::fs::read(path).map_err(|it| format!("{}: {it}", path.display()))?;
    let mut text = String::new();
    let outcome = if path.extension().is_some_and(|it| it == "gz") {
        GzDecoder::new(&*bytes).read_to_string(&mut text)
    } else {
        (&*bytes).read_to_string(&mut text)
    };
    outcome.map(|_| text).map_err(|it| format!("{}: {it}", path.display()))
}

/// The `.jsonl` and `.jsonl.gz` files of the paths, folders searched, in order.
pub fn line_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, String> {
    let mut files = Vec::new();
    for path in paths {
        if path.is_dir() {
            let entries = std::fs::read_dir(path).map_err(|it| format!("{}: {it}", path.display()))?;
            let mut found: Vec<PathBuf> =
                entries.flatten().map(|it| it.path()).filter(|it| is_lines(it)).collect();
            found.sort();
            files.extend(found);
        } else if path.exists() {
            files.push(path.clone());
        } else {
            return Err(format!("{}: no such file or folder", path.display()));
        }
    }
    Ok(files)
}

fn is_lines(path: &Path) -> bool {
    let ends = |path: &Path, ending: &str| path.extension().is_some_and(|it| it == ending);
    ends(path, "jsonl")
        || (ends(path, "gz") && path.file_stem().is_some_and(|it| ends(Path::new(it), "jsonl")))
}

/// A scenario's name and its files, by name.
pub type ScenarioFiles = (String, BTreeMap<String, String>);

/// Lifecycle scenarios: folders of files, folders of such folders, or files with one scenario a line.
pub fn scenarios(paths: &[PathBuf]) -> Result<Vec<ScenarioFiles>, String> {
    let mut found = Vec::new();
    for path in paths {
        if path.join("actions.json").is_file() {
            found.push(scenario_folder(path)?);
        } else if path.is_dir() && line_files(std::slice::from_ref(path))?.is_empty() {
            let entries = std::fs::read_dir(path).map_err(|it| format!("{}: {it}", path.display()))?;
            let mut folders: Vec<PathBuf> = entries
                .flatten()
                .map(|it| it.path())
                .filter(|it| it.join("actions.json").is_file())
                .collect();
            folders.sort();
            for folder in folders {
                found.push(scenario_folder(&folder)?);
            }
        } else {
            for file in line_files(std::slice::from_ref(path))? {
                for line in read(&file)?.lines() {
                    found.push(scenario_line(line).map_err(|it| format!("{}: {it}", file.display()))?);
                }
            }
        }
    }
    Ok(found)
}

fn scenario_folder(folder: &Path) -> Result<ScenarioFiles, String> {
    let name = folder.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
    let entries = std::fs::read_dir(folder).map_err(|it| format!("{}: {it}", folder.display()))?;
    let mut files = BTreeMap::new();
    for path in entries.flatten().map(|it| it.path()).filter(|it| it.is_file()) {
        let file = path.file_name().map(|it| it.to_string_lossy().into_owned()).unwrap_or_default();
        files.insert(file, read(&path)?);
    }
    Ok((name, files))
}

fn scenario_line(line: &str) -> Result<ScenarioFiles, String> {
    #[derive(serde::Deserialize)]
    struct Line {
        name: String,
        files: BTreeMap<String, String>,
    }
    let line: Line = serde_json::from_str(line).map_err(|it| it.to_string())?;
    Ok((line.name, line.files))
}
