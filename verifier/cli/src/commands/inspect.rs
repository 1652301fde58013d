//! `bpfsign inspect`: what a file says; nothing is checked against a trust bundle.

use core::fmt::Write as _;
use std::path::Path;

use bpf_object::{Object, ParseOptions};
use bpf_statement::{Bundle, Statement, UnixTime};
use bpf_trust::UnverifiedTrustBundle;
use platform_click::{Digest, ExitCode};
use serde_json::{Value, json};
use x509_parser::prelude::{ASN1Time, FromDer as _, X509Certificate};

use crate::args::Inspect;
use crate::error::{CliError, codes};
use crate::output::Output;
use crate::{files, show};

pub(crate) fn run(args: &Inspect, output: &Output) -> Result<ExitCode, CliError> {
    let bytes = files::read(&args.file, platform_click::limits::MAX_OBJECT_SIZE)?;
    let shown = match extension(&args.file) {
        "bpfsig" => bundle(&bytes),
        "bpftrust" => trust(&bytes),
        "o" => object(&bytes),
        _ => Err(CliError::message(
            codes::UNKNOWN_FILE,
            "the extension is none of .bpfsig, .bpftrust and .o",
        )),
    };
    let (text, json) = shown.map_err(|error| error.about(&args.file))?;
    output.result(|| text, || json);
    Ok(ExitCode::Accepted)
}

fn extension(path: &Path) -> &str {
    path.extension()
        .and_then(|extension| extension.to_str())
        .unwrap_or_default()
}

type Shown = Result<(String, Value), CliError>;

fn bundle(bytes: &[u8]) -> Shown {
    let bundle = Bundle::parse(bytes).map_err(|error| CliError::new(error.code(), &error))?;
    let statement =
        Statement::decode(bundle.payload()).map_err(|error| CliError::new(error.code(), &error))?;
    let (leaf, ca) = bundle.certificates();
    let mut text = String::from("statement (not checked: use `bpfsign check`)\n");
    text.push_str(&show::statement::text(&statement));
    let mut certificates = Vec::new();
    for (place, der) in [("signer", leaf), ("issuer", ca)] {
        let (line, value) = certificate(der)?;
        let _ = writeln!(text, "{place}\n{line}");
        certificates.push(value);
    }
    let json = json!({
        "bundle": {
            "algorithm": "ES256",
            "statement": show::statement::json(&statement),
            "certificates": certificates,
            "signature": hex(bundle.signature()),
        },
        "checked": false,
    });
    Ok((text, json))
}

/// A certificate for people; the loader's own parser decides about it, this one only reads it.
fn certificate(der: &[u8]) -> Result<(String, Value), CliError> {
    let (_, certificate) = X509Certificate::from_der(der)
        .map_err(|error| CliError::new(bpf_trust::codes::CERTIFICATE_ENCODING, &error))?;
    let validity = certificate.validity();
    let not_before = time(validity.not_before);
    let not_after = time(validity.not_after);
    let digest = Digest::of(der);
    let text = format!(
        "  subject      {}\n  issuer       {}\n  serial       {}\n  valid        {not_before} to {not_after}\n  sha256       {digest}",
        certificate.subject(),
        certificate.issuer(),
        certificate.raw_serial_as_string(),
    );
    let json = json!({
        "subject": certificate.subject().to_string(),
        "issuer": certificate.issuer().to_string(),
        "serial": certificate.raw_serial_as_string(),
        "not_before": not_before,
        "not_after": not_after,
        "sha256": digest.to_string(),
    });
    Ok((text, json))
}

/// As all other times are shown.
fn time(time: ASN1Time) -> String {
    u64::try_from(time.timestamp()).map_or_else(
        |_| time.to_string(),
        |secs| UnixTime::from_secs(secs).to_string(),
    )
}

fn trust(bytes: &[u8]) -> Shown {
    let bundle =
        UnverifiedTrustBundle::parse(bytes).map_err(|error| CliError::new(error.code(), &error))?;
    Ok((show::trust::text(&bundle), show::trust::json(&bundle)))
}

fn object(bytes: &[u8]) -> Shown {
    let object = Object::parse(bytes, ParseOptions::default())
        .map_err(|error| CliError::new(error.code(), &error))?;
    let mut text = format!("object\n  sha256      {}\n", object.digest());
    let mut table =
        show::Table::new(&["program", "kind", "section", "slots", "functions", "image"]);
    let mut programs = Vec::new();
    for program in object.programs() {
        let image = object
            .link(program)
            .map_err(|error| CliError::new(error.code(), &error))?;
        table.row([
            program.name().to_owned(),
            program.kind().to_string(),
            program.section().to_owned(),
            image.code().len().to_string(),
            image.functions().len().to_string(),
            format!("{:.16}", image.digest()),
        ]);
        programs.push(json!({
            "name": program.name(),
            "kind": program.kind().name(),
            "section": program.section(),
            "instruction_slots": image.code().len(),
            "image_sha256": image.digest().to_string(),
        }));
    }
    text.push_str(&table.render(2));
    for map in object.maps() {
        let _ = writeln!(
            text,
            "  map {} ({}): key {} bytes, value {} bytes, {} entries",
            map.name, map.kind, map.key_size, map.value_size, map.max_entries
        );
    }
    let json = json!({ "object": { "sha256": object.digest().to_string(), "programs": programs } });
    Ok((text, json))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
