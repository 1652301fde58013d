//! An assembler for the part of x86-64 that the compiler needs.
//!
//! Encodings are those of the Intel 64 and IA-32 Architectures Software Developer's Manual, volume 2;
//! each method names its opcode. Jumps go to labels and are given their size at the end: all start in
//! the short form and those that do not reach become long, until nothing changes. Padding in front of
//! loops, and where their paths meet, has its size from there, too.

use alloc::vec::Vec;

use bpf_object::Width;

/// A general-purpose register.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Gpr(u8);

impl Gpr {
    pub(super) const RAX: Self = Self(0);
    pub(super) const RCX: Self = Self(1);
    pub(super) const RDX: Self = Self(2);
    pub(super) const RBX: Self = Self(3);
    pub(super) const RSP: Self = Self(4);
    pub(super) const RBP: Self = Self(5);
    pub(super) const RSI: Self = Self(6);
    pub(super) const RDI: Self = Self(7);
    pub(super) const R8: Self = Self(8);
    pub(super) const R9: Self = Self(9);
    pub(super) const R10: Self = Self(10);
    pub(super) const R11: Self = Self(11);
    pub(super) const R12: Self = Self(12);
    pub(super) const R13: Self = Self(13);
    pub(super) const R14: Self = Self(14);
    pub(super) const R15: Self = Self(15);

    /// The three bits that go into the instruction itself.
    const fn low(self) -> u8 {
        self.0 & 7
    }

    /// The bit that goes into the prefix REX.
    const fn high(self) -> u8 {
        self.0 >> 3
    }
}

/// A place in memory: a register plus a displacement.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mem {
    pub(super) base: Gpr,
    pub(super) disp: i32,
}

/// The second operand of an instruction with a ModRM byte.
#[derive(Clone, Copy, Debug)]
enum Rm {
    Reg(Gpr),
    Mem(Mem),
}

/// An operation with two operands (opcodes `8 * n + 1`, `0x81 /n`, `0x83 /n`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Op {
    Add,
    Or,
    And,
    Sub,
    Xor,
    Cmp,
}

impl Op {
    const fn number(self) -> u8 {
        match self {
            Self::Add => 0,
            Self::Or => 1,
            Self::And => 4,
            Self::Sub => 5,
            Self::Xor => 6,
            Self::Cmp => 7,
        }
    }
}

/// A shift (opcodes `0xc1 /n`, `0xd3 /n`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Shift {
    Left,
    Right,
    Arithmetic,
}

impl Shift {
    const fn number(self) -> u8 {
        match self {
            Self::Left => 4,
            Self::Right => 5,
            Self::Arithmetic => 7,
        }
    }
}

/// An operation with one operand (opcode `0xf7 /n`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Unary {
    Neg,
    /// `rdx:rax` by the operand; quotient in `rax`, rest in `rdx`.
    Div,
    /// The same, signed.
    IDiv,
}

impl Unary {
    const fn number(self) -> u8 {
        match self {
            Self::Neg => 3,
            Self::Div => 6,
            Self::IDiv => 7,
        }
    }
}

/// A condition of the flags; its number is added to the opcode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cc {
    Below,
    AboveEqual,
    Equal,
    NotEqual,
    BelowEqual,
    Above,
    Less,
    GreaterEqual,
    LessEqual,
    Greater,
}

impl Cc {
    const fn number(self) -> u8 {
        match self {
            Self::Below => 2,
            Self::AboveEqual => 3,
            Self::Equal => 4,
            Self::NotEqual => 5,
            Self::BelowEqual => 6,
            Self::Above => 7,
            Self::Less => 0xc,
            Self::GreaterEqual => 0xd,
            Self::LessEqual => 0xe,
            Self::Greater => 0xf,
        }
    }
}

/// The size of an operand in memory.
pub(super) use bpf_object::Size;

/// A place in the code that jumps can go to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Label(usize);

/// A position in the code whose jumps have no size yet: bytes of everything but jumps, and jumps.
#[derive(Clone, Copy, Debug, Default)]
struct Position {
    bytes: usize,
    jumps: usize,
}

#[derive(Clone, Copy, Debug)]
enum JumpKind {
    Always,
    If(Cc),
    Call,
    /// No jump, but something else that has its size at the end: what is missing to the next multiple of
    /// [`ALIGNMENT`].
    Padding,
    /// The same to the next multiple of [`WINDOW`], if less than [`SHORT`] is missing.
    ShortPadding,
}

/// Bytes that the machine fetches at once, from a place of which this is a divisor.
const WINDOW: usize = 64;

/// So few bytes at the end of a window are not worth the jump to them.
const SHORT: usize = 16;

/// Where loops begin, in bytes: what the machine fetches and decodes at once.
const ALIGNMENT: usize = 32;

#[derive(Clone, Copy, Debug)]
struct Jump {
    /// Bytes before it that are not jumps.
    at: usize,
    kind: JumpKind,
    target: Label,
}

impl JumpKind {
    /// Bytes of the form with a displacement of one byte, or of the only form.
    const fn short(self) -> usize {
        match self {
            Self::Always | Self::If(_) => 2,
            Self::Call => 5,
            Self::Padding | Self::ShortPadding => 0,
        }
    }

    /// Bytes of the form with a displacement of four bytes.
    const fn long(self) -> usize {
        match self {
            Self::Always | Self::Call => 5,
            Self::If(_) => 6,
            Self::Padding => ALIGNMENT - 1,
            Self::ShortPadding => SHORT - 1,
        }
    }

    /// What is missing at an offset, if it is padding.
    const fn padding(self, offset: usize) -> Option<usize> {
        match self {
            Self::Padding => Some(offset.next_multiple_of(ALIGNMENT) - offset),
            Self::ShortPadding => {
                let missing = offset.next_multiple_of(WINDOW) - offset;
                Some(if missing < SHORT { missing } else { 0 })
            }
            Self::Always | Self::If(_) | Self::Call => None,
        }
    }
}

/// Machine code in the making.
#[derive(Debug, Default)]
pub(super) struct Assembler {
    bytes: Vec<u8>,
    jumps: Vec<Jump>,
    /// Where labels are bound.
    labels: Vec<Option<Position>>,
}

/// Machine code that is complete.
#[derive(Debug)]
pub(super) struct Assembled {
    pub(super) bytes: Vec<u8>,
    /// By label: its offset.
    pub(super) labels: Vec<u32>,
}

impl Assembled {
    /// The offset of a label; one that was never bound is the end.
    pub(super) fn offset(&self, label: Label) -> u32 {
        let end = u32::try_from(self.bytes.len()).unwrap_or(u32::MAX);
        self.labels.get(label.0).copied().unwrap_or(end)
    }
}

impl Assembler {
    pub(super) fn with_capacity(bytes: usize) -> Self {
        Self {
            bytes: Vec::with_capacity(bytes),
            ..Self::default()
        }
    }

    // Labels and jumps.

    pub(super) fn label(&mut self) -> Label {
        self.labels.push(None);
        Label(self.labels.len() - 1)
    }

    pub(super) fn bind(&mut self, label: Label) {
        let here = Position {
            bytes: self.bytes.len(),
            jumps: self.jumps.len(),
        };
        if let Some(place) = self.labels.get_mut(label.0) {
            *place = Some(here);
        }
    }

    /// `jmp` (eb, e9).
    pub(super) fn jump(&mut self, target: Label) {
        self.add_jump(JumpKind::Always, target);
    }

    /// `jcc` (7x, 0f 8x).
    pub(super) fn jump_if(&mut self, condition: Cc, target: Label) {
        self.add_jump(JumpKind::If(condition), target);
    }

    /// `call` (e8).
    pub(super) fn call(&mut self, target: Label) {
        self.add_jump(JumpKind::Call, target);
    }

    /// Padding, so that what follows starts where a loop should.
    pub(super) fn align(&mut self) {
        self.pad(JumpKind::Padding);
    }

    /// Padding, so that what follows is not the end of what the machine fetches at once.
    pub(super) fn leave_window(&mut self) {
        self.pad(JumpKind::ShortPadding);
    }

    fn pad(&mut self, kind: JumpKind) {
        // A place like any other, which leads nowhere.
        let target = self.label();
        self.bind(target);
        self.add_jump(kind, target);
    }

    fn add_jump(&mut self, kind: JumpKind, target: Label) {
        let at = self.bytes.len();
        self.jumps.push(Jump { at, kind, target });
    }

    /// Chooses the sizes of all jumps and writes them. `None` if a label that is jumped to was never
    /// bound, or a displacement does not fit into 32 bits.
    pub(super) fn finish(self) -> Option<Assembled> {
        let sizes = self.jump_sizes()?;
        // Bytes of the first so many jumps.
        let mut before = Vec::with_capacity(sizes.len() + 1);
        before.push(0_usize);
        for size in &sizes {
            before.push(before.last()? + size);
        }
        let offset = |position: &Position| Some(position.bytes + before.get(position.jumps)?);
        let total = self.bytes.len() + before.last()?;
        let mut bytes = Vec::with_capacity(total);
        let mut copied = 0;
        for (jump, size) in self.jumps.iter().zip(&sizes) {
            bytes.extend_from_slice(self.bytes.get(copied..jump.at)?);
            copied = jump.at;
            let target = offset(self.labels.get(jump.target.0)?.as_ref()?)?;
            let distance = distance(bytes.len() + size, target)?;
            write_jump(&mut bytes, jump.kind, *size, distance)?;
        }
        bytes.extend_from_slice(self.bytes.get(copied..)?);
        let labels = self.labels.iter();
        let labels = labels.map(|place| {
            let place = place.as_ref().and_then(offset).unwrap_or(total);
            u32::try_from(place).ok()
        });
        Some(Assembled {
            labels: labels.collect::<Option<_>>()?,
            bytes,
        })
    }

    /// Jumps only grow, so that this ends. Padding follows from the jumps before it.
    fn jump_sizes(&self) -> Option<Vec<usize>> {
        let mut sizes: Vec<usize> = self.jumps.iter().map(|jump| jump.kind.short()).collect();
        let mut before = alloc::vec![0_usize; sizes.len() + 1];
        loop {
            let mut total = 0;
            let places = before.iter_mut().skip(1);
            for ((jump, size), place) in self.jumps.iter().zip(&mut sizes).zip(places) {
                if let Some(padding) = jump.kind.padding(jump.at + total) {
                    *size = padding;
                }
                total += *size;
                *place = total;
            }
            let mut grown = false;
            let sums = before.iter().skip(1);
            for ((jump, size), end) in self.jumps.iter().zip(&mut sizes).zip(sums) {
                if *size == jump.kind.long() || jump.kind.padding(0).is_some() {
                    continue;
                }
                let target = self.labels.get(jump.target.0)?.as_ref()?;
                let target = target.bytes + before.get(target.jumps)?;
                let distance = distance(jump.at + end, target)?;
                if i8::try_from(distance).is_err() {
                    *size = jump.kind.long();
                    grown = true;
                }
            }
            if !grown {
                return Some(sizes);
            }
        }
    }

    // Moves.

    /// `mov dst, src` (89).
    pub(super) fn mov(&mut self, width: Width, dst: Gpr, src: Gpr) {
        self.modrm(None, width, &[0x89], src, Rm::Reg(dst));
    }

    /// `mov dst, number`, in the shortest form: `xor`, b8, c7 or b8 with eight bytes. Changes flags.
    pub(super) fn mov_number(&mut self, dst: Gpr, number: u64) {
        if number == 0 {
            self.op(Op::Xor, Width::W32, dst, dst);
        } else if let Ok(number) = u32::try_from(number) {
            self.rex(Width::W32, 0, dst.high(), false);
            self.bytes.push(0xb8 | dst.low());
            self.bytes.extend_from_slice(&number.to_le_bytes());
        } else if let Ok(number) = i32::try_from(number.cast_signed()) {
            self.modrm_digit(Width::W64, &[0xc7], 0, Rm::Reg(dst));
            self.bytes.extend_from_slice(&number.to_le_bytes());
        } else {
            self.rex(Width::W64, 0, dst.high(), false);
            self.bytes.push(0xb8 | dst.low());
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// `movzx dst, src` of the lower 16 bits (0f b7).
    pub(super) fn zero_extend_16(&mut self, dst: Gpr, src: Gpr) {
        self.modrm(None, Width::W32, &[0x0f, 0xb7], dst, Rm::Reg(src));
    }

    /// `movzx dst, src` of the lowest byte (0f b6).
    pub(super) fn zero_extend_8(&mut self, dst: Gpr, src: Gpr) {
        self.modrm_byte(Width::W32, &[0x0f, 0xb6], dst, src);
    }

    /// `movsx dst, src` of the lower bytes (0f be, 0f bf, 63).
    pub(super) fn sign_extend(&mut self, width: Width, from: Size, dst: Gpr, src: Gpr) {
        match from {
            Size::B1 => self.modrm_byte(width, &[0x0f, 0xbe], dst, src),
            Size::B2 => self.modrm(None, width, &[0x0f, 0xbf], dst, Rm::Reg(src)),
            Size::B4 => self.modrm(None, width, &[0x63], dst, Rm::Reg(src)),
            Size::B8 => self.mov(width, dst, src),
        }
    }

    /// Loads and zero-extends (0f b6, 0f b7, 8b).
    pub(super) fn load(&mut self, size: Size, dst: Gpr, from: Mem) {
        let from = Rm::Mem(from);
        match size {
            Size::B1 => self.modrm(None, Width::W32, &[0x0f, 0xb6], dst, from),
            Size::B2 => self.modrm(None, Width::W32, &[0x0f, 0xb7], dst, from),
            Size::B4 => self.modrm(None, Width::W32, &[0x8b], dst, from),
            Size::B8 => self.modrm(None, Width::W64, &[0x8b], dst, from),
        }
    }

    /// Loads and sign-extends to 64 bits (0f be, 0f bf, 63, 8b).
    pub(super) fn load_signed(&mut self, size: Size, dst: Gpr, from: Mem) {
        let opcode: &[u8] = match size {
            Size::B1 => &[0x0f, 0xbe],
            Size::B2 => &[0x0f, 0xbf],
            Size::B4 => &[0x63],
            Size::B8 => &[0x8b],
        };
        self.modrm(None, Width::W64, opcode, dst, Rm::Mem(from));
    }

    /// Stores the lower bytes of a register (88, 89).
    pub(super) fn store(&mut self, size: Size, to: Mem, src: Gpr) {
        let to = Rm::Mem(to);
        match size {
            // Without REX, 4 to 7 would be the second bytes of 0 to 3.
            Size::B1 => {
                self.rex(Width::W32, src.high(), high(to), src.0 >= 4);
                self.bytes.push(0x88);
                self.operand(src.low(), to);
            }
            Size::B2 => self.modrm(Some(0x66), Width::W32, &[0x89], src, to),
            Size::B4 => self.modrm(None, Width::W32, &[0x89], src, to),
            Size::B8 => self.modrm(None, Width::W64, &[0x89], src, to),
        }
    }

    /// Stores the lower bytes of a sign-extended number (c6, c7).
    pub(super) fn store_number(&mut self, size: Size, to: Mem, number: i32) {
        let to = Rm::Mem(to);
        let [a, b, c, d] = number.to_le_bytes();
        match size {
            Size::B1 => {
                self.modrm_digit(Width::W32, &[0xc6], 0, to);
                self.bytes.push(a);
            }
            Size::B2 => {
                self.bytes.push(0x66);
                self.modrm_digit(Width::W32, &[0xc7], 0, to);
                self.bytes.extend_from_slice(&[a, b]);
            }
            Size::B4 | Size::B8 => {
                self.modrm_digit(width_of(size), &[0xc7], 0, to);
                self.bytes.extend_from_slice(&[a, b, c, d]);
            }
        }
    }

    // Arithmetic.

    /// `op dst, src` (01 and its like).
    pub(super) fn op(&mut self, op: Op, width: Width, dst: Gpr, src: Gpr) {
        self.modrm(None, width, &[op.number() << 3 | 1], src, Rm::Reg(dst));
    }

    /// `op dst, number`, sign-extended (83, 81).
    pub(super) fn op_number(&mut self, op: Op, width: Width, dst: Gpr, number: i32) {
        self.op_number_rm(op, width, Rm::Reg(dst), number);
    }

    fn op_number_rm(&mut self, op: Op, width: Width, rm: Rm, number: i32) {
        if let Ok(byte) = i8::try_from(number) {
            self.modrm_digit(width, &[0x83], op.number(), rm);
            self.bytes.extend_from_slice(&byte.to_le_bytes());
        } else {
            self.modrm_digit(width, &[0x81], op.number(), rm);
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// `op [to], src` (01 and its like).
    pub(super) fn op_memory(&mut self, op: Op, width: Width, to: Mem, src: Gpr) {
        self.modrm(None, width, &[op.number() << 3 | 1], src, Rm::Mem(to));
    }

    /// `op dst, [from]` (03 and its like).
    pub(super) fn op_from_memory(&mut self, op: Op, width: Width, dst: Gpr, from: Mem) {
        self.modrm(None, width, &[op.number() << 3 | 3], dst, Rm::Mem(from));
    }

    /// `test a, b` (85).
    pub(super) fn test(&mut self, width: Width, a: Gpr, b: Gpr) {
        self.modrm(None, width, &[0x85], b, Rm::Reg(a));
    }

    /// `test a, number`, sign-extended (f7 /0).
    pub(super) fn test_number(&mut self, width: Width, a: Gpr, number: i32) {
        self.modrm_digit(width, &[0xf7], 0, Rm::Reg(a));
        self.bytes.extend_from_slice(&number.to_le_bytes());
    }

    /// `imul dst, src` (0f af).
    pub(super) fn multiply(&mut self, width: Width, dst: Gpr, src: Gpr) {
        self.modrm(None, width, &[0x0f, 0xaf], dst, Rm::Reg(src));
    }

    /// `imul dst, src, number`, sign-extended (6b, 69).
    pub(super) fn multiply_number(&mut self, width: Width, dst: Gpr, src: Gpr, number: i32) {
        if let Ok(byte) = i8::try_from(number) {
            self.modrm(None, width, &[0x6b], dst, Rm::Reg(src));
            self.bytes.extend_from_slice(&byte.to_le_bytes());
        } else {
            self.modrm(None, width, &[0x69], dst, Rm::Reg(src));
            self.bytes.extend_from_slice(&number.to_le_bytes());
        }
    }

    /// `lea dst, [from]`: a sum that leaves the flags as they are (8d).
    pub(super) fn add_into(&mut self, width: Width, dst: Gpr, from: Mem) {
        self.modrm(None, width, &[0x8d], dst, Rm::Mem(from));
    }

    /// `lea dst, [a + b]`; `b` is not `rsp`, which cannot be an index (8d).
    pub(super) fn add_registers(&mut self, width: Width, dst: Gpr, a: Gpr, b: Gpr) {
        let wide = u8::from(width == Width::W64);
        let bits = wide << 3 | dst.high() << 2 | b.high() << 1 | a.high();
        if bits != 0 {
            self.bytes.push(0x40 | bits);
        }
        // Base 5 without displacement would be none.
        let mode = if a.low() == 5 { 0x40 } else { 0x00 };
        let sib = b.low() << 3 | a.low();
        self.bytes
            .extend_from_slice(&[0x8d, mode | dst.low() << 3 | 4, sib]);
        if mode != 0 {
            self.bytes.push(0);
        }
    }

    /// `neg`, `div`, `idiv` (f7 /n).
    pub(super) fn unary(&mut self, op: Unary, width: Width, operand: Gpr) {
        self.modrm_digit(width, &[0xf7], op.number(), Rm::Reg(operand));
    }

    /// `cdq` or `cqo`: the sign of `rax` into all of `rdx` (99).
    pub(super) fn sign_into_rdx(&mut self, width: Width) {
        self.rex(width, 0, 0, false);
        self.bytes.push(0x99);
    }

    /// A shift by a number (c1 /n).
    pub(super) fn shift_number(&mut self, shift: Shift, width: Width, dst: Gpr, count: u8) {
        self.modrm_digit(width, &[0xc1], shift.number(), Rm::Reg(dst));
        self.bytes.push(count);
    }

    /// A shift by `cl` (d3 /n).
    pub(super) fn shift_by_cl(&mut self, shift: Shift, width: Width, dst: Gpr) {
        self.modrm_digit(width, &[0xd3], shift.number(), Rm::Reg(dst));
    }

    /// Swaps the two lower bytes: `rol dst, 8` of 16 bits (66 c1 /0).
    pub(super) fn swap_16(&mut self, dst: Gpr) {
        self.bytes.push(0x66);
        self.modrm_digit(Width::W32, &[0xc1], 0, Rm::Reg(dst));
        self.bytes.push(8);
    }

    /// `bswap` (0f c8).
    pub(super) fn swap(&mut self, width: Width, dst: Gpr) {
        self.rex(width, 0, dst.high(), false);
        self.bytes.extend_from_slice(&[0x0f, 0xc8 | dst.low()]);
    }

    /// `xadd [to], src` (0f c1).
    pub(super) fn exchange_add(&mut self, width: Width, to: Mem, src: Gpr) {
        self.modrm(None, width, &[0x0f, 0xc1], src, Rm::Mem(to));
    }

    /// `cmpxchg [to], src`, compared with `rax` (0f b1).
    pub(super) fn compare_exchange(&mut self, width: Width, to: Mem, src: Gpr) {
        self.modrm(None, width, &[0x0f, 0xb1], src, Rm::Mem(to));
    }

    // Calls and the machine's stack.

    /// `push` (50).
    pub(super) fn push(&mut self, src: Gpr) {
        self.rex(Width::W32, 0, src.high(), false);
        self.bytes.push(0x50 | src.low());
    }

    /// `pop` (58).
    pub(super) fn pop(&mut self, dst: Gpr) {
        self.rex(Width::W32, 0, dst.high(), false);
        self.bytes.push(0x58 | dst.low());
    }

    /// `call target` (ff /2).
    pub(super) fn call_register(&mut self, target: Gpr) {
        self.modrm_digit(Width::W32, &[0xff], 2, Rm::Reg(target));
    }

    /// `ret` (c3).
    pub(super) fn ret(&mut self) {
        self.bytes.push(0xc3);
    }

    // Encoding.

    /// An instruction with a register and a register or place in memory.
    fn modrm(&mut self, prefix: Option<u8>, width: Width, opcode: &[u8], reg: Gpr, rm: Rm) {
        self.bytes.extend(prefix);
        self.rex(width, reg.high(), high(rm), false);
        self.bytes.extend_from_slice(opcode);
        self.operand(reg.low(), rm);
    }

    /// The same from the lowest byte of a register, which takes REX from register 4 on.
    fn modrm_byte(&mut self, width: Width, opcode: &[u8], reg: Gpr, rm: Gpr) {
        self.rex(width, reg.high(), rm.high(), rm.0 >= 4);
        self.bytes.extend_from_slice(opcode);
        self.operand(reg.low(), Rm::Reg(rm));
    }

    /// An instruction with a register or place in memory, and three more bits of opcode.
    fn modrm_digit(&mut self, width: Width, opcode: &[u8], digit: u8, rm: Rm) {
        self.rex(width, 0, high(rm), false);
        self.bytes.extend_from_slice(opcode);
        self.operand(digit, rm);
    }

    fn rex(&mut self, width: Width, reg: u8, rm: u8, always: bool) {
        let wide = u8::from(width == Width::W64);
        let bits = wide << 3 | reg << 2 | rm;
        if bits != 0 || always {
            self.bytes.push(0x40 | bits);
        }
    }

    /// ModRM, and SIB and displacement where they are needed.
    fn operand(&mut self, reg: u8, rm: Rm) {
        let reg = reg << 3;
        let Mem { base, disp } = match rm {
            Rm::Reg(rm) => return self.bytes.push(0xc0 | reg | rm.low()),
            Rm::Mem(place) => place,
        };
        let short = i8::try_from(disp);
        // Base 5 without displacement would be relative to the next instruction.
        let mode = match short {
            Ok(0) if base.low() != 5 => 0x00,
            Ok(_) => 0x40,
            Err(_) => 0x80,
        };
        self.bytes.push(mode | reg | base.low());
        if base.low() == 4 {
            // Base 4 announces a SIB byte: this one has no index.
            self.bytes.push(0x24);
        }
        match short {
            Ok(_) if mode == 0 => {}
            Ok(disp) => self.bytes.extend_from_slice(&disp.to_le_bytes()),
            Err(_) => self.bytes.extend_from_slice(&disp.to_le_bytes()),
        }
    }
}

const fn high(rm: Rm) -> u8 {
    match rm {
        Rm::Reg(reg) => reg.high(),
        Rm::Mem(place) => place.base.high(),
    }
}

/// The width of a register that is stored with this size.
pub(super) const fn width_of(size: Size) -> Width {
    match size {
        Size::B8 => Width::W64,
        Size::B1 | Size::B2 | Size::B4 => Width::W32,
    }
}

/// From the end of a jump to its target.
fn distance(end: usize, target: usize) -> Option<i32> {
    let (end, target) = (i64::try_from(end).ok()?, i64::try_from(target).ok()?);
    i32::try_from(target.checked_sub(end)?).ok()
}

/// Instructions that do nothing, each as long as it can be (volume 2, `NOP`).
fn write_padding(bytes: &mut Vec<u8>, mut size: usize) {
    const NOPS: [&[u8]; 9] = [
        &[0x90],
        &[0x66, 0x90],
        &[0x0f, 0x1f, 0x00],
        &[0x0f, 0x1f, 0x40, 0],
        &[0x0f, 0x1f, 0x44, 0, 0],
        &[0x66, 0x0f, 0x1f, 0x44, 0, 0],
        &[0x0f, 0x1f, 0x80, 0, 0, 0, 0],
        &[0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
        &[0x66, 0x0f, 0x1f, 0x84, 0, 0, 0, 0, 0],
    ];
    while let Some(nop) = NOPS.iter().rev().find(|nop| nop.len() <= size) {
        bytes.extend_from_slice(nop);
        size -= nop.len();
    }
}

fn write_jump(bytes: &mut Vec<u8>, kind: JumpKind, size: usize, distance: i32) -> Option<()> {
    let short = size == 2;
    match (kind, short) {
        (JumpKind::Padding | JumpKind::ShortPadding, _) => {
            write_padding(bytes, size);
            return Some(());
        }
        (JumpKind::Always, true) => bytes.push(0xeb),
        (JumpKind::If(condition), true) => bytes.push(0x70 | condition.number()),
        (JumpKind::Always, false) => bytes.push(0xe9),
        (JumpKind::If(condition), false) => bytes.extend([0x0f, 0x80 | condition.number()]),
        (JumpKind::Call, _) => bytes.push(0xe8),
    }
    if short {
        bytes.extend_from_slice(&i8::try_from(distance).ok()?.to_le_bytes());
    } else {
        bytes.extend_from_slice(&distance.to_le_bytes());
    }
    Some(())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::as_conversions, reason = "a test fails by panicking")]

    use super::*;

    /// Wherever it begins, and however long the jump over it becomes, padding does nothing and ends where
    /// it should.
    #[test]
    fn what_follows_padding_begins_where_the_machine_fetches_it_at_once() {
        for before in 0..300 {
            for between in [0, 200] {
                let mut asm = Assembler::default();
                let [end, head, join] = [asm.label(), asm.label(), asm.label()];
                asm.jump_if(Cc::Equal, end);
                (0..before).for_each(|_| asm.push(Gpr::RAX));
                asm.align();
                asm.bind(head);
                (0..before % 64).for_each(|_| asm.push(Gpr::RAX));
                asm.jump_if(Cc::Equal, join);
                (0..between).for_each(|_| asm.push(Gpr::RAX));
                asm.leave_window();
                asm.bind(join);
                asm.ret();
                asm.bind(end);
                let code = asm.finish().unwrap();
                let [head, join] = [head, join].map(|label| code.offset(label) as usize);
                assert_eq!(head % ALIGNMENT, 0);
                assert!(join % WINDOW <= WINDOW - SHORT, "{join}");
                assert_eq!(code.bytes[join], 0xc3);
                assert_eq!(code.offset(end) as usize, join + 1);
            }
        }
    }
}
