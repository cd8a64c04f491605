//! The grammar of [`super::awk`].

use sim::Gather as _;

/// Deeper nesting is refused.
const DEPTH_MAX: u32 = 60;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Expression {
    Text(String),
    Number(String),
    Regex(String),
    Variable(String),
    Field(Box<Expression>),
    Element(String, Box<Expression>),
    In(Box<Expression>, String),
    /// With the sign of `+=`, or none.
    Assign(Box<Expression>, &'static str, Box<Expression>),
    /// `++` and `--`; true: after.
    Step(Box<Expression>, i64, bool),
    Not(Box<Expression>),
    Negate(Box<Expression>),
    Choose(Box<Expression>, Box<Expression>, Box<Expression>),
    /// A blank joins texts.
    Binary(&'static str, Box<Expression>, Box<Expression>),
    Call(String, Vec<Expression>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Statement {
    Print(Vec<Expression>),
    Printf(Vec<Expression>),
    Do(Expression),
    If(Expression, Vec<Statement>, Vec<Statement>),
    /// With what comes after each turn.
    While(Expression, Vec<Statement>, Expression),
    ForIn(String, String, Vec<Statement>),
    Delete(String, Expression),
    Next,
    Break,
    Continue,
    Exit(Option<Expression>),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Pattern {
    Begin,
    End,
    Always,
    When(Expression),
    Range(Expression, Expression),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Program {
    pub rules: Vec<(Pattern, Vec<Statement>)>,
}

/// The program, or the text near what is wrong.
pub fn parse(text: &str) -> Result<Program, String> {
    let mut parser = Parser { text, at: 0, depth: 0, no_in: false };
    let mut rules = Vec::new();
    loop {
        parser.separators();
        if parser.at == text.len() {
            return Ok(Program { rules });
        }
        let pattern = if parser.word("BEGIN") {
            Pattern::Begin
        } else if parser.word("END") {
            Pattern::End
        } else if parser.peek() == Some('{') {
            Pattern::Always
        } else {
            let first = parser.expression().ok_or_else(|| parser.near())?;
            if parser.eat(",") {
                Pattern::Range(first, parser.expression().ok_or_else(|| parser.near())?)
            } else {
                Pattern::When(first)
            }
        };
        parser.blanks();
        let body = if parser.peek() == Some('{') {
            parser.block().ok_or_else(|| parser.near())?
        } else {
            vec![Statement::Print(Vec::new())]
        };
        rules.push((pattern, body));
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: u32,
    no_in: bool,
}

/// Signs by how strongly they bind, weakest first.
const LEVELS: [&[&str]; 6] =
    [&["||"], &["&&"], &["~", "!~"], &["==", "!=", "<=", ">=", "<", ">"], &["+", "-"], &["*", "/", "%"]];

impl Parser<'_> {
    fn near(&self) -> String {
        self.text[self.at..].chars().take(20).fill()
    }

    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn blanks(&mut self) {
        loop {
            match self.peek() {
                Some(' ' | '\t') => self.at += 1,
                Some('\\') if self.rest().starts_with("\\\n") => self.at += 2,
                Some('#') => self.at += self.rest().find('\n').unwrap_or(self.rest().len()),
                _ => return,
            }
        }
    }

    fn separators(&mut self) {
        loop {
            self.blanks();
            match self.peek() {
                Some(';' | '\n' | '\r') => self.at += 1,
                _ => return,
            }
        }
    }

    fn eat(&mut self, sign: &str) -> bool {
        self.blanks();
        let found = self.rest().starts_with(sign);
        if found {
            self.at += sign.len();
        }
        found
    }

    fn name(&self) -> &str {
        let rest = self.rest();
        if !rest.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic()) {
            return "";
        }
        let end = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        &rest[..end]
    }

    fn word(&mut self, word: &str) -> bool {
        self.blanks();
        let found = self.name() == word;
        if found {
            self.at += word.len();
        }
        found
    }

    fn block(&mut self) -> Option<Vec<Statement>> {
        if !self.eat("{") {
            return None;
        }
        let mut all = Vec::new();
        loop {
            self.separators();
            if self.eat("}") {
                return Some(all);
            }
            all.push(self.statement()?);
        }
    }

    fn body(&mut self) -> Option<Vec<Statement>> {
        self.separators_but_semicolon();
        if self.peek() == Some('{') {
            return self.block();
        }
        if self.eat(";") {
            return Some(Vec::new());
        }
        Some(vec![self.statement()?])
    }

    fn separators_but_semicolon(&mut self) {
        self.blanks();
        while self.peek() == Some('\n') {
            self.at += 1;
            self.blanks();
        }
    }

    fn statement(&mut self) -> Option<Statement> {
        self.depth += 1;
        if DEPTH_MAX < self.depth {
            return None;
        }
        let statement = self.statement_inner();
        self.depth -= 1;
        statement
    }

    fn statement_inner(&mut self) -> Option<Statement> {
        self.blanks();
        if self.word("if") {
            let condition = self.parenthesised()?;
            let then = self.body()?;
            let before = self.at;
            self.separators();
            if self.word("else") {
                return Some(Statement::If(condition, then, self.body()?));
            }
            self.at = before;
            return Some(Statement::If(condition, then, Vec::new()));
        }
        if self.word("while") {
            let condition = self.parenthesised()?;
            return Some(Statement::While(condition, self.body()?, Expression::Text(String::new())));
        }
        if self.word("for") {
            return self.for_statement();
        }
        if self.word("printf") {
            return Some(Statement::Printf(self.arguments()?));
        }
        if self.word("print") {
            return Some(Statement::Print(self.arguments()?));
        }
        if self.word("delete") {
            return match self.primary()? {
                Expression::Element(name, index) => Some(Statement::Delete(name, *index)),
                _ => None,
            };
        }
        if self.word("next") {
            return Some(Statement::Next);
        }
        if self.word("break") {
            return Some(Statement::Break);
        }
        if self.word("continue") {
            return Some(Statement::Continue);
        }
        if self.word("exit") {
            self.blanks();
            let end = matches!(self.peek(), None | Some(';' | '}' | '\n'));
            return Some(Statement::Exit(if end { None } else { Some(self.expression()?) }));
        }
        if self.peek() == Some('{') {
            let block = self.block()?;
            return Some(Statement::If(Expression::Number("1".to_owned()), block, Vec::new()));
        }
        Some(Statement::Do(self.expression()?))
    }

    fn for_statement(&mut self) -> Option<Statement> {
        if !self.eat("(") {
            return None;
        }
        self.blanks();
        let before = self.at;
        let name = self.name().to_owned();
        self.at += name.len();
        if !name.is_empty() && self.word("in") {
            self.blanks();
            let array = self.name().to_owned();
            self.at += array.len();
            if self.eat(")") {
                return Some(Statement::ForIn(name, array, self.body()?));
            }
        }
        self.at = before;
        let nothing = || Expression::Number("1".to_owned());
        let first = if self.eat(";") { nothing() } else { self.part(";")? };
        let condition = if self.eat(";") { nothing() } else { self.part(";")? };
        let next = if self.eat(")") { nothing() } else { self.part(")")? };
        let body = self.body()?;
        let repeat = Statement::While(condition, body, next);
        Some(Statement::If(
            Expression::Number("1".to_owned()),
            vec![Statement::Do(first), repeat],
            Vec::new(),
        ))
    }

    fn part(&mut self, end: &str) -> Option<Expression> {
        let expression = self.expression()?;
        self.eat(end).then_some(expression)
    }

    fn parenthesised(&mut self) -> Option<Expression> {
        if !self.eat("(") {
            return None;
        }
        self.part(")")
    }

    fn arguments(&mut self) -> Option<Vec<Expression>> {
        self.blanks();
        let mut all = Vec::new();
        if matches!(self.peek(), None | Some(';' | '}' | '\n')) {
            return Some(all);
        }
        // `print (a, b)` has its list in parentheses.
        let before = self.at;
        if self.eat("(")
            && let Some(list) = self.list(")")
        {
            self.blanks();
            if matches!(self.peek(), None | Some(';' | '}' | '\n')) {
                return Some(list);
            }
        }
        self.at = before;
        loop {
            all.push(self.expression()?);
            if !self.eat(",") {
                return Some(all);
            }
        }
    }

    fn list(&mut self, end: &str) -> Option<Vec<Expression>> {
        let mut all = Vec::new();
        if self.eat(end) {
            return Some(all);
        }
        loop {
            all.push(self.expression()?);
            if self.eat(end) {
                return Some(all);
            }
            if !self.eat(",") {
                return None;
            }
        }
    }

    fn expression(&mut self) -> Option<Expression> {
        self.depth += 1;
        if DEPTH_MAX < self.depth {
            return None;
        }
        let expression = self.assignment();
        self.depth -= 1;
        expression
    }

    fn assignment(&mut self) -> Option<Expression> {
        let left = self.level(0)?;
        if self.eat("?") {
            let yes = self.expression()?;
            if !self.eat(":") {
                return None;
            }
            let no = self.expression()?;
            return Some(Expression::Choose(Box::new(left), Box::new(yes), Box::new(no)));
        }
        let target = matches!(left, Expression::Variable(_) | Expression::Field(_) | Expression::Element(..));
        self.blanks();
        if target {
            for (sign, operator) in [("+=", "+"), ("-=", "-"), ("*=", "*"), ("/=", "/"), ("%=", "%")] {
                if self.eat(sign) {
                    let value = self.expression()?;
                    return Some(Expression::Assign(Box::new(left), operator, Box::new(value)));
                }
            }
            if self.rest().starts_with('=') && !self.rest().starts_with("==") {
                self.at += 1;
                let value = self.expression()?;
                return Some(Expression::Assign(Box::new(left), "", Box::new(value)));
            }
        }
        Some(left)
    }

    fn level(&mut self, level: usize) -> Option<Expression> {
        let Some(signs) = LEVELS.get(level) else { return self.unary() };
        let mut left = if level == 4 { self.level(5)? } else { self.level(level + 1)? };
        loop {
            self.blanks();
            if level == 2 && !self.no_in && self.name() == "in" {
                self.at += 2;
                self.blanks();
                let array = self.name().to_owned();
                self.at += array.len();
                left = Expression::In(Box::new(left), array);
                continue;
            }
            if let Some(sign) = signs.iter().find(|it| self.rest().starts_with(**it)) {
                let after = self.rest().as_bytes().get(sign.len());
                let assigns = level >= 4 && after == Some(&b'=');
                if assigns {
                    return Some(left);
                }
                self.at += sign.len();
                let right = if level == 4 { self.level(5)? } else { self.level(level + 1)? };
                left = Expression::Binary(sign, Box::new(left), Box::new(right));
                continue;
            }
            // Two values side by side are joined; that binds weaker than a sum, and stronger than a comparison.
            let starts_value =
                |c: char| c.is_ascii_alphanumeric() || matches!(c, '"' | '$' | '(' | '_' | '!');
            if level == 3
                && self.peek().is_some_and(starts_value)
                && !self.rest().starts_with("!~")
                && !matches!(self.name(), "in" | "else")
            {
                let right = self.level(4)?;
                left = Expression::Binary(" ", Box::new(left), Box::new(right));
                continue;
            }
            return Some(left);
        }
    }

    fn unary(&mut self) -> Option<Expression> {
        self.blanks();
        if self.rest().starts_with('!') && !self.rest().starts_with("!~") {
            self.at += 1;
            return Some(Expression::Not(Box::new(self.unary()?)));
        }
        for (sign, by) in [("++", 1), ("--", -1)] {
            if self.eat(sign) {
                return Some(Expression::Step(Box::new(self.primary()?), by, false));
            }
        }
        if self.eat("-") {
            return Some(Expression::Negate(Box::new(self.unary()?)));
        }
        if self.eat("+") {
            return self.unary();
        }
        let value = self.primary()?;
        for (sign, by) in [("++", 1), ("--", -1)] {
            if self.rest().starts_with(sign) {
                self.at += 2;
                return Some(Expression::Step(Box::new(value), by, true));
            }
        }
        Some(value)
    }

    fn quoted(&mut self, end: char) -> Option<String> {
        let start = self.at;
        let bytes = self.text.as_bytes();
        while *bytes.get(self.at)? != end as u8 {
            self.at += if bytes[self.at] == b'\\' { 2 } else { 1 };
        }
        let text = self.text.get(start..self.at)?.to_owned();
        self.at += 1;
        Some(text)
    }

    fn primary(&mut self) -> Option<Expression> {
        self.blanks();
        match self.peek()? {
            '"' => {
                self.at += 1;
                let text = self.quoted('"')?;
                Some(Expression::Text(crate::shell::escapes::unescape(&text, false).0))
            }
            '/' => {
                self.at += 1;
                Some(Expression::Regex(self.quoted('/')?.replace("\\/", "/")))
            }
            '$' => {
                self.at += 1;
                if self.rest().starts_with("++") || self.rest().starts_with("--") {
                    return Some(Expression::Field(Box::new(self.unary()?)));
                }
                Some(Expression::Field(Box::new(self.primary()?)))
            }
            '(' => {
                self.at += 1;
                self.part(")")
            }
            c if c.is_ascii_digit() || c == '.' => {
                let rest = self.rest();
                let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(rest.len());
                let text = rest[..end].to_owned();
                self.at += end;
                Some(Expression::Number(text))
            }
            _ => {
                let name = self.name().to_owned();
                if name.is_empty() {
                    return None;
                }
                self.at += name.len();
                if self.rest().starts_with('(') {
                    self.at += 1;
                    return Some(Expression::Call(name, self.list(")")?));
                }
                if self.rest().starts_with('[') {
                    self.at += 1;
                    let index = self.part("]")?;
                    return Some(Expression::Element(name, Box::new(index)));
                }
                if name == "length" {
                    return Some(Expression::Call(name, Vec::new()));
                }
                Some(Expression::Variable(name))
            }
        }
    }
}
