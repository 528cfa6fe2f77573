//! Values as Go's `fmt` writes them: under a verb, or as they are.

use super::super::bounds;
use super::super::sprintf::Argument;
use super::Value;
use super::value::{Data, Go, IntType};
use crate::gofmt::{Arg, Flags};

impl Go {
    /// Under `%v`.
    pub fn shown(&self) -> String {
        self.formatted('v')
    }

    /// Under a verb.
    pub fn formatted(&self, verb: char) -> String {
        let mut out = String::new();
        self.write(&mut out, verb, Flags::default());
        out
    }

    /// A value under a verb that may not be one of its type's (`printValue` of `fmt/print.go`).
    fn put(&self, out: &mut String, verb: char, flags: Flags) {
        // What is longer is refused by whoever asked for it.
        if out.len() > bounds::MAX_TEXT {
            return;
        }
        let fits = match &self.data {
            Data::Nil | Data::List(_) | Data::Map(_) => true,
            Data::Bool(_) => "vt".contains(verb),
            Data::Int(..) => "vdboOxXcqU".contains(verb),
            Data::Float(_) => "vbgGxXfFeE".contains(verb),
            Data::Number(_) | Data::Text(_) => "vsxXq".contains(verb),
        };
        if !fits {
            return self.bad(out, verb, flags);
        }
        match &self.data {
            Data::Nil => out.push_str(if flags.sharp_v { "interface {}(nil)" } else { "<nil>" }),
            Data::Bool(b) => padded(out, if *b { "true" } else { "false" }, flags),
            Data::Int(n, IntType::Uint8) if verb == 'v' && flags.sharp_v => {
                Arg::Int(*n).write(out, 'x', Flags { sharp: true, ..flags });
            }
            Data::Int(n, _) => Arg::Int(*n).write(out, verb, flags),
            Data::Float(n) => Arg::Float(*n).write(out, verb, flags),
            Data::Number(text) | Data::Text(text) => Arg::Text(text.to_string()).write(out, verb, flags),
            Data::List(list) => {
                let open = if flags.sharp_v { "[]interface {}{" } else { "[" };
                let items = list.iter().map(|item| (None, item));
                sequence(out, (open, items), verb, flags);
            }
            Data::Map(map) => {
                let open = if flags.sharp_v { "map[string]interface {}{" } else { "map[" };
                let items = map.iter().map(|(key, value)| (Some(Go::of(key)), Go::of(value)));
                sequence(out, (open, items), verb, flags);
            }
        }
    }

    /// `%!d(string=a)`.
    fn bad(&self, out: &mut String, verb: char, flags: Flags) {
        out.extend(["%!", verb.encode_utf8(&mut [0; 4]), "("]);
        if self.is_nil() {
            out.push_str("<nil>");
        } else {
            out.extend([self.go_type(), "="]);
            self.put(out, 'v', flags);
        }
        out.push(')');
    }
}

fn sequence(out: &mut String, (open, items): (&str, impl Iterator<Item = (Option<Go>, Go)>), verb: char, flags: Flags) {
    let (between, close) = if flags.sharp_v { (", ", '}') } else { (" ", ']') };
    out.push_str(open);
    for (i, (key, item)) in items.enumerate() {
        out.push_str(if i == 0 { "" } else { between });
        if let Some(key) = key {
            key.put(out, verb, flags);
            out.push(':');
        }
        item.put(out, verb, flags);
    }
    out.push(close);
}

/// A text that no precision cuts.
fn padded(out: &mut String, text: &str, flags: Flags) {
    Arg::Text(text.to_owned()).write(out, 's', Flags { precision: None, ..flags });
}

/// As an argument of `fmt` (`printArg` of `fmt/print.go`).
impl Argument for Go {
    fn go_type(&self) -> &'static str {
        match &self.data {
            Data::Nil => "interface {}",
            Data::Bool(_) => "bool",
            Data::Int(_, IntType::Int) => "int",
            Data::Int(_, IntType::Int64) => "int64",
            Data::Int(_, IntType::Uint8) => "uint8",
            Data::Float(_) => "float64",
            Data::Number(_) => "json.Number",
            Data::Text(_) => "string",
            Data::List(_) => "[]interface {}",
            Data::Map(_) => "map[string]interface {}",
        }
    }

    fn cost(&self) -> usize {
        match &self.data {
            Data::Nil | Data::Bool(_) | Data::Int(..) => 1,
            Data::Float(_) => 64,
            Data::Number(text) | Data::Text(text) => text.len() / 8,
            Data::List(list) => usize::try_from(Value::Array(list.items.clone()).size()).unwrap_or(usize::MAX) / 8,
            Data::Map(map) => usize::try_from(Value::Object(map.clone()).size()).unwrap_or(usize::MAX) / 8,
        }
    }

    fn width(&self) -> Option<i64> {
        match self.data {
            Data::Int(n, _) => Some(n),
            _ => None,
        }
    }

    fn write(&self, out: &mut String, verb: char, flags: Flags) {
        match verb {
            'T' if !self.is_nil() => Arg::Text(self.go_type().to_owned()).write(out, 's', flags),
            'T' | 'v' if self.is_nil() => padded(out, "<nil>", flags),
            // Addresses differ from run to run in Go; here there are none.
            'p' | 'w' => self.bad(out, verb, flags),
            _ if self.is_nil() => self.bad(out, verb, flags),
            _ => self.put(out, verb, flags),
        }
    }

    fn extra(&self, out: &mut String) {
        if !self.is_nil() {
            out.extend([self.go_type(), "="]);
        }
        self.write(out, 'v', Flags::default());
    }
}
