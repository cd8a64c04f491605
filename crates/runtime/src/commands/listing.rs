//! Commands that tell of files: ls, find, stat, du.

use sim::{Gather as _, Sort as _};

use super::directory::{complain, join};
use super::options::Options;
use super::test::kind_letter;
use super::{clock, system};
use crate::files::{Inode, Node};
use crate::kernel::{Errno, Flavour, Stat, Sys};

fn permissions(stat: &Stat) -> String {
    let mode = stat.inode.mode;
    let mut text = kind_letter(&stat.inode.node).to_string();
    for (shift, special) in [(6, 0o4000), (3, 0o2000), (0, 0)] {
        let bits = mode >> shift & 7;
        for (bit, letter) in [(4, 'r'), (2, 'w'), (1, 'x')] {
            text.push(if bits & bit == 0 { '-' } else { letter });
        }
        if mode & special != 0 {
            text.pop();
            text.push(if bits & 1 == 0 { 'S' } else { 's' });
        }
    }
    if mode & 0o1000 != 0 {
        text.pop();
        text.push(if mode & 1 == 0 { 'T' } else { 't' });
    }
    text
}

fn long_line(sys: &mut Sys<'_>, name: &str, stat: &Stat, human: bool, numbers: bool) -> String {
    let inode = &stat.inode;
    let mut who = |file: &str, number: u32| {
        let name = if numbers { None } else { system::name_of(sys, file, number) };
        name.unwrap_or_else(|| number.to_string())
    };
    let (user, group) = (who("/etc/passwd", inode.uid), who("/etc/group", inode.gid));
    let unix = sys.facts().epoch_seconds + inode.modified.as_secs() as i64;
    let when = clock::format("%b %e %H:%M", unix, 0);
    let size = if human { system::size(inode.size(), true) } else { inode.size().to_string() };
    let arrow = if let Node::Symlink(target) = &inode.node { format!(" -> {target}") } else { String::new() };
    let links = sys.links(stat);
    let mode = permissions(stat);
    if sys.facts().flavour == Flavour::Gnu {
        return format!("{mode} {links} {user} {group} {size:>5} {when} {name}{arrow}\n");
    }
    format!("{mode} {links:>4} {user:<8} {group:<8} {size:>9} {when} {name}{arrow}\n")
}

/// Kibibytes on the disk; a short link lies within its inode.
fn blocks(inode: &Inode) -> u64 {
    if matches!(inode.node, Node::Symlink(_)) { 0 } else { inode.size().div_ceil(4096) * 4 }
}

fn list_directory(sys: &mut Sys<'_>, path: &str, options: &Options, out: &mut String) -> Result<(), Errno> {
    let mut names = sys.list(path)?;
    if options.any(&["a", "A"]) {
        if options.has("a") {
            names.splice(0..0, [".".to_owned(), "..".to_owned()]);
        }
    } else {
        names.retain(|it| !it.starts_with('.'));
    }
    let stats: Vec<(String, Option<Stat>)> =
        names.into_iter().map(|name| (name.clone(), sys.stat(&join(path, &name), false).ok())).gather();
    if options.has("l") || options.has("n") {
        let blocks: u64 = stats.iter().filter_map(|it| it.1.as_ref()).map(|it| blocks(&it.inode)).sum();
        out.push_str(&format!("total {blocks}\n"));
    }
    print_entries(sys, stats.clone(), options, out);
    if options.has("R") {
        for (name, stat) in stats {
            if stat.is_some_and(|it| it.is_directory()) && name != "." && name != ".." && out.len() < 1 << 20
            {
                let inner = join(path, &name);
                out.push_str(&format!("\n{inner}:\n"));
                // A directory that may not be read is left out.
                let _ = list_directory(sys, &inner, options, out);
            }
        }
    }
    Ok(())
}

fn print_entries(
    sys: &mut Sys<'_>,
    mut stats: Vec<(String, Option<Stat>)>,
    options: &Options,
    out: &mut String,
) {
    if options.has("t") {
        stats.put_in_order_by_key(|it| std::cmp::Reverse(it.1.as_ref().map(|it| it.inode.modified)));
    }
    if options.has("S") {
        stats.put_in_order_by_key(|it| std::cmp::Reverse(it.1.as_ref().map(|it| it.inode.size())));
    }
    if options.has("r") {
        stats.reverse();
    }
    let mut names = Vec::new();
    for (name, stat) in stats {
        match stat {
            Some(stat) if options.has("l") || options.has("n") => {
                out.push_str(&long_line(sys, &name, &stat, options.has("h"), options.has("n")));
            }
            Some(stat) => {
                let mark = match &stat.inode.node {
                    Node::Directory(_) if options.any(&["F", "p"]) => "/",
                    Node::Symlink(_) if options.has("F") => "@",
                    Node::File(_) if options.has("F") && stat.inode.mode & 0o111 != 0 => "*",
                    _ => "",
                };
                names.push(format!("{name}{mark}"));
            }
            None => names.push(name),
        }
    }
    if names.is_empty() {
        return;
    }
    if options.has("1") || !sys.is_tty(1) {
        out.push_str(&(names.join("\n") + "\n"));
        return;
    }
    // In columns on a terminal.
    let width = names.iter().map(|it| it.chars().count()).max().unwrap_or(0) + 2;
    let columns = (80 / width).max(1);
    let rows = names.len().div_ceil(columns);
    for row in 0..rows {
        let line: String = names.iter().skip(row).step_by(rows).map(|it| format!("{it:<width$}")).fill();
        out.push_str(line.trim_end());
        out.push('\n');
    }
}

pub fn ls(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let mut options = Options::parse(&argv[1..], "I");
    if options.rest.is_empty() {
        options.rest.push(".".to_owned());
    }
    let mut status = 0;
    let mut out = String::new();
    let (mut files, mut directories) = (Vec::new(), Vec::new());
    for path in &options.rest {
        let follow = !options.has("l") || path.ends_with('/');
        match sys.stat(path, follow) {
            Ok(stat) if stat.is_directory() && !options.has("d") => directories.push(path.clone()),
            Ok(stat) => files.push((path.clone(), Some(stat))),
            Err(error) => {
                let text = match sys.facts().flavour {
                    Flavour::Gnu => format!("{who}: cannot access '{path}': {error}\n"),
                    Flavour::Busybox => format!("{who}: {path}: {error}\n"),
                };
                sys.err(&text);
                status = if sys.facts().flavour == Flavour::Gnu { 2 } else { 1 };
            }
        }
    }
    let heads = 1 < options.rest.len() || options.has("R");
    let any = !files.is_empty();
    print_entries(sys, files, &options, &mut out);
    for (number, path) in directories.iter().enumerate() {
        if heads {
            let gap = if any || 0 < number { "\n" } else { "" };
            out.push_str(&format!("{gap}{path}:\n"));
        }
        if let Err(error) = list_directory(sys, path, &options, &mut out) {
            status = complain(sys, who, "cannot open directory", "can't open", path, error);
        }
    }
    sys.out(&out);
    status
}

pub fn find(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let end =
        argv[1..].iter().position(|it| it.starts_with('-') || it == "!").map_or(argv.len(), |it| it + 1);
    let mut roots = argv[1..end].to_vec();
    if roots.is_empty() {
        roots.push(".".to_owned());
    }
    let tests = &argv[end..];
    let value = |name: &str| tests.iter().position(|it| it == name).and_then(|it| tests.get(it + 1)).cloned();
    let known = [
        "-name",
        "-iname",
        "-type",
        "-maxdepth",
        "-mindepth",
        "-delete",
        "-print",
        "-path",
        "-size",
        "-mmin",
    ];
    if let Some(unknown) = tests.iter().find(|it| it.starts_with('-') && !known.contains(&it.as_str())) {
        sys.err(&format!("{who}: unrecognized: {unknown}\n"));
        return 1;
    }
    let depth = |name: &str| value(name).and_then(|it| it.parse::<usize>().ok());
    let (most, least) = (depth("-maxdepth").unwrap_or(64), depth("-mindepth").unwrap_or(0));
    let (name, iname, kind, path) = (value("-name"), value("-iname"), value("-type"), value("-path"));
    let now = sys.now;
    let mut out = String::new();
    let mut status = 0;
    let mut open: Vec<(String, usize)> = roots.into_iter().rev().map(|it| (it, 0)).gather();
    let mut doomed = Vec::new();
    while let Some((at, level)) = open.pop() {
        let Ok(stat) = sys.stat(&at, false) else {
            sys.err(&format!("{who}: {at}: No such file or directory\n"));
            status = 1;
            continue;
        };
        if stat.is_directory() && level < most {
            let names = sys.list(&at).unwrap_or_default();
            open.extend(
                names
                    .into_iter()
                    .filter(|it| at != "/" || it != "proc")
                    .rev()
                    .map(|it| (join(&at, &it), level + 1)),
            );
        }
        let own = at.rsplit('/').next().unwrap_or(&at);
        let letter = match kind_letter(&stat.inode.node) {
            '-' => 'f',
            other => other,
        };
        let minutes = now.since(stat.inode.modified).as_secs() / 60;
        let young = value("-mmin").is_none_or(|it| match it.split_at(1) {
            ("-", number) => number.parse().is_ok_and(|it: u64| minutes < it),
            ("+", number) => number.parse().is_ok_and(|it: u64| it < minutes),
            _ => it.parse() == Ok(minutes),
        });
        let matches = least <= level
            && young
            && name.as_ref().is_none_or(|it| crate::shell::pattern::matches(it, own))
            && iname.as_ref().is_none_or(|it| {
                crate::shell::pattern::matches(&it.to_ascii_lowercase(), &own.to_ascii_lowercase())
            })
            && path.as_ref().is_none_or(|it| crate::shell::pattern::matches(it, &at))
            && kind.as_ref().is_none_or(|it| it.starts_with(letter));
        if matches {
            if tests.iter().any(|it| it == "-delete") {
                doomed.push(at);
            } else {
                out.push_str(&at);
                out.push('\n');
            }
        }
        if (1 << 20) < out.len() {
            break;
        }
    }
    for path in doomed.iter().rev() {
        if sys.remove(path, false).is_err() {
            status = 1;
        }
    }
    sys.out(&out);
    status
}

pub fn stat(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let options = Options::parse(&argv[1..], "c");
    let mut status = 0;
    for path in &options.rest {
        let stat = match sys.stat(path, options.has("L")) {
            Ok(stat) => stat,
            Err(error) => {
                status = complain(sys, who, "cannot statx", "can't stat", path, error);
                continue;
            }
        };
        let inode = &stat.inode;
        let unix = sys.facts().epoch_seconds + inode.modified.as_secs() as i64;
        let when = clock::format("%F %T.000000000 +0000", unix, 0);
        let user = system::name_of(sys, "/etc/passwd", inode.uid).unwrap_or_else(|| "UNKNOWN".to_owned());
        let group = system::name_of(sys, "/etc/group", inode.gid).unwrap_or_else(|| "UNKNOWN".to_owned());
        let kind = match kind_letter(&inode.node) {
            'd' => "directory",
            'l' => "symbolic link",
            'c' => "character special file",
            's' => "socket",
            _ if inode.size() == 0 => "regular empty file",
            _ => "regular file",
        };
        let mode = permissions(&stat);
        let text = match options.value("c") {
            Some(format) => {
                let pairs = [
                    ("%a", format!("{:o}", inode.mode)),
                    ("%A", mode),
                    ("%s", inode.size().to_string()),
                    ("%n", path.clone()),
                    ("%u", inode.uid.to_string()),
                    ("%g", inode.gid.to_string()),
                    ("%U", user),
                    ("%G", group),
                    ("%F", kind.to_owned()),
                    ("%Y", unix.to_string()),
                    ("%y", when),
                    ("%i", stat.ino.0.to_string()),
                    ("%h", inode.links.to_string()),
                ];
                pairs.iter().fold(format.to_owned(), |text, it| text.replace(it.0, &it.1)) + "\n"
            }
            None => format!(
                "  File: {path}\n  Size: {}\t\tBlocks: {}          IO Block: 4096   {kind}\nDevice: 0,50\tInode: {}  Links: {}\nAccess: ({:04o}/{mode})  Uid: ({:>5}/{user:>8})   Gid: ({:>5}/{group:>8})\nAccess: {when}\nModify: {when}\nChange: {when}\n",
                inode.size(),
                inode.size().div_ceil(512),
                stat.ino.0,
                inode.links,
                inode.mode,
                inode.uid,
                inode.gid
            ),
        };
        sys.out(&text);
    }
    status
}

fn usage_of(sys: &Sys<'_>, path: &str, all: &mut Vec<(String, u64)>) -> u64 {
    let Ok(stat) = sys.stat(path, false) else { return 0 };
    if !stat.is_directory() {
        return stat.inode.size().div_ceil(4096) * 4096;
    }
    let mut sum = 4096;
    for name in sys.list(path).unwrap_or_default() {
        if path != "/" || name != "proc" {
            sum += usage_of(sys, &join(path, &name), all);
        }
    }
    all.push((path.to_owned(), sum));
    sum
}

pub fn du(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let mut options = Options::parse(&argv[1..], "d");
    if options.rest.is_empty() {
        options.rest.push(".".to_owned());
    }
    let mut status = 0;
    let mut out = String::new();
    for path in &options.rest {
        if let Err(error) = sys.stat(path, true) {
            sys.err(&format!("{who}: {path}: {error}\n"));
            status = 1;
            continue;
        }
        let mut all = Vec::new();
        let sum = usage_of(sys, path, &mut all);
        if options.has("s") || all.is_empty() {
            all = vec![(path.clone(), sum)];
        }
        for (path, bytes) in all {
            let size = if options.has("m") {
                bytes.div_ceil(1 << 20).to_string()
            } else {
                system::size(bytes, options.has("h"))
            };
            out.push_str(&format!("{size}\t{path}\n"));
        }
    }
    sys.out(&out);
    status
}
