//! What an instance answers.

use alloc::string::String;
use alloc::vec::Vec;

use platform_click::Digest;

use crate::cbor::{Reader, Writer, expect_same};
use crate::message::{
    Attachment, InstanceId, MessageError, field, read_attachment, read_bytes, read_instance,
    read_text, read_time, read_version, write_attachment, write_version,
};
use crate::text::Text;
use crate::time::UnixTime;

/// Bytes of a reason: a refusal with its causes has a few hundred.
pub const MAX_REASON: usize = 4096;

/// The answer to a [`Request`](super::Request); the payload of a signed message with the purpose
/// `ControlReply`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// Who answers.
    pub instance: InstanceId,
    /// The root of the request: that of the whole signed message.
    pub request: Digest,
    /// As late as it is to the instance.
    pub time: UnixTime,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was done.
    Done(
        /// The answer, where the operation has one.
        Option<Attachment>,
    ),
    /// It was refused, and nothing has changed.
    Refused {
        /// The exit code of the client; not 0.
        exit: u8,
        /// The diagnostic, or empty.
        code: Text,
        /// What is wrong; at most [`MAX_REASON`] bytes.
        reason: String,
    },
}

impl Reply {
    /// Reads a reply. The bytes should be the payload of a message whose signature is verified.
    ///
    /// # Errors
    /// The bytes are not the one encoding of a reply.
    pub fn decode(bytes: &[u8]) -> Result<Self, MessageError> {
        let input = &mut Reader::new(bytes);
        read_version(input, 8)?;
        let instance = field(input, 2, read_instance)?;
        let request = field(input, 3, |input| Ok(input.digest()?))?;
        let time = field(input, 4, read_time)?;
        let exit = field(input, 5, |input| Ok(input.u8()?))?;
        let code = field(input, 6, read_text)?;
        let reason = field(input, 7, read_reason)?;
        let answer = field(input, 8, |input| input.optional(read_attachment))?;
        input.end()?;
        let outcome = match exit {
            0 if code.as_str().is_empty() && reason.is_empty() => Outcome::Done(answer),
            1.. if answer.is_none() => Outcome::Refused { exit, code, reason },
            _ => return Err(MessageError::Rule("what is done is also refused")),
        };
        let reply = Self {
            instance,
            request,
            time,
            outcome,
        };
        expect_same(bytes, &reply.encode())?;
        Ok(reply)
    }

    /// The one encoding, deterministic CBOR. A reason that is too long is cut.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let (exit, code, reason, answer) = match &self.outcome {
            Outcome::Done(answer) => (0, "", "", answer.as_ref()),
            Outcome::Refused { exit, code, reason } => {
                (*exit, code.as_str(), shortened(reason), None)
            }
        };
        let mut out = Writer::default();
        write_version(&mut out, 8);
        out.i64(2).bytes(&self.instance.0);
        out.i64(3).digest(&self.request);
        out.i64(4).u64(self.time.as_secs());
        out.i64(5).u64(exit.into());
        out.i64(6).text(code);
        out.i64(7).bytes(reason.as_bytes());
        out.i64(8).optional(answer, write_attachment);
        out.into_bytes()
    }
}

/// The longest beginning that is not too long.
fn shortened(reason: &str) -> &str {
    let end = reason.floor_char_boundary(MAX_REASON);
    reason.get(..end).unwrap_or_default()
}

fn read_reason(input: &mut Reader<'_>) -> Result<String, MessageError> {
    let max = u64::try_from(MAX_REASON).unwrap_or(u64::MAX);
    let bytes = read_bytes(input, "the length of a reason", 0, max)?;
    String::from_utf8(bytes).map_err(|_| MessageError::Rule("a reason is not UTF-8"))
}
