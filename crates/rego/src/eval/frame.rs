//! The variables of one rule or query while it is evaluated.

use crate::compile::ir::Slot;
use crate::value::Value;

/// Slots and the order in which they were bound, so that bindings can be taken back.
pub(crate) struct Frame {
    slots: Vec<Option<Value>>,
    trail: Vec<Slot>,
}

impl Frame {
    /// Nothing bound.
    pub fn new(slots: usize) -> Self {
        Self { slots: vec![None; slots], trail: Vec::new() }
    }

    /// The value of a slot, if bound.
    pub fn get(&self, slot: Slot) -> Option<&Value> {
        self.slots[slot].as_ref()
    }

    /// Binds an unbound slot.
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
}
