//! Who the step's process is inside the sandbox: ids, and the home folder that the image's passwd names. It must not trust
//! the image beyond that.

use crate::error::Result;
use crate::fs;
use rustix::fs::OFlags;
use sluice_api::runner::StepSpec;
use std::fs::File;
use std::io::Read;
use std::os::fd::BorrowedFd;

/// Most of /etc/passwd that is read.
const LARGEST_PASSWD: u64 = 1024 * 1024;

/// The step's user.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct User {
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) home: String,
}

/// The user of a step whose root is `root`.
pub(super) fn of(root: BorrowedFd<'_>, step: &StepSpec) -> Result<User> {
    let mut passwd = String::new();
    if let Ok(file) = fs::open_in_root(root, "etc/passwd", OFlags::RDONLY | OFlags::NONBLOCK, 0)
        && rustix::fs::fstat(&file).is_ok_and(|stat| stat.st_mode & libc::S_IFMT == libc::S_IFREG)
    {
        let _ = File::from(file).take(LARGEST_PASSWD).read_to_string(&mut passwd);
    }
    Ok(from_passwd(&passwd, step.run_as_user.unwrap_or(0), step.run_as_group))
}

fn from_passwd(passwd: &str, uid: u32, gid: Option<u32>) -> User {
    let entry = passwd.lines().find_map(|line| {
        let fields: Vec<&str> = line.split(':').collect();
        let number = |at: usize| fields.get(at).and_then(|field: &&str| field.parse::<u32>().ok());
        (number(2) == Some(uid)).then(|| (number(3), fields.get(5).copied().unwrap_or_default().to_owned()))
    });
    let (group, home) = entry.unwrap_or((None, String::new()));
    let group = gid.or(group).filter(|gid| *gid <= 65_535).unwrap_or(0);
    let default_home = if uid == 0 { "/root" } else { "/" };
    let home = if home.starts_with('/') { home } else { default_home.to_owned() };
    User { uid, gid: group, home }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn ids_and_home_come_from_passwd() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nbuild:x:1001:1002::/home/build:/bin/sh\n";
        let user = |uid, gid| from_passwd(passwd, uid, gid);
        assert_eq!(user(1001, None), User { uid: 1001, gid: 1002, home: "/home/build".into() });
        assert_eq!(user(1001, Some(7)).gid, 7);
        assert_eq!(user(42, None), User { uid: 42, gid: 0, home: "/".into() });
        assert_eq!(from_passwd("", 0, None).home, "/root");
        assert_eq!(from_passwd("x:x:5:99999999:::", 5, None).gid, 0);
    }
}
