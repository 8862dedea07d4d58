//! Breadth first through every state that can be reached, so that what is found is found by the
//! shortest way.

use std::collections::HashMap;
use std::fmt::Debug;
use std::hash::{BuildHasherDefault, Hash, Hasher};

/// More than any run here needs: a model that outgrows it is a mistake in its bounds.
const MAX_STATES: usize = 20_000_000;

pub trait Model {
    type State: Clone + Hash;
    type Action: Copy + Debug;
    type Violation: Copy + Debug;

    fn start(&self) -> Self::State;
    fn actions(&self, state: &Self::State) -> Vec<Self::Action>;
    fn step(
        &self,
        state: &Self::State,
        action: Self::Action,
    ) -> Result<Self::State, Self::Violation>;
    /// What is to hold in each state, whatever led to it.
    fn inspect(&self, state: &Self::State) -> Result<(), Self::Violation>;
}

#[derive(Debug)]
pub struct Found<M: Model> {
    pub states: usize,
    /// The first violation, and the shortest way to it.
    pub violation: Option<(M::Violation, Vec<M::Action>)>,
}

/// How each state was reached first.
type Ways<M> = HashMap<u64, (u64, Option<<M as Model>::Action>), BuildHasherDefault<Mixer>>;

impl<M: Model> Found<M> {
    fn after(
        ways: &Ways<M>,
        mut state: u64,
        last: Option<M::Action>,
        violation: M::Violation,
    ) -> Self {
        let mut way: Vec<_> = last.into_iter().collect();
        while let Some((before, Some(action))) = ways.get(&state).copied() {
            way.push(action);
            state = before;
        }
        way.reverse();
        Self { states: ways.len(), violation: Some((violation, way)) }
    }
}

/// A state is remembered by a hash of 64 bits alone. Two of a million states share one with a
/// probability of about one in forty million.
pub fn search<M: Model>(model: &M) -> Found<M> {
    let start = model.start();
    let mut ways: Ways<M> = HashMap::default();
    ways.insert(fingerprint(&start), (0, None));
    let mut frontier = vec![start];
    while !frontier.is_empty() {
        let mut next = Vec::new();
        for state in &frontier {
            let parent = fingerprint(state);
            if let Err(violation) = model.inspect(state) {
                return Found::after(&ways, parent, None, violation);
            }
            for action in model.actions(state) {
                match model.step(state, action) {
                    Err(violation) => {
                        return Found::after(&ways, parent, Some(action), violation);
                    }
                    Ok(successor) => {
                        ways.entry(fingerprint(&successor)).or_insert_with(|| {
                            next.push(successor);
                            (parent, Some(action))
                        });
                    }
                }
            }
        }
        assert!(ways.len() <= MAX_STATES, "the bounds of this model are too wide");
        frontier = next;
    }
    Found { states: ways.len(), violation: None }
}

fn fingerprint(state: &impl Hash) -> u64 {
    let mut hasher = Mixer::default();
    state.hash(&mut hasher);
    hasher.finish()
}

/// The standard library's hasher takes most of the time of a search.
#[derive(Default)]
struct Mixer(u64);

impl Hasher for Mixer {
    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let word = chunk.iter().fold(0, |word, &byte| word << 8 | u64::from(byte));
            self.write_u64(word);
        }
    }

    fn write_u8(&mut self, value: u8) {
        self.write_u64(u64::from(value));
    }

    fn write_usize(&mut self, value: usize) {
        self.write_u64(value as u64);
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = (self.0.rotate_left(23) ^ value ^ 0x9E37_79B9_7F4A_7C15)
            .wrapping_mul(0xD6E8_FEB8_6659_FD93);
    }

    fn finish(&self) -> u64 {
        let mixed = (self.0 ^ (self.0 >> 32)).wrapping_mul(0xD6E8_FEB8_6659_FD93);
        mixed ^ (mixed >> 29)
    }
}
