//! The grammar of `sluice policy`: the flags of `opa`, so that one can stand for the other in scripts.

use super::duration;
use clap::{ArgAction, Args, Subcommand, ValueEnum};
use sluice_rego::ast::Version;
use std::time::Duration;

#[derive(Debug, Subcommand)]
pub enum Policy {
    /// Evaluate a query
    Eval(Box<Eval>),
    /// Run the tests of policies: rules whose names begin with test_
    Test(Box<Test>),
    /// Check policies for errors, without evaluating them
    Check(Check),
    /// Write policies in the one format
    Fmt(Fmt),
    /// Measure how long a query takes
    Bench(Box<Bench>),
    /// Print a policy's syntax tree
    Parse(Parse),
}

/// Which dialect policies are written in.
#[derive(Clone, Copy, Debug, Args)]
pub struct Dialect {
    /// Read policies as OPA did before 1.0
    #[arg(long)]
    pub v0_compatible: bool,
    /// Read policies as OPA does since 1.0 (the default)
    #[arg(long, hide = true)]
    pub v1_compatible: bool,
}

impl Dialect {
    /// The dialect; the older one where both are asked for.
    pub fn version(self) -> Version {
        if self.v0_compatible { Version::V0 } else { Version::V1 }
    }
}

/// Where policies, data and input come from, and what is asked.
#[derive(Clone, Debug, Args)]
pub struct Question {
    /// The query
    #[arg(required_unless_present = "stdin", conflicts_with = "stdin")]
    pub query: Option<String>,
    /// Read the query from standard input
    #[arg(long, conflicts_with = "stdin_input")]
    pub stdin: bool,
    /// File or folder with policies and data, loaded with all that is below it; PREFIX:PATH puts documents below
    /// data.PREFIX. Can be repeated
    #[arg(long, short, value_name = "PATH")]
    pub data: Vec<String>,
    /// Bundle: a folder or a .tar.gz file. Can be repeated
    #[arg(long, short, value_name = "PATH")]
    pub bundle: Vec<String>,
    /// File with the input, JSON or YAML
    #[arg(long, short, value_name = "PATH", conflicts_with = "stdin_input")]
    pub input: Option<String>,
    /// Read the input from standard input
    #[arg(long, short = 'I')]
    pub stdin_input: bool,
    /// Import for the query, e.g. `data.a.b as c`. Can be repeated
    #[arg(long, value_name = "PATH")]
    pub import: Vec<String>,
    /// Package whose rules the query names as they are
    #[arg(long, value_name = "PACKAGE")]
    pub package: Option<String>,
    /// Pattern of names of files and folders that are passed over while loading. Can be repeated
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub ignore: Vec<String>,
    #[command(flatten)]
    pub dialect: Dialect,
}

#[derive(Clone, Debug, Args)]
pub struct Eval {
    #[command(flatten)]
    pub question: Question,
    /// Form of the output
    #[arg(long, short, value_enum, default_value_t = EvalFormat::Json)]
    pub format: EvalFormat,
    /// Exit 1 when the result is undefined or empty
    #[arg(long, conflicts_with = "fail_defined")]
    pub fail: bool,
    /// Exit 1 when there is a result
    #[arg(long)]
    pub fail_defined: bool,
    /// Refuse what strict mode refuses: unused variables and imports, and more
    #[arg(long, short = 'S')]
    pub strict: bool,
    /// The first error of a builtin ends the evaluation
    #[arg(long, conflicts_with = "show_builtin_errors")]
    pub strict_builtin_errors: bool,
    /// Add the errors of builtins to the output
    #[arg(long)]
    pub show_builtin_errors: bool,
    /// End the evaluation after this time, e.g. 500ms
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
    /// Report which lines were evaluated
    #[arg(long)]
    pub coverage: bool,
    /// Show how the result came about
    #[arg(long, value_enum, default_value_t = Explain::Off)]
    pub explain: Explain,
    /// Report how long each phase took
    #[arg(long)]
    pub metrics: bool,
    /// Report where the time goes, line by line; reports metrics, too
    #[arg(long)]
    pub profile: bool,
    /// How many lines of the profile to show; 0 is all [default: 10]
    #[arg(long, value_name = "N")]
    pub profile_limit: Option<usize>,
    /// Order of the profile: total_time_ns, num_eval, num_redo, num_gen_expr, file or line. Can be repeated
    #[arg(long, value_name = "KEY", value_delimiter = ',', value_parser = ["total_time_ns", "num_eval", "num_redo", "num_gen_expr", "file", "line"])]
    pub profile_sort: Vec<String>,
    /// How often to evaluate; metrics are put together
    #[arg(long, default_value_t = 1, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    pub count: u32,
    /// Taken for the sake of scripts, as they change no result: values are never cut, and nothing of this can be switched off
    #[arg(long, hide = true, default_value_t = 80)]
    pub pretty_limit: usize,
    #[arg(long, hide = true)]
    pub disable_indexing: bool,
    #[arg(long, hide = true)]
    pub disable_early_exit: bool,
    #[arg(long, hide = true)]
    pub optimize_store_for_read_speed: bool,
}

#[derive(Clone, Debug, Args)]
pub struct Test {
    /// Files and folders with policies, data and tests
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<String>,
    /// Show each test, and why those that fail do
    #[arg(long, short)]
    pub verbose: bool,
    /// Run only tests whose full name (data.PACKAGE.NAME) matches the regular expression
    #[arg(long, short, value_name = "REGEX")]
    pub run: Option<String>,
    /// Form of the output
    #[arg(long, short, value_enum, default_value_t = TestFormat::Pretty)]
    pub format: TestFormat,
    /// Report which lines were evaluated
    #[arg(long, short)]
    pub coverage: bool,
    /// Exit 2 when less than this share of lines, in percent, was evaluated
    #[arg(long, value_name = "PERCENT", default_value_t = 0.0, hide_default_value = true)]
    pub threshold: f64,
    /// Longest time for one test [default: 5s; 30s when measuring]
    #[arg(long, value_name = "DURATION", value_parser = duration::parse)]
    pub timeout: Option<Duration>,
    /// Exit 0 when tests were skipped
    #[arg(long, short = 'z')]
    pub exit_zero_on_skipped: bool,
    /// Exit 1 when no test was run
    #[arg(long)]
    pub fail_on_empty: bool,
    /// Measure the tests
    #[arg(long)]
    pub bench: bool,
    /// Report memory with measurements; this engine does not count it
    #[arg(long, hide = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", default_value_t = true)]
    pub benchmem: bool,
    /// How often to run the tests
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub count: u32,
    /// Pattern of names of files and folders that are passed over while loading. Can be repeated
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// The paths are bundles
    #[arg(long, short)]
    pub bundle: bool,
    /// Show the lines at which tests fail
    #[arg(long)]
    pub var_values: bool,
    /// How to show what a failed test evaluated
    #[arg(long, value_enum)]
    pub explain: Option<TestExplain>,
    /// How many tests run at the same time [default: as many as there are processors]
    #[arg(long, short, value_name = "N", default_value_t = 0, hide_default_value = true)]
    pub parallel: usize,
    /// How many errors of a policy are shown
    #[arg(long, short, value_name = "N", default_value_t = 10)]
    pub max_errors: usize,
    /// Order of tests in JSON
    #[arg(long, value_enum, default_value_t = Sort::None)]
    pub sort: Sort,
    #[command(flatten)]
    pub dialect: Dialect,
}

#[derive(Clone, Debug, Args)]
pub struct Check {
    /// Files and folders with policies
    #[arg(required = true, value_name = "PATH")]
    pub paths: Vec<String>,
    /// Form of the errors
    #[arg(long, short, value_enum, default_value_t = Format::Pretty)]
    pub format: Format,
    /// Refuse what strict mode refuses: unused variables and imports, and more
    #[arg(long, short = 'S')]
    pub strict: bool,
    /// How many errors are shown
    #[arg(long, short, value_name = "N", default_value_t = 10)]
    pub max_errors: usize,
    /// The paths are bundles
    #[arg(long, short)]
    pub bundle: bool,
    /// Pattern of names of files and folders that are passed over while loading. Can be repeated
    #[arg(long, value_name = "PATTERN", value_delimiter = ',')]
    pub ignore: Vec<String>,
    /// Policies have to be good in OPA before and since 1.0
    #[arg(long, alias = "rego-v1")]
    pub v0_v1: bool,
    #[command(flatten)]
    pub dialect: Dialect,
}

#[derive(Clone, Debug, Args)]
pub struct Fmt {
    /// Files and folders with policies [default: standard input]
    #[arg(value_name = "PATH")]
    pub paths: Vec<String>,
    /// Write the files, rather than to standard output
    #[arg(long, short)]
    pub write: bool,
    /// Name the files that would change
    #[arg(long, short)]
    pub list: bool,
    /// Show what would change
    #[arg(long, short)]
    pub diff: bool,
    /// Exit 2 when a file would change
    #[arg(long)]
    pub fail: bool,
    /// Check that the result can be read
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", default_value_t = true)]
    pub check_result: bool,
    /// Drop imports of rego.v1 and future.keywords
    #[arg(long)]
    pub drop_v0_imports: bool,
    /// The result has to be good in OPA before and since 1.0
    #[arg(long, alias = "rego-v1")]
    pub v0_v1: bool,
    #[command(flatten)]
    pub dialect: Dialect,
}

#[derive(Clone, Debug, Args)]
pub struct Bench {
    #[command(flatten)]
    pub question: Question,
    /// Form of the output
    #[arg(long, short, value_enum, default_value_t = TestFormat::Pretty)]
    pub format: TestFormat,
    /// Exit 1 when the result is undefined or empty
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", default_value_t = true)]
    pub fail: bool,
    /// Report how the times are spread
    #[arg(long, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", default_value_t = true)]
    pub metrics: bool,
    /// Report memory; this engine does not count it
    #[arg(long, hide = true, action = ArgAction::Set, num_args = 0..=1, require_equals = true,
        default_missing_value = "true", default_value_t = true)]
    pub benchmem: bool,
    /// How often to measure
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub count: u32,
}

#[derive(Clone, Debug, Args)]
pub struct Parse {
    /// File with a policy
    pub path: String,
    /// Form of the output
    #[arg(long, short, value_enum, default_value_t = Format::Pretty)]
    pub format: Format,
    #[command(flatten)]
    pub dialect: Dialect,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum EvalFormat {
    /// All there is, as JSON
    Json,
    /// A JSON array of the expressions' values for each result
    Values,
    /// A JSON object of the variables for each result
    Bindings,
    /// For people
    Pretty,
    /// Values for scripts: strings as they are
    Raw,
    /// As json, but without the result
    Discard,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TestFormat {
    Pretty,
    Json,
    /// Go's format of benchmarks
    Gobench,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    Pretty,
    Json,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Sort {
    None,
    Duration,
}

/// Which events of an evaluation are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Explain {
    Off,
    Full,
    Notes,
    Fails,
    Debug,
}

/// As `Explain`, of tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum TestExplain {
    Fails,
    Full,
    Notes,
    Debug,
}
