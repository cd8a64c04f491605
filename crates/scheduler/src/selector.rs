//! Selectors compiled once: cheap to match, and ordered, so that equal ones share an index entry.

use std::sync::Arc;

use api::k8s_openapi::api::core::v1::{
    NodeSelector, NodeSelectorTerm, PodAffinityTerm, PreferredSchedulingTerm,
};
pub use api::selector::{Labels, Selector};
use api::selector::{Operator, Requirement};
use sim::Gather as _;

pub static NO_LABELS: Labels = Labels::new();

pub fn labels_of(labels: Option<&Labels>) -> &Labels {
    labels.unwrap_or(&NO_LABELS)
}

/// Both must match.
pub fn both(left: Selector, right: &Selector) -> Selector {
    match (left, right) {
        (Selector::All(mut all), Selector::All(more)) => {
            all.extend(more.iter().cloned());
            Selector::All(all)
        }
        (Selector::Nothing, _) | (_, Selector::Nothing) => Selector::Nothing,
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
            named.iter().map(|it| it.as_str().into()).gather()
        };
        namespaces.sort();
        namespaces.dedup();
        AffinityTerm {
            topology_key: term.topology_key.as_str().into(),
            namespaces,
            namespace_selector: Selector::new(term.namespace_selector.as_ref()),
            selector: Selector::new(term.label_selector.as_ref()),
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
    /// Names that the node must have (true) or must not have.
    names: Vec<(bool, String)>,
    valid: bool,
}

impl NodeTerm {
    /// `None` for an empty term, which matches no node.
    fn new(term: &NodeSelectorTerm) -> Option<NodeTerm> {
        let (mut labels, mut names, mut valid) = (Vec::new(), Vec::new(), true);
        for it in term.match_expressions.iter().flatten() {
            match Operator::from_name(&it.operator) {
                Some(operator) => {
                    let values = it.values.clone().unwrap_or_default();
                    valid &= fits_operator(operator, &values);
                    labels.push(Requirement { key: it.key.clone(), operator, values });
                }
                None => valid = false,
            }
        }
        for it in term.match_fields.iter().flatten() {
            // A field takes In or NotIn with exactly one value, and there is one field.
            match (it.operator.as_str(), it.values.as_deref(), it.key.as_str()) {
                ("In", Some([name]), "metadata.name") => names.push((true, name.clone())),
                ("NotIn", Some([name]), "metadata.name") => names.push((false, name.clone())),
                _ => valid = false,
            }
        }
        let empty = term.match_expressions.iter().flatten().next().is_none()
            && term.match_fields.iter().flatten().next().is_none();
        (!empty).then_some(NodeTerm { labels, names, valid })
    }

    fn matches(&self, name: &str, labels: &Labels) -> bool {
        self.valid
            && self.names.iter().all(|it| (it.1 == name) == it.0)
            && self.labels.iter().all(|it| it.matches(labels))
    }
}

// Follows kubernetes v1.36 apimachinery/pkg/labels/selector.go: NewRequirement. Validation lets these values through.
fn fits_operator(operator: Operator, values: &[String]) -> bool {
    let fits = match operator {
        Operator::In | Operator::NotIn => !values.is_empty(),
        Operator::Exists | Operator::DoesNotExist => values.is_empty(),
        Operator::GreaterThan | Operator::LessThan => matches!(values, [it] if it.parse::<i64>().is_ok()),
        Operator::Equals | Operator::DoubleEquals | Operator::NotEquals => values.len() == 1,
    };
    fits && values.iter().all(|it| api::syntax::label_value(it).is_empty())
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
            labels: node_selector.filter(|it| !it.is_empty()).map(Selector::from_map),
            terms: required.map(|it| it.node_selector_terms.iter().filter_map(NodeTerm::new).gather()),
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

    #[test]
    fn an_empty_term_matches_no_node() {
        let required = NodeSelector { node_selector_terms: vec![NodeSelectorTerm::default()] };
        assert!(!RequiredNodeAffinity::new(None, Some(&required)).matches("n1", &NO_LABELS));
        assert!(RequiredNodeAffinity::new(None, None).matches("n1", &NO_LABELS));
    }
}
