//! Checks modules as `opa check` does: `check [--strict] [--v0] [--hints] [--separately] [--times=N] [--columns] [--host=DECLARATIONS] FILE..` prints what is wrong.

use sluice_rego::Engine;
use sluice_rego::ast::Version;
use sluice_rego::builtins::HostBuiltin;

/// Declares the builtins of a file, one a line: `name(x: type) => type`.
fn declare(engine: &mut Engine, file: &str) {
    for line in std::fs::read_to_string(file).unwrap_or_default().lines() {
        let Some((name, declaration)) = line.find('(').map(|at| line.split_at(at)) else { continue };
        let arity = sluice_rego::types::declaration(declaration).map_or(0, |function| function.args.len());
        match HostBuiltin::new(name, arity, |_, _| Ok(None)).typed(declaration) {
            Ok(builtin) => engine.add_builtin(builtin),
            Err(error) => println!("{line}: {error}"),
        }
    }
}

fn main() {
    let (options, files): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|arg| arg.starts_with("--"));
    let has = |name: &str| options.iter().any(|option| option == name);
    let sets: Vec<&[String]> = if has("--separately") { files.chunks(1).collect() } else { vec![&files] };
    for files in sets {
        if has("--separately") {
            println!("## {}", files.concat());
        }
        let mut engine = Engine::new(if has("--v0") { Version::V0 } else { Version::V1 });
        engine.keep_prints();
        engine.set_strict(has("--strict"));
        options.iter().filter_map(|option| option.strip_prefix("--host=")).for_each(|file| declare(&mut engine, file));
        let mut errors = Vec::new();
        for file in files {
            let text = std::fs::read(file).unwrap_or_default();
            if let Err(wrong) = engine.add_module(file, &String::from_utf8_lossy(&text)) {
                errors.extend(wrong);
            }
        }
        let times = options.iter().find_map(|option| option.strip_prefix("--times=")?.parse().ok());
        (1..times.unwrap_or(1)).for_each(|_| drop(engine.compile()));
        if errors.is_empty() {
            match engine.compile() {
                Ok(policy) => {
                    let warnings = policy.warnings().iter().filter(|_| has("--hints"));
                    warnings.for_each(|warning| println!("warning: {warning}"));
                }
                Err(wrong) => errors.extend(wrong),
            }
        }
        for error in errors {
            if has("--columns") {
                print!("{}:{}: ", error.location.row, error.location.col);
            }
            println!("{error}");
            if let Some(hint) = error.hint().filter(|_| has("--hints")) {
                println!("\thint: {hint}");
            }
        }
    }
}
