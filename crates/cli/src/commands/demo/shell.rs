//! Running commands as a user types them: printed, run, their output shown and remembered.

use crate::error::{CliError, Context, Exit, Result};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// The environment of the commands, and what the last one printed.
#[derive(Debug)]
pub struct Shell {
    me: PathBuf,
    env: RefCell<BTreeMap<String, PathBuf>>,
    output: RefCell<String>,
}

impl Shell {
    /// `sluice` in a command is this very program.
    ///
    /// # Errors
    /// When the system does not say which program this is.
    pub fn new() -> Result<Self> {
        let me = std::env::current_exe().context(Exit::Defect, "finding this program")?;
        Ok(Self { me, env: RefCell::default(), output: RefCell::default() })
    }

    pub fn heading(&self, number: &str, text: &str) {
        println!("\n== {number}. {text}\n");
    }

    pub fn say(&self, text: &str) {
        println!("{}", text.trim_end());
    }

    /// Sets a variable for the commands that follow, and says so.
    pub fn set(&self, name: &str, value: &Path) {
        println!("$ export {name}={}", value.display());
        self.env.borrow_mut().insert(name.to_owned(), value.to_owned());
    }

    /// Whether that program is installed.
    pub fn has(&self, program: &str) -> bool {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
    }

    /// Runs a command and shows it and what it prints.
    ///
    /// # Errors
    /// When it fails; its own message has been shown by then.
    pub fn run(&self, words: &[&str]) -> Result {
        println!("$ {}", words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" "));
        self.start(words, true)
    }

    /// Runs a command without showing it.
    ///
    /// # Errors
    /// When it fails.
    pub fn quiet(&self, words: &[&str]) -> Result {
        self.start(words, false)
    }

    /// What follows the prefix in the last line of the last command's output that has it.
    ///
    /// # Errors
    /// When no line has it.
    pub fn last(&self, prefix: &str) -> Result<String> {
        let output = self.output.borrow();
        let line = output.lines().rev().find_map(|line| line.strip_prefix(prefix));
        line.map(str::to_owned).ok_or_else(|| CliError::defect(format!("the command printed no `{prefix}`")))
    }

    /// A command with this shell's environment.
    pub fn command(&self, words: &[&str]) -> Command {
        let mut command = match words.first() {
            Some(&"sluice") | None => Command::new(&self.me),
            Some(program) => Command::new(program),
        };
        command.args(words.iter().skip(1)).envs(self.env.borrow().iter());
        command
    }

    fn start(&self, words: &[&str], show: bool) -> Result {
        let name = words.first().copied().unwrap_or_default();
        let mut child = self.command(words).stdin(Stdio::null()).stdout(Stdio::piped()).spawn().map_err(|e| {
            CliError::usage(format!("running `{name}`: {e}")).hint("`make demo` installs what is missing")
        })?;
        let mut output = String::new();
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).lines().map_while(std::result::Result::ok) {
                if show {
                    println!("{line}");
                }
                output.push_str(&line);
                output.push('\n');
            }
        }
        let status = child.wait().context(Exit::Defect, format!("waiting for `{name}`"))?;
        self.output.replace(output);
        match status.success() {
            true => Ok(()),
            false => Err(CliError::no(format!("`{}` ended with {status}", words.join(" ")))),
        }
    }
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@,%+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}
