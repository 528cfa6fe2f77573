//! `net.cidr_*`: blocks of addresses. Knows no network; `net.lookup_ip_addr` is refused elsewhere.

use super::{Builtin, BuiltinError, Context, Outcome, args, pure, some};
use crate::value::Value;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

pub const ALL: &[Builtin] = &[
    pure("net.cidr_contains", 2, |a, _| some(contains(a)?)),
    // The old name.
    pure("net.cidr_overlap", 2, |a, _| some(contains(a)?)),
    pure("net.cidr_intersects", 2, |a, _| {
        let (first, second) = (block(args::string(a, 1)?)?, block(args::string(a, 2).map_err(|_| second(a))?)?);
        some(first.contains(second.family, second.first) || second.contains(first.family, first.first))
    }),
    pure("net.cidr_contains_matches", 2, contains_matches),
    pure("net.cidr_expand", 1, expand),
    pure("net.cidr_is_valid", 1, |a, _| some(args::string(a, 1).is_ok_and(|text| block(text).is_ok()))),
    pure("net.cidr_merge", 1, |a, _| merge(a)),
];

/// Addresses of the two families are never in each other's blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Family {
    V4,
    V6,
}

impl Family {
    fn bits(self) -> u32 {
        match self {
            Self::V4 => 32,
            Self::V6 => 128,
        }
    }

    fn show(self, address: u128) -> String {
        match self {
            // Blocks of version 4 hold 32 bits.
            Self::V4 => Ipv4Addr::from(u32::try_from(address).unwrap_or_default()).to_string(),
            Self::V6 => Ipv6Addr::from(address).to_string(),
        }
    }
}

/// Addresses `first` to `last` of a block.
#[derive(Clone, Copy, Debug)]
struct Block {
    family: Family,
    first: u128,
    last: u128,
    prefix: u32,
}

impl Block {
    fn new(family: Family, address: u128, prefix: u32) -> Self {
        let host = family.bits() - prefix;
        let mask = if host == 128 { u128::MAX } else { (1 << host) - 1 };
        Self { family, first: address & !mask, last: address | mask, prefix }
    }

    /// Whether all of another is in it.
    fn covers(&self, inner: &Self) -> bool {
        self.contains(inner.family, inner.first) && self.contains(inner.family, inner.last)
    }

    fn contains(&self, family: Family, address: u128) -> bool {
        self.family == family && (self.first..=self.last).contains(&address)
    }
}

/// An address; one of version 4 may be written as version 6 has it mapped.
fn address(text: &str) -> Option<(Family, u128)> {
    Some(match text.parse::<IpAddr>().ok()? {
        IpAddr::V4(ip) => (Family::V4, u32::from(ip).into()),
        IpAddr::V6(ip) => match ip.to_ipv4_mapped() {
            Some(ip) => (Family::V4, u32::from(ip).into()),
            None => (Family::V6, ip.into()),
        },
    })
}

fn block(text: &str) -> Result<Block, BuiltinError> {
    let parsed = || {
        let (ip, prefix) = text.split_once('/')?;
        if prefix.is_empty() || !prefix.bytes().all(|b| b.is_ascii_digit()) {
            return None;
        }
        let prefix: u32 = prefix.parse().ok()?;
        match ip.parse::<IpAddr>().ok()? {
            IpAddr::V4(ip) => (prefix <= 32).then(|| Block::new(Family::V4, u32::from(ip).into(), prefix)),
            IpAddr::V6(ip) if prefix <= 128 => match ip.to_ipv4_mapped() {
                Some(ip) if prefix >= 96 => Some(Block::new(Family::V4, u32::from(ip).into(), prefix - 96)),
                _ => Some(Block::new(Family::V6, ip.into(), prefix)),
            },
            IpAddr::V6(_) => None,
        }
    };
    parsed().ok_or_else(|| args::failed(format!("invalid CIDR address: {text}")))
}

/// OPA counts the second operand's type error as the first's.
fn second(a: &[Value]) -> BuiltinError {
    args::wrong_type(1, args::value(a, 2), &["string"])
}

fn contains(a: &[Value]) -> Result<bool, BuiltinError> {
    let outer = block(args::string(a, 1)?)?;
    Ok(outer.covers(&inner(args::string(a, 2).map_err(|_| second(a))?)?))
}

/// A block, or an address as the block of it alone.
fn inner(text: &str) -> Result<Block, BuiltinError> {
    if let Some((family, ip)) = address(text) {
        return Ok(Block::new(family, ip, family.bits()));
    }
    block(text)
        .map_err(|_| args::failed(format!("not a valid textual representation of an IP address or CIDR: {text}")))
}

/// A block and what the answer calls it, or why it is none.
type Entry = Result<(Value, Value), BuiltinError>;

/// The blocks of an operand.
fn entries(a: &[Value], position: usize) -> Vec<Entry> {
    let entry = |item: &Value, name: Value| match item {
        Value::String(_) => Ok((item.clone(), name)),
        Value::Array(items) if !items.is_empty() => Ok((items.first().cloned().unwrap_or(Value::Null), name)),
        _ => Err(args::failed(format!("operand {position}: element must be string or non-empty array"))),
    };
    match args::value(a, position) {
        whole @ Value::String(_) => vec![Ok((whole.clone(), whole.clone()))],
        Value::Array(items) => {
            (0i64..).zip(items.iter()).map(|(index, item)| entry(item, Value::from(index))).collect()
        }
        Value::Set(items) => items.iter().map(|item| entry(item, item.clone())).collect(),
        Value::Object(map) => map.iter().map(|(key, item)| entry(item, key.clone())).collect(),
        _ => Vec::new(),
    }
}

/// Pair by pair: what is wrong with an element is said when it is reached.
fn contains_matches(a: &[Value], context: &mut Context) -> Outcome {
    let entries = |position| entries(a, position);
    let text = |item: &Value| args::string(std::slice::from_ref(item), 1).map(str::to_owned);
    // Read once, after the first of the others.
    let mut blocks: Vec<Result<(Block, Value), BuiltinError>> = Vec::new();
    let others = entries(2);
    let mut found = Vec::new();
    for outer in entries(1) {
        let (outer, outer_name) = outer?;
        if others.is_empty() {
            continue;
        }
        if let Some(Err(wrong)) = others.first() {
            return Err(wrong.clone());
        }
        let outer = block(&text(&outer)?)?;
        if blocks.is_empty() {
            let read = |(item, name): &(Value, Value)| Ok((inner(&text(item)?)?, name.clone()));
            blocks = others.iter().map(|other| other.as_ref().map_err(Clone::clone).and_then(read)).collect();
        }
        context.work(blocks.len())?;
        for other in &blocks {
            let (block, inner_name) = other.as_ref().map_err(Clone::clone)?;
            if outer.covers(block) {
                context.used(2)?;
                found.push(Value::array([outer_name.clone(), inner_name.clone()]));
            }
        }
    }
    some(Value::set(found))
}

/// More addresses than this are refused whatever the limits are: each is a text of its own.
const MOST_ADDRESSES: u128 = 1 << 20;

fn expand(a: &[Value], context: &mut Context) -> Outcome {
    let block = block(args::string(a, 1)?)?;
    let late = "net.cidr_expand: timed out before generating all IP addresses";
    let count = (block.last - block.first).saturating_add(1);
    if count > MOST_ADDRESSES {
        return Err(BuiltinError::Halt(late.to_owned()));
    }
    context.spend(u64::try_from(count).unwrap_or(u64::MAX))?;
    context.room(usize::try_from(count.saturating_mul(2)).unwrap_or(usize::MAX))?;
    let mut all = Vec::new();
    for ip in block.first..=block.last {
        context.work(1)?;
        all.push(Value::string(block.family.show(ip)));
    }
    some(Value::set(all))
}

/// Where version 4 lies within version 6: merging sees one space of addresses.
const MAPPED: u128 = 0xffff << 32;

/// A run of addresses; one block of the input alone keeps its own text.
struct Run {
    first: u128,
    last: u128,
    own: Option<String>,
}

fn merge(a: &[Value]) -> Outcome {
    let items: Vec<&Value> = match args::value(a, 1) {
        Value::Array(items) => items.iter().collect(),
        Value::Set(items) => items.iter().collect(),
        _ => return Err(args::failed("operand must be an array")),
    };
    let mut runs = items.into_iter().map(run).collect::<Result<Vec<_>, _>>()?;
    runs.sort_by_key(|run| (run.last, run.first));
    let mut merged: Vec<Run> = Vec::new();
    // From the highest, so that each run meets those below it.
    while let Some(run) = runs.pop() {
        match merged.last_mut() {
            Some(above) if before(above.first) <= run.last => {
                above.first = above.first.min(run.first);
                above.own = None;
            }
            _ => merged.push(run),
        }
    }
    some(Value::set(merged.iter().flat_map(|run| match &run.own {
        Some(text) => vec![Value::string(text)],
        None => cover(run),
    })))
}

/// The address before; the first of a version is before itself.
fn before(address: u128) -> u128 {
    if address == MAPPED { address } else { address.saturating_sub(1) }
}

/// A block, or an address of version 4, which stands for the network of its class.
fn run(item: &Value) -> Result<Run, BuiltinError> {
    let text = item.as_str().ok_or_else(|| args::failed("element must be string"))?;
    let (block, shown) = match address(text) {
        Some((Family::V6, _)) => return Err(args::failed("IPv6 invalid: needs prefix length")),
        Some((Family::V4, ip)) => {
            let prefix = match ip >> 24 {
                0..128 => 8,
                128..192 => 16,
                _ => 24,
            };
            (Block::new(Family::V4, ip, prefix), ip)
        }
        None => {
            let block = block(text)?;
            (block, block.first)
        }
    };
    let own = Some(format!("{}/{}", block.family.show(shown), block.prefix));
    let base = if block.family == Family::V4 { MAPPED } else { 0 };
    Ok(Run { first: block.first | base, last: block.last | base, own })
}

/// The fewest blocks that are exactly a run.
fn cover(run: &Run) -> Vec<Value> {
    let v4 = |address: u128| address >> 32 == MAPPED >> 32;
    let (family, base) = if v4(run.first) && v4(run.last) { (Family::V4, MAPPED) } else { (Family::V6, 0) };
    let last = run.last - base;
    let mut blocks = Vec::new();
    let mut next = Some(run.first - base);
    while let Some(first) = next.filter(|first| *first <= last) {
        // As large as where it starts, and where the run ends, allow.
        let aligned = first.trailing_zeros().min(family.bits());
        let fits =
            (0..=aligned).rev().find(|host| Block::new(family, first, family.bits() - host).last <= last).unwrap_or(0);
        let block = Block::new(family, first, family.bits() - fits);
        blocks.push(Value::string(format!("{}/{}", family.show(first), block.prefix)));
        next = block.last.checked_add(1);
    }
    blocks
}
