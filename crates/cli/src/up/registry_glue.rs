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
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Name under which a TaskRun's credential is presented.
const RUN_USER: &str = "taskrun";
/// Where the record of each live run's transfers is kept.
const FOLDER: &str = "control/transfers";
/// Most transfers recorded for one run; what is beyond is not witnessed.
const MAX_TRANSFERS: usize = 4096;

/// The credentials of live runs, and what was moved with each.
pub struct RunCredentials {
    host: String,
    connect: String,
    registries_conf: String,
    live: Mutex<HashMap<String, LiveRun>>,
}

struct LiveRun {
    identity: Identity,
    password: String,
    transfers: BTreeSet<(Direction, WitnessedTransfer)>,
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
    /// `host` is the registry as images are named, `connect` its address, `registries_conf` what steps are given.
    ///
    /// # Errors
    /// When the folder of records cannot be made.
    pub fn new(host: String, connect: String, registries_conf: String) -> std::io::Result<Self> {
        std::fs::create_dir_all(FOLDER)?;
        Ok(Self { host, connect, registries_conf, live: Mutex::default() })
    }

    fn live(&self) -> MutexGuard<'_, HashMap<String, LiveRun>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Removes the records of runs that are over: their folders are gone.
    fn sweep(&self) {
        let live = self.live();
        for entry in std::fs::read_dir(FOLDER).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let Some(id) = name.to_str().and_then(|name| name.strip_suffix(".jsonl")) else { continue };
            if !live.contains_key(id) && !std::path::Path::new("runs").join(id).exists() {
                let _ = std::fs::remove_file(entry.path());
            }
        }
    }

    /// Whose password it is. All are compared, each in constant time.
    fn identify(&self, password: &str) -> Option<Identity> {
        use subtle::ConstantTimeEq;
        let live = self.live();
        live.values()
            .filter(|run| bool::from(run.password.as_bytes().ct_eq(password.as_bytes())))
            .map(|run| run.identity.clone())
            .next()
    }

    fn start(&self, of: &RunIdentity, password: String, transfers: BTreeSet<(Direction, WitnessedTransfer)>) {
        let user = format!("system:serviceaccount:{}:{}", of.namespace, of.service_account);
        let groups = UserInfo::service_account(&of.namespace, &of.service_account).groups;
        let identity = Identity { user, groups, task_run: Some(of.id.clone()) };
        self.live().insert(of.id.clone(), LiveRun { identity, password, transfers });
    }
}

fn path(id: &str) -> PathBuf {
    PathBuf::from(FOLDER).join(format!("{id}.jsonl"))
}

fn recorded(id: &str) -> BTreeSet<(Direction, WitnessedTransfer)> {
    let text = std::fs::read_to_string(path(id)).unwrap_or_default();
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
        self.start(identity, password.clone(), recorded(&identity.id));
        Ok(RegistryAccess {
            host: self.host.clone(),
            connect: self.connect.clone(),
            username: RUN_USER.into(),
            password,
            registries_conf: self.registries_conf.clone(),
        })
    }

    fn resume(&self, identity: &RunIdentity, access: &RegistryAccess) {
        self.start(identity, access.password.clone(), recorded(&identity.id));
    }

    fn transfers(&self, id: &str) -> (Vec<WitnessedTransfer>, Vec<WitnessedTransfer>) {
        let all = match self.live().get(id) {
            Some(run) => run.transfers.clone(),
            None => recorded(id),
        };
        let of = |wanted: Direction| {
            all.iter().filter(|(direction, _)| *direction == wanted).map(|(_, transfer)| transfer.clone()).collect()
        };
        (of(Direction::Pushed), of(Direction::Pulled))
    }

    /// The record stays, for the status that is written after this; it goes when the run's folder is gone.
    fn revoke(&self, id: &str) {
        self.live().remove(id);
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
            let file = std::fs::OpenOptions::new().append(true).create(true).open(path(id));
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
