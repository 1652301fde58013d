//! Control messages, replies, evidence and map contents: each has one encoding, and nothing else is
//! read.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    reason = "a test fails by panicking"
)]

use bpf_statement::cbor::Writer;
use bpf_statement::{
    Attachment, Evidence, InstanceId, KeyClass, Keys, MAX_ATTACHMENT, MapContents, MessageError,
    Name, Operation, Outcome, Reply, Request, RunState, Running, SessionId, SignedObject,
    StoreClass, Symbol, Text, Texts, TimeClass, UnixTime,
};
use platform_click::{Digest, MapKind, ProgramKind};

fn text(text: &str) -> Text {
    Text::new(text).unwrap()
}

fn name(name: &str) -> Name {
    Name::new(name).unwrap()
}

fn symbol(symbol: &str) -> Symbol {
    Symbol::new(symbol).unwrap()
}

fn attachment(length: u32) -> Attachment {
    Attachment::new(length, Digest::of(&length.to_le_bytes())).unwrap()
}

fn object() -> SignedObject {
    SignedObject {
        object: attachment(2000),
        bundle: attachment(1000),
    }
}

/// One of each.
fn operations() -> Vec<Operation> {
    let element = text("wall/f");
    vec![
        Operation::Status,
        Operation::Load {
            element: element.clone(),
            name: name("wall"),
            program: Some(symbol("main")),
            source: Some(object()),
        },
        Operation::Load {
            element: element.clone(),
            name: name("wall"),
            program: None,
            source: None,
        },
        Operation::Unload {
            element: element.clone(),
        },
        Operation::UpdateMap {
            element: element.clone(),
            contents: attachment(1),
        },
        Operation::DeleteFromMap {
            element: element.clone(),
            map: symbol("ports"),
            keys: attachment(MAX_ATTACHMENT),
        },
        Operation::ExchangeMaps {
            element: element.clone(),
            contents: vec![attachment(7), attachment(8)],
        },
        Operation::ReadMap {
            element,
            map: symbol("ports"),
        },
        Operation::ReadHandlers(vec![text("c.count"), text("f.quarantined")]),
        Operation::Nonce,
        Operation::Freshness {
            nonce: [5; 32],
            time: UnixTime::from_secs(1_800_000_000),
            counters: vec![(name("nat"), 1), (name("wall"), 9)],
        },
        Operation::Trust(vec![attachment(5)]),
        Operation::Evidence { nonce: vec![1; 8] },
        Operation::ControlProgram {
            name: name("guard"),
            source: Some(object()),
        },
        Operation::ControlProgram {
            name: name("guard"),
            source: None,
        },
    ]
}

fn request(operation: Operation) -> Request {
    Request {
        instance: InstanceId([1; 16]),
        session: SessionId([2; 16]),
        sequence: 3,
        signed: UnixTime::from_secs(1_800_000_000),
        expires: UnixTime::from_secs(1_800_000_600),
        operation,
    }
}

fn running() -> Running {
    Running {
        element: text("wall/f"),
        name: name("wall"),
        counter: 3,
        program: symbol("main"),
        kind: ProgramKind::Filter,
        object: Digest::of(b"object"),
        image: Digest::of(b"image"),
        statement: Digest::of(b"statement"),
        signer: Digest::of(b"signer"),
        code: None,
        maps: Digest::of(b"maps"),
        state: RunState::Quarantined,
        fuel_aborts: 1,
        faults: 2,
    }
}

fn evidence() -> Evidence {
    Evidence {
        issued: UnixTime::from_secs(1_800_000_000),
        nonce: vec![9; 16],
        instance: InstanceId([1; 16]),
        uptime: 77,
        boots: 2,
        session: SessionId([2; 16]),
        software: (text("bpfclick"), text("0.1.0")),
        key_class: KeyClass::Software,
        trust: (4, Digest::of(b"trust")),
        time_class: TimeClass::Clock,
        log: (12, Digest::of(b"line")),
        store_class: StoreClass::File,
        executable: Some(Digest::of(b"executable")),
        running: vec![running()],
        control_program: Some((name("guard"), 1, Digest::of(b"guard"))),
    }
}

fn contents() -> MapContents {
    MapContents {
        map: symbol("ports"),
        kind: MapKind::Hash,
        key_size: 2,
        value_size: 1,
        max_entries: 3,
        entries: vec![(vec![9, 0], vec![1]), (vec![0, 9], vec![2])],
    }
}

fn replies() -> Vec<Reply> {
    let outcomes = [
        Outcome::Done(None),
        Outcome::Done(Some(attachment(9))),
        Outcome::Refused {
            exit: 27,
            code: text("BPF-L012"),
            reason: "the counter falls from 3 to 2".into(),
        },
    ];
    let reply = |outcome| Reply {
        instance: InstanceId([1; 16]),
        request: Digest::of(b"request"),
        time: UnixTime::from_secs(1_800_000_001),
        outcome,
    };
    outcomes.map(reply).into()
}

type Decode = fn(&[u8]) -> Result<Vec<u8>, MessageError>;

/// A message of every form, with what reads it and writes what was read.
fn messages() -> Vec<(Vec<u8>, Decode)> {
    let mut all: Vec<(Vec<u8>, Decode)> = Vec::new();
    for operation in operations() {
        let bytes = request(operation).encode().unwrap();
        all.push((bytes, |bytes| Request::decode(bytes)?.encode()));
    }
    for reply in replies() {
        all.push((reply.encode(), |bytes| Ok(Reply::decode(bytes)?.encode())));
    }
    let bytes = evidence().encode().unwrap();
    all.push((bytes, |bytes| Evidence::decode(bytes)?.encode()));
    let bytes = contents().encode().unwrap();
    all.push((bytes, |bytes| MapContents::decode(bytes)?.encode()));
    let keys = Keys(vec![vec![1, 2], vec![]]);
    all.push((keys.encode(), |bytes| Ok(Keys::decode(bytes)?.encode())));
    let texts = Texts(vec!["one".into(), "zwölf".into()]);
    all.push((texts.encode(), |bytes| Ok(Texts::decode(bytes)?.encode())));
    all
}

#[test]
fn what_is_written_is_read() {
    for operation in operations() {
        let request = request(operation);
        let bytes = request.encode().unwrap();
        assert_eq!(Request::decode(&bytes).unwrap(), request);
    }
    for reply in replies() {
        assert_eq!(Reply::decode(&reply.encode()).unwrap(), reply);
    }
    let evidence = evidence();
    let bytes = evidence.encode().unwrap();
    assert_eq!(Evidence::decode(&bytes).unwrap(), evidence);
    let read = MapContents::decode(&contents().encode().unwrap()).unwrap();
    let mut entries = contents().entries;
    entries.reverse();
    assert_eq!(read.entries, entries, "ascending");
}

/// Whatever is read has just the encoding that it was read from, with any bit flipped, any byte
/// missing at the end, one too many, and any head of an item in a longer form.
#[test]
fn there_is_one_encoding() {
    for (bytes, decode) in messages() {
        assert_eq!(decode(&bytes).as_ref(), Ok(&bytes));
        for end in 0..bytes.len() {
            assert!(decode(&bytes[..end]).is_err());
        }
        assert!(decode(&[bytes.as_slice(), &[0]].concat()).is_err());
        for bit in 0..bytes.len() * 8 {
            let mut mutant = bytes.clone();
            mutant[bit / 8] ^= 1 << (bit % 8);
            if let Ok(again) = decode(&mutant) {
                assert_eq!(again, mutant);
            }
        }
        for at in 0..bytes.len() {
            // A small number in two bytes instead of one.
            let longer = [bytes[at] & 0xe0 | 24, bytes[at] & 0x1f];
            if bytes[at] & 0x1f < 24 {
                let mutant = [&bytes[..at], &longer, &bytes[at + 1..]].concat();
                if let Ok(again) = decode(&mutant) {
                    assert_eq!(again, mutant);
                }
            }
        }
    }
}

#[test]
fn rules_of_requests() {
    let broken = |change: fn(&mut Request)| {
        let mut request = request(Operation::Status);
        change(&mut request);
        request.encode().unwrap_err()
    };
    let range = |error| matches!(error, MessageError::Range { .. });
    assert!(range(broken(|r| r.sequence = 0)));
    assert!(range(broken(|r| r.sequence = 1 << 53)));
    let late = |r: &mut Request| r.expires = UnixTime::YEAR_9999.saturating_add(1);
    assert!(range(broken(late)));
    let rule = |error| matches!(error, MessageError::Rule(_));
    assert!(rule(broken(|r| r.expires = r.signed)));
    let operation = |operation| move |r: &mut Request| r.operation = operation;
    for operation_ in [
        Operation::Unload { element: text("") },
        Operation::ReadHandlers(vec![]),
        Operation::Trust(vec![]),
        Operation::Freshness {
            nonce: [0; 32],
            time: UnixTime::EPOCH,
            counters: vec![(name("b"), 1), (name("a"), 1)],
        },
        Operation::Freshness {
            nonce: [0; 32],
            time: UnixTime::EPOCH,
            counters: vec![(name("a"), 1), (name("a"), 1)],
        },
    ] {
        let mut request = request(Operation::Status);
        operation(operation_)(&mut request);
        assert!(rule(request.encode().unwrap_err()));
    }
    for nonce in [7, 65] {
        let nonce = vec![0; nonce];
        let error = request(Operation::Evidence { nonce }).encode().unwrap_err();
        assert!(range(error));
    }
    let many = vec![text("a.b"); 65];
    let error = request(Operation::ReadHandlers(many)).encode().unwrap_err();
    assert!(matches!(error, MessageError::Cbor(_)));
    assert!(Attachment::new(0, Digest::of(b"")).is_err());
    assert!(Attachment::new(MAX_ATTACHMENT + 1, Digest::of(b"")).is_err());
}

#[test]
fn operations_and_versions_that_are_not_known() {
    let good = request(Operation::Status).encode().unwrap();
    let with = |at: usize, byte| {
        let mut bytes = good.clone();
        bytes[at] = byte;
        Request::decode(&bytes).unwrap_err()
    };
    assert_eq!(with(2, 2), MessageError::Version(2));
    assert_eq!(
        with(good.len() - 1, 14),
        MessageError::Unknown {
            what: "operation",
            number: 14
        }
    );
    // A later version is named even if it has more entries.
    let mut out = Writer::default();
    out.map(9).i64(1).u64(2).i64(2).u64(0);
    let error = Request::decode(&out.into_bytes()).unwrap_err();
    assert_eq!(error, MessageError::Version(2));
}

#[test]
fn rules_of_map_contents() {
    let broken = |change: fn(&mut MapContents)| {
        let mut contents = contents();
        change(&mut contents);
        contents.encode().unwrap_err()
    };
    for error in [
        broken(|c| c.entries[0].0 = vec![1]),
        broken(|c| c.entries[0].1 = vec![]),
        broken(|c| c.max_entries = 1),
        broken(|c| c.entries[0].0 = c.entries[1].0.clone()),
    ] {
        assert!(matches!(error, MessageError::Rule(_)), "{error}");
    }
    // Queues have no keys, and an order of their own.
    let queue = MapContents {
        kind: MapKind::Queue,
        key_size: 0,
        entries: vec![(vec![], vec![2]), (vec![], vec![1]), (vec![], vec![2])],
        ..contents()
    };
    let read = MapContents::decode(&queue.clone().encode().unwrap()).unwrap();
    assert_eq!(read, queue);
}

/// A reason that is too long is cut where a character ends.
#[test]
fn long_reasons() {
    let mut reply = replies().remove(2);
    let Outcome::Refused { reason, .. } = &mut reply.outcome else {
        panic!("it is refused");
    };
    *reason = format!("x{}", "ü".repeat(4000));
    let read = Reply::decode(&reply.encode()).unwrap();
    let Outcome::Refused { reason, .. } = read.outcome else {
        panic!("it is refused");
    };
    assert_eq!(reason, format!("x{}", "ü".repeat(2047)));
}
