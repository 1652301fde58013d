//! uBPF's JIT, from the library that the variable `PEER_UBPF` names.
//!
//! ```sh
//! git clone https://github.com/iovisor/ubpf && cd ubpf && cmake -S . -B build \
//!     -DCMAKE_BUILD_TYPE=Release -DBUILD_SHARED_LIBS=ON && cmake --build build --target ubpf
//! PEER_UBPF=$PWD/build/lib/libubpf.so cargo bench -p bpf-jit
//! ```

use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr;
use std::ffi::CString;

use platform_click::{HelperId, PacketContext};

/// More than any program needs; uBPF's own choice is too little for long ones.
const CODE_SIZE: usize = 1 << 20;

type Create = extern "C" fn() -> *mut c_void;
type SetSize = extern "C" fn(*mut c_void, usize) -> c_int;
type Register = extern "C" fn(*mut c_void, u32, *const c_char, *const c_void) -> c_int;
type Load = extern "C" fn(*mut c_void, *const u8, u32, *mut *mut c_char) -> c_int;
type Compile = extern "C" fn(*mut c_void, *mut *mut c_char) -> Option<Code>;
pub(crate) type Code = extern "C" fn(*mut PacketContext, usize) -> u64;

/// uBPF's machine code of a program, which stays where it is; nothing if no library is named.
pub(crate) fn compile(code: &[u8], helpers: &[(HelperId, *const c_void)]) -> Option<Code> {
    let library = std::env::var("PEER_UBPF").ok()?;
    let path = CString::new(library.clone()).unwrap();
    // SAFETY: whoever names the library wants its code to run.
    let handle = unsafe { libc::dlopen(path.as_ptr(), libc::RTLD_NOW) };
    assert!(!handle.is_null(), "{library} cannot be loaded");
    let symbol = |name: &CStr| {
        // SAFETY: the handle was just opened.
        let symbol = unsafe { libc::dlsym(handle, name.as_ptr()) };
        assert!(!symbol.is_null(), "{library} has no {name:?}");
        symbol
    };
    // SAFETY: the type is that of `ubpf.h`.
    let create = unsafe { transmute::<*mut c_void, Create>(symbol(c"ubpf_create")) };
    let set_size = symbol(c"ubpf_set_jit_code_size");
    // SAFETY: as above.
    let set_size = unsafe { transmute::<*mut c_void, SetSize>(set_size) };
    // SAFETY: as above.
    let register = unsafe { transmute::<*mut c_void, Register>(symbol(c"ubpf_register")) };
    // SAFETY: as above.
    let load = unsafe { transmute::<*mut c_void, Load>(symbol(c"ubpf_load")) };
    // SAFETY: as above.
    let compile = unsafe { transmute::<*mut c_void, Compile>(symbol(c"ubpf_compile")) };
    let machine = create();
    assert_eq!(set_size(machine, CODE_SIZE), 0);
    for (helper, function) in helpers {
        let name = c"helper".as_ptr();
        assert_eq!(register(machine, helper.spec().id, name, *function), 0);
    }
    let mut message = ptr::null_mut();
    let length = u32::try_from(code.len()).unwrap();
    let loaded = load(machine, code.as_ptr(), length, &raw mut message) == 0;
    let compiled = loaded.then(|| compile(machine, &raw mut message)).flatten();
    if compiled.is_none() && !message.is_null() {
        // SAFETY: uBPF leaves a text.
        println!("uBPF: {:?}\n", unsafe { CStr::from_ptr(message) });
    }
    compiled
}
