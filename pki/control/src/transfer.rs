//! A request on its way through an instance.

use alloc::boxed::Box;
use alloc::vec::Vec;

use bpf_statement::Request;
use bpf_trust::VerifiedSigner;
use platform_click::Digest;

use crate::cookie::Peer;
use crate::limits;
use crate::packet::{MAX_DIGESTS, State, Transfer};
use crate::tree::{Assembly, Tree};

/// A request that is known to the instance.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) peer: Peer,
    pub(crate) transfer: Transfer,
    /// When the present stage began.
    pub(crate) since_ms: u64,
    pub(crate) stage: Stage,
}

#[derive(Debug)]
pub(crate) enum Stage {
    /// Nobody knows who sent it.
    Receiving(Assembly),
    /// It is authentic, and brings something.
    Attaching(Box<Attaching>),
    Working,
    Done {
        reply: Tree,
        answer: Option<Tree>,
    },
    Refused,
}

#[derive(Debug)]
pub(crate) struct Attaching {
    pub(crate) operator: VerifiedSigner,
    pub(crate) request: Request,
    pub(crate) parts: Vec<Assembly>,
}

impl Held {
    /// Takes a part that is wanted; says whether nothing is missing any more.
    pub(crate) fn insert(&mut self, part: &[u8]) -> bool {
        match &mut self.stage {
            Stage::Receiving(request) => request.insert(part) && request.is_complete(),
            Stage::Attaching(attaching) => {
                let parts = &mut attaching.parts;
                // The same contents may be attached twice.
                let taken = parts
                    .iter_mut()
                    .filter_map(|a| a.insert(part).then_some(()));
                taken.count() > 0 && parts.iter().all(Assembly::is_complete)
            }
            _ => false,
        }
    }

    /// How far it is.
    pub(crate) fn state(&self) -> State {
        match &self.stage {
            Stage::Receiving(request) => {
                State::Receiving(request.missing(MAX_DIGESTS).copied().collect())
            }
            Stage::Attaching(attaching) => {
                let missing = attaching
                    .parts
                    .iter()
                    .flat_map(|part| part.missing(MAX_DIGESTS));
                State::Receiving(missing.take(MAX_DIGESTS).copied().collect())
            }
            Stage::Working => State::Working,
            Stage::Done { reply, .. } => State::Done(Transfer {
                root: reply.attachment().root(),
                length: reply.attachment().length(),
            }),
            Stage::Refused => State::Refused,
        }
    }

    /// A part of the reply or the answer.
    pub(crate) fn part(&self, digest: &Digest) -> Option<&[u8]> {
        let Stage::Done { reply, answer } = &self.stage else {
            return None;
        };
        let answer = || answer.as_ref()?.part(digest);
        reply.part(digest).or_else(answer)
    }

    /// Bytes for which memory is taken before they have arrived.
    pub(crate) fn attached(&self) -> u64 {
        match &self.stage {
            Stage::Attaching(attaching) => {
                let lengths = attaching
                    .parts
                    .iter()
                    .map(|part| part.attachment().length());
                lengths.map(u64::from).sum()
            }
            _ => 0,
        }
    }

    pub(crate) const fn is_unproved(&self) -> bool {
        matches!(self.stage, Stage::Receiving(_) | Stage::Refused)
    }

    /// Whether it is forgotten.
    pub(crate) const fn has_expired(&self, at_ms: u64) -> bool {
        let age = at_ms.saturating_sub(self.since_ms);
        match self.stage {
            Stage::Receiving(_) | Stage::Attaching(_) | Stage::Refused => {
                age > limits::RECEIVE_TIME_MS
            }
            Stage::Working => false,
            Stage::Done { .. } => age > limits::REPLY_TIME_MS,
        }
    }
}
