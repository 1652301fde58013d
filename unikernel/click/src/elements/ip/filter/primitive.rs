//! What the terms of a pattern mean: which bits of which header have which value.

use alloc::vec;
use alloc::vec::Vec;

use super::expression::Expression;
use super::steps::{Base, Place};
use crate::headers::ipv4;
use crate::names::EtherAddress;

/// A protocol, as patterns name them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Protocol {
    /// One with a number.
    Number(u8),
    /// TCP or UDP.
    TcpUdp,
    /// Whichever it is.
    Any,
}

impl Protocol {
    pub(super) const ICMP: Self = Self::Number(ipv4::ICMP);
    pub(super) const TCP: Self = Self::Number(ipv4::TCP);
    pub(super) const UDP: Self = Self::Number(ipv4::UDP);

    fn expression(self) -> Expression {
        let is = |number| Expression::test(PROTOCOL, 0xff << 16, u32::from(number) << 16);
        match self {
            Self::Number(number) => is(number),
            Self::TcpUdp => Expression::Any(vec![is(ipv4::TCP), is(ipv4::UDP)]),
            Self::Any => Expression::Constant(true),
        }
    }
}

/// What a term is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Host,
    Net,
    Ether,
    Port,
    Protocol,
    TcpFlags,
    Fragment,
    Unfragmented,
    EcnCapable,
    Congested,
    Field(Field),
}

/// Bits of the IP header, or of that behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field {
    /// The protocol whose header it is; `None` for IP itself.
    pub(super) protocol: Option<Protocol>,
    /// Bits in front of it.
    pub(super) offset: u32,
    /// How many; they lie in one word.
    pub(super) bits: u32,
}

impl Field {
    pub(super) const fn ip(offset: u32, bits: u32) -> Self {
        Self {
            protocol: None,
            offset,
            bits,
        }
    }

    pub(super) const TOS: Self = Self::ip(8, 8);

    pub(super) const ICMP_TYPE: Self = Self {
        protocol: Some(Protocol::ICMP),
        offset: 0,
        bits: 8,
    };

    pub(super) const TCP_WINDOW: Self = Self {
        protocol: Some(Protocol::TCP),
        offset: 112,
        bits: 16,
    };

    const fn full_mask(self) -> u32 {
        match u32::MAX.checked_shr(u32::BITS.saturating_sub(self.bits)) {
            Some(mask) => mask,
            None => 0,
        }
    }
}

/// Which of two addresses or ports is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Source,
    Destination,
    Either,
    Both,
}

/// What something is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Data {
    None,
    Number(u32),
    Address(u32),
    Network { address: u32, mask: u32 },
    Ether(EtherAddress),
    Port(u16),
    Protocol(Protocol),
    TcpFlag(u32),
    IcmpType(u8),
}

/// How it is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Greater,
    Less,
    AtLeast,
    AtMost,
}

/// A mask that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mask {
    Number(u32),
    Address(u32),
    Ether(EtherAddress),
}

/// A term; what it leaves out is taken from the one before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Primitive {
    pub(super) kind: Option<Kind>,
    pub(super) direction: Option<Direction>,
    pub(super) protocol: Option<Protocol>,
    pub(super) data: Data,
    pub(super) operator: Operator,
    pub(super) mask: Option<Mask>,
    /// `ip` or `ether` stands in front of it.
    pub(super) header: Option<Header>,
}

/// A header that a term names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Header {
    Ip,
    Ether,
}

/// What is wrong with a term, as what a pattern should be.
pub(super) type Wrong = &'static str;

const PROTOCOL: Place = network(8);
const FRAGMENT: Place = network(4);
const SOURCE: Place = network(12);
const DESTINATION: Place = network(16);
const PORTS: Place = transport(0);
const TCP_FLAGS: Place = transport(12);

const fn network(offset: u16) -> Place {
    Place {
        base: Base::Network,
        offset,
    }
}

const fn transport(offset: u16) -> Place {
    Place {
        base: Base::Transport,
        offset,
    }
}

const fn link(offset: u16) -> Place {
    Place {
        base: Base::Link,
        offset,
    }
}

impl Primitive {
    pub(super) const EMPTY: Self = Self {
        kind: None,
        direction: None,
        protocol: None,
        data: Data::None,
        operator: Operator::Equal,
        mask: None,
        header: None,
    };

    /// Fills in what is left out, from what it is compared with and from the term before.
    fn complete(&mut self, before: &Self) -> Result<Kind, Wrong> {
        if self.kind.is_none() {
            let data_kind = match self.data {
                Data::Address(_) => Kind::Host,
                Data::Network { .. } => Kind::Net,
                Data::Ether(_) => Kind::Ether,
                Data::Port(_) => Kind::Port,
                Data::Protocol(_) => Kind::Protocol,
                Data::TcpFlag(_) => Kind::TcpFlags,
                Data::IcmpType(_) => Kind::Field(Field::ICMP_TYPE),
                Data::None if self.protocol.is_some() => Kind::Protocol,
                Data::None => return Err("a pattern whose terms are whole"),
                Data::Number(_) => match before.kind {
                    Some(kind @ (Kind::Field(_) | Kind::Protocol | Kind::Port)) => kind,
                    _ => return Err("a pattern that says what its numbers are: a field or `port`"),
                },
            };
            let addressed = matches!(
                data_kind,
                Kind::Host | Kind::Net | Kind::Ether | Kind::TcpFlags | Kind::Port
            );
            if addressed {
                self.direction = self.direction.or(before.direction);
            }
            if data_kind == Kind::Port {
                self.protocol = self.protocol.or(before.protocol);
            }
            self.kind = Some(data_kind);
        }
        if let Some(Kind::Field(field)) = self.kind {
            self.protocol = self.protocol.or(field.protocol);
        }
        let about_ether = matches!(self.data, Data::Ether(_)) && self.header.is_none();
        let header = if about_ether {
            Header::Ether
        } else {
            self.header.unwrap_or(Header::Ip)
        };
        self.header = Some(header);
        let kind = match self.kind {
            Some(Kind::Host) if header == Header::Ether => Kind::Ether,
            Some(kind) => kind,
            None => return Err("a pattern whose terms are whole"),
        };
        if (header == Header::Ether) != (kind == Kind::Ether) {
            return Err("a pattern in which `ether` stands with Ethernet addresses only");
        }
        self.kind = Some(kind);
        Ok(kind)
    }

    /// What it means.
    pub(super) fn expression(&mut self, before: &Self) -> Result<Expression, Wrong> {
        let kind = self.complete(before)?;
        let meaning = match kind {
            Kind::Host | Kind::Net => self.address()?,
            Kind::Ether => self.ether()?,
            Kind::Protocol => return self.protocol_is(),
            Kind::Port => self.port()?,
            Kind::TcpFlags => self.tcp_flags()?,
            Kind::Fragment | Kind::Unfragmented => {
                self.without_value()?;
                let whole = Expression::test(FRAGMENT, 0x3fff, 0);
                match kind {
                    Kind::Fragment => whole.differs(),
                    _ => whole,
                }
            }
            Kind::Congested => {
                self.without_value()?;
                field(Field::TOS, Operator::Equal, 3, Some(3))?
            }
            Kind::EcnCapable if self.data == Data::None => {
                field(Field::TOS, Operator::NotEqual, 0, Some(3))?
            }
            Kind::EcnCapable => field(Field::TOS, self.operator, self.number()?, Some(3))?,
            Kind::Field(part) => {
                let value = match self.data {
                    Data::IcmpType(icmp_type) => icmp_type.into(),
                    _ => self.number()?,
                };
                field(part, self.operator, value, self.number_mask()?)?
            }
        };
        let mut parts = Vec::new();
        if let Some(protocol) = self.protocol {
            parts.push(protocol.expression());
        }
        let behind = matches!(kind, Kind::Field(part) if part.protocol.is_some());
        if behind || matches!(kind, Kind::Port | Kind::TcpFlags) {
            // Only the first fragment has the header.
            parts.push(Expression::test(FRAGMENT, 0x1fff, 0));
        }
        parts.push(meaning);
        Ok(Expression::All(parts))
    }

    fn without_value(&self) -> Result<(), Wrong> {
        let plain = self.data == Data::None && self.mask.is_none();
        plain
            .then_some(())
            .ok_or("a pattern in which `frag`, `unfrag` and `ce` stand alone")
    }

    const fn number(&self) -> Result<u32, Wrong> {
        match self.data {
            Data::Number(number) => Ok(number),
            _ => Err("a pattern whose fields are compared with numbers"),
        }
    }

    const fn number_mask(&self) -> Result<Option<u32>, Wrong> {
        match self.mask {
            None => Ok(None),
            Some(Mask::Number(mask)) => Ok(Some(mask)),
            Some(_) => Err("a pattern whose masks are of the kind of what they mask"),
        }
    }

    /// Whether the operator turns the meaning round; of addresses, only equality can be asked.
    const fn is_negated(&self) -> Result<bool, Wrong> {
        match self.operator {
            Operator::Equal => Ok(false),
            Operator::NotEqual => Ok(true),
            _ => Err("a pattern whose addresses are compared by `=` and `!=`"),
        }
    }

    /// Joins what is asked of source and destination.
    fn both_ways(&self, source: Expression, destination: Expression, negated: bool) -> Expression {
        let joined = match self.direction.unwrap_or(Direction::Either) {
            Direction::Source => source,
            Direction::Destination => destination,
            Direction::Either => Expression::Any(vec![source, destination]),
            Direction::Both => Expression::All(vec![source, destination]),
        };
        if negated { joined.differs() } else { joined }
    }

    fn address(&self) -> Result<Expression, Wrong> {
        let (address, mask) = match (self.kind, self.data) {
            (_, Data::Network { address, mask }) => (address, mask),
            (Some(Kind::Host), Data::Address(address)) => (address, u32::MAX),
            _ => return Err("a pattern whose `host` and `net` are followed by addresses"),
        };
        let mask = match self.mask {
            None => mask,
            Some(Mask::Number(mask) | Mask::Address(mask)) => mask,
            Some(Mask::Ether(_)) => {
                return Err("a pattern whose masks are of the kind of what they mask");
            }
        };
        let is = |place| Expression::test(place, mask, address);
        let negated = self.is_negated()?;
        Ok(self.both_ways(is(SOURCE), is(DESTINATION), negated))
    }

    fn ether(&self) -> Result<Expression, Wrong> {
        let Data::Ether(EtherAddress(address)) = self.data else {
            return Err("a pattern whose `ether` is followed by an Ethernet address");
        };
        let mask = match self.mask {
            None => [0xff; 6],
            Some(Mask::Ether(EtherAddress(mask))) => mask,
            Some(_) => return Err("a pattern whose masks are of the kind of what they mask"),
        };
        let [a, b, c, d, e, f] = address;
        let [m, n, o, p, q, r] = mask;
        let is = |place, mask, value| {
            Expression::test(place, u32::from_be_bytes(mask), u32::from_be_bytes(value))
        };
        let source = Expression::All(vec![
            is(link(8), [m, n, o, p], [a, b, c, d]),
            is(link(12), [q, r, 0, 0], [e, f, 0, 0]),
        ]);
        let destination = Expression::All(vec![
            is(link(0), [0, 0, m, n], [0, 0, a, b]),
            is(link(4), [o, p, q, r], [c, d, e, f]),
        ]);
        let negated = self.is_negated()?;
        Ok(self.both_ways(source, destination, negated))
    }

    /// The meaning of a protocol alone.
    fn protocol_is(&mut self) -> Result<Expression, Wrong> {
        const EXPECTED: Wrong = "a pattern whose protocols are names or numbers below 256";
        let named = self.protocol.take();
        let protocol = match self.data {
            Data::Protocol(protocol) => protocol,
            Data::Number(number) => Protocol::Number(u8::try_from(number).map_err(|_| EXPECTED)?),
            Data::None => named.ok_or(EXPECTED)?,
            _ => return Err(EXPECTED),
        };
        if named.is_some_and(|named| named != protocol) {
            return Err("a pattern whose terms name one protocol each");
        }
        let Protocol::Number(number) = protocol else {
            let plain = self.mask.is_none() && !self.is_negated()?;
            self.protocol = Some(protocol);
            return plain.then(|| protocol.expression()).ok_or(EXPECTED);
        };
        let mask = self.number_mask()?;
        if self.operator == Operator::Equal && mask.is_none() {
            self.protocol = Some(protocol);
        }
        field(Field::ip(72, 8), self.operator, number.into(), mask)
    }

    fn port(&mut self) -> Result<Expression, Wrong> {
        let value = match self.data {
            Data::Port(port) => port.into(),
            Data::Number(number) => number,
            _ => return Err("a pattern whose `port` is followed by a port"),
        };
        match self.protocol {
            None => self.protocol = Some(Protocol::TcpUdp),
            Some(Protocol::TcpUdp | Protocol::TCP | Protocol::UDP | DCCP) => {}
            Some(_) => return Err("a pattern whose `port` stands with a protocol that has ports"),
        }
        let mask = self.number_mask()?;
        let (operator, negated) = self.operator.without_negation();
        let is = |shift| comparison(PORTS, shift, 0xffff, operator, value, mask);
        let (source, destination) = (is(16)?, is(0)?);
        Ok(self.both_ways(source, destination, negated))
    }

    fn tcp_flags(&mut self) -> Result<Expression, Wrong> {
        const EXPECTED: Wrong = "a pattern whose `opt` is followed by a flag of TCP";
        let flags = match self.data {
            Data::TcpFlag(flags) => flags,
            Data::Number(flags) if flags <= 255 => flags,
            _ => return Err(EXPECTED),
        };
        if self
            .protocol
            .is_some_and(|protocol| protocol != Protocol::TCP)
            || self.operator != Operator::Equal
            || self.mask.is_some()
        {
            return Err(EXPECTED);
        }
        self.protocol = Some(Protocol::TCP);
        Ok(Expression::test(TCP_FLAGS, flags << 16, flags << 16))
    }
}

/// DCCP, which has ports too.
const DCCP: Protocol = Protocol::Number(33);

impl Operator {
    /// The same without, and whether it is to be turned round.
    const fn without_negation(self) -> (Self, bool) {
        match self {
            Self::NotEqual => (Self::Equal, true),
            Self::AtLeast => (Self::Less, true),
            Self::AtMost => (Self::Greater, true),
            other => (other, false),
        }
    }
}

/// A comparison of a field of a header.
fn field(
    field: Field,
    operator: Operator,
    value: u32,
    mask: Option<u32>,
) -> Result<Expression, Wrong> {
    let base = match field.protocol {
        Some(_) => Base::Transport,
        None => Base::Network,
    };
    let word = (field.offset / 32).saturating_mul(4);
    let end = (field.offset % 32).saturating_add(field.bits);
    let place = Place {
        base,
        offset: u16::try_from(word).map_err(|_| "a pattern whose fields lie within a header")?,
    };
    let shift = u32::BITS.saturating_sub(end);
    comparison(place, shift, field.full_mask(), operator, value, mask)
}

/// A comparison of the bits `full << shift` of a word, of which `mask` counts.
fn comparison(
    place: Place,
    shift: u32,
    full: u32,
    operator: Operator,
    value: u32,
    mask: Option<u32>,
) -> Result<Expression, Wrong> {
    let mask = mask.filter(|mask| *mask != 0).unwrap_or(full);
    if mask & full != mask {
        return Err("a pattern whose masks fit their fields");
    }
    let (operator, negated) = operator.without_negation();
    let is = |mask: u32, value: u32| {
        let shifted = |bits: u32| bits.checked_shl(shift).unwrap_or_default();
        Expression::test(place, shifted(mask), shifted(value))
    };
    let meaning = match operator {
        Operator::Equal if value > full => {
            return Err("a pattern whose values fit their fields");
        }
        Operator::Equal => is(mask, value & mask),
        Operator::Less if value == 0 => Expression::Constant(false),
        Operator::Less if value > mask => Expression::Constant(true),
        Operator::Less => {
            greater(mask, rounded(value.saturating_sub(1), mask, full), &is).differs()
        }
        _ if value >= mask => Expression::Constant(false),
        _ => greater(mask, rounded(value, mask, full), &is),
    };
    Ok(if negated { meaning.differs() } else { meaning })
}

/// The highest value of masked bits that is not above `value`.
fn rounded(value: u32, mask: u32, full: u32) -> u32 {
    let missing = value & full & !mask;
    let below = u32::MAX
        .checked_shr(missing.leading_zeros().saturating_add(1))
        .unwrap_or_default();
    match missing {
        0 => value & mask,
        _ => (value | below) & mask,
    }
}

/// Whether masked bits are above `bound`, as tests of their upper bits: as long as those of the bound
/// are zeros, any one decides for it; as long as they are ones, all must be there.
fn greater(mask: u32, bound: u32, is: &impl Fn(u32, u32) -> Expression) -> Expression {
    let mut tests = Vec::new();
    let (mut mask, mut bound) = (mask, bound);
    while bound < mask {
        let ones = bound > mask >> 1;
        let differing = if ones {
            !bound.saturating_add(1) & mask
        } else {
            bound
        };
        let below = u32::MAX.checked_shr(differing.leading_zeros());
        let upper = mask & !below.unwrap_or_default();
        tests.push((ones, upper));
        mask &= !upper;
        bound &= mask;
    }
    let mut meaning = None;
    for (ones, upper) in tests.into_iter().rev() {
        let test = if ones {
            is(upper, upper)
        } else {
            is(upper, 0).differs()
        };
        meaning = Some(match (meaning, ones) {
            (None, _) => test,
            (Some(rest), true) => Expression::All(vec![test, rest]),
            (Some(rest), false) => Expression::Any(vec![test, rest]),
        });
    }
    meaning.unwrap_or(Expression::Constant(false))
}
