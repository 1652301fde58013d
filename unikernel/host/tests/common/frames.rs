//! Frames for examples, with right checksums.

/// The bytes of a frame.
pub(crate) type Frame = Vec<u8>;

const SOURCE: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// The hardware address of device 0.
const TARGET: [u8; 6] = [2, 0, 0, 0, 0, 0];
const FROM: [u8; 4] = [172, 44, 0, 1];
const TO: [u8; 4] = [172, 44, 0, 2];

/// The Internet checksum (RFC 1071).
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let word = |pair: &[u8]| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0));
    let mut sum: u32 = bytes.chunks(2).map(word).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!u16::try_from(sum).unwrap()).to_be_bytes()
}

fn ethernet(kind: [u8; 2], payload: &[u8]) -> Frame {
    [&TARGET, &SOURCE, &kind[..], payload].concat()
}

fn ipv4(protocol: u8, payload: &[u8]) -> Frame {
    let len = u16::try_from(20 + payload.len()).unwrap().to_be_bytes();
    let mut header = vec![0x45, 0, len[0], len[1], 0, 1, 0, 0, 64, protocol, 0, 0];
    header.extend(FROM);
    header.extend(TO);
    let sum = checksum(&header);
    header[10..12].copy_from_slice(&sum);
    header.extend(payload);
    ethernet([8, 0], &header)
}

/// The checksum of UDP and TCP, with what they take from IPv4.
fn transport_checksum(protocol: u8, segment: &[u8]) -> [u8; 2] {
    let len = u16::try_from(segment.len()).unwrap().to_be_bytes();
    checksum(&[&FROM[..], &TO, &[0, protocol], &len, segment].concat())
}

/// UDP to a port, with a payload.
pub(crate) fn udp_with(port: u16, payload: &[u8]) -> Frame {
    let len = u16::try_from(8 + payload.len()).unwrap().to_be_bytes();
    let mut segment = [4000_u16.to_be_bytes(), port.to_be_bytes(), len, [0; 2]].concat();
    segment.extend(payload);
    let sum = transport_checksum(17, &segment);
    segment[6..8].copy_from_slice(&sum);
    ipv4(17, &segment)
}

/// UDP to a port.
pub(crate) fn udp(port: u16) -> Frame {
    udp_with(port, b"payload of a test!")
}

/// The first segment of a connection to a port.
pub(crate) fn tcp(port: u16) -> Frame {
    let mut segment = [&4000_u16.to_be_bytes()[..], &port.to_be_bytes()].concat();
    segment.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x02, 0x10, 0, 0, 0, 0, 0]);
    let sum = transport_checksum(6, &segment);
    segment[16..18].copy_from_slice(&sum);
    ipv4(6, &segment)
}

/// An ICMP echo request.
pub(crate) fn icmp_echo() -> Frame {
    let mut message = vec![8, 0, 0, 0, 0, 1, 0, 1];
    message.extend(b"abcdefghijklmnop");
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum);
    ipv4(1, &message)
}

/// A frame of UDP from one address and port to others. It has no UDP checksum, which is legal.
pub(crate) fn between(from: ([u8; 4], u16), to: ([u8; 4], u16)) -> Frame {
    let mut frame = udp(to.1);
    frame[26..30].copy_from_slice(&from.0);
    frame[30..34].copy_from_slice(&to.0);
    frame[34..36].copy_from_slice(&from.1.to_be_bytes());
    frame[40..42].fill(0);
    frame[24..26].fill(0);
    let sum = checksum(&frame[14..34]);
    frame[24..26].copy_from_slice(&sum);
    frame
}

/// Addresses and ports of a frame of UDP or TCP.
pub(crate) fn flow(frame: &[u8]) -> (([u8; 4], u16), ([u8; 4], u16)) {
    let address = |at: usize| <[u8; 4]>::try_from(&frame[at..at + 4]).unwrap();
    let port = |at: usize| u16::from_be_bytes([frame[at], frame[at + 1]]);
    ((address(26), port(34)), (address(30), port(36)))
}

/// Whether the header of an IPv4 frame has the right checksum.
pub(crate) fn is_sound(frame: &[u8]) -> bool {
    checksum(&frame[14..34]) == [0; 2]
}

/// A frame of IPv4 with another time to live.
pub(crate) fn with_ttl(frame: &[u8], ttl: u8) -> Frame {
    let mut changed = frame.to_vec();
    changed[22] = ttl;
    changed[24..26].fill(0);
    let sum = checksum(&changed[14..34]);
    changed[24..26].copy_from_slice(&sum);
    changed
}

/// A frame in VLAN 5.
pub(crate) fn vlan(frame: &[u8]) -> Frame {
    [&frame[..12], &[0x81, 0, 0, 5], &frame[12..]].concat()
}

/// An IPv4 frame after one hop.
pub(crate) fn aged(frame: &[u8]) -> Frame {
    let mut aged = frame.to_vec();
    aged[14 + 8] -= 1;
    aged[14 + 10..14 + 12].fill(0);
    let sum = checksum(&aged[14..34]);
    aged[14 + 10..14 + 12].copy_from_slice(&sum);
    aged
}

/// Those that carry IPv4.
pub(crate) fn ip_only(frames: &[Frame]) -> Vec<Frame> {
    let is_ip = |frame: &&Frame| frame[12..14] == [8, 0];
    frames.iter().filter(is_ip).cloned().collect()
}

fn arp(operation: u8, sender: ([u8; 6], [u8; 4]), target: ([u8; 6], [u8; 4])) -> Vec<u8> {
    let head = [0, 1, 8, 0, 6, 4, 0, operation];
    [&head, &sender.0[..], &sender.1, &target.0, &target.1].concat()
}

/// Who has an address?
pub(crate) fn arp_request(sender: [u8; 4], wanted: [u8; 4]) -> Frame {
    let message = arp(1, (SOURCE, sender), ([0; 6], wanted));
    [&[0xff; 6], &SOURCE, &[8, 6][..], &message].concat()
}

/// The answer, to who asks with [`arp_request`].
pub(crate) fn arp_reply(owner: [u8; 4], address: [u8; 6], asker: [u8; 4]) -> Frame {
    let message = arp(2, (address, owner), (SOURCE, asker));
    [&SOURCE, &address, &[8, 6][..], &message].concat()
}
