//! The kernel's command line: words, most of them `key=value`.
//!
//! It says nothing that decides trust. Words without a sign, and keys of loaders (`virtio_mmio.device`,
//! which QEMU and Firecracker add), are no mistakes of the user's; other keys that nobody knows are.

use alloc::string::String;
use alloc::vec::Vec;

use platform_click::Code;

use crate::codes;

/// What the command line says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    /// Devices of virtio that the loader names, in its order.
    pub devices: Vec<DeviceRange>,
    /// `probe=NAME`: does what must not be possible, to show that it is not.
    pub probe: Option<String>,
    /// `handlers=A,B`: handlers that are read every second and shown.
    pub handlers: Vec<String>,
}

/// `virtio_mmio.device=SIZE@ADDRESS:IRQ`: the registers of a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeviceRange {
    /// Where they begin.
    pub address: u64,
    /// Bytes.
    pub size: u64,
}

/// Why a command line is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// It is not text.
    #[error("the command line is not ASCII text")]
    NotText,
    /// Nobody knows the key.
    #[error("the command line has an unknown setting `{0}`")]
    Unknown(String),
    /// The value does not fit.
    #[error("the command line's `{0}` is malformed")]
    Malformed(String),
}

impl SettingsError {
    /// The diagnostic.
    #[must_use]
    pub const fn code(&self) -> Code {
        codes::COMMAND_LINE
    }
}

impl Settings {
    /// Reads a command line.
    ///
    /// # Errors
    /// It is not text, or says something that is not understood.
    pub fn parse(command_line: &[u8]) -> Result<Self, SettingsError> {
        if !command_line.is_ascii() {
            return Err(SettingsError::NotText);
        }
        let text = str::from_utf8(command_line).map_err(|_| SettingsError::NotText)?;
        let mut settings = Self::default();
        for word in text.split_ascii_whitespace() {
            let Some((key, value)) = word.split_once('=') else {
                continue;
            };
            match key {
                "virtio_mmio.device" => {
                    let device = device(value);
                    let malformed = || SettingsError::Malformed(word.into());
                    settings.devices.push(device.ok_or_else(malformed)?);
                }
                "probe" => settings.probe = Some(value.into()),
                "handlers" => settings.handlers = value.split(',').map(String::from).collect(),
                // What Firecracker and Cloud Hypervisor say to Linux.
                "console" | "reboot" | "panic" | "pci" | "root" | "earlyprintk" => {}
                _ => return Err(SettingsError::Unknown(key.into())),
            }
        }
        Ok(settings)
    }
}

fn device(value: &str) -> Option<DeviceRange> {
    let (size, rest) = value.split_once('@')?;
    let (address, _interrupt) = rest.split_once(':')?;
    let (digits, unit) = match size.strip_suffix(['K', 'k']) {
        Some(digits) => (digits, 1024),
        None => (size, 1),
    };
    let size = number(digits)?.checked_mul(unit)?;
    let address = number(address)?;
    address.checked_add(size)?;
    (size >= 0x100).then_some(DeviceRange { address, size })
}

/// Decimal, or hexadecimal with `0x`.
fn number(text: &str) -> Option<u64> {
    match text.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_loaders_and_users_say_is_understood() {
        let line = b"quiet virtio_mmio.device=512@0xfeb02e00:12  probe=null console=ttyS0
            virtio_mmio.device=4K@0xd0000000:5 handlers=c.count,d.count";
        let settings = Settings::parse(line).unwrap();
        let devices = [(0xfeb0_2e00, 512), (0xd000_0000, 4096)]
            .map(|(address, size)| DeviceRange { address, size });
        assert_eq!(settings.devices, devices);
        assert_eq!(settings.probe.as_deref(), Some("null"));
        assert_eq!(settings.handlers, ["c.count", "d.count"]);
        assert_eq!(Settings::parse(b""), Ok(Settings::default()));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        let unknown = SettingsError::Unknown("trust".into());
        assert_eq!(Settings::parse(b"trust=all"), Err(unknown));
        assert_eq!(Settings::parse(&[0xff]), Err(SettingsError::NotText));
        for value in [
            "512",
            "512@x:1",
            "8@0x1000:1",
            "512@0xffffffffffffffff:1",
            "@0:1",
            "512@7",
        ] {
            let word = alloc::format!("virtio_mmio.device={value}");
            let error = Settings::parse(word.as_bytes()).unwrap_err();
            assert_eq!(error, SettingsError::Malformed(word));
        }
    }
}
