//! PipelineRuns.

use super::Engine;
use crate::objects::{ApiError, Key};
use std::sync::Arc;

impl Engine {
    pub(super) async fn reconcile_pipeline_run(self: &Arc<Self>, _key: &Key) -> Result<(), ApiError> {
        Ok(())
    }
}
