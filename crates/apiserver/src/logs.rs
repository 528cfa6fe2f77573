//! `pods/log`: the file of one container, to its end or as it grows. It must not know who writes the file.

use crate::body::{self, Body};
use crate::error::ApiError;
use crate::meta;
use crate::rest::{self, Context};
use crate::state::State;
use bytes::Bytes;
use futures::stream;
use http::Response;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde_json::Value;
use std::convert::Infallible;
use std::io::SeekFrom;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncSeekExt};

/// How often a followed file is looked at; changes of the Pod are seen at once.
const POLL: Duration = Duration::from_millis(50);
const CHUNK: usize = 64 << 10;

/// Answers `pods/NAME/log`.
pub(crate) async fn answer(context: &Context) -> Result<Response<Body>, ApiError> {
    let pod = rest::get(context)?;
    let container = container(context, &pod)?;
    let query = &context.query;
    let follow = query.flag("follow");
    let path = path(&context.state, &context.path.namespace, &context.path.name, &container)?;
    if query.flag("previous") {
        let message =
            format!("previous terminated container \"{container}\" in pod \"{}\" not found", context.path.name);
        return Err(ApiError::bad_request(message));
    }
    let mut tail = Tail {
        context: context.clone(),
        container,
        uid: meta::field(&pod, "uid").to_owned(),
        path,
        file: None,
        follow,
        left: query.number("limitBytes")?.unwrap_or(u64::MAX),
        ended: false,
    };
    tail.open().await;
    if let (Some(lines), Some(file)) = (query.number("tailLines")?, tail.file.as_mut()) {
        seek_to_last(file, lines).await.map_err(|e| ApiError::internal(format!("the log cannot be read: {e}")))?;
    }
    let chunks = stream::unfold(tail, |mut tail| async move {
        tail.next().await.map(|bytes| (Ok::<_, Infallible>(Frame::data(bytes)), tail))
    });
    let mut response = body::whole(200, "text/plain", Bytes::new());
    *response.body_mut() = BodyExt::boxed_unsync(StreamBody::new(chunks));
    Ok(response)
}

fn names(pod: &Value) -> Vec<String> {
    let of = |list: &str| pod.pointer(&format!("/spec/{list}")).and_then(Value::as_array).into_iter().flatten();
    let all = of("initContainers").chain(of("containers"));
    all.filter_map(|c| c.get("name")?.as_str()).map(str::to_owned).collect()
}

/// The container that is asked for, or the Pod's only one.
fn container(context: &Context, pod: &Value) -> Result<String, ApiError> {
    let all = names(pod);
    let regular = pod.pointer("/spec/containers").and_then(Value::as_array).map_or(0, Vec::len);
    let name = &context.path.name;
    match context.query.get("container") {
        Some(wanted) if all.iter().any(|n| n == wanted) => Ok(wanted.to_owned()),
        Some(wanted) => Err(ApiError::bad_request(format!("container {wanted} is not valid for pod {name}"))),
        None if regular == 1 => Ok(all.last().cloned().unwrap_or_default()),
        None => Err(ApiError::bad_request(format!(
            "a container name must be specified for pod {name}, choose one of: [{}]",
            all.join(" ")
        ))),
    }
}

/// The file of a container's log; every part is a checked name, so the path stays below the root.
fn path(state: &State, namespace: &str, pod: &str, container: &str) -> Result<PathBuf, ApiError> {
    if !meta::is_dns_label(namespace) || !meta::is_dns_subdomain(pod) || !meta::is_dns_subdomain(container) {
        return Err(ApiError::bad_request(format!("container {container} is not valid for pod {pod}")));
    }
    Ok(state.logs.join(namespace).join(pod).join(format!("{container}.log")))
}

/// Moves to where the last `lines` lines begin.
async fn seek_to_last(file: &mut File, lines: u64) -> std::io::Result<()> {
    let end = file.seek(SeekFrom::End(0)).await?;
    let mut at = end;
    let mut found = 0;
    let mut buffer = vec![0; CHUNK];
    while at > 0 {
        let size = at.min(CHUNK as u64);
        let length = usize::try_from(size).unwrap_or(CHUNK);
        at -= size;
        file.seek(SeekFrom::Start(at)).await?;
        file.read_exact(&mut buffer[..length]).await?;
        for (i, byte) in buffer[..length].iter().enumerate().rev() {
            let position = at + i as u64;
            // A newline at the very end closes the last line and begins none.
            if *byte == b'\n' && position + 1 != end {
                found += 1;
                if found == lines {
                    file.seek(SeekFrom::Start(position + 1)).await?;
                    return Ok(());
                }
            }
        }
        if lines == 0 {
            file.seek(SeekFrom::Start(end)).await?;
            return Ok(());
        }
    }
    file.seek(SeekFrom::Start(0)).await.map(drop)
}

struct Tail {
    context: Context,
    container: String,
    uid: String,
    path: PathBuf,
    file: Option<File>,
    follow: bool,
    left: u64,
    ended: bool,
}

impl Tail {
    async fn open(&mut self) {
        if self.file.is_none() {
            self.file = File::open(&self.path).await.ok();
        }
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            // Whether the container had ended is asked before the read, so that nothing written before is missed.
            let over = self.ended || !self.follow || self.is_over();
            self.open().await;
            let bytes = self.read().await;
            if !bytes.is_empty() {
                return Some(bytes);
            }
            if over || self.left == 0 {
                return None;
            }
            let stopping = Arc::clone(&self.context.state);
            tokio::select! {
                () = stopping.stopping.cancelled() => self.ended = true,
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    async fn read(&mut self) -> Bytes {
        let Some(file) = self.file.as_mut() else { return Bytes::new() };
        let mut buffer = vec![0; usize::try_from(self.left).unwrap_or(CHUNK).min(CHUNK)];
        match file.read(&mut buffer).await {
            Ok(read) => {
                buffer.truncate(read);
                self.left -= read as u64;
                Bytes::from(buffer)
            }
            Err(error) => {
                tracing::warn!(path = %self.path.display(), %error, "a log cannot be read");
                self.ended = true;
                Bytes::new()
            }
        }
    }

    /// Whether nothing more will be written: the container or its Pod has ended, or the Pod is gone.
    fn is_over(&self) -> bool {
        let Ok(pod) = rest::get(&self.context) else { return true };
        if meta::field(&pod, "uid") != self.uid {
            return true;
        }
        if matches!(pod.pointer("/status/phase").and_then(Value::as_str), Some("Succeeded" | "Failed")) {
            return true;
        }
        let of = |list: &str| pod.pointer(&format!("/status/{list}")).and_then(Value::as_array).into_iter().flatten();
        of("initContainerStatuses").chain(of("containerStatuses")).any(|status| {
            status.get("name").and_then(Value::as_str) == Some(&self.container)
                && status.pointer("/state/terminated").is_some()
        })
    }
}
