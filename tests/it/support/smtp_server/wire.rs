//! One connection's bytes: lines in, replies out, in plain text or over TLS.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// How long to wait for the client to disconnect before closing.
const LINGER: Duration = Duration::from_secs(2);
/// After this long without a byte, a client has sent everything it had to send at once.
const PAUSE: Duration = Duration::from_millis(100);

enum Stream {
    Clear(TcpStream),
    Tls(Box<StreamOwned<ServerConnection, TcpStream>>),
}

impl Stream {
    fn socket(&self) -> &TcpStream {
        match self {
            Self::Clear(socket) => socket,
            Self::Tls(stream) => &stream.sock,
        }
    }
}

impl Read for Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Clear(socket) => socket.read(buffer),
            Self::Tls(stream) => stream.read(buffer),
        }
    }
}

/// A client's connection.
pub struct Wire {
    reader: BufReader<Stream>,
}

impl Wire {
    pub fn new(socket: TcpStream) -> io::Result<Self> {
        socket.set_nodelay(true)?;
        Ok(Self { reader: BufReader::new(Stream::Clear(socket)) })
    }

    pub fn is_tls(&self) -> bool {
        matches!(self.reader.get_ref(), Stream::Tls(_))
    }

    /// Tells whether the client has sent more than was read.
    pub fn has_more(&self) -> bool {
        !self.reader.buffer().is_empty()
    }

    /// Reads up to and including a line feed; an empty line means that the client has disconnected.
    pub fn line(&mut self) -> io::Result<Vec<u8>> {
        let mut line = Vec::new();
        self.reader.read_until(b'\n', &mut line)?;
        if !line.ends_with(b"\n") {
            line.clear();
        }
        Ok(line)
    }

    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self.reader.get_mut() {
            Stream::Clear(socket) => socket.write_all(bytes),
            Stream::Tls(stream) => stream.write_all(bytes).and_then(|()| stream.flush()),
        }
    }

    /// Reads until nothing has arrived for a while.
    pub fn drain(&mut self) -> io::Result<Vec<u8>> {
        let mut drained = self.reader.buffer().to_vec();
        self.reader.consume(drained.len());
        self.reader.get_ref().socket().set_read_timeout(Some(PAUSE))?;
        match self.reader.read_to_end(&mut drained) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            other => drop(other?),
        }
        self.reader.get_ref().socket().set_read_timeout(None)?;
        Ok(drained)
    }

    /// Switches to TLS; the handshake runs with the next byte read or written.
    pub fn start_tls(&mut self, config: Arc<ServerConfig>) -> io::Result<()> {
        let connection = ServerConnection::new(config).map_err(io::Error::other)?;
        let socket = self.reader.get_ref().socket().try_clone()?;
        let stream = StreamOwned::new(connection, socket);
        self.reader = BufReader::new(Stream::Tls(Box::new(stream)));
        Ok(())
    }

    /// Ends the connection in such a way that the last reply still arrives.
    pub fn close(&mut self) -> io::Result<()> {
        if let Stream::Tls(stream) = self.reader.get_mut() {
            stream.conn.send_close_notify();
            stream.flush()?;
        }
        // A socket closed with unread input is reset, and the client may lose the last reply.
        let mut socket = self.reader.get_ref().socket();
        socket.shutdown(Shutdown::Write)?;
        socket.set_read_timeout(Some(LINGER))?;
        io::copy(&mut socket, &mut io::sink()).map(drop)
    }
}
