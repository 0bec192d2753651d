//! A session's answers: the usual ones, or those of a fault.

use std::time::Duration;

use super::options::Extension;
use super::reply::Reply;
use super::script::{Action, Garbage, Place};
use super::session::{Gone, Session};

const LONG_LINE: usize = 100_000;
/// The pace of an endless reply, so that it does not fill the memory.
const BETWEEN_CHUNKS: Duration = Duration::from_millis(5);

impl Session<'_> {
    /// Sends the usual reply, or applies the fault for this place; tells whether the reply was positive.
    pub(super) fn answer(&mut self, place: Place, usual: Reply) -> Result<bool, Gone> {
        let recipients = self.recipients();
        self.answer_for(&recipients, place, usual)
    }

    pub(super) fn answer_for(
        &mut self,
        recipients: &[String],
        place: Place,
        usual: Reply,
    ) -> Result<bool, Gone> {
        let action = self.strike(recipients, place, &usual);
        self.tell(usual, action)
    }

    /// The fault that strikes here; a command that is refused anyway does not count as a visit to the place.
    pub(super) fn strike(&mut self, recipients: &[String], place: Place, usual: &Reply) -> Option<Action> {
        if !usual.is_positive() {
            return None;
        }
        self.hub.change(|state| state.script.visit(place, recipients))
    }

    pub(super) fn tell(&mut self, usual: Reply, action: Option<Action>) -> Result<bool, Gone> {
        let reply = match action {
            Some(Action::Reply(code, text)) => Reply::new(code, text),
            _ => self.in_style(usual),
        };
        match action {
            None | Some(Action::Reply(..)) => {}
            Some(Action::Drop) => return Err(Gone),
            Some(Action::Stall) => return self.stall(),
            Some(Action::StallFor(time)) => self.pause(time)?,
            Some(Action::Slow(time)) => return self.utter_slowly(&reply, time),
            Some(Action::Garbage(garbage)) => return self.babble(garbage, &reply),
        }
        self.utter(&reply)
    }

    /// Sends the usual reply where no fault can strike.
    pub(super) fn say(&mut self, reply: Reply) -> Result<(), Gone> {
        let reply = self.in_style(reply);
        self.utter(&reply).map(drop)
    }

    fn in_style(&self, reply: Reply) -> Reply {
        let enhanced = self.hub.options.offers(Extension::EnhancedStatusCodes);
        if enhanced { reply } else { reply.plain() }
    }

    fn utter(&mut self, reply: &Reply) -> Result<bool, Gone> {
        self.wire.send(&reply.bytes())?;
        self.hub.step();
        self.after(reply)
    }

    fn after(&mut self, reply: &Reply) -> Result<bool, Gone> {
        if reply.closes() {
            return self.hang_up();
        }
        Ok(reply.is_positive())
    }

    fn utter_slowly(&mut self, reply: &Reply, time: Duration) -> Result<bool, Gone> {
        for byte in reply.bytes() {
            self.pause(time)?;
            self.wire.send(&[byte])?;
        }
        self.after(reply)
    }

    fn babble(&mut self, garbage: Garbage, usual: &Reply) -> Result<bool, Gone> {
        self.talked_garbage = true;
        match garbage {
            Garbage::Bytes => {
                self.wire.send(b"\x16\x03\xff\x00 hej \xe5\xe4\xf6\r\n")?;
                Ok(false)
            }
            Garbage::LongLine => self.utter(&Reply::new(usual.code, "x".repeat(LONG_LINE))),
            Garbage::Endless => self.babble_on(usual.code),
            Garbage::Bare => self.utter_line(usual, b""),
            Garbage::Latin1 => self.utter_line(usual, b" f\xf6r m\xe5nga"),
            Garbage::StrayOk => {
                self.wire.send(&[&usual.bytes()[..], b"250 2.0.0 Ok\r\n"].concat())?;
                self.hub.step();
                self.after(usual)
            }
            Garbage::Twice => {
                self.wire.send(&usual.bytes())?;
                self.utter(usual)
            }
        }
    }

    fn utter_line(&mut self, usual: &Reply, rest: &[u8]) -> Result<bool, Gone> {
        self.wire.send(&[usual.code.to_string().as_bytes(), rest, b"\r\n"].concat())?;
        self.hub.step();
        self.after(usual)
    }

    fn babble_on(&mut self, code: u16) -> Result<bool, Gone> {
        let chunk = format!("{code}-and so on\r\n").repeat(200);
        loop {
            self.wire.send(chunk.as_bytes())?;
            self.pause(BETWEEN_CHUNKS)?;
        }
    }

    /// Applies a fault inside a letter; tells whether it strikes again at the next line.
    pub(super) fn spring(&mut self, action: Action) -> Result<bool, Gone> {
        match action {
            Action::Reply(code, text) => {
                self.utter(&Reply::new(code, text))?;
                self.hang_up()
            }
            Action::Drop => Err(Gone),
            Action::Stall => self.stall(),
            Action::StallFor(time) => self.pause(time).map(|()| false),
            Action::Slow(time) => self.pause(time).map(|()| true),
            Action::Garbage(garbage) => self.babble(garbage, &Reply::new(250, "")).map(|_| false),
        }
    }

    fn stall(&mut self) -> Result<bool, Gone> {
        self.hub.pause(Duration::MAX);
        Err(Gone)
    }

    fn pause(&self, time: Duration) -> Result<(), Gone> {
        if self.hub.pause(time) { Ok(()) } else { Err(Gone) }
    }

    fn hang_up(&mut self) -> Result<bool, Gone> {
        self.wire.close()?;
        Err(Gone)
    }
}
