//! `sluice git-serve`: git's smart HTTP protocol for fetching from the repositories in one folder, on loopback, read
//! only. It stands for a forge in the demo and serves local folders to `sluice build`.

use crate::args::GitServe;
use crate::error::{Context, Exit, Result};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use std::collections::HashMap;
use std::path::PathBuf;
use std::process::Stdio;
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Largest request of a fetching client: its wants and haves.
const MAX_REQUEST: usize = 8 << 20;

/// Serves until it is ended; prints the URL first.
///
/// # Errors
/// When the address cannot be listened on.
pub async fn run(args: GitServe) -> Result {
    let listener = tokio::net::TcpListener::bind(&args.listen)
        .await
        .context(Exit::Usage, format!("`--listen {}`", args.listen))?;
    let address = listener.local_addr().context(Exit::Defect, "asking for the address")?;
    println!("http://{address}");
    axum::serve(listener, router(args.root)).await.context(Exit::Defect, "serving")
}

fn router(root: PathBuf) -> Router {
    Router::new()
        .route("/{repository}/info/refs", get(advertise))
        .route("/{repository}/git-upload-pack", post(upload_pack))
        .layer(axum::extract::DefaultBodyLimit::max(MAX_REQUEST))
        .with_state(root)
}

async fn advertise(
    State(root): State<PathBuf>,
    Path(repository): Path<String>,
    Query(query): Query<HashMap<String, String>>,
    headers: HeaderMap,
) -> Response {
    if query.get("service").map(String::as_str) != Some("git-upload-pack") {
        return (StatusCode::FORBIDDEN, "only fetching is served\n").into_response();
    }
    let Some(folder) = folder(&root, &repository) else { return StatusCode::NOT_FOUND.into_response() };
    let prefix =
        if protocol(&headers).contains("version=2") { &b""[..] } else { b"001e# service=git-upload-pack\n0000" };
    match git(&folder, &headers, &["--http-backend-info-refs"], &[]).await {
        Ok(output) => typed("application/x-git-upload-pack-advertisement", [prefix, &output].concat()),
        Err(e) => failed(&e),
    }
}

async fn upload_pack(
    State(root): State<PathBuf>,
    Path(repository): Path<String>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(folder) = folder(&root, &repository) else { return StatusCode::NOT_FOUND.into_response() };
    let body = match headers.get(header::CONTENT_ENCODING).map(|v| v.as_bytes()) {
        None => body.to_vec(),
        Some(b"gzip") => match inflate(&body) {
            Ok(body) => body,
            Err(_) => return StatusCode::BAD_REQUEST.into_response(),
        },
        Some(_) => return StatusCode::UNSUPPORTED_MEDIA_TYPE.into_response(),
    };
    match git(&folder, &headers, &[], &body).await {
        Ok(output) => typed("application/x-git-upload-pack-result", output),
        Err(e) => failed(&e),
    }
}

fn inflate(body: &[u8]) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    let mut out = Vec::new();
    flate2::read::GzDecoder::new(body).take(MAX_REQUEST as u64).read_to_end(&mut out)?;
    Ok(out)
}

/// A plain name of a folder in the root; nothing that leads elsewhere.
fn folder(root: &std::path::Path, repository: &str) -> Option<PathBuf> {
    let plain = !repository.is_empty()
        && !repository.starts_with('.')
        && repository.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b));
    let folder = root.join(repository);
    (plain && folder.is_dir()).then_some(folder)
}

fn protocol(headers: &HeaderMap) -> &str {
    headers.get("git-protocol").and_then(|v| v.to_str().ok()).unwrap_or_default()
}

async fn git(folder: &std::path::Path, headers: &HeaderMap, extra: &[&str], input: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut child = Command::new("git")
        .args(["-c", "safe.directory=*", "upload-pack", "--strict", "--stateless-rpc"])
        .args(extra)
        .arg(folder)
        .env("GIT_PROTOCOL", protocol(headers))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = child.stdin.take();
    let feed = async {
        if let Some(stdin) = stdin.as_mut() {
            // git may answer before it has read all; its exit status tells what matters.
            let _ = stdin.write_all(input).await;
        }
        drop(stdin);
    };
    let (output, ()) = tokio::join!(child.wait_with_output(), feed);
    let output = output?;
    match output.status.success() {
        true => Ok(output.stdout),
        false => Err(std::io::Error::other(format!("git upload-pack: {}", output.status))),
    }
}

fn typed(content_type: &'static str, body: Vec<u8>) -> Response {
    ([(header::CONTENT_TYPE, content_type), (header::CACHE_CONTROL, "no-cache")], Body::from(body)).into_response()
}

fn failed(error: &std::io::Error) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response()
}
