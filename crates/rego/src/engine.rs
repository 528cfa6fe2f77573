//! The library's front: modules and data in, compiled once, queried many times.

use crate::ast::{Module, Source, Version};
use crate::builtins::{Caches, Context, HostBuiltin};
use crate::compile::{self, Policy, Query};
use crate::error::{Code, Error};
use crate::eval::{self, Outcome, Start};
use crate::limits::{Budget, Cancel, Limits};
use crate::parse::{self, Options};
use crate::trace::Tracer;
use crate::value::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a policy is made of.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    version: Version,
    modules: Vec<Module>,
    options: compile::Options,
    data: Option<Value>,
    /// Bytes of source that are compiled together; none is no limit.
    most_source: Option<usize>,
}

/// A policy and its data, ready to be queried from any thread. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Compiled {
    pub(crate) policy: Arc<Policy>,
    data: Value,
    pub(crate) version: Version,
    caches: Arc<Caches>,
}

/// How a query is evaluated.
#[derive(Clone, Debug, Default)]
pub struct QueryOptions {
    /// Errors of builtins end the evaluation rather than being undefined.
    pub strict_builtin_errors: bool,
    /// What it may use.
    pub limits: Limits,
    /// By which the host may end it early.
    pub cancel: Option<Cancel>,
    /// `time.now_ns`.
    pub now_ns: i64,
    /// Randomness for `rand.intn` and `uuid.rfc4122`.
    pub seed: u64,
}

/// The variables of a query in one of its solutions.
pub type Bindings = BTreeMap<String, Value>;

impl Engine {
    /// An engine for a dialect.
    pub fn new(version: Version) -> Self {
        Self { version, ..Self::default() }
    }

    /// Reads a module and adds it.
    ///
    /// # Errors
    /// What is wrong with its syntax, or that it is too long ([`Engine::limit_source`]).
    pub fn add_module(&mut self, file: &str, text: &str) -> Result<(), Vec<Error>> {
        self.within_source(text.len())?;
        let index = u32::try_from(self.modules.len()).unwrap_or(u32::MAX);
        let options = Options { version: self.version, annotations: true, ..Options::default() };
        self.modules.push(parse::parse_module(&Source::new(index, file, text), &options)?);
        Ok(())
    }

    /// Adds a module that was read already. Its source's index has to be the number of modules added before it, as
    /// locations name their file by it.
    pub fn add_parsed(&mut self, module: Module) {
        self.modules.push(module);
    }

    /// Adds a builtin of the host; it comes before one of the same name here.
    pub fn add_builtin(&mut self, builtin: HostBuiltin) {
        self.options.hosts.push(builtin);
    }

    /// Makes errors of what is only careless: imports, variables and arguments that nothing uses.
    pub fn set_strict(&mut self, strict: bool) {
        self.options.strict = strict;
    }

    /// Limits how many bytes of source are compiled together: more is an error of [`Engine::compile`], and of
    /// [`Engine::add_module`] before the module is read. Compiling takes about linear time in the source for most
    /// policies, but what refers to everything by variables, or unites very many types, may take its square.
    pub fn limit_source(&mut self, bytes: usize) {
        self.most_source = Some(bytes);
    }

    /// An error where so much more source would be beyond the limit.
    fn within_source(&self, more: usize) -> Result<(), Vec<Error>> {
        let Some(most) = self.most_source else { return Ok(()) };
        let bytes = self.modules.iter().map(|module| module.source.text.len()).fold(more, usize::saturating_add);
        if bytes <= most {
            return Ok(());
        }
        let message = format!("{bytes} bytes of source: at most {most} are compiled together");
        Err(vec![Error::new(Code::Compile, message)])
    }

    /// Sets the base documents.
    pub fn set_data(&mut self, data: Value) {
        self.data = Some(data);
    }

    /// Keeps calls of `print`, for a [`Tracer`] to hear. Without this they are dropped, as if they were not there.
    pub fn keep_prints(&mut self) {
        self.options.prints = true;
    }

    /// Compiles what was added.
    ///
    /// # Errors
    /// All that is wrong with the modules together.
    pub fn compile(&self) -> Result<Compiled, Vec<Error>> {
        self.within_source(0)?;
        let policy = Arc::new(compile::compile(&self.modules, &self.options)?);
        let data = self.data.clone().unwrap_or_else(|| Value::object([]));
        Ok(Compiled { policy, data, version: self.version, caches: Arc::default() })
    }
}

impl Compiled {
    /// The same policy over other base documents.
    pub fn with_data(&self, data: Value) -> Self {
        Self { data, ..self.clone() }
    }

    /// The source that locations name by its index.
    pub fn source(&self, index: u32) -> Option<&Source> {
        self.policy.sources.iter().find(|source| source.index == index)
    }

    /// What is no error but hardly meant: imports that nothing uses, and bodies that can never hold.
    pub fn warnings(&self) -> &[Error] {
        &self.policy.warnings
    }

    /// The paths, from `data`, of all documents and functions that rules define, in order.
    pub fn rules(&self) -> impl Iterator<Item = Vec<Value>> {
        let mut paths: Vec<&Vec<Value>> =
            self.policy.tree.nodes.iter().filter(|node| node.defined()).map(|node| &node.path).collect();
        paths.sort();
        paths.into_iter().cloned()
    }

    /// All solutions of a query.
    ///
    /// # Errors
    /// What is wrong with the query, or the error that ended its evaluation.
    pub fn eval_query(
        &self,
        query: &str,
        input: Option<Value>,
        options: &QueryOptions,
    ) -> Result<Vec<Bindings>, Vec<Error>> {
        let source = Source::new(u32::MAX, "", query);
        let body = parse::parse_query(&source, &Options { version: self.version, ..Options::default() })?;
        let query = compile::compile_query(&self.policy, &source, &body)?;
        self.run(&query, input, options, Watch::default()).map(|outcome| outcome.solutions)
    }

    /// Evaluates a compiled query.
    pub(crate) fn run<'t>(
        &'t self,
        query: &'t Query,
        input: Option<Value>,
        options: &QueryOptions,
        watch: Watch<'t>,
    ) -> Result<Outcome, Vec<Error>> {
        let start = Start {
            input,
            data: self.data.clone(),
            context: Context {
                now_ns: options.now_ns,
                seed: options.seed,
                budget: Budget::new(options.limits, options.cancel.clone()),
                caches: self.caches.clone(),
                ..Context::default()
            },
            strict: options.strict_builtin_errors,
            prove: watch.prove,
            unknown: watch.unknown,
        };
        on_deep_stack(|| eval::solve(&self.policy, query, start, watch.tracer)).map_err(|error| vec![error])
    }
}

/// What an evaluation is asked to tell besides its answer.
#[derive(Default)]
pub(crate) struct Watch<'t> {
    pub tracer: Option<&'t mut dyn Tracer>,
    /// Record a proof.
    pub prove: bool,
    /// Places below `input` that are not known.
    pub unknown: Option<Vec<Vec<Value>>>,
}

/// What evaluation's limit of depth can need.
const STACK: usize = 512 << 20;

/// Runs work that nests deeply on a thread with room for it; pages that are not used cost nothing.
fn on_deep_stack<T: Send>(work: impl FnOnce() -> Result<T, Error> + Send) -> Result<T, Error> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(STACK).spawn_scoped(scope, work);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) | Err(_) => Err(Error::new(Code::EvalInternal, "the evaluation's thread failed")),
        }
    })
}
