//! Kubernetes' protobuf bodies, of the few kinds that kubectl posts so, as the JSON they stand for. A field that is not
//! known here is refused: half an object must not be taken for the whole. It must not know what the objects mean.

mod schema;

use crate::error::ApiError;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use schema::{Field, Message, Type};
use serde_json::{Map, Value, json};

/// What every such body begins with.
const MAGIC: &[u8] = b"k8s\0";
/// Messages within messages at most; no schema is that deep.
const MAX_DEPTH: usize = 16;

/// Reads a body of `application/vnd.kubernetes.protobuf`.
///
/// # Errors
/// 415 for a kind or field that is not known here, 400 for what is malformed.
pub(crate) fn decode(body: &[u8]) -> Result<Value, ApiError> {
    let envelope =
        body.strip_prefix(MAGIC).ok_or_else(|| malformed("it does not begin with the magic of Kubernetes"))?;
    let (mut api_version, mut kind, mut raw) = (String::new(), String::new(), &[][..]);
    let mut reader = Reader(envelope);
    while let Some((number, wire)) = reader.field()? {
        match (number, wire) {
            (1, Wire::Bytes(type_meta)) => {
                let mut reader = Reader(type_meta);
                while let Some(field) = reader.field()? {
                    match field {
                        (1, Wire::Bytes(text)) => api_version = string(text)?,
                        (2, Wire::Bytes(text)) => kind = string(text)?,
                        _ => return Err(malformed("its type has an unknown field")),
                    }
                }
            }
            (2, Wire::Bytes(bytes)) => raw = bytes,
            // The encoding and media type of what is inside; both are empty for protobuf in protobuf.
            (3 | 4, Wire::Bytes([])) => {}
            _ => return Err(unsupported(&format!("an envelope with field {number}"))),
        }
    }
    let message = schema::find(&api_version, &kind).ok_or_else(|| unsupported(&format!("{api_version} {kind}")))?;
    let mut object = read(message, raw, 0)?;
    object.insert("apiVersion".to_owned(), json!(api_version));
    object.insert("kind".to_owned(), json!(kind));
    Ok(Value::Object(object))
}

fn malformed(why: &str) -> ApiError {
    ApiError::bad_request(format!("the protobuf body is malformed: {why}"))
}

fn unsupported(what: &str) -> ApiError {
    ApiError::unsupported_media(format!(
        "{what} is not read as protobuf here: send application/json, as `kubectl apply -f` does"
    ))
}

fn string(bytes: &[u8]) -> Result<String, ApiError> {
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| malformed("a text is not UTF-8"))
}

enum Wire<'a> {
    Varint(u64),
    Bytes(&'a [u8]),
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn varint(&mut self) -> Result<u64, ApiError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.0.split_first().ok_or_else(|| malformed("it ends within a number"))?;
            self.0 = rest;
            value |= u64::from(first & 0x7f) << shift;
            if first & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(malformed("a number is too long"))
    }

    fn field(&mut self) -> Result<Option<(u64, Wire<'a>)>, ApiError> {
        if self.0.is_empty() {
            return Ok(None);
        }
        let tag = self.varint()?;
        let wire = match tag & 7 {
            0 => Wire::Varint(self.varint()?),
            2 => {
                let length = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                if length > self.0.len() {
                    return Err(malformed("a field is longer than the body"));
                }
                let (bytes, rest) = self.0.split_at(length);
                self.0 = rest;
                Wire::Bytes(bytes)
            }
            _ => return Err(malformed("a field has a form that no Kubernetes type has")),
        };
        Ok(Some((tag >> 3, wire)))
    }
}

fn read(message: &Message, bytes: &[u8], depth: usize) -> Result<Map<String, Value>, ApiError> {
    if depth > MAX_DEPTH {
        return Err(malformed("it is nested too deeply"));
    }
    let mut object = Map::new();
    let mut reader = Reader(bytes);
    while let Some((number, wire)) = reader.field()? {
        let known = message.fields.iter().find(|f| f.number == number);
        let field = known.ok_or_else(|| unsupported(&format!("field {number} of {}", message.name)))?;
        put(&mut object, field, wire, depth)?;
    }
    Ok(object)
}

fn put(object: &mut Map<String, Value>, field: &Field, wire: Wire<'_>, depth: usize) -> Result<(), ApiError> {
    let name = field.name.to_owned();
    let value = match (&field.type_, wire) {
        // What Go's JSON leaves out when it is empty, its protobuf writes.
        (Type::Text, Wire::Bytes([])) | (Type::Number, Wire::Varint(0)) => return Ok(()),
        (Type::Text | Type::Texts, Wire::Bytes(bytes)) => json!(string(bytes)?),
        (Type::Number | Type::SetNumber, Wire::Varint(n)) => json!(n.cast_signed()),
        (Type::Bool, Wire::Varint(n)) => json!(n != 0),
        (Type::One(inner) | Type::Many(inner), Wire::Bytes(bytes)) => Value::Object(read(inner, bytes, depth + 1)?),
        (Type::Time, Wire::Bytes(bytes)) => match time(bytes)? {
            Some(text) => json!(text),
            None => return Ok(()),
        },
        (Type::TextMap | Type::BytesMap, Wire::Bytes(bytes)) => {
            let (key, value) = entry(bytes, matches!(field.type_, Type::BytesMap))?;
            let map = object.entry(name).or_insert_with(|| json!({}));
            map[key] = Value::String(value);
            return Ok(());
        }
        _ => return Err(malformed(&format!("field {} has another type", field.name))),
    };
    match field.type_ {
        Type::Texts | Type::Many(_) => {
            if let Some(list) = object.entry(name).or_insert_with(|| json!([])).as_array_mut() {
                list.push(value);
            }
        }
        _ => {
            object.insert(name, value);
        }
    }
    Ok(())
}

fn entry(bytes: &[u8], binary: bool) -> Result<(String, String), ApiError> {
    let (mut key, mut value) = (String::new(), String::new());
    let mut reader = Reader(bytes);
    while let Some(field) = reader.field()? {
        match field {
            (1, Wire::Bytes(bytes)) => key = string(bytes)?,
            (2, Wire::Bytes(bytes)) if binary => value = STANDARD.encode(bytes),
            (2, Wire::Bytes(bytes)) => value = string(bytes)?,
            _ => return Err(malformed("a map's entry has an unknown field")),
        }
    }
    Ok((key, value))
}

/// metav1.Time; nothing is the zero time.
fn time(bytes: &[u8]) -> Result<Option<String>, ApiError> {
    let mut seconds = 0;
    let mut reader = Reader(bytes);
    while let Some(field) = reader.field()? {
        match field {
            (1, Wire::Varint(n)) => seconds = n.cast_signed(),
            (2, Wire::Varint(_)) => {}
            _ => return Err(malformed("a time has an unknown field")),
        }
    }
    Ok((seconds != 0).then(|| crate::edge::time(seconds)))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn bytes(number: u8, content: &[u8]) -> Vec<u8> {
        let mut all = vec![number << 3 | 2, u8::try_from(content.len()).unwrap()];
        all.extend_from_slice(content);
        all
    }

    fn body(kind: &str, raw: &[u8]) -> Vec<u8> {
        let type_meta = [bytes(1, b"v1"), bytes(2, kind.as_bytes())].concat();
        [MAGIC.to_vec(), bytes(1, &type_meta), bytes(2, raw), bytes(3, b""), bytes(4, b"")].concat()
    }

    #[test]
    fn a_config_map() {
        let metadata = [bytes(1, b"m"), bytes(2, b""), vec![7 << 3, 0], bytes(8, b"")].concat();
        let raw = [bytes(1, &metadata), bytes(2, &[bytes(1, b"k"), bytes(2, b"v")].concat())].concat();
        let object = decode(&body("ConfigMap", &raw)).unwrap();
        assert_eq!(
            object,
            json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"k": "v"}})
        );
    }

    #[test]
    fn what_is_not_known_is_refused() {
        assert_eq!(decode(&body("Pod", b"")).unwrap_err().code, 415);
        assert_eq!(decode(&body("ConfigMap", &bytes(9, b"x"))).unwrap_err().code, 415);
        assert_eq!(decode(b"{}").unwrap_err().code, 400);
    }

    #[test]
    fn every_cut_is_an_answer() {
        let metadata = [bytes(1, b"m"), vec![7 << 3, 0x81, 0x01]].concat();
        let whole =
            body("Secret", &[bytes(1, &metadata), bytes(2, &[bytes(1, b"k"), bytes(2, &[0, 255])].concat())].concat());
        assert_eq!(decode(&whole).unwrap()["data"]["k"], "AP8=");
        for end in 0..whole.len() {
            let _ = decode(&whole[..end]);
        }
    }
}
