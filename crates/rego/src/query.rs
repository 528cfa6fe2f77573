//! Queries that are compiled once and evaluated many times, and whose answers hold the values of their expressions.

use crate::ast::{Location, Module, Name, Source};
use crate::compile::names::Names;
use crate::compile::{self, Query};
use crate::engine::{Bindings, Compiled, QueryOptions, Watch};
use crate::error::{Code, Error};
use crate::eval::{Outcome, Reason};
use crate::parse::{self, Options};
use crate::trace::Tracer;
use crate::value::Value;
use crate::why::Proof;
use std::collections::HashSet;
use std::sync::Arc;

/// What the names of a query may mean besides `data` and `input`.
#[derive(Clone, Debug, Default)]
pub struct QueryScope {
    /// A package whose rules the query names as its modules do, e.g. `a.b`.
    pub package: Option<String>,
    /// As after `import`, e.g. `data.a.b as c`.
    pub imports: Vec<String>,
}

/// A query compiled against a policy. Cheap to clone; any thread may evaluate it.
#[derive(Clone, Debug)]
pub struct Prepared {
    compiled: Compiled,
    query: Arc<Query>,
    expressions: Arc<[Shown]>,
}

/// An expression of the query, and the variable of its value.
#[derive(Clone, Debug)]
struct Shown {
    text: Arc<str>,
    location: Location,
    value: Option<Name>,
}

/// One answer of a query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    /// Of each expression, in the order of the query.
    pub expressions: Vec<ExpressionValue>,
    /// Of its variables.
    pub bindings: Bindings,
}

/// What can be answered while parts of the input are not known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partly {
    /// Answers that hold whatever the unknown parts are.
    pub answers: Vec<Answer>,
    /// Why there may be more; empty where there are none.
    pub perhaps: Vec<Reason>,
}

/// An expression of a query with its value in one answer; `true` for those that only hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExpressionValue {
    /// What it came to.
    pub value: Value,
    /// As the query has it.
    pub text: Arc<str>,
    /// Within the query.
    pub location: Location,
}

impl Compiled {
    /// Compiles a query.
    ///
    /// # Errors
    /// What is wrong with it or with its scope.
    pub fn prepare(&self, query: &str, scope: &QueryScope) -> Result<Prepared, Vec<Error>> {
        let options = Options { version: self.version, ..Options::default() };
        let names = names(self, scope, &options)?;
        let source = Source::new(u32::MAX, "", query);
        let mut body = parse::parse_query(&source, &options)?;
        if body.is_empty() {
            return Err(vec![Error::new(Code::Compile, "empty query cannot be compiled")]);
        }
        let seen: Vec<_> = body
            .iter()
            .filter(|expr| !declares_only(expr))
            .map(|expr| (Arc::from(source.at(expr.location)), expr.location))
            .collect();
        let skipped: Vec<bool> = body.iter().map(declares_only).collect();
        let values = compile::capture(&mut body, &names, &self.policy.tree);
        let values = values.into_iter().zip(skipped).filter(|(_, skipped)| !skipped).map(|(value, _)| value);
        let expressions =
            seen.into_iter().zip(values).map(|((text, location), value)| Shown { text, location, value }).collect();
        let query = Arc::new(compile::compile_query_in(&self.policy, &names, &source, &body)?);
        Ok(Prepared { compiled: self.clone(), query, expressions })
    }
}

/// `some x`, which leaves nothing to evaluate.
fn declares_only(expr: &crate::ast::Expr) -> bool {
    matches!(&expr.kind, crate::ast::ExprKind::Some(decl) if matches!(**decl, crate::ast::SomeDecl::Vars(_)))
}

/// The names of a scope, read as the head of a module.
fn names(compiled: &Compiled, scope: &QueryScope, options: &Options) -> Result<Names, Vec<Error>> {
    if scope.package.is_none() && scope.imports.is_empty() {
        return Ok(Names::default());
    }
    let mut head = parse_head(&format!("package {}", scope.package.as_deref().unwrap_or("query")), options)?;
    for import in &scope.imports {
        // Each on its own, so that errors name its own first row.
        let read = parse_head(&format!("package query\nimport {import}"), options).map_err(|mut errors| {
            errors.iter_mut().for_each(|error| error.location.row = error.location.row.saturating_sub(1));
            errors
        })?;
        head.imports.extend(read.imports);
    }
    let rules = match scope.package {
        Some(_) => rules(compiled, &head.path()),
        None => HashSet::new(),
    };
    Ok(Names::new(&head, rules))
}

fn parse_head(text: &str, options: &Options) -> Result<Module, Vec<Error>> {
    parse::parse_module(&Source::new(u32::MAX, "", text), options)
}

/// The names of the rules of a package.
fn rules(compiled: &Compiled, package: &[Value]) -> HashSet<Name> {
    let tree = &compiled.policy.tree;
    let children = tree.find(package).into_iter().flat_map(|node| &tree.nodes[node].children);
    let defined = children.filter(|(_, child)| tree.nodes[**child].defined());
    defined.filter_map(|(name, _)| name.as_str().map(Arc::from)).collect()
}

impl Prepared {
    /// All answers, in the order in which they are found.
    ///
    /// # Errors
    /// The error that ended the evaluation.
    pub fn eval(&self, input: Option<Value>, options: &QueryOptions) -> Result<Vec<Answer>, Vec<Error>> {
        self.run(input, options, Watch::default()).map(|(answers, _)| answers)
    }

    /// As `eval`; the tracer hears what happens.
    ///
    /// # Errors
    /// The error that ended the evaluation.
    pub fn eval_traced(
        &self,
        input: Option<Value>,
        options: &QueryOptions,
        tracer: &mut dyn Tracer,
    ) -> Result<Vec<Answer>, Vec<Error>> {
        let watch = Watch { tracer: Some(tracer), ..Watch::default() };
        self.run(input, options, watch).map(|(answers, _)| answers)
    }

    /// As `eval`, with the reason of the answers, or of there being none. Slower, and it takes more memory.
    ///
    /// # Errors
    /// The error that ended the evaluation.
    pub fn explain(&self, input: Option<Value>, options: &QueryOptions) -> Result<(Vec<Answer>, Proof), Vec<Error>> {
        let (answers, outcome) = self.run(input, options, Watch { prove: true, ..Watch::default() })?;
        Ok((answers, outcome.proof.unwrap_or_default()))
    }

    /// As `eval` where parts of the input are not known yet: places such as `input.attestations`.
    ///
    /// # Errors
    /// The error that ended the evaluation, or a place that is none below `input`.
    pub fn eval_partly(
        &self,
        input: Option<Value>,
        unknown: &[&str],
        options: &QueryOptions,
    ) -> Result<Partly, Vec<Error>> {
        let unknown = unknown.iter().map(|place| below_input(place)).collect::<Result<_, _>>()?;
        let watch = Watch { unknown: Some(unknown), ..Watch::default() };
        let (answers, outcome) = self.run(input, options, watch)?;
        Ok(Partly { answers, perhaps: outcome.perhaps })
    }

    fn run<'t>(
        &'t self,
        input: Option<Value>,
        options: &QueryOptions,
        watch: Watch<'t>,
    ) -> Result<(Vec<Answer>, Outcome), Vec<Error>> {
        let mut outcome = self.compiled.run(&self.query, input, options, watch)?;
        let solutions = std::mem::take(&mut outcome.solutions);
        Ok((solutions.into_iter().map(|bindings| self.answer(bindings)).collect(), outcome))
    }

    fn answer(&self, mut bindings: Bindings) -> Answer {
        let mut expressions = Vec::with_capacity(self.expressions.len());
        for shown in self.expressions.iter() {
            let value = shown.value.as_ref().and_then(|name| bindings.remove(&**name)).unwrap_or(Value::Bool(true));
            expressions.push(ExpressionValue { value, text: shown.text.clone(), location: shown.location });
        }
        Answer { expressions, bindings }
    }
}

/// The keys of a place below `input`, e.g. `input.image.ref`.
fn below_input(place: &str) -> Result<Vec<Value>, Vec<Error>> {
    let wrong = || vec![Error::new(Code::Compile, format!("`{place}` is no place below `input`, e.g. `input.image`"))];
    let source = Source::new(u32::MAX, "", place);
    let body = parse::parse_query(&source, &Options::default())?;
    let [crate::ast::Expr { kind: crate::ast::ExprKind::Term(term), .. }] = body.as_slice() else {
        return Err(wrong());
    };
    match &term.kind {
        crate::ast::TermKind::Var(name) if &**name == "input" => Ok(Vec::new()),
        crate::ast::TermKind::Ref(r) if r.head.as_var().is_some_and(|head| &**head == "input") => {
            let key = |term: &crate::ast::Term| match &term.kind {
                crate::ast::TermKind::Scalar(value) => Some(value.clone()),
                _ => None,
            };
            r.path.iter().map(key).collect::<Option<_>>().ok_or_else(wrong)
        }
        _ => Err(wrong()),
    }
}
