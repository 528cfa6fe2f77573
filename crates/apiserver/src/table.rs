//! Tables: what `kubectl get` prints, a row of cells per object. Pure but for the time that ages are counted from.

use crate::catalogue::{ColumnDefinition, Served};
use crate::meta;
use serde_json::{Value, json};
use std::sync::Arc;

/// Whether an `Accept` header asks for a Table before plain objects.
pub(crate) fn wanted(accept: &str) -> bool {
    for part in accept.split(',') {
        let options: Vec<&str> = part.split(';').map(str::trim).collect();
        if options.first() != Some(&"application/json") {
            continue;
        }
        if options.len() == 1 {
            return false;
        }
        if options.contains(&"as=Table") && options.contains(&"g=meta.k8s.io") && options.contains(&"v=v1") {
            return true;
        }
    }
    false
}

/// What of each object goes with its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Include {
    None,
    Metadata,
    Object,
}

impl Include {
    pub(crate) fn parse(text: Option<&str>) -> Self {
        match text {
            Some("None") => Self::None,
            Some("Object") => Self::Object,
            _ => Self::Metadata,
        }
    }
}

/// How a kind's objects become rows.
pub(crate) struct Printer {
    columns: Vec<(ColumnDefinition, Cell)>,
    now: i64,
}

type Function = fn(&Value, i64) -> Value;

enum Cell {
    Path(String),
    Compute(Function),
}

impl Printer {
    pub(crate) fn new(kind: &Served, version: &str, now: i64) -> Self {
        let definition = |name: &str, type_: &str, priority: i64| ColumnDefinition {
            name: name.to_owned(),
            type_: type_.to_owned(),
            path: String::new(),
            priority,
            description: String::new(),
        };
        let mut columns = vec![(definition("Name", "string", 0), Cell::Compute(name))];
        let age = || (definition("Age", "string", 0), Cell::Compute(age_cell));
        let own = kind.version(version).map(|v| v.columns.clone()).unwrap_or_default();
        if !own.is_empty() {
            columns.extend(own.into_iter().map(|c| {
                let path = c.path.clone();
                (c, Cell::Path(path))
            }));
        } else if let Some(special) = special(kind) {
            columns.extend(special.iter().map(|(n, t, p, f)| (definition(n, t, *p), Cell::Compute(*f))));
        } else {
            columns.push(age());
        }
        Self { columns, now }
    }

    /// `columnDefinitions`.
    pub(crate) fn definitions(&self) -> Value {
        let definition = |(c, _): &(ColumnDefinition, Cell)| {
            let format = if c.name == "Name" { "name" } else { "" };
            let type_ = if c.type_ == "date" { "date" } else { c.type_.as_str() };
            let description = if c.description.is_empty() { c.path.as_str() } else { c.description.as_str() };
            json!({"name": c.name, "type": type_, "format": format, "description": description, "priority": c.priority})
        };
        self.columns.iter().map(definition).collect()
    }

    fn row(&self, object: &Value, include: Include) -> Value {
        let cells: Vec<Value> = self
            .columns
            .iter()
            .map(|(column, cell)| match cell {
                Cell::Compute(function) => function(object, self.now),
                Cell::Path(path) => by_path(object, column, path, self.now),
            })
            .collect();
        let mut row = json!({"cells": cells});
        match include {
            Include::None => {}
            Include::Object => row["object"] = object.clone(),
            Include::Metadata => {
                let metadata = object.get("metadata").cloned().unwrap_or_default();
                row["object"] =
                    json!({"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": metadata});
            }
        }
        row
    }

    /// The Table of those objects, under a list's metadata.
    pub(crate) fn table(&self, objects: &[Arc<Value>], metadata: &Value, include: Include) -> Value {
        let rows: Vec<Value> = objects.iter().map(|o| self.row(o, include)).collect();
        json!({
            "kind": "Table",
            "apiVersion": "meta.k8s.io/v1",
            "metadata": metadata,
            "columnDefinitions": self.definitions(),
            "rows": rows,
        })
    }
}

fn by_path(object: &Value, column: &ColumnDefinition, path: &str, now: i64) -> Value {
    let Some(value) = jsonpath(object, path).filter(|v| !v.is_null()) else { return Value::Null };
    match (column.type_.as_str(), value) {
        ("date", Value::String(time)) => json!(since(time, now)),
        ("integer" | "number" | "boolean", _) | (_, Value::String(_)) => value.clone(),
        (_, other) => json!(other.to_string()),
    }
}

/// The value at a JSON path of the form that printer columns use: `.a.b`, `[n]` (from the end if negative),
/// `["a"]`, and `[?(@.name=="value")]`, which takes the first that fits.
pub(crate) fn jsonpath<'a>(object: &'a Value, path: &str) -> Option<&'a Value> {
    let mut at = object;
    let mut rest = path.trim_start_matches('{').trim_end_matches('}').trim_start_matches('$');
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix('.') {
            let end = field_end(after);
            let name = after[..end].replace("\\.", ".");
            if !name.is_empty() {
                at = at.get(&name)?;
            }
            rest = &after[end..];
        } else {
            let (inner, after) = rest.strip_prefix('[')?.split_once(']')?;
            at = index(at, inner)?;
            rest = after;
        }
    }
    Some(at)
}

/// Where a field's name ends: at a dot or bracket that no backslash is before.
fn field_end(text: &str) -> usize {
    let mut escaped = false;
    for (i, c) in text.char_indices() {
        if !escaped && (c == '.' || c == '[') {
            return i;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

fn index<'a>(at: &'a Value, inner: &str) -> Option<&'a Value> {
    if let Some(filter) = inner.strip_prefix("?(@.").and_then(|f| f.strip_suffix(')')) {
        let (path, wanted) = filter.split_once("==")?;
        let wanted = wanted.trim().trim_matches(['"', '\'']);
        let path = format!(".{}", path.trim());
        return at.as_array()?.iter().find(|item| jsonpath(item, &path).and_then(Value::as_str) == Some(wanted));
    }
    if let Ok(n) = inner.parse::<i64>() {
        let list = at.as_array()?;
        let length = i64::try_from(list.len()).ok()?;
        let n = if n < 0 { length + n } else { n };
        return list.get(usize::try_from(n).ok()?);
    }
    at.get(inner.trim_matches(['"', '\'']))
}

/// A duration as Kubernetes prints ages.
pub(crate) fn human(seconds: i64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |a: i64, unit: &str, b: i64, small: &str| {
        if b == 0 { format!("{a}{unit}") } else { format!("{a}{unit}{b}{small}") }
    };
    match seconds {
        i64::MIN..-1 => "<invalid>".to_owned(),
        -1..=0 => "0s".to_owned(),
        1..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        63_072_000..252_288_000 => two(days / 365, "y", days % 365, "d"),
        _ => format!("{}y", days / 365),
    }
}

fn since(time: &str, now: i64) -> String {
    match time.parse::<jiff::Timestamp>() {
        Ok(then) => human(now - then.as_second()),
        Err(_) => "<unknown>".to_owned(),
    }
}

fn name(object: &Value, _: i64) -> Value {
    json!(meta::field(object, "name"))
}

fn age_cell(object: &Value, now: i64) -> Value {
    json!(since(meta::field(object, "creationTimestamp"), now))
}

fn created_cell(object: &Value, _: i64) -> Value {
    json!(meta::field(object, "creationTimestamp"))
}

fn data_cell(object: &Value, _: i64) -> Value {
    let count = |name: &str| object.get(name).and_then(Value::as_object).map_or(0, serde_json::Map::len);
    json!(count("data") + count("binaryData"))
}

fn type_cell(object: &Value, _: i64) -> Value {
    object.get("type").cloned().unwrap_or(Value::Null)
}

fn secrets_cell(object: &Value, _: i64) -> Value {
    json!(object.get("secrets").and_then(Value::as_array).map_or(0, Vec::len))
}

fn statuses(object: &Value) -> impl Iterator<Item = &Value> {
    object.pointer("/status/containerStatuses").and_then(Value::as_array).into_iter().flatten()
}

fn ready_cell(object: &Value, _: i64) -> Value {
    let all = object.pointer("/spec/containers").and_then(Value::as_array).map_or(0, Vec::len);
    let ready = statuses(object).filter(|s| s.get("ready") == Some(&Value::Bool(true))).count();
    json!(format!("{ready}/{all}"))
}

fn pod_status_cell(object: &Value, _: i64) -> Value {
    if meta::is_deleting(object) {
        return json!("Terminating");
    }
    let reason = object.pointer("/status/reason").and_then(Value::as_str).filter(|r| !r.is_empty());
    let phase = object.pointer("/status/phase").and_then(Value::as_str).unwrap_or("Unknown");
    let of_container = || {
        let state = |s: &Value| {
            let state = s.get("state")?;
            let reason = state.pointer("/waiting/reason").or_else(|| state.pointer("/terminated/reason"))?;
            reason.as_str().filter(|r| !r.is_empty()).map(str::to_owned)
        };
        statuses(object).filter_map(state).find(|r| r != "Completed")
    };
    match (reason, phase) {
        (Some(reason), _) => json!(reason),
        (None, "Succeeded") => json!("Completed"),
        (None, _) => json!(of_container().unwrap_or_else(|| phase.to_owned())),
    }
}

fn restarts_cell(object: &Value, _: i64) -> Value {
    json!(statuses(object).filter_map(|s| s.get("restartCount")?.as_i64()).sum::<i64>())
}

fn last_seen_cell(object: &Value, now: i64) -> Value {
    let times = ["lastTimestamp", "eventTime", "firstTimestamp"];
    let time = times.iter().filter_map(|t| object.get(*t)?.as_str()).find(|t| !t.is_empty());
    json!(time.map_or_else(|| "<unknown>".to_owned(), |t| since(t, now)))
}

fn reason_cell(object: &Value, _: i64) -> Value {
    object.get("reason").cloned().unwrap_or(Value::Null)
}

fn involved_cell(object: &Value, _: i64) -> Value {
    let text =
        |name: &str| object.pointer(&format!("/involvedObject/{name}")).and_then(Value::as_str).unwrap_or_default();
    json!(format!("{}/{}", text("kind").to_lowercase(), text("name")))
}

fn message_cell(object: &Value, _: i64) -> Value {
    json!(object.get("message").and_then(Value::as_str).unwrap_or_default().trim())
}

type Special = (&'static str, &'static str, i64, Function);

/// Columns that are computed, as Kubernetes does for its own kinds.
fn special(kind: &Served) -> Option<&'static [Special]> {
    const AGE: Special = ("Age", "string", 0, age_cell);
    const CREATED: Special = ("Created At", "date", 0, created_cell);
    Some(match (kind.group.as_str(), kind.kind.as_str()) {
        ("", "ConfigMap") => &[("Data", "string", 0, data_cell), AGE],
        ("", "Secret") => &[("Type", "string", 0, type_cell), ("Data", "string", 0, data_cell), AGE],
        ("", "ServiceAccount") => &[("Secrets", "string", 0, secrets_cell), AGE],
        ("", "Pod") => &[
            ("Ready", "string", 0, ready_cell),
            ("Status", "string", 0, pod_status_cell),
            ("Restarts", "string", 0, restarts_cell),
            AGE,
        ],
        ("", "Event") => &[
            ("Last Seen", "string", 0, last_seen_cell),
            ("Type", "string", 0, type_cell),
            ("Reason", "string", 0, reason_cell),
            ("Object", "string", 0, involved_cell),
            ("Message", "string", 0, message_cell),
        ],
        ("rbac.authorization.k8s.io", "Role" | "ClusterRole") => &[CREATED],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn paths_of_columns() {
        let object = json!({
            "metadata": {"name": "n", "annotations": {"a.b/c": "x"}},
            "status": {"conditions": [{"type": "A", "status": "False"}, {"type": "Succeeded", "status": "True"}]}
        });
        let get = |path| jsonpath(&object, path).and_then(Value::as_str).map(str::to_owned);
        assert_eq!(get(".metadata.name").as_deref(), Some("n"));
        assert_eq!(get(".status.conditions[?(@.type==\"Succeeded\")].status").as_deref(), Some("True"));
        assert_eq!(get(".status.conditions[?(@.type=='A')].status").as_deref(), Some("False"));
        assert_eq!(get(".status.conditions[-1].type").as_deref(), Some("Succeeded"));
        assert_eq!(get(".status.conditions[0].type").as_deref(), Some("A"));
        assert_eq!(get(".metadata.annotations.a\\.b/c").as_deref(), Some("x"));
        assert_eq!(get(".metadata.annotations[\"a.b/c\"]").as_deref(), Some("x"));
        assert_eq!(get(".status.conditions[7].type"), None);
        assert_eq!(get(".status.missing.deep"), None);
    }

    #[test]
    fn ages() {
        let cases = [
            (-5, "<invalid>"),
            (0, "0s"),
            (7, "7s"),
            (119, "119s"),
            (120, "2m"),
            (125, "2m5s"),
            (660, "11m"),
            (10_800, "3h"),
            (10_860, "3h1m"),
            (90_000, "25h"),
            (172_800, "2d"),
            (176_400, "2d1h"),
            (864_000, "10d"),
            (63_072_000, "2y"),
            (400_000_000, "12y"),
        ];
        for (seconds, text) in cases {
            assert_eq!(human(seconds), text, "{seconds}");
        }
    }

    #[test]
    fn which_form_is_wanted() {
        assert!(wanted("application/json;as=Table;v=v1;g=meta.k8s.io,application/json"));
        assert!(!wanted("application/json"));
        assert!(!wanted("application/json,application/json;as=Table;v=v1;g=meta.k8s.io"));
        assert!(!wanted(""));
    }
}
