//! Room for bodies: how many bytes of requests are held at a time, by all clients together. A body takes its room as it comes, and gives it
//! back when its exchange is over.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use crate::outcome::{Advice, Code, Failure};

/// Bytes that are taken at once.
const UNIT: usize = 16 * 1024;
/// How long a body waits for room; its client waits with it.
const PATIENCE: Duration = if cfg!(test) { Duration::from_millis(50) } else { Duration::from_secs(5) };

/// The room there is.
#[derive(Clone, Debug)]
pub struct Room(Arc<Semaphore>);

/// What a body has of it.
#[derive(Debug)]
pub struct Held {
    room: Arc<Semaphore>,
    units: usize,
    permit: Option<OwnedSemaphorePermit>,
}

impl Room {
    /// So many bytes; always enough for several bodies of the longest.
    pub fn new(bytes: usize, longest: usize) -> Self {
        let units = bytes.max(longest.saturating_mul(4)) / UNIT + 1;
        Self(Arc::new(Semaphore::new(units.min(Semaphore::MAX_PERMITS).min(u32::MAX as usize))))
    }

    pub(super) fn none(&self) -> Held {
        Held { room: Arc::clone(&self.0), units: 0, permit: None }
    }
}

impl Held {
    /// Room for so many bytes in all.
    ///
    /// # Errors
    /// 503: there is none in time.
    pub(super) async fn grow(&mut self, bytes: usize) -> Result<(), Failure> {
        let units = bytes.div_ceil(UNIT);
        let Some(more) = units.checked_sub(self.units).filter(|more| *more > 0) else { return Ok(()) };
        let taking = Arc::clone(&self.room).acquire_many_owned(u32::try_from(more).unwrap_or(u32::MAX));
        let Ok(Ok(taken)) = timeout(PATIENCE, taking).await else { return Err(full()) };
        match &mut self.permit {
            Some(permit) => permit.merge(taken),
            None => self.permit = Some(taken),
        }
        self.units = units;
        Ok(())
    }

    /// Gives back what is more than so many bytes need.
    pub(super) fn shrink(&mut self, bytes: usize) {
        let units = bytes.div_ceil(UNIT);
        if let Some(surplus) = self.units.checked_sub(units)
            && let Some(permit) = &mut self.permit
        {
            drop(permit.split(surplus));
            self.units = units;
        }
    }
}

fn full() -> Failure {
    let says = "The gateway holds as many bodies as it has room for. Send this one again in a moment, or smaller ones.";
    Failure::unavailable(Code::Throttled, says).advising(Advice::RetryAfter(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_held_is_bounded_and_comes_back() {
        let room = Room::new(10 * UNIT, UNIT);
        let (mut first, mut second) = (room.none(), room.none());
        first.grow(8 * UNIT).await.unwrap();
        first.grow(4 * UNIT).await.unwrap();
        assert_eq!(second.grow(8 * UNIT).await.unwrap_err().status, 503);
        first.shrink(2 * UNIT);
        second.grow(8 * UNIT).await.unwrap();
        drop(first);
        second.grow(10 * UNIT).await.unwrap();
        let mut third = room.none();
        third.grow(1).await.unwrap();
        assert!(third.grow(2 * UNIT).await.is_err());
        drop(second);
        third.grow(11 * UNIT).await.unwrap();
    }
}
