//! The sandbox: runs ONE TaskRun's steps, each in namespaces and a root of its own, and tells what really happened.
//!
//! Four kinds of process, each with less than the one before:
//!
//! 1. the *launcher* ([`launch`]), started as root (or, later, as the user): checks the specification, opens what the run
//!    needs, makes the user namespace, then drops every capability and only waits;
//! 2. the *monitor* ([`monitor`]), root of that user namespace and nobody outside it: runs the steps in order, writes
//!    events, logs and results through descriptors it was given;
//! 3. the *relay* ([`relay`]), no capability at all: carries the connections that steps may make;
//! 4. the *init* ([`init`]) of each step, in its own user, pid, mount, ipc, uts, net and cgroup namespaces, which builds the
//!    root, starts the step's process and reaps.
//!
//! It must not know of keys, of the API server or of policy.

mod cgroup;
mod error;
mod events;
mod extract;
mod fs;
mod init;
mod launch;
mod log;
mod monitor;
mod relay;
mod results;
mod seccomp;
mod spec;
mod step;
mod sys;
mod syscalls;
mod unpack;
mod userns;
mod wire;
mod witness;

pub use error::{Error, Result};
pub use launch::run;
pub use unpack::unpack;
