//! Packets on the wire (`docs/formats.md`, "Control channel").

use alloc::vec::Vec;

use bpf_statement::{InstanceId, SessionId};
use platform_click::Digest;

use crate::tree::CHUNK;

/// Bytes of a packet at most.
pub const MAX_PACKET: usize = HEADER + MAX_BODY;

/// Digests in one packet.
pub(crate) const MAX_DIGESTS: usize = 32;

const HEADER: usize = 64;
const STATE_FIELDS: usize = 44;
const FETCH_FIELDS: usize = 4;
/// A list of digests, behind the fields of a STATE.
const MAX_BODY: usize = STATE_FIELDS + 32 * MAX_DIGESTS + 20;
const _: () = assert!(CHUNK <= MAX_BODY && MAX_BODY == 1088);

const MAGIC: &[u8; 4] = b"bpfC";
const VERSION: u8 = 1;
const WELCOME_BODY: usize = 64;

/// The transfer that a packet belongs to: root and length of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Transfer {
    pub(crate) root: Digest,
    pub(crate) length: u32,
}

/// A packet, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Packet<'a> {
    pub(crate) token: [u8; 16],
    pub(crate) transfer: Transfer,
    pub(crate) body: Body<'a>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Body<'a> {
    Hello,
    Welcome {
        token: [u8; 16],
        instance: InstanceId,
        session: SessionId,
        sequence: u64,
    },
    Node(&'a [u8]),
    Poll,
    State(State),
    Fetch(Vec<Digest>),
}

/// How far the instance is with a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Unknown,
    Receiving(Vec<Digest>),
    Working,
    Done(Transfer),
    Refused,
}

/// What belongs to no transfer.
pub(crate) const NO_TRANSFER: Transfer = Transfer {
    root: Digest::from_bytes([0; 32]),
    length: 0,
};

impl<'a> Packet<'a> {
    /// Takes a packet apart; `None` for whatever [`Self::encode`] does not write.
    pub(crate) fn parse(bytes: &'a [u8]) -> Option<Self> {
        if bytes.len() > MAX_PACKET {
            return None;
        }
        let input = &mut bytes.strip_prefix(MAGIC)?;
        let [version, kind] = take(input)?;
        let [0, 0] = take(input)? else { return None };
        let token = take(input)?;
        let transfer = take_transfer(input)?;
        let [0, 0, 0, 0] = take(input)? else {
            return None;
        };
        let belongs = matches!(kind, 3..=6) != (transfer == NO_TRANSFER);
        let body = match (version == VERSION && belongs, kind) {
            (true, 1) => all_zero(input, WELCOME_BODY).then_some(Body::Hello)?,
            (true, 2) => parse_welcome(input)?,
            (true, 3) => (1..=CHUNK)
                .contains(&input.len())
                .then_some(Body::Node(input))?,
            (true, 4) => input.is_empty().then_some(Body::Poll)?,
            (true, 5) => Body::State(parse_state(input)?),
            (true, 6) => {
                let digests = take_digests(input)?;
                (!digests.is_empty()).then_some(Body::Fetch(digests))?
            }
            _ => return None,
        };
        Some(Self {
            token,
            transfer,
            body,
        })
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(MAX_PACKET);
        out.extend_from_slice(MAGIC);
        out.extend_from_slice(&[VERSION, self.kind(), 0, 0]);
        out.extend_from_slice(&self.token);
        out.extend_from_slice(self.transfer.root.as_bytes());
        out.extend_from_slice(&self.transfer.length.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        match &self.body {
            Body::Hello => out.extend_from_slice(&[0; WELCOME_BODY]),
            Body::Welcome {
                token,
                instance,
                session,
                sequence,
            } => {
                for field in [token, &instance.0, &session.0] {
                    out.extend_from_slice(field);
                }
                out.extend_from_slice(&sequence.to_le_bytes());
                out.extend_from_slice(&[0; 8]);
            }
            Body::Node(part) => out.extend_from_slice(part),
            Body::Poll => {}
            Body::State(state) => put_state(&mut out, state),
            Body::Fetch(digests) => put_digests(&mut out, digests),
        }
        out
    }

    const fn kind(&self) -> u8 {
        match self.body {
            Body::Hello => 1,
            Body::Welcome { .. } => 2,
            Body::Node(_) => 3,
            Body::Poll => 4,
            Body::State(_) => 5,
            Body::Fetch(_) => 6,
        }
    }
}

fn parse_welcome<'a>(input: &mut &[u8]) -> Option<Body<'a>> {
    let body = Body::Welcome {
        token: take(input)?,
        instance: InstanceId(take(input)?),
        session: SessionId(take(input)?),
        sequence: u64::from_le_bytes(take(input)?),
    };
    all_zero(input, 8).then_some(body)
}

fn parse_state(input: &mut &[u8]) -> Option<State> {
    let [number] = take(input)?;
    let [0, 0, 0] = take(input)? else {
        return None;
    };
    let length = u32::from_le_bytes(take(input)?);
    let root = Digest::from_bytes(take(input)?);
    let reply = Transfer { root, length };
    let digests = take_digests(input)?;
    let state = match number {
        0 => State::Unknown,
        1 => State::Receiving(digests.clone()),
        2 => State::Working,
        3 => State::Done(reply),
        4 => State::Refused,
        _ => return None,
    };
    let has_reply = number == 3;
    let has_digests = number == 1;
    let fits = has_reply != (reply == NO_TRANSFER) && (has_digests || digests.is_empty());
    fits.then_some(state)
}

fn put_state(out: &mut Vec<u8>, state: &State) {
    let (number, reply, digests) = match state {
        State::Unknown => (0, NO_TRANSFER, &[][..]),
        State::Receiving(digests) => (1, NO_TRANSFER, digests.as_slice()),
        State::Working => (2, NO_TRANSFER, &[][..]),
        State::Done(reply) => (3, *reply, &[][..]),
        State::Refused => (4, NO_TRANSFER, &[][..]),
    };
    out.extend_from_slice(&[number, 0, 0, 0]);
    out.extend_from_slice(&reply.length.to_le_bytes());
    out.extend_from_slice(reply.root.as_bytes());
    put_digests(out, digests);
}

/// At most [`MAX_DIGESTS`].
fn put_digests(out: &mut Vec<u8>, digests: &[Digest]) {
    let count = u16::try_from(digests.len()).unwrap_or(u16::MAX);
    out.extend_from_slice(&count.to_le_bytes());
    out.extend_from_slice(&[0, 0]);
    for digest in digests {
        out.extend_from_slice(digest.as_bytes());
    }
}

/// The rest of a packet.
fn take_digests(input: &mut &[u8]) -> Option<Vec<Digest>> {
    let count = usize::from(u16::from_le_bytes(take(input)?));
    let [0, 0] = take(input)? else { return None };
    let (digests, rest) = input.as_chunks::<32>();
    let fits = count <= MAX_DIGESTS && digests.len() == count && rest.is_empty();
    fits.then(|| digests.iter().copied().map(Digest::from_bytes).collect())
}

fn take_transfer(input: &mut &[u8]) -> Option<Transfer> {
    Some(Transfer {
        root: Digest::from_bytes(take(input)?),
        length: u32::from_le_bytes(take(input)?),
    })
}

fn take<const N: usize>(input: &mut &[u8]) -> Option<[u8; N]> {
    let (taken, rest) = input.split_first_chunk()?;
    *input = rest;
    Some(*taken)
}

fn all_zero(bytes: &[u8], count: usize) -> bool {
    bytes.len() == count && bytes.iter().all(|byte| *byte == 0)
}

const _: () = assert!(FETCH_FIELDS + 32 * MAX_DIGESTS <= MAX_BODY);
