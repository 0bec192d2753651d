//! AUTH with PLAIN, LOGIN and XOAUTH2 (RFC 4954).

use super::message::Login;
use super::reply::Reply;
use super::script::Place;
use super::session::{Gone, Session};

impl Session<'_> {
    pub(super) fn auth(&mut self, argument: &str) -> Result<(), Gone> {
        if !self.has_greeted() || self.user.is_some() {
            return self.refuse(503, "5.5.1 AUTH is out of place");
        }
        let Some(account) = self.hub.options.account(self.wire.is_tls()) else {
            return self.refuse(502, "5.5.1 AUTH is not offered");
        };
        let (mechanism, initial) = argument.split_once(' ').unwrap_or((argument, ""));
        let mechanism = mechanism.to_ascii_uppercase();
        if !account.mechanisms.contains(&mechanism.as_str()) {
            return self.refuse(504, "5.5.4 AUTH mechanism is not offered");
        }
        let Some((user, password)) = self.credentials(&mechanism, initial)? else {
            return self.refuse(501, "5.5.2 AUTH response cannot be read");
        };
        let accepted = user == account.user && password == account.password;
        self.decide_login(Login { mechanism, user, password, tls: self.wire.is_tls(), accepted })
    }

    fn decide_login(&mut self, login: Login) -> Result<(), Gone> {
        let (user, accepted) = (login.user.clone(), login.accepted);
        self.hub.change(|state| state.logins.push(login));
        if !accepted {
            return self.say(Reply::new(535, "5.7.8 Authentication credentials invalid"));
        }
        if self.answer(Place::Auth, Reply::new(235, "2.7.0 Authentication successful"))? {
            self.user = Some(user);
        }
        Ok(())
    }

    fn credentials(&mut self, mechanism: &str, initial: &str) -> Result<Option<(String, String)>, Gone> {
        // "VXNlcm5hbWU6" is "Username:", "UGFzc3dvcmQ6" is "Password:".
        let first_prompt = if mechanism == "LOGIN" { "VXNlcm5hbWU6" } else { "" };
        let first = match initial {
            "" => self.ask(first_prompt)?,
            _ => decode(initial),
        };
        let Some(first) = first else { return Ok(None) };
        Ok(match mechanism {
            "LOGIN" => self.ask("UGFzc3dvcmQ6")?.map(|password| (first, password)),
            "PLAIN" => plain(&first),
            _ => xoauth2(&first),
        })
    }

    fn ask(&mut self, prompt: &str) -> Result<Option<String>, Gone> {
        self.say(Reply::new(334, prompt))?;
        let line = self.read_line()?;
        Ok(decode(String::from_utf8_lossy(&line).trim_end()))
    }
}

/// `authzid NUL user NUL password` (RFC 4616).
fn plain(response: &str) -> Option<(String, String)> {
    let mut parts = response.split('\0').skip(1).map(str::to_owned);
    parts.next().zip(parts.next())
}

/// `user=USER ^A auth=Bearer TOKEN ^A ^A`.
fn xoauth2(response: &str) -> Option<(String, String)> {
    let (user, rest) = response.strip_prefix("user=")?.split_once('\x01')?;
    let token = rest.strip_prefix("auth=Bearer ")?.strip_suffix("\x01\x01")?;
    Some((user.to_owned(), token.to_owned()))
}

/// Decodes Base64; `None` for `*`, with which a client gives up.
fn decode(text: &str) -> Option<String> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut bytes = Vec::new();
    let (mut bits, mut held) = (0_u32, 0);
    for digit in text.trim_end_matches('=').bytes() {
        bits = bits << 6 | value(digit)?;
        held += 6;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    String::from_utf8(bytes).ok()
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(value.into())
}
