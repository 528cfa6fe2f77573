//! The kinds that are built in: their names, versions and printed columns, as `kubectl api-resources` shows them.
//! Only a table; it must not know how objects are stored, served or admitted. Kinds made at run time by a
//! CustomResourceDefinition are not here.

/// One built-in kind, as CustomResourceDefinition names it.
#[derive(Clone, Copy, Debug)]
pub struct Kind {
    /// The group that objects are stored under; empty for core.
    pub group: &'static str,
    /// Other groups that the same objects are served under.
    pub aliases: &'static [&'static str],
    /// Served versions, the stored one first.
    pub versions: &'static [&'static str],
    pub kind: &'static str,
    pub plural: &'static str,
    pub singular: &'static str,
    pub short_names: &'static [&'static str],
    pub categories: &'static [&'static str],
    pub namespaced: bool,
    /// Has a status subresource: writes of the object leave the status alone, and the other way round.
    pub status: bool,
    /// `metadata.generation` counts the changes of everything but metadata and status.
    pub generation: bool,
    /// Columns beyond NAME; empty means AGE alone.
    pub columns: &'static [Column],
}

/// A printed column: `additionalPrinterColumns` of a CustomResourceDefinition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    pub name: &'static str,
    /// `string`, `integer`, `number`, `boolean` or `date`.
    pub type_: &'static str,
    /// JSON path of the value, e.g. `.status.conditions[?(@.type=="Succeeded")].status`.
    pub path: &'static str,
    /// 0 is always shown, above only with `-o wide`.
    pub priority: i32,
}

/// The group of sluice's own resources; no objects are stored under it, RBAC rules name it.
pub const REGISTRY_GROUP: &str = "registry.sluice.dev";

const fn column(name: &'static str, type_: &'static str, path: &'static str) -> Column {
    Column { name, type_, path, priority: 0 }
}

const AGE: Column = column("Age", "date", ".metadata.creationTimestamp");

const RUN_COLUMNS: &[Column] = &[
    column("Succeeded", "string", ".status.conditions[?(@.type==\"Succeeded\")].status"),
    column("Reason", "string", ".status.conditions[?(@.type==\"Succeeded\")].reason"),
    column("StartTime", "date", ".status.startTime"),
    column("CompletionTime", "date", ".status.completionTime"),
];

const LAST_CONDITION_COLUMNS: &[Column] = &[
    AGE,
    column("Status", "string", ".status.conditions[-1].status"),
    column("Reason", "string", ".status.conditions[-1].reason"),
];

const CORE: Kind = Kind {
    group: "",
    aliases: &[],
    versions: &["v1"],
    kind: "",
    plural: "",
    singular: "",
    short_names: &[],
    categories: &[],
    namespaced: true,
    status: false,
    generation: false,
    columns: &[],
};

const RBAC: Kind = Kind { group: "rbac.authorization.k8s.io", ..CORE };

const TEKTON: Kind = Kind {
    group: "tekton.dev",
    categories: &["tekton", "tekton-pipelines"],
    status: true,
    generation: true,
    columns: RUN_COLUMNS,
    ..CORE
};

const KONFLUX: Kind = Kind {
    group: "appstudio.redhat.com",
    aliases: &["konflux-ci.dev"],
    versions: &["v1alpha1"],
    status: true,
    generation: true,
    ..CORE
};

/// Every built-in kind, in the order of discovery.
pub const KINDS: &[Kind] = &[
    Kind {
        kind: "Namespace",
        plural: "namespaces",
        singular: "namespace",
        short_names: &["ns"],
        namespaced: false,
        status: true,
        columns: &[column("Status", "string", ".status.phase"), AGE],
        ..CORE
    },
    Kind {
        kind: "ServiceAccount",
        plural: "serviceaccounts",
        singular: "serviceaccount",
        short_names: &["sa"],
        ..CORE
    },
    Kind { kind: "Secret", plural: "secrets", singular: "secret", ..CORE },
    Kind { kind: "ConfigMap", plural: "configmaps", singular: "configmap", short_names: &["cm"], ..CORE },
    Kind {
        kind: "Pod",
        plural: "pods",
        singular: "pod",
        short_names: &["po"],
        categories: &["all"],
        status: true,
        ..CORE
    },
    Kind { kind: "Event", plural: "events", singular: "event", short_names: &["ev"], ..CORE },
    Kind {
        kind: "PersistentVolumeClaim",
        plural: "persistentvolumeclaims",
        singular: "persistentvolumeclaim",
        short_names: &["pvc"],
        status: true,
        columns: &[
            column("Status", "string", ".status.phase"),
            column("Volume", "string", ".spec.volumeName"),
            column("Capacity", "string", ".status.capacity.storage"),
            AGE,
        ],
        ..CORE
    },
    Kind { kind: "Role", plural: "roles", singular: "role", ..RBAC },
    Kind {
        kind: "RoleBinding",
        plural: "rolebindings",
        singular: "rolebinding",
        columns: &[column("Role", "string", ".roleRef.name"), AGE],
        ..RBAC
    },
    Kind { kind: "ClusterRole", plural: "clusterroles", singular: "clusterrole", namespaced: false, ..RBAC },
    Kind {
        kind: "ClusterRoleBinding",
        plural: "clusterrolebindings",
        singular: "clusterrolebinding",
        namespaced: false,
        columns: &[column("Role", "string", ".roleRef.name"), AGE],
        ..RBAC
    },
    Kind {
        group: "apiextensions.k8s.io",
        kind: "CustomResourceDefinition",
        plural: "customresourcedefinitions",
        singular: "customresourcedefinition",
        short_names: &["crd", "crds"],
        categories: &["api-extensions"],
        namespaced: false,
        status: true,
        generation: true,
        columns: &[column("Created At", "date", ".metadata.creationTimestamp")],
        ..CORE
    },
    Kind { kind: "Task", plural: "tasks", singular: "task", status: false, columns: &[], ..TEKTON },
    Kind { kind: "Pipeline", plural: "pipelines", singular: "pipeline", status: false, columns: &[], ..TEKTON },
    Kind { kind: "TaskRun", plural: "taskruns", singular: "taskrun", short_names: &["tr", "trs"], ..TEKTON },
    Kind {
        kind: "PipelineRun",
        plural: "pipelineruns",
        singular: "pipelinerun",
        short_names: &["pr", "prs"],
        ..TEKTON
    },
    Kind {
        kind: "Application",
        plural: "applications",
        singular: "application",
        short_names: &["hasapp", "ha", "app"],
        columns: LAST_CONDITION_COLUMNS,
        ..KONFLUX
    },
    Kind {
        kind: "Component",
        plural: "components",
        singular: "component",
        short_names: &["hascmp", "hc", "comp", "cmp"],
        columns: LAST_CONDITION_COLUMNS,
        ..KONFLUX
    },
    Kind {
        kind: "Snapshot",
        plural: "snapshots",
        singular: "snapshot",
        short_names: &["as"],
        columns: &[column("Application", "string", ".spec.application"), AGE],
        ..KONFLUX
    },
    Kind {
        versions: &["v1beta2"],
        kind: "IntegrationTestScenario",
        plural: "integrationtestscenarios",
        singular: "integrationtestscenario",
        short_names: &["its"],
        columns: &[column("Application", "string", ".spec.application")],
        ..KONFLUX
    },
    Kind {
        kind: "ReleasePlan",
        plural: "releaseplans",
        singular: "releaseplan",
        short_names: &["rp"],
        columns: &[
            column("Application", "string", ".spec.application"),
            column("Target", "string", ".spec.target"),
            column("Matched", "string", ".status.conditions[?(@.type==\"Matched\")].status"),
        ],
        ..KONFLUX
    },
    Kind {
        kind: "ReleasePlanAdmission",
        plural: "releaseplanadmissions",
        singular: "releaseplanadmission",
        short_names: &["rpa"],
        columns: &[
            column("Origin", "string", ".spec.origin"),
            column("Matched", "string", ".status.conditions[?(@.type==\"Matched\")].status"),
        ],
        ..KONFLUX
    },
    Kind {
        kind: "Release",
        plural: "releases",
        singular: "release",
        short_names: &["rel"],
        columns: &[
            column("Snapshot", "string", ".spec.snapshot"),
            column("ReleasePlan", "string", ".spec.releasePlan"),
            column("Release status", "string", ".status.conditions[?(@.type==\"Released\")].reason"),
            AGE,
        ],
        ..KONFLUX
    },
    Kind {
        kind: "EnterpriseContractPolicy",
        plural: "enterprisecontractpolicies",
        singular: "enterprisecontractpolicy",
        short_names: &["ecp"],
        ..KONFLUX
    },
];

/// The group that objects of this group are stored under: an alias' canonical group, any other as it is.
pub fn canonical_group(group: &str) -> &str {
    KINDS.iter().find(|k| k.aliases.contains(&group)).map_or(group, |k| k.group)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn names_are_unique_within_a_group() {
        let mut seen = BTreeSet::new();
        for kind in KINDS {
            assert!(seen.insert((kind.group, kind.plural)), "{} twice", kind.plural);
            assert_eq!(kind.singular, kind.kind.to_lowercase());
            assert!(!kind.versions.is_empty());
        }
    }

    #[test]
    fn short_names_are_unique() {
        let mut seen = BTreeSet::new();
        for name in KINDS.iter().flat_map(|k| k.short_names) {
            assert!(seen.insert(name), "{name} twice");
        }
    }

    #[test]
    fn both_konflux_groups_are_one() {
        assert_eq!(canonical_group("konflux-ci.dev"), "appstudio.redhat.com");
        assert_eq!(canonical_group("appstudio.redhat.com"), "appstudio.redhat.com");
        assert_eq!(canonical_group("tekton.dev"), "tekton.dev");
        assert_eq!(canonical_group(""), "");
    }
}
