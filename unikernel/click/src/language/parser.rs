//! From tokens to statements. Names are not resolved here.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::lexer::{Lexer, Token};
use super::source::{Source, Span};
use crate::error::{ConfigError, Problem};
use crate::limits;
use crate::render::quoted;

/// `a [1], b -> [0] c :: Class(arguments) -> d`: groups of elements, joined by arrows.
#[derive(Debug)]
pub(super) struct Chain {
    pub(super) groups: Vec<Vec<Item>>,
}

/// An element in a chain.
#[derive(Debug)]
pub(super) struct Item {
    pub(super) input: Option<Port>,
    /// The element's name, or a class without a name.
    pub(super) name: Span,
    /// The class behind `::`.
    pub(super) class: Option<Span>,
    /// The text between the parentheses.
    pub(super) arguments: Option<Span>,
    pub(super) output: Option<Port>,
}

impl Item {
    /// Whether it is a word and nothing else.
    pub(super) const fn is_bare(&self) -> bool {
        self.class.is_none() && self.arguments.is_none()
    }
}

/// A port in brackets, and where.
#[derive(Clone, Copy, Debug)]
pub(super) struct Port {
    pub(super) number: usize,
    pub(super) span: Span,
}

/// Reads all statements of a configuration.
pub(super) fn parse(source: &Source) -> Result<Vec<Chain>, ConfigError> {
    let mut parser = Parser::new(source)?;
    let mut chains = Vec::new();
    loop {
        while parser.eat(Token::Mark(';'))?.is_some() {}
        if parser.token == Token::End {
            return Ok(chains);
        }
        chains.push(parser.chain()?);
    }
}

/// The lexer and one token that was read ahead.
struct Parser<'a> {
    source: &'a Source,
    lexer: Lexer<'a>,
    token: Token,
    span: Span,
}

impl<'a> Parser<'a> {
    fn new(source: &'a Source) -> Result<Self, ConfigError> {
        let mut lexer = Lexer::new(source);
        let (token, span) = lexer.next()?;
        Ok(Self {
            source,
            lexer,
            token,
            span,
        })
    }

    /// A chain ends where a token stands that cannot continue it; the semicolon is optional.
    fn chain(&mut self) -> Result<Chain, ConfigError> {
        let mut groups = vec![self.group()?];
        while self.eat(Token::Arrow)?.is_some() {
            groups.push(self.group()?);
        }
        match self.token {
            Token::Mark(';' | '[') | Token::Word | Token::End => Ok(Chain { groups }),
            _ => Err(self.unexpected("`->`, `;` or a new statement")),
        }
    }

    fn group(&mut self) -> Result<Vec<Item>, ConfigError> {
        let mut items = vec![self.item()?];
        while self.eat(Token::Mark(','))?.is_some() {
            items.push(self.item()?);
        }
        Ok(items)
    }

    fn item(&mut self) -> Result<Item, ConfigError> {
        let input = self.port()?;
        let name = match self.token {
            Token::Mark('(') => return Err(Problem::Unsupported("an element group").at(self.span)),
            _ => self.expect(Token::Word, "an element or an element class")?,
        };
        let class = match self.eat(Token::Colons)? {
            None => None,
            Some(_) => Some(self.expect(Token::Word, "an element class")?),
        };
        let arguments = self.arguments()?;
        let output = self.port()?;
        Ok(Item {
            input,
            name,
            class,
            arguments,
            output,
        })
    }

    /// `(…)`. The text within is cut up later, by [`super::arguments`].
    fn arguments(&mut self) -> Result<Option<Span>, ConfigError> {
        if self.token != Token::Mark('(') {
            return Ok(None);
        }
        let arguments = self.lexer.arguments(self.span)?;
        self.advance()?;
        Ok(Some(arguments))
    }

    /// `[number]`.
    fn port(&mut self) -> Result<Option<Port>, ConfigError> {
        let Some(opening) = self.eat(Token::Mark('['))? else {
            return Ok(None);
        };
        if self.token == Token::Mark(']') {
            return Err(Problem::Unsupported("an open port list").at(opening.to(self.span)));
        }
        let span = self.expect(Token::Word, "a port number")?;
        if matches!(self.token, Token::Mark(',' | '-')) {
            return Err(Problem::Unsupported("a list of ports").at(self.span));
        }
        self.expect(Token::Mark(']'), "`]`")?;
        let text = self.source.slice(span);
        let number = text.parse().ok().filter(|port| *port < limits::MAX_PORTS);
        let number = number.ok_or_else(|| Problem::PortNumber(quoted(text)).at(span))?;
        Ok(Some(Port { number, span }))
    }

    fn eat(&mut self, token: Token) -> Result<Option<Span>, ConfigError> {
        if self.token != token {
            return Ok(None);
        }
        let span = self.span;
        self.advance()?;
        Ok(Some(span))
    }

    fn expect(&mut self, token: Token, expected: &'static str) -> Result<Span, ConfigError> {
        self.eat(token)?.ok_or_else(|| self.unexpected(expected))
    }

    fn advance(&mut self) -> Result<(), ConfigError> {
        (self.token, self.span) = self.lexer.next()?;
        Ok(())
    }

    fn unexpected(&self, expected: &'static str) -> ConfigError {
        let found = match self.token {
            Token::Unsupported(construct) => return Problem::Unsupported(construct).at(self.span),
            Token::End => "the end of the configuration".into(),
            _ => format!("`{}`", quoted(self.source.slice(self.span))),
        };
        Problem::Syntax { expected, found }.at(self.span)
    }
}
