//! Runs a template (`text/template/exec.go`).

use super::ahead::MAIN;
use super::functions;
use super::node::{Branch, Call, Control, Step, Templates};
use super::value::{Data, Go};
use super::{BuiltinError, Context, Value, args, bounds};
use crate::bytes;
use crate::text::quote;
use std::fmt::Display;
use std::mem;
use std::sync::Arc;

/// Templates that call one another. Go ends them at 100,000.
const MAX_CALLS: usize = 100;

/// Blocks and templates within one another.
const MAX_NESTED: usize = 250;

/// Writes the template [`MAIN`] of a source with its data.
pub fn run(source: &[u8], templates: &Templates, data: Value, context: &mut Context) -> Result<String, BuiltinError> {
    let dot = Go::of(&data).opened();
    let mut run = Run {
        source,
        templates,
        name: MAIN,
        at: (0, &""),
        variables: vec![("$".into(), dot.clone())],
        calls: 0,
        nested: 0,
        out: String::new(),
        context,
    };
    if let Some(steps) = templates.get(MAIN) {
        run.walk(&dot, steps)?;
    }
    Ok(bytes::joined(run.out).replace("<no value>", "<undefined>"))
}

pub(super) struct Run<'a> {
    pub(super) source: &'a [u8],
    pub(super) templates: &'a Templates,
    /// Of the template that is run.
    pub(super) name: &'a str,
    /// What an error would be about: where it stands, and what it is.
    pub(super) at: (usize, &'a dyn Display),
    pub(super) variables: Vec<(Arc<str>, Go)>,
    pub(super) calls: usize,
    pub(super) nested: usize,
    pub(super) out: String,
    pub(super) context: &'a mut Context,
}

/// What is to be done after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

pub(super) type Ran<T> = Result<T, BuiltinError>;

impl<'a> Run<'a> {
    pub(super) fn error<T>(&self, text: impl AsRef<str>) -> Ran<T> {
        let (pos, part) = self.at;
        let before = self.source.get(..pos).unwrap_or_default();
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let column = before.iter().rev().take_while(|byte| **byte != b'\n').count();
        let (name, text) = (quote(self.name, false), text.as_ref());
        Err(args::failed(format!("template: {MAIN}:{line}:{column}: executing {name} at <{part}>: {text}")))
    }

    fn print(&mut self, text: &str) -> Ran<()> {
        self.context.work(text.len())?;
        bounds::text(self.out.len().saturating_add(text.len()))?;
        self.out.push_str(text);
        Ok(())
    }

    fn walk(&mut self, dot: &Go, steps: &'a [Step]) -> Ran<Flow> {
        self.nested += 1;
        if self.nested > MAX_NESTED {
            return Err(args::beyond(format!(
                "blocks and templates are run deeper than {MAX_NESTED} within one another"
            )));
        }
        let mut flow = Flow::Next;
        for step in steps {
            self.context.work(1)?;
            flow = self.step(dot, step)?;
            if flow != Flow::Next {
                break;
            }
        }
        self.nested -= 1;
        Ok(flow)
    }

    fn step(&mut self, dot: &Go, step: &'a Step) -> Ran<Flow> {
        match step {
            Step::Text(text) => self.print(text)?,
            Step::Action(pipe) => {
                let value = self.pipe(dot, pipe)?;
                if pipe.variables.is_empty() {
                    self.context.work(functions::cost(&value))?;
                    let text = if value.is_none() { "<no value>".to_owned() } else { value.shown() };
                    self.print(&text)?;
                }
            }
            Step::Break => return Ok(Flow::Break),
            Step::Continue => return Ok(Flow::Continue),
            Step::Branch(branch) => {
                let scope = self.variables.len();
                let flow = match branch.control {
                    Control::Range => self.range(dot, branch)?,
                    _ => self.choose(dot, branch)?,
                };
                self.variables.truncate(scope);
                return Ok(flow);
            }
            Step::Template(call) => self.template(dot, call)?,
        }
        Ok(Flow::Next)
    }

    /// `if` and `with`.
    fn choose(&mut self, dot: &Go, branch: &'a Branch) -> Ran<Flow> {
        let value = self.pipe(dot, &branch.pipe)?;
        match (value.truth(), branch.control) {
            (true, Control::With) => self.walk(&value, &branch.list),
            (true, _) => self.walk(dot, &branch.list),
            (false, _) => self.walk(dot, &branch.otherwise),
        }
    }

    fn range(&mut self, dot: &Go, branch: &'a Branch) -> Ran<Flow> {
        let value = self.pipe(dot, &branch.pipe)?;
        let mut any = false;
        let mut round = |run: &mut Self, key: Go, item: Go| {
            any = true;
            run.round(branch, key, item)
        };
        match &value.data {
            Data::Int(n, _) if branch.pipe.variables.len() > 1 => {
                return self.error(format!("can't use {n} to iterate over more than one variable"));
            }
            Data::Int(n, kind) => {
                for at in 0..*n {
                    if round(self, Go::NONE, Data::Int(at, *kind).into())? == Flow::Break {
                        break;
                    }
                }
            }
            Data::List(list) => {
                for (at, item) in (0..list.len()).filter_map(|at| Some((at, list.get(at)?))) {
                    if round(self, at.into(), item)? == Flow::Break {
                        break;
                    }
                }
            }
            Data::Map(map) => {
                for (key, item) in map.iter() {
                    if round(self, Go::of(key).opened(), Go::of(item))? == Flow::Break {
                        break;
                    }
                }
            }
            Data::Nil => {}
            _ => return self.error(format!("range can't iterate over {}", value.shown())),
        }
        if any {
            return Ok(Flow::Next);
        }
        // A `break` under `else` stands for one of a range around this, and yet Go has it leave this one only.
        let flow = self.walk(dot, &branch.otherwise)?;
        Ok(if flow == Flow::Break { Flow::Next } else { flow })
    }

    /// One round of a `range`.
    fn round(&mut self, branch: &'a Branch, key: Go, item: Go) -> Ran<Flow> {
        self.context.work(item.making())?;
        let scope = self.variables.len();
        let values = match branch.pipe.variables.len() {
            0 => vec![],
            1 => vec![item.clone()],
            _ => vec![key, item.clone()],
        };
        for (name, value) in branch.pipe.variables.iter().zip(values) {
            self.set(name, value)?;
        }
        let flow = self.walk(&item, &branch.list)?;
        self.variables.truncate(scope);
        Ok(flow)
    }

    fn template(&mut self, dot: &Go, call: &'a Call) -> Ran<()> {
        self.at = (call.pos, call);
        let Some((name, steps)) = self.templates.get_key_value(&call.name) else {
            return self.error(format!("template {} not defined", quote(&call.name, false)));
        };
        if self.calls >= MAX_CALLS {
            return Err(args::beyond(format!("templates call one another deeper than {MAX_CALLS}")));
        }
        let dot = match &call.pipe {
            Some(pipe) => self.pipe(dot, pipe)?,
            None => Go::NONE,
        };
        // No variable is seen from within but its own.
        let variables = mem::replace(&mut self.variables, vec![("$".into(), dot.clone())]);
        let outer = mem::replace(&mut self.name, name);
        self.calls += 1;
        self.walk(&dot, steps)?;
        self.calls -= 1;
        self.name = outer;
        self.variables = variables;
        Ok(())
    }
}
