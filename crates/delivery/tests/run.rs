//! The watching loop itself: over a client in this process and over a TLS socket with the ServiceAccount's own token.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod common;

use common::{TENANT, World, condition};
use sluice_delivery::Config;
use std::time::Duration;

/// Plays the engine until the Release is over. The limit only ends a test that hangs.
async fn until_released(world: &World) -> String {
    let work = async {
        loop {
            world.engine("SUCCESS").await;
            let releases = world.list(TENANT, "releases").await;
            if let Some(release) = releases.first().filter(|r| !r["status"]["completionTime"].is_null()) {
                return condition(release, "Released");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(120), work).await.expect("no release")
}

#[tokio::test]
async fn events_alone_bring_a_build_to_its_release() {
    let world = World::new().await;
    let controllers = tokio::spawn(sluice_delivery::run(world.delivery(), Config::default()));
    world.build("hello-1", "true").await;
    assert_eq!(until_released(&world).await, "True/Succeeded");
    controllers.abort();
}

#[tokio::test]
async fn the_same_over_a_socket() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let world = World::new().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://127.0.0.1:{}", listener.local_addr().unwrap().port());
    let stop = tokio_util::sync::CancellationToken::new();
    let (api, tls, token) = (world.api.clone(), world.api.pki().server_config(), stop.clone());
    let server = tokio::spawn(async move { api.serve(listener, tls, token).await });
    let token = world.api.service_account_token("sluice-system", "delivery", 600).unwrap().unwrap();
    let text = world.api.kubeconfig(&url, &token);
    let kubeconfig = kube::config::Kubeconfig::from_yaml(&text).unwrap();
    let options = kube::config::KubeConfigOptions::default();
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &options).await.unwrap();
    let client = kube::Client::try_from(config).unwrap();
    let controllers = tokio::spawn(sluice_delivery::run(client, Config::default()));
    world.build("hello-1", "true").await;
    assert_eq!(until_released(&world).await, "True/Succeeded");
    controllers.abort();
    stop.cancel();
    let _ = server.await;
}
