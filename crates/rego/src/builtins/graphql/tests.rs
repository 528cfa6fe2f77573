//! Hostile documents: nesting, exponential work, and mutations of documents that use the whole grammar. What OPA answers
//! is in the table of `tests/graphql.rs`.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::super::{BuiltinError, Context, lookup};
use crate::limits::{Budget, Limits};
use crate::value::Value;

const SCHEMA: &str = r#"
"About" schema @on(s: "x") { query: Query }
directive @on(s: String! = "y", l: [Int!]) repeatable on SCHEMA | QUERY | FIELD | OBJECT | ENUM_VALUE
interface Node { id: ID! }
type Query implements Node { id: ID! node(of: In, kind: Kind = A, on: [[Int]!], date: Date): Node self: Query u: Any }
type Leaf implements Node @on { id: ID! kind: Kind }
union Any = | Query | Leaf
enum Kind { A @on B }
input In { a: Int = 1, b: [In!], """
  block "text"
  """ c: String @deprecated(reason: "\u00e9") }
extend enum Kind { C }
scalar Date @specifiedBy(url: "x")
"#;

const QUERY: &str = r#"# comment
query Q($v: In = {a: 2, b: [{c: "\n"}]}, $k: [[Int]!]) @on {
  id x: node(of: $v, kind: B, on: $k) @on(l: [1, 2]) { ... on Leaf { kind } ...F __typename }
  y: node(date: -1.5e3, of: {a: -1, b: null, c: """b
    s"""}) { id } self { u { ... { __typename } } __schema { types { name } } }
}
fragment F on Node { id ... on Query { self { ...G } } }
fragment G on Query { id self { id } }
"#;

fn call(name: &str, arguments: &[Value]) -> Result<Value, BuiltinError> {
    (lookup(name).unwrap().call)(arguments, &mut Context::default()).map(Option::unwrap)
}

fn parse(query: &str, schema: &str) -> Result<Value, String> {
    call("graphql.parse", &[query.into(), schema.into()]).map_err(|error| error.to_string())
}

#[test]
fn nesting_is_bounded() {
    for depth in [101, 100_000] {
        let nested = |open: &str, close: &str| open.repeat(depth) + &close.repeat(depth);
        for query in [
            nested("{a", "}"),
            "{a".repeat(depth),
            format!("{{ a(b: {}) }}", nested("[", "]")),
            format!("{{ a(b: {}1{}) }}", "{c: ".repeat(depth), "}".repeat(depth)),
            format!("query ($a: {}Int{}) {{ b }}", "[".repeat(depth), "]".repeat(depth)),
            nested("{...", "}"),
        ] {
            let error = parse(&query, SCHEMA).unwrap_err();
            assert!(error.starts_with("Nested too deeply in GraphQL string at location 1:"), "{error}");
            let valid = call("graphql.is_valid", &[query.as_str().into(), SCHEMA.into()]);
            assert_eq!(valid, Err(BuiltinError::Halt(error)));
        }
        let schema = format!("type Query {{ a: {}Int{} }}", "[".repeat(depth), "]".repeat(depth));
        assert!(parse("{ a }", &schema).is_err());
    }
    let mut selection = Value::object([("Name".into(), "self".into())]);
    let mut item = Value::object([("NamedType".into(), "Int".into())]);
    for _ in 0..500 {
        selection = Value::object([("Name".into(), "self".into()), ("SelectionSet".into(), Value::array([selection]))]);
        item = Value::object([("Elem".into(), item)]);
    }
    let operation = Value::object([("SelectionSet".into(), Value::array([selection]))]);
    let query = Value::object([("Operations".into(), Value::array([operation]))]);
    let field = Value::object([("Name".into(), "a".into()), ("Type".into(), item)]);
    let definition = Value::object([("Name".into(), "A".into()), ("Fields".into(), Value::array([field]))]);
    let schema = Value::object([("Definitions".into(), Value::array([definition]))]);
    for arguments in [[query, SCHEMA.into()], [QUERY.into(), schema]] {
        let error = call("graphql.parse", &arguments).unwrap_err();
        assert_eq!(error, BuiltinError::Failed("the AST object is nested too deeply".into()));
    }
}

/// Documents at the bounds, in half of the stack that a thread has.
#[test]
fn what_is_accepted_fits_the_stack() {
    let run = || {
        let fields = format!("{{ {}id{} }}", "self { ".repeat(98), " }".repeat(98));
        let twice = format!("{{ {0} {0} }}", &fields[1..fields.len() - 1]);
        assert!(parse(&twice, SCHEMA).is_ok());
        let list = format!("{{ node(of: {{b: {}1{}}}) {{ id }} }}", "[".repeat(98), "]".repeat(98));
        assert!(parse(&list, SCHEMA).is_err());
        let chain: String =
            (0..240).map(|i| format!("fragment F{i} on Query {{ id self {{ ...F{} }} }} ", i + 1)).collect();
        let chain = chain + "fragment F240 on Query { id }";
        assert!(parse(&format!("{{ ...F0 }} {chain}"), SCHEMA).is_ok());
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(run).unwrap().join().unwrap();
}

#[test]
fn exponential_work_ends() {
    let limit = Err("GraphQL validation takes too many steps".to_owned());
    let chain = |of: &str, part: &dyn Fn(usize) -> String| -> String {
        (0..60).map(|i| format!("fragment F{i} on {of} {{ {} }} ", part(i))).collect::<String>()
            + &format!("fragment F60 on {of} {{ __typename }}")
    };
    let twice = chain("__Schema", &|i| format!("...F{0} ... {{ ...F{0} }}", i + 1));
    assert_eq!(parse(&format!("{{ __schema {{ ...F0 }} }} {twice}"), SCHEMA), limit);
    let nested = chain("Query", &|i| format!("self {{ ...F{0} }} self {{ id ...F{0} }}", i + 1));
    assert!(parse(&format!("{{ ...F0 }} {nested}"), SCHEMA).is_ok());
    let many = format!("{{ {} }}", "id ".repeat(20_000));
    assert_eq!(parse(&many, SCHEMA), limit);
    let faults = format!("{{ {} }}", (0..5000).map(|i| format!("unknown{i} ")).collect::<String>());
    assert!(parse(&faults, SCHEMA).unwrap_err().len() < 2 << 20);
    let long = format!("{{ {} }}", "a".repeat(1 << 20));
    assert!(parse(&long, SCHEMA).unwrap_err().starts_with("Cannot query field \"aaa"));
    let types: String = (0..5000).map(|i| format!("type T{i} implements Node {{ id: ID! }} ")).collect();
    assert!(parse("{ id }", &format!("{SCHEMA} {types}")).is_ok());
    // Fragments that are spread in themselves are told even where the library does not come to an end.
    let cycle = "{ ...F } fragment F on Query { self { ...F } ...G } fragment G on Query { self { ...G } ...F }";
    assert!(parse(cycle, SCHEMA).unwrap_err().contains("Cannot spread fragment \"F\" within itself"));
}

#[test]
fn mutated_documents_are_answered() {
    let tokens = |text: &str| -> Vec<String> {
        text.split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_')
            .flat_map(|part| {
                let at = part.char_indices().last().map_or(0, |(i, _)| i);
                [part[..at].to_owned(), part[at..].to_owned()]
            })
            .filter(|part| !part.is_empty())
            .collect()
    };
    let documents = [tokens(QUERY), tokens(SCHEMA)];
    let mut context = Context { seed: 20, ..Context::default() };
    let mut below = |n: usize| (context.random() % n.max(1) as u64) as usize;
    let mut valid = 0;
    for _ in 0..2000 {
        let which = below(2);
        let mut mutated = documents[which].clone();
        for _ in 0..=below(2) {
            let (i, j) = (below(mutated.len()), below(mutated.len()));
            match below(5) {
                0 => drop(mutated.remove(i)),
                1 => mutated.swap(i, j),
                2 => mutated[i] = mutated[j].clone(),
                3 => {
                    mutated.insert(i, ["\"", "\\", "é", "\r\n", "}", "#", "$", "\"\"\"", "\u{0}"][below(9)].to_owned())
                }
                _ => {
                    let other = &documents[below(2)];
                    mutated.insert(i, other[below(other.len())].clone());
                }
            }
        }
        let mutated = mutated.concat();
        let both = if which == 0 { [mutated.as_str(), SCHEMA] } else { [QUERY, mutated.as_str()] };
        let objects = [("graphql.parse_query", both[0]), ("graphql.parse_schema", both[1])]
            .map(|(name, text)| call(name, &[text.into()]));
        let answer = call("graphql.is_valid", &both.map(Value::from)).unwrap();
        valid += usize::from(answer == true.into());
        if let [Ok(_), Ok(schema)] = objects
            && which == 1
        {
            // An AST object says the same as the text.
            assert_eq!(call("graphql.schema_is_valid", &[schema]), call("graphql.schema_is_valid", &[both[1].into()]));
        }
    }
    assert!((100..1900).contains(&valid), "{valid}");
}

#[test]
fn the_documents_that_are_mutated_are_valid() {
    let Ok(Value::Array(both)) = parse(QUERY, SCHEMA) else { panic!("{:?}", parse(QUERY, SCHEMA)) };
    assert_eq!(call("graphql.schema_is_valid", &[both[1].clone()]), Ok(true.into()));
}

#[test]
fn kept_schemas_answer_and_cost_as_new_ones() {
    let mut context = Context::default();
    let mut taken = Vec::new();
    let mut answers = Vec::new();
    for _ in 0..2 {
        answers.push((lookup("graphql.parse").unwrap().call)(&[QUERY.into(), SCHEMA.into()], &mut context));
        answers.push((lookup("graphql.is_valid").unwrap().call)(&["{ no }".into(), SCHEMA.into()], &mut context));
        taken.push(context.budget.steps());
    }
    assert_eq!(answers[..2], answers[2..]);
    // But for what makes no whole step.
    assert!(taken[1].abs_diff(2 * taken[0]) <= 1, "{taken:?}");
    context.budget = Budget::new(Limits { steps: 10, ..Limits::default() }, None);
    let outcome = (lookup("graphql.schema_is_valid").unwrap().call)(&[SCHEMA.into()], &mut context);
    assert!(matches!(outcome, Err(BuiltinError::Limit(_))), "{outcome:?}");
}
