//! What a container wrote: lines with their time, bounded, cheap to clone.

use std::sync::Arc;

use sim::{Gather as _, SimTime};

use crate::cri::{LogLine, LogOptions, LogStream};

/// Bytes that are kept of one instance; the oldest lines go first.
pub const LOG_BYTES_MAX: u64 = 512 << 10;
/// A longer line is cut into several, as containerd does.
const LINE_BYTES_MAX: usize = 16 << 10;
const CHUNK_LINES: usize = 64;

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Log {
    /// Full chunks, shared by clones.
    full: Vec<Arc<Vec<LogLine>>>,
    last: Vec<LogLine>,
    /// What has no newline yet, of standard output and standard error, and when it began.
    partial: [(Vec<u8>, SimTime); 2],
    next: u64,
    /// Bytes that are kept.
    kept: u64,
    /// Bytes ever written.
    pub written: u64,
}

impl Log {
    pub fn write(&mut self, stream: LogStream, bytes: &[u8], now: SimTime) {
        self.written += bytes.len() as u64;
        let slot = stream as usize;
        // Servers write line by line.
        if let Some((b'\n', text)) = bytes.split_last()
            && self.partial[slot].0.is_empty()
            && text.len() < LINE_BYTES_MAX
            && !text.contains(&b'\n')
        {
            self.push(line(self.next, now, stream, text, true));
            return;
        }
        for piece in bytes.split_inclusive(|it| *it == b'\n') {
            if self.partial[slot].0.is_empty() {
                self.partial[slot].1 = now;
            }
            let whole = piece.ends_with(b"\n");
            self.partial[slot].0.extend(&piece[..piece.len() - usize::from(whole)]);
            if whole || LINE_BYTES_MAX <= self.partial[slot].0.len() {
                let bytes = std::mem::take(&mut self.partial[slot].0);
                let line = line(self.next, now, stream, &bytes, whole);
                self.push(line);
            }
        }
    }

    fn push(&mut self, line: LogLine) {
        self.next += 1;
        self.kept += line.text.len() as u64 + 1;
        self.last.push(line);
        if self.last.len() == CHUNK_LINES {
            self.full.push(Arc::new(std::mem::take(&mut self.last)));
        }
        while LOG_BYTES_MAX < self.kept && !self.full.is_empty() {
            let gone = self.full.remove(0);
            self.kept -= gone.iter().map(|it| it.text.len() as u64 + 1).sum::<u64>();
        }
    }

    pub fn lines(&self, options: &LogOptions) -> Vec<LogLine> {
        let open = [LogStream::Stdout, LogStream::Stderr].into_iter().filter_map(|stream| {
            let (bytes, at) = &self.partial[stream as usize];
            (!bytes.is_empty()).then(|| line(self.next, *at, stream, bytes, false))
        });
        let wanted =
            |it: &LogLine| options.from <= it.number && options.since.is_none_or(|since| since <= it.at);
        let stored = self.full.iter().flat_map(|it| it.iter()).chain(&self.last).cloned();
        let mut lines: Vec<LogLine> = stored.chain(open).filter(wanted).gather();
        if let Some(tail) = options.tail {
            let skip = lines.len().saturating_sub(usize::try_from(tail).unwrap_or(usize::MAX));
            lines.drain(..skip);
        }
        lines
    }
}

fn line(number: u64, at: SimTime, stream: LogStream, bytes: &[u8], whole: bool) -> LogLine {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => Arc::from(text),
        Err(_) => Arc::from(&*String::from_utf8_lossy(bytes)),
    };
    LogLine { number, at, stream, text, whole }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_tail_and_bound() {
        let mut log = Log::default();
        log.write(LogStream::Stdout, b"a\nb", SimTime(1));
        log.write(LogStream::Stderr, b"error\n", SimTime(2));
        log.write(LogStream::Stdout, b"c\nd", SimTime(3));
        let texts = |options: &LogOptions| {
            log.lines(options).iter().map(|it| it.text.to_string()).collect::<Vec<_>>()
        };
        assert_eq!(texts(&LogOptions::default()), ["a", "error", "bc", "d"]);
        assert_eq!(texts(&LogOptions { tail: Some(2), ..LogOptions::default() }), ["bc", "d"]);
        assert_eq!(texts(&LogOptions { since: Some(SimTime(3)), ..LogOptions::default() }), ["bc", "d"]);
        assert_eq!(texts(&LogOptions { from: 1, ..LogOptions::default() }), ["error", "bc", "d"]);
        let mut flood = Log::default();
        for _ in 0..2_000 {
            flood.write(LogStream::Stdout, &[b'x'; 1_000], SimTime(1));
            flood.write(LogStream::Stdout, b"\n", SimTime(1));
        }
        assert!(flood.kept <= LOG_BYTES_MAX + 64 * 1_001 && flood.written == 2_002_000);
    }
}
