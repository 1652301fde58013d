//! Helpers: what a call by number does.
//!
//! Arguments come from `r1` on. What a prototype of the platform calls a map, a key, a value,
//! memory or a number is checked here to be one, whatever a verifier said.

use alloc::vec::Vec;

use bpf_object::Reg;
use platform_click::{HelperId, MapKind, limits};

use crate::checksum;
use crate::environment::{Environment, HelperCall, MapChange};
use crate::fault::FaultCause;
use crate::map::{Errno, Map};
use crate::number::{index, low32, wide};
use crate::registers::Registers;
use crate::trace::Text;

/// The CPU that runs programs; there is one ([`Map::CPUS`]).
pub(crate) const CPU: u64 = 0;

/// Room for copies of keys and values: an argument may lie in the very map that is changed.
#[derive(Debug)]
pub(crate) struct Scratch {
    key: Vec<u8>,
    value: Vec<u8>,
    /// A record for a ring buffer.
    record: Vec<u8>,
}

impl Scratch {
    /// Room for the largest key and value, and for the largest record that a program can have in one
    /// place and a ring buffer takes.
    pub(crate) fn new<'a>(maps: impl Iterator<Item = &'a Map>) -> Self {
        let (mut key, mut value, mut record) = (0, 0, 0);
        for map in maps {
            let definition = map.definition();
            key = definition.key_size.max(key);
            value = definition.value_size.max(value);
            if definition.kind == MapKind::RingBuffer {
                record = definition.max_entries.max(record);
            }
        }
        Self {
            key: Vec::with_capacity(index(key)),
            value: Vec::with_capacity(index(value)),
            record: Vec::with_capacity(index(record).min(limits::MAX_DATA)),
        }
    }
}

/// The run that a helper is called from: what its arguments refer to. Interpreter and machine code
/// have different addresses and share everything else.
pub(crate) trait Caller {
    /// The index of the map that `value` stands for.
    fn map_index(&self, value: u64) -> Result<u32, FaultCause>;

    /// The map with this index in the image, which a helper has checked.
    fn map(&mut self, map: u32) -> Option<&mut Map>;

    /// The address of the value in a slot of the map with this index.
    fn value_address(&mut self, map: u32, slot: u32) -> u64;

    /// Bytes that are about to be used; all must be defined.
    fn used(&mut self, address: u64, size: usize) -> Result<&[u8], FaultCause>;

    /// Bytes that a helper overwrites; all are defined from now on.
    fn overwritten(&mut self, address: u64, size: usize) -> Result<&mut [u8], FaultCause>;

    /// Adds and removes bytes at both ends of the packet; whether that was possible. Afterwards, the
    /// packet may lie elsewhere.
    fn add_packet_space(&mut self, head: i32, tail: i32) -> bool;
}

/// A call in progress.
pub(crate) struct Call<'a, C> {
    pub(crate) registers: &'a Registers,
    pub(crate) view: &'a mut C,
    pub(crate) scratch: &'a mut Scratch,
    pub(crate) environment: &'a mut dyn Environment,
}

impl<C: Caller> Call<'_, C> {
    /// Runs `helper` and gives what it leaves in `r0`. Exhaustive: a helper that the platform gains
    /// does not build before it is implemented.
    pub(crate) fn run(mut self, helper: HelperId) -> Result<u64, FaultCause> {
        match helper {
            HelperId::MapLookupElem => self.map_lookup(),
            HelperId::MapUpdateElem => self.map_update(),
            HelperId::MapDeleteElem => self.map_delete(),
            HelperId::KtimeGetNs => Ok(self.environment.clock_ns()),
            HelperId::TracePrintk => self.trace_printk(),
            HelperId::GetPrandomU32 => Ok(u64::from(self.environment.random_u32())),
            HelperId::GetSmpProcessorId => Ok(CPU),
            HelperId::CsumDiff => self.csum_diff(),
            HelperId::PacketAddSpace => self.packet_add_space(),
            HelperId::MapPushElem => self.map_push(),
            HelperId::MapPopElem => self.map_next(HelperId::MapPopElem),
            HelperId::MapPeekElem => self.map_next(HelperId::MapPeekElem),
            HelperId::KtimeGetBootNs => Ok(self.environment.boot_ns()),
            HelperId::RingbufOutput => self.ringbuf_output(),
            HelperId::KtimeGetTaiNs => Ok(self.environment.tai_ns()),
        }
    }

    fn map_lookup(&mut self) -> Result<u64, FaultCause> {
        let map = self.map_argument()?;
        self.key_argument(map)?;
        if self.refused(HelperId::MapLookupElem, Some(map)).is_some() {
            return Ok(0);
        }
        let key = &self.scratch.key;
        let found = self.view.map(map).and_then(|map| map.find_and_use(key));
        Ok(found.map_or(0, |slot| self.view.value_address(map, slot)))
    }

    fn map_update(&mut self) -> Result<u64, FaultCause> {
        let map = self.map_argument()?;
        self.key_argument(map)?;
        self.value_argument(map, Reg::R3)?;
        let flags = self.registers.used(Reg::R4)?;
        if let Some(errno) = self.refused(HelperId::MapUpdateElem, Some(map)) {
            return Ok(errno.returned());
        }
        let Scratch { key, value, .. } = &*self.scratch;
        let done = self.view.map(map).map(|map| map.set(key, value, flags));
        self.changed(HelperId::MapUpdateElem, map, done, |scratch| {
            Some(&scratch.value)
        })
    }

    fn map_delete(&mut self) -> Result<u64, FaultCause> {
        let map = self.map_argument()?;
        self.key_argument(map)?;
        if let Some(errno) = self.refused(HelperId::MapDeleteElem, Some(map)) {
            return Ok(errno.returned());
        }
        let key = &self.scratch.key;
        let done = self.view.map(map).map(|map| map.remove(key));
        self.changed(HelperId::MapDeleteElem, map, done, |_| None)
    }

    fn map_push(&mut self) -> Result<u64, FaultCause> {
        let map = self.map_argument()?;
        self.value_argument(map, Reg::R2)?;
        let flags = self.registers.used(Reg::R3)?;
        self.scratch.key.clear();
        if let Some(errno) = self.refused(HelperId::MapPushElem, Some(map)) {
            return Ok(errno.returned());
        }
        let value = &self.scratch.value;
        let done = self.view.map(map).map(|map| map.push(value, flags));
        self.changed(HelperId::MapPushElem, map, done, |scratch| {
            Some(&scratch.value)
        })
    }

    /// Pop and peek. The memory is written in any case: verifiers hold it for initialised.
    fn map_next(&mut self, helper: HelperId) -> Result<u64, FaultCause> {
        let map = self.map_argument()?;
        let address = self.registers.used(Reg::R2)?;
        let size = self.definition_of(map, |map| map.definition().value_size);
        // Before a value is lost.
        self.view.overwritten(address, size)?;
        self.scratch.key.clear();
        let removes = helper == HelperId::MapPopElem;
        let done = match self.refused(helper, Some(map)) {
            Some(errno) => Err(errno),
            None => self.take_next(map, removes),
        };
        if done.is_err() {
            self.scratch.value.clear();
            self.scratch.value.resize(size, 0);
        }
        let place = self.view.overwritten(address, size)?;
        place.copy_from_slice(&self.scratch.value);
        if !removes {
            return Ok(errno_of(Some(done)));
        }
        self.changed(helper, map, Some(done), |scratch| Some(&scratch.value))
    }

    /// Copies the next value of a queue or stack, and takes it out if `remove` says so.
    fn take_next(&mut self, map: u32, remove: bool) -> Result<(), Errno> {
        let map = self.view.map(map).ok_or(Errno::Invalid)?;
        let value = map.next_value(remove)?;
        self.scratch.value.clear();
        self.scratch.value.extend_from_slice(value);
        Ok(())
    }

    fn ringbuf_output(&mut self) -> Result<u64, FaultCause> {
        let map = self.map_argument()?;
        let flags = self.registers.used(Reg::R4)?;
        let (address, size) = self.memory_argument(Reg::R2, Reg::R3)?;
        self.scratch.key.clear();
        // What does not fit into the buffer is not copied first.
        let capacity = self.definition_of(map, |map| map.definition().max_entries);
        self.view.used(address, size)?;
        if let Some(errno) = self.refused(HelperId::RingbufOutput, Some(map)) {
            return Ok(errno.returned());
        }
        if size >= capacity {
            let known = crate::map::are_output_flags(flags);
            let errno = if known {
                Errno::TryAgain
            } else {
                Errno::Invalid
            };
            return Ok(errno.returned());
        }
        copy(self.view, address, size, &mut self.scratch.record)?;
        let record = &self.scratch.record;
        let done = self.view.map(map).map(|map| map.output(record, flags));
        self.changed(HelperId::RingbufOutput, map, done, |scratch| {
            Some(&scratch.record)
        })
    }

    /// RFC 1071, as `bpf_csum_diff` in `net/core/filter.c` has it since Linux 6.13.
    fn csum_diff(&mut self) -> Result<u64, FaultCause> {
        let seed = low32(self.registers.used(Reg::R5)?);
        let (from, from_size) = self.optional_memory(Reg::R1, Reg::R2)?;
        let (to, to_size) = self.optional_memory(Reg::R3, Reg::R4)?;
        let mut sum = |address, size, seed| match size {
            0 => Ok(seed),
            _ => Ok(checksum::partial(self.view.used(address, size)?, seed)),
        };
        let sum = match (from_size, to_size) {
            (0, _) => sum(to, to_size, seed)?,
            (_, 0) => !sum(from, from_size, !seed)?,
            (_, _) => checksum::subtract(sum(to, to_size, seed)?, sum(from, from_size, 0)?),
        };
        Ok(checksum::fold(sum).into())
    }

    fn trace_printk(&mut self) -> Result<u64, FaultCause> {
        let (address, size) = self.memory_argument(Reg::R1, Reg::R2)?;
        if size == 0 {
            return Err(FaultCause::MemorySize { size: 0 });
        }
        self.view.used(address, size)?;
        if let Some(errno) = self.refused(HelperId::TracePrintk, None) {
            return Ok(errno.returned());
        }
        let format = self.view.used(address, size)?;
        let printed = [Reg::R3, Reg::R4, Reg::R5].map(|register| self.registers.used(register));
        let Some(text) = Text::format(format, printed)? else {
            return Ok(Errno::Invalid.returned());
        };
        self.environment.trace(text.as_str());
        Ok(wide(text.as_str().len()))
    }

    fn packet_add_space(&mut self) -> Result<u64, FaultCause> {
        let head = low32(self.registers.used(Reg::R1)?).cast_signed();
        let tail = low32(self.registers.used(Reg::R2)?).cast_signed();
        if let Some(errno) = self.refused(HelperId::PacketAddSpace, None) {
            // No change, but the packet may lie elsewhere.
            self.view.add_packet_space(0, 0);
            return Ok(errno.returned());
        }
        let done = self.view.add_packet_space(head, tail);
        Ok(if done { 0 } else { Errno::Invalid.returned() })
    }

    /// What a call returns that changes a map; the environment hears of it if it did.
    fn changed(
        &mut self,
        helper: HelperId,
        map: u32,
        done: Option<Result<(), Errno>>,
        value: impl FnOnce(&Scratch) -> Option<&[u8]>,
    ) -> Result<u64, FaultCause> {
        if done == Some(Ok(())) {
            self.environment.changed(&MapChange {
                helper,
                map,
                key: &self.scratch.key,
                value: value(self.scratch),
            });
        }
        Ok(errno_of(done))
    }

    /// How the environment makes this call fail, if it does. The key is the one copied last.
    fn refused(&mut self, helper: HelperId, map: Option<u32>) -> Option<Errno> {
        let key = match map {
            Some(_) => self.scratch.key.as_slice(),
            None => &[],
        };
        self.environment.refuse(&HelperCall { helper, map, key })
    }

    /// The index of the map in `r1`.
    fn map_argument(&self) -> Result<u32, FaultCause> {
        self.view.map_index(self.registers.used(Reg::R1)?)
    }

    /// Copies the key that `r2` points to.
    fn key_argument(&mut self, map: u32) -> Result<(), FaultCause> {
        let address = self.registers.used(Reg::R2)?;
        let size = self.definition_of(map, |map| map.definition().key_size);
        copy(self.view, address, size, &mut self.scratch.key)
    }

    /// Copies the value that a register points to.
    fn value_argument(&mut self, map: u32, register: Reg) -> Result<(), FaultCause> {
        let address = self.registers.used(register)?;
        let size = self.definition_of(map, |map| map.definition().value_size);
        copy(self.view, address, size, &mut self.scratch.value)
    }

    /// Memory and its size in bytes. Verifiers prove the range of the whole register, a prototype's
    /// type notwithstanding.
    fn memory_argument(&self, memory: Reg, size: Reg) -> Result<(u64, usize), FaultCause> {
        let size = self.registers.used(size)?;
        let bytes = u32::try_from(size).map_err(|_| FaultCause::MemorySize { size })?;
        Ok((self.registers.used(memory)?, index(bytes)))
    }

    /// [`Self::memory_argument`] that is null only if its size is zero.
    fn optional_memory(&mut self, memory: Reg, size: Reg) -> Result<(u64, usize), FaultCause> {
        let (address, size) = self.memory_argument(memory, size)?;
        if address != 0 || size != 0 {
            self.view.used(address, size)?;
        }
        Ok((address, size))
    }

    fn definition_of(&mut self, map: u32, size: impl Fn(&Map) -> u32) -> usize {
        index(self.view.map(map).map_or(0, |map| size(map)))
    }
}

/// Copies bytes that a helper uses into memory that was reserved for them.
fn copy(
    view: &mut impl Caller,
    address: u64,
    size: usize,
    to: &mut Vec<u8>,
) -> Result<(), FaultCause> {
    let bytes = view.used(address, size)?;
    to.clear();
    to.extend_from_slice(bytes);
    Ok(())
}

/// 0, or a negative error number.
fn errno_of(result: Option<Result<(), Errno>>) -> u64 {
    match result.unwrap_or(Err(Errno::Invalid)) {
        Ok(()) => 0,
        Err(errno) => errno.returned(),
    }
}
