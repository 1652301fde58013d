//! Random programs with loops as compilers make them.

use core::fmt::Write as _;

use bpf_programs::Random;

/// Writes programs.
pub(super) struct Writer<'r> {
    random: &'r mut Random,
    text: String,
    labels: u32,
    /// Functions that may be called.
    callees: &'static [&'static str],
    /// The number of loops around.
    depth: u8,
    /// Statements that may still be written.
    budget: u32,
}

/// The text of a program with up to three functions, each with loops, of which every run ends soon.
pub(super) fn structured(random: &mut Random) -> String {
    let mut writer = Writer {
        random,
        text: String::new(),
        labels: 0,
        callees: &["f", "g"],
        depth: 0,
        budget: 14,
    };
    writer.function("main", "r9 = *(u32*)(r1 + 16); r9 &= 7");
    writer.callees = &["g"];
    writer.budget = 6;
    writer.function("f", "r9 = r1; r9 &= 3");
    writer.callees = &[];
    writer.budget = 6;
    writer.function("g", "r9 = r1; r9 &= 3");
    writer.text
}

impl Writer<'_> {
    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn label(&mut self) -> String {
        self.labels += 1;
        format!("l{}", self.labels)
    }

    fn function(&mut self, name: &str, start: &str) {
        self.line(&format!("fn {name}: {start}"));
        self.line("r0 = 1; r1 = 3; r2 = 2; r3 = 9; r4 = 5; r5 = 6; r6 = 0; r7 = 0; r8 = 0");
        self.line("*(u64*)(r10 - 8) = r9");
        let end = self.label();
        self.statements(&end, None);
        self.line(&format!("{end}: r0 = 1"));
        self.line("exit");
    }

    /// Statements; `end` is where the function returns, `around` where the loop around goes on and
    /// where it ends.
    fn statements(&mut self, end: &str, around: Option<(&str, &str)>) {
        for _ in 0..1 + self.random.below(4) {
            if self.budget == 0 {
                return;
            }
            self.budget -= 1;
            match self.random.below(9) {
                0 | 1 => self.arithmetic(),
                2 => {
                    let size = self.random.pick(&["u64", "u32", "u16", "u8"]);
                    self.line(&format!(
                        "r3 = *({size}*)(r10 - 8); r3 += r2; *({size}*)(r10 - 8) = r3"
                    ));
                }
                3 => self.condition(end, around),
                4 if around.is_some() => self.leave(around),
                5 => {
                    let limit = self.random.below(60);
                    self.line(&format!("if r2 == {limit} goto {end}"));
                }
                6 => self.call(),
                _ => self.repeat(end),
            }
        }
    }

    fn arithmetic(&mut self) {
        let numbers = [1, 2, 3, 4, 5];
        if self.random.percent(20) {
            let (width, ones) = (
                self.random.pick(&["r", "w"]),
                self.random.pick(&[1, 3, 6, 7]),
            );
            let register = self.random.pick(&numbers);
            self.line(&format!("{width}{register} |= {ones}"));
            return;
        }
        let (a, b) = (self.random.pick(&numbers), self.random.pick(&numbers));
        let op = self.random.pick(&["+=", "-=", "^=", "*=", "&=", "="]);
        self.line(&format!("r{a} {op} r{b}"));
    }

    fn test(&mut self) -> String {
        let left = self.random.pick(&[2, 3, 4, 5, 9]);
        // The fifth bounds loops.
        let changed = self.random.pick(&[2, 3, 4, 5]);
        if self.random.percent(20) {
            let (op, limit) = (self.random.pick(&["==", "!="]), self.random.below(5));
            return format!("w{changed} += -1; if w{changed} {op} {limit}");
        }
        if self.random.percent(20) {
            let limit = self.random.below(12);
            return format!("w1 = w{changed}; w{changed} += -7; if w1 > {limit}");
        }
        let op = self.random.pick(&["==", "!=", "<", "s>", "&", ">="]);
        format!("if r{left} {op} {}", self.random.below(12))
    }

    fn condition(&mut self, end: &str, around: Option<(&str, &str)>) {
        let (other, join, test) = (self.label(), self.label(), self.test());
        self.line(&format!("{test} goto {other}"));
        self.statements(end, around);
        self.line(&format!("goto {join}"));
        self.line(&format!("{other}:"));
        self.arithmetic();
        self.line(&format!("{join}:"));
    }

    /// `continue` or `break`.
    fn leave(&mut self, around: Option<(&str, &str)>) {
        let Some((next, out)) = around else { return };
        let to = if self.random.percent(50) { next } else { out }.to_owned();
        let test = self.test();
        self.line(&format!("{test} goto {to}"));
    }

    fn call(&mut self) {
        if self.callees.is_empty() || self.depth > 1 {
            return;
        }
        let callee = self.random.pick(self.callees);
        self.line(&format!("r1 = r2; call {callee}"));
        self.line("r1 = 1; r2 = r0; r3 = 3; r4 = 4; r5 = 5");
    }

    /// A loop that runs a number of times that is fixed or depends on the input; tested before its
    /// body or behind it.
    fn repeat(&mut self, end: &str) {
        if self.depth >= 3 {
            return;
        }
        let counter = 6 + self.depth;
        self.depth += 1;
        let (head, next, out) = (self.label(), self.label(), self.label());
        let times = match self.random.below(4) {
            0 => "r9".to_owned(),
            _ => self.random.below(5).to_string(),
        };
        let _ = writeln!(self.text, "r{counter} = 0");
        let before = self.random.percent(50);
        self.line(&format!("{head}:"));
        if before {
            self.line(&format!("if r{counter} >= {times} goto {out}"));
        }
        self.statements(end, Some((&next, &out)));
        self.line(&format!("{next}: r{counter} += 1"));
        if before {
            self.line(&format!("goto {head}"));
        } else {
            self.line(&format!("if r{counter} < {times} goto {head}"));
        }
        self.line(&format!("{out}:"));
        self.depth -= 1;
    }
}
