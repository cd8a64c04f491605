//! What the registries hold, as far as it is described in `images/` at the repository root.

mod reference;
mod tree;

use std::sync::Arc;

pub use reference::{Reference, parse};

/// Made by build.rs.
#[allow(clippy::all, clippy::pedantic)]
mod catalogue {
    use super::{Family, Flavour, Image};
    include!(concat!(env!("OUT_DIR"), "/catalogue.rs"));
}
use catalogue::{ABSENT, ABSENT_TAGS, FAMILIES, HOSTS, OFFICIAL, SIZE_BYTES};
use sim::Gather as _;

struct Family {
    repositories: &'static [&'static str],
    images: &'static [Image],
}

/// Whose shell, commands and texts an image has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Flavour {
    Busybox,
    Alpine,
    Debian,
    Centos,
    /// No shell, no commands.
    Scratch,
}

/// One row of the catalogue: an image family at a range of tags.
#[derive(Debug)]
struct Image {
    globs: &'static [&'static str],
    version: &'static str,
    size_bytes: u64,
    entrypoint: &'static [&'static str],
    cmd: &'static [&'static str],
    env: &'static [(&'static str, &'static str)],
    user: &'static str,
    workdir: &'static str,
    stop_signal: &'static str,
    ports: &'static [u16],
    flavour: Flavour,
    os: &'static str,
    program: &'static str,
    commands: &'static [&'static str],
    files: &'static [(&'static str, &'static [u8])],
}

/// An image as a container gets it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Spec {
    /// Canonical name with its tag.
    pub name: Arc<str>,
    pub digest: String,
    pub version: String,
    pub size_bytes: u64,
    pub entrypoint: Vec<String>,
    pub cmd: Vec<String>,
    pub env: Vec<(String, String)>,
    pub user: String,
    pub workdir: String,
    pub stop_signal: String,
    pub ports: Vec<u16>,
    pub flavour: Flavour,
    pub os: String,
    /// The built-in program behind `commands`; `generic` for an image that is not described.
    pub program: &'static str,
    pub commands: &'static [&'static str],
    pub files: &'static [(&'static str, &'static [u8])],
    /// Of an image that is no part of the catalogue: files over the others.
    pub own_files: Vec<(String, String)>,
}

/// Why a registry does not give an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    NoSuchHost,
    NoRepository,
    NoTag,
}

const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What the registries answer for a reference.
pub fn find(reference: &Reference) -> Result<Spec, Missing> {
    let repository = reference.repository();
    if let Some(family) = FAMILIES.iter().find(|it| it.repositories.contains(&repository.as_str())) {
        let row = if reference.digest.is_empty() {
            family.images.iter().find(|it| matches_any(it.globs, &reference.tag))
        } else {
            family.images.first()
        };
        return row
            .filter(|_| !matches_any(ABSENT_TAGS, &reference.tag))
            .map(|it| spec(reference, it))
            .ok_or(Missing::NoTag);
    }
    if !matches_any(HOSTS, &reference.host) {
        return Err(Missing::NoSuchHost);
    }
    let official = reference.path.strip_prefix("library/").filter(|_| reference.host == "docker.io");
    if official.is_some_and(|it| !OFFICIAL.contains(&it)) || matches_any(ABSENT, &reference.path) {
        return Err(Missing::NoRepository);
    }
    if matches_any(ABSENT_TAGS, &reference.tag) {
        return Err(Missing::NoTag);
    }
    Ok(spec(reference, &ASSUMED))
}

/// An image of which nothing is known: it runs, and listens on the ports that its Pod declares.
static ASSUMED: Image = Image {
    globs: &[],
    version: "1",
    size_bytes: SIZE_BYTES,
    entrypoint: &["/entrypoint"],
    cmd: &[],
    env: &[],
    user: "",
    workdir: "",
    stop_signal: "",
    ports: &[],
    flavour: Flavour::Debian,
    os: "Debian GNU/Linux 13 (trixie)",
    program: "generic",
    commands: &["/entrypoint", "/usr/bin/curl"],
    files: &[],
};

fn spec(reference: &Reference, image: &'static Image) -> Spec {
    let numbers =
        reference.tag.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(reference.tag.len());
    let version = image.version.replace("{tag}", &reference.tag[..numbers]);
    let fill = |it: &&str| it.replace("{version}", &version);
    let owned = |list: &[&str]| list.iter().map(|it| (*it).to_owned()).collect::<Vec<String>>();
    let mut env: Vec<(String, String)> =
        image.env.iter().map(|(key, it)| ((*key).to_owned(), fill(it))).gather();
    if !env.iter().any(|(key, _)| key == "PATH") {
        env.insert(0, ("PATH".to_owned(), PATH.to_owned()));
    }
    Spec {
        name: reference.canonical().into(),
        digest: digest(&reference.canonical()),
        size_bytes: image.size_bytes,
        entrypoint: owned(image.entrypoint),
        cmd: owned(image.cmd),
        env,
        user: image.user.to_owned(),
        workdir: if image.workdir.is_empty() { "/".to_owned() } else { image.workdir.to_owned() },
        stop_signal: image.stop_signal.to_owned(),
        ports: image.ports.to_vec(),
        flavour: image.flavour,
        os: fill(&image.os),
        program: image.program,
        commands: image.commands,
        files: image.files,
        own_files: Vec::new(),
        version,
    }
}

impl Spec {
    pub fn tree(&self) -> crate::files::Tree {
        tree::build(self)
    }

    /// The number of the user that it runs as; None when the name is not known.
    pub fn uid(&self) -> Option<u32> {
        let user = self.user.split(':').next().unwrap_or_default();
        if user.is_empty() || user == "root" {
            return Some(0);
        }
        let named = tree::USERS.iter().find(|it| it.0 == user).map(|it| it.1);
        user.parse().ok().or(named)
    }

    pub fn repository(&self) -> &str {
        let name = self.name.split('@').next().unwrap_or(&self.name);
        name.rfind(':').filter(|at| !name[*at..].contains('/')).map_or(name, |at| &name[..at])
    }
}

/// 64 hexadecimal digits that are always the same for one name.
pub fn digest(text: &str) -> String {
    let parts = (0..4_u8).map(|part| format!("{:016x}", sim::digest_of(&(part, text))));
    format!("sha256:{}", parts.collect::<String>())
}

fn matches_any(globs: &[&str], text: &str) -> bool {
    globs.iter().any(|it| glob(it.as_bytes(), text.as_bytes()))
}

/// `*` for any text, `?` for one character.
fn glob(pattern: &[u8], text: &[u8]) -> bool {
    match (pattern, text) {
        ([], []) => true,
        ([b'*', rest @ ..], _) => (0..=text.len()).any(|skip| glob(rest, &text[skip..])),
        ([b'?', rest @ ..], [_, more @ ..]) => glob(rest, more),
        ([one, rest @ ..], [other, more @ ..]) => one == other && glob(rest, more),
        ([], _) | ([_, ..], []) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn registries_answer() {
        let table = [
            ("nginx", Ok(("nginx", "1.29.3"))),
            ("nginx:1.14.2", Ok(("nginx", "1.14.2"))),
            ("nginx:1.25-alpine", Ok(("nginx", "1.25"))),
            ("nginx:nosuchtag", Err(Missing::NoTag)),
            ("nosuchimage", Err(Missing::NoRepository)),
            ("busybox:1.28.4", Ok(("", "1.28.4"))),
            ("registry.k8s.io/busybox", Ok(("", "1.37.0"))),
            ("rabbitmq:3-management", Ok(("generic", "1"))),
            ("somebody/app:v3", Ok(("generic", "1"))),
            ("registry.local:5000/app", Err(Missing::NoSuchHost)),
            ("tomcat:jdk8-openjdk-slim", Ok(("tomcat", "8.5.54"))),
        ];
        for (name, want) in table {
            let found = find(&parse(name).unwrap());
            let got = found.as_ref().map(|it| (it.program, it.version.as_str())).map_err(|it| *it);
            assert_eq!(got, want, "{name}");
        }
    }

    #[test]
    fn globs() {
        for (pattern, text, want) in
            [("1.*", "1.25", true), ("2?", "2", false), ("*a*b", "xaxb", true), ("", "x", false)]
        {
            assert_eq!(glob(pattern.as_bytes(), text.as_bytes()), want, "{pattern} {text}");
        }
    }
}
