//! Events of the API server as keys to look at. Which key an object is for follows from its kind and labels alone; what
//! to do about it is the controllers' work.

use crate::cluster::{self, Cluster, Kind};
use futures::stream::{BoxStream, SelectAll, StreamExt, select_all};
use kube::api::{ApiResource, DynamicObject, GroupVersionKind};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, ResourceExt};
use sluice_api::konflux_labels as labels;

/// Something to look at.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Key {
    /// A build PipelineRun.
    Build(String, String),
    Scenario(String, String),
    Snapshot(String, String),
    Release(String, String),
    /// All ReleasePlans of a namespace.
    Plans(String),
    /// All ReleasePlanAdmissions of a namespace.
    Admissions(String),
    /// Builds and scenarios of a namespace whose application or components changed.
    Application(String),
}

/// A key that something happened to.
pub(crate) type Events = SelectAll<BoxStream<'static, Vec<Key>>>;

/// Events of every kind that the controllers act on, from the start and for ever.
pub(crate) fn events(cluster: &Cluster) -> Events {
    select_all([
        one(cluster, cluster::PIPELINE_RUNS, of_run),
        one(cluster, cluster::SNAPSHOTS, |o| vec![Key::Snapshot(namespace(o), o.name_any())]),
        one(cluster, cluster::SCENARIOS, |o| vec![Key::Scenario(namespace(o), o.name_any())]),
        one(cluster, cluster::RELEASES, |o| vec![Key::Release(namespace(o), o.name_any())]),
        one(cluster, cluster::RELEASE_PLANS, |o| {
            two(Key::Plans(namespace(o)), field(o, "target").map(Key::Admissions))
        }),
        one(cluster, cluster::RELEASE_PLAN_ADMISSIONS, |o| {
            two(Key::Admissions(namespace(o)), field(o, "origin").map(Key::Plans))
        }),
        one(cluster, cluster::APPLICATIONS, |o| vec![Key::Application(namespace(o))]),
        one(cluster, cluster::COMPONENTS, |o| vec![Key::Application(namespace(o))]),
    ])
}

fn one<T: 'static>(
    cluster: &Cluster,
    kind: Kind<T>,
    keys: fn(&DynamicObject) -> Vec<Key>,
) -> BoxStream<'static, Vec<Key>> {
    let (group, version) = kind.api_version.split_once('/').unwrap_or(("", kind.api_version));
    let resource = ApiResource::from_gvk_with_plural(&GroupVersionKind::gvk(group, version, kind.kind), kind.plural);
    let api: Api<DynamicObject> = Api::all_with(cluster.client(), &resource);
    let plural = kind.plural;
    watcher(api, watcher::Config::default())
        .default_backoff()
        .filter_map(move |event| async move {
            match event {
                Ok(watcher::Event::Apply(o) | watcher::Event::InitApply(o) | watcher::Event::Delete(o)) => {
                    Some(keys(&o))
                }
                Ok(watcher::Event::Init | watcher::Event::InitDone) => None,
                Err(error) => {
                    tracing::warn!(%error, kind = plural, "the watch was interrupted");
                    None
                }
            }
        })
        .boxed()
}

/// A run belongs to what its labels say it is for; they are checked again by whoever acts on it.
fn of_run(run: &DynamicObject) -> Vec<Key> {
    let label = |name: &str| run.labels().get(name).cloned();
    let key = match label(labels::PIPELINE_TYPE).as_deref() {
        Some("build") => Some(Key::Build(namespace(run), run.name_any())),
        Some("test") => label(labels::SNAPSHOT).map(|snapshot| Key::Snapshot(namespace(run), snapshot)),
        Some("managed") => match (label(labels::RELEASE_NAMESPACE), label(labels::RELEASE_NAME)) {
            (Some(namespace), Some(name)) => Some(Key::Release(namespace, name)),
            _ => None,
        },
        _ => None,
    };
    key.into_iter().collect()
}

fn two(first: Key, second: Option<Key>) -> Vec<Key> {
    [Some(first), second].into_iter().flatten().collect()
}

fn namespace(object: &DynamicObject) -> String {
    object.namespace().unwrap_or_default()
}

fn field(object: &DynamicObject, name: &str) -> Option<String> {
    let value = object.data.get("spec")?.get(name)?.as_str()?;
    (!value.is_empty()).then(|| value.to_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    #[test]
    fn runs_are_for_what_their_labels_say() {
        let run = |labels: serde_json::Value| -> Vec<Key> {
            let object = json!({"metadata": {"name": "run", "namespace": "ns", "labels": labels}});
            of_run(&serde_json::from_value(object).unwrap())
        };
        let text = str::to_owned;
        assert_eq!(run(json!({labels::PIPELINE_TYPE: "build"})), [Key::Build(text("ns"), text("run"))]);
        assert_eq!(
            run(json!({labels::PIPELINE_TYPE: "test", labels::SNAPSHOT: "s"})),
            [Key::Snapshot(text("ns"), text("s"))]
        );
        let managed =
            json!({labels::PIPELINE_TYPE: "managed", labels::RELEASE_NAME: "r", labels::RELEASE_NAMESPACE: "acme"});
        assert_eq!(run(managed), [Key::Release(text("acme"), text("r"))]);
        assert_eq!(run(json!({})), []);
    }
}
