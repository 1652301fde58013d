//! Argument lists: cutting them up, and reading them as a class wants them (Click's `Args`).

use alloc::string::String;
use alloc::vec::Vec;

use super::compound::{Formal, REST};
use super::config::Config;
use super::lexer::{Lexer, is_blank};
use super::source::Span;
use super::value::Value;
use crate::elements::ElementClass;
use crate::error::{ConfigError, Problem};
use crate::names::Scope;
use crate::nearest::nearest;
use crate::render::quoted;

/// One argument of an element, as written, without comments and surrounding blanks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Argument {
    /// Its text; quotes are still there.
    pub text: String,
    /// Where it stands.
    pub span: Span,
}

impl Argument {
    /// Its keyword and value, if it looks like that.
    pub(crate) fn keyword(&self) -> Option<(&str, &str)> {
        keyword(&self.text)
    }
}

/// Cuts a text at its commas, as an argument list that stands for itself.
///
/// # Errors
/// A quotation is not closed.
pub(crate) fn split_arguments(text: &str) -> Result<Vec<Argument>, ConfigError> {
    split(text, 0)
}

/// Cuts a text at its commas. Quoted commas do not cut; an empty argument at the end, behind a
/// trailing comma, is none. The text stands in the configuration at `at`.
pub(super) fn split(text: &str, at: usize) -> Result<Vec<Argument>, ConfigError> {
    let moved = |span: Span| Span::new(span.start.saturating_add(at), span.end.saturating_add(at));
    let mut lexer = Lexer::new(text, Span::new(0, text.len()));
    let mut arguments = Vec::new();
    loop {
        let argument = next_argument(text, &mut lexer).map_err(|error| ConfigError {
            span: moved(error.span),
            ..error
        })?;
        let at_end = lexer.position() >= text.len();
        if !at_end || !argument.text.is_empty() {
            arguments.push(Argument {
                span: moved(argument.span),
                ..argument
            });
        }
        if at_end {
            return Ok(arguments);
        }
        lexer.skip_piece()?;
    }
}

/// Reads up to the next comma or the end. Blanks within an argument stay as they are; a comment
/// within it becomes one blank.
fn next_argument(list: &str, lexer: &mut Lexer<'_>) -> Result<Argument, ConfigError> {
    let mut text = String::new();
    let mut blanks = String::new();
    let mut after_comment = false;
    let mut span: Option<Span> = None;
    let start = lexer.position();
    loop {
        let piece_start = lexer.position();
        lexer.skip_piece_before_comma()?;
        let piece_span = Span::new(piece_start, lexer.position());
        let piece = list
            .get(piece_span.start..piece_span.end)
            .unwrap_or_default();
        if piece.is_empty() {
            break;
        }
        if piece.chars().all(is_blank) {
            if !after_comment {
                blanks.push_str(piece);
            }
        } else if is_comment(piece) {
            blanks = " ".into();
            after_comment = true;
        } else {
            if !text.is_empty() {
                text.push_str(&blanks);
            }
            blanks.clear();
            after_comment = false;
            text.push_str(piece);
            span = Some(span.map_or(piece_span, |span| span.to(piece_span)));
        }
    }
    Ok(Argument {
        text,
        span: span.unwrap_or_else(|| Span::new(start, lexer.position())),
    })
}

/// Whether a piece is a comment or a preprocessor line.
fn is_comment(piece: &str) -> bool {
    piece.starts_with("//")
        || piece.starts_with("/*")
        || (piece.len() > 1 && piece.starts_with('#'))
}

/// The texts that `arguments` give the parameters with these keywords (`cp_assign_arguments` in
/// `lib/confparse.cc` of Click's sources). Parameters without a keyword come first and take
/// arguments in order; a last one called [`REST`] takes all that are left. `None` if an argument is
/// missing or left over.
pub(super) fn assign(arguments: &[Argument], parameters: &[Formal]) -> Option<Vec<String>> {
    let keyword_of = |formal: &Formal| formal.keyword.clone();
    let takes_rest = parameters.last().and_then(keyword_of).as_deref() == Some(REST);
    let named = parameters.len().saturating_sub(usize::from(takes_rest));
    let named = parameters.get(..named)?;
    let positional = named.iter().take_while(|formal| formal.keyword.is_none());
    let positional = positional.count();
    let mut values: Vec<Option<String>> = named.iter().map(|_| None).collect();
    let mut rest: Vec<&str> = Vec::new();
    for (index, argument) in arguments.iter().enumerate() {
        if let (Some(value), true) = (values.get_mut(index), index < positional) {
            *value = Some(argument.text.clone());
            continue;
        }
        let found = keyword(&argument.text).and_then(|(keyword, text)| {
            let is_it = |formal: &Formal| formal.keyword.as_deref() == Some(keyword);
            Some((named.iter().position(is_it)?, text))
        });
        match found {
            Some((at, text)) => {
                *values.get_mut(at)? = Some(text.into());
            }
            None if takes_rest => rest.push(&argument.text),
            None => return None,
        }
    }
    if takes_rest {
        values.push(Some(rest.join(", ")));
    }
    values.into_iter().collect()
}

/// The arguments of one element while its class reads them.
///
/// As in Click, an argument is `KEYWORD value` or, before the first of those, a value alone.
#[derive(Debug)]
pub(crate) struct Arguments<'a> {
    config: &'a Config,
    element: usize,
    inputs: usize,
    class: &'static ElementClass,
    declaration: Span,
    entries: Vec<Entry<'a>>,
    scope: Scope,
}

#[derive(Debug)]
struct Entry<'a> {
    argument: &'a Argument,
    /// The keyword and its value, if the argument looks like that.
    keyword: Option<(&'a str, &'a str)>,
    taken: bool,
}

/// Arguments that would decide what is trusted; they belong to the process.
const RESERVED: &[&str] = &["TRUST", "TRUST_BUNDLE", "STATE", "STATE_DIR", "INSTANCE"];

impl<'a> Arguments<'a> {
    /// The arguments of an element of a configuration that has so many inputs; `None` if there is no
    /// such element.
    pub(crate) fn new(config: &'a Config, element: usize, inputs: usize) -> Option<Self> {
        let declaration = config.elements().get(element)?;
        Self::instead(config, element, inputs, &declaration.arguments)
    }

    /// Other arguments for an element of a configuration; `None` if it has no such element.
    pub(crate) fn instead(
        config: &'a Config,
        element: usize,
        inputs: usize,
        arguments: &'a [Argument],
    ) -> Option<Self> {
        let declaration = config.elements().get(element)?;
        // Keywords have no small letters: `flows pings` are two names, and nobody misspelled anything.
        let known = declaration.class.keywords;
        let is_keyword =
            |word: &str| known.contains(&word) || !word.contains(|c: char| c.is_ascii_lowercase());
        let entries = arguments.iter().map(|argument| Entry {
            argument,
            keyword: keyword(&argument.text).filter(|(word, _)| is_keyword(word)),
            taken: false,
        });
        Some(Self {
            config,
            element,
            inputs,
            class: declaration.class,
            declaration: declaration.span,
            entries: entries.collect(),
            scope: Scope::default(),
        })
    }

    /// The class of the element.
    pub(crate) const fn class(&self) -> &'static ElementClass {
        self.class
    }

    /// The arguments as they are written.
    pub(crate) fn written(&self) -> Vec<Argument> {
        let entries = self.entries.iter();
        entries.map(|entry| entry.argument.clone()).collect()
    }

    /// The configuration that the element is in.
    #[allow(dead_code, reason = "for elements that use others")]
    pub(crate) const fn config(&self) -> &'a Config {
        self.config
    }

    /// The index of the element in [`Config::elements`].
    #[allow(dead_code, reason = "for elements that use others")]
    pub(crate) const fn element(&self) -> usize {
        self.element
    }

    /// How many inputs the element has.
    pub(crate) const fn inputs(&self) -> usize {
        self.inputs
    }

    /// The index of the element that a value names, looked up from the inside of compound elements
    /// to the outside. It has one of the classes `wanted`, or any if these are none.
    ///
    /// # Errors
    /// [`Problem::NoElement`], [`Problem::WrongElement`].
    #[allow(dead_code, reason = "for elements that use others")]
    pub(crate) fn element_named(
        &self,
        value: Value<'_>,
        wanted: &'static [&'static str],
    ) -> Result<usize, ConfigError> {
        let name = value.string()?;
        let elements = self.config.elements();
        let keyword = value.keyword();
        let found = self.config.find(&name, self.element);
        let Some((index, found)) = found.and_then(|index| Some((index, elements.get(index)?)))
        else {
            let nearest = nearest(&name, elements.iter().map(|element| element.name.as_str()));
            return Err(Problem::NoElement {
                keyword,
                nearest: nearest.map(Into::into),
                name: quoted(&name),
            }
            .at(value.span()));
        };
        if wanted.is_empty() || wanted.contains(&found.class.name) {
            return Ok(index);
        }
        let element = found.label();
        Err(Problem::WrongElement {
            keyword,
            wanted,
            element,
        }
        .at(value.span()))
    }

    /// The same, of an element that knows these names.
    pub(crate) fn with_names(self, scope: Scope) -> Self {
        Self { scope, ..self }
    }

    /// The names that the element knows.
    pub(crate) const fn scope(&self) -> &Scope {
        &self.scope
    }

    /// The value of a keyword.
    ///
    /// # Errors
    /// [`Problem::Repeated`].
    pub(crate) fn keyword(&mut self, name: &'static str) -> Result<Option<Value<'a>>, ConfigError> {
        debug_assert!(
            self.class.keywords.contains(&name),
            "{name} is not in the table"
        );
        let mut found = None;
        for entry in &mut self.entries {
            let Some((keyword, value)) = entry.keyword else {
                continue;
            };
            if entry.taken || keyword != name {
                continue;
            }
            entry.taken = true;
            if found.is_some() {
                return Err(Problem::Repeated(name).at(entry.argument.span));
            }
            found = Some(Value::new(name, value, entry.argument.span));
        }
        Ok(found)
    }

    /// All arguments, whatever they look like.
    pub(crate) fn every(&mut self) -> Vec<Value<'a>> {
        let take = |entry: &mut Entry<'a>| {
            entry.taken = true;
            Value::new("an argument", &entry.argument.text, entry.argument.span)
        };
        self.entries.iter_mut().map(take).collect()
    }

    /// All arguments that were not taken before, whatever they look like.
    pub(crate) fn rest(&mut self) -> Vec<Value<'a>> {
        let left = self.entries.iter_mut().filter(|entry| !entry.taken);
        left.map(|entry| {
            entry.taken = true;
            Value::new("an argument", &entry.argument.text, entry.argument.span)
        })
        .collect()
    }

    /// The value of a keyword that may stand alone. Calls must come in the order of positions,
    /// before those of [`Self::keyword`].
    ///
    /// # Errors
    /// [`Problem::Repeated`].
    pub(crate) fn positional(
        &mut self,
        name: &'static str,
    ) -> Result<Option<Value<'a>>, ConfigError> {
        let first = self
            .entries
            .iter_mut()
            .take_while(|entry| entry.keyword.is_none())
            .find(|entry| !entry.taken);
        let alone = first.map(|entry| {
            entry.taken = true;
            Value::new(name, &entry.argument.text, entry.argument.span)
        });
        let by_keyword = self.keyword(name)?;
        match (alone, by_keyword) {
            (Some(_), Some(second)) => Err(Problem::Repeated(name).at(second.span())),
            (alone, by_keyword) => Ok(alone.or(by_keyword)),
        }
    }

    /// As [`Self::positional`], of an argument that must be there.
    ///
    /// # Errors
    /// [`Problem::Repeated`], [`Problem::Missing`].
    pub(crate) fn mandatory(&mut self, name: &'static str) -> Result<Value<'a>, ConfigError> {
        let value = self.positional(name)?;
        value.ok_or_else(|| self.missing(name))
    }

    /// As [`Self::keyword`], of an argument that must be there.
    ///
    /// # Errors
    /// [`Problem::Repeated`], [`Problem::Missing`].
    pub(crate) fn required(&mut self, name: &'static str) -> Result<Value<'a>, ConfigError> {
        let value = self.keyword(name)?;
        value.ok_or_else(|| self.missing(name))
    }

    fn missing(&self, keyword: &'static str) -> ConfigError {
        let class = self.class.name;
        Problem::Missing { class, keyword }.at(self.declaration)
    }

    /// The truth value of a keyword.
    ///
    /// # Errors
    /// [`Problem::Repeated`], [`Problem::Value`].
    pub(crate) fn boolean(
        &mut self,
        name: &'static str,
        default: bool,
    ) -> Result<bool, ConfigError> {
        self.keyword(name)?.map_or(Ok(default), Value::boolean)
    }

    /// Checks that every argument was taken.
    ///
    /// # Errors
    /// [`Problem::Reserved`], [`Problem::UnknownArgument`], [`Problem::NoValue`],
    /// [`Problem::TooManyArguments`].
    pub(crate) fn finish(self) -> Result<(), ConfigError> {
        let Some(entry) = self.entries.iter().find(|entry| !entry.taken) else {
            return Ok(());
        };
        let class = self.class.name;
        let keywords = self.class.keywords;
        let problem = match entry.keyword {
            Some((keyword, _)) if RESERVED.contains(&keyword) => Problem::Reserved(keyword.into()),
            Some((keyword, _)) => Problem::UnknownArgument {
                class,
                keyword: quoted(keyword),
                nearest: nearest(keyword, keywords.iter().copied()),
            },
            None => match keywords.iter().find(|name| **name == entry.argument.text) {
                Some(keyword) => Problem::NoValue(keyword),
                None => Problem::TooManyArguments { class },
            },
        };
        Err(problem.at(entry.argument.span))
    }
}

/// Splits `KEYWORD value`. A keyword begins with a letter or `_`, and something follows it.
fn keyword(argument: &str) -> Option<(&str, &str)> {
    let legal = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | ':' | '.' | '?' | '!');
    let starts = argument.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let end = argument.find(|c| !legal(c))?;
    let (keyword, rest) = argument.split_at_checked(end)?;
    (starts && rest.starts_with(is_blank)).then(|| (keyword, rest.trim_start_matches(is_blank)))
}

#[cfg(test)]
mod tests {
    use alloc::string::ToString;
    use alloc::vec;

    use super::*;
    use crate::language::Source;

    fn texts(list: &str) -> Vec<String> {
        let arguments = split(list, 0).unwrap();
        for argument in &arguments {
            assert!(argument.span.end <= list.len());
        }
        arguments
            .into_iter()
            .map(|argument| argument.text)
            .collect()
    }

    #[test]
    fn lists_are_cut_at_commas() {
        let cases: [(&str, &[&str]); 12] = [
            ("", &[]),
            ("  // nothing\n", &[]),
            ("a", &["a"]),
            (" a , b ", &["a", "b"]),
            ("a,", &["a"]),
            ("a,,b", &["a", "", "b"]),
            (",", &[""]),
            ("'a, b', \"c, \\\" d\"", &["'a, b'", "\"c, \\\" d\""]),
            ("a  b /* c, d */ e // f\n, g", &["a  b e", "g"]),
            ("\\<00, 01 /* > */>, x", &["\\<00, 01 /* > */>", "x"]),
            ("f(a), b", &["f(a)", "b"]),
            ("'$x', \"\\$x\", $", &["'$x'", "\"\\$x\"", "$"]),
        ];
        for (list, expected) in cases {
            assert_eq!(texts(list), expected, "{list}");
        }
    }

    fn formals(parameters: &[(&str, &str)]) -> Vec<Formal> {
        let formal = |(name, keyword): &(&str, &str)| Formal {
            name: (*name).into(),
            keyword: (!keyword.is_empty()).then(|| (*keyword).into()),
        };
        parameters.iter().map(formal).collect()
    }

    #[test]
    fn arguments_find_their_parameters() {
        let two = formals(&[("a", ""), ("b", "")]);
        let keyword = formals(&[("a", ""), ("b", "TWO")]);
        let rest = formals(&[("a", ""), ("b", "TWO"), ("c", REST)]);
        let all = formals(&[("c", REST)]);
        type Case<'a> = (&'a str, &'a [Formal], Option<&'a [&'a str]>);
        let cases: [Case<'_>; 15] = [
            ("", &[], Some(&[])),
            ("1", &[], None),
            ("1, 2", &two, Some(&["1", "2"])),
            ("1", &two, None),
            ("1, 2, 3", &two, None),
            ("TWO 1, TWO 2", &two, Some(&["TWO 1", "TWO 2"])),
            ("1, TWO 2", &keyword, Some(&["1", "2"])),
            ("1, TWO 2, TWO 3", &keyword, Some(&["1", "3"])),
            ("1, 2", &keyword, None),
            ("1, THREE 2", &keyword, None),
            ("1, TWO 2", &rest, Some(&["1", "2", ""])),
            ("1, 2, TWO 3, X 4", &rest, Some(&["1", "3", "2, X 4"])),
            ("1, X 4", &rest, None),
            ("", &all, Some(&[""])),
            ("1, X 2", &all, Some(&["1, X 2"])),
        ];
        for (list, parameters, expected) in cases {
            let found = assign(&split(list, 0).unwrap(), parameters);
            let expected = expected.map(|texts| texts.iter().map(ToString::to_string).collect());
            assert_eq!(found, expected, "{list}");
        }
    }

    #[test]
    fn keywords_need_a_value() {
        assert_eq!(keyword("STOP true"), Some(("STOP", "true")));
        assert_eq!(keyword("STOP \t true x"), Some(("STOP", "true x")));
        for text in ["STOP", "5 a", "\"a\" b", "a-b c", "", "a/b c"] {
            assert_eq!(keyword(text), None, "{text}");
        }
    }

    static CLASSES: &[ElementClass] = &[ElementClass {
        name: "Class",
        keywords: &["A", "B", "C"],
        ..crate::elements::DISCARD
    }];

    fn config(text: &str) -> Config {
        Config::parse_with(&Source::new("test", text), CLASSES).unwrap()
    }

    fn read(list: &str) -> Result<Vec<Option<String>>, String> {
        let config = config(&alloc::format!("Class({list})"));
        let mut reader = Arguments::new(&config, 0, 0).unwrap();
        let mut read = || {
            let values = [
                reader.positional("A")?,
                reader.positional("B")?,
                reader.keyword("C")?,
            ];
            Ok(values.map(|value| value.map(|value| value.string().unwrap())))
        };
        let values: Result<_, ConfigError> = read();
        let finished = values.and_then(|values| reader.finish().map(|()| values.to_vec()));
        finished.map_err(|error| error.to_string())
    }

    #[test]
    fn positions_come_before_keywords() {
        let some = |text: &str| Some(text.to_string());
        assert_eq!(read(""), Ok(vec![None, None, None]));
        assert_eq!(read("1, 2"), Ok(vec![some("1"), some("2"), None]));
        assert_eq!(
            read("1, C 3, B 2"),
            Ok(vec![some("1"), some("2"), some("3")])
        );
        assert_eq!(read("B 2, A 1"), Ok(vec![some("1"), some("2"), None]));
    }

    #[test]
    fn what_is_left_over_is_refused() {
        for (list, message) in [
            ("1, 2, 3", "`Class` has too many arguments"),
            ("1, 2, C", "the argument C has no value"),
            ("C 3, 1", "`Class` has too many arguments"),
            ("D 3", "`Class` has no argument D"),
            ("C 3, C 3", "the argument C is given twice"),
            ("1, A 1", "the argument A is given twice"),
            ("STATE here", "STATE is not for the configuration to decide"),
        ] {
            assert_eq!(read(list), Err(message.into()), "{list}");
        }
    }

    #[test]
    fn arguments_name_elements() {
        let config = config("elementclass X { Class(q); q :: Class } q :: Class; x :: X");
        let named = |text: &'static str, wanted: &'static [&'static str]| {
            let within = config.elements().iter().position(|e| e.name == "x/Class@1");
            let arguments = Arguments::new(&config, within.unwrap(), 0).unwrap();
            let value = Value::new("A", text, Span::default());
            let found = arguments.element_named(value, wanted);
            found.map(|index| config.elements()[index].name.clone())
        };
        assert_eq!(named("q", &[]).unwrap(), "x/q");
        assert_eq!(named("x/q", &["Class"]).unwrap(), "x/q");
        for (text, wanted, message) in [
            (
                "qq",
                &[][..],
                "A must name an element, and there is no `qq`",
            ),
            (
                "q",
                &["Queue", "Other"],
                "A must name an element of the class Queue or Other, not `x/q :: Class`",
            ),
        ] {
            assert_eq!(named(text, wanted).unwrap_err().to_string(), message);
        }
    }
}
