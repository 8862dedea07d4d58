//! Maps for keys that nobody outside chooses, or that are few. The standard library's hash costs several times
//! as much, because it is safe from whoever chooses many keys that collide.

use std::collections::{HashMap, HashSet};

use foldhash::fast::RandomState;

pub type QuickMap<K, V> = HashMap<K, V, RandomState>;
pub type QuickSet<T> = HashSet<T, RandomState>;
