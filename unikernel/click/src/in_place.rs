//! Elements that look at a packet, or change it, and send it on or drop it: what they have in common.

use crate::element::{Context, Element};
use crate::host::HostError;
use crate::packet::{Batch, Packet};
use crate::router::MAX_APART;

/// An element that handles packets where they are, without a copy of its own.
pub(crate) trait InPlace: Element + Sized {
    /// Handles a packet that came through an input, and says which output it leaves through; `None`
    /// drops it.
    fn handle(
        &mut self,
        input: usize,
        packet: &mut Packet,
        context: &mut Context<'_>,
    ) -> Option<usize>;
}

/// What an element that is [`InPlace`] does as [`Element`]; `but takes_batches` leaves that to it.
macro_rules! in_place {
    () => {
        $crate::in_place::in_place!(but takes_batches);

        fn takes_batches(&self) -> bool {
            true
        }
    };
    (but takes_batches) => {
        fn handle_one(
            &mut self,
            input: usize,
            packet: &mut $crate::packet::Packet,
            context: &mut $crate::element::Context<'_>,
        ) -> Option<usize> {
            $crate::in_place::InPlace::handle(self, input, packet, context)
        }

        fn is_in_place(&self) -> bool {
            true
        }

        fn push(
            &mut self,
            input: usize,
            packet: $crate::packet::Packet,
            context: &mut $crate::element::Context<'_>,
        ) -> Result<(), $crate::host::HostError> {
            $crate::in_place::push(self, input, packet, context);
            Ok(())
        }

        fn push_batch(
            &mut self,
            input: usize,
            batch: $crate::packet::Batch,
            context: &mut $crate::element::Context<'_>,
        ) -> Result<(), $crate::host::HostError> {
            $crate::in_place::push_batch(self, input, batch, context);
            Ok(())
        }

        fn pull(
            &mut self,
            output: usize,
            context: &mut $crate::element::Context<'_>,
        ) -> Result<Option<$crate::packet::Packet>, $crate::host::HostError> {
            $crate::in_place::pull(self, output, context)
        }

        fn pull_batch(
            &mut self,
            output: usize,
            most: usize,
            batch: &mut $crate::packet::Batch,
            context: &mut $crate::element::Context<'_>,
        ) -> Result<(), $crate::host::HostError> {
            $crate::in_place::pull_batch(self, output, most, batch, context)
        }
    };
}
pub(crate) use in_place;

pub(crate) fn push<E: InPlace>(
    element: &mut E,
    input: usize,
    mut packet: Packet,
    context: &mut Context<'_>,
) {
    match element.handle(input, &mut packet, context) {
        Some(output) => context.push(output, packet),
        None => context.end(packet),
    }
}

pub(crate) fn push_batch<E: InPlace>(
    element: &mut E,
    input: usize,
    mut batch: Batch,
    context: &mut Context<'_>,
) {
    if let Some(outputs) = context.outputs_apart() {
        return sort(element, input, batch, outputs, context);
    }
    let mut way = None;
    let mut same = 0_usize;
    let mut other = None;
    for packet in &mut batch {
        let output = element.handle(input, packet, context);
        if same > 0 && output != way {
            other = Some(output);
            break;
        }
        way = output;
        same = same.saturating_add(1);
    }
    match (other, way) {
        (Some(next), _) => part(element, input, batch, (way, same, next), context),
        (None, Some(output)) => context.push_batch(output, batch),
        (None, None) => context.end_batch(batch),
    }
}

/// Sends packets on of which the first `same` go one way, and the one behind them another.
fn part<E: InPlace>(
    element: &mut E,
    input: usize,
    mut batch: Batch,
    (way, same, next): (Option<usize>, usize, Option<usize>),
    context: &mut Context<'_>,
) {
    for (number, mut packet) in batch.drain(..).enumerate() {
        let output = match number {
            number if number < same => way,
            number if number == same => next,
            _ => element.handle(input, &mut packet, context),
        };
        match output {
            Some(output) => context.push(output, packet),
            None => context.end(packet),
        }
    }
    context.give_batch(batch);
}

/// Sends packets on in one batch for each output.
fn sort<E: InPlace>(
    element: &mut E,
    input: usize,
    mut batch: Batch,
    outputs: usize,
    context: &mut Context<'_>,
) {
    let mut ways: [Batch; MAX_APART] = [const { Batch::new() }; MAX_APART];
    for way in ways.iter_mut().take(outputs) {
        *way = context.batch();
    }
    for mut packet in batch.drain(..) {
        let output = element.handle(input, &mut packet, context);
        match output.and_then(|output| ways.get_mut(output)) {
            Some(way) => way.push(packet),
            None => context.end(packet),
        }
    }
    context.give_batch(batch);
    for (output, way) in ways.into_iter().take(outputs).enumerate() {
        match way.is_empty() {
            true => context.give_batch(way),
            false => context.push_batch(output, way),
        }
    }
}

pub(crate) fn pull<E: InPlace>(
    element: &mut E,
    output: usize,
    context: &mut Context<'_>,
) -> Result<Option<Packet>, HostError> {
    let Some(mut packet) = context.pull(0)? else {
        return Ok(None);
    };
    match element.handle(0, &mut packet, context) {
        Some(way) if way == output => return Ok(Some(packet)),
        Some(way) => context.push(way, packet),
        None => context.end(packet),
    }
    Ok(None)
}

pub(crate) fn pull_batch<E: InPlace>(
    element: &mut E,
    output: usize,
    most: usize,
    batch: &mut Batch,
    context: &mut Context<'_>,
) -> Result<(), HostError> {
    if !element.takes_batches() {
        if most > 0 {
            batch.extend(pull(element, output, context)?);
        }
        return Ok(());
    }
    let before = batch.len();
    context.pull_batch(0, most, batch)?;
    let own = batch.get_mut(before..).unwrap_or_default();
    let mut ways = own.iter_mut();
    let mut kept = before;
    let mut left = None;
    for packet in ways.by_ref() {
        let way = element.handle(0, packet, context);
        if way != Some(output) {
            left = Some(way);
            break;
        }
        kept = kept.saturating_add(1);
    }
    let Some(way) = left else {
        return Ok(());
    };
    let mut rest = context.batch();
    rest.extend(batch.drain(kept..));
    for (number, mut packet) in rest.drain(..).enumerate() {
        let way = match number {
            0 => way,
            _ => element.handle(0, &mut packet, context),
        };
        match way {
            Some(way) if way == output => batch.push(packet),
            Some(way) => context.push(way, packet),
            None => context.end(packet),
        }
    }
    context.give_batch(rest);
    Ok(())
}
