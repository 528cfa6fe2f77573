//! The commands that people type, one file each. They create objects and watch.

pub mod build;
pub mod connect;
pub mod demo;
pub mod follow;
pub mod git_serve;
pub mod library;
pub mod lock;
pub mod pin;
pub mod policy;
pub mod push_snapshot;
pub mod report;
pub mod run;
pub mod task_push;
pub mod validate;
pub mod watch;
