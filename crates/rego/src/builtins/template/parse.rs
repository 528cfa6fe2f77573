//! A template's text as a tree (`text/template/parse/parse.go`). Each `define` and `block` is a tree of its own, with
//! tokens ahead, variables and lines of its own, read from the same text.

use super::ahead::{MAIN, Parsed, Parser, Tree};
use super::constants;
use super::lexer::Lexer;
use super::node::{Branch, Call, Control, Step, Templates};
use super::token::{Item, Kind};
use super::{Context, MAX_DEPTH, args};
use crate::text::quote;
use std::mem;

/// All templates that a text defines, the whole one as [`MAIN`].
pub fn parse(source: &[u8], context: &mut Context) -> Parsed<Templates> {
    let mut parser = Parser {
        lexer: Lexer::new(source),
        context,
        templates: Templates::new(),
        tree: Tree::new(),
        blocks: 0,
        parens: 0,
    };
    let steps = parser.whole()?;
    parser.add(MAIN.to_owned(), steps)?;
    Ok(parser.templates)
}

/// What an action is, or what it ends.
enum Found {
    Step(Step),
    Else,
    End,
}

/// Whether a tree prints nothing but space, so that another of its name may replace it (`IsEmptyTree`).
fn is_empty(steps: &[Step]) -> bool {
    steps.iter().all(|step| matches!(step, Step::Text(text) if text.trim().is_empty()))
}

impl Parser<'_> {
    fn add(&mut self, name: String, steps: Vec<Step>) -> Parsed<()> {
        match self.templates.get(&name) {
            Some(known) if !is_empty(known) => {
                if !is_empty(&steps) {
                    return self.error(format!("template: multiple definition of template {}", quote(&name, false)));
                }
            }
            _ => {
                self.templates.insert(name, steps);
            }
        }
        Ok(())
    }

    fn whole(&mut self) -> Parsed<Vec<Step>> {
        let mut steps = Vec::new();
        loop {
            let item = self.next()?;
            match item.kind {
                Kind::Eof => return Ok(steps),
                Kind::LeftDelim => {
                    let first = self.next_solid()?;
                    if first.kind == Kind::Define {
                        self.definition()?;
                        continue;
                    }
                    self.back(first);
                    self.back(item);
                }
                _ => self.back(item),
            }
            match self.text_or_action()? {
                Found::Step(step) => steps.push(step),
                Found::End => return self.error("unexpected {{end}}"),
                Found::Else => return self.error("unexpected {{else}}"),
            }
        }
    }

    fn definition(&mut self) -> Parsed<()> {
        const PLACE: &str = "define clause";
        let outer = mem::replace(&mut self.tree, Tree::new());
        let item = self.next_solid()?;
        let name = self.template_name(&item, PLACE)?;
        self.expect(Kind::RightDelim, PLACE)?;
        let (steps, end) = self.list()?;
        self.ended(end, PLACE)?;
        self.add(name, steps)?;
        self.tree = outer;
        Ok(())
    }

    /// Refuses an `else` where only an `end` may be.
    fn ended(&self, end: Found, place: &str) -> Parsed<()> {
        match end {
            Found::Else => self.error(format!("unexpected {{{{else}}}} in {place}")),
            _ => Ok(()),
        }
    }

    fn template_name(&mut self, item: &Item, place: &str) -> Parsed<String> {
        match item.kind {
            Kind::String | Kind::RawString => match constants::unquote(&item.text) {
                Some(name) => Ok(name),
                None => self.error("invalid syntax"),
            },
            _ => self.unexpected(item, place),
        }
    }

    /// Up to an `else` or an `end`.
    fn list(&mut self) -> Parsed<(Vec<Step>, Found)> {
        self.blocks += 1;
        if self.blocks > MAX_DEPTH {
            return Err(args::beyond(format!("blocks are nested deeper than {MAX_DEPTH}")));
        }
        let mut steps = Vec::new();
        while self.peek_solid()?.kind != Kind::Eof {
            match self.text_or_action()? {
                Found::Step(step) => steps.push(step),
                end => {
                    self.blocks -= 1;
                    return Ok((steps, end));
                }
            }
        }
        self.error("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Parsed<Found> {
        let item = self.next_solid()?;
        match item.kind {
            Kind::Text => Ok(Found::Step(Step::Text(item.text))),
            Kind::LeftDelim => {
                self.tree.action_line = item.line;
                let found = self.action()?;
                self.tree.action_line = 0;
                Ok(found)
            }
            _ => self.unexpected(&item, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Found> {
        let item = self.next_solid()?;
        let step = match item.kind {
            Kind::Block => self.block()?,
            Kind::Break => self.leave("{{break}}", Step::Break)?,
            Kind::Continue => self.leave("{{continue}}", Step::Continue)?,
            Kind::Else => {
                // `else if` and `else with` leave their own words to whoever has the `if` or `with`.
                if !matches!(self.peek_solid()?.kind, Kind::If | Kind::With) {
                    self.expect(Kind::RightDelim, "else")?;
                }
                return Ok(Found::Else);
            }
            Kind::End => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Found::End);
            }
            Kind::If => self.branch(Control::If)?,
            Kind::Range => self.branch(Control::Range)?,
            Kind::With => self.branch(Control::With)?,
            Kind::Template => self.call()?,
            _ => {
                self.back(item);
                Step::Action(self.pipeline("command", Kind::RightDelim)?)
            }
        };
        Ok(Found::Step(step))
    }

    fn leave(&mut self, name: &str, step: Step) -> Parsed<Step> {
        self.expect(Kind::RightDelim, name)?;
        if self.tree.ranges == 0 {
            return self.error(format!("{name} outside {{{{range}}}}"));
        }
        Ok(step)
    }

    fn branch(&mut self, control: Control) -> Parsed<Step> {
        let variables = self.tree.variables.len();
        let pipe = self.pipeline(control.name(), Kind::RightDelim)?;
        let ranges = usize::from(control == Control::Range);
        self.tree.ranges += ranges;
        let (list, end) = self.list()?;
        self.tree.ranges -= ranges;
        let otherwise = match end {
            Found::Else => self.otherwise(control)?,
            _ => Vec::new(),
        };
        self.tree.variables.truncate(variables);
        Ok(Step::Branch(Branch { control, pipe, list, otherwise }))
    }

    /// What is under an `else`. The `end` of an `else if` is that of the whole.
    fn otherwise(&mut self, control: Control) -> Parsed<Vec<Step>> {
        let again = matches!((control, self.peek()?.kind), (Control::If, Kind::If) | (Control::With, Kind::With));
        if again {
            self.next()?;
            self.blocks += 1;
            let step = self.branch(control)?;
            self.blocks -= 1;
            return Ok(vec![step]);
        }
        let (steps, end) = self.list()?;
        match end {
            Found::Else => self.error("expected end; found {{else}}"),
            _ => Ok(steps),
        }
    }

    fn block(&mut self) -> Parsed<Step> {
        const PLACE: &str = "block clause";
        let item = self.next_solid()?;
        let name = self.template_name(&item, PLACE)?;
        let pipe = Some(self.pipeline(PLACE, Kind::RightDelim)?);
        let outer = mem::replace(&mut self.tree, Tree::new());
        let (steps, end) = self.list()?;
        // Of the two errors, one is of the tree around the block and names its line.
        let inner = mem::replace(&mut self.tree, outer);
        self.ended(end, PLACE)?;
        let outer = mem::replace(&mut self.tree, inner);
        self.add(name.clone(), steps)?;
        self.tree = outer;
        Ok(Step::Template(Call { pos: item.pos, name, pipe }))
    }

    fn call(&mut self) -> Parsed<Step> {
        const PLACE: &str = "template clause";
        let item = self.next_solid()?;
        let name = self.template_name(&item, PLACE)?;
        let after = self.next_solid()?;
        let pipe = match after.kind {
            Kind::RightDelim => None,
            _ => {
                self.back(after);
                Some(self.pipeline(PLACE, Kind::RightDelim)?)
            }
        };
        Ok(Step::Template(Call { pos: item.pos, name, pipe }))
    }
}
