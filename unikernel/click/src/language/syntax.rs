//! What a text says, before any name is resolved (`doc/click.y` of Click's sources).

use alloc::vec::Vec;

use super::source::Span;

/// A statement.
#[derive(Debug)]
pub(super) enum Statement {
    /// Elements and connections.
    Chain(Chain),
    /// `elementclass Name …`.
    Class { name: Span, class: ClassExpression },
    /// `define(…)`; the text between the parentheses.
    Define(Span),
    /// `require(…)`; the text between the parentheses.
    Require(Span),
}

/// `a [1], b -> [0] c :: Class(arguments) => d`: lists of elements, joined by arrows.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) first: Vec<Item>,
    pub(super) others: Vec<(Arrow, Vec<Item>)>,
}

/// How two lists are connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Arrow {
    /// `->`.
    Thin,
    /// `=>`, which connects several to several.
    Thick,
}

/// An element in a list.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) span: Span,
    pub(super) input: Ports,
    pub(super) what: What,
    pub(super) output: Ports,
}

/// What an item names.
#[derive(Debug)]
pub(super) enum What {
    /// `name`, `name(arguments)`, `name :: class` or `name :: class(arguments)`. The name may be
    /// that of a class.
    Element {
        name: Span,
        class: Option<ClassExpression>,
        arguments: Option<Span>,
    },
    /// `{ … }` or `{ … }(arguments)`.
    Compound {
        class: Compounds,
        arguments: Option<Span>,
    },
    /// `( … )`.
    Group(Vec<Statement>),
    /// Nothing before the first arrow of a chain: `input`.
    ImpliedInput,
    /// Nothing behind the last arrow of a chain: `output`.
    ImpliedOutput,
}

impl Item {
    /// Whether it is a word and nothing else.
    pub(super) fn is_bare(&self) -> bool {
        let word = matches!(
            self.what,
            What::Element {
                class: None,
                arguments: None,
                ..
            }
        );
        word && !self.has_ports()
    }

    pub(super) fn has_ports(&self) -> bool {
        self.input.is_given() || self.output.is_given()
    }
}

/// The ports in a pair of brackets.
#[derive(Clone, Debug, Default)]
pub(super) struct Ports {
    pub(super) numbers: Vec<usize>,
    /// Whether more may follow: `[]` (from 0 on) or `[1,]` (from 1 on).
    pub(super) open: bool,
    pub(super) span: Span,
}

impl Ports {
    /// Whether there are brackets.
    pub(super) fn is_given(&self) -> bool {
        !self.numbers.is_empty()
    }
}

/// A class where one is wanted.
#[derive(Debug)]
pub(super) enum ClassExpression {
    Name(Span),
    Compounds(Compounds),
}

/// `{ … || … || ... }`.
#[derive(Debug)]
pub(super) struct Compounds {
    pub(super) variants: Vec<Variant>,
    /// The dots at the end: what none of the variants takes is for the class that had the name
    /// before.
    pub(super) extends: Option<Span>,
}

/// One of the variants of a compound element.
#[derive(Debug)]
pub(super) struct Variant {
    /// Its opening.
    pub(super) span: Span,
    pub(super) parameters: Vec<Parameter>,
    pub(super) statements: Vec<Statement>,
}

/// `$name` or `KEYWORD $name`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    pub(super) keyword: Option<Span>,
    /// With the dollar sign.
    pub(super) name: Span,
}
