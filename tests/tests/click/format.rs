//! Reading `.clicktest` files: sections that begin with `%`, as `clicktest(1)` describes them.

use std::fs;
use std::path::Path;

/// One test of a file.
#[derive(Debug, Default)]
pub(crate) struct Test {
    /// Commands that must succeed, or the test does not apply here.
    pub(crate) require: String,
    /// The commands.
    pub(crate) script: String,
    /// Files that are there when it starts; `stdin` is what it reads.
    pub(crate) files: Vec<(String, String)>,
    /// What is compared afterwards.
    pub(crate) expected: Vec<Expected>,
    /// What does not count in that.
    pub(crate) ignored: Vec<Ignored>,
}

/// A text that a file should hold; `stdout` and `stderr` are files, too.
#[derive(Debug)]
pub(crate) struct Expected {
    pub(crate) file: String,
    pub(crate) mode: Mode,
    /// Whether blanks do not count.
    pub(crate) no_blanks: bool,
    pub(crate) text: String,
}

/// How lines are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Byte by byte.
    Verbatim,
    /// As text in which `{{…}}` holds regular expressions.
    Text,
    /// As regular expressions.
    Pattern,
}

/// Lines of a file, or of `all`, that do not count.
#[derive(Debug)]
pub(crate) struct Ignored {
    pub(crate) file: String,
    pub(crate) mode: Mode,
    pub(crate) no_blanks: bool,
    pub(crate) text: String,
}

/// The tests of a file. Its bytes become characters one by one, so that no byte is lost.
pub(crate) fn read(path: &Path) -> Vec<Test> {
    let mut lines = lines(path);
    let mut tests = vec![Test::default()];
    while let Some(line) = lines.next() {
        let Some((command, arguments)) = section(&line) else {
            continue;
        };
        let test = tests.last_mut().unwrap();
        match command.as_str() {
            "script" | "test" => test.script.push_str(&lines.text()),
            "require" => test.require.push_str(&lines.text()),
            "info" | "desc" | "cut" => drop(lines.text()),
            "eot" => tests.push(Test::default()),
            "eof" => break,
            "include" => {
                let beside = path.parent().unwrap().join(arguments);
                lines.insert(&beside);
            }
            _ => test.read_file(&command, &arguments, &mut lines),
        }
    }
    tests.retain(|test| !test.script.is_empty());
    tests
}

impl Test {
    /// A section with the contents of files.
    fn read_file(&mut self, command: &str, arguments: &str, lines: &mut Lines) {
        let mut words = arguments.split_whitespace().peekable();
        let (mut no_blanks, mut indented, mut any_case, mut length) = (false, false, false, None);
        while let Some(option) = words.next_if(|word| word.starts_with(['-', '+'])) {
            if let Some(number) = option.strip_prefix('+') {
                length = Some(number.parse().unwrap());
                continue;
            }
            for letter in option.chars().skip(1) {
                match letter {
                    // An alternative, which every further text is.
                    'a' => {}
                    'd' => indented = true,
                    'w' => no_blanks = true,
                    'i' => any_case = true,
                    _ => panic!("%{command} {option} is not supported"),
                }
            }
        }
        let mut text = match length {
            Some(length) => lines.take_bytes(length),
            None => lines.text(),
        };
        if indented {
            let cut = |line: &str| line.chars().skip(1).collect::<String>();
            text = text.lines().map(|line| cut(line) + "\n").collect();
        }
        if any_case {
            let with_flag = |line: &str| match command {
                _ if line.trim().is_empty() => line.to_owned() + "\n",
                "expect" => line.replace("{{", "{{(?i)") + "\n",
                _ => format!("(?i){line}\n"),
            };
            text = text.lines().map(with_flag).collect();
        }
        let mut names: Vec<String> = words.map(Into::into).collect();
        if names.is_empty() {
            names.push(default_name(command).into());
        }
        for file in names {
            let text = text.clone();
            let expected = |mode| Expected {
                file: file.clone(),
                mode,
                no_blanks,
                text: text.clone(),
            };
            let ignored = |mode| Ignored {
                file: file.clone(),
                mode,
                no_blanks,
                text: text.clone(),
            };
            match command {
                "file" | "stdin" | "input" => self.files.push((file, text)),
                "expect" | "stdout" | "output" | "stderr" => {
                    self.expected.push(expected(Mode::Text));
                }
                "expectv" => self.expected.push(expected(Mode::Verbatim)),
                "expectx" => self.expected.push(expected(Mode::Pattern)),
                "ignore" => self.ignored.push(ignored(Mode::Text)),
                "ignorev" => self.ignored.push(ignored(Mode::Verbatim)),
                "ignorex" => self.ignored.push(ignored(Mode::Pattern)),
                _ => panic!("%{command} is unknown"),
            }
        }
    }
}

fn default_name(command: &str) -> &'static str {
    match command {
        "file" | "stdin" | "input" => "stdin",
        "ignore" | "ignorev" | "ignorex" => "all",
        "stderr" => "stderr",
        _ => "stdout",
    }
}

/// `%command arguments`.
fn section(line: &str) -> Option<(String, String)> {
    let rest = line.strip_prefix('%')?.trim();
    let (command, arguments) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    Some((command.to_lowercase(), arguments.trim().into()))
}

/// Lines, each with its end.
struct Lines(Vec<String>);

fn lines(path: &Path) -> Lines {
    let bytes = fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let text: String = bytes.into_iter().map(char::from).collect();
    Lines(text.split_inclusive('\n').rev().map(Into::into).collect())
}

impl Lines {
    fn next(&mut self) -> Option<String> {
        self.0.pop()
    }

    fn insert(&mut self, path: &Path) {
        self.0.append(&mut lines(path).0);
    }

    /// Up to the next section.
    fn text(&mut self) -> String {
        let mut text = String::new();
        while let Some(line) = self.0.pop_if(|line| !line.starts_with('%')) {
            text.push_str(line.strip_prefix("\\%").map_or(&line, |_| &line[1..]));
        }
        text
    }

    /// As many bytes; what is left of the last line stays.
    fn take_bytes(&mut self, length: usize) -> String {
        let mut text: Vec<char> = Vec::new();
        while text.len() < length {
            let line = self.0.pop().expect("the file is too short");
            text.extend(line.chars());
        }
        let rest: String = text.split_off(length).into_iter().collect();
        if !rest.is_empty() {
            self.0.push(rest);
        }
        text.into_iter().collect()
    }
}
