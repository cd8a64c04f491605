//! The part of nginx's configuration language that small examples use: `listen`, `root`, `index`, `location`, `return`.

use std::borrow::Cow;

use sim::Gather as _;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Site {
    pub ports: Vec<u16>,
    pub root: String,
    pub indexes: Vec<String>,
    pub autoindex: bool,
    pub locations: Vec<Location>,
    /// (status, text) of a `return` that answers everything.
    pub answer: Option<(u16, String)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub(super) struct Location {
    pub exact: bool,
    pub prefix: String,
    pub root: String,
    pub alias: String,
    pub autoindex: Option<bool>,
    pub answer: Option<(u16, String)>,
    /// `http://127.0.0.1:8080` of a proxy_pass.
    pub proxy: String,
}

/// What stands wrong in a file: text and line, as nginx reports it.
pub(super) struct ConfigError {
    pub text: String,
    pub line: usize,
}

const DEPTH_MAX: usize = 16;

struct Token<'a> {
    text: Cow<'a, str>,
    line: usize,
    quoted: bool,
}

/// Adds the servers of one file. A file without `server` and `http` (an unknown layout) adds none.
pub(super) fn parse(
    text: &str,
    sites: &mut Vec<Site>,
    daemon: &mut bool,
    user: &mut String,
) -> Result<(), ConfigError> {
    let tokens = tokens(text);
    let mut at = 0;
    block(&tokens, &mut at, 0, &mut Place { sites, daemon, user, location: false })?;
    Ok(())
}

struct Place<'a> {
    sites: &'a mut Vec<Site>,
    daemon: &'a mut bool,
    /// Whom workers run as.
    user: &'a mut String,
    location: bool,
}

fn block(tokens: &[Token<'_>], at: &mut usize, depth: usize, place: &mut Place) -> Result<(), ConfigError> {
    let mut words: Vec<&str> = Vec::new();
    while let Some(token) = tokens.get(*at) {
        *at += 1;
        let fail = |text: String| Err(ConfigError { text, line: token.line });
        match &*token.text {
            ";" if !token.quoted => {
                match words.as_slice() {
                    [] => return fail("unexpected \";\"".to_owned()),
                    [name, values @ ..] => directive(name, values, place),
                }
                words.clear();
            }
            "{" if !token.quoted => {
                let name = words.first().copied().unwrap_or_default();
                if name.is_empty() || depth == DEPTH_MAX {
                    return fail("unexpected \"{\"".to_owned());
                }
                let was = place.location;
                match name {
                    "server" => place.sites.push(Site::default()),
                    "location" => open_location(&words[1..], place),
                    _ => {}
                }
                place.location |= name == "location";
                block(tokens, at, depth + 1, place)?;
                place.location = was;
                words.clear();
            }
            "}" if !token.quoted => {
                return if depth == 0 || !words.is_empty() {
                    fail("unexpected \"}\"".to_owned())
                } else {
                    Ok(())
                };
            }
            _ => words.push(&token.text),
        }
    }
    let line = tokens.last().map_or(1, |it| it.line);
    if 0 < depth || !words.is_empty() {
        let wanted = if words.is_empty() { "\"}\"" } else { "\";\" or \"}\"" };
        return Err(ConfigError { text: format!("unexpected end of file, expecting {wanted}"), line });
    }
    Ok(())
}

fn open_location(words: &[&str], place: &mut Place) {
    let (exact, prefix) = match words {
        ["=", path, ..] => (true, *path),
        ["^~", path, ..] | [path, ..] => (false, *path),
        [] => (false, "/"),
    };
    if let Some(site) = place.sites.last_mut() {
        site.locations.push(Location { exact, prefix: prefix.to_owned(), ..Location::default() });
    }
}

fn directive(name: &str, values: &[&str], place: &mut Place) {
    let first = values.first().copied().unwrap_or_default();
    if name == "daemon" {
        *place.daemon = first != "off";
    } else if name == "user" {
        first.clone_into(place.user);
    }
    let Some(site) = place.sites.last_mut() else { return };
    let answer = || Some((first.parse().unwrap_or(200), values[1..].join(" ")));
    if place.location
        && let Some(location) = site.locations.last_mut()
    {
        match name {
            "root" => first.clone_into(&mut location.root),
            "alias" => first.clone_into(&mut location.alias),
            "autoindex" => location.autoindex = Some(first == "on"),
            "return" => location.answer = answer(),
            "proxy_pass" => first.clone_into(&mut location.proxy),
            _ => {}
        }
        return;
    }
    match name {
        "listen" => {
            let port = first.rsplit(':').next().unwrap_or(first).parse().unwrap_or(80);
            if !site.ports.contains(&port) {
                site.ports.push(port);
            }
        }
        "root" => first.clone_into(&mut site.root),
        "index" => site.indexes = values.iter().map(|it| (*it).to_owned()).gather(),
        "autoindex" => site.autoindex = first == "on",
        "return" => site.answer = answer(),
        _ => {}
    }
}

fn tokens(text: &str) -> Vec<Token<'_>> {
    let mut tokens = Vec::with_capacity(text.len() / 8);
    for (number, line) in text.lines().enumerate() {
        let mut rest = line.trim_start();
        while let Some(first) = rest.chars().next() {
            let end = match first {
                '#' => break,
                ';' | '{' | '}' => 1,
                '"' | '\'' => rest[1..].find(first).map_or(rest.len(), |it| it + 2),
                // A variable in braces belongs to its word.
                _ => word_end(rest),
            };
            let quoted = matches!(first, '"' | '\'');
            let word = if quoted { rest[1..end].trim_end_matches(first) } else { &rest[..end] };
            let text = if quoted { Cow::Owned(word.replace("\\n", "\n")) } else { Cow::Borrowed(word) };
            tokens.push(Token { text, line: number + 1, quoted });
            rest = rest[end..].trim_start();
        }
    }
    tokens
}

fn word_end(text: &str) -> usize {
    let mut braces = 0;
    let mut before = 0;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' if before == b'$' => braces += 1,
            b'}' if 0 < braces => braces -= 1,
            b';' | b'{' | b'}' | b' ' | b'\t' | b'\r' | b'\n' => return at,
            _ => {}
        }
        before = byte;
    }
    text.len()
}
