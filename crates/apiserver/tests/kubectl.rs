//! The real kubectl against the server: what users type. `KUBECTL` names another kubectl than the one on the PATH.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{ADMIN, Server};
use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};

struct Kubectl {
    program: String,
    config: PathBuf,
    home: PathBuf,
}

impl Kubectl {
    /// Nothing if there is none and this is no CI.
    fn find(server: &Server, token: &str) -> Option<Self> {
        let program = std::env::var("KUBECTL").unwrap_or_else(|_| "kubectl".to_owned());
        let found = Command::new(&program).args(["version", "--client"]).output().is_ok_and(|o| o.status.success());
        if !found {
            assert!(std::env::var_os("CI").is_none(), "no `{program}` here, and CI must have one");
            eprintln!("not run: there is no `{program}` here");
            return None;
        }
        let home = server.folder.path().join("home");
        std::fs::create_dir_all(&home).unwrap();
        Some(Self { program, config: server.kubeconfig("kubectl", token), home })
    }

    fn with(&self, server: &Server, name: &str, token: &str) -> Self {
        Self { program: self.program.clone(), config: server.kubeconfig(name, token), home: self.home.clone() }
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command.args(args).env("KUBECONFIG", &self.config).env("HOME", &self.home);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str], input: &str) -> (bool, String, String) {
        let mut child = self.command(args).spawn().unwrap();
        // Old kubectls take what begins with a brace for JSON, which flow YAML is not.
        let input = if input.starts_with('{') { format!("---\n{input}") } else { input.to_owned() };
        child.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        let out = child.wait_with_output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (out.status.success(), text(out.stdout), text(out.stderr))
    }

    fn ok(&self, line: &str) -> String {
        self.apply(line, "")
    }

    fn apply(&self, line: &str, input: &str) -> String {
        let (ok, out, err) = self.run(&line.split_whitespace().collect::<Vec<_>>(), input);
        assert!(ok, "kubectl {line}\n{out}{err}");
        out
    }

    fn refused(&self, line: &str, input: &str) -> String {
        let (ok, out, err) = self.run(&line.split_whitespace().collect::<Vec<_>>(), input);
        assert!(!ok, "kubectl {line} was not refused\n{out}{err}");
        err
    }
}

const TENANT: &str = "
apiVersion: v1
kind: Namespace
metadata: {name: acme}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: m, namespace: acme, labels: {app: x}}
data: {a: '1', b: '2'}
---
apiVersion: tekton.dev/v1
kind: Task
metadata: {name: t, namespace: acme}
spec:
  params: [{name: p, type: string, default: d}]
  steps: [{name: a, image: toolbox, script: 'echo $(params.p)'}]
---
apiVersion: appstudio.redhat.com/v1alpha1
kind: Application
metadata: {name: hello, namespace: acme}
spec: {displayName: Hello}
";

const DEFINITION: &str = "
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.shop.example.com}
spec:
  group: shop.example.com
  scope: Namespaced
  names: {kind: Widget, plural: widgets, singular: widget, shortNames: [wdg]}
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns: [{name: Size, type: integer, jsonPath: .spec.size}]
    schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
";

#[tokio::test(flavor = "multi_thread")]
async fn objects_from_files() {
    let server = Server::start().await;
    let Some(k) = Kubectl::find(&server, ADMIN) else { return };
    let out = k.apply("apply -f -", TENANT);
    for line in ["namespace/acme created", "configmap/m created", "task.tekton.dev/t created"] {
        assert!(out.contains(line), "{out}");
    }
    assert!(out.contains("application.appstudio.redhat.com/hello created"), "{out}");
    // A second apply changes nothing, a changed one changes and removes.
    let again = k.apply("apply -f -", TENANT);
    assert_eq!(again.matches("unchanged").count(), 4, "{again}");
    let changed = TENANT.replace("{a: '1', b: '2'}", "{a: '9'}").replace("default: d", "default: e");
    let out = k.apply("apply -f -", &changed);
    assert!(out.contains("configmap/m configured") && out.contains("task.tekton.dev/t configured"), "{out}");
    assert_eq!(k.ok("get cm m -n acme -o jsonpath={.data}"), "{\"a\":\"9\"}");
    assert_eq!(k.ok("get task t -n acme -o jsonpath={.spec.params[0].default}"), "e");
    // Server-side apply, and a conflict with who applied before.
    let mine = "{apiVersion: v1, kind: ConfigMap, metadata: {name: s, namespace: acme}, data: {a: '1'}}";
    assert!(k.apply("apply --server-side --field-manager=one -f -", mine).contains("serverside-applied"));
    let theirs = mine.replace("'1'", "'2'");
    let err = k.refused("apply --server-side --field-manager=two -f -", &theirs);
    assert!(err.contains("conflict with \"one\""), "{err}");
    k.apply("apply --server-side --field-manager=two --force-conflicts -f -", &theirs);
    assert_eq!(k.ok("get cm s -n acme -o jsonpath={.data.a}"), "2");
    // diff asks for a dry run and changes nothing. Old kubectls want an OpenAPI v2 document for it, which is not served.
    let (same, diff, err) = k.run(&["diff", "-f", "-"], TENANT);
    assert!(!same && (diff.contains("+  a: \"1\"") || err.contains("doesn't support dry-run")), "{diff}{err}");
    assert_eq!(k.ok("get cm m -n acme -o jsonpath={.data.a}"), "9");
}

#[tokio::test(flavor = "multi_thread")]
async fn verbs_on_objects() {
    let server = Server::start().await;
    let Some(k) = Kubectl::find(&server, ADMIN) else { return };
    k.apply("apply -f -", TENANT);
    k.ok("create configmap n -n acme --from-literal=k=v");
    k.ok("create secret generic s -n acme --from-literal=password=hidden");
    k.ok("create serviceaccount build -n acme");
    k.ok("create namespace other");
    let table = k.ok("get configmaps,secrets,serviceaccounts -n acme");
    assert!(
        table.contains("configmap/n") && table.contains("Opaque") && table.contains("serviceaccount/build"),
        "{table}"
    );
    let run = "{apiVersion: tekton.dev/v1, kind: TaskRun, metadata: {generateName: r-, namespace: acme}, spec: {taskRef: {name: t}}}";
    let made = k.apply("create -f - -o name", run);
    let name = made.trim().strip_prefix("taskrun.tekton.dev/").unwrap();
    assert!(name.starts_with("r-") && name.len() == 7, "{name}");
    let table = k.ok("get tr -n acme");
    assert!(table.starts_with("NAME") && table.contains("SUCCEEDED") && table.contains("COMPLETIONTIME"), "{table}");
    assert!(k.ok("get hasapp -A").contains("hello"));
    assert!(
        k.ok("get applications.konflux-ci.dev hello -n acme -o yaml").contains("apiVersion: konflux-ci.dev/v1alpha1")
    );
    k.ok("label cm m -n acme tier=gold");
    k.ok("annotate cm m -n acme note=yes");
    assert!(k.ok("get cm -n acme -l tier=gold -o name").contains("configmap/m"));
    assert_eq!(k.ok("get cm -n acme -l tier!=gold,app -o name"), "");
    k.ok(r#"patch task t -n acme --type=merge -p {"spec":{"description":"merged"}}"#);
    k.ok(r#"patch task t -n acme --type=json -p [{"op":"replace","path":"/spec/description","value":"json"}]"#);
    assert_eq!(k.ok("get task t -n acme -o jsonpath={.spec.description}"), "json");
    k.ok(r#"patch sa build -n acme -p {"secrets":[{"name":"s"}]}"#);
    k.ok(r#"patch sa build -n acme -p {"secrets":[{"name":"u"}]}"#);
    assert_eq!(k.ok("get sa build -n acme -o jsonpath={.secrets[*].name}"), "s u");
    let err = k.refused(r#"patch task t -n acme --type=strategic -p {"spec":{}}"#, "");
    assert!(err.contains("UnsupportedMediaType") || err.contains("unknown format"), "{err}");
    let uid = k.ok("get cm m -n acme -o jsonpath={.metadata.uid}");
    let event = "{apiVersion: v1, kind: Event, metadata: {name: e, namespace: acme}, reason: Began, message: It began, type: Normal, \
                 involvedObject: {kind: ConfigMap, name: m, namespace: acme, uid: UID}}";
    k.apply("create -f -", &event.replace("UID", &uid));
    let described = k.ok("describe cm m -n acme");
    assert!(described.contains("tier=gold") && described.contains("It began"), "{described}");
    assert!(k.ok("get events -n acme").contains("configmap/m"));
    k.ok("delete cm m n -n acme");
    assert!(k.refused("get cm m -n acme", "").contains("configmaps \"m\" not found"));
    k.ok("delete tr --all -n acme");
    k.ok("delete namespace acme --timeout=60s");
    assert!(k.refused("get task t -n acme", "").contains("not found"));
    assert!(k.refused("get ns acme", "").contains("not found"));
    assert!(k.ok("api-resources").contains("enterprisecontractpolicies"));
    assert!(k.ok("version").contains("sluice"));
}

#[tokio::test(flavor = "multi_thread")]
async fn logs_of_containers() {
    let server = Server::start().await;
    let Some(k) = Kubectl::find(&server, ADMIN) else { return };
    let pod = "{apiVersion: v1, kind: Pod, metadata: {name: p, namespace: default}, \
               spec: {containers: [{name: step-a, image: x}, {name: step-b, image: x}]}}";
    k.apply("apply -f -", pod);
    let folder = server.folder.path().join("logs/default/p");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("step-a.log"), "one\ntwo\nthree\n").unwrap();
    assert_eq!(k.ok("logs p -c step-a"), "one\ntwo\nthree\n");
    assert_eq!(k.ok("logs p -c step-a --tail=2"), "two\nthree\n");
    assert_eq!(k.ok("logs p -c step-b"), "");
    assert!(k.refused("logs p -c step-c", "").contains("step-c is not valid for pod p"));

    let mut following = k.command(&["logs", "-f", "p", "-c", "step-b"]).spawn().unwrap();
    let mut lines = BufReader::new(following.stdout.take().unwrap()).lines();
    let mut file = std::fs::File::create(folder.join("step-b.log")).unwrap();
    writeln!(file, "first").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "first");
    writeln!(file, "second").unwrap();
    assert_eq!(lines.next().unwrap().unwrap(), "second");
    // It ends when the Pod has ended.
    let pods: kube::Api<k8s_openapi::api::core::v1::Pod> =
        kube::Api::namespaced(server.in_process(sluice_apiserver::UserInfo::admin()), "default");
    let ended = kube::api::Patch::Merge(serde_json::json!({"status": {"phase": "Succeeded"}}));
    pods.patch_status("p", &kube::api::PatchParams::default(), &ended).await.unwrap();
    assert!(lines.next().is_none());
    assert!(following.wait().unwrap().success());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_kind_that_is_defined_at_run_time() {
    let server = Server::start().await;
    let Some(k) = Kubectl::find(&server, ADMIN) else { return };
    k.apply("apply -f -", DEFINITION);
    k.ok("wait --for=condition=Established crd/widgets.shop.example.com --timeout=20s");
    let widget = "{apiVersion: shop.example.com/v1, kind: Widget, metadata: {name: w}, spec: {size: 3, unknown: kept}}";
    assert!(k.apply("apply -f -", widget).contains("widget.shop.example.com/w created"));
    let table = k.ok("get wdg");
    assert!(table.contains("SIZE") && table.contains('3'), "{table}");
    assert_eq!(k.ok("get widgets w -o jsonpath={.spec.unknown}{.metadata.generation}"), "kept1");
    k.ok(r#"patch widget w --type=merge -p {"spec":{"size":4}}"#);
    assert_eq!(k.ok("get widgets w -o jsonpath={.metadata.generation}"), "2");
    let other = DEFINITION.replace("widgets.shop.example.com", "wrong.shop.example.com");
    assert!(k.refused("create -f -", &other).contains("is invalid"));
    k.ok("delete crd widgets.shop.example.com --timeout=60s");
    let err = k.refused("get widgets", "");
    assert!(err.contains("the server doesn't have a resource type") || err.contains("could not find"), "{err}");
    // Its objects went with it.
    k.apply("apply -f -", DEFINITION);
    assert_eq!(k.ok("get --raw /apis/shop.example.com/v1/widgets").matches("\"size\"").count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_shows_changes() {
    let server = Server::start().await;
    let Some(k) = Kubectl::find(&server, ADMIN) else { return };
    k.ok("create configmap first --from-literal=a=1");
    let mut watching = k.command(&["get", "cm", "-w", "-o", "name"]).spawn().unwrap();
    let mut lines = BufReader::new(watching.stdout.take().unwrap()).lines();
    assert_eq!(lines.next().unwrap().unwrap(), "configmap/first");
    k.ok("create configmap second --from-literal=a=1");
    assert_eq!(lines.next().unwrap().unwrap(), "configmap/second");
    let mut table = k.command(&["get", "cm", "-w"]).spawn().unwrap();
    let mut rows = BufReader::new(table.stdout.take().unwrap()).lines();
    for name in ["NAME", "first", "second"] {
        assert!(rows.next().unwrap().unwrap().starts_with(name));
    }
    k.ok("create configmap third --from-literal=a=1");
    assert!(rows.next().unwrap().unwrap().starts_with("third"));
    for child in [&mut watching, &mut table] {
        child.kill().unwrap();
        child.wait().unwrap();
    }
}

const ROLES: &str = "
apiVersion: rbac.authorization.k8s.io/v1
kind: Role
metadata: {name: reader, namespace: acme}
rules:
- {apiGroups: [''], resources: [configmaps], verbs: [get, list]}
- {apiGroups: [''], resources: [secrets], resourceNames: [mine], verbs: [get]}
- {apiGroups: [konflux-ci.dev], resources: [releases], verbs: [create, list]}
- {apiGroups: [rbac.authorization.k8s.io], resources: [roles, rolebindings], verbs: [create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: reader, namespace: acme}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: reader}
subjects: [{kind: ServiceAccount, name: build, namespace: acme}]
";

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_granted_is_refused() {
    let server = Server::start().await;
    let Some(admin) = Kubectl::find(&server, ADMIN) else { return };
    admin.apply("apply -f -", TENANT);
    admin.ok("create namespace acme-managed");
    admin.ok("create serviceaccount build -n acme");
    admin.ok("create secret generic mine -n acme");
    admin.ok("create secret generic other -n acme");
    admin.apply("apply -f -", ROLES);
    let token = server.api.service_account_token("acme", "build", 3600).unwrap().unwrap();
    let build = admin.with(&server, "build", &token);
    assert!(build.ok("get cm m -n acme").contains('m'));
    let err = build.refused("get cm -n acme-managed", "");
    assert!(
        err.contains("configmaps is forbidden: User \"system:serviceaccount:acme:build\" cannot list resource"),
        "{err}"
    );
    build.ok("get secret mine -n acme");
    assert!(build.refused("get secret other -n acme", "").contains("forbidden"));
    assert!(build.refused("get secrets -n acme", "").contains("forbidden"));
    assert!(build.refused("delete cm m -n acme", "").contains("forbidden"));
    // A rule by either name of the group counts for both.
    build.ok("get releases.appstudio.redhat.com -n acme");
    build.ok("get releases.konflux-ci.dev -n acme");
    assert_eq!(build.ok("auth can-i list configmaps -n acme").trim(), "yes");
    assert_eq!(build.run(&["auth", "can-i", "create", "pods", "-n", "acme"], "").1.trim(), "no");
    // Nobody grants what he lacks.
    let more = "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: more, namespace: acme}, \
                rules: [{apiGroups: [''], resources: [secrets], verbs: [get]}]}";
    assert!(build.refused("create -f -", more).contains("attempting to grant RBAC permissions not currently held"));
    let bind = "{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: more, namespace: acme}, \
                roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: cluster-admin}, \
                subjects: [{kind: ServiceAccount, name: build, namespace: acme}]}";
    assert!(build.refused("create -f -", bind).contains("attempting to grant"));
    // An apply that creates is a create.
    let patch = "{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: patcher, namespace: acme}, \
                 rules: [{apiGroups: [''], resources: [configmaps], verbs: [get, list, patch]}]}";
    admin.apply("apply -f -", patch);
    admin.ok("create rolebinding patcher -n acme --role=patcher --serviceaccount=acme:build");
    let new = "{apiVersion: v1, kind: ConfigMap, metadata: {name: made, namespace: acme}, data: {a: b}}";
    assert!(build.refused("apply --server-side -f -", new).contains("cannot create resource \"configmaps\""));
    let less = more.replace("resources: [secrets]", "resources: [configmaps]").replace("name: more", "name: less");
    build.apply("create -f -", &less);
    // Impersonation needs its verb; the administrator has it.
    assert!(
        build.refused("get cm -n acme --as=kubernetes-admin", "").contains("cannot impersonate resource \"users\"")
    );
    assert!(admin.refused("get cm -n acme-managed --as=system:serviceaccount:acme:build", "").contains("forbidden"));
    assert!(admin.ok("get cm -n acme --as=system:serviceaccount:acme:build").contains('m'));
    // A token ends with its account, even if one of the same name comes after it.
    admin.ok("delete sa build -n acme");
    admin.ok("create sa build -n acme");
    let err = build.refused("get cm m -n acme", "");
    assert!(err.contains("Unauthorized") || err.contains("logged in"), "{err}");
}

#[tokio::test(flavor = "multi_thread")]
async fn writes_that_may_not_be() {
    let server = Server::start().await;
    let Some(k) = Kubectl::find(&server, ADMIN) else { return };
    k.apply("apply -f -", TENANT);
    let frozen =
        "{apiVersion: v1, kind: ConfigMap, metadata: {name: f, namespace: acme}, immutable: true, data: {a: '1'}}";
    k.apply("create -f -", frozen);
    assert!(k.refused("create -f -", frozen).contains("configmaps \"f\" already exists"));
    let err = k.refused("replace -f -", &frozen.replace("'1'", "'2'"));
    assert!(err.contains("ConfigMap \"f\" is invalid: data: Forbidden: field is immutable"), "{err}");
    k.apply("apply -f -", ROLES);
    let err = k.refused("apply -f -", &ROLES.replace("kind: Role, name: reader", "kind: Role, name: other"));
    assert!(err.contains("cannot change roleRef"), "{err}");
    let old = k.ok("get cm m -n acme -o yaml");
    k.ok("label cm m -n acme newer=yes");
    let err = k.refused("replace -f -", &old);
    assert!(err.contains("the object has been modified; please apply your changes to the latest version"), "{err}");
    let nowhere = frozen.replace("acme", "nowhere");
    assert!(k.refused("create -f -", &nowhere).contains("namespaces \"nowhere\" not found"));
    let bad = frozen.replace("name: f", "name: Bad_Name");
    assert!(k.refused("create -f -", &bad).contains("metadata.name: Invalid value: \"Bad_Name\""));
    let typo = frozen.replace("name: f", "name: g, lables: {a: b}");
    let (ok, _, err) = k.run(&["create", "-f", "-"], &typo);
    assert!(!ok && err.contains("metadata.lables") || err.contains("lables"), "{err}");
    assert!(k.refused("get --raw /apis/none.example.com/v1/things", "").contains("not find the requested resource"));
}
