//! The relay of connections (under construction: serves nothing yet).
use crate::error::{Error, Result};
use crate::step::Listens;
use sluice_api::runner::RunSpec;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

#[derive(Debug)]
pub(crate) struct Relay {
    socket: OwnedFd,
}
impl Relay {
    pub(crate) fn start(_spec: &RunSpec) -> Result<Option<Self>> {
        Ok(None)
    }
    pub(crate) fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
    pub(crate) fn read_one(&mut self) -> Result<()> {
        Ok(())
    }
    pub(crate) fn serve(&mut self, _s: usize, _l: Listens, _f: BorrowedFd<'_>) -> Result<()> {
        Ok(())
    }
    pub(crate) fn stop(&mut self, _s: usize) -> Result<Vec<String>> {
        Ok(vec![])
    }
}
/// Port of `HOST:PORT`.
pub(crate) fn registry_port(host: &str) -> Result<u16> {
    host.rsplit_once(':')
        .and_then(|(_, p)| p.parse().ok())
        .ok_or_else(|| Error::invalid("registry.host is not HOST:PORT"))
}
