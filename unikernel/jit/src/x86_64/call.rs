//! Calls: of helpers, and of functions of the program.

use bpf_object::{MapDef, Reg, Size, Width};
use bpf_runtime::native::{CPU, Fast, Stopped, layout};
use platform_click::limits::STACK_FRAME_SIZE;
use platform_click::{HelperId, MapKind};

use super::assembler::{Cc, Gpr, Mem, Op, Shift};
use super::generator::Generator;
use super::{FUEL, SCRATCH, STATE_ARGUMENT};
use crate::plan::{index, slot_number};

impl Generator<'_> {
    /// The arguments are where C functions take them. What a lookup works on is often known from the
    /// instructions before it.
    pub(super) fn call_helper(&mut self, slot: usize, id: u32) {
        match HelperId::from_number(id) {
            Some(HelperId::MapLookupElem) => self.call_lookup(slot, id),
            Some(HelperId::KtimeGetNs) => self.call_runtime(Fast::Clock),
            Some(HelperId::GetPrandomU32) => self.call_runtime(Fast::Random),
            Some(HelperId::GetSmpProcessorId) => self.asm.mov_number(self.gpr(Reg::R0), CPU),
            _ => self.call_any(slot, id),
        }
    }

    fn call_any(&mut self, slot: usize, id: u32) {
        let helper = self.state(layout::HELPER);
        // Numbers of helpers are small; any other is no helper and stops the program.
        let number = i32::try_from(id).unwrap_or(-1);
        self.asm.store_number(Size::B4, helper, number);
        self.call_runtime(Fast::Any);
        self.check_helper(slot);
    }

    fn call_lookup(&mut self, slot: usize, id: u32) {
        let map = self.known_map(Reg::R1);
        let definition = map.and_then(|map| self.image.maps().get(index(map)));
        match (map, definition) {
            (Some(map), Some(definition)) if is_array(definition.kind) => {
                self.look_up_array(map, definition);
            }
            (Some(map), Some(definition)) if is_hash(definition.kind) => {
                let function = match definition.key_size {
                    4 => Fast::HashLookup4,
                    8 => Fast::HashLookup8,
                    16 => Fast::HashLookup16,
                    _ => return self.call_any(slot, id),
                };
                self.asm.mov_number(self.gpr(Reg::R1), u64::from(map));
                self.call_runtime(function);
                self.check_helper(slot);
            }
            _ => self.call_any(slot, id),
        }
    }

    /// `r0 = index < max_entries ? first + index * stride : 0`.
    fn look_up_array(&mut self, map: u32, definition: &MapDef) {
        let result = self.gpr(Reg::R0);
        let key = Mem {
            base: self.gpr(Reg::R2),
            disp: 0,
        };
        let found = self.asm.label();
        let miss = self.miss(found);
        // Maps have at most 2^20 entries.
        let entries = i32::try_from(definition.max_entries).unwrap_or(i32::MAX);
        self.asm.load(Size::B4, result, key);
        self.asm.op_number(Op::Cmp, Width::W32, result, entries);
        self.asm.jump_if(Cc::AboveEqual, miss);
        let stride = layout::value_stride(definition.value_size);
        if stride.is_power_of_two() {
            let [count, ..] = stride.trailing_zeros().to_le_bytes();
            self.asm
                .shift_number(Shift::Left, Width::W64, result, count);
        } else {
            // A value has at most 64 KiB.
            let stride = i32::try_from(stride).unwrap_or(i32::MAX);
            self.asm.multiply_number(Width::W64, result, result, stride);
        }
        let first = self.state(layout::values(index(map)));
        self.asm.op_from_memory(Op::Add, Width::W64, result, first);
        self.asm.bind(found);
    }

    /// Calls a function of the runtime with the program's arguments and the state.
    fn call_runtime(&mut self, function: Fast) {
        if self.plan.uses_fuel {
            self.asm.store(Size::B8, self.state(layout::FUEL), FUEL);
        }
        self.asm
            .mov(Width::W64, STATE_ARGUMENT, self.registers.state);
        self.asm.mov_number(SCRATCH, function.address());
        self.asm.call_register(SCRATCH);
        if self.plan.uses_fuel {
            self.asm.load(Size::B8, FUEL, self.state(layout::FUEL));
        }
    }

    /// Stops the program if the function just called says so, in `rdx`.
    fn check_helper(&mut self, slot: usize) {
        self.asm.test(Width::W32, Gpr::RDX, Gpr::RDX);
        let stop = self.stop(slot_number(slot), Stopped::Helper);
        self.asm.jump_if(Cc::NotEqual, stop);
    }

    /// The callee's frame lies below the caller's. No test for the depth: it was counted before.
    pub(super) fn call_local(&mut self, slot: usize, target: u32) {
        let functions = &self.plan.functions;
        let callee = functions.binary_search_by_key(&index(target), |f| f.slots.start);
        let Some(entry) = callee
            .ok()
            .and_then(|callee| self.entries.get(callee))
            .copied()
        else {
            // Every function that is called is in the plan.
            return self.stop_here(slot_number(slot), Stopped::Unreachable);
        };
        let frame = i32::try_from(STACK_FRAME_SIZE).unwrap_or(i32::MAX);
        self.take_fuel(slot, 1);
        if self.plan.uses_frames {
            self.asm
                .op_number(Op::Sub, Width::W64, self.gpr(Reg::FP), frame);
        }
        self.asm.call(entry);
        if self.plan.uses_frames {
            self.asm
                .op_number(Op::Add, Width::W64, self.gpr(Reg::FP), frame);
        }
    }
}

/// One processor: its array of values is the array.
const fn is_array(kind: MapKind) -> bool {
    matches!(kind, MapKind::Array | MapKind::PercpuArray)
}

const fn is_hash(kind: MapKind) -> bool {
    matches!(kind, MapKind::Hash | MapKind::PercpuHash | MapKind::LruHash)
}
