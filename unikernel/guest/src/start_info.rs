//! What the loader left in memory, by the PVH protocol (`hvm_start_info` in Xen's
//! `public/arch-x86/hvm/start_info.h`).

use alloc::vec::Vec;

/// `hvm_start_info.magic`.
const MAGIC: u32 = 0x336e_c578;

/// Entries of a memory map that are looked at: machines have about ten.
const MAX_RANGES: u32 = 128;

/// Modules that are looked at; QEMU passes one.
const MAX_MODULES: u32 = 8;

/// Bytes of the command line that are looked at, as many as Linux takes.
pub const MAX_COMMAND_LINE: usize = 2048;

/// Memory by physical address.
pub trait PhysicalMemory {
    /// So many bytes from `address` on; nothing where that is not all memory.
    fn bytes(&self, address: u64, len: usize) -> Option<&[u8]>;
}

/// Physical addresses, from the first to before the last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first.
    pub start: u64,
    /// Behind the last.
    pub end: u64,
}

impl Range {
    /// Bytes.
    #[must_use]
    pub const fn len(self) -> u64 {
        self.end.saturating_sub(self.start)
    }

    /// Whether there are none.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.end <= self.start
    }

    /// Whether they have any in common.
    #[must_use]
    pub const fn overlaps(self, other: Self) -> bool {
        self.start < other.end && other.start < self.end
    }
}

/// What the loader says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartInfo {
    /// Memory that is free to use, as far as the loader knows.
    pub memory: Vec<Range>,
    /// Files that were loaded.
    pub modules: Vec<Range>,
    /// The command line.
    pub command_line: Vec<u8>,
}

/// Why it cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// What lies there is something else.
    #[error("the loader left no start information")]
    Magic,
    /// It is of a version without a memory map.
    #[error("the loader left no memory map")]
    NoMemoryMap,
    /// Something lies where no memory is.
    #[error("the loader's {0} lies outside of memory")]
    Outside(&'static str),
}

impl StartInfo {
    /// Reads what lies at `address`.
    ///
    /// # Errors
    /// It is not there, or refers to what is not.
    pub fn read(memory: &dyn PhysicalMemory, address: u64) -> Result<Self, StartError> {
        let outside = StartError::Outside;
        // The fields of version 1.
        let header = memory.bytes(address, 56).ok_or(StartError::Magic)?;
        let field32 = |offset| u32_at(header, offset).unwrap_or_default();
        let field64 = |offset| u64_at(header, offset).unwrap_or_default();
        if field32(0) != MAGIC {
            return Err(StartError::Magic);
        }
        if field32(4) < 1 || field32(48) == 0 {
            return Err(StartError::NoMemoryMap);
        }
        let map = table(memory, field64(40), field32(48).min(MAX_RANGES), 24);
        let map = map.ok_or_else(|| outside("memory map"))?;
        let modules = table(memory, field64(16), field32(12).min(MAX_MODULES), 32);
        let modules = modules.ok_or_else(|| outside("list of modules"))?;
        let is_ram = |entry: &&[u8]| u32_at(entry, 16) == Some(1);
        Ok(Self {
            memory: map.chunks_exact(24).filter(is_ram).map(range).collect(),
            modules: modules.chunks_exact(32).map(range).collect(),
            command_line: command_line(memory, field64(24)),
        })
    }
}

/// A table of `count` entries; empty without one.
fn table(memory: &dyn PhysicalMemory, address: u64, count: u32, size: usize) -> Option<&[u8]> {
    let count = usize::try_from(count).ok()?;
    if count == 0 {
        return Some(&[]);
    }
    memory.bytes(address, count.checked_mul(size)?)
}

/// Address and length.
fn range(entry: &[u8]) -> Range {
    let start = u64_at(entry, 0).unwrap_or_default();
    let len = u64_at(entry, 8).unwrap_or_default();
    Range {
        start,
        end: start.saturating_add(len),
    }
}

/// Up to the first zero. Read byte by byte, since nobody says how long it is.
fn command_line(memory: &dyn PhysicalMemory, address: u64) -> Vec<u8> {
    let byte = |offset: u64| {
        let address = address.checked_add(offset)?;
        let bytes = memory.bytes(address, 1)?;
        bytes.first().copied().filter(|byte| *byte != 0)
    };
    if address == 0 {
        return Vec::new();
    }
    (0..).map_while(byte).take(MAX_COMMAND_LINE).collect()
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    let bytes = bytes.get(offset..)?.first_chunk()?;
    Some(u32::from_le_bytes(*bytes))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    let bytes = bytes.get(offset..)?.first_chunk()?;
    Some(u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use alloc::vec;

    use super::*;

    /// Memory that begins at 0x1000.
    struct Memory(Vec<u8>);

    impl PhysicalMemory for Memory {
        fn bytes(&self, address: u64, len: usize) -> Option<&[u8]> {
            let offset = usize::try_from(address.checked_sub(0x1000)?).ok()?;
            self.0.get(offset..offset.checked_add(len)?)
        }
    }

    impl Memory {
        fn put(&mut self, offset: usize, bytes: &[u8]) {
            self.0[offset..offset + bytes.len()].copy_from_slice(bytes);
        }
    }

    /// A start info with one module, two ranges of memory and a command line, as QEMU leaves it.
    fn sample() -> Memory {
        let mut memory = Memory(vec![0; 0x400]);
        memory.put(0, &MAGIC.to_le_bytes());
        memory.put(4, &1_u32.to_le_bytes());
        memory.put(12, &1_u32.to_le_bytes());
        memory.put(16, &0x1100_u64.to_le_bytes());
        memory.put(24, &0x1200_u64.to_le_bytes());
        memory.put(40, &0x1300_u64.to_le_bytes());
        memory.put(48, &3_u32.to_le_bytes());
        memory.put(0x100, &0x80_0000_u64.to_le_bytes());
        memory.put(0x108, &0x1234_u64.to_le_bytes());
        memory.put(0x200, b"log=all probe=null\0rest");
        for (number, (start, len, kind)) in [
            (0_u64, 0x9_fc00_u64, 1_u32),
            (0xf_0000, 0x1_0000, 2),
            (0x10_0000, 0xf0_0000, 1),
        ]
        .into_iter()
        .enumerate()
        {
            memory.put(0x300 + number * 24, &start.to_le_bytes());
            memory.put(0x308 + number * 24, &len.to_le_bytes());
            memory.put(0x310 + number * 24, &kind.to_le_bytes());
        }
        memory
    }

    #[test]
    fn what_qemu_leaves_is_read() {
        let info = StartInfo::read(&sample(), 0x1000).unwrap();
        let range = |start, end| Range { start, end };
        assert_eq!(
            info.memory,
            [range(0, 0x9_fc00), range(0x10_0000, 0x100_0000)]
        );
        assert_eq!(info.modules, [range(0x80_0000, 0x80_1234)]);
        assert_eq!(info.command_line, b"log=all probe=null");
    }

    #[test]
    fn what_is_not_there_is_refused() {
        let refused = |change: &dyn Fn(&mut Memory)| {
            let mut memory = sample();
            change(&mut memory);
            StartInfo::read(&memory, 0x1000).unwrap_err()
        };
        assert_eq!(refused(&|memory| memory.0[0] = 0), StartError::Magic);
        assert_eq!(refused(&|memory| memory.0.truncate(40)), StartError::Magic);
        assert_eq!(refused(&|memory| memory.0[4] = 0), StartError::NoMemoryMap);
        assert_eq!(refused(&|memory| memory.0[48] = 0), StartError::NoMemoryMap);
        let outside = StartError::Outside("memory map");
        assert_eq!(refused(&|memory| memory.0[43] = 0xff), outside);
        assert_eq!(refused(&|memory| memory.put(48, &[0xff; 4])), outside);
        let outside = StartError::Outside("list of modules");
        assert_eq!(refused(&|memory| memory.put(16, &[0xff; 8])), outside);
    }

    #[test]
    fn a_command_line_without_an_end_ends_all_the_same() {
        let mut memory = sample();
        memory.0.resize(0x2000, b'x');
        memory.0[0x200..].fill(b'x');
        // The memory map is gone with it.
        for entry in 0..3 {
            memory.put(0x300 + entry * 24, &[0; 24]);
        }
        let info = StartInfo::read(&memory, 0x1000).unwrap();
        assert!(info.command_line.len() <= MAX_COMMAND_LINE);
        memory.put(24, &[0; 8]);
        let info = StartInfo::read(&memory, 0x1000).unwrap();
        assert!(info.command_line.is_empty(), "there is none");
    }
}
