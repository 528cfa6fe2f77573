//! Chains from a leaf to a root, verified as Go's package x509 does: signatures, authority, times, lengths of paths, names
//! and usages of keys. What cannot be verified here is refused: a chain that asks for explicit policies is.

use super::certificate::Certificate;
use super::names;

/// Signatures checked for one leaf.
const MAX_SIGNATURES: usize = 100;

/// Names compared with constraints for one leaf.
const MAX_COMPARISONS: usize = 250_000;

/// Go's number for certificates of servers, the usage that is asked for where none is named.
const SERVER: i64 = 1;

/// Go's bit of a key that may sign certificates.
const CERTIFICATE_SIGN: i64 = 1 << 5;

/// What a chain has to be good for.
#[derive(Clone, Debug, Default)]
pub struct Wanted {
    /// The host that the leaf is for.
    pub host: String,
    /// Go's numbers of extended usages, of which one is enough; 0 is any.
    pub usages: Vec<i64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Leaf,
    Intermediate,
    Root,
}

/// The search's state.
struct Search<'c, 'a> {
    root: &'c Certificate<'a>,
    intermediates: Vec<&'c Certificate<'a>>,
    now_ns: i64,
    signatures: usize,
    found: Vec<Vec<&'c Certificate<'a>>>,
}

/// The first chain that is good, from the leaf upwards: the first certificate is the root, the last the leaf.
pub fn verify<'c, 'a>(all: &'c [Certificate<'a>], now_ns: i64, wanted: &Wanted) -> Option<Vec<&'c Certificate<'a>>> {
    let [root, between @ .., leaf] = all else { return None };
    let mut intermediates: Vec<&Certificate<'_>> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    intermediates.extend(between.iter().filter(|one| seen.insert(one.raw)));
    let mut search = Search { root, intermediates, now_ns, signatures: 0, found: Vec::new() };
    if !search.valid(leaf, Place::Leaf, &[])
        || (!wanted.host.is_empty() && !names::is_for(&leaf.says.names, &wanted.host))
    {
        return None;
    }
    if leaf.raw == root.raw {
        search.found.push(vec![leaf]);
    } else {
        search.build(&[leaf]);
    }
    let usages = if wanted.usages.is_empty() { &[SERVER] } else { wanted.usages.as_slice() };
    let mut budget = MAX_COMPARISONS;
    search.found.into_iter().find(|chain| {
        policies_are_free(chain)
            && (usages.contains(&0) || usable(chain, usages))
            && names::chain_meets(chain, &mut budget)
    })
}

impl<'c, 'a> Search<'c, 'a> {
    /// Adds all chains that continue one.
    fn build(&mut self, chain: &[&'c Certificate<'a>]) {
        let Some(child) = chain.last() else { return };
        let root = self.root;
        let mut parents: Vec<_> =
            self.intermediates.iter().filter(|one| one.subject_raw == child.issuer_raw).copied().collect();
        parents.sort_by_key(|parent| likelihood(parent, child));
        let roots = std::iter::once(root).filter(|root| root.subject_raw == child.issuer_raw);
        let candidates =
            roots.map(|root| (Place::Root, root)).chain(parents.into_iter().map(|one| (Place::Intermediate, one)));
        for (place, parent) in candidates {
            self.signatures += 1;
            if self.signatures > MAX_SIGNATURES {
                return;
            }
            if among(parent, chain) || !signed_by(child, parent) || !self.valid(parent, place, chain) {
                continue;
            }
            let longer: Vec<_> = chain.iter().copied().chain([parent]).collect();
            match place {
                Place::Root => self.found.push(longer),
                _ => self.build(&longer),
            }
        }
    }

    /// Whether a certificate may stand at a place above a chain.
    fn valid(&self, one: &Certificate<'_>, place: Place, chain: &[&Certificate<'_>]) -> bool {
        let second = |at: i64| i128::from(at) * 1_000_000_000;
        let now = i128::from(self.now_ns);
        let authority = matches!(one.says.basic, Some((true, _)));
        let room = match one.says.basic {
            Some((_, Some(most))) => i64::try_from(chain.len()).is_ok_and(|length| length - 1 <= most),
            _ => true,
        };
        one.says.unhandled.is_empty()
            && chain.last().is_none_or(|child| child.issuer_raw == one.subject_raw)
            && (second(one.not_before)..=second(one.not_after)).contains(&now)
            && (place != Place::Intermediate || authority)
            && room
    }
}

/// Parents whose key's identifier is the one that the child names come first, those with another last.
fn likelihood(parent: &Certificate<'_>, child: &Certificate<'_>) -> u8 {
    let id = parent.says.subject_key.as_deref().unwrap_or_default();
    let named = child.says.authority_key.as_deref().unwrap_or_default();
    match (id == named, id.is_empty() || named.is_empty()) {
        (true, _) => 0,
        (false, true) => 1,
        (false, false) => 2,
    }
}

/// Whether the same subject with the same key and names is in a chain already.
fn among(one: &Certificate<'_>, chain: &[&Certificate<'_>]) -> bool {
    let names = |of: &Certificate<'_>| {
        let found = of.extensions.iter().find(|extension| extension.id == super::extensions::SUBJECT_NAMES);
        found.map(|extension| extension.value.to_vec())
    };
    let same = |other: &&&Certificate<'_>| one.subject_raw == other.subject_raw && one.key_raw == other.key_raw;
    chain.iter().filter(same).any(|other| names(one) == names(other))
}

/// Whether a parent may sign certificates, and signed this one.
fn signed_by(child: &Certificate<'_>, parent: &Certificate<'_>) -> bool {
    let authority = match parent.says.basic {
        Some((authority, _)) => authority,
        None => parent.version < 3,
    };
    let may = parent.says.key_usage == 0 || parent.says.key_usage & CERTIFICATE_SIGN != 0;
    let key = parent.key.key.as_ref().filter(|_| authority && may);
    key.is_some_and(|key| key.verifies(child.signature_algorithm, child.body, &child.signature))
}

/// Whether no certificate below the root asks for explicit policies or maps the policy that means any.
fn policies_are_free(chain: &[&Certificate<'_>]) -> bool {
    let any: &[u128] = &[2, 5, 29, 32, 0];
    chain.iter().take(chain.len().saturating_sub(1)).all(|one| {
        let maps_any = one.says.mappings.iter().any(|(issuer, subject)| issuer == any || subject == any);
        one.says.require_policy.is_none() && !maps_any
    })
}

/// Whether some usage is allowed by every certificate of a chain that lists usages.
fn usable(chain: &[&Certificate<'_>], usages: &[i64]) -> bool {
    usages.iter().any(|usage| {
        chain.iter().all(|one| {
            let free = one.says.usages.is_empty() && one.says.unknown_usages.is_empty();
            free || one.says.usages.iter().any(|allowed| allowed == usage || *allowed == 0)
        })
    })
}
