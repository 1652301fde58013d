//! A device that does with frames what networks do: loses, damages, swaps, repeats and delays them. What
//! it does follows from its seed.

use std::collections::VecDeque;

use click_graph::HostError;
use click_graph::host::{Device, Frame};

use super::name::Faults;
use super::packet_type;
use crate::random::Random;

/// Frames that are held back: when it is full, what comes is lost, as in a queue of a router.
const MAX_HELD: usize = 4096;

/// A device with faults, in the direction that it is used.
#[derive(Debug)]
pub(super) struct Faulty {
    inner: Box<dyn Device>,
    faults: Faults,
    random: Random,
    /// Frames on their way, with the time at which each arrives.
    held: VecDeque<(u64, Vec<u8>)>,
    /// The frame that was received last.
    received: Vec<u8>,
}

impl Faulty {
    pub(super) const fn new(inner: Box<dyn Device>, faults: Faults) -> Self {
        Self {
            inner,
            faults,
            random: Random::from_seed(faults.seed),
            held: VecDeque::new(),
            received: Vec::new(),
        }
    }

    /// Whether something of this probability happens.
    fn happens(&mut self, probability: f64) -> bool {
        probability > 0.0 && f64::from(self.random.next_u32()) < probability * f64::from(u32::MAX)
    }

    /// Takes a frame at a time, and does with it what chance says.
    fn hold(&mut self, frame: &[u8], time_ns: u64) {
        if self.happens(self.faults.drop) || self.held.len() >= MAX_HELD {
            return;
        }
        let mut frame = frame.to_vec();
        if self.happens(self.faults.corrupt) {
            self.corrupt(&mut frame);
        }
        let delay_ns = u64::try_from(self.faults.delay.as_nanos()).unwrap_or(u64::MAX);
        let due_ns = time_ns.saturating_add(delay_ns);
        if self.happens(self.faults.duplicate) {
            self.held.push_back((due_ns, frame.clone()));
        }
        // Behind it is the one that came before.
        let place = match self.happens(self.faults.reorder) {
            true => self.held.len().saturating_sub(1),
            false => self.held.len(),
        };
        self.held.insert(place, (due_ns, frame));
    }

    /// Changes one bit.
    fn corrupt(&mut self, frame: &mut [u8]) {
        let bits = u32::try_from(frame.len())
            .unwrap_or(u32::MAX)
            .saturating_mul(8);
        let Some(bit) = self.random.next_u32().checked_rem(bits) else {
            return;
        };
        let byte = usize::try_from(bit / 8).unwrap_or(0);
        if let Some(byte) = frame.get_mut(byte) {
            *byte ^= 1 << (bit % 8);
        }
    }

    /// The next frame that has arrived. With nothing to follow, one that could change places does not.
    fn arrived(&mut self, now_ns: u64) -> Option<(u64, Vec<u8>)> {
        let due = self
            .held
            .front()
            .is_some_and(|(due_ns, _)| *due_ns <= now_ns);
        if due { self.held.pop_front() } else { None }
    }
}

/// Frames that are looked at together, so that neighbours can change places.
const LOOK_AHEAD: usize = 2;

impl Device for Faulty {
    fn receive(&mut self, now_ns: u64) -> Result<Option<Frame<'_>>, HostError> {
        while self.held.len() < LOOK_AHEAD {
            let Some(frame) = self.inner.receive(now_ns)? else {
                break;
            };
            let bytes = frame.bytes.to_vec();
            self.hold(&bytes, now_ns);
        }
        let Some((time_ns, frame)) = self.arrived(now_ns) else {
            return Ok(None);
        };
        self.received = frame;
        Ok(Some(Frame {
            bytes: &self.received,
            time_ns,
            packet_type: packet_type(&self.received),
        }))
    }

    fn next_ns(&self) -> Option<u64> {
        let held = self.held.front().map(|(due_ns, _)| *due_ns);
        match (held, self.inner.next_ns()) {
            (Some(held), Some(inner)) => Some(held.min(inner)),
            (held, inner) => held.or(inner),
        }
    }

    fn send(&mut self, frame: &[u8], now_ns: u64) -> Result<bool, HostError> {
        self.hold(frame, now_ns);
        if self.held.len() > LOOK_AHEAD {
            self.flush(now_ns)?;
        }
        Ok(true)
    }

    fn flush(&mut self, now_ns: u64) -> Result<Option<u64>, HostError> {
        while let Some((due_ns, frame)) = self.arrived(now_ns) {
            if !self.inner.send(&frame, now_ns)? {
                self.held.push_front((due_ns, frame));
                break;
            }
        }
        self.inner.flush(now_ns)?;
        Ok(self.held.front().map(|(due_ns, _)| *due_ns))
    }

    /// What is still on its way gets there at once.
    fn finish(&mut self) -> Result<(), HostError> {
        self.flush(u64::MAX)?;
        self.inner.finish()
    }
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use super::super::local::Wire;
    use super::*;

    const NONE: Faults = Faults {
        drop: 0.0,
        corrupt: 0.0,
        reorder: 0.0,
        duplicate: 0.0,
        delay: Duration::ZERO,
        seed: 3,
    };

    /// What arrives of 1,000 numbered frames that are sent.
    fn sent(faults: Faults) -> Vec<Vec<u8>> {
        let mut wire = Wire::default();
        let mut device = Faulty::new(Box::new(wire.clone()), faults);
        let mut arrived = Vec::new();
        for number in 0_u32..1000 {
            assert!(device.send(&number.to_be_bytes(), 5).unwrap());
            while let Some(frame) = wire.receive(5).unwrap() {
                arrived.push(frame.bytes.to_vec());
            }
        }
        device.finish().unwrap();
        while let Some(frame) = wire.receive(5).unwrap() {
            arrived.push(frame.bytes.to_vec());
        }
        arrived
    }

    fn numbers() -> Vec<Vec<u8>> {
        (0_u32..1000)
            .map(|number| number.to_be_bytes().to_vec())
            .collect()
    }

    #[test]
    fn without_faults_everything_arrives_in_order() {
        assert_eq!(sent(NONE), numbers());
    }

    #[test]
    fn faults_have_their_probabilities_and_follow_from_the_seed() {
        let drop = Faults { drop: 0.1, ..NONE };
        let left = sent(drop).len();
        assert!((850..950).contains(&left), "{left}");
        assert_eq!(sent(drop), sent(drop));
        assert_ne!(sent(drop), sent(Faults { seed: 4, ..drop }));

        let twice = sent(Faults {
            duplicate: 0.1,
            ..NONE
        })
        .len();
        assert!((1050..1150).contains(&twice), "{twice}");

        let damaged = sent(Faults {
            corrupt: 0.1,
            ..NONE
        });
        let bits = |one: &[u8], other: &[u8]| -> u32 {
            one.iter()
                .zip(other)
                .map(|(a, b)| (a ^ b).count_ones())
                .sum()
        };
        let differences: Vec<u32> = damaged
            .iter()
            .zip(numbers())
            .map(|(a, b)| bits(a, &b))
            .collect();
        assert!(differences.iter().all(|bits| *bits <= 1));
        let count = differences.iter().filter(|bits| **bits == 1).count();
        assert!((50..150).contains(&count), "{count}");
    }

    #[test]
    fn reordered_frames_all_arrive() {
        let mut reordered = sent(Faults {
            reorder: 0.2,
            ..NONE
        });
        assert_ne!(reordered, numbers());
        reordered.sort();
        assert_eq!(reordered, numbers());
    }

    #[test]
    fn delayed_frames_arrive_later_both_ways() {
        let delay = Faults {
            delay: Duration::from_nanos(100),
            ..NONE
        };
        let mut wire = Wire::default();
        let mut device = Faulty::new(Box::new(wire.clone()), delay);
        device.send(b"x", 5).unwrap();
        assert_eq!(device.flush(104).unwrap(), Some(105));
        assert!(wire.receive(104).unwrap().is_none());
        assert_eq!(device.flush(105).unwrap(), None);
        assert!(wire.receive(105).unwrap().is_some());

        wire.send(b"y", 200).unwrap();
        assert!(device.receive(200).unwrap().is_none());
        assert_eq!(device.next_ns(), Some(300));
        assert_eq!(device.receive(300).unwrap().unwrap().bytes, b"y");
    }
}
