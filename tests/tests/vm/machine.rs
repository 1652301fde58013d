//! A machine with wires to the test.

use core::time::Duration;
use std::io::{BufRead as _, BufReader};
use std::net::UdpSocket;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::Instant;

use crate::lab::Lab;

/// Longer than anything takes here, on a machine that has other things to do.
const PATIENCE: Duration = Duration::from_secs(30);

/// The kinds of machines.
pub(crate) const MACHINES: [&str; 2] = ["microvm", "q35"];

/// A machine that runs.
pub(crate) struct Machine {
    qemu: Child,
    lines: Receiver<String>,
    seen: Vec<String>,
    wires: Vec<UdpSocket>,
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = self.qemu.kill();
        let _ = self.qemu.wait();
    }
}

/// A free port of the local host for QEMU.
fn free_port() -> u16 {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.local_addr().unwrap().port()
}

impl Machine {
    /// Starts `config` in a lab, on a machine of a kind with so many wires.
    pub(crate) fn start(lab: &Lab, machine: &str, config: &str, wires: usize, more: &str) -> Self {
        lab.write("vm.click", config.as_bytes());
        let sockets: Vec<UdpSocket> = (0..wires).map(|_| socket()).collect();
        let mut command = format!(
            "bpfclick vm run --config vm.click --image {} --machine {machine} --accel tcg \
             --dir vm --print-command {more}",
            e2e::image().display()
        );
        for socket in &sockets {
            let port = free_port();
            let ours = socket.local_addr().unwrap();
            socket.connect(("127.0.0.1", port)).unwrap();
            command.push_str(&format!(
                " --net socket,udp={ours},localaddr=127.0.0.1:{port}"
            ));
        }
        let shown = lab.run(&command).ok().out.clone();
        let mut qemu = Command::new("sh")
            .args(["-c", &format!("exec {shown}")])
            .current_dir(lab.path(""))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let serial = BufReader::new(qemu.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in serial.split(b'\n').map_while(Result::ok) {
                let line = String::from_utf8_lossy(&line).into_owned();
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        Self {
            qemu,
            lines,
            seen: Vec::new(),
            wires: sockets,
        }
    }

    /// Waits for a line that begins so.
    #[track_caller]
    pub(crate) fn wait_for(&mut self, start: &str) -> String {
        let until = Instant::now() + PATIENCE;
        while let Ok(line) = self
            .lines
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            self.seen.push(line.clone());
            if line.starts_with(start) {
                return line;
            }
        }
        panic!("no line begins with `{start}`: {:#?}", self.seen)
    }

    /// Waits until a handler, which the machine shows every second, has a value.
    #[track_caller]
    pub(crate) fn wait_for_value(&mut self, handler: &str, value: &str) {
        self.wait_for(&format!("{handler}: {value}"));
    }

    /// Everything that it said, and QEMU's exit code, once it has ended.
    #[track_caller]
    pub(crate) fn ended(mut self) -> (String, i32) {
        let until = Instant::now() + PATIENCE;
        while let Ok(line) = self
            .lines
            .recv_timeout(until.saturating_duration_since(Instant::now()))
        {
            self.seen.push(line);
        }
        assert!(Instant::now() < until, "it does not end: {:#?}", self.seen);
        let status = self.qemu.wait().unwrap();
        (self.seen.join("\n"), status.code().unwrap_or(-1))
    }

    /// Sends a frame to a device.
    pub(crate) fn send(&self, device: usize, frame: &[u8]) {
        self.wires[device].send(frame).unwrap();
    }

    /// The next frame from a device, if one comes soon.
    pub(crate) fn receive(&self, device: usize) -> Option<Vec<u8>> {
        let mut frame = vec![0; 4096];
        let len = self.wires[device].recv(&mut frame).ok()?;
        frame.truncate(len);
        Some(frame)
    }
}

/// Our end of a wire.
fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket
        .set_read_timeout(Some(Duration::from_secs(2)))
        .unwrap();
    socket
}

/// A frame with UDP to a port. The checksums are left out.
pub(crate) fn udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let mut frame = [[2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 0, 1]].concat();
    frame.extend([8, 0, 0x45, 0]);
    let len = u16::try_from(28 + payload.len()).unwrap();
    frame.extend(len.to_be_bytes());
    frame.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
    frame.extend(4000_u16.to_be_bytes());
    frame.extend(port.to_be_bytes());
    frame.extend((len - 20).to_be_bytes());
    frame.extend([0, 0]);
    frame.extend(payload);
    frame
}
