//! `sprintf`, as Go's `fmt.Sprintf`: the format's grammar (flags, widths, argument indices) and what is missing or left over.

use super::{Builtin, BuiltinError, Context, args, bounds, pure, some};
use crate::bytes;
use crate::gofmt::{Arg, Flags};
use crate::value::Value;
use std::iter::Peekable;
use std::str::Chars;

/// Go's own limit on widths and precisions.
const MAX_WIDTH: i64 = 1_000_000;

pub const ALL: &[Builtin] = &[pure("sprintf", 2, |a, context| {
    let format = args::string(a, 1)?;
    args::array(a, 2)?;
    bounds::value(args::value(a, 2))?;
    let values: Vec<Arg> = args::array(a, 2)?.iter().map(argument).collect();
    some(sprintf(format, &values, context)?.as_str())
})];

/// What a verb writes.
pub(super) trait Argument {
    fn go_type(&self) -> &'static str;

    /// Operations that writing it takes, about.
    fn cost(&self) -> usize;

    /// What it is as a width or a precision.
    fn width(&self) -> Option<i64>;

    fn write(&self, out: &mut String, verb: char, flags: Flags);

    /// As one that no verb took.
    fn extra(&self, out: &mut String) {
        out.extend([self.go_type(), "="]);
        self.write(out, 'v', Flags::default());
    }
}

impl Argument for Arg {
    fn go_type(&self) -> &'static str {
        Arg::go_type(self)
    }

    fn cost(&self) -> usize {
        Arg::cost(self)
    }

    fn width(&self) -> Option<i64> {
        match self {
            Self::Int(n) => Some(*n),
            _ => None,
        }
    }

    fn write(&self, out: &mut String, verb: char, flags: Flags) {
        Arg::write(self, out, verb, flags);
    }
}

fn argument(value: &Value) -> Arg {
    match value {
        Value::Number(n) => {
            let integer = n.as_i64().map(Arg::Int).or_else(|| n.as_big().map(Arg::Big));
            integer.unwrap_or_else(|| match n.to_f64() {
                double if double.is_finite() => Arg::Float(double),
                _ => Arg::Text(n.to_string()),
            })
        }
        Value::String(text) => Arg::Text(text.to_string()),
        other => Arg::Text(other.to_string()),
    }
}

struct Printer<'a, A> {
    format: Peekable<Chars<'a>>,
    args: &'a [A],
    /// Of the next argument.
    next: usize,
    /// An index such as `[3]` was used anywhere.
    reordered: bool,
    /// The index of the verb at hand is in range.
    good: bool,
    /// The last thing read was an index.
    after_index: bool,
    /// No bracket closes in what is left.
    unclosed: bool,
    /// What the verb at hand took to write its argument, beyond what it wrote.
    taken: usize,
    out: String,
}

/// Whether a number may have no further digit.
fn too_large(number: usize) -> bool {
    number > MAX_WIDTH as usize
}

/// The number of an argument, within brackets; none if it is none, or far too large.
fn index_number(text: &str) -> Option<usize> {
    let mut number = 0;
    for digit in text.bytes() {
        if !digit.is_ascii_digit() || too_large(number) {
            return None;
        }
        number = 10 * number + usize::from(digit - b'0');
    }
    Some(number).filter(|_| !text.is_empty())
}

/// `fmt.Sprintf`.
pub(super) fn sprintf<A: Argument>(format: &str, values: &[A], context: &mut Context) -> Result<String, BuiltinError> {
    let mut printer = Printer {
        format: format.chars().peekable(),
        args: values,
        next: 0,
        reordered: false,
        good: true,
        after_index: false,
        unclosed: false,
        taken: 0,
        out: String::with_capacity(format.len()),
    };
    while let Some(c) = printer.format.next() {
        bounds::text(printer.out.len())?;
        if c == '%' {
            let before = printer.out.len();
            printer.verb();
            context.work(printer.taken + printer.out.len() - before)?;
        } else {
            printer.out.push(c);
        }
    }
    printer.rest();
    bounds::text(printer.out.len())?;
    Ok(bytes::joined(printer.out))
}

impl<A: Argument> Printer<'_, A> {
    /// What follows a `%`.
    fn verb(&mut self) {
        self.good = true;
        self.after_index = false;
        self.taken = 0;
        let mut flags = Flags::default();
        while let Some(c) = self.format.peek() {
            match c {
                '#' => flags.sharp = true,
                '0' => flags.zero = true,
                '+' => flags.plus = true,
                '-' => flags.minus = true,
                ' ' => flags.space = true,
                _ => break,
            }
            self.format.next();
        }
        self.index();
        self.width(&mut flags);
        self.precision(&mut flags);
        if !self.after_index {
            self.index();
        }
        let Some(verb) = self.format.next() else {
            self.out.push_str("%!(NOVERB)");
            return;
        };
        if verb == '%' {
            self.out.push('%');
        } else if !self.good {
            self.out.extend(["%!", verb.encode_utf8(&mut [0; 4]), "(BADINDEX)"]);
        } else if let Some(arg) = self.args.get(self.next) {
            if verb == 'v' || verb == 'w' {
                flags.sharp_v = std::mem::take(&mut flags.sharp);
                flags.plus_v = std::mem::take(&mut flags.plus);
            }
            arg.write(&mut self.out, verb, flags);
            self.taken = arg.cost();
            self.next += 1;
        } else {
            self.out.extend(["%!", verb.encode_utf8(&mut [0; 4]), "(MISSING)"]);
        }
    }

    /// `[n]`.
    fn index(&mut self) {
        if self.format.peek() != Some(&'[') {
            self.after_index = false;
            return;
        }
        self.reordered = true;
        self.after_index = false;
        let mut ahead = self.format.clone();
        ahead.next();
        self.unclosed = self.unclosed || !ahead.clone().any(|c| c == ']');
        // Without a bracket that closes, or with nothing else left, only the one that opens is skipped.
        if self.unclosed || ahead.clone().nth(1).is_none() && ahead.clone().all(|c| c.is_ascii()) {
            self.format.next();
            self.good = false;
            return;
        }
        let inside: String = ahead.by_ref().take_while(|c| *c != ']').collect();
        self.format = ahead;
        let number = index_number(&inside);
        self.after_index = number.is_some();
        match number.and_then(|n| n.checked_sub(1)) {
            Some(n) if n < self.args.len() => self.next = n,
            _ => self.good = false,
        }
    }

    fn width(&mut self, flags: &mut Flags) {
        if self.format.next_if_eq(&'*').is_some() {
            match self.star() {
                Some(n) => {
                    flags.minus |= n < 0;
                    flags.zero &= n >= 0;
                    flags.width = usize::try_from(n.unsigned_abs()).ok();
                }
                None => self.out.push_str("%!(BADWIDTH)"),
            }
            self.after_index = false;
            return;
        }
        flags.width = self.digits();
        if self.after_index && flags.width.is_some() {
            self.good = false;
        }
    }

    fn precision(&mut self, flags: &mut Flags) {
        let mut ahead = self.format.clone();
        // A point at the very end is no precision but the verb.
        if ahead.next() != Some('.') || ahead.next().is_none() {
            return;
        }
        self.format.next();
        if self.after_index {
            self.good = false;
        }
        self.index();
        if self.format.next_if_eq(&'*').is_some() {
            match self.star() {
                Some(n) if n >= 0 => flags.precision = usize::try_from(n).ok(),
                _ => self.out.push_str("%!(BADPREC)"),
            }
            self.after_index = false;
            return;
        }
        flags.precision = Some(self.digits().unwrap_or(0));
    }

    /// The argument that a `*` takes.
    fn star(&mut self) -> Option<i64> {
        let taken = self.args.get(self.next)?;
        self.next += 1;
        taken.width().filter(|n| (-MAX_WIDTH..=MAX_WIDTH).contains(n))
    }

    /// A number, if there is one. One that is far too large takes the rest of the format with it.
    fn digits(&mut self) -> Option<usize> {
        let mut n: Option<usize> = None;
        while let Some(digit) = self.format.peek().and_then(|c| c.to_digit(10)) {
            if n.is_some_and(too_large) {
                self.format = "".chars().peekable();
                return None;
            }
            n = Some(n.unwrap_or(0) * 10 + digit as usize);
            self.format.next();
        }
        n
    }

    /// Arguments that no verb took.
    fn rest(&mut self) {
        if self.reordered || self.next >= self.args.len() {
            return;
        }
        self.out.push_str("%!(EXTRA ");
        for (i, arg) in self.args.iter().skip(self.next).enumerate() {
            self.out.push_str(if i == 0 { "" } else { ", " });
            arg.extra(&mut self.out);
        }
        self.out.push(')');
    }
}
