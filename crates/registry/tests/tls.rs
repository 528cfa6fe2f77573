//! The client over TLS with a private CA, against a registry behind a token service, and across redirects: where
//! credentials go and where they never do.
#![allow(clippy::unwrap_used)]

mod common;

use axum::Router;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::{any, get};
use common::{Records, Users};
use http::{HeaderMap, StatusCode};
use sluice_oci::{Artifact, AuthFile, Client, Descriptor, Error, Reference, RegistriesConf};
use sluice_registry::Registry;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::pki_types::PrivatePkcs8KeyDer;
use tokio_rustls::rustls::{ServerConfig, crypto};

struct Tls(TcpListener, TlsAcceptor);

impl axum::serve::Listener for Tls {
    type Io = tokio_rustls::server::TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let Ok((stream, address)) = self.0.accept().await else { continue };
            if let Ok(stream) = self.1.accept(stream).await {
                return (stream, address);
            }
        }
    }

    fn local_addr(&self) -> std::io::Result<SocketAddr> {
        self.0.local_addr()
    }
}

/// A client's names for a registry on loopback that speaks TLS all the same.
fn names(host: &str) -> RegistriesConf {
    let mut names = RegistriesConf::default();
    names.require_tls(host);
    names
}

/// Serves over TLS. The address and the CA.
async fn serve_tls(router: impl FnOnce(&str) -> Router) -> (String, String) {
    let key = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let provider = Arc::new(crypto::ring::default_provider());
    let private = PrivatePkcs8KeyDer::from(key.signing_key.serialize_der());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![key.cert.der().clone()], private.into())
        .unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let host = format!("localhost:{}", listener.local_addr().unwrap().port());
    let tls = Tls(listener, TlsAcceptor::from(Arc::new(config)));
    let router = router(&host);
    tokio::spawn(async move { axum::serve(tls, router).await.unwrap() });
    (host, key.cert.pem())
}

#[tokio::test]
async fn a_private_ca_is_trusted_only_where_it_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let registry = Registry::open(folder.path(), Arc::new(Users), Arc::new(Records::default())).unwrap();
    let (host, ca) = serve_tls(|_| registry.router()).await;
    let reference: Reference = format!("{host}/acme/x:v1").parse().unwrap();
    let builder = || Client::builder().registries(names(&host)).auth(AuthFile::single(&host, "acme", "acme-secret"));
    let error = builder().build().unwrap().push_artifact(&reference, &Artifact::default()).await.unwrap_err();
    assert!(matches!(&error, Error::Unreachable { detail, .. } if detail.contains("certificate")), "{error}");
    let client = builder().ca_pem(ca).build().unwrap();
    let digest = client.push_artifact(&reference, &Artifact::default()).await.unwrap();
    assert_eq!(client.resolve(&reference).await.unwrap(), digest);
    assert!(builder().ca_pem("-----BEGIN CERTIFICATE-----\n%%%\n-----END CERTIFICATE-----").build().is_err());
}

/// What a token registry saw: path and Authorization of each request.
type Seen = Arc<Mutex<Vec<(String, String)>>>;

fn authorization(headers: &HeaderMap) -> String {
    headers.get("authorization").map(|v| v.to_str().unwrap().to_owned()).unwrap_or_default()
}

/// A registry that wants a token for the right scope and redirects blobs to another host.
fn token_registry(host: &str, elsewhere: String, seen: Seen) -> Router {
    let realm = format!("https://{host}/token");
    let token = |State(seen): State<Seen>, request: Request| async move {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let authorization = authorization(request.headers());
        seen.lock().unwrap().push((format!("/token?{query}"), authorization));
        r#"{"token":"for-acme-x"}"#
    };
    let v2 = move |State(seen): State<Seen>, request: Request| async move {
        let (path, given) = (request.uri().path().to_owned(), authorization(request.headers()));
        seen.lock().unwrap().push((path.clone(), given.clone()));
        if given != "Bearer for-acme-x" {
            let challenge = format!(r#"Bearer realm="{realm}",service="it, self",scope="ignored""#);
            return (StatusCode::UNAUTHORIZED, [("www-authenticate", challenge)]).into_response();
        }
        if path.contains("/blobs/") {
            return Redirect::temporary(&elsewhere).into_response();
        }
        StatusCode::NOT_FOUND.into_response()
    };
    Router::new().route("/token", get(token)).route("/v2/{*rest}", any(v2)).with_state(seen)
}

async fn elsewhere(seen: Seen) -> (String, String) {
    let handler = |State(seen): State<Seen>, request: Request| async move {
        let authorization = authorization(request.headers());
        seen.lock().unwrap().push((format!("elsewhere{}", request.uri().path()), authorization));
        Response::new(axum::body::Body::from("content"))
    };
    serve_tls(move |_| Router::new().route("/blob", any(handler)).with_state(seen)).await
}

#[tokio::test]
async fn tokens_are_got_and_credentials_stay_at_home() {
    let seen = Seen::default();
    let (other, other_ca) = elsewhere(seen.clone()).await;
    let target = format!("https://{other}/blob");
    let (host, ca) = serve_tls(|host| token_registry(host, target, seen.clone())).await;
    let auth = AuthFile::single(&format!("{host}/acme"), "acme", "hunter2");
    let client = Client::builder().registries(names(&host)).auth(auth).ca_pem(ca).ca_pem(other_ca).build().unwrap();
    let reference: Reference = format!("{host}/acme/x:v1").parse().unwrap();
    let blob = Descriptor::of("a/b", b"content");
    assert_eq!(client.blob_bytes(&reference, &blob, 100).await.unwrap(), "content");
    assert!(client.manifest(&reference).await.unwrap_err().is_not_found());
    let seen = seen.lock().unwrap().clone();
    let paths: Vec<&str> = seen.iter().map(|(path, _)| path.split('/').nth(1).unwrap_or(path)).collect();
    // Asked, refused, token, asked again, sent elsewhere; the second question goes straight.
    assert_eq!(paths.len(), 5, "{seen:?}");
    let scope = "/token?scope=repository%3Aacme%2Fx%3Apull&service=it%2C%20self";
    assert_eq!(seen[1], (scope.to_owned(), "Basic YWNtZTpodW50ZXIy".to_owned()));
    assert_eq!(seen[2].1, "Bearer for-acme-x");
    assert_eq!(seen[3], ("elsewhere/blob".to_owned(), String::new()), "no credential for the other host");
    assert!(seen[4].0.contains("/manifests/v1") && seen[4].1 == "Bearer for-acme-x");
}

#[tokio::test]
async fn a_redirect_to_plain_http_is_refused() {
    let seen = Seen::default();
    let target = "http://127.0.0.1:1/blob".to_owned();
    let (host, ca) = serve_tls(|host| token_registry(host, target, seen.clone())).await;
    let auth = AuthFile::single(&host, "acme", "hunter2");
    let client = Client::builder().registries(names(&host)).auth(auth).ca_pem(ca).build().unwrap();
    let reference: Reference = format!("{host}/acme/x:v1").parse().unwrap();
    let error = client.blob_bytes(&reference, &Descriptor::of("a/b", b"content"), 100).await.unwrap_err();
    assert!(error.to_string().contains("plain HTTP was refused"), "{error}");
}
