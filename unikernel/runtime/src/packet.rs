//! Packets: an owned buffer with room at both ends, and annotations.

use alloc::vec::Vec;

use platform_click::{Code, limits};

use crate::codes;
use crate::notes::Notes;

/// What elements know of a packet beside its bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// The input port that the packet came through.
    pub port: u32,
    /// A mark that elements and programs hand on.
    pub mark: u32,
    /// When the packet was received, in nanoseconds of the monotonic clock.
    pub rx_time_ns: u64,
    /// How long the packet is to be delayed, in nanoseconds.
    pub delay_ns: u64,
}

/// Why a packet cannot have the length asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PacketError {
    /// More bytes than the platform takes.
    #[error("a packet of {0} bytes is longer than the {max} of the platform", max = limits::MAX_PACKET_SIZE)]
    TooLong(usize),
    /// More bytes were to be removed than the packet has.
    #[error("{wanted} bytes cannot be removed from a packet of {len}")]
    TooShort {
        /// Bytes to be removed.
        wanted: usize,
        /// Bytes of the packet.
        len: usize,
    },
    /// More bytes at one end than one step may add or remove.
    #[error("{0} bytes are not within ±{max}", max = limits::MAX_ADD_SPACE)]
    Step(i32),
    /// There is no memory for a larger buffer.
    #[error("no memory for a packet buffer of {0} bytes")]
    OutOfMemory(usize),
}

impl PacketError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        codes::PACKET
    }
}

/// A packet of at most [`limits::MAX_PACKET_SIZE`] bytes.
///
/// The bytes lie in a buffer with headroom before and tailroom behind them, so that headers come
/// and go without a copy. Operations have Click's names: `push` and `pull` work at the front, `put`
/// and `take` at the back. New bytes are zero. An operation that fails changes nothing.
#[derive(Debug)]
pub struct Packet {
    /// Annotations that programs see.
    pub annotations: Annotations,
    /// Annotations that only elements see.
    pub notes: Notes,
    headers: Headers,
    /// Every byte outside of `start..end` may hold anything.
    buffer: Vec<u8>,
    start: usize,
    end: usize,
    /// The lowest place at which the packet has ever started. In front of it, the buffer may hold
    /// bytes of other packets, from before it was this one's.
    lowest: usize,
}

impl Packet {
    /// Bytes of headroom of a new packet: an outer Ethernet, IPv6 and UDP header with a tag, or one
    /// cache line.
    pub const DEFAULT_HEADROOM: usize = 64;

    /// Bytes of tailroom of a new packet.
    pub const DEFAULT_TAILROOM: usize = 64;

    /// A packet with a copy of `bytes` and default room at both ends.
    ///
    /// # Errors
    /// Too many bytes, or no memory.
    pub fn new(bytes: &[u8]) -> Result<Self, PacketError> {
        Self::with_room(bytes, Self::DEFAULT_HEADROOM, Self::DEFAULT_TAILROOM)
    }

    /// A packet with a copy of `bytes` and this many bytes of room at either end, each bounded by
    /// [`limits::MAX_PACKET_SIZE`].
    ///
    /// # Errors
    /// Too many bytes, or no memory.
    pub fn with_room(bytes: &[u8], headroom: usize, tailroom: usize) -> Result<Self, PacketError> {
        if bytes.len() > limits::MAX_PACKET_SIZE {
            return Err(PacketError::TooLong(bytes.len()));
        }
        let start = headroom.min(limits::MAX_PACKET_SIZE);
        // At most three times MAX_PACKET_SIZE.
        let end = start.saturating_add(bytes.len());
        let mut buffer = zeros(end.saturating_add(tailroom.min(limits::MAX_PACKET_SIZE)))?;
        if let Some(place) = buffer.get_mut(start..end) {
            place.copy_from_slice(bytes);
        }
        Ok(Self {
            annotations: Annotations::default(),
            notes: Notes::default(),
            headers: Headers::NONE,
            buffer,
            start,
            end,
            lowest: start,
        })
    }

    /// Makes of this packet what [`Self::new`] makes, in the buffer that it has if that is large enough.
    /// Nothing of what it was can be found in it, in front of its bytes neither.
    ///
    /// # Errors
    /// Too many bytes, or no memory. Then the packet is what it was.
    pub fn renew(&mut self, bytes: &[u8]) -> Result<(), PacketError> {
        // A length that overflows is too long for every buffer, and for a new packet, too.
        let end = Self::DEFAULT_HEADROOM.saturating_add(bytes.len());
        let room = end.saturating_add(Self::DEFAULT_TAILROOM);
        if bytes.len() > limits::MAX_PACKET_SIZE || self.buffer.len() < room {
            *self = Self::new(bytes)?;
            return Ok(());
        }
        if let Some(place) = self.buffer.get_mut(Self::DEFAULT_HEADROOM..end) {
            place.copy_from_slice(bytes);
        }
        self.annotations = Annotations::default();
        self.notes = Notes::NONE;
        self.headers = Headers::NONE;
        self.start = Self::DEFAULT_HEADROOM;
        self.lowest = self.start;
        self.end = end;
        Ok(())
    }

    /// Bytes of its buffer, which it keeps when it is made anew.
    #[must_use]
    pub const fn buffer_size(&self) -> usize {
        self.buffer.len()
    }

    /// A packet without bytes and without a buffer, for programs that see no packet.
    #[must_use]
    pub const fn empty() -> Self {
        Self {
            annotations: Annotations {
                port: 0,
                mark: 0,
                rx_time_ns: 0,
                delay_ns: 0,
            },
            notes: Notes::NONE,
            headers: Headers::NONE,
            buffer: Vec::new(),
            start: 0,
            end: 0,
            lowest: 0,
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        // `start <= end <= buffer.len()` always; the alternative is never taken.
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Its bytes, to change them in place.
    #[must_use]
    pub fn bytes_mut(&mut self) -> &mut [u8] {
        self.buffer
            .get_mut(self.start..self.end)
            .unwrap_or_default()
    }

    /// Number of its bytes.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.end.saturating_sub(self.start)
    }

    /// Whether it has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes that can be added at the front without moving the packet.
    #[must_use]
    pub const fn headroom(&self) -> usize {
        self.start
    }

    /// Bytes that can be added at the back without moving the packet.
    #[must_use]
    pub const fn tailroom(&self) -> usize {
        self.buffer.len().saturating_sub(self.end)
    }

    /// Adds `count` zero bytes at the front.
    ///
    /// # Errors
    /// The packet would be too long, or there is no memory.
    pub fn push(&mut self, count: usize) -> Result<(), PacketError> {
        let start = self.start.checked_sub(count);
        let Some(start) = start.filter(|start| self.fits(*start)) else {
            return self.resize(End::added(count), End::default());
        };
        if let Some(place) = self.buffer.get_mut(start..self.start) {
            place.fill(0);
        }
        self.start = start;
        self.lowest = self.lowest.min(start);
        Ok(())
    }

    /// Whether a packet that starts there is no longer than the platform takes.
    const fn fits(&self, start: usize) -> bool {
        self.end.saturating_sub(start) <= limits::MAX_PACKET_SIZE
    }

    /// Removes `count` bytes at the front.
    ///
    /// # Errors
    /// The packet has fewer bytes.
    pub fn pull(&mut self, count: usize) -> Result<(), PacketError> {
        let len = self.len();
        if count > len {
            return Err(PacketError::TooShort { wanted: count, len });
        }
        // At most the end.
        self.start = self.start.saturating_add(count);
        Ok(())
    }

    /// Adds `count` zero bytes at the back.
    ///
    /// # Errors
    /// The packet would be too long, or there is no memory.
    pub fn put(&mut self, count: usize) -> Result<(), PacketError> {
        self.resize(End::default(), End::added(count))
    }

    /// Removes `count` bytes at the back.
    ///
    /// # Errors
    /// The packet has fewer bytes.
    pub fn take(&mut self, count: usize) -> Result<(), PacketError> {
        let len = self.len();
        if count > len {
            return Err(PacketError::TooShort { wanted: count, len });
        }
        // At least the start.
        self.end = self.end.saturating_sub(count);
        Ok(())
    }

    /// Adds (positive) or removes (negative) bytes at both ends in one step: what the helper
    /// `bpf_packet_add_space` does. Only bytes that the packet had before can be removed.
    ///
    /// # Errors
    /// A count outside of ±[`limits::MAX_ADD_SPACE`], fewer bytes than are to be removed, a packet
    /// that would be too long, or no memory.
    pub fn add_space(&mut self, head: i32, tail: i32) -> Result<(), PacketError> {
        self.resize(End::step(head)?, End::step(tail)?)
    }

    fn resize(&mut self, head: End, tail: End) -> Result<(), PacketError> {
        let len = self.len();
        let wanted = head.removed.saturating_add(tail.removed);
        let kept = len
            .checked_sub(wanted)
            .ok_or(PacketError::TooShort { wanted, len })?;
        let longer = kept.saturating_add(head.added).saturating_add(tail.added);
        if longer > limits::MAX_PACKET_SIZE {
            return Err(PacketError::TooLong(longer));
        }
        // No sum below overflows: lengths and rooms are at most MAX_PACKET_SIZE, and a count that
        // is added was bounded by the length just checked.
        if head.added > self.headroom() || tail.added > self.tailroom() {
            self.reallocate(head.added, tail.added)?;
        }
        let kept_start = self.start.saturating_add(head.removed);
        let kept_end = self.end.saturating_sub(tail.removed);
        self.start = kept_start.saturating_sub(head.added);
        self.lowest = self.lowest.min(self.start);
        self.end = kept_end.saturating_add(tail.added);
        // Room that was used before still holds old bytes.
        for fresh in [self.start..kept_start, kept_end..self.end] {
            // Empty where bytes were removed.
            if let Some(place) = self.buffer.get_mut(fresh) {
                place.fill(0);
            }
        }
        Ok(())
    }

    /// Moves the packet into a buffer with at least this much room, and the default room on top.
    fn reallocate(&mut self, head: usize, tail: usize) -> Result<(), PacketError> {
        let headroom = head.saturating_add(Self::DEFAULT_HEADROOM);
        let tailroom = tail.saturating_add(Self::DEFAULT_TAILROOM);
        let moved = Self::with_room(self.bytes(), headroom, tailroom)?;
        *self = Self {
            annotations: self.annotations,
            notes: self.notes,
            headers: self.headers.moved(self.start, moved.start),
            ..moved
        };
        Ok(())
    }

    /// Puts back the last `count` bytes that were removed at the front, as they are now: what
    /// [`Self::pull`] removed, unless the packet has moved since or the place was used again.
    ///
    /// # Errors
    /// Fewer bytes were removed; then they are new zeros, if there is room. The packet would be too
    /// long, or there is no memory.
    pub fn unpull(&mut self, count: usize) -> Result<(), PacketError> {
        let start = self.start.checked_sub(count);
        let Some(start) = start.filter(|start| self.fits(*start)) else {
            return self.push(count);
        };
        if let Some(foreign) = self.buffer.get_mut(start..self.lowest) {
            foreign.fill(0);
        }
        self.start = start;
        self.lowest = self.lowest.min(start);
        Ok(())
    }

    /// Notes where the link-layer header starts: `offset` bytes into the packet. Headers stay where
    /// they are when bytes are added or removed.
    pub fn set_mac_header(&mut self, offset: usize) {
        self.headers.mac = self.place(offset);
    }

    /// The link-layer header and all that follows, whether or not it was removed from the packet.
    #[must_use]
    pub fn mac_header(&self) -> Option<&[u8]> {
        self.buffer.get(index(self.headers.mac)?..self.end)
    }

    /// Notes where the network header starts, `offset` bytes into the packet, and that it has
    /// `length` bytes, behind which the transport header starts.
    pub fn set_network_header(&mut self, offset: usize, length: usize) {
        self.headers.network = self.place(offset);
        self.headers.transport = self.place(offset.saturating_add(length));
    }

    /// Forgets where network and transport header start.
    pub const fn clear_network_header(&mut self) {
        self.headers.network = Headers::NOWHERE;
        self.headers.transport = Headers::NOWHERE;
    }

    /// Bytes of the packet in front of the network header. `None` if nobody has noted where it is, or
    /// the packet does not reach there, or it was removed.
    #[must_use]
    pub fn network_header(&self) -> Option<usize> {
        self.offset(self.headers.network)
    }

    /// Bytes of the packet in front of the transport header, as [`Self::network_header`].
    #[must_use]
    pub fn transport_header(&self) -> Option<usize> {
        self.offset(self.headers.transport)
    }

    /// The place of an offset into the packet, within the buffer. None if the packet ends before.
    fn place(&self, offset: usize) -> u32 {
        let place = self.start.checked_add(offset);
        let place = place.filter(|place| *place <= self.end);
        place
            .and_then(|place| u32::try_from(place).ok())
            .unwrap_or(Headers::NOWHERE)
    }

    fn offset(&self, place: u32) -> Option<usize> {
        let place = index(place).filter(|place| *place <= self.end)?;
        place.checked_sub(self.start)
    }
}

/// Where the headers of a packet start, as places in its buffer.
#[derive(Clone, Copy, Debug)]
struct Headers {
    mac: u32,
    network: u32,
    transport: u32,
}

impl Headers {
    /// More than the place of any byte: a buffer has three times the longest packet at most.
    const NOWHERE: u32 = u32::MAX;

    const NONE: Self = Self {
        mac: Self::NOWHERE,
        network: Self::NOWHERE,
        transport: Self::NOWHERE,
    };

    /// The places after a packet that started at `from` was copied to `to`. What lies in front of the
    /// packet was not copied and is forgotten.
    fn moved(self, from: usize, to: usize) -> Self {
        let moved = |place: u32| {
            let place = index(place).and_then(|place| place.checked_sub(from));
            let place = place.and_then(|offset| u32::try_from(offset.saturating_add(to)).ok());
            place.unwrap_or(Self::NOWHERE)
        };
        Self {
            mac: moved(self.mac),
            network: moved(self.network),
            transport: moved(self.transport),
        }
    }
}

/// A place as an index.
fn index(place: u32) -> Option<usize> {
    let place = Some(place).filter(|place| *place != Headers::NOWHERE)?;
    usize::try_from(place).ok()
}

impl Clone for Packet {
    fn clone(&self) -> Self {
        Self {
            annotations: self.annotations,
            notes: self.notes,
            headers: self.headers,
            buffer: self.buffer.clone(),
            start: self.start,
            end: self.end,
            lowest: self.lowest,
        }
    }

    /// Uses the buffer that it has. What is around the bytes of `source` in its buffer is not copied.
    fn clone_from(&mut self, source: &Self) {
        let own = source.lowest..source.end;
        let copied = source.buffer.get(own.clone()).unwrap_or_default();
        let room = source.end.saturating_add(Self::DEFAULT_TAILROOM);
        let fits = room <= self.buffer.len();
        match self.buffer.get_mut(own).filter(|_| fits) {
            Some(place) => place.copy_from_slice(copied),
            None => self.buffer.clone_from(&source.buffer),
        }
        self.annotations = source.annotations;
        self.notes = source.notes;
        self.headers = source.headers;
        self.start = source.start;
        self.end = source.end;
        self.lowest = source.lowest;
    }
}

/// Two packets are equal when bytes and annotations are; room and headers do not matter.
impl PartialEq for Packet {
    fn eq(&self, other: &Self) -> bool {
        (self.annotations, self.notes) == (other.annotations, other.notes)
            && self.bytes() == other.bytes()
    }
}

impl Eq for Packet {}

/// What happens at one end of a packet.
#[derive(Clone, Copy, Default)]
struct End {
    added: usize,
    removed: usize,
}

impl End {
    const fn added(count: usize) -> Self {
        Self {
            added: count,
            removed: 0,
        }
    }

    const fn removed(count: usize) -> Self {
        Self {
            added: 0,
            removed: count,
        }
    }

    /// A signed count within ±[`limits::MAX_ADD_SPACE`].
    fn step(count: i32) -> Result<Self, PacketError> {
        let size = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
        if count.unsigned_abs() > limits::MAX_ADD_SPACE.unsigned_abs() {
            Err(PacketError::Step(count))
        } else if count < 0 {
            Ok(Self::removed(size))
        } else {
            Ok(Self::added(size))
        }
    }
}

/// Memory of zeros, or an error where there is none.
fn zeros(len: usize) -> Result<Vec<u8>, PacketError> {
    let mut buffer = Vec::new();
    buffer
        .try_reserve_exact(len)
        .map_err(|_| PacketError::OutOfMemory(len))?;
    buffer.resize(len, 0);
    Ok(buffer)
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn a_packet_is_bounded_when_it_is_made() {
        let longest = vec![7; limits::MAX_PACKET_SIZE];
        assert_eq!(Packet::new(&longest).unwrap().len(), longest.len());
        let longer = vec![7; limits::MAX_PACKET_SIZE + 1];
        assert_eq!(
            Packet::new(&longer).unwrap_err(),
            PacketError::TooLong(longer.len())
        );
        assert!(Packet::empty().is_empty() && Packet::new(&[]).unwrap().is_empty());
    }

    #[test]
    fn both_ends_grow_and_shrink() {
        let mut packet = Packet::with_room(&[1, 2, 3, 4], 2, 2).unwrap();
        packet.pull(1).unwrap();
        packet.take(1).unwrap();
        assert_eq!(packet.bytes(), [2, 3]);
        // The bytes just removed are not found again.
        packet.push(1).unwrap();
        packet.put(1).unwrap();
        assert_eq!(packet.bytes(), [0, 2, 3, 0]);
        assert_eq!((packet.headroom(), packet.tailroom()), (2, 2));
    }

    #[test]
    fn a_packet_without_room_moves_and_keeps_what_it_is() {
        let mut packet = Packet::with_room(&[1, 2], 0, 0).unwrap();
        packet.annotations.mark = 9;
        packet.push(3).unwrap();
        packet.put(200).unwrap();
        assert_eq!(&packet.bytes()[..5], [0, 0, 0, 1, 2]);
        assert_eq!((packet.len(), packet.annotations.mark), (205, 9));
    }

    /// What a pool of packets relies on.
    #[test]
    fn a_packet_that_is_made_anew_holds_nothing_of_what_it_was() {
        let mut packet = Packet::with_room(&[9; 90], 70, 100).unwrap();
        packet.annotations.mark = 9;
        packet.notes.destination = [9; 4];
        packet.set_mac_header(0);
        packet.set_network_header(14, 20);
        packet.push(70).unwrap();
        packet.bytes_mut().fill(9);
        let size = packet.buffer_size();
        packet.renew(&[1, 2]).unwrap();
        assert_eq!(packet, Packet::new(&[1, 2]).unwrap());
        assert_eq!(packet.buffer_size(), size, "the buffer stays");
        assert_eq!((packet.mac_header(), packet.network_header()), (None, None));
        packet.unpull(64).unwrap();
        packet.put(80).unwrap();
        assert!(packet.bytes().iter().all(|byte| *byte < 3), "{packet:?}");
        let longest = vec![7; limits::MAX_PACKET_SIZE];
        packet.renew(&longest).unwrap();
        assert_eq!(packet.bytes(), longest);
        assert!(packet.renew(&vec![7; longest.len() + 1]).is_err());
        assert_eq!(packet.bytes(), longest);
    }

    #[test]
    fn a_copy_into_another_packet_is_a_copy() {
        let mut packet = Packet::new(b"ethernet and more").unwrap();
        packet.set_mac_header(0);
        packet.annotations.port = 3;
        packet.pull(9).unwrap();
        for mut other in [Packet::empty(), Packet::new(&[9; 300]).unwrap()] {
            other.clone_from(&packet);
            assert_eq!(other, packet);
            assert_eq!(other.mac_header(), packet.mac_header());
            other.unpull(9).unwrap();
            assert_eq!(other.bytes(), b"ethernet and more");
        }
    }

    #[test]
    fn headers_stay_where_they_are() {
        let mut packet = Packet::with_room(b"mac.ip..tcp", 4, 0).unwrap();
        assert_eq!((packet.network_header(), packet.mac_header()), (None, None));
        packet.set_mac_header(0);
        packet.set_network_header(4, 4);
        packet.pull(4).unwrap();
        assert_eq!(packet.network_header(), Some(0));
        assert_eq!(packet.mac_header(), Some(&b"mac.ip..tcp"[..]));
        packet.pull(1).unwrap();
        assert_eq!(packet.network_header(), None, "it was cut");
        packet.unpull(5).unwrap();
        assert_eq!(packet.bytes(), b"mac.ip..tcp");
        assert_eq!(packet.transport_header(), Some(8));
        // The packet moves, and what lies in front of it is gone.
        packet.pull(4).unwrap();
        packet.put(99).unwrap();
        assert_eq!(packet.mac_header(), None);
        packet.push(200).unwrap();
        assert_eq!(packet.network_header(), Some(200));
        assert_eq!(packet.transport_header(), Some(204));
        packet.take(102).unwrap();
        assert_eq!(packet.len(), 204);
        packet.take(1).unwrap();
        assert_eq!(packet.transport_header(), None, "the packet ends before");
        packet.set_network_header(204, 0);
        assert_eq!(packet.network_header(), None);
        packet.clear_network_header();
        assert_eq!(packet.network_header(), None);
    }

    #[test]
    fn add_space_at_and_over_each_limit() {
        let max = limits::MAX_PACKET_SIZE;
        for (len, head, tail, want) in [
            (10, 0, 0, Ok(10)),
            (10, 256, 256, Ok(522)),
            (10, 257, 0, Err(PacketError::Step(257))),
            (600, 0, -257, Err(PacketError::Step(-257))),
            (10, i32::MIN, 0, Err(PacketError::Step(i32::MIN))),
            (10, 0, i32::MAX, Err(PacketError::Step(i32::MAX))),
            (10, -10, 0, Ok(0)),
            (10, -5, -5, Ok(0)),
            (
                10,
                -6,
                -5,
                Err(PacketError::TooShort {
                    wanted: 11,
                    len: 10,
                }),
            ),
            (
                10,
                -11,
                20,
                Err(PacketError::TooShort {
                    wanted: 11,
                    len: 10,
                }),
            ),
            (0, 4, 0, Ok(4)),
            (max - 1, 1, 0, Ok(max)),
            (max, 0, 1, Err(PacketError::TooLong(max + 1))),
            (max, -1, 1, Ok(max)),
        ] {
            let bytes: Vec<u8> = (0..len)
                .map(|i| u8::try_from(i % 250 + 1).unwrap())
                .collect();
            let mut packet = Packet::with_room(&bytes, 3, 3).unwrap();
            let got = packet.add_space(head, tail).map(|()| packet.len());
            assert_eq!(got, want, "{len} {head} {tail}");
            if want.is_err() {
                assert_eq!(packet.bytes(), bytes, "{len} {head} {tail}");
                continue;
            }
            let expected: Vec<u8> = vec![0; usize::try_from(head.max(0)).unwrap()]
                .into_iter()
                .chain(
                    bytes[usize::try_from((-head).max(0)).unwrap()
                        ..len - usize::try_from((-tail).max(0)).unwrap()]
                        .iter()
                        .copied(),
                )
                .chain(vec![0; usize::try_from(tail.max(0)).unwrap()])
                .collect();
            assert_eq!(packet.bytes(), expected, "{len} {head} {tail}");
        }
    }
}
