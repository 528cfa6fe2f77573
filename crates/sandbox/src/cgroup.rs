//! Limits by cgroups, version 1 or 2, where this machine lets the launcher make them; where not, a note says so and the
//! run goes on without. It must not know what runs in them.

use sluice_api::runner::RunSpec;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

const ROOT: &str = "/sys/fs/cgroup";
/// Most processes and threads of one step.
const PIDS: u64 = 8192;
/// Length of one accounting period for CPU time, in microseconds.
const PERIOD: u64 = 100_000;

/// The cgroups of one step, as open files: they work without any right of the process that uses them.
#[derive(Debug, Default)]
pub(crate) struct StepGroup {
    procs: Vec<File>,
    oom: Option<File>,
}

impl StepGroup {
    /// Puts a process (and what it starts from now on) under the limits.
    pub(crate) fn enter(&mut self, pid: i32) -> io::Result<()> {
        self.procs.iter_mut().try_for_each(|file| file.write_all(pid.to_string().as_bytes()))
    }

    /// Did the kernel kill something here for want of memory?
    pub(crate) fn oom_killed(&mut self) -> bool {
        let Some(file) = &mut self.oom else { return false };
        let mut text = String::new();
        let read = file.rewind().and_then(|()| file.read_to_string(&mut text));
        read.is_ok() && text.lines().filter_map(|line| line.strip_prefix("oom_kill ")).any(|count| count.trim() != "0")
    }
}

/// The cgroups of a run.
#[derive(Debug, Default)]
pub(crate) struct Groups {
    folders: Vec<PathBuf>,
    /// One for each step, in order.
    pub(crate) steps: Vec<StepGroup>,
    /// Why there are no limits, if there are none.
    pub(crate) note: Option<String>,
}

impl Groups {
    /// Makes a group for each step, or none at all and a note.
    pub(crate) fn make(spec: &RunSpec) -> Self {
        let mut groups = Self::default();
        if let Err(error) = groups.try_make(spec) {
            groups.remove();
            groups = Self { note: Some(format!("no cgroup limits on this machine: {error}")), ..Self::default() };
            groups.steps.resize_with(spec.steps.len(), StepGroup::default);
        }
        groups
    }

    fn try_make(&mut self, spec: &RunSpec) -> io::Result<()> {
        let unified = Path::new(ROOT).join("cgroup.controllers").exists();
        for (index, step) in spec.steps.iter().enumerate() {
            let mut group = StepGroup::default();
            let quota = step.cpu_millis.map(|millis| (millis * PERIOD / 1000).max(1000));
            if unified {
                let folder = self.folder(Path::new(ROOT), true, &spec.id, index)?;
                fs::write(folder.join("pids.max"), PIDS.to_string())?;
                if let Some(bytes) = step.memory_limit {
                    fs::write(folder.join("memory.max"), bytes.to_string())?;
                    let _ = fs::write(folder.join("memory.swap.max"), "0");
                    group.oom = Some(File::open(folder.join("memory.events"))?);
                }
                if let Some(quota) = quota {
                    fs::write(folder.join("cpu.max"), format!("{quota} {PERIOD}"))?;
                }
                group.procs.push(open_procs(&folder)?);
            } else {
                let folder = self.folder(&Path::new(ROOT).join("pids"), false, &spec.id, index)?;
                fs::write(folder.join("pids.max"), PIDS.to_string())?;
                group.procs.push(open_procs(&folder)?);
                if let Some(bytes) = step.memory_limit {
                    let folder = self.folder(&Path::new(ROOT).join("memory"), false, &spec.id, index)?;
                    fs::write(folder.join("memory.limit_in_bytes"), bytes.to_string())?;
                    // Only where swap is accounted.
                    let _ = fs::write(folder.join("memory.memsw.limit_in_bytes"), bytes.to_string());
                    group.oom = Some(File::open(folder.join("memory.oom_control"))?);
                    group.procs.push(open_procs(&folder)?);
                }
                if let Some(quota) = quota {
                    let folder = self.folder(&Path::new(ROOT).join("cpu"), false, &spec.id, index)?;
                    fs::write(folder.join("cpu.cfs_period_us"), PERIOD.to_string())?;
                    fs::write(folder.join("cpu.cfs_quota_us"), quota.to_string())?;
                    group.procs.push(open_procs(&folder)?);
                }
            }
            self.steps.push(group);
        }
        Ok(())
    }

    /// `HIERARCHY/sluice/RUN/STEP`, each made if absent; those of the run are removed later.
    fn folder(&mut self, hierarchy: &Path, delegate: bool, run: &str, step: usize) -> io::Result<PathBuf> {
        if !hierarchy.is_dir() {
            return Err(io::Error::other(format!("{} is not there", hierarchy.display())));
        }
        let ours = hierarchy.join("sluice");
        let of_run = ours.join(run);
        let of_step = of_run.join(step.to_string());
        for folder in [&ours, &of_run, &of_step] {
            match fs::create_dir(folder) {
                Ok(()) => {}
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => {}
                Err(e) => return Err(io::Error::new(e.kind(), format!("{}: {e}", folder.display()))),
            }
        }
        if delegate {
            for folder in [hierarchy, &ours, &of_run] {
                fs::write(folder.join("cgroup.subtree_control"), "+cpu +memory +pids")?;
            }
        }
        for folder in [of_run, of_step.clone()] {
            if !self.folders.contains(&folder) {
                self.folders.push(folder);
            }
        }
        Ok(of_step)
    }

    /// Removes the run's groups, which are empty by now. What cannot be removed is left: an empty group costs little.
    pub(crate) fn remove(&self) {
        for folder in self.folders.iter().rev() {
            let _ = fs::remove_dir(folder);
        }
    }
}

fn open_procs(folder: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).open(folder.join("cgroup.procs"))
}
