//! Trust bundles: who must have signed them, what replaces them, and what is read.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::arithmetic_side_effects,
    clippy::as_conversions,
    reason = "a test fails by panicking"
)]

mod common;

use bpf_statement::{Name, Text};
use bpf_trust::{
    Anchor, ContentsError, CounterReset, MinEngine, MinEpoch, Role, RootKeys, TrustBundle,
    TrustContents, TrustError, UnixTime, UnsignedTrustBundle, UnverifiedTrustBundle, Version,
};
use common::{Key, NOW, Pki, sign_bundle};
use platform_click::{Digest, ExitCode};

fn keys(names: &[&str]) -> Vec<Key> {
    names.iter().map(|name| Key::new(name)).collect()
}

fn root_keys(threshold: u8, keys: &[Key]) -> RootKeys {
    let keys = keys.iter().map(|key| key.public.clone()).collect();
    RootKeys::new(threshold, keys).unwrap()
}

/// A bundle of this version for which `threshold` of `own` must sign, signed by `signers`.
fn file(version: u64, threshold: u8, own: &[Key], signers: &[&Key]) -> Vec<u8> {
    let mut contents = Pki::new().contents();
    contents.version = version;
    contents.root_keys = root_keys(threshold, own);
    sign_bundle(contents, signers)
}

fn parse(bytes: &[u8]) -> Result<UnverifiedTrustBundle, TrustError> {
    UnverifiedTrustBundle::parse(bytes)
}

fn provision(bytes: &[u8]) -> Result<TrustBundle, TrustError> {
    parse(bytes)?.provision()
}

#[test]
fn one_of_one() {
    let own = keys(&["a"]);
    let good = file(1, 1, &own, &[&own[0]]);
    let bundle = parse(&good).unwrap().verify(&root_keys(1, &own)).unwrap();
    assert_eq!(bundle, provision(&good).unwrap());

    let unsigned = file(1, 1, &own, &[]);
    let error = provision(&unsigned).unwrap_err();
    assert_eq!(
        error,
        TrustError::BundleThreshold {
            whose: "its own",
            keys: 1,
            signed: 0,
            threshold: 1
        }
    );
    assert_eq!(error.code().id, "BPF-T023");
    assert_eq!(error.exit_code(), ExitCode::Untrusted);

    let by_another = file(1, 1, &own, &[&Key::new("b")]);
    assert_eq!(provision(&by_another).unwrap_err().code().id, "BPF-T023");
}

#[test]
fn keys_are_counted_not_signatures() {
    let own = keys(&["a", "b", "c"]);
    let twice = file(1, 2, &own, &[&own[0], &own[0]]);
    assert_eq!(
        provision(&twice).unwrap_err(),
        TrustError::BundleThreshold {
            whose: "its own",
            keys: 3,
            signed: 1,
            threshold: 2
        }
    );
    // The same with two signatures that differ.
    let mut contents = Pki::new().contents();
    contents.root_keys = root_keys(2, &own);
    let mut bundle = UnsignedTrustBundle::new(contents).unwrap();
    let message = bundle.to_be_signed(&own[0].public);
    for signature in [own[0].sign(&message), own[0].sign_anew(&message)] {
        bundle.add_signature(&own[0].public, &signature).unwrap();
    }
    let error = provision(&bundle.to_bytes()).unwrap_err();
    assert!(matches!(
        error,
        TrustError::BundleThreshold { signed: 1, .. }
    ));

    let with_a_stranger = file(1, 2, &own, &[&own[0], &Key::new("d")]);
    assert!(provision(&with_a_stranger).is_err());
    let by_two = file(1, 2, &own, &[&own[0], &own[2]]);
    assert!(provision(&by_two).is_ok());
    let by_two_and_twice = file(1, 2, &own, &[&own[1], &own[0], &own[1]]);
    assert!(provision(&by_two_and_twice).is_ok());
}

#[test]
fn one_key_is_not_two_root_keys() {
    let key = Key::new("a").public;
    let result = RootKeys::new(2, vec![key.clone(), key]);
    assert_eq!(result, Err(ContentsError::Order("root keys")));
}

#[test]
fn thresholds_that_cannot_be() {
    let three: Vec<_> = keys(&["a", "b", "c"])
        .into_iter()
        .map(|k| k.public)
        .collect();
    for threshold in [0, 4, 255] {
        assert_eq!(
            RootKeys::new(threshold, three.clone()),
            Err(ContentsError::Threshold { threshold, keys: 3 })
        );
    }
    assert!(RootKeys::new(3, three).is_ok());
    assert!(RootKeys::new(1, vec![]).is_err());
    let nine: Vec<_> = (0..9).map(|i| Key::new(&i.to_string()).public).collect();
    assert!(RootKeys::new(1, nine[..8].to_vec()).is_ok());
    assert!(RootKeys::new(1, nine).is_err());
}

/// The five cases of a change of root keys: old and new threshold met or not, and both by one key.
#[test]
fn a_change_of_root_keys_takes_both_thresholds() {
    let (old, new) = (keys(&["a", "b", "c"]), keys(&["d", "e", "f"]));
    let present = provision(&file(1, 2, &old, &[&old[0], &old[1]])).unwrap();
    let next = |signers: &[&Key]| present.successor(parse(&file(2, 2, &new, signers)).unwrap());
    let ([a, b, _], [d, e, _]) = (old.as_slice(), new.as_slice()) else {
        panic!("three keys each");
    };

    let whose = |result: Result<TrustBundle, TrustError>| match result.unwrap_err() {
        TrustError::BundleThreshold { whose, .. } => whose,
        error => panic!("{error}"),
    };
    assert_eq!(whose(next(&[d, e])), "pinned");
    assert_eq!(whose(next(&[a, d, e])), "pinned");
    assert_eq!(whose(next(&[a, b])), "its own");
    assert_eq!(whose(next(&[a, b, d])), "its own");
    let bundle = next(&[a, b, d, e]).unwrap();
    assert_eq!(bundle.root_keys(), &root_keys(2, &new));
    // What it was held against, through its predecessor, is what was provisioned.
    assert_eq!(bundle.pinned(), root_keys(2, &old).digest());
    let third = parse(&file(3, 2, &new, &[d, e])).unwrap();
    assert_eq!(bundle.successor(third).unwrap().pinned(), present.pinned());
}

/// The digest tells sets of keys and thresholds apart.
#[test]
fn root_keys_have_digests() {
    let (three, two) = (keys(&["a", "b", "c"]), keys(&["a", "b"]));
    let digests = [
        root_keys(1, &three).digest(),
        root_keys(2, &three).digest(),
        root_keys(1, &two).digest(),
    ];
    for (i, digest) in digests.iter().enumerate() {
        assert!(!digests[..i].contains(digest));
    }
    let own = provision(&file(1, 1, &two, &[&two[0]])).unwrap();
    assert_eq!(own.pinned(), digests[2]);
}

#[test]
fn keys_that_stay_count_for_both() {
    let old = keys(&["a", "b"]);
    let present = provision(&file(1, 1, &old, &[&old[0]])).unwrap();
    let new = keys(&["a", "c"]);
    let next = parse(&file(2, 1, &new, &[&new[0]])).unwrap();
    assert!(present.successor(next).is_ok());
}

#[test]
fn no_bundle_lowers_the_threshold_for_itself() {
    let old = keys(&["a", "b", "c"]);
    let present = provision(&file(1, 2, &old, &[&old[0], &old[1]])).unwrap();
    let next = parse(&file(2, 1, &old, &[&old[0]])).unwrap();
    assert!(matches!(
        present.successor(next),
        Err(TrustError::BundleThreshold {
            whose: "pinned",
            ..
        })
    ));
}

#[test]
fn a_replacement_is_the_next_version() {
    let own = keys(&["a"]);
    let signed = |version| parse(&file(version, 1, &own, &[&own[0]])).unwrap();
    let present = signed(5).provision().unwrap();
    for found in [1, 4, 5, 7, u64::MAX] {
        let error = present.successor(signed(found)).unwrap_err();
        assert_eq!(error, TrustError::BundleVersion { present: 5, found });
        assert_eq!(error.exit_code(), ExitCode::Rollback);
    }
    assert_eq!(present.successor(signed(6)).unwrap().version(), 6);
    let last = signed(u64::MAX).provision().unwrap();
    assert!(last.successor(signed(u64::MAX)).is_err());
}

#[test]
fn pinned_keys_of_another_installation() {
    let own = keys(&["a"]);
    let pinned = root_keys(1, &keys(&["b"]));
    let result = parse(&file(1, 1, &own, &[&own[0]]))
        .unwrap()
        .verify(&pinned);
    assert_eq!(result.unwrap_err().code().id, "BPF-T023");
}

#[test]
fn no_mutant_is_accepted() {
    let own = keys(&["a"]);
    let good = file(1, 1, &own, &[&own[0]]);
    let pinned = root_keys(1, &own);
    for bit in 0..good.len() * 8 {
        let mut mutant = good.clone();
        mutant[bit / 8] ^= 1 << (bit % 8);
        let result = parse(&mutant).and_then(|bundle| bundle.verify(&pinned));
        assert!(result.is_err(), "bit {bit}");
    }
    for end in 0..good.len() {
        let error = parse(&good[..end]).unwrap_err();
        assert_eq!(error.code().id, "BPF-T021", "byte {end}");
    }
    assert!(parse(&[good.as_slice(), &[0]].concat()).is_err());
    assert!(provision(&good).is_ok());
}

#[test]
fn a_file_that_is_too_long_is_not_read() {
    let error = parse(&vec![0; 32_769]).unwrap_err();
    assert_eq!(error, TrustError::BundleSize(32_769));
}

#[test]
fn a_file_has_sixteen_signatures_at_most() {
    let key = Key::new("a");
    let mut bundle = UnsignedTrustBundle::new(Pki::new().contents()).unwrap();
    let signature = key.sign(&bundle.to_be_signed(&key.public));
    for _ in 0..16 {
        bundle.add_signature(&key.public, &signature).unwrap();
    }
    assert!(parse(&bundle.to_bytes()).is_ok());
    let error = bundle.add_signature(&key.public, &signature).unwrap_err();
    assert_eq!(error.code().id, "BPF-T022");
}

#[test]
fn a_signature_with_high_s_does_not_count() {
    let own = keys(&["a"]);
    let mut good = file(1, 1, &own, &[&own[0]]);
    let unsigned = UnsignedTrustBundle::new({
        let mut contents = Pki::new().contents();
        contents.root_keys = root_keys(1, &own);
        contents
    });
    let message = unsigned.unwrap().to_be_signed(&own[0].public);
    let start = good.len() - 64;
    assert_eq!(good[start..], own[0].sign(&message));
    good[start..].copy_from_slice(&own[0].sign_high(&message));
    let key = own[0].digest();
    assert_eq!(provision(&good), Err(TrustError::BundleSignature { key }));
}

#[test]
fn a_signature_over_the_payload_alone_does_not_count() {
    let own = Key::new("a");
    let mut contents = Pki::new().contents();
    contents.root_keys = root_keys(1, core::slice::from_ref(&own));
    let mut unsigned = UnsignedTrustBundle::new(contents).unwrap();
    let result = unsigned.add_signature(&own.public, &own.sign(b"another message"));
    assert_eq!(result, Err(TrustError::SignatureMismatch));
}

#[test]
fn what_is_signed_is_the_sig_structure_of_cose_sign() {
    let own = Key::new("a");
    let mut contents = Pki::new().contents();
    contents.root_keys = root_keys(1, core::slice::from_ref(&own));
    let message = UnsignedTrustBundle::new(contents)
        .unwrap()
        .to_be_signed(&own.public);
    let key = own.digest();
    // ["Signature", << {3: "application/vnd.bpfsign.trust+cbor"} >>, << {1: -7, 4: kid} >>, external_aad, …
    let expected = [
        b"\x85\x69Signature\x58\x26\xa1\x03\x78\x22application/vnd.bpfsign.trust+cbor".as_slice(),
        b"\x58\x26\xa2\x01\x26\x04\x58\x20",
        key.as_bytes(),
        b"\x50bpfsign/v1 trust",
    ];
    assert!(message.starts_with(&expected.concat()));
}

fn full() -> TrustContents {
    let name = |text: &str| Name::new(text).unwrap();
    let mut contents = Pki::new().contents();
    contents.min_epochs = vec![MinEpoch {
        ca: Digest::of(b"ca"),
        epoch: 3,
    }];
    contents.revoked = vec![Digest::of(b"2"), Digest::of(b"1")];
    contents.platforms = vec![Text::new("click/2").unwrap(), Text::new("click/1").unwrap()];
    contents.min_engines = vec![MinEngine {
        name: name("prevail"),
        version: "0.2.6".parse().unwrap(),
    }];
    contents.counter_resets = vec![CounterReset {
        name: name("filter"),
        to: 12,
        reason: Text::new("a signer drove it to its limit").unwrap(),
    }];
    contents.accepts_fuel = true;
    contents.time_floor = Some(NOW);
    contents
}

#[test]
fn what_is_written_is_read() {
    let signer = Key::new("bundle root");
    let bytes = sign_bundle(full(), &[&signer]);
    let read = parse(&bytes).unwrap();
    assert_eq!(read.signers().collect::<Vec<_>>(), [signer.digest()]);
    let mut expected = full();
    expected.revoked.sort_unstable();
    expected.platforms.sort();
    assert_eq!(read.contents(), &expected);
    let bundle = read.provision().unwrap();

    assert!(bundle.accepts_fuel());
    assert_eq!(bundle.min_epoch(Digest::of(b"ca")), 3);
    assert_eq!(bundle.min_epoch(Digest::of(b"another")), 0);
    assert!(bundle.is_revoked(Digest::of(b"1")));
    assert!(!bundle.is_revoked(Digest::of(b"3")));
    assert_eq!(bundle.counter_reset("filter"), Some(12));
    assert_eq!(bundle.counter_reset("another"), None);
}

#[test]
fn platforms_and_engines_that_are_not_accepted() {
    let bundle = provision(&sign_bundle(full(), &[&Key::new("bundle root")])).unwrap();
    assert_eq!(bundle.check_platform("click/1"), Ok(()));
    for name in ["click/3", "click", "", "click/1 "] {
        let error = bundle.check_platform(name).unwrap_err();
        assert_eq!(error.code().id, "BPF-T026", "{name}");
        assert_eq!(error.exit_code(), ExitCode::Platform);
    }
    let version = |text: &str| text.parse::<Version>().unwrap();
    assert_eq!(bundle.check_engine("prevail", version("0.2.6")), Ok(()));
    assert_eq!(bundle.check_engine("prevail", version("0.10.0")), Ok(()));
    assert_eq!(bundle.check_engine("checker", version("0.0.1")), Ok(()));
    let error = bundle
        .check_engine("prevail", version("0.2.5"))
        .unwrap_err();
    assert_eq!(error.code().id, "BPF-T027");
    assert_eq!(
        error.to_string(),
        "the verifier prevail 0.2.5 is not 0.2.6 or later"
    );
}

#[test]
fn bundle_validity_includes_both_ends() {
    let bundle = Pki::new().bundle();
    let TrustContents {
        issued, expires, ..
    } = *bundle.contents();
    assert_eq!(bundle.check_time(issued), Ok(()));
    assert_eq!(bundle.check_time(expires), Ok(()));
    for now in [issued.saturating_sub(1), expires.saturating_add(1)] {
        let error = bundle.check_time(now).unwrap_err();
        assert_eq!(error.exit_code(), ExitCode::Validity);
    }
}

#[test]
fn content_that_contradicts_itself() {
    let refused = |change: &dyn Fn(&mut TrustContents)| {
        let mut contents = full();
        change(&mut contents);
        match UnsignedTrustBundle::new(contents) {
            Err(TrustError::BundleContent(error)) => error,
            other => panic!("{other:?}"),
        }
    };
    let count = |list, count, min, max| ContentsError::Count {
        list,
        count,
        min,
        max,
    };
    let root = Pki::new().root_key.digest();
    let bundle_key = Pki::new().bundle_key.digest();
    assert_eq!(refused(&|c| c.version = 0), ContentsError::Version);
    assert!(matches!(
        refused(&|c| c.expires = c.issued),
        ContentsError::Validity { .. }
    ));
    let late = UnixTime::YEAR_9999.saturating_add(1);
    assert_eq!(refused(&|c| c.expires = late), ContentsError::Time(late));
    assert_eq!(
        refused(&|c| c.time_floor = Some(late)),
        ContentsError::Time(late)
    );
    assert_eq!(refused(&|c| c.anchors.clear()), count("anchors", 0, 1, 8));
    assert_eq!(
        refused(&|c| c.platforms.clear()),
        count("platforms", 0, 1, 16)
    );
    assert_eq!(
        refused(&|c| c.revoked = (0..33_u8).map(|i| Digest::of(&[i])).collect()),
        count("revoked keys", 33, 0, 32)
    );
    assert_eq!(
        refused(&|c| c.revoked.push(c.revoked[0])),
        ContentsError::Order("revoked keys")
    );
    assert_eq!(
        refused(&|c| c.anchors.push(c.anchors[0].clone())),
        ContentsError::Order("anchors")
    );
    // Two entries for one thing contradict each other even when they differ.
    assert_eq!(
        refused(&|c| c.min_epochs.push(MinEpoch {
            epoch: 4,
            ..c.min_epochs[0]
        })),
        ContentsError::Order("lowest epochs")
    );
    assert_eq!(
        refused(&|c| c.revoked.push(root)),
        ContentsError::RevokedRoot(root)
    );
    assert_eq!(
        refused(&|c| c.revoked.push(bundle_key)),
        ContentsError::RevokedRoot(bundle_key)
    );
    assert_eq!(
        refused(&|c| c.root_keys = root_keys(1, &[Pki::new().root_key])),
        ContentsError::SharedKey(root)
    );
    assert_eq!(
        refused(&|c| c.counter_resets[0].to = 0),
        ContentsError::Counter(0)
    );
    assert_eq!(
        refused(&|c| c.counter_resets[0].reason = Text::new("").unwrap()),
        ContentsError::EmptyText
    );
    assert_eq!(
        refused(&|c| c.platforms = vec![Text::new("").unwrap()]),
        ContentsError::EmptyText
    );
}

#[test]
fn anchors_are_self_signed_certificates() {
    let pki = Pki::new();
    let root = pki.root_der();
    let anchor = Anchor::from_certificate(&root, vec![Role::Verifier]).unwrap();
    assert_eq!(anchor.name(), "CN=root,O=Test");
    assert_eq!(anchor.key(), &pki.root_key.public);
    let error = ContentsError::Anchor("certificate");
    let from = |der: &[u8]| Anchor::from_certificate(der, vec![Role::Verifier]);
    assert_eq!(from(&pki.ca_der()), Err(error.clone()));
    let mut altered = root.clone();
    *altered.last_mut().unwrap() ^= 1;
    assert_eq!(from(&altered), Err(error));
    assert!(Anchor::from_certificate(&root, vec![]).is_err());
    assert!(Anchor::from_certificate(&root, vec![Role::Device, Role::Device]).is_err());
}

proptest::proptest! {
    #[test]
    fn whatever_the_bytes_are_reading_ends(bytes in proptest::collection::vec(0_u8.., 0..300)) {
        assert!(parse(&bytes).is_err());
    }

    /// Content has one encoding, whatever order it is written down in.
    #[test]
    fn content_is_read_as_written_in_any_order(
        revoked in proptest::collection::btree_set(proptest::array::uniform32(0_u8..), 0..=32),
        epochs in proptest::collection::btree_map(proptest::array::uniform32(0_u8..), 0_u64.., 0..=32),
        platforms in proptest::collection::btree_set("[ -~]{1,127}", 1..=16),
        engines in proptest::collection::btree_map("[a-z0-9_-]{1,31}", proptest::array::uniform3(0_u32..), 0..=16),
        resets in proptest::collection::btree_map(
            "[a-z0-9_-]{1,31}", (1..=bpf_statement::MAX_COUNTER, "[ -~]{1,127}"), 0..=16
        ),
        accepts_fuel: bool,
        floor in proptest::option::of(0..=UnixTime::YEAR_9999.as_secs()),
    ) {
        let mut contents = Pki::new().contents();
        contents.revoked = revoked.into_iter().map(Digest::from_bytes).collect();
        contents.min_epochs = epochs
            .into_iter()
            .map(|(ca, epoch)| MinEpoch { ca: Digest::from_bytes(ca), epoch })
            .collect();
        contents.platforms = platforms.iter().map(|text| Text::new(text).unwrap()).collect();
        contents.min_engines = engines
            .into_iter()
            .map(|(name, [major, minor, patch])| MinEngine {
                name: Name::new(&name).unwrap(),
                version: Version { major, minor, patch },
            })
            .collect();
        contents.counter_resets = resets
            .into_iter()
            .map(|(name, (to, reason))| CounterReset {
                name: Name::new(&name).unwrap(),
                to,
                reason: Text::new(&reason).unwrap(),
            })
            .collect();
        contents.accepts_fuel = accepts_fuel;
        contents.time_floor = floor.map(UnixTime::from_secs);

        let mut reversed = contents.clone();
        reversed.revoked.reverse();
        reversed.min_epochs.reverse();
        reversed.platforms.reverse();
        reversed.min_engines.reverse();
        reversed.counter_resets.reverse();
        let bytes = sign_bundle(contents.clone(), &[]);
        assert_eq!(sign_bundle(reversed, &[]), bytes);
        assert_eq!(parse(&bytes).unwrap().contents(), &contents);
    }
}
