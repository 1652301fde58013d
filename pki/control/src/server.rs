//! The instance's side of the channel.

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use bpf_statement::{
    Attachment, InstanceId, Operation, Outcome, Purpose, Reply, Request, SessionId, Sign1, Text,
    UnixTime,
};
use bpf_trust::{TrustError, VerifiedSigner};
use platform_click::{Code, Digest};

use crate::authority::Authority;
use crate::bucket::Bucket;
use crate::cookie::{Cookies, Peer};
use crate::error::ControlError;
use crate::limits;
use crate::packet::{Body, NO_TRANSFER, Packet, State, Transfer};
use crate::transfer::{Attaching, Held, Stage};
use crate::tree::{Assembly, Tree};

/// Who the instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Identity {
    /// That of its state.
    pub instance: InstanceId,
    /// Drawn at random at this start.
    pub session: SessionId,
}

/// Which request something is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferId(Digest);

impl TransferId {
    /// The root of the request.
    #[must_use]
    pub const fn root(self) -> Digest {
        self.0
    }
}

/// Something for the instance to do. It ends with [`Server::finish`].
#[derive(Debug)]
pub enum Event {
    /// An operator asks for something.
    Execute(Box<Command>),
    /// An operator asked for something, and it is refused.
    Refuse(Box<Refused>),
}

/// What an operator asks for. Instance, session, sequence and lifetime are right, and everything that
/// is attached has the digest that he signed.
#[derive(Debug)]
pub struct Command {
    /// Which request it is.
    pub id: TransferId,
    /// Who asks. Whether his scope covers the program that an element runs is for the instance to say.
    pub operator: VerifiedSigner,
    /// What he asks for.
    pub request: Request,
    /// What is attached, in the order of [`Request::attachments`].
    pub attachments: Vec<Vec<u8>>,
}

/// A refused request of an operator.
#[derive(Debug)]
pub struct Refused {
    /// Which request it is.
    pub id: TransferId,
    /// Who asks.
    pub operator: VerifiedSigner,
    /// What he asked for.
    pub request: Request,
    /// Why not.
    pub error: ControlError,
}

/// What came in and got no reply. Nothing of it is logged one by one, or whoever can send packets could
/// fill logs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Not of the form of a packet.
    pub malformed: u64,
    /// Beyond the rate that is looked at.
    pub limited: u64,
    /// Without a cookie that counts.
    pub without_cookie: u64,
    /// Parts of nothing that was asked for.
    pub unwanted: u64,
    /// Requests that are not an operator's.
    pub unauthenticated: u64,
    /// Genuine requests for another instance or session, or of a sequence that was used.
    pub stale: u64,
}

/// Signs what the instance says.
pub trait ReplySigner {
    /// The signed message with this payload, with the purpose `ControlReply`; `None` when it cannot be
    /// signed.
    fn sign(&mut self, payload: Vec<u8>) -> Option<Vec<u8>>;
}

/// The instance's side.
#[derive(Debug)]
pub struct Server {
    identity: Identity,
    cookies: Cookies,
    held: Vec<Held>,
    events: VecDeque<Event>,
    sequence: u64,
    /// Roots of requests that were decided on.
    decided: VecDeque<Digest>,
    max_attached: u32,
    packets: Bucket,
    welcomes: Bucket,
    verifications: Bucket,
    counts: Counts,
}

impl Server {
    /// A server that has received nothing. `secret` is drawn at random.
    #[must_use]
    pub fn new(identity: Identity, secret: [u8; 32]) -> Self {
        Self {
            identity,
            cookies: Cookies::new(secret),
            held: Vec::new(),
            events: VecDeque::new(),
            sequence: 0,
            decided: VecDeque::new(),
            max_attached: limits::MAX_ATTACHED,
            packets: Bucket::new(limits::PACKETS_PER_SECOND, limits::PACKETS_AT_ONCE),
            welcomes: Bucket::new(limits::COOKIES_PER_SECOND, limits::COOKIES_AT_ONCE),
            verifications: Bucket::new(
                limits::VERIFICATIONS_PER_SECOND,
                limits::VERIFICATIONS_AT_ONCE,
            ),
            counts: Counts::default(),
        }
    }

    /// The same, for an instance with little memory: attachments have at most so many bytes together.
    #[must_use]
    pub fn with_room_for(mut self, bytes: u32) -> Self {
        self.max_attached = bytes.min(limits::MAX_ATTACHED);
        self
    }

    /// Who the instance is.
    #[must_use]
    pub const fn identity(&self) -> Identity {
        self.identity
    }

    /// The sequence of the last request that counted.
    #[must_use]
    pub const fn sequence(&self) -> u64 {
        self.sequence
    }

    /// What got no reply.
    #[must_use]
    pub const fn counts(&self) -> Counts {
        self.counts
    }

    /// The next thing to do, in the order in which requests were complete.
    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// Takes a packet that came from `peer`, and gives those that are to be sent back there.
    ///
    /// From cheap to dear: the rate of packets; the form; the cookie, which costs a hash; whether the
    /// part is wanted, another hash; and, once a request has arrived whole, the rate of verifications,
    /// the encoding, chain and signature. Only then its contents are read.
    pub fn receive(
        &mut self,
        peer: &Peer,
        packet: &[u8],
        at_ms: u64,
        authority: &mut dyn Authority,
    ) -> Vec<Vec<u8>> {
        self.held.retain(|held| !held.has_expired(at_ms));
        if !self.packets.take(at_ms) {
            count(&mut self.counts.limited);
            return Vec::new();
        }
        let Some(packet) = Packet::parse(packet) else {
            count(&mut self.counts.malformed);
            return Vec::new();
        };
        if packet.body == Body::Hello {
            return self.welcome(peer, packet.token, at_ms);
        }
        if !self.cookies.recognises(packet.token, peer, at_ms) {
            count(&mut self.counts.without_cookie);
            return Vec::new();
        }
        let transfer = packet.transfer;
        match packet.body {
            Body::Node(part) => self.take_part(peer, transfer, part, at_ms, authority),
            Body::Poll => {
                return [encode(
                    packet.token,
                    transfer,
                    Body::State(self.state(transfer)),
                )]
                .into();
            }
            Body::Fetch(digests) => {
                let held = self.held.iter().find(|held| held.transfer == transfer);
                let parts = digests.iter().filter_map(|digest| held?.part(digest));
                let packet = |part| encode(packet.token, transfer, Body::Node(part));
                return parts.map(packet).collect();
            }
            Body::Hello | Body::Welcome { .. } | Body::State(_) => {
                count(&mut self.counts.malformed);
            }
        }
        Vec::new()
    }

    /// The question is as long as the answer, so that it is of no use to have it sent to somebody else.
    fn welcome(&mut self, peer: &Peer, token: [u8; 16], at_ms: u64) -> Vec<Vec<u8>> {
        if !self.welcomes.take(at_ms) {
            count(&mut self.counts.limited);
            return Vec::new();
        }
        let body = Body::Welcome {
            token,
            instance: self.identity.instance,
            session: self.identity.session,
            sequence: self.sequence,
        };
        let cookie = self.cookies.cookie(peer, at_ms);
        [encode(cookie, NO_TRANSFER, body)].into()
    }

    fn state(&self, transfer: Transfer) -> State {
        let held = self.held.iter().find(|held| held.transfer == transfer);
        held.map_or(State::Unknown, Held::state)
    }

    fn take_part(
        &mut self,
        peer: &Peer,
        transfer: Transfer,
        part: &[u8],
        at_ms: u64,
        authority: &mut dyn Authority,
    ) {
        let found = self.held.iter().position(|held| held.transfer == transfer);
        let complete = match found.and_then(|found| self.held.get_mut(found)) {
            Some(held) => held.insert(part),
            None => self.begin(peer, transfer, part, at_ms),
        };
        if complete {
            self.advance(transfer, at_ms, authority);
        } else if found.is_none() && self.state(transfer) == State::Unknown {
            count(&mut self.counts.unwanted);
        }
    }

    /// Makes room for a request of which the root has come; says whether it is complete with that.
    fn begin(&mut self, peer: &Peer, transfer: Transfer, part: &[u8], at_ms: u64) -> bool {
        let max = u32::try_from(Purpose::Control.max_size()).unwrap_or(u32::MAX);
        let Ok(attachment) = Attachment::new(transfer.length, transfer.root) else {
            return false;
        };
        if transfer.length > max || self.decided.contains(&transfer.root) {
            return false;
        }
        let mut request = Assembly::new(attachment);
        if !request.insert(part) {
            return false;
        }
        self.make_room(peer);
        if self.held.len() >= limits::MAX_TRANSFERS {
            return false;
        }
        let complete = request.is_complete();
        self.held.push(Held {
            peer: peer.clone(),
            transfer,
            since_ms: at_ms,
            stage: Stage::Receiving(request),
        });
        complete
    }

    /// Forgets what an address began before beyond its share; where there is no other room, the oldest
    /// refusal, reply or unproved request, in this order.
    fn make_room(&mut self, peer: &Peer) {
        let of_address = |held: &Held| held.is_unproved() && held.peer.address == peer.address;
        let share = self.held.iter().filter(|held| of_address(held)).count();
        if share >= limits::MAX_UNPROVED_PER_ADDRESS {
            self.forget_oldest(of_address);
        }
        let dispensable: [fn(&Held) -> bool; 3] = [
            |held| matches!(held.stage, Stage::Refused),
            |held| matches!(held.stage, Stage::Done { .. }),
            Held::is_unproved,
        ];
        for dispensable in dispensable {
            if self.held.len() >= limits::MAX_TRANSFERS {
                self.forget_oldest(dispensable);
            }
        }
    }

    fn forget_oldest(&mut self, which: impl Fn(&Held) -> bool) {
        if let Some(oldest) = self.held.iter().position(which) {
            self.held.remove(oldest);
        }
    }

    /// What follows when everything that was wanted is there.
    fn advance(&mut self, transfer: Transfer, at_ms: u64, authority: &mut dyn Authority) {
        let Some(index) = self.held.iter().position(|held| held.transfer == transfer) else {
            return;
        };
        let Some(held) = self.held.get_mut(index) else {
            return;
        };
        held.since_ms = at_ms;
        match core::mem::replace(&mut held.stage, Stage::Refused) {
            Stage::Receiving(request) => {
                if !self.verifications.take(at_ms) {
                    count(&mut self.counts.limited);
                    self.held.remove(index);
                    return;
                }
                let stage = self.authenticate(transfer, request, authority);
                if let Some(held) = self.held.get_mut(index) {
                    held.stage = stage;
                }
                // It may bring nothing.
                if self.held.get_mut(index).is_some_and(nothing_missing) {
                    self.advance(transfer, at_ms, authority);
                }
            }
            Stage::Attaching(attaching) => {
                held.stage = Stage::Working;
                let parts = attaching.parts.into_iter();
                let event = Command {
                    id: TransferId(transfer.root),
                    operator: attaching.operator,
                    request: attaching.request,
                    attachments: parts.filter_map(|part| part.finish().ok()).collect(),
                };
                self.events.push_back(Event::Execute(event.into()));
            }
            stage => held.stage = stage,
        }
    }

    /// Whether a whole request counts.
    fn authenticate(
        &mut self,
        transfer: Transfer,
        request: Assembly,
        authority: &mut dyn Authority,
    ) -> Stage {
        self.remember(transfer.root);
        let Ok(message) = request.finish() else {
            return Stage::Refused;
        };
        let authentic = Sign1::parse(Purpose::Control, &message)
            .ok()
            .and_then(|message| {
                let operator = authority.authenticate(&message).ok()?;
                Some((operator, Request::decode(message.payload()).ok()?))
            });
        let Some((operator, request)) = authentic else {
            count(&mut self.counts.unauthenticated);
            return Stage::Refused;
        };
        let highest = self.sequence.saturating_add(limits::MAX_SEQUENCE_JUMP);
        let is_next = request.sequence > self.sequence && request.sequence <= highest;
        let (instance, session) = (request.instance, request.session);
        if !is_next || self.identity != (Identity { instance, session }) {
            count(&mut self.counts.stale);
            return Stage::Refused;
        }
        // From here on it counts, whatever comes of it, and gets a reply.
        self.sequence = request.sequence;
        let attachments = request.attachments();
        if let Err(error) = self.check(&request, &operator, &attachments, authority.now()) {
            let refused = Refused {
                id: TransferId(transfer.root),
                operator,
                request,
                error,
            };
            self.events.push_back(Event::Refuse(refused.into()));
            return Stage::Working;
        }
        Stage::Attaching(Box::new(Attaching {
            operator,
            request,
            parts: attachments.into_iter().map(Assembly::new).collect(),
        }))
    }

    fn remember(&mut self, root: Digest) {
        if self.decided.len() >= limits::MAX_REMEMBERED {
            self.decided.pop_front();
        }
        self.decided.push_back(root);
    }

    fn check(
        &self,
        request: &Request,
        operator: &VerifiedSigner,
        attachments: &[Attachment],
        now: UnixTime,
    ) -> Result<(), ControlError> {
        let expires = request.expires;
        if now >= expires {
            return Err(ControlError::Expired { now, expires });
        }
        operator
            .check_signed_time(request.signed)
            .map_err(ControlError::Signed)?;
        check_scope(operator, &request.operation)?;
        let wanted: u64 = attachments.iter().map(|a| u64::from(a.length())).sum();
        let present: u64 = self.held.iter().map(Held::attached).sum();
        if wanted.saturating_add(present) > self.max_attached.into() {
            return Err(ControlError::TooMuch(wanted));
        }
        Ok(())
    }

    /// Says what came of a request. The client fetches it.
    pub fn finish(
        &mut self,
        id: TransferId,
        now: UnixTime,
        result: Result<Option<Vec<u8>>, Failure>,
        at_ms: u64,
        signer: &mut dyn ReplySigner,
    ) {
        let stage = self.answered(id, now, result, signer);
        let mut held = self.held.iter_mut();
        if let Some(held) = held.find(|held| held.transfer.root == id.0) {
            held.since_ms = at_ms;
            held.stage = stage.unwrap_or(Stage::Refused);
        }
    }

    fn answered(
        &self,
        id: TransferId,
        now: UnixTime,
        result: Result<Option<Vec<u8>>, Failure>,
        signer: &mut dyn ReplySigner,
    ) -> Option<Stage> {
        let (outcome, answer) = match result.map(|answer| answer.map(|bytes| Tree::new(&bytes))) {
            Ok(None) => (Outcome::Done(None), None),
            Ok(Some(Ok(answer))) => (Outcome::Done(Some(answer.attachment())), Some(answer)),
            Ok(Some(Err(error))) => (Failure::too_long(&error).outcome(), None),
            Err(failure) => (failure.outcome(), None),
        };
        let reply = Reply {
            instance: self.identity.instance,
            request: id.0,
            time: now,
            outcome,
        };
        let message = signer.sign(reply.encode())?;
        Some(Stage::Done {
            reply: Tree::new(&message).ok()?,
            answer,
        })
    }
}

/// Why something was not done, as the reply has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    /// The diagnostic, which has an exit code.
    pub code: Code,
    /// What is wrong, in words.
    pub reason: String,
}

impl Failure {
    fn too_long(error: &crate::TreeError) -> Self {
        Self {
            code: crate::codes::TOO_MUCH,
            reason: alloc::format!("the answer: {error}"),
        }
    }

    fn outcome(self) -> Outcome {
        Outcome::Refused {
            exit: self.code.exit.number(),
            // Identifiers of diagnostics are short ASCII.
            code: Text::new(self.code.id).unwrap_or_default(),
            reason: self.reason,
        }
    }
}

impl From<&ControlError> for Failure {
    fn from(error: &ControlError) -> Self {
        Self {
            code: error.code(),
            reason: alloc::string::ToString::to_string(error),
        }
    }
}

fn nothing_missing(held: &mut Held) -> bool {
    matches!(&held.stage, Stage::Attaching(attaching) if attaching.parts.is_empty())
}

/// What concerns more than one program needs a certificate for all.
fn check_scope(operator: &VerifiedSigner, operation: &Operation) -> Result<(), ControlError> {
    let all = operator.scope().name_prefixes().is_empty();
    match operation {
        Operation::Load { name, .. } => {
            let covered: Result<(), TrustError> = operator.check_name(name.as_str());
            covered.map_err(ControlError::Scope)
        }
        Operation::Freshness { .. } | Operation::Trust(_) | Operation::ControlProgram { .. }
            if !all =>
        {
            Err(ControlError::WholeInstance {
                operation: operation.name(),
            })
        }
        _ => Ok(()),
    }
}

fn encode(token: [u8; 16], transfer: Transfer, body: Body<'_>) -> Vec<u8> {
    let packet = Packet {
        token,
        transfer,
        body,
    };
    packet.encode()
}

fn count(counter: &mut u64) {
    *counter = counter.saturating_add(1);
}
