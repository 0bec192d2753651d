//! SMTP replies (RFC 5321 §4.2).

/// A code and one or more lines of text.
#[derive(Clone, Debug)]
pub struct Reply {
    pub code: u16,
    pub text: String,
}

impl Reply {
    pub fn new(code: u16, text: impl Into<String>) -> Self {
        Self { code, text: text.into() }
    }

    /// Tells whether it accepts the command or asks for the data.
    pub fn is_positive(&self) -> bool {
        (200..400).contains(&self.code)
    }

    /// Tells whether it ends the connection.
    pub fn closes(&self) -> bool {
        matches!(self.code, 221 | 421)
    }

    /// The bytes on the wire.
    pub fn bytes(&self) -> Vec<u8> {
        let lines: Vec<&str> = self.text.split('\n').collect();
        let last = lines.len() - 1;
        let line = |(at, text)| {
            let mark = if at == last { ' ' } else { '-' };
            format!("{}{mark}{text}\r\n", self.code)
        };
        lines.into_iter().enumerate().map(line).collect::<String>().into_bytes()
    }

    /// The reply without its enhanced status code (RFC 3463).
    pub fn plain(self) -> Self {
        match self.text.split_once(' ') {
            Some((status, rest)) if is_enhanced_status(status) => Self::new(self.code, rest),
            _ => self,
        }
    }
}

fn is_enhanced_status(text: &str) -> bool {
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    text.split('.').count() == 3 && text.split('.').all(digits)
}
