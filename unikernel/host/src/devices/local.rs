//! A wire within the process: what is sent there is received there.

use core::cell::RefCell;
use std::collections::VecDeque;
use std::rc::Rc;

use click_graph::HostError;
use click_graph::host::{Device, Frame};

use super::packet_type;

/// Frames on a wire: what a NIC has room for.
const MAX_FRAMES: usize = 1024;

/// Frames with the times at which they were sent.
type Frames = VecDeque<(u64, Vec<u8>)>;

/// One end of a wire. All ends are alike: a frame is received once.
#[derive(Clone, Debug, Default)]
pub(super) struct Wire {
    frames: Rc<RefCell<Frames>>,
    /// The frame that was received last.
    received: Vec<u8>,
}

impl Device for Wire {
    fn receive(&mut self, _: u64) -> Result<Option<Frame<'_>>, HostError> {
        let Some((time_ns, frame)) = self.frames.borrow_mut().pop_front() else {
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
        None
    }

    fn send(&mut self, frame: &[u8], now_ns: u64) -> Result<bool, HostError> {
        let mut frames = self.frames.borrow_mut();
        let has_room = frames.len() < MAX_FRAMES;
        if has_room {
            frames.push_back((now_ns, frame.to_vec()));
        }
        Ok(has_room)
    }

    fn flush(&mut self, _: u64) -> Result<Option<u64>, HostError> {
        Ok(None)
    }

    fn finish(&mut self) -> Result<(), HostError> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wire_has_room_for_so_many_frames_and_gives_each_once() {
        let mut one = Wire::default();
        let mut other = one.clone();
        for number in 0..MAX_FRAMES {
            let frame = [u8::try_from(number % 256).unwrap()];
            assert!(one.send(&frame, 7).unwrap());
        }
        assert!(!one.send(&[0], 8).unwrap());
        let first = other.receive(9).unwrap().unwrap();
        assert_eq!((first.bytes, first.time_ns), (&[0][..], 7));
        assert_eq!(one.receive(9).unwrap().unwrap().bytes, [1]);
        assert!(one.send(&[0], 8).unwrap());
    }
}
