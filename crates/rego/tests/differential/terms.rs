//! Terms of a type.

use super::builtins;
use super::generate::{Gen, Known, Ty};
use super::pools;

impl Gen {
    /// A term of a type.
    pub fn term(&mut self, ty: Ty, depth: usize) -> String {
        self.budget = self.budget.saturating_sub(1);
        if depth == 0 || self.budget == 0 {
            return if self.random.percent(45) { self.leaf(ty) } else { self.ground(ty, 0) };
        }
        match self.random.below(12) {
            0..=2 => self.leaf(ty),
            3 => self.ground(ty, depth),
            4 | 5 => self.builtin(ty, depth - 1),
            6 => self.call(ty, depth - 1),
            _ => self.composed(ty, depth - 1),
        }
    }

    /// A variable, a path, or a rule.
    fn leaf(&mut self, ty: Ty) -> String {
        let fits = |other: Ty| ty == Ty::Any || other == ty || other == Ty::Any;
        let vars: Vec<&(String, Ty)> = self.vars.iter().filter(|(_, other)| fits(*other)).collect();
        if !vars.is_empty() && self.random.percent(60) {
            let (name, ty) = vars[self.random.below(vars.len())];
            let (mut name, ty) = (name.clone(), *ty);
            if ty == Ty::Any && self.random.percent(6) {
                let path = self.random.pick(&[".a", "[0]", ".id", "[\"b\"]", "[_]", ".name"]);
                name += if self.still > 0 { ".a" } else { path };
            }
            return name;
        }
        if self.random.percent(45)
            && let Some(known) = self.pick_rule(|known| known.arity.is_none() && fits(known.ty))
        {
            return self.path(&known);
        }
        let root = if self.random.percent(70) { "input" } else { "data.d" };
        let name = match ty {
            Ty::Number => self.random.pick(&["n", "ns[0]", "ns[_]", "o.a"]),
            Ty::String => self.random.pick(&["s", "ss[0]", "ss[_]", "us[_].name", "o.b"]),
            Ty::Bool => "b",
            Ty::Array => self.random.pick(&["l", "ns", "ss", "us"]),
            Ty::Object => self.random.pick(&["o", "us[0]"]),
            Ty::Set | Ty::Any => return if ty == Ty::Any { self.outside() } else { self.ground(ty, 1) },
        };
        self.stilled(format!("{root}.{name}"))
    }

    fn stilled(&self, path: String) -> String {
        if self.still > 0 { path.replace("[_]", "[0]") } else { path }
    }

    /// A path into input or data.
    pub fn outside(&mut self) -> String {
        let root = self.random.pick(&["input", "input", "input", "data.d", "data.d", "data.d"]);
        let path = self.random.pick(&[
            "n",
            "s",
            "b",
            "l",
            "ns",
            "ss",
            "o",
            "us",
            "o.a",
            "o.x",
            "l[0]",
            "l[_]",
            "us[_].name",
            "us[0].k",
            "missing",
            "base",
            "o[\"k\"]",
            "us[_][\"id\"]",
            "b.base",
        ]);
        if self.random.percent(3) { root.to_owned() } else { self.stilled(format!("{root}.{path}")) }
    }

    pub fn pick_rule(&mut self, fits: impl Fn(&Known) -> bool) -> Option<Known> {
        let all: Vec<&Known> = self.known.iter().filter(|known| fits(known)).collect();
        (!all.is_empty()).then(|| all[self.random.below(all.len())].clone())
    }

    pub fn rule_or_outside(&mut self) -> String {
        match self.pick_rule(|known| known.arity.is_none()) {
            Some(known) => self.path(&known),
            None => self.outside(),
        }
    }

    /// A term without variables and paths.
    pub fn ground(&mut self, ty: Ty, depth: usize) -> String {
        let inner = |this: &mut Self| {
            let ty = if depth == 0 || this.random.percent(70) {
                [Ty::Number, Ty::String, Ty::Bool][this.random.below(3)]
            } else {
                this.any_type()
            };
            this.ground(ty, depth.saturating_sub(1))
        };
        match ty {
            Ty::Number => pools::number(&mut self.random),
            Ty::String => self.string(),
            Ty::Bool => self.random.pick(&["true", "true", "false"]).to_owned(),
            Ty::Any if self.random.percent(15) => "null".to_owned(),
            Ty::Any => {
                let ty = [Ty::Number, Ty::String, Ty::Bool, Ty::Array, Ty::Object, Ty::Set]
                    [self.random.below(if depth == 0 { 3 } else { 6 })];
                self.ground(ty, depth)
            }
            Ty::Array => {
                let items: Vec<String> = (0..self.random.below(4)).map(|_| inner(self)).collect();
                format!("[{}]", items.join(", "))
            }
            Ty::Set => {
                let items: Vec<String> = (0..self.random.below(4)).map(|_| inner(self)).collect();
                if items.is_empty() { "set()".to_owned() } else { format!("{{{}}}", items.join(", ")) }
            }
            Ty::Object => {
                let items: Vec<String> = (0..self.random.below(4))
                    .map(|_| {
                        let key = if self.random.percent(85) { self.string() } else { inner(self) };
                        format!("{key}: {}", inner(self))
                    })
                    .collect();
                format!("{{{}}}", items.join(", "))
            }
        }
    }

    /// Literals with terms inside, operators, comprehensions, templates.
    fn composed(&mut self, ty: Ty, depth: usize) -> String {
        match ty {
            Ty::Number => {
                let (a, b) = (self.term(ty, depth), self.term(ty, depth));
                format!("({a} {} {b})", self.random.pick(&["+", "-", "*", "/", "%", "+"]))
            }
            Ty::String if !self.v0 && self.random.percent(50) => self.template(depth),
            Ty::String => {
                let mut text = pools::text(&mut self.random, 'F');
                while self.random.percent(30) {
                    text += " ";
                    text += &pools::text(&mut self.random, 'F');
                }
                let format = pools::quoted(&mut self.random, &text);
                let args: Vec<String> = (0..self.random.below(4)).map(|_| self.term(Ty::Any, depth)).collect();
                format!("sprintf({format}, [{}])", args.join(", "))
            }
            Ty::Bool => {
                let ty = self.any_type();
                let (a, b) = (self.term(ty, depth), self.term(ty, depth));
                format!("({a} {} {b})", self.random.pick(&["==", "!=", "<", "<=", ">", ">="]))
            }
            Ty::Array | Ty::Set if self.random.percent(50) => {
                let exprs = self.scoped(|this| {
                    let count = this.random.between(1, 2);
                    let exprs = this.body(count);
                    let ty = this.any_type();
                    format!("{} | {}", this.term(ty, depth), exprs.join("; "))
                });
                if ty == Ty::Array { format!("[{exprs}]") } else { format!("{{{exprs}}}") }
            }
            Ty::Object if self.random.percent(50) => self.scoped(|this| {
                let count = this.random.between(1, 2);
                let exprs = this.body(count);
                let key = if this.random.percent(70) { Ty::String } else { Ty::Any };
                format!("{{{}: {} | {}}}", this.term(key, depth), this.term(Ty::Any, depth), exprs.join("; "))
            }),
            Ty::Set if self.random.percent(50) => {
                let (a, b) = (self.term(ty, depth), self.term(ty, depth));
                format!("({a} {} {b})", self.random.pick(&["|", "&", "-"]))
            }
            Ty::Array | Ty::Set => {
                let items: Vec<String> = (0..self.random.between(1, 3)).map(|_| self.term(Ty::Any, depth)).collect();
                if ty == Ty::Array { format!("[{}]", items.join(", ")) } else { format!("{{{}}}", items.join(", ")) }
            }
            Ty::Object => {
                let items: Vec<String> = (0..self.random.between(1, 3))
                    .map(|_| {
                        let key = if self.random.percent(80) { self.string() } else { self.term(Ty::Any, depth) };
                        format!("{key}: {}", self.term(Ty::Any, depth))
                    })
                    .collect();
                format!("{{{}}}", items.join(", "))
            }
            Ty::Any => {
                let ty = [Ty::Number, Ty::String, Ty::Bool, Ty::Array, Ty::Set, Ty::Object][self.random.below(6)];
                self.composed(ty, depth)
            }
        }
    }

    fn template(&mut self, depth: usize) -> String {
        let raw = self.random.percent(25);
        let quote = if raw { '`' } else { '"' };
        let mut text = format!("${quote}");
        for _ in 0..self.random.between(1, 3) {
            text += self.random.pick(&["", "a", " b: ", "é", if raw { "\n" } else { "\\n" }, "\\{x", "%d"]);
            let term = self.still(|this| this.term(Ty::Any, depth));
            if !term.contains('\n') && !term.contains('`') {
                text += &format!("{{{term}}}");
            }
        }
        text.push(quote);
        text
    }

    /// A call of a rule's function.
    fn call(&mut self, ty: Ty, depth: usize) -> String {
        let Some(known) = self.pick_rule(|known| known.arity.is_some() && (ty == Ty::Any || known.ty == ty)) else {
            return self.composed(ty, depth);
        };
        let path = self.path(&known);
        let args: Vec<String> = (0..known.arity.unwrap_or_default())
            .map(|_| if self.random.percent(70) { self.outside() } else { self.term(Ty::Any, depth) })
            .collect();
        format!("{path}({})", args.join(", "))
    }

    /// A call of a builtin whose answer is of a type.
    pub fn builtin(&mut self, ty: Ty, depth: usize) -> String {
        let answer = match ty {
            Ty::Number => 'n',
            Ty::String => 's',
            Ty::Bool => 'b',
            Ty::Array => 'a',
            Ty::Set => 't',
            Ty::Object => 'o',
            Ty::Any => 'v',
        };
        let fits: Vec<&(&str, &str)> =
            builtins::table(self.loose).iter().filter(|(_, kinds)| ty == Ty::Any || kinds.ends_with(answer)).collect();
        let (name, kinds) = *fits[self.random.below(fits.len())];
        let kinds: Vec<char> = kinds.chars().collect();
        let args: Vec<String> = kinds[..kinds.len() - 1].iter().map(|kind| self.argument(*kind, depth)).collect();
        format!("{name}({})", args.join(", "))
    }

    fn texts(&mut self, kind: char) -> String {
        let items: Vec<String> = (0..self.random.below(4)).map(|_| self.quoted(kind)).collect();
        if self.random.percent(60) {
            format!("[{}]", items.join(", "))
        } else if items.is_empty() {
            "set()".to_owned()
        } else {
            format!("{{{}}}", items.join(", "))
        }
    }

    fn quoted(&mut self, kind: char) -> String {
        let text = pools::text(&mut self.random, kind);
        pools::quoted(&mut self.random, &text)
    }

    fn argument(&mut self, kind: char, depth: usize) -> String {
        if self.random.percent(8) {
            // Of any type, in a way that is hidden from the type checker.
            return self.outside();
        }
        let many = [Ty::Array, Ty::Set, Ty::Object];
        match kind {
            'n' => self.term(Ty::Number, depth),
            'i' => (i64::try_from(self.random.below(12)).unwrap_or_default() - 3).to_string(),
            's' => self.term(Ty::String, depth),
            'b' => self.term(Ty::Bool, depth),
            'v' => self.term(Ty::Any, depth),
            'a' => self.term(Ty::Array, depth),
            'o' => self.term(Ty::Object, depth),
            't' => self.term(Ty::Set, depth),
            'l' => {
                let ty = many[self.random.below(2)];
                self.term(ty, depth)
            }
            'm' => {
                let ty = many[self.random.below(3)];
                self.term(ty, depth)
            }
            'c' => self.texts('s'),
            'q' => self.texts('C'),
            'M' => self.texts('C'),
            'k' => {
                let items: Vec<String> = (0..self.random.below(4)).map(|_| pools::number(&mut self.random)).collect();
                format!("[{}]", items.join(", "))
            }
            'N' | 'A' => {
                let (moment, zone) = (pools::nanoseconds(&mut self.random), self.quoted('Z'));
                match self.random.below(if kind == 'A' { 4 } else { 3 }) {
                    0 => format!("[{moment}, {zone}]"),
                    3 => format!("[{moment}, {zone}, {}]", self.quoted('L')),
                    _ => moment,
                }
            }
            'D' => self.random.pick(&["[]", "null", "[\".\"]", "[\"/\", \".\"]", "[\"\"]", "[\":\"]"]).to_owned(),
            'P' => {
                let paths: Vec<String> = (0..self.random.between(1, 2))
                    .map(|_| if self.random.percent(25) { "[\"a\", \"b\"]".to_owned() } else { self.quoted('p') })
                    .collect();
                format!("[{}]", paths.join(", "))
            }
            'K' => {
                let patches: Vec<String> = (0..self.random.between(1, 2))
                    .map(|_| {
                        let operation = self.random.pick(&["add", "remove", "replace", "move", "copy", "test", "x"]);
                        let (path, from) = (self.quoted('p'), self.quoted('p'));
                        let value = self.ground(Ty::Any, 1);
                        match self.random.below(5) {
                            0 => format!("{{\"op\": \"{operation}\", \"path\": {path}}}"),
                            _ => format!(
                                "{{\"op\": \"{operation}\", \"path\": {path}, \"from\": {from}, \"value\": {value}}}"
                            ),
                        }
                    })
                    .collect();
                format!("[{}]", patches.join(", "))
            }
            'S' => {
                let schema = pools::schema(&mut self.random);
                if schema.starts_with('{') && self.random.percent(60) {
                    schema
                } else {
                    pools::quoted(&mut self.random, &schema)
                }
            }
            'O' => self
                .random
                .pick(&[
                    "{}",
                    "{\"pretty\": true}",
                    "{\"indent\": \"  \"}",
                    "{\"prefix\": \"#\", \"pretty\": true}",
                    "{\"pretty\": false, \"indent\": \"x\"}",
                ])
                .to_owned(),
            'f' => {
                let args: Vec<String> = (0..self.random.below(4)).map(|_| self.term(Ty::Any, depth)).collect();
                format!("[{}]", args.join(", "))
            }
            'g' => self
                .random
                .pick(&[
                    "{\"a\": [\"b\"], \"b\": [\"a\", \"c\"], \"c\": []}",
                    "{\"a\": {\"b\", \"c\"}, \"b\": null, \"c\": [\"d\"]}",
                    "{1: [2], 2: []}",
                    "{}",
                ])
                .to_owned(),
            'x' => {
                let sets: Vec<String> = (0..self.random.between(1, 3)).map(|_| self.term(Ty::Set, depth)).collect();
                format!("{{{}}}", sets.join(", "))
            }
            'u' => {
                let objects: Vec<String> = (0..self.random.below(3)).map(|_| self.term(Ty::Object, depth)).collect();
                format!("[{}]", objects.join(", "))
            }
            'r' => {
                format!("{{{}: {}, {}: {}}}", self.quoted('s'), self.quoted('s'), self.quoted('s'), self.quoted('s'))
            }
            other => self.quoted(other),
        }
    }
}
