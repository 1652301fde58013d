//! Every operation of the domain against the concrete one: exhaustively on words of 4 bits and on
//! numbers of 4 bits with halves of 2, and on random numbers of 64 bits.
//!
//! `CHECKER_TEST_SCALE` multiplies the random tests; 500 makes 10^7 pairs per operation.
#![allow(
    clippy::as_conversions,
    clippy::arithmetic_side_effects,
    reason = "the concrete operations are written as plainly as possible"
)]

use alloc::vec::Vec;
use std::collections::BTreeSet;
use std::env;

use bpf_object::{AluOp, Cond, Size, SwapKind, SwapWidth, Width};

use crate::number::Number;
use crate::range::{Signed, Unsigned};
use crate::tnum::{Tnum, ones, sign_extend};
use crate::word::Word;

const OPS: [AluOp; 14] = [
    AluOp::Add,
    AluOp::Sub,
    AluOp::Mul,
    AluOp::Div,
    AluOp::SDiv,
    AluOp::Or,
    AluOp::And,
    AluOp::Lsh,
    AluOp::Rsh,
    AluOp::Mod,
    AluOp::SMod,
    AluOp::Xor,
    AluOp::Mov,
    AluOp::Arsh,
];

const CONDS: [Cond; 11] = [
    Cond::Eq,
    Cond::Ne,
    Cond::Set,
    Cond::Gt,
    Cond::Ge,
    Cond::Lt,
    Cond::Le,
    Cond::SGt,
    Cond::SGe,
    Cond::SLt,
    Cond::SLe,
];

/// The operation as RFC 9669, 4.1 defines it, at `BITS` bits.
fn concrete<const BITS: u32>(op: AluOp, a: u64, b: u64) -> u64 {
    let (a, b) = (a & ones(BITS), b & ones(BITS));
    let (signed_a, signed_b) = (sign_extend::<BITS>(a), sign_extend::<BITS>(b));
    let count = b & u64::from(BITS - 1);
    let result = match op {
        AluOp::Add => a.wrapping_add(b),
        AluOp::Sub => a.wrapping_sub(b),
        AluOp::Mul => a.wrapping_mul(b),
        AluOp::Div => a.checked_div(b).unwrap_or(0),
        AluOp::Mod => a.checked_rem(b).unwrap_or(a),
        AluOp::SDiv if b == 0 => 0,
        AluOp::SDiv => signed_a.wrapping_div(signed_b) as u64,
        AluOp::SMod if b == 0 => a,
        AluOp::SMod => signed_a.wrapping_rem(signed_b) as u64,
        AluOp::Or => a | b,
        AluOp::And => a & b,
        AluOp::Xor => a ^ b,
        AluOp::Mov => b,
        AluOp::Lsh => a << count,
        AluOp::Rsh => a >> count,
        AluOp::Arsh => (signed_a >> count) as u64,
    };
    result & ones(BITS)
}

/// The comparison as RFC 9669, 4.3 defines it, at `BITS` bits.
fn holds<const BITS: u32>(cond: Cond, a: u64, b: u64) -> bool {
    let (a, b) = (a & ones(BITS), b & ones(BITS));
    let (signed_a, signed_b) = (sign_extend::<BITS>(a), sign_extend::<BITS>(b));
    match cond {
        Cond::Eq => a == b,
        Cond::Ne => a != b,
        Cond::Set => a & b != 0,
        Cond::Gt => a > b,
        Cond::Ge => a >= b,
        Cond::Lt => a < b,
        Cond::Le => a <= b,
        Cond::SGt => signed_a > signed_b,
        Cond::SGe => signed_a >= signed_b,
        Cond::SLt => signed_a < signed_b,
        Cond::SLe => signed_a <= signed_b,
    }
}

/// The operation at a width of the instruction, on numbers of `BITS` bits.
fn concrete_alu<const BITS: u32, const HALF: u32>(op: AluOp, width: Width, a: u64, b: u64) -> u64 {
    match width {
        Width::W64 => concrete::<BITS>(op, a, b),
        Width::W32 => concrete::<HALF>(op, a, b),
    }
}

fn holds_at<const BITS: u32, const HALF: u32>(cond: Cond, width: Width, a: u64, b: u64) -> bool {
    match width {
        Width::W64 => holds::<BITS>(cond, a, b),
        Width::W32 => holds::<HALF>(cond, a, b),
    }
}

/// Words that come from each part alone, which the reduction spreads to the others.
fn words<const BITS: u32>() -> Vec<Word<BITS>> {
    let all = || 0..=ones(BITS);
    let pairs = || all().flat_map(|a| all().map(move |b| (a, b)));
    let bits = pairs().map(|(value, mask)| Word::from_bits(Tnum::new(value, mask)));
    let ascending = pairs().filter(|(min, max)| min <= max);
    let unsigned = ascending.clone().map(|(a, b)| Word::from_unsigned(a..=b));
    let half = ones(BITS - 1) as i64 + 1;
    let signed = ascending.map(|(a, b)| Word::from_signed(a as i64 - half..=b as i64 - half));
    let mut words: Vec<Word<BITS>> = bits.chain(unsigned).chain(signed).collect();
    words.sort_by_key(|word| std::format!("{word:?}"));
    words.dedup();
    words
}

fn members<const BITS: u32>(word: Word<BITS>) -> Vec<u64> {
    (0..=ones(BITS)).filter(|x| word.contains(*x)).collect()
}

const SMALL: u32 = 4;

/// What the analysis uses.
type Number64 = Number;

#[test]
fn words_keep_what_their_parts_say() {
    for value in 0..=ones(SMALL) {
        for mask in 0..=ones(SMALL) {
            let bits = Tnum::<SMALL>::new(value, mask);
            let word = Word::from_bits(bits);
            for x in 0..=ones(SMALL) {
                assert_eq!(word.contains(x), bits.contains(x), "{bits:?} {x}");
            }
        }
    }
}

/// The reduction of any three parts keeps exactly the members that are in all of them.
#[test]
fn reduction_loses_nothing() {
    const BITS: u32 = 3;
    let all = || 0..=ones(BITS);
    let ranges = || all().flat_map(|a| (a..=ones(BITS)).map(move |b| (a, b)));
    for (value, mask) in all().flat_map(|a| all().map(move |b| (a, b))) {
        for (min, max) in ranges() {
            for (signed_min, signed_max) in ranges() {
                let word = Word::<BITS> {
                    bits: Tnum::new(value, mask),
                    unsigned: Unsigned { min, max },
                    signed: Signed {
                        min: signed_min as i64 - 4,
                        max: signed_max as i64 - 4,
                    },
                };
                let reduced = word.reduce();
                for x in all() {
                    let kept = reduced.is_some_and(|reduced| reduced.contains(x));
                    assert_eq!(kept, word.contains(x), "{word:?} {x}");
                }
            }
        }
    }
}

#[test]
fn operations_on_small_words_contain_every_concrete_result() {
    let words: Vec<(Word<SMALL>, Vec<u64>)> =
        words().into_iter().map(|w| (w, members(w))).collect();
    for op in OPS {
        for (a, a_members) in &words {
            for (b, b_members) in &words {
                let result = crate::number::word_op(op, *a, *b);
                for x in a_members {
                    for y in b_members {
                        let want = concrete::<SMALL>(op, *x, *y);
                        assert!(result.contains(want), "{op:?} {a:?} {b:?}: {x} {y} {want}");
                    }
                }
            }
        }
    }
}

#[test]
fn joins_and_meets_of_small_words_are_bounds() {
    let words = words::<SMALL>();
    for a in &words {
        for b in &words {
            let (join, meet) = (a.join(*b), a.meet(*b));
            for x in 0..=ones(SMALL) {
                let (in_a, in_b) = (a.contains(x), b.contains(x));
                assert!(!(in_a || in_b) || join.contains(x), "{a:?} {b:?} {x}");
                let in_meet = meet.is_some_and(|meet| meet.contains(x));
                assert_eq!(in_meet, in_a && in_b, "{a:?} {b:?} {x}");
            }
        }
    }
}

#[test]
fn sign_extension_of_small_words_contains_every_concrete_result() {
    for word in words::<SMALL>() {
        for from in 1..=SMALL {
            let result = word.sign_extend(from);
            for x in members(word) {
                let unused = 64 - from;
                let want = (((x << unused) as i64) >> unused) as u64 & ones(SMALL);
                assert!(result.contains(want), "{word:?} {from} {x}");
            }
        }
    }
}

/// Numbers of 4 bits with halves of 2, from words of each.
fn numbers() -> Vec<Number<4, 2>> {
    let from_full = words::<4>().into_iter().map(Number::from_full);
    let lows = words::<2>();
    let with_low = from_full.flat_map(|number| {
        let refined: Vec<_> = lows
            .iter()
            .filter_map(|low| number.with_low(*low))
            .collect();
        refined
    });
    let mut numbers: Vec<Number<4, 2>> = with_low.collect();
    numbers.sort_by_key(|number| std::format!("{number:?}"));
    numbers.dedup();
    // All of them would take a minute; a fixed share with every operation takes a second.
    numbers.into_iter().step_by(3).collect()
}

fn number_members(number: Number<4, 2>) -> Vec<u64> {
    (0..=ones(4)).filter(|x| number.contains(*x)).collect()
}

#[test]
fn halves_agree_with_the_whole() {
    for word in words::<4>() {
        let number = Number::<4, 2>::from_full(word);
        for x in 0..=ones(4) {
            assert_eq!(number.contains(x), word.contains(x), "{number:?} {x}");
        }
        for low in words::<2>() {
            let refined = number.with_low(low);
            for x in 0..=ones(4) {
                let both = word.contains(x) && low.contains(x & 3);
                let kept = refined.is_some_and(|refined| refined.contains(x));
                assert_eq!(kept, both, "{word:?} {low:?} {x}");
            }
        }
    }
}

#[test]
fn operations_on_small_numbers_contain_every_concrete_result() {
    let numbers: Vec<(Number<4, 2>, Vec<u64>)> = numbers()
        .into_iter()
        .map(|n| (n, number_members(n)))
        .collect();
    for (a, a_members) in &numbers {
        for (b, b_members) in numbers.iter().step_by(5) {
            for op in OPS {
                for width in [Width::W32, Width::W64] {
                    let result = Number::alu(op, width, *a, *b);
                    for x in a_members {
                        for y in b_members {
                            let want = concrete_alu::<4, 2>(op, width, *x, *y);
                            assert!(
                                result.contains(want),
                                "{op:?} {width:?} {a:?} {b:?}: {x} {y} {want}"
                            );
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn comparisons_of_small_numbers_lose_nothing() {
    let numbers: Vec<(Number<4, 2>, Vec<u64>)> = numbers()
        .into_iter()
        .map(|n| (n, number_members(n)))
        .collect();
    for (a, a_members) in &numbers {
        for (b, b_members) in numbers.iter().step_by(5) {
            for cond in CONDS {
                for width in [Width::W32, Width::W64] {
                    for outcome in [false, true] {
                        let sides = Number::assume(cond, outcome, width, *a, *b);
                        for x in a_members {
                            for y in b_members {
                                if holds_at::<4, 2>(cond, width, *x, *y) != outcome {
                                    continue;
                                }
                                let kept = sides.is_some_and(|(left, right)| {
                                    left.contains(*x) && right.contains(*y)
                                });
                                assert!(kept, "{cond:?} {outcome} {width:?} {a:?} {b:?}: {x} {y}");
                            }
                        }
                    }
                }
            }
        }
    }
}

/// xorshift64*: deterministic, so that a failure can be repeated.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn below(&mut self, bound: u64) -> u64 {
        (self.next() >> 11) % bound
    }

    /// Numbers where mistakes live: near 0, powers of two, the ends of each width; or any.
    fn number(&mut self) -> u64 {
        let base = match self.below(8) {
            0 => 0,
            1 => u64::MAX,
            2 => 1 << 63,
            3 => 1 << 31,
            4 => 1 << 32,
            5 => 1 << self.below(64),
            6 => return self.next(),
            _ => return self.next() >> self.below(64),
        };
        base.wrapping_add(self.below(9)).wrapping_sub(4)
    }

    /// An abstract number, and a member of it.
    fn element(&mut self) -> (Number, u64) {
        let member = self.number();
        let mut number = Number64::constant(member);
        for _ in 0..self.below(4) {
            number = number.join(Number64::constant(self.number()));
        }
        let refined = match self.below(6) {
            0 => {
                let mask = self.next() & self.next();
                Number64::from_full(Word::from_bits(Tnum::new(member, mask)))
            }
            1 => Number64::ANY,
            2 => {
                let low = member & ones(32);
                let word = Word::constant(low).join(Word::constant(self.number() & ones(32)));
                Number64::ANY.with_low(word).expect("holds the member")
            }
            3 => {
                let other = self.number();
                let range = member.min(other)..=member.max(other);
                Number64::from_full(Word::from_unsigned(range))
            }
            _ => number,
        };
        assert!(refined.contains(member), "{refined:?} {member:#x}");
        (refined, member)
    }
}

/// Pairs of numbers of 64 bits for each operation.
fn pairs() -> u64 {
    let scale = env::var("CHECKER_TEST_SCALE");
    let scale: u64 = scale.map_or(1, |scale| scale.parse().expect("a number"));
    20_000 * scale
}

#[test]
fn operations_on_numbers_contain_the_concrete_result() {
    for (seed, op) in (1..).zip(OPS) {
        let mut random = Random(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
        for _ in 0..pairs() {
            let ((a, x), (b, y)) = (random.element(), random.element());
            for width in [Width::W32, Width::W64] {
                let want = concrete_alu::<64, 32>(op, width, x, y);
                let result = Number64::alu(op, width, a, b);
                assert!(
                    result.contains(want),
                    "{op:?} {width:?} {a:?} {b:?}: {x:#x} {y:#x} {want:#x}"
                );
            }
        }
    }
}

#[test]
fn comparisons_of_numbers_lose_nothing() {
    for (seed, cond) in (1..).zip(CONDS) {
        let mut random = Random(0x9E37_79B9_7F4A_7C15_u64.wrapping_mul(seed));
        for _ in 0..pairs() {
            let ((a, x), (b, y)) = (random.element(), random.element());
            for width in [Width::W32, Width::W64] {
                let outcome = holds_at::<64, 32>(cond, width, x, y);
                let kept = Number64::assume(cond, outcome, width, a, b)
                    .is_some_and(|(left, right)| left.contains(x) && right.contains(y));
                assert!(
                    kept,
                    "{cond:?} {outcome} {width:?} {a:?} {b:?}: {x:#x} {y:#x}"
                );
            }
        }
    }
}

#[test]
fn conversions_of_numbers_contain_the_concrete_result() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..pairs() {
        let (a, x) = random.element();
        let check = |result: Number, want: u64, what: &str| {
            assert!(result.contains(want), "{what} {a:?}: {x:#x} {want:#x}");
        };
        check(Number64::neg(Width::W64, a), x.wrapping_neg(), "neg");
        let low = (x as u32).wrapping_neg();
        check(Number64::neg(Width::W32, a), low.into(), "neg32");
        for (size, want) in [
            (8, x as i8 as i64),
            (16, x as i16 as i64),
            (32, x as i32 as i64),
        ] {
            check(a.sign_extend(size, Width::W64), want as u64, "sign");
            check(
                a.sign_extend(size, Width::W32),
                want as u32 as u64,
                "sign32",
            );
        }
        for (width, little, swapped) in [
            (
                SwapWidth::B16,
                x as u16 as u64,
                (x as u16).swap_bytes().into(),
            ),
            (
                SwapWidth::B32,
                x as u32 as u64,
                (x as u32).swap_bytes().into(),
            ),
            (SwapWidth::B64, x, x.swap_bytes()),
        ] {
            check(a.swap(SwapKind::ToLe, width), little, "le");
            check(a.swap(SwapKind::ToBe, width), swapped, "be");
            check(a.swap(SwapKind::Always, width), swapped, "swap");
        }
        let skip = random.below(8) as u32 * 8;
        check(a.extract(skip, 8), x >> skip & 0xff, "extract");
        let (b, y) = random.element();
        let join = a.join(b);
        assert!(join.contains(x) && join.contains(y), "{a:?} {b:?}");
    }
}

/// What is constant stays constant: no rule knows less than arithmetic does.
#[test]
fn operations_on_constants_are_exact() {
    let mut random = Random(0x9E37_79B9_7F4A_7C15);
    for _ in 0..pairs() {
        let (x, y) = (random.number(), random.number());
        let (a, b) = (Number64::constant(x), Number64::constant(y));
        for op in OPS {
            for width in [Width::W32, Width::W64] {
                let want = concrete_alu::<64, 32>(op, width, x, y);
                let result = Number64::alu(op, width, a, b).as_constant();
                assert_eq!(result, Some(want), "{op:?} {width:?} {x:#x} {y:#x}");
            }
        }
        for cond in CONDS {
            for width in [Width::W32, Width::W64] {
                let outcome = holds_at::<64, 32>(cond, width, x, y);
                let dead = Number64::assume(cond, !outcome, width, a, b);
                assert_eq!(dead, None, "{cond:?} {width:?} {x:#x} {y:#x}");
            }
        }
    }
}

#[test]
fn loads_give_every_number_of_their_size_and_no_other() {
    for (size, unsigned, signed) in [
        (Size::B1, 0..=0xff, -0x80..=0x7f),
        (Size::B2, 0..=0xffff, -0x8000..=0x7fff),
        (Size::B4, 0..=0xffff_ffff, -0x8000_0000..=0x7fff_ffff),
    ] {
        assert_eq!(Number64::loaded(size, false).unsigned(), unsigned);
        assert_eq!(Number64::loaded(size, true).signed(), signed);
    }
    let all: BTreeSet<u64> = (0..256).collect();
    let byte = Number64::loaded(Size::B1, false);
    assert!(all.iter().all(|x| byte.contains(*x)) && !byte.contains(256));
}
