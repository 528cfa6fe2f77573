//! Where each component goes: `mapping` of the release data (`defaults.tags`, `components[].repositories[].{url,tags}`),
//! with the variables that tags may hold. Pure.

use super::PublishError;
use serde::Deserialize;
use serde_json::Value;
use sluice_api::konflux::{SnapshotComponent, SnapshotSpec};
use sluice_oci::{Reference, is_valid_tag};

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Mapping {
    defaults: Defaults,
    components: Vec<Component>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Defaults {
    tags: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Component {
    name: String,
    repositories: Vec<Repository>,
    /// The older form: one repository.
    repository: String,
    tags: Vec<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Repository {
    url: String,
    tags: Vec<String>,
}

/// One component to publish.
#[derive(Debug, PartialEq)]
pub(super) struct Item {
    pub component: String,
    /// The image, by digest.
    pub source: Reference,
    pub targets: Vec<Target>,
}

/// A repository and the tags to set there.
#[derive(Debug, PartialEq)]
pub(super) struct Target {
    pub repository: Reference,
    pub tags: Vec<String>,
}

/// What to publish. Components that the data does not map stay where they are; that none is mapped is an error.
pub(super) fn plan(spec: &SnapshotSpec, data: &Value) -> Result<Vec<Item>, PublishError> {
    let mapping = data.get("mapping").cloned().unwrap_or(Value::Null);
    let mapping: Option<Mapping> =
        serde_json::from_value(mapping).map_err(|e| PublishError::Mapping(format!("mapping: {e}")))?;
    let mapping = mapping.unwrap_or_default();
    let mut items = Vec::new();
    for component in &spec.components {
        // The name goes into the result IMAGES, where a comma and an `@` would claim an image.
        if !is_label(&component.name) {
            return Err(PublishError::Component {
                component: component.name.chars().take(63).collect(),
                detail: "the name is not a DNS label (a-z, 0-9 and -, at most 63); correct it in the Snapshot"
                    .to_owned(),
            });
        }
        let mapped: Vec<&Component> = mapping.components.iter().filter(|c| c.name == component.name).collect();
        match mapped.as_slice() {
            [] => {}
            [one] => items.push(item(component, one, &mapping.defaults.tags)?),
            _ => return Err(PublishError::Mapping(format!("component `{}` is mapped twice", component.name))),
        }
    }
    if items.is_empty() {
        let names: Vec<&str> = spec.components.iter().map(|c| c.name.as_str()).collect();
        return Err(PublishError::Mapping(format!(
            "no component of the Snapshot ({}) is in mapping.components; add it to data.mapping of the \
             ReleasePlanAdmission",
            names.join(", ")
        )));
    }
    Ok(items)
}

fn item(component: &SnapshotComponent, mapped: &Component, defaults: &[String]) -> Result<Item, PublishError> {
    let wrong = |detail: String| PublishError::Component { component: component.name.clone(), detail };
    let source: Reference = component.container_image.parse().map_err(|e| wrong(format!("{e}")))?;
    let Some(digest) = source.digest().cloned() else {
        return Err(wrong(format!("`{}` has no digest", component.container_image)));
    };
    let mut repositories: Vec<(&str, &[String])> =
        mapped.repositories.iter().map(|r| (r.url.as_str(), r.tags.as_slice())).collect();
    if repositories.is_empty() && !mapped.repository.is_empty() {
        repositories.push((&mapped.repository, &[]));
    }
    if repositories.is_empty() {
        return Err(wrong("mapping names no repository; set repositories[].url".to_owned()));
    }
    let mut targets = Vec::new();
    for (url, own) in repositories {
        let repository: Reference = url.parse().map_err(|e| wrong(format!("{e}")))?;
        if repository.tag().is_some() || repository.digest().is_some() {
            return Err(wrong(format!(
                "repositories[].url `{url}` has a tag or digest; tags go into repositories[].tags"
            )));
        }
        let mut tags = Vec::new();
        let given = [own, mapped.tags.as_slice()].concat();
        for template in if given.is_empty() { defaults } else { &given } {
            let tag = expand(template, component, digest.hex()).map_err(&wrong)?;
            if !tags.contains(&tag) {
                tags.push(tag);
            }
        }
        if tags.is_empty() {
            return Err(wrong(format!("no tags for `{url}`; set repositories[].tags or mapping.defaults.tags")));
        }
        targets.push(Target { repository, tags });
    }
    Ok(Item { component: component.name.clone(), source: source.at_digest(digest), targets })
}

/// A tag with its variables filled in. What is in them came from a build, so the outcome has to be a plain tag, and not
/// one of those under which signatures lie.
fn expand(template: &str, component: &SnapshotComponent, hex: &str) -> Result<String, String> {
    let commit =
        component.source.as_ref().and_then(|s| s.git.as_ref()).map(|g| g.revision.as_str()).unwrap_or_default();
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        let (name, after) = after.split_once("}}").ok_or_else(|| format!("tag `{template}`: `{{{{` without `}}}}`"))?;
        out.push_str(before);
        match name.trim() {
            // It is the tenant's word, and would else choose any tag of the repository.
            "git_sha" | "git_short_sha" if !is_commit(commit) => {
                let given: String = commit.chars().take(100).collect();
                return Err(format!(
                    "tag `{template}`: source.git.revision `{given}` is not a commit (7 to 64 of 0-9 and a-f); correct it in \
                     the Snapshot"
                ));
            }
            "git_sha" => out.push_str(commit),
            "git_short_sha" => out.push_str(commit.get(..7).unwrap_or(commit)),
            "digest_sha" => out.push_str(hex),
            other => {
                let known = "git_sha, git_short_sha and digest_sha";
                return Err(format!(
                    "tag `{template}` has the variable `{other}`, which is not known; known are {known}"
                ));
            }
        }
        rest = after;
    }
    out.push_str(rest);
    let companion = out.starts_with("sha256-");
    if !is_valid_tag(&out) || companion {
        return Err(format!("tag `{template}` gives `{out}`, which is no tag for an image"));
    }
    Ok(out)
}

fn is_commit(text: &str) -> bool {
    (7..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'a'..=b'f'))
}

fn is_label(name: &str) -> bool {
    let inner = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    (1..=63).contains(&name.len()) && name.bytes().all(inner) && !name.starts_with('-') && !name.ends_with('-')
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::json;

    fn spec() -> SnapshotSpec {
        serde_json::from_value(json!({"application": "hello", "components": [
            {"name": "hello", "containerImage": format!("localhost:5000/acme/hello@sha256:{}", "a".repeat(64)),
             "source": {"git": {"url": "u", "revision": "c0ffee0011"}}},
            {"name": "other", "containerImage": format!("localhost:5000/acme/other@sha256:{}", "b".repeat(64))}]}))
        .unwrap()
    }

    fn mapped(component: Value, defaults: Value) -> Result<Vec<Item>, String> {
        let data = json!({"mapping": {"components": [component], "defaults": {"tags": defaults}}});
        plan(&spec(), &data).map_err(|e| e.to_string())
    }

    #[test]
    fn components_go_where_they_are_mapped() {
        let component = json!({"name": "hello", "repositories": [
            {"url": "localhost:5000/production/hello", "tags": ["{{ git_short_sha }}", "v1", "v1"]},
            {"url": "quay.io/acme/hello"}]});
        let items = mapped(component, json!(["latest", "{{git_sha}}"])).unwrap();
        assert_eq!(items.len(), 1);
        let targets: Vec<(String, Vec<String>)> =
            items[0].targets.iter().map(|t| (t.repository.name(), t.tags.clone())).collect();
        assert_eq!(
            targets,
            [
                ("localhost:5000/production/hello".to_owned(), vec!["c0ffee0".to_owned(), "v1".to_owned()]),
                ("quay.io/acme/hello".to_owned(), vec!["latest".to_owned(), "c0ffee0011".to_owned()]),
            ]
        );
    }

    #[test]
    fn what_maps_nothing_is_refused() {
        let none = "release data: no component of the Snapshot (hello, other) is in mapping.components; add it to \
                    data.mapping of the ReleasePlanAdmission";
        for data in [json!({}), json!({"mapping": null}), json!({"mapping": {"components": [{"name": "x"}]}})] {
            assert_eq!(plan(&spec(), &data).unwrap_err().to_string(), none);
        }
        assert!(
            plan(&spec(), &json!({"mapping": "x"})).unwrap_err().to_string().starts_with("release data: mapping: ")
        );
        let repository = |url: &str, tag: &str| json!({"name": "hello", "repositories": [{"url": url, "tags": [tag]}]});
        let table = [
            (json!({"name": "hello"}), "component `hello`: mapping names no repository; set repositories[].url"),
            (
                json!({"name": "hello", "repository": "r/x"}),
                "component `hello`: no tags for `r/x`; set repositories[].tags or mapping.defaults.tags",
            ),
            (
                repository("localhost:5000/p/hello:latest", "a"),
                "component `hello`: repositories[].url `localhost:5000/p/hello:latest` has a tag or digest; tags go into \
                 repositories[].tags",
            ),
            (
                repository("r/x", "{{ now }}"),
                "component `hello`: tag `{{ now }}` has the variable `now`, which is not known; known are git_sha, \
                 git_short_sha and digest_sha",
            ),
            (
                repository("r/x", "sha256-{{ digest_sha }}.sig"),
                "component `hello`: tag `sha256-{{ digest_sha }}.sig` gives",
            ),
            (repository("r/x", "a b"), "component `hello`: tag `a b` gives `a b`, which is no tag for an image"),
        ];
        for (component, want) in table {
            let message = mapped(component, json!([])).unwrap_err();
            assert!(message.starts_with(want), "{message}");
        }
    }

    /// The revision is the tenant's word, and would else choose any tag of a production repository.
    #[test]
    fn a_revision_that_is_no_commit_is_no_tag() {
        let component = json!({"name": "hello", "repositories": [{"url": "r/x"}]});
        let data = json!({"mapping": {"components": [component], "defaults": {"tags": ["{{ git_sha }}"]}}});
        for revision in ["stable", "v1.0.0", "", "latest", "c0ffee", "C0FFEE0011", &"a".repeat(65)] {
            let mut spec = spec();
            spec.components[0].source =
                serde_json::from_value(json!({"git": {"url": "u", "revision": revision}})).unwrap();
            let message = plan(&spec, &data).unwrap_err().to_string();
            assert!(message.contains("is not a commit"), "{revision}: {message}");
        }
    }

    /// The result IMAGES is read as type hints: images that the task built.
    #[test]
    fn a_component_cannot_claim_an_image_by_its_name() {
        let digest = "b".repeat(64);
        for name in [&format!("x,localhost:5000/acme/hello@sha256:{digest},y"), "a@b", "", "-a", "A", "a\nb"] {
            let mut spec = spec();
            spec.components[0].name = (*name).to_owned();
            let data = json!({"mapping": {"components": [{"name": name, "repository": "r/x", "tags": ["t"]}]}});
            let message = plan(&spec, &data).unwrap_err().to_string();
            assert!(message.contains("is not a DNS label"), "{name}: {message}");
        }
    }
}
