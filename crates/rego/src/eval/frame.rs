//! The variables of one rule or query while it is evaluated.

use super::reads::Origin;
use crate::compile::ir::Slot;
use crate::value::Value;

/// Slots and the order in which they were bound, so that bindings can be taken back.
pub(crate) struct Frame {
    slots: Vec<Option<Value>>,
    trail: Vec<Slot>,
    /// Where the values came from, where that is recorded.
    origins: Vec<Option<Origin>>,
}

impl Frame {
    /// Nothing bound.
    pub fn new(slots: usize) -> Self {
        Self { slots: vec![None; slots], trail: Vec::new(), origins: Vec::new() }
    }

    /// The value of a slot, if bound.
    #[inline]
    pub fn get(&self, slot: Slot) -> Option<&Value> {
        self.slots[slot].as_ref()
    }

    /// Binds an unbound slot.
    #[inline]
    pub fn bind(&mut self, slot: Slot, value: Value) {
        self.slots[slot] = Some(value);
        self.trail.push(slot);
    }

    /// Where to go back to.
    pub fn mark(&self) -> usize {
        self.trail.len()
    }

    /// Takes back what was bound since a mark.
    pub fn undo(&mut self, mark: usize) {
        for slot in self.trail.drain(mark..) {
            self.slots[slot] = None;
        }
    }

    /// Says where a slot's value came from.
    pub fn set_origin(&mut self, slot: Slot, origin: Option<Origin>) {
        if self.origins.is_empty() {
            self.origins = vec![None; self.slots.len()];
        }
        self.origins[slot] = origin;
    }

    /// Where a slot's value came from, if that is known.
    pub fn origin(&self, slot: Slot) -> Option<&Origin> {
        self.origins.get(slot)?.as_ref()
    }
}
