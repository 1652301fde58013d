//! The functions of a script: handlers that calculate with their parameters.

use alloc::format;
use alloc::string::String;
use core::cmp::Ordering;

use super::number::{Number, parse_integer};
use super::printf;
use crate::language::{parse_boolean, shift_word, unquote};

/// What is wrong with parameters.
type Result<T> = core::result::Result<T, &'static str>;

const ONE: &str = "expected one number";
const TWO: &str = "expected two numbers";
const LIST: &str = "expected list of numbers";
const SYNTAX: &str = "syntax error";

/// Calls a function; `None` if there is none of this name.
pub(super) fn call(name: &str, parameters: &str) -> Option<Result<String>> {
    Some(match name {
        "add" | "sub" | "min" | "max" | "mul" | "div" | "idiv" => accumulate(name, parameters),
        "mod" | "rem" => remainder(name, parameters),
        "neg" | "abs" => sign(name, parameters),
        "eq" | "ne" | "gt" | "ge" | "lt" | "le" => compare(name, parameters),
        "and" | "nand" | "or" | "nor" => connect(name, parameters),
        "not" => parse_boolean(parameters)
            .map(|value| format!("{}", !value))
            .ok_or(SYNTAX),
        "if" => choose(parameters),
        "in" => Ok(is_in(parameters)),
        "first" => Ok(shift_word(parameters).0.into()),
        "length" => Ok(format!("{}", parameters.len())),
        "unquote" => Ok(unquote(parameters)),
        "sprintf" => printf::format(parameters).ok_or(SYNTAX),
        "htonl" | "ntohl" => swap(parameters, |value| u32::from_be_bytes(value.to_le_bytes())),
        "htons" | "ntohs" => swap(parameters, |value| {
            let [low, high, _, _] = value.to_le_bytes();
            u32::from(u16::from_be_bytes([low, high]))
        }),
        _ => return None,
    })
}

fn accumulate(name: &str, parameters: &str) -> Result<String> {
    let mut rest = parameters;
    let mut value = None;
    while !rest.is_empty() {
        let (word, behind) = shift_word(rest);
        let number = Number::parse(word).ok_or(LIST)?;
        value = Some(match value {
            None => number,
            Some(value) => step(name, value, number),
        });
        rest = behind;
    }
    // What is left without numbers is what the first number would be combined with.
    let empty = i64::from(!matches!(name, "add" | "sub"));
    let value = value.unwrap_or(Number::Integer(empty));
    Ok(match name {
        "idiv" => format!("{}", value.truncated()),
        _ => value.unparse(),
    })
}

fn step(name: &str, a: Number, b: Number) -> Number {
    match name {
        "add" => a.combine(b, i64::wrapping_add, |a, b| a + b),
        "sub" => a.combine(b, i64::wrapping_sub, |a, b| a - b),
        "mul" => a.combine(b, i64::wrapping_mul, |a, b| a * b),
        "min" => a.combine(b, i64::min, f64::min),
        "max" => a.combine(b, i64::max, f64::max),
        _ => Number::Fraction(a.fraction() / b.fraction()),
    }
}

/// Two words and nothing else.
fn two(parameters: &str) -> Result<(&str, &str)> {
    let (a, rest) = shift_word(parameters);
    let (b, rest) = shift_word(rest);
    let right = !a.is_empty() && !b.is_empty() && rest.is_empty();
    right.then_some((a, b)).ok_or(TWO)
}

fn remainder(name: &str, parameters: &str) -> Result<String> {
    let (a, b) = two(parameters)?;
    match (Number::parse(a), Number::parse(b)) {
        (Some(Number::Integer(a)), Some(Number::Integer(b))) => {
            let remainder = a.checked_rem(b).ok_or("division by zero")?;
            Ok(format!("{remainder}"))
        }
        (Some(a), Some(b)) if name == "rem" => {
            let whole = Number::Fraction(a.fraction() / b.fraction()).truncated();
            let whole = Number::Integer(whole).fraction();
            Ok(Number::Fraction(a.fraction() - whole * b.fraction()).unparse())
        }
        _ => Err(TWO),
    }
}

fn sign(name: &str, parameters: &str) -> Result<String> {
    let number = Number::parse(parameters).ok_or(ONE)?;
    let zero = Number::Integer(0);
    let negate = name == "neg" || number.compare(zero) == Ordering::Less;
    Ok(match number {
        Number::Integer(integer) if negate => Number::Integer(integer.wrapping_neg()),
        Number::Fraction(fraction) if negate => Number::Fraction(-fraction),
        number => number,
    }
    .unparse())
}

/// Numbers are compared as numbers, everything else as texts.
fn compare(name: &str, parameters: &str) -> Result<String> {
    let (a, b) = two(parameters)?;
    let order = match (Number::parse(a), Number::parse(b)) {
        (Some(a), Some(b)) => a.compare(b),
        _ => unquote(a).as_bytes().cmp(unquote(b).as_bytes()),
    };
    let holds = match name {
        "eq" => order.is_eq(),
        "ne" => order.is_ne(),
        "gt" => order.is_gt(),
        "ge" => order.is_ge(),
        "lt" => order.is_lt(),
        _ => order.is_le(),
    };
    Ok(format!("{holds}"))
}

fn connect(name: &str, parameters: &str) -> Result<String> {
    let all = matches!(name, "and" | "nand");
    let mut value = all;
    let mut rest = parameters;
    while value == all && !rest.is_empty() {
        let (word, behind) = shift_word(rest);
        value = parse_boolean(word).ok_or(SYNTAX)?;
        rest = behind;
    }
    Ok(format!("{}", value != matches!(name, "nand" | "nor")))
}

fn choose(parameters: &str) -> Result<String> {
    let (condition, rest) = shift_word(parameters);
    let (yes, rest) = shift_word(rest);
    let chosen = match parse_boolean(condition).ok_or(SYNTAX)? {
        true => yes,
        false => shift_word(rest).0,
    };
    Ok(chosen.into())
}

fn is_in(parameters: &str) -> String {
    let (word, mut rest) = shift_word(parameters);
    let wanted = unquote(word);
    let mut found = false;
    while !found && !rest.is_empty() {
        let (word, behind) = shift_word(rest);
        found = unquote(word) == wanted;
        rest = behind;
    }
    format!("{found}")
}

/// Changes the order of the bytes of a number of 32 bits.
fn swap(parameters: &str, order: impl Fn(u32) -> u32) -> Result<String> {
    let number = parse_integer(parameters).ok_or(SYNTAX)?;
    let [a, b, c, d, ..] = number.to_le_bytes();
    Ok(format!("{}", order(u32::from_le_bytes([a, b, c, d]))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_calculate_as_those_of_click() {
        for (text, expected) in [
            ("add 1 2 3", Ok("6")),
            ("add", Ok("0")),
            ("mul", Ok("1")),
            ("add 1 2.5", Ok("3.5")),
            ("add 1 x", Err(LIST)),
            ("sub 10 2 2", Ok("6")),
            ("min 10 6 20", Ok("6")),
            ("max -1 6 3", Ok("6")),
            ("mul 1 2 3", Ok("6")),
            ("div 75 2.5 5", Ok("6")),
            ("div 1 3", Ok("0.333333333333")),
            ("div 1 0", Ok("inf")),
            ("idiv 7 2", Ok("3")),
            ("mod 7 3", Ok("1")),
            ("mod 7 0", Err("division by zero")),
            ("mod 7.5 2", Err(TWO)),
            ("rem 7.5 2", Ok("1.5")),
            ("neg 5", Ok("-5")),
            ("abs -2.5", Ok("2.5")),
            ("abs x", Err(ONE)),
            ("eq 10 0xA", Ok("true")),
            ("eq 10 10.0", Ok("true")),
            ("eq 10x 10x", Ok("true")),
            ("eq \"a b\" 'a b'", Ok("true")),
            ("eq 1", Err(TWO)),
            ("ne 1 2", Ok("true")),
            ("lt 9 10", Ok("true")),
            ("lt 9x 10x", Ok("false")),
            ("le 9 9", Ok("true")),
            ("gt 1 2", Ok("false")),
            ("ge 2 2", Ok("true")),
            ("not true", Ok("false")),
            ("not 5", Err(SYNTAX)),
            ("and true true", Ok("true")),
            ("and true false x", Ok("false")),
            ("and", Ok("true")),
            ("or false true", Ok("true")),
            ("nand true true", Ok("false")),
            ("nor false false", Ok("true")),
            ("if true a b", Ok("a")),
            ("if false a b", Ok("b")),
            ("if x a b", Err(SYNTAX)),
            ("in foo bar foo", Ok("true")),
            ("in foo bar", Ok("false")),
            ("first a b", Ok("a")),
            ("length a b", Ok("3")),
            ("unquote \"a b\"", Ok("a b")),
            ("htons 1", Ok("256")),
            ("ntohl 1", Ok("16777216")),
            ("sprintf \"%05x\" 127", Ok("0007f")),
        ] {
            let (name, parameters) = shift_word(text);
            let found = call(name, parameters).unwrap();
            assert_eq!(found.as_deref().map_err(|error| *error), expected, "{text}");
        }
    }
}
