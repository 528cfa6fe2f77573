//! A registry on its own, for conformance suites: `cargo run -p sluice-registry --example registry -- FOLDER [ADDRESS]`
//! prints its address; user `user`, password `password`. Not a program of sluice: everyone with that password may do all.

use futures::future::BoxFuture;
use sluice_registry::{Action, Authority, Credential, Identity, Recorder, Registry, Transfer};
use std::sync::Arc;

struct One;

impl Authority for One {
    fn authenticate<'a>(&'a self, credential: Credential<'a>) -> BoxFuture<'a, Option<Identity>> {
        let known = matches!(credential, Credential::Basic { username: "user", password: "password" });
        let identity = Identity { user: "user".to_owned(), ..Identity::default() };
        Box::pin(async move { known.then_some(identity) })
    }

    fn allowed<'a>(&'a self, _: &'a Identity, _: &'a str, _: Action) -> BoxFuture<'a, bool> {
        Box::pin(async { true })
    }
}

impl Recorder for One {
    fn record(&self, _: &Identity, _: Transfer) {}
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or("usage: registry FOLDER [ADDRESS]")?;
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let registry = Registry::open(folder, Arc::new(One), Arc::new(One))?;
    let listener = tokio::net::TcpListener::bind(address).await?;
    println!("{}", listener.local_addr()?);
    axum::serve(listener, registry.router()).await?;
    Ok(())
}
