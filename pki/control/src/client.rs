//! The operator's side of the channel.

use alloc::vec::Vec;

use bpf_statement::{Attachment, InstanceId, SessionId};
use platform_click::{Code, Digest};

use crate::codes;
use crate::packet::{Body, MAX_DIGESTS, NO_TRANSFER, Packet, State, Transfer};
use crate::tree::{Assembly, Tree, TreeError};

/// What an instance says before anything is asked of it. Nobody has signed it: it is good for making a
/// request, which counts for no other instance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Welcome {
    /// The instance.
    pub instance: InstanceId,
    /// Its session.
    pub session: SessionId,
    /// The last sequence that counted.
    pub sequence: u64,
    cookie: [u8; 16],
}

impl Welcome {
    /// The packet that asks for a welcome. `token` is drawn at random.
    #[must_use]
    pub fn question(token: [u8; 16]) -> Vec<u8> {
        let packet = Packet {
            token,
            transfer: NO_TRANSFER,
            body: Body::Hello,
        };
        packet.encode()
    }

    /// The welcome in a packet, if it answers the question with `token`.
    #[must_use]
    pub fn parse(packet: &[u8], token: [u8; 16]) -> Option<Self> {
        let packet = Packet::parse(packet)?;
        match packet.body {
            Body::Welcome {
                token: found,
                instance,
                session,
                sequence,
            } if found == token => Some(Self {
                instance,
                session,
                sequence,
                cookie: packet.token,
            }),
            _ => None,
        }
    }
}

/// Why a request does not get to a reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The request, or what it brings, is empty or too large.
    #[error(transparent)]
    Size(#[from] TreeError),
    /// The instance does not accept the request.
    #[error("the instance does not accept the message")]
    TurnedAway,
    /// The instance has forgotten the request.
    #[error("the instance has forgotten the message")]
    Forgotten,
    /// The reply has no length that a reply may have.
    #[error("the reply has no length that a reply may have")]
    ReplySize,
}

impl ClientError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        match self {
            Self::Size(_) => codes::TOO_MUCH,
            Self::TurnedAway | Self::Forgotten => codes::TURNED_AWAY,
            Self::ReplySize => codes::REPLY,
        }
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Send these; with none, wait.
    Send(Vec<Vec<u8>>),
    /// The instance works, or has missed something: go on a little later, with [`Client::again`].
    Wait,
    /// This was asked for: the reply, or its answer. Who signed it is not known yet.
    Received(Vec<u8>),
}

/// A request on its way.
#[derive(Debug)]
pub struct Client {
    cookie: [u8; 16],
    transfer: Transfer,
    /// The request, and what it brings.
    parts: Vec<Tree>,
    stage: Stage,
    starts: u32,
}

/// How often a request is sent from its beginning: packets of it may get lost, or come at a time when
/// the instance has verified as much as it does in a second.
const MAX_STARTS: u32 = 8;

#[derive(Debug)]
enum Stage {
    /// Nothing of it has arrived.
    Starting,
    /// The instance receives or works.
    Asking,
    /// Its reply or answer comes.
    Fetching {
        contents: Assembly,
        /// Parts that were asked for and have not come.
        outstanding: usize,
    },
    /// What was asked for has come.
    Idle,
}

impl Client {
    /// A signed request for whoever sent the welcome, and what it brings.
    ///
    /// # Errors
    /// [`ClientError::Size`].
    pub fn new(
        welcome: &Welcome,
        request: &[u8],
        attachments: &[Vec<u8>],
    ) -> Result<Self, ClientError> {
        let request = Tree::new(request)?;
        let transfer = Transfer {
            root: request.attachment().root(),
            length: request.attachment().length(),
        };
        let mut parts = Vec::from([request]);
        for contents in attachments {
            parts.push(Tree::new(contents)?);
        }
        Ok(Self {
            cookie: welcome.cookie,
            transfer,
            parts,
            stage: Stage::Starting,
            starts: 0,
        })
    }

    /// The root of the request, which the reply repeats.
    #[must_use]
    pub const fn request(&self) -> Digest {
        self.transfer.root
    }

    /// What to send at first, when nothing has come for a while, and when the instance works.
    pub fn again(&mut self) -> Vec<Vec<u8>> {
        match &mut self.stage {
            Stage::Starting => {
                self.stage = Stage::Asking;
                self.starts = self.starts.saturating_add(1);
                let request = self.parts.first();
                let parts = request.into_iter().flat_map(Tree::iter);
                let mut packets: Vec<_> = parts.map(|part| self.encode(Body::Node(part))).collect();
                packets.push(self.encode(Body::Poll));
                packets
            }
            Stage::Asking => [self.encode(Body::Poll)].into(),
            Stage::Fetching {
                contents,
                outstanding,
            } => {
                let missing: Vec<_> = contents.missing(MAX_DIGESTS).copied().collect();
                *outstanding = missing.len();
                [self.encode(Body::Fetch(missing))].into()
            }
            Stage::Idle => Vec::new(),
        }
    }

    /// Asks for the answer that the reply names.
    pub fn fetch(&mut self, answer: Attachment) -> Vec<Vec<u8>> {
        self.stage = Stage::Fetching {
            contents: Assembly::new(answer),
            outstanding: 0,
        };
        self.again()
    }

    /// Takes a packet from the instance.
    ///
    /// # Errors
    /// It says that there will be no reply.
    pub fn receive(&mut self, packet: &[u8]) -> Result<Progress, ClientError> {
        let nothing = Progress::Send(Vec::new());
        let Some(packet) = Packet::parse(packet) else {
            return Ok(nothing);
        };
        if packet.token != self.cookie || packet.transfer != self.transfer {
            return Ok(nothing);
        }
        match (packet.body, &mut self.stage) {
            (Body::State(state), Stage::Asking) => self.take_state(state),
            (
                Body::Node(part),
                Stage::Fetching {
                    contents,
                    outstanding,
                },
            ) => {
                if contents.insert(part) {
                    *outstanding = outstanding.saturating_sub(1);
                }
                if contents.is_complete() {
                    return Ok(self.take_contents());
                }
                // The next ones are asked for when all of the last have come.
                let next = *outstanding == 0;
                Ok(if next {
                    Progress::Send(self.again())
                } else {
                    nothing
                })
            }
            _ => Ok(nothing),
        }
    }

    fn take_state(&mut self, state: State) -> Result<Progress, ClientError> {
        match state {
            State::Unknown if self.starts >= MAX_STARTS => Err(ClientError::Forgotten),
            State::Unknown => {
                self.stage = Stage::Starting;
                Ok(Progress::Wait)
            }
            State::Refused => Err(ClientError::TurnedAway),
            State::Working => Ok(Progress::Wait),
            State::Receiving(missing) => {
                let part = |digest| self.parts.iter().find_map(|tree| tree.part(digest));
                let parts = missing.iter().filter_map(part);
                let mut packets: Vec<_> = parts.map(|part| self.encode(Body::Node(part))).collect();
                packets.push(self.encode(Body::Poll));
                Ok(Progress::Send(packets))
            }
            State::Done(reply) => {
                let attachment = Attachment::new(reply.length, reply.root);
                let attachment = attachment.map_err(|_| ClientError::ReplySize)?;
                let max = bpf_statement::Purpose::ControlReply.max_size();
                if usize::try_from(reply.length).unwrap_or(usize::MAX) > max {
                    return Err(ClientError::ReplySize);
                }
                Ok(Progress::Send(self.fetch(attachment)))
            }
        }
    }

    fn take_contents(&mut self) -> Progress {
        match core::mem::replace(&mut self.stage, Stage::Idle) {
            Stage::Fetching { contents, .. } => match contents.finish() {
                Ok(contents) => Progress::Received(contents),
                Err(_) => Progress::Send(Vec::new()),
            },
            _ => Progress::Send(Vec::new()),
        }
    }

    fn encode(&self, body: Body<'_>) -> Vec<u8> {
        let packet = Packet {
            token: self.cookie,
            transfer: self.transfer,
            body,
        };
        packet.encode()
    }
}
