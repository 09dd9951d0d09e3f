use futures_util::FutureExt as _;
use gateway_tests::{Random, rounds};
use std::future::Future;
use std::pin::Pin;

use super::*;

const LONG: Duration = Duration::from_secs(600);

fn places(most: usize, patience: Duration) -> Arc<Places> {
    Places::new(most, Share::Half, (most, patience))
}

type Entering = Pin<Box<dyn Future<Output = Option<Place>> + Send>>;

fn enter(load: &Arc<Places>, who: u64) -> Entering {
    let load = Arc::clone(load);
    // The runtime makes a task that polls often wait.
    Box::pin(tokio::task::unconstrained(async move { load.enter(who).await }))
}

/// What it comes to now; `None`: it waits.
fn now(entering: &mut Entering) -> Option<Option<Place>> {
    entering.now_or_never()
}

fn placed(load: &Arc<Places>, who: u64) -> Place {
    now(&mut enter(load, who)).expect("at once").expect("a place")
}

fn waiting(load: &Arc<Places>, who: u64) -> Entering {
    let mut entering = enter(load, who);
    assert!(now(&mut entering).is_none(), "it waits");
    entering
}

#[tokio::test]
async fn nobody_has_more_than_half() {
    let load = places(4, LONG);
    let greedy = [placed(&load, 1), placed(&load, 1)];
    let mut third = waiting(&load, 1);
    let _others = [placed(&load, 2), placed(&load, 3)];
    assert!(now(&mut third).is_none());
    drop(greedy);
    assert!(now(&mut third).unwrap().is_some());
    // One place cannot be halved.
    placed(&places(1, LONG), 1);
}

#[tokio::test]
async fn of_readers_the_last_are_for_who_has_none_and_for_what_is_short() {
    let load = Places::new(8, Share::WhatIsFree, (8, LONG));
    let mut greedy: Vec<Place> = (0..5).map(|_| placed(&load, 1)).collect();
    let mut sixth = waiting(&load, 1);
    let mut others = vec![placed(&load, 2)];
    let mut second = waiting(&load, 2);
    others.push(placed(&load, 3));
    // Whoever comes now waits for one of these; whose a token is, is told at once.
    let mut late = waiting(&load, 4);
    let own = placed(&load, OWN);
    let mut more = waiting(&load, OWN);
    drop(own);
    let own = now(&mut more).unwrap().unwrap();
    assert!(now(&mut late).is_none());
    greedy.pop();
    drop(own);
    others.push(now(&mut late).unwrap().unwrap());
    greedy.pop();
    assert!(now(&mut second).is_none() && now(&mut sixth).is_none(), "one is free, for whoever comes");
    greedy.pop();
    others.push(now(&mut second).unwrap().unwrap());
    assert!(now(&mut sixth).is_none());
    drop((greedy, others));
}

/// Who stops waiting in the moment in which a place is given to them: the place goes on, and nobody waits for a lock of their own.
#[tokio::test]
async fn a_place_for_somebody_who_has_just_gone_goes_on() {
    let load = Places::new(1, Share::Half, (8, LONG));
    let place = placed(&load, 1);
    for who in 2..5 {
        let (_number, receiver) = load.state.lock().queue(who, 8).unwrap();
        drop(receiver);
    }
    let mut last = waiting(&load, 5);
    drop(place);
    assert!(now(&mut last).unwrap().is_some());
    let state = load.state.lock();
    assert!(state.taken == 0 && state.waiting == 0 && state.sharers.is_empty());
}

#[tokio::test]
async fn a_task_says_for_whom_it_works() {
    let told = || async { who() };
    let there =
        during(7, async { (who(), tokio::spawn(carried(told())).await.unwrap(), tokio::spawn(told()).await.unwrap()) });
    assert_eq!((there.await, who()), ((7, 7, OWN), OWN));
}

#[tokio::test]
async fn a_free_place_goes_to_who_has_the_fewest() {
    let load = places(4, LONG);
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
    let load = places(2, LONG);
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
    let load = places(1, Duration::from_millis(20));
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
    for round in 0..rounds(40, 1000) {
        let most = 1 + random.below(6);
        let share = if round % 2 == 0 { Share::Half } else { Share::WhatIsFree };
        let load = Places::new(most, share, (most, LONG));
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
            let bound = |has| !matches!(share, Share::Half) || has <= (most / 2).max(1);
            assert!(places.len() <= most && (0..4).all(|who| bound(has(who))));
            let state = load.state.lock();
            assert_eq!((state.taken, state.waiting), (places.len(), entering.len()));
            assert!(!entering.iter().any(|(who, _)| share.lets(*who, has(*who), places.len(), most)));
        }
        drop((places, entering));
        let state = load.state.lock();
        assert!(state.taken == 0 && state.waiting == 0 && state.sharers.is_empty());
    }
}
