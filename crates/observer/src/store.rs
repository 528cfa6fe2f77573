//! Stores signatures and statements beside an image in its repository, in cosign's tag layout. Reads what is there,
//! adds what is missing, reads back and verifies. Storing the same again changes nothing.

use crate::attachment::{self, Attachment, RUN_UID};
use crate::error::Error;
use crate::pace::{Pace, Step};
use serde_json::Value;
use sluice_attest::cosign::{self, PREDICATE_TYPE, SIGNATURE};
use sluice_attest::{ImageDigest, PublicKey, Statement, dsse, simplesigning};
use sluice_keys::SigningKey;
use sluice_oci::{AuthFile, Client, Credentials, Descriptor, ImageManifest, Reference, RegistriesConf, media_type};
use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::Mutex;

/// Largest attestation that is read back or compared.
const MAX_ATTESTATION: u64 = dsse::MAX_ENVELOPE as u64;
/// Largest signature payload.
const MAX_SIGNATURE: u64 = 64 * 1024;
/// Tags are written one writer at a time; that many at once.
const LOCKS: usize = 64;

/// A registry's password that is a token in a file, read anew whenever it is needed, since tokens are replaced.
#[derive(Clone, Debug)]
pub struct TokenSource {
    /// `host[:port][/path]` that it is for.
    pub registry: String,
    pub user: String,
    pub file: PathBuf,
}

/// Where statements and signatures go.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    auth: AuthFile,
    tokens: Vec<TokenSource>,
    key: Arc<SigningKey>,
    locks: Arc<Vec<Mutex<()>>>,
}

/// A signed statement about a run.
#[derive(Clone, Debug)]
pub(crate) struct Signed {
    pub statement: Statement,
    pub run_uid: String,
    pub attachment: Attachment,
}

impl Store {
    /// A store over that client, with these credentials.
    pub fn new(client: Client, auth: AuthFile, tokens: Vec<TokenSource>, key: Arc<SigningKey>) -> Self {
        let locks = Arc::new((0..LOCKS).map(|_| Mutex::new(())).collect());
        Self { client, auth, tokens, key, locks }
    }

    /// The key that signs.
    pub fn key(&self) -> &SigningKey {
        &self.key
    }

    /// Where names are.
    pub(crate) fn registries(&self) -> &RegistriesConf {
        self.client.registries()
    }

    /// Signs a statement about a run.
    pub(crate) fn sign(&self, statement: Statement, run_uid: &str) -> Result<Signed, Error> {
        let payload = statement.to_vec().map_err(|e| Error::Encode(e.to_string()))?;
        let envelope = self.key.sign_dsse(dsse::INTOTO, &payload).to_vec().map_err(|e| Error::Encode(e.to_string()))?;
        if envelope.len() > dsse::MAX_ENVELOPE {
            return Err(Error::Size(format!(
                "the signed statement has {} bytes, more than {}",
                envelope.len(),
                dsse::MAX_ENVELOPE
            )));
        }
        let mut annotations = cosign::attestation_annotations(&statement.predicate_type);
        annotations.insert(RUN_UID.to_owned(), run_uid.to_owned());
        let attachment = Attachment { media_type: dsse::MEDIA_TYPE, bytes: envelope, annotations };
        Ok(Signed { statement, run_uid: run_uid.to_owned(), attachment })
    }

    /// Attaches statements to an image: each type of a run at most once, whatever came between.
    pub(crate) async fn attest(&self, image: &ImageDigest, signed: &[Signed], pace: &dyn Pace) -> Result<(), Error> {
        let place = self.place(image, &cosign::attestation_tag(&image.digest())).await?;
        let _writer = self.lock(&place.reference).lock().await;
        let there = place.manifest().await?;
        let layers = there.as_ref().map_or(&[][..], |manifest| &manifest.layers);
        let mut new = vec![];
        for statement in signed {
            if self.statement_in(&place, layers, statement).await?.is_none() {
                new.push(&statement.attachment);
            }
        }
        place.add(there.as_ref(), &new, pace, Step::AttestationBlobs, Step::Attested).await?;
        let there = place.manifest().await?;
        let layers = there.as_ref().map_or(&[][..], |manifest| &manifest.layers);
        for statement in signed {
            let lost = || Error::Lost { image: image.full_key(), tag: place.tag() };
            let layer = self.statement_in(&place, layers, statement).await?.ok_or_else(lost)?;
            let bytes = place.blob(&layer, MAX_ATTESTATION).await?;
            cosign::verify_attestation(&bytes, &image.digest(), self.key.public())
                .map_err(|source| Error::ReadBack { image: image.full_key(), source })?;
        }
        Ok(())
    }

    /// Attaches the signature over an image.
    pub(crate) async fn sign_image(&self, image: &ImageDigest, pace: &dyn Pace) -> Result<(), Error> {
        let bytes = simplesigning::payload(image);
        let annotations = cosign::signature_annotations(&self.key.sign_der(&bytes));
        let attachment = Attachment { media_type: simplesigning::MEDIA_TYPE, bytes, annotations };
        let place = self.place(image, &cosign::signature_tag(&image.digest())).await?;
        let _writer = self.lock(&place.reference).lock().await;
        let there = place.manifest().await?;
        let new = if signature_in(there.as_ref(), &attachment, self.key.public()).is_some() {
            vec![]
        } else {
            vec![&attachment]
        };
        place.add(there.as_ref(), &new, pace, Step::SignatureBlobs, Step::Signed).await?;
        let there = place.manifest().await?;
        let lost = || Error::Lost { image: image.full_key(), tag: place.tag() };
        let layer = signature_in(there.as_ref(), &attachment, self.key.public()).ok_or_else(lost)?;
        let bytes = place.blob(&layer, MAX_SIGNATURE).await?;
        cosign::verify_signature(&bytes, &layer.annotations, &image.digest(), self.key.public())
            .map_err(|source| Error::ReadBack { image: image.full_key(), source })?;
        Ok(())
    }

    /// The layer that already holds this statement. The same bytes do; so does a statement of this type about this run
    /// that an earlier attempt signed, although labels or annotations of the run changed in between. What a layer's
    /// annotations say decides nothing alone: whoever may push to the repository may write them.
    async fn statement_in(
        &self,
        place: &Place,
        layers: &[Descriptor],
        signed: &Signed,
    ) -> Result<Option<Descriptor>, Error> {
        let ours = signed.attachment.descriptor();
        let has_signature_key = |layer: &&Descriptor| layer.annotations.contains_key(SIGNATURE);
        if let Some(layer) = layers.iter().filter(has_signature_key).find(|layer| layer.digest == ours.digest) {
            return Ok(Some(layer.clone()));
        }
        let says = |layer: &Descriptor, key: &str, value: &str| layer.annotations.get(key).is_some_and(|v| v == value);
        for layer in layers.iter().filter(has_signature_key) {
            if !says(layer, RUN_UID, &signed.run_uid) || !says(layer, PREDICATE_TYPE, &signed.statement.predicate_type)
            {
                continue;
            }
            let Ok(bytes) = place.blob(layer, MAX_ATTESTATION).await else { continue };
            let verified =
                dsse::Envelope::parse(&bytes).and_then(|envelope| envelope.verify(dsse::INTOTO, self.key.public()));
            let Some(statement) = verified.ok().and_then(|payload| Statement::parse(&payload).ok()) else { continue };
            if same_run(&statement, &signed.statement) {
                return Ok(Some(layer.clone()));
            }
        }
        Ok(None)
    }

    async fn place(&self, image: &ImageDigest, tag: &str) -> Result<Place, Error> {
        let name = |e: sluice_oci::ReferenceError| Error::Name { image: image.full_key(), reason: e.to_string() };
        let reference: Reference = format!("{}:{tag}", image.repository).parse().map_err(name)?;
        let client =
            if self.tokens.is_empty() { self.client.clone() } else { self.client.with_auth(self.credentials().await?) };
        Ok(Place { client, reference, image: image.full_key() })
    }

    async fn credentials(&self) -> Result<AuthFile, Error> {
        let mut auth = self.auth.clone();
        for source in &self.tokens {
            let file = |source_error| Error::File { path: source.file.display().to_string(), source: source_error };
            let password = tokio::fs::read_to_string(&source.file).await.map_err(file)?.trim().to_owned();
            auth.insert(&source.registry, Credentials { username: source.user.clone(), password });
        }
        Ok(auth)
    }

    /// One writer for a tag at a time: a manifest is read, changed and written.
    fn lock(&self, reference: &Reference) -> &Mutex<()> {
        let mut hasher = DefaultHasher::new();
        reference.to_string().hash(&mut hasher);
        let place = hasher.finish() % LOCKS as u64;
        &self.locks[usize::try_from(place).unwrap_or_default()]
    }
}

/// A tag in a repository.
struct Place {
    client: Client,
    reference: Reference,
    image: String,
}

impl Place {
    fn tag(&self) -> String {
        self.reference.identifier()
    }

    fn failed(&self) -> impl Fn(sluice_oci::Error) -> Error {
        let image = self.image.clone();
        move |source| Error::Registry { image: image.clone(), source }
    }

    async fn manifest(&self) -> Result<Option<ImageManifest>, Error> {
        match self.client.manifest(&self.reference).await {
            Ok(manifest) => manifest.image().map(Some).map_err(self.failed()),
            Err(e) if e.is_not_found() => Ok(None),
            Err(e) => Err(self.failed()(e)),
        }
    }

    async fn blob(&self, layer: &Descriptor, limit: u64) -> Result<Vec<u8>, Error> {
        self.client.blob_bytes(&self.reference, layer, limit).await.map(|bytes| bytes.to_vec()).map_err(self.failed())
    }

    /// Pushes the manifest with the new layers added; does nothing where there is none.
    async fn add(
        &self,
        there: Option<&ImageManifest>,
        new: &[&Attachment],
        pace: &dyn Pace,
        blobs: Step,
        done: Step,
    ) -> Result<(), Error> {
        if !new.is_empty() {
            let descriptors: Vec<Descriptor> = new.iter().map(|attachment| attachment.descriptor()).collect();
            let manifest = attachment::manifest(there, &descriptors)?;
            for attachment in new {
                self.client.push_blob(&self.reference, attachment.bytes.clone()).await.map_err(self.failed())?;
            }
            self.client.push_blob(&self.reference, manifest.config).await.map_err(self.failed())?;
            checked(pace, blobs)?;
            self.client
                .push_manifest(&self.reference, media_type::MANIFEST, manifest.bytes)
                .await
                .map_err(self.failed())?;
        }
        checked(pace, done)
    }
}

/// Goes on, unless a test stops here.
pub(crate) fn checked(pace: &dyn Pace, step: Step) -> Result<(), Error> {
    if pace.goes_on_after(step) { Ok(()) } else { Err(Error::Stopped) }
}

/// The layer with our signature over the payload. The payload alone is not enough: it is the same for every signer.
fn signature_in(manifest: Option<&ImageManifest>, wanted: &Attachment, key: &PublicKey) -> Option<Descriptor> {
    let ours = wanted.descriptor();
    let holds = |layer: &&Descriptor| {
        let digest = layer.digest == ours.digest;
        let image = std::str::from_utf8(&wanted.bytes).ok().and_then(digest_of);
        digest
            && image
                .is_some_and(|image| cosign::verify_signature(&wanted.bytes, &layer.annotations, &image, key).is_ok())
    };
    manifest?.layers.iter().find(holds).cloned()
}

fn digest_of(payload: &str) -> Option<String> {
    let payload: Value = serde_json::from_str(payload).ok()?;
    payload.pointer("/critical/image/docker-manifest-digest")?.as_str().map(str::to_owned)
}

/// Whether two statements of a type are about the same run: equal but for the labels and annotations, which may change
/// while a run is signed.
fn same_run(a: &Statement, b: &Statement) -> bool {
    fn without_environment(statement: &Statement) -> Statement {
        let mut statement = statement.clone();
        if let Some(invocation) = statement.predicate.get_mut("invocation").and_then(Value::as_object_mut) {
            invocation.remove("environment");
        }
        let tasks = statement.predicate.pointer_mut("/buildConfig/tasks").and_then(Value::as_array_mut);
        for task in tasks.into_iter().flatten() {
            if let Some(invocation) = task.get_mut("invocation").and_then(Value::as_object_mut) {
                invocation.remove("environment");
            }
        }
        statement
    }
    without_environment(a) == without_environment(b)
}
