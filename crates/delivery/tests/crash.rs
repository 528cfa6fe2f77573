//! The controllers end at every write that they make, also right after one whose answer they never see, and start again:
//! each thing is made once.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use bytes::Bytes;
use common::{MANAGED, NAMESPACES, TENANT, World, condition};
use http::{Request, Response};
use sluice_apiserver::{Body, InProcess};
use sluice_delivery::Config;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

/// What becomes of the call at which the program ends.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lost {
    /// It never arrives.
    Request,
    /// It is done, and nobody learns of it.
    Answer,
}

#[derive(Clone)]
struct Ending {
    inner: InProcess,
    left: Arc<AtomicUsize>,
    lost: Lost,
}

impl<B> tower::Service<Request<B>> for Ending
where
    B: http_body::Body<Data = Bytes> + Send + 'static,
    B::Error: std::fmt::Display,
{
    type Response = Response<Body>;
    type Error = std::io::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // A program that ends while it reads has done the same as one that ended after its last write.
        if request.method() == http::Method::GET {
            let answer = tower::Service::call(&mut self.inner, request);
            let running = self.left.load(Ordering::SeqCst) > 0;
            return Box::pin(async move {
                let Ok(answer) = answer.await;
                if running { Ok(answer) } else { Err(std::io::Error::other("the program has ended")) }
            });
        }
        let left = self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| Some(n.saturating_sub(1))).unwrap();
        let gone = || std::io::Error::other("the program has ended");
        if left == 0 || (left == 1 && self.lost == Lost::Request) {
            return Box::pin(async move { Err(gone()) });
        }
        let last = left == 1;
        let answer = tower::Service::call(&mut self.inner, request);
        Box::pin(async move {
            let Ok(answer) = answer.await;
            if last { Err(gone()) } else { Ok(answer) }
        })
    }
}

/// Starts the controllers again and again, each time for one write longer, until they come to an end. How often it took.
async fn with_crashes(world: &World, lost: Lost) -> usize {
    for writes in 1..200 {
        let left = Arc::new(AtomicUsize::new(writes));
        let service = Ending { inner: world.delivery_service(), left: Arc::clone(&left), lost };
        let client = kube::Client::new(service, "default");
        let done = sluice_delivery::settle(client, &Config::default(), &NAMESPACES).await;
        if done.is_ok() && left.load(Ordering::SeqCst) > 0 {
            return writes;
        }
    }
    panic!("no end");
}

async fn each_thing_once(lost: Lost) {
    let world = World::new().await;
    world.build("hello-1", "true").await;
    assert!(with_crashes(&world, lost).await > 3);
    world.engine("SUCCESS").await;
    with_crashes(&world, lost).await;
    world.engine("SUCCESS").await;
    with_crashes(&world, lost).await;

    assert_eq!(world.list(TENANT, "snapshots").await.len(), 1, "one Snapshot for the run");
    assert_eq!(world.list(TENANT, "pipelineruns").await.len(), 2, "the build and one test");
    let releases = world.list(TENANT, "releases").await;
    assert_eq!(releases.len(), 1, "one Release for the Snapshot and the plan");
    assert_eq!(world.list(MANAGED, "pipelineruns").await.len(), 1, "one managed run for the attempt");
    assert_eq!(condition(&releases[0], "Released"), "True/Succeeded");
    let component = &world.list(TENANT, "components").await[0];
    assert!(
        component["status"]["lastPromotedImage"].as_str().unwrap().starts_with("localhost:5000/acme/hello@sha256:")
    );
}

#[tokio::test]
async fn each_thing_is_made_once_when_requests_are_lost() {
    each_thing_once(Lost::Request).await;
}

#[tokio::test]
async fn each_thing_is_made_once_when_answers_are_lost() {
    each_thing_once(Lost::Answer).await;
}
