//! What discovery tells kubectl: every resource of the server, its names and where it lives.

use api::Kind;

/// One line per resource: plural, short names, API version, namespaced or cluster-wide, kind.
const TABLE: &str = include_str!("resources.txt");

/// What `get all` means, in discovery's order.
pub const CATEGORY_ALL: &str = "pods,replicationcontrollers,services,daemonsets.apps,deployments.apps,replicasets.apps,statefulsets.apps,horizontalpodautoscalers.autoscaling,cronjobs.batch,jobs.batch";

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Resource {
    pub plural: &'static str,
    pub shorts: &'static str,
    pub api_version: &'static str,
    pub namespaced: bool,
    pub kind: &'static str,
}

impl Resource {
    pub fn group(&self) -> &'static str {
        self.api_version.split_once('/').map_or("", |it| it.0)
    }

    pub fn version(&self) -> &'static str {
        self.api_version.split_once('/').map_or(self.api_version, |it| it.1)
    }

    pub fn singular(&self) -> String {
        self.kind.to_ascii_lowercase()
    }

    /// `pods`, `deployments.apps`
    pub fn qualified(&self) -> String {
        qualify(self.plural, self.group())
    }

    /// `pod`, `deployment.apps`: how kubectl names an object's kind in front of its name.
    pub fn qualified_singular(&self) -> String {
        qualify(&self.singular(), self.group())
    }

    pub fn is(&self, plural: &str) -> bool {
        self.plural == plural
    }

    /// The kind of the store, when this cluster has it.
    pub fn stored_kind(&self) -> Option<Kind> {
        Kind::find(self.api_version, self.kind)
    }
}

pub fn qualify(name: &str, group: &str) -> String {
    if group.is_empty() { name.to_owned() } else { [name, group].join(".") }
}

pub fn all() -> impl Iterator<Item = Resource> {
    TABLE.lines().filter_map(|line| {
        let mut words = line.split(' ');
        Some(Resource {
            plural: words.next()?,
            shorts: words.next().map(|it| if it == "-" { "" } else { it })?,
            api_version: words.next()?,
            namespaced: words.next()? == "n",
            kind: words.next()?,
        })
    })
}

/// The resource of an object's `apiVersion` and `kind`. `autoscaling/v1` is served beside the preferred version.
pub fn of_kind(api_version: &str, kind: &str) -> Option<Resource> {
    let exact = all().find(|it| it.api_version == api_version && it.kind == kind);
    exact.or_else(|| {
        let mut older = all().find(|it| it.kind == kind && api_version == "autoscaling/v1")?;
        older.api_version = "autoscaling/v1";
        (older.kind == "HorizontalPodAutoscaler").then_some(older)
    })
}

pub fn of_plural(plural: &str) -> Resource {
    all().find(|it| it.plural == plural).expect("kubectl only names resources of its own table")
}

/// What a user calls a resource: plural, singular, short name, kind; also `name.group` and `name.version.group`.
pub fn find(word: &str) -> Option<Resource> {
    let word = word.to_ascii_lowercase();
    let (name, rest) = word.split_once('.').map_or((word.as_str(), None), |(name, rest)| (name, Some(rest)));
    let named = |it: &Resource| {
        it.plural == name
            || it.singular() == name
            || (!name.is_empty() && it.shorts.split(',').any(|short| short == name))
    };
    all().filter(named).find(|it| match rest {
        None => true,
        Some(rest) => {
            let (version, group) = rest.split_once('.').unwrap_or((rest, ""));
            it.group() == rest
                || (it.version() == version && it.group() == group)
                || (!rest.is_empty()
                    && it.group().starts_with(rest)
                    && it.group()[rest.len()..].starts_with('.'))
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_every_spelling() {
        for word in ["po", "pod", "Pods", "pods.v1.", "deploy.apps", "deployments.v1.apps"] {
            assert!(find(word).is_some(), "{word}");
        }
        assert!(find("pods.v1.core").is_none());
        assert_eq!(find("ev").map(|it| it.api_version), Some("v1"));
    }
}
