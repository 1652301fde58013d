//! What elements have in common that move packets by themselves: whether they do, how many, and what
//! happens afterwards.

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};

use crate::element::{Activity, Context};
use crate::error::ConfigError;
use crate::language::{Arguments, Value, parse_boolean, parse_limit, shift_word};

/// ACTIVE, LIMIT, and what counts towards it.
#[derive(Debug)]
pub(super) struct Limit {
    pub(super) active: bool,
    pub(super) limit: Option<u64>,
    pub(super) count: u64,
    end: End,
    /// Whether the end has come since the last change.
    ended: bool,
}

/// What happens when the limit is reached. A call is rare, and kept small.
#[derive(Debug)]
enum End {
    Nothing,
    Stop,
    Call(Box<Callback>),
}

impl Limit {
    pub(super) fn new(
        limit: Option<Value<'_>>,
        active: Option<Value<'_>>,
    ) -> Result<Self, ConfigError> {
        Ok(Self {
            active: active.map_or(Ok(true), Value::boolean)?,
            limit: limit.map_or(Ok(None), Value::limit)?,
            count: 0,
            end: End::Nothing,
            ended: false,
        })
    }

    /// Reads STOP and END_CALL, of which one is possible.
    pub(super) fn with_end(mut self, arguments: &mut Arguments<'_>) -> Result<Self, ConfigError> {
        let call = arguments.keyword("END_CALL")?;
        let stop = arguments.keyword("STOP")?;
        self.end = match (call, stop.map(|stop| (stop, stop.boolean()))) {
            (Some(_), Some((stop, Ok(true)))) => {
                return Err(stop.refuse("left out beside END_CALL"));
            }
            (_, Some((_, Err(error)))) => return Err(error),
            (Some(call), _) => End::Call(Box::new(Callback::new(call.text()))),
            (None, Some((_, Ok(true)))) => End::Stop,
            (None, _) => End::Nothing,
        };
        Ok(self)
    }

    /// Checks that the handler exists that is to be used at the end.
    pub(super) fn start(&self, context: &mut Context<'_>) -> Result<(), String> {
        match &self.end {
            End::Call(call) => call.find(context),
            End::Nothing | End::Stop => Ok(()),
        }
    }

    /// What there is to do instead of moving a packet; nothing if one may be moved.
    pub(super) fn instead(&mut self, context: &mut Context<'_>) -> Option<Activity> {
        if !self.active {
            return Some(Activity::Idle);
        }
        if !self.is_reached() {
            return None;
        }
        if core::mem::replace(&mut self.ended, true) {
            return Some(Activity::Idle);
        }
        match &self.end {
            End::Nothing => {}
            End::Stop => return Some(Activity::Stop),
            End::Call(call) => call.write(context),
        }
        Some(Activity::Idle)
    }

    /// How many packets may be moved until the limit.
    pub(super) fn left(&self) -> u64 {
        match self.limit {
            _ if !self.active => 0,
            Some(limit) => limit.saturating_sub(self.count),
            None => u64::MAX,
        }
    }

    /// Counts packets that were moved.
    pub(super) const fn count_many(&mut self, count: u64) {
        self.count = self.count.saturating_add(count);
    }

    /// Whether no more packets are to be moved.
    pub(super) fn is_reached(&self) -> bool {
        !self.active || self.limit.is_some_and(|limit| self.count >= limit)
    }

    /// Counts a packet that was moved.
    pub(super) const fn count(&mut self) {
        self.count = self.count.saturating_add(1);
    }

    /// Sets the count to 0.
    pub(super) const fn reset(&mut self) {
        self.count = 0;
        self.ended = false;
    }

    /// The handlers `count`, `limit` and `active`.
    pub(super) fn read(&self, handler: &str) -> Option<String> {
        match handler {
            "count" => Some(self.count.to_string()),
            "limit" => {
                let limit = self.limit.map(|limit| limit.to_string());
                Some(limit.unwrap_or_else(|| "-1".into()))
            }
            "active" => Some(self.active.to_string()),
            _ => None,
        }
    }

    /// The handlers `reset`, `limit` and `active`.
    pub(super) fn write(&mut self, handler: &str, value: &str) -> Option<()> {
        match handler {
            "reset" => self.reset(),
            "limit" => {
                self.limit = parse_limit(value)?;
                self.ended = false;
            }
            "active" => {
                self.active = parse_boolean(value)?;
                self.ended = false;
            }
            _ => return None,
        }
        Some(())
    }
}

/// A handler that is written to when something happens: `HANDLER [VALUE]`.
#[derive(Debug)]
pub(super) struct Callback {
    call: String,
}

impl Callback {
    pub(super) fn new(call: &str) -> Self {
        Self { call: call.into() }
    }

    /// Checks that the handler exists and can be written to.
    pub(super) fn find(&self, context: &mut Context<'_>) -> Result<(), String> {
        let (name, _) = shift_word(&self.call);
        let found = context.handler_name(name, |_| false);
        let found = found.and_then(|name| context.look_up(&name));
        match found {
            Ok(handler) if handler.writable => Ok(()),
            Ok(_) => Err(format!("`{name}` is a read handler")),
            Err(error) => Err(error.to_string()),
        }
    }

    /// Writes to the handler, and says so if that fails.
    pub(super) fn write(&self, context: &mut Context<'_>) {
        if let Err(error) = context.write_handler(&self.call) {
            let label = context.label();
            context.host.message(&format!("{label}: {error}"));
        }
    }
}
