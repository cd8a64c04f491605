//! Commands about files: ls, cp, mv, rm, mkdir, find, chmod, du, dd….

use std::sync::Arc;

use sim::{Gather as _, VecMap};

use super::options::Options;
use super::output::missing;
use super::system;
use crate::files::{Content, Node};
use crate::kernel::{Errno, Flavour, OpenMode, Read, Sys};

/// Files that one command goes through.
const FILES_MAX: usize = 50_000;

pub(super) fn join(directory: &str, name: &str) -> String {
    format!("{}/{name}", directory.trim_end_matches('/'))
}

pub(super) fn complain(
    sys: &mut Sys<'_>,
    who: &str,
    gnu: &str,
    busybox: &str,
    path: &str,
    error: Errno,
) -> i32 {
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
        .fill();
    let path = format!("{stem}{suffix}");
    let node =
        if options.has("d") { Node::Directory(VecMap::default()) } else { Node::File(Content::text("")) };
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
        argv[1..].iter().filter(|it| !matches!(it.as_str(), "-R" | "-v" | "-c")).gather();
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
