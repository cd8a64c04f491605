//! Regular expressions of POSIX, basic and extended: a small backtracking matcher with a bound on its work.

use sim::Gather as _;

use crate::shell::pattern::in_class;

const STEPS_MAX: u32 = 200_000;
const REPEAT_MAX: u32 = 255;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Atom {
    Char(char),
    Any,
    Set { negate: bool, items: Vec<Item> },
    Start,
    End,
    WordEdge,
    Group(usize, Vec<Vec<Piece>>),
    Back(usize),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Item {
    Range(char, char),
    Class(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Piece {
    atom: Atom,
    least: u32,
    most: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Regex {
    alternatives: Vec<Vec<Piece>>,
    groups: usize,
    fold: bool,
}

type Groups = Vec<Option<(usize, usize)>>;

impl Regex {
    /// None when the pattern is wrong.
    pub fn new(pattern: &str, extended: bool, fold: bool) -> Option<Regex> {
        let mut parser = Parser { chars: pattern.chars().gather(), at: 0, extended, groups: 0, depth: 0 };
        let alternatives = parser.alternatives()?;
        (parser.at == parser.chars.len()).then_some(Regex { alternatives, groups: parser.groups, fold })
    }

    /// Byte positions of the leftmost match from `from` on, and of its groups.
    pub fn find(&self, text: &str, from: usize) -> Option<Groups> {
        let places: Vec<(usize, char)> = text.char_indices().gather();
        let first = places.iter().position(|it| from <= it.0).unwrap_or(places.len());
        let mut matcher = Matcher { places: &places, fold: self.fold, steps: 0 };
        for start in first..=places.len() {
            let mut groups = vec![None; self.groups + 1];
            let mut end = None;
            for alternative in &self.alternatives {
                let mut mine = vec![None; self.groups + 1];
                let mut here = None;
                if matcher.sequence(alternative, start, &mut mine, &mut |at, _| {
                    here = Some(at);
                    true
                }) && end < here
                {
                    end = here;
                    groups = mine;
                }
            }
            if let Some(end) = end {
                groups[0] = Some((start, end));
                let byte = |it: usize| places.get(it).map_or(text.len(), |it| it.0);
                return Some(groups.into_iter().map(|it| it.map(|(a, b)| (byte(a), byte(b)))).gather());
            }
        }
        None
    }
}

struct Parser {
    chars: Vec<char>,
    at: usize,
    extended: bool,
    groups: usize,
    depth: u32,
}

impl Parser {
    fn peek(&self, offset: usize) -> Option<char> {
        self.chars.get(self.at + offset).copied()
    }

    /// Is an operator here: plain in extended, with a backslash in basic ones?
    fn operator(&self, sign: char) -> Option<usize> {
        if self.extended {
            (self.peek(0) == Some(sign)).then_some(1)
        } else {
            (self.peek(0) == Some('\\') && self.peek(1) == Some(sign)).then_some(2)
        }
    }

    fn alternatives(&mut self) -> Option<Vec<Vec<Piece>>> {
        const DEPTH_MAX: u32 = 30;
        self.depth += 1;
        if DEPTH_MAX < self.depth {
            return None;
        }
        let mut all = vec![self.sequence()?];
        while let Some(length) = self.operator('|') {
            self.at += length;
            all.push(self.sequence()?);
        }
        self.depth -= 1;
        Some(all)
    }

    fn sequence(&mut self) -> Option<Vec<Piece>> {
        let mut pieces: Vec<Piece> = Vec::new();
        while self.at < self.chars.len() {
            if self.operator('|').is_some() || (self.depth > 1 && self.operator(')').is_some()) {
                break;
            }
            let atom = self.atom(pieces.is_empty())?;
            let (least, most) = self.repeat()?;
            pieces.push(Piece { atom, least, most });
        }
        Some(pieces)
    }

    fn repeat(&mut self) -> Option<(u32, u32)> {
        if self.peek(0) == Some('*') {
            self.at += 1;
            return Some((0, u32::MAX));
        }
        if let Some(length) = self.operator('+') {
            self.at += length;
            return Some((1, u32::MAX));
        }
        if let Some(length) = self.operator('?') {
            self.at += length;
            return Some((0, 1));
        }
        let Some(length) = self.operator('{') else { return Some((1, 1)) };
        self.at += length;
        let end = self.chars[self.at..].iter().position(|it| *it == '}')?;
        let inner: String = self.chars[self.at..self.at + end].iter().fill();
        self.at += end + 1;
        let inner = inner.trim_end_matches('\\');
        let (low, high) = inner.split_once(',').unwrap_or((inner, inner));
        let low: u32 = if low.is_empty() { 0 } else { low.parse().ok()? };
        let high = if high.is_empty() { u32::MAX } else { high.parse().ok()? };
        (low <= REPEAT_MAX).then_some((low, high))
    }

    fn atom(&mut self, first: bool) -> Option<Atom> {
        if let Some(length) = self.operator('(') {
            self.at += length;
            self.groups += 1;
            let number = self.groups;
            let inner = self.alternatives()?;
            self.at += self.operator(')')?;
            return Some(Atom::Group(number, inner));
        }
        let c = self.peek(0)?;
        self.at += 1;
        Some(match c {
            '.' => Atom::Any,
            '^' if self.extended || first => Atom::Start,
            '$' if self.extended || self.at == self.chars.len() || self.operator(')').is_some() => Atom::End,
            '[' => return self.set(),
            '\\' => {
                let next = self.peek(0)?;
                self.at += 1;
                let class = |it: &str, negate| Atom::Set { negate, items: vec![Item::Class(it.to_owned())] };
                match next {
                    'w' | 'W' => Atom::Set {
                        negate: next == 'W',
                        items: vec![Item::Class("alnum".to_owned()), Item::Range('_', '_')],
                    },
                    's' | 'S' => class("space", next == 'S'),
                    'd' => class("digit", false),
                    'b' | '<' | '>' => Atom::WordEdge,
                    'n' => Atom::Char('\n'),
                    't' => Atom::Char('\t'),
                    '1'..='9' => Atom::Back(next as usize - '0' as usize),
                    other => Atom::Char(other),
                }
            }
            '*' | '+' | '?' if self.extended && first && c != '*' => return None,
            other => Atom::Char(other),
        })
    }

    fn set(&mut self) -> Option<Atom> {
        let negate = self.peek(0) == Some('^');
        self.at += usize::from(negate);
        let mut items = Vec::new();
        let start = self.at;
        loop {
            let c = self.peek(0)?;
            if c == ']' && self.at != start {
                self.at += 1;
                return Some(Atom::Set { negate, items });
            }
            if c == '[' && self.peek(1) == Some(':') {
                let end = self.chars[self.at..].windows(2).position(|it| it == [':', ']'])?;
                items.push(Item::Class(self.chars[self.at + 2..self.at + end].iter().fill()));
                self.at += end + 2;
                continue;
            }
            self.at += 1;
            if self.peek(0) == Some('-') && self.peek(1).is_some_and(|it| it != ']') {
                items.push(Item::Range(c, self.peek(1)?));
                self.at += 2;
            } else {
                items.push(Item::Range(c, c));
            }
        }
    }
}

struct Matcher<'a> {
    places: &'a [(usize, char)],
    fold: bool,
    steps: u32,
}

type Rest<'r> = &'r mut dyn FnMut(usize, &mut Groups) -> bool;

impl Matcher<'_> {
    fn sequence(&mut self, pieces: &[Piece], at: usize, groups: &mut Groups, rest: Rest<'_>) -> bool {
        let Some((piece, more)) = pieces.split_first() else { return rest(at, groups) };
        self.piece(piece, 0, at, more, groups, rest)
    }

    fn piece(
        &mut self,
        piece: &Piece,
        count: u32,
        at: usize,
        more: &[Piece],
        groups: &mut Groups,
        rest: Rest<'_>,
    ) -> bool {
        self.steps += 1;
        if STEPS_MAX < self.steps {
            return false;
        }
        // A run of single characters needs no recursion.
        if !matches!(piece.atom, Atom::Group(..) | Atom::Back(_) | Atom::Start | Atom::End | Atom::WordEdge) {
            let mut ends = vec![at];
            let mut here = at;
            while (ends.len() as u32) <= piece.most && here < self.places.len() && self.one(&piece.atom, here)
            {
                here += 1;
                ends.push(here);
            }
            for end in ends.into_iter().skip(piece.least as usize).rev() {
                if self.sequence(more, end, groups, rest) {
                    return true;
                }
            }
            return false;
        }
        if count < piece.most {
            let before = groups.clone();
            let tried = match &piece.atom {
                Atom::Group(number, alternatives) => {
                    let mut found = false;
                    for alternative in alternatives {
                        let mut ends = Vec::new();
                        let mut inner = before.clone();
                        self.sequence(alternative, at, &mut inner, &mut |end, groups| {
                            ends.push((end, groups.clone()));
                            false
                        });
                        for (end, mut inner) in ends {
                            if end == at && 0 < count {
                                continue;
                            }
                            inner[*number] = Some((at, end));
                            if self.piece(piece, count + 1, end, more, &mut inner, rest) {
                                *groups = inner;
                                found = true;
                                break;
                            }
                        }
                        if found {
                            break;
                        }
                    }
                    found
                }
                atom => match self.zero_width(atom, at, groups) {
                    Some(end) => self.sequence(more, end, groups, rest),
                    None => false,
                },
            };
            if tried {
                return true;
            }
            *groups = before;
        }
        piece.least <= count && self.sequence(more, at, groups, rest)
    }

    fn zero_width(&self, atom: &Atom, at: usize, groups: &Groups) -> Option<usize> {
        let word = |it: Option<&(usize, char)>| it.is_some_and(|it| it.1.is_alphanumeric() || it.1 == '_');
        match atom {
            Atom::Start => (at == 0).then_some(at),
            Atom::End => (at == self.places.len()).then_some(at),
            Atom::WordEdge => {
                let before = at.checked_sub(1).and_then(|it| self.places.get(it));
                (word(before) != word(self.places.get(at))).then_some(at)
            }
            Atom::Back(number) => {
                let (from, to) = (*groups.get(*number)?)?;
                let length = to - from;
                let same = at + length <= self.places.len()
                    && (0..length).all(|it| self.places[from + it].1 == self.places[at + it].1);
                same.then_some(at + length)
            }
            Atom::Char(_) | Atom::Any | Atom::Set { .. } | Atom::Group(..) => None,
        }
    }

    fn one(&self, atom: &Atom, at: usize) -> bool {
        let c = self.places[at].1;
        let other = if !self.fold {
            c
        } else if c.is_lowercase() {
            c.to_ascii_uppercase()
        } else {
            c.to_ascii_lowercase()
        };
        match atom {
            Atom::Char(it) => *it == c || *it == other,
            Atom::Any => true,
            Atom::Set { negate, items } => {
                let holds = |c: char| {
                    items.iter().any(|it| match it {
                        Item::Range(low, high) => (*low..=*high).contains(&c),
                        Item::Class(name) => in_class(name, c),
                    })
                };
                (holds(c) || holds(other)) != *negate
            }
            _ => false,
        }
    }
}
