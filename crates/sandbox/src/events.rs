//! The run's event log, `events.jsonl`: one record a line, appended; on disk before the run is said to be finished. It must
//! not decide anything.

use crate::error::{Context, Error, Result};
use sluice_api::runner::Event;
use std::fs::File;
use std::io::Write;

/// Now, as RFC 3339 in UTC with milliseconds.
pub(crate) fn now() -> String {
    format!("{:.3}", jiff::Timestamp::now())
}

/// The open log.
#[derive(Debug)]
pub(crate) struct EventLog {
    file: File,
}

impl EventLog {
    /// A log that appends to `file`.
    pub(crate) fn new(file: File) -> Self {
        Self { file }
    }

    /// Appends one event, in one write.
    pub(crate) fn append(&mut self, event: &Event) -> Result<()> {
        let mut line =
            serde_json::to_vec(event).map_err(|e| Error::invalid(format!("an event cannot be written: {e}")))?;
        line.push(b'\n');
        self.file.write_all(&line).doing("appending to events.jsonl")?;
        if matches!(event, Event::Finished { .. }) {
            self.file.sync_all().doing("syncing events.jsonl")?;
        }
        Ok(())
    }
}
