//! A TCP proxy between a host and its database, whose line can stall or break.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::Duration;

/// A line to a port of this machine; its threads end with the test program.
pub struct Proxy {
    port: u16,
    line: Arc<Line>,
}

#[derive(Default)]
struct Line {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// Takes bytes, but passes none on.
    stalls: bool,
    /// Both ends of each connection.
    open: Vec<TcpStream>,
}

impl Proxy {
    pub fn to(port: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Self { port: listener.local_addr().unwrap().port(), line: Arc::default() };
        let line = Arc::clone(&proxy.line);
        thread::spawn(move || {
            for client in listener.incoming().map_while(Result::ok) {
                // Without a server the client is hung up on.
                if let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, port)) {
                    line.join(&client, &server);
                }
            }
        });
        proxy
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Passes nothing on for a time, in neither direction.
    pub fn stall_for(&self, time: Duration) {
        self.line.state.lock().unwrap().stalls = true;
        thread::sleep(time);
        self.line.state.lock().unwrap().stalls = false;
        self.line.changed.notify_all();
    }

    /// Breaks all connections; new ones can be made.
    pub fn cut(&self) {
        for end in self.line.state.lock().unwrap().open.drain(..) {
            end.shutdown(Shutdown::Both).ok();
        }
    }
}

impl Line {
    fn join(self: &Arc<Self>, client: &TcpStream, server: &TcpStream) {
        for (from, to) in [(client, server), (server, client)] {
            let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
            self.state.lock().unwrap().open.push(from.try_clone().unwrap());
            let line = Arc::clone(self);
            thread::spawn(move || line.pass(from, to));
        }
    }

    fn pass(&self, mut from: TcpStream, mut to: TcpStream) {
        let mut bytes = [0; 16 * 1024];
        while let Ok(count) = from.read(&mut bytes) {
            drop(self.changed.wait_while(self.state.lock().unwrap(), |state| state.stalls).unwrap());
            if count == 0 || to.write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        to.shutdown(Shutdown::Both).ok();
    }
}
