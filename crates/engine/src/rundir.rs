//! `runs/ID`: the files through which the engine and one runner talk. Written whole (temporary name, then rename), so
//! that a reader never sees half a record.

use sluice_api::runner::{Event, RunSpec, UnpackSpec};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Most that is read of an events file: a runner is trusted with its own run, not with the engine's memory.
const MAX_EVENTS_BYTES: u64 = 64 << 20;

/// The folder of one run.
#[derive(Clone, Debug)]
pub struct RunDir {
    path: PathBuf,
}

impl RunDir {
    /// Of that id below that data folder. The id must be one made by the engine.
    pub fn new(data: &Path, id: &str) -> Self {
        Self { path: data.join("runs").join(id) }
    }

    pub fn write_spec(&self, spec: &RunSpec) -> io::Result<()> {
        self.write("spec.json", &serde_json::to_vec(spec)?)
    }

    pub fn write_unpack(&self, spec: &UnpackSpec) -> io::Result<()> {
        self.write("unpack.json", &serde_json::to_vec(spec)?)
    }

    /// Asks the runner to stop its steps.
    pub fn write_cancel(&self) -> io::Result<()> {
        self.write("cancel", b"")
    }

    /// The spec that the runner was, or would have been, given; none if it was not written.
    pub fn read_spec(&self) -> io::Result<Option<RunSpec>> {
        match std::fs::read(self.path.join("spec.json")) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Length of the events file, 0 if there is none. Cheap: it tells whether there is news.
    pub fn events_len(&self) -> u64 {
        std::fs::metadata(self.path.join("events.jsonl")).map_or(0, |m| m.len())
    }

    /// All complete events so far; none if there is no file.
    pub fn read_events(&self) -> io::Result<Vec<Event>> {
        let mut text = String::new();
        match std::fs::File::open(self.path.join("events.jsonl")) {
            Ok(file) => file.take(MAX_EVENTS_BYTES).read_to_string(&mut text)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        // The last line may be half written; it is read next time.
        let complete = text.rfind('\n').map_or("", |end| &text[..end]);
        Ok(complete.lines().filter_map(|line| serde_json::from_str(line).ok()).collect())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        let temporary = self.path.join(format!(".{name}.new"));
        let mut file =
            std::fs::OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(&temporary)?;
        // No sync: a machine that loses this file has lost the runner as well, and the run is prepared anew.
        file.write_all(bytes)?;
        std::fs::rename(&temporary, self.path.join(name))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn half_a_line_is_no_event() {
        let data = tempfile::tempdir().unwrap();
        let dir = RunDir::new(data.path(), "id");
        assert!(dir.read_events().unwrap().is_empty());
        assert!(dir.read_spec().unwrap().is_none());
        dir.write_spec(&RunSpec { v: 1, id: "id".into(), ..RunSpec::default() }).unwrap();
        assert_eq!(dir.read_spec().unwrap().unwrap().id, "id");
        let line = r#"{"event":"started","v":1,"time":"2026-01-01T00:00:00.000Z"}"#;
        std::fs::write(data.path().join("runs/id/events.jsonl"), format!("{line}\n{}", &line[..20])).unwrap();
        assert_eq!(dir.read_events().unwrap().len(), 1);
        assert!(dir.events_len() > 0);
    }
}
