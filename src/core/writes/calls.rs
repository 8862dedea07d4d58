//! The calls that wait for an answer. Those that ask for the same keys share a place, in the queues
//! of their users or in a batch: one of them is sent for all.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};
use tokio::time::Instant;

use crate::core::group::Group;
use crate::core::quick_map::QuickMap;
use crate::store::Name;
use crate::transaction::IdempotentKey;

/// A call that waits for an answer. `T` stands for whoever made it.
#[derive(Debug)]
pub struct PendingWrite<T> {
    /// Rises from call to call. One that had to read first comes with the number that it had then.
    pub number: u64,
    pub group: Arc<Group>,
    pub deadline: Instant,
    pub reply: T,
}

/// The calls with the same keys and users.
#[derive(Debug)]
pub struct Place {
    /// In ascending order, which is that of arrival.
    callers: SmallVec<[u64; 1]>,
    /// `None`: it stands in the queues of its users.
    pub batch: Option<u64>,
    /// What it was made for.
    pub group: Arc<Group>,
    /// Calls of other groups that share a key with it, and wait until it is gone.
    blocked: Vec<u64>,
}

/// Where a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arrival {
    /// A place of its own, which stands in no queue yet. Its number is its order among all places.
    New(u64),
    /// A place that is there already.
    Joined(u64),
    /// It has to wait until a place with one of its keys is gone.
    Blocked,
}

#[derive(Debug)]
struct Waiting<T> {
    call: Box<PendingWrite<T>>,
    place: Option<u64>,
}

#[derive(Debug)]
pub struct Calls<T> {
    by_number: BTreeMap<u64, Waiting<T>>,
    deadlines: BTreeSet<(Instant, u64)>,
    /// By the number of the first call of each. In boxes, because a map has room for twice as many.
    places: QuickMap<u64, Box<Place>>,
    by_key: HashMap<IdempotentKey, u64>,
    newest: u64,
}

impl<T> Default for Calls<T> {
    fn default() -> Self {
        Self {
            by_number: BTreeMap::new(),
            deadlines: BTreeSet::new(),
            places: QuickMap::default(),
            by_key: HashMap::new(),
            newest: 0,
        }
    }
}

impl<T> Calls<T> {
    /// Takes in a call.
    pub fn push(&mut self, call: Box<PendingWrite<T>>) -> Arrival {
        let number = call.number;
        self.newest = self.newest.max(number);
        self.deadlines.insert((call.deadline, number));
        self.by_number.insert(number, Waiting { call, place: None });
        self.enter(number)
    }

    /// Finds a place for a call that has none.
    fn enter(&mut self, number: u64) -> Arrival {
        let waiting = self.by_number.get_mut(&number).expect("the call waits");
        let group = &waiting.call.group;
        let Some(order) = group.keys().find_map(|key| self.by_key.get(key)).copied() else {
            self.by_key.extend(group.keys().map(|key| (key.clone(), number)));
            let (callers, group) = (smallvec![number], Arc::clone(group));
            let place = Place { callers, batch: None, group, blocked: Vec::new() };
            self.places.insert(number, Box::new(place));
            waiting.place = Some(number);
            return Arrival::New(number);
        };
        let place = self.places.get_mut(&order).expect("a key leads to a place");
        // Nobody joins it before those who wait until it is gone.
        if place.blocked.is_empty() && place.group.has_names_of(group) {
            let position = place.callers.partition_point(|caller| *caller < number);
            place.callers.insert(position, number);
            waiting.place = Some(order);
            return Arrival::Joined(order);
        }
        place.blocked.push(number);
        Arrival::Blocked
    }

    pub fn is_empty(&self) -> bool {
        self.by_number.is_empty()
    }

    /// The number of the last call that has come.
    pub fn newest(&self) -> u64 {
        self.newest
    }

    /// A place, unless it is gone.
    pub fn find(&self, order: u64) -> Option<&Place> {
        self.places.get(&order).map(|place| &**place)
    }

    pub fn place(&self, order: u64) -> &Place {
        self.find(order).expect("a place stands until its calls are gone")
    }

    pub fn place_mut(&mut self, order: u64) -> &mut Place {
        self.places.get_mut(&order).expect("a place stands until its calls are gone")
    }

    /// All calls of a place, in order of arrival.
    pub fn callers(&self, order: u64) -> impl Iterator<Item = &PendingWrite<T>> {
        let numbers = self.places.get(&order).into_iter().flat_map(|place| &place.callers);
        numbers.filter_map(|number| self.by_number.get(number)).map(|waiting| &*waiting.call)
    }

    /// Shows the calls of a place, by number, in order of arrival.
    pub fn visit_callers(&mut self, order: u64, visit: &mut impl FnMut(u64, &mut T)) {
        for number in self.places.get(&order).into_iter().flat_map(|place| &place.callers) {
            if let Some(waiting) = self.by_number.get_mut(number) {
                visit(*number, &mut waiting.call.reply);
            }
        }
    }

    /// The batch that has a name.
    pub fn batch_of(&self, name: Name<'_>) -> Option<u64> {
        let place = self.places.get(self.by_key.get(name.key)?)?;
        place.batch.filter(|_| place.group.names().any(|it| it == name))
    }

    /// The batch that a key is part of, for any user.
    pub fn batch_with(&self, key: &IdempotentKey) -> Option<u64> {
        self.places.get(self.by_key.get(key)?)?.batch
    }

    pub fn first_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The first call whose deadline has passed.
    pub fn first_overdue(&self, now: Instant) -> Option<u64> {
        let (deadline, number) = self.deadlines.first()?;
        (*deadline <= now).then_some(*number)
    }

    /// How long those who came last are ready to wait.
    pub fn last_deadline(&self, places: impl Iterator<Item = u64>) -> Option<Instant> {
        let last = |order| self.by_number.get(self.places.get(&order)?.callers.last()?);
        places.filter_map(last).map(|waiting| waiting.call.deadline).max()
    }

    /// Takes out a call; returns it with its place, which stays, even empty.
    pub fn remove(&mut self, number: u64) -> Option<(Box<PendingWrite<T>>, Option<u64>)> {
        let Waiting { call, place } = self.by_number.remove(&number)?;
        self.deadlines.remove(&(call.deadline, number));
        if let Some(order) = place {
            let callers = &mut self.place_mut(order).callers;
            let position = callers.binary_search(&number).expect("it is one of its callers");
            callers.remove(position);
        }
        Some((call, place))
    }

    /// Takes out all calls of a place, which are to be answered. The place stays, empty.
    pub fn remove_all(&mut self, order: u64) -> Vec<Box<PendingWrite<T>>> {
        let callers = std::mem::take(&mut self.place_mut(order).callers);
        let calls: Vec<Box<PendingWrite<T>>> = callers
            .iter()
            .filter_map(|number| self.by_number.remove(number))
            .map(|waiting| waiting.call)
            .collect();
        for call in &calls {
            self.deadlines.remove(&(call.deadline, call.number));
        }
        calls
    }

    /// Removes a place without calls. Those who waited until it is gone find places now: returns the
    /// new ones, in order.
    pub fn remove_place(&mut self, order: u64) -> Vec<u64> {
        let place = *self.places.remove(&order).expect("a place is removed once");
        assert!(place.callers.is_empty(), "a place stands until its calls are gone");
        for key in place.group.keys() {
            self.by_key.remove(key);
        }
        let mut new = Vec::new();
        for number in place.blocked {
            if self.by_number.contains_key(&number)
                && let Arrival::New(order) = self.enter(number)
            {
                new.push(order);
            }
        }
        new
    }
}

impl Place {
    pub fn is_empty(&self) -> bool {
        self.callers.is_empty()
    }

    pub fn len(&self) -> usize {
        self.callers.len()
    }
}
