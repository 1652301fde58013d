//! `bpfclick top`: a running router, as it changes.
//!
//! It may be one of its own or one in another process.

mod screen;

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::io::{self, IsTerminal as _, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Instant;

use clap::Args;
use platform_click::ExitCode;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use screen::{Screen, Tone, Wish};

use crate::cli::print;
use crate::observe::{Client, ClientError, Model, Observed, Process};

/// Watch a router: packets per second of each element, programs, signers, maps
///
/// Starts CONFIG in a process of its own, or watches a router that runs with `--unix-socket FILE`. A
/// program can be replaced by another one; the loader decides as always, and what it says is shown.
#[derive(Debug, Args)]
pub(crate) struct TopArguments {
    #[command(flatten)]
    observed: Observed,

    /// Milliseconds between two looks
    #[arg(long, value_name = "MS", default_value_t = 1_000, value_parser = clap::value_parser!(u64).range(50..))]
    interval: u64,

    /// Print each look as a line of JSON instead of drawing
    #[arg(long)]
    json: bool,

    /// End after so many looks
    #[arg(long, value_name = "N")]
    looks: Option<u64>,
}

/// How long keys are waited for before messages of the router are shown.
const KEYS: Duration = Duration::from_millis(50);

/// How long a test packet's connection may take.
const CONNECT: Duration = Duration::from_secs(3);

impl TopArguments {
    pub(crate) fn execute(
        self,
        out: &mut dyn Write,
        err: &mut dyn Write,
        interrupted: &AtomicBool,
    ) -> ExitCode {
        if !self.json && !io::stdout().is_terminal() {
            let text = "error: `bpfclick top` draws on a terminal; use --json elsewhere\n";
            return print(err, text, ExitCode::Usage);
        }
        let (process, client) = match self.observed.connect(err) {
            Ok(connected) => connected,
            Err(code) => return code,
        };
        let mut top = Top {
            title: self.observed.title(),
            interval: Duration::from_millis(self.interval),
            looks: self.looks.unwrap_or(u64::MAX),
            process,
            client,
            started: Instant::now(),
        };
        let ended = if self.json {
            top.print(out, interrupted)
        } else {
            top.draw(interrupted)
        };
        match ended {
            Ok(()) => ExitCode::Accepted,
            // The router has come to its end, and so has this.
            Err(TopError::Client(ClientError::Connection(_))) => ExitCode::Accepted,
            Err(error) => print(err, &format!("error: {error}\n"), ExitCode::Io),
        }
    }
}

#[derive(Debug, thiserror::Error)]
enum TopError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the terminal: {0}")]
    Terminal(#[from] io::Error),
}

/// A router under observation.
#[derive(Debug)]
struct Top {
    title: String,
    interval: Duration,
    looks: u64,
    process: Option<Process>,
    client: Client,
    started: Instant,
}

impl Top {
    /// One line for each look.
    fn print(&mut self, out: &mut dyn Write, interrupted: &AtomicBool) -> Result<(), TopError> {
        let mut model = Model::of(&mut self.client)?;
        for look in 0..self.looks {
            if look > 0 {
                std::thread::sleep(self.interval);
            }
            if interrupted.load(Ordering::Relaxed) {
                break;
            }
            model.look(&mut self.client, self.started.elapsed())?;
            let line = model.to_json(&mut self.client)?;
            match writeln!(out, "{line}").and_then(|()| out.flush()) {
                Ok(()) => {}
                // Whoever closes a pipe has seen enough.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// On the terminal, which is as it was afterwards, whatever happens.
    fn draw(&mut self, interrupted: &AtomicBool) -> Result<(), TopError> {
        let mut terminal = ratatui::try_init()?;
        let ended = self.watch(&mut terminal, interrupted);
        ratatui::try_restore()?;
        ended
    }

    fn watch(
        &mut self,
        terminal: &mut ratatui::DefaultTerminal,
        interrupted: &AtomicBool,
    ) -> Result<(), TopError> {
        let mut model = Model::of(&mut self.client)?;
        let mut screen = Screen::default();
        let mut due = Instant::now();
        let mut looks = 0_u64;
        while !interrupted.load(Ordering::Relaxed) {
            if let Some(process) = &self.process {
                for line in process.said() {
                    screen.say(Tone::Said, &line);
                }
            }
            if Instant::now() >= due && !screen.is_paused() {
                model.look(&mut self.client, self.started.elapsed())?;
                screen.show(model.details(&mut self.client, screen.selected())?);
                due = Instant::now().checked_add(self.interval).unwrap_or(due);
                looks = looks.saturating_add(1);
                if looks > self.looks {
                    break;
                }
            }
            terminal.draw(|frame| screen.draw(&model, &self.title, frame))?;
            if !event::poll(KEYS)? {
                continue;
            }
            let Event::Key(key) = event::read()? else {
                continue;
            };
            if key.kind != KeyEventKind::Press {
                continue;
            }
            match screen.key(key, &model) {
                Some(Wish::Quit) => break,
                Some(Wish::Look) => {
                    screen.show(model.details(&mut self.client, screen.selected())?)
                }
                Some(Wish::Replace { element, arguments }) => {
                    self.replace(&model, element, &arguments, &mut screen)?;
                }
                Some(Wish::Send(text)) => match send(&text) {
                    Ok(()) => screen.say(Tone::Done, &format!("sent: {text}")),
                    Err(error) => screen.say(Tone::Refused, &format!("{text}: {error}")),
                },
                None => {}
            }
        }
        Ok(())
    }

    /// Asks an element to take another program, and shows what the loader says.
    fn replace(
        &mut self,
        model: &Model,
        element: usize,
        arguments: &str,
        screen: &mut Screen,
    ) -> Result<(), TopError> {
        let Some(element) = model.elements.get(element) else {
            return Ok(());
        };
        match self
            .client
            .write(&format!("{}.config", element.name), arguments)
        {
            Ok(()) => screen.say(Tone::Done, &format!("{}: {arguments}", element.name)),
            Err(ClientError::Refused(said)) => screen.say(Tone::Refused, &said),
            Err(error) => return Err(error.into()),
        }
        Ok(())
    }
}

/// Sends one test packet: `udp ADDRESS` or `tcp ADDRESS`.
fn send(text: &str) -> Result<(), Box<dyn core::error::Error>> {
    let (protocol, address) = text
        .trim()
        .split_once(' ')
        .ok_or("udp or tcp, and an address")?;
    let address: SocketAddr = address.trim().parse()?;
    match protocol {
        "udp" => {
            let any: SocketAddr = match address {
                SocketAddr::V4(_) => ([0, 0, 0, 0], 0).into(),
                SocketAddr::V6(_) => ([0_u16; 8], 0).into(),
            };
            UdpSocket::bind(any)?.send_to(b"test", address)?;
        }
        "tcp" => drop(TcpStream::connect_timeout(&address, CONNECT)?),
        _ => return Err("udp or tcp".into()),
    }
    Ok(())
}
