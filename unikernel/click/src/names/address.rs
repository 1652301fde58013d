//! Addresses as configurations write them (Click's `IPAddressArg`, `IPPrefixArg`, `EtherAddressArg`).

use core::fmt;
use core::net::Ipv4Addr;

/// An Ethernet address.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct EtherAddress(pub(crate) [u8; 6]);

impl EtherAddress {
    /// The address of all.
    pub(crate) const BROADCAST: Self = Self([0xff; 6]);

    /// Whether it is the address of a group; all are one too.
    pub(crate) const fn is_group(self) -> bool {
        self.0[0] & 1 != 0
    }

    /// Six numbers of one or two hexadecimal digits, with `:` or `-` between them.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let separator = if text.contains(':') { ':' } else { '-' };
        let mut parts = text.split(separator);
        let mut address = [0; 6];
        for byte in &mut address {
            let part = parts.next()?;
            let hex = !part.is_empty() && part.chars().all(|c| c.is_ascii_hexdigit());
            *byte = Some(part)
                .filter(|_| hex && part.len() <= 2)
                .and_then(|part| u8::from_str_radix(part, 16).ok())?;
        }
        parts.next().is_none().then_some(Self(address))
    }
}

/// As Click prints it: `00-01-02-03-04-AB`.
impl fmt::Display for EtherAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.0;
        write!(f, "{a:02X}-{b:02X}-{c:02X}-{d:02X}-{e:02X}-{g:02X}")
    }
}

/// An IPv4 address with the mask of a network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Prefix {
    /// The address; bits of a host may be set.
    pub(crate) address: u32,
    /// The mask: ones, then zeros.
    pub(crate) mask: u32,
}

impl Prefix {
    /// The prefix of one address.
    pub(crate) const fn host(address: Ipv4Addr) -> Self {
        Self {
            address: address.to_bits(),
            mask: u32::MAX,
        }
    }

    /// The network, without bits of a host.
    pub(crate) const fn network(self) -> Self {
        Self {
            address: self.address & self.mask,
            mask: self.mask,
        }
    }

    /// Whether an address belongs to the network.
    pub(crate) const fn contains(self, address: u32) -> bool {
        (address ^ self.address) & self.mask == 0
    }

    /// The address of all hosts of the network.
    pub(crate) const fn broadcast(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address | !self.mask)
    }

    /// The address alone.
    pub(crate) const fn host_address(self) -> Ipv4Addr {
        Ipv4Addr::from_bits(self.address)
    }

    /// How many ones the mask has.
    pub(crate) const fn length(self) -> u32 {
        self.mask.leading_ones()
    }

    /// `ADDRESS/LENGTH` or `ADDRESS/MASK`; zeros at the end of the address may be left out.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (address, mask) = text.split_once('/')?;
        let address = parse_octets(address, 1)?.to_bits();
        let mask = match parse_octets(mask, 4) {
            Some(mask) => mask.to_bits(),
            None => mask_of(decimal(mask, 32)?),
        };
        let contiguous = mask.leading_ones().saturating_add(mask.trailing_zeros()) >= u32::BITS;
        contiguous.then_some(Self { address, mask })
    }
}

/// As Click prints it: `10.0.0.0/8`.
impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.host_address(), self.length())
    }
}

/// The mask with this many ones, at most 32.
pub(crate) const fn mask_of(length: u32) -> u32 {
    match u32::MAX.checked_shr(length) {
        Some(rest) => !rest,
        None => u32::MAX,
    }
}

/// An IPv4 address in dotted decimal.
pub(crate) fn parse_ipv4(text: &str) -> Option<Ipv4Addr> {
    parse_octets(text, 4)
}

/// Between `least` and four numbers with dots between them; those left out are 0.
fn parse_octets(text: &str, least: usize) -> Option<Ipv4Addr> {
    let mut octets = [0; 4];
    let mut places = octets.iter_mut();
    let mut count = 0_usize;
    for part in text.split('.') {
        *places.next()? = u8::try_from(decimal(part, 255)?).ok()?;
        count = count.saturating_add(1);
    }
    (count >= least).then(|| Ipv4Addr::from(octets))
}

/// A decimal number up to `most`, of at most three digits.
fn decimal(text: &str, most: u32) -> Option<u32> {
    let digits = (1..=3).contains(&text.len()) && text.chars().all(|c| c.is_ascii_digit());
    let number = Some(text).filter(|_| digits)?.parse().ok();
    number.filter(|number| *number <= most)
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;

    use super::*;

    #[test]
    fn ethernet_addresses() {
        for (text, printed) in [
            ("0:1:2:3:4:aB", Some("00-01-02-03-04-AB")),
            ("00-01-02-03-04-05", Some("00-01-02-03-04-05")),
            ("0:1:2:3:4", None),
            ("0:1:2:3:4:5:6", None),
            ("0:1:2:3:4:", None),
            ("0:1:2:3:4:+5", None),
            ("0:1:2:3:4:005", None),
            ("0:1-2:3:4:5", None),
            ("", None),
        ] {
            let address = EtherAddress::parse(text).map(|address| address.to_string());
            assert_eq!(address.as_deref(), printed, "{text}");
        }
        assert!(EtherAddress::BROADCAST.is_group() && !EtherAddress([2; 6]).is_group());
    }

    #[test]
    fn networks() {
        for (text, printed) in [
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("18.26.4/24", Some("18.26.4.0/24")),
            ("0/0", Some("0.0.0.0/0")),
            ("1.2.3.4/20", Some("1.2.3.4/20")),
            ("1.2.3.4/255.255.240.0", Some("1.2.3.4/20")),
            ("1.2.3.4/32", Some("1.2.3.4/32")),
            ("1.2.3.4", None),
            ("1.2.3.4/33", None),
            ("1.2.3.4/255.0.255.0", None),
            ("1.2.3.256/8", None),
            ("1..3.4/8", None),
            ("1.2.3.4.5/8", None),
            ("1.2.3.4/", None),
            ("/8", None),
            ("+1.2.3.4/8", None),
        ] {
            let prefix = Prefix::parse(text).map(|prefix| prefix.to_string());
            assert_eq!(prefix.as_deref(), printed, "{text}");
        }
        let prefix = Prefix::parse("1.2.3.4/20").unwrap();
        assert_eq!(prefix.broadcast(), Ipv4Addr::new(1, 2, 15, 255));
        assert_eq!(prefix.network().to_string(), "1.2.0.0/20");
        assert!(prefix.contains(0x0102_0fff) && !prefix.contains(0x0102_1000));
        assert_eq!(
            (mask_of(0), mask_of(32), mask_of(8)),
            (0, u32::MAX, 0xff00_0000)
        );
    }

    #[test]
    fn addresses_are_whole() {
        assert_eq!(parse_ipv4("1.2.3.4"), Some(Ipv4Addr::new(1, 2, 3, 4)));
        for wrong in ["1.2.3", "1.2.3.4.5", "a", "", "1.2.3.4/8", "0x1.2.3.4"] {
            assert_eq!(parse_ipv4(wrong), None, "{wrong}");
        }
    }
}
