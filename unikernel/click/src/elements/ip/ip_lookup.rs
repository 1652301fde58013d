//! LinearIPLookup, StaticIPLookup, RadixIPLookup, DirectIPLookup and RangeIPLookup.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::Ipv4Addr;

use super::routes::{AddError, Route, RouteTable};
use crate::element::{Context, Element, ElementClass, Handler, manual};
use crate::error::ConfigError;
use crate::graph::{Processing, Side};
use crate::handlers::Refusal;
use crate::in_place::{InPlace, in_place};
use crate::language::{Arguments, parse_unsigned};
use crate::names::{Prefix, Scope};
use crate::packet::Packet;

manual! {
    /// Routes packets by the longest prefix of their next hop.
    ///
    /// A route's gateway, if it has one, becomes the next hop. A packet without a route is dropped;
    /// the first five are reported. `StaticIPLookup` is the same for tables that do not change,
    /// `RadixIPLookup`, `DirectIPLookup` and `RangeIPLookup` are the same under the names that Click has
    /// for other ways to look up: here all find a route in four steps at most.
    ///
    /// # Configuration
    /// `LinearIPLookup(ROUTE, ...)`
    /// - ROUTE: an address or a network, a gateway or `-` or nothing, and an output. Of two for
    ///   one network, the first counts.
    ///
    /// # Ports
    /// One push input, any number of push outputs.
    ///
    /// # Handlers
    /// - `table` (read): a line for each route.
    /// - `lookup` (read, with an address): output and gateway for an address; -1 if there is no route.
    /// - `add` (write): adds a ROUTE, if there is none for its network.
    /// - `set` (write): adds or replaces a ROUTE.
    /// - `remove` (write): removes a ROUTE; its output may be left out.
    /// - `ctrl` (write): lines of `add`, `set` or `remove` and a ROUTE; all are done or none.
    ///
    /// # Example
    /// ```click
    /// InfiniteSource(LIMIT 5, STOP true) -> SetIPAddress(10.0.0.1) -> t :: Tee;
    /// t [0] -> LinearIPLookup(10/8 0, 0/0 10.0.0.9 0) -> Discard;
    /// t [1] -> StaticIPLookup(0/0 0) -> Discard; t [2] -> RadixIPLookup(0/0 0) -> Discard;
    /// t [3] -> DirectIPLookup(0/0 0) -> Discard; t [4] -> RangeIPLookup(0/0 0) -> Discard;
    /// ```
    pub(crate) struct IpLookup {
        table: RouteTable,
        outputs: usize,
        scope: Scope,
        lost: u64,
    }
}

/// The class.
pub(crate) const LINEAR: ElementClass = ElementClass {
    name: "LinearIPLookup",
    manual: IpLookup::MANUAL,
    inputs: Side::exactly(1, Processing::Push),
    outputs: Side::at_least(0, Processing::Push),
    keywords: &["ROUTE"],
    handlers: &[
        Handler::read("table"),
        Handler::ask("lookup"),
        Handler::write("add"),
        Handler::write("set"),
        Handler::write("remove"),
        Handler::write("ctrl"),
    ],
    configure,
};

/// The class of tables that stay.
pub(crate) const STATIC: ElementClass = ElementClass {
    name: "StaticIPLookup",
    handlers: &[Handler::read("table"), Handler::ask("lookup")],
    ..LINEAR
};

/// The class under another name.
pub(crate) const RADIX: ElementClass = ElementClass {
    name: "RadixIPLookup",
    ..LINEAR
};

/// The class under another name.
pub(crate) const DIRECT: ElementClass = ElementClass {
    name: "DirectIPLookup",
    ..LINEAR
};

/// The class under another name.
pub(crate) const RANGE: ElementClass = ElementClass {
    name: "RangeIPLookup",
    ..LINEAR
};

/// Packets without a route that are reported.
const REPORTED: u64 = 5;

fn configure(
    arguments: &mut Arguments<'_>,
    outputs: usize,
) -> Result<Box<dyn Element>, ConfigError> {
    let mut lookup = IpLookup {
        table: RouteTable::new(),
        outputs,
        scope: arguments.scope().clone(),
        lost: 0,
    };
    for value in arguments.every() {
        let wanted = lookup.parse(value.text());
        let route = wanted.and_then(Wanted::whole);
        let route = route.ok_or_else(|| {
            value.refuse("a network, a gateway if there is one, and an output that is connected")
        })?;
        match lookup.table.add(route, false) {
            Ok(_) | Err(AddError::Exists(_)) => {}
            Err(AddError::Full) => return Err(value.refuse("among fewer routes")),
        }
    }
    Ok(Box::new(lookup))
}

/// A route as somebody writes it.
#[derive(Clone, Copy, Debug)]
struct Wanted {
    prefix: Prefix,
    gateway: Option<Ipv4Addr>,
    /// May be left out where a route is removed.
    output: Option<usize>,
}

impl Wanted {
    fn whole(self) -> Option<Route> {
        Some(Route {
            prefix: self.prefix,
            gateway: self.gateway,
            output: self.output?,
        })
    }
}

/// What a line of `ctrl` does.
#[derive(Clone, Copy, Debug)]
enum Command {
    Add,
    Set,
    Remove,
}

impl IpLookup {
    fn parse(&self, text: &str) -> Option<Wanted> {
        let mut words = text.split_ascii_whitespace();
        let prefix = self.scope.prefix_or_address(words.next()?)?.network();
        let mut words = words.collect::<Vec<_>>().into_iter().peekable();
        let gateway = match words.peek() {
            Some(&"-") => Some(None),
            Some(word) => self.scope.address(word).map(Some),
            None => None,
        };
        if gateway.is_some() {
            words.next();
        }
        let output = match words.next() {
            Some(word) => {
                let output = usize::try_from(parse_unsigned(word)?).ok();
                Some(output.filter(|output| *output < self.outputs)?)
            }
            None => None,
        };
        // Click has no gateway 0.0.0.0 either.
        let gateway = gateway
            .flatten()
            .filter(|gateway| !gateway.is_unspecified());
        words.next().is_none().then_some(Wanted {
            prefix,
            gateway,
            output,
        })
    }

    /// Carries a command out. Gives what takes it back: the route to be set, or the prefix to be
    /// removed.
    fn change(&mut self, command: Command, text: &str) -> Result<Result<Route, Prefix>, Refusal> {
        let wanted = self.parse(text).ok_or(Refusal::Value)?;
        if let Command::Remove = command {
            let same = |route: &&Route| {
                let all = wanted.output.is_none();
                all || wanted.whole() == Some(**route)
            };
            let known = self.table.get(wanted.prefix).filter(same);
            let known = known.ok_or_else(|| {
                let output = wanted
                    .output
                    .map_or_else(|| "-1".into(), |output| format!("{output}"));
                let route = unparse(wanted.prefix, wanted.gateway, &output, " ");
                Refusal::Because(format!("route '{route}' not found"))
            })?;
            let prefix = known.prefix;
            return self.table.remove(prefix).map(Ok).ok_or(Refusal::Value);
        }
        let route = wanted.whole().ok_or(Refusal::Value)?;
        match self.table.add(route, matches!(command, Command::Set)) {
            Ok(Some(old)) => Ok(Ok(old)),
            Ok(None) => Ok(Err(route.prefix)),
            Err(AddError::Exists(known)) => {
                let output = format!("{}", known.output);
                let known = unparse(known.prefix, known.gateway, &output, " ");
                Err(Refusal::Because(format!(
                    "conflict with existing route '{known}'"
                )))
            }
            Err(AddError::Full) => Err(Refusal::Because(format!(
                "no memory to store route '{text}'"
            ))),
        }
    }

    /// Carries the commands of all lines out, or none.
    fn control(&mut self, lines: &str) -> Result<(), Refusal> {
        let mut done = Vec::new();
        for line in lines.lines().map(str::trim).filter(|line| !line.is_empty()) {
            let (word, route) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
            let command = match word {
                "add" => Ok(Command::Add),
                "set" => Ok(Command::Set),
                "remove" => Ok(Command::Remove),
                _ => Err(Refusal::Because(format!("bad command '{word}'"))),
            };
            match command.and_then(|command| self.change(command, route)) {
                Ok(undo) => done.push(undo),
                Err(refusal) => {
                    self.undo(done);
                    return Err(refusal);
                }
            }
        }
        Ok(())
    }

    fn undo(&mut self, done: Vec<Result<Route, Prefix>>) {
        for undo in done.into_iter().rev() {
            match undo {
                Ok(route) => {
                    // There was room for it before.
                    let _replaced = self.table.add(route, true);
                }
                Err(prefix) => {
                    self.table.remove(prefix);
                }
            }
        }
    }

    fn list(&self) -> String {
        let lines = self.table.routes().map(|route| {
            let output = format!("{}", route.output);
            let line = unparse(route.prefix, route.gateway, &output, "\t");
            format!("{line}\n")
        });
        lines.collect()
    }
}

/// A route as Click prints it: in columns, if the separator is a tab.
fn unparse(prefix: Prefix, gateway: Option<Ipv4Addr>, output: &str, separator: &str) -> String {
    let column = |text: String, width: usize| {
        let narrow = separator == "\t" && text.len().saturating_add(1) < width;
        format!("{text}{}", separator.repeat(if narrow { 2 } else { 1 }))
    };
    let gateway = gateway.map_or_else(|| "-".into(), |gateway| format!("{gateway}"));
    let (prefix, gateway) = (column(format!("{prefix}"), 17), column(gateway, 9));
    format!("{prefix}{gateway}{output}")
}

impl InPlace for IpLookup {
    fn handle(
        &mut self,
        _: usize,
        packet: &mut Packet,
        context: &mut Context<'_>,
    ) -> Option<usize> {
        let next_hop = Ipv4Addr::from(packet.notes.destination);
        let Some(route) = self.table.find(next_hop) else {
            if self.lost < REPORTED {
                let name = context.name();
                let line = format!("{name}: no route for {next_hop}");
                context.host.message(&line);
            }
            self.lost = self.lost.saturating_add(1);
            return None;
        };
        if let Some(gateway) = route.gateway {
            packet.notes.destination = gateway.octets();
        }
        Some(route.output)
    }
}

impl Element for IpLookup {
    in_place!();

    fn read(&self, handler: &str) -> Option<String> {
        (handler == "table").then(|| self.list())
    }

    fn read_in(
        &mut self,
        handler: &str,
        parameters: &str,
        _: &mut Context<'_>,
    ) -> Result<String, Refusal> {
        if handler != "lookup" {
            return self.read(handler).ok_or(Refusal::Value);
        }
        let address = self.scope.address(parameters.trim());
        let address = address.ok_or_else(|| Refusal::Because("expected IP address".into()))?;
        Ok(match self.table.find(address) {
            None => "-1".into(),
            Some(Route {
                output,
                gateway: Some(gateway),
                ..
            }) => format!("{output} {gateway}"),
            Some(route) => format!("{}", route.output),
        })
    }

    fn write_in(&mut self, handler: &str, value: &str, _: &mut Context<'_>) -> Result<(), Refusal> {
        let command = match handler {
            "add" => Command::Add,
            "set" => Command::Set,
            "remove" => Command::Remove,
            "ctrl" => return self.control(value),
            _ => return Err(Refusal::Value),
        };
        self.change(command, value).map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::{MemoryHost, router, run};

    #[test]
    fn packets_take_the_longest_prefix() {
        let mut host = MemoryHost::new(&[
            b"\x0a\x01\0\0",
            b"\x0a\x02\0\0",
            b"\x0b\0\0\0",
            b"\xc0\0\0\0",
        ]);
        run(
            "FromDump(in.pcap) -> GetIPAddress(0)
            -> r :: LinearIPLookup(10/8 0, 10.1/16 1.2.3.4 1, 11/8 - 1, 10/8 1);
            r [0] -> ToDump(zero); r [1] -> ToDump(one)",
            &mut host,
        );
        assert_eq!(
            (host.written("zero").len(), host.written("one").len()),
            (1, 2)
        );
        assert_eq!(host.messages, ["r: no route for 192.0.0.0"]);
    }

    #[test]
    fn tables_change_by_handlers() {
        let text = "AddressInfo(foo 1.2.3.4/20); InfiniteSource(ACTIVE false)
            -> r :: RadixIPLookup(foo 0, foo:ipnet 1, foo:bcast 1) -> Discard; r [1] -> Discard";
        let mut host = MemoryHost::new(&[]);
        let mut router = router(text, &mut host).unwrap();
        let table = "1.2.3.4/32\t\t-\t\t0\n1.2.0.0/20\t\t-\t\t1\n1.2.15.255/32\t\t-\t\t1\n";
        assert_eq!(router.read_handler("r.table").unwrap(), table);
        for (call, answer) in [
            ("r.add 18.26/16 100.100.100.100 1", ""),
            (
                "r.add 18.26/16 1.0.0.1 0",
                "conflict with existing route '18.26.0.0/16 100.100.100.100 1'",
            ),
            ("r.set 18.26/16 1.0.0.1 0", ""),
            (
                "r.remove 18.26/16 1.0.0.1 1",
                "route '18.26.0.0/16 1.0.0.1 1' not found",
            ),
            ("r.add 18.26/16 1.0.0.1 7", "does not take"),
            ("r.ctrl add 5/8 0\nset 18.26/16 1\nremove 9/8", "not found"),
            ("r.ctrl x", "bad command 'x'"),
            ("r.ctrl add 5/8 0\nset 5/8 1\nremove foo", ""),
        ] {
            match router.call_write(&mut host, call) {
                Ok(()) => assert_eq!(answer, "", "{call}"),
                Err(error) => {
                    let error = alloc::format!("{error}");
                    assert!(
                        !answer.is_empty() && error.contains(answer),
                        "{call}: {error}"
                    );
                }
            }
        }
        for (address, route) in [
            ("18.26.4.9", "0 1.0.0.1"),
            ("5.5.5.5", "1"),
            ("1.2.3.4", "1"),
            ("9.9.9.9", "-1"),
        ] {
            let call = alloc::format!("r.lookup {address}");
            assert_eq!(
                router.call_read(&mut host, &call).unwrap(),
                route,
                "{address}"
            );
        }
    }
}
