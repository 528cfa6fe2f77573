//! Package URLs as the library that ec uses reads them (package-url/packageurl-go 0.1): percent-escapes undone, names in
//! the case of their type, qualifiers in the order of their keys.

use sluice_rego::Value;

/// A package URL.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Purl {
    pub kind: String,
    pub namespace: String,
    pub name: String,
    pub version: String,
    pub qualifiers: Vec<(String, String)>,
    pub subpath: String,
}

/// Types whose namespaces are in lower case.
const LOWER_NAMESPACE: &[&str] =
    &["alpm", "apk", "bitbucket", "composer", "deb", "github", "golang", "npm", "rpm", "qpkg"];
/// Types whose names are.
const LOWER_NAME: &[&str] = &["alpm", "apk", "bitbucket", "bitnami", "composer", "deb", "github", "golang", "npm"];

/// Reads a package URL; none where it is not valid.
pub fn parse(text: &str) -> Option<Purl> {
    if text.bytes().any(|b| b.is_ascii_control()) {
        return None;
    }
    let (scheme, rest) = text.split_once(':')?;
    if !scheme.eq_ignore_ascii_case("pkg") {
        return None;
    }
    let (rest, fragment) = rest.split_once('#').unwrap_or((rest, ""));
    let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
    let path = match path.strip_prefix('/') {
        // A host or a rooted path: escapes are undone before it is taken apart.
        Some(_) => clean(&unescape(path, false)?),
        None => path.to_owned(),
    };
    let (kind, path) = path.split_once('/')?;
    let kind = kind.to_ascii_lowercase();
    let (namespace, name) = path.rsplit_once('/').unwrap_or(("", path));
    let (name, version) = name.rsplit_once('@').unwrap_or((name, ""));
    let purl = Purl {
        namespace: unescape(namespace, false)?.trim_matches('/').to_owned(),
        name: unescape(name, false)?,
        version: unescape(version, false)?,
        qualifiers: qualifiers(query)?,
        subpath: unescape(fragment, false)?,
        kind,
    };
    normalized(purl)
}

/// A path without its leading slashes, empty parts and dots.
fn clean(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

fn qualifiers(query: &str) -> Option<Vec<(String, String)>> {
    let mut found = Vec::new();
    for part in query.split('&').filter(|part| !part.is_empty()) {
        if part.contains(';') {
            return None;
        }
        let (key, value) = part.split_once('=').unwrap_or((part, ""));
        let (key, value) = (unescape(key, true)?, unescape(value, true)?);
        let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
        if !key.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '.' | '-' | '_')) || !key.chars().all(fits)
        {
            return None;
        }
        found.push((key.to_ascii_lowercase(), value));
    }
    Some(found)
}

fn normalized(mut purl: Purl) -> Option<Purl> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '+');
    if !purl.kind.starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '.' | '-' | '+'))
        || !purl.kind.chars().all(fits)
        || purl.name.is_empty()
    {
        return None;
    }
    // Of qualifiers, empty values are dropped and a key may come but once.
    purl.qualifiers.retain(|(_, value)| !value.is_empty());
    purl.qualifiers.sort();
    if purl.qualifiers.windows(2).any(|pair| matches!(pair, [(one, _), (other, _)] if one == other)) {
        return None;
    }
    if purl.subpath.split('/').skip(1).any(|part| part == "." || part == "..") {
        return None;
    }
    purl.subpath = purl.subpath.trim_matches('/').to_owned();
    let kind = purl.kind.as_str();
    if LOWER_NAMESPACE.contains(&kind) {
        purl.namespace = purl.namespace.to_lowercase();
    }
    if LOWER_NAME.contains(&kind) {
        purl.name = purl.name.to_lowercase();
    }
    match kind {
        "pypi" => purl.name = purl.name.replace('_', "-").to_lowercase(),
        "mlflow"
            if qualifier(&purl, "repository_url")
                .is_some_and(|url| url.contains("databricks") && !url.contains("azureml")) =>
        {
            purl.name = purl.name.to_lowercase();
        }
        "huggingface" => purl.version = purl.version.to_lowercase(),
        "conan" if purl.namespace.is_empty() == qualifier(&purl, "channel").is_some() => return None,
        "swift" if purl.namespace.is_empty() || purl.version.is_empty() => return None,
        "cran" if purl.version.is_empty() => return None,
        _ => {}
    }
    Some(purl)
}

fn qualifier<'p>(purl: &'p Purl, name: &str) -> Option<&'p str> {
    purl.qualifiers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

/// Undoes percent-escapes; in a query, `+` is a space.
fn unescape(text: &str, query: bool) -> Option<String> {
    let mut out = Vec::with_capacity(text.len());
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            b'%' => {
                let digit = |byte: Option<u8>| char::from(byte?).to_digit(16).and_then(|n| u8::try_from(n).ok());
                out.push(digit(bytes.next())? * 16 + digit(bytes.next())?);
            }
            b'+' if query => out.push(b' '),
            byte => out.push(byte),
        }
    }
    Some(String::from_utf8_lossy(&out).into_owned())
}

impl Purl {
    /// As `ec.purl.parse` gives it.
    pub fn to_value(&self) -> Value {
        let text = |key: &str, value: &str| (Value::from(key), Value::from(value));
        let qualifiers =
            self.qualifiers.iter().map(|(key, value)| Value::object([text("key", key), text("value", value)]));
        Value::object([
            text("type", &self.kind),
            text("namespace", &self.namespace),
            text("name", &self.name),
            text("version", &self.version),
            (Value::from("qualifiers"), Value::array(qualifiers)),
            text("subpath", &self.subpath),
        ])
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn package_urls_are_read_as_ec_reads_them() {
        let shown = |text: &str| {
            parse(text).map(|p| {
                format!("{} {} {} {} {:?} {}", p.kind, p.namespace, p.name, p.version, p.qualifiers, p.subpath)
            })
        };
        for (text, wanted) in [
            ("pkg:rpm/RHEL/Bash@5.1?arch=x86_64&epoch=", Some("rpm rhel Bash 5.1 [(\"arch\", \"x86_64\")] ")),
            ("pkg:golang/github.com/A/b@v1#sub/dir", Some("golang github.com/a b v1 [] sub/dir")),
            ("pkg://npm/%40scope/name@1", Some("npm @scope name 1 [] ")),
            ("pkg:pypi/A_b", Some("pypi  a-b  [] ")),
            (
                "pkg:oci/app@sha256:abc?repository_url=quay.io%2Facme",
                Some("oci  app sha256:abc [(\"repository_url\", \"quay.io/acme\")] "),
            ),
            ("pkg:rpm", None),
            ("pkg:rpm/", None),
            ("npm/name", None),
            ("pkg:rpm/a?1a=b", None),
            ("pkg:rpm/a?x=1&x=2", None),
            ("pkg:rpm/a%zz", None),
            ("pkg:swift/a", None),
            ("pkg:conan/ns/a@1", None),
        ] {
            assert_eq!(shown(text).as_deref(), wanted, "{text}");
        }
    }
}
