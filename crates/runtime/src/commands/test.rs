//! `test`, `[` and the inside of `[[`.

use crate::files::{Device, Node};
use crate::kernel::Sys;
use crate::shell::pattern;

pub fn command(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let mut arguments = &argv[1..];
    let prefix = if who == argv[0] { who.to_owned() } else { format!("{who}: {}", argv[0]) };
    if argv[0].ends_with('[') {
        let Some((last, rest)) = arguments.split_last().filter(|it| it.0 == "]") else {
            sys.err(&format!("{prefix}: missing ]\n"));
            return 2;
        };
        let _ = last;
        arguments = rest;
    }
    match evaluate(sys, arguments) {
        Ok(yes) => i32::from(!yes),
        Err(text) => {
            sys.err(&format!("{prefix}: {text}\n"));
            2
        }
    }
}

pub fn evaluate(sys: &Sys<'_>, arguments: &[String]) -> Result<bool, String> {
    run(sys, arguments, false)
}

/// As between `[[` and `]]`.
pub fn evaluate_extended(sys: &Sys<'_>, arguments: &[String]) -> Result<bool, String> {
    run(sys, arguments, true)
}

fn run(sys: &Sys<'_>, arguments: &[String], extended: bool) -> Result<bool, String> {
    // With one word it is the word that counts; with three, the operator in the middle.
    match arguments {
        [] => return Ok(false),
        [word] => return Ok(!word.is_empty()),
        [not, word] if not == "!" => return Ok(word.is_empty()),
        _ => {}
    }
    let mut reader = Reader { sys, words: arguments, at: 0, extended };
    let value = reader.or()?;
    match reader.words.get(reader.at) {
        None => Ok(value),
        Some(word) => Err(format!("{word}: unknown operand")),
    }
}

struct Reader<'a, 'k> {
    sys: &'a Sys<'k>,
    words: &'a [String],
    at: usize,
    extended: bool,
}

impl Reader<'_, '_> {
    fn eat(&mut self, words: [&str; 2]) -> bool {
        let found = self.words.get(self.at).is_some_and(|it| words.contains(&it.as_str()));
        self.at += usize::from(found);
        found
    }

    fn or(&mut self) -> Result<bool, String> {
        let mut value = self.and()?;
        while self.eat(if self.extended { ["||", "||"] } else { ["-o", "-o"] }) {
            value |= self.and()?;
        }
        Ok(value)
    }

    fn and(&mut self) -> Result<bool, String> {
        let mut value = self.not()?;
        while self.eat(if self.extended { ["&&", "&&"] } else { ["-a", "-a"] }) {
            value &= self.not()?;
        }
        Ok(value)
    }

    fn not(&mut self) -> Result<bool, String> {
        if self.words.get(self.at).is_some_and(|it| it == "!") && !self.binary_follows() {
            self.at += 1;
            return Ok(!self.not()?);
        }
        self.primary()
    }

    fn binary_follows(&self) -> bool {
        let signs =
            ["=", "==", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef", "=~", "<", ">"];
        self.words.get(self.at + 1).is_some_and(|it| signs.contains(&it.as_str()))
            && self.at + 2 < self.words.len()
    }

    fn primary(&mut self) -> Result<bool, String> {
        if self.binary_follows() {
            let [left, sign, right] = [0, 1, 2].map(|it| self.words[self.at + it].as_str());
            self.at += 3;
            return self.binary(left, sign, right);
        }
        let Some(word) = self.words.get(self.at) else { return Err("argument expected".to_owned()) };
        self.at += 1;
        if word == "(" {
            let value = self.or()?;
            return if self.eat([")", ")"]) { Ok(value) } else { Err("closing paren expected".to_owned()) };
        }
        if let Some(flag) = word.strip_prefix('-').filter(|it| it.len() == 1)
            && let Some(operand) = self.words.get(self.at)
        {
            let outcome = self.unary(flag, operand);
            if let Some(value) = outcome {
                self.at += 1;
                return Ok(value);
            }
        }
        Ok(!word.is_empty())
    }

    fn unary(&self, flag: &str, operand: &str) -> Option<bool> {
        let stat = || self.sys.stat(operand, true).ok();
        let node = |wanted: fn(&Node) -> bool| stat().is_some_and(|it| wanted(&it.inode.node));
        let may = |wanted| stat().is_some_and(|it| self.sys.may(&it.inode, wanted));
        Some(match flag {
            "n" => !operand.is_empty(),
            "z" => operand.is_empty(),
            "e" | "a" => stat().is_some(),
            "f" => node(|it| matches!(it, Node::File(_))),
            "d" => node(|it| matches!(it, Node::Directory(_))),
            "c" => node(|it| matches!(it, Node::Device(_))),
            "b" => false,
            "p" | "S" => node(|it| matches!(it, Node::Socket)),
            "h" | "L" => {
                self.sys.stat(operand, false).is_ok_and(|it| matches!(it.inode.node, Node::Symlink(_)))
            }
            "s" => stat().is_some_and(|it| 0 < it.inode.size()),
            "r" => may(4),
            "w" => may(2) && stat().is_some_and(|it| !it.read_only),
            "x" => may(1),
            "u" => stat().is_some_and(|it| it.inode.mode & 0o4000 != 0),
            "g" => stat().is_some_and(|it| it.inode.mode & 0o2000 != 0),
            "k" => stat().is_some_and(|it| it.inode.mode & 0o1000 != 0),
            "O" => stat().is_some_and(|it| it.inode.uid == self.sys.me().credentials.uid),
            "t" => operand.parse().is_ok_and(|it| self.sys.is_tty(it)),
            "v" => self.sys.environment(operand).is_some(),
            _ => return None,
        })
    }

    fn binary(&self, left: &str, sign: &str, right: &str) -> Result<bool, String> {
        let number = |text: &str| text.trim().parse::<i64>().map_err(|_| format!("{text}: bad number"));
        let modified = |path: &str| self.sys.stat(path, true).ok().map(|it| it.inode.modified);
        Ok(match sign {
            "=" | "==" if self.extended => pattern::matches(right, left),
            "!=" if self.extended => !pattern::matches(right, left),
            "=" | "==" => left == right,
            "!=" => left != right,
            "<" => left < right,
            ">" => left > right,
            "=~" => {
                let regex = super::regex::Regex::new(right, true, false).ok_or("invalid regex")?;
                regex.find(left, 0).is_some()
            }
            "-eq" => number(left)? == number(right)?,
            "-ne" => number(left)? != number(right)?,
            "-lt" => number(left)? < number(right)?,
            "-le" => number(left)? <= number(right)?,
            "-gt" => number(left)? > number(right)?,
            "-ge" => number(left)? >= number(right)?,
            "-nt" => modified(left) > modified(right),
            "-ot" => modified(left) < modified(right),
            _ => {
                let same = |path| self.sys.stat(path, true).ok().map(|it| (it.tree, it.ino));
                same(left).is_some() && same(left) == same(right)
            }
        })
    }
}

/// The letter that `ls -l` begins with.
pub fn kind_letter(node: &Node) -> char {
    match node {
        Node::Directory(_) => 'd',
        Node::File(_) => '-',
        Node::Symlink(_) => 'l',
        Node::Device(Device::Null | Device::Zero | Device::Full | Device::Random | Device::Tty) => 'c',
        Node::Socket => 's',
    }
}
