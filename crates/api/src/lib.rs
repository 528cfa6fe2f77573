//! Types of the dialect and the pure rules on them: what an object looks like, nothing about where it is stored,
//! who serves it or who acts on it. This crate reaches no clock, no network and no file system.

pub mod admission;
pub mod gojson;
pub mod kinds;
pub mod konflux;
pub mod konflux_admission;
pub mod konflux_labels;
pub mod meta;
pub mod runner;
pub mod tekton;
pub mod witness;
