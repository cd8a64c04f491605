//! Reading commands: from a script's text, or line by line from standard input with prompts.

use std::sync::Arc;

use super::parse::{self, Fault};
use super::{Frame, Kind, Shell};
use crate::kernel::{Read, Step, Sys, Wait};

/// Text that a shell reads as one command.
const COMMAND_BYTES_MAX: usize = 1 << 20;

impl Shell {
    pub(super) fn read_source(&mut self, text: Arc<str>, at: usize, line: u32, sys: &mut Sys<'_>) -> Step {
        sys.burn(2);
        match parse::next_command(&text, at, line, false) {
            Ok(None) => {}
            Ok(Some((node, next, next_line))) => {
                self.line = line;
                // The frame of a text that ends here is not needed: what comes last may take the shell's place.
                if !text[next..].trim().is_empty() {
                    self.stack.push(Frame::Source { text, at: next, line: next_line });
                }
                if !self.options.no_execute {
                    self.stack.push(Frame::Run { node, results: Vec::new() });
                }
            }
            Err(fault) => return self.syntax_error(&fault, line, sys),
        }
        Step::Ready
    }

    fn syntax_error(&mut self, fault: &Fault, line: u32, sys: &mut Sys<'_>) -> Step {
        self.line = line;
        let expecting = |it: Option<&str>| it.map_or(String::new(), |it| format!(" (expecting \"{it}\")"));
        let text = match (self.kind, fault) {
            (Kind::Bash, Fault::End(_)) => "syntax error: unexpected end of file".to_owned(),
            (Kind::Bash, Fault::Unexpected(token, _)) => {
                format!("syntax error near unexpected token `{}'", token.trim_matches('"'))
            }
            (Kind::Bash, Fault::UnterminatedQuote) => {
                "unexpected EOF while looking for matching `\"'".to_owned()
            }
            (Kind::Dash, Fault::End(it)) => format!("Syntax error: end of file unexpected{}", expecting(*it)),
            (Kind::Dash, Fault::Unexpected(token, it)) => {
                format!("Syntax error: {token} unexpected{}", expecting(*it))
            }
            (Kind::Dash, Fault::UnterminatedQuote) => "Syntax error: Unterminated quoted string".to_owned(),
            (_, Fault::End(it)) => format!("syntax error: unexpected end of file{}", expecting(*it)),
            (_, Fault::Unexpected(token, it)) => {
                format!("syntax error: unexpected {token}{}", expecting(*it))
            }
            (_, Fault::UnterminatedQuote) => "syntax error: unterminated quoted string".to_owned(),
            (_, Fault::BadSubstitution) => "syntax error: bad substitution".to_owned(),
            (_, Fault::TooDeep) => "syntax error: nesting too deep".to_owned(),
        };
        self.complain(sys, &text);
        self.status = 2;
        if self.interactive {
            self.back_to_prompt(sys);
            return Step::Ready;
        }
        self.exit(2)
    }

    /// Unwinds to the prompt: after Ctrl-C, or an error.
    pub(super) fn back_to_prompt(&mut self, sys: &mut Sys<'_>) {
        while let Some(frame) = self.stack.pop() {
            match frame {
                Frame::Prompt { .. } => break,
                frame => self.leave(frame, sys),
            }
        }
        self.stack.push(Frame::Prompt { text: String::new(), prompted: false });
    }

    fn prompt(&self, more: bool, sys: &mut Sys<'_>) {
        if !self.interactive {
            return;
        }
        if more {
            return sys.err("> ");
        }
        let set = self.get("PS1").map(str::to_owned);
        let root = sys.me().credentials.uid == 0;
        let sign = if root { '#' } else { '$' };
        let directory = sys.me().directory.to_string();
        let home = self.get("HOME").unwrap_or("");
        let short = match directory.strip_prefix(home) {
            Some(rest) if !home.is_empty() && home != "/" && (rest.is_empty() || rest.starts_with('/')) => {
                format!("~{rest}")
            }
            _ => directory.clone(),
        };
        let facts = sys.facts();
        let host = facts.hostname.split('.').next().unwrap_or("");
        let user = self.get("USER").unwrap_or(if root { "root" } else { "I have no name!" });
        let text = match (set, self.kind) {
            (Some(text), _) => text
                .replace("\\u", user)
                .replace("\\h", host)
                .replace("\\w", &short)
                .replace("\\W", short.rsplit('/').next().unwrap_or(&short))
                .replace("\\$", &sign.to_string())
                .replace("\\[", "")
                .replace("\\]", "")
                .replace("\\e", "\x1b"),
            (None, Kind::Bash) => format!("{user}@{host}:{short}{sign} "),
            (None, Kind::Dash) => format!("{sign} "),
            (None, Kind::Ash) => format!("{short} {sign} "),
        };
        sys.err(&text);
    }

    /// Reads one more line; runs the command when it is whole.
    pub(super) fn read_prompt(&mut self, mut text: String, prompted: bool, sys: &mut Sys<'_>) -> Step {
        if !prompted {
            self.prompt(!text.is_empty(), sys);
        }
        let mut line = Vec::new();
        let outcome = Shell::read_line(&mut line, sys);
        if !line.is_empty() {
            text.push_str(&String::from_utf8_lossy(&line));
        }
        match outcome {
            LineEnd::Blocked => {
                self.stack.push(Frame::Prompt { text, prompted: true });
                return Step::Wait(Wait::Readable(0));
            }
            LineEnd::End if text.trim().is_empty() => {
                if self.interactive {
                    sys.err(if self.kind == Kind::Bash { "exit\n" } else { "\n" });
                }
                return self.exit(self.status);
            }
            LineEnd::Line | LineEnd::End => {}
        }
        let more = outcome == LineEnd::Line && text.len() < COMMAND_BYTES_MAX;
        match parse::next_command(&text, 0, self.line, more) {
            Ok(None) => {
                self.stack.push(Frame::Prompt { text: String::new(), prompted: false });
            }
            Ok(Some((node, next, line))) => {
                self.line = line;
                let rest = text[next..].to_owned();
                self.stack.push(Frame::Prompt { text: String::new(), prompted: false });
                if !rest.trim().is_empty() {
                    self.stack.push(Frame::Source { text: Arc::from(rest), at: 0, line });
                }
                self.stack.push(Frame::Run { node, results: Vec::new() });
            }
            Err(Fault::End(_) | Fault::UnterminatedQuote) if more => {
                self.stack.push(Frame::Prompt { text, prompted: false });
            }
            Err(fault) => {
                self.stack.push(Frame::Prompt { text: String::new(), prompted: false });
                return self.syntax_error(&fault, self.line, sys);
            }
        }
        Step::Ready
    }

    /// A line of standard input, not more: what follows is for the commands.
    pub(super) fn read_line(line: &mut Vec<u8>, sys: &mut Sys<'_>) -> LineEnd {
        loop {
            match sys.read(0, 4096) {
                Ok(Read::Block) => return LineEnd::Blocked,
                Ok(Read::End) | Err(_) => return LineEnd::End,
                Ok(Read::Data(data)) => {
                    if let Some(end) = data.iter().position(|it| *it == b'\n') {
                        line.extend_from_slice(&data[..=end]);
                        sys.unread(0, &data[end + 1..]);
                        return LineEnd::Line;
                    }
                    line.extend_from_slice(&data);
                    if COMMAND_BYTES_MAX < line.len() {
                        return LineEnd::Line;
                    }
                }
            }
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LineEnd {
    Line,
    End,
    Blocked,
}
