//! What is known of a running router: its elements, and what their handlers say.

use core::time::Duration;
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::client::{Client, ClientError};

/// Handlers that every element has: how it is, not how it does.
const ABOUT: &[&str] = &["class", "name", "ports", "handlers"];

/// The handler that counts packets, as every counting element of Click's calls it.
const COUNT: &str = "count";

/// Handlers that count packets that did not go on.
const DROPPED: &[&str] = &["drops", "filtered", "aborted"];

/// Elements of a router that are looked at, as many as somebody can look at in a table; the largest
/// of the examples has 206.
const MAX_ELEMENTS: usize = 1_024;

/// An element, as it is in the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Element {
    pub(crate) name: String,
    pub(crate) class: String,
    /// The elements that its outputs lead to.
    pub(crate) targets: Vec<String>,
    /// Handlers that can be read.
    pub(crate) readable: Vec<String>,
}

impl Element {
    pub(crate) fn has(&self, handler: &str) -> bool {
        self.readable.iter().any(|name| name == handler)
    }

    /// Whether a program runs in it.
    pub(crate) fn runs_a_program(&self) -> bool {
        self.has("statement")
    }

    /// What its values are called that change, or that say which program runs.
    pub(crate) fn details(&self) -> impl Iterator<Item = &str> {
        let names = self.readable.iter().map(String::as_str);
        names.filter(|name| !ABOUT.contains(name))
    }
}

/// What counters said at one time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Packets, where the element counts them.
    pub(crate) packets: Option<u64>,
    /// Packets that did not go on, where the element counts them.
    pub(crate) dropped: Option<u64>,
}

/// A look at all counters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sample {
    /// Since the first look.
    pub(crate) at: Duration,
    /// For each element, in their order.
    pub(crate) counts: Vec<Counts>,
}

/// A router that is looked at.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) elements: Vec<Element>,
    before: Option<Sample>,
    now: Sample,
}

impl Model {
    /// Learns which elements there are.
    pub(crate) fn of(client: &mut Client) -> Result<Self, ClientError> {
        let list = client.read("list")?;
        let names = list.lines().skip(1).take(MAX_ELEMENTS);
        let mut elements = Vec::new();
        for name in names {
            // Our own connection is no part of what is looked at.
            if !name.starts_with("click_driver@@") {
                elements.push(element(client, name)?);
            }
        }
        Ok(Self::new(elements))
    }

    pub(crate) fn new(elements: Vec<Element>) -> Self {
        Self {
            elements,
            before: None,
            now: Sample::default(),
        }
    }

    /// Looks at the counters, `at` so long after the first look.
    pub(crate) fn look(&mut self, client: &mut Client, at: Duration) -> Result<(), ClientError> {
        let mut counts = Vec::new();
        for element in &self.elements {
            counts.push(count(client, element)?);
        }
        self.take(Sample { at, counts });
        Ok(())
    }

    /// Takes a look at the counters in.
    pub(crate) fn take(&mut self, sample: Sample) {
        self.before = Some(core::mem::replace(&mut self.now, sample));
    }

    /// What the counters of an element say.
    pub(crate) fn counts(&self, element: usize) -> Counts {
        self.now.counts.get(element).copied().unwrap_or_default()
    }

    /// Packets per second since the look before.
    pub(crate) fn rate(&self, element: usize) -> Option<u64> {
        let before = self.before.as_ref()?;
        let packets = self.counts(element).packets?;
        let earlier = before.counts.get(element)?.packets?;
        let elapsed = self.now.at.checked_sub(before.at)?;
        let per_second = u128::from(packets.checked_sub(earlier)?)
            .saturating_mul(1_000_000_000)
            .checked_div(elapsed.as_nanos())?;
        u64::try_from(per_second).ok()
    }

    /// The values of an element's handlers, in the order in which it lists them. What cannot be read
    /// is left out.
    pub(crate) fn details(
        &self,
        client: &mut Client,
        element: usize,
    ) -> Result<Vec<(String, String)>, ClientError> {
        let Some(element) = self.elements.get(element) else {
            return Ok(Vec::new());
        };
        let mut details = Vec::new();
        for handler in element.details() {
            match client.read(&format!("{}.{handler}", element.name)) {
                Ok(value) => details.push((handler.to_owned(), value)),
                Err(ClientError::Refused(_)) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(details)
    }

    /// What is known now as one JSON object; values of programs' elements are in it whole.
    pub(crate) fn to_json(&self, client: &mut Client) -> Result<Value, ClientError> {
        let mut elements = Vec::new();
        for (index, element) in self.elements.iter().enumerate() {
            let counts = self.counts(index);
            let mut object = json!({
                "name": element.name,
                "class": element.class,
                "to": element.targets,
                "packets": counts.packets,
                "packets_per_second": self.rate(index),
                "dropped": counts.dropped,
            });
            if element.runs_a_program() {
                let values = self.details(client, index)?;
                let values: Map<String, Value> = values
                    .into_iter()
                    .map(|(name, value)| (name, Value::String(value.trim_end().to_owned())))
                    .collect();
                if let Some(object) = object.as_object_mut() {
                    object.insert("program".into(), Value::Object(values));
                }
            }
            elements.push(object);
        }
        let at_ms = u64::try_from(self.now.at.as_millis()).unwrap_or(u64::MAX);
        Ok(json!({ "version": 1, "at_ms": at_ms, "elements": elements }))
    }
}

fn element(client: &mut Client, name: &str) -> Result<Element, ClientError> {
    let class = client.read(&format!("{name}.class"))?.trim().to_owned();
    let ports = client.read(&format!("{name}.ports"))?;
    let handlers = client.read(&format!("{name}.handlers"))?;
    Ok(Element {
        name: name.to_owned(),
        class,
        targets: targets(&ports),
        readable: readable(&handlers),
    })
}

/// The names of handlers that can be read. A line is a name and its flags, with `r` among them.
fn readable(handlers: &str) -> Vec<String> {
    let lines = handlers.lines().filter_map(|line| line.split_once('\t'));
    lines
        .filter(|(_, flags)| flags.contains('r'))
        .map(|(name, _)| name.to_owned())
        .collect()
}

/// The elements behind the outputs. After a line `N output(s)`, each output has a line whose third
/// column lists its connections: `[port] element, …`.
fn targets(ports: &str) -> Vec<String> {
    let outputs = ports.lines().skip_while(|line| {
        let mut words = line.split(' ');
        !words.nth(1).is_some_and(|word| word.starts_with("output"))
    });
    let mut targets = Vec::new();
    for line in outputs.skip(1) {
        let connections = line.split('\t').nth(2).unwrap_or_default();
        for connection in connections.split(", ") {
            let target = connection.split_once("] ").map_or("", |(_, name)| name);
            if !target.is_empty() && !targets.iter().any(|known| known == target) {
                targets.push(target.to_owned());
            }
        }
    }
    targets
}

fn count(client: &mut Client, element: &Element) -> Result<Counts, ClientError> {
    let mut values = BTreeMap::new();
    for handler in DROPPED.iter().copied().chain([COUNT]) {
        if element.has(handler) {
            let value = client.read(&format!("{}.{handler}", element.name))?;
            // Some elements have handlers of these names that say something else.
            if let Ok(number) = value.trim().parse::<u64>() {
                values.insert(handler, number);
            }
        }
    }
    let packets = values.remove(COUNT);
    let dropped = values.values().copied().reduce(u64::saturating_add);
    Ok(Counts { packets, dropped })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_say_where_packets_go() {
        let ports = "1 input\npush~\t-\tsource [0]\n2 outputs\npush\t-\t[0] passed, [1] tee\npush\t-\t[0] passed\n";
        assert_eq!(targets(ports), ["passed", "tee"]);
        assert_eq!(targets("1 input\npush~\t-\tx [0]\nno outputs\n"), [""; 0]);
    }

    #[test]
    fn handlers_that_can_be_read() {
        assert_eq!(
            readable("count\tr\nreset\tw\nconfig\trw\n"),
            ["count", "config"]
        );
    }

    #[test]
    fn rates_follow_from_two_looks() {
        let counter = Element {
            name: "c".into(),
            class: "Counter".into(),
            targets: vec![],
            readable: vec!["count".into()],
        };
        let mut model = Model::new(vec![counter]);
        let look = |at, packets| Sample {
            at: Duration::from_millis(at),
            counts: vec![Counts {
                packets: Some(packets),
                dropped: None,
            }],
        };
        model.take(look(0, 100));
        assert_eq!(model.rate(0), None);
        model.take(look(500, 1_100));
        assert_eq!(model.rate(0), Some(2_000));
        // Somebody reset the counter.
        model.take(look(1_000, 3));
        assert_eq!(model.rate(0), None);
        assert_eq!(model.counts(0).packets.unwrap(), 3);
    }
}
