//! Values put into a run's params. Pure.

use serde::Serialize;
use serde_json::json;

/// JSON text in which no `$(` is left to be taken for a variable: Tekton substitutes results into what params were
/// already substituted into, and these values hold text that a tenant wrote. The JSON means the same.
pub(crate) fn json_text(value: &impl Serialize) -> String {
    json!(value).to_string().replace("$(", "\\u0024(")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use serde_json::Value;

    #[test]
    fn text_cannot_reach_for_variables() {
        let value = json!({"a": "$(tasks.verify.results.TEST_OUTPUT) $$(x) $5"});
        let text = json_text(&value);
        assert!(!text.contains("$("), "{text}");
        assert_eq!(serde_json::from_str::<Value>(&text).unwrap(), value);
    }
}
