//! From tokens to statements.

use alloc::format;
use alloc::vec;
use alloc::vec::Vec;

use super::lexer::{Lexer, Token};
use super::source::{Source, Span};
use super::syntax::{
    Arrow, Chain, ClassExpression, Compounds, Item, Parameter, Ports, Statement, Variant, What,
};
use crate::error::{ConfigError, Problem};
use crate::limits;
use crate::render::quoted;

/// Reads all statements of one of the files of a configuration.
pub(super) fn parse(source: &Source, file: Span) -> Result<Vec<Statement>, ConfigError> {
    let mut parser = Parser::new(source, file)?;
    let statements = parser.statements()?;
    match parser.token {
        Token::End => Ok(statements),
        _ => Err(parser.unexpected("a statement")),
    }
}

/// The lexer and one token that was read ahead.
struct Parser<'a> {
    source: &'a Source,
    file: Span,
    lexer: Lexer<'a>,
    token: Token,
    span: Span,
    /// How many compound elements and groups are open.
    depth: usize,
}

/// What is in front of an item.
#[derive(Clone, Copy)]
struct Position {
    /// The item is in the first list of a chain.
    in_first_list: bool,
    /// The item is the first of its list.
    is_first: bool,
}

impl<'a> Parser<'a> {
    fn new(source: &'a Source, file: Span) -> Result<Self, ConfigError> {
        let mut lexer = Lexer::new(source.text(), file);
        let (token, span) = lexer.next()?;
        Ok(Self {
            source,
            file,
            lexer,
            token,
            span,
            depth: 0,
        })
    }

    /// Statements up to something that begins none.
    fn statements(&mut self) -> Result<Vec<Statement>, ConfigError> {
        let mut statements = Vec::new();
        loop {
            let statement = match self.token {
                Token::Mark(';') => {
                    self.advance()?;
                    continue;
                }
                Token::Word | Token::Mark('[' | '{' | '(') => Statement::Chain(self.chain()?),
                Token::Arrow | Token::ThickArrow if self.depth > 0 => {
                    Statement::Chain(self.chain()?)
                }
                Token::ElementClass => self.element_class()?,
                Token::Define => Statement::Define(self.list_of_keyword()?),
                Token::Require => Statement::Require(self.list_of_keyword()?),
                _ => return Ok(statements),
            };
            statements.push(statement);
        }
    }

    /// A chain ends where a token stands that cannot continue it; the semicolon is optional.
    fn chain(&mut self) -> Result<Chain, ConfigError> {
        let first = self.list(true)?;
        let mut others = Vec::new();
        loop {
            let arrow = match self.token {
                Token::Arrow => Arrow::Thin,
                Token::ThickArrow => Arrow::Thick,
                Token::Mark(';' | '[' | '{' | '}' | ')')
                | Token::Word
                | Token::Bars
                | Token::ElementClass
                | Token::Define
                | Token::Require
                | Token::Provide
                | Token::End => return Ok(Chain { first, others }),
                _ => return Err(self.unexpected("`->`, `;` or a new statement")),
            };
            self.advance()?;
            let list = self.list(false)?;
            let implied = list
                .iter()
                .find(|item| matches!(item.what, What::ImpliedOutput));
            if let (Some(item), Token::Arrow | Token::ThickArrow) = (implied, self.token) {
                return Err(Problem::ImpliedWithin.at(item.span));
            }
            others.push((arrow, list));
        }
    }

    fn list(&mut self, in_first_list: bool) -> Result<Vec<Item>, ConfigError> {
        let mut items = Vec::new();
        loop {
            items.push(self.item(Position {
                in_first_list,
                is_first: items.is_empty(),
            })?);
            if self.eat(Token::Mark(','))?.is_none() {
                return Ok(items);
            }
        }
    }

    fn item(&mut self, position: Position) -> Result<Item, ConfigError> {
        let start = self.span;
        let input = self.ports()?;
        let here = self.span;
        let what = match self.token {
            Token::Word => self.element()?,
            Token::Mark('{') => What::Compound {
                class: self.compounds()?,
                arguments: self.arguments()?,
            },
            Token::Mark('(') => What::Group(self.group()?),
            _ => return self.implied(position, start, input),
        };
        let output = self.ports()?;
        let span = match &what {
            What::Element { name, .. } => *name,
            _ => here,
        };
        Ok(Item {
            span,
            input,
            what,
            output,
        })
    }

    /// Within a compound element or a group, `->` at the start of a chain is `input ->`, and at
    /// its end `-> output`; ports may stand there instead of an element.
    fn implied(&self, position: Position, start: Span, ports: Ports) -> Result<Item, ConfigError> {
        let given = ports.is_given();
        let possible = given || position.is_first;
        let continues = match self.token {
            Token::Mark(',') => given,
            Token::Arrow | Token::ThickArrow => possible && position.in_first_list,
            Token::Colons => false,
            _ => possible && !position.in_first_list,
        };
        if !continues || self.depth == 0 {
            return Err(self.unexpected(ELEMENT));
        }
        let (what, input, output) = if position.in_first_list {
            (What::ImpliedInput, Ports::default(), ports)
        } else {
            (What::ImpliedOutput, ports, Ports::default())
        };
        Ok(Item {
            span: start,
            input,
            what,
            output,
        })
    }

    /// A word, and the class and arguments behind it.
    fn element(&mut self) -> Result<What, ConfigError> {
        let name = self.expect(Token::Word, ELEMENT)?;
        let class = match self.eat(Token::Colons)? {
            None => None,
            Some(_) => Some(self.class()?),
        };
        Ok(What::Element {
            name,
            class,
            arguments: self.arguments()?,
        })
    }

    fn class(&mut self) -> Result<ClassExpression, ConfigError> {
        match self.token {
            Token::Mark('{') => Ok(ClassExpression::Compounds(self.compounds()?)),
            _ => {
                let name = self.expect(Token::Word, "an element class")?;
                Ok(ClassExpression::Name(name))
            }
        }
    }

    /// `elementclass Name class`.
    fn element_class(&mut self) -> Result<Statement, ConfigError> {
        self.advance()?;
        let name = self.expect(Token::Word, "the name of an element class")?;
        let class = self.class()?;
        Ok(Statement::Class { name, class })
    }

    /// `{ variant || variant || ... }`.
    fn compounds(&mut self) -> Result<Compounds, ConfigError> {
        let mut opening = self.expect(Token::Mark('{'), "`{`")?;
        self.enter(opening)?;
        let mut variants = Vec::new();
        loop {
            if let Some(dots) = self.eat(Token::Dots)? {
                if variants.is_empty() {
                    return Err(Problem::LoneDots.at(dots));
                }
                self.expect(Token::Mark('}'), "`}`")?;
                return Ok(self.leave(variants, Some(dots)));
            }
            variants.push(Variant {
                span: opening,
                parameters: self.parameters()?,
                statements: self.statements()?,
            });
            match self.eat(Token::Bars)? {
                Some(bars) => opening = bars,
                None => {
                    self.expect(Token::Mark('}'), "`}`, `||` or a statement")?;
                    return Ok(self.leave(variants, None));
                }
            }
        }
    }

    const fn leave(&mut self, variants: Vec<Variant>, extends: Option<Span>) -> Compounds {
        self.depth = self.depth.saturating_sub(1);
        Compounds { variants, extends }
    }

    /// `$a, KEYWORD $b |`, or nothing, or `|` alone.
    fn parameters(&mut self) -> Result<Vec<Parameter>, ConfigError> {
        let mut parameters = Vec::new();
        if self.eat(Token::Mark('|'))?.is_some() || !self.begins_parameters()? {
            return Ok(parameters);
        }
        loop {
            let keyword = self.eat(Token::Word)?;
            let name = self.expect(Token::Variable, "a parameter such as `$name`")?;
            parameters.push(Parameter { keyword, name });
            if self.eat(Token::Mark('|'))?.is_some() {
                return Ok(parameters);
            }
            self.expect(Token::Mark(','), "`,` or `|`")?;
        }
    }

    /// Whether a parameter stands here; a word is one if a variable is behind it.
    fn begins_parameters(&self) -> Result<bool, ConfigError> {
        match self.token {
            Token::Variable => Ok(true),
            Token::Word => {
                let behind = Span::new(self.lexer.position(), self.file.end);
                let mut lexer = Lexer::new(self.source.text(), behind);
                Ok(lexer.next()?.0 == Token::Variable)
            }
            _ => Ok(false),
        }
    }

    /// `( statements )`.
    fn group(&mut self) -> Result<Vec<Statement>, ConfigError> {
        let opening = self.expect(Token::Mark('('), "`(`")?;
        self.enter(opening)?;
        let statements = self.statements()?;
        self.depth = self.depth.saturating_sub(1);
        self.expect(Token::Mark(')'), "`)` or a statement")?;
        Ok(statements)
    }

    const fn enter(&mut self, opening: Span) -> Result<(), ConfigError> {
        if self.depth >= limits::MAX_NESTING {
            return Err(Problem::Nesting.at(opening));
        }
        self.depth = self.depth.saturating_add(1);
        Ok(())
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

    /// The argument list that must be behind `define` and `require`.
    fn list_of_keyword(&mut self) -> Result<Span, ConfigError> {
        self.advance()?;
        let list = self.arguments()?;
        list.ok_or_else(|| self.unexpected("`(`"))
    }

    /// `[1]`, `[1, 3-5]`, `[1,]` or `[]`; without brackets, nothing.
    fn ports(&mut self) -> Result<Ports, ConfigError> {
        let Some(opening) = self.eat(Token::Mark('['))? else {
            return Ok(Ports::default());
        };
        let mut numbers = Vec::new();
        let mut open = false;
        loop {
            if self.token == Token::Mark(']') {
                open = true;
                if numbers.is_empty() {
                    numbers = vec![0];
                }
                break;
            }
            let first = self.port()?;
            let last = match self.eat(Token::Mark('-'))? {
                None => first,
                Some(_) => self.port()?,
            };
            numbers.extend(first..=last);
            if numbers.len() > limits::MAX_PORTS {
                return Err(Problem::TooManyPorts.at(opening.to(self.span)));
            }
            if self.eat(Token::Mark(','))?.is_none() {
                break;
            }
        }
        let span = opening.to(self.expect(Token::Mark(']'), "`]`")?);
        if numbers.is_empty() {
            let text = quoted(self.source.slice(span));
            return Err(Problem::PortNumber(text).at(span));
        }
        Ok(Ports {
            numbers,
            open,
            span,
        })
    }

    fn port(&mut self) -> Result<usize, ConfigError> {
        let span = self.expect(Token::Word, "a port number")?;
        let text = self.source.slice(span);
        let number = text.parse().ok().filter(|port| *port < limits::MAX_PORTS);
        number.ok_or_else(|| Problem::PortNumber(quoted(text)).at(span))
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
            Token::End => "the end of the configuration".into(),
            _ => format!("`{}`", quoted(self.source.slice(self.span))),
        };
        Problem::Syntax { expected, found }.at(self.span)
    }
}

/// What may stand in a list.
const ELEMENT: &str = "an element or an element class";
