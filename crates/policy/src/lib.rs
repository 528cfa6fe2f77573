//! The gate: does an image's verified evidence satisfy a policy? Compatible with Conforma's policies, data and reports.
//! Never prints, never ends the process, has no private key and no clock (the effective time is given) but for the time
//! that an evaluation may take.
//!
//! It fails closed: an error, an undefined answer, an unknown package, an empty selection and an empty snapshot are
//! denials. `validate_images` is the way in; `Store` is what it reads images through.

mod annotations;
mod data;
pub mod ec;
mod explain;
mod judge;
pub mod rego;
pub mod render;
pub mod report;
mod sbom;
mod selection;
pub mod source;
pub mod store;
mod text;
mod validate;
mod verify;

pub use data::DataError;
pub use explain::{Explanation, Task};
pub use judge::{Target, Verdict};
pub use render::{Format, Options, RenderError, render};
pub use report::{Component, Finding, Report, TestOutput};
pub use selection::SelectionError;
pub use store::Store;
pub use validate::{Gate, PolicyError, ValidateRequest, validate_images};
