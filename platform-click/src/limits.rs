//! Limits of the platform, each with the origin of its number.

/// Bytes of an object file: 148 of the 156 objects in PREVAIL's sample collection are smaller (the
/// others are kernel probes and whole datapaths); a control message has to carry one.
pub const MAX_OBJECT_SIZE: usize = 1 << 20;

/// Programs in one object: what a statement lists and a loader re-derives for each admission.
pub const MAX_PROGRAMS: usize = 8;

/// Maps in one object.
pub const MAX_MAPS: usize = 16;

/// Instruction slots of one linked program: a 10,000-rule firewall takes 9,154; an offset of a jump
/// has 16 bits.
pub const MAX_INSTRUCTIONS: usize = 65_536;

/// Bytes of one name (statement, program, map): a map name of Linux has 15, a label of DNS 63.
pub const MAX_NAME: usize = 63;

/// Bytes of the data sections that one program refers to, together.
pub const MAX_DATA: usize = 1 << 18;

/// Data sections that one program refers to: clang writes `.rodata`, `.data`, `.bss`, one `.rodata`
/// for strings of each width and one for constants of each size, about ten.
pub const MAX_DATA_SECTIONS: usize = 32;

/// Stack of one frame in bytes (RFC 9669 leaves it open; Linux `MAX_BPF_STACK`).
pub const STACK_FRAME_SIZE: usize = 512;

/// Frames of nested local calls (Linux `MAX_CALL_FRAMES`).
pub const MAX_CALL_FRAMES: usize = 8;

/// Bytes of a packet. Verifiers hold packets of 65,535 bytes for impossible, so code behind such a
/// test is unchecked: the runtime keeps every packet shorter.
pub const MAX_PACKET_SIZE: usize = 65_534;

/// Bytes that one call of `bpf_packet_add_space` may add or remove at either end: more than any
/// stack of encapsulation headers.
pub const MAX_ADD_SPACE: i32 = 256;

/// Bytes of a map key (Linux: `MAX_BPF_STACK`, since a key comes from the stack).
pub const MAX_MAP_KEY_SIZE: u32 = 512;

/// Bytes of a map value: the guard areas of the unikernel are larger than any value plus offset.
pub const MAX_MAP_VALUE_SIZE: u32 = 1 << 16;

/// Bytes of a value of a per-CPU map (Linux: `PCPU_MIN_UNIT_SIZE`). This and the two limits below
/// belong to the kinds of map that have them: a statement depends on them only if it names such a map,
/// so that they are not in [`ALL`].
pub const MAX_PERCPU_VALUE_SIZE: u32 = 1 << 15;

/// Bytes of a key of a prefix trie: a length in bits of 4 bytes, and data (Linux:
/// `LPM_DATA_SIZE_MAX`, 256).
pub const MAX_LPM_KEY_SIZE: u32 = 260;

/// Bytes of a ring buffer, at least (Linux: a page).
pub const MIN_RING_SIZE: u32 = 4096;

/// Entries of a map.
pub const MAX_MAP_ENTRIES: u32 = 1 << 20;

/// Bytes of keys and values of one map: a guest runs with 16 MiB in its smallest configuration and
/// 256 MiB in ordinary ones; maps are allocated before the program starts.
pub const MAX_MAP_MEMORY: u64 = 64 << 20;

#[expect(
    clippy::as_conversions,
    reason = "constants that fit, widened; `From` is not const"
)]
/// Every limit by name, for the canonical text, the header and the documentation.
pub const ALL: &[(&str, u64)] = &[
    ("max-object-size", MAX_OBJECT_SIZE as u64),
    ("max-programs", MAX_PROGRAMS as u64),
    ("max-maps", MAX_MAPS as u64),
    ("max-instructions", MAX_INSTRUCTIONS as u64),
    ("max-name", MAX_NAME as u64),
    ("max-data", MAX_DATA as u64),
    ("max-data-sections", MAX_DATA_SECTIONS as u64),
    ("stack-frame-size", STACK_FRAME_SIZE as u64),
    ("max-call-frames", MAX_CALL_FRAMES as u64),
    ("max-packet-size", MAX_PACKET_SIZE as u64),
    ("max-add-space", MAX_ADD_SPACE as u64),
    ("max-map-key-size", MAX_MAP_KEY_SIZE as u64),
    ("max-map-value-size", MAX_MAP_VALUE_SIZE as u64),
    ("max-map-entries", MAX_MAP_ENTRIES as u64),
    ("max-map-memory", MAX_MAP_MEMORY),
];
