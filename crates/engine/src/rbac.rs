//! What the engine's ServiceAccount needs to be allowed: created by whoever opens the API server.

use serde_json::{Value, json};

/// Namespace and name of the engine's ServiceAccount.
pub const SERVICE_ACCOUNT: (&str, &str) = ("sluice-system", "engine");

/// The ServiceAccount, its ClusterRole and their binding.
pub fn rbac() -> Vec<Value> {
    let (namespace, name) = SERVICE_ACCOUNT;
    let role = "sluice-engine";
    let rules = json!([
        {"apiGroups": ["tekton.dev"], "resources": ["tasks", "pipelines"], "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["tekton.dev"], "resources": ["taskruns", "pipelineruns"],
            "verbs": ["get", "list", "watch", "create", "update", "patch"]},
        {"apiGroups": ["tekton.dev"], "resources": ["taskruns/status", "pipelineruns/status"], "verbs": ["get", "update", "patch"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get", "list", "watch", "create", "update", "patch"]},
        {"apiGroups": [""], "resources": ["pods/status"], "verbs": ["get", "update", "patch"]},
        {"apiGroups": [""], "resources": ["events"], "verbs": ["create", "patch"]},
        {"apiGroups": [""], "resources": ["persistentvolumeclaims"], "verbs": ["get", "create"]},
        {"apiGroups": [""], "resources": ["secrets", "configmaps", "serviceaccounts"], "verbs": ["get"]},
    ]);
    vec![
        json!({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": name, "namespace": namespace}}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": {"name": role}, "rules": rules}),
        json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRoleBinding", "metadata": {"name": role},
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role},
            "subjects": [{"kind": "ServiceAccount", "name": name, "namespace": namespace}]}),
    ]
}
