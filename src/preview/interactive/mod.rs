//! Browse all recipients' letters: [`App`] is the state, [`draw()`] shows it, [`run`] ties both to a terminal.

mod app;
mod draw;
mod input;
mod letters;
mod people;
mod screen;
#[cfg(test)]
mod tests;

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use ratatui::DefaultTerminal;
use ratatui::crossterm::event::{self, Event, KeyEventKind};

use crate::domain::Member;

pub use app::{App, Asked};
pub use draw::draw;
pub use letters::{Composed, LetterSource, Parts};
pub use people::{People, Segments};

/// How soon to react to a signal.
const PATIENCE: Duration = Duration::from_millis(100);

/// How the preview ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ViewEnd {
    Quit,
    /// By a signal.
    Stopped,
}

/// Runs until the user quits or `is_stopped`; `open` shows a letter in the browser and returns a message.
///
/// The terminal is restored, even after a panic.
///
/// # Errors
/// If the terminal cannot be read or written.
pub fn run(
    app: &mut App<'_>,
    is_stopped: impl Fn() -> bool,
    open: impl FnMut(&Member) -> String,
) -> io::Result<ViewEnd> {
    let mut terminal = ratatui::try_init()?;
    let end = read_events().and_then(|events| until_the_end(app, &mut terminal, &events, is_stopped, open));
    ratatui::try_restore()?;
    end
}

/// Reads keys and resize events on a separate thread: if the terminal's window was closed, calls of crossterm never
/// return, and only a signal can end the program.
fn read_events() -> io::Result<Receiver<io::Result<Event>>> {
    let (sender, events) = channel();
    std::thread::Builder::new().name("keys".to_owned()).spawn(move || {
        let mut is_heard = true;
        while is_heard {
            let event = event::read();
            is_heard = event.is_ok();
            is_heard &= sender.send(event).is_ok();
        }
    })?;
    Ok(events)
}

fn until_the_end(
    app: &mut App<'_>,
    terminal: &mut DefaultTerminal,
    events: &Receiver<io::Result<Event>>,
    is_stopped: impl Fn() -> bool,
    mut open: impl FnMut(&Member) -> String,
) -> io::Result<ViewEnd> {
    loop {
        terminal.draw(|frame| {
            app.prepare(frame.area());
            draw(frame, app);
        })?;
        let first = loop {
            match events.recv_timeout(PATIENCE) {
                Ok(event) => break event,
                Err(RecvTimeoutError::Timeout) if !is_stopped() => {}
                Err(_) => return Ok(ViewEnd::Stopped),
            }
        };
        // Handle all pending keys, so that drawing does not lag behind a key that is held down.
        for event in std::iter::once(first).chain(events.try_iter()) {
            match asked(app, &event?) {
                Asked::Nothing => {}
                Asked::Quit => return Ok(ViewEnd::Quit),
                Asked::Browser => {
                    let said = app.member().map(&mut open);
                    said.into_iter().for_each(|said| app.say(said));
                }
            }
        }
    }
}

fn asked(app: &mut App<'_>, event: &Event) -> Asked {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => app.key(*key),
        _ => Asked::Nothing,
    }
}
