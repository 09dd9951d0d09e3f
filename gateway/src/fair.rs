//! Places that are shared fairly: so many have one at once, a few more wait a little, and all others are told at once to come again.
//! What shares so: exchanges ([`crate::http::edge`]) and the database's readers ([`crate::store::pools`]).
//!
//! Nothing takes back a place that a slow search has, so nobody may have them all: of exchanges one has half at most, of readers the fewer the fewer
//! are free, and whoever has none may have the last but one. The last reader is for what is short and what everybody waits for: whose a token is
//! that was good here before, whether the server is ready. A place that gets free goes to whoever of those who wait has the fewest, and where no more may wait, whoever
//! has the most who wait makes room. So a client with 500 connections costs another one the wait for the next free place.
//!
//! Whoever works below an exchange asks for whom it works (`during`): a value of the task, as its names are.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The longest that an exchange waits for its place: people do not wait longer, and programs come again.
const PATIENCE: Duration = Duration::from_secs(2);
/// The most that wait for a reader. Exchanges that have a place are fewer; without `--max-exchanges` it is what bounds memory.
const WAITING_READERS: usize = 4096;
/// What the gateway does for itself, and looking up whose a token is that was good here before: short work, which clients wait for. No client has this
/// number but by a chance of one in 2^64.
pub(crate) const OWN: u64 = u64::MAX;
/// Of so many places on, one is kept for that.
const WITH_A_RESERVE: usize = 4;

tokio::task_local! {
    static WHO: u64;
}

/// Work for somebody, by the number that tells who shares.
pub(crate) fn during<F: Future>(who: u64, work: F) -> impl Future<Output = F::Output> {
    WHO.scope(who, work)
}

/// Work for whom this task works, in a task of its own.
pub(crate) fn carried<F: Future>(work: F) -> impl Future<Output = F::Output> {
    during(who(), work)
}

fn who() -> u64 {
    WHO.try_with(|who| *who).unwrap_or(OWN)
}

/// How many places one may have.
#[derive(Clone, Copy, Debug)]
enum Share {
    /// Half of all.
    Half,
    /// Three times as many as stay free beside the reserve; whoever has none may have the last of those. Of eight that are five for one.
    WhatIsFree,
}

impl Share {
    /// Whether somebody who has so many may have one more, of `most` of which so many are taken.
    fn lets(self, who: u64, has: usize, taken: usize, most: usize) -> bool {
        let reserve = usize::from(who != OWN && most >= WITH_A_RESERVE);
        match self {
            Self::Half => taken < most && has < (most / 2).max(1),
            Self::WhatIsFree => {
                let free = (most - reserve).saturating_sub(taken);
                free > 0 && (has == 0 || has < 3 * (free - 1))
            }
        }
    }
}

/// The places there are.
pub struct Places {
    most: usize,
    share: Share,
    /// The most that wait.
    queue: usize,
    patience: Duration,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    taken: usize,
    waiting: usize,
    /// The number of the next who waits.
    next: u64,
    sharers: HashMap<u64, Sharer>,
}

/// One of those who share; nobody who has nothing and waits for nothing is kept.
#[derive(Default)]
struct Sharer {
    has: usize,
    /// In the order that they came, by number.
    waiting: VecDeque<(u64, oneshot::Sender<Place>)>,
}

/// A place, until it is dropped.
pub(crate) struct Place {
    /// Nobody's where it was given back already.
    places: Option<Arc<Places>>,
    who: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(places) = self.places.take() {
            places.leave(self.who);
        }
    }
}

/// Takes somebody off the queue who waits no longer.
struct Waiting<'p> {
    places: &'p Places,
    who: u64,
    number: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.places.state.lock().give_up(self.who, self.number);
    }
}

impl Places {
    /// So many exchanges at once, and as many more wait.
    #[must_use]
    pub fn of_exchanges(most: usize) -> Arc<Self> {
        Self::new(most, Share::Half, (most, PATIENCE))
    }

    /// So many readers of a database, each waited for so long.
    pub(crate) fn of_readers(most: usize, patience: Duration) -> Arc<Self> {
        Self::new(most, Share::WhatIsFree, (WAITING_READERS, patience))
    }

    fn new(most: usize, share: Share, (queue, patience): (usize, Duration)) -> Arc<Self> {
        Arc::new(Self { most, share, queue, patience, state: Mutex::default() })
    }

    /// A place for whom this task works; `None` where there is none in time.
    pub(crate) async fn enter_here(self: &Arc<Self>) -> Option<Place> {
        self.enter(who()).await
    }

    /// A place for somebody; `None` where there is none in time.
    pub(crate) async fn enter(self: &Arc<Self>, who: u64) -> Option<Place> {
        let (number, receiver) = {
            let mut state = self.state.lock();
            if self.lets(&state, who) {
                state.take(who);
                return Some(Place { places: Some(Arc::clone(self)), who });
            }
            state.queue(who, self.queue)?
        };
        let _waiting = Waiting { places: self, who, number };
        timeout(self.patience, receiver).await.ok()?.ok()
    }

    /// How many wait.
    pub(crate) fn waiting(&self) -> usize {
        self.state.lock().waiting
    }

    fn lets(&self, state: &State, who: u64) -> bool {
        self.share.lets(who, state.has(who), state.taken, self.most)
    }

    /// Whether somebody who comes now has a place or may wait for one. It is asked before a body is read, which would be thrown away.
    pub(crate) fn has_room(&self, who: u64) -> bool {
        let state = self.state.lock();
        self.lets(&state, who) || state.waiting < self.queue || state.who_makes_room_for(who).is_some()
    }

    fn leave(self: &Arc<Self>, who: u64) {
        let mut state = self.state.lock();
        state.give_back(who);
        // Of those who share by what is free, one that has fewer than before may go on beside another.
        while let Some((next, sender)) = state.next(self.share, self.most) {
            drop(state);
            let sent = sender.send(Place { places: Some(Arc::clone(self)), who: next });
            state = self.state.lock();
            // Who no longer waits has no place, which the next one may have. It is given back here: dropped, it would wait for this lock.
            if let Err(mut place) = sent {
                place.places = None;
                state.give_back(next);
                state.forget(next);
            }
        }
        state.forget(who);
    }
}

impl State {
    /// What the gateway does for itself counts as nothing.
    fn has(&self, who: u64) -> usize {
        if who == OWN { 0 } else { self.sharers.get(&who).map_or(0, |sharer| sharer.has) }
    }

    fn take(&mut self, who: u64) {
        self.taken += 1;
        self.sharers.entry(who).or_default().has += 1;
    }

    fn give_back(&mut self, who: u64) {
        self.taken -= 1;
        if let Some(sharer) = self.sharers.get_mut(&who) {
            sharer.has -= 1;
        }
    }

    /// Takes a place for who comes next: the one with the fewest, and of several who came first.
    fn next(&mut self, share: Share, most: usize) -> Option<(u64, oneshot::Sender<Place>)> {
        if self.waiting == 0 {
            return None;
        }
        let all =
            self.sharers.iter().filter_map(|(who, sharer)| Some((self.has(*who), sharer.waiting.front()?.0, *who)));
        let (_, _, who) = all.filter(|(has, _, who)| share.lets(*who, *has, self.taken, most)).min()?;
        let (_, sender) = self.sharers.get_mut(&who)?.waiting.pop_front()?;
        self.waiting -= 1;
        self.take(who);
        Some((who, sender))
    }

    /// One more who waits: its number, and where its place comes from.
    fn queue(&mut self, who: u64, most: usize) -> Option<(u64, oneshot::Receiver<Place>)> {
        if self.waiting >= most {
            let other = self.who_makes_room_for(who)?;
            // The last one that came; it is told by its sender being gone.
            let _told = self.sharers.get_mut(&other)?.waiting.pop_back();
            self.waiting -= 1;
            self.forget(other);
        }
        let (sender, receiver) = oneshot::channel();
        let number = self.next;
        self.next += 1;
        self.waiting += 1;
        self.sharers.entry(who).or_default().waiting.push_back((number, sender));
        Some((number, receiver))
    }

    /// Who has the most that wait, where that is more than this one would have.
    fn who_makes_room_for(&self, who: u64) -> Option<u64> {
        let own = self.sharers.get(&who).map_or(0, |sharer| sharer.waiting.len());
        let (most, other) = self.sharers.iter().map(|(other, sharer)| (sharer.waiting.len(), *other)).max()?;
        (most > own + 1).then_some(other)
    }

    fn give_up(&mut self, who: u64, number: u64) {
        if let Some(sharer) = self.sharers.get_mut(&who) {
            let before = sharer.waiting.len();
            sharer.waiting.retain(|(other, _)| *other != number);
            self.waiting -= before - sharer.waiting.len();
        }
        self.forget(who);
    }

    fn forget(&mut self, who: u64) {
        if self.sharers.get(&who).is_some_and(|sharer| sharer.has == 0 && sharer.waiting.is_empty()) {
            self.sharers.remove(&who);
        }
    }
}

#[cfg(test)]
mod tests;
