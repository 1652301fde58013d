//! From statements to elements and connections, one pair of braces at a time: what each name stands
//! for. Compound elements stay one element here; [`super::expand`] replaces them.

use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;

use super::arguments::{Argument, split};
use super::compound::{Class, Classes, Defined, Formal, INPUT, Kind, OUTPUT, REST, Scope};
use super::connect::{Mention, connect};
use super::lexer::is_name;
use super::library::Library;
use super::source::{Source, Span};
use super::syntax::{
    Chain, ClassExpression, Compounds, Item, Parameter, Ports, Statement, Variant, What,
};
use super::value::shift_word;
use super::{Reading, parser};
use crate::error::{ConfigError, Problem};
use crate::graph::Direction;
use crate::limits;
use crate::nearest::nearest;
use crate::render::quoted;

/// Reads statements into scopes.
pub(super) struct Declarer<'a, 'l> {
    pub(super) source: &'a mut Source,
    pub(super) reading: &'a mut Reading<'l>,
    pub(super) classes: Classes,
    /// The configuration and the compound elements that are being read, innermost last.
    scopes: Vec<Scope>,
    /// Names of the libraries that were read.
    libraries: Vec<String>,
    pub(super) requirements: Vec<String>,
    pub(super) warnings: Vec<ConfigError>,
}

impl<'a, 'l> Declarer<'a, 'l> {
    pub(super) fn new(
        source: &'a mut Source,
        classes: Classes,
        reading: &'a mut Reading<'l>,
    ) -> Self {
        Self {
            source,
            reading,
            classes,
            scopes: Vec::new(),
            libraries: Vec::new(),
            requirements: Vec::new(),
            warnings: Vec::new(),
        }
    }

    /// Reads the whole configuration.
    pub(super) fn configuration(&mut self) -> Result<Scope, ConfigError> {
        self.scopes.push(Scope::default());
        self.file(self.source.first())?;
        let mut scope = self.scopes.pop().unwrap_or_default();
        scope.name_anonymous();
        Ok(scope)
    }

    fn file(&mut self, file: Span) -> Result<(), ConfigError> {
        let statements = parser::parse(self.source, file)?;
        self.statements(&statements)
    }

    fn statements(&mut self, statements: &[Statement]) -> Result<(), ConfigError> {
        for statement in statements {
            match statement {
                Statement::Chain(chain) => self.chain(chain)?,
                Statement::Class { name, class } => self.element_class(*name, class)?,
                Statement::Define(list) => self.define(*list)?,
                Statement::Require(list) => self.require(*list)?,
            }
        }
        Ok(())
    }

    fn chain(&mut self, chain: &Chain) -> Result<(), ConfigError> {
        if chain.others.is_empty() && self.standalone(&chain.first)? {
            return Ok(());
        }
        let mut upstream = self.list(&chain.first)?;
        self.refuse_stray(&upstream, Direction::Input)?;
        for (arrow, list) in &chain.others {
            let downstream = self.list(list)?;
            for edge in connect(&upstream, *arrow, &downstream)? {
                if edge.from.port.max(edge.to.port) >= limits::MAX_PORTS {
                    return Err(Problem::TooManyPorts.at(edge.to_span));
                }
                self.scope().connect(edge)?;
            }
            upstream = downstream;
        }
        self.refuse_stray(&upstream, Direction::Output)
    }

    /// `a, b :: Class(…)` on its own declares `a` and `b`; within a chain it would declare `b` only.
    fn standalone(&mut self, items: &[Item]) -> Result<bool, ConfigError> {
        let Some((last, others)) = items.split_last() else {
            return Ok(false);
        };
        let What::Element {
            name,
            class: Some(class),
            arguments,
        } = &last.what
        else {
            return Ok(false);
        };
        if last.has_ports() || !others.iter().all(Item::is_bare) {
            return Ok(false);
        }
        let class = self.class(class)?;
        for name in others.iter().map(|item| item.span).chain([*name]) {
            self.declare(name, class, *arguments)?;
        }
        Ok(true)
    }

    fn list(&mut self, items: &[Item]) -> Result<Vec<Mention>, ConfigError> {
        items.iter().map(|item| self.mention(item)).collect()
    }

    fn mention(&mut self, item: &Item) -> Result<Mention, ConfigError> {
        let span = item.span;
        let (mut input, mut output) = (item.input.clone(), item.output.clone());
        let node = match &item.what {
            What::Element {
                name,
                class,
                arguments,
            } => self.element(*name, class.as_ref(), *arguments)?,
            What::Compound { class, arguments } => {
                let class = self.compounds("", class)?;
                let kind = Kind::Element(class);
                self.scope().declare_anonymous("", kind, *arguments, span)?
            }
            What::Group(statements) => {
                let (node, inputs, outputs) = self.group(statements, span)?;
                // A group has its ports written beside it, unless others are.
                for (ports, count) in [(&mut input, inputs), (&mut output, outputs)] {
                    if !ports.is_given() {
                        ports.numbers = (0..count).collect();
                        ports.span = span;
                    }
                }
                node
            }
            What::ImpliedInput => self.pseudo("input"),
            What::ImpliedOutput => self.pseudo("output"),
        };
        Ok(Mention {
            node,
            input,
            output,
            span,
        })
    }

    /// The node that a word stands for: declared by it, before it, or without a name.
    fn element(
        &mut self,
        name: Span,
        class: Option<&ClassExpression>,
        arguments: Option<Span>,
    ) -> Result<usize, ConfigError> {
        if let Some(class) = class {
            let class = self.class(class)?;
            return self.declare(name, class, arguments);
        }
        let text: String = self.source.slice(name).into();
        if let Some(class) = self.classes.find(&text) {
            let kind = Kind::Element(class);
            return self.scope().declare_anonymous(&text, kind, arguments, name);
        }
        match self.scope().names.get(&text).copied() {
            Some(_) if arguments.is_some() => Err(Problem::ArgumentsOnReference(text).at(name)),
            Some(node) => Ok(node),
            None => Err(self.unknown(name, arguments.is_some())),
        }
    }

    fn declare(
        &mut self,
        name: Span,
        class: Class,
        arguments: Option<Span>,
    ) -> Result<usize, ConfigError> {
        let text: String = self.source.slice(name).into();
        if self.classes.find(&text).is_some() {
            return Err(Problem::ClassAsName(text).at(name));
        }
        if let Some(first) = self.scope().names.get(&text).copied() {
            return Err(self.redeclared(name, first));
        }
        let is_number = |part: &str| part.chars().all(|character| character.is_ascii_digit());
        if text.split('/').any(is_number) {
            return Err(Problem::NumberAsName(text).at(name));
        }
        self.scope()
            .declare(text, Kind::Element(class), arguments, name)
    }

    /// `( … )`: three nodes, of which connections from outside see the first.
    fn group(
        &mut self,
        statements: &[Statement],
        span: Span,
    ) -> Result<(usize, usize, usize), ConfigError> {
        let scope = self.scope();
        let name = scope.anonymous_name("");
        let first = scope.declare_anonymous("", Kind::Tunnel(None), None, span)?;
        let input = scope.declare(format!("{name}/input"), Kind::Tunnel(None), None, span)?;
        let kind = Kind::Tunnel(Some(first));
        let output = scope.declare(format!("{name}/output"), kind, None, span)?;
        if let Some(node) = scope.compound.nodes.get_mut(first) {
            node.kind = Kind::Tunnel(Some(input));
        }
        let outer = [("input", input), ("output", output)]
            .map(|(name, node)| (name, scope.names.insert(name.into(), node)));
        self.statements(statements)?;
        let scope = self.scope();
        for (name, node) in outer {
            match node {
                Some(node) => scope.names.insert(name.into(), node),
                None => scope.names.remove(name),
            };
        }
        let inputs = scope.count_ports(input, Direction::Input, span)?;
        let outputs = scope.count_ports(output, Direction::Output, span)?;
        Ok((first, inputs, outputs))
    }

    fn element_class(&mut self, name: Span, class: &ClassExpression) -> Result<(), ConfigError> {
        let text: String = self.source.slice(name).into();
        let class = match class {
            ClassExpression::Name(class) => self.named_class(*class)?,
            ClassExpression::Compounds(compounds) => self.compounds(&text, compounds)?,
        };
        self.classes.name(&text, class);
        Ok(())
    }

    fn class(&mut self, class: &ClassExpression) -> Result<Class, ConfigError> {
        match class {
            ClassExpression::Name(name) => self.named_class(*name),
            ClassExpression::Compounds(compounds) => self.compounds("", compounds),
        }
    }

    fn named_class(&self, span: Span) -> Result<Class, ConfigError> {
        let name = self.source.slice(span);
        self.classes.find(name).ok_or_else(|| {
            Problem::UnknownClass {
                name: quoted(name),
                nearest: nearest(name, self.classes.names()).map(Into::into),
            }
            .at(span)
        })
    }

    /// A class made of variants; each but the last leads to the next.
    fn compounds(&mut self, name: &str, compounds: &Compounds) -> Result<Class, ConfigError> {
        let mut otherwise = None;
        if let Some(dots) = compounds.extends {
            let extended = self.classes.find(name);
            let problem = || Problem::NothingToExtend(quoted(name)).at(dots);
            otherwise = Some(extended.ok_or_else(problem)?);
        }
        let variants = compounds.variants.iter();
        let variants = variants
            .map(|variant| self.variant(name, variant))
            .collect::<Result<Vec<_>, _>>()?;
        for scope in variants.into_iter().rev() {
            let compound = Rc::new(scope.compound);
            otherwise = Some(self.classes.add(Defined {
                compound,
                otherwise,
            }));
        }
        otherwise.ok_or_else(|| Problem::LoneDots.at(compounds.extends.unwrap_or_default()))
    }

    fn variant(&mut self, name: &str, variant: &Variant) -> Result<Scope, ConfigError> {
        let span = variant.span;
        let mark = self.classes.mark();
        let depth = self.scopes.len();
        self.scopes.push(Scope::of_compound(name, span, depth)?);
        for parameter in &variant.parameters {
            self.parameter(*parameter)?;
        }
        self.statements(&variant.statements)?;
        self.classes.forget(mark);
        let mut scope = self.scopes.pop().unwrap_or_default();
        scope.compound.inputs = scope.count_ports(INPUT, Direction::Input, span)?;
        scope.compound.outputs = scope.count_ports(OUTPUT, Direction::Output, span)?;
        scope.name_anonymous();
        Ok(scope)
    }

    /// Parameters without a keyword come first, the one for the rest comes last.
    fn parameter(&mut self, parameter: Parameter) -> Result<(), ConfigError> {
        let text = |span| -> String { self.source.slice(span).into() };
        let keyword = parameter.keyword.map(text);
        let name: String = text(parameter.name).trim_start_matches('$').into();
        let parameters = &mut self.scope().compound.parameters;
        let problem = if parameters.iter().any(|other| other.name == name) {
            Some(Problem::VariableTwice(quoted(&name)))
        } else if keyword.is_some() && parameters.iter().any(|other| other.keyword == keyword) {
            Some(Problem::KeywordTwice(quoted(
                &keyword.clone().unwrap_or_default(),
            )))
        } else {
            let last = parameters.last().and_then(|last| last.keyword.as_deref());
            let misplaced = last == Some(REST) || (last.is_some() && keyword.is_none());
            misplaced.then_some(Problem::ParameterOrder)
        };
        if let Some(problem) = problem {
            return Err(problem.at(parameter.name));
        }
        parameters.push(Formal { name, keyword });
        Ok(())
    }

    /// `define($name value, …)`.
    fn define(&mut self, list: Span) -> Result<(), ConfigError> {
        for argument in self.arguments(list)? {
            if argument.text.is_empty() {
                continue;
            }
            let (variable, value) = shift_word(&argument.text);
            let name = variable
                .strip_prefix('$')
                .filter(|name| !name.is_empty() && name.chars().all(is_name));
            let problem = || Problem::NotAVariable(quoted(variable)).at(argument.span);
            let name: String = name.ok_or_else(problem)?.into();
            let compound = &mut self.scope().compound;
            let parameters = compound.parameters.iter().map(|formal| &formal.name);
            let mut variables = parameters.chain(compound.variables.iter().map(|(name, _)| name));
            if variables.any(|other| *other == name) {
                return Err(Problem::VariableTwice(quoted(&name)).at(argument.span));
            }
            compound.variables.push((name, value.into()));
        }
        Ok(())
    }

    /// `require(library name, compact_config, package name)`.
    fn require(&mut self, list: Span) -> Result<(), ConfigError> {
        for argument in self.arguments(list)? {
            let (kind, name) = shift_word(&argument.text);
            match (kind, name) {
                ("", _) => {}
                ("compact_config", "") => self.requirements.push(kind.into()),
                ("library", name) if !name.is_empty() => self.library(name, argument.span)?,
                ("package", name) => return Err(Problem::Package(quoted(name)).at(argument.span)),
                (name, "") => return Err(Problem::Package(quoted(name)).at(argument.span)),
                _ => {
                    let expected = "`library NAME`, `package NAME` or `compact_config`";
                    let found = format!("`{}`", quoted(&argument.text));
                    return Err(Problem::Syntax { expected, found }.at(argument.span));
                }
            }
        }
        Ok(())
    }

    /// Reads a library in place of the statement that requires it, unless it was read before.
    fn library(&mut self, name: &str, span: Span) -> Result<(), ConfigError> {
        if self.scopes.len() > 1 {
            return Err(Problem::LibraryWithin.at(span));
        }
        let from = self.source.file(span.start);
        let found = self.reading.libraries.open(unquoted(name), from);
        let Library { name: file, text } = found.map_err(|error| Problem::from(error).at(span))?;
        if self.libraries.contains(&file) {
            return Ok(());
        }
        if self.libraries.len() >= limits::MAX_LIBRARIES {
            return Err(Problem::TooManyLibraries.at(span));
        }
        let len = self.source.text().len().saturating_add(text.len());
        if len > limits::MAX_CONFIG_SIZE {
            return Err(Problem::TooLong(len).at(span));
        }
        self.libraries.push(file.clone());
        let place = self.source.add(file, &text);
        self.file(place)
    }

    fn arguments(&self, list: Span) -> Result<Vec<Argument>, ConfigError> {
        split(self.source.slice(list), list.start)
    }

    /// A chain begins without input ports and ends without output ports.
    fn refuse_stray(&mut self, list: &[Mention], side: Direction) -> Result<(), ConfigError> {
        let mut ports = list.iter().map(|mention| mention.ports(side));
        let Some(Ports { span, .. }) = ports.find(|ports| ports.is_given()) else {
            return Ok(());
        };
        let problem = Problem::StrayPort(side).at(*span);
        if self.reading.lenient {
            self.warnings.push(problem);
            return Ok(());
        }
        Err(problem)
    }

    fn scope(&mut self) -> &mut Scope {
        if self.scopes.is_empty() {
            self.scopes.push(Scope::default());
        }
        let last = self.scopes.len().saturating_sub(1);
        // One was pushed if there was none.
        #[expect(clippy::indexing_slicing, reason = "the list is not empty")]
        &mut self.scopes[last]
    }

    /// `input` or `output` of the innermost compound element or group, which the parser has seen.
    fn pseudo(&mut self, name: &str) -> usize {
        self.scope().names.get(name).copied().unwrap_or(INPUT)
    }

    fn redeclared(&mut self, name: Span, first: usize) -> ConfigError {
        let nodes = &self.scope().compound.nodes;
        let first = nodes.get(first).map_or(0, |first| first.span.start);
        let place = self.source.place(first);
        Problem::Redeclared {
            name: self.source.slice(name).into(),
            line: place.line,
        }
        .at(name)
    }

    /// A word that names nothing. With arguments it can only be meant as a class.
    fn unknown(&mut self, span: Span, has_arguments: bool) -> ConfigError {
        let name: String = self.source.slice(span).into();
        if has_arguments && let Err(error) = self.named_class(span) {
            return error;
        }
        let elements: Vec<String> = self.scope().names.keys().cloned().collect();
        let known = elements
            .iter()
            .map(String::as_str)
            .chain(self.classes.names());
        Problem::Undeclared {
            nearest: nearest(&name, known).map(Into::into),
            name: quoted(&name),
        }
        .at(span)
    }
}

/// The name of a library without the quotes that it may stand in.
fn unquoted(name: &str) -> &str {
    let inner = name
        .strip_prefix('"')
        .and_then(|name| name.strip_suffix('"'));
    inner.unwrap_or(name)
}
