//! Pipelines of a template: commands, their operands and variables (`text/template/parse/parse.go`).

use super::ahead::{Parsed, Parser};
use super::constants::{self, NoConstant};
use super::node::{Command, Control, Operand, Pipe, Term};
use super::token::{Item, Kind};
use super::{MAX_DEPTH, args, functions};
use crate::text::quote;
use std::sync::Arc;

impl Parser<'_> {
    pub(super) fn pipeline(&mut self, place: &str, end: Kind) -> Parsed<Pipe> {
        let pos = self.peek_solid()?.pos;
        let mut pipe = Pipe { pos, assigns: false, variables: Vec::new(), commands: Vec::new() };
        while self.declaration(&mut pipe, place)? {}
        loop {
            let item = self.next_solid()?;
            match item.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.back(item);
                    let command = self.command()?;
                    pipe.commands.push(command);
                }
                _ => return self.unexpected(&item, place),
            }
        }
        if pipe.commands.is_empty() {
            return self.error(format!("missing value for {place}"));
        }
        match pipe.commands.iter().skip(1).position(|command| command.first.is_plain()) {
            Some(at) => self.error(format!("non executable command in pipeline stage {}", at + 2)),
            None => Ok(pipe),
        }
    }

    /// A variable that is declared or set here; whether another may follow.
    fn declaration(&mut self, pipe: &mut Pipe, place: &str) -> Parsed<bool> {
        let variable = self.peek_solid()?;
        if variable.kind != Kind::Variable {
            return Ok(false);
        }
        self.next()?;
        let after = self.peek()?;
        let next = self.peek_solid()?;
        let comma = next.kind == Kind::Char && &*next.text == ",";
        if !comma && !matches!(next.kind, Kind::Assign | Kind::Declare) {
            // It is an argument, and what is next to it matters.
            if after.kind == Kind::Space {
                self.back(after);
            }
            self.back(variable);
            return Ok(false);
        }
        self.next_solid()?;
        pipe.variables.push(variable.text.clone());
        self.tree.variables.push(variable.text);
        if !comma {
            pipe.assigns = next.kind == Kind::Assign;
            return Ok(false);
        }
        if place != Control::Range.name() || pipe.variables.len() > 1 {
            return self.error(format!("too many declarations in {place}"));
        }
        match self.peek_solid()?.kind {
            Kind::Variable | Kind::RightDelim | Kind::RightParen => Ok(true),
            _ => self.error("range can only initialize variables"),
        }
    }

    fn command(&mut self) -> Parsed<Command> {
        let pos = self.peek_solid()?.pos;
        let mut operands = Vec::new();
        loop {
            self.peek_solid()?;
            operands.extend(self.operand()?);
            let item = self.next()?;
            match item.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.back(item),
                Kind::Pipe => {}
                _ => return self.unexpected(&item, "operand"),
            }
            break;
        }
        let mut operands = operands.into_iter();
        match operands.next() {
            Some(first) => Ok(Command { pos, first, arguments: operands.collect() }),
            None => self.error("empty command"),
        }
    }

    /// A term and its fields.
    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let Some(operand) = self.term()? else {
            return Ok(None);
        };
        let pos = self.peek()?.pos;
        let mut fields = Vec::new();
        while self.peek()?.kind == Kind::Field {
            fields.push(field(&self.next()?));
        }
        if fields.is_empty() {
            return Ok(Some(operand));
        }
        if operand.is_plain() {
            return self.error(format!("unexpected . after term {}", quote(&operand.to_string(), false)));
        }
        let term = match operand.term {
            Term::Field(names) => Term::Field([names, fields].concat()),
            Term::Variable(name, names) => Term::Variable(name, [names, fields].concat()),
            _ => Term::Chain(Box::new(operand), fields),
        };
        Ok(Some(Operand { pos, term }))
    }

    fn term(&mut self) -> Parsed<Option<Operand>> {
        let item = self.next_solid()?;
        let term = match item.kind {
            Kind::Identifier if functions::signature(&item.text).is_none() => {
                return self.error(format!("function {} not defined", quote(&item.text, false)));
            }
            Kind::Identifier => Term::Identifier(item.text.clone()),
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Variable => {
                self.context.work(self.tree.variables.len())?;
                if !self.tree.variables.contains(&item.text) {
                    return self.error(format!("undefined variable {}", quote(&item.text, false)));
                }
                Term::Variable(item.text.clone(), Vec::new())
            }
            Kind::Field => Term::Field(vec![field(&item)]),
            Kind::Bool => Term::Bool(&*item.text == "true"),
            Kind::CharConstant | Kind::Complex | Kind::Number => self.number(&item)?,
            Kind::LeftParen => {
                self.parens += 1;
                if self.parens > MAX_DEPTH {
                    return Err(args::beyond(format!("parentheses are nested deeper than {MAX_DEPTH}")));
                }
                let pipe = self.pipeline("parenthesized pipeline", Kind::RightParen)?;
                self.parens -= 1;
                return Ok(Some(Operand { pos: pipe.pos, term: Term::Pipe(Box::new(pipe)) }));
            }
            Kind::String | Kind::RawString => match constants::unquote(&item.text) {
                Some(text) => Term::Text(text.into(), item.text.clone()),
                None => return self.error("invalid syntax"),
            },
            _ => {
                self.back(item);
                return Ok(None);
            }
        };
        Ok(Some(Operand { pos: item.pos, term }))
    }

    fn number(&self, item: &Item) -> Parsed<Term> {
        let number = match item.kind {
            Kind::CharConstant => constants::character(&item.text),
            Kind::Complex => Err(NoConstant::Imaginary),
            _ => constants::number(&item.text),
        };
        match number {
            Ok(number) => Ok(Term::Number(number, item.text.clone())),
            Err(NoConstant::Error(text)) => self.error(text),
            Err(NoConstant::Imaginary) => Err(args::beyond(format!("the imaginary number {}", item.text))),
        }
    }
}

/// The name in a token such as `.name`.
fn field(item: &Item) -> Arc<str> {
    item.text.strip_prefix('.').unwrap_or(&item.text).into()
}
