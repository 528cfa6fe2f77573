//! The demo's forge: a bare git repository of the example, and a server process of its own for it.

use super::shell::Shell;
use crate::error::{CliError, Context, Exit, Result};
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

/// Branches besides `main`, each with the pipeline that it adds.
const BRANCHES: [(&str, &str); 2] = [("attack", "pipelinerun.yaml"), ("twin", "benign-pipelinerun.yaml")];

/// The server; ended when it is dropped.
#[derive(Debug)]
pub struct Forge {
    child: Child,
    /// `127.0.0.1:PORT`.
    pub address: String,
    /// Of the example's repository.
    pub url: String,
}

impl Drop for Forge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Forge {
    /// Makes the repository of a folder's content and serves it.
    ///
    /// # Errors
    /// When git or the server fails.
    pub fn start(shell: &Shell, source: &Path, root: &Path) -> Result<Self> {
        let work = root.join("work");
        let bare = root.join("hello.git");
        let (work, bare, root_text) =
            (work.display().to_string(), bare.display().to_string(), root.display().to_string());
        std::fs::create_dir_all(root).context(Exit::Usage, format!("making `{root_text}`"))?;
        shell.quiet(&["cp", "-r", &source.display().to_string(), &work])?;
        shell.quiet(&["git", "-C", &work, "init", "--quiet", "--initial-branch=main"])?;
        shell.quiet(&["git", "-C", &work, "add", "."])?;
        let author = ["-c", "user.name=Ada", "-c", "user.email=ada@acme.example"];
        let mut commit = vec!["git", "-C", &work];
        commit.extend(author);
        commit.extend(["commit", "--quiet", "-m", "hello: a small service"]);
        shell.quiet(&commit)?;
        // Builds as code: each other branch is a commit of its own, so that its image is its own too.
        for branch in BRANCHES {
            let pipeline = source.with_file_name("attack").join(branch.1).display().to_string();
            let tekton = format!("{work}/.tekton");
            shell.quiet(&["git", "-C", &work, "checkout", "--quiet", "-b", branch.0, "main"])?;
            shell.quiet(&["mkdir", "-p", &tekton])?;
            shell.quiet(&["cp", &pipeline, &tekton])?;
            shell.quiet(&["git", "-C", &work, "add", "."])?;
            let mut commit = vec!["git", "-C", &work];
            commit.extend(author);
            commit.extend(["commit", "--quiet", "-m", "hello: one more task in the pipeline"]);
            shell.quiet(&commit)?;
        }
        shell.quiet(&["git", "-C", &work, "checkout", "--quiet", "main"])?;
        shell.quiet(&["git", "clone", "--quiet", "--bare", &work, &bare])?;
        let serve = ["sluice", "git-serve", &root_text];
        shell.say(&format!("$ {} &", serve.join(" ")));
        let mut child = shell
            .command(&serve)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .context(Exit::Defect, "starting the git server")?;
        let mut line = String::new();
        if let Some(stdout) = child.stdout.take() {
            BufReader::new(stdout).read_line(&mut line).context(Exit::Defect, "reading the git server's address")?;
        }
        shell.say(line.trim());
        let Some(address) = line.trim().strip_prefix("http://").map(str::to_owned) else {
            let _ = child.kill();
            let _ = child.wait();
            return Err(CliError::defect("the git server did not start"));
        };
        Ok(Self { child, url: format!("http://{address}/hello.git"), address })
    }
}
