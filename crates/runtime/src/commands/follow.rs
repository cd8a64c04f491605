//! `tail`, with -f and -F.

use std::time::Duration;

use sim::{Gather as _, SimTime};

use super::Command;
use super::options::Options;
use crate::files::Ino;
use crate::kernel::{FUEL_PER_SLICE, Flavour, Open, OpenMode, Read, Step, Sys, Wait};

/// How often `tail -f` looks.
const PERIOD: Duration = Duration::from_secs(1);
/// How fast `tail /dev/zero` fills its memory.
const ZEROS_PER_STEP: u64 = 16 << 20;
const KEPT_BYTES_MAX: usize = 4 << 20;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Source {
    path: String,
    descriptor: Option<u32>,
    ino: Option<Ino>,
    size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "these are the command's own options")]
pub struct Follow {
    sources: Vec<Source>,
    at: usize,
    kept: Vec<u8>,
    count: u64,
    from_start: bool,
    bytes: bool,
    endless: bool,
    by_name: bool,
    headers: bool,
    last_header: Option<usize>,
    following: bool,
    next_look: SimTime,
    status: i32,
}

#[expect(clippy::unnecessary_wraps, reason = "the table's shape")]
pub fn start(_sys: &mut Sys<'_>, argv: &[String]) -> Result<Command, i32> {
    // `tail -5` and `tail +5`, but not the value of `-n +5`.
    let valued = |at: usize| matches!(argv[at - 1].as_str(), "-n" | "-c" | "-s" | "--lines" | "--bytes");
    let short = |(at, it): (usize, &String)| match it.strip_prefix(['-', '+']) {
        Some(number) if !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit()) && !valued(at) => {
            format!("-n{it}")
        }
        _ => it.clone(),
    };
    let words: Vec<String> = argv.iter().enumerate().skip(1).map(short).gather();
    let options = Options::parse(&words, "n c s lines bytes pid");
    let bytes = options.has("c");
    let text = options.value("c").or(options.value("n")).or(options.value("lines")).unwrap_or("10");
    let endless = options.any(&["f", "F", "follow"]);
    let files = if options.rest.is_empty() { vec!["-".to_owned()] } else { options.rest.clone() };
    Ok(Command::Follow(Box::new(Follow {
        headers: 1 < files.len() && !options.has("q"),
        sources: files.into_iter().map(|path| Source { path, descriptor: None, ino: None, size: 0 }).gather(),
        at: 0,
        kept: Vec::new(),
        count: text.trim_start_matches(['+', '-']).parse().unwrap_or(10),
        from_start: text.starts_with('+'),
        bytes,
        endless,
        by_name: options.any(&["F", "retry"]) || options.value("follow") == Some("name"),
        last_header: None,
        following: false,
        next_look: SimTime::ZERO,
        status: 0,
    })))
}

/// A last line without end: all of it is kept in memory, until there is no more.
fn hold_zeros(sys: &mut Sys<'_>) -> Step {
    let most = sys.facts().memory_bytes.max(ZEROS_PER_STEP);
    sys.burn(FUEL_PER_SLICE);
    let me = sys.me_mut();
    me.memory_bytes = (me.memory_bytes + ZEROS_PER_STEP).min(most);
    Step::Ready
}

impl Follow {
    pub fn step(&mut self, sys: &mut Sys<'_>) -> Step {
        if self.following {
            return self.look(sys);
        }
        let Some(source) = self.sources.get_mut(self.at) else {
            if !self.endless || (!self.by_name && self.sources.iter().all(|it| it.descriptor.is_none())) {
                return Step::Exited(self.status);
            }
            self.following = true;
            self.next_look = sys.now + PERIOD;
            return Step::Sleep(self.next_look);
        };
        let Some(number) = source.descriptor else {
            let path = source.path.clone();
            match open(sys, &path) {
                Ok((number, ino)) => {
                    source.descriptor = Some(number);
                    source.ino = ino;
                    if self.headers {
                        self.header(self.at, sys);
                    }
                }
                Err(error) => {
                    let text = match sys.facts().flavour {
                        Flavour::Gnu => format!("tail: cannot open '{path}' for reading: {error}\n"),
                        Flavour::Busybox => format!("tail: can't open '{path}': {error}\n"),
                    };
                    sys.err(&text);
                    self.status = 1;
                    self.at += 1;
                }
            }
            return Step::Ready;
        };
        if !self.from_start && matches!(sys.what_is(number), Some(Open::Zero)) {
            return hold_zeros(sys);
        }
        match sys.read(number, 65_536) {
            Ok(Read::Block) => Step::Wait(Wait::Readable(number)),
            Ok(Read::Data(data)) => {
                source.size += data.len() as u64;
                self.kept.extend(data);
                if KEPT_BYTES_MAX < self.kept.len() && !self.from_start {
                    let extra = self.kept.len() - KEPT_BYTES_MAX / 2;
                    self.kept.drain(..extra);
                }
                Step::Ready
            }
            Ok(Read::End) | Err(_) => {
                let kept = std::mem::take(&mut self.kept);
                let from = self.cut(&kept);
                let _ = sys.write(1, &kept[from..]);
                if !self.endless || number == 0 {
                    source_done(&mut self.sources[self.at], sys);
                }
                self.at += 1;
                Step::Ready
            }
        }
    }

    fn cut(&self, data: &[u8]) -> usize {
        let count = self.count as usize;
        if self.bytes {
            return if self.from_start {
                count.saturating_sub(1).min(data.len())
            } else {
                data.len().saturating_sub(count)
            };
        }
        let mut ends = data.iter().enumerate().filter(|it| *it.1 == b'\n').map(|it| it.0 + 1);
        if self.from_start {
            return if count < 2 { 0 } else { ends.nth(count - 2).unwrap_or(data.len()) };
        }
        if count == 0 {
            return data.len();
        }
        let starts: Vec<usize> = std::iter::once(0).chain(ends.filter(|it| *it < data.len())).gather();
        starts[starts.len().saturating_sub(count)]
    }

    fn header(&mut self, at: usize, sys: &mut Sys<'_>) {
        if self.last_header != Some(at) {
            let gap = if self.last_header.is_none() { "" } else { "\n" };
            sys.out(&format!("{gap}==> {} <==\n", self.sources[at].path));
            self.last_header = Some(at);
        }
    }

    /// New data of the files followed.
    fn look(&mut self, sys: &mut Sys<'_>) -> Step {
        if sys.now < self.next_look {
            return Step::Sleep(self.next_look);
        }
        for at in 0..self.sources.len() {
            if self.by_name {
                self.reopen(at, sys);
            }
            let Some(number) = self.sources[at].descriptor else { continue };
            while let Ok(Read::Data(data)) = sys.read(number, 65_536) {
                if self.headers {
                    self.header(at, sys);
                }
                let _ = sys.write(1, &data);
            }
        }
        self.next_look = sys.now + PERIOD;
        Step::Sleep(self.next_look)
    }

    /// -F: the file of that name may be another one by now.
    fn reopen(&mut self, at: usize, sys: &mut Sys<'_>) {
        let source = &mut self.sources[at];
        let current = sys.stat(&source.path, true).ok().map(|it| it.ino);
        if current == source.ino {
            return;
        }
        if let Some(number) = source.descriptor.take() {
            sys.close(number);
        }
        let path = source.path.clone();
        if current.is_none() {
            sys.err(&format!("tail: can't open '{path}': No such file or directory\n"));
        } else if let Ok((number, ino)) = open(sys, &path) {
            sys.err(&format!("tail: {path} has appeared; following end of new file\n"));
            (source.descriptor, source.ino) = (Some(number), ino);
            return;
        }
        source.ino = None;
    }
}

fn open(sys: &mut Sys<'_>, path: &str) -> Result<(u32, Option<Ino>), crate::kernel::Errno> {
    if path == "-" {
        return Ok((0, None));
    }
    let number = sys.open_number(path, OpenMode::Read)?;
    Ok((number, sys.stat(path, true).ok().map(|it| it.ino)))
}

fn source_done(source: &mut Source, sys: &mut Sys<'_>) {
    if let Some(number) = source.descriptor.take()
        && number != 0
    {
        sys.close(number);
    }
}
