//! Shared by the connections of a server: its faults, its records, and its end.

use std::collections::HashMap;
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard};
use std::time::Duration;

use super::message::{Login, Message};
use super::options::Options;
use super::policy::Policy;
use super::reply::Reply;
use super::script::Script;

type Hook = Box<dyn FnOnce() + Send>;

/// The state of a server.
#[derive(Default)]
pub struct State {
    pub script: Script,
    pub policy: Policy,
    pub messages: Vec<Message>,
    pub logins: Vec<Login>,
    /// The command lines as received, without their line ends and without the dialogue of a login.
    pub commands: Vec<String>,
    pub violations: Vec<String>,
    /// The data after each final dot that was discarded.
    pub forgotten: Vec<String>,
    pub connections: usize,
    pub most_open: usize,
    pub steps: usize,
    open: HashMap<usize, TcpStream>,
    hooks: Vec<(usize, Hook)>,
    stopping: bool,
}

impl State {
    pub fn open_connections(&self) -> usize {
        self.open.len()
    }
}

/// The state with a bell that rings at every change.
pub struct Hub {
    pub options: Options,
    state: Mutex<State>,
    changed: Condvar,
}

impl Hub {
    pub fn new(options: Options, state: State) -> Self {
        Self { options, state: Mutex::new(state), changed: Condvar::new() }
    }

    pub fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no connection panicked")
    }

    /// Changes the state and rings the bell.
    pub fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state());
        self.changed.notify_all();
        result
    }

    /// Waits until the state satisfies the condition; gives up after `limit`, or when the server stops.
    pub fn wait(&self, limit: Duration, wished: impl Fn(&State) -> bool) -> bool {
        let waits = |state: &mut State| !state.stopping && !wished(state);
        let outcome = self.changed.wait_timeout_while(self.state(), limit, waits);
        wished(&outcome.expect("no connection panicked").0)
    }

    /// Waits for a time; false if the server stops meanwhile.
    pub fn pause(&self, time: Duration) -> bool {
        self.wait(time, |_| false);
        !self.is_stopping()
    }

    pub fn is_stopping(&self) -> bool {
        self.state().stopping
    }

    /// Counts an event, and runs the hook that is due.
    pub fn step(&self) {
        let due = self.change(|state| {
            state.steps += 1;
            let now = state.steps;
            state.hooks.extract_if(.., |(at, _)| *at <= now).collect::<Vec<_>>()
        });
        due.into_iter().for_each(|(_, hook)| hook());
    }

    /// Runs the hook at a step, or at once if that has passed.
    pub fn at_step(&self, step: usize, hook: Hook) {
        let mut state = self.state();
        if state.steps < step {
            state.hooks.push((step, hook));
            return;
        }
        drop(state);
        hook();
    }

    /// Registers and numbers a connection, with the policy's refusal if there is one; `None` at the end.
    pub fn enter(&self, socket: TcpStream) -> Option<(usize, Option<Reply>)> {
        self.change(|state| {
            if state.stopping {
                return None;
            }
            state.connections += 1;
            let number = state.connections;
            state.open.insert(number, socket);
            state.most_open = state.most_open.max(state.open.len());
            Some((number, state.policy.connect(state.open.len())))
        })
    }

    pub fn leave(&self, number: usize) {
        self.change(|state| {
            if let Some(socket) = state.open.remove(&number) {
                // The client may have closed it already.
                socket.shutdown(Shutdown::Both).ok();
            }
        });
    }

    /// Ends all connections and their threads.
    pub fn stop(&self) {
        self.change(|state| {
            state.stopping = true;
            for socket in state.open.values() {
                socket.shutdown(Shutdown::Both).ok();
            }
        });
    }
}
