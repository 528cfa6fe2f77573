//! Conditions of a status: set, and asked for. Pure; the time comes from the caller.

use sluice_api::meta::{Condition, condition};

pub const TRUE: &str = "True";
pub const FALSE: &str = "False";
pub const UNKNOWN: &str = "Unknown";

/// metav1.Time of an instant.
pub fn time(at: jiff::Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Sets a condition. The transition time moves only with the status, as apimachinery has it.
pub fn set(conditions: &mut Vec<Condition>, now: &str, type_: &str, status: &str, reason: &str, message: &str) {
    let mut next = Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        last_transition_time: Some(now.to_owned()),
        reason: reason.to_owned(),
        message: message.to_owned(),
    };
    match conditions.iter_mut().find(|c| c.type_ == type_) {
        Some(old) => {
            if old.status == next.status && old.last_transition_time.is_some() {
                next.last_transition_time = old.last_transition_time.take();
            }
            *old = next;
        }
        None => conditions.push(next),
    }
}

/// Whether the condition has that status (and that reason, if one is given).
pub fn is(conditions: &[Condition], type_: &str, status: &str, reason: Option<&str>) -> bool {
    condition(conditions, type_).is_some_and(|c| c.status == status && reason.is_none_or(|r| c.reason == r))
}

/// `Succeeded` of a run: yes, no, or not yet.
pub fn succeeded(conditions: &[Condition]) -> Option<bool> {
    match condition(conditions, "Succeeded")?.status.as_str() {
        TRUE => Some(true),
        FALSE => Some(false),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_transition_time_moves_with_the_status_only() {
        let mut all = Vec::new();
        set(&mut all, "1", "Ready", FALSE, "Progressing", "");
        set(&mut all, "2", "Ready", FALSE, "Failed", "why");
        assert_eq!(all[0].last_transition_time.as_deref(), Some("1"));
        assert_eq!((all[0].reason.as_str(), all[0].message.as_str()), ("Failed", "why"));
        set(&mut all, "3", "Ready", TRUE, "Succeeded", "");
        assert_eq!(all[0].last_transition_time.as_deref(), Some("3"));
        assert_eq!(all.len(), 1);
        assert!(is(&all, "Ready", TRUE, Some("Succeeded")) && !is(&all, "Ready", TRUE, Some("Skipped")));
    }
}
