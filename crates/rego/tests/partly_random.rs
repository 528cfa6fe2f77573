//! Random small policies: what is told while parts of the input are not known agrees with what is told once they are, for
//! each of several values that they may have; and an explained evaluation answers as a plain one does.
#![allow(clippy::unwrap_used, clippy::panic)]

use sluice_rego::ast::Version;
use sluice_rego::{Answer, Code, Compiled, Engine, QueryOptions, QueryScope, Value, json};

const ROUNDS: u64 = 150;
const UNKNOWN: &[&str] = &["input.u", "input.k.w"];
/// What an unknown place may come to be; nothing stands for its being absent.
const COMPLETIONS: &[&str] = &[
    "",
    "1",
    "2",
    "false",
    "null",
    "\"a\"",
    "[]",
    "[1, 2]",
    "[1, [2]]",
    "{\"x\": 1}",
    "{\"x\": {\"y\": 2}, \"a\": 1}",
];

/// A sequence of numbers that its seed decides (splitmix64).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap()
    }

    fn pick<'a>(&mut self, from: &[&'a str]) -> &'a str {
        from[self.below(from.len())]
    }
}

/// What a rule's place holds.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Value,
    Set,
    Object,
    Function,
}

/// A policy in the making; its rules use those before them.
struct Writer {
    random: Random,
    rules: Vec<Kind>,
    fresh: usize,
}

impl Writer {
    fn any(&mut self, kind: Kind) -> Option<usize> {
        let found: Vec<usize> = (0..self.rules.len()).filter(|i| self.rules[*i] == kind).collect();
        (!found.is_empty()).then(|| found[self.random.below(found.len())])
    }

    fn var(&mut self) -> String {
        self.fresh += 1;
        format!("v{}", self.fresh)
    }

    fn constant(&mut self) -> String {
        self.random.pick(&["1", "2", "\"a\"", "\"x\"", "false", "null", "[1, 2]", "{\"x\": 1}", "[]", "{1}"]).to_owned()
    }

    /// A place of the input, known or not.
    fn place(&mut self) -> String {
        let places = [
            "input.k.a",
            "input.k.l",
            "input.k.none",
            "input.k.w",
            "input.u",
            "input.u.x",
            "input.u[0]",
            "input.k",
            "input",
        ];
        self.random.pick(&places).to_owned()
    }

    fn term(&mut self, vars: &[String], depth: usize) -> String {
        match self.random.below(if depth == 0 { 6 } else { 13 }) {
            0 | 1 => self.constant(),
            2 | 3 => self.place(),
            4 | 5 if !vars.is_empty() => vars[self.random.below(vars.len())].clone(),
            6 => match self.any(Kind::Value) {
                Some(i) => format!("r{i}"),
                None => self.place(),
            },
            7 => match self.any(Kind::Function) {
                Some(i) => format!("r{i}({})", self.term(vars, depth - 1)),
                None => self.place(),
            },
            8 => match self.any(Kind::Set).or(self.any(Kind::Object)) {
                Some(i) => format!("r{i}"),
                None => self.constant(),
            },
            9 => {
                let var = self.var();
                let (open, close) = if self.random.below(2) == 0 { ("[", "]") } else { ("{", "}") };
                let body = self.body(vars, depth - 1, "; ", Some(&var));
                format!("{open}{var} | {body}{close}")
            }
            10 => format!("count({})", self.term(vars, depth - 1)),
            11 => format!("[{}, {}]", self.term(vars, depth - 1), self.term(vars, depth - 1)),
            12 => format!("object.get({}, \"x\", {})", self.term(vars, depth - 1), self.term(vars, depth - 1)),
            _ => self.place(),
        }
    }

    /// Something that can be gone through.
    fn collection(&mut self, vars: &[String], depth: usize) -> String {
        match self.random.below(6) {
            0 => "input.k.l".to_owned(),
            1 => "input.u".to_owned(),
            2 => "input.k".to_owned(),
            3 => match self.any(Kind::Set) {
                Some(i) => format!("r{i}"),
                None => "[1, 2, 3]".to_owned(),
            },
            4 => match self.any(Kind::Object) {
                Some(i) => format!("r{i}"),
                None => "input.k.w".to_owned(),
            },
            _ => self.term(vars, depth),
        }
    }

    fn expr(&mut self, vars: &mut Vec<String>, depth: usize) -> String {
        let inner = depth.saturating_sub(1);
        match self.random.below(if depth == 0 { 5 } else { 13 }) {
            0 => self.term(vars, inner),
            1 | 2 => {
                let operator = self.random.pick(&["==", "!=", "<", ">="]);
                format!("{} {operator} {}", self.term(vars, inner), self.term(vars, inner))
            }
            3 => format!("{} in {}", self.term(vars, inner), self.collection(vars, inner)),
            4 | 5 => {
                let (var, collection) = (self.var(), self.collection(vars, inner));
                vars.push(var.clone());
                format!("some {var} in {collection}")
            }
            6 => {
                let (var, term) = (self.var(), self.term(vars, inner));
                vars.push(var.clone());
                format!("{var} := {term}")
            }
            7 | 8 => {
                let expr = self.expr(&mut vars.clone(), 0);
                if expr.starts_with("some") { format!("not {}", self.term(vars, inner)) } else { format!("not {expr}") }
            }
            9 => {
                let (var, collection) = (self.var(), self.collection(vars, inner));
                let mut within = vars.clone();
                within.push(var.clone());
                let body = self.body(&within, inner, "; ", None);
                format!("every {var} in {collection} {{ {body} }}")
            }
            10 => {
                let target = self.random.pick(&["input", "input.u", "input.k.a", "input.k", "input.u.x"]).to_owned();
                format!("{} with {target} as {}", self.term(vars, inner), self.term(vars, inner))
            }
            11 => match self.any(Kind::Set).or(self.any(Kind::Object)) {
                Some(i) => format!("r{i}[{}]", self.term(vars, inner)),
                None => self.term(vars, inner),
            },
            _ => {
                let (key, value, collection) = (self.var(), self.var(), self.collection(vars, inner));
                vars.extend([key.clone(), value.clone()]);
                format!("some {key}, {value} in {collection}")
            }
        }
    }

    /// One to three expressions; a given variable is bound by the last.
    fn body(&mut self, vars: &[String], depth: usize, between: &str, bind: Option<&str>) -> String {
        let mut vars = vars.to_vec();
        let mut exprs: Vec<String> = (0..=self.random.below(3)).map(|_| self.expr(&mut vars, depth)).collect();
        if let Some(bind) = bind {
            let depth = depth.saturating_sub(1);
            exprs.push(match self.random.below(2) {
                0 => format!("{bind} := {}", self.term(&vars, depth)),
                _ => format!("some {bind} in {}", self.collection(&vars, depth)),
            });
        }
        exprs.join(between)
    }

    fn rule(&mut self, out: &mut String) {
        let i = self.rules.len();
        let kind = [Kind::Value, Kind::Value, Kind::Set, Kind::Object, Kind::Function][self.random.below(5)];
        if matches!(kind, Kind::Value) && self.random.below(4) == 0 {
            out.push_str(&format!("default r{i} := {}\n", self.random.pick(&["false", "0", "\"d\""])));
        }
        for _ in 0..=self.random.below(2) {
            let (bind, arg) = (self.var(), self.var());
            let vars = if kind == Kind::Function { vec![arg.clone()] } else { Vec::new() };
            let body = self.body(&vars, 2, "\n\t", Some(&bind));
            let value = if self.random.below(2) == 0 { "true".to_owned() } else { bind.clone() };
            let head = match kind {
                Kind::Value => format!("r{i} := {value}"),
                Kind::Set => format!("r{i} contains {bind}"),
                Kind::Object => format!("r{i}[{bind}] := {}", self.random.pick(&["1", "true", &bind])),
                Kind::Function => format!("r{i}({arg}) := {value}"),
            };
            out.push_str(&format!("{head} if {{\n\t{body}\n}}"));
            if matches!(kind, Kind::Value | Kind::Function) && self.random.below(3) == 0 {
                let body = self.body(&vars, 1, "\n\t", None);
                out.push_str(&format!(
                    " else := {} if {{\n\t{body}\n}}",
                    self.random.pick(&["false", "\"e\"", "true"])
                ));
            }
            out.push('\n');
        }
        self.rules.push(kind);
    }
}

fn policy(seed: u64) -> (String, usize) {
    let mut writer = Writer { random: Random(seed), rules: Vec::new(), fresh: 0 };
    let mut text = "package t\n".to_owned();
    for _ in 0..=writer.random.below(4) {
        writer.rule(&mut text);
    }
    (text, writer.rules.len())
}

fn compiled(text: &str) -> Option<Compiled> {
    let mut engine = Engine::new(Version::V1);
    engine.add_module("t.rego", text).unwrap_or_else(|errors| panic!("{text}: {}", errors[0]));
    // Types may forbid what was drawn.
    engine.compile().ok()
}

fn input(u: &str, w: &str) -> Value {
    let u = if u.is_empty() { String::new() } else { format!(", \"u\": {u}") };
    let w = if w.is_empty() { String::new() } else { format!(", \"w\": {w}") };
    json::parse(&format!("{{\"k\": {{\"a\": 1, \"l\": [1, 2, \"x\"]{w}}}{u}}}")).unwrap()
}

/// What an answer says, without where.
fn said(answers: &[Answer]) -> Vec<String> {
    answers.iter().map(|answer| format!("{:?} {:?}", answer.expressions[0].value, answer.bindings)).collect()
}

#[test]
fn what_is_told_early_is_told_later_too() {
    let options = QueryOptions::default();
    let (mut compared, mut sure, mut open) = (0, 0, 0);
    for seed in 0..ROUNDS {
        let (text, rules) = policy(seed);
        let Some(compiled) = compiled(&text) else { continue };
        for query in (0..rules)
            .flat_map(|i| [format!("data.t.r{i}"), format!("some m in data.t.r{i}"), format!("not data.t.r{i}")])
        {
            let Ok(query) = compiled.prepare(&query, &QueryScope::default()) else { continue };
            let early = match query.eval_partly(Some(input("", "")), UNKNOWN, &options) {
                Ok(early) => early,
                Err(errors) => {
                    assert_ne!(errors[0].code, Code::EvalInternal, "seed {seed}: {}\n{text}", errors[0]);
                    continue;
                }
            };
            let told = said(&early.answers);
            compared += 1;
            sure += usize::from(early.perhaps.is_empty());
            open += usize::from(!early.perhaps.is_empty());
            for round in 0..COMPLETIONS.len() {
                let (u, w) =
                    (COMPLETIONS[round], COMPLETIONS[(round * 7 + usize::try_from(seed).unwrap()) % COMPLETIONS.len()]);
                // Rules may contradict one another once more is known.
                let Ok(late) = query.eval(Some(input(u, w)), &options) else { continue };
                let late = said(&late);
                let missing = told.iter().find(|answer| !late.contains(answer));
                assert_eq!(missing, None, "seed {seed}, u {u}, w {w}: {late:?}\n{text}");
                if early.perhaps.is_empty() {
                    assert!(
                        late.iter().all(|answer| told.contains(answer)),
                        "seed {seed}, u {u}, w {w}: {told:?} {late:?}\n{text}"
                    );
                }
            }
        }
    }
    assert!(compared > 150 && sure > 40 && open > 80, "{compared} {sure} {open}");
}

#[test]
fn explained_is_answered_the_same() {
    let options = QueryOptions::default();
    for seed in 0..ROUNDS {
        let (text, rules) = policy(seed);
        let Some(compiled) = compiled(&text) else { continue };
        let input = input(COMPLETIONS[usize::try_from(seed).unwrap() % COMPLETIONS.len()], "[1, 2]");
        for i in 0..rules {
            let Ok(query) = compiled.prepare(&format!("data.t.r{i}"), &QueryScope::default()) else { continue };
            let plain = query.eval(Some(input.clone()), &options);
            let explained = query.explain(Some(input.clone()), &options);
            match (plain, explained) {
                (Ok(plain), Ok((answers, _))) => assert_eq!(plain, answers, "seed {seed}\n{text}"),
                (plain, explained) => assert_eq!(plain.is_err(), explained.is_err(), "seed {seed}\n{text}"),
            }
        }
    }
}
