//! Load: so many exchanges are worked on at once, a few more wait a little, and all others are told at once to come again, so that
//! those which are begun are finished.
//!
//! Places are shared. Nobody has more than half of them, for nothing takes back a place that a slow search has: the other half is
//! always there for the others. A place that gets free goes to whoever of those who wait has the fewest, and where no more may wait, whoever has
//! the most who wait makes room. So a client with 500 connections costs another one the wait for the next free place.
//!
//! A body arrives before its exchange has a place: whoever sends slowly holds nobody up.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// The longest that an exchange waits for its place: people do not wait longer, and programs come again.
const PATIENCE: Duration = Duration::from_secs(2);

/// The places there are.
pub struct Load {
    most: usize,
    /// The most that one has.
    share: usize,
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
    load: Arc<Load>,
    who: u64,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.load.leave(self.who);
    }
}

/// Takes somebody off the queue who waits no longer.
struct Waiting<'l> {
    load: &'l Load,
    who: u64,
    number: u64,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.load.state.lock().give_up(self.who, self.number);
    }
}

impl Load {
    /// So many places, and as many more wait.
    #[must_use]
    pub fn new(most: usize) -> Arc<Self> {
        Self::with_patience(most, PATIENCE)
    }

    fn with_patience(most: usize, patience: Duration) -> Arc<Self> {
        Arc::new(Self { most, share: (most / 2).max(1), patience, state: Mutex::default() })
    }

    /// A place for somebody; `None` where there is none in time.
    pub(crate) async fn enter(self: &Arc<Self>, who: u64) -> Option<Place> {
        let (number, receiver) = {
            let mut state = self.state.lock();
            if state.taken < self.most && state.has(who) < self.share {
                state.take(who);
                return Some(Place { load: Arc::clone(self), who });
            }
            state.queue(who, self.most)?
        };
        let _waiting = Waiting { load: self, who, number };
        timeout(self.patience, receiver).await.ok()?.ok()
    }

    /// Whether somebody who comes now has a place or may wait for one. It is asked before a body is read, which would be thrown away.
    pub(crate) fn has_room(&self, who: u64) -> bool {
        let state = self.state.lock();
        let is_free = state.taken < self.most && state.has(who) < self.share;
        is_free || state.waiting < self.most || state.who_makes_room_for(who).is_some()
    }

    fn leave(self: &Arc<Self>, who: u64) {
        let next = self.state.lock().leave(who, self.share);
        if let Some((who, sender)) = next {
            // Who no longer waits gives the place on by dropping it.
            let _given_on = sender.send(Place { load: Arc::clone(self), who });
        }
    }
}

impl State {
    fn has(&self, who: u64) -> usize {
        self.sharers.get(&who).map_or(0, |sharer| sharer.has)
    }

    fn take(&mut self, who: u64) {
        self.taken += 1;
        self.sharers.entry(who).or_default().has += 1;
    }

    /// Gives a place back, and takes it for who comes next: the one with the fewest, and of several who came first.
    fn leave(&mut self, who: u64, share: usize) -> Option<(u64, oneshot::Sender<Place>)> {
        self.taken -= 1;
        if let Some(sharer) = self.sharers.get_mut(&who) {
            sharer.has -= 1;
        }
        let may = self.sharers.iter().filter(|(_, sharer)| sharer.has < share);
        let first = may.filter_map(|(who, sharer)| Some((sharer.has, sharer.waiting.front()?.0, *who))).min();
        let next = first.and_then(|(_, _, who)| {
            let (_, sender) = self.sharers.get_mut(&who)?.waiting.pop_front()?;
            self.waiting -= 1;
            self.take(who);
            Some((who, sender))
        });
        self.forget(who);
        next
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
mod tests {
    use futures_util::FutureExt as _;
    use gateway_tests::{Random, rounds};
    use std::future::Future;
    use std::pin::Pin;

    use super::*;

    const LONG: Duration = Duration::from_secs(600);

    type Entering = Pin<Box<dyn Future<Output = Option<Place>> + Send>>;

    fn enter(load: &Arc<Load>, who: u64) -> Entering {
        let load = Arc::clone(load);
        // The runtime makes a task that polls often wait.
        Box::pin(tokio::task::unconstrained(async move { load.enter(who).await }))
    }

    /// What it comes to now; `None`: it waits.
    fn now(entering: &mut Entering) -> Option<Option<Place>> {
        entering.now_or_never()
    }

    fn placed(load: &Arc<Load>, who: u64) -> Place {
        now(&mut enter(load, who)).expect("at once").expect("a place")
    }

    fn waiting(load: &Arc<Load>, who: u64) -> Entering {
        let mut entering = enter(load, who);
        assert!(now(&mut entering).is_none(), "it waits");
        entering
    }

    #[tokio::test]
    async fn nobody_has_more_than_half() {
        let load = Load::with_patience(4, LONG);
        let greedy = [placed(&load, 1), placed(&load, 1)];
        let mut third = waiting(&load, 1);
        let _others = [placed(&load, 2), placed(&load, 3)];
        assert!(now(&mut third).is_none());
        drop(greedy);
        assert!(now(&mut third).unwrap().is_some());
        // One place cannot be halved.
        placed(&Load::with_patience(1, LONG), 1);
    }

    #[tokio::test]
    async fn a_free_place_goes_to_who_has_the_fewest() {
        let load = Load::with_patience(4, LONG);
        let mut greedy = vec![placed(&load, 1), placed(&load, 1)];
        let mut other = vec![placed(&load, 2), placed(&load, 2)];
        let mut more: Vec<Entering> = (0..2).map(|_| waiting(&load, 1)).collect();
        let (mut modest, mut late) = (waiting(&load, 3), waiting(&load, 4));
        greedy.pop();
        let modest = now(&mut modest).expect("it came last but one, and has none").unwrap();
        other.pop();
        let late = now(&mut late).unwrap().unwrap();
        assert!(more.iter_mut().all(|entering| now(entering).is_none()));
        drop((modest, late));
        // Now one waits alone, and has its half.
        greedy.extend(more.iter_mut().filter_map(now).flatten());
        assert_eq!(greedy.len(), 2);
    }

    #[tokio::test]
    async fn who_waits_in_number_makes_room_for_the_others() {
        let load = Load::with_patience(2, LONG);
        let _places = [placed(&load, 1), placed(&load, 2)];
        let mut first = waiting(&load, 1);
        let mut last = waiting(&load, 1);
        assert!(!load.has_room(1));
        assert!(now(&mut enter(&load, 1)).unwrap().is_none(), "no more of the same");
        assert!(load.has_room(3));
        let mut other = waiting(&load, 3);
        assert!(now(&mut last).unwrap().is_none(), "the last of the most is told to come again");
        assert!(now(&mut first).is_none() && now(&mut other).is_none());
        assert!(now(&mut enter(&load, 4)).unwrap().is_none(), "all wait alike");
    }

    #[tokio::test]
    async fn nobody_waits_for_ever() {
        let load = Load::with_patience(1, Duration::from_millis(20));
        let place = placed(&load, 1);
        assert!(load.enter(2).await.is_none());
        assert_eq!(load.state.lock().waiting, 0);
        drop(place);
        assert!(load.enter(2).await.is_some());
    }

    /// Whatever comes and goes in whatever order: no place is lost or given twice, nobody waits where there is a place, and nothing is
    /// kept of who has gone.
    #[tokio::test]
    async fn places_are_neither_lost_nor_given_twice() {
        let mut random = Random::seeded(6);
        for _ in 0..rounds(20, 500) {
            let most = 1 + random.below(6);
            let load = Load::with_patience(most, LONG);
            let (mut places, mut entering): (Vec<Place>, Vec<(u64, Entering)>) = Default::default();
            for _ in 0..300 {
                match random.below(4) {
                    0 | 1 => {
                        let who = random.below(4) as u64;
                        entering.push((who, enter(&load, who)));
                    }
                    2 if !places.is_empty() => drop(places.swap_remove(random.below(places.len()))),
                    3 if !entering.is_empty() && random.below(2) == 0 => {
                        drop(entering.swap_remove(random.below(entering.len())));
                    }
                    _ => {}
                }
                // Once more for those who made room for the last that came.
                for _ in 0..2 {
                    entering.retain_mut(|(_, one)| match now(one) {
                        Some(place) => {
                            places.extend(place);
                            false
                        }
                        None => true,
                    });
                }
                let has = |who: u64| places.iter().filter(|place| place.who == who).count();
                assert!(places.len() <= most && (0..4).all(|who| has(who) <= load.share));
                let state = load.state.lock();
                assert_eq!((state.taken, state.waiting), (places.len(), entering.len()));
                let is_free = state.taken < most;
                assert!(!entering.iter().any(|(who, _)| is_free && has(*who) < load.share));
            }
            drop((places, entering));
            let state = load.state.lock();
            assert!(state.taken == 0 && state.waiting == 0 && state.sharers.is_empty());
        }
    }
}
