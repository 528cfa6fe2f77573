//! Reading YAML: the reader's events become values. What the text itself has is bounded by its length; what aliases repeat
//! is bounded here.

use super::YamlError;
use crate::number::Number;
use crate::value::Value;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::cell::Cell;
use std::collections::BTreeMap;

/// Levels that a document may have.
const MAX_DEPTH: usize = 500;
/// Brackets that the reader looks ahead for keys, and more.
const AHEAD: usize = 2048;
/// Nodes that aliases may repeat, and bytes of texts beyond those of the document.
const MAX_REPEATED: usize = 1_000_000;
const MAX_BYTES: usize = 64 << 20;

/// The first document.
pub(super) fn first(yaml: &str) -> Result<Value, YamlError> {
    let state = State::new(yaml, None);
    let found = document(yaml, &state);
    // The reader ends the last line of a block with a break, even where the text has none.
    match state.unended.get() {
        true => document(yaml, &State::new(yaml, Some(state.texts.get()))),
        false => found,
    }
}

fn document(yaml: &str, state: &State<'_>) -> Result<Value, YamlError> {
    let all = usize::MAX;
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::LastWins,
        legacy_octal_numbers: true,
        non_finite_float_policy: serde_saphyr::options::NonFiniteFloatPolicy::PassThrough,
        budget: serde_saphyr::budget! {
            max_depth: MAX_DEPTH, flow_nesting_limit: MAX_DEPTH + AHEAD, max_events: all, max_nodes: all, max_aliases: all,
            max_anchors: all, max_documents: all, max_total_scalar_bytes: all, max_merge_keys: all,
            max_recorded_anchor_events: all, max_recorded_anchor_bytes: all, enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: MAX_REPEATED, max_replay_stack_depth: MAX_DEPTH,
        },
    };
    let mut found = None;
    let outcome = serde_saphyr::with_deserializer_from_str_with_options(yaml, options, |reader| {
        found = Some(Next(Node(state)).deserialize(reader)?);
        Ok(())
    });
    match (found, outcome) {
        (Some(value), _) => Ok(value),
        (None, Ok(())) => Ok(Value::Null),
        (None, Err(_)) if state.left.get() == 0 => Err(YamlError { large: true, message: repeated() }),
        (None, Err(error)) => Err(match beyond(&error) {
            Some(message) => YamlError { large: true, message },
            None => YamlError { large: false, message: error.to_string() },
        }),
    }
}

fn repeated() -> String {
    format!("yaml: aliases repeat more than {MAX_REPEATED} nodes or {MAX_BYTES} bytes")
}

/// The bound that a document is beyond.
fn beyond(error: &serde_saphyr::Error) -> Option<String> {
    use serde_saphyr::Error;
    match error {
        Error::WithSnippet { error, .. } | Error::AliasError { error, .. } => beyond(error),
        Error::Budget { .. } => Some(format!("yaml: nested deeper than {MAX_DEPTH}")),
        Error::AliasReplayLimitExceeded { .. } | Error::AliasReplayStackDepthExceeded { .. } => Some(repeated()),
        _ => None,
    }
}

/// Of one reading.
struct State<'y> {
    /// Bytes of texts.
    left: Cell<usize>,
    /// Texts so far.
    texts: Cell<usize>,
    /// The document's last line, if no break ends it.
    end: Option<&'y str>,
    /// The last text so far is of that line, with a break.
    unended: Cell<bool>,
    /// The text that has a break too many.
    cut: Option<usize>,
}

impl<'y> State<'y> {
    fn new(yaml: &'y str, cut: Option<usize>) -> Self {
        let end = yaml.rsplit('\n').next().map(str::trim_start).filter(|end| !end.is_empty());
        Self {
            left: Cell::new(yaml.len().saturating_add(MAX_BYTES)),
            texts: Cell::new(0),
            end,
            unended: Cell::new(false),
            cut,
        }
    }

    fn text<E: serde::de::Error>(&self, text: &str) -> Result<Value, E> {
        self.left.set(self.left.get().saturating_sub(text.len()));
        if self.left.get() == 0 {
            return Err(E::custom(repeated()));
        }
        self.texts.set(self.texts.get() + 1);
        let line = text.strip_suffix('\n').filter(|line| self.end.is_some_and(|end| line.ends_with(end)));
        self.unended.set(line.is_some());
        Ok(Value::entering(line.filter(|_| self.cut == Some(self.texts.get())).unwrap_or(text)))
    }
}

/// Reads a node.
#[derive(Clone, Copy)]
struct Node<'s>(&'s State<'s>);

/// Reads whatever comes next.
struct Next<V>(V);

impl<'de, V: Visitor<'de>> DeserializeSeed<'de> for Next<V> {
    type Value = V::Value;

    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<V::Value, D::Error> {
        reader.deserialize_any(self.0)
    }
}

impl<'de> Visitor<'de> for Node<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a YAML node")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(number(&value.to_string()))
    }

    fn visit_i128<E: serde::de::Error>(self, value: i128) -> Result<Value, E> {
        self.visit_f64(value as f64)
    }

    fn visit_u128<E: serde::de::Error>(self, value: u128) -> Result<Value, E> {
        self.visit_f64(value as f64)
    }

    /// As Go's `encoding/json` writes doubles: `1.0` is `1`.
    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Value, E> {
        if !value.is_finite() {
            let text = if value.is_nan() {
                "NaN"
            } else if value > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            return Err(E::custom(format!("{}: {text}", super::UNSUPPORTED)));
        }
        let plain = value.abs() >= 1e-6 && value.abs() < 1e21;
        Ok(number(&if plain { value.to_string() } else { crate::number::general(value, 1).replace("e-0", "e-") }))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.0.text(text)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = Vec::new();
        while let Some(item) = items.next_element_seed(Next(self))? {
            out.push(item);
        }
        Ok(Value::Array(out.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = BTreeMap::new();
        while let Some(key) = items.next_key_seed(Next(Key(self.0)))? {
            out.insert(key, items.next_value_seed(Next(self))?);
        }
        Ok(Value::Object(out.into()))
    }
}

/// Reads a key: the text that Go's `sigs.k8s.io/yaml` makes of it (`on` is `true`).
struct Key<'s>(&'s State<'s>);

impl<'de> Visitor<'de> for Key<'_> {
    type Value = Value;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("a scalar as key")
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::string(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::string(value.to_string()))
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<Value, E> {
        let text = || E::custom(format!("{NO_KEY}: uint64, key: {value:#x}"));
        i64::try_from(value).map_err(|_| text()).and_then(|value| self.visit_i64(value))
    }

    /// As a `float32`, even.
    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        if !value.is_finite() {
            let text = if value.is_nan() {
                ".nan"
            } else if value > 0.0 {
                ".inf"
            } else {
                "-.inf"
            };
            return Ok(Value::string(text));
        }
        #[expect(clippy::cast_possible_truncation, reason = "as Go does")]
        let short = (value as f32).to_string();
        Ok(Value::string(crate::number::general(short.parse().unwrap_or(value), 6)))
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Value, E> {
        self.0.text(text)
    }

    fn visit_unit<E: serde::de::Error>(self) -> Result<Value, E> {
        Err(E::custom(format!("{NO_KEY}: %!s(<nil>), key: <nil>")))
    }
}

const NO_KEY: &str = "unsupported map key of type";

fn number(text: &str) -> Value {
    Value::Number(Number::parse(text).unwrap_or_default())
}
