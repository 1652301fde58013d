//! What an operator can ask for.

use alloc::vec::Vec;

use crate::cbor::{CborError, Reader, Writer};
use crate::message::{
    Attachment, MessageError, read_attachment, read_bytes, read_counter, read_label, read_name,
    read_symbol, read_time, write_attachment,
};
use crate::text::{Name, Symbol, Text};
use crate::time::UnixTime;

/// Handlers that one message reads: about as many as an element has, and a few.
pub const MAX_HANDLERS: usize = 64;

/// Maps whose contents one message exchanges: as many as an object may have.
pub const MAX_EXCHANGED_MAPS: usize = platform_click::limits::MAX_MAPS;

/// Trust bundles in one message: as many as a loader takes at once.
pub const MAX_TRUST_FILES: usize = 64;

/// Lowest counters in one freshness message: as many as a state holds.
pub const MAX_LOWEST_COUNTERS: usize = 32;

/// Bytes of a verifier's nonce at least (RFC 9711, 4.1).
pub const MIN_NONCE: usize = 8;

/// Bytes of a verifier's nonce at most (RFC 9711, 4.1).
pub const MAX_NONCE: usize = 64;

/// An object file and its bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SignedObject {
    /// The object file.
    pub object: Attachment,
    /// The bundle file.
    pub bundle: Attachment,
}

/// What is asked of an instance.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Operation {
    /// What runs, as evidence claims.
    Status,
    /// Replaces the program of an element.
    Load {
        /// The element.
        element: Text,
        /// The name of the statement.
        name: Name,
        /// Which of its programs; `None` for the element's PROGRAM, or the only one.
        program: Option<Symbol>,
        /// Object and bundle; `None` for what the instance has stored under the name.
        source: Option<SignedObject>,
    },
    /// Stops the program of an element, which then drops its packets.
    Unload {
        /// The element.
        element: Text,
    },
    /// Writes entries of a map.
    UpdateMap {
        /// The element.
        element: Text,
        /// Map contents.
        contents: Attachment,
    },
    /// Deletes entries of a map.
    DeleteFromMap {
        /// The element.
        element: Text,
        /// The map.
        map: Symbol,
        /// A list of keys.
        keys: Attachment,
    },
    /// Exchanges the contents of maps, from one packet to the next.
    ExchangeMaps {
        /// The element.
        element: Text,
        /// Map contents, of a map each.
        contents: Vec<Attachment>,
    },
    /// Reads a map.
    ReadMap {
        /// The element.
        element: Text,
        /// The map.
        map: Symbol,
    },
    /// Reads handlers.
    ReadHandlers(
        /// `element.handler`, each.
        Vec<Text>,
    ),
    /// Draws a nonce.
    Nonce,
    /// Answers the nonce: how late it is, and which counters count at least.
    Freshness {
        /// The instance's nonce.
        nonce: [u8; 32],
        /// It is at least this late.
        time: UnixTime,
        /// Ascending by name: the lowest counters that count.
        counters: Vec<(Name, u64)>,
    },
    /// Hands over trust bundles.
    Trust(
        /// Trust bundle files.
        Vec<Attachment>,
    ),
    /// Asks for signed evidence.
    Evidence {
        /// The nonce of whoever asks, [`MIN_NONCE`] to [`MAX_NONCE`] bytes.
        nonce: Vec<u8>,
    },
    /// Sets or removes the control program.
    ControlProgram {
        /// The name of its statement.
        name: Name,
        /// Object and bundle; `None` removes it.
        source: Option<SignedObject>,
    },
}

impl Operation {
    /// Its name in logs and for control programs.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Load { .. } => "load",
            Self::Unload { .. } => "unload",
            Self::UpdateMap { .. } => "map-update",
            Self::DeleteFromMap { .. } => "map-delete",
            Self::ExchangeMaps { .. } => "map-exchange",
            Self::ReadMap { .. } => "map-read",
            Self::ReadHandlers(_) => "read",
            Self::Nonce => "nonce",
            Self::Freshness { .. } => "freshness",
            Self::Trust(_) => "trust",
            Self::Evidence { .. } => "evidence",
            Self::ControlProgram { .. } => "control-program",
        }
    }

    /// Its number in messages.
    #[must_use]
    pub const fn number(&self) -> u8 {
        match self {
            Self::Status => 1,
            Self::Load { .. } => 2,
            Self::Unload { .. } => 3,
            Self::UpdateMap { .. } => 4,
            Self::DeleteFromMap { .. } => 5,
            Self::ExchangeMaps { .. } => 6,
            Self::ReadMap { .. } => 7,
            Self::ReadHandlers(_) => 8,
            Self::Nonce => 9,
            Self::Freshness { .. } => 10,
            Self::Trust(_) => 11,
            Self::Evidence { .. } => 12,
            Self::ControlProgram { .. } => 13,
        }
    }

    /// The element that it is about, if any.
    #[must_use]
    pub const fn element(&self) -> Option<&Text> {
        match self {
            Self::Load { element, .. }
            | Self::Unload { element }
            | Self::UpdateMap { element, .. }
            | Self::DeleteFromMap { element, .. }
            | Self::ExchangeMaps { element, .. }
            | Self::ReadMap { element, .. } => Some(element),
            _ => None,
        }
    }

    pub(super) fn attachments(&self) -> Vec<Attachment> {
        match self {
            Self::Load { source, .. } | Self::ControlProgram { source, .. } => source
                .iter()
                .flat_map(|source| [source.object, source.bundle])
                .collect(),
            Self::UpdateMap { contents, .. } => [*contents].into(),
            Self::DeleteFromMap { keys, .. } => [*keys].into(),
            Self::ExchangeMaps { contents, .. } => contents.clone(),
            Self::Trust(files) => files.clone(),
            _ => Vec::new(),
        }
    }

    pub(super) fn write(&self, out: &mut Writer) {
        let number = u64::from(self.number());
        match self {
            Self::Status | Self::Nonce => {
                out.array(1).u64(number);
            }
            Self::Load {
                element,
                name,
                program,
                source,
            } => {
                out.array(5).u64(number).text(element.as_str());
                out.text(name.as_str());
                out.optional(program.as_ref(), |out, program| out.text(program.as_str()));
                out.optional(source.as_ref(), write_object);
            }
            Self::Unload { element } => {
                out.array(2).u64(number).text(element.as_str());
            }
            Self::UpdateMap { element, contents } => {
                out.array(3).u64(number).text(element.as_str());
                write_attachment(out, contents);
            }
            Self::DeleteFromMap { element, map, keys } => {
                out.array(4).u64(number).text(element.as_str());
                write_attachment(out.text(map.as_str()), keys);
            }
            Self::ExchangeMaps { element, contents } => {
                out.array(3).u64(number).text(element.as_str());
                write_attachments(out, contents);
            }
            Self::ReadMap { element, map } => {
                out.array(3).u64(number);
                out.text(element.as_str()).text(map.as_str());
            }
            Self::ReadHandlers(handlers) => {
                out.array(2).u64(number).list(handlers, |out, handler| {
                    out.text(handler.as_str());
                });
            }
            Self::Freshness {
                nonce,
                time,
                counters,
            } => {
                out.array(4).u64(number).bytes(nonce).u64(time.as_secs());
                out.list(counters, |out, (name, counter)| {
                    out.array(2).text(name.as_str()).u64(*counter);
                });
            }
            Self::Trust(files) => write_attachments(out.array(2).u64(number), files),
            Self::Evidence { nonce } => {
                out.array(2).u64(number).bytes(nonce);
            }
            Self::ControlProgram { name, source } => {
                out.array(3).u64(number).text(name.as_str());
                out.optional(source.as_ref(), write_object);
            }
        }
    }

    pub(super) fn read(input: &mut Reader<'_>) -> Result<Self, MessageError> {
        let offset = input.offset();
        let found = input.array_head()?;
        let number = input.u64()?;
        let expected = match number {
            1 | 9 => 1,
            3 | 8 | 11 | 12 => 2,
            4 | 6 | 7 | 13 => 3,
            5 | 10 => 4,
            2 => 5,
            _ => {
                return Err(MessageError::Unknown {
                    what: "operation",
                    number,
                });
            }
        };
        if found != expected {
            return Err(CborError::Count {
                offset,
                expected,
                found,
            }
            .into());
        }
        match number {
            1 => Ok(Self::Status),
            2 => Ok(Self::Load {
                element: read_label(input)?,
                name: read_name(input)?,
                program: input.optional(read_symbol)?,
                source: input.optional(read_object)?,
            }),
            3 => Ok(Self::Unload {
                element: read_label(input)?,
            }),
            4 => Ok(Self::UpdateMap {
                element: read_label(input)?,
                contents: read_attachment(input)?,
            }),
            5 => Ok(Self::DeleteFromMap {
                element: read_label(input)?,
                map: read_symbol(input)?,
                keys: read_attachment(input)?,
            }),
            6 => Ok(Self::ExchangeMaps {
                element: read_label(input)?,
                contents: some(input.list(MAX_EXCHANGED_MAPS, read_attachment)?)?,
            }),
            7 => Ok(Self::ReadMap {
                element: read_label(input)?,
                map: read_symbol(input)?,
            }),
            8 => Ok(Self::ReadHandlers(some(
                input.list(MAX_HANDLERS, read_label)?,
            )?)),
            9 => Ok(Self::Nonce),
            10 => read_freshness(input),
            11 => Ok(Self::Trust(some(
                input.list(MAX_TRUST_FILES, read_attachment)?,
            )?)),
            12 => Ok(Self::Evidence {
                nonce: read_nonce(input)?,
            }),
            _ => Ok(Self::ControlProgram {
                name: read_name(input)?,
                source: input.optional(read_object)?,
            }),
        }
    }
}

/// The nonce of whoever wants evidence.
pub(crate) fn read_nonce(input: &mut Reader<'_>) -> Result<Vec<u8>, MessageError> {
    let [min, max] = [MIN_NONCE, MAX_NONCE].map(|size| u64::try_from(size).unwrap_or(u64::MAX));
    read_bytes(input, "the length of a nonce", min, max)
}

fn read_freshness(input: &mut Reader<'_>) -> Result<Operation, MessageError> {
    let nonce = input.exactly("a nonce, of 32 bytes")?;
    let time = read_time(input)?;
    let counters = input.list(MAX_LOWEST_COUNTERS, |input| {
        input.array(2)?;
        Ok::<_, MessageError>((read_name(input)?, read_counter(input)?))
    })?;
    if !counters.is_sorted_by(|(a, _), (b, _)| a < b) {
        return Err(MessageError::Rule("the names do not ascend"));
    }
    Ok(Operation::Freshness {
        nonce,
        time,
        counters,
    })
}

fn some<T>(list: Vec<T>) -> Result<Vec<T>, MessageError> {
    if list.is_empty() {
        return Err(MessageError::Rule("a list is empty"));
    }
    Ok(list)
}

fn read_object(input: &mut Reader<'_>) -> Result<SignedObject, MessageError> {
    input.array(2)?;
    Ok(SignedObject {
        object: read_attachment(input)?,
        bundle: read_attachment(input)?,
    })
}

fn write_object<'a>(out: &'a mut Writer, source: &SignedObject) -> &'a mut Writer {
    write_attachment(out.array(2), &source.object);
    write_attachment(out, &source.bundle)
}

fn write_attachments(out: &mut Writer, attachments: &[Attachment]) {
    out.list(attachments, |out, attachment| {
        write_attachment(out, attachment);
    });
}
