//! HTTP for the client: connections, TLS with ring, time limits, redirects. It knows no registry.

use crate::error::{Error, Result};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use std::sync::Arc;
use std::time::Duration;

pub(super) type Body = http_body_util::combinators::UnsyncBoxBody<Bytes, std::io::Error>;

/// Longest wait for the head of an answer and between two pieces of its body.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);
const CONNECT: Duration = Duration::from_secs(10);
const MAX_REDIRECTS: usize = 5;

#[derive(Clone, Debug)]
pub(super) struct Transport {
    http: HttpClient<HttpsConnector<HttpConnector>, Body>,
}

/// A body in memory.
pub(super) fn full(bytes: Bytes) -> Body {
    Full::new(bytes).map_err(|never| match never {}).boxed_unsync()
}

impl Transport {
    pub(super) fn new(ca_pem: &[Vec<u8>]) -> Result<Self> {
        let mut roots = rustls::RootCertStore::empty();
        // A machine without CA certificates can still ask registries without TLS; one with TLS then fails with its name.
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        for pem in ca_pem {
            for certificate in CertificateDer::pem_slice_iter(pem) {
                let certificate =
                    certificate.map_err(|e| Error::Configuration(format!("CA certificate is not PEM: {e}")))?;
                roots.add(certificate).map_err(|e| Error::Configuration(format!("CA certificate: {e}")))?;
            }
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|e| Error::Configuration(e.to_string()))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let mut connector = HttpConnector::new();
        connector.enforce_http(false);
        connector.set_nodelay(true);
        connector.set_keepalive(Some(Duration::from_secs(30)));
        connector.set_connect_timeout(Some(CONNECT));
        let connector =
            HttpsConnectorBuilder::new().with_tls_config(tls).https_or_http().enable_http1().wrap_connector(connector);
        Ok(Transport { http: HttpClient::builder(TokioExecutor::new()).build(connector) })
    }

    /// One request. `Err` is the reason for having no answer.
    pub(super) async fn send(
        &self,
        method: Method,
        uri: &Uri,
        headers: &HeaderMap,
        body: Body,
    ) -> std::result::Result<Response<Incoming>, String> {
        let mut request = Request::new(body);
        *request.method_mut() = method;
        *request.uri_mut() = uri.clone();
        *request.headers_mut() = headers.clone();
        request.headers_mut().entry(header::USER_AGENT).or_insert(header::HeaderValue::from_static("sluice"));
        // The head of the answer comes only after a whole upload, which may take long: the limit is on silence, and a
        // dead peer is found by the connection.
        let streaming = http_body::Body::size_hint(request.body()).exact().is_none_or(|n| n > 8 * 1024 * 1024);
        let answer = self.http.request(request);
        let answer = if streaming {
            answer.await
        } else {
            tokio::time::timeout(PATIENCE, answer).await.map_err(|_| "no answer in time".to_owned())?
        };
        answer.map_err(|e| causes(&e))
    }

    /// A request without body whose redirects are followed; credentials go to the first host alone, and never from
    /// TLS to plain HTTP.
    pub(super) async fn fetch(
        &self,
        method: Method,
        uri: &Uri,
        headers: &HeaderMap,
    ) -> std::result::Result<Response<Incoming>, String> {
        let (mut uri, mut headers) = (uri.clone(), headers.clone());
        for _ in 0..=MAX_REDIRECTS {
            let answer = self.send(method.clone(), &uri, &headers, full(Bytes::new())).await?;
            let redirect = matches!(
                answer.status(),
                StatusCode::MOVED_PERMANENTLY
                    | StatusCode::FOUND
                    | StatusCode::SEE_OTHER
                    | StatusCode::TEMPORARY_REDIRECT
                    | StatusCode::PERMANENT_REDIRECT
            );
            if !redirect {
                return Ok(answer);
            }
            let location = answer.headers().get(header::LOCATION).and_then(|v| v.to_str().ok());
            let next = join(&uri, location.ok_or("a redirect without a location")?)?;
            if uri.scheme_str() == Some("https") && next.scheme_str() != Some("https") {
                return Err("a redirect from TLS to plain HTTP was refused".to_owned());
            }
            if next.authority() != uri.authority() {
                headers.remove(header::AUTHORIZATION);
            }
            uri = next;
        }
        Err("too many redirects".to_owned())
    }
}

/// Resolves a `Location` against the address that was asked.
pub(super) fn join(base: &Uri, location: &str) -> std::result::Result<Uri, String> {
    let absolute = if location.starts_with("http://") || location.starts_with("https://") {
        location.to_owned()
    } else {
        let scheme = base.scheme_str().unwrap_or("http");
        let authority = base.authority().map_or("", |a| a.as_str());
        let folder = base.path().rsplit_once('/').map_or("", |(folder, _)| folder);
        match location {
            l if l.starts_with("//") => format!("{scheme}:{l}"),
            l if l.starts_with('/') => format!("{scheme}://{authority}{l}"),
            l => format!("{scheme}://{authority}{folder}/{l}"),
        }
    };
    absolute.parse().map_err(|e| format!("location `{location}` is no address: {e}"))
}

fn causes(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}
