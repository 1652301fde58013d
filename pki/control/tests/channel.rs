//! Both sides of the channel, over networks of every quality.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::too_many_lines,
    reason = "a test fails by panicking"
)]

#[path = "../../trust/tests/common/mod.rs"]
mod pki;

use std::collections::VecDeque;

use bpf_control::{
    Client, ClientError, Event, Failure, Identity, MAX_PACKET, Peer, Progress, ReplySigner, Server,
    Tree, TrustAuthority, Welcome, codes, limits,
};
use bpf_statement::{
    Attachment, Chain, InstanceId, Name, Operation, Outcome, Purpose, Reply, Request, SessionId,
    Sign1, SignedObject, Text, UnixTime, Unsigned,
};
use bpf_trust::{ChainCache, Role, TrustBundle, verify_chain};
use pki::{Key, NOW, Pki, eku, scope};
use platform_click::Digest;

const IDENTITY: Identity = Identity {
    instance: InstanceId([1; 16]),
    session: SessionId([2; 16]),
};

fn peer(number: u8) -> Peer {
    Peer {
        address: vec![10, 0, 0, number],
        port: 1000,
    }
}

/// Certificates for a role.
fn certificates(role: Role, prefixes: &[&str]) -> Pki {
    Pki::with(|pki| {
        pki.ca.extended_key_usages = vec![eku(role)];
        pki.leaf.extended_key_usages = vec![eku(role)];
        pki.leaf.custom_extensions = vec![scope(7, prefixes)];
    })
}

fn sign(pki: &Pki, purpose: Purpose, payload: Vec<u8>) -> Vec<u8> {
    let (leaf, ca) = (pki.leaf_der(), pki.ca_der());
    let chain = Chain {
        leaf: &leaf,
        ca: &ca,
    };
    let message = Unsigned::new(purpose, chain, payload).unwrap();
    message.assemble(&pki.leaf_key.sign(&message.to_be_signed()))
}

struct Device(Pki);

impl ReplySigner for Device {
    fn sign(&mut self, payload: Vec<u8>) -> Option<Vec<u8>> {
        Some(sign(&self.0, Purpose::ControlReply, payload))
    }
}

/// An instance that answers each request with what is attached to it.
struct Instance {
    server: Server,
    trust: TrustBundle,
    chains: ChainCache,
    device: Device,
    executed: Vec<Operation>,
    refused: Vec<&'static str>,
    clock_ms: u64,
}

impl Instance {
    fn new() -> Self {
        Self {
            server: Server::new(IDENTITY, [9; 32]),
            trust: Pki::new().bundle(),
            chains: ChainCache::default(),
            device: Device(certificates(Role::Device, &[])),
            executed: Vec::new(),
            refused: Vec::new(),
            clock_ms: 0,
        }
    }

    fn receive(&mut self, from: &Peer, packet: &[u8]) -> Vec<Vec<u8>> {
        let mut authority = TrustAuthority {
            trust: &self.trust,
            now: NOW,
            chains: &mut self.chains,
        };
        let answers = self
            .server
            .receive(from, packet, self.clock_ms, &mut authority);
        while let Some(event) = self.server.next_event() {
            let (id, result) = match event {
                Event::Execute(command) => {
                    self.executed.push(command.request.operation.clone());
                    let answer = command.attachments.concat();
                    (command.id, Ok((!answer.is_empty()).then_some(answer)))
                }
                Event::Refuse(refused) => {
                    self.refused.push(refused.error.code().id);
                    (refused.id, Err(Failure::from(&refused.error)))
                }
            };
            let (clock, device) = (self.clock_ms, &mut self.device);
            self.server.finish(id, NOW, result, clock, device);
        }
        answers
    }

    fn welcome(&mut self, from: &Peer) -> Welcome {
        let answers = self.receive(from, &Welcome::question([4; 16]));
        let [answer] = answers.as_slice() else {
            panic!("{} answers", answers.len());
        };
        assert!(answer.len() <= Welcome::question([4; 16]).len());
        assert_eq!(Welcome::parse(answer, [5; 16]), None);
        Welcome::parse(answer, [4; 16]).unwrap()
    }
}

fn request(sequence: u64, operation: Operation) -> Request {
    Request {
        instance: IDENTITY.instance,
        session: IDENTITY.session,
        sequence,
        signed: NOW,
        expires: NOW.saturating_add(60),
        operation,
    }
}

fn signed(pki: &Pki, request: &Request) -> Vec<u8> {
    sign(pki, Purpose::Control, request.encode().unwrap())
}

fn attachment(contents: &[u8]) -> Attachment {
    Tree::new(contents).unwrap().attachment()
}

/// What the network does to the packet with this number.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Arrives,
    Lost,
    Twice,
    /// Behind the next one.
    Late,
}

/// The fate of each packet by its number.
type Network = fn(usize) -> Fate;

fn carried(packets: Vec<Vec<u8>>, number: &mut usize, fate: Network) -> Vec<Vec<u8>> {
    let mut arrived = Vec::new();
    let mut late = VecDeque::new();
    for packet in packets {
        *number += 1;
        match fate(*number) {
            Fate::Arrives => arrived.push(packet),
            Fate::Lost => {}
            Fate::Twice => arrived.extend([packet.clone(), packet]),
            Fate::Late => {
                late.push_back(packet);
                continue;
            }
        }
        arrived.extend(late.drain(..));
    }
    arrived.extend(late);
    arrived
}

/// Sends a request over a network until there is a reply, and its answer.
fn converse(
    instance: &mut Instance,
    from: &Peer,
    message: &[u8],
    attachments: &[Vec<u8>],
    fate: Network,
) -> Result<(Outcome, Vec<u8>), ClientError> {
    let welcome = instance.welcome(from);
    let mut client = Client::new(&welcome, message, attachments).unwrap();
    let mut number = 0;
    let mut to_send = client.again();
    let mut reply: Option<Reply> = None;
    for _ in 0..20_000 {
        instance.clock_ms += 1;
        if to_send.is_empty() {
            instance.clock_ms += 50;
            to_send = client.again();
        }
        let arrived = carried(core::mem::take(&mut to_send), &mut number, fate);
        let answers: Vec<_> = arrived
            .iter()
            .inspect(|packet| assert!(packet.len() <= MAX_PACKET))
            .flat_map(|packet| instance.receive(from, packet))
            .collect();
        for answer in carried(answers, &mut number, fate) {
            assert!(answer.len() <= MAX_PACKET);
            match client.receive(&answer)? {
                Progress::Send(packets) => to_send.extend(packets),
                Progress::Wait => {}
                Progress::Received(bytes) => match reply.take() {
                    None => {
                        let read = opened(&bytes);
                        assert_eq!(read.request, client.request());
                        match read.outcome {
                            Outcome::Done(Some(answer)) => {
                                to_send = client.fetch(answer);
                                reply = Some(read);
                            }
                            outcome => return Ok((outcome, Vec::new())),
                        }
                    }
                    Some(reply) => return Ok((reply.outcome, bytes)),
                },
            }
        }
    }
    panic!("there is no reply");
}

fn opened(bytes: &[u8]) -> Reply {
    let message = Sign1::parse(Purpose::ControlReply, bytes).unwrap();
    let chain = message.chain();
    let trust = Pki::new().bundle();
    let signer = verify_chain(&trust, chain.leaf, chain.ca, NOW, Role::Device).unwrap();
    signer
        .verify(&message.to_be_signed(), message.signature())
        .unwrap();
    Reply::decode(message.payload()).unwrap()
}

fn perfect(_: usize) -> Fate {
    Fate::Arrives
}

fn bad(number: usize) -> Fate {
    match number % 7 {
        0 => Fate::Lost,
        2 => Fate::Twice,
        4 => Fate::Late,
        _ => Fate::Arrives,
    }
}

fn terrible(number: usize) -> Fate {
    match Digest::of(&number.to_le_bytes()).as_bytes()[0] % 4 {
        0 => Fate::Arrives,
        1 => Fate::Late,
        _ => Fate::Lost,
    }
}

fn load(object: &[u8], bundle: &[u8]) -> Operation {
    Operation::Load {
        element: Text::new("f").unwrap(),
        name: Name::new("prog").unwrap(),
        program: None,
        source: Some(SignedObject {
            object: attachment(object),
            bundle: attachment(bundle),
        }),
    }
}

/// Contents of which every byte depends on its place.
fn contents(length: u32) -> Vec<u8> {
    let word = |at: u32| (at.wrapping_mul(2_654_435_761) >> 13).to_le_bytes()[0];
    (0..length).map(word).collect()
}

#[test]
fn everything_arrives_over_every_network() {
    let operator = certificates(Role::Operator, &[]);
    let networks: [(u32, Network); 7] = [
        (1, perfect),
        (1024, perfect),
        (1025, bad),
        (32 * 1024, bad),
        (32 * 1024 + 1, bad),
        (1 << 20, bad),
        (100_000, terrible),
    ];
    for (length, fate) in networks {
        let mut instance = Instance::new();
        let files = [contents(length), contents(77)];
        let operation = load(&files[0], &files[1]);
        let message = signed(&operator, &request(1, operation.clone()));
        let answer = converse(&mut instance, &peer(1), &message, &files, fate).unwrap();
        assert!(matches!(answer.0, Outcome::Done(Some(_))));
        assert!(answer.1 == files.concat(), "{length} bytes");
        assert_eq!(instance.executed, [operation], "once, whatever came twice");
    }
}

/// Equal chunks have one digest, and belong to several places.
#[test]
fn contents_that_repeat_themselves() {
    let operator = certificates(Role::Operator, &[]);
    let mut instance = Instance::new();
    let files = [vec![0; 300_000], vec![0; 300_000]];
    let message = signed(&operator, &request(1, load(&files[0], &files[1])));
    let answer = converse(&mut instance, &peer(1), &message, &files, bad).unwrap();
    assert!(answer.1 == files.concat());
}

#[test]
fn the_break_glass_role_controls_too_and_no_other() {
    for role in Role::ALL {
        let mut instance = Instance::new();
        let message = signed(&certificates(*role, &[]), &request(1, Operation::Nonce));
        let outcome = converse(&mut instance, &peer(1), &message, &[], perfect);
        match role {
            Role::Operator | Role::BreakGlass => assert_eq!(instance.executed.len(), 1),
            _ => {
                assert_eq!(outcome, Err(ClientError::TurnedAway));
                assert_eq!(instance.server.counts().unauthenticated, 1);
                assert!(instance.executed.is_empty() && instance.refused.is_empty());
            }
        }
    }
}

/// What is not an operator's, or not for now, is counted, and that is all.
#[test]
fn what_does_not_count_is_counted() {
    let operator = certificates(Role::Operator, &[]);
    let with = |change: fn(&mut Request)| {
        let mut request = request(5, Operation::Nonce);
        change(&mut request);
        signed(&operator, &request)
    };
    let mut foreign = operator.clone();
    foreign.root_key = Key::new("another root");
    let mut forged = with(|_| {});
    *forged.last_mut().unwrap() ^= 1;
    let unauthenticated = [
        forged,
        signed(&foreign, &request(5, Operation::Nonce)),
        sign(
            &operator,
            Purpose::Evidence,
            request(5, Operation::Nonce).encode().unwrap(),
        ),
        sign(&operator, Purpose::Control, b"no request".into()),
        b"no message at all".into(),
    ];
    let stale = [
        with(|r| r.instance.0[0] ^= 1),
        with(|r| r.session.0[0] ^= 1),
        with(|r| r.sequence = limits::MAX_SEQUENCE_JUMP + 1),
    ];
    for (messages, is_stale) in [(unauthenticated.as_slice(), false), (&stale, true)] {
        for message in messages {
            let mut instance = Instance::new();
            let outcome = converse(&mut instance, &peer(1), message, &[], perfect);
            assert_eq!(outcome, Err(ClientError::TurnedAway));
            let counts = instance.server.counts();
            let expected = if is_stale { (0, 1) } else { (1, 0) };
            assert_eq!((counts.unauthenticated, counts.stale), expected);
            assert!(instance.executed.is_empty() && instance.refused.is_empty());
            assert_eq!(instance.server.sequence(), 0);
        }
    }
}

#[test]
fn a_replay_does_nothing() {
    let operator = certificates(Role::Operator, &[]);
    let mut instance = Instance::new();
    let messages: Vec<_> = (1..=3)
        .map(|sequence| signed(&operator, &request(sequence, Operation::Nonce)))
        .collect();
    for message in &messages {
        converse(&mut instance, &peer(1), message, &[], perfect).unwrap();
    }
    // As long as the reply is kept, it is given again; nothing is done again.
    converse(&mut instance, &peer(2), &messages[2], &[], perfect).unwrap();
    assert_eq!(instance.executed.len(), 3);
    // Later it is not even verified.
    instance.clock_ms += 10 * limits::REPLY_TIME_MS;
    for message in &messages {
        let outcome = converse(&mut instance, &peer(3), message, &[], perfect);
        assert_eq!(outcome, Err(ClientError::Forgotten));
    }
    assert_eq!(instance.executed.len(), 3);
    assert_eq!(instance.server.counts().unauthenticated, 0);
    assert_eq!(instance.server.sequence(), 3);
    // And when its root is forgotten, its sequence is not.
    for sequence in 10..10 + u64::try_from(limits::MAX_REMEMBERED).unwrap() {
        instance.clock_ms += 1000;
        let message = signed(&operator, &request(sequence, Operation::Nonce));
        converse(&mut instance, &peer(1), &message, &[], perfect).unwrap();
    }
    instance.clock_ms += 10 * limits::REPLY_TIME_MS;
    let outcome = converse(&mut instance, &peer(3), &messages[0], &[], perfect);
    assert_eq!(outcome, Err(ClientError::TurnedAway));
    assert_eq!(instance.server.counts().stale, 1);
}

#[test]
fn what_an_operator_may_not_gets_a_reply() {
    let all = certificates(Role::Operator, &[]);
    let some = certificates(Role::Operator, &["nat"]);
    let trust = Operation::Trust(vec![attachment(b"x")]);
    let expired = |request: &mut Request| {
        request.signed = NOW.saturating_sub(100);
        request.expires = NOW;
    };
    let early = |request: &mut Request| request.signed = UnixTime::from_secs(1);
    let nothing = |_: &mut Request| {};
    type Change = fn(&mut Request);
    let cases: [(&Pki, Operation, Change, _); 5] = [
        (&all, Operation::Nonce, expired, codes::EXPIRED),
        (&all, Operation::Nonce, early, codes::EXPIRED),
        (&some, trust, nothing, codes::SCOPE),
        (&some, load(b"o", b"b"), nothing, codes::SCOPE),
        (
            &all,
            Operation::Trust(vec![Attachment::new(2 << 20, Digest::of(b"")).unwrap(); 3]),
            nothing,
            codes::TOO_MUCH,
        ),
    ];
    for (operator, operation, change, code) in cases {
        let mut instance = Instance::new();
        let mut request = request(1, operation);
        change(&mut request);
        let message = signed(operator, &request);
        let (outcome, _) = converse(&mut instance, &peer(1), &message, &[], perfect).unwrap();
        let Outcome::Refused {
            exit, code: found, ..
        } = outcome
        else {
            panic!("{outcome:?}");
        };
        assert_eq!((found.as_str(), exit), (code.id, code.exit.number()));
        assert_eq!(instance.refused, [code.id], "once");
        assert_eq!(instance.server.sequence(), 1, "it counts");
    }
}

/// 61: parts that somebody else sends take the place of nothing.
#[test]
fn a61_fragment_poisoning() {
    let operator = certificates(Role::Operator, &[]);
    let mut instance = Instance::new();
    let files = [contents(5000), contents(77)];
    let message = signed(&operator, &request(1, load(&files[0], &files[1])));
    let mut wrong = message.clone();
    *wrong.last_mut().unwrap() ^= 1;

    // The attacker has a cookie, sees everything, and is always faster.
    let attacker = peer(6);
    let welcome = instance.welcome(&attacker);
    let mut genuine = Client::new(&welcome, &message, &files).unwrap();
    let mut packets = genuine.again();
    packets.pop();
    for packet in &packets {
        for at in 64..packet.len() {
            let mut poisoned = packet.clone();
            poisoned[at] ^= 0x10;
            instance.receive(&attacker, &poisoned);
        }
        let other = Client::new(&welcome, &wrong, &[]).unwrap().again();
        let mut swapped = packet[..64].to_vec();
        swapped.extend_from_slice(&other[1][64..]);
        instance.receive(&attacker, &swapped);
        instance.clock_ms += 1000;
    }
    let answer = converse(&mut instance, &peer(1), &message, &files, bad).unwrap();
    assert!(answer.1 == files.concat());
    assert_eq!(instance.executed.len(), 1);
    assert!(instance.server.counts().unwanted > 1000);
}

/// 62, and 37: whoever cannot be authenticated makes nothing but counters rise, and uses up neither
/// memory nor more than his share of the verifications.
#[test]
fn a62_flooding() {
    let operator = certificates(Role::Operator, &[]);
    let mut instance = Instance::new();
    let mut forged = signed(&operator, &request(1, Operation::Nonce));
    *forged.last_mut().unwrap() ^= 1;
    for number in 0..2000_u32 {
        // Each from another address, with another message.
        let from = Peer {
            address: number.to_le_bytes().into(),
            port: 1,
        };
        *forged.last_mut().unwrap() = number.to_le_bytes()[0];
        forged[100] = number.to_le_bytes()[1];
        if number % 10 == 0 {
            instance.clock_ms += 100;
        }
        let answers = instance.receive(&from, &Welcome::question([4; 16]));
        let Some(welcome) = answers.first() else {
            continue;
        };
        let welcome = Welcome::parse(welcome, [4; 16]).unwrap();
        let mut client = Client::new(&welcome, &forged, &[]).unwrap();
        for packet in client.again() {
            instance.receive(&from, &packet);
        }
    }
    let counts = instance.server.counts();
    // 20 s, 20 a second, and 20 at once.
    assert!((380..=440).contains(&counts.unauthenticated), "{counts:?}");
    assert!(counts.limited > 0, "{counts:?}");
    assert!(instance.executed.is_empty() && instance.refused.is_empty());
    // Packets without a cookie cost a hash and are not answered.
    let packet = Client::new(&instance.welcome(&peer(1)), &forged, &[])
        .unwrap()
        .again();
    for _ in 0..50 {
        assert!(instance.receive(&peer(2), &packet[0]).is_empty());
    }
    assert_eq!(instance.server.counts().without_cookie, 50);
    // An operator still gets through.
    instance.clock_ms += 1000;
    let message = signed(&operator, &request(1, Operation::Nonce));
    converse(&mut instance, &peer(9), &message, &[], perfect).unwrap();
    assert_eq!(instance.executed, [Operation::Nonce]);
}

/// Somebody who begins one request after the other displaces his own, and nobody else's.
#[test]
fn an_address_has_its_share_of_room() {
    let operator = certificates(Role::Operator, &[]);
    let mut instance = Instance::new();
    let message = signed(&operator, &request(1, Operation::Nonce));
    let welcome = instance.welcome(&peer(1));
    let mut client = Client::new(&welcome, &message, &[]).unwrap();
    let mut packets = client.again();
    instance.receive(&peer(1), &packets.remove(0));
    for number in 0..20_u8 {
        let mut other = message.clone();
        other[50] ^= number + 1;
        let welcome = instance.welcome(&peer(2));
        let mut hostile = Client::new(&welcome, &other, &[]).unwrap();
        instance.receive(&peer(2), &hostile.again()[0]);
    }
    for packet in packets {
        instance.receive(&peer(1), &packet);
    }
    assert_eq!(instance.executed, [Operation::Nonce]);
}

/// No packet of any form does more than be counted.
#[test]
fn packets_of_every_form() {
    let mut instance = Instance::new();
    let message = signed(
        &certificates(Role::Operator, &[]),
        &request(1, Operation::Nonce),
    );
    let welcome = instance.welcome(&peer(1));
    let mut client = Client::new(&welcome, &message, &[]).unwrap();
    for packet in client.again() {
        instance.clock_ms += 1000;
        for end in 0..64 {
            assert!(instance.receive(&peer(1), &packet[..end]).is_empty());
        }
        for bit in 0..64 * 8 {
            let mut mutant = packet.clone();
            mutant[bit / 8] ^= 1 << (bit % 8);
            instance.receive(&peer(1), &mutant);
        }
        let long = [packet.as_slice(), &[0; MAX_PACKET]].concat();
        assert!(instance.receive(&peer(1), &long).is_empty());
    }
    assert!(instance.executed.is_empty());
    assert!(instance.server.counts().malformed > 500);
}
