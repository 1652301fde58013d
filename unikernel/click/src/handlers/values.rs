//! What the handlers say that every element has, and those of the router.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::call::all;
use crate::element::{Element, Handler};
use crate::elements::ALL;
use crate::graph::Direction;
use crate::language::Endpoint;
use crate::router::Plan;

/// The value of one of the handlers [`super::GENERIC`]. The element itself may be at work.
pub(super) fn of_element(
    plan: &Plan,
    index: usize,
    element: Option<&dyn Element>,
    handler: &str,
) -> Option<String> {
    let declaration = plan.config.elements().get(index)?;
    Some(match handler {
        "class" => declaration.class.name.into(),
        "name" => declaration.name.clone(),
        // Some have other arguments by now.
        "config" => element
            .and_then(|element| element.read(handler))
            .unwrap_or_else(|| declaration.configuration()),
        "ports" => ports(plan, index),
        "handlers" => handlers(plan, Some(index), element),
        _ => return None,
    })
}

/// The value of one of the handlers [`super::ROOT`].
pub(super) fn of_router(plan: &Plan, handler: &str) -> Option<String> {
    Some(match handler {
        "version" => env!("CARGO_PKG_VERSION").into(),
        "driver" => "userlevel".into(),
        "config" | "flatconfig" => plan.config.to_string(),
        "requirements" => lines(plan.config.requirements().iter().map(String::as_str)),
        "handlers" => handlers(plan, None, None),
        "list" => {
            let elements = plan.config.elements();
            let names = lines(elements.iter().map(|element| element.name.as_str()));
            format!("{}\n{names}", elements.len())
        }
        "classes" => lines(ALL.iter().map(|class| class.name)),
        _ => return None,
    })
}

fn lines<'a>(items: impl Iterator<Item = &'a str>) -> String {
    items.map(|item| format!("{item}\n")).collect()
}

/// As Click's handler `handlers`: a line each, with `r`, `w` or `rw`, and `+` where reading takes
/// parameters.
fn handlers(plan: &Plan, index: Option<usize>, element: Option<&dyn Element>) -> String {
    let own = element.map(Element::own_handlers).unwrap_or_default();
    let all = all(&plan.config, index).map(Handler::owned);
    let all = all.filter(|handler| own.iter().all(|other| other.name != handler.name));
    let lines = all.chain(own.clone()).map(|handler| {
        let read = if handler.readable { "r" } else { "" };
        let write = if handler.writable { "w" } else { "" };
        let parameters = if handler.parameters { "+" } else { "" };
        format!("{}\t{read}{write}{parameters}", handler.name)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// As Click's handler `ports`: for each port whether packets are pushed or pulled, with `~` where the
/// class leaves that open, and what it is connected to.
fn ports(plan: &Plan, index: usize) -> String {
    let mut text = String::new();
    for direction in [Direction::Input, Direction::Output] {
        let side = plan.graph.side(index, direction);
        let plural = if side.len() == 1 { "" } else { "s" };
        text.push_str(&format!("{} {direction}{plural}\n", side.len()));
        for (port, processing) in side.iter().enumerate() {
            let at = Endpoint {
                element: index,
                port,
            };
            let open = plan.graph.is_agnostic(direction, at);
            let tilde = if open { "~" } else { "" };
            let others = others(plan, direction, at);
            text.push_str(&format!("{processing}{tilde}\t-\t{others}\n"));
        }
    }
    text
}

/// The ports that a port is connected to.
fn others(plan: &Plan, direction: Direction, at: Endpoint) -> String {
    let name = |index: usize| {
        let element = plan.config.elements().get(index);
        element.map_or("", |element| element.name.as_str())
    };
    let others = plan.config.connections().iter().filter_map(|connection| {
        let (here, there) = match direction {
            Direction::Input => (connection.to, connection.from),
            Direction::Output => (connection.from, connection.to),
        };
        let other = match direction {
            Direction::Input => format!("{} [{}]", name(there.element), there.port),
            Direction::Output => format!("[{}] {}", there.port, name(there.element)),
        };
        (here == at).then_some(other)
    });
    others.collect::<Vec<_>>().join(", ")
}
