//! Commands about files: ls, cp, mv, rm, mkdir, find, chmod, du, dd….

use std::collections::BTreeMap;
use std::sync::Arc;

use super::options::Options;
use super::output::missing;
use super::test::kind_letter;
use super::{clock, system};
use crate::files::{Content, Node};
use crate::kernel::{Errno, Flavour, OpenMode, Read, Stat, Sys};

/// Files that one command goes through.
const FILES_MAX: usize = 50_000;

fn join(directory: &str, name: &str) -> String {
    format!("{}/{name}", directory.trim_end_matches('/'))
}

fn complain(sys: &mut Sys<'_>, who: &str, gnu: &str, busybox: &str, path: &str, error: Errno) -> i32 {
    let text = match sys.facts().flavour {
        Flavour::Gnu => format!("{who}: {gnu} '{path}': {error}\n"),
        Flavour::Busybox => format!("{who}: {busybox} '{path}': {error}\n"),
    };
    sys.err(&text);
    1
}

/// All regular files at and below a path.
pub fn files_below(sys: &Sys<'_>, path: &str, found: &mut Vec<String>) {
    let Ok(stat) = sys.stat(path, true) else {
        found.push(path.to_owned());
        return;
    };
    if !stat.is_directory() {
        found.push(path.to_owned());
        return;
    }
    for name in sys.list(path).unwrap_or_default() {
        if found.len() < FILES_MAX && name != "proc" {
            files_below(sys, &join(path, &name), found);
        }
    }
}

pub fn mktemp(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    const LETTERS: &[u8] = b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
    let options = Options::parse(&argv[1..], "p");
    let template = options.rest.first().map_or("/tmp/tmp.XXXXXX", String::as_str);
    let stem = template.trim_end_matches('X');
    let suffix: String = (stem.len()..template.len())
        .map(|_| char::from(LETTERS[(sys.random() % LETTERS.len() as u64) as usize]))
        .collect();
    let path = format!("{stem}{suffix}");
    let node =
        if options.has("d") { Node::Directory(BTreeMap::default()) } else { Node::File(Content::text("")) };
    match sys.make_node(&path, node, if options.has("d") { 0o700 } else { 0o600 }) {
        Ok(()) => {
            sys.out(&format!("{path}\n"));
            0
        }
        Err(error) => {
            sys.err(&format!("{who}: {error}\n"));
            1
        }
    }
}

pub fn touch(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let options = Options::parse(&argv[1..], "d t r");
    if options.rest.is_empty() {
        return missing(sys, who);
    }
    let mut status = 0;
    for path in &options.rest {
        let outcome = if sys.exists(path) {
            let now = sys.now;
            sys.change(path, |it| it.modified = now)
        } else if options.has("c") {
            Ok(())
        } else {
            sys.open(path, OpenMode::Append).map(|id| sys.let_go(id))
        };
        if let Err(error) = outcome {
            let text = match sys.facts().flavour {
                Flavour::Gnu => format!("{who}: cannot touch '{path}': {error}\n"),
                Flavour::Busybox => format!("{who}: {path}: {error}\n"),
            };
            sys.err(&text);
            status = 1;
        }
    }
    status
}

pub fn rm(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let options = Options::parse(&argv[1..], "");
    let (all, force) = (options.any(&["r", "R", "recursive"]), options.any(&["f", "force"]));
    if options.rest.is_empty() && !force {
        return missing(sys, who);
    }
    let mut status = 0;
    for path in &options.rest {
        let stat = sys.stat(path, false);
        let outcome = match &stat {
            Ok(stat) if stat.is_directory() && !all => {
                let text = match sys.facts().flavour {
                    Flavour::Gnu => format!("{who}: cannot remove '{path}': Is a directory\n"),
                    Flavour::Busybox => format!("{who}: '{path}' is a directory\n"),
                };
                sys.err(&text);
                status = 1;
                continue;
            }
            Ok(_) => sys.remove(path, all),
            Err(error) => Err(*error),
        };
        match outcome {
            Ok(()) => {}
            Err(Errno::NotFound) if force => {}
            Err(error) => status = complain(sys, who, "cannot remove", "can't remove", path, error),
        }
    }
    status
}

pub fn rmdir(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let options = Options::parse(&argv[1..], "");
    let mut status = 0;
    for path in &options.rest {
        let outcome = match sys.stat(path, false) {
            Ok(stat) if !stat.is_directory() => Err(Errno::NotDirectory),
            Ok(_) => sys.remove(path, false),
            Err(error) => Err(error),
        };
        if let Err(error) = outcome {
            let _ = complain(sys, who, "failed to remove", "", path, error);
            status = 1;
        }
    }
    status
}

fn make_parents(sys: &mut Sys<'_>, path: &str) -> Result<(), Errno> {
    let mut done = String::new();
    for name in path.split('/') {
        if done.is_empty() && name.is_empty() {
            done.push('/');
            continue;
        }
        if !done.is_empty() && !done.ends_with('/') {
            done.push('/');
        }
        done.push_str(name);
        if name.is_empty() || sys.stat(&done, true).is_ok_and(|it| it.is_directory()) {
            continue;
        }
        sys.make_directory(&done)?;
    }
    Ok(())
}

pub fn mkdir(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let options = Options::parse(&argv[1..], "m");
    if options.rest.is_empty() {
        return missing(sys, who);
    }
    let mut status = 0;
    for path in &options.rest {
        let outcome =
            if options.any(&["p", "parents"]) { make_parents(sys, path) } else { sys.make_directory(path) };
        let outcome = outcome.and_then(|()| match options.value("m") {
            Some(mode) => sys.change(path, |it| it.mode = new_mode(mode, it.mode)),
            None => Ok(()),
        });
        if let Err(error) = outcome {
            status = complain(sys, who, "cannot create directory", "can't create directory", path, error);
        }
    }
    status
}

/// Where `cp` and `mv` put a source: into a directory, or under the name given.
fn target_of(sys: &Sys<'_>, source: &str, target: &str) -> String {
    if sys.stat(target, true).is_ok_and(|it| it.is_directory()) {
        let name = source.trim_end_matches('/').rsplit('/').next().unwrap_or(source);
        return join(target, name);
    }
    target.to_owned()
}

fn copy(sys: &mut Sys<'_>, from: &str, to: &str, keep: bool) -> Result<(), Errno> {
    let stat = sys.stat(from, !keep)?;
    if !sys.may(&stat.inode, 4) {
        return Err(Errno::Access);
    }
    match &stat.inode.node {
        Node::Directory(_) => {
            if !sys.exists(to) {
                sys.make_directory(to)?;
            }
            for name in sys.list(from)? {
                copy(sys, &join(from, &name), &join(to, &name), keep)?;
            }
        }
        node => {
            if sys.stat(to, true).is_ok_and(|it| (it.tree, it.ino) == (stat.tree, stat.ino))
                && stat.tree.0 != 0
            {
                return Err(Errno::Exists);
            }
            let data =
                if let Node::File(Content::Bytes(data)) = node { Some(Arc::clone(data)) } else { None };
            if let (Some(data), true) = (&data, sys.exists(to)) {
                // Over what is there: owner and mode stay.
                let id = sys.open_number(to, OpenMode::Write)?;
                let outcome = sys.write(id, data);
                sys.close(id);
                return outcome;
            }
            sys.make_node(to, node.clone(), stat.inode.mode)?;
        }
    }
    if keep {
        let modified = stat.inode.modified;
        sys.change(to, |it| it.modified = modified)?;
    }
    Ok(())
}

pub fn cp(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let options = Options::parse(&argv[1..], "t");
    let Some((target, sources)) = options.rest.split_last().filter(|it| !it.1.is_empty()) else {
        return missing(sys, who);
    };
    let all = options.any(&["r", "R", "a"]);
    let mut status = 0;
    for source in sources {
        let to = target_of(sys, source, target);
        let directory = sys.stat(source, true).is_ok_and(|it| it.is_directory());
        if directory && !all {
            let text = match sys.facts().flavour {
                Flavour::Gnu => format!("{who}: -r not specified; omitting directory '{source}'\n"),
                Flavour::Busybox => format!("{who}: omitting directory '{source}'\n"),
            };
            sys.err(&text);
            status = 1;
            continue;
        }
        if let Err(error) = copy(sys, source, &to, options.any(&["a", "p", "P", "d"])) {
            let there = sys.exists(source);
            status = if there {
                complain(sys, who, "cannot create regular file", "can't create", &to, error)
            } else {
                complain(sys, who, "cannot stat", "can't stat", source, error)
            };
        }
    }
    status
}

pub fn mv(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let options = Options::parse(&argv[1..], "t");
    let Some((target, sources)) = options.rest.split_last().filter(|it| !it.1.is_empty()) else {
        return missing(sys, who);
    };
    let mut status = 0;
    for source in sources {
        let to = target_of(sys, source, target);
        if options.has("n") && sys.exists(&to) {
            continue;
        }
        let mut outcome = sys.rename(source, &to);
        if outcome == Err(Errno::Busy) {
            // To another file system: copy, then remove.
            outcome = copy(sys, source, &to, true).and_then(|()| sys.remove(source, true));
        }
        if let Err(error) = outcome {
            status = match error {
                Errno::NotFound if !sys.exists(source) => {
                    complain(sys, who, "cannot stat", "can't rename", source, error)
                }
                _ => complain(sys, who, "cannot move", "can't rename", source, error),
            };
        }
    }
    status
}

pub fn ln(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let options = Options::parse(&argv[1..], "");
    let [source, rest @ ..] = options.rest.as_slice() else { return missing(sys, who) };
    let target = target_of(sys, source, rest.last().map_or(".", String::as_str));
    if options.has("f") && sys.stat(&target, false).is_ok() {
        // What cannot be removed shows in the next step.
        let _ = sys.remove(&target, false);
    }
    let outcome = if options.has("s") {
        sys.make_node(&target, Node::Symlink(Arc::from(source.as_str())), 0o777)
    } else {
        sys.link(source, &target)
    };
    match outcome {
        Ok(()) => 0,
        Err(error) => {
            sys.err(&format!("{who}: {target}: {error}\n"));
            1
        }
    }
}

fn permissions(stat: &Stat) -> String {
    let mode = stat.inode.mode;
    let mut text = kind_letter(&stat.inode.node).to_string();
    for shift in [6, 3, 0] {
        let bits = mode >> shift & 7;
        for (bit, letter) in [(4, 'r'), (2, 'w'), (1, 'x')] {
            text.push(if bits & bit == 0 { '-' } else { letter });
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
    let links = inode.links.max(if stat.is_directory() { 2 } else { 1 });
    let mode = permissions(stat);
    if sys.facts().flavour == Flavour::Gnu {
        return format!("{mode} {links} {user} {group} {size:>5} {when} {name}{arrow}\n");
    }
    format!("{mode} {links:>4} {user:<8} {group:<8} {size:>9} {when} {name}{arrow}\n")
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
        names.into_iter().map(|name| (name.clone(), sys.stat(&join(path, &name), false).ok())).collect();
    if options.has("l") || options.has("n") {
        let blocks: u64 =
            stats.iter().filter_map(|it| it.1.as_ref()).map(|it| it.inode.size().div_ceil(4096) * 4).sum();
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
        stats.sort_by_key(|it| std::cmp::Reverse(it.1.as_ref().map(|it| it.inode.modified)));
    }
    if options.has("S") {
        stats.sort_by_key(|it| std::cmp::Reverse(it.1.as_ref().map(|it| it.inode.size())));
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
        let line: String = names.iter().skip(row).step_by(rows).map(|it| format!("{it:<width$}")).collect();
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
    let mut open: Vec<(String, usize)> = roots.into_iter().rev().map(|it| (it, 0)).collect();
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
            && iname
                .as_ref()
                .is_none_or(|it| crate::shell::pattern::matches(&it.to_lowercase(), &own.to_lowercase()))
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

/// `755`, `u+x`, `go-w`, `a=r`.
fn new_mode(text: &str, old: u32) -> u32 {
    if let Ok(mode) = u32::from_str_radix(text, 8) {
        return mode & 0o7777;
    }
    let mut mode = old;
    for clause in text.split(',') {
        let Some(at) = clause.find(['+', '-', '=']) else { continue };
        let (who, rest) = clause.split_at(at);
        let mut mask = 0;
        for (letter, bits) in [('u', 0o700), ('g', 0o070), ('o', 0o007)] {
            if who.is_empty() || who.contains('a') || who.contains(letter) {
                mask |= bits;
            }
        }
        let mut bits = 0;
        for (letter, value) in [('r', 0o444), ('w', 0o222), ('x', 0o111), ('X', 0o111)] {
            if rest[1..].contains(letter) {
                bits |= value;
            }
        }
        let mut bits = bits & mask;
        if rest.contains('t') {
            bits |= 0o1000;
        }
        mode = match &rest[..1] {
            "+" => mode | bits,
            "-" => mode & !bits,
            _ => mode & !mask | bits,
        };
    }
    mode
}

fn for_all(
    sys: &mut Sys<'_>,
    path: &str,
    all: bool,
    act: &mut dyn FnMut(&mut Sys<'_>, &str) -> Result<(), Errno>,
) -> Result<(), Errno> {
    act(sys, path)?;
    if all && sys.stat(path, false).is_ok_and(|it| it.is_directory()) {
        for name in sys.list(path)? {
            for_all(sys, &join(path, &name), all, act)?;
        }
    }
    Ok(())
}

pub fn chmod(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let all = argv.iter().any(|it| it == "-R");
    let words: Vec<&String> =
        argv[1..].iter().filter(|it| !matches!(it.as_str(), "-R" | "-v" | "-c")).collect();
    let Some((mode, paths)) = words.split_first().filter(|it| !it.1.is_empty()) else {
        return missing(sys, who);
    };
    let mut status = 0;
    for path in paths {
        let outcome =
            for_all(sys, path, all, &mut |sys, at| sys.change(at, |it| it.mode = new_mode(mode, it.mode)));
        if let Err(error) = outcome {
            sys.err(&format!("{who}: {path}: {error}\n"));
            status = 1;
        }
    }
    status
}

pub fn chown(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let options = Options::parse(&argv[1..], "");
    let Some((owner, paths)) = options.rest.split_first().filter(|it| !it.1.is_empty()) else {
        return missing(sys, who);
    };
    let (user, group) = match owner.split_once([':', '.']) {
        _ if who == "chgrp" => ("", owner.as_str()),
        Some(both) => both,
        None => (owner.as_str(), ""),
    };
    let mut number = |name: &str| match name {
        "" => Some(None),
        name => system::user(sys, name).map(|it| Some(it.0)),
    };
    let (Some(uid), Some(gid)) = (number(user), number(group)) else {
        sys.err(&format!("{who}: unknown user {owner}\n"));
        return 1;
    };
    let root = sys.me().credentials.uid == 0;
    let mut status = 0;
    for path in paths {
        let outcome = for_all(sys, path, options.has("R"), &mut |sys, at| {
            if !root && uid.is_some() {
                return Err(Errno::NotPermitted);
            }
            sys.change(at, |it| {
                it.uid = uid.unwrap_or(it.uid);
                it.gid = gid.unwrap_or(it.gid);
            })
        });
        if let Err(error) = outcome {
            sys.err(&format!("{who}: {path}: {error}\n"));
            status = 1;
        }
    }
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

pub fn readlink(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let options = Options::parse(&argv[1..], "");
    let mut status = 0;
    for path in &options.rest {
        let found = if who == "realpath" || options.any(&["f", "e", "m"]) {
            sys.find(path, true).map(|it| it.path)
        } else {
            match sys.stat(path, false).map(|it| it.inode) {
                Ok(inode) => match &inode.node {
                    Node::Symlink(target) => Ok(target.to_string()),
                    _ => Err(Errno::Invalid),
                },
                Err(error) => Err(error),
            }
        };
        match found {
            Ok(path) => sys.out(&format!("{path}\n")),
            Err(error) => {
                if who == "realpath" {
                    sys.err(&format!("{who}: {path}: {error}\n"));
                }
                status = 1;
            }
        }
    }
    status
}

/// From `10`, `1k`, `4M`, `2G`.
fn bytes_of(text: &str) -> Option<u64> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..end].parse().ok()?;
    let unit = match text[end..].to_ascii_lowercase().as_str() {
        "" | "c" | "b" if text.ends_with('b') => 512,
        "" | "c" => 1,
        "k" | "ki" | "kib" => 1 << 10,
        "m" | "mi" | "mib" => 1 << 20,
        "g" | "gi" | "gib" => 1 << 30,
        _ => return None,
    };
    number.checked_mul(unit)
}

pub fn truncate(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let options = Options::parse(&argv[1..], "s");
    let Some(size) = options.value("s").and_then(bytes_of) else { return missing(sys, who) };
    let mut status = 0;
    for path in &options.rest {
        let outcome = sys.open(path, OpenMode::Append).and_then(|id| {
            sys.let_go(id);
            let (stat, now) = (sys.stat(path, true)?, sys.now);
            sys.trees.get_mut(stat.tree).ok_or(Errno::NotFound)?.truncate(stat.ino, size, now)
        });
        if let Err(error) = outcome {
            sys.err(&format!("{who}: {path}: {error}\n"));
            status = 1;
        }
    }
    status
}

pub fn dd(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let value = |name: &str| argv.iter().find_map(|it| it.strip_prefix(name)?.strip_prefix('='));
    let size = value("bs").map_or(Some(512), bytes_of);
    let count = value("count").map(str::parse::<u64>);
    let (Some(size), false) = (size, matches!(count, Some(Err(_)))) else {
        sys.err(&format!("{who}: invalid number\n"));
        return 1;
    };
    let count = count.and_then(Result::ok);
    let input = value("if").map(|it| sys.open_number(it, OpenMode::Read));
    let output = value("of").map(|it| sys.open_number(it, OpenMode::Write));
    for (name, opened) in [("if", &input), ("of", &output)] {
        if let Some(Err(error)) = opened {
            let path = value(name).unwrap_or("").to_owned();
            sys.err(&format!("{who}: can't open '{path}': {error}\n"));
            return 1;
        }
    }
    let from = input.and_then(Result::ok).unwrap_or(0);
    let to = output.and_then(Result::ok).unwrap_or(1);
    let zeros = matches!(sys.what_is(from), Some(crate::kernel::Open::Zero));
    let wanted = count.map(|it| it.saturating_mul(size));
    let (mut done, mut failed) = (0, None);
    if zeros {
        let Some(wanted) = wanted else {
            sys.err(&format!(
                "{who}: writing '{}': No space left on device\n",
                value("of").unwrap_or("stdout")
            ));
            return 1;
        };
        // A limited file system takes what fits.
        let mut left = wanted;
        while 0 < left && failed.is_none() {
            let step = left.min(size.max(1));
            match sys.write_zeros(to, step) {
                Ok(()) => {
                    done += step;
                    left -= step;
                }
                Err(error) => failed = Some(error),
            }
        }
    } else {
        while wanted.is_none_or(|it| done < it) {
            let length = wanted.map_or(65_536, |it| (it - done).min(65_536)) as usize;
            let Ok(Read::Data(data)) = sys.read(from, length) else { break };
            if let Err(error) = sys.write(to, &data) {
                failed = Some(error);
                break;
            }
            done += data.len() as u64;
        }
    }
    if let Some(error) = failed {
        sys.err(&format!("{who}: writing '{}': {error}\n", value("of").unwrap_or("stdout")));
    }
    let (whole, part) = (done / size.max(1), u64::from(done % size.max(1) != 0));
    sys.err(&format!(
        "{whole}+{part} records in\n{whole}+{part} records out\n{done} bytes ({}B) copied, 0.010000 seconds, {}B/s\n",
        system::size(done, true),
        system::size(done * 100, true)
    ));
    i32::from(failed.is_some())
}
