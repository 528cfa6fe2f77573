//! Which images of a run are signed: those that its results claim and, for a PipelineRun with deep inspection, those of
//! its TaskRuns. Other artifacts are subjects of the statement, but no place where it could be stored.

use crate::error::Error;
use sluice_attest::{ImageDigest, Run, hints};
use std::collections::HashSet;

/// Most images of one run that are signed.
const MAX_IMAGES: usize = 256;

/// The images, each once, in the order of the statement's subjects.
pub(crate) fn images(run: &Run, deep: bool) -> Result<Vec<ImageDigest>, Error> {
    let mut found = vec![];
    if let (Run::PipelineRun { children, .. }, true) = (run, deep) {
        let results = children.iter().filter_map(|child| child.status.as_ref());
        found.extend(results.flat_map(|status| hints::images(&status.results)));
    }
    found.extend(hints::images(run.results()));
    let mut seen = HashSet::new();
    found.retain(|image| seen.insert(image.clone()));
    if found.len() > MAX_IMAGES {
        return Err(Error::Size(format!(
            "{} images are claimed; at most {MAX_IMAGES} of one run are signed",
            found.len()
        )));
    }
    Ok(found)
}
