//! Kubernetes quantities (`500m`, `1.5`, `512Mi`, `2G`), as far as limits need them.

use serde_json::Value;

/// Whole bytes, rounded up.
pub fn bytes(value: &Value) -> Option<u64> {
    to_u64(parse(value)?.ceil())
}

/// Thousandths, rounded up: `500m` is 500.
pub fn millis(value: &Value) -> Option<u64> {
    to_u64((parse(value)? * 1000.0).ceil())
}

fn to_u64(number: f64) -> Option<u64> {
    // Beyond 2^63 a limit limits nothing; refusing it is clearer than rounding.
    (0.0..9.2e18).contains(&number).then_some(number as u64)
}

fn parse(value: &Value) -> Option<f64> {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Number(number) => number.to_string(),
        _ => return None,
    };
    let split = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, suffix) = text.split_at(split);
    let scale = match suffix {
        "" => 1.0,
        "n" => 1e-9,
        "u" => 1e-6,
        "m" => 1e-3,
        "k" => 1e3,
        "M" => 1e6,
        "G" => 1e9,
        "T" => 1e12,
        "P" => 1e15,
        "Ki" => 1024.0,
        "Mi" => 1024.0 * 1024.0,
        "Gi" => 1024.0 * 1024.0 * 1024.0,
        "Ti" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        exponent if exponent.starts_with(['e', 'E']) => return text.parse().ok(),
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * scale)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn reads_limits() {
        assert_eq!(bytes(&json!("512Mi")), Some(512 << 20));
        assert_eq!(bytes(&json!("1k")), Some(1000));
        assert_eq!(bytes(&json!(128974848)), Some(128_974_848));
        assert_eq!(bytes(&json!("1e3")), Some(1000));
        assert_eq!(millis(&json!("500m")), Some(500));
        assert_eq!(millis(&json!("1.5")), Some(1500));
        assert_eq!(millis(&json!(2)), Some(2000));
        for bad in [json!("-1"), json!("1Q"), json!(""), json!("Mi"), json!({})] {
            assert_eq!(bytes(&bad), None, "{bad}");
        }
    }
}
