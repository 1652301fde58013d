//! Decoding and encoding are inverse to each other: no two instructions have one encoding, and no
//! two encodings are one instruction.

use bpf_object::{
    AluOp, AtomicOp, Cond, Insn, Operand, RawInsn, Reg, Size, SwapKind, SwapWidth, Wide, Width,
};
use proptest::prelude::*;
use proptest::sample::select;

fn reg() -> impl Strategy<Value = Reg> + Clone {
    (0_u8..=10).prop_map(|number| Reg::new(number).unwrap())
}

/// A register that may be written.
fn written() -> impl Strategy<Value = Reg> + Clone {
    (0_u8..=9).prop_map(|number| Reg::new(number).unwrap())
}

fn operand() -> impl Strategy<Value = Operand> + Clone {
    prop_oneof![
        reg().prop_map(Operand::Reg),
        any::<i32>().prop_map(Operand::Imm),
    ]
}

fn width() -> impl Strategy<Value = Width> + Clone {
    select(vec![Width::W32, Width::W64])
}

fn size() -> impl Strategy<Value = Size> + Clone {
    select(vec![Size::B1, Size::B2, Size::B4, Size::B8])
}

fn alu_op() -> impl Strategy<Value = AluOp> {
    use AluOp::*;
    select(vec![
        Add, Sub, Mul, Div, SDiv, Or, And, Lsh, Rsh, Mod, SMod, Xor, Mov, Arsh,
    ])
}

fn cond() -> impl Strategy<Value = Cond> {
    use Cond::*;
    select(vec![Eq, Ne, Set, Gt, Ge, Lt, Le, SGt, SGe, SLt, SLe])
}

fn atomic_op() -> impl Strategy<Value = AtomicOp> {
    use AtomicOp::*;
    any::<bool>().prop_flat_map(|fetch| {
        select(vec![
            Add { fetch },
            Or { fetch },
            And { fetch },
            Xor { fetch },
            Exchange,
            CompareExchange,
        ])
    })
}

/// Operations that write their source register cannot have the frame pointer there.
fn atomic() -> impl Strategy<Value = Insn> {
    let size = select(vec![Size::B4, Size::B8]);
    (size, atomic_op(), reg(), any::<i16>(), written()).prop_map(|(size, op, base, off, src)| {
        Insn::Atomic {
            size,
            op,
            base,
            off,
            src,
        }
    })
}

fn sign_extension() -> impl Strategy<Value = Insn> {
    let from = select(vec![
        (Width::W32, Size::B1),
        (Width::W32, Size::B2),
        (Width::W64, Size::B1),
        (Width::W64, Size::B2),
        (Width::W64, Size::B4),
    ]);
    (from, written(), reg()).prop_map(|((width, from), dst, src)| Insn::MovSx {
        width,
        dst,
        src,
        from,
    })
}

fn swap() -> impl Strategy<Value = Insn> {
    let kind = select(vec![SwapKind::ToLe, SwapKind::ToBe, SwapKind::Always]);
    let width = select(vec![SwapWidth::B16, SwapWidth::B32, SwapWidth::B64]);
    (kind, width, written()).prop_map(|(kind, width, dst)| Insn::Swap { kind, width, dst })
}

fn memory() -> impl Strategy<Value = Insn> {
    prop_oneof![
        (size(), any::<bool>(), written(), reg(), any::<i16>()).prop_map(
            |(size, signed, dst, base, off)| Insn::Load {
                size,
                signed: signed && size != Size::B8,
                dst,
                base,
                off,
            }
        ),
        (size(), reg(), any::<i16>(), operand()).prop_map(|(size, base, off, src)| Insn::Store {
            size,
            base,
            off,
            src,
        }),
        atomic(),
    ]
}

/// Branches reach as far as 16 bits, jumps and calls as far as a program.
fn control() -> impl Strategy<Value = Insn> {
    prop_oneof![
        (width(), cond(), reg(), operand(), 0_u32..30_000).prop_map(
            |(width, cond, dst, src, target)| Insn::Branch {
                width,
                cond,
                dst,
                src,
                target,
            }
        ),
        (0_u32..65_536).prop_map(|target| Insn::Jump { target }),
        (0_u32..65_536).prop_map(|target| Insn::CallLocal { target }),
        any::<u32>().prop_map(|id| Insn::CallHelper { id }),
        Just(Insn::Exit),
    ]
}

fn wide() -> impl Strategy<Value = Insn> {
    let value = prop_oneof![
        any::<u64>().prop_map(Wide::Number),
        any::<u32>().prop_map(Wide::Map),
        (any::<u32>(), any::<u32>()).prop_map(|(section, offset)| Wide::Data { section, offset }),
    ];
    (written(), value).prop_map(|(dst, value)| Insn::Wide { dst, value })
}

fn insn() -> impl Strategy<Value = Insn> {
    prop_oneof![
        (width(), alu_op(), written(), operand()).prop_map(|(width, op, dst, src)| Insn::Alu {
            width,
            op,
            dst,
            src,
        }),
        (width(), written()).prop_map(|(width, dst)| Insn::Neg { width, dst }),
        sign_extension(),
        swap(),
        memory(),
        control(),
        wide(),
    ]
}

/// A program: each wide load has its second slot.
fn code() -> impl Strategy<Value = Vec<Insn>> {
    prop::collection::vec(insn(), 1..64).prop_map(|insns| {
        let mut code = Vec::new();
        for insn in insns {
            code.push(insn);
            if insn.slots() == 2 {
                code.push(Insn::WideTail);
            }
        }
        code
    })
}

/// Whether the two encodings differ only in the form of a jump: the long form of one that the short
/// form reaches becomes the short form.
fn is_shortened_jump(raw: RawInsn, again: RawInsn) -> bool {
    raw.opcode == 0x06 && again.opcode == 0x05 && i32::from(again.off) == raw.imm
}

proptest! {
    #[test]
    fn decoding_gives_back_what_was_encoded(code in code()) {
        let raw = Insn::encode_all(&code);
        prop_assert_eq!(Insn::decode_all(&raw), Ok(code));
    }

    #[test]
    fn slots_give_back_their_bytes(bytes in any::<[u8; 8]>()) {
        prop_assert_eq!(RawInsn::from_bytes(bytes).to_bytes(), bytes);
    }

    #[test]
    fn random_bytes_are_refused_or_encoded_as_they_were(bytes in any::<[u8; 16]>()) {
        let raw: Vec<RawInsn> = bytes
            .chunks(8)
            .map(|slot| RawInsn::from_bytes(slot.try_into().unwrap()))
            .collect();
        if let Ok(code) = Insn::decode_all(&raw) {
            for (raw, again) in raw.iter().zip(Insn::encode_all(&code)) {
                prop_assert!(*raw == again || is_shortened_jump(*raw, again));
            }
        }
    }
}

/// Every opcode with every value that any field treats in its own way.
#[test]
fn every_opcode_is_refused_or_encoded_as_it_was() {
    const OFFSETS: [i16; 8] = [0, 1, 2, 8, 16, 32, -1, i16::MIN];
    const IMMEDIATES: [i32; 16] = [
        0,
        1,
        2,
        16,
        32,
        64,
        0x40,
        0x41,
        0x50,
        0x51,
        0xa0,
        0xa1,
        0xe1,
        0xf1,
        -1,
        i32::MIN,
    ];
    let mut legal = 0_u32;
    for opcode in 0..=255 {
        for registers in 0..=255_u8 {
            for off in OFFSETS {
                for imm in IMMEDIATES {
                    let raw = RawInsn {
                        opcode,
                        dst: registers & 0xf,
                        src: registers >> 4,
                        off,
                        imm,
                    };
                    // The second slot makes wide loads complete; alone it is no instruction.
                    let wide = [raw, RawInsn::default()];
                    let slots = if opcode == 0x18 {
                        &wide[..]
                    } else {
                        &wide[..1]
                    };
                    let Ok(code) = Insn::decode_all(slots) else {
                        continue;
                    };
                    legal += 1;
                    let again = Insn::encode_all(&code)[0];
                    assert!(raw == again || is_shortened_jump(raw, again), "{raw:?}");
                }
            }
        }
    }
    assert!(legal > 50_000, "{legal}");
}

/// Each reserved field, once: what an engine that ignores it would take for a legal instruction.
#[test]
fn a_reserved_field_that_is_not_zero_is_refused() {
    let exit = RawInsn {
        opcode: 0x95,
        ..RawInsn::default()
    };
    let with = |change: fn(&mut RawInsn), opcode| {
        let mut raw = RawInsn { opcode, ..exit };
        change(&mut raw);
        raw
    };
    for (name, raw) in [
        ("exit with dst", with(|raw| raw.dst = 1, 0x95)),
        ("exit with src", with(|raw| raw.src = 1, 0x95)),
        ("exit with off", with(|raw| raw.off = 1, 0x95)),
        ("exit with imm", with(|raw| raw.imm = 1, 0x95)),
        ("jump with src", with(|raw| raw.src = 1, 0x05)),
        ("jump with imm", with(|raw| raw.imm = 1, 0x05)),
        ("long jump with off", with(|raw| raw.off = 1, 0x06)),
        ("call with dst", with(|raw| raw.dst = 1, 0x85)),
        ("call with off", with(|raw| raw.off = 1, 0x85)),
        ("call with src 2", with(|raw| raw.src = 2, 0x85)),
        ("call of a register", with(|_| (), 0x8d)),
        ("load with imm", with(|raw| raw.imm = 1, 0x61)),
        (
            "store of an immediate with src",
            with(|raw| raw.src = 1, 0x62),
        ),
        (
            "store of a register with imm",
            with(|raw| raw.imm = 1, 0x63),
        ),
        (
            "addition of an immediate with src",
            with(|raw| raw.src = 1, 0x07),
        ),
        (
            "addition of a register with imm",
            with(|raw| raw.imm = 1, 0x0f),
        ),
        ("addition with off", with(|raw| raw.off = 1, 0x07)),
        ("division with off 2", with(|raw| raw.off = 2, 0x37)),
        ("negation with src", with(|raw| raw.src = 1, 0x87)),
        ("negation of a register", with(|_| (), 0x8f)),
        ("swap of 8 bits", with(|raw| raw.imm = 8, 0xd4)),
        (
            "addition to the frame pointer",
            with(|raw| raw.dst = 10, 0x07),
        ),
        ("load to the frame pointer", with(|raw| raw.dst = 10, 0x61)),
        ("register 11", with(|raw| raw.dst = 11, 0x07)),
        ("legacy packet access", with(|_| (), 0x20)),
        ("atomic operation on a byte", with(|_| (), 0xd3)),
        ("unknown atomic operation", with(|raw| raw.imm = 2, 0xc3)),
    ] {
        assert!(Insn::decode_all(&[raw]).is_err(), "{name}");
    }
}
