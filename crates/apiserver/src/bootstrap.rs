//! The objects that a store has from its first start: namespaces and the usual roles. It must not know of requests.

use crate::auth::{AUTHENTICATED, MASTERS, UNAUTHENTICATED};
use serde_json::{Value, json};

const RBAC: &str = "rbac.authorization.k8s.io/v1";

fn namespace(name: &str) -> Value {
    json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
}

fn cluster_role(name: &str, rules: Value) -> Value {
    json!({
        "apiVersion": RBAC,
        "kind": "ClusterRole",
        "metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
        "rules": rules,
    })
}

fn cluster_binding(name: &str, role: &str, groups: &[&str]) -> Value {
    let subject = |g: &&str| json!({"kind": "Group", "apiGroup": "rbac.authorization.k8s.io", "name": g});
    json!({
        "apiVersion": RBAC,
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name, "labels": {"kubernetes.io/bootstrapping": "rbac-defaults"}},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
        "subjects": groups.iter().map(subject).collect::<Vec<_>>(),
    })
}

const READ: [&str; 3] = ["get", "list", "watch"];
const WRITE: [&str; 5] = ["create", "update", "patch", "delete", "deletecollection"];
const GROUPS: [&str; 2] = ["tekton.dev", "appstudio.redhat.com"];

/// The plurals of those groups' kinds. Named one by one, for `*` would grant the status subresources too, and a status
/// is the word of the controllers alone.
fn plurals() -> Vec<&'static str> {
    sluice_api::kinds::KINDS.iter().filter(|k| GROUPS.contains(&k.group)).map(|k| k.plural).collect()
}

/// Everything that is created if it is missing, in an order in which it can be.
pub fn objects() -> Vec<Value> {
    let all: Vec<&str> = READ.into_iter().chain(WRITE).collect();
    let public = ["/healthz", "/livez", "/readyz", "/version", "/version/"];
    let discovery = [
        "/api",
        "/api/*",
        "/apis",
        "/apis/*",
        "/healthz",
        "/livez",
        "/openapi",
        "/openapi/*",
        "/readyz",
        "/version",
        "/version/",
    ];
    let plain = ["configmaps", "events", "persistentvolumeclaims", "pods", "pods/log", "serviceaccounts"];
    let writable = ["configmaps", "persistentvolumeclaims", "secrets", "serviceaccounts"];
    let edit = json!([
        {"apiGroups": [""], "resources": plain, "verbs": READ},
        {"apiGroups": [""], "resources": writable, "verbs": all},
        {"apiGroups": GROUPS, "resources": plurals(), "verbs": all},
    ]);
    let mut admin = edit.clone();
    if let Some(rules) = admin.as_array_mut() {
        rules.push(json!({"apiGroups": [""], "resources": ["serviceaccounts/token"], "verbs": ["create"]}));
        rules.push(json!({
            "apiGroups": ["rbac.authorization.k8s.io"], "resources": ["roles", "rolebindings"], "verbs": all
        }));
    }
    let view = json!([
        {"apiGroups": [""], "resources": plain, "verbs": READ},
        {"apiGroups": GROUPS, "resources": plurals(), "verbs": READ},
    ]);
    let own = json!([
        {"apiGroups": ["authorization.k8s.io"],
         "resources": ["selfsubjectaccessreviews", "selfsubjectrulesreviews"], "verbs": ["create"]},
        {"apiGroups": ["authentication.k8s.io"], "resources": ["selfsubjectreviews"], "verbs": ["create"]},
    ]);
    vec![
        namespace("default"),
        namespace("kube-system"),
        namespace("sluice-system"),
        cluster_role(
            "cluster-admin",
            json!([
                {"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]},
                {"nonResourceURLs": ["*"], "verbs": ["*"]},
            ]),
        ),
        cluster_role("admin", admin),
        cluster_role("edit", edit),
        cluster_role("view", view),
        cluster_role("system:basic-user", own),
        cluster_role("system:discovery", json!([{"nonResourceURLs": discovery, "verbs": ["get"]}])),
        cluster_role("system:public-info-viewer", json!([{"nonResourceURLs": public, "verbs": ["get"]}])),
        cluster_binding("cluster-admin", "cluster-admin", &[MASTERS]),
        cluster_binding("system:basic-user", "system:basic-user", &[AUTHENTICATED]),
        cluster_binding("system:discovery", "system:discovery", &[AUTHENTICATED]),
        cluster_binding("system:public-info-viewer", "system:public-info-viewer", &[AUTHENTICATED, UNAUTHENTICATED]),
    ]
}
