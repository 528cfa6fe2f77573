//! Publishing against a real registry: everything arrives, or nothing is seen.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use axum::middleware::{Next, from_fn};
use axum::response::IntoResponse;
use futures::future::BoxFuture;
use serde_json::{Value, json};
use sluice_api::konflux::SnapshotSpec;
use sluice_delivery::publish::{PublishError, publish, push_snapshot};
use sluice_oci::{AuthFile, Client, Descriptor, Digest, Reference, RegistriesConf, media_type};
use sluice_registry::{Action, Authority, Credential, Identity, Recorder, Registry, Transfer};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// `builder` may do all in acme, `pusher` pulls there and pushes to production, everybody pulls from production.
struct Users;

impl Authority for Users {
    fn authenticate<'a>(&'a self, credential: Credential<'a>) -> BoxFuture<'a, Option<Identity>> {
        let user = match credential {
            Credential::Anonymous => "system:anonymous".to_owned(),
            Credential::Basic { username, .. } => username.to_owned(),
            Credential::Bearer { token } => token.to_owned(),
        };
        Box::pin(async move { Some(Identity { user, ..Identity::default() }) })
    }

    fn allowed<'a>(&'a self, identity: &'a Identity, repository: &'a str, action: Action) -> BoxFuture<'a, bool> {
        let allowed = matches!(
            (identity.user.as_str(), repository.split('/').next().unwrap(), action),
            ("builder", "acme", _)
                | ("pusher", "acme", Action::Pull)
                | ("pusher", "production", _)
                | (_, "production", Action::Pull)
        );
        Box::pin(async move { allowed })
    }
}

impl Recorder for Users {
    fn record(&self, _: &Identity, _: Transfer) {}
}

struct World {
    host: String,
    /// Writes to production until the registry fails.
    left: Arc<AtomicUsize>,
    folder: tempfile::TempDir,
}

impl World {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let registry = Registry::open(folder.path().join("registry"), Arc::new(Users), Arc::new(Users)).unwrap();
        let left = Arc::new(AtomicUsize::new(usize::MAX));
        let counter = Arc::clone(&left);
        let router = registry.router().layer(from_fn(move |request: axum::extract::Request, next: Next| {
            let write = request.method() != http::Method::GET && request.method() != http::Method::HEAD;
            let counted = write && request.uri().path().starts_with("/v2/production");
            let fail = counted
                && counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| Some(n.saturating_sub(1))) == Ok(0);
            async move {
                if fail { http::StatusCode::INSUFFICIENT_STORAGE.into_response() } else { next.run(request).await }
            }
        }));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let host = listener.local_addr().unwrap().to_string();
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { host, left, folder }
    }

    fn client(&self, user: &str) -> Client {
        Client::new(RegistriesConf::default(), AuthFile::single(&self.host, user, "x")).unwrap()
    }

    fn reference(&self, rest: &str) -> Reference {
        format!("{}/{rest}", self.host).parse().unwrap()
    }

    /// An image of one layer, and what the build and the observer put beside it.
    async fn image(&self, name: &str, companions: &[&str]) -> Digest {
        let client = self.client("builder");
        let repository = self.reference(&format!("acme/{name}"));
        let digest = push(&client, &repository.at_tag("main").unwrap(), name).await;
        for kind in companions {
            let tag = format!("sha256-{}.{kind}", digest.hex());
            attach(&client, &repository.at_tag(&tag).unwrap(), &format!("{kind} of {name}"), kind).await;
        }
        digest
    }

    fn spec(&self, images: &[(&str, &Digest)]) -> SnapshotSpec {
        let components: Vec<Value> = images
            .iter()
            .map(
                |(name, digest)| json!({"name": name, "containerImage": format!("{}/acme/{name}@{digest}", self.host)}),
            )
            .collect();
        serde_json::from_value(json!({"application": "hello", "components": components})).unwrap()
    }

    fn data(&self, names: &[&str]) -> Value {
        let components: Vec<Value> = names
            .iter()
            .map(|n| json!({"name": n, "repositories": [{"url": format!("{}/production/{n}", self.host), "tags": ["latest", "v1"]}]}))
            .collect();
        json!({"mapping": {"components": components}})
    }

    async fn tags(&self, name: &str) -> Vec<String> {
        match self.client("anybody").tags(&self.reference(&format!("production/{name}"))).await {
            Ok(mut tags) => {
                tags.sort();
                tags
            }
            Err(error) if error.is_not_found() => Vec::new(),
            Err(error) => panic!("{error}"),
        }
    }
}

async fn push(client: &Client, reference: &Reference, content: &str) -> Digest {
    push_as(client, reference, content, "application/vnd.oci.image.layer.v1.tar").await
}

async fn attach(client: &Client, reference: &Reference, content: &str, kind: &str) -> Digest {
    let media_type = match kind {
        "sig" => "application/vnd.dev.cosign.simplesigning.v1+json",
        "att" => "application/vnd.dsse.envelope.v1+json",
        _ => "text/spdx+json",
    };
    push_as(client, reference, content, media_type).await
}

async fn push_as(client: &Client, reference: &Reference, content: &str, kind: &str) -> Digest {
    let layer = content.repeat(1000);
    client.push_blob(reference, layer.clone()).await.unwrap();
    client.push_blob(reference, "{}").await.unwrap();
    let manifest = json!({
        "schemaVersion": 2, "mediaType": media_type::MANIFEST,
        "config": Descriptor::of("application/vnd.oci.image.config.v1+json", b"{}"),
        "layers": [Descriptor::of(kind, layer.as_bytes())],
    });
    client.push_manifest(reference, media_type::MANIFEST, manifest.to_string()).await.unwrap()
}

const ALL: [&str; 3] = ["sig", "att", "sbom"];

#[tokio::test]
async fn an_image_arrives_with_all_that_belongs_to_it() {
    let world = World::new().await;
    let digest = world.image("hello", &ALL).await;
    let (snapshot, data) = (world.folder.path().join("snapshot"), world.folder.path().join("data"));
    std::fs::write(&snapshot, json!(world.spec(&[("hello", &digest)])).to_string()).unwrap();
    std::fs::write(&data, world.data(&["hello"]).to_string()).unwrap();
    push_snapshot(&world.client("pusher"), &snapshot, &data, world.folder.path()).await.unwrap();

    let images: Value =
        serde_json::from_str(&std::fs::read_to_string(world.folder.path().join("IMAGES")).unwrap()).unwrap();
    let url = format!("{}/production/hello", world.host);
    assert_eq!(
        images,
        json!([{"name": "hello", "shasum": digest, "urls": [format!("{url}:latest"), format!("{url}:v1")]}])
    );
    let hex = digest.hex();
    let mut want: Vec<String> = ALL.iter().map(|kind| format!("sha256-{hex}.{kind}")).collect();
    want.extend(["latest".to_owned(), "v1".to_owned()]);
    want.sort();
    assert_eq!(world.tags("hello").await, want);
    let client = world.client("anybody");
    for tag in ["latest", "v1"] {
        let pulled = client.manifest(&world.reference(&format!("production/hello:{tag}"))).await.unwrap();
        assert_eq!(pulled.digest, digest);
        for blob in pulled.image().unwrap().layers {
            assert!(client.blob_exists(&world.reference("production/hello"), &blob.digest).await.unwrap());
        }
    }
}

#[tokio::test]
async fn what_is_not_signed_or_not_allowed_is_not_published() {
    let world = World::new().await;
    for companions in [&["att"][..], &["sig"], &[]] {
        let name = format!("without{}", companions.len() + usize::from(companions.contains(&"sig")));
        let digest = world.image(&name, companions).await;
        let (spec, data) = (world.spec(&[(&name, &digest)]), world.data(&[&name]));
        let error = publish(&world.client("pusher"), &spec, &data).await.unwrap_err();
        assert!(matches!(error, PublishError::Registry { .. }), "{error}");
        assert!(world.tags(&name).await.is_empty());
    }
    let digest = world.image("hello", &ALL).await;
    let (spec, data) = (world.spec(&[("hello", &digest)]), world.data(&["hello"]));
    let error = publish(&world.client("builder"), &spec, &data).await.unwrap_err();
    assert!(error.to_string().contains("denied"), "{error}");
    assert!(world.tags("hello").await.is_empty());
}

#[tokio::test]
async fn one_component_that_is_missing_holds_back_the_others() {
    let world = World::new().await;
    let digest = world.image("hello", &ALL).await;
    let gone = Digest::sha256("gone");
    let spec = world.spec(&[("hello", &digest), ("gone", &gone)]);
    publish(&world.client("pusher"), &spec, &world.data(&["hello", "gone"])).await.unwrap_err();
    assert!(world.tags("hello").await.is_empty());
}

#[tokio::test]
async fn a_registry_that_fails_at_any_write_shows_nothing_half() {
    let world = World::new().await;
    let (one, two) = (world.image("one", &ALL).await, world.image("two", &ALL).await);
    let (spec, data) = (world.spec(&[("one", &one), ("two", &two)]), world.data(&["one", "two"]));
    let mut failures = 0;
    for writes in 0.. {
        world.left.store(writes, Ordering::SeqCst);
        match publish(&world.client("pusher"), &spec, &data).await {
            Ok(_) => break,
            Err(PublishError::Tag { .. }) => {}
            Err(_) => {
                let tags = [world.tags("one").await, world.tags("two").await].concat();
                assert!(tags.is_empty(), "after {writes} writes: {tags:?}");
            }
        }
        failures += 1;
    }
    assert!(failures > 10, "{failures}");
    for name in ["one", "two"] {
        assert_eq!(world.tags(name).await.len(), 5);
    }
}

/// Nobody verified what the tags beside an image hold: an image there must not reach production by the way.
#[tokio::test]
async fn an_image_in_place_of_a_signature_is_not_published() {
    let world = World::new().await;
    for kind in ALL {
        let name = format!("smuggled-{kind}");
        let digest = world.image(&name, &ALL).await;
        let client = world.client("builder");
        let place = world.reference(&format!("acme/{name}:sha256-{}.{kind}", digest.hex()));
        let evil = push(&client, &place, "evil").await;
        let (spec, data) = (world.spec(&[(&name, &digest)]), world.data(&[&name]));
        let error = publish(&world.client("pusher"), &spec, &data).await.unwrap_err().to_string();
        assert!(error.contains("application/vnd.oci.image.layer.v1.tar"), "{error}");
        assert!(world.tags(&name).await.is_empty());
        let smuggled = world.reference(&format!("production/{name}")).at_digest(evil);
        assert!(client.manifest(&smuggled).await.is_err(), "{kind}");
    }
}
