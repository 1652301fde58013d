//! Where things lie in virtual memory, and what physical memory is for.
//!
//! Nothing is mapped in the lower half of the address space: null plus any offset that an instruction can
//! have, and any address that is made of a 32-bit number, hit nothing.

use platform_click::Code;

use crate::codes;
use crate::page_table::{LARGE_PAGE, PAGE};
use crate::start_info::{Range, StartInfo};

/// Bytes of physical memory that are looked at: the boot page tables reach so far.
pub const REACH: u64 = 4 << 30;

/// Physical memory is seen here, at this much above its address: all of it while the machine starts; the
/// heap once the kernel runs, to read and to write.
pub const WINDOW: u64 = 0xffff_8000_0000_0000;

/// What the loader left is seen here, at this much above its address, to read.
pub const INPUTS: u64 = 0xffff_8100_0000_0000;

/// Registers of devices are seen here, at this much above their address.
pub const REGISTERS: u64 = 0xffff_8200_0000_0000;

/// Machine code, frames of programs, values of maps and data sections lie here, page by page, each
/// between pages that are not mapped.
pub const OBJECTS: Range = Range {
    start: 0xffff_8300_0000_0000,
    end: 0xffff_8380_0000_0000,
};

/// The image is seen here, at this much above the address at which it was loaded.
pub const KERNEL: u64 = 0xffff_ffff_8000_0000;

/// Bytes on each side of an object that cannot be accessed: more than the largest value plus the largest
/// offset of an instruction, so that an access that misses the object by as much as that hits nothing.
pub const GUARD: u64 = 1 << 20;

/// The heap has at least as much as this; a router with two NICs takes about half of it.
pub const MIN_HEAP: u64 = 4 << 20;

/// What physical memory is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MemoryPlan {
    /// The heap, which packets and everything else that the kernel has for itself lie in.
    pub heap: Range,
    /// Frames for [`OBJECTS`].
    pub objects: Range,
}

/// There is not enough memory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{free} KiB of memory are free, and {needed} are needed")]
pub struct TooLittleMemory {
    /// KiB that are free.
    pub free: u64,
    /// KiB that are needed.
    pub needed: u64,
}

impl TooLittleMemory {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        codes::MEMORY
    }
}

impl MemoryPlan {
    /// Divides the largest piece of memory that neither the image nor a module takes: half is heap, half
    /// is for objects. Below 1 MiB and above [`REACH`], memory is left alone.
    ///
    /// # Errors
    /// It is too little.
    pub fn new(info: &StartInfo, image: Range) -> Result<Self, TooLittleMemory> {
        const LOW: u64 = 1 << 20;
        let mut largest = Range { start: 0, end: 0 };
        for memory in &info.memory {
            let memory = Range {
                start: memory.start.max(LOW),
                end: memory.end.min(REACH),
            };
            // Free pieces begin where the memory does, or behind something that is taken.
            let taken = || info.modules.iter().copied().chain([image]);
            let starts = taken().map(|taken| taken.end).chain([memory.start]);
            for start in starts.filter(|start| (memory.start..memory.end).contains(start)) {
                let behind = taken().filter(|taken| taken.end > start);
                let end = behind.map(|taken| taken.start).min();
                let free = Range {
                    start: start.next_multiple_of(PAGE),
                    end: end.unwrap_or(u64::MAX).min(memory.end) & !(PAGE.saturating_sub(1)),
                };
                if free.len() > largest.len() {
                    largest = free;
                }
            }
        }
        let half = largest.len() / 2;
        if half < MIN_HEAP {
            return Err(TooLittleMemory {
                free: largest.len() / 1024,
                needed: MIN_HEAP.saturating_mul(2) / 1024,
            });
        }
        // The boundary is one of large pages if that costs little.
        let middle = largest.start.saturating_add(half);
        let coarse = if half > LARGE_PAGE.saturating_mul(8) {
            LARGE_PAGE
        } else {
            PAGE
        };
        let middle = middle.next_multiple_of(coarse);
        Ok(Self {
            heap: Range {
                start: largest.start,
                end: middle,
            },
            objects: Range {
                start: middle,
                end: largest.end,
            },
        })
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec;
    use alloc::vec::Vec;

    use proptest::prelude::*;

    use super::*;

    const IMAGE: Range = Range {
        start: 0x10_0000,
        end: 0x21_3000,
    };

    fn info(memory: Vec<Range>, modules: Vec<Range>) -> StartInfo {
        StartInfo {
            memory,
            modules,
            command_line: Vec::new(),
        }
    }

    fn range(start: u64, end: u64) -> Range {
        Range { start, end }
    }

    #[test]
    fn sixteen_megabytes_with_a_module_at_the_end_are_enough() {
        let memory = vec![range(0, 0x9_fc00), range(0x10_0000, 0xff_e000)];
        let plan =
            MemoryPlan::new(&info(memory, vec![range(0xfd_1000, 0xfd_5678)]), IMAGE).unwrap();
        assert_eq!(plan.heap, range(0x21_3000, 0x8f_2000));
        assert_eq!(plan.objects, range(0x8f_2000, 0xfd_1000));
    }

    #[test]
    fn much_memory_is_divided_at_a_large_page() {
        let memory = vec![range(0x10_0000, 0xc000_0000), range(1 << 32, 1 << 34)];
        let plan = MemoryPlan::new(&info(memory, Vec::new()), IMAGE).unwrap();
        assert!(plan.heap.end.is_multiple_of(LARGE_PAGE));
        assert_eq!(
            (plan.heap.start, plan.objects.end),
            (IMAGE.end, 0xc000_0000)
        );
    }

    #[test]
    fn too_little_memory_is_said() {
        let memory = vec![range(0x10_0000, 0x80_0000)];
        let refused = MemoryPlan::new(&info(memory, Vec::new()), IMAGE).unwrap_err();
        assert_eq!((refused.free, refused.needed), (0x5e_d000 / 1024, 8192));
        assert!(MemoryPlan::new(&info(Vec::new(), Vec::new()), IMAGE).is_err());
    }

    fn any_range() -> impl Strategy<Value = Range> {
        (any::<u32>(), any::<u32>()).prop_map(|(start, len)| {
            let start = u64::from(start) * 4;
            range(start, start + u64::from(len) / 2)
        })
    }

    proptest! {
        #[test]
        fn nothing_that_is_taken_is_given_away(
            memory in proptest::collection::vec(any_range(), 0..4),
            modules in proptest::collection::vec(any_range(), 0..4),
            image in any_range(),
        ) {
            let info = info(memory, modules);
            if let Ok(plan) = MemoryPlan::new(&info, image) {
                let all = range(plan.heap.start, plan.objects.end);
                prop_assert_eq!(plan.heap.end, plan.objects.start);
                prop_assert!(!all.overlaps(image));
                prop_assert!(!info.modules.iter().any(|module| all.overlaps(*module)));
                let within = |memory: &Range| memory.start <= all.start && all.end <= memory.end;
                prop_assert!(info.memory.iter().any(within));
                prop_assert!(all.end <= REACH && all.start >= 1 << 20);
            }
        }
    }
}
