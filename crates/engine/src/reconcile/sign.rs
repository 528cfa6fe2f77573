//! Writing statuses; a final one goes with its signature in the same write.

use super::Engine;
use crate::objects::{ApiError, Kind, PIPELINE_RUN};
use serde::Serialize;
use serde_json::Value;
use sluice_attest::status::{set_child_uids, set_status_signature, status_payload};

impl Engine {
    /// Writes the status of the object as it was read, if it differs.
    pub(super) async fn write_status<S: Serialize>(
        &self,
        kind: Kind,
        object: &Value,
        status: &S,
    ) -> Result<Value, ApiError> {
        let status = to_value(kind, object, status)?;
        if object.get("status") == Some(&status) {
            return Ok(object.clone());
        }
        let mut object = object.clone();
        object["status"] = status;
        let stored = self.objects.replace_status(kind, &object).await?;
        self.learn(kind, stored.clone());
        Ok(stored)
    }

    /// Writes a final status, signed over the object as it was read: were its spec another by now, the write would be a
    /// conflict.
    pub(super) async fn write_final<S: Serialize>(
        &self,
        kind: Kind,
        object: &Value,
        status: &S,
    ) -> Result<Value, ApiError> {
        let mut object = object.clone();
        object["status"] = to_value(kind, &object, status)?;
        if kind == PIPELINE_RUN {
            self.name_children(&mut object);
        }
        let signature = self.context.signer.sign_der(&status_payload(&object));
        set_status_signature(&mut object, &signature);
        let stored = self.objects.replace_status(kind, &object).await?;
        self.learn(kind, stored.clone());
        Ok(stored)
    }
}

impl Engine {
    /// Writes the uids of the children into the status: names, labels and owners are not signed, so by them alone
    /// another TaskRun could be put in the place of a child after the run.
    fn name_children(&self, run: &mut Value) {
        let text = |pointer: &str| run.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let children = self.task_runs.owned_by(text("/metadata/namespace"), text("/metadata/uid"));
        let uid =
            |child: &'_ Value, key: &str| child.pointer(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let uids: Vec<(String, String)> =
            children.iter().map(|child| (uid(child, "/metadata/name"), uid(child, "/metadata/uid"))).collect();
        set_child_uids(run, uids.iter().map(|(name, uid)| (name.as_str(), uid.as_str())));
    }
}

fn to_value<S: Serialize>(kind: Kind, object: &Value, status: &S) -> Result<Value, ApiError> {
    serde_json::to_value(status).map_err(|e| ApiError::Request {
        verb: "update the status of",
        kind: kind.kind,
        key: crate::objects::Key::of(object),
        message: e.to_string(),
    })
}
