//! What to do about what went wrong, where there is something to say. Pure.

use super::failure::Failure;

/// Hints by what a message says.
const HINTS: &[(&str, &str)] = &[
    (": merge error", "another file has a value at the same path; `PREFIX:PATH` puts documents below data.PREFIX"),
    (": document must be of type object", "`PREFIX:PATH` puts a document of any kind at data.PREFIX"),
    (
        "conflicting rule for data path",
        "a rule and a document have the same path; rename one, or move the data with `PREFIX:PATH`",
    ),
    ("can't recognize file type", "files are read as .rego, .json, .yaml, .yml or .tar.gz"),
    ("exceeded max depth", "documents are read up to 1000 levels deep"),
    ("illegal utf-8 character", "policies are UTF-8 text; is this one?"),
    ("illegal null character", "policies are UTF-8 text; is this one?"),
    ("keyword is required before rule body", "policies from before OPA 1.0 are read with `--v0-compatible`"),
    ("must be used for partial set rules", "policies from before OPA 1.0 are read with `--v0-compatible`"),
    ("takes longer than allowed", "`--timeout` gives it more time"),
    ("unsupported URL scheme", "give a path or a file:// URL"),
    ("do not permit", "a bundle holds only what lies below the roots of its .manifest"),
    ("have overlapping roots", "give each bundle roots of its own in its .manifest, or name folders with `--data`"),
    ("specify empty root paths", "give each bundle roots of its own in its .manifest, or name folders with `--data`"),
];

/// What to print after failures: each hint once, after an empty line.
pub fn hints(failures: &[Failure]) -> String {
    let mut found: Vec<&str> = Vec::new();
    for failure in failures {
        if let Failure::Rego(error) | Failure::Query(error, _) = failure
            && let Some(hint) = error.hint()
            && !found.contains(&hint)
        {
            found.push(hint);
        }
        let text = failure.to_string();
        for (part, hint) in HINTS {
            if text.contains(part) && !found.contains(hint) {
                found.push(hint);
            }
        }
    }
    if found.is_empty() { String::new() } else { format!("\nhint: {}\n", found.join("\nhint: ")) }
}

#[cfg(test)]
mod tests {
    use super::hints;
    use crate::commands::policy::output::failure::Failure;

    #[test]
    fn each_hint_is_given_once() {
        let failure = |text: &str| Failure::Plain(text.to_owned());
        assert_eq!(hints(&[failure("nothing to say")]), "");
        let both =
            hints(&[failure("a: merge error"), failure("b: merge error"), failure("c: unsupported URL scheme: x://")]);
        assert_eq!(both.lines().count(), 3, "{both}");
        assert!(both.starts_with("\nhint: another file"));
    }
}
