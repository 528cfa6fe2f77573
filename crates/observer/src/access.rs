//! Where a run's statements may be written. The observer may write to every repository of the embedded registry, and a
//! run says in its results which. So that nobody writes through the observer where he may not write himself, the run's
//! own ServiceAccount must be allowed to push there; Chains has the same by pushing with that account's credentials.

use crate::error::Error;
use k8s_openapi::api::authorization::v1::{ResourceAttributes, SubjectAccessReview, SubjectAccessReviewSpec};
use kube::api::{Api, PostParams};
use sluice_attest::{ImageDigest, Run};
use sluice_oci::{Reference, ReferenceError, RegistriesConf};
use std::collections::BTreeSet;
use std::net::IpAddr;

/// API group of repositories in RBAC.
const GROUP: &str = "registry.sluice.dev";
/// The account of a run that names none.
const DEFAULT_ACCOUNT: &str = "default";

/// The rules of a registry.
#[derive(Clone)]
pub(crate) struct Access {
    pub client: kube::Client,
    /// The registry whose repositories RBAC governs. Others have their own rules, and the observer no rights but those
    /// that it was given for them.
    pub registry: Option<String>,
    /// Where names are.
    pub registries: RegistriesConf,
}

impl Access {
    /// Checks that the run may push to the image's repository.
    pub(crate) async fn check(&self, run: &Run, image: &ImageDigest) -> Result<(), Error> {
        let Some((namespace, name)) = self.governed(image)? else { return Ok(()) };
        let accounts = accounts(run);
        for account in &accounts {
            if self.may_push(&run.metadata().namespace, account, &namespace, &name).await? {
                return Ok(());
            }
        }
        let accounts = accounts.into_iter().collect::<Vec<_>>().join("`, `");
        Err(Error::Access { image: image.repository.clone(), accounts, namespace })
    }

    /// Namespace and name of the repository, where this registry is the one that RBAC governs. An alias is followed
    /// first: what counts is where it would be written.
    fn governed(&self, image: &ImageDigest) -> Result<Option<(String, String)>, Error> {
        let name = |reason: String| Error::Name { image: image.repository.clone(), reason };
        let reference: Reference = image.full_key().parse().map_err(|e: ReferenceError| name(e.to_string()))?;
        let place = self.registries.resolve(&reference).map_err(|e| name(e.to_string()))?.reference;
        if self.registry.as_deref() != Some(place.registry()) {
            // A result would else send the observer to any service of this machine or its network.
            let named = self
                .registries
                .entries()
                .iter()
                .any(|entry| entry.location.split('/').next() == Some(place.registry()));
            if self.registry.is_some() && !named && is_inner(place.registry()) {
                return Err(name(
                    "it is an address of this machine or its network; name the registry in registries.conf".to_owned(),
                ));
            }
            return Ok(None);
        }
        let (namespace, rest) = place.repository().split_once('/').unwrap_or((place.repository(), ""));
        Ok(Some((namespace.to_owned(), rest.to_owned())))
    }

    async fn may_push(&self, namespace: &str, account: &str, of: &str, name: &str) -> Result<bool, Error> {
        let review = SubjectAccessReview {
            spec: SubjectAccessReviewSpec {
                user: Some(format!("system:serviceaccount:{namespace}:{account}")),
                groups: Some(vec![
                    "system:serviceaccounts".to_owned(),
                    format!("system:serviceaccounts:{namespace}"),
                    "system:authenticated".to_owned(),
                ]),
                resource_attributes: Some(ResourceAttributes {
                    group: Some(GROUP.to_owned()),
                    resource: Some("repositories".to_owned()),
                    namespace: Some(of.to_owned()),
                    name: Some(name.to_owned()),
                    verb: Some("push".to_owned()),
                    ..ResourceAttributes::default()
                }),
                ..SubjectAccessReviewSpec::default()
            },
            ..SubjectAccessReview::default()
        };
        let reviews: Api<SubjectAccessReview> = Api::all(self.client.clone());
        let answer = reviews.create(&PostParams::default(), &review).await?;
        Ok(answer.status.is_some_and(|status| status.allowed))
    }
}

/// Whether the registry is given by an address, or the name, that does not lead outside.
fn is_inner(registry: &str) -> bool {
    let host = match registry.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => registry.split(':').next().unwrap_or_default(),
    };
    let host = host.to_ascii_lowercase();
    if host == "localhost" || host.ends_with(".localhost") {
        return true;
    }
    match host.parse::<IpAddr>().map(|address| address.to_canonical()) {
        Ok(IpAddr::V4(v4)) => {
            let shared = v4.octets()[0] == 100 && (64..128).contains(&v4.octets()[1]);
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || v4.octets()[0] == 0 || shared
        }
        Ok(IpAddr::V6(v6)) => {
            let first = v6.segments()[0];
            v6.is_loopback() || v6.is_unspecified() || first & 0xfe00 == 0xfc00 || first & 0xffc0 == 0xfe80
        }
        Err(_) => false,
    }
}

/// The ServiceAccounts that the run's steps ran as.
fn accounts(run: &Run) -> BTreeSet<String> {
    let named = |name: &str| if name.is_empty() { DEFAULT_ACCOUNT.to_owned() } else { name.to_owned() };
    match run {
        Run::TaskRun(run) => BTreeSet::from([named(&run.spec.service_account_name)]),
        Run::PipelineRun { run, children } => {
            let template = run.spec.task_run_template.as_ref().map_or("", |t| t.service_account_name.as_str());
            children.iter().map(|child| named(&child.spec.service_account_name)).chain([named(template)]).collect()
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use sluice_oci::RegistryEntry;

    #[tokio::test]
    async fn aliases_are_followed_to_the_repository_that_would_be_written() {
        let service = tower::service_fn(|_: http::Request<kube::client::Body>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(kube::client::Body::empty()))
        });
        let entry = |prefix: &str, location: &str| RegistryEntry {
            prefix: prefix.to_owned(),
            location: location.to_owned(),
            insecure: true,
            blocked: false,
        };
        let registries = RegistriesConf::new(vec![entry("library.example", "localhost:5000/library")]);
        let client = kube::Client::new(service, "default");
        let access = Access { client, registry: Some("localhost:5000".to_owned()), registries };
        let governed = |name: &str| {
            let image = ImageDigest::parse(&format!("{name}@sha256:{}", "a".repeat(64))).unwrap();
            access.governed(&image).unwrap().map(|(namespace, name)| format!("{namespace} {name}"))
        };
        assert_eq!(governed("localhost:5000/acme/a/b").as_deref(), Some("acme a/b"));
        assert_eq!(governed("library.example/images/git").as_deref(), Some("library images/git"));
        assert_eq!(governed("mirror.example:5001/acme/a"), None);
        assert_eq!(governed("quay.io/acme/a"), None);
    }

    #[tokio::test]
    async fn a_result_does_not_send_the_observer_to_services_of_this_machine() {
        let service = tower::service_fn(|_: http::Request<kube::client::Body>| async {
            Ok::<_, std::convert::Infallible>(http::Response::new(kube::client::Body::empty()))
        });
        let entry = RegistryEntry {
            prefix: "127.0.0.1:6000".to_owned(),
            location: "127.0.0.1:6000".to_owned(),
            insecure: true,
            blocked: false,
        };
        let access = Access {
            client: kube::Client::new(service, "default"),
            registry: Some("localhost:5000".to_owned()),
            registries: RegistriesConf::new(vec![entry]),
        };
        let governed = |host: &str| {
            let image = ImageDigest::parse(&format!("{host}/acme/a@sha256:{}", "a".repeat(64))).unwrap();
            access.governed(&image)
        };
        let inner =
            ["localhost:5001", "LOCALHOST:6443", "127.0.0.1:5000", "127.0.0.1:600", "[::1]:5000", "10.0.0.1:80"];
        for host in inner.into_iter().chain(["169.254.169.254:80", "192.168.1.1:5000", "[fd00::1]:80", "0.0.0.0:80"]) {
            let error = governed(host).unwrap_err().to_string();
            assert!(error.contains("is an address of this machine"), "{host}: {error}");
        }
        // What the operator named, and what is outside, is asked.
        assert_eq!(governed("127.0.0.1:6000").unwrap(), None);
        assert_eq!(governed("8.8.8.8:443").unwrap(), None);
    }
}
