//! Texts with placeholders, as `printf` of C fills them: the function `sprintf` of scripts.

use alloc::format;
use alloc::string::String;

use super::number::parse_integer;
use crate::language::{parse_unsigned, shift_word, unquote};

/// The widest field, and the most digits.
const MAX_WIDTH: usize = 1024;

/// A placeholder without its conversion.
#[derive(Default)]
struct Field {
    left: bool,
    zeros: bool,
    plus: bool,
    blank: bool,
    alternate: bool,
    width: usize,
    precision: Option<usize>,
}

/// Fills the placeholders of the first word of `parameters` with the others. `None` if they do not
/// fit.
pub(super) fn format(parameters: &str) -> Option<String> {
    let (template, mut arguments) = shift_word(parameters);
    let template = unquote(template);
    let mut out = String::new();
    let mut rest = template.as_str();
    while let Some((before, placeholder)) = rest.split_once('%') {
        out.push_str(before);
        let (field, behind) = field(placeholder, &mut arguments)?;
        let conversion = behind.chars().next()?;
        rest = behind.get(conversion.len_utf8()..)?;
        if conversion == '%' {
            out.push('%');
            continue;
        }
        let (argument, behind) = shift_word(arguments);
        arguments = behind;
        let text = convert(&field, conversion, argument)?;
        out.push_str(&pad(&field, conversion, text));
    }
    out.push_str(rest);
    arguments.is_empty().then_some(out)
}

/// Reads what stands between `%` and the letter.
fn field<'t>(text: &'t str, arguments: &mut &str) -> Option<(Field, &'t str)> {
    let mut field = Field::default();
    let mut rest = text;
    while let Some(flag) = rest.chars().next() {
        match flag {
            '-' => field.left = true,
            '0' => field.zeros = true,
            '+' => field.plus = true,
            ' ' => field.blank = true,
            '#' => field.alternate = true,
            _ => break,
        }
        rest = rest.get(1..)?;
    }
    (field.width, rest) = number(rest, arguments)?;
    if let Some(behind) = rest.strip_prefix('.') {
        let (precision, behind) = number(behind, arguments)?;
        (field.precision, rest) = (Some(precision), behind);
    }
    // All integers have 64 bits.
    Some((field, rest.trim_start_matches(['h', 'l', 'L', 'q'])))
}

/// A number, or the next argument for `*`; 0 if there is none.
fn number<'t>(text: &'t str, arguments: &mut &str) -> Option<(usize, &'t str)> {
    let (digits, rest) = match text.strip_prefix('*') {
        Some(rest) => {
            let (argument, behind) = shift_word(arguments);
            let value = usize::try_from(parse_unsigned(argument)?).ok()?;
            *arguments = behind;
            return (value <= MAX_WIDTH).then_some((value, rest));
        }
        None => {
            let end = text.find(|c: char| !c.is_ascii_digit());
            text.split_at_checked(end.unwrap_or(text.len()))?
        }
    };
    let value = if digits.is_empty() {
        0
    } else {
        digits.parse().ok()?
    };
    (value <= MAX_WIDTH).then_some((value, rest))
}

fn convert(field: &Field, conversion: char, argument: &str) -> Option<String> {
    let digits = |text: String| match field.precision {
        Some(precision) => format!("{text:0>precision$}"),
        None => text,
    };
    let unsigned = || {
        let value = parse_integer(argument).or_else(|| {
            let unsigned = parse_unsigned(argument)?;
            Some(i64::from_le_bytes(unsigned.to_le_bytes()))
        })?;
        Some(u64::from_le_bytes(value.to_le_bytes()))
    };
    let prefix = |prefix: &'static str| if field.alternate { prefix } else { "" };
    Some(match conversion {
        'd' | 'i' => {
            let value = parse_integer(argument)?;
            let sign = match (value < 0, field.plus, field.blank) {
                (true, ..) => "-",
                (false, true, _) => "+",
                (false, false, true) => " ",
                (false, false, false) => "",
            };
            format!("{sign}{}", digits(format!("{}", value.unsigned_abs())))
        }
        'u' => digits(format!("{}", unsigned()?)),
        'x' => format!("{}{}", prefix("0x"), digits(format!("{:x}", unsigned()?))),
        'X' => format!("{}{}", prefix("0X"), digits(format!("{:X}", unsigned()?))),
        'o' => format!("{}{}", prefix("0"), digits(format!("{:o}", unsigned()?))),
        's' => {
            let text = unquote(argument);
            text.chars()
                .take(field.precision.unwrap_or(usize::MAX))
                .collect()
        }
        _ => return None,
    })
}

/// Makes a text as wide as its field.
fn pad(field: &Field, conversion: char, text: String) -> String {
    let missing = field.width.saturating_sub(text.chars().count());
    if missing == 0 {
        return text;
    }
    if field.left {
        return format!("{text}{}", " ".repeat(missing));
    }
    if !field.zeros || conversion == 's' || field.precision.is_some() {
        return format!("{}{text}", " ".repeat(missing));
    }
    // Zeros stand behind sign and prefix.
    let digits = text.find(|c: char| c.is_ascii_hexdigit()).unwrap_or(0);
    let prefix = match text.get(digits..) {
        Some(rest) if rest.starts_with("0x") || rest.starts_with("0X") => digits.saturating_add(2),
        _ => digits,
    };
    let (sign, number) = text.split_at_checked(prefix).unwrap_or(("", &text));
    format!("{sign}{}{number}", "0".repeat(missing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn placeholders_are_filled_as_in_c() {
        for (parameters, expected) in [
            ("abc", Some("abc")),
            ("%d 5", Some("5")),
            ("%5d| 5", Some("    5|")),
            ("\"%5d\"x 5", Some("    5x")),
            ("'%5d|' 5", Some("    5|")),
            ("'%-5d|' 5", Some("5    |")),
            ("%05d -5", Some("-0005")),
            ("%+d 5", Some("+5")),
            ("%.3d 5", Some("005")),
            ("%x 255", Some("ff")),
            ("%#06x 255", Some("0x00ff")),
            ("%X 255", Some("FF")),
            ("%o 8", Some("10")),
            ("%u -1", Some("18446744073709551615")),
            ("%lld 5", Some("5")),
            ("'%s-%s' a \"b c\"", Some("a-b c")),
            ("%.2s abc", Some("ab")),
            ("%*d 4 7", Some("   7")),
            ("100%%", Some("100%")),
            ("%d", None),
            ("%d x", None),
            ("%d 1 2", None),
            ("%z 1", None),
            ("%", None),
            ("%9999d 1", None),
        ] {
            assert_eq!(format(parameters).as_deref(), expected, "{parameters}");
        }
    }
}
