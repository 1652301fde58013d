//! Capture files in pcap format (draft-ietf-opsawg-pcap): both byte orders, microseconds and
//! nanoseconds.

use core::fmt;
use core::time::Duration;
use std::borrow::Cow;
use std::io::{self, ErrorKind, Read, Write};

use click_graph::HostError;
use click_graph::host::{DumpFormat, DumpReader, DumpWriter, Encapsulation, Record};
use pcap_file::pcap::{self, PcapHeader, PcapPacket, PcapParser, RawPcapPacket};
use pcap_file::{DataLink, Endianness, PcapError, TsResolution};

const FILE_HEADER: usize = 24;
const RECORD_HEADER: usize = 16;

/// Bytes of a packet beyond which a record is damaged: what libpcap allows for ordinary link types
/// (`MAXIMUM_SNAPLEN`).
const MAX_RECORD: usize = 262_144;

const NANOSECONDS: u64 = 1_000_000_000;

/// Reads a capture record by record, into one buffer.
pub(crate) struct PcapReader {
    name: String,
    file: Box<dyn Read>,
    parser: PcapParser,
    /// The record that was read last, with its header.
    buffer: Vec<u8>,
    /// Records read.
    number: u64,
    /// Where the next record starts.
    offset: u64,
}

impl PcapReader {
    pub(crate) fn new(name: &str, mut file: Box<dyn Read>) -> Result<Self, HostError> {
        let not_a_dump = |reason: &str| HostError::NotADump {
            name: name.into(),
            reason: reason.into(),
        };
        let mut header = [0; FILE_HEADER];
        let read = read_up_to(&mut file, &mut header).map_err(|error| HostError::Unreadable {
            name: name.into(),
            reason: error.to_string(),
        })?;
        if read < FILE_HEADER {
            return Err(not_a_dump(if read == 0 {
                "it is empty"
            } else {
                "it ends within the file header"
            }));
        }
        if header.starts_with(&[0x0a, 0x0d, 0x0d, 0x0a]) {
            return Err(not_a_dump("it is in pcapng format"));
        }
        let (_, parser) = PcapParser::new(&header)
            .map_err(|_| not_a_dump("it does not begin with one of the magic numbers"))?;
        let (major, minor) = (parser.header().version_major, parser.header().version_minor);
        if major != 2 {
            let reason = format!("it is of version {major}.{minor}, not 2.4");
            return Err(not_a_dump(&reason));
        }
        Ok(Self {
            name: name.into(),
            file,
            parser,
            buffer: Vec::new(),
            number: 0,
            offset: offset(FILE_HEADER),
        })
    }

    /// Reads to the end of the file.
    ///
    /// # Errors
    /// The first record that is damaged.
    pub(crate) fn expect_whole(mut self) -> Result<(), HostError> {
        while self.next_record()?.is_some() {}
        Ok(())
    }

    /// Reads a record into the buffer; false at the end of the file.
    fn fill(&mut self) -> Result<bool, String> {
        let mut header = [0; RECORD_HEADER];
        match read_up_to(&mut self.file, &mut header).map_err(|error| error.to_string())? {
            0 => return Ok(false),
            RECORD_HEADER => {}
            _ => return Err("the file ends within the record's header".into()),
        }
        let [_, _, _, _, _, _, _, _, a, b, c, d, ..] = header;
        let len = match self.parser.header().endianness {
            Endianness::Big => u32::from_be_bytes([a, b, c, d]),
            Endianness::Little => u32::from_le_bytes([a, b, c, d]),
        };
        let wanted = usize::try_from(len).unwrap_or(usize::MAX);
        if wanted > MAX_RECORD {
            return Err(format!("a length of {len} bytes, more than {MAX_RECORD}"));
        }
        self.buffer.clear();
        self.buffer.extend_from_slice(&header);
        self.buffer.resize(RECORD_HEADER.saturating_add(wanted), 0);
        let body = self.buffer.get_mut(RECORD_HEADER..).unwrap_or_default();
        let read = read_up_to(&mut self.file, body).map_err(|error| error.to_string())?;
        if read < wanted {
            return Err(format!("the file ends after {read} of its {wanted} bytes"));
        }
        Ok(true)
    }

    fn bad_record(&self, reason: String) -> HostError {
        HostError::BadRecord {
            name: self.name.clone(),
            number: self.number.saturating_add(1),
            offset: self.offset,
            reason,
        }
    }

    /// The timestamp in nanoseconds; `None` if its fraction is a second or more.
    fn timestamp(&self, record: &RawPcapPacket<'_>) -> Option<u64> {
        let unit = match self.parser.header().ts_resolution {
            TsResolution::MicroSecond => 1000,
            TsResolution::NanoSecond => 1,
        };
        let fraction = u64::from(record.ts_frac).checked_mul(unit)?;
        let seconds = u64::from(record.ts_sec).checked_mul(NANOSECONDS)?;
        (fraction < NANOSECONDS).then(|| seconds.saturating_add(fraction))
    }
}

impl DumpReader for PcapReader {
    fn encapsulation(&self) -> Encapsulation {
        match self.parser.header().datalink {
            DataLink::ETHERNET => Encapsulation::Ether,
            DataLink::RAW | DataLink::IPV4 | DataLink::IPV6 => Encapsulation::Ip,
            other => Encapsulation::Other(other.into()),
        }
    }

    fn next_record(&mut self) -> Result<Option<Record<'_>>, HostError> {
        match self.fill() {
            Ok(true) => {}
            Ok(false) => return Ok(None),
            Err(reason) => return Err(self.bad_record(reason)),
        }
        let (_, record) = self
            .parser
            .next_raw_packet(&self.buffer)
            .map_err(|error| self.bad_record(error.to_string()))?;
        let timestamp_ns = self.timestamp(&record).ok_or_else(|| {
            self.bad_record(format!("a fraction of {} in its time", record.ts_frac))
        })?;
        let original_len = usize::try_from(record.orig_len).unwrap_or(usize::MAX);
        self.number = self.number.saturating_add(1);
        self.offset = self.offset.saturating_add(offset(self.buffer.len()));
        Ok(Some(Record {
            timestamp_ns,
            original_len,
            bytes: self.buffer.get(RECORD_HEADER..).unwrap_or_default(),
        }))
    }
}

impl fmt::Debug for PcapReader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PcapReader({}, packet {})", self.name, self.number)
    }
}

/// Reads until the buffer is full or the file ends, and says how much that was.
fn read_up_to(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0_usize;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        match file.read(rest) {
            Ok(0) => break,
            Ok(count) => filled = filled.saturating_add(count),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(filled)
}

fn offset(bytes: usize) -> u64 {
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// Writes a capture with nanoseconds, little-endian.
pub(crate) struct PcapWriter {
    name: String,
    /// The file, until it is complete.
    file: Option<pcap::PcapWriter<Box<dyn Write>>>,
}

impl PcapWriter {
    pub(crate) fn new(
        name: &str,
        file: Box<dyn Write>,
        format: DumpFormat,
    ) -> Result<Self, HostError> {
        let header = PcapHeader {
            snaplen: format.snaplen,
            datalink: match format.encapsulation {
                Encapsulation::Ether => DataLink::ETHERNET,
                Encapsulation::Ip => DataLink::RAW,
                Encapsulation::Other(number) => number.into(),
            },
            ts_resolution: TsResolution::NanoSecond,
            endianness: Endianness::Little,
            ..PcapHeader::default()
        };
        let file = pcap::PcapWriter::with_header(file, header);
        Ok(Self {
            name: name.into(),
            file: Some(file.map_err(|error| unwritable(name, &error))?),
        })
    }
}

impl DumpWriter for PcapWriter {
    fn write_record(&mut self, record: Record<'_>) -> Result<(), HostError> {
        let packet = PcapPacket {
            timestamp: Duration::from_nanos(record.timestamp_ns),
            orig_len: u32::try_from(record.original_len).unwrap_or(u32::MAX),
            data: Cow::Borrowed(record.bytes),
        };
        let Some(file) = &mut self.file else {
            return Err(unwritable(&self.name, &"it is complete"));
        };
        match file.write_packet(&packet) {
            Ok(_) => Ok(()),
            Err(PcapError::IoError(error)) => Err(unwritable(&self.name, &error)),
            Err(error) => Err(unwritable(&self.name, &error)),
        }
    }

    fn finish(&mut self) -> Result<(), HostError> {
        match self.file.take() {
            Some(file) => file
                .into_writer()
                .flush()
                .map_err(|error| unwritable(&self.name, &error)),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for PcapWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PcapWriter({})", self.name)
    }
}

fn unwritable(name: &str, reason: &dyn fmt::Display) -> HostError {
    HostError::Unwritable {
        name: name.into(),
        reason: reason.to_string(),
    }
}
