//! What somebody who looks at a router sees, and what keys do.
//!
//! Keys change a [`Screen`] and may ask for something to be done ([`Wish`]); drawing shows it. Neither
//! touches a terminal or a router, so both are tested as they are.

use ratatui::Frame;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Cell, Paragraph, Row, Table, TableState, Wrap};

use crate::observe::Model;

/// Lines of messages that are kept.
const MAX_MESSAGES: usize = 500;

/// Lines of one handler's value that are shown.
const MAX_VALUE_LINES: usize = 8;

/// Lines of messages that are shown.
const MESSAGE_LINES: u16 = 6;

/// What a key asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Wish {
    /// To end.
    Quit,
    /// To look again at once.
    Look,
    /// To let an element take another program.
    Replace { element: usize, arguments: String },
    /// To send a test packet: `udp` or `tcp` and an address.
    Send(String),
}

/// What a line is being typed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Purpose {
    Replace,
    Send,
}

/// What is shown besides the router.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    selected: usize,
    typing: Option<(Purpose, String)>,
    paused: bool,
    messages: Vec<(Tone, String)>,
    details: Vec<(String, String)>,
}

/// How a message is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tone {
    Said,
    Done,
    Refused,
}

impl Screen {
    /// The number of the selected element.
    pub(crate) const fn selected(&self) -> usize {
        self.selected
    }

    pub(crate) const fn is_paused(&self) -> bool {
        self.paused
    }

    /// Shows a text below the router, line by line.
    pub(crate) fn say(&mut self, tone: Tone, text: &str) {
        let lines = text.lines().filter(|line| !line.trim().is_empty());
        self.messages
            .extend(lines.map(|line| (tone, printable(line))));
        let surplus = self.messages.len().saturating_sub(MAX_MESSAGES);
        self.messages.drain(..surplus);
    }

    /// Shows values of the selected element.
    pub(crate) fn show(&mut self, details: Vec<(String, String)>) {
        self.details = details;
    }

    /// What a key means.
    pub(crate) fn key(&mut self, key: KeyEvent, model: &Model) -> Option<Wish> {
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Some(Wish::Quit);
        }
        if self.typing.is_some() {
            return self.type_key(key.code);
        }
        let last = model.elements.len().saturating_sub(1);
        match key.code {
            KeyCode::Char('q') | KeyCode::Esc => return Some(Wish::Quit),
            KeyCode::Down | KeyCode::Char('j') => {
                self.selected = self.selected.saturating_add(1).min(last);
            }
            KeyCode::Up | KeyCode::Char('k') => self.selected = self.selected.saturating_sub(1),
            KeyCode::Home => self.selected = 0,
            KeyCode::End => self.selected = last,
            KeyCode::Char('p') => self.paused = !self.paused,
            KeyCode::Char('s') => self.typing = Some((Purpose::Send, "udp 127.0.0.1:".into())),
            KeyCode::Char('r') => match model.elements.get(self.selected) {
                Some(element) if element.runs_a_program() => {
                    self.typing = Some((Purpose::Replace, "FILE ".into()));
                }
                _ => self.say(Tone::Refused, "no program runs in this element"),
            },
            _ => return None,
        }
        Some(Wish::Look)
    }

    fn type_key(&mut self, code: KeyCode) -> Option<Wish> {
        let (purpose, text) = self.typing.as_mut()?;
        match code {
            KeyCode::Char(c) => text.push(c),
            KeyCode::Backspace => drop(text.pop()),
            KeyCode::Esc => self.typing = None,
            KeyCode::Enter => {
                let (purpose, text) = (*purpose, core::mem::take(text));
                self.typing = None;
                return Some(match purpose {
                    Purpose::Replace => Wish::Replace {
                        element: self.selected,
                        arguments: text,
                    },
                    Purpose::Send => Wish::Send(text),
                });
            }
            _ => {}
        }
        None
    }

    /// Draws everything.
    pub(crate) fn draw(&self, model: &Model, title: &str, frame: &mut Frame<'_>) {
        let [top, messages, help] = Layout::vertical([
            Constraint::Min(6),
            Constraint::Length(MESSAGE_LINES.saturating_add(2)),
            Constraint::Length(1),
        ])
        .areas(frame.area());
        let [elements, details] =
            Layout::horizontal([Constraint::Percentage(64), Constraint::Percentage(36)]).areas(top);
        self.draw_elements(model, title, frame, elements);
        self.draw_details(model, frame, details);
        self.draw_messages(frame, messages);
        frame.render_widget(Paragraph::new(self.last_line()), help);
    }

    fn draw_elements(&self, model: &Model, title: &str, frame: &mut Frame<'_>, area: Rect) {
        let rows = model.elements.iter().enumerate().map(|(index, element)| {
            let counts = model.counts(index);
            let style = if element.runs_a_program() {
                Style::new().fg(Color::Cyan)
            } else {
                Style::new()
            };
            let right = |value| Cell::from(Line::from(number(value)).right_aligned());
            let dropped = right(counts.dropped);
            let dropped = match counts.dropped {
                Some(1..) => dropped.style(Style::new().fg(Color::Yellow)),
                _ => dropped,
            };
            Row::new(vec![
                Cell::from(printable(&element.name)),
                Cell::from(element.class.clone()),
                right(model.rate(index)),
                right(counts.packets),
                dropped,
                Cell::from(printable(&element.targets.join(", "))),
            ])
            .style(style)
        });
        let header = ["element", "class"].map(Line::from).into_iter();
        let numbers = ["per s", "packets", "dropped"].map(|name| Line::from(name).right_aligned());
        let header = Row::new(header.chain(numbers).chain([Line::from("to")]))
            .style(Style::new().add_modifier(Modifier::BOLD));
        let widths = [
            Constraint::Fill(3),
            Constraint::Length(13),
            Constraint::Length(9),
            Constraint::Length(11),
            Constraint::Length(9),
            Constraint::Fill(2),
        ];
        let state = if self.paused { " paused " } else { "" };
        let table = Table::new(rows, widths)
            .header(header)
            .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
            .block(
                Block::bordered()
                    .title(format!(" {title} "))
                    .title_bottom(state),
            );
        let mut selection = TableState::new().with_selected(Some(self.selected));
        frame.render_stateful_widget(table, area, &mut selection);
    }

    fn draw_details(&self, model: &Model, frame: &mut Frame<'_>, area: Rect) {
        let name = model.elements.get(self.selected);
        let name = name.map_or("", |element| element.name.as_str());
        let mut lines = Vec::new();
        for (handler, value) in &self.details {
            let mut values = value.lines().filter(|line| !line.is_empty());
            let first = values.next().unwrap_or("-");
            lines.push(Line::from(vec![
                Span::styled(format!("{handler} "), Style::new().fg(Color::DarkGray)),
                Span::raw(printable(first)),
            ]));
            let mut rest = values.map(|line| Line::from(format!("  {}", printable(line))));
            lines.extend(rest.by_ref().take(MAX_VALUE_LINES));
            let left = rest.count();
            if left > 0 {
                lines.push(Line::from(format!("  and {left} more")));
            }
        }
        let block = Block::bordered().title(format!(" {} ", printable(name)));
        let text = Paragraph::new(lines)
            .block(block)
            .wrap(Wrap { trim: false });
        frame.render_widget(text, area);
    }

    fn draw_messages(&self, frame: &mut Frame<'_>, area: Rect) {
        let surplus = self.messages.len().saturating_sub(MESSAGE_LINES.into());
        let lines = self.messages.iter().skip(surplus).map(|(tone, text)| {
            let style = match tone {
                Tone::Said => Style::new(),
                Tone::Done => Style::new().fg(Color::Green),
                Tone::Refused => Style::new().fg(Color::Red),
            };
            Line::styled(text.as_str(), style)
        });
        let block = Block::bordered().title(" messages ");
        frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()).block(block), area);
    }

    fn last_line(&self) -> String {
        match &self.typing {
            Some((Purpose::Replace, text)) => format!("arguments for the program: {text}\u{2588}"),
            Some((Purpose::Send, text)) => format!("udp or tcp, and an address: {text}\u{2588}"),
            None => "\u{2191}\u{2193} select   r replace the program   s send a packet   p pause   q quit".into(),
        }
    }
}

/// A number with its thousands apart, or a dash where there is none.
fn number(value: Option<u64>) -> String {
    let Some(value) = value else {
        return "-".into();
    };
    let digits = value.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        let left = digits.len().saturating_sub(index);
        if index > 0 && left.is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Names and values come from configurations and programs: nothing in them may move the cursor.
fn printable(text: &str) -> String {
    let shown = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(shown).collect()
}

#[cfg(test)]
mod tests {
    use core::time::Duration;

    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::observe::{Counts, Element, Sample};

    fn element(name: &str, class: &str, targets: &[&str], readable: &[&str]) -> Element {
        let owned = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Element {
            name: name.into(),
            class: class.into(),
            targets: owned(targets),
            readable: owned(readable),
        }
    }

    fn router() -> Model {
        let mut model = Model::new(vec![
            element("source", "RatedSource", &["guard"], &["count"]),
            element(
                "guard",
                "BPFFilter",
                &["passed"],
                &["count", "filtered", "statement"],
            ),
            element("passed", "Counter", &["Discard@4"], &["count"]),
            element("Discard@4", "Discard", &[], &["count"]),
        ]);
        for (seconds, packets) in [(0, 0), (1, 1_234_567)] {
            let count = |packets, dropped| Counts {
                packets: Some(packets),
                dropped,
            };
            model.take(Sample {
                at: Duration::from_secs(seconds),
                counts: vec![
                    count(packets, None),
                    count(packets, Some(packets / 2)),
                    count(packets / 2, None),
                    count(packets / 2, None),
                ],
            });
        }
        model
    }

    fn drawn(screen: &Screen, model: &Model) -> String {
        let mut terminal = Terminal::new(TestBackend::new(110, 22)).unwrap();
        terminal
            .draw(|frame| screen.draw(model, "guard.click", frame))
            .unwrap();
        terminal.backend().to_string()
    }

    fn press(screen: &mut Screen, model: &Model, code: KeyCode) -> Option<Wish> {
        screen.key(KeyEvent::new(code, KeyModifiers::NONE), model)
    }

    #[test]
    fn a_router_as_it_is_seen() {
        let model = router();
        let mut screen = Screen::default();
        press(&mut screen, &model, KeyCode::Down);
        screen.show(vec![
            ("count".into(), "1234567\n".into()),
            ("program".into(), "guard\n".into()),
            ("signer".into(), "CN=verifier,O=bpfsign\n".into()),
            ("map.asked".into(), "3500 01\n5000 02\n".into()),
        ]);
        screen.say(Tone::Done, "guard: FILE next.o");
        screen.say(Tone::Refused, "error[BPF-L012]: below the counter\x1b[2J");
        insta::assert_snapshot!(drawn(&screen, &model));
    }

    #[test]
    fn a_program_is_replaced_by_typing_its_file() {
        let model = router();
        let mut screen = Screen::default();
        // Nothing runs in a source.
        assert_eq!(
            press(&mut screen, &model, KeyCode::Char('r')),
            Some(Wish::Look)
        );
        press(&mut screen, &model, KeyCode::Down);
        press(&mut screen, &model, KeyCode::Char('r'));
        for c in "next.oq".chars() {
            // While something is typed, letters are only letters.
            assert_eq!(press(&mut screen, &model, KeyCode::Char(c)), None);
        }
        press(&mut screen, &model, KeyCode::Backspace);
        assert!(drawn(&screen, &model).contains("arguments for the program: FILE next.o"));
        let wish = press(&mut screen, &model, KeyCode::Enter);
        let arguments = "FILE next.o".to_owned();
        assert_eq!(
            wish,
            Some(Wish::Replace {
                element: 1,
                arguments
            })
        );
        assert_eq!(
            press(&mut screen, &model, KeyCode::Char('q')),
            Some(Wish::Quit)
        );
    }

    #[test]
    fn the_selection_stays_in_the_table() {
        let model = router();
        let mut screen = Screen::default();
        press(&mut screen, &model, KeyCode::Up);
        assert_eq!(screen.selected(), 0);
        for _ in 0..9 {
            press(&mut screen, &model, KeyCode::Down);
        }
        assert_eq!(screen.selected(), 3);
        press(&mut screen, &model, KeyCode::Home);
        assert_eq!(screen.selected(), 0);
        assert!(drawn(&screen, &Model::default()).contains("guard.click"));
    }

    #[test]
    fn numbers_have_their_thousands_apart() {
        assert_eq!(number(None), "-");
        assert_eq!(number(Some(0)), "0");
        assert_eq!(number(Some(999)), "999");
        assert_eq!(number(Some(1_000)), "1,000");
        assert_eq!(number(Some(12_345_678)), "12,345,678");
    }
}
