//! Captures, and runs of configurations in a folder of their own.
#![allow(dead_code, reason = "each test crate uses what it needs")]

use core::time::Duration;
use std::borrow::Cow;
use std::fs;
use std::io::Cursor;
use std::path::{Path, PathBuf};

use click_graph::{Config, Source};
use click_host::{Error, Options, Report, run};
use pcap_file::pcap::{PcapHeader, PcapPacket, PcapReader, PcapWriter};
use pcap_file::{Endianness, TsResolution};
use tempfile::TempDir;

/// A folder that configurations refer to as `DIR`.
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(TempDir::new().unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.path(name);
        fs::write(&path, bytes).unwrap();
        path
    }

    /// The configuration with the folder in place of `DIR`.
    pub(crate) fn source(&self, text: &str) -> Source {
        Source::new(
            "test.click",
            text.replace("DIR", self.0.path().to_str().unwrap()),
        )
    }

    pub(crate) fn run(&self, text: &str) -> Result<Report, Error> {
        self.run_with(text, &Options::default())
    }

    pub(crate) fn run_with(&self, text: &str, options: &Options) -> Result<Report, Error> {
        self.run_and_listen(text, options, &mut |_| {})
    }

    pub(crate) fn run_and_listen(
        &self,
        text: &str,
        options: &Options,
        mut talk: &mut dyn FnMut(&str),
    ) -> Result<Report, Error> {
        run(Config::parse(&self.source(text))?, options, &mut talk)
    }

    /// The first line of the error that a configuration ends with, without the folder's name.
    pub(crate) fn error(&self, text: &str, options: &Options) -> String {
        let error = match self.run_with(text, options) {
            Err(error) => error,
            Ok(report) => report.failure.expect("an error").into(),
        };
        let shown = error.render(&self.source(text));
        let first = shown.lines().next().unwrap();
        first.replace(self.0.path().to_str().unwrap(), "DIR")
    }

    /// Every file in the folder, by name, with its contents.
    pub(crate) fn snapshot(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let mut files = Vec::new();
        collect(self.0.path(), &mut files);
        files.sort();
        files
    }
}

fn collect(folder: &Path, files: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, files);
        } else {
            files.push((path.clone(), fs::read(path).unwrap()));
        }
    }
}

/// A capture of these packets, a second apart.
pub(crate) fn capture(
    packets: &[&[u8]],
    endianness: Endianness,
    ts_resolution: TsResolution,
) -> Vec<u8> {
    let header = PcapHeader {
        endianness,
        ts_resolution,
        ..PcapHeader::default()
    };
    let mut writer = PcapWriter::with_header(Vec::new(), header).unwrap();
    for (bytes, second) in packets.iter().zip(1_u64..) {
        let packet = PcapPacket {
            timestamp: Duration::new(second, 5_000),
            orig_len: bytes.len().try_into().unwrap(),
            data: Cow::Borrowed(bytes),
        };
        writer.write_packet(&packet).unwrap();
    }
    writer.into_writer()
}

/// An ordinary capture.
pub(crate) fn pcap(packets: &[&[u8]]) -> Vec<u8> {
    capture(packets, Endianness::Little, TsResolution::MicroSecond)
}

/// Times and bytes of the packets in a capture file.
pub(crate) fn packets(path: &Path) -> Vec<(Duration, Vec<u8>)> {
    let mut reader = PcapReader::new(Cursor::new(fs::read(path).unwrap())).unwrap();
    let mut packets = Vec::new();
    while let Some(packet) = reader.next_packet() {
        let packet = packet.unwrap();
        packets.push((packet.timestamp, packet.data.into_owned()));
    }
    packets
}

/// The value of the only handler that was asked for.
pub(crate) fn value(report: &Report) -> &str {
    &report.readings[0].value
}
