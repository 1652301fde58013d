//! Contents in parts, each of which can be checked alone (`docs/formats.md`, "Trees").

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use bpf_statement::{Attachment, MAX_ATTACHMENT, MessageError};
use platform_click::Digest;

/// Bytes of a chunk: with its header a packet fits the frames of every network.
pub(crate) const CHUNK: usize = 1024;

/// Digests of a node, which then has as many bytes as a chunk.
const FAN_OUT: usize = CHUNK / 32;

/// Why contents are not made into a tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes are not within 1..={MAX_ATTACHMENT}")]
pub struct TreeError(usize);

/// Contents, with everything that a receiver may ask for.
#[derive(Clone, Debug)]
pub struct Tree {
    attachment: Attachment,
    /// Chunks and nodes by digest.
    parts: BTreeMap<Digest, Vec<u8>>,
    /// From the root to the chunks.
    order: Vec<Digest>,
}

impl Tree {
    /// The tree of these contents.
    ///
    /// # Errors
    /// There are none, or too many.
    pub fn new(contents: &[u8]) -> Result<Self, TreeError> {
        let error = TreeError(contents.len());
        if contents.is_empty() {
            return Err(error);
        }
        let length = u32::try_from(contents.len()).map_err(|_| error)?;
        let mut parts = BTreeMap::new();
        let mut levels = Vec::new();
        let mut level: Vec<Digest> = contents
            .chunks(CHUNK)
            .map(|chunk| put(&mut parts, chunk_digest(chunk), chunk))
            .collect();
        while level.len() > 1 {
            let above: Vec<Digest> = level
                .chunks(FAN_OUT)
                .map(|digests| {
                    let node: Vec<u8> = digests.iter().flat_map(|d| *d.as_bytes()).collect();
                    put(&mut parts, node_digest(&node), &node)
                })
                .collect();
            levels.push(core::mem::replace(&mut level, above));
        }
        let root = *level.first().ok_or(error)?;
        levels.push(level);
        levels.reverse();
        Ok(Self {
            attachment: Attachment::new(length, root).map_err(|_: MessageError| error)?,
            parts,
            order: levels.concat(),
        })
    }

    /// Length and root.
    #[must_use]
    pub const fn attachment(&self) -> Attachment {
        self.attachment
    }

    /// The chunk or node with this digest.
    #[must_use]
    pub fn part(&self, digest: &Digest) -> Option<&[u8]> {
        self.parts.get(digest).map(Vec::as_slice)
    }

    /// Every part, the root first, each before those that it lists.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> {
        self.order.iter().filter_map(|digest| self.part(digest))
    }
}

fn put(parts: &mut BTreeMap<Digest, Vec<u8>>, digest: Digest, part: &[u8]) -> Digest {
    parts.insert(digest, part.into());
    digest
}

fn chunk_digest(chunk: &[u8]) -> Digest {
    prefixed_digest(0, chunk)
}

fn node_digest(node: &[u8]) -> Digest {
    prefixed_digest(1, node)
}

/// Prefixes keep a node from being taken for a chunk (as in RFC 6962, 2.1).
fn prefixed_digest(prefix: u8, part: &[u8]) -> Digest {
    let mut input = Vec::with_capacity(part.len().saturating_add(1));
    input.push(prefix);
    input.extend_from_slice(part);
    Digest::of(&input)
}

/// Where a part belongs: on which level above the chunks, and as the how many-th.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    level: usize,
    index: usize,
}

/// Contents of which parts are missing. It takes nothing but parts that are known by their digests.
#[derive(Clone, Debug)]
pub struct Assembly {
    attachment: Attachment,
    contents: Vec<u8>,
    /// Digests of each level, from that of the chunks.
    widths: Vec<usize>,
    wanted: BTreeMap<Digest, Vec<Place>>,
}

impl Assembly {
    /// Nothing but length and root. Memory for all of the contents is allocated, so the caller sees to
    /// it that it may be.
    #[must_use]
    pub fn new(attachment: Attachment) -> Self {
        let length = usize::try_from(attachment.length()).unwrap_or(usize::MAX);
        let mut widths = Vec::from([length.div_ceil(CHUNK)]);
        while let Some(width) = widths.last().copied().filter(|width| *width > 1) {
            widths.push(width.div_ceil(FAN_OUT));
        }
        let root = Place {
            level: widths.len().saturating_sub(1),
            index: 0,
        };
        Self {
            attachment,
            contents: alloc::vec![0; length],
            widths,
            wanted: BTreeMap::from([(attachment.root(), Vec::from([root]))]),
        }
    }

    /// Length and root.
    #[must_use]
    pub const fn attachment(&self) -> Attachment {
        self.attachment
    }

    /// Takes a part that is wanted; says whether it was. Anything else has no effect.
    pub fn insert(&mut self, part: &[u8]) -> bool {
        if !(1..=CHUNK).contains(&part.len()) {
            return false;
        }
        let chunk = chunk_digest(part);
        if self.wanted.contains_key(&chunk) {
            return self.insert_as(chunk, part, true);
        }
        let node = node_digest(part);
        self.wanted.contains_key(&node) && self.insert_as(node, part, false)
    }

    /// A digest that was listed by who could not know better (of another length, on another level) is
    /// wanted for good: the assembly is never complete.
    fn insert_as(&mut self, digest: Digest, part: &[u8], is_chunk: bool) -> bool {
        let Some(places) = self.wanted.get(&digest).cloned() else {
            return false;
        };
        let fits =
            |place: &Place| (place.level == 0) == is_chunk && self.size(*place) == part.len();
        if !places.iter().all(fits) {
            return false;
        }
        self.wanted.remove(&digest);
        for place in places {
            if is_chunk {
                let start = place.index.saturating_mul(CHUNK);
                let target = self.contents.get_mut(start..);
                let target = target.and_then(|rest| rest.get_mut(..part.len()));
                if let Some(target) = target {
                    target.copy_from_slice(part);
                }
            } else {
                self.want_children(place, part);
            }
        }
        true
    }

    fn want_children(&mut self, place: Place, node: &[u8]) {
        let first = place.index.saturating_mul(FAN_OUT);
        let (digests, _) = node.as_chunks::<32>();
        for (digest, index) in digests.iter().zip(first..) {
            let child = Place {
                level: place.level.saturating_sub(1),
                index,
            };
            let places = self.wanted.entry(Digest::from_bytes(*digest));
            places.or_default().push(child);
        }
    }

    /// Bytes of the part at a place.
    fn size(&self, place: Place) -> usize {
        let (total, unit, most) = match place.level.checked_sub(1) {
            None => (self.contents.len(), 1, CHUNK),
            Some(below) => {
                let width = self.widths.get(below).copied().unwrap_or(0);
                (width, 32, FAN_OUT)
            }
        };
        let before = place.index.saturating_mul(most);
        total.saturating_sub(before).min(most).saturating_mul(unit)
    }

    /// Up to `most` digests of parts that are missing.
    pub fn missing(&self, most: usize) -> impl Iterator<Item = &Digest> {
        self.wanted.keys().take(most)
    }

    /// Whether nothing is missing.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.wanted.is_empty()
    }

    /// The contents, when nothing is missing.
    ///
    /// # Errors
    /// The assembly itself.
    pub fn finish(self) -> Result<Vec<u8>, Self> {
        if self.is_complete() {
            return Ok(self.contents);
        }
        Err(self)
    }
}
