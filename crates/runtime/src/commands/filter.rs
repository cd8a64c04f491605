//! Commands that read files or standard input line by line: cat, grep, sed, head, sort….

use std::sync::Arc;

use sim::Gather as _;

use super::awk::Awk;
use super::options::Options;
use super::regex::Regex;
use super::sed::Sed;
use super::{Command, sums};
use crate::kernel::{Flavour, OpenMode, Read, Step, Sys, Wait};

/// Bytes that a command keeps of its input (sort, tac…).
const KEPT_BYTES_MAX: usize = 8 << 20;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Filter {
    name: String,
    files: Vec<String>,
    next: usize,
    descriptor: Option<u32>,
    /// The beginning of a line.
    partial: Vec<u8>,
    kind: Kind,
    status: i32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Kind {
    Cat {
        number: Option<u64>,
    },
    Head {
        lines: Option<i64>,
        bytes: Option<i64>,
        left: i64,
        headers: bool,
    },
    Grep(Box<Grep>),
    Sed(Box<Sed>),
    Awk(Box<Awk>),
    Cut {
        by_field: bool,
        delimiter: char,
        ranges: Vec<(usize, usize)>,
        only_delimited: bool,
    },
    Translate {
        from: Vec<char>,
        to: Vec<char>,
        delete: bool,
        squeeze: bool,
        complement: bool,
        last: Option<char>,
    },
    Tee {
        outputs: Vec<u32>,
    },
    Reverse,
    Count {
        lines: u64,
        words: u64,
        bytes: u64,
        totals: (u64, u64, u64),
        show: String,
    },
    Unique {
        options: Arc<Options>,
        last: Option<String>,
        count: u64,
    },
    /// All of it at the end.
    Keep {
        options: Arc<Options>,
        lines: Vec<String>,
        bytes: usize,
    },
    /// All of it at the end of each file.
    Sum {
        data: Vec<u8>,
        options: Arc<Options>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Grep {
    patterns: Vec<Regex>,
    options: Options,
    count: u64,
    line: u64,
    found: bool,
    names: bool,
    before: Vec<String>,
    after_left: u64,
}

pub fn start(sys: &mut Sys<'_>, argv: &[String]) -> Result<Command, i32> {
    let name = sys.me().name().to_owned();
    let arguments = &argv[1..];
    let valued = match name.as_str() {
        "head" => "n c lines bytes",
        "cut" => "d f c b delimiter fields characters",
        "sort" => "k t o key field-separator",
        "grep" | "egrep" | "fgrep" => "e f m A B C",
        "sed" => "e f",
        "awk" => "F v f",
        "uniq" => "f s w",
        "base64" => "w",
        "nl" => "b w",
        _ => "",
    };
    let mut options =
        if name == "head" { head_options(arguments) } else { Options::parse(arguments, valued) };
    let status = 0;
    let kind = match name.as_str() {
        "cat" => Kind::Cat { number: options.has("n").then_some(0) },
        "nl" => Kind::Cat { number: Some(0) },
        "head" => Kind::Head {
            bytes: options.number("c"),
            lines: options.number("n").or(options.has("n").then_some(0)),
            left: 0,
            headers: 1 < options.rest.len() && !options.has("q"),
        },
        "grep" | "egrep" | "fgrep" => Kind::Grep(Box::new(grep(sys, &name, &mut options)?)),
        "sed" => Kind::Sed(Box::new(Sed::parse(sys, &mut options)?)),
        "awk" => Kind::Awk(Box::new(Awk::parse(sys, &mut options)?)),
        "cut" => cut(sys, &options)?,
        "tr" => {
            let [from, to] =
                [0, 1].map(|it| options.rest.get(it).map_or(Vec::new(), |text| characters(text)));
            options.rest.clear();
            Kind::Translate {
                from,
                to,
                delete: options.has("d"),
                squeeze: options.has("s"),
                complement: options.any(&["c", "C"]),
                last: None,
            }
        }
        "tee" => tee(sys, &mut options),
        "rev" => Kind::Reverse,
        "wc" => {
            let show: String = "lwc".chars().filter(|it| options.has(&it.to_string())).fill();
            let show = if show.is_empty() { "lwc".to_owned() } else { show };
            Kind::Count { lines: 0, words: 0, bytes: 0, totals: (0, 0, 0), show }
        }
        "uniq" => {
            let files = std::mem::take(&mut options.rest);
            let kind = Kind::Unique { options: Arc::new(options), last: None, count: 0 };
            return Ok(begin(name, files.into_iter().take(1).gather(), kind, status));
        }
        "base64" | "md5sum" | "sha256sum" => {
            let files = std::mem::take(&mut options.rest);
            return Ok(begin(
                name,
                files,
                Kind::Sum { data: Vec::new(), options: Arc::new(options) },
                status,
            ));
        }
        _ => {
            let files = std::mem::take(&mut options.rest);
            let kind = Kind::Keep { options: Arc::new(options), lines: Vec::new(), bytes: 0 };
            return Ok(begin(name, files, kind, status));
        }
    };
    Ok(begin(name, options.rest, kind, status))
}

fn begin(name: String, mut files: Vec<String>, kind: Kind, status: i32) -> Command {
    if files.is_empty() {
        files.push("-".to_owned());
    }
    Command::Filter(Box::new(Filter {
        name,
        files,
        next: 0,
        descriptor: None,
        partial: Vec::new(),
        kind,
        status,
    }))
}

/// `head -5` as well.
fn head_options(arguments: &[String]) -> Options {
    let short = |it: &String| match it.strip_prefix('-') {
        Some(number) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) => {
            format!("-n{number}")
        }
        _ => it.clone(),
    };
    Options::parse(&arguments.iter().map(short).gather(), "n c lines bytes")
}

fn grep(sys: &mut Sys<'_>, name: &str, options: &mut Options) -> Result<Grep, i32> {
    let mut texts: Vec<String> = options.values("e").map(str::to_owned).gather();
    if let Some(path) = options.value("f") {
        let data = sys.read_file(path).unwrap_or_default();
        texts.extend(String::from_utf8_lossy(&data).lines().map(str::to_owned));
    } else if texts.is_empty() {
        if options.rest.is_empty() {
            sys.err(&format!("{name}: no pattern\n"));
            return Err(2);
        }
        texts.push(options.rest.remove(0));
    }
    let fixed = options.has("F") || name == "fgrep";
    let extended = options.any(&["E", "P"]) || name == "egrep" || fixed;
    let mut patterns = Vec::new();
    for text in texts.iter().flat_map(|it| it.split('\n')) {
        let mut text = text.to_owned();
        if fixed {
            text = text.chars().fold(String::new(), |all, c| {
                if c.is_alphanumeric() || c.is_whitespace() {
                    all + &c.to_string()
                } else {
                    format!("{all}\\{c}")
                }
            });
        }
        let (open, close) = if extended { ("(", ")") } else { ("\\(", "\\)") };
        if options.has("w") {
            text = format!("\\b{open}{text}{close}\\b");
        }
        if options.has("x") {
            text = format!("^{open}{text}{close}$");
        }
        let Some(regex) = Regex::new(&text, extended, options.any(&["i", "y"])) else {
            sys.err(&format!("{name}: bad regex '{text}': Invalid regexp\n"));
            return Err(2);
        };
        patterns.push(regex);
    }
    if options.any(&["r", "R"]) {
        let roots =
            if options.rest.is_empty() { vec![".".to_owned()] } else { std::mem::take(&mut options.rest) };
        for root in roots {
            super::directory::files_below(sys, &root, &mut options.rest);
        }
        if options.rest.is_empty() {
            options.rest.push("/dev/null".to_owned());
        }
    }
    let names = (1 < options.rest.len() || options.any(&["H", "r", "R"])) && !options.has("h");
    Ok(Grep {
        patterns,
        options: Options { given: options.given.clone(), rest: Vec::new() },
        count: 0,
        line: 0,
        found: false,
        names,
        before: Vec::new(),
        after_left: 0,
    })
}

fn cut(sys: &mut Sys<'_>, options: &Options) -> Result<Kind, i32> {
    let by_field = options.has("f");
    let list = options.value("f").or(options.value("c")).or(options.value("b"));
    let Some(list) = list else {
        sys.err("cut: expected a list of bytes, characters, or fields\n");
        return Err(1);
    };
    let range = |text: &str| {
        let (low, high) = text.split_once('-').unwrap_or((text, text));
        let low = if low.is_empty() { 1 } else { low.parse().unwrap_or(1) };
        (low, if high.is_empty() { usize::MAX } else { high.parse().unwrap_or(low) })
    };
    Ok(Kind::Cut {
        by_field,
        delimiter: options.value("d").and_then(|it| it.chars().next()).unwrap_or('\t'),
        ranges: list.split(',').map(range).gather(),
        only_delimited: options.has("s"),
    })
}

fn tee(sys: &mut Sys<'_>, options: &mut Options) -> Kind {
    let mode = if options.has("a") { OpenMode::Append } else { OpenMode::Write };
    let mut outputs = vec![1];
    for path in std::mem::take(&mut options.rest) {
        match sys.open_number(&path, mode) {
            Ok(number) => outputs.push(number),
            Err(error) => sys.err(&format!("tee: {path}: {error}\n")),
        }
    }
    Kind::Tee { outputs }
}

/// `a-z`, `[:upper:]`, `\n`.
fn characters(text: &str) -> Vec<char> {
    let text = crate::shell::escapes::unescape(text, false).0;
    let mut all = Vec::new();
    let chars: Vec<char> = text.chars().gather();
    let mut at = 0;
    while at < chars.len() {
        if chars[at..].starts_with(&['[', ':'])
            && let Some(end) = chars[at..].windows(2).position(|it| it == [':', ']'])
        {
            let class: String = chars[at + 2..at + end].iter().fill();
            all.extend((0..128u8).map(char::from).filter(|it| crate::shell::pattern::in_class(&class, *it)));
            at += end + 2;
        } else if chars.get(at + 1) == Some(&'-') && at + 2 < chars.len() && chars[at] <= chars[at + 2] {
            all.extend((chars[at]..=chars[at + 2]).take(1000));
            at += 3;
        } else {
            all.push(chars[at]);
            at += 1;
        }
    }
    all
}

/// Whether a filter wants more.
type More = bool;

impl Filter {
    pub fn step(&mut self, sys: &mut Sys<'_>) -> Step {
        let Some(descriptor) = self.descriptor else { return self.next_file(sys) };
        match sys.read(descriptor, 65_536) {
            Ok(Read::Block) => Step::Wait(Wait::Readable(descriptor)),
            Ok(Read::Data(data)) => {
                if !self.feed(data, sys) {
                    return Step::Exited(self.finish(sys));
                }
                Step::Ready
            }
            Ok(Read::End) | Err(_) => {
                if !self.partial.is_empty() {
                    let line = std::mem::take(&mut self.partial);
                    if !self.lines(&line, false, sys) {
                        return Step::Exited(self.finish(sys));
                    }
                }
                self.end_of_file(sys);
                if descriptor != 0 {
                    sys.close(descriptor);
                }
                self.descriptor = None;
                Step::Ready
            }
        }
    }

    fn next_file(&mut self, sys: &mut Sys<'_>) -> Step {
        let Some(path) = self.files.get(self.next).cloned() else { return Step::Exited(self.finish(sys)) };
        self.next += 1;
        if path == "-" {
            self.descriptor = Some(0);
        } else {
            let opened = match sys.stat(&path, true) {
                Ok(stat) if stat.is_directory() => Err(crate::kernel::Errno::IsDirectory),
                _ => sys.open_number(&path, OpenMode::Read),
            };
            match opened {
                Ok(number) => self.descriptor = Some(number),
                Err(error) => {
                    let name = &self.name;
                    let busybox = sys.facts().flavour == Flavour::Busybox;
                    let text = match (name.as_str(), busybox) {
                        ("cat", true) if error == crate::kernel::Errno::IsDirectory => {
                            "cat: read error: Is a directory".to_owned()
                        }
                        ("cat" | "sha256sum" | "md5sum" | "wc" | "tac", true) => {
                            format!("{name}: can't open '{path}': {error}")
                        }
                        ("head" | "sort", false) => {
                            format!("{name}: cannot open '{path}' for reading: {error}")
                        }
                        _ => format!("{name}: {path}: {error}"),
                    };
                    sys.err(&format!("{text}\n"));
                    self.status = if matches!(self.kind, Kind::Grep(_)) { 2 } else { 1 };
                    return Step::Ready;
                }
            }
        }
        if let Kind::Head { lines, bytes, left, headers } = &mut self.kind {
            *left = bytes.or(*lines).unwrap_or(10);
            if *headers {
                let gap = if self.next == 1 { "" } else { "\n" };
                sys.out(&format!("{gap}==> {path} <==\n"));
            }
        }
        Step::Ready
    }

    fn feed(&mut self, data: Vec<u8>, sys: &mut Sys<'_>) -> More {
        match &mut self.kind {
            Kind::Cat { number: None } => {
                let _ = sys.write(1, &data);
                return true;
            }
            Kind::Tee { outputs } => {
                for number in outputs.clone() {
                    let _ = sys.write(number, &data);
                }
                return true;
            }
            Kind::Count { bytes, .. } => *bytes += data.len() as u64,
            Kind::Sum { data: all, .. } => {
                if all.len() < KEPT_BYTES_MAX {
                    all.extend(data);
                }
                return true;
            }
            Kind::Head { bytes: Some(_), left, .. } => {
                let length = data.len().min((*left).max(0) as usize);
                let _ = sys.write(1, &data[..length]);
                *left -= length as i64;
                return 0 < *left || self.next < self.files.len();
            }
            _ => {}
        }
        let mut data = data;
        if !self.partial.is_empty() {
            let mut all = std::mem::take(&mut self.partial);
            all.extend(data);
            data = all;
        }
        let end = data.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
        self.partial = data.split_off(end);
        if KEPT_BYTES_MAX < self.partial.len() {
            self.partial.clear();
        }
        data.is_empty() || self.lines(&data, true, sys)
    }

    /// Whole lines; the last one of a file may have no newline.
    fn lines(&mut self, data: &[u8], newline: bool, sys: &mut Sys<'_>) -> More {
        let text = String::from_utf8_lossy(data);
        let mut out = String::new();
        let file = self.files.get(self.next - 1).cloned().unwrap_or_default();
        let mut more = true;
        for line in text.split_inclusive('\n') {
            sys.burn(1);
            more = self.kind.line(line.strip_suffix('\n').unwrap_or(line), newline, &file, &mut out);
            if !more {
                if let Kind::Head { .. } = self.kind {
                    // What was not printed stays for the next one who reads.
                    let used = line.as_ptr() as usize - text.as_ptr() as usize + line.len();
                    if let (Some(number), true) = (self.descriptor, newline) {
                        let mut rest = data[used.min(data.len())..].to_vec();
                        rest.append(&mut self.partial);
                        sys.unread(number, &rest);
                    }
                }
                break;
            }
        }
        sys.out(&out);
        if !more && matches!(self.kind, Kind::Head { .. }) && self.next < self.files.len() {
            if let Some(number) = self.descriptor.take()
                && number != 0
            {
                sys.close(number);
            }
            self.partial.clear();
            more = true;
        }
        more
    }

    fn end_of_file(&mut self, sys: &mut Sys<'_>) {
        let file = self.files[self.next - 1].clone();
        match &mut self.kind {
            Kind::Count { lines, words, bytes, totals, show } => {
                *totals = (totals.0 + *lines, totals.1 + *words, totals.2 + *bytes);
                let name = if file == "-" { "" } else { &file };
                let text = count_line(*lines, *words, *bytes, show, name);
                (*lines, *words, *bytes) = (0, 0, 0);
                sys.out(&text);
            }
            Kind::Sum { data, options } => {
                let data = std::mem::take(data);
                let text = match self.name.as_str() {
                    "base64" if options.any(&["d", "D", "decode"]) => {
                        let decoded = sums::base64_decode(&data);
                        let _ = sys.write(1, &decoded);
                        return;
                    }
                    "base64" => sums::base64(&data, options.number("w").map_or(76, |it| it as usize)),
                    "md5sum" => format!("{}  {file}\n", sums::md5(&data)),
                    _ => format!("{}  {file}\n", sums::sha256(&data)),
                };
                sys.out(&text);
            }
            Kind::Grep(grep) => {
                let prefix = if grep.names { format!("{file}:") } else { String::new() };
                if grep.options.has("c") {
                    sys.out(&format!("{prefix}{}\n", grep.count));
                }
                if (grep.options.has("l") && 0 < grep.count) || (grep.options.has("L") && grep.count == 0) {
                    sys.out(&format!("{file}\n"));
                }
                (grep.count, grep.line) = (0, 0);
            }
            _ => {}
        }
    }

    fn finish(&mut self, sys: &mut Sys<'_>) -> i32 {
        let mut out = String::new();
        match &mut self.kind {
            Kind::Grep(grep) if self.status == 0 => {
                self.status = i32::from(!grep.found);
            }
            Kind::Sed(sed) => {
                sed.finish(&mut out);
                self.status = sed.status.max(self.status);
            }
            Kind::Awk(awk) => self.status = awk.finish(&mut out),
            Kind::Count { totals, show, .. } if 1 < self.files.len() => {
                out = count_line(totals.0, totals.1, totals.2, show, "total");
            }
            Kind::Unique { options, last: Some(last), count } => unique_line(options, last, *count, &mut out),
            Kind::Keep { options, lines, .. } => {
                if self.name == "sort" {
                    super::sums::sort(lines, options);
                } else {
                    lines.reverse();
                }
                for line in lines {
                    out.push_str(line);
                    out.push('\n');
                }
                if let Some(path) = options.value("o").filter(|_| self.name == "sort")
                    && let Ok(number) = sys.open_number(path, OpenMode::Write)
                {
                    let _ = sys.write(number, out.as_bytes());
                    return self.status;
                }
            }
            _ => {}
        }
        sys.out(&out);
        self.status
    }
}

fn count_line(lines: u64, words: u64, bytes: u64, show: &str, name: &str) -> String {
    let values: Vec<String> = [('l', lines), ('w', words), ('c', bytes)]
        .iter()
        .filter(|it| show.contains(it.0))
        .map(|it| it.1.to_string())
        .gather();
    let text = if values.len() == 1 {
        values[0].clone()
    } else {
        values.iter().map(|it| format!("{it:>9}")).gather().join(" ")
    };
    if name.is_empty() { format!("{text}\n") } else { format!("{text} {name}\n") }
}

fn unique_line(options: &Options, line: &str, count: u64, out: &mut String) {
    if (options.has("d") && count < 2) || (options.has("u") && 1 < count) {
        return;
    }
    if options.has("c") {
        out.push_str(&format!("{count:>7} "));
    }
    out.push_str(line);
    out.push('\n');
}

impl Kind {
    /// One line without its newline.
    fn line(&mut self, line: &str, newline: bool, file: &str, out: &mut String) -> More {
        match self {
            Kind::Cat { number } => {
                let number = number.get_or_insert(0);
                *number += 1;
                out.push_str(&format!("{number:>6}\t{line}\n"));
            }
            Kind::Head { left, lines, .. } => {
                if *left <= 0 {
                    return false;
                }
                let _ = lines;
                *left -= 1;
                out.push_str(line);
                if newline {
                    out.push('\n');
                }
                return 0 < *left;
            }
            Kind::Grep(grep) => return grep.line(line, file, out),
            Kind::Sed(sed) => return sed.line(line, out),
            Kind::Awk(awk) => return awk.line(line, file, out),
            Kind::Cut { by_field, delimiter, ranges, only_delimited } => {
                let chosen = |number: usize| ranges.iter().any(|it| (it.0..=it.1).contains(&number));
                if *by_field {
                    if !line.contains(*delimiter) {
                        if !*only_delimited {
                            out.push_str(line);
                            out.push('\n');
                        }
                        return true;
                    }
                    let fields: Vec<&str> = line
                        .split(*delimiter)
                        .enumerate()
                        .filter(|it| chosen(it.0 + 1))
                        .map(|it| it.1)
                        .gather();
                    out.push_str(&fields.join(&delimiter.to_string()));
                } else {
                    out.extend(line.chars().enumerate().filter(|it| chosen(it.0 + 1)).map(|it| it.1));
                }
                out.push('\n');
            }
            Kind::Translate { .. } => {
                for c in line.chars().chain(newline.then_some('\n')) {
                    self.translate(c, out);
                }
            }
            Kind::Reverse => {
                out.extend(line.chars().rev());
                out.push('\n');
            }
            Kind::Count { lines, words, .. } => {
                *lines += u64::from(newline);
                *words += line.split_ascii_whitespace().count() as u64;
            }
            Kind::Unique { options, last, count } => {
                let same = last.as_ref().is_some_and(|it| {
                    if options.has("i") { it.eq_ignore_ascii_case(line) } else { it == line }
                });
                if same {
                    *count += 1;
                } else {
                    if let Some(last) = last {
                        unique_line(options, last, *count, out);
                    }
                    (*last, *count) = (Some(line.to_owned()), 1);
                }
            }
            Kind::Keep { lines, bytes, .. } => {
                *bytes += line.len() + 24;
                if *bytes < KEPT_BYTES_MAX {
                    lines.push(line.to_owned());
                }
            }
            Kind::Tee { .. } | Kind::Sum { .. } => {}
        }
        true
    }

    fn translate(&mut self, c: char, out: &mut String) {
        let Kind::Translate { from, to, delete, squeeze, complement, last } = self else { return };
        let place = from.iter().position(|it| *it == c);
        let hit = place.is_some() != *complement;
        let mut result = c;
        if hit {
            if *delete {
                return;
            }
            if let Some(end) = to.last() {
                result = place.and_then(|it| to.get(it)).copied().unwrap_or(*end);
            }
        }
        if *squeeze && hit && *last == Some(result) {
            return;
        }
        *last = Some(result);
        out.push(result);
    }
}

impl Grep {
    fn line(&mut self, line: &str, file: &str, out: &mut String) -> More {
        self.line += 1;
        let found = self.patterns.iter().any(|it| it.find(line, 0).is_some());
        let (options, names) = (&self.options, self.names);
        let number = self.line;
        let show = |line: &str, sign: char, out: &mut String| {
            if names {
                out.push_str(file);
                out.push(sign);
            }
            if options.has("n") {
                out.push_str(&format!("{number}{sign}"));
            }
            out.push_str(line);
            out.push('\n');
        };
        if found == options.has("v") {
            if 0 < self.after_left {
                self.after_left -= 1;
                show(line, '-', out);
            } else {
                self.before.push(line.to_owned());
                let keep = options.number("B").or(options.number("C")).unwrap_or(0) as usize;
                if keep < self.before.len() {
                    self.before.remove(0);
                }
            }
            return true;
        }
        self.found = true;
        self.count += 1;
        if options.has("q") {
            return false;
        }
        if options.any(&["c", "l", "L"]) {
            return true;
        }
        for line in std::mem::take(&mut self.before) {
            show(&line, '-', out);
        }
        self.after_left = options.number("A").or(options.number("C")).unwrap_or(0) as u64;
        if options.has("o") && !options.has("v") {
            let mut from = 0;
            while let Some(groups) = self.patterns.iter().find_map(|it| it.find(line, from)) {
                let Some((start, end)) = groups[0] else { break };
                if start < end {
                    show(&line[start..end], ':', out);
                }
                from = if end == start { end + 1 } else { end };
                if line.len() < from || !line.is_char_boundary(from) {
                    break;
                }
            }
        } else {
            show(line, ':', out);
        }
        options.number("m").is_none_or(|it| (self.count as i64) < it)
    }
}
