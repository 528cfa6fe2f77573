//! A client whose connection is cut at a chosen call: the request is either never sent, or sent and its answer lost.

use http::{Method, Request, Response};
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::task::{Context, Poll};
use tower::Service;

/// Counts down over writes; from zero on nothing passes any more, as when the process ends there.
#[derive(Clone)]
pub struct Cut<S> {
    pub inner: S,
    pub left: Arc<AtomicI64>,
    /// Whether the write at which it is cut still reaches the server.
    pub sent: bool,
}

impl<S, B> Service<Request<B>> for Cut<S>
where
    S: Service<Request<B>, Response = Response<sluice_apiserver::Body>> + Clone + Send + 'static,
    S::Future: Send,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    B: Send + 'static,
{
    type Response = S::Response;
    type Error = Box<dyn std::error::Error + Send + Sync>;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        self.inner.poll_ready(context).map_err(Into::into)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // Events only inform, and are written by the way: they are not what is counted.
        let counts = request.method() != Method::GET && !request.uri().path().contains("/events");
        let left = if counts { self.left.fetch_sub(1, Ordering::SeqCst) } else { self.left.load(Ordering::SeqCst) };
        let fresh = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, fresh);
        let sent = self.sent;
        Box::pin(async move {
            if left > 1 || (!counts && left > 0) {
                return inner.call(request).await.map_err(Into::into);
            }
            if left == 1 && counts && sent {
                let _ = inner.call(request).await;
            }
            Err("the connection was cut".into())
        })
    }
}
