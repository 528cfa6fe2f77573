//! Bodies and their expressions.

use super::generate::{Gen, Ty};

impl Gen {
    /// Expressions; what they declare stays known.
    pub fn body(&mut self, count: usize) -> Vec<String> {
        let mut exprs: Vec<String> = (0..count).map(|_| self.expr(2)).collect();
        if exprs.len() > 1 && self.random.percent(8) {
            // The order is the compiler's business where nothing is assigned.
            let (i, j) = (self.random.below(exprs.len()), self.random.below(exprs.len()));
            exprs.swap(i, j);
        }
        exprs
    }

    fn var(&mut self, ty: Ty) -> String {
        let name = self.name("v");
        self.vars.push((name.clone(), ty));
        name
    }

    fn expr(&mut self, depth: usize) -> String {
        self.budget = self.budget.saturating_sub(1);
        let kind = if depth == 0 || self.budget == 0 { self.random.below(12) } else { self.random.below(30) };
        match kind {
            0..=2 => self.test(depth),
            3 => self.reference(depth),
            4 | 5 => {
                let ty = self.any_type();
                let value = self.term(ty, depth);
                format!("{} := {value}", self.var(ty))
            }
            6 => {
                let ty = self.any_type();
                let value = self.term(ty, depth);
                let name = self.var(ty);
                if self.random.percent(50) { format!("{name} = {value}") } else { format!("{value} = {name}") }
            }
            7 | 8 => self.some_in(depth),
            9 => self.call_with_result(depth),
            10 => self.term(Ty::Bool, depth),
            11 => {
                let collection = self.collection(depth);
                let (value, index) = (self.var(Ty::Any), self.random.percent(50));
                let (collection, setup) = self.indexable(collection);
                if index {
                    let key = self.var(Ty::Any);
                    format!("{setup}{value} = {collection}[{key}]")
                } else {
                    format!("{setup}{value} = {collection}[_]")
                }
            }
            12 | 13 => {
                let inner = self.still(|this| this.expr_without_vars(depth - 1));
                format!("not {inner}")
            }
            14 | 15 => self.every(depth),
            16..=18 => self.with(depth),
            19 | 20 => self.pattern(depth),
            21 => {
                let value = self.term(Ty::Any, depth - 1);
                let (path, found) = (self.var(Ty::Array), self.var(Ty::Any));
                match self.random.below(3) {
                    0 => format!("walk({value}, [{path}, {found}])"),
                    1 => format!("[{path}, {found}] = walk({value})"),
                    _ => format!("[{path}, {found}] := walk({value})"),
                }
            }
            // In queries, OPA shows variables of what is printed.
            22 if self.package < super::generate::PACKAGES.len() => {
                let value = self.term(Ty::Any, depth - 1);
                format!("print({value})")
            }
            23 => {
                let names = [self.name("v"), self.name("v")];
                let collection = self.collection(depth - 1);
                let (collection, setup) = self.indexable(collection);
                self.vars.extend(names.iter().map(|name| (name.clone(), Ty::Any)));
                format!("some {}, {}; {setup}{collection}[{}] = {}", names[0], names[1], names[0], names[1])
            }
            _ => self.test(depth),
        }
    }

    /// What may stand after `not` and before `with`: it declares nothing.
    fn expr_without_vars(&mut self, depth: usize) -> String {
        match self.random.below(5) {
            0 => self.reference(depth),
            1 => self.term(Ty::Bool, depth),
            2 => self.term(Ty::Any, depth),
            _ => self.test(depth),
        }
    }

    fn test(&mut self, depth: usize) -> String {
        let depth = depth.saturating_sub(1);
        match self.random.below(6) {
            0 => {
                let (a, b) = (self.term(Ty::Any, depth), self.collection(depth));
                if self.random.percent(25) {
                    let key = self.term(Ty::Any, 0);
                    format!("({key}, {a} in {b})")
                } else {
                    format!("{a} in {b}")
                }
            }
            1 => {
                let (a, b) = (self.term(Ty::Number, depth), self.term(Ty::Number, depth));
                format!("{a} {} {b}", self.random.pick(&["==", "!=", "<", "<=", ">", ">="]))
            }
            2 => {
                let collection = self.collection(depth);
                format!("count({collection}) {} {}", self.random.pick(&["==", ">", "<", "!="]), self.random.below(4))
            }
            _ => {
                let ty = self.any_type();
                let a = self.term(ty, depth);
                // Of known types that differ, an equation is refused.
                let b = if ty == Ty::Any { self.outside() } else { self.term(ty, depth) };
                format!("{a} {} {b}", self.random.pick(&["==", "!=", "=", "!=", "<", ">="]))
            }
        }
    }

    /// A collection: an array, an object, a set, or what the input has.
    pub fn collection(&mut self, depth: usize) -> String {
        let ty = [Ty::Array, Ty::Set, Ty::Object, Ty::Any][self.random.below(4)];
        if ty == Ty::Any { self.outside() } else { self.term(ty, depth.saturating_sub(1)) }
    }

    /// A collection that a path can go on from, and what has to come before.
    fn indexable(&mut self, collection: String) -> (String, String) {
        let plain = collection.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
        if plain
            || self.random.percent(15)
                && (collection.starts_with('[') || collection.starts_with('{'))
                && !collection.contains(" in ")
        {
            return (collection, String::new());
        }
        let name = self.var(Ty::Any);
        (name.clone(), format!("{name} := {collection}; "))
    }

    fn some_in(&mut self, depth: usize) -> String {
        let kind = self.random.below(6);
        let collection = if (2..=3).contains(&kind) { self.outside() } else { self.collection(depth) };
        match kind {
            0 | 1 => format!("some {} in {collection}", self.var(Ty::Any)),
            2 => {
                let (a, b) = (self.var(Ty::Any), self.var(Ty::Any));
                format!("some {{\"id\": {a}, \"name\": {b}}} in {collection}")
            }
            3 => format!("some [{}, _] in {collection}", self.var(Ty::Any)),
            _ => {
                let (key, value) = (self.var(Ty::Any), self.var(Ty::Any));
                format!("some {key}, {value} in {collection}")
            }
        }
    }

    fn every(&mut self, depth: usize) -> String {
        let collection = self.collection(depth - 1);
        self.scoped(|this| {
            // Each has to be used.
            let (value, mut used) = (this.var(Ty::Any), Vec::new());
            let mut head = value.clone();
            if this.random.percent(40) {
                let key = this.var(Ty::Any);
                used.push(format!("{key} != 7"));
                head = format!("{key}, {value}");
            }
            used.push(match this.random.below(3) {
                0 => format!("{value} != {}", this.term(Ty::Any, 0)),
                1 => format!("not is_null({value})"),
                _ => format!("{value} {} {}", this.random.pick(&["==", "<", ">", "="]), this.term(Ty::Any, 0)),
            });
            used.extend((0..this.random.below(2)).map(|_| this.expr(depth - 1)).collect::<Vec<_>>());
            let exprs = used;
            format!("every {head} in {collection} {{ {} }}", exprs.join("; "))
        })
    }

    fn pattern(&mut self, depth: usize) -> String {
        let value = self.outside();
        let operator = if self.random.percent(50) { "=" } else { ":=" };
        match self.random.below(5) {
            0 => {
                let (a, b) = (self.var(Ty::Any), self.var(Ty::Any));
                format!("[{a}, {b}] {operator} {value}")
            }
            1 => {
                let (a, b) = (self.var(Ty::Any), self.var(Ty::Any));
                format!("{{\"a\": {a}, \"b\": [{b}, _]}} {operator} {value}")
            }
            2 => {
                let (a, c) = (self.outside(), self.term(Ty::Any, depth - 1));
                let b = self.var(Ty::Any);
                format!("[{a}, {b}] = [{b}, {c}]")
            }
            3 => {
                let b = self.term(Ty::Any, depth - 1);
                let a = self.var(Ty::Any);
                format!("{{\"k\": {a}, \"l\": {value}}} = {{\"k\": {b}, \"l\": {value}}}")
            }
            _ => {
                let a = self.var(Ty::Any);
                format!("[[{a}, 1], _] = [{value}, 2]")
            }
        }
    }

    /// A path as an expression of its own, with keys that are found.
    fn reference(&mut self, depth: usize) -> String {
        let known = self.random.percent(40);
        let mut path = if known { self.rule_or_outside() } else { self.outside() };
        for _ in 0..self.random.below(if known { 2 } else { 3 }) {
            path += &match self.random.below(4) {
                0 if self.still == 0 => "[_]".to_owned(),
                1 if self.still == 0 => format!("[{}]", self.var(Ty::Any)),
                2 if !known => ".a".to_owned(),
                _ => format!("[{}]", self.term(Ty::Any, depth.saturating_sub(2))),
            };
        }
        path
    }

    fn with(&mut self, depth: usize) -> String {
        // Not to be used before the end.
        let mut named = None;
        let mut text = if self.random.percent(30) {
            let value = self.term(Ty::Any, depth - 1);
            named = Some(self.name("v"));
            format!("{} := {value}", named.as_deref().unwrap_or_default())
        } else {
            self.expr_without_vars(depth - 1)
        };
        for _ in 0..self.random.between(1, 2) {
            let value = self.term(Ty::Any, depth - 1);
            text += &match self.random.below(9) {
                0 => format!(" with input as {value}"),
                1 | 2 => {
                    format!(" with input.{} as {value}", self.random.pick(&["n", "s", "l", "o.a", "o", "us", "new.x"]))
                }
                3 => format!(
                    " with data.{} as {value}",
                    self.random.pick(&["d.n", "d", "d.l", "a.base", "a", "a.b", "lib", "new"])
                ),
                4 | 5 => match self.pick_rule(|known| known.arity.is_none() && !known.name.contains('.')) {
                    Some(known) => {
                        format!(" with data.{}.{} as {value}", super::generate::PACKAGES[known.package], known.name)
                    }
                    None => String::new(),
                },
                6 => match self.pick_rule(|known| known.arity == Some(1)) {
                    Some(known) => {
                        let path = format!("data.{}.{}", super::generate::PACKAGES[known.package], known.name);
                        if self.random.percent(50) {
                            format!(
                                " with {} as {path}",
                                self.random.pick(&["count", "upper", "abs", "is_string", "json.marshal"])
                            )
                        } else {
                            format!(
                                " with {path} as {}",
                                self.random.pick(&["count", "upper", "json.marshal", "1", "\"x\"", "type_name"])
                            )
                        }
                    }
                    None => String::new(),
                },
                7 => format!(
                    " with {} as {}",
                    self.random.pick(&["count", "time.now_ns", "startswith", "concat", "sum"]),
                    self.random.pick(&["3", "\"x\"", "[]", "input.n", "true"])
                ),
                _ => format!(
                    " with {}",
                    self.random.pick(&["upper as lower", "count as sum", "startswith as endswith", "max as min"])
                ),
            };
        }
        self.vars.extend(named.map(|name| (name, Ty::Any)));
        text
    }

    /// A call as a statement, with its result as the last argument.
    fn call_with_result(&mut self, depth: usize) -> String {
        let ty = self.any_type();
        let mut call = self.builtin(ty, depth.saturating_sub(1));
        if self.random.percent(50) && call.ends_with(')') && !call.ends_with("()") && !call.starts_with('(') {
            call.pop();
            return format!("{call}, {})", self.var(ty));
        }
        call
    }
}
