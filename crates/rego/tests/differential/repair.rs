//! A request that OPA refused, without the rules in which the errors are: most of its policy is still worth comparing.

use serde_json::{Value as Json, json};

/// The request without what its errors point at; none where nothing was refused or nothing is left.
pub fn repaired(request: &Json, answer: &Json) -> Option<Json> {
    let errors = answer["errors"].as_array()?;
    let mut left = request.clone();
    for error in errors {
        let (file, row) = (error["file"].as_str()?, usize::try_from(error["row"].as_u64()?).ok()?);
        let text = request["modules"][file].as_str()?;
        let rule = rule_at(text, row)?;
        let now = left["modules"][file].as_str()?.replacen(rule, "", 1);
        left["modules"][file] = json!(now);
    }
    (left != *request).then_some(left)
}

/// The rule (a paragraph) that has a row.
fn rule_at(text: &str, row: usize) -> Option<&str> {
    let mut first = 1;
    for rule in text.split_inclusive("\n\n") {
        let next = first + rule.matches('\n').count();
        if (first..next.max(first + 1)).contains(&row) {
            let words = rule.trim();
            return (!words.is_empty() && !words.starts_with("import") && !words.starts_with("package"))
                .then_some(rule);
        }
        first = next;
    }
    None
}
