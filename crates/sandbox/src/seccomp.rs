//! The system call filters of steps: what is not listed does not exist (ENOSYS), what is dangerous is refused (EPERM).
//! The lists are in `syscalls`. It must not know who is filtered.

use crate::error::{Error, Result};
use crate::syscalls;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter, SeccompRule, TargetArch,
};
use std::collections::BTreeMap;

/// Flags of `clone` that make namespaces.
const NAMESPACES: u64 = 0x7e02_0000;
/// Socket families that a step may use: local, IPv4, IPv6, netlink.
const FAMILIES: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
/// Execution domains that only change how addresses are laid out.
const PERSONALITIES: [u64; 5] = [0, 0x8, 0x2_0000, 0x2_0008, 0xffff_ffff];

/// Compiled filters, to be applied in order; of several verdicts the strictest counts.
#[derive(Debug)]
pub(crate) struct Filters(Vec<BpfProgram>);

impl Filters {
    /// The filters of an ordinary step, or of one that may make namespaces and mounts of its own.
    pub(crate) fn new(nested: bool) -> Result<Self> {
        let mut known: BTreeMap<i64, Vec<SeccompRule>> = syscalls::KNOWN
            .iter()
            .chain(syscalls::LEGACY)
            .chain(syscalls::REFUSED)
            .map(|call| (*call, Vec::new()))
            .collect();
        let mut refused: BTreeMap<i64, Vec<SeccompRule>> =
            syscalls::REFUSED.iter().map(|call| (*call, Vec::new())).collect();
        known.extend(syscalls::NESTING.iter().map(|call| (*call, Vec::new())));
        if nested {
            known.insert(libc::SYS_clone3, Vec::new());
        } else {
            refused.extend(syscalls::NESTING.iter().map(|call| (*call, Vec::new())));
            refused.insert(libc::SYS_clone, namespace_rules()?);
        }
        refused.insert(libc::SYS_socket, family_rules()?);
        refused.insert(libc::SYS_socketpair, family_rules()?);
        refused.insert(libc::SYS_personality, personality_rules()?);
        refused.insert(libc::SYS_ioctl, terminal_rules()?);
        let errno = |code: i32| SeccompAction::Errno(code.unsigned_abs());
        Ok(Self(vec![
            compile(refused, SeccompAction::Allow, errno(libc::EPERM))?,
            compile(known, errno(libc::ENOSYS), SeccompAction::Allow)?,
        ]))
    }
}

/// Applies the filters to this process for good.
pub(crate) fn apply(filters: &Filters) -> Result<()> {
    for filter in &filters.0 {
        seccompiler::apply_filter(filter)
            .map_err(|e| Error::invalid(format!("setting the system call filter: {e}")))?;
    }
    Ok(())
}

fn compile(rules: BTreeMap<i64, Vec<SeccompRule>>, other: SeccompAction, listed: SeccompAction) -> Result<BpfProgram> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(broken)?;
    SeccompFilter::new(rules, other, listed, arch).and_then(TryInto::try_into).map_err(broken)
}

fn broken(error: impl std::fmt::Display) -> Error {
    Error::invalid(format!("making the system call filter: {error}"))
}

fn rule(conditions: Vec<SeccompCondition>) -> Result<SeccompRule> {
    SeccompRule::new(conditions).map_err(broken)
}

fn condition(argument: u8, length: SeccompCmpArgLen, operator: SeccompCmpOp, value: u64) -> Result<SeccompCondition> {
    SeccompCondition::new(argument, length, operator, value).map_err(broken)
}

/// One rule for each flag: a rule matches when its masked bits are all set.
fn namespace_rules() -> Result<Vec<SeccompRule>> {
    (0..32)
        .map(|bit| 1u64 << bit)
        .filter(|flag| NAMESPACES & flag != 0)
        .map(|flag| rule(vec![condition(0, SeccompCmpArgLen::Qword, SeccompCmpOp::MaskedEq(flag), flag)?]))
        .collect()
}

fn none_of(argument: u8, values: impl Iterator<Item = u64>) -> Result<Vec<SeccompRule>> {
    let conditions = values
        .map(|value| condition(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Ne, value))
        .collect::<Result<_>>()?;
    Ok(vec![rule(conditions)?])
}

fn family_rules() -> Result<Vec<SeccompRule>> {
    none_of(0, FAMILIES.iter().map(|family| u64::from(family.unsigned_abs())))
}

fn personality_rules() -> Result<Vec<SeccompRule>> {
    none_of(0, PERSONALITIES.into_iter())
}

/// Typing into a terminal, and its clipboard.
fn terminal_rules() -> Result<Vec<SeccompRule>> {
    [libc::TIOCSTI, libc::TIOCLINUX]
        .into_iter()
        .map(|request| rule(vec![condition(1, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, request)?]))
        .collect()
}
