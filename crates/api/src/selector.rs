//! Label selectors, node selectors, and the strings after `-l` and `--field-selector`.
//!
//! Follows kubernetes v1.36 apimachinery/pkg/labels/selector.go, apimachinery/pkg/fields/selector.go and
//! component-helpers/scheduling/corev1/nodeaffinity.

use std::collections::BTreeMap;
use std::fmt;

use k8s_openapi::api::core::v1::{NodeSelector, NodeSelectorRequirement, NodeSelectorTerm};
use sim::{Gather as _, Sort as _};

use crate::{LabelSelector, Node, syntax};

pub type Labels = BTreeMap<String, String>;

static NO_LABELS: Labels = Labels::new();

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Operator {
    Equals,
    DoubleEquals,
    NotEquals,
    In,
    NotIn,
    Exists,
    DoesNotExist,
    GreaterThan,
    LessThan,
}

impl Operator {
    /// As it is written in `matchExpressions`.
    pub fn from_name(name: &str) -> Option<Operator> {
        Some(match name {
            "In" => Operator::In,
            "NotIn" => Operator::NotIn,
            "Exists" => Operator::Exists,
            "DoesNotExist" => Operator::DoesNotExist,
            "Gt" => Operator::GreaterThan,
            "Lt" => Operator::LessThan,
            _ => return None,
        })
    }
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    pub key: String,
    pub operator: Operator,
    pub values: Vec<String>,
}

impl Requirement {
    pub fn matches(&self, labels: &Labels) -> bool {
        self.matches_value(labels.get(&self.key).map(String::as_str))
    }

    fn matches_value(&self, found: Option<&str>) -> bool {
        match self.operator {
            Operator::In | Operator::Equals | Operator::DoubleEquals => found.is_some_and(|it| self.has(it)),
            Operator::NotIn | Operator::NotEquals => !found.is_some_and(|it| self.has(it)),
            Operator::Exists => found.is_some(),
            Operator::DoesNotExist => found.is_none(),
            Operator::GreaterThan | Operator::LessThan => {
                let (Some(Ok(found)), [Ok(bound)]) = (
                    found.map(str::parse::<i64>),
                    &self.values.iter().map(|it| it.parse::<i64>()).gather()[..],
                ) else {
                    return false;
                };
                if self.operator == Operator::GreaterThan { *bound < found } else { found < *bound }
            }
        }
    }

    fn has(&self, value: &str) -> bool {
        self.values.iter().any(|it| it == value)
    }
}

impl fmt::Display for Requirement {
    /// `a=b`, `a!=b`, `a in (b,c)`, `a`, `!a`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut values = self.values.clone();
        values.put_in_order();
        let (key, values) = (&self.key, values.join(","));
        match self.operator {
            Operator::Equals => write!(f, "{key}={values}"),
            Operator::DoubleEquals => write!(f, "{key}=={values}"),
            Operator::NotEquals => write!(f, "{key}!={values}"),
            Operator::In => write!(f, "{key} in ({values})"),
            Operator::NotIn => write!(f, "{key} notin ({values})"),
            Operator::Exists => f.write_str(key),
            Operator::DoesNotExist => write!(f, "!{key}"),
            Operator::GreaterThan => write!(f, "{key}>{values}"),
            Operator::LessThan => write!(f, "{key}<{values}"),
        }
    }
}

/// A selector in the form to match with: all requirements must hold.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    /// What an absent selector means.
    Nothing,
    /// No requirements match everything.
    All(Vec<Requirement>),
}

impl Selector {
    pub const EVERYTHING: Selector = Selector::All(Vec::new());

    /// The compiled form of a `LabelSelector`; absent selects nothing, empty selects everything.
    /// An unknown operator (validation refuses it) selects nothing.
    pub fn new(selector: Option<&LabelSelector>) -> Selector {
        let Some(selector) = selector else { return Selector::Nothing };
        let mut all = Vec::new();
        for (key, value) in selector.match_labels.iter().flatten() {
            all.push(Requirement { key: key.clone(), operator: Operator::In, values: vec![value.clone()] });
        }
        for expression in selector.match_expressions.iter().flatten() {
            let operator = match Operator::from_name(&expression.operator) {
                None | Some(Operator::GreaterThan | Operator::LessThan) => return Selector::Nothing,
                Some(operator) => operator,
            };
            let values = expression.values.clone().unwrap_or_default();
            all.push(Requirement { key: expression.key.clone(), operator, values });
        }
        all.put_in_order();
        Selector::All(all)
    }

    /// A Service's or ReplicationController's plain map; an empty one selects everything.
    pub fn from_map(labels: &Labels) -> Selector {
        let all = labels.iter().map(|(key, value)| Requirement {
            key: key.clone(),
            operator: Operator::Equals,
            values: vec![value.clone()],
        });
        Selector::All(all.gather())
    }

    /// What stands after `-l`.
    pub fn parse(text: &str) -> Result<Selector, String> {
        let mut all = Parser::new(text).parse()?;
        all.put_in_order_by(|a, b| a.key.cmp(&b.key));
        Ok(Selector::All(all))
    }

    pub fn matches(&self, labels: &Labels) -> bool {
        match self {
            Selector::Nothing => false,
            Selector::All(all) => all.iter().all(|it| it.matches(labels)),
        }
    }

    /// For `metadata.labels` as it stands in objects.
    pub fn matches_option(&self, labels: Option<&Labels>) -> bool {
        self.matches(labels.unwrap_or(&NO_LABELS))
    }

    /// True when it selects everything.
    pub fn is_empty(&self) -> bool {
        matches!(self, Selector::All(all) if all.is_empty())
    }

    pub fn requirements(&self) -> &[Requirement] {
        match self {
            Selector::Nothing => &[],
            Selector::All(all) => all,
        }
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, requirement) in self.requirements().iter().enumerate() {
            if index != 0 {
                f.write_str(",")?;
            }
            write!(f, "{requirement}")?;
        }
        Ok(())
    }
}

/// One-off form of `Selector::new(selector).matches_option(labels)`.
pub fn label_selector_matches(selector: Option<&LabelSelector>, labels: Option<&Labels>) -> bool {
    Selector::new(selector).matches_option(labels)
}

/// `spec.selector` of a Service, `spec.nodeSelector` of a Pod: every pair must be there.
pub fn is_subset(wanted: &Labels, labels: Option<&Labels>) -> bool {
    let labels = labels.unwrap_or(&NO_LABELS);
    wanted.iter().all(|(key, value)| labels.get(key) == Some(value))
}

/// Terms are alternatives; no terms match no node.
pub fn node_selector_matches(selector: &NodeSelector, node: &Node) -> bool {
    selector.node_selector_terms.iter().any(|it| node_selector_term_matches(it, node))
}

/// An empty term matches no node.
pub fn node_selector_term_matches(term: &NodeSelectorTerm, node: &Node) -> bool {
    let expressions = term.match_expressions.as_deref().unwrap_or_default();
    let fields = term.match_fields.as_deref().unwrap_or_default();
    if expressions.is_empty() && fields.is_empty() {
        return false;
    }
    let labels = node.metadata.labels.as_ref().unwrap_or(&NO_LABELS);
    let holds = |it: &NodeSelectorRequirement, found: Option<&str>| {
        Operator::from_name(&it.operator).is_some_and(|operator| {
            let values = it.values.clone().unwrap_or_default();
            Requirement { key: String::new(), operator, values }.matches_value(found)
        })
    };
    expressions.iter().all(|it| holds(it, labels.get(&it.key).map(String::as_str)))
        && fields.iter().all(|it| {
            // `metadata.name` is the only field; upstream treats an unknown one as an error that matches nothing.
            it.key == "metadata.name" && holds(it, Some(node.metadata.name.as_deref().unwrap_or("")))
        })
}

/// One `field=value` of `--field-selector`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldRequirement {
    pub field: String,
    pub equal: bool,
    pub value: String,
}

#[derive(Debug, Default, Clone, PartialEq, Eq, Hash)]
pub struct FieldSelector(pub Vec<FieldRequirement>);

impl FieldSelector {
    pub fn parse(text: &str) -> Result<FieldSelector, String> {
        let mut all = Vec::new();
        for part in split_terms(text) {
            if part.is_empty() {
                continue;
            }
            let not_understood = || format!("invalid selector: '{text}'; can't understand '{part}'");
            // Upstream looks for the operators at each position in this order.
            let at = |at: usize| ["!=", "==", "="].into_iter().find(|it| part[at..].starts_with(it));
            let (index, operator) = part
                .char_indices()
                .find_map(|(index, _)| at(index).map(|it| (index, it)))
                .ok_or_else(not_understood)?;
            let value = unescape(&part[index + operator.len()..]).ok_or_else(not_understood)?;
            all.push(FieldRequirement { field: part[..index].to_owned(), equal: operator != "!=", value });
        }
        Ok(FieldSelector(all))
    }

    /// `field` answers with a field's value, the empty string when it is not set.
    pub fn matches<'a>(&self, field: impl Fn(&str) -> &'a str) -> bool {
        self.0.iter().all(|it| (field(&it.field) == it.value) == it.equal)
    }
}

fn split_terms(text: &str) -> Vec<&str> {
    let (mut terms, mut start, mut escaped) = (Vec::new(), 0, false);
    for (index, c) in text.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            ',' => {
                terms.push(&text[start..index]);
                start = index + 1;
            }
            _ => {}
        }
    }
    terms.push(&text[start..]);
    terms
}

fn unescape(text: &str) -> Option<String> {
    let mut value = String::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => value.push(chars.next().filter(|it| matches!(it, '\\' | ',' | '='))?),
            ',' | '=' => return None,
            _ => value.push(c),
        }
    }
    Some(value)
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Token {
    End,
    Identifier,
    In,
    NotIn,
    Open,
    Close,
    Comma,
    Not,
    Equals,
    DoubleEquals,
    NotEquals,
    Greater,
    Less,
    Error,
}

/// Follows labels/selector.go: Lexer and Parser.
struct Parser<'a> {
    tokens: Vec<(Token, &'a str)>,
    position: usize,
}

impl<'a> Parser<'a> {
    fn new(text: &'a str) -> Parser<'a> {
        let (mut tokens, mut rest) = (Vec::new(), text);
        loop {
            rest = rest.trim_start_matches([' ', '\t', '\r', '\n']);
            let special = |c: char| "=!(),><".contains(c);
            let length = match rest.chars().next() {
                None => break,
                // The lexer reads as many special characters as make an operator that it knows.
                Some(c) if special(c) => {
                    if ["==", "!="].into_iter().any(|it| rest.starts_with(it)) {
                        2
                    } else {
                        1
                    }
                }
                Some(_) => rest.find(|c: char| special(c) || " \t\r\n".contains(c)).unwrap_or(rest.len()),
            };
            let (literal, after) = rest.split_at(length);
            rest = after;
            let token = match literal {
                "in" => Token::In,
                "notin" => Token::NotIn,
                "(" => Token::Open,
                ")" => Token::Close,
                "," => Token::Comma,
                "!" => Token::Not,
                "=" => Token::Equals,
                "==" => Token::DoubleEquals,
                "!=" => Token::NotEquals,
                ">" => Token::Greater,
                "<" => Token::Less,
                _ if literal.starts_with(special) => Token::Error,
                _ => Token::Identifier,
            };
            tokens.push((token, literal));
        }
        Parser { tokens, position: 0 }
    }

    /// Where a value is expected, `in` and `notin` are words like any other.
    fn peek(&self) -> (Token, &'a str) {
        match self.tokens.get(self.position) {
            None => (Token::End, ""),
            Some((Token::In | Token::NotIn, literal)) => (Token::Identifier, literal),
            Some(token) => *token,
        }
    }

    fn next(&mut self) -> (Token, &'a str) {
        let token = self.peek();
        self.position += 1;
        token
    }

    fn parse(mut self) -> Result<Vec<Requirement>, String> {
        let mut all = Vec::new();
        loop {
            match self.peek() {
                (Token::Identifier | Token::Not, _) => {
                    let requirement =
                        self.requirement().map_err(|it| format!("unable to parse requirement: {it}"))?;
                    all.push(requirement);
                    match self.next() {
                        (Token::End, _) => return Ok(all),
                        (Token::Comma, _) => {
                            let (token, literal) = self.peek();
                            if !matches!(token, Token::Identifier | Token::Not) {
                                return Err(format!("found '{literal}', expected: identifier after ','"));
                            }
                        }
                        (_, literal) => {
                            return Err(format!("found '{literal}', expected: ',' or 'end of string'"));
                        }
                    }
                }
                (Token::End, _) => return Ok(all),
                (_, literal) => {
                    return Err(format!("found '{literal}', expected: !, identifier, or 'end of string'"));
                }
            }
        }
    }

    fn requirement(&mut self) -> Result<Requirement, String> {
        let (mut token, mut key) = self.next();
        let negated = token == Token::Not;
        if negated {
            (token, key) = self.next();
        }
        if token != Token::Identifier {
            return Err(format!("found '{key}', expected: identifier"));
        }
        let complaints = syntax::qualified_name(key);
        if !complaints.is_empty() {
            return Err(format!("<nil>: Invalid value: {key:?}: {}", complaints.join("; ")));
        }
        if negated || matches!(self.peek().0, Token::End | Token::Comma) {
            let operator = if negated { Operator::DoesNotExist } else { Operator::Exists };
            return Ok(Requirement { key: key.to_owned(), operator, values: Vec::new() });
        }
        let (token, literal) = self.tokens.get(self.position).copied().unwrap_or((Token::End, ""));
        self.position += 1;
        let operator = match token {
            Token::In => Operator::In,
            Token::NotIn => Operator::NotIn,
            Token::Equals => Operator::Equals,
            Token::DoubleEquals => Operator::DoubleEquals,
            Token::NotEquals => Operator::NotEquals,
            Token::Greater => Operator::GreaterThan,
            Token::Less => Operator::LessThan,
            _ => {
                return Err(format!("found '{literal}', expected: in, notin, =, ==, !=, gt, lt"));
            }
        };
        let mut values = if matches!(operator, Operator::In | Operator::NotIn) {
            self.values()?
        } else {
            vec![self.exact_value()?]
        };
        values.put_in_order();
        values.dedup();
        check_values(key, operator, &values)?;
        Ok(Requirement { key: key.to_owned(), operator, values })
    }

    fn exact_value(&mut self) -> Result<String, String> {
        if matches!(self.peek().0, Token::End | Token::Comma) {
            return Ok(String::new());
        }
        match self.next() {
            (Token::Identifier, literal) => Ok(literal.to_owned()),
            (_, literal) => Err(format!("found '{literal}', expected: identifier")),
        }
    }

    fn values(&mut self) -> Result<Vec<String>, String> {
        let (token, literal) = self.next();
        if token != Token::Open {
            return Err(format!("found '{literal}' expected: '('"));
        }
        let mut values = Vec::new();
        match self.peek() {
            (Token::Identifier | Token::Comma, _) => {}
            (Token::Close, _) => {
                self.next();
                return Ok(vec![String::new()]);
            }
            (_, literal) => return Err(format!("found '{literal}', expected: ',', ')' or identifier")),
        }
        loop {
            match self.next() {
                (Token::Identifier, literal) => {
                    values.push(literal.to_owned());
                    match self.peek() {
                        (Token::Comma, _) => {}
                        (Token::Close, _) => break,
                        (_, literal) => return Err(format!("found '{literal}', expected: ',' or ')'")),
                    }
                }
                (Token::Comma, _) => {
                    if values.is_empty() || self.peek().0 == Token::Comma {
                        values.push(String::new());
                    }
                    if self.peek().0 == Token::Close {
                        values.push(String::new());
                        break;
                    }
                }
                (_, literal) => return Err(format!("found '{literal}', expected: ',', or identifier")),
            }
        }
        self.next();
        Ok(values)
    }
}

fn check_values(key: &str, operator: Operator, values: &[String]) -> Result<(), String> {
    for (index, value) in values.iter().enumerate() {
        if matches!(operator, Operator::GreaterThan | Operator::LessThan) && value.parse::<i64>().is_err() {
            return Err(format!(
                "values[{index}]: Invalid value: {value:?}: for 'Gt', 'Lt' operators, the value must be an integer"
            ));
        }
        let complaints = syntax::label_value(value);
        if !complaints.is_empty() {
            return Err(format!(
                "values[{index}][{key}]: Invalid value: {value:?}: {}",
                complaints.join("; ")
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(text: &str) -> Labels {
        text.split(',').filter_map(|it| it.split_once('=')).map(|(k, v)| (k.into(), v.into())).collect()
    }

    fn check(selector: &str, on: &str, expected: bool) {
        let parsed = Selector::parse(selector).expect("a selector");
        assert_eq!(parsed.matches(&labels(on)), expected, "{selector} on {on}");
    }

    #[test]
    fn strings_match_as_kubectl_means_them() {
        check("a=b", "a=b", true);
        check("a==b,c!=d", "a=b,c=d", false);
        check("c!=d", "", true);
        check("e in (x,y)", "e=y", true);
        check("e notin (x, y)", "e=y", false);
        check("e notin (x)", "", true);
        check("!f", "f=1", false);
        check("f", "f=", true);
        check("", "a=b", true);
        check("n>5", "n=6", true);
        check("n<5", "n=6", false);
        check("in in (in)", "in=in", true);
        check("a=", "a=", true);
    }

    #[test]
    fn errors_are_upstreams() {
        let error = |text| Selector::parse(text).expect_err("no selector");
        assert_eq!(
            error("a b"),
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt"
        );
        assert_eq!(error("a=b,"), "found '', expected: identifier after ','");
        assert_eq!(error("a in b"), "unable to parse requirement: found 'b' expected: '('");
        assert_eq!(error("=a"), "found '=', expected: !, identifier, or 'end of string'");
    }

    #[test]
    fn prints_canonically() {
        let text = Selector::parse("b in (z,y),a==1,!c").expect("a selector").to_string();
        assert_eq!(text, "a==1,b in (y,z),!c");
    }

    #[test]
    fn absent_and_empty_differ() {
        assert!(!label_selector_matches(None, None));
        assert!(label_selector_matches(Some(&LabelSelector::default()), None));
    }

    #[test]
    fn node_terms() {
        let requirement = |key: &str, operator: &str, values: &[&str]| NodeSelectorRequirement {
            key: key.to_owned(),
            operator: operator.to_owned(),
            values: Some(values.iter().map(|it| (*it).to_owned()).collect()),
        };
        let mut node = Node::default();
        node.metadata.name = Some("n1".to_owned());
        node.metadata.labels = Some(labels("cores=8"));
        let term =
            |expressions, fields| NodeSelectorTerm { match_expressions: expressions, match_fields: fields };
        let matches = |it: &NodeSelectorTerm| node_selector_term_matches(it, &node);
        assert!(!matches(&NodeSelectorTerm::default()));
        assert!(matches(&term(Some(vec![requirement("cores", "Gt", &["4"])]), None)));
        assert!(!matches(&term(Some(vec![requirement("cores", "Lt", &["4"])]), None)));
        assert!(matches(&term(None, Some(vec![requirement("metadata.name", "In", &["n1"])]))));
    }

    #[test]
    fn fields() {
        let parsed = FieldSelector::parse("status.phase!=Running,spec.nodeName=n1").expect("a selector");
        assert!(parsed.matches(|it| if it == "spec.nodeName" { "n1" } else { "Pending" }));
        assert!(!parsed.matches(|_| ""));
        assert!(FieldSelector::parse("x").is_err());
    }
}
