//! Connections: TLS sockets and in-process clients, both into `server::handle`. It must not know what a request means.

use crate::auth::UserInfo;
use crate::body::Body;
use crate::server::{self, Caller};
use crate::state::State;
use bytes::Bytes;
use http::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustls::ServerConfig;
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;

/// A client that has not finished its TLS handshake by then is no client.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Connections at a time; more wait in the listener's queue.
const MAX_CONNECTIONS: usize = 1024;
/// Requests at a time on one HTTP/2 connection; a controller has a watch per kind.
const MAX_STREAMS: u32 = 256;
/// A connection on which nobody has shown a valid token by then, and nothing is being answered, is closed: whoever may not
/// ask anything keeps nobody out. After that a client may be idle.
const STRANGER_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a shutdown waits for answers that are on their way.
const DRAIN: Duration = Duration::from_secs(2);

/// Accepts connections until the shutdown, then ends them.
pub(crate) async fn serve(
    state: Arc<State>,
    listener: TcpListener,
    tls: Arc<ServerConfig>,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let acceptor = TlsAcceptor::from(tls);
    let slots = Arc::new(tokio::sync::Semaphore::new(MAX_CONNECTIONS));
    let tasks = tokio_util::task::TaskTracker::new();
    loop {
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else { break };
        let stream = tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    // Out of file descriptors, or a client that went away: neither ends the server.
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    continue;
                }
            },
            () = shutdown.cancelled() => break,
        };
        let (state, acceptor, shutdown) = (Arc::clone(&state), acceptor.clone(), shutdown.clone());
        tasks.spawn(async move {
            let _slot = slot;
            if let Err(error) = connection(state, acceptor, stream, shutdown).await {
                tracing::debug!(%error, "a connection ended");
            }
        });
    }
    tasks.close();
    if tokio::time::timeout(DRAIN, tasks.wait()).await.is_err() {
        tracing::debug!("connections were left open at shutdown");
    }
    Ok(())
}

async fn connection(
    state: Arc<State>,
    acceptor: TlsAcceptor,
    stream: TcpStream,
    shutdown: CancellationToken,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    stream.set_nodelay(true)?;
    let stream = tokio::time::timeout(HANDSHAKE_TIMEOUT, acceptor.accept(stream)).await??;
    let patience = state.stranger_timeout.unwrap_or(STRANGER_TIMEOUT);
    let (known, busy) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
    let (shown, answering) = (Arc::clone(&known), Arc::clone(&busy));
    let service = hyper::service::service_fn(move |request: Request<hyper::body::Incoming>| {
        let (state, shown, answering) = (Arc::clone(&state), Arc::clone(&shown), Arc::clone(&answering));
        async move {
            answering.fetch_add(1, Ordering::Relaxed);
            let with_token = request.headers().contains_key(http::header::AUTHORIZATION);
            let response = server::handle(state, Caller::Token, request).await;
            if with_token && response.status() != http::StatusCode::UNAUTHORIZED {
                shown.store(true, Ordering::Relaxed);
            }
            answering.fetch_sub(1, Ordering::Relaxed);
            Ok::<_, Infallible>(response)
        }
    });
    // The handshake has agreed on the protocol. To look at the first bytes for it would be to wait for them for ever.
    let builder = auto::Builder::new(TokioExecutor::new());
    let mut builder =
        if stream.get_ref().1.alpn_protocol() == Some(b"h2") { builder.http2_only() } else { builder.http1_only() };
    // With a timer, a client that sends its headers byte by byte is cut off.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(HANDSHAKE_TIMEOUT);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(MAX_STREAMS);
    let connection = builder.serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let strange = async {
        tokio::time::sleep(patience).await;
        if known.load(Ordering::Relaxed) {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        result = connection.as_mut() => return result,
        () = shutdown.cancelled() => connection.as_mut().graceful_shutdown(),
        () = strange => {
            if busy.load(Ordering::Relaxed) == 0 {
                return Ok(());
            }
            // What is being answered is answered; the client may come again.
            connection.as_mut().graceful_shutdown();
            return tokio::time::timeout(HANDSHAKE_TIMEOUT, connection).await.unwrap_or(Ok(()));
        }
    }
    connection.await
}

/// A client within this process, as one user; it passes RBAC, admission and audit like any other.
#[derive(Clone, Debug)]
pub struct InProcess {
    state: Arc<State>,
    user: UserInfo,
}

impl InProcess {
    pub(crate) fn new(state: Arc<State>, user: UserInfo) -> Self {
        Self { state, user }
    }
}

impl<B> tower::Service<Request<B>> for InProcess
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let (state, caller) = (Arc::clone(&self.state), Caller::Known(self.user.clone()));
        Box::pin(async move { Ok(server::handle(state, caller, request).await) })
    }
}
