//! Helpers: what a call by number does.
//!
//! Arguments come from `r1` on. What a prototype of the platform calls a map, a key, a value,
//! memory or a number is checked here to be one, whatever a verifier said.

use alloc::vec::Vec;

use bpf_object::Reg;
use platform_click::HelperId;

use crate::environment::{Environment, HelperCall};
use crate::fault::FaultCause;
use crate::map::{Errno, Map};
use crate::number::{index, low32, wide};
use crate::registers::Registers;
use crate::trace::{MAX_FORMAT, Text};

/// Room for copies of keys and values: an argument may lie in the very map that is changed.
#[derive(Debug)]
pub(crate) struct Scratch {
    key: Vec<u8>,
    value: Vec<u8>,
}

impl Scratch {
    /// Room for the largest key and value.
    pub(crate) fn new<'a>(maps: impl Iterator<Item = &'a Map>) -> Self {
        let (mut key, mut value) = (0, 0);
        for map in maps {
            key = map.definition().key_size.max(key);
            value = map.definition().value_size.max(value);
        }
        Self {
            key: Vec::with_capacity(index(key)),
            value: Vec::with_capacity(index(value)),
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
            HelperId::PacketAddSpace => self.packet_add_space(),
        }
    }

    fn map_lookup(&mut self) -> Result<u64, FaultCause> {
        let map = self.map_argument()?;
        self.key_argument(map)?;
        if self.refused(HelperId::MapLookupElem, Some(map)).is_some() {
            return Ok(0);
        }
        let found = self.view.map(map).and_then(|m| m.find(&self.scratch.key));
        Ok(found.map_or(0, |slot| self.view.value_address(map, slot)))
    }

    fn map_update(&mut self) -> Result<u64, FaultCause> {
        let map = self.map_argument()?;
        self.key_argument(map)?;
        self.value_argument(map)?;
        let flags = self.registers.used(Reg::R4)?;
        if let Some(errno) = self.refused(HelperId::MapUpdateElem, Some(map)) {
            return Ok(errno.returned());
        }
        let Scratch { key, value } = &*self.scratch;
        Ok(errno_of(
            self.view.map(map).map(|map| map.set(key, value, flags)),
        ))
    }

    fn map_delete(&mut self) -> Result<u64, FaultCause> {
        let map = self.map_argument()?;
        self.key_argument(map)?;
        if let Some(errno) = self.refused(HelperId::MapDeleteElem, Some(map)) {
            return Ok(errno.returned());
        }
        let key = &self.scratch.key;
        Ok(errno_of(self.view.map(map).map(|map| map.remove(key))))
    }

    fn trace_printk(&mut self) -> Result<u64, FaultCause> {
        let arguments = [
            self.registers.used(Reg::R3)?,
            self.registers.used(Reg::R4)?,
            self.registers.used(Reg::R5)?,
        ];
        let size = self.registers.used(Reg::R2)?;
        let address = self.registers.used(Reg::R1)?;
        // Verifiers prove the range of the whole register, the prototype's type notwithstanding.
        let fits = u32::try_from(size).ok().filter(|size| *size > 0);
        let size = index(fits.ok_or(FaultCause::MemorySize { size })?);
        self.view.used(address, size)?;
        if let Some(errno) = self.refused(HelperId::TracePrintk, None) {
            return Ok(errno.returned());
        }
        let format = self.view.used(address, size)?;
        let text = (size <= MAX_FORMAT).then(|| Text::format(format, arguments));
        let Some(text) = text.flatten() else {
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

    /// Copies the value that `r3` points to.
    fn value_argument(&mut self, map: u32) -> Result<(), FaultCause> {
        let address = self.registers.used(Reg::R3)?;
        let size = self.definition_of(map, |map| map.definition().value_size);
        copy(self.view, address, size, &mut self.scratch.value)
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
