//! Control messages: what an operator asks of an instance, and what it answers.

mod operation;
mod reply;

use alloc::vec::Vec;

use crate::cbor::{Reader, Writer, expect_same};
use crate::message::{
    Attachment, InstanceId, MessageError, SessionId, field, read_counter, read_instance, read_time,
    read_version, write_version,
};
use crate::time::UnixTime;

pub(crate) use operation::read_nonce;
pub use operation::{
    MAX_EXCHANGED_MAPS, MAX_HANDLERS, MAX_LOWEST_COUNTERS, MAX_NONCE, MAX_TRUST_FILES, MIN_NONCE,
    Operation, SignedObject,
};
pub use reply::{MAX_REASON, Outcome, Reply};

/// A control message; the payload of a signed message with the purpose `Control`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The instance that it is for.
    pub instance: InstanceId,
    /// The start of the instance that it is for.
    pub session: SessionId,
    /// Higher than any before in the session; 1..=[`MAX_COUNTER`](crate::MAX_COUNTER).
    pub sequence: u64,
    /// When it was signed.
    pub signed: UnixTime,
    /// From when on it does not count any more; later than `signed`.
    pub expires: UnixTime,
    /// What is asked.
    pub operation: Operation,
}

impl Request {
    /// Reads a request. The bytes should be the payload of a message whose signature is verified.
    ///
    /// # Errors
    /// The bytes are not the one encoding of a request.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let input = &mut Reader::new(bytes);
        read_version(input, 7)?;
        let request = Self {
            instance: field(input, 2, read_instance)?,
            session: field(input, 3, |input| {
                let session = input.exactly("a session, of 16 bytes")?;
                Ok(SessionId(session))
            })?,
            sequence: field(input, 4, read_counter)?,
            signed: field(input, 5, read_time)?,
            expires: field(input, 6, read_time)?,
            operation: field(input, 7, Operation::read)?,
        };
        input.end()?;
        request.check()?;
        expect_same(bytes, &request.write())?;
        Ok(request)
    }

    /// The one encoding, deterministic CBOR.
    ///
    /// # Errors
    /// A value breaks a rule of `docs/formats.md`, "Control messages".
    pub fn encode(&self) -> Result<Vec<u8>, MessageError> {
        let bytes = self.write();
        Self::decode(&bytes)?;
        Ok(bytes)
    }

    /// What it refers to, in order.
    #[must_use]
    pub fn attachments(&self) -> Vec<Attachment> {
        self.operation.attachments()
    }

    fn check(&self) -> Result<(), MessageError> {
        if self.expires <= self.signed {
            return Err(MessageError::Rule("it expires before it is signed"));
        }
        Ok(())
    }

    fn write(&self) -> Vec<u8> {
        let mut out = Writer::default();
        write_version(&mut out, 7);
        out.i64(2).bytes(&self.instance.0);
        out.i64(3).bytes(&self.session.0);
        out.i64(4).u64(self.sequence);
        out.i64(5).u64(self.signed.as_secs());
        out.i64(6).u64(self.expires.as_secs());
        self.operation.write(out.i64(7));
        out.into_bytes()
    }
}
