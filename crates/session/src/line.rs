//! The line that is being typed at a shell's prompt: editing keys, history, what stands on the screen.
//!
//! Lies before the simulation, not in it: a shell is given whole lines, so that a session's log holds commands and not
//! keys. The keys are those of readline.

use sim::Gather as _;

/// A terminal's own line discipline takes no more.
const CHARS_MAX: usize = 4_000;
const HISTORY_MAX: usize = 500;
/// Candidates that are listed below the line.
const LISTED_MAX: usize = 120;

/// What the keys so far ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// More keys.
    Nothing,
    /// This goes to the shell.
    Send(String),
    /// Tab.
    Complete,
}

#[derive(Debug, Clone, Default)]
pub struct Line {
    text: Vec<char>,
    cursor: usize,
    history: Vec<String>,
    /// Where one stands in the history; its length: below the newest.
    at: usize,
    /// What was being typed before one went up.
    draft: Vec<char>,
    /// What Ctrl+U, Ctrl+K and Ctrl+W took away.
    cut: Vec<char>,
    /// The prompt as it stands on the screen.
    prompt: String,
    columns: usize,
    /// The cursor's row below the prompt's; none while nothing of the line is on the screen.
    row: Option<usize>,
    /// What is to be written to the terminal.
    out: String,
}

impl Line {
    /// Where the line stands now. `visible`: nothing else is writing there.
    pub fn stand(&mut self, prompt: &str, columns: u16, visible: bool) {
        prompt.clone_into(&mut self.prompt);
        self.columns = if columns == 0 { 80 } else { usize::from(columns) };
        if visible && self.row.is_none() {
            self.draw();
        }
    }

    /// What the terminal shows is new: nothing of the line stands there any more.
    pub fn forget_screen(&mut self) {
        self.row = None;
    }

    pub fn take_output(&mut self) -> String {
        std::mem::take(&mut self.out)
    }

    pub fn before_cursor(&self) -> String {
        self.text[..self.cursor].iter().fill()
    }

    pub fn remember(&mut self, line: &str) {
        let line = line.trim();
        if !line.is_empty() && self.history.last().is_none_or(|it| it != line) {
            self.history.push(line.to_owned());
            if HISTORY_MAX < self.history.len() {
                self.history.remove(0);
            }
        }
        self.at = self.history.len();
    }

    /// Takes keys until one of them asks for something; answers how many bytes it took.
    pub fn feed(&mut self, keys: &str) -> (usize, Asked) {
        let mut taken = 0;
        while let Some(first) = keys[taken..].chars().next() {
            let rest = &keys[taken..];
            if let Some(sequence) = escape(rest) {
                taken += sequence.len();
                self.special(sequence);
                continue;
            }
            taken += first.len_utf8();
            let asked = match first {
                '\r' | '\n' => {
                    // What was pasted may end its lines with both.
                    if first == '\r' && keys[taken..].starts_with('\n') {
                        taken += 1;
                    }
                    Asked::Send(self.submit("\r"))
                }
                '\t' => Asked::Complete,
                '\x03' => self.interrupt(),
                '\x04' if self.text.is_empty() => Asked::Send("\x04".to_owned()),
                _ => {
                    self.edit(first);
                    Asked::Nothing
                }
            };
            if asked != Asked::Nothing {
                return (taken, asked);
            }
        }
        (taken, Asked::Nothing)
    }

    /// The shell's terminal shows the line itself, as it does what is typed without an editor.
    fn submit(&mut self, end: &str) -> String {
        self.erase();
        self.row = None;
        let line: String = std::mem::take(&mut self.text).into_iter().fill();
        self.cursor = 0;
        self.remember(&line);
        line + end
    }

    fn interrupt(&mut self) -> Asked {
        self.to(self.text.len());
        self.text.clear();
        self.cursor = 0;
        self.row = None;
        self.at = self.history.len();
        Asked::Send("\x03".to_owned())
    }

    fn edit(&mut self, key: char) {
        match key {
            '\x01' => self.to(0),
            '\x02' => self.to(self.cursor.saturating_sub(1)),
            '\x04' => self.replace(self.cursor, self.cursor + 1, &[]),
            '\x05' => self.to(self.text.len()),
            '\x06' => self.to(self.cursor + 1),
            '\x08' | '\x7f' => self.replace(self.cursor.saturating_sub(1), self.cursor, &[]),
            '\x0b' => self.cut(self.cursor, self.text.len()),
            '\x0c' => {
                self.out.push_str("\x1b[H\x1b[2J");
                self.out.push_str(&self.prompt.clone());
                self.row = None;
                self.draw();
            }
            '\x0e' => self.travel(1),
            '\x10' => self.travel(-1),
            '\x15' => self.cut(0, self.cursor),
            '\x17' => self.cut(self.word_left(), self.cursor),
            '\x19' => {
                let cut = self.cut.clone();
                self.replace(self.cursor, self.cursor, &cut);
            }
            key if !key.is_control() && self.text.len() < CHARS_MAX => {
                self.replace(self.cursor, self.cursor, &[key]);
            }
            _ => {}
        }
    }

    fn special(&mut self, sequence: &str) {
        match &sequence[1..] {
            "[A" | "OA" => self.travel(-1),
            "[B" | "OB" => self.travel(1),
            "[C" | "OC" => self.to(self.cursor + 1),
            "[D" | "OD" => self.to(self.cursor.saturating_sub(1)),
            "[H" | "OH" | "[1~" => self.to(0),
            "[F" | "OF" | "[4~" => self.to(self.text.len()),
            "[3~" => self.replace(self.cursor, self.cursor + 1, &[]),
            "[1;5C" | "[1;3C" | "f" => self.to(self.word_right()),
            "[1;5D" | "[1;3D" | "b" => self.to(self.word_left()),
            "\x7f" => self.cut(self.word_left(), self.cursor),
            _ => {}
        }
    }

    fn word_left(&self) -> usize {
        let gap = self.text[..self.cursor].iter().rposition(|it| *it != ' ').map_or(0, |it| it + 1);
        self.text[..gap].iter().rposition(|it| *it == ' ').map_or(0, |it| it + 1)
    }

    fn word_right(&self) -> usize {
        let rest = &self.text[self.cursor..];
        let start = rest.iter().position(|it| *it != ' ').unwrap_or(rest.len());
        let end = rest[start..].iter().position(|it| *it == ' ').unwrap_or(rest.len() - start);
        self.cursor + start + end
    }

    fn travel(&mut self, by: isize) {
        let to = self.at.saturating_add_signed(by).min(self.history.len());
        if to == self.at {
            return;
        }
        if self.at == self.history.len() {
            self.draft = self.text.clone();
        }
        self.at = to;
        self.erase();
        self.text = self.history.get(to).map_or_else(|| self.draft.clone(), |it| it.chars().gather());
        self.cursor = self.text.len();
        self.draw();
    }

    fn cut(&mut self, from: usize, to: usize) {
        self.cut = self.text[from..to].to_vec();
        self.replace(from, to, &[]);
    }

    fn replace(&mut self, from: usize, to: usize, with: &[char]) {
        let to = to.min(self.text.len());
        let shown = self.row.is_some();
        // What only grows at its end needs no drawing anew, unless it fills the row.
        let end = self.width(self.text.len());
        let grows = from == to && to == self.text.len() && shown;
        let width: usize = with.iter().map(|it| columns_of(*it)).sum();
        if grows && end % self.columns + width < self.columns {
            self.text.extend(with);
            self.cursor = self.text.len();
            self.out.extend(with);
            return;
        }
        if shown {
            self.erase();
        }
        self.text.splice(from..to, with.iter().copied());
        self.cursor = from + with.len();
        if shown {
            self.draw();
        }
    }

    fn to(&mut self, cursor: usize) {
        let cursor = cursor.min(self.text.len());
        if cursor != self.cursor {
            let shown = self.row.is_some();
            self.erase();
            self.cursor = cursor;
            if shown {
                self.draw();
            }
        }
    }

    /// Columns from the beginning of the prompt to before a character.
    fn width(&self, to: usize) -> usize {
        plain_width(&self.prompt) + self.text[..to].iter().map(|it| columns_of(*it)).sum::<usize>()
    }

    /// Takes the line off the screen; the cursor stands behind the prompt.
    pub fn erase(&mut self) {
        let Some(row) = self.row else { return };
        let prompt = plain_width(&self.prompt);
        if row > 0 {
            self.out.push_str(&format!("\x1b[{row}A"));
        }
        self.out.push('\r');
        if prompt > 0 {
            self.out.push_str(&format!("\x1b[{prompt}C"));
        }
        self.out.push_str("\x1b[J");
        self.row = Some(0);
    }

    /// From behind the prompt.
    fn draw(&mut self) {
        self.out.extend(&self.text);
        let (end, at) = (self.width(self.text.len()), self.width(self.cursor));
        // A full row leaves the cursor on its last column until something follows.
        if end % self.columns == 0 && !self.text.is_empty() {
            self.out.push_str("\r\n");
        }
        self.row = Some(at / self.columns);
        if at != end {
            let up = end / self.columns - at / self.columns;
            if up > 0 {
                self.out.push_str(&format!("\x1b[{up}A"));
            }
            self.out.push('\r');
            let column = at % self.columns;
            if column > 0 {
                self.out.push_str(&format!("\x1b[{column}C"));
            }
        }
    }

    /// Puts in what the candidates have in common, or lists them. `partial` is what stands before the cursor of the word.
    pub fn complete(&mut self, partial: &str, candidates: &[String]) {
        let Some(first) = candidates.first() else { return };
        let mut common = first.as_str();
        for other in &candidates[1..] {
            let same = common.chars().zip(other.chars()).take_while(|(a, b)| a == b);
            let bytes: usize = same.map(|(it, _)| it.len_utf8()).sum();
            common = &common[..bytes];
        }
        let mut more: Vec<char> = common.strip_prefix(partial).unwrap_or("").chars().gather();
        if candidates.len() == 1 && !first.ends_with(['=', '/']) {
            more.push(' ');
        }
        if more.is_empty() && candidates.len() > 1 {
            return self.list(candidates);
        }
        self.replace(self.cursor, self.cursor, &more);
    }

    fn list(&mut self, candidates: &[String]) {
        if self.row.is_none() {
            return;
        }
        let at = self.cursor;
        self.to(self.text.len());
        let widest = candidates.iter().map(String::len).max().unwrap_or(0) + 2;
        let across = (self.columns / widest).max(1);
        for row in candidates[..candidates.len().min(LISTED_MAX)].chunks(across) {
            let row: String = row.iter().map(|it| format!("{it:<widest$}")).fill();
            self.out.push_str("\r\n");
            self.out.push_str(row.trim_end());
        }
        if LISTED_MAX < candidates.len() {
            self.out.push_str(&format!("\r\n… {}", candidates.len()));
        }
        self.out.push_str("\r\n");
        self.out.push_str(&self.prompt.clone());
        self.cursor = at;
        self.draw();
    }
}

/// An escape sequence at the beginning, whole.
fn escape(keys: &str) -> Option<&str> {
    let bytes = keys.as_bytes();
    if *bytes.first()? != 0x1b {
        return None;
    }
    let end = match bytes.get(1) {
        None => 1,
        Some(b'[') => {
            bytes[2..].iter().position(|it| (0x40..0x7f).contains(it)).map_or(keys.len(), |it| it + 3)
        }
        Some(b'O') => 3.min(keys.len()),
        Some(it) if it.is_ascii() => 2,
        Some(_) => 1,
    };
    keys.get(..end).or(Some("\x1b"))
}

/// How wide a text is without what only colours it.
fn plain_width(text: &str) -> usize {
    let mut width = 0;
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(sequence) = escape(rest) {
            rest = &rest[sequence.len()..];
            continue;
        }
        width += if first.is_control() { 0 } else { columns_of(first) };
        rest = &rest[first.len_utf8()..];
    }
    width
}

/// East Asian characters are two columns wide.
fn columns_of(it: char) -> usize {
    let wide = matches!(u32::from(it), 0x1100..=0x115f | 0x2e80..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff | 0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1faff | 0x20000..=0x3fffd);
    if wide { 2 } else { 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line() -> Line {
        let mut line = Line::default();
        line.stand("~ # ", 20, true);
        line
    }

    fn text(line: &Line) -> String {
        line.text.iter().collect()
    }

    fn typed(line: &mut Line, keys: &str) -> Asked {
        let mut keys = keys;
        let mut last = Asked::Nothing;
        while !keys.is_empty() {
            let (taken, asked) = line.feed(keys);
            keys = &keys[taken..];
            last = asked;
            line.stand("~ # ", 20, true);
        }
        last
    }

    #[test]
    fn keys_of_readline() {
        let cases: &[(&str, &str, usize)] = &[
            ("abc", "abc", 3),
            ("abc\x7f", "ab", 2),
            ("abc\x01x", "xabc", 1),
            ("abc\x1b[D\x1b[Dx", "axbc", 2),
            ("abc\x02\x05x", "abcx", 4),
            ("ab cd\x17", "ab ", 3),
            ("ab cd\x15", "", 0),
            ("ab cd\x1b[1;5D\x0b", "ab ", 3),
            ("ab cd\x15\x19\x19", "ab cdab cd", 10),
            ("abc\x01\x1b[3~\x04", "c", 0),
            ("ab cd\x1bb\x1bb\x1bf", "ab cd", 2),
            ("节点\x7f", "节", 1),
            ("a\x1b", "a", 1),
        ];
        for (keys, wanted, cursor) in cases {
            let mut line = line();
            typed(&mut line, keys);
            assert_eq!((text(&line).as_str(), line.cursor), (*wanted, *cursor), "{keys:?}");
        }
    }

    #[test]
    fn a_line_goes_whole_and_comes_back() {
        let mut line = line();
        assert_eq!(typed(&mut line, "first\r"), Asked::Send("first\r".to_owned()));
        assert_eq!(typed(&mut line, "second\r\n"), Asked::Send("second\r".to_owned()));
        typed(&mut line, "draft\x1b[A\x1b[A\x1b[A");
        assert_eq!(text(&line), "first");
        typed(&mut line, "\x1b[B");
        assert_eq!(text(&line), "second");
        typed(&mut line, "\x1b[B\x1b[B");
        assert_eq!(text(&line), "draft");
        assert_eq!(typed(&mut line, "\x03"), Asked::Send("\x03".to_owned()));
        assert_eq!(text(&line), "");
        assert_eq!(typed(&mut line, "\x04"), Asked::Send("\x04".to_owned()));
    }

    #[test]
    fn what_is_drawn() {
        let mut line = line();
        typed(&mut line, "ab");
        assert_eq!(line.take_output(), "ab");
        typed(&mut line, "\x01");
        assert_eq!(line.take_output(), "\r\x1b[4C\x1b[Jab\r\x1b[4C");
        typed(&mut line, "\x05 and so to the next");
        line.take_output();
        // Row two: its end is 25 columns from the prompt's beginning.
        typed(&mut line, "\x01");
        assert_eq!(line.take_output(), "\x1b[1A\r\x1b[4C\x1b[Jab and so to the next\x1b[1A\r\x1b[4C");
    }

    #[test]
    fn a_tab_puts_in_what_is_common() {
        let candidates = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        let mut line = line();
        typed(&mut line, "get po");
        line.complete("po", &candidates(&["pods", "podtemplates"]));
        assert_eq!(text(&line), "get pod");
        line.take_output();
        line.complete("pod", &candidates(&["pods", "podtemplates"]));
        assert_eq!(line.take_output(), "\r\npods\r\npodtemplates\r\n~ # get pod");
        line.complete("pod", &candidates(&["pods"]));
        assert_eq!(text(&line), "get pods ");
        line.complete("", &[]);
        assert_eq!(text(&line), "get pods ");
    }
}
