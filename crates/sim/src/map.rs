//! Maps and sets in one sorted vector each.
//!
//! They have the names and the promises of std's `BTreeMap` and `BTreeSet`: entries in the order of their keys, equal bytes
//! for a hasher. Their code is a tenth of a B-tree's for each pair of types, and they are read and cloned faster. An insert
//! moves all that comes behind it: what holds thousands of large entries stays a B-tree.

use crate::{Gather as _, Sort as _};
use std::borrow::Borrow;
use std::cmp::Ordering;
use std::fmt;
use std::ops::{Bound, Index, RangeBounds};
use std::slice;
use std::vec;

/// Invariant: strictly ascending keys.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VecMap<K, V> {
    entries: Vec<(K, V)>,
}

impl<K, V> VecMap<K, V> {
    pub const fn new() -> VecMap<K, V> {
        VecMap { entries: Vec::new() }
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    pub fn clear(&mut self) {
        self.entries.clear();
    }

    pub fn iter(&self) -> Iter<'_, K, V> {
        Iter(self.entries.iter())
    }

    pub fn iter_mut(&mut self) -> IterMut<'_, K, V> {
        IterMut(self.entries.iter_mut())
    }

    pub fn keys(&self) -> Keys<'_, K, V> {
        Keys(self.entries.iter())
    }

    pub fn values(&self) -> Values<'_, K, V> {
        Values(self.entries.iter())
    }

    pub fn values_mut(&mut self) -> ValuesMut<'_, K, V> {
        ValuesMut(self.entries.iter_mut())
    }

    pub fn into_values(self) -> IntoValues<K, V> {
        IntoValues(self.entries.into_iter())
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&K, &mut V) -> bool) {
        // Vec::retain has the closure twice.
        let mut kept = 0;
        for at in 0..self.entries.len() {
            let (key, value) = &mut self.entries[at];
            if keep(key, value) {
                if kept != at {
                    self.entries.swap(kept, at);
                }
                kept += 1;
            }
        }
        self.entries.truncate(kept);
    }
}

/// Where a key is, or the complement of where it belongs: one number, for which no room has to be found on the stack.
type Place = isize;

impl<K, V> VecMap<K, V> {
    #[inline(never)]
    fn place<Q: Ord + ?Sized>(&self, key: &Q) -> Place
    where
        K: Borrow<Q>,
    {
        let (mut from, mut to) = (0, self.entries.len());
        while from < to {
            let middle = usize::midpoint(from, to);
            match key.cmp(self.entries[middle].0.borrow()) {
                Ordering::Less => to = middle,
                Ordering::Equal => return middle as Place,
                Ordering::Greater => from = middle + 1,
            }
        }
        !(from as Place)
    }

    pub fn contains_key<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        K: Borrow<Q>,
    {
        0 <= self.place(key)
    }

    pub fn get<Q: Ord + ?Sized>(&self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        // The complement of a place is beyond any vector's end.
        self.entries.get(self.place(key) as usize).map(|it| &it.1)
    }

    pub fn get_mut<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<&mut V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key);
        self.entries.get_mut(place as usize).map(|it| &mut it.1)
    }

    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        let place = self.place(key);
        (0 <= place).then(|| self.entries.remove(place as usize).1)
    }

    /// The entries whose keys are in a range.
    pub fn range<Q: Ord + ?Sized>(&self, range: impl RangeBounds<Q>) -> Iter<'_, K, V>
    where
        K: Borrow<Q>,
    {
        let place = |key: &Q, after: bool| {
            let place = self.place(key);
            if place < 0 { !place as usize } else { place as usize + usize::from(after) }
        };
        let from = match range.start_bound() {
            Bound::Included(key) => place(key, false),
            Bound::Excluded(key) => place(key, true),
            Bound::Unbounded => 0,
        };
        let to = match range.end_bound() {
            Bound::Included(key) => place(key, true),
            Bound::Excluded(key) => place(key, false),
            Bound::Unbounded => self.entries.len(),
        };
        Iter(self.entries[from..to].iter())
    }
}

impl<K: Ord, V> VecMap<K, V> {
    /// The value that was there before; the key that was there stays.
    pub fn insert(&mut self, key: K, value: V) -> Option<V> {
        let place = self.place(&key);
        if place < 0 {
            self.entries.insert(!place as usize, (key, value));
            None
        } else {
            Some(std::mem::replace(&mut self.entries[place as usize].1, value))
        }
    }

    pub fn entry(&mut self, key: K) -> Entry<'_, K, V> {
        Entry { place: self.place(&key), map: self, key }
    }

    /// Makes the invariant true: of equal keys the first stays, with the last one's value.
    #[inline(never)]
    fn put_in_order(&mut self) {
        let entries = &mut self.entries;
        if entries.is_sorted_by(|a, b| a.0 < b.0) {
            return;
        }
        entries.put_in_order_by(|a, b| a.0.cmp(&b.0));
        entries.dedup_by(|later, earlier| {
            let equal = later.0 == earlier.0;
            if equal {
                std::mem::swap(&mut later.1, &mut earlier.1);
            }
            equal
        });
    }
}

/// A place in a map that may be empty.
pub struct Entry<'a, K, V> {
    map: &'a mut VecMap<K, V>,
    place: Place,
    key: K,
}

impl<'a, K, V> Entry<'a, K, V> {
    pub fn or_insert_with(self, value: impl FnOnce() -> V) -> &'a mut V {
        let Entry { map, place, key } = self;
        let at = if place < 0 {
            map.entries.insert(!place as usize, (key, value()));
            !place
        } else {
            place
        };
        &mut map.entries[at as usize].1
    }

    pub fn or_insert(self, value: V) -> &'a mut V {
        self.or_insert_with(|| value)
    }

    pub fn or_default(self) -> &'a mut V
    where
        V: Default,
    {
        self.or_insert_with(V::default)
    }
}

impl<K, V> Default for VecMap<K, V> {
    fn default() -> Self {
        VecMap::new()
    }
}

impl<K: fmt::Debug, V: fmt::Debug> fmt::Debug for VecMap<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self).finish()
    }
}

impl<K: Ord, V> FromIterator<(K, V)> for VecMap<K, V> {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(entries: I) -> Self {
        let mut map = VecMap { entries: entries.into_iter().gather() };
        map.put_in_order();
        map
    }
}

impl<K: Ord, V> Extend<(K, V)> for VecMap<K, V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, entries: I) {
        entries.into_iter().for_each(|it| drop(self.insert(it.0, it.1)));
    }
}

impl<K: Ord, V, const N: usize> From<[(K, V); N]> for VecMap<K, V> {
    fn from(entries: [(K, V); N]) -> Self {
        let mut map = VecMap::new();
        map.extend(entries);
        map
    }
}

impl<K: Borrow<Q>, V, Q: Ord + ?Sized> Index<&Q> for VecMap<K, V> {
    type Output = V;
    fn index(&self, key: &Q) -> &V {
        self.get(key).expect("the map has that key")
    }
}

impl<K, V> IntoIterator for VecMap<K, V> {
    type Item = (K, V);
    type IntoIter = vec::IntoIter<(K, V)>;
    fn into_iter(self) -> Self::IntoIter {
        self.entries.into_iter()
    }
}

impl<'a, K, V> IntoIterator for &'a VecMap<K, V> {
    type Item = (&'a K, &'a V);
    type IntoIter = Iter<'a, K, V>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl<'a, K, V> IntoIterator for &'a mut VecMap<K, V> {
    type Item = (&'a K, &'a mut V);
    type IntoIter = IterMut<'a, K, V>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter_mut()
    }
}

/// An iterator over a slice of entries that shows a part of each.
macro_rules! iterators {
    ($($name:ident: $over:ty, $item:ty, $show:expr;)*) => {$(
        pub struct $name<'a, K, V>($over);

        impl<'a, K, V> Iterator for $name<'a, K, V> {
            type Item = $item;
            fn next(&mut self) -> Option<Self::Item> {
                self.0.next().map($show)
            }
            fn size_hint(&self) -> (usize, Option<usize>) {
                self.0.size_hint()
            }
        }

        impl<K, V> DoubleEndedIterator for $name<'_, K, V> {
            fn next_back(&mut self) -> Option<Self::Item> {
                self.0.next_back().map($show)
            }
        }

        impl<K, V> ExactSizeIterator for $name<'_, K, V> {}
    )*};
}

iterators! {
    Iter: slice::Iter<'a, (K, V)>, (&'a K, &'a V), |(key, value)| (key, value);
    IterMut: slice::IterMut<'a, (K, V)>, (&'a K, &'a mut V), |(key, value)| (&*key, value);
    Keys: slice::Iter<'a, (K, V)>, &'a K, |it| &it.0;
    Values: slice::Iter<'a, (K, V)>, &'a V, |it| &it.1;
    ValuesMut: slice::IterMut<'a, (K, V)>, &'a mut V, |it| &mut it.1;
}

impl<K, V> Clone for Iter<'_, K, V> {
    fn clone(&self) -> Self {
        Iter(self.0.clone())
    }
}

impl<K, V> Clone for Keys<'_, K, V> {
    fn clone(&self) -> Self {
        Keys(self.0.clone())
    }
}

impl<K, V> Clone for Values<'_, K, V> {
    fn clone(&self) -> Self {
        Values(self.0.clone())
    }
}

pub struct IntoValues<K, V>(vec::IntoIter<(K, V)>);

impl<K, V> Iterator for IntoValues<K, V> {
    type Item = V;
    fn next(&mut self) -> Option<V> {
        self.0.next().map(|it| it.1)
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VecSet<T>(VecMap<T, ()>);

impl<T> VecSet<T> {
    pub const fn new() -> VecSet<T> {
        VecSet(VecMap::new())
    }

    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn clear(&mut self) {
        self.0.clear();
    }

    pub fn iter(&self) -> Keys<'_, T, ()> {
        self.0.keys()
    }

    pub fn first(&self) -> Option<&T> {
        self.iter().next()
    }

    pub fn last(&self) -> Option<&T> {
        self.iter().next_back()
    }

    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        self.0.retain(|it, ()| keep(it));
    }

    pub fn contains<Q: Ord + ?Sized>(&self, key: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.0.contains_key(key)
    }

    /// Whether it was there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, key: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.0.remove(key).is_some()
    }
}

impl<T: Ord> VecSet<T> {
    /// Whether it is new.
    pub fn insert(&mut self, it: T) -> bool {
        self.0.insert(it, ()).is_none()
    }
}

impl<T> Default for VecSet<T> {
    fn default() -> Self {
        VecSet::new()
    }
}

impl<T: fmt::Debug> fmt::Debug for VecSet<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

impl<T: Ord> FromIterator<T> for VecSet<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        VecSet(items.into_iter().map(|it| (it, ())).collect())
    }
}

impl<T: Ord> Extend<T> for VecSet<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        for it in items {
            self.insert(it);
        }
    }
}

impl<T: Ord, const N: usize> From<[T; N]> for VecSet<T> {
    fn from(items: [T; N]) -> Self {
        let mut set = VecSet::new();
        set.extend(items);
        set
    }
}

impl<T> IntoIterator for VecSet<T> {
    type Item = T;
    type IntoIter = IntoKeys<T>;
    fn into_iter(self) -> Self::IntoIter {
        IntoKeys(self.0.entries.into_iter())
    }
}

impl<'a, T> IntoIterator for &'a VecSet<T> {
    type Item = &'a T;
    type IntoIter = Keys<'a, T, ()>;
    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

pub struct IntoKeys<T>(vec::IntoIter<(T, ())>);

impl<T> Iterator for IntoKeys<T> {
    type Item = T;
    fn next(&mut self) -> Option<T> {
        self.0.next().map(|it| it.0)
    }
    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use super::*;
    use crate::{Rng, digest_of};

    #[test]
    fn does_what_a_b_tree_does() {
        let mut rng = Rng::from_seed(7);
        let (mut map, mut tree) = (VecMap::new(), BTreeMap::new());
        let (mut set, mut tree_set) = (VecSet::new(), BTreeSet::new());
        for step in 0..4_000_u64 {
            let key = rng.below(97).to_string();
            match rng.below(5) {
                0 => {
                    assert_eq!(map.remove(key.as_str()), tree.remove(key.as_str()));
                    assert_eq!(set.remove(key.as_str()), tree_set.remove(key.as_str()));
                }
                1 => {
                    *map.entry(key.clone()).or_default() += step;
                    *tree.entry(key.clone()).or_default() += step;
                }
                2 if step % 50 == 0 => {
                    map.retain(|_, it| *it % 3 != 0);
                    tree.retain(|_, it| *it % 3 != 0);
                    set.retain(|it: &String| it.len() == 2);
                    tree_set.retain(|it: &String| it.len() == 2);
                }
                2 => assert_eq!(map.get_mut(key.as_str()), tree.get_mut(key.as_str())),
                _ => {
                    assert_eq!(map.insert(key.clone(), step), tree.insert(key.clone(), step));
                    assert_eq!(set.insert(key.clone()), tree_set.insert(key.clone()));
                }
            }
            assert_eq!((map.len(), set.len()), (tree.len(), tree_set.len()));
            assert_eq!((map.get(&key), set.contains(&key)), (tree.get(&key), tree_set.contains(&key)));
            assert!(
                map.iter().eq(&tree) && map.iter().rev().eq(tree.iter().rev()) && set.iter().eq(&tree_set)
            );
            assert!(map.range(key.clone()..).eq(tree.range(key.clone()..)));
            assert!(map.range(..=key.clone()).eq(tree.range(..=key)));
            assert_eq!(
                (digest_of(&map), digest_of(&set)),
                (digest_of(&tree), digest_of(&tree_set)),
                "hashes the same bytes"
            );
        }
        assert_eq!((format!("{map:?}"), format!("{set:?}")), (format!("{tree:?}"), format!("{tree_set:?}")));
        assert_eq!(tree.into_iter().collect::<VecMap<_, _>>(), map);
    }

    #[test]
    fn collects_in_any_order() {
        let mut rng = Rng::from_seed(8);
        for length in 0..300 {
            let entries: Vec<(String, u64)> =
                (0..length).map(|it| (rng.below(length / 2 + 1).to_string(), it)).collect();
            let tree: BTreeMap<String, u64> = entries.iter().cloned().collect();
            assert!(entries.iter().cloned().collect::<VecMap<_, _>>().iter().eq(&tree));
            assert!(entries.into_iter().map(|it| it.0).collect::<VecSet<_>>().iter().eq(tree.keys()));
        }
    }

    #[test]
    fn of_two_equal_keys_the_first_stays_with_the_last_value() {
        let map = VecMap::from([(3, 'a'), (1, 'b'), (3, 'c')]);
        assert_eq!(map.into_iter().collect::<Vec<_>>(), [(1, 'b'), (3, 'c')]);
    }
}
