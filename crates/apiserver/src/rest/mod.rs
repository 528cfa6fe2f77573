//! The verbs on objects, the same for every kind. What is particular to a kind is in `kind_rules` and in the pure
//! admission of the `api` crate. It must not know how a request came in.

mod create;
mod delete;
mod kind_rules;
mod read;
mod update;
mod watch;

pub(crate) use create::{Decoded, create};
pub(crate) use delete::{
    CLEANUP, FOREGROUND, ORPHAN, Options as DeleteOptions, collection as delete_collection, one as delete_one,
};
pub(crate) use read::{Listed, get, list};
pub(crate) use update::{Part, patch, replace};
pub(crate) use watch::{Event, bookmark, watch};

use crate::auth::UserInfo;
use crate::catalogue::{self, Served};
use crate::error::ApiError;
use crate::meta;
use crate::request::{Query, ResourcePath};
use crate::store::{Guard, Key, Stored};
use serde_json::Value;
use sluice_api::admission;
use std::sync::Arc;

use crate::state::State;

/// A request on a served kind, already authorized.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    pub(crate) state: Arc<State>,
    pub(crate) user: UserInfo,
    pub(crate) kind: Served,
    pub(crate) path: ResourcePath,
    pub(crate) query: Query,
    /// Who writes, for field ownership: `fieldManager`, or the first part of the User-Agent.
    pub(crate) manager: String,
}

impl Context {
    pub(crate) fn key(&self, name: &str) -> Key {
        Key::new(&self.kind.resource(), &self.path.namespace, name)
    }

    /// `apiVersion` as asked for.
    pub(crate) fn api_version(&self) -> String {
        catalogue::api_version(&self.path.group, &self.path.version)
    }

    pub(crate) fn has_status(&self) -> bool {
        self.kind.version(&self.path.version).is_some_and(|v| v.status)
    }

    fn fetch(&self) -> Result<Stored, ApiError> {
        let found = self.state.store.get(&self.key(&self.path.name));
        found.ok_or_else(|| ApiError::not_found(&self.kind, &self.path.name))
    }

    /// What must hold of the namespace for a new object.
    fn guard(&self) -> Guard {
        if self.kind.namespaced { Guard::NamespaceActive(self.path.namespace.clone()) } else { Guard::None }
    }

    /// The object under the group and version that were asked for.
    pub(crate) fn present(&self, object: &Arc<Value>) -> Arc<Value> {
        let wanted = self.api_version();
        if object.get("apiVersion").and_then(Value::as_str) == Some(&wanted) {
            return Arc::clone(object);
        }
        let mut copy = object.as_ref().clone();
        copy["apiVersion"] = Value::String(wanted);
        Arc::new(copy)
    }

    fn admission<'a>(&'a self, operation: admission::Operation, old: Option<&'a Value>) -> admission::Request<'a> {
        admission::Request {
            group: &self.kind.group,
            resource: &self.kind.plural,
            operation,
            old,
            user: &self.user.name,
        }
    }

    /// Defaults and refusals for a new state of an object's main resource.
    fn admit(&self, object: &mut Value, old: Option<&Value>) -> Result<(), ApiError> {
        let operation = if old.is_some() { admission::Operation::Update } else { admission::Operation::Create };
        admission::mutate(self.admission(operation, old), object);
        let name = meta::field(object, "name").to_owned();
        let invalid = |(field, message): meta::Problem| {
            let cause = if message.starts_with("Required") { "FieldValueRequired" } else { "FieldValueInvalid" };
            ApiError::invalid(&self.kind, &name, &field, cause, &message)
        };
        meta::validate(&self.kind.group, &self.kind.plural, object).map_err(invalid)?;
        kind_rules::validate(&self.kind, object, old).map_err(invalid)?;
        // An object on its way out may always lose its finalizers, whatever the rules say by now.
        if !meta::is_deleting(object) {
            admission::validate(self.admission(operation, old), object).map_err(|denied| {
                if denied.forbidden {
                    ApiError::forbidden(&self.kind, &name, &denied.message)
                } else {
                    ApiError::invalid(&self.kind, &name, &denied.field, "FieldValueInvalid", &denied.message)
                }
            })?;
        }
        if self.kind.group == "rbac.authorization.k8s.io" {
            crate::auth::escalation::check(&self.state.store, &self.user, &self.kind.plural, object, old)
                .map_err(|why| ApiError::forbidden(&self.kind, &name, &why))?;
        }
        Ok(())
    }
}
