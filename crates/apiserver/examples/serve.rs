//! Serves the API alone, for trying clients by hand: `cargo run -p sluice-apiserver --example serve FOLDER`. The
//! kubeconfig is FOLDER/admin.kubeconfig. It knows no controllers, so runs stay as they were created.
#![allow(clippy::print_stdout)]

use sluice_apiserver::{ApiServer, Config, UserInfo};
use std::path::PathBuf;
use tokio_util::sync::CancellationToken;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = PathBuf::from(std::env::args().nth(1).ok_or("usage: serve FOLDER")?);
    let token: String = sluice_apiserver::edge::uid()?;
    let config = Config {
        folder: folder.join("control"),
        logs: folder.join("logs"),
        tokens: vec![(token.clone(), UserInfo::admin())],
        ..Config::default()
    };
    let api = ApiServer::open(config).await?;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let url = format!("https://{}", listener.local_addr()?);
    std::fs::write(folder.join("admin.kubeconfig"), api.kubeconfig(&url, &token))?;
    println!("ready: {url}");
    let stop = CancellationToken::new();
    let serving = api.serve(listener, api.pki().server_config(), stop.clone());
    tokio::select! {
        served = serving => served?,
        _ = tokio::signal::ctrl_c() => stop.cancel(),
    }
    Ok(())
}
