//! Policies, data, inputs and queries that a seed decides: modules whose rules use one another, typed enough that most of
//! them compile, and now and then one with a small mistake.

use super::pools;
use super::random::Random;
use super::values;
use serde_json::{Value as Json, json};

/// What a term is; `Any` to the type checker, too.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ty {
    Any,
    Number,
    String,
    Bool,
    Array,
    Set,
    Object,
}

/// A rule that others may use.
#[derive(Clone)]
pub struct Known {
    pub package: usize,
    pub name: String,
    pub ty: Ty,
    /// A function's number of arguments.
    pub arity: Option<usize>,
}

/// What generation knows.
pub struct Gen {
    pub random: Random,
    pub vars: Vec<(String, Ty)>,
    pub known: Vec<Known>,
    pub package: usize,
    pub v0: bool,
    /// Bodies need no `if`.
    pub loose: bool,
    /// Above 0, where paths may have no keys that are found.
    pub still: usize,
    /// How many names were made.
    pub fresh: usize,
    /// Terms and expressions that may still be made in the rule at hand.
    pub budget: usize,
}

/// Names of packages; a module uses another's rules by their path, or by an import.
pub const PACKAGES: &[&str] = &["a", "a.b", "lib.c"];

/// A request for the oracle.
pub fn request(seed: u64) -> Json {
    let mut random = Random::new(seed);
    let v0 = random.percent(8);
    let mut generator = Gen {
        random,
        vars: Vec::new(),
        known: Vec::new(),
        package: 0,
        v0,
        loose: false,
        still: 0,
        fresh: 0,
        budget: 0,
    };
    let count = generator.random.between(1, 2);
    let mut modules = serde_json::Map::new();
    for package in 0..count {
        generator.package = package;
        let mut text = generator.module();
        if generator.random.percent(6) {
            text = generator.spoilt(&text);
        }
        modules.insert(format!("m{package}.rego"), text.into());
    }
    let data = values::data(&mut generator.random);
    let queries: Vec<Json> = (0..generator.random.between(2, 4)).map(|i| generator.query(i)).collect();
    let mut request = json!({"modules": modules, "data": data, "queries": queries, "millis": 2000});
    if v0 {
        request["v0"] = json!(true);
    }
    request
}

impl Gen {
    fn module(&mut self) -> String {
        let mut text = String::new();
        if self.random.percent(5) {
            text += "# METADATA\n# title: A module\n# scope: package\n# custom: {n: 1}\n";
        }
        text += &format!("package {}\n\n", PACKAGES[self.package]);
        if self.v0 {
            self.loose = self.random.percent(70);
            text += if self.loose { "import future.keywords\n" } else { "import rego.v1\n" };
        } else if self.random.percent(10) {
            text += "import rego.v1\n";
        }
        for (package, name) in PACKAGES.iter().enumerate() {
            if package < self.package {
                text += &format!("import data.{name} as p{package}\n");
            }
        }
        if self.random.percent(20) {
            text += "import input.o as inp\n";
        }
        if self.random.percent(6) {
            let import = self.random.pick(&[
                "data.d",
                "data.d.o as json",
                "data.d.l as count",
                "data.missing as time",
                "data.a",
                "data",
                "input",
                "input.us",
                "input.n as plus",
                "input.s as d",
                "input as object",
                "data.d as inp",
            ]);
            text += &format!("import {import}\n");
        }
        for i in 0..self.random.between(1, 4) {
            text += "\n";
            text += &self.rule(i);
        }
        text
    }

    /// A name that no other has.
    pub fn name(&mut self, prefix: &str) -> String {
        self.fresh += 1;
        format!("{prefix}{}", self.fresh)
    }

    /// Makes something and forgets the variables that it declared.
    pub fn scoped<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        let before = self.vars.len();
        let made = make(self);
        self.vars.truncate(before);
        made
    }

    /// Makes something whose paths have no keys that are found.
    pub fn still<T>(&mut self, make: impl FnOnce(&mut Self) -> T) -> T {
        self.still += 1;
        let made = make(self);
        self.still -= 1;
        made
    }

    pub fn any_type(&mut self) -> Ty {
        [Ty::Number, Ty::String, Ty::Bool, Ty::Array, Ty::Set, Ty::Object, Ty::Any][self.random.below(7)]
    }

    /// How a rule is named where it is used.
    pub fn path(&mut self, known: &Known) -> String {
        if known.package == self.package && self.random.percent(80) {
            known.name.clone()
        } else if known.package < self.package && self.package < PACKAGES.len() && self.random.percent(60) {
            format!("p{}.{}", known.package, known.name)
        } else {
            format!("data.{}.{}", PACKAGES[known.package], known.name)
        }
    }

    fn query(&mut self, index: usize) -> Json {
        // A query has no imports and no package: all names are whole.
        self.package = usize::MAX;
        self.vars.clear();
        self.budget = 12;
        let mut strict = false;
        let query = match if index == 0 { 0 } else { self.random.below(8) } {
            0 => "x = data".to_owned(),
            1 => format!("x = data.{}", PACKAGES[self.random.below(PACKAGES.len())]),
            2 | 3 if self.known.iter().any(|known| known.arity.is_none()) => {
                let documents: Vec<Known> = self.known.iter().filter(|known| known.arity.is_none()).cloned().collect();
                let known = documents[self.random.below(documents.len())].clone();
                let path = self.path(&known);
                self.random
                    .pick(&["x = PATH", "PATH", "PATH[x]", "y = PATH[x]", "not PATH", "PATH[_]", "x = PATH[_][_]"])
                    .replace("PATH", &path)
            }
            // Without imports, the old dialect has no `in` and `every`.
            _ if self.v0 => "x = data.d".to_owned(),
            4 => {
                let ty = self.any_type();
                strict = true;
                format!("x := {}", self.builtin(ty, 1))
            }
            _ => {
                let count = self.random.between(1, 3);
                self.body(count).join("; ")
            }
        };
        let mut made = json!({"query": query, "now": 1_700_000_000_123_456_789_i64});
        if self.random.percent(85) {
            made["input"] = values::input(&mut self.random);
        }
        if strict || self.random.percent(20) {
            made["strict"] = json!(true);
        }
        made
    }

    /// A module with a small mistake.
    fn spoilt(&mut self, text: &str) -> String {
        let mut chars: Vec<char> = text.chars().collect();
        let at = self.random.below(chars.len());
        match self.random.below(4) {
            0 => {
                chars.remove(at);
            }
            1 => {
                let bits: Vec<char> = "(){}[]:=,.|&x_1\"`$ \n".chars().collect();
                chars.insert(at, bits[self.random.below(bits.len())]);
            }
            2 => {
                let end = chars.len().min(at + self.random.between(2, 12));
                chars.drain(at..end);
            }
            _ => {
                // A word is replaced by another.
                let words: Vec<&str> = text.split_whitespace().collect();
                let (from, to) = (words[self.random.below(words.len())], words[self.random.below(words.len())]);
                return text.replacen(from, to, 1);
            }
        }
        chars.into_iter().collect()
    }

    /// A string's literal.
    pub fn string(&mut self) -> String {
        let text = pools::text(&mut self.random, 's');
        pools::quoted(&mut self.random, &text)
    }
}
