//! Everything that a running program can reach, and the check of every access to it.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bpf_object::{Reg, Size};

use crate::address::{GENERATIONS, Layout, Object};
use crate::context::Context;
use crate::fault::{Access, FaultCause, Region};
use crate::helper::Caller;
use crate::map::{Map, Maps};
use crate::number::{index, low8, low16, low32, wide};
use crate::packet::Packet;
use crate::registers::Word;
use crate::stack::Stack;

/// What outlives a run: stack, maps and data of an instance.
#[derive(Debug)]
pub(crate) struct Memory {
    pub(crate) layout: Layout,
    pub(crate) stack: Stack,
    pub(crate) maps: Maps,
    /// The program's copies of its data sections, by index.
    pub(crate) data: Vec<Box<[u8]>>,
    /// How often the packet has moved, modulo [`GENERATIONS`]; never starts anew, so that a packet
    /// pointer that a program kept in a map is stale in the next run.
    pub(crate) generation: u32,
}

/// Memory during a run.
#[derive(Debug)]
pub(crate) struct View<'a> {
    memory: &'a mut Memory,
    packet: &'a mut Packet,
    context: Context,
}

impl<'a> View<'a> {
    /// The memory of a run on `packet`, which gets a new address.
    pub(crate) fn new(memory: &'a mut Memory, packet: &'a mut Packet) -> Self {
        memory.maps.begin_run();
        memory.stack.reset();
        let context = Context::new(&packet.annotations);
        let mut view = Self {
            memory,
            packet,
            context,
        };
        view.place_packet();
        view
    }

    /// Hands what the program may change of the packet's annotations back to the packet.
    pub(crate) fn finish(self) {
        self.context.read_back(&mut self.packet.annotations);
    }

    /// The address of the first byte of `object`.
    pub(crate) fn address(&self, object: Object) -> u64 {
        self.memory.layout.address(object)
    }

    pub(crate) fn stack(&mut self) -> &mut Stack {
        &mut self.memory.stack
    }

    fn place_packet(&mut self) {
        let generation = self.memory.generation.wrapping_add(1) & (GENERATIONS - 1);
        self.memory.generation = generation;
        let start = self.address(Object::Packet { generation });
        let end = start.wrapping_add(wide(self.packet.len()));
        self.context.set_packet(start, end);
    }

    /// The number in memory, zero-extended, and whether it is defined.
    #[inline]
    pub(crate) fn load(&mut self, address: u64, size: Size) -> Result<Word, FaultCause> {
        let (bytes, defined) = self.read(address, size.bytes())?;
        Ok(Word {
            value: number(bytes),
            defined,
        })
    }

    /// Stores the lower bytes of `word`. An undefined one, which came from `register`, can only be
    /// copied to the stack.
    #[inline]
    pub(crate) fn store(
        &mut self,
        address: u64,
        size: Size,
        word: Word,
        register: Option<Reg>,
    ) -> Result<(), FaultCause> {
        let (place, may_be_undefined) = self.write(address, size.bytes(), word.defined)?;
        if let Some(register) = register
            && !word.defined
            && !may_be_undefined
        {
            return Err(FaultCause::UninitialisedRegister { register });
        }
        match size {
            Size::B1 => place.copy_from_slice(&low8(word.value).to_le_bytes()),
            Size::B2 => place.copy_from_slice(&low16(word.value).to_le_bytes()),
            Size::B4 => place.copy_from_slice(&low32(word.value).to_le_bytes()),
            Size::B8 => place.copy_from_slice(&word.value.to_le_bytes()),
        }
        Ok(())
    }

    /// The bytes at `address`, and whether all are defined.
    #[inline]
    fn read(&mut self, address: u64, size: usize) -> Result<(&[u8], bool), FaultCause> {
        let request = Request {
            access: Access::Read,
            address,
            size,
        };
        let (object, offset) = self.locate(request)?;
        let end = offset.saturating_add(size);
        let memory = &mut *self.memory;
        let bytes = match object {
            Object::Stack => {
                let found = memory.stack.read(offset, size);
                return found.ok_or_else(|| request.outside(Region::Stack));
            }
            Object::Context => self.context.bytes().get(offset..end),
            Object::Packet { .. } => self.packet.bytes().get(offset..end),
            Object::Data { section } => memory
                .data
                .get(index(section))
                .and_then(|data| data.get(offset..end)),
            Object::MapValue { map, slot } => {
                let map = memory.maps.get(index(map));
                let value = map.and_then(|map| map.value(slot));
                let value = value.ok_or_else(|| request.stale(region(object)))?;
                value.get(offset..end)
            }
            Object::MapHandle { .. } => None,
        };
        let bytes = bytes.ok_or_else(|| request.outside(region(object)))?;
        Ok((bytes, true))
    }

    /// The bytes at `address`, to be overwritten with defined bytes or with undefined ones, and
    /// whether they may become undefined.
    #[inline]
    fn write(
        &mut self,
        address: u64,
        size: usize,
        defined: bool,
    ) -> Result<(&mut [u8], bool), FaultCause> {
        let request = Request {
            access: Access::Write,
            address,
            size,
        };
        let (object, offset) = self.locate(request)?;
        let end = offset.saturating_add(size);
        let memory = &mut *self.memory;
        let bytes = match object {
            Object::Stack => memory.stack.write(offset, size, defined),
            Object::Context => {
                if Context::is_read_only(offset) {
                    return Err(FaultCause::ReadOnly { address, size });
                }
                self.context.bytes_mut().get_mut(offset..end)
            }
            Object::Packet { .. } => self.packet.bytes_mut().get_mut(offset..end),
            Object::Data { section } => memory
                .data
                .get_mut(index(section))
                .and_then(|data| data.get_mut(offset..end)),
            Object::MapValue { map, slot } => {
                let map = memory.maps.get_mut(index(map));
                let value = map.and_then(|map| map.value_mut(slot));
                let value = value.ok_or_else(|| request.stale(region(object)))?;
                value.get_mut(offset..end)
            }
            Object::MapHandle { .. } => None,
        };
        let bytes = bytes.ok_or_else(|| request.outside(region(object)))?;
        Ok((bytes, object == Object::Stack))
    }

    /// What the address points to: an object that exists, or existed.
    #[inline]
    fn locate(&self, request: Request) -> Result<(Object, usize), FaultCause> {
        let found = self.memory.layout.locate(request.address);
        let (object, offset) = found.ok_or_else(|| request.unmapped())?;
        let exists = match object {
            Object::Packet { generation } if generation != self.memory.generation => {
                return Err(request.stale(Region::Packet));
            }
            Object::Stack | Object::Context | Object::Packet { .. } => true,
            Object::Data { section } => index(section) < self.memory.data.len(),
            Object::MapHandle { map } | Object::MapValue { map, .. } => {
                self.memory.maps.get(index(map)).is_some()
            }
        };
        if exists {
            Ok((object, offset))
        } else {
            Err(request.unmapped())
        }
    }
}

impl Caller for View<'_> {
    fn map_index(&self, value: u64) -> Result<u32, FaultCause> {
        match self.memory.layout.locate(value) {
            Some((Object::MapHandle { map }, 0)) if self.memory.maps.get(index(map)).is_some() => {
                Ok(map)
            }
            _ => Err(FaultCause::NotAMap { value }),
        }
    }

    fn map(&mut self, map: u32) -> Option<&mut Map> {
        self.memory.maps.get_mut(index(map))
    }

    fn value_address(&mut self, map: u32, slot: u32) -> u64 {
        self.address(Object::MapValue { map, slot })
    }

    fn used(&mut self, address: u64, size: usize) -> Result<&[u8], FaultCause> {
        match self.read(address, size)? {
            (bytes, true) => Ok(bytes),
            (_, false) => Err(FaultCause::UninitialisedStack { address, size }),
        }
    }

    fn overwritten(&mut self, address: u64, size: usize) -> Result<&mut [u8], FaultCause> {
        self.write(address, size, true).map(|(bytes, _)| bytes)
    }

    /// The packet gets a new address in any case.
    fn add_packet_space(&mut self, head: i32, tail: i32) -> bool {
        let done = self.packet.add_space(head, tail).is_ok();
        self.place_packet();
        done
    }
}

/// One access, for the fault that it may become.
#[derive(Clone, Copy, Debug)]
struct Request {
    access: Access,
    address: u64,
    size: usize,
}

impl Request {
    const fn unmapped(self) -> FaultCause {
        FaultCause::Unmapped {
            access: self.access,
            address: self.address,
            size: self.size,
        }
    }

    const fn outside(self, region: Region) -> FaultCause {
        FaultCause::OutOfBounds {
            access: self.access,
            address: self.address,
            size: self.size,
            region,
        }
    }

    const fn stale(self, region: Region) -> FaultCause {
        FaultCause::Stale {
            access: self.access,
            address: self.address,
            size: self.size,
            region,
        }
    }
}

/// What an object is called in faults.
pub(crate) const fn region(object: Object) -> Region {
    match object {
        Object::Stack => Region::Stack,
        Object::Context => Region::Context,
        Object::Packet { .. } => Region::Packet,
        Object::Data { section } => Region::Data { section },
        Object::MapHandle { map } => Region::Map { map },
        Object::MapValue { map, .. } => Region::MapValue { map },
    }
}

/// A little-endian number of at most 8 bytes.
#[inline]
fn number(bytes: &[u8]) -> u64 {
    match bytes {
        [a] => u64::from(*a),
        [a, b] => u64::from(u16::from_le_bytes([*a, *b])),
        [a, b, c, d] => u64::from(u32::from_le_bytes([*a, *b, *c, *d])),
        [a, b, c, d, e, f, g, h] => u64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h]),
        // `Size` has no other.
        _ => 0,
    }
}
