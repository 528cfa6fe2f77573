//! A key in a file: who may read it, and making it so that it is either whole or not there. Knows nothing of signing.

use crate::{KeyFileError, SigningKey};
use p256::ecdsa::SigningKey as Secret;
use p256::elliptic_curve::zeroize::Zeroizing;
use p256::pkcs8::{DecodePrivateKey, EncodePrivateKey, LineEnding};
use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Longest key file that is read.
const MAX_FILE: u64 = 16 * 1024;

pub(crate) fn load(path: &Path) -> Result<SigningKey, KeyFileError> {
    let fail = |what| move |source| KeyFileError::Io { what, path: path.to_owned(), source };
    // Not to wait for the writer of a named pipe that somebody put here: O_NONBLOCK has no effect on a file.
    let mut file = OpenOptions::new().read(true).custom_flags(O_NONBLOCK).open(path).map_err(fail("open"))?;
    // Asked of the open file, so that it is the file that is read.
    let metadata = file.metadata().map_err(fail("look at"))?;
    if !metadata.is_file() {
        return Err(KeyFileError::NotAFile { path: path.to_owned() });
    }
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 != 0 {
        return Err(KeyFileError::Readable { path: path.to_owned(), mode });
    }
    let format = |reason: String| KeyFileError::Format { path: path.to_owned(), reason };
    if metadata.len() > MAX_FILE {
        return Err(format(format!("{} bytes are more than a key can have", metadata.len())));
    }
    let mut pem = Zeroizing::new(String::with_capacity(MAX_FILE as usize));
    (&mut file).take(MAX_FILE).read_to_string(&mut pem).map_err(fail("read"))?;
    let secret = Secret::from_pkcs8_pem(pem.trim()).map_err(|e| format(e.to_string()))?;
    SigningKey::new(secret)
}

pub(crate) fn load_or_create(path: &Path) -> Result<SigningKey, KeyFileError> {
    match load(path) {
        Err(KeyFileError::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
            create(path)?;
            // What is on disk is what is used: also where another process was faster.
            load(path)
        }
        other => other,
    }
}

/// Makes a new key under another name, syncs it and links it to its own name, which fails if that exists by now.
fn create(path: &Path) -> Result<(), KeyFileError> {
    let fail = |what| move |source| KeyFileError::Io { what, path: path.to_owned(), source };
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let key = SigningKey::generate()?;
    let pem = key.secret.to_pkcs8_pem(LineEnding::LF).map_err(|e| KeyFileError::Generate(e.to_string()))?;
    let draft = draft_name(path, folder);
    remove(&draft).map_err(fail("clear the way of"))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).map_err(fail("create"))?;
    file.write_all(pem.as_bytes()).and_then(|()| file.sync_all()).map_err(fail("write"))?;
    match fs::hard_link(&draft, path) {
        Err(source) if source.kind() != ErrorKind::AlreadyExists => return Err(fail("name")(source)),
        _ => {}
    }
    remove(&draft).map_err(fail("tidy up after"))?;
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(fail("sync the folder of"))
}

/// A name that only this process uses.
fn draft_name(path: &Path, folder: &Path) -> PathBuf {
    let mut name = OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.new", std::process::id()));
    folder.join(name)
}

fn remove(path: &Path) -> std::io::Result<()> {
    match fs::remove_file(path) {
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// The flag of Linux on all architectures that Rust's std is built for but mips, sparc and alpha.
const O_NONBLOCK: i32 = 0o4000;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn makes_a_key_once_and_loads_it_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("cosign.key");
        let key = load_or_create(&path).unwrap();
        let again = load_or_create(&path).unwrap();
        assert_eq!(key.key_id(), again.key_id());
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let names: Vec<_> = fs::read_dir(folder.path()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["cosign.key"], "no draft is left");
        assert!(fs::read_to_string(&path).unwrap().starts_with("-----BEGIN PRIVATE KEY-----\n"));
    }

    #[test]
    fn a_draft_that_a_crash_left_is_no_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        fs::write(draft_name(&path, folder.path()), "half a ke").unwrap();
        let key = load_or_create(&path).unwrap();
        assert_eq!(load(&path).unwrap().key_id(), key.key_id());
    }

    #[test]
    fn processes_that_race_end_with_one_key() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        create(&path).unwrap();
        let first = load(&path).unwrap();
        create(&path).unwrap();
        assert_eq!(load(&path).unwrap().key_id(), first.key_id());
    }

    #[test]
    fn refuses_a_file_that_others_can_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        load_or_create(&path).unwrap();
        for mode in [0o640, 0o604, 0o620] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            let message = load(&path).unwrap_err().to_string();
            assert!(message.contains(&format!("{mode:04o}")) && message.contains("chmod 600"), "{message}");
        }
    }

    #[test]
    fn refuses_what_is_no_key_and_does_not_overwrite_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        for content in ["", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", &"x".repeat(20_000)] {
            fs::write(&path, content).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
            assert!(matches!(load_or_create(&path), Err(KeyFileError::Format { .. })));
            assert_eq!(fs::read_to_string(&path).unwrap(), content);
        }
        assert!(matches!(load_or_create(folder.path()), Err(KeyFileError::NotAFile { .. })));
        assert!(matches!(load(&folder.path().join("none")), Err(KeyFileError::Io { .. })));
    }

    // The published example key of RFC 6979, A.2.5, as openssl writes it.
    #[test]
    fn reads_what_openssl_writes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("k");
        fs::write(&path, include_str!("../testdata/rfc6979-a.2.5.key")).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let key = load(&path).unwrap();
        assert_eq!(key.public_pem(), include_str!("../testdata/rfc6979-a.2.5.pub"));
    }
}
