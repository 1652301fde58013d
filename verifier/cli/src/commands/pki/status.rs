//! `bpfsign pki status` and `crl`.

use anstyle::{AnsiColor, Style};
use bpf_pki::{Health, Item, ItemKind, Revoked, Status, Validity};
use bpf_statement::UnixTime;
use platform_click::ExitCode;
use serde_json::json;

use super::{create, date, is_free, open, open_ca, pki_error};
use crate::args::{PkiCrl, PkiStatus};
use crate::clock;
use crate::error::CliError;
use crate::output::Output;
use crate::show::Table;

pub(super) fn run(args: &PkiStatus, output: &Output) -> Result<ExitCode, CliError> {
    let now = clock::now()?;
    let status = open(&args.place)?.status(now);
    let status = status.map_err(|error| pki_error(&error))?;
    output.result(|| text(&status, now), || value(&status));
    let is_due = status.items.iter().any(|item| item.health == Health::Due);
    Ok(if is_due {
        ExitCode::RenewalDue
    } else {
        ExitCode::Accepted
    })
}

fn text(status: &Status, now: UnixTime) -> String {
    let mut table = Table::new(&["what", "name", "key", "ends", "days left", ""]);
    for item in &status.items {
        let left = item.not_after.as_secs().saturating_sub(now.as_secs());
        let style = style(item.health);
        table.row([
            kind(item.kind),
            item.name.clone(),
            item.key.map_or_else(String::new, |key| format!("{key:.8}")),
            date(item.not_after),
            left.checked_div(86_400).unwrap_or(0).to_string(),
            format!("{style}{}{style:#}", word(item.health)),
        ]);
    }
    table.render(0)
}

fn kind(kind: ItemKind) -> String {
    match kind {
        ItemKind::TrustBundle => "trust bundle".to_owned(),
        ItemKind::Ca(role) => format!("{role} CA"),
        ItemKind::Leaf(role) => role.to_string(),
    }
}

const fn word(health: Health) -> &'static str {
    match health {
        Health::Good => "good",
        Health::Due => "renew",
        Health::Replaced => "replaced",
        Health::Expired => "expired",
        Health::Revoked => "revoked",
        Health::Epoch => "below the epoch",
    }
}

const fn style(health: Health) -> Style {
    let colour = match health {
        Health::Good => AnsiColor::Green,
        Health::Due => AnsiColor::Yellow,
        Health::Replaced => AnsiColor::BrightBlack,
        Health::Expired | Health::Revoked | Health::Epoch => AnsiColor::Red,
    };
    colour.on_default()
}

fn value(status: &Status) -> serde_json::Value {
    let items = status.items.iter().map(|item| {
        json!({
            "kind": kind(item.kind),
            "name": item.name,
            "key_sha256": item.key.map(|key| key.to_string()),
            "serial": item.serial,
            "not_after": item.not_after.to_string(),
            "health": word(item.health),
        })
    });
    json!({ "trust_version": status.trust_version, "items": items.collect::<Vec<_>>() })
}

pub(super) fn revocation_list(args: &PkiCrl, output: &Output) -> Result<ExitCode, CliError> {
    is_free(&args.output)?;
    let now = clock::now()?;
    let (pki, ca) = open_ca(&args.ca, args.role)?;
    let status = pki.status(now).map_err(|error| pki_error(&error))?;
    let is_listed = |item: &&Item| {
        item.kind == ItemKind::Leaf(args.role)
            && matches!(item.health, Health::Revoked | Health::Epoch)
    };
    let listed = status.items.iter().filter(is_listed);
    let revoked: Vec<Revoked> = listed.filter_map(|item| entry(item, now)).collect();
    let validity = Validity::days(now, args.valid);
    // The time rises, and so does the number: RFC 5280, 5.2.3.
    let list = ca.revocation_list(now.as_secs(), &revoked, validity);
    let list = list.map_err(|error| pki_error(&error))?;
    let text = bpf_pki::pem_encode("X509 CRL", &list);
    create(&args.output, 0o644, text.as_bytes())?;
    output.result(
        || {
            format!(
                "{}: {} certificates\n",
                args.output.display(),
                revoked.len()
            )
        },
        || json!({ "file": args.output.display().to_string(), "revoked": revoked.len() }),
    );
    Ok(ExitCode::Accepted)
}

fn entry(item: &Item, time: UnixTime) -> Option<Revoked> {
    let digits: Vec<char> = item.serial.chars().collect();
    let bytes = digits.chunks(2).map(|pair| {
        let text: String = pair.iter().collect();
        u8::from_str_radix(&text, 16).ok()
    });
    let serial = bytes.collect::<Option<Vec<u8>>>()?;
    Some(Revoked { serial, time })
}
