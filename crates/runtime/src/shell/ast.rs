//! What the parser makes of a script. Shared by reference: a running shell holds the parts that it still has to do.

use std::sync::Arc;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Part {
    /// Unquoted: may hold patterns.
    Literal(String),
    /// Quoted: means itself.
    Quoted(String),
    /// Between double quotes.
    Double(Vec<Part>),
    Parameter(Box<Parameter>),
    /// `$(…)` and backquotes.
    Command(Arc<Node>),
    /// `$((…))`
    Arithmetic(Vec<Part>),
}

pub type Word = Vec<Part>;

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Parameter {
    pub name: String,
    pub operation: Operation,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Operation {
    Plain,
    Length,
    /// `-`, `=`, `?`, `+`; `colon`: an empty value counts as unset.
    Test {
        how: u8,
        colon: bool,
        word: Word,
    },
    /// `#`, `##`, `%`, `%%`
    Trim {
        front: bool,
        longest: bool,
        pattern: Word,
    },
    /// `${x:1:2}`
    Slice {
        from: Word,
        length: Option<Word>,
    },
    /// `${x/a/b}`, `${x//a/b}`
    Replace {
        all: bool,
        pattern: Word,
        with: Word,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RedirectKind {
    Read,
    Write,
    Append,
    ReadWrite,
    /// `<&` and `>&`
    Duplicate,
    /// `&>` and `&>>`
    Both,
    BothAppend,
    /// The text itself.
    Here,
    HereString,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Redirect {
    pub number: Option<u32>,
    pub kind: RedirectKind,
    pub target: Word,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Assignment {
    pub name: String,
    /// `+=`
    pub append: bool,
    pub value: Word,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Simple {
    pub assignments: Vec<Assignment>,
    pub words: Vec<Word>,
    pub redirects: Vec<Redirect>,
    pub line: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Arm {
    pub patterns: Vec<Word>,
    pub body: Arc<Node>,
    /// `;&`: goes on with the next arm's body.
    pub falls_through: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Node {
    Simple(Simple),
    /// Commands, and whether each runs in the background.
    List(Vec<(Arc<Node>, bool)>),
    Pipeline(Vec<Arc<Node>>),
    Not(Arc<Node>),
    And(Arc<Node>, Arc<Node>),
    Or(Arc<Node>, Arc<Node>),
    If {
        condition: Arc<Node>,
        then: Arc<Node>,
        otherwise: Option<Arc<Node>>,
    },
    While {
        condition: Arc<Node>,
        body: Arc<Node>,
        until: bool,
    },
    For {
        name: String,
        words: Option<Vec<Word>>,
        body: Arc<Node>,
    },
    Case {
        word: Word,
        arms: Vec<Arm>,
    },
    Subshell(Arc<Node>),
    Function {
        name: String,
        body: Arc<Node>,
    },
    Redirected(Arc<Node>, Vec<Redirect>),
    /// `((…))`
    Arithmetic(Vec<Part>),
    /// `time`
    Time(Arc<Node>),
}
