//! What differs from run to run becomes the placeholders of the recordings.

/// `<hash>-<suffix>` and the like for the generated parts of a name.
pub fn generated_names(text: &str) -> String {
    words(text, |word| {
        let parts: Vec<&str> = word.rsplitn(3, '-').collect();
        match parts[..] {
            [suffix, hash, name] if is_suffix(suffix) && is_hash(hash) => {
                Some(format!("{name}-<hash>-<suffix>"))
            }
            [suffix, middle, name] if is_suffix(suffix) => Some(format!("{name}-{middle}-<suffix>")),
            [hash, middle, name] if is_hash(hash) => Some(format!("{name}-{middle}-<hash>")),
            [suffix, name] if is_suffix(suffix) => Some(format!("{name}-<suffix>")),
            [hash, name] if is_hash(hash) => Some(format!("{name}-<hash>")),
            _ => None,
        }
    })
}

fn generated(word: &str) -> bool {
    word.bytes().all(|b| b"bcdfghjklmnpqrstvwxz2456789".contains(&b))
}

fn is_suffix(word: &str) -> bool {
    word.len() == 5 && generated(word)
}

/// The hash of a Pod template: eight to ten characters, some of them digits.
fn is_hash(word: &str) -> bool {
    (8..=10).contains(&word.len()) && generated(word) && word.bytes().any(|b| b.is_ascii_digit())
}

/// A message of an Event or a status.
pub fn message(text: &str) -> String {
    let text = template_hashes(&generated_names(text));
    let text = words(&text, |word| {
        let uid = word.len() == 36
            && word
                .bytes()
                .enumerate()
                .all(|(at, b)| if [8, 13, 18, 23].contains(&at) { b == b'-' } else { b.is_ascii_hexdigit() });
        let ip = word.split('.').count() == 4 && word.split('.').all(|it| it.parse::<u8>().is_ok());
        let id = 12 <= word.len()
            && word.bytes().all(|b| b.is_ascii_hexdigit())
            && word.bytes().any(|b| b.is_ascii_digit());
        if uid {
            Some("<uid>".to_owned())
        } else if ip {
            Some("<ip>".to_owned())
        } else if id {
            Some("<id>".to_owned())
        } else {
            None
        }
    });
    let Some(at) = text.find("Image size: ").filter(|_| text.starts_with("Successfully pulled image")) else {
        return text;
    };
    // Sizes are those of the registry's images.
    durations(&text[..at]) + "Image size: <size> bytes."
}

/// The lines of printed tables: a kind before a name is only printed beside other kinds, headers say nothing.
pub fn table_lines(text: &str) -> Vec<String> {
    let bare = |line: &str| {
        let first = line.split(' ').next().unwrap_or("");
        first.find('/').map_or(line, |at| &line[at + 1..]).to_owned()
    };
    text.lines().filter(|it| !it.starts_with("NAME ")).map(bare).collect()
}

/// What counts up on a machine, line by line: numbers of processes but the first (the runtime's own threads take some),
/// bytes of network devices; and how a shell that runs `ps` within itself shows there.
pub fn machine_counts(text: &str) -> String {
    let (mut processes, mut devices) = (false, false);
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        let first = words.next().unwrap_or("");
        if first == "PID" {
            processes = true;
        } else if processes && first.parse().is_ok_and(|it: u32| 1 < it) {
            return format!("<pid> {}", ps_itself(&words.collect::<Vec<&str>>().join(" ")));
        } else if line.contains("|bytes") {
            devices = true;
        } else if devices && first.len() < line.len() && first.contains(':') {
            return format!("{first} <counts>");
        }
        line.to_owned()
    };
    text.split('\n').map(line).collect::<Vec<String>>().join("\n")
}

/// `root {ps} sh -c ps; sleep 5` of a busybox that does not start its own applets anew is `root ps`.
fn ps_itself(row: &str) -> String {
    row.find(" {ps} ").map_or(row, |at| &row[..at]).to_owned()
        + if row.contains(" {ps} ") { " ps" } else { "" }
}

/// The lines of logs, without what belongs to the recording's own versions of programs: `docs/differences.md`.
pub fn log_lines(text: &str) -> Vec<String> {
    let mut lines = Vec::new();
    for line in machine_counts(text).lines() {
        // What the kubelet answers ends without a line feed, so the next command follows at once.
        let (line, next) = match line.split_once("$ kubectl logs ") {
            Some((line, next)) => (line, Some(format!("$ kubectl logs {next}"))),
            None => (line, None),
        };
        if let Some(gone) = line.split_once("unable to retrieve container logs for ") {
            lines.push(format!("{}unable to retrieve container logs for <id>", gone.0));
        } else if line.contains("[notice]")
            || line.starts_with("/docker-entrypoint")
            || line.starts_with("10-listen-on-ipv6")
            || line.starts_with("BusyBox v")
            || line.starts_with("Enter 'help'")
        {
            // nginx tells its version, kernel and worker processes; the recording's busybox greets at a terminal.
        } else if let Some((_, rest)) = line.split_once("[error] ") {
            // Which worker, which connection.
            lines.push(format!(
                "[error] {}",
                rest.split_once(' ').map_or(rest, |it| it
                    .1
                    .trim_start_matches(|c: char| c == '*' || c.is_ascii_digit() || c == ' '))
            ));
        } else if let Some((before, after)) = line.split_once(" - - [") {
            let asked = after.split_once("] ").map_or(after, |it| it.1);
            lines.push(format!("{before} - - [<time>] {}", without_curl_version(asked)));
        } else {
            lines.push(line.to_owned());
        }
        lines.extend(next);
    }
    // How often a probe asked in the same words is compared by the Events.
    let mut seen = std::collections::BTreeSet::new();
    lines.retain(|it| !(it.contains("[<time>]") || it.starts_with("[error]")) || seen.insert(it.clone()));
    lines
}

/// curl names its version to servers.
fn without_curl_version(line: &str) -> String {
    let Some((before, after)) = line.split_once("\"curl/") else { return line.to_owned() };
    let rest = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    [before, "\"curl/<version>", rest].concat()
}

/// The label's value is a name's hash without the name.
fn template_hashes(text: &str) -> String {
    let mut parts = text.split("pod-template-hash=");
    let mut out = parts.next().unwrap_or("").to_owned();
    for part in parts {
        out.push_str("pod-template-hash=<hash>");
        out.push_str(
            part.trim_start_matches("<hash>")
                .trim_start_matches(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit()),
        );
    }
    out
}

fn durations(text: &str) -> String {
    words(text, |word| {
        let number = word.trim_end_matches(char::is_alphabetic);
        let unit = &word[number.len()..];
        (!number.is_empty() && ["s", "ms"].contains(&unit)).then(|| "<duration>".to_owned())
    })
}

/// Replaces each run of name characters for which `replace` has an answer.
fn words(text: &str, replace: impl Fn(&str) -> Option<String>) -> String {
    let is_word = |c: char| c.is_alphanumeric() || c == '-' || c == '.';
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        if end == 0 {
            let next = rest.find(is_word).unwrap_or(rest.len());
            out.push_str(&rest[..next]);
            rest = &rest[next..];
            continue;
        }
        // A full stop that ends a sentence is no part of the word.
        let word = rest[..end].trim_end_matches('.');
        match replace(word) {
            Some(with) => out.push_str(&with),
            None => out.push_str(word),
        }
        out.push_str(&rest[word.len()..end]);
        rest = &rest[end..];
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        assert_eq!(generated_names("Created pod: web-6ffb57455-2l65p"), "Created pod: web-<hash>-<suffix>");
        assert_eq!(generated_names("svc-z49p8"), "svc-<suffix>");
        assert_eq!(generated_names("two-containers of web-server"), "two-containers of web-server");
    }

    #[test]
    fn counts() {
        let text =
            "PID USER COMMAND\n 1 root sh\n 15 root {ps} sh -c ps; exit 3\nhi\n face |bytes\n  lo: 0 0\nx: y";
        assert_eq!(
            machine_counts(text),
            "PID USER COMMAND\n 1 root sh\n<pid> root ps\nhi\n face |bytes\nlo: <counts>\nx: <counts>"
        );
    }

    #[test]
    fn messages() {
        assert_eq!(
            message(
                "Back-off restarting failed container c2 in pod busybox_31c-busybox(411af2d4-bdd9-48a3-a45a-810b0e49dccf)"
            ),
            "Back-off restarting failed container c2 in pod busybox_31c-busybox(<uid>)"
        );
        assert_eq!(
            message("Get \"http://10.244.0.7:8080/\": dial tcp 10.244.0.7:8080"),
            "Get \"http://<ip>:8080/\": dial tcp <ip>:8080"
        );
        assert_eq!(
            message(
                "Successfully pulled image \"busybox\" in 6.031s (12.078s including waiting). Image size: 2140972 bytes."
            ),
            "Successfully pulled image \"busybox\" in <duration> (<duration> including waiting). Image size: <size> bytes."
        );
    }
}
