//! Field numbers of the kinds that kubectl posts as protobuf (the `generated.proto` files of k8s.io/api and
//! k8s.io/apimachinery). Only tables.

/// A message type.
#[derive(Debug)]
pub(super) struct Message {
    pub(super) name: &'static str,
    pub(super) fields: &'static [Field],
}

/// A field of a message.
#[derive(Debug)]
pub(super) struct Field {
    pub(super) number: u64,
    pub(super) name: &'static str,
    pub(super) type_: Type,
}

/// What a field holds.
#[derive(Debug)]
pub(super) enum Type {
    Text,
    Texts,
    /// Left out if zero.
    Number,
    /// A pointer in Go: zero is a value.
    SetNumber,
    Bool,
    Time,
    TextMap,
    BytesMap,
    One(&'static Message),
    Many(&'static Message),
}

use Type::{Bool, BytesMap, Many, Number, One, SetNumber, Text, TextMap, Texts, Time};

const fn f(number: u64, name: &'static str, type_: Type) -> Field {
    Field { number, name, type_ }
}

/// The schema of a kind.
pub(super) fn find(api_version: &str, kind: &str) -> Option<&'static Message> {
    Some(match (api_version, kind) {
        ("v1", "Namespace") => &NAMESPACE,
        ("v1", "ConfigMap") => &CONFIG_MAP,
        ("v1", "Secret") => &SECRET,
        ("v1", "ServiceAccount") => &SERVICE_ACCOUNT,
        ("rbac.authorization.k8s.io/v1", "Role") => &ROLE,
        ("rbac.authorization.k8s.io/v1", "ClusterRole") => &CLUSTER_ROLE,
        ("rbac.authorization.k8s.io/v1", "RoleBinding" | "ClusterRoleBinding") => &BINDING,
        ("authorization.k8s.io/v1", "SelfSubjectAccessReview") => &SELF_ACCESS,
        ("authorization.k8s.io/v1", "SubjectAccessReview" | "LocalSubjectAccessReview") => &ACCESS,
        ("authorization.k8s.io/v1", "SelfSubjectRulesReview") => &SELF_RULES,
        ("authentication.k8s.io/v1", "SelfSubjectReview") => &SELF_SUBJECT,
        ("authentication.k8s.io/v1", "TokenRequest") => &TOKEN_REQUEST,
        ("authentication.k8s.io/v1", "TokenReview") => &TOKEN_REVIEW,
        ("v1" | "meta.k8s.io/v1", "DeleteOptions") => &DELETE_OPTIONS,
        _ => return None,
    })
}

static OWNER: Message = Message {
    name: "OwnerReference",
    fields: &[
        f(1, "kind", Text),
        f(3, "name", Text),
        f(4, "uid", Text),
        f(5, "apiVersion", Text),
        f(6, "controller", Bool),
        f(7, "blockOwnerDeletion", Bool),
    ],
};

static METADATA: Message = Message {
    name: "ObjectMeta",
    fields: &[
        f(1, "name", Text),
        f(2, "generateName", Text),
        f(3, "namespace", Text),
        f(4, "selfLink", Text),
        f(5, "uid", Text),
        f(6, "resourceVersion", Text),
        f(7, "generation", Number),
        f(8, "creationTimestamp", Time),
        f(9, "deletionTimestamp", Time),
        f(10, "deletionGracePeriodSeconds", SetNumber),
        f(11, "labels", TextMap),
        f(12, "annotations", TextMap),
        f(13, "ownerReferences", Many(&OWNER)),
        f(14, "finalizers", Texts),
    ],
};

static NAMESPACE: Message = Message {
    name: "Namespace",
    fields: &[
        f(1, "metadata", One(&METADATA)),
        f(2, "spec", One(&NAMESPACE_SPEC)),
        f(3, "status", One(&NAMESPACE_STATUS)),
    ],
};
static NAMESPACE_SPEC: Message = Message { name: "NamespaceSpec", fields: &[f(1, "finalizers", Texts)] };
static NAMESPACE_STATUS: Message = Message { name: "NamespaceStatus", fields: &[f(1, "phase", Text)] };

static CONFIG_MAP: Message = Message {
    name: "ConfigMap",
    fields: &[
        f(1, "metadata", One(&METADATA)),
        f(2, "data", TextMap),
        f(3, "binaryData", BytesMap),
        f(4, "immutable", Bool),
    ],
};

static SECRET: Message = Message {
    name: "Secret",
    fields: &[
        f(1, "metadata", One(&METADATA)),
        f(2, "data", BytesMap),
        f(3, "type", Text),
        f(4, "stringData", TextMap),
        f(5, "immutable", Bool),
    ],
};

static OBJECT_REFERENCE: Message = Message {
    name: "ObjectReference",
    fields: &[
        f(1, "kind", Text),
        f(2, "namespace", Text),
        f(3, "name", Text),
        f(4, "uid", Text),
        f(5, "apiVersion", Text),
        f(6, "resourceVersion", Text),
        f(7, "fieldPath", Text),
    ],
};
static LOCAL_REFERENCE: Message = Message { name: "LocalObjectReference", fields: &[f(1, "name", Text)] };

static SERVICE_ACCOUNT: Message = Message {
    name: "ServiceAccount",
    fields: &[
        f(1, "metadata", One(&METADATA)),
        f(2, "secrets", Many(&OBJECT_REFERENCE)),
        f(3, "imagePullSecrets", Many(&LOCAL_REFERENCE)),
        f(4, "automountServiceAccountToken", Bool),
    ],
};

static RULE: Message = Message {
    name: "PolicyRule",
    fields: &[
        f(1, "verbs", Texts),
        f(2, "apiGroups", Texts),
        f(3, "resources", Texts),
        f(4, "resourceNames", Texts),
        f(5, "nonResourceURLs", Texts),
    ],
};
static ROLE: Message =
    Message { name: "Role", fields: &[f(1, "metadata", One(&METADATA)), f(2, "rules", Many(&RULE))] };

static REQUIREMENT: Message = Message {
    name: "LabelSelectorRequirement",
    fields: &[f(1, "key", Text), f(2, "operator", Text), f(3, "values", Texts)],
};
static LABEL_SELECTOR: Message = Message {
    name: "LabelSelector",
    fields: &[f(1, "matchLabels", TextMap), f(2, "matchExpressions", Many(&REQUIREMENT))],
};
static AGGREGATION: Message =
    Message { name: "AggregationRule", fields: &[f(1, "clusterRoleSelectors", Many(&LABEL_SELECTOR))] };
static CLUSTER_ROLE: Message = Message {
    name: "ClusterRole",
    fields: &[f(1, "metadata", One(&METADATA)), f(2, "rules", Many(&RULE)), f(3, "aggregationRule", One(&AGGREGATION))],
};

static SUBJECT: Message = Message {
    name: "Subject",
    fields: &[f(1, "kind", Text), f(2, "apiGroup", Text), f(3, "name", Text), f(4, "namespace", Text)],
};
static ROLE_REF: Message =
    Message { name: "RoleRef", fields: &[f(1, "apiGroup", Text), f(2, "kind", Text), f(3, "name", Text)] };
static BINDING: Message = Message {
    name: "RoleBinding",
    fields: &[f(1, "metadata", One(&METADATA)), f(2, "subjects", Many(&SUBJECT)), f(3, "roleRef", One(&ROLE_REF))],
};

static RESOURCE_ATTRIBUTES: Message = Message {
    name: "ResourceAttributes",
    fields: &[
        f(1, "namespace", Text),
        f(2, "verb", Text),
        f(3, "group", Text),
        f(4, "version", Text),
        f(5, "resource", Text),
        f(6, "subresource", Text),
        f(7, "name", Text),
    ],
};
static PATH_ATTRIBUTES: Message =
    Message { name: "NonResourceAttributes", fields: &[f(1, "path", Text), f(2, "verb", Text)] };
static ACCESS_STATUS: Message = Message {
    name: "SubjectAccessReviewStatus",
    fields: &[f(1, "allowed", Bool), f(2, "reason", Text), f(3, "evaluationError", Text), f(4, "denied", Bool)],
};
static SELF_ACCESS_SPEC: Message = Message {
    name: "SelfSubjectAccessReviewSpec",
    fields: &[
        f(1, "resourceAttributes", One(&RESOURCE_ATTRIBUTES)),
        f(2, "nonResourceAttributes", One(&PATH_ATTRIBUTES)),
    ],
};
static SELF_ACCESS: Message = Message {
    name: "SelfSubjectAccessReview",
    fields: &[
        f(1, "metadata", One(&METADATA)),
        f(2, "spec", One(&SELF_ACCESS_SPEC)),
        f(3, "status", One(&ACCESS_STATUS)),
    ],
};
static ACCESS_SPEC: Message = Message {
    name: "SubjectAccessReviewSpec",
    fields: &[
        f(1, "resourceAttributes", One(&RESOURCE_ATTRIBUTES)),
        f(2, "nonResourceAttributes", One(&PATH_ATTRIBUTES)),
        f(3, "user", Text),
        f(4, "groups", Texts),
        f(6, "uid", Text),
    ],
};
static ACCESS: Message = Message {
    name: "SubjectAccessReview",
    fields: &[f(1, "metadata", One(&METADATA)), f(2, "spec", One(&ACCESS_SPEC)), f(3, "status", One(&ACCESS_STATUS))],
};
static SELF_RULES_SPEC: Message = Message { name: "SelfSubjectRulesReviewSpec", fields: &[f(1, "namespace", Text)] };
static SELF_RULES_STATUS: Message =
    Message { name: "SubjectRulesReviewStatus", fields: &[f(3, "incomplete", Bool), f(4, "evaluationError", Text)] };
static SELF_RULES: Message = Message {
    name: "SelfSubjectRulesReview",
    fields: &[
        f(1, "metadata", One(&METADATA)),
        f(2, "spec", One(&SELF_RULES_SPEC)),
        f(3, "status", One(&SELF_RULES_STATUS)),
    ],
};

static USER_INFO: Message =
    Message { name: "UserInfo", fields: &[f(1, "username", Text), f(2, "uid", Text), f(3, "groups", Texts)] };
static SELF_SUBJECT_STATUS: Message =
    Message { name: "SelfSubjectReviewStatus", fields: &[f(1, "userInfo", One(&USER_INFO))] };
static SELF_SUBJECT: Message = Message {
    name: "SelfSubjectReview",
    fields: &[f(1, "metadata", One(&METADATA)), f(2, "status", One(&SELF_SUBJECT_STATUS))],
};

static BOUND: Message = Message {
    name: "BoundObjectReference",
    fields: &[f(1, "kind", Text), f(2, "apiVersion", Text), f(3, "name", Text), f(4, "uid", Text)],
};
static TOKEN_REQUEST_SPEC: Message = Message {
    name: "TokenRequestSpec",
    fields: &[f(1, "audiences", Texts), f(3, "boundObjectRef", One(&BOUND)), f(4, "expirationSeconds", SetNumber)],
};
static TOKEN_REQUEST_STATUS: Message =
    Message { name: "TokenRequestStatus", fields: &[f(1, "token", Text), f(2, "expirationTimestamp", Time)] };
static TOKEN_REQUEST: Message = Message {
    name: "TokenRequest",
    fields: &[
        f(1, "metadata", One(&METADATA)),
        f(2, "spec", One(&TOKEN_REQUEST_SPEC)),
        f(3, "status", One(&TOKEN_REQUEST_STATUS)),
    ],
};
static TOKEN_REVIEW_SPEC: Message =
    Message { name: "TokenReviewSpec", fields: &[f(1, "token", Text), f(2, "audiences", Texts)] };
static TOKEN_REVIEW_STATUS: Message = Message {
    name: "TokenReviewStatus",
    fields: &[
        f(1, "authenticated", Bool),
        f(2, "user", One(&USER_INFO)),
        f(3, "error", Text),
        f(4, "audiences", Texts),
    ],
};
static TOKEN_REVIEW: Message = Message {
    name: "TokenReview",
    fields: &[
        f(1, "metadata", One(&METADATA)),
        f(2, "spec", One(&TOKEN_REVIEW_SPEC)),
        f(3, "status", One(&TOKEN_REVIEW_STATUS)),
    ],
};

static PRECONDITIONS: Message =
    Message { name: "Preconditions", fields: &[f(1, "uid", Text), f(2, "resourceVersion", Text)] };
static DELETE_OPTIONS: Message = Message {
    name: "DeleteOptions",
    fields: &[
        f(1, "gracePeriodSeconds", SetNumber),
        f(2, "preconditions", One(&PRECONDITIONS)),
        f(3, "orphanDependents", Bool),
        f(4, "propagationPolicy", Text),
        f(5, "dryRun", Texts),
    ],
};
