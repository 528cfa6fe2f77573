//! Acting as someone else (`kubectl --as`): only for who may `impersonate` that user, ServiceAccount or group. It must
//! not know what is done then.

use super::{AUTHENTICATED, Attributes, UNAUTHENTICATED, UserInfo, rbac};
use crate::error::ApiError;
use crate::store::Store;
use http::HeaderMap;

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Result<Option<&'a str>, ApiError> {
    let Some(value) = headers.get(name) else { return Ok(None) };
    value.to_str().map(Some).map_err(|_| ApiError::bad_request(format!("the header {name} is not text")))
}

/// The user whom the headers ask for, or the caller himself.
///
/// # Errors
/// 403 if he may not, 400 if the headers make no sense.
pub(crate) fn resolve(store: &Store, caller: UserInfo, headers: &HeaderMap) -> Result<UserInfo, ApiError> {
    let mut asked = headers.keys().map(http::HeaderName::as_str).filter(|n| n.starts_with("impersonate-")).peekable();
    if asked.peek().is_none() {
        return Ok(caller);
    }
    // A wish that is not understood must not be ignored: the request would run with other rights than asked for.
    if let Some(other) = asked.find(|n| !matches!(*n, "impersonate-user" | "impersonate-group" | "impersonate-uid")) {
        return Err(ApiError::new(403, "Forbidden", format!("the header {other} is not supported")));
    }
    let name = text(headers, "impersonate-user")?.filter(|n| !n.is_empty());
    let name =
        name.ok_or_else(|| ApiError::bad_request("Impersonate-User is required to impersonate groups or a uid"))?;
    let may = |group: &str, resource: &str, namespace: &str, name: &str| {
        let wanted = Attributes::resource("impersonate", group, resource, namespace, name);
        if rbac::authorize(store, &caller, &wanted) {
            return Ok(());
        }
        let qualified = if group.is_empty() { resource.to_owned() } else { format!("{resource}.{group}") };
        let message = format!("{qualified} \"{name}\" is forbidden: {}", wanted.denial(&caller));
        Err(ApiError::new(403, "Forbidden", message))
    };
    let mut user = UserInfo { name: name.to_owned(), uid: String::new(), groups: Vec::new() };
    let account = user.as_service_account().map(|(namespace, name)| (namespace.to_owned(), name.to_owned()));
    match &account {
        Some((namespace, name)) => may("", "serviceaccounts", namespace, name)?,
        None => may("", "users", "", name)?,
    }
    for group in headers.get_all("impersonate-group") {
        let group = group.to_str().map_err(|_| ApiError::bad_request("the header Impersonate-Group is not text"))?;
        may("", "groups", "", group)?;
        user.groups.push(group.to_owned());
    }
    if let Some(uid) = text(headers, "impersonate-uid")? {
        may("authentication.k8s.io", "uids", "", uid)?;
        uid.clone_into(&mut user.uid);
    }
    if let (Some((namespace, name)), true) = (&account, user.groups.is_empty()) {
        user.groups = UserInfo::service_account(namespace, name).groups;
    }
    let everyone = if user.name == "system:anonymous" { UNAUTHENTICATED } else { AUTHENTICATED };
    if !user.groups.iter().any(|g| g == everyone) {
        user.groups.push(everyone.to_owned());
    }
    Ok(user)
}
