//! Bounds on what may be done for one document: steps and recursion. Validation by the library's rules can take time
//! exponential in a document's size, so every loop and every level is counted here.

/// Steps for one call of a builtin, each some tens of nanoseconds. The largest public schemas take a small part of them.
const MAX_STEPS: u64 = 1_000_000;

/// Levels of recursion through selections and fragments together.
const MAX_LEVELS: usize = 500;

/// Text of faults; beyond it no more are looked for.
const MAX_FAULT_TEXT: usize = 1 << 20;

/// Why validation ended early.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// A bound is reached and there is no answer.
    Limit(&'static str),
    /// What OPA would crash on, in an AST object.
    Malformed(String),
    /// There are more faults than anyone reads.
    FaultsAbound,
}

/// Goes on, or not.
pub type Step = Result<(), Stop>;

/// What is left.
#[derive(Debug)]
pub struct Work {
    steps: u64,
    level: usize,
    fault_text: usize,
}

impl Default for Work {
    fn default() -> Self {
        Self { steps: MAX_STEPS, level: 0, fault_text: MAX_FAULT_TEXT }
    }
}

impl Work {
    /// Takes steps.
    pub fn spend(&mut self, steps: usize) -> Step {
        match self.steps.checked_sub(steps as u64) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => Err(Stop::Limit("GraphQL validation takes too many steps")),
        }
    }

    /// How many steps were taken.
    pub fn spent(&self) -> u64 {
        MAX_STEPS - self.steps
    }

    /// One level down; `leave` goes up again.
    pub fn enter(&mut self) -> Step {
        self.level += 1;
        if self.level > MAX_LEVELS {
            return Err(Stop::Limit("GraphQL fragments are nested too deeply"));
        }
        self.spend(1)
    }

    /// One level up.
    pub fn leave(&mut self) {
        self.level = self.level.saturating_sub(1);
    }

    /// Makes room for a fault's text.
    pub fn fault(&mut self, length: usize) -> Step {
        match self.fault_text.checked_sub(length) {
            Some(left) => {
                self.fault_text = left;
                Ok(())
            }
            None => Err(Stop::FaultsAbound),
        }
    }
}
