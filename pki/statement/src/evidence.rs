//! Evidence: what an instance says about itself, as an Entity Attestation Token (RFC 9711).

use alloc::vec::Vec;

use platform_click::{Digest, ProgramKind};

use crate::cbor::{CborError, Reader, Writer, expect_same};
use crate::control::MAX_LOWEST_COUNTERS;
use crate::message::{
    InstanceId, MessageError, SessionId, field, read_counter, read_label, read_name, read_symbol,
    read_text, read_time,
};
use crate::statement::numbered;
use crate::text::{Name, Symbol, Text};
use crate::time::UnixTime;

/// Elements that evidence lists: as many as a state has names for. With all of them it has about
/// 16 KiB.
pub const MAX_RUNNING: usize = MAX_LOWEST_COUNTERS;

/// `eat_profile`: which claims there are, and what they mean.
pub const EVIDENCE_PROFILE: &str = "tag:bpfsign,2026:evidence/1";

numbered! {
    /// Who can read the key that signs.
    KeyClass {
        /// Whoever has the machine or the host below it: the key is in a file or in memory.
        Software = 1 "software",
        /// Nobody: hardware keeps it.
        Hardware = 2 "hardware",
    }
    /// What the instance knows the time by.
    TimeClass {
        /// Signed times alone.
        Signed = 1 "signed times",
        /// A clock too.
        Clock = 2 "clock",
        /// An operator's answer to a nonce of this session.
        Nonce = 3 "nonce",
    }
    /// Where counters are kept.
    StoreClass {
        /// In a file.
        File = 1 "file",
        /// On a block device.
        BlockDevice = 2 "block device",
        /// In memory: they are lost at each restart.
        Memory = 3 "memory",
    }
    /// What an element does with its program.
    RunState {
        /// It runs it.
        Running = 0 "running",
        /// The program failed; packets are dropped.
        Quarantined = 1 "quarantined",
        /// It was unloaded or revoked; packets are dropped.
        Stopped = 2 "stopped",
    }
}

/// What an instance says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// As late as it is to the instance.
    pub issued: UnixTime,
    /// The nonce of whoever asked.
    pub nonce: Vec<u8>,
    /// The instance.
    pub instance: InstanceId,
    /// Seconds since it started.
    pub uptime: u64,
    /// Starts with this state, this one included.
    pub boots: u64,
    /// This start.
    pub session: SessionId,
    /// The software, and its version.
    pub software: (Text, Text),
    /// Who can read the key.
    pub key_class: KeyClass,
    /// The trust bundle in use: version and digest.
    pub trust: (u64, Digest),
    /// What it knows the time by.
    pub time_class: TimeClass,
    /// The audit log: lines, and the hash of the last.
    pub log: (u64, Digest),
    /// Where counters are kept.
    pub store_class: StoreClass,
    /// SHA-256 of the executable, where that is known.
    pub executable: Option<Digest>,
    /// What runs; at most [`MAX_RUNNING`].
    pub running: Vec<Running>,
    /// The control program: statement, counter, object.
    pub control_program: Option<(Name, u64, Digest)>,
}

/// A program in an element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Running {
    /// The element.
    pub element: Text,
    /// The name of the statement.
    pub name: Name,
    /// Its counter.
    pub counter: u64,
    /// The program.
    pub program: Symbol,
    /// Its kind.
    pub kind: ProgramKind,
    /// The object file.
    pub object: Digest,
    /// The image.
    pub image: Digest,
    /// The statement.
    pub statement: Digest,
    /// The signer's key.
    pub signer: Digest,
    /// The machine code; `None` when interpreted.
    pub code: Option<Digest>,
    /// The shapes of its maps.
    pub maps: Digest,
    /// Whether it runs.
    pub state: RunState,
    /// Runs that used up their fuel.
    pub fuel_aborts: u64,
    /// Other failed runs.
    pub faults: u64,
}

impl Evidence {
    /// Reads evidence.
    ///
    /// # Errors
    /// The bytes are not the one encoding of evidence.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let input = &mut Reader::new(bytes);
        input.map(17)?;
        let number = |input: &mut Reader<'_>| -> Result<_, MessageError> { Ok(input.u64()?) };
        let issued = field(input, IAT, read_time)?;
        let nonce = field(input, EAT_NONCE, crate::control::read_nonce)?;
        let instance = field(input, UEID, read_ueid)?;
        let uptime = field(input, UPTIME, number)?;
        field(input, EAT_PROFILE, read_profile)?;
        let boots = field(input, BOOTCOUNT, number)?;
        let session = field(input, BOOTSEED, |input| {
            let session = input.exactly("a session, of 16 bytes")?;
            Ok(SessionId(session))
        })?;
        let name = field(input, SWNAME, read_text)?;
        let version = field(input, SWVERSION, |input| {
            input.array(1)?;
            read_text(input)
        })?;
        let evidence = Self {
            issued,
            nonce,
            instance,
            uptime,
            boots,
            session,
            software: (name, version),
            key_class: field(input, KEY_CLASS, |input| {
                known(input, "key class", KeyClass::from_number)
            })?,
            trust: field(input, TRUST, read_numbered_digest)?,
            time_class: field(input, TIME_CLASS, |input| {
                known(input, "time class", TimeClass::from_number)
            })?,
            log: field(input, LOG, read_numbered_digest)?,
            store_class: field(input, STORE_CLASS, |input| {
                known(input, "store class", StoreClass::from_number)
            })?,
            executable: field(input, EXECUTABLE, |input| {
                Ok(input.optional(Reader::digest)?)
            })?,
            running: field(input, RUNNING, |input| {
                input.list(MAX_RUNNING, Running::read)
            })?,
            control_program: field(input, CONTROL_PROGRAM, |input| {
                input.optional(read_control_program)
            })?,
        };
        input.end()?;
        expect_same(bytes, &evidence.write())?;
        Ok(evidence)
    }

    /// The one encoding, deterministic CBOR.
    ///
    /// # Errors
    /// A value breaks a rule of `docs/formats.md`, "Evidence".
    pub fn encode(&self) -> Result<Vec<u8>, MessageError> {
        let bytes = self.write();
        Self::decode(&bytes)?;
        Ok(bytes)
    }

    fn write(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.map(17);
        out.i64(IAT).u64(self.issued.as_secs());
        out.i64(EAT_NONCE).bytes(&self.nonce);
        let mut ueid = Vec::from([UEID_RANDOM]);
        ueid.extend_from_slice(&self.instance.0);
        out.i64(UEID).bytes(&ueid);
        out.i64(UPTIME).u64(self.uptime);
        out.i64(EAT_PROFILE).text(EVIDENCE_PROFILE);
        out.i64(BOOTCOUNT).u64(self.boots);
        out.i64(BOOTSEED).bytes(&self.session.0);
        out.i64(SWNAME).text(self.software.0.as_str());
        out.i64(SWVERSION).array(1).text(self.software.1.as_str());
        out.i64(KEY_CLASS).u64(self.key_class.number().into());
        out.i64(TRUST).array(2).u64(self.trust.0);
        out.digest(&self.trust.1);
        out.i64(TIME_CLASS).u64(self.time_class.number().into());
        out.i64(LOG).array(2).u64(self.log.0).digest(&self.log.1);
        out.i64(STORE_CLASS).u64(self.store_class.number().into());
        out.i64(EXECUTABLE)
            .optional(self.executable.as_ref(), Writer::digest);
        out.i64(RUNNING)
            .list(&self.running, |out, running| running.write(out));
        out.i64(CONTROL_PROGRAM).optional(
            self.control_program.as_ref(),
            |out, (name, counter, object)| {
                let out = out.array(3).text(name.as_str());
                out.u64(*counter).digest(object)
            },
        );
        out.into_bytes()
    }
}

impl Running {
    fn read(input: &mut Reader<'_>) -> Result<Self, MessageError> {
        input.map(14)?;
        let digest = |input: &mut Reader<'_>| -> Result<_, MessageError> { Ok(input.digest()?) };
        let number = |input: &mut Reader<'_>| -> Result<_, MessageError> { Ok(input.u64()?) };
        Ok(Self {
            element: field(input, 1, read_label)?,
            name: field(input, 2, read_name)?,
            counter: field(input, 3, read_counter)?,
            program: field(input, 4, read_symbol)?,
            kind: field(input, 5, |input| {
                known(input, "program kind", ProgramKind::from_number)
            })?,
            object: field(input, 6, digest)?,
            image: field(input, 7, digest)?,
            statement: field(input, 8, digest)?,
            signer: field(input, 9, digest)?,
            code: field(input, 10, |input| input.optional(digest))?,
            maps: field(input, 11, digest)?,
            state: field(input, 12, |input| {
                known(input, "state", RunState::from_number)
            })?,
            fuel_aborts: field(input, 13, number)?,
            faults: field(input, 14, number)?,
        })
    }

    fn write(&self, out: &mut Writer) {
        out.map(14);
        out.i64(1).text(self.element.as_str());
        out.i64(2).text(self.name.as_str());
        out.i64(3).u64(self.counter);
        out.i64(4).text(self.program.as_str());
        out.i64(5).u64(self.kind.number().into());
        out.i64(6).digest(&self.object);
        out.i64(7).digest(&self.image);
        out.i64(8).digest(&self.statement);
        out.i64(9).digest(&self.signer);
        out.i64(10).optional(self.code.as_ref(), Writer::digest);
        out.i64(11).digest(&self.maps);
        out.i64(12).u64(self.state.number().into());
        out.i64(13).u64(self.fuel_aborts);
        out.i64(14).u64(self.faults);
    }
}

fn known<T>(
    input: &mut Reader<'_>,
    what: &'static str,
    from_number: impl FnOnce(u8) -> Option<T>,
) -> Result<T, MessageError> {
    let number = input.u8()?;
    from_number(number).ok_or_else(|| MessageError::Unknown {
        what,
        number: number.into(),
    })
}

fn read_numbered_digest(input: &mut Reader<'_>) -> Result<(u64, Digest), MessageError> {
    input.array(2)?;
    Ok((input.u64()?, input.digest()?))
}

fn read_control_program(input: &mut Reader<'_>) -> Result<(Name, u64, Digest), MessageError> {
    input.array(3)?;
    Ok((read_name(input)?, read_counter(input)?, input.digest()?))
}

fn read_ueid(input: &mut Reader<'_>) -> Result<InstanceId, MessageError> {
    let offset = input.offset();
    let expected = "an identifier of 17 bytes, the first of them 1";
    let ueid: [u8; 17] = input.exactly(expected)?;
    match ueid.split_first_chunk() {
        Some(([UEID_RANDOM], id)) => {
            let id = id.try_into();
            let id = id.map_err(|_| CborError::Item { offset, expected })?;
            Ok(InstanceId(id))
        }
        _ => Err(CborError::Item { offset, expected }.into()),
    }
}

fn read_profile(input: &mut Reader<'_>) -> Result<(), MessageError> {
    if input.text()? != EVIDENCE_PROFILE {
        return Err(MessageError::Rule("the claims have another profile"));
    }
    Ok(())
}

/// RAND, an identifier drawn at random (RFC 9711, 4.2.1.1).
const UEID_RANDOM: u8 = 1;

/// Claims of RFC 8392 and RFC 9711, by their keys in the registry of CBOR Web Token claims.
const IAT: i64 = 6;
const EAT_NONCE: i64 = 10;
const UEID: i64 = 256;
const UPTIME: i64 = 261;
const EAT_PROFILE: i64 = 265;
const BOOTCOUNT: i64 = 267;
const BOOTSEED: i64 = 268;
const SWNAME: i64 = 270;
const SWVERSION: i64 = 271;
/// Claims of our own: keys below −65536 are for private use (RFC 8392, 9.1.1).
const KEY_CLASS: i64 = -65_537;
const TRUST: i64 = -65_538;
const TIME_CLASS: i64 = -65_539;
const LOG: i64 = -65_540;
const STORE_CLASS: i64 = -65_541;
const EXECUTABLE: i64 = -65_542;
const RUNNING: i64 = -65_543;
const CONTROL_PROGRAM: i64 = -65_544;
