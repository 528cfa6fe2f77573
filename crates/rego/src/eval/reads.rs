//! Where values came from, and what was read of them: noted at little cost while a proof is recorded, and made into sources
//! once it is kept.

use crate::value::Value;
use crate::why::{Proof, Source};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Where a value came from.
#[derive(Clone, Debug)]
pub(crate) enum Origin {
    /// Exactly a place: what is below the value is below the place.
    Place(Arc<Place>),
    /// It was made of the value at a place.
    Of(Arc<Place>, Option<Value>),
    /// It was made of these.
    Made(Arc<Vec<Source>>),
}

/// A place below `input` or `data`, as a key and what it is the key of.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    parent: Option<Arc<Place>>,
    key: Value,
}

impl Place {
    /// From `input` or `data`, key by key.
    fn path(&self) -> Vec<Value> {
        let mut path = vec![self.key.clone()];
        let mut at = &self.parent;
        while let Some(place) = at {
            path.push(place.key.clone());
            at = &place.parent;
        }
        path.reverse();
        path
    }
}

impl Origin {
    /// `input` or `data`.
    pub fn root(name: &str) -> Self {
        Self::Place(Arc::new(Place { parent: None, key: Value::string(name) }))
    }

    /// Of what stands at a key of the value.
    pub fn below(&self, key: &Value) -> Self {
        match self {
            Self::Place(parent) => Self::Place(Arc::new(Place { parent: Some(parent.clone()), key: key.clone() })),
            Self::Of(..) | Self::Made(_) => self.clone(),
        }
    }

    /// Of something made of the value that came from here.
    pub fn made(&self, value: &Value) -> Self {
        match self {
            Self::Place(place) => Self::Of(place.clone(), Some(value.clone())),
            Self::Of(..) | Self::Made(_) => self.clone(),
        }
    }

    /// Of something made of all that was read.
    pub fn of_all(reads: &[Read]) -> Self {
        match once(reads).as_slice() {
            [Read::Place(place, found)] => Self::Of(place.clone(), found.clone()),
            reads => Self::Made(Arc::new(reads.iter().map(|read| read.source()).collect())),
        }
    }

    /// Whether two values came from the same, looking into nothing.
    pub fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Place(a), Self::Place(b)) | (Self::Of(a, _), Self::Of(b, _)) => a == b,
            (Self::Made(a), Self::Made(b)) => {
                Arc::ptr_eq(a, b) || a.iter().map(Identity::of).eq(b.iter().map(Identity::of))
            }
            _ => false,
        }
    }

    /// The value that came from here is read, or there is none.
    pub fn read(&self, found: Option<&Value>, mut each: impl FnMut(Read)) {
        match self {
            Self::Place(place) => each(Read::Place(place.clone(), found.cloned())),
            Self::Of(place, value) => each(Read::Place(place.clone(), value.clone())),
            Self::Made(sources) if sources.len() > 1 => each(Read::Source(Source::Made(sources.clone()))),
            Self::Made(sources) => sources.iter().for_each(|source| each(Read::Source(source.clone()))),
        }
    }
}

/// So many are compared one with another.
const FEW: usize = 8;

/// Something that was read.
#[derive(Clone, Debug)]
pub(crate) enum Read {
    /// A place, and what stands there.
    Place(Arc<Place>, Option<Value>),
    /// Something else.
    Source(Source),
}

/// What makes a read the same as another, looking into nothing.
#[derive(PartialEq, Eq, Hash)]
enum Identity<'r> {
    Place(&'r Place),
    Path(&'r [Value]),
    Rule(*const Proof, Option<&'r Value>),
    Host(&'r str, &'r [Value]),
    Made(*const Vec<Source>),
}

impl<'r> Identity<'r> {
    fn of(source: &'r Source) -> Self {
        match source {
            Source::Place { path, .. } => Self::Path(path),
            Source::Rule { proof, member } => Self::Rule(Arc::as_ptr(proof), member.as_ref()),
            Source::Host { name, args } => Self::Host(name, args),
            Source::Made(sources) => Self::Made(Arc::as_ptr(sources)),
        }
    }
}

impl Read {
    fn identity(&self) -> Identity<'_> {
        match self {
            Self::Place(place, _) => Identity::Place(place),
            Self::Source(source) => Identity::of(source),
        }
    }

    fn source(&self) -> Source {
        match self {
            Self::Place(place, found) => Source::Place { path: place.path(), found: found.clone() },
            Self::Source(source) => source.clone(),
        }
    }
}

/// What was read, each once.
pub(super) fn distinct(reads: &[Read]) -> Vec<Source> {
    once(reads).into_iter().map(Read::source).collect()
}

fn once(reads: &[Read]) -> Vec<&Read> {
    if reads.len() > FEW {
        let mut met = HashSet::with_capacity(reads.len());
        return reads.iter().filter(|read| met.insert(read.identity())).collect();
    }
    let mut first: Vec<&Read> = Vec::with_capacity(reads.len());
    for read in reads {
        if !first.iter().any(|other| other.identity() == read.identity()) {
            first.push(read);
        }
    }
    first
}

/// Where each text and collection of the input and the data stands, by its address: what is taken from there is known
/// again wherever it goes.
#[derive(Debug, Default)]
pub(super) struct Places(HashMap<usize, Arc<Place>>);

impl Places {
    /// Of the two documents.
    pub fn of(input: Option<&Value>, data: &Value) -> Self {
        let mut places = Self::default();
        for (root, document) in [("input", input), ("data", Some(data))] {
            if let (Some(document), Origin::Place(place)) = (document, Origin::root(root)) {
                places.add(document, &place);
            }
        }
        places
    }

    fn add(&mut self, value: &Value, place: &Arc<Place>) {
        if let Some(address) = value.address() {
            self.0.insert(address, place.clone());
        }
        let mut below = |key: Value, item: &Value| {
            self.add(item, &Arc::new(Place { parent: Some(place.clone()), key }));
        };
        match value {
            Value::Array(items) => (0_i64..).zip(items.iter()).for_each(|(i, item)| below(Value::from(i), item)),
            Value::Object(map) => map.iter().for_each(|(key, item)| below(key.clone(), item)),
            _ => {}
        }
    }

    /// Where a value was taken from.
    pub(super) fn find(&self, value: &Value) -> Option<Origin> {
        Some(Origin::Place(self.0.get(&value.address()?)?.clone()))
    }
}
