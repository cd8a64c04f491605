//! The kinds that this cluster serves: one table, everything else follows from it.

/// What a kind is called and where it lives, as `kubectl api-resources` tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KindInfo {
    pub kind: &'static str,
    /// Empty for the core group.
    pub group: &'static str,
    pub version: &'static str,
    pub plural: &'static str,
    pub singular: &'static str,
    pub short_names: &'static [&'static str],
    pub namespaced: bool,
}

impl KindInfo {
    /// `v1` or `apps/v1`.
    pub fn api_version(&self) -> String {
        if self.group.is_empty() {
            self.version.to_owned()
        } else {
            format!("{}/{}", self.group, self.version)
        }
    }

    /// `pods` or `deployments.apps`: how errors name the resource.
    pub fn qualified_resource(&self) -> String {
        if self.group.is_empty() { self.plural.to_owned() } else { format!("{}.{}", self.plural, self.group) }
    }
}

/// Adding a kind is one line here; `Object` and its conversions grow with it.
macro_rules! for_each_kind {
    ($use:ident) => {
        $use! {
            // variant, group, plural, singular, short names, namespaced
            Namespace, "", "v1", "namespaces", "namespace", ["ns"], false;
            Node, "", "v1", "nodes", "node", ["no"], false;
            ServiceAccount, "", "v1", "serviceaccounts", "serviceaccount", ["sa"], true;
            ConfigMap, "", "v1", "configmaps", "configmap", ["cm"], true;
            Secret, "", "v1", "secrets", "secret", [], true;
            Service, "", "v1", "services", "service", ["svc"], true;
            Pod, "", "v1", "pods", "pod", ["po"], true;
            Event, "", "v1", "events", "event", ["ev"], true;
            Deployment, "apps", "v1", "deployments", "deployment", ["deploy"], true;
            ReplicaSet, "apps", "v1", "replicasets", "replicaset", ["rs"], true;
            EndpointSlice, "discovery.k8s.io", "v1", "endpointslices", "endpointslice", [], true;
            PodDisruptionBudget, "policy", "v1", "poddisruptionbudgets", "poddisruptionbudget", ["pdb"], true;
            PriorityClass, "scheduling.k8s.io", "v1", "priorityclasses", "priorityclass", ["pc"], false;
            Lease, "coordination.k8s.io", "v1", "leases", "lease", [], true;
        }
    };
}
pub(crate) use for_each_kind;

macro_rules! define_kind {
    ($($kind:ident, $group:literal, $version:literal, $plural:literal, $singular:literal, [$($short:literal),*], $namespaced:literal;)*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind { $($kind),* }

        impl Kind {
            pub const ALL: &'static [Kind] = &[$(Kind::$kind),*];

            pub const fn info(self) -> &'static KindInfo {
                match self {
                    $(Kind::$kind => &KindInfo {
                        kind: stringify!($kind), group: $group, version: $version, plural: $plural,
                        singular: $singular, short_names: &[$($short),*], namespaced: $namespaced,
                    }),*
                }
            }
        }
    };
}
for_each_kind!(define_kind);

impl Kind {
    /// `Pod`
    pub const fn name(self) -> &'static str {
        self.info().kind
    }

    /// The kind that `apiVersion` and `kind` of a manifest name together.
    pub fn find(api_version: &str, kind: &str) -> Option<Kind> {
        Kind::ALL.iter().copied().find(|it| it.name() == kind && it.info().api_version() == api_version)
    }
}

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pod_is_not_in_apps() {
        assert_eq!(Kind::find("v1", "Pod"), Some(Kind::Pod));
        assert_eq!(Kind::find("apps/v1", "Pod"), None);
        assert_eq!(Kind::Deployment.info().qualified_resource(), "deployments.apps");
    }
}
