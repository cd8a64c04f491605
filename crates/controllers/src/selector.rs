//! Label selectors as workloads use them.

use std::collections::BTreeMap;

use api::LabelSelector;

/// An empty selector selects nothing here: a workload must not own every Pod of its namespace.
pub(crate) fn matches(selector: &LabelSelector, labels: Option<&BTreeMap<String, String>>) -> bool {
    let value = |key: &str| labels.and_then(|it| it.get(key));
    let wanted = selector.match_labels.iter().flatten();
    let expressions = selector.match_expressions.iter().flatten();
    if wanted.clone().next().is_none() && expressions.clone().next().is_none() {
        return false;
    }
    wanted.into_iter().all(|(key, wanted)| value(key) == Some(wanted))
        && expressions.into_iter().all(|it| {
            let listed = |found: &String| it.values.iter().flatten().any(|value| value == found);
            match it.operator.as_str() {
                "In" => value(&it.key).is_some_and(listed),
                "NotIn" => !value(&it.key).is_some_and(listed),
                "Exists" => value(&it.key).is_some(),
                "DoesNotExist" => value(&it.key).is_none(),
                _ => false,
            }
        })
}
