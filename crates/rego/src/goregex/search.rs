//! Searches that a limit can end. What takes little for sure is the engine's own; anything else goes byte by byte over an
//! automaton that is made as it is needed, and is charged for each byte and each state made.

use super::Pattern;
use crate::limits::{Budget, Spent};
use regex_automata::hybrid::dfa::{Cache, DFA};
use regex_automata::nfa::thompson::{self, pikevm::PikeVM};
use regex_automata::util::captures::Captures;
use regex_automata::util::syntax;
use regex_automata::{Anchored, Input, MatchKind};
use std::ops::Range;

/// What the engine may do between two looks at the limits, in bytes of the pattern, compiled, times bytes of the text: a
/// tenth of a second at most.
const FREE: u64 = 1_000_000_000;

/// States of a pattern times bytes of a match, beyond which its groups are not looked for: nothing can end that on the way.
const MOST_FOR_GROUPS: u64 = 1 << 31;

/// The automata of a pattern, forwards and backwards.
#[derive(Debug)]
pub(super) struct Slow {
    forwards: DFA,
    backwards: DFA,
    groups: PikeVM,
}

impl Slow {
    /// None where it would be too large.
    pub(super) fn new(translated: &str) -> Option<Self> {
        let syntax = syntax::Config::new().nest_limit(super::MAX_NEST);
        let nfa = thompson::Config::new().nfa_size_limit(Some(super::MAX_SIZE));
        // Boundaries of words are looked at among ASCII alone; anything else ends the search with an error.
        let config = DFA::config().skip_cache_capacity_check(true).unicode_word_boundary(true);
        let build = |kind: MatchKind, nfa: thompson::Config| {
            DFA::builder()
                .configure(config.clone().match_kind(kind))
                .syntax(syntax)
                .thompson(nfa)
                .build(translated)
                .ok()
        };
        let backwards = nfa.clone().reverse(true).which_captures(thompson::WhichCaptures::None);
        Some(Self {
            forwards: build(MatchKind::LeftmostFirst, nfa.clone().which_captures(thompson::WhichCaptures::None))?,
            backwards: build(MatchKind::All, backwards)?,
            groups: PikeVM::builder().syntax(syntax).thompson(nfa).build(translated).ok()?,
        })
    }
}

/// One text, searched for a pattern once or on and on.
pub struct Search<'a> {
    pattern: &'a Pattern,
    text: &'a str,
    budget: &'a mut Budget,
    /// What the engine may still do by itself.
    free: u64,
    caches: Option<(Cache, Cache)>,
    /// Where to go on.
    at: usize,
    last_end: Option<usize>,
}

impl<'a> Search<'a> {
    /// From the start of a text.
    pub fn new(pattern: &'a Pattern, text: &'a str, budget: &'a mut Budget) -> Self {
        Self { pattern, text, budget, free: FREE, caches: None, at: 0, last_end: None }
    }

    /// Whether it matches anywhere.
    pub fn is_match(&mut self) -> Result<bool, Spent> {
        if self.affordable(self.text.len()) {
            return Ok(self.pattern.engine.is_match(self.text));
        }
        Ok(self.next()?.is_some())
    }

    /// The next match after the one before; an empty one never right behind it.
    pub fn next(&mut self) -> Result<Option<Range<usize>>, Spent> {
        let mut found = self.find()?;
        if found.as_ref().is_some_and(|found| found.is_empty() && Some(found.end) == self.last_end) {
            let Some(c) = self.text[self.at..].chars().next() else { return Ok(None) };
            self.at += c.len_utf8();
            found = self.find()?;
        }
        if let Some(found) = &found {
            self.at = found.end;
            self.last_end = Some(found.end);
        }
        Ok(found)
    }

    /// The groups of the match found last.
    pub fn groups(&mut self, found: &Range<usize>) -> Result<Captures, Spent> {
        let mut groups = self.pattern.engine.create_captures();
        self.budget.work(groups.group_len() as u64)?;
        let input = Input::new(self.text).span(found.clone()).anchored(Anchored::Yes);
        if self.affordable(found.len()) {
            self.pattern.engine.search_captures(&input, &mut groups);
            return Ok(groups);
        }
        let slow = self.pattern.slow().ok_or(GAVE_UP)?;
        let states = slow.groups.get_nfa().states().len() as u64;
        let operations = states.saturating_mul(found.len() as u64);
        if operations > MOST_FOR_GROUPS {
            return Err("the groups of a long match of a large pattern would take longer than allowed");
        }
        self.budget.work(operations)?;
        let mut groups = slow.groups.create_captures();
        slow.groups.captures(&mut slow.groups.create_cache(), input, &mut groups);
        Ok(groups)
    }

    /// Takes what the engine can need at most for so many bytes from what it may do, if there is as much.
    fn affordable(&mut self, bytes: usize) -> bool {
        let needed = (self.pattern.weight as u64).saturating_mul(bytes as u64);
        let left = self.free.checked_sub(needed);
        self.free = left.unwrap_or(self.free);
        left.is_some()
    }

    fn find(&mut self) -> Result<Option<Range<usize>>, Spent> {
        self.budget.work(1)?;
        let input = Input::new(self.text).range(self.at..);
        if self.affordable(self.text.len() - self.at) {
            return Ok(self.pattern.engine.search(&input).map(|found| found.range()));
        }
        let slow = self.pattern.slow().ok_or(GAVE_UP)?;
        let (forwards, backwards) =
            self.caches.get_or_insert_with(|| (slow.forwards.create_cache(), slow.backwards.create_cache()));
        let mut from = self.at;
        while from <= self.text.len() {
            let Some(end) = end(&slow.forwards, forwards, self.text, from, self.budget)? else { return Ok(None) };
            let start = start(&slow.backwards, backwards, self.text, from..end, self.budget)?;
            // Between the bytes of a character nothing is empty.
            if start < end || self.text.is_char_boundary(end) {
                return Ok(Some(start..end));
            }
            from = end + 1;
        }
        Ok(None)
    }
}

/// Of patterns that cannot be searched for step by step.
const GAVE_UP: Spent = "a search would take longer than allowed";

/// One byte further; none at the end. What is made is charged.
fn step(
    dfa: &DFA,
    cache: &mut Cache,
    state: regex_automata::hybrid::LazyStateID,
    byte: Option<u8>,
    budget: &mut Budget,
) -> Result<regex_automata::hybrid::LazyStateID, Spent> {
    let before = (cache.memory_usage(), cache.clear_count());
    let next = match byte {
        Some(byte) => dfa.next_state(cache, state, byte),
        None => dfa.next_eoi_state(cache, state),
    };
    if before != (cache.memory_usage(), cache.clear_count()) {
        budget.work(dfa.get_nfa().states().len() as u64)?;
    }
    next.ok().filter(|next| !next.is_quit()).ok_or(GAVE_UP)
}

/// Where the leftmost match from a place on ends.
fn end(dfa: &DFA, cache: &mut Cache, text: &str, from: usize, budget: &mut Budget) -> Result<Option<usize>, Spent> {
    let input = Input::new(text).range(from..);
    let mut state = dfa.start_state_forward(cache, &input).map_err(|_| GAVE_UP)?;
    let mut end = None;
    for (at, byte) in text.bytes().enumerate().skip(from) {
        budget.work(1)?;
        state = step(dfa, cache, state, Some(byte), budget)?;
        // Told one byte late.
        if state.is_match() {
            end = Some(at);
        } else if state.is_dead() {
            return Ok(end);
        }
    }
    state = step(dfa, cache, state, None, budget)?;
    Ok(if state.is_match() { Some(text.len()) } else { end })
}

/// Where the match that ends with a range begins.
fn start(dfa: &DFA, cache: &mut Cache, text: &str, range: Range<usize>, budget: &mut Budget) -> Result<usize, Spent> {
    let input = Input::new(text).range(range.clone()).anchored(Anchored::Yes);
    let mut state = dfa.start_state_reverse(cache, &input).map_err(|_| GAVE_UP)?;
    let mut start = range.end;
    let bytes = text.as_bytes();
    for at in range.clone().rev() {
        budget.work(1)?;
        state = step(dfa, cache, state, bytes.get(at).copied(), budget)?;
        if state.is_match() {
            start = at + 1;
        } else if state.is_dead() {
            return Ok(start);
        }
    }
    // What stands before the range may matter to a boundary of words.
    let before = range.start.checked_sub(1).and_then(|at| bytes.get(at).copied());
    state = step(dfa, cache, state, before, budget)?;
    Ok(if state.is_match() { range.start } else { start })
}
