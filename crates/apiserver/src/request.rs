//! What a request's method, path and query ask for. Pure; it must not know who asks or what is stored.

use crate::auth::Attributes;
use crate::error::ApiError;
use http::{Method, Uri};
use std::collections::BTreeMap;

/// The query's options by name; of a repeated one the first counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads `a=b&c=d`.
    pub fn parse(text: &str) -> Self {
        let mut options = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text.as_bytes()) {
            options.entry(name.into_owned()).or_insert_with(|| value.into_owned());
        }
        Self(options)
    }

    /// The option's value, if it is there and not empty.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// Whether the option is set to what Go reads as true.
    pub fn flag(&self, name: &str) -> bool {
        matches!(self.get(name), Some("true" | "1" | "t" | "T" | "TRUE" | "True"))
    }

    /// The option as a number.
    ///
    /// # Errors
    /// 400 if it is none.
    pub fn number(&self, name: &str) -> Result<Option<u64>, ApiError> {
        let Some(text) = self.get(name) else { return Ok(None) };
        text.parse()
            .map(Some)
            .map_err(|_| ApiError::bad_request(format!("{name}: Invalid value: \"{text}\": not a number")))
    }

    /// `dryRun=All`.
    ///
    /// # Errors
    /// 400 for any other value.
    pub fn dry_run(&self) -> Result<bool, ApiError> {
        match self.get("dryRun") {
            None => Ok(false),
            Some("All") => Ok(true),
            Some(other) => {
                Err(ApiError::bad_request(format!("dryRun: Unsupported value: \"{other}\": supported values: \"All\"")))
            }
        }
    }
}

/// A resource, a collection or a subresource, as the path names it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResourcePath {
    /// As asked: maybe an alias.
    pub group: String,
    pub version: String,
    pub plural: String,
    /// Empty at the cluster scope and for all namespaces.
    pub namespace: String,
    pub name: String,
    pub subresource: String,
}

/// What a path is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Target {
    Resource(ResourcePath),
    Other(String),
}

/// A parsed request line.
#[derive(Clone, Debug)]
pub struct Asked {
    pub verb: &'static str,
    pub target: Target,
    pub query: Query,
}

impl Asked {
    /// Reads method and URI.
    ///
    /// # Errors
    /// 400 for a path that is not clean, 405 for a method without a meaning.
    pub fn parse(method: &Method, uri: &Uri) -> Result<Self, ApiError> {
        let query = Query::parse(uri.query().unwrap_or_default());
        let target = Target::parse(uri.path())?;
        let verb = match (&target, method.as_str()) {
            (Target::Other(_), "GET") => "get",
            (Target::Other(_), "HEAD") => "head",
            (Target::Other(_), "POST") => "post",
            (Target::Other(_), "PUT") => "put",
            (Target::Other(_), "PATCH") => "patch",
            (Target::Other(_), "DELETE") => "delete",
            (Target::Resource(path), "GET" | "HEAD") => match (path.name.is_empty(), query.flag("watch")) {
                (_, true) if path.subresource.is_empty() => "watch",
                (true, _) => "list",
                (false, _) => "get",
            },
            (Target::Resource(_), "POST") => "create",
            (Target::Resource(_), "PUT") => "update",
            (Target::Resource(_), "PATCH") => "patch",
            (Target::Resource(path), "DELETE") if path.name.is_empty() => "deletecollection",
            (Target::Resource(_), "DELETE") => "delete",
            _ => return Err(ApiError::method_not_allowed()),
        };
        Ok(Self { verb, target, query })
    }

    /// The question for the authorizer.
    pub fn attributes(&self) -> Attributes {
        match &self.target {
            Target::Other(path) => Attributes::path(self.verb, path),
            Target::Resource(path) => Attributes {
                verb: self.verb.to_owned(),
                group: path.group.clone(),
                resource: path.plural.clone(),
                subresource: path.subresource.clone(),
                // A namespace is within itself: a RoleBinding in it can grant reading it.
                namespace: match path.plural.as_str() {
                    "namespaces" if path.group.is_empty() => path.name.clone(),
                    _ => path.namespace.clone(),
                },
                name: self.attribute_name(path),
                path: None,
            },
        }
    }

    /// A list or watch that selects one name is the same question as a get of that name.
    fn attribute_name(&self, path: &ResourcePath) -> String {
        if path.name.is_empty() && matches!(self.verb, "list" | "watch" | "deletecollection") {
            let selected = self.query.get("fieldSelector").and_then(crate::selector::selected_name);
            return selected.unwrap_or_default();
        }
        path.name.clone()
    }
}

impl Target {
    /// Reads a path, whose segments are percent-decoded one by one.
    ///
    /// # Errors
    /// 400 for `.` and `..`, for an encoded slash, and for what is not UTF-8.
    pub fn parse(path: &str) -> Result<Self, ApiError> {
        let mut parts = Vec::new();
        for raw in path.split('/').filter(|p| !p.is_empty()) {
            let part = percent_encoding::percent_decode_str(raw)
                .decode_utf8()
                .map_err(|_| ApiError::bad_request("the path is not UTF-8"))?;
            if part == "." || part == ".." || part.contains('/') || part.contains('\0') {
                return Err(ApiError::bad_request(format!("the path has the segment `{raw}`, which names nothing")));
            }
            parts.push(part.into_owned());
        }
        let other = || Ok(Self::Other(path.to_owned()));
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (group, version, rest) = match parts.as_slice() {
            ["api", version, rest @ ..] if !rest.is_empty() => ("", *version, rest),
            ["apis", group, version, rest @ ..] if !rest.is_empty() => (*group, *version, rest),
            _ => return other(),
        };
        let (namespace, rest) = match rest {
            // `namespaces/x/status` is a subresource of the namespace; `namespaces/x/pods` is a collection in it.
            ["namespaces", _] | ["namespaces", _, "status" | "finalize"] | ["namespaces"] => ("", rest),
            ["namespaces", namespace, rest @ ..] => (*namespace, rest),
            _ => ("", rest),
        };
        let (plural, name, subresource) = match rest {
            [plural] => (*plural, "", ""),
            [plural, name] => (*plural, *name, ""),
            [plural, name, subresource] => (*plural, *name, *subresource),
            _ => return other(),
        };
        Ok(Self::Resource(ResourcePath {
            group: group.to_owned(),
            version: version.to_owned(),
            plural: plural.to_owned(),
            namespace: namespace.to_owned(),
            name: name.to_owned(),
            subresource: subresource.to_owned(),
        }))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn asked(method: Method, uri: &str) -> (String, Attributes) {
        let asked = Asked::parse(&method, &uri.parse().unwrap()).unwrap();
        (asked.verb.to_owned(), asked.attributes())
    }

    #[test]
    fn table_of_requests() {
        let cases = [
            (Method::GET, "/api/v1/namespaces/a/pods/p/log?follow=true", "get", "pods/log", "a", "p"),
            (Method::GET, "/api/v1/namespaces/a", "get", "namespaces", "a", "a"),
            (Method::GET, "/api/v1/namespaces", "list", "namespaces", "", ""),
            (Method::PUT, "/api/v1/namespaces/a/status", "update", "namespaces/status", "a", "a"),
            (Method::GET, "/api/v1/pods?watch=1", "watch", "pods", "", ""),
            (Method::GET, "/api/v1/namespaces/a/pods?fieldSelector=metadata.name%3Dq", "list", "pods", "a", "q"),
            (Method::DELETE, "/apis/tekton.dev/v1/namespaces/a/taskruns", "deletecollection", "taskruns", "a", ""),
            (Method::PATCH, "/apis/tekton.dev/v1/namespaces/a/taskruns/t", "patch", "taskruns", "a", "t"),
            (Method::POST, "/api/v1/namespaces/a/serviceaccounts/s/token", "create", "serviceaccounts/token", "a", "s"),
        ];
        for (method, uri, verb, resource, namespace, name) in cases {
            let (got, attributes) = asked(method, uri);
            assert_eq!((got.as_str(), attributes.resource_and_sub().as_str()), (verb, resource), "{uri}");
            assert_eq!((attributes.namespace.as_str(), attributes.name.as_str()), (namespace, name), "{uri}");
        }
        assert_eq!(asked(Method::GET, "/apis/tekton.dev/v1").1.path.as_deref(), Some("/apis/tekton.dev/v1"));
    }

    #[test]
    fn unclean_paths_are_refused() {
        for path in ["/api/v1/namespaces/../pods", "/api/v1/namespaces/a%2fb/pods", "/api/v1/%ff"] {
            assert!(Target::parse(path).is_err(), "{path}");
        }
    }
}
