//! The memory of the machine, once the kernel runs: page tables, and frames for objects.

use alloc::alloc::{alloc_zeroed, handle_alloc_error};
use core::alloc::Layout;
use core::arch::asm;
use core::ptr::{self, NonNull};

use click_guest::frames::Frames;
use click_guest::layout::{INPUTS, KERNEL, MemoryPlan, OBJECTS, REACH, REGISTERS, WINDOW};
use click_guest::page_table::{Access, MapError, Mapping, PAGE, PageTable, Tables};
use click_guest::spans::Spans;
use click_guest::start_info::{PhysicalMemory, Range};

use crate::exclusive::Exclusive;

/// All physical memory, as long as the boot page tables count.
pub(crate) struct BootMemory(());

impl BootMemory {
    /// # Safety
    /// The boot page tables count as long as the value and what it gives are used, and nobody writes to
    /// memory that is read.
    pub(crate) const unsafe fn new() -> Self {
        Self(())
    }
}

impl PhysicalMemory for BootMemory {
    fn bytes(&self, address: u64, len: usize) -> Option<&[u8]> {
        let end = address.checked_add(u64::try_from(len).ok()?)?;
        if address == 0 || end > REACH {
            return None;
        }
        let start = pointer(WINDOW.checked_add(address)?)?;
        // SAFETY: all addresses below `REACH` are mapped there by the boot page tables; the promise made
        // for the value is that they count, and that nobody writes.
        Some(unsafe { core::slice::from_raw_parts(start.as_ptr(), len) })
    }
}

/// Page tables on the heap, which the window shows by physical address.
struct HeapTables;

impl HeapTables {
    fn entry(table: u64, index: usize) -> *mut u64 {
        let offset = u64::try_from(index).unwrap_or_default().wrapping_mul(8);
        let address = WINDOW.wrapping_add(table).wrapping_add(offset);
        ptr::with_exposed_provenance_mut(usize::try_from(address).unwrap_or_default())
    }
}

impl Tables for HeapTables {
    fn allocate(&mut self) -> Option<u64> {
        let page = usize::try_from(PAGE).ok()?;
        let layout = Layout::from_size_align(page, page).ok()?;
        // SAFETY: the layout is not empty.
        let table = unsafe { alloc_zeroed(layout) };
        let table = NonNull::new(table)?;
        let address = u64::try_from(table.expose_provenance().get()).ok()?;
        address.checked_sub(WINDOW)
    }

    fn read(&self, table: u64, index: usize) -> u64 {
        // SAFETY: `PageTable` passes tables that `allocate` gave and that are never freed, and indices
        // within them; the processor reads and writes entries, so they are read as they are now.
        unsafe { Self::entry(table, index).read_volatile() }
    }

    fn write(&mut self, table: u64, index: usize, entry: u64) {
        // SAFETY: as above.
        unsafe { Self::entry(table, index).write_volatile(entry) }
    }
}

/// What the kernel knows of its memory.
struct Memory {
    table: PageTable,
    frames: Frames,
    spans: Spans,
}

static MEMORY: Exclusive<Option<Memory>> = Exclusive::new(None);

/// Addresses of the image, from the linker script and `boot.s`.
mod image {
    unsafe extern "C" {
        pub(super) static __text_start: u8;
        pub(super) static __text_end: u8;
        pub(super) static __rodata_end: u8;
        pub(super) static __end: u8;
        pub(super) static __start: u8;
        pub(super) static stack_guard: u8;
        pub(super) static trap_stack_guard: u8;
        pub(super) static double_fault_stack_guard: u8;
    }
}

fn address(symbol: *const u8) -> u64 {
    u64::try_from(symbol.expose_provenance()).unwrap_or_default()
}

/// Physical memory that the image takes.
pub(crate) fn image_range() -> Range {
    Range {
        start: address(&raw const image::__start),
        end: address(&raw const image::__end).saturating_sub(KERNEL),
    }
}

/// Replaces the boot page tables by ones that map what the kernel needs and nothing else: the image
/// without the pages below its stacks, the heap, and what the loader left.
///
/// # Safety
/// The heap is started with the plan's; nobody uses the frames for objects; nothing uses addresses of the
/// boot page tables afterwards but those that exist in both.
pub(crate) unsafe fn take_over(plan: &MemoryPlan, inputs: &[Range]) -> Result<(), MapError> {
    let tables = &mut HeapTables;
    let table = PageTable::new(tables)?;
    map_image(table, tables)?;
    let physical = |base: u64, range: Range, access| Mapping {
        virtual_start: base.saturating_add(range.start),
        physical_start: range.start,
        len: range.len(),
        access,
    };
    table.map(tables, physical(WINDOW, plan.heap, Access::Write))?;
    for input in inputs {
        let pages = Range {
            start: input.start & !(PAGE - 1),
            end: input.end.next_multiple_of(PAGE),
        };
        table.map(tables, physical(INPUTS, pages, Access::Read))?;
    }
    // SAFETY: the tables map the code that is executed, the stack that is used, and the heap where they
    // were, and by the caller's promise nothing else is needed.
    unsafe { asm!("mov cr3, {}", in(reg) table.root(), options(nostack, preserves_flags)) };
    MEMORY.with(|memory| {
        *memory = Some(Memory {
            table,
            frames: Frames::new(plan.objects),
            spans: Spans::new(OBJECTS.start, OBJECTS.end),
        });
    });
    Ok(())
}

/// The image page by page, each as its segment wants it, but for those that guard stacks.
fn map_image(table: PageTable, tables: &mut HeapTables) -> Result<(), MapError> {
    let guards = [
        &raw const image::stack_guard,
        &raw const image::trap_stack_guard,
        &raw const image::double_fault_stack_guard,
    ]
    .map(address);
    let text = address(&raw const image::__text_end);
    let rodata = address(&raw const image::__rodata_end);
    let mut page = address(&raw const image::__text_start);
    while page < address(&raw const image::__end) {
        let access = match page {
            page if page < text => Access::Execute,
            page if page < rodata => Access::Read,
            _ => Access::Write,
        };
        if !guards.contains(&page) {
            let mapping = Mapping {
                virtual_start: page,
                physical_start: page.wrapping_sub(KERNEL),
                len: PAGE,
                access,
            };
            table.map(tables, mapping)?;
        }
        page = page.wrapping_add(PAGE);
    }
    Ok(())
}

/// What the loader left at a physical address, once [`take_over`] was given it.
pub(crate) fn input(range: Range) -> &'static [u8] {
    let start = INPUTS.checked_add(range.start).and_then(pointer);
    let len = usize::try_from(range.len()).unwrap_or_default();
    match start {
        // SAFETY: mapped there by `take_over`, to be read, and never unmapped; nobody can write it.
        Some(start) if mapped(INPUTS.saturating_add(range.start), len) => unsafe {
            core::slice::from_raw_parts(start.as_ptr(), len)
        },
        _ => &[],
    }
}

/// Whether these addresses can be read.
fn mapped(start: u64, len: usize) -> bool {
    let end = start.saturating_add(u64::try_from(len).unwrap_or(u64::MAX));
    let mut page = start & !(PAGE - 1);
    MEMORY.with(|memory| {
        let Some(memory) = memory else { return false };
        while page < end {
            if memory.table.translate(&HeapTables, page).is_none() {
                return false;
            }
            page = page.saturating_add(PAGE);
        }
        true
    })
}

/// The registers of a device at a physical address.
///
/// # Panics
/// There is no memory for page tables: devices are found while the machine starts.
pub(crate) fn registers(physical: u64, len: u64) -> NonNull<u8> {
    let mut page = physical & !(PAGE - 1);
    let end = physical.saturating_add(len.max(1));
    MEMORY.with(|memory| {
        let memory = memory.as_mut().expect("the kernel runs");
        while page < end {
            let virtual_start = REGISTERS.saturating_add(page);
            if memory.table.translate(&HeapTables, virtual_start).is_none() {
                let mapping = Mapping {
                    virtual_start,
                    physical_start: page,
                    len: PAGE,
                    access: Access::Device,
                };
                let mapped = memory.table.map(&mut HeapTables, mapping);
                mapped.expect("memory for the page tables of a device");
            }
            page = page.saturating_add(PAGE);
        }
    });
    pointer(REGISTERS.saturating_add(physical)).expect("an address")
}

/// The physical address of memory of the heap or the image, for devices.
///
/// # Panics
/// It is of neither.
pub(crate) fn physical(memory: NonNull<u8>) -> u64 {
    let address = u64::try_from(memory.expose_provenance().get()).unwrap_or_default();
    let base = match address {
        KERNEL.. => KERNEL,
        WINDOW..INPUTS => WINDOW,
        _ => panic!("{address:#x} is no memory for devices"),
    };
    address.wrapping_sub(base)
}

/// Pages of zeros for an object, in the middle of addresses that are not mapped.
#[derive(Debug)]
pub(crate) struct Pages {
    /// Where the unmapped addresses before the pages begin.
    span: u64,
    /// The first page.
    start: u64,
    count: u64,
}

impl Pages {
    /// So many pages that can be written, with `guard` bytes on either side that are not mapped. `None`
    /// when there is no memory.
    pub(crate) fn new(count: u64, guard: u64) -> Option<Self> {
        let len = count.checked_mul(PAGE)?;
        let whole = len.checked_add(guard.checked_mul(2)?)?;
        let span = MEMORY.with(|memory| memory.as_mut()?.spans.take(whole))?;
        let mut pages = Self {
            span,
            start: span.saturating_add(guard),
            count: 0,
        };
        // What there is not enough memory for is given back by `drop`.
        for _ in 0..count {
            MEMORY.with(|memory| {
                let memory = memory.as_mut()?;
                let frame = memory.frames.take()?;
                let mapping = Mapping {
                    virtual_start: pages.page(pages.count),
                    physical_start: frame,
                    len: PAGE,
                    access: Access::Write,
                };
                let mapped = memory.table.map(&mut HeapTables, mapping);
                if mapped.is_err() {
                    memory.frames.give(frame);
                }
                mapped.ok()
            })?;
            pages.count = pages.count.saturating_add(1);
        }
        // SAFETY: so many bytes from there were just mapped to be written, and nobody else knows them.
        unsafe { ptr::write_bytes(pages.start().as_ptr(), 0, usize::try_from(len).ok()?) };
        Some(pages)
    }

    pub(crate) fn start(&self) -> NonNull<u8> {
        pointer(self.start).expect("an address of an object")
    }

    /// Bytes.
    pub(crate) fn len(&self) -> usize {
        usize::try_from(self.count.saturating_mul(PAGE)).unwrap_or_default()
    }

    /// Makes the pages executable and read-only for good.
    pub(crate) fn seal(&mut self) {
        for number in 0..self.count {
            let page = self.page(number);
            MEMORY.with(|memory| {
                let memory = memory.as_ref().expect("the kernel runs");
                let sealed = memory.table.protect(&mut HeapTables, page, Access::Execute);
                sealed.expect("a page of an object");
            });
            forget_translation(page);
        }
    }

    fn page(&self, number: u64) -> u64 {
        self.start.saturating_add(number.saturating_mul(PAGE))
    }
}

impl Drop for Pages {
    fn drop(&mut self) {
        for number in 0..self.count {
            let page = self.page(number);
            MEMORY.with(|memory| {
                let memory = memory.as_mut().expect("the kernel runs");
                let frame = memory.table.unmap(&mut HeapTables, page);
                let frame = frame.expect("a page of an object");
                assert!(memory.frames.give(frame), "a frame of an object");
            });
            forget_translation(page);
        }
        MEMORY.with(|memory| memory.as_mut().map(|memory| memory.spans.give(self.span)));
    }
}

/// Frames that are free for objects.
pub(crate) fn free_frames() -> usize {
    MEMORY.with(|memory| memory.as_ref().map_or(0, |memory| memory.frames.free()))
}

/// Makes the processor read the page table again for a page.
fn forget_translation(page: u64) {
    // SAFETY: the tables are right; what the processor remembered of them may be old.
    unsafe { asm!("invlpg [{}]", in(reg) page, options(nostack, preserves_flags)) };
}

/// Memory for page tables and rings.
pub(crate) fn allocate_pages(count: usize) -> NonNull<u8> {
    let layout = page_layout(count);
    // SAFETY: the layout is not empty.
    let memory = unsafe { alloc_zeroed(layout) };
    NonNull::new(memory).unwrap_or_else(|| handle_alloc_error(layout))
}

/// The layout of [`allocate_pages`].
pub(crate) fn page_layout(count: usize) -> Layout {
    let page = usize::try_from(PAGE).unwrap_or_default();
    let bytes = count.max(1).saturating_mul(page);
    Layout::from_size_align(bytes, page).expect("a few pages")
}

fn pointer(address: u64) -> Option<NonNull<u8>> {
    let address = usize::try_from(address).ok()?;
    NonNull::new(ptr::with_exposed_provenance_mut(address))
}
