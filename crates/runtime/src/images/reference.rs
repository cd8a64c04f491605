//! Image names: `nginx`, `registry.k8s.io/pause:3.10`, `repo@sha256:…`.

use crate::cri::PullError;

/// A name with everything filled in that people leave out.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// `docker.io`
    pub host: String,
    /// `library/nginx`
    pub path: String,
    /// `latest`; empty when only a digest is given.
    pub tag: String,
    /// `sha256:…` or empty.
    pub digest: String,
}

impl Reference {
    /// `docker.io/library/nginx`
    pub fn repository(&self) -> String {
        format!("{}/{}", self.host, self.path)
    }

    /// `docker.io/library/nginx:latest`
    pub fn canonical(&self) -> String {
        let tag = if self.tag.is_empty() { String::new() } else { format!(":{}", self.tag) };
        let digest = if self.digest.is_empty() { String::new() } else { format!("@{}", self.digest) };
        format!("{}/{}{tag}{digest}", self.host, self.path)
    }
}

/// Follows github.com/distribution/reference: ParseNormalizedNamed and TagNameOnly.
pub fn parse(name: &str) -> Result<Reference, PullError> {
    let why = not_lowercase(name);
    let invalid = || PullError::InvalidName { image: name.to_owned(), why: why.clone() };
    if !why.is_empty() {
        return Err(invalid());
    }
    let (rest, digest) = name.split_once('@').unwrap_or((name, ""));
    if name.contains('@') && !is_digest(digest) {
        return Err(invalid());
    }
    // A colon after the last slash starts a tag; one before belongs to a port.
    let colon = rest.rfind(':').filter(|at| !rest[*at..].contains('/'));
    let (path, tag) = colon.map_or((rest, ""), |at| (&rest[..at], &rest[at + 1..]));
    if colon.is_some() && !is_tag(tag) {
        return Err(invalid());
    }
    let (host, path) = match path.split_once('/') {
        Some((first, more)) if first.contains(['.', ':']) || first == "localhost" => (first, more.to_owned()),
        Some(_) => ("docker.io", path.to_owned()),
        None => ("docker.io", format!("library/{path}")),
    };
    let host = if host == "index.docker.io" { "docker.io" } else { host };
    let path = if path.contains('/') || host != "docker.io" { path } else { format!("library/{path}") };
    if !is_host(host) || !path.split('/').all(is_component) || 255 < path.len() {
        return Err(invalid());
    }
    let tag = if tag.is_empty() && digest.is_empty() { "latest" } else { tag };
    Ok(Reference { host: host.to_owned(), path, tag: tag.to_owned(), digest: digest.to_owned() })
}

/// What is wrong about a repository in capitals: said before anything else is looked at.
fn not_lowercase(name: &str) -> String {
    let below = match name.split_once('/') {
        Some((first, rest)) if first.contains(['.', ':']) || first == "localhost" => rest.to_owned(),
        Some(_) => name.to_owned(),
        None => format!("library/{name}"),
    };
    let repository = below.split(':').next().unwrap_or_default();
    if repository.chars().any(char::is_uppercase) {
        format!(": repository name ({repository}) must be lowercase")
    } else {
        String::new()
    }
}

fn is_tag(text: &str) -> bool {
    let allowed = |it: char| it.is_ascii_alphanumeric() || matches!(it, '_' | '.' | '-');
    !text.is_empty() && text.len() <= 128 && !text.starts_with(['.', '-']) && text.chars().all(allowed)
}

fn is_digest(text: &str) -> bool {
    text.strip_prefix("sha256:").is_some_and(|it| it.len() == 64 && it.bytes().all(|b| b.is_ascii_hexdigit()))
}

fn is_host(text: &str) -> bool {
    let (name, port) = text.split_once(':').unwrap_or((text, "0"));
    let allowed = |it: char| it.is_ascii_alphanumeric() || matches!(it, '.' | '-');
    !name.is_empty() && name.chars().all(allowed) && port.parse::<u16>().is_ok()
}

/// Lower-case letters and digits, with separators only between them.
fn is_component(text: &str) -> bool {
    let plain = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    let bytes = text.as_bytes();
    let ends = [bytes.first(), bytes.last()].iter().all(|it| it.is_some_and(|it| plain(*it)));
    ends && bytes.iter().all(|it| plain(*it) || matches!(it, b'.' | b'_' | b'-')) && !text.contains("..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_completed() {
        let table = [
            ("nginx", Some("docker.io/library/nginx:latest")),
            ("nginx:1.25", Some("docker.io/library/nginx:1.25")),
            ("geektime/sample:v2", Some("docker.io/geektime/sample:v2")),
            ("docker.io/nginx", Some("docker.io/library/nginx:latest")),
            ("registry.k8s.io/pause:3.10", Some("registry.k8s.io/pause:3.10")),
            ("localhost:5000/a/b", Some("localhost:5000/a/b:latest")),
            ("Nginx:::bad", None),
            ("Nginx", None),
            ("nginx:", None),
            ("", None),
            ("a//b", None),
            ("nginx@sha256:12", None),
        ];
        for (name, want) in table {
            assert_eq!(parse(name).ok().map(|it| it.canonical()).as_deref(), want, "{name}");
        }
    }
}
