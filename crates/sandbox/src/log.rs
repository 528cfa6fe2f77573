//! One container's log: what came through the step's pipe, up to a limit, then one line that says so. It must not know
//! where the log lies.

use std::fs::File;
use std::io::Write;

/// A log file with a limit.
#[derive(Debug)]
pub(crate) struct Log {
    file: File,
    limit: u64,
    written: u64,
    at_line_start: bool,
    cut: bool,
}

impl Log {
    /// A log that keeps at most `limit` bytes of the step's output; 0 is no limit.
    pub(crate) fn new(file: File, limit: u64) -> Self {
        let limit = if limit == 0 { u64::MAX } else { limit };
        Self { file, limit, written: 0, at_line_start: true, cut: false }
    }

    /// Takes what a step wrote. A full disk costs log lines, not the run.
    pub(crate) fn take(&mut self, bytes: &[u8]) {
        let room = usize::try_from(self.limit - self.written).unwrap_or(usize::MAX);
        let kept = bytes.get(..room.min(bytes.len())).unwrap_or_default();
        if self.file.write_all(kept).is_ok() {
            self.written += kept.len() as u64;
        }
        if let Some(last) = kept.last() {
            self.at_line_start = *last == b'\n';
        }
        if kept.len() < bytes.len() && !self.cut {
            self.cut = true;
            self.say(&format!("[log cut at {} bytes; the rest was dropped]", self.limit));
        }
    }

    /// A line of the sandbox's own, on a line of its own.
    pub(crate) fn say(&mut self, line: &str) {
        let start = if self.at_line_start { "" } else { "\n" };
        let _ = self.file.write_all(format!("{start}{line}\n").as_bytes());
        self.at_line_start = true;
    }
}
