//! Rules of every kind.

use super::generate::{Gen, Known, Ty};

impl Gen {
    /// One rule, or the rules of one name.
    pub fn rule(&mut self, index: usize) -> String {
        self.vars.clear();
        self.budget = 30;
        let note = if self.random.percent(6) {
            "# METADATA\n# title: t\n# custom:\n#   severity: high\n#   l: [1, 2.5, x]\n"
        } else {
            ""
        };
        let (text, known) = match self.random.below(12) {
            0..=2 => self.complete(index),
            3 | 4 => self.partial_set(index),
            5 | 6 => self.partial_object(index),
            7 => self.ref_head(index),
            8 => self.constant(index),
            _ => self.function(index),
        };
        self.known.push(known);
        format!("{note}{text}")
    }

    /// A rule's name; now and then one that a builtin, an operator or a package has.
    fn rule_name(&mut self, prefix: &str, index: usize) -> String {
        let name = match self.random.percent(3) {
            true => self
                .random
                .pick(&["count", "json", "max", "plus", "lt", "equal", "time", "walk", "object", "a", "d", "rego"]),
            false => return format!("{prefix}{index}"),
        };
        // Not one that another rule has: they may be of different kinds.
        let taken = self.known.iter().any(|known| known.package == self.package && known.name == name);
        if taken { format!("{prefix}{index}") } else { name.to_owned() }
    }

    fn known(&self, name: &str, ty: Ty, arity: Option<usize>) -> Known {
        Known { package: self.package, name: name.to_owned(), ty, arity }
    }

    /// A head's body: in the old dialect sometimes without `if`.
    fn block(&mut self, exprs: &[String]) -> String {
        let word = if self.loose && self.random.percent(50) { "" } else { "if " };
        match exprs {
            [one] if !word.is_empty() && self.random.percent(40) && !one.contains(['\n', ';']) => {
                format!("{word}{one}")
            }
            _ => format!("{word}{{\n\t{}\n}}", exprs.join("\n\t")),
        }
    }

    /// As `block`, where `if` is needed in any dialect.
    fn block_if(&mut self, exprs: &[String]) -> String {
        let block = self.block(exprs);
        if block.starts_with('{') { format!("if {block}") } else { block }
    }

    fn some_body(&mut self) -> Vec<String> {
        let count = self.random.between(1, 4);
        self.body(count)
    }

    fn constant(&mut self, index: usize) -> (String, Known) {
        let ty = self.any_type();
        let (name, value) = (self.rule_name("k", index), self.term(ty, 3));
        (format!("{name} := {value}\n"), self.known(&name, ty, None))
    }

    fn complete(&mut self, index: usize) -> (String, Known) {
        let ty = self.any_type();
        let name = self.rule_name("c", index);
        let mut text = String::new();
        let mut ty = ty;
        if self.random.percent(30) {
            let value = self.ground(ty, 1);
            text += &format!("default {name} := {value}\n\n");
        }
        for _ in 0..self.random.between(1, 2) {
            text += &self.scoped(|this| {
                let exprs = this.some_body();
                let block = this.block(&exprs);
                let mut rule = if this.random.percent(25) {
                    ty = Ty::Any;
                    format!("{name} {block}")
                } else {
                    let value = this.term(ty, 1);
                    format!("{name} := {value} {block}")
                };
                while this.random.percent(25) {
                    this.vars.clear();
                    let value = this.term(ty, 1);
                    // A value may hold no variable of a body that is another's.
                    let exprs = if this.random.percent(80) { this.some_body() } else { vec!["true".to_owned()] };
                    rule += &format!(" else := {value} {}", this.block(&exprs));
                }
                rule + "\n"
            });
        }
        (text, self.known(&name, ty, None))
    }

    fn partial_set(&mut self, index: usize) -> (String, Known) {
        let name = self.rule_name("s", index);
        let mut text = String::new();
        for _ in 0..self.random.between(1, 2) {
            text += &self.scoped(|this| {
                let exprs = this.some_body();
                let ty = this.any_type();
                let (value, block) = (this.term(ty, 1), this.block(&exprs));
                if block.starts_with('{') {
                    format!("{name}[{value}] {block}\n")
                } else {
                    format!("{name} contains {value} {block}\n")
                }
            });
        }
        (text, self.known(&name, Ty::Set, None))
    }

    fn partial_object(&mut self, index: usize) -> (String, Known) {
        let name = self.rule_name("o", index);
        let mut text = String::new();
        for _ in 0..self.random.between(1, 2) {
            text += &self.scoped(|this| {
                let exprs = this.some_body();
                let key_type = if this.random.percent(75) { Ty::String } else { this.any_type() };
                let ty = this.any_type();
                let (key, value, block) = (this.term(key_type, 1), this.term(ty, 1), this.block_if(&exprs));
                match this.random.below(8) {
                    0 => format!("{name}[{key}] contains {value} {block}\n"),
                    1 => format!("{name}[{key}].sub := {value} {block}\n"),
                    _ => format!("{name}[{key}] := {value} {block}\n"),
                }
            });
        }
        (text, self.known(&name, Ty::Object, None))
    }

    fn ref_head(&mut self, index: usize) -> (String, Known) {
        let name = self.rule_name("r", index);
        let mut text = String::new();
        for part in ["one", "two", "three"].iter().take(self.random.between(1, 3)) {
            text += &self.scoped(|this| {
                let exprs = this.some_body();
                let ty = this.any_type();
                let (value, key) = (this.term(ty, 1), this.term(Ty::String, 0));
                let block = this.block_if(&exprs);
                match this.random.below(6) {
                    0 => format!("{name}.{part} := {value} {block}\n"),
                    1 => format!("{name}.{part} contains {value} {block}\n"),
                    2 => format!("{name}.{part}[{key}] := {value} {block}\n"),
                    3 => format!("{name}[\"{part}\"].q[{key}].w := {value} {block}\n"),
                    4 => format!("{name}.{part} {block}\n"),
                    _ => format!("{name}.{part}[{key}] contains {value} {block}\n"),
                }
            });
        }
        (text, self.known(&name, Ty::Object, None))
    }

    fn function(&mut self, index: usize) -> (String, Known) {
        let ty = self.any_type();
        let name = if self.random.percent(15) { format!("f{index}.g") } else { self.rule_name("f", index) };
        let arity = self.random.between(1, 3);
        let mut text = String::new();
        if self.random.percent(12) && !name.contains('.') {
            let value = self.ground(ty, 1);
            text += &format!("default {name}({}) := {value}\n\n", vec!["_"; arity].join(", "));
        }
        for _ in 0..self.random.between(1, 2) {
            text += &self.scoped(|this| {
                let args: Vec<String> = (0..arity)
                    .map(|_| match this.random.below(8) {
                        0 => this.ground(Ty::Any, 1),
                        1 => {
                            let (a, b) = (this.name("v"), this.name("v"));
                            this.vars.extend([(a.clone(), Ty::Any), (b.clone(), Ty::Any)]);
                            if this.random.percent(50) {
                                format!("[{a}, {b}]")
                            } else {
                                format!("{{\"a\": {a}, \"b\": {b}}}")
                            }
                        }
                        2 => "_".to_owned(),
                        _ => {
                            let name = this.name("v");
                            this.vars.push((name.clone(), Ty::Any));
                            name
                        }
                    })
                    .collect();
                let head = format!("{name}({})", args.join(", "));
                let given = this.vars.clone();
                let mut rule = match this.random.below(4) {
                    0 => {
                        let value = this.term(ty, 2);
                        format!("{head} := {value}")
                    }
                    1 if ty == Ty::Bool => {
                        let exprs = this.some_body();
                        format!("{head} {}", this.block(&exprs))
                    }
                    _ => {
                        let exprs = this.some_body();
                        let value = this.term(ty, 1);
                        format!("{head} := {value} {}", this.block(&exprs))
                    }
                };
                if rule.contains(" if ") && this.random.percent(20) {
                    this.vars = given;
                    let exprs = this.some_body();
                    let value = this.term(ty, 1);
                    rule += &format!(" else := {value} {}", this.block(&exprs));
                }
                rule + "\n"
            });
        }
        (text, self.known(&name, ty, Some(arity)))
    }
}
