//! Selectors compiled once: cheap to match, and ordered, so that equal ones share an index entry.

use std::collections::BTreeMap;
use std::sync::Arc;

use api::LabelSelector;
use api::k8s_openapi::api::core::v1::{
    NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, PodAffinityTerm, PreferredSchedulingTerm,
};

pub type Labels = BTreeMap<String, String>;

pub static NO_LABELS: Labels = Labels::new();

pub fn labels_of(labels: Option<&Labels>) -> &Labels {
    labels.unwrap_or(&NO_LABELS)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Operator {
    In,
    NotIn,
    Exists,
    DoesNotExist,
    Gt,
    Lt,
    /// An operator that no API server lets through: matches nothing.
    Invalid,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Requirement {
    key: Box<str>,
    operator: Operator,
    values: Box<[Box<str>]>,
}

impl Requirement {
    fn new(key: &str, operator: Operator, values: &[String]) -> Requirement {
        let mut values: Vec<Box<str>> = values.iter().map(|it| it.as_str().into()).collect();
        values.sort();
        Requirement { key: key.into(), operator, values: values.into() }
    }

    fn equals(key: &str, value: &str) -> Requirement {
        Requirement { key: key.into(), operator: Operator::In, values: [value.into()].into() }
    }

    fn matches(&self, value: Option<&str>) -> bool {
        let listed = |value: &str| self.values.iter().any(|it| **it == *value);
        let number = |value: &str, bound: fn(i64, i64) -> bool| {
            let right = self.values.first().and_then(|it| it.parse().ok());
            matches!((value.parse(), right), (Ok(left), Some(right)) if bound(left, right))
        };
        match self.operator {
            Operator::In => value.is_some_and(listed),
            Operator::NotIn => !value.is_some_and(listed),
            Operator::Exists => value.is_some(),
            Operator::DoesNotExist => value.is_none(),
            Operator::Gt => value.is_some_and(|it| number(it, |left, right| left > right)),
            Operator::Lt => value.is_some_and(|it| number(it, |left, right| left < right)),
            Operator::Invalid => false,
        }
    }
}

fn operator(text: &str) -> Operator {
    match text {
        "In" => Operator::In,
        "NotIn" => Operator::NotIn,
        "Exists" => Operator::Exists,
        "DoesNotExist" => Operator::DoesNotExist,
        "Gt" => Operator::Gt,
        "Lt" => Operator::Lt,
        _ => Operator::Invalid,
    }
}

/// A label selector. An absent one matches nothing, an empty one everything.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selector {
    Nothing,
    All(Box<[Requirement]>),
}

impl Selector {
    fn new(requirements: Vec<Requirement>) -> Selector {
        Selector::All(requirements.into())
    }

    pub fn from_labels<'a>(labels: impl IntoIterator<Item = (&'a String, &'a String)>) -> Selector {
        Selector::new(labels.into_iter().map(|(key, value)| Requirement::equals(key, value)).collect())
    }

    pub fn of(selector: Option<&LabelSelector>) -> Selector {
        let Some(selector) = selector else { return Selector::Nothing };
        let labels = selector.match_labels.iter().flatten().map(|(key, value)| Requirement::equals(key, value));
        let expressions = selector.match_expressions.iter().flatten().map(|it| {
            Requirement::new(&it.key, operator(&it.operator), it.values.as_deref().unwrap_or_default())
        });
        Selector::new(labels.chain(expressions).collect())
    }

    /// Both must match. `Nothing` stays nothing.
    #[must_use]
    pub fn and(self, other: &Selector) -> Selector {
        match (self, other) {
            (Selector::All(left), Selector::All(right)) => {
                Selector::All(left.iter().chain(right).cloned().collect())
            }
            (Selector::Nothing, _) | (_, Selector::Nothing) => Selector::Nothing,
        }
    }

    pub fn is_empty(&self) -> bool {
        matches!(self, Selector::All(all) if all.is_empty())
    }

    pub fn matches(&self, labels: &Labels) -> bool {
        match self {
            Selector::Nothing => false,
            Selector::All(all) => {
                all.iter().all(|it| it.matches(labels.get(&*it.key).map(String::as_str)))
            }
        }
    }
}

/// A term of a Pod's (anti-)affinity.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AffinityTerm {
    pub topology_key: Arc<str>,
    /// Sorted.
    pub namespaces: Vec<Arc<str>>,
    pub namespace_selector: Selector,
    pub selector: Selector,
}

impl AffinityTerm {
    // Follows kubernetes v1.36 kube-scheduler/framework/types.go: newAffinityTerm.
    pub fn new(namespace: &Arc<str>, term: &PodAffinityTerm) -> AffinityTerm {
        let named = term.namespaces.as_deref().unwrap_or_default();
        let mut namespaces: Vec<Arc<str>> = if named.is_empty() && term.namespace_selector.is_none() {
            vec![namespace.clone()]
        } else {
            named.iter().map(|it| it.as_str().into()).collect()
        };
        namespaces.sort();
        namespaces.dedup();
        AffinityTerm {
            topology_key: term.topology_key.as_str().into(),
            namespaces,
            namespace_selector: Selector::of(term.namespace_selector.as_ref()),
            selector: Selector::of(term.label_selector.as_ref()),
        }
    }

    /// `namespace_labels` are those of the Pod's own namespace.
    pub fn matches(&self, namespace: &str, namespace_labels: &Labels, labels: &Labels) -> bool {
        (self.namespaces.iter().any(|it| **it == *namespace)
            || self.namespace_selector.matches(namespace_labels))
            && self.selector.matches(labels)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct NodeTerm {
    labels: Vec<Requirement>,
    fields: Vec<Requirement>,
    valid: bool,
}

impl NodeTerm {
    /// `None` for an empty term, which matches no node.
    fn new(term: &NodeSelectorTerm) -> Option<NodeTerm> {
        let all = |list: &Option<Vec<NodeSelectorRequirement>>| -> Vec<Requirement> {
            let values = |it: &NodeSelectorRequirement| it.values.clone().unwrap_or_default();
            list.iter().flatten().map(|it| Requirement::new(&it.key, operator(&it.operator), &values(it))).collect()
        };
        let (labels, fields) = (all(&term.match_expressions), all(&term.match_fields));
        // A field takes In or NotIn with exactly one value.
        let valid = fields.iter().all(|it| {
            matches!(it.operator, Operator::In | Operator::NotIn) && it.values.len() == 1
        }) && labels.iter().all(|it| it.operator != Operator::Invalid);
        (!labels.is_empty() || !fields.is_empty()).then_some(NodeTerm { labels, fields, valid })
    }

    fn matches(&self, name: &str, labels: &Labels) -> bool {
        self.valid
            && self.labels.iter().all(|it| it.matches(labels.get(&*it.key).map(String::as_str)))
            && self.fields.iter().all(|it| it.matches((&*it.key == "metadata.name").then_some(name)))
    }
}

/// What a Pod asks of its node: nodeSelector and required node affinity.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RequiredNodeAffinity {
    labels: Option<Selector>,
    terms: Option<Vec<NodeTerm>>,
}

impl RequiredNodeAffinity {
    // Follows kubernetes v1.36 component-helpers/scheduling/corev1/nodeaffinity: GetRequiredNodeAffinity.
    pub fn new(node_selector: Option<&Labels>, required: Option<&NodeSelector>) -> RequiredNodeAffinity {
        RequiredNodeAffinity {
            labels: node_selector.filter(|it| !it.is_empty()).map(Selector::from_labels),
            terms: required.map(|it| it.node_selector_terms.iter().filter_map(NodeTerm::new).collect()),
        }
    }

    pub fn is_trivial(&self) -> bool {
        self.labels.is_none() && self.terms.is_none()
    }

    pub fn matches(&self, name: &str, labels: &Labels) -> bool {
        self.labels.as_ref().is_none_or(|it| it.matches(labels))
            && self.terms.as_ref().is_none_or(|terms| terms.iter().any(|it| it.matches(name, labels)))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PreferredNodeTerm {
    term: NodeTerm,
    weight: i64,
}

impl PreferredNodeTerm {
    pub fn new(term: &PreferredSchedulingTerm) -> Option<PreferredNodeTerm> {
        let parsed = NodeTerm::new(&term.preference)?;
        (term.weight != 0).then(|| PreferredNodeTerm { term: parsed, weight: i64::from(term.weight) })
    }

    /// The weight where the node matches.
    pub fn score(&self, name: &str, labels: &Labels) -> i64 {
        if self.term.matches(name, labels) { self.weight } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn absent_is_nothing_and_empty_is_everything() {
        assert!(!Selector::of(None).matches(&NO_LABELS));
        assert!(Selector::of(Some(&LabelSelector::default())).matches(&labels(&[("a", "b")])));
    }

    #[test]
    fn numbers_and_absent_keys() {
        let gt = Requirement::new("n", Operator::Gt, &["5".to_owned()]);
        assert!(gt.matches(Some("6")) && !gt.matches(Some("5")) && !gt.matches(Some("x")) && !gt.matches(None));
        let not_in = Requirement::new("n", Operator::NotIn, &["5".to_owned()]);
        assert!(not_in.matches(None) && !not_in.matches(Some("5")));
    }
}
