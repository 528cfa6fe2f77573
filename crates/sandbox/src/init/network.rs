//! The step's side of its network: loopback, the sockets that listen there for the monitor, and the variables that point
//! programs to them. It must not connect anywhere.

use crate::error::{Context, Result};
use crate::relay::registry_port;
use crate::step::Listens;
use crate::sys;
use rustix::net::{AddressFamily, SocketType, socket};
use sluice_api::runner::{RunSpec, StepSpec};
use sluice_api::witness::Network;
use std::net::{Ipv4Addr, Ipv6Addr, TcpListener};
use std::os::fd::OwnedFd;

/// What was made.
#[derive(Debug)]
pub(super) struct Prepared {
    /// A socket by which the monitor asks the kernel about this namespace.
    pub(super) probe: OwnedFd,
    pub(super) sockets: Vec<(Listens, OwnedFd)>,
    /// Variables for the step.
    pub(super) env: Vec<(String, String)>,
}

/// Brings loopback up and listens as the step's network mode says.
pub(super) fn prepare(spec: &RunSpec, step: &StepSpec) -> Result<Prepared> {
    sys::loopback_up()?;
    // Protocol 0 is routing.
    let probe =
        socket(AddressFamily::NETLINK, SocketType::RAW, None).doing("opening a socket to the kernel's routing")?;
    let mut prepared = Prepared { probe, sockets: Vec::new(), env: Vec::new() };
    if step.network == Network::None {
        return Ok(prepared);
    }
    if let Some(registry) = &spec.registry {
        let port = registry_port(&registry.host)?;
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port))
            .context(|| format!("listening for the registry at `{}` in the sandbox", registry.host))?;
        prepared.sockets.push((Listens::Registry, listener.into()));
        // Not every kernel has IPv6.
        if let Ok(listener) = TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
            prepared.sockets.push((Listens::Registry, listener.into()));
        }
        for (name, value) in [
            ("DOCKER_CONFIG", "/tekton/creds/.docker"),
            ("REGISTRY_AUTH_FILE", "/tekton/creds/.docker/config.json"),
            ("CONTAINERS_REGISTRIES_CONF", "/tekton/creds/registries.conf"),
        ] {
            prepared.env.push((name.into(), value.into()));
        }
    }
    if step.network == Network::Egress {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("listening for connections in the sandbox")?;
        let port = listener.local_addr().doing("listening for connections in the sandbox")?.port();
        prepared.sockets.push((Listens::Forward, listener.into()));
        for name in ["http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"] {
            prepared.env.push((name.into(), format!("http://127.0.0.1:{port}")));
        }
        // The registry is reached directly; a program that asks the forward path for it gets there too.
        if let Some(registry) = &spec.registry {
            for name in ["no_proxy", "NO_PROXY"] {
                prepared.env.push((name.into(), registry.host.clone()));
            }
        }
    }
    Ok(prepared)
}
