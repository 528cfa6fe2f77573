//! tekton.dev/v1 types in the field order of tektoncd/pipeline pkg/apis/pipeline/v1. Fields that are not named here are
//! kept in `extra`; the engine refuses a run that needs one it does not know.

pub mod admission;
pub mod defaults;
pub mod duration;
pub mod graph;
mod lineage;
pub mod names;
pub mod params;
pub mod quantity;
mod run;
pub mod substitution;
mod task;
pub mod task_scope;
pub mod unsupported;
pub mod validation;
pub mod workspaces;

pub use run::*;
pub use task::*;
