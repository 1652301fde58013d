//! What a helper's arguments refer to when machine code calls it.

use core::ptr::{self, NonNull};
use core::slice;

use platform_click::PacketContext;

use super::state::place_of;
use super::{STACK_SIZE, State, address_of, map_of_handle};
use crate::fault::{Access, FaultCause};
use crate::helper::Caller;
use crate::map::{Map, Maps};
use crate::number::{index, wide};
use crate::object_bytes::ObjectBytes;
use crate::packet::Packet;

/// The objects of a run. An address that machine code hands to a helper must lie in one of them:
/// helpers do not follow other pointers, whatever was proved.
#[derive(Debug)]
pub(super) struct NativeCaller<'a> {
    /// Alive as long as the value; no machine code runs meanwhile.
    pub(super) state: NonNull<State>,
    pub(super) maps: &'a mut Maps,
    pub(super) data: &'a mut [ObjectBytes],
    pub(super) packet: &'a mut Packet,
}

impl NativeCaller<'_> {
    fn state(&self) -> &State {
        // SAFETY: the state is alive as long as its `Native`, and no machine code runs now.
        unsafe { self.state.as_ref() }
    }

    /// Whether all of these bytes belong to the context.
    fn is_context(&self, address: u64, size: usize) -> bool {
        let start = wide(self.state().context().as_ptr().addr());
        within(address, size, start, size_of::<PacketContext>())
    }

    /// Whether all of these bytes belong to one object of the run, other than the context.
    #[inline]
    fn reaches(&self, address: u64, size: usize) -> bool {
        let stack = self.state().stack_top().wrapping_sub(wide(STACK_SIZE));
        // What helpers are given is mostly there.
        within(address, size, stack, STACK_SIZE) || self.reaches_beside_stack(address, size)
    }

    #[inline(never)]
    fn reaches_beside_stack(&self, address: u64, size: usize) -> bool {
        let contains = |bytes: &[u8]| {
            let start = wide(bytes.as_ptr().addr());
            within(address, size, start, bytes.len())
        };
        contains(self.packet.bytes())
            || self.maps.iter().any(|map| contains(map.values()))
            || self.data.iter().any(|data| contains(data))
    }

    /// A key of fixed size.
    #[inline]
    pub(super) fn key<const SIZE: usize>(&self, address: u64) -> Result<[u8; SIZE], FaultCause> {
        let bytes = self.bytes(address, SIZE)?;
        bytes.try_into().map_err(|_| FaultCause::NotExecutable)
    }

    #[inline]
    fn bytes(&self, address: u64, size: usize) -> Result<&[u8], FaultCause> {
        if !self.reaches(address, size) && !self.is_context(address, size) {
            return Err(FaultCause::Unmapped {
                access: Access::Read,
                address,
                size,
            });
        }
        let start = usize::try_from(address).unwrap_or_default();
        // SAFETY: the bytes lie in an object of the run, whose address was exposed, that is
        // initialised and lives as long as `self`. No machine code runs, and no Rust code changes
        // the object before the slice is dropped: both have to borrow `self` for that.
        Ok(unsafe { slice::from_raw_parts(ptr::with_exposed_provenance(start), size) })
    }
}

/// Whether all of these bytes lie in an object of `len` bytes.
#[inline]
fn within(address: u64, size: usize, start: u64, len: usize) -> bool {
    let offset = address.wrapping_sub(start);
    let last = len.checked_sub(size);
    last.is_some_and(|last| offset <= wide(last))
}

impl Caller for NativeCaller<'_> {
    fn map_index(&self, value: u64) -> Result<u32, FaultCause> {
        map_of_handle(value, self.maps)
    }

    fn map(&mut self, map: u32) -> Option<&mut Map> {
        self.maps.get_mut(index(map))
    }

    fn value_address(&mut self, map: u32, slot: u32) -> u64 {
        let value = self.map(map).and_then(|map| map.value_mut(slot));
        value.map_or(0, |value| address_of(value.as_mut_ptr()))
    }

    fn used(&mut self, address: u64, size: usize) -> Result<&[u8], FaultCause> {
        self.bytes(address, size)
    }

    fn overwritten(&mut self, address: u64, size: usize) -> Result<&mut [u8], FaultCause> {
        if !self.reaches(address, size) {
            return Err(FaultCause::Unmapped {
                access: Access::Write,
                address,
                size,
            });
        }
        let start = usize::try_from(address).unwrap_or_default();
        // SAFETY: the bytes lie in the stack, the packet, a map or the data of the run, whose address
        // was exposed; they are initialised and live as long as `self`. `self` has the only access to
        // all of these, no machine code runs, and no Rust code uses the objects before the slice is
        // dropped: it would have to borrow `self` for that.
        Ok(unsafe { slice::from_raw_parts_mut(ptr::with_exposed_provenance_mut(start), size) })
    }

    fn add_packet_space(&mut self, head: i32, tail: i32) -> bool {
        let done = self.packet.add_space(head, tail).is_ok();
        // SAFETY: the state is alive as long as its `Native`, and no machine code runs now.
        let context = unsafe { self.state.as_mut() }.context_mut();
        (context.data, context.data_end) = place_of(self.packet);
        done
    }
}
