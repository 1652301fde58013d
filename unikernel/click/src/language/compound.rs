//! Compound elements and the names of classes.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use super::config::Endpoint;
use super::source::Span;
use crate::elements::ElementClass;
use crate::error::{ConfigError, Problem};
use crate::graph::Direction;
use crate::limits;

/// A class that an element may have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Class {
    /// One of the table.
    Builtin(&'static ElementClass),
    /// One that the configuration defines: its index in [`Classes`].
    Compound(usize),
}

/// One variant of a class that the configuration defines.
#[derive(Clone, Debug)]
pub(super) struct Defined {
    pub(super) compound: Rc<Compound>,
    /// Where to look when this variant does not fit.
    pub(super) otherwise: Option<Class>,
}

/// The classes of a configuration. A class that a compound element defines ends with it.
#[derive(Debug)]
pub(super) struct Classes {
    builtin: &'static [ElementClass],
    defined: Vec<Defined>,
    names: BTreeMap<String, Class>,
    /// What names stood for before they were defined anew, in that order.
    hidden: Vec<(String, Option<Class>)>,
}

impl Classes {
    pub(super) const fn new(builtin: &'static [ElementClass]) -> Self {
        Self {
            builtin,
            defined: Vec::new(),
            names: BTreeMap::new(),
            hidden: Vec::new(),
        }
    }

    pub(super) fn find(&self, name: &str) -> Option<Class> {
        let builtin = || self.builtin.iter().find(|class| class.name == name);
        let defined = self.names.get(name).copied();
        defined.or_else(|| builtin().map(Class::Builtin))
    }

    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let builtin = self.builtin.iter().map(|class| class.name);
        self.names.keys().map(String::as_str).chain(builtin)
    }

    pub(super) fn add(&mut self, defined: Defined) -> Class {
        self.defined.push(defined);
        Class::Compound(self.defined.len().saturating_sub(1))
    }

    pub(super) fn defined(&self, index: usize) -> Option<&Defined> {
        self.defined.get(index)
    }

    /// Gives a class a name.
    pub(super) fn name(&mut self, name: &str, class: Class) {
        let before = self.names.insert(name.into(), class);
        self.hidden.push((name.into(), before));
    }

    /// How many names have been given, for [`Self::forget`].
    pub(super) const fn mark(&self) -> usize {
        self.hidden.len()
    }

    /// Forgets the names given since `mark`.
    pub(super) fn forget(&mut self, mark: usize) {
        while self.hidden.len() > mark {
            match self.hidden.pop() {
                Some((name, Some(before))) => self.names.insert(name, before),
                Some((name, None)) => self.names.remove(&name),
                None => None,
            };
        }
    }
}

/// The elements and connections of one pair of braces, or of the whole configuration, before
/// compound elements in it are expanded.
#[derive(Debug, Default)]
pub(super) struct Compound {
    /// Empty if it has none.
    pub(super) name: String,
    pub(super) span: Span,
    /// How many others it lies in; 0 is the configuration.
    pub(super) depth: usize,
    pub(super) parameters: Vec<Formal>,
    /// What `define` says: names and texts.
    pub(super) variables: Vec<(String, String)>,
    pub(super) nodes: Vec<Node>,
    pub(super) edges: Vec<Edge>,
    pub(super) inputs: usize,
    pub(super) outputs: usize,
}

/// A parameter of a compound element.
#[derive(Clone, Debug)]
pub(super) struct Formal {
    /// Without the dollar sign.
    pub(super) name: String,
    pub(super) keyword: Option<String>,
}

/// The keyword of a parameter that takes all arguments that are left.
pub(super) const REST: &str = "__REST__";

/// An element or a part of one.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) name: String,
    pub(super) kind: Kind,
    /// The text between its parentheses.
    pub(super) arguments: Option<Span>,
    pub(super) span: Span,
}

/// What a node is.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    Element(Class),
    /// A place that connections lead through, of a compound element or a group. What arrives here
    /// goes on behind the node named, through a port of the same number; where nothing may arrive,
    /// none is.
    Tunnel(Option<usize>),
}

/// A connection.
#[derive(Clone, Copy, Debug)]
pub(super) struct Edge {
    pub(super) from: Endpoint,
    pub(super) to: Endpoint,
    pub(super) from_span: Span,
    pub(super) to_span: Span,
}

/// The nodes `input` and `output` of a compound element come first.
pub(super) const INPUT: usize = 0;
pub(super) const OUTPUT: usize = 1;

/// A compound element, or the configuration, that is being read.
#[derive(Debug, Default)]
pub(super) struct Scope {
    pub(super) compound: Compound,
    pub(super) names: BTreeMap<String, usize>,
    /// Nodes whose names are only suggestions yet.
    anonymous: Vec<usize>,
}

impl Scope {
    /// The scope of a compound element within `depth` others.
    pub(super) fn of_compound(name: &str, span: Span, depth: usize) -> Result<Self, ConfigError> {
        let mut scope = Self::default();
        scope.compound.name = name.into();
        scope.compound.span = span;
        scope.compound.depth = depth;
        for (name, next) in [("input", None), ("output", None)] {
            scope.declare(name.into(), Kind::Tunnel(next), None, span)?;
        }
        Ok(scope)
    }

    /// Adds a node under a name that is free.
    pub(super) fn declare(
        &mut self,
        name: String,
        kind: Kind,
        arguments: Option<Span>,
        span: Span,
    ) -> Result<usize, ConfigError> {
        let node = self.compound.nodes.len();
        if node >= limits::MAX_NODES {
            return Err(Problem::TooManyElements.at(span));
        }
        self.names.insert(name.clone(), node);
        self.compound.nodes.push(Node {
            name,
            kind,
            arguments,
            span,
        });
        Ok(node)
    }

    /// Adds a node without a name: it will be called `Class@number`.
    pub(super) fn declare_anonymous(
        &mut self,
        class: &str,
        kind: Kind,
        arguments: Option<Span>,
        span: Span,
    ) -> Result<usize, ConfigError> {
        let name = self.anonymous_name(class);
        let node = self.declare(name.clone(), kind, arguments, span)?;
        self.names.remove(&name);
        self.anonymous.push(node);
        Ok(node)
    }

    /// `;Class@number`: the semicolon keeps it apart from every name that a text may give. The
    /// number is that of the node, `input` and `output` left out, from 1.
    pub(super) fn anonymous_name(&self, class: &str) -> String {
        let implied = if self.compound.depth == 0 { 0 } else { 2 };
        let number = self.compound.nodes.len().saturating_sub(implied);
        format!(";{class}@{}", number.saturating_add(1))
    }

    /// Gives a number of its own to each node without a name, as Click does: that of the node, or
    /// the next one that is free.
    pub(super) fn name_anonymous(&mut self) {
        for index in core::mem::take(&mut self.anonymous) {
            let Some(node) = self.compound.nodes.get_mut(index) else {
                continue;
            };
            let suggested = node.name.trim_start_matches(';');
            let (class, number) = suggested.rsplit_once('@').unwrap_or((suggested, "1"));
            let numbers = number.parse::<usize>().unwrap_or(1)..;
            let mut free = numbers.map(|number| format!("{class}@{number}"));
            let name = free.find(|name| !self.names.contains_key(name));
            node.name = name.unwrap_or_default();
            self.names.insert(node.name.clone(), index);
        }
    }

    pub(super) fn connect(&mut self, edge: Edge) -> Result<(), ConfigError> {
        if self.compound.edges.len() >= limits::MAX_CONNECTIONS {
            return Err(Problem::TooManyConnections.at(edge.to_span));
        }
        self.compound.edges.push(edge);
        Ok(())
    }

    /// How many ports a node `input` or `output` has: all up to the highest must be in use.
    /// `side` is the side of the compound element or group that the node stands for.
    pub(super) fn count_ports(
        &self,
        node: usize,
        side: Direction,
        span: Span,
    ) -> Result<usize, ConfigError> {
        let mut used = BTreeSet::new();
        for edge in &self.compound.edges {
            // Packets leave `input` and arrive at `output`.
            let (right, wrong, wrong_span) = match side {
                Direction::Input => (edge.from, edge.to, edge.to_span),
                Direction::Output => (edge.to, edge.from, edge.from_span),
            };
            if wrong.element == node {
                return Err(Problem::WrongSide(side).at(wrong_span));
            }
            if right.element == node {
                used.insert(right.port);
            }
        }
        let mut free = (0..).zip(&used).filter(|(number, port)| number != *port);
        match free.next() {
            Some((port, _)) => Err(Problem::PortGap { side, port }.at(span)),
            None => Ok(used.len()),
        }
    }
}
