//! Expanding compound elements: from scopes to elements and connections that are all real.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use super::arguments::{Argument, assign, split};
use super::compound::{Class, Classes, Compound, Edge, INPUT, Kind, Node, OUTPUT, REST, Scope};
use super::config::Endpoint;
use super::source::{Source, Span};
use super::variables::{Budget, Environment, TooMuch};
use crate::elements::ElementClass;
use crate::error::{ConfigError, Problem};
use crate::limits;

/// Nodes and connections of the whole configuration.
#[derive(Debug, Default)]
pub(super) struct Flat {
    pub(super) nodes: Vec<FlatNode>,
    pub(super) edges: Vec<Edge>,
}

/// A node of the whole configuration.
#[derive(Debug)]
pub(super) struct FlatNode {
    pub(super) name: String,
    pub(super) kind: FlatKind,
    pub(super) span: Span,
    /// How many inputs and outputs are in use, up to the highest.
    ports: [usize; 2],
}

/// What a node turned out to be.
#[derive(Debug)]
pub(super) enum FlatKind {
    Element(&'static ElementClass, Vec<Argument>),
    /// As [`Kind::Tunnel`]. Of a compound element or group it is the node that the outside sees if
    /// `ends` says which nodes are its `input` and `output`.
    Tunnel {
        next: Option<usize>,
        ends: Option<[usize; 2]>,
    },
}

/// Expands all compound elements of a configuration.
pub(super) struct Expander<'a> {
    source: &'a Source,
    classes: &'a Classes,
    budget: Budget,
    flat: Flat,
    names: BTreeMap<String, usize>,
    waiting: Vec<Waiting>,
}

/// A node that is still to be looked at.
struct Waiting {
    node: usize,
    class: Class,
    arguments: Option<Span>,
    environment: Rc<Environment>,
    /// How many compound elements it lies in.
    depth: usize,
}

impl<'a> Expander<'a> {
    pub(super) const fn new(source: &'a Source, classes: &'a Classes) -> Self {
        Self {
            source,
            classes,
            budget: Budget::new(),
            flat: Flat {
                nodes: Vec::new(),
                edges: Vec::new(),
            },
            names: BTreeMap::new(),
            waiting: Vec::new(),
        }
    }

    /// Expands a configuration. `given` are variables that count more than its own.
    pub(super) fn expand(
        mut self,
        scope: &Scope,
        given: &[(String, String)],
    ) -> Result<Flat, ConfigError> {
        let mut environment = Environment::outermost();
        for (name, value) in given.iter().chain(&scope.compound.variables) {
            environment.define(name, value.clone());
        }
        self.add(&scope.compound, "", &[], &Rc::new(environment), 0)?;
        // Newer ones lie on top: a compound element is expanded in whole before the next one is.
        while let Some(waiting) = self.waiting.pop() {
            self.look_at(waiting)?;
        }
        Ok(self.flat)
    }

    /// Adds the nodes of a scope behind its first ones, which exist as `known`, and its edges.
    fn add(
        &mut self,
        compound: &Compound,
        prefix: &str,
        known: &[usize],
        environment: &Rc<Environment>,
        depth: usize,
    ) -> Result<(), ConfigError> {
        let first = self.flat.nodes.len();
        let mut places: Vec<usize> = known.to_vec();
        places.extend((first..).take(compound.nodes.len().saturating_sub(known.len())));
        let place = |node: usize| places.get(node).copied().unwrap_or(usize::MAX);
        let mut elements = Vec::new();
        for node in compound.nodes.iter().skip(known.len()) {
            let at = self.add_node(node, prefix, place)?;
            if let Kind::Element(class) = node.kind {
                elements.push(Waiting {
                    node: at,
                    class,
                    arguments: node.arguments,
                    environment: Rc::clone(environment),
                    depth,
                });
            }
        }
        self.waiting.extend(elements.into_iter().rev());
        for edge in &compound.edges {
            if self.flat.edges.len() >= limits::MAX_CONNECTIONS {
                return Err(Problem::TooManyConnections.at(edge.to_span));
            }
            let moved = |at: Endpoint| Endpoint {
                element: place(at.element),
                port: at.port,
            };
            self.add_edge(Edge {
                from: moved(edge.from),
                to: moved(edge.to),
                ..*edge
            });
        }
        Ok(())
    }

    fn add_edge(&mut self, edge: Edge) {
        self.flat.edges.push(edge);
        for (at, side) in [(edge.to, 0), (edge.from, 1)] {
            let node = self.flat.nodes.get_mut(at.element);
            if let Some(most) = node.and_then(|node| node.ports.get_mut(side)) {
                *most = at.port.saturating_add(1).max(*most);
            }
        }
    }

    fn add_node(
        &mut self,
        node: &Node,
        prefix: &str,
        place: impl Fn(usize) -> usize,
    ) -> Result<usize, ConfigError> {
        let index = self.flat.nodes.len();
        if index >= limits::MAX_NODES {
            return Err(Problem::TooManyElements.at(node.span));
        }
        let name = format!("{prefix}{}", node.name);
        if let Some(first) = self.names.insert(name.clone(), index) {
            let first = self.flat.nodes.get(first).map_or(0, |node| node.span.start);
            let line = self.source.place(first).line;
            return Err(Problem::Redeclared { name, line }.at(node.span));
        }
        let next = match node.kind {
            Kind::Tunnel(next) => next.map(&place),
            Kind::Element(_) => None,
        };
        // The node of a group that is seen from outside leads to its `input`, which is the next
        // one, and the one behind that is its `output`.
        let is_seen = next.is_some_and(|next| next > index);
        let ends = is_seen.then(|| [index.saturating_add(1), index.saturating_add(2)]);
        self.flat.nodes.push(FlatNode {
            name,
            kind: FlatKind::Tunnel { next, ends },
            span: node.span,
            ports: [0, 0],
        });
        Ok(index)
    }

    /// Makes an element of a node, or puts the nodes of its compound element in its place.
    fn look_at(&mut self, waiting: Waiting) -> Result<(), ConfigError> {
        let span = self
            .flat
            .nodes
            .get(waiting.node)
            .map_or_else(Span::default, |node| node.span);
        let arguments = self.arguments(&waiting, span)?;
        let (compound, values) = match self.resolve(&waiting, &arguments, span)? {
            Resolved::Builtin(class) => {
                if let Some(node) = self.flat.nodes.get_mut(waiting.node) {
                    node.kind = FlatKind::Element(class, arguments);
                }
                return Ok(());
            }
            Resolved::Compound(compound, values) => (compound, values),
        };
        if waiting.depth >= limits::MAX_NESTING {
            return Err(Problem::Nesting.at(span));
        }
        let mut environment = Environment::within(&waiting.environment, compound.depth);
        for (parameter, value) in compound.parameters.iter().zip(values) {
            environment.define(&parameter.name, value);
        }
        for (name, text) in &compound.variables {
            let value = environment.expand(text, &self.budget);
            let value = value.map_err(|TooMuch| Problem::TooMuchExpansion.at(span))?;
            let value = value.into_owned();
            environment.define(name, value);
        }
        let ends = self.open(waiting.node)?;
        let name = self
            .flat
            .nodes
            .get(waiting.node)
            .map(|node| format!("{}/", node.name));
        let prefix = name.unwrap_or_default();
        let depth = waiting.depth.saturating_add(1);
        self.add(&compound, &prefix, &ends, &Rc::new(environment), depth)
    }

    /// Makes a tunnel of the node of a compound element, and adds its `input` and `output`.
    fn open(&mut self, node: usize) -> Result<[usize; 2], ConfigError> {
        let input = self.flat.nodes.len();
        let output = input.saturating_add(1);
        let Some(seen) = self.flat.nodes.get_mut(node) else {
            return Ok([input, output]);
        };
        if output >= limits::MAX_NODES {
            return Err(Problem::TooManyElements.at(seen.span));
        }
        seen.kind = FlatKind::Tunnel {
            next: Some(input),
            ends: Some([input, output]),
        };
        let (name, span) = (seen.name.clone(), seen.span);
        for (end, next) in [("input", None), ("output", Some(node))] {
            self.flat.nodes.push(FlatNode {
                name: format!("{name}/{end}"),
                kind: FlatKind::Tunnel { next, ends: None },
                span,
                ports: [0, 0],
            });
        }
        Ok([input, output])
    }

    /// The arguments of a node, variables replaced. Where any was, the places of the arguments are
    /// no longer those of the text, and the whole list is blamed.
    fn arguments(&self, waiting: &Waiting, span: Span) -> Result<Vec<Argument>, ConfigError> {
        let Some(list) = waiting.arguments else {
            return Ok(Vec::new());
        };
        let text = self.source.slice(list);
        let expanded = waiting.environment.expand(text, &self.budget);
        let expanded = expanded.map_err(|TooMuch| Problem::TooMuchExpansion.at(span))?;
        if expanded == text {
            return split(text, list.start);
        }
        let arguments = split(&expanded, 0).map_err(|error| error.problem.at(list))?;
        let blame = |argument: Argument| Argument {
            span: list,
            ..argument
        };
        Ok(arguments.into_iter().map(blame).collect())
    }

    /// The first variant of the class that has the ports in use and takes the arguments. A class
    /// without further variants is taken for its arguments alone: its ports are checked where they
    /// are connected, which says more.
    fn resolve(
        &self,
        waiting: &Waiting,
        arguments: &[Argument],
        span: Span,
    ) -> Result<Resolved, ConfigError> {
        let ports = self
            .flat
            .nodes
            .get(waiting.node)
            .map_or([0, 0], |node| node.ports);
        let mut class = waiting.class;
        let mut candidates = Vec::new();
        loop {
            let index = match class {
                Class::Builtin(class) => return Ok(Resolved::Builtin(class)),
                Class::Compound(index) => index,
            };
            let Some(defined) = self.classes.defined(index) else {
                return Err(Problem::NoVariant {
                    wanted: String::new(),
                    candidates,
                }
                .at(span));
            };
            let compound = &defined.compound;
            let values = assign(arguments, &compound.parameters);
            let is_only = candidates.is_empty() && defined.otherwise.is_none();
            let fits = is_only || ports == [compound.inputs, compound.outputs];
            if let (Some(values), true) = (values, fits) {
                return Ok(Resolved::Compound(Rc::clone(compound), values));
            }
            candidates.push(signature(compound));
            match defined.otherwise {
                Some(next) if candidates.len() < limits::MAX_VARIANTS => class = next,
                _ => {
                    let [inputs, outputs] = ports;
                    let wanted = format!(
                        "{}, {}, {}",
                        count(arguments.len(), "argument"),
                        count(inputs, "input"),
                        count(outputs, "output")
                    );
                    return Err(Problem::NoVariant { wanted, candidates }.at(span));
                }
            }
        }
    }
}

enum Resolved {
    Builtin(&'static ElementClass),
    Compound(Rc<Compound>, Vec<String>),
}

/// What a variant takes: `(<arg>, KEYWORD, ...) with 1 input, 2 outputs`.
fn signature(compound: &Compound) -> String {
    let parameters = compound.parameters.iter();
    let parameters: Vec<&str> = parameters
        .map(|parameter| match parameter.keyword.as_deref() {
            None => "<arg>",
            Some(REST) => "...",
            Some(keyword) => keyword,
        })
        .collect();
    format!(
        "({}) with {}, {}",
        parameters.join(", "),
        count(compound.inputs, "input"),
        count(compound.outputs, "output")
    )
}

fn count(number: usize, what: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {what}{plural}")
}

const _: () = assert!(
    INPUT == 0 && OUTPUT == 1,
    "they are the first two nodes of a scope"
);
