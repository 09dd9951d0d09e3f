//! What is above what, all the way up.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Rows per place: `of[at]..of[at + 1]` are those of a place.
#[derive(Clone, Debug, Default)]
pub(super) struct Rows {
    pub(super) of: Vec<u32>,
    pub(super) rows: Vec<u32>,
}

impl Rows {
    /// From pairs of a place and what it has, each place's in the order of the pairs and each once.
    pub(super) fn of(places: usize, pairs: &[(u32, u32)]) -> Self {
        let mut of = vec![0_u32; places + 1];
        pairs.iter().for_each(|(at, _)| of[*at as usize + 1] += 1);
        (0..places).for_each(|at| of[at + 1] += of[at]);
        let mut next = of.clone();
        let mut rows = vec![0_u32; pairs.len()];
        for (at, row) in pairs {
            rows[next[*at as usize] as usize] = *row;
            next[*at as usize] += 1;
        }
        Self { of, rows }
    }

    pub(super) fn at(&self, at: u32) -> &[u32] {
        &self.rows[self.of[at as usize] as usize..self.of[at as usize + 1] as usize]
    }

    pub(super) fn places(&self) -> usize {
        self.of.len().saturating_sub(1)
    }

    /// The other way round: in order.
    pub(super) fn turned(&self) -> Self {
        let places = u32::try_from(self.places()).unwrap_or(u32::MAX);
        let pairs: Vec<(u32, u32)> = (0..places).flat_map(|at| self.at(at).iter().map(move |row| (*row, at))).collect();
        Self::of(self.places(), &pairs)
    }
}

/// The places so that parents stand before their children, and else as they stand. Those of a circle, and what is below one, come last.
pub(super) fn in_order(parents: &Rows, children: &Rows) -> Vec<u32> {
    let places = u32::try_from(parents.places()).unwrap_or(u32::MAX);
    let mut open: Vec<u32> = (0..places).map(|at| parents.of[at as usize + 1] - parents.of[at as usize]).collect();
    let mut ready: BinaryHeap<Reverse<u32>> = (0..places).filter(|at| open[*at as usize] == 0).map(Reverse).collect();
    let mut order = Vec::with_capacity(places as usize);
    while let Some(Reverse(at)) = ready.pop() {
        order.push(at);
        for &child in children.at(at) {
            open[child as usize] -= 1;
            if open[child as usize] == 0 {
                ready.push(Reverse(child));
            }
        }
    }
    if order.len() < places as usize {
        order.extend((0..places).filter(|at| open[*at as usize] > 0));
    }
    order
}

/// The most rows of all that is above all places: the largest editions have a tenth of it.
const MOST: usize = 500_000_000;

/// All that is above each place, itself left out, in order; `None` where that is more than an index holds.
pub(super) fn above(parents: &Rows) -> Option<Rows> {
    let places = parents.places();
    let mut all = Rows { of: Vec::with_capacity(places + 1), rows: Vec::new() };
    all.of.push(0);
    let mut found: Vec<u32> = Vec::new();
    for at in 0..u32::try_from(places).unwrap_or(u32::MAX) {
        found.clear();
        found.extend_from_slice(parents.at(at));
        if parents.at(at).iter().all(|parent| *parent < at) {
            // All of a parent's is known: it stands before.
            parents.at(at).iter().for_each(|parent| {
                let (from, to) = (all.of[*parent as usize] as usize, all.of[*parent as usize + 1] as usize);
                found.extend_from_slice(&all.rows[from..to]);
            });
        } else {
            reach(parents, at, &mut found);
        }
        found.sort_unstable();
        found.dedup();
        if all.rows.len() + found.len() > MOST {
            return None;
        }
        all.rows.extend(found.iter().filter(|other| **other != at));
        all.of.push(u32::try_from(all.rows.len()).unwrap_or(u32::MAX));
    }
    Some(all)
}

/// Step by step, where the hierarchy runs in a circle.
fn reach(parents: &Rows, from: u32, found: &mut Vec<u32>) {
    let mut seen: std::collections::HashSet<u32> = found.iter().copied().chain([from]).collect();
    let mut open = found.clone();
    while let Some(at) = open.pop() {
        for &parent in parents.at(at) {
            if seen.insert(parent) {
                found.push(parent);
                open.push(parent);
            }
        }
    }
}
