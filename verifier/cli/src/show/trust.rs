//! A trust bundle: whom a loader believes.

use core::fmt::Write as _;

use bpf_statement::Text;
use bpf_trust::{Role, TrustContents, UnverifiedTrustBundle};
use serde_json::{Value, json};

/// The bundle for people.
pub(crate) fn text(bundle: &UnverifiedTrustBundle) -> String {
    let contents = bundle.contents();
    let mut text = String::from("trust bundle (not checked: whoever signed it is named below)\n");
    let mut field = |name: &str, value: String| {
        let _ = writeln!(text, "  {name:<13}{value}");
    };
    field("version", contents.version.to_string());
    field("issued", contents.issued.to_string());
    field("expires", contents.expires.to_string());
    let keys = &contents.root_keys;
    field(
        "threshold",
        format!("{} of {} root keys", keys.threshold(), keys.keys().len()),
    );
    for key in keys.keys() {
        let signed = bundle.signers().any(|signer| signer == key.digest());
        let signed = if signed { ", signed" } else { "" };
        field("root key", format!("sha256 {:.16}{signed}", key.digest()));
    }
    for anchor in &contents.anchors {
        let roles = roles(anchor.roles()).join(", ");
        field(
            "anchor",
            format!(
                "{}, key sha256 {:.16} ({roles})",
                anchor.name(),
                anchor.key().digest()
            ),
        );
    }
    for epoch in &contents.min_epochs {
        field(
            "epoch",
            format!("from {} for CA key sha256 {:.16}", epoch.epoch, epoch.ca),
        );
    }
    for key in &contents.revoked {
        field("revoked", format!("key sha256 {key:.16}"));
    }
    field("platforms", texts(&contents.platforms).join(", "));
    for engine in &contents.min_engines {
        field(
            "engine",
            format!("{} from version {}", engine.name, engine.version),
        );
    }
    for reset in &contents.counter_resets {
        field(
            "reset",
            format!(
                "counter of {} to {}: {}",
                reset.name, reset.to, reset.reason
            ),
        );
    }
    field("fuel", accepts(contents).to_owned());
    text
}

const fn accepts(contents: &TrustContents) -> &'static str {
    if contents.accepts_fuel {
        "accepted instead of a proof of termination"
    } else {
        "not accepted"
    }
}

fn texts(texts: &[Text]) -> Vec<&str> {
    texts.iter().map(Text::as_str).collect()
}

fn roles(roles: &[Role]) -> Vec<String> {
    roles.iter().map(ToString::to_string).collect()
}

/// The bundle as JSON.
pub(crate) fn json(bundle: &UnverifiedTrustBundle) -> Value {
    let contents = bundle.contents();
    let keys = &contents.root_keys;
    json!({
        "trust_bundle": {
            "version": contents.version,
            "issued": contents.issued.to_string(),
            "expires": contents.expires.to_string(),
            "threshold": keys.threshold(),
            "root_keys": keys.keys().iter().map(|key| key.digest().to_string()).collect::<Vec<_>>(),
            "signers": bundle.signers().map(|key| key.to_string()).collect::<Vec<_>>(),
            "anchors": contents.anchors.iter().map(|anchor| json!({
                "name": anchor.name(),
                "key_sha256": anchor.key().digest().to_string(),
                "roles": roles(anchor.roles()),
            })).collect::<Vec<_>>(),
            "min_epochs": contents.min_epochs.iter().map(|epoch| json!({
                "ca_key_sha256": epoch.ca.to_string(),
                "epoch": epoch.epoch,
            })).collect::<Vec<_>>(),
            "revoked": contents.revoked.iter().map(ToString::to_string).collect::<Vec<_>>(),
            "platforms": texts(&contents.platforms),
            "min_engines": contents.min_engines.iter().map(|engine| json!({
                "name": engine.name.as_str(),
                "version": engine.version.to_string(),
            })).collect::<Vec<_>>(),
            "counter_resets": contents.counter_resets.iter().map(|reset| json!({
                "name": reset.name.as_str(),
                "to": reset.to,
                "reason": reset.reason.as_str(),
            })).collect::<Vec<_>>(),
            "accepts_fuel": contents.accepts_fuel,
            "time_floor": contents.time_floor.map(|time| time.to_string()),
        },
        "checked": false,
    })
}
