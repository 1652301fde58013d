//! Does what must not be possible, to show that it is not: `probe=NAME` on the command line. Each probe
//! ends the machine with a trap; one that comes back says so, and has failed.

use core::hint::black_box;
use core::ptr;

use bpf_jit::MachineMemory as _;
use click_guest::layout::WINDOW;
use platform_click::ExitCode;

use crate::code_memory::KernelMemory;
use crate::exit::exit;
use crate::memory::Pages;
use crate::serial::say;

/// A constant that lies in memory of its own.
static CONSTANT: [u8; 4096] = [7; 4096];

/// Runs a probe. What it does is undefined in Rust; here, the machine stops it.
pub(crate) fn run(name: &str) -> ! {
    say!("probe: {name}");
    match name {
        "write-text" => write(run as *const ()),
        "write-constant" => write((&raw const CONSTANT).cast()),
        "write-module" => write(ptr::with_exposed_provenance(0xffff_8100_0010_0000)),
        "read-null" => read(ptr::null()),
        // Null plus the largest value and the largest offset.
        "read-near-null" => read(ptr::without_provenance((1 << 20) + (1 << 15))),
        "read-low" => read(ptr::without_provenance((1 << 30) - 8)),
        "read-image-low" => read(ptr::without_provenance(0x10_0000)),
        "read-image-window" => read(ptr::with_exposed_provenance(
            usize::try_from(WINDOW + 0x10_0000).unwrap_or_default(),
        )),
        "execute-data" => execute_data(),
        "execute-heap" => execute(&alloc::vec![0xc3_u8; 16][..]),
        "write-sealed" => write_sealed(),
        "write-behind-object" => write_behind_object(),
        "stack" => {
            black_box(recurse(1));
        }
        "panic" => panic!("a probe"),
        _ => say!("there is no such probe"),
    }
    say!("probe: nothing happened");
    exit(ExitCode::Internal)
}

fn write(to: *const ()) {
    // SAFETY: none. The machine refuses it.
    unsafe { to.cast_mut().cast::<u8>().write_volatile(1) };
}

fn read(from: *const ()) {
    // SAFETY: none. The machine refuses it.
    black_box(unsafe { from.cast::<u64>().read_volatile() });
}

fn execute(bytes: &[u8]) {
    // SAFETY: none. The machine refuses it.
    let function = unsafe { core::mem::transmute::<*const u8, extern "C" fn()>(bytes.as_ptr()) };
    function();
}

/// On the stack.
fn execute_data() {
    let bytes = [0xc3_u8; 16];
    execute(black_box(&bytes));
}

fn write_sealed() {
    let mut pages = Pages::new(1, 0).expect("a page");
    pages.seal();
    write(pages.start().as_ptr().cast_const().cast());
}

fn write_behind_object() {
    use bpf_runtime::native::ObjectMemorySource as _;
    let object = KernelMemory.objects(100).expect("memory");
    write(object.as_ptr().wrapping_add(104).cast());
    let _ = KernelMemory.stack();
}

#[expect(unconditional_recursion, reason = "until the stack ends")]
fn recurse(depth: u64) -> u64 {
    let frame = black_box([depth; 64]);
    recurse(depth + 1) + frame[0]
}
