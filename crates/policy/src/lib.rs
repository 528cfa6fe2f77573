//! The gate: does an image's verified evidence satisfy a policy? Compatible with Conforma's policies, data and reports.
//! Never prints, never ends the process, has no clock (the effective time is given), and no private key.

mod annotations;
pub mod rego;
pub mod rego_regorus;
