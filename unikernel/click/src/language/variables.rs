//! Variables: `define`, parameters of compound elements, and what stands for them in arguments
//! (`lib/variableenv.cc` of Click's sources).

use alloc::borrow::Cow;
use alloc::collections::BTreeMap;
use alloc::rc::Rc;
use alloc::string::String;
use core::cell::Cell;

use super::lexer::{is_blank, is_name};
use super::value::{quote, shift_word};
use crate::limits;

/// How deep a variable may refer to others; deeper ones are left as they stand, as in Click.
const MAX_DEPTH: u32 = 10;

/// What variables stand for at one place.
#[derive(Debug)]
pub(super) struct Environment {
    depth: usize,
    values: BTreeMap<String, String>,
    outer: Option<Rc<Self>>,
}

/// Texts have become too long, or variables refer to each other in too many ways.
#[derive(Debug)]
pub(crate) struct TooMuch;

/// What may still be spent on variables: a piece for each use and for each byte that it gives.
#[derive(Debug)]
pub(super) struct Budget(Cell<usize>);

impl Budget {
    pub(super) const fn new() -> Self {
        Self(Cell::new(limits::MAX_EXPANSION))
    }

    fn spend(&self, bytes: usize) -> Result<(), TooMuch> {
        let left = self.0.get().checked_sub(bytes.saturating_add(1));
        self.0.set(left.ok_or(TooMuch)?);
        Ok(())
    }
}

impl Environment {
    /// That of the configuration.
    pub(super) const fn outermost() -> Self {
        Self {
            depth: 0,
            values: BTreeMap::new(),
            outer: None,
        }
    }

    /// That of a compound element which lies within `depth` others, used at `place`.
    pub(super) fn within(place: &Rc<Self>, depth: usize) -> Self {
        let mut outer = Some(place);
        while let Some(environment) = outer.filter(|environment| environment.depth >= depth) {
            outer = environment.outer.as_ref();
        }
        Self {
            depth,
            values: BTreeMap::new(),
            outer: outer.cloned(),
        }
    }

    /// Sets a variable; the first setting stays.
    pub(super) fn define(&mut self, name: &str, value: String) {
        self.values.entry(name.into()).or_insert(value);
    }

    fn value(&self, name: &str) -> Option<&str> {
        let mut environment = Some(self);
        while let Some(here) = environment {
            if let Some(value) = here.values.get(name) {
                return Some(value);
            }
            environment = here.outer.as_deref();
        }
        None
    }

    /// `text` with all variables replaced that are known here: `$name`, `${name}`, `${name[2]}` (a
    /// word of it), `${name-default}`. Others stay: they may mean something to the element.
    pub(super) fn expand<'t>(
        &self,
        text: &'t str,
        budget: &Budget,
    ) -> Result<Cow<'t, str>, TooMuch> {
        self.expand_at(text, budget, 0)
    }

    fn expand_at<'t>(
        &self,
        text: &'t str,
        budget: &Budget,
        depth: u32,
    ) -> Result<Cow<'t, str>, TooMuch> {
        let mut values = |form: Form, name: &str| match form {
            Form::Name => self.lookup(name, budget, depth),
            Form::Braces => self.lookup_braces(name, budget, depth),
            // A handler's value, for who runs the script.
            Form::Call => Ok(None),
        };
        replace(text, Quote::Inside, budget, depth, &mut values)
    }

    fn lookup(&self, name: &str, budget: &Budget, depth: u32) -> Result<Option<String>, TooMuch> {
        let Some(value) = self.value(name) else {
            return Ok(None);
        };
        let value = self.expand_at(value, budget, depth.saturating_add(1))?;
        Ok(Some(value.into_owned()))
    }

    /// What stands between braces: a name, then `[number]` or `-default`.
    fn lookup_braces(
        &self,
        text: &str,
        budget: &Budget,
        depth: u32,
    ) -> Result<Option<String>, TooMuch> {
        let text = text.trim_start_matches(is_blank);
        let end = text.find(|character| !is_name(character));
        let (name, rest) = text
            .split_at_checked(end.unwrap_or(text.len()))
            .unwrap_or((text, ""));
        let rest = rest.trim_start_matches(is_blank);
        let (word, rest) = match indexed(rest) {
            Some((word, rest)) => (Some(word), rest),
            None => (None, rest),
        };
        if let Some(value) = self.lookup(name, budget, depth)? {
            return Ok(Some(match word {
                Some(word) => nth_word(&value, word),
                None => value,
            }));
        }
        match rest.strip_prefix('-') {
            Some(default) => {
                let default = self.expand_at(default, budget, depth.saturating_add(1))?;
                Ok(Some(default.into_owned()))
            }
            None => Ok(None),
        }
    }
}

/// Which values are quoted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Quote {
    /// Those that stand within quotes already, so that the quotes stay.
    Inside,
    /// All: one that does not stand within quotes gets some.
    All,
}

/// What a variable stands for, by its form and name; nothing if it is not known.
type Values<'v> = dyn FnMut(Form, &str) -> Result<Option<String>, TooMuch> + 'v;

/// `text` with all variables replaced for which there are values; the names between braces and
/// parentheses may hold variables themselves.
fn replace<'t>(
    text: &'t str,
    quoting: Quote,
    budget: &Budget,
    depth: u32,
    values: &mut Values<'_>,
) -> Result<Cow<'t, str>, TooMuch> {
    if !text.contains('$') || depth > MAX_DEPTH {
        return Ok(Cow::Borrowed(text));
    }
    let mut out = String::new();
    let mut scanner = Scanner::new(text);
    while let Some((before, reference)) = scanner.next() {
        out.push_str(before);
        let name = match reference.kind {
            Form::Name => Cow::Borrowed(reference.name),
            Form::Braces | Form::Call => {
                let depth = depth.saturating_add(1);
                replace(reference.name, Quote::Inside, budget, depth, values)?
            }
        };
        let value = values(reference.kind, &name)?;
        budget.spend(value.as_ref().map_or(0, String::len))?;
        match value {
            Some(value) if reference.in_quotes => out.push_str(&quote(&value)),
            Some(value) if quoting == Quote::All => {
                out.extend(["\"", &quote(&value), "\""]);
            }
            Some(value) => out.push_str(&value),
            None => reference.unparse(&name, &mut out),
        }
    }
    out.push_str(scanner.rest());
    Ok(Cow::Owned(out))
}

/// `text` with variables and `$(…)` replaced by what `values` gives for them (Click's `cp_expand`).
pub(crate) fn expand(
    text: &str,
    quoting: Quote,
    values: &mut dyn FnMut(Form, &str) -> Option<String>,
) -> Result<String, TooMuch> {
    let mut values = |form: Form, name: &str| Ok(values(form, name));
    replace(text, quoting, &Budget::new(), 0, &mut values).map(Cow::into_owned)
}

/// `[number]` and what is behind it.
fn indexed(text: &str) -> Option<(usize, &str)> {
    let (number, rest) = text.strip_prefix('[')?.split_once(']')?;
    let number = number.trim_matches(is_blank).parse().ok()?;
    Some((number, rest.trim_start_matches(is_blank)))
}

fn nth_word(text: &str, number: usize) -> String {
    let mut rest = text;
    let mut word = "";
    for _ in 0..=number {
        (word, rest) = shift_word(rest);
        if word.is_empty() {
            break;
        }
    }
    word.into()
}

/// How a variable is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `$name`.
    Name,
    /// `${…}`.
    Braces,
    /// `$(…)`.
    Call,
}

/// A variable in a text.
struct Reference<'t> {
    kind: Form,
    name: &'t str,
    in_quotes: bool,
}

impl Reference<'_> {
    fn unparse(&self, name: &str, out: &mut String) {
        let (opening, closing) = match self.kind {
            Form::Name => ("$", ""),
            Form::Braces => ("${", "}"),
            Form::Call => ("$(", ")"),
        };
        out.push_str(opening);
        out.push_str(name);
        out.push_str(closing);
    }
}

/// Finds the variables in a text: everywhere but in single quotes, in comments, and behind a
/// backslash in double quotes.
struct Scanner<'t> {
    text: &'t str,
    /// Where the part begins that was not given out.
    start: usize,
    at: usize,
    quote: Option<char>,
}

impl<'t> Scanner<'t> {
    const fn new(text: &'t str) -> Self {
        Self {
            text,
            start: 0,
            at: 0,
            quote: None,
        }
    }

    /// The text from `start` on.
    fn rest(&self) -> &'t str {
        self.text.get(self.start..).unwrap_or_default()
    }

    /// The next variable, and the text before it.
    fn next(&mut self) -> Option<(&'t str, Reference<'t>)> {
        loop {
            let rest = self.text.get(self.at..).unwrap_or_default();
            let character = rest.chars().next()?;
            let mut len = character.len_utf8();
            match character {
                '\\' if self.quote == Some('"') => {
                    len = rest.chars().take(2).map(char::len_utf8).sum();
                }
                '\'' | '"' if self.quote.is_none() => self.quote = Some(character),
                '\'' | '"' if self.quote == Some(character) => self.quote = None,
                '/' if self.quote.is_none() => len = comment(rest).unwrap_or(len),
                '$' if self.quote != Some('\'') => {
                    if let Some((kind, name, end)) = reference(rest) {
                        let before = self.text.get(self.start..self.at).unwrap_or_default();
                        self.at = self.at.saturating_add(end);
                        self.start = self.at;
                        let in_quotes = self.quote.is_some();
                        return Some((
                            before,
                            Reference {
                                kind,
                                name,
                                in_quotes,
                            },
                        ));
                    }
                }
                _ => {}
            }
            self.at = self.at.saturating_add(len);
        }
    }
}

/// The length of the comment that begins here.
fn comment(text: &str) -> Option<usize> {
    if text.starts_with("//") {
        Some(text.find(['\n', '\r']).unwrap_or(text.len()))
    } else {
        let body = text.strip_prefix("/*")?;
        let end = body.find("*/").map(|end| end.saturating_add(4));
        Some(end.unwrap_or(text.len()))
    }
}

/// The variable that begins with the dollar sign here: its form, its name, and its length.
fn reference(text: &str) -> Option<(Form, &str, usize)> {
    let rest = text.get(1..)?;
    match rest.chars().next()? {
        '{' => {
            let body = rest.get(1..)?;
            let end = body.find('}')?;
            Some((Form::Braces, body.get(..end)?, end.saturating_add(3)))
        }
        '(' => {
            let body = rest.get(1..)?;
            let end = closing_parenthesis(body)?;
            Some((Form::Call, body.get(..end)?, end.saturating_add(3)))
        }
        '?' | '#' | '$' => Some((Form::Name, rest.get(..1)?, 2)),
        character if is_name(character) => {
            let end = rest.find(|character| !is_name(character));
            let end = end.unwrap_or(rest.len());
            Some((Form::Name, rest.get(..end)?, end.saturating_add(1)))
        }
        _ => None,
    }
}

/// Where the parenthesis that was opened before `text` is closed.
fn closing_parenthesis(text: &str) -> Option<usize> {
    let mut level = 1_usize;
    let mut quote = None;
    let mut characters = text.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '(' if quote.is_none() => level = level.saturating_add(1),
            ')' if quote.is_none() => {
                level = level.saturating_sub(1);
                if level == 0 {
                    return Some(at);
                }
            }
            '\'' | '"' if quote.is_none() => quote = Some(character),
            '\'' | '"' if quote == Some(character) => quote = None,
            '\\' if quote != Some('\'') => {
                characters.next();
            }
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment() -> Environment {
        let mut environment = Environment::outermost();
        for (name, value) in [
            ("a", "A B C"),
            ("n", "2"),
            ("quoted", "say \"x\" $n"),
            ("nested", "<$a>"),
            ("loop", "$loop"),
            ("empty", ""),
        ] {
            environment.define(name, value.into());
        }
        environment
    }

    #[test]
    fn variables_are_replaced_as_click_does() {
        let environment = environment();
        for (text, expected) in [
            ("", ""),
            ("plain", "plain"),
            ("$a", "A B C"),
            ("x$n.y", "x2.y"),
            ("${a}", "A B C"),
            ("${a[0]}${a[ 2 ]}${a[3]}", "AC"),
            ("${a[$n]}", "C"),
            ("${none-default $n}", "default 2"),
            ("${n-default}", "2"),
            ("$none ${none} $(a.b $n)", "$none ${none} $(a.b 2)"),
            (
                "'$a' \"\\$a\" // $a\n/* $a */ $n",
                "'$a' \"\\$a\" // $a\n/* $a */ 2",
            ),
            ("\"$a\"", "\"A B C\""),
            ("\"$quoted\"", "\"say \\\"x\\\" 2\""),
            ("$nested", "<A B C>"),
            ("$empty|", "|"),
            ("$ $. ${a $(a", "$ $. ${a $(a"),
        ] {
            let budget = Budget::new();
            assert_eq!(
                environment.expand(text, &budget).unwrap(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn a_variable_that_refers_to_itself_ends() {
        let expanded = environment()
            .expand("$loop", &Budget::new())
            .unwrap()
            .into_owned();
        assert_eq!(expanded, "$loop");
    }

    #[test]
    fn doubling_without_end_is_refused() {
        let mut environment = Environment::outermost();
        for index in 0..12 {
            let next = alloc::format!("$v{} ", index + 1).repeat(100);
            environment.define(&alloc::format!("v{index}"), next);
        }
        assert!(environment.expand("$v0", &Budget::new()).is_err());
    }

    #[test]
    fn an_inner_environment_sees_the_one_that_it_lies_in() {
        let mut outer = environment();
        outer.define("only", "outer".into());
        let outer = Rc::new(outer);
        let mut one = Environment::within(&outer, 1);
        one.define("a", "inner".into());
        let one = Rc::new(one);
        // Used within the first, defined beside it.
        let two = Environment::within(&one, 1);
        let budget = Budget::new();
        assert_eq!(one.expand("$a $only", &budget).unwrap(), "inner outer");
        assert_eq!(two.expand("$a", &budget).unwrap(), "A B C");
    }
}
