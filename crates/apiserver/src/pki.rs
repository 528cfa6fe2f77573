//! The server's certificate authority and certificate, made at the first start and kept in files that only their owner
//! reads. It must not know what is served under them.

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;
use std::sync::Arc;

/// Why there is no certificate to serve with.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    #[error("cannot use `{path}`: {source}")]
    File { path: String, source: std::io::Error },
    #[error("`{path}` is no key or certificate of ours ({reason}); remove the folder to make new ones")]
    Content { path: String, reason: String },
    #[error("cannot make a certificate for {names:?}: {reason}")]
    Make { names: Vec<String>, reason: String },
}

/// The authority's certificate and what a TLS listener needs.
#[derive(Clone, Debug)]
pub struct Pki {
    ca: String,
    config: Arc<ServerConfig>,
}

/// Seconds that a certificate lives: ten years, longer than any data folder of such a server.
const LIFE_DAYS: i64 = 3650;

impl Pki {
    /// Reads the folder's authority, making it at the first start, and makes a server certificate for `localhost`,
    /// `127.0.0.1`, `::1` and the further names. That certificate is made anew at each start.
    ///
    /// # Errors
    /// A file cannot be read or made, or a name is none.
    pub fn load_or_create(folder: &Path, names: &[String]) -> Result<Self, PkiError> {
        create_private_folder(folder).map_err(|source| file_error(folder, source))?;
        let (key_path, ca_path) = (folder.join("ca.key"), folder.join("ca.crt"));
        if !key_path.exists() || !ca_path.exists() {
            make_authority(&key_path, &ca_path)?;
        }
        let key = read(&key_path)?;
        let ca = read(&ca_path)?;
        let content = |path: &Path, reason: String| PkiError::Content { path: path.display().to_string(), reason };
        let key = KeyPair::from_pem(&key).map_err(|e| content(&key_path, e.to_string()))?;
        if !ca.contains("BEGIN CERTIFICATE") {
            return Err(content(&ca_path, "no PEM certificate".to_owned()));
        }
        // The issuer's name and key are all that a certificate takes from its authority's.
        let issuer = Issuer::new(authority_params(), key);
        let config =
            server_config(&issuer, names).map_err(|reason| PkiError::Make { names: names.to_vec(), reason })?;
        Ok(Self { ca, config: Arc::new(config) })
    }

    /// The authority's certificate (PEM), which clients trust.
    pub fn ca_pem(&self) -> &str {
        &self.ca
    }

    /// What a TLS listener needs.
    pub fn server_config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

fn file_error(path: &Path, source: std::io::Error) -> PkiError {
    PkiError::File { path: path.display().to_string(), source }
}

fn read(path: &Path) -> Result<String, PkiError> {
    std::fs::read_to_string(path).map_err(|source| file_error(path, source))
}

fn lifetime(params: &mut CertificateParams) {
    let now = crate::edge::now_seconds();
    let day = |offset: i64| {
        let date = jiff::Timestamp::from_second(now + offset * 86_400).unwrap_or_default();
        let date = date.to_zoned(jiff::tz::TimeZone::UTC).date();
        let (month, day) = (u8::try_from(date.month()).unwrap_or(1), u8::try_from(date.day()).unwrap_or(1));
        rcgen::date_time_ymd(date.year().into(), month, day)
    };
    // A day back, for clients whose clock is behind.
    params.not_before = day(-1);
    params.not_after = day(LIFE_DAYS);
}

fn authority_params() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "sluice-ca");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    params
}

fn make_authority(key_path: &Path, ca_path: &Path) -> Result<(), PkiError> {
    let make = |e: rcgen::Error| PkiError::Make { names: vec!["sluice-ca".to_owned()], reason: e.to_string() };
    let key = KeyPair::generate().map_err(make)?;
    let mut params = authority_params();
    lifetime(&mut params);
    let certificate = params.self_signed(&key).map_err(make)?;
    // The key first: a certificate without its key would be trusted by clients and be of no use.
    write_private(key_path, key.serialize_pem().as_bytes()).map_err(|e| file_error(key_path, e))?;
    write_private(ca_path, certificate.pem().as_bytes()).map_err(|e| file_error(ca_path, e))
}

fn server_config(issuer: &Issuer<'_, KeyPair>, names: &[String]) -> Result<ServerConfig, String> {
    let text = |e: rcgen::Error| e.to_string();
    let mut all: Vec<String> = ["localhost", "127.0.0.1", "::1"].map(str::to_owned).to_vec();
    all.extend(names.iter().filter(|n| !n.is_empty()).cloned());
    all.sort();
    all.dedup();
    let key = KeyPair::generate().map_err(text)?;
    let mut params = CertificateParams::new(all).map_err(text)?;
    params.distinguished_name.push(DnType::CommonName, "sluice-apiserver");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.use_authority_key_identifier_extension = true;
    lifetime(&mut params);
    let certificate = params.signed_by(&key, issuer).map_err(text)?;
    let chain = vec![CertificateDer::from(certificate.der().to_vec())];
    let key = PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).map_err(|e| e.to_string())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| e.to_string())?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(|e| e.to_string())?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// Makes a folder that only its owner enters, if it is not there.
pub(crate) fn create_private_folder(path: &Path) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(path)
}

/// Makes a file that only its owner reads, whole or not at all, and syncs it.
pub(crate) fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let temporary = path.with_file_name(name);
    let mut file = std::fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&temporary)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&temporary, path)?;
    let parent = path.parent().filter(|p| !p.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(parent)?.sync_all()
}
