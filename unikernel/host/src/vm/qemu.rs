//! QEMU: its command line, its start, and its end.

use core::time::Duration;
use std::ffi::OsString;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Instant;

use clap::ValueEnum;
use platform_click::ExitCode;

use super::module::Files;
use super::{VmError, VmOptions, serial};

/// A kind of machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum MachineType {
    /// Without firmware and buses: the fastest start.
    Microvm,
    /// A PC with a PCI bus.
    Q35,
}

/// Who plays the processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Accelerator {
    /// KVM if it works, else QEMU.
    Auto,
    /// The processor itself.
    Kvm,
    /// QEMU.
    Tcg,
}

/// How long the image may take for a trial with KVM: it needs some milliseconds where that works.
const TRIAL: Duration = Duration::from_secs(2);

/// The command line that runs the image.
pub(super) fn command(options: &VmOptions, files: &Files, accelerated: bool) -> Command {
    let mut command = Command::new(&options.qemu);
    let (machine, bus) = match options.machine {
        MachineType::Microvm => ("microvm", "device"),
        MachineType::Q35 => ("q35", "pci"),
    };
    let (accel, processor) = match accelerated {
        true => ("kvm", "host"),
        false => ("tcg", "max"),
    };
    // `microvm` has two ways for devices to be spoken to; this is the one of the standard.
    command.args(["-global", "virtio-mmio.force-legacy=false"]);
    command.args(["-machine", machine, "-accel", accel, "-cpu", processor]);
    command.args([
        "-m",
        &options.memory,
        "-nodefaults",
        "-no-user-config",
        "-no-reboot",
    ]);
    command.args(["-display", "none", "-serial", "stdio"]);
    command.args(["-device", "isa-debug-exit,iobase=0xf4,iosize=4"]);
    command.args(["-device", &format!("virtio-rng-{bus}")]);
    for (number, net) in options.nets.iter().enumerate() {
        let id = format!("net{number}");
        let backend = match net.split_once(',') {
            Some((kind, rest)) => format!("{kind},id={id},{rest}"),
            None if net == "user" => format!("user,id={id}"),
            None => format!("tap,id={id},ifname={net},script=no,downscript=no"),
        };
        // The image numbers devices by their address.
        let address = format!(
            "52:54:00:00:{:02x}:{:02x}",
            number / 256 % 256,
            number % 256
        );
        let device = format!("virtio-net-{bus},netdev={id},mac={address}");
        command.args(["-netdev", &backend, "-device", &device]);
    }
    let mut append = options.append.clone();
    if !options.handlers.is_empty() {
        append.push_str(&format!(" handlers={}", options.handlers.join(",")));
    }
    command.arg("-kernel").arg(&files.image);
    command.arg("-initrd").arg(&files.module);
    command.args(["-append", append.trim()]);
    command
}

/// Starts QEMU; the serial line is a pipe.
pub(super) fn start(mut command: Command) -> Result<Child, VmError> {
    let program = command.get_program().display().to_string();
    let child = command.stdin(Stdio::null()).stdout(serial()).spawn();
    child.map_err(|error| VmError::Start { program, error })
}

/// Whether the image runs with KVM. That the system has it says little: it may emulate what it does not
/// do, or stop at the first instruction that it does not know.
pub(super) fn kvm_works(options: &VmOptions, files: &Files) -> Result<bool, VmError> {
    let usable = std::fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/kvm");
    if usable.is_err() {
        return Ok(false);
    }
    // A probe that does not exist ends the machine once everything is set up.
    let trial = VmOptions {
        append: "probe=none".to_owned(),
        nets: Vec::new(),
        handlers: Vec::new(),
        ..options.clone()
    };
    let mut command = command(&trial, files, true);
    command.stderr(Stdio::null());
    let mut child = start(command)?;
    let started = Instant::now();
    while started.elapsed() < TRIAL {
        if let Some(status) = child.try_wait().map_err(VmError::Wait)? {
            return Ok(guest_exit(status) == Some(ExitCode::Internal));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    let _ = child.kill();
    child.wait().map_err(VmError::Wait)?;
    Ok(false)
}

/// The exit code that the image ended with: QEMU ends with twice that and one. Panics and traps are
/// internal errors. `None` when it was not the image that ended QEMU.
#[must_use]
pub fn guest_exit(status: ExitStatus) -> Option<ExitCode> {
    let number = status.code().and_then(|code| u8::try_from(code).ok())?;
    let of_image = (number & 1 == 1).then_some(number >> 1)?;
    let mut known = ExitCode::ALL.iter().copied();
    known
        .find(|code| code.number() == of_image)
        .or_else(|| (of_image >= 0x7e).then_some(ExitCode::Internal))
}

/// A command line as a shell takes it.
pub(super) fn shown(command: &Command) -> String {
    let words = [command.get_program()]
        .into_iter()
        .chain(command.get_args());
    let words: Vec<String> = words.map(|word| quoted(word.into())).collect();
    format!("{}\n", words.join(" "))
}

fn quoted(word: OsString) -> String {
    let word = word.to_string_lossy().into_owned();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:,=+@%".contains(c);
    match !word.is_empty() && word.chars().all(plain) {
        true => word,
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::process::ExitStatusExt as _;

    use super::*;

    #[test]
    fn what_the_image_ends_with_is_told_from_what_qemu_ends_with() {
        let ended = |code: i32| guest_exit(ExitStatus::from_raw(code << 8));
        assert_eq!(ended(1), Some(ExitCode::Accepted));
        assert_eq!(ended(2 * 27 + 1), Some(ExitCode::Rollback));
        assert_eq!(ended(2 * 0x7e + 1), Some(ExitCode::Internal), "a trap");
        assert_eq!(ended(2 * 0x7f + 1), Some(ExitCode::Internal), "a panic");
        assert_eq!(ended(0), None);
        assert_eq!(ended(2 * 99 + 1), None);
        assert_eq!(guest_exit(ExitStatus::from_raw(9)), None, "killed");
    }

    #[test]
    fn words_are_quoted_for_a_shell() {
        let mut command = Command::new("qemu");
        command.args(["-append", "a b", "it's", "", "x=1,y"]);
        assert_eq!(shown(&command), "qemu -append 'a b' 'it'\\''s' '' x=1,y\n");
    }
}
