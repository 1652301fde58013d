//! Reading patterns.
//!
//! The grammar is that of Click (`elements/ip/ipfilter.cc`): terms of qualifiers, an operator and a
//! value, joined by `and`, `or`, `not` and `?:`; two terms side by side must both hold.

use alloc::boxed::Box;
use alloc::vec;
use alloc::vec::Vec;

use super::expression::Expression;
use super::primitive::{
    Data, Direction, Field, Header, Kind, Mask, Operator, Primitive, Protocol, Wrong,
};
use super::words;
use crate::language::parse_unsigned;
use crate::names::{EtherAddress, PortProtocol, Scope, tables};

/// Brackets and negations within each other: as many as compound elements may have, and few enough for
/// the smallest stack.
const MAX_NESTING: usize = 64;

/// Reads a pattern. The words `-`, `any` and `all` alone, and no word, mean every packet.
pub(super) fn pattern(text: &str, scope: &Scope) -> Result<Expression, Wrong> {
    let words: Vec<&str> = words::split(text).collect();
    if matches!(words.as_slice(), [] | ["-" | "any" | "all"]) {
        return Ok(Expression::Constant(true));
    }
    let mut parser = Parser {
        words,
        at: 0,
        scope,
        before: Primitive::EMPTY,
        depth: 0,
    };
    let expression = parser.choice()?;
    match parser.peek() {
        None => Ok(expression),
        Some(_) => Err("a pattern with an operator between its terms"),
    }
}

struct Parser<'a> {
    words: Vec<&'a str>,
    at: usize,
    scope: &'a Scope,
    /// The term before, from which one that follows takes what it leaves out.
    before: Primitive,
    depth: usize,
}

/// What a word may stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Word {
    Kind(Kind),
    Data(Data),
    /// Several things, or nothing that fits here.
    Ambiguous,
    /// It is no name.
    Other,
}

impl<'a> Parser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.at).copied()
    }

    fn ahead(&self, count: usize) -> Option<&'a str> {
        self.words.get(self.at.saturating_add(count)).copied()
    }

    const fn advance(&mut self, count: usize) {
        self.at = self.at.saturating_add(count);
    }

    fn take(&mut self, wanted: &[&str]) -> bool {
        let found = self.peek().is_some_and(|word| wanted.contains(&word));
        self.advance(usize::from(found));
        found
    }

    /// `or ? choice : choice`
    fn choice(&mut self) -> Result<Expression, Wrong> {
        self.depth = self.depth.saturating_add(1);
        if self.depth > MAX_NESTING {
            return Err("a pattern with less nesting");
        }
        let condition = self.any()?;
        let whole = if self.take(&["?"]) {
            let first = self.choice()?;
            if !self.take(&[":"]) {
                return Err("a pattern whose `?` have their `:`");
            }
            let second = self.choice()?;
            Expression::Choice(Box::new([condition, first, second]))
        } else {
            condition
        };
        self.depth = self.depth.saturating_sub(1);
        Ok(whole)
    }

    fn any(&mut self) -> Result<Expression, Wrong> {
        let mut parts = vec![self.all()?];
        while self.take(&["or", "||"]) {
            parts.push(self.all()?);
        }
        Ok(Expression::Any(parts))
    }

    fn all(&mut self) -> Result<Expression, Wrong> {
        let mut parts = vec![self.factor()?];
        loop {
            let joined = self.take(&["and", "&&"]);
            let ends = matches!(self.peek(), None | Some(")" | "or" | "||" | "?" | ":"));
            if ends && !joined {
                return Ok(Expression::All(parts));
            }
            parts.push(self.factor()?);
        }
    }

    fn factor(&mut self) -> Result<Expression, Wrong> {
        let mut negated = false;
        while self.take(&["not", "!"]) {
            negated = !negated;
        }
        let inner = if self.take(&["("]) {
            let inner = self.choice()?;
            if !self.take(&[")"]) {
                return Err("a pattern whose `(` have their `)`");
            }
            inner
        } else if self.take(&["true"]) {
            Expression::Constant(true)
        } else if self.take(&["false"]) {
            Expression::Constant(false)
        } else {
            self.term()?
        };
        Ok(if negated { inner.not() } else { inner })
    }

    fn term(&mut self) -> Result<Expression, Wrong> {
        let start = self.at;
        let mut term = Primitive::EMPTY;
        let negated = self.qualifiers(&mut term)?;
        if self.at != start {
            self.before = Primitive::EMPTY;
        }
        if self.peek() == Some("[") && self.at != start && term.kind.is_none() {
            self.brackets(&mut term)?;
        }
        if matches!(self.before.data, Data::Ether(_)) {
            term.header = Some(Header::Ether);
        }
        self.mask(&mut term);
        let compared = self.operator(&mut term);
        let has_value = self.value(&mut term)?;
        if !has_value && compared {
            return Err("a pattern whose operators are followed by values");
        }
        if self.at == start {
            return Err("a pattern without empty terms");
        }
        let before = self.before;
        let meaning = term.expression(&before)?;
        self.before = term;
        Ok(if negated { meaning.not() } else { meaning })
    }

    /// `src`, `ip`, `tcp`, `port` and the like. Says whether a `not` was among them.
    fn qualifiers(&mut self, term: &mut Primitive) -> Result<bool, Wrong> {
        let mut negated = false;
        while let Some(word) = self.peek() {
            match self.look_up(word, None, None) {
                Word::Kind(kind) if term.kind.is_none() => {
                    term.kind = Some(kind);
                    if let Kind::Field(Field {
                        protocol: Some(protocol),
                        ..
                    }) = kind
                    {
                        set_protocol(term, protocol)?;
                    }
                }
                Word::Kind(_) => return Err("a pattern whose terms name one field each"),
                Word::Data(Data::Protocol(protocol)) => set_protocol(term, protocol)?,
                Word::Data(_) | Word::Ambiguous => break,
                Word::Other => match word {
                    "src" | "dst" | "dest" => self.direction(term, word)?,
                    "ip" if term.header.is_none() => term.header = Some(Header::Ip),
                    "ether" if term.header.is_none() => term.header = Some(Header::Ether),
                    "not" | "!" => negated = !negated,
                    _ => break,
                },
            }
            self.advance(1);
        }
        Ok(negated)
    }

    /// `src`, `dst`, and both with `and` or `or` between them.
    fn direction(&mut self, term: &mut Primitive, word: &str) -> Result<(), Wrong> {
        if term.direction.is_some() {
            return Err("a pattern whose terms have one `src` or `dst` each");
        }
        let second = matches!(self.ahead(2), Some("dst" | "dest")) && word == "src";
        let direction = match self.ahead(1) {
            Some("and" | "&&") if second => Direction::Both,
            Some("or" | "||") if second => Direction::Either,
            _ if word == "src" => Direction::Source,
            _ => Direction::Destination,
        };
        if matches!(direction, Direction::Both | Direction::Either) {
            self.advance(2);
        }
        term.direction = Some(direction);
        Ok(())
    }

    /// `[POS]`, `[POS:LEN]` or `[FIRST,LAST]`: bytes of the header that was named.
    fn brackets(&mut self, term: &mut Primitive) -> Result<(), Wrong> {
        const EXPECTED: Wrong = "a pattern whose brackets are `[POS]` or `[POS:LEN]`";
        self.advance(1);
        let start = self.at;
        while self.peek().ok_or(EXPECTED)? != "]" {
            self.advance(1);
        }
        let inside = self.words.get(start..self.at).unwrap_or_default().concat();
        self.advance(1);
        let number = |text: &str| parse_unsigned(text).and_then(|n| u32::try_from(n).ok());
        let (position, len) = if let Some((position, len)) = inside.split_once(':') {
            (number(position), number(len))
        } else if let Some((first, last)) = inside.split_once(',') {
            let len = number(last).zip(number(first));
            let len = len.and_then(|(last, first)| last.checked_sub(first)?.checked_add(1));
            (number(first), len)
        } else {
            (number(&inside), Some(1))
        };
        let (position, len) = position.zip(len).ok_or(EXPECTED)?;
        let end = position.checked_add(len).filter(|_| (1..=4).contains(&len));
        let end = end.ok_or("a pattern whose `[POS:LEN]` have from 1 to 4 bytes")?;
        if position / 4 != end.saturating_sub(1) / 4 {
            return Err("a pattern whose `[POS:LEN]` lie in one word of four bytes");
        }
        term.kind = Some(Kind::Field(Field {
            protocol: term.protocol,
            offset: position.saturating_mul(8),
            bits: len.saturating_mul(8),
        }));
        Ok(())
    }

    /// `& MASK`
    fn mask(&mut self, term: &mut Primitive) {
        let Some(word) = self.ahead(1).filter(|_| self.peek() == Some("&")) else {
            return;
        };
        let number = parse_unsigned(word).and_then(|number| u32::try_from(number).ok());
        let address = || self.scope.address(word).map(|address| address.to_bits());
        let ether = || self.scope.ether(word);
        let mask = match term.header {
            _ if number.is_some() => number.map(Mask::Number),
            Some(Header::Ip) => address().map(Mask::Address),
            Some(Header::Ether) => ether().map(Mask::Ether),
            None => match address() {
                Some(address) => Some(Mask::Address(address)),
                None => ether().map(Mask::Ether),
            },
        };
        if mask.is_some() {
            // A mask of nothing is none.
            term.mask = mask.filter(|mask| !matches!(mask, Mask::Number(0) | Mask::Address(0)));
            self.advance(2);
        }
    }

    /// Says whether there is one.
    fn operator(&mut self, term: &mut Primitive) -> bool {
        let operator = match self.peek() {
            Some("=" | "==") => Operator::Equal,
            Some("!=") => Operator::NotEqual,
            Some(">") => Operator::Greater,
            Some("<") => Operator::Less,
            Some(">=") => Operator::AtLeast,
            Some("<=") => Operator::AtMost,
            _ => return false,
        };
        term.operator = operator;
        self.advance(1);
        true
    }

    /// What is compared with. Says whether there is something.
    fn value(&mut self, term: &mut Primitive) -> Result<bool, Wrong> {
        let Some(word) = self.peek() else {
            return Ok(false);
        };
        let data = match self.look_up(word, term.kind, term.protocol) {
            Word::Data(data) => Some(data),
            Word::Ambiguous => {
                return Err("a pattern whose names say what they are, such as `tcp port echo`");
            }
            Word::Kind(_) | Word::Other => self.literal(word, term),
        };
        let Some(data) = data else {
            return Ok(false);
        };
        term.data = data;
        self.advance(1);
        if let (Data::Address(address), Some("mask"), Some(mask)) =
            (data, self.peek(), self.ahead(1))
            && let Some(mask) = self.scope.address(mask)
        {
            let mask = mask.to_bits();
            term.data = Data::Network { address, mask };
            self.advance(2);
        }
        Ok(true)
    }

    /// A number or an address.
    fn literal(&self, word: &str, term: &Primitive) -> Option<Data> {
        let number = parse_unsigned(word).and_then(|number| u32::try_from(number).ok());
        if let Some(number) = number {
            return Some(Data::Number(number));
        }
        let network = || {
            let prefix = self.scope.prefix(word)?;
            let (address, mask) = (prefix.address, prefix.mask);
            Some(Data::Network { address, mask })
        };
        let address = || {
            let address = self.scope.address(word)?;
            Some(Data::Address(address.to_bits()))
        };
        let ether = || {
            self.scope
                .ether(word)
                .map(|EtherAddress(e)| Data::Ether(EtherAddress(e)))
        };
        let ip = || match term.kind {
            Some(Kind::Net) => network().or_else(address),
            _ => address().or_else(network),
        };
        match term.header {
            Some(Header::Ip) => ip(),
            Some(Header::Ether) => ether(),
            None => ip().or_else(ether),
        }
    }

    /// What a name means where a value of some kind, of some protocol, may stand.
    fn look_up(&self, word: &str, kind: Option<Kind>, protocol: Option<Protocol>) -> Word {
        if kind.is_none() {
            if let Some(kind) = kind_named(word) {
                return Word::Kind(kind);
            }
            if matches!(word, "src" | "dst" | "dest" | "ip" | "ether" | "not") {
                return Word::Other;
            }
        }
        let tcp = self.scope.named_port(word, PortProtocol::Tcp);
        let udp = self.scope.named_port(word, PortProtocol::Udp);
        let all = [
            protocol_named(word).map(Data::Protocol),
            tcp.map(Data::Port),
            udp.map(Data::Port),
            tcp_flag(word).map(Data::TcpFlag),
            tables::icmp_type(word).map(Data::IcmpType),
        ];
        if all.iter().all(Option::is_none) {
            return Word::Other;
        }
        let of = |wanted: &[Protocol]| protocol.is_none_or(|protocol| wanted.contains(&protocol));
        let is = |wanted: Kind| kind.is_none_or(|kind| kind == wanted);
        let fits = [
            is(Kind::Protocol),
            is(Kind::Port) && of(&[Protocol::TCP, Protocol::TcpUdp]),
            is(Kind::Port) && of(&[Protocol::UDP, Protocol::TcpUdp]) && tcp != udp
                || is(Kind::Port) && protocol == Some(Protocol::UDP),
            is(Kind::TcpFlags) && of(&[Protocol::TCP]),
            is(Kind::Field(Field::ICMP_TYPE)) && of(&[Protocol::ICMP]),
        ];
        let meanings = all.into_iter().zip(fits);
        let mut meanings = meanings.filter_map(|(data, fits)| data.filter(|_| fits));
        match (meanings.next(), meanings.next()) {
            (Some(data), None) => Word::Data(data),
            _ => Word::Ambiguous,
        }
    }
}

fn set_protocol(term: &mut Primitive, protocol: Protocol) -> Result<(), Wrong> {
    if term.protocol.is_some_and(|known| known != protocol) {
        return Err("a pattern whose terms name one protocol each");
    }
    term.protocol = Some(protocol);
    Ok(())
}

fn kind_named(word: &str) -> Option<Kind> {
    Some(match word {
        "host" => Kind::Host,
        "net" => Kind::Net,
        "port" => Kind::Port,
        "proto" => Kind::Protocol,
        "opt" => Kind::TcpFlags,
        "frag" => Kind::Fragment,
        "unfrag" => Kind::Unfragmented,
        "ect" => Kind::EcnCapable,
        "ce" => Kind::Congested,
        "type" => Kind::Field(Field::ICMP_TYPE),
        "win" => Kind::Field(Field::TCP_WINDOW),
        "vers" => Kind::Field(Field::ip(0, 4)),
        "hl" => Kind::Field(Field::ip(4, 4)),
        "tos" => Kind::Field(Field::TOS),
        "dscp" => Kind::Field(Field::ip(8, 6)),
        "len" => Kind::Field(Field::ip(16, 16)),
        "id" => Kind::Field(Field::ip(32, 16)),
        "ttl" => Kind::Field(Field::ip(64, 8)),
        _ => return None,
    })
}

fn protocol_named(word: &str) -> Option<Protocol> {
    match word {
        "tcpudp" => Some(Protocol::TcpUdp),
        "transp" => Some(Protocol::Any),
        _ => tables::protocol(word).map(Protocol::Number),
    }
}

/// A flag of TCP, as its bit.
fn tcp_flag(word: &str) -> Option<u32> {
    Some(match word {
        "fin" => 0x01,
        "syn" => 0x02,
        "rst" => 0x04,
        "psh" => 0x08,
        "ack" => 0x10,
        "urg" => 0x20,
        _ => return None,
    })
}
