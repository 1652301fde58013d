//! A compact encoding between a worker and its parent: both are the same program, and nothing
//! encoded so is ever stored. Little-endian, every list and text preceded by its length. Decoding is
//! strict and bounded by the input: a length that the input does not hold is an error.

use platform_click::{Code, Digest};

use crate::codes;

/// The bytes are not what the type needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed;

/// What goes over the wire.
pub(crate) trait Wire: Sized {
    fn put(&self, out: &mut Vec<u8>);
    fn get(input: &mut Input<'_>) -> Result<Self, Malformed>;
}

/// The encoding of one value.
pub(crate) fn encode(value: &impl Wire) -> Vec<u8> {
    let mut out = Vec::new();
    value.put(&mut out);
    out
}

/// The value that `bytes`, as a whole, encode.
pub(crate) fn decode<T: Wire>(bytes: &[u8]) -> Result<T, Malformed> {
    let mut input = Input(bytes);
    let value = T::get(&mut input)?;
    if input.0.is_empty() {
        Ok(value)
    } else {
        Err(Malformed)
    }
}

/// Bytes that are still to be read.
#[derive(Debug)]
pub(crate) struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (first, rest) = self.0.split_first_chunk().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*first)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = usize::try_from(u32::get(self)?).map_err(|_| Malformed)?;
        let (bytes, rest) = self.0.split_at_checked(length).ok_or(Malformed)?;
        self.0 = rest;
        Ok(bytes)
    }
}

macro_rules! wire_numbers {
    ($($number:ty),*) => { $(
        impl Wire for $number {
            fn put(&self, out: &mut Vec<u8>) {
                out.extend(self.to_le_bytes());
            }

            fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
                input.array().map(Self::from_le_bytes)
            }
        }
    )* };
}

wire_numbers!(u8, u32, u64, i64);

impl Wire for bool {
    fn put(&self, out: &mut Vec<u8>) {
        out.push(u8::from(*self));
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        match u8::get(input)? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(Malformed),
        }
    }
}

/// A length; what is too long for 32 bits does not come up (requests and replies are bounded), and
/// would not be decoded.
fn put_length(length: usize, out: &mut Vec<u8>) {
    u32::try_from(length).unwrap_or(u32::MAX).put(out);
}

/// Bytes as they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Wire for Bytes {
    fn put(&self, out: &mut Vec<u8>) {
        put_length(self.0.len(), out);
        out.extend(&self.0);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        input.bytes().map(|bytes| Self(bytes.to_vec()))
    }
}

/// Text. What is decoded has no control characters: it ends on a terminal, and the other side may
/// be in the hands of an attacker.
impl Wire for String {
    fn put(&self, out: &mut Vec<u8>) {
        put_length(self.len(), out);
        out.extend(self.as_bytes());
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let text = str::from_utf8(input.bytes()?).map_err(|_| Malformed)?;
        let visible = |c: char| if c.is_control() { ' ' } else { c };
        Ok(text.chars().map(visible).collect())
    }
}

impl Wire for Digest {
    fn put(&self, out: &mut Vec<u8>) {
        out.extend(self.as_bytes());
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        input.array().map(Self::from_bytes)
    }
}

/// By its identifier; only codes of this crate.
impl Wire for Code {
    fn put(&self, out: &mut Vec<u8>) {
        self.id.to_owned().put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let id = String::get(input)?;
        let mut codes = codes::ALL.iter().chain(bpf_checker::codes::ALL);
        let code = codes.find(|code| code.id == id);
        code.copied().ok_or(Malformed)
    }
}

impl<T: Wire> Wire for Option<T> {
    fn put(&self, out: &mut Vec<u8>) {
        match self {
            None => out.push(0),
            Some(value) => {
                out.push(1);
                value.put(out);
            }
        }
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        match u8::get(input)? {
            0 => Ok(None),
            1 => T::get(input).map(Some),
            _ => Err(Malformed),
        }
    }
}

impl<T: Wire> Wire for Vec<T> {
    fn put(&self, out: &mut Vec<u8>) {
        put_length(self.len(), out);
        for item in self {
            item.put(out);
        }
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        let length = u32::get(input)?;
        // Every item takes at least a byte, so the loop ends with the input at the latest.
        (0..length).map(|_| T::get(input)).collect()
    }
}

impl<A: Wire, B: Wire> Wire for (A, B) {
    fn put(&self, out: &mut Vec<u8>) {
        self.0.put(out);
        self.1.put(out);
    }

    fn get(input: &mut Input<'_>) -> Result<Self, Malformed> {
        Ok((A::get(input)?, B::get(input)?))
    }
}

/// Implements [`Wire`] for structures, field by field in the order given.
macro_rules! wire_struct {
    ($name:ident { $($field:ident),* $(,)? }) => {
        impl $crate::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                $( $crate::wire::Wire::put(&self.$field, out); )*
            }

            fn get(
                input: &mut $crate::wire::Input<'_>,
            ) -> Result<Self, $crate::wire::Malformed> {
                Ok(Self { $( $field: $crate::wire::Wire::get(input)?, )* })
            }
        }
    };
}

/// Implements [`Wire`] for enumerations whose variants hold one value each, by number.
macro_rules! wire_enum {
    ($name:ident { $($number:literal => $variant:ident),* $(,)? }) => {
        impl $crate::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                match self { $(
                    Self::$variant(value) => {
                        out.push($number);
                        $crate::wire::Wire::put(value, out);
                    }
                )* }
            }

            fn get(
                input: &mut $crate::wire::Input<'_>,
            ) -> Result<Self, $crate::wire::Malformed> {
                match <u8 as $crate::wire::Wire>::get(input)? {
                    $( $number => Ok(Self::$variant($crate::wire::Wire::get(input)?)), )*
                    _ => Err($crate::wire::Malformed),
                }
            }
        }
    };
}

/// Implements [`Wire`] for enumerations whose variants hold nothing, by number.
macro_rules! wire_names {
    ($name:ident { $($number:literal => $variant:ident),* $(,)? }) => {
        impl $crate::wire::Wire for $name {
            fn put(&self, out: &mut Vec<u8>) {
                out.push(match self { $( Self::$variant => $number, )* });
            }

            fn get(
                input: &mut $crate::wire::Input<'_>,
            ) -> Result<Self, $crate::wire::Malformed> {
                match <u8 as $crate::wire::Wire>::get(input)? {
                    $( $number => Ok(Self::$variant), )*
                    _ => Err($crate::wire::Malformed),
                }
            }
        }
    };
}

pub(crate) use {wire_enum, wire_names, wire_struct};

#[cfg(test)]
mod tests {
    use core::fmt::Debug;

    use proptest::prelude::*;

    use super::*;
    use crate::answer::{
        Answer, Disagreement, Facts, Gap, Next, Outcome, ProofRequest, Request, Rung, Task,
        TrialRequest,
    };
    use crate::finding::Report;
    use crate::first::Prover;
    use crate::prevail::Bounds;
    use crate::scenario::{Clock, Draws, ERRNOS, Entry, Refusal, Scenario, Step};
    use crate::trial::{Contradiction, Ending, Summary, Wrong};

    /// A value is what it was, no shorter or longer input is taken for it.
    fn round_trip<T: Wire + PartialEq + Debug>(value: &T) {
        let bytes = encode(value);
        assert_eq!(decode::<T>(&bytes).as_ref(), Ok(value));
        for length in 0..bytes.len() {
            assert_eq!(decode::<T>(&bytes[..length]), Err(Malformed), "{length}");
        }
        assert_eq!(
            decode::<T>(&[bytes.as_slice(), &[0]].concat()),
            Err(Malformed)
        );
    }

    fn facts() -> Facts {
        Facts {
            max_stack: 8,
            longest_run: 2,
            helper_calls: 4,
            map_updates: 5,
            unwound: Some(6),
            loops: vec![(7, 8), (9, u64::MAX)],
            bounds: Bounds {
                max_loop_count: 3,
                exit_low: 1,
                exit_high: 2,
                highest_output: Some(254),
            },
            claims: Vec::new(),
        }
    }

    /// Two runs, the second with everything.
    fn scenario() -> Scenario {
        let refusal = |errno| Refusal {
            helper: platform_click::HelperId::MapUpdateElem,
            first: 1,
            count: u32::MAX,
            errno,
        };
        let full = Step {
            entries: vec![Entry {
                map: 1,
                key: vec![1, 2],
                value: vec![3],
            }],
            packet: vec![1, 2, 3],
            annotations: bpf_runtime::Annotations {
                port: 5,
                mark: 6,
                rx_time_ns: 7,
                delay_ns: 8,
            },
            clock: Clock {
                start_ns: 9,
                step_ns: 10,
            },
            draws: Draws::Seed(11),
            refusals: ERRNOS.map(refusal).into(),
            addresses: 12,
        };
        Scenario {
            steps: vec![Step::default(), full],
        }
    }

    #[test]
    fn messages_are_what_they_were() {
        let prove = |rung, program| {
            Task::Prove(ProofRequest {
                rung,
                prover: Prover::Both,
                program,
            })
        };
        for task in [
            prove(Rung::Quick, 1),
            prove(Rung::Plain, 0),
            prove(Rung::Unwound, u32::MAX),
            Task::Try(TrialRequest {
                seed: u64::MAX,
                runs: 1,
                time_ms: 2,
                facts: vec![facts(), facts()],
            }),
        ] {
            round_trip(&Request {
                bpffilter: platform_click::ProgramKind::Rewriter,
                object: Bytes(vec![0x7f, b'E', b'L', b'F']),
                task,
            });
        }
        let mut report = Report::new(codes::LOOP, 7, "a loop")
            .with(1, "here")
            .with(2, "there");
        report.engine = Some("text of the engine".into());
        for outcome in [
            Outcome::Accepted(facts()),
            Outcome::Rejected(vec![report]),
            Outcome::Disagreed(Disagreement {
                accepts: "one".into(),
                rejects: "another".into(),
                reports: vec![Report::new(bpf_checker::codes::LEAK, 3, "an address")],
            }),
            Outcome::Undecided(Gap {
                code: codes::UNSUPPORTED,
                reason: "why".into(),
            }),
        ] {
            for next in [
                Next::Nothing,
                Next::Plain,
                Next::Guarded,
                Next::GuardedOrUnwound,
            ] {
                let outcome = outcome.clone();
                round_trip(&vec![(Digest::of(b"image"), Answer { outcome, next })]);
            }
        }
        for ending in [
            Ending::Passed(Summary {
                runs: 1,
                instructions: 2,
                cut: 3,
                taken: 4,
                directions: 5,
            }),
            Ending::Contradicted(Contradiction {
                wrong: Wrong {
                    reason: "why".into(),
                    slot: Some(3),
                },
                run: 4,
                scenario: scenario(),
            }),
            Ending::Impossible("why".into()),
        ] {
            round_trip(&vec![(Digest::of(b"image"), ending)]);
        }
    }

    #[test]
    fn every_code_is_known_by_its_identifier() {
        for code in codes::ALL {
            round_trip(code);
        }
        assert_eq!(
            decode::<Code>(&encode(&"BPF-V999".to_owned())),
            Err(Malformed)
        );
        assert_eq!(
            decode::<Code>(&encode(&"BPF-O001".to_owned())),
            Err(Malformed)
        );
    }

    #[test]
    fn text_loses_its_control_characters() {
        let sent = "red \x1b[31m\nline".to_owned();
        assert_eq!(
            decode::<String>(&encode(&sent)).as_deref(),
            Ok("red  [31m line")
        );
        assert_eq!(decode::<String>(&[2, 0, 0, 0, 0xff, 0xff]), Err(Malformed));
    }

    proptest! {
        /// Whatever a child sends is decoded or refused, without harm, and what is decoded is
        /// encoded the same way.
        #[test]
        fn any_bytes_are_decoded_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            if let Ok(outcomes) = decode::<Vec<(Digest, Answer)>>(&bytes) {
                prop_assert_eq!(decode(&encode(&outcomes)), Ok(outcomes));
            }
            if let Ok(endings) = decode::<Vec<(Digest, Ending)>>(&bytes) {
                prop_assert_eq!(decode(&encode(&endings)), Ok(endings));
            }
            let _ = decode::<Request>(&bytes);
        }

        /// A message with a byte changed is another message or none.
        #[test]
        fn changed_bytes_are_noticed(at in 0_usize..64, byte in any::<u8>()) {
            let bytes = encode(&vec![(Digest::of(b"image"), Outcome::Accepted(facts()))]);
            let mut changed = bytes.clone();
            prop_assume!(changed.get(at).is_some_and(|old| *old != byte));
            changed[at] = byte;
            let decoded = decode::<Vec<(Digest, Outcome)>>(&changed);
            prop_assert_ne!(decoded, decode::<Vec<(Digest, Outcome)>>(&bytes));
        }
    }
}
