//! `bpfclick top`: a running router, as it changes.
//!
//! It knows the router through its ControlSocket only, so that it can look at one in another process as
//! well as at one of its own, and neither slows down nor breaks what it looks at.

mod client;
mod model;
mod router;
mod screen;

use core::net::SocketAddr;
use core::sync::atomic::{AtomicBool, Ordering};
use core::time::Duration;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _, Write};
use std::net::{TcpStream, UdpSocket};
use std::path::PathBuf;
use std::time::Instant;

use clap::Args;
use platform_click::ExitCode;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use client::{Client, ClientError};
use model::Model;
use router::{Process, StartError};
use screen::{Screen, Tone, Wish};

use crate::cli::print;

/// Watch a router: packets per second of each element, programs, signers, maps
///
/// Starts CONFIG in a process of its own, or watches a router that runs with `--unix-socket FILE`. A
/// program can be replaced by another one; the loader decides as always, and what it says is shown.
#[derive(Debug, Args)]
pub(crate) struct TopArguments {
    /// The configuration and all options that `bpfclick` takes for it
    #[arg(
        value_name = "CONFIG | OPTION",
        trailing_var_arg = true,
        allow_hyphen_values = true
    )]
    router: Vec<OsString>,

    /// Watch the router that listens there
    #[arg(long, value_name = "FILE", conflicts_with = "router")]
    socket: Option<PathBuf>,

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
        if self.socket.is_none() && self.router.is_empty() {
            let text = "error: a configuration, or `--socket FILE` of a router that runs\n";
            return print(err, text, ExitCode::Usage);
        }
        if !self.json && !io::stdout().is_terminal() {
            let text = "error: `bpfclick top` draws on a terminal; use --json elsewhere\n";
            return print(err, text, ExitCode::Usage);
        }
        let connected = match &self.socket {
            Some(socket) => Client::connect(socket)
                .map(|client| (None, client))
                .map_err(StartError::from),
            None => Process::start(&self.router).map(|(process, client)| (Some(process), client)),
        };
        let (process, client) = match connected {
            Ok(connected) => connected,
            Err(StartError::Ended { status, said }) => {
                // It has said why in its own words, and ends as it would without us.
                let code = status.code().and_then(|code| u8::try_from(code).ok());
                let code = code.and_then(ExitCode::from_number);
                return print(
                    err,
                    &format!("{said}\n"),
                    code.unwrap_or(ExitCode::Internal),
                );
            }
            Err(error) => return print(err, &format!("error: {error}\n"), ExitCode::Io),
        };
        let mut top = Top {
            title: self.title(),
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

    fn title(&self) -> String {
        let named = self
            .socket
            .as_ref()
            .map(|socket| socket.display().to_string());
        let words = self.router.iter().map(|word| word.to_string_lossy());
        named.unwrap_or_else(|| words.collect::<Vec<_>>().join(" "))
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
