//! The registry as the control plane owns it: who asks is who the API says, what they may do is what RBAC says, and what
//! a TaskRun's own credential moved is remembered for its witness record.

use rustix::rand::{GetRandomFlags, getrandom};
use sluice_api::runner::RegistryAccess;
use sluice_api::witness::WitnessedTransfer;
use sluice_apiserver::{ApiServer, Attributes, UserInfo};
use sluice_engine::{RunIdentity, RunRegistry};
use sluice_registry::{Action, Authority, Credential, Identity, Recorder, Transfer, TransferKind};
use std::collections::{BTreeSet, HashMap};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// Name under which a TaskRun's credential is presented.
const RUN_USER: &str = "taskrun";
/// Where the record of each live run's transfers is kept, and whose credential it has.
pub const FOLDER: &str = "control/transfers";
/// How long after a start a credential of before is good until the engine has found its run alive: a step may ask in between.
const GRACE: Duration = Duration::from_secs(60);
/// Most transfers recorded for one run; what is beyond is not witnessed.
const MAX_TRANSFERS: usize = 4096;

/// The credentials of live runs, and what was moved with each.
pub struct RunCredentials {
    host: String,
    connect: String,
    registries_conf: String,
    folder: PathBuf,
    live: Mutex<HashMap<String, LiveRun>>,
}

struct LiveRun {
    identity: Identity,
    /// SHA-256 of the password.
    digest: String,
    transfers: BTreeSet<(Direction, WitnessedTransfer)>,
    /// Of a credential of before this start, until its run is found alive.
    until: Option<Instant>,
}

/// A credential as it is kept, without the password.
#[derive(serde::Serialize, serde::Deserialize)]
struct Kept {
    namespace: String,
    service_account: String,
    /// SHA-256 of the password.
    digest: String,
}

fn digest(password: &str) -> String {
    hex::encode(<sha2::Sha256 as sha2::Digest>::digest(password))
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
enum Direction {
    Pushed,
    Pulled,
}

impl std::fmt::Debug for RunCredentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RunCredentials").field("host", &self.host).finish_non_exhaustive()
    }
}

impl RunCredentials {
    /// `host` is the registry as images are named, `connect` its address, `registries_conf` what steps are given; `folder`
    /// holds the records. Credentials of before are good for a while.
    ///
    /// # Errors
    /// When the folder of records cannot be made or read.
    pub fn new(host: String, connect: String, registries_conf: String, folder: &Path) -> std::io::Result<Self> {
        std::fs::create_dir_all(folder)?;
        let until = Some(Instant::now() + GRACE);
        let mut live = HashMap::new();
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            let Some(id) = path.file_name().and_then(|name| name.to_str()?.strip_suffix(".json")) else { continue };
            // One that was being written when the machine stopped was not handed out.
            let Some(kept) = std::fs::read(&path).ok().and_then(|text| serde_json::from_slice::<Kept>(&text).ok())
            else {
                continue;
            };
            let identity = identity(id, &kept.namespace, &kept.service_account);
            let transfers = recorded(folder, id);
            live.insert(id.to_owned(), LiveRun { identity, digest: kept.digest, transfers, until });
        }
        Ok(Self { host, connect, registries_conf, folder: folder.to_owned(), live: Mutex::new(live) })
    }

    fn live(&self) -> MutexGuard<'_, HashMap<String, LiveRun>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the records of runs that are over: their folders are gone. Credentials whose runs nobody found alive go too.
    fn sweep(&self) {
        let (mut live, now) = (self.live(), Instant::now());
        live.retain(|_, run| run.until.is_none_or(|until| now < until));
        for entry in std::fs::read_dir(&self.folder).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some((id, _)) = name.to_str().and_then(|name| name.split_once('.')) else { continue };
            if !live.contains_key(id) && !std::path::Path::new("runs").join(id).exists() {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Whose password it is. All are compared, each in constant time.
    fn identify(&self, password: &str) -> Option<Identity> {
        use subtle::ConstantTimeEq;
        let (live, digest, now) = (self.live(), digest(password), Instant::now());
        live.values()
            .filter(|run| bool::from(run.digest.as_bytes().ct_eq(digest.as_bytes())))
            .filter(|run| run.until.is_none_or(|until| now < until))
            .map(|run| run.identity.clone())
            .next()
    }

    /// Lets a credential in, once it is on disk.
    fn start(&self, of: &RunIdentity, password: &str) -> Result<(), String> {
        let digest = digest(password);
        let (namespace, service_account) = (of.namespace.clone(), of.service_account.clone());
        let kept = Kept { namespace, service_account, digest: digest.clone() };
        let text = serde_json::to_vec(&kept).map_err(|e| e.to_string())?;
        self.keep(&of.id, &text).map_err(|e| format!("the run's credential cannot be kept: {e}"))?;
        let identity = identity(&of.id, &of.namespace, &of.service_account);
        let transfers = recorded(&self.folder, &of.id);
        self.live().insert(of.id.clone(), LiveRun { identity, digest, transfers, until: None });
        Ok(())
    }

    /// Whole or not at all, for another process of this machine; no run outlives the machine.
    fn keep(&self, id: &str, text: &[u8]) -> std::io::Result<()> {
        let temporary = self.folder.join(format!("{id}.tmp"));
        let _ = std::fs::remove_file(&temporary);
        std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?.write_all(text)?;
        std::fs::rename(&temporary, self.credential(id))
    }

    fn credential(&self, id: &str) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }
}

fn identity(id: &str, namespace: &str, service_account: &str) -> Identity {
    let user = format!("system:serviceaccount:{namespace}:{service_account}");
    let groups = UserInfo::service_account(namespace, service_account).groups;
    Identity { user, groups, task_run: Some(id.to_owned()) }
}

fn path(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.jsonl"))
}

fn recorded(folder: &Path, id: &str) -> BTreeSet<(Direction, WitnessedTransfer)> {
    let text = std::fs::read_to_string(path(folder, id)).unwrap_or_default();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

impl RunRegistry for RunCredentials {
    fn issue(&self, identity: &RunIdentity) -> Result<RegistryAccess, String> {
        self.sweep();
        let mut random = [0u8; 32];
        let filled = getrandom(&mut random, GetRandomFlags::empty()).map_err(|e| format!("no randomness: {e}"))?;
        if filled != random.len() {
            return Err("no randomness".into());
        }
        let password = hex::encode(random);
        self.start(identity, &password)?;
        Ok(RegistryAccess {
            host: self.host.clone(),
            connect: self.connect.clone(),
            username: RUN_USER.into(),
            password,
            registries_conf: self.registries_conf.clone(),
        })
    }

    fn resume(&self, identity: &RunIdentity, access: &RegistryAccess) {
        if let Err(error) = self.start(identity, &access.password) {
            tracing::error!(run = %identity.id, %error, "taking a run's credential up again");
        }
    }

    fn transfers(&self, id: &str) -> (Vec<WitnessedTransfer>, Vec<WitnessedTransfer>) {
        let all = match self.live().get(id) {
            Some(run) => run.transfers.clone(),
            None => recorded(&self.folder, id),
        };
        let of = |wanted: Direction| {
            all.iter().filter(|(direction, _)| *direction == wanted).map(|(_, transfer)| transfer.clone()).collect()
        };
        (of(Direction::Pushed), of(Direction::Pulled))
    }

    /// The record stays, for the status that is written after this; it goes when the run's folder is gone.
    fn revoke(&self, id: &str) {
        self.live().remove(id);
        let _ = std::fs::remove_file(self.credential(id));
    }
}

impl Recorder for RunCredentials {
    fn record(&self, identity: &Identity, transfer: Transfer) {
        let Some(id) = &identity.task_run else { return };
        let direction = match transfer.action {
            Action::Push => Direction::Pushed,
            Action::Pull => Direction::Pulled,
        };
        let witnessed = WitnessedTransfer {
            repository: format!("{}/{}", self.host, transfer.repository),
            digest: transfer.digest.to_string(),
            kind: match transfer.kind {
                TransferKind::Manifest => "manifest".into(),
                TransferKind::Blob => "blob".into(),
            },
            tag: transfer.tag.unwrap_or_default(),
        };
        let mut live = self.live();
        let Some(run) = live.get_mut(id) else { return };
        let entry = (direction, witnessed);
        if run.transfers.len() >= MAX_TRANSFERS || run.transfers.contains(&entry) {
            return;
        }
        // Lost with a crash of the machine at worst, and then it is only claimed: the gate stays shut.
        if let Ok(mut line) = serde_json::to_vec(&entry) {
            line.push(b'\n');
            let file = std::fs::OpenOptions::new().append(true).create(true).open(path(&self.folder, id));
            if let Err(e) = file.and_then(|mut file| file.write_all(&line)) {
                tracing::error!("recording a transfer of run {id}: {e}");
                return;
            }
        }
        run.transfers.insert(entry);
    }
}

/// Authentication and authorization of the registry: the API's, and the runs' own credentials.
pub struct ApiAuthority {
    pub api: ApiServer,
    pub runs: Arc<RunCredentials>,
}

impl std::fmt::Debug for ApiAuthority {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("ApiAuthority")
    }
}

impl Authority for ApiAuthority {
    fn authenticate<'a>(&'a self, credential: Credential<'a>) -> futures::future::BoxFuture<'a, Option<Identity>> {
        Box::pin(async move {
            let token = match credential {
                Credential::Anonymous => {
                    let user = UserInfo::anonymous();
                    return Some(Identity { user: user.name, groups: user.groups, task_run: None });
                }
                Credential::Basic { username: RUN_USER, password } => return self.runs.identify(password),
                Credential::Basic { password, .. } => password,
                Credential::Bearer { token } => token,
            };
            let user = self.api.authenticate(token)?;
            Some(Identity { user: user.name, groups: user.groups, task_run: None })
        })
    }

    fn allowed<'a>(
        &'a self,
        identity: &'a Identity,
        repository: &'a str,
        action: Action,
    ) -> futures::future::BoxFuture<'a, bool> {
        Box::pin(async move {
            let Some((namespace, name)) = repository.split_once('/') else { return false };
            let verb = match action {
                Action::Pull => "pull",
                Action::Push => "push",
            };
            let user = UserInfo { name: identity.user.clone(), groups: identity.groups.clone(), ..Default::default() };
            let attributes = Attributes::resource(verb, "registry.sluice.dev", "repositories", namespace, name);
            self.api.authorize(&user, &attributes)
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_credential_outlives_the_control_plane_for_a_while_and_its_run_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let fresh = || RunCredentials::new("h".into(), "c".into(), String::new(), folder.path()).unwrap();
        let run = RunIdentity {
            id: "uid-1".into(),
            namespace: "acme".into(),
            task_run: "t".into(),
            service_account: "build".into(),
        };
        let access = fresh().issue(&run).unwrap();
        // Another control plane, before the engine has looked at any run.
        let again = fresh();
        let found = again.identify(&access.password).unwrap();
        assert_eq!(
            (found.user.as_str(), found.task_run.as_deref()),
            ("system:serviceaccount:acme:build", Some("uid-1"))
        );
        assert!(again.identify("another").is_none());
        again.live().get_mut("uid-1").unwrap().until = Some(Instant::now());
        assert!(again.identify(&access.password).is_none(), "nobody found the run alive");
        again.resume(&run, &access);
        assert!(again.identify(&access.password).is_some());
        let text = std::fs::read_to_string(folder.path().join("uid-1.json")).unwrap();
        assert!(!text.contains(&access.password), "the password is kept nowhere: {text}");
        again.revoke("uid-1");
        assert!(again.identify(&access.password).is_none());
        assert!(fresh().identify(&access.password).is_none());
    }
}
