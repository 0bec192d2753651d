//! A connection that blocks its thread, with a runtime of its own, and that waits for no answer indefinitely.

use std::time::Duration;

use ::tokio_postgres::tls::MakeTlsConnect;
use ::tokio_postgres::types::ToSql;
use ::tokio_postgres::{Config, Error, Row, Socket, Statement, ToStatement};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinHandle;

use crate::ledger::DbError;

type SqlValues<'a> = &'a [&'a (dyn ToSql + Sync)];

/// For the connection with TLS and login.
const CONNECT: Duration = Duration::from_secs(15);
/// For the last words to the server, and for its own.
const FAREWELL: Duration = Duration::from_secs(1);

/// A connection to a server.
pub(super) struct Client {
    runtime: Runtime,
    requests: ::tokio_postgres::Client,
    /// Ends with the connection, and knows why; `None` once it was asked.
    connection: Option<JoinHandle<Result<(), Error>>>,
    /// How long to wait for an answer; `None` for as long as the server works.
    limit: Option<Duration>,
}

impl Client {
    /// Connects to a server.
    ///
    /// # Errors
    /// If it cannot be reached, lets nobody in or does not answer.
    pub fn connect<T>(config: &Config, tls: T, limit: Duration) -> Result<Self, DbError>
    where
        T: MakeTlsConnect<Socket>,
        T::Stream: Send + 'static,
    {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(DbError::Thread)?;
        let (requests, connection) = runtime.block_on(within(Some(CONNECT), config.connect(tls)))?;
        let connection = Some(runtime.spawn(connection));
        Ok(Self { runtime, requests, connection, limit: Some(limit) })
    }

    /// Says goodbye, so that the server need not find out that the session has ended.
    pub fn close(self) {
        let Self { runtime, requests, connection, .. } = self;
        drop(requests);
        if let Some(connection) = connection {
            let _not_waited_for =
                runtime.block_on(async { tokio::time::timeout(FAREWELL, connection).await });
        }
    }

    /// Lets the server work as long as it needs from now on, or up to the limit.
    pub fn set_limit(&mut self, limit: Option<Duration>) -> Option<Duration> {
        std::mem::replace(&mut self.limit, limit)
    }

    pub fn prepare(&mut self, sql: &str) -> Result<Statement, DbError> {
        let done = self.runtime.block_on(within(self.limit, self.requests.prepare(sql)));
        self.explained(done)
    }

    pub fn execute<S>(&mut self, statement: &S, values: SqlValues<'_>) -> Result<u64, DbError>
    where
        S: ToStatement + ?Sized,
    {
        let done = self.runtime.block_on(within(self.limit, self.requests.execute(statement, values)));
        self.explained(done)
    }

    pub fn query<S>(&mut self, statement: &S, values: SqlValues<'_>) -> Result<Vec<Row>, DbError>
    where
        S: ToStatement + ?Sized,
    {
        let done = self.runtime.block_on(within(self.limit, self.requests.query(statement, values)));
        self.explained(done)
    }

    pub fn batch(&mut self, sql: &str) -> Result<(), DbError> {
        let done = self.runtime.block_on(within(self.limit, self.requests.batch_execute(sql)));
        self.explained(done)
    }

    /// The same with the reason for which the connection has ended, as the server gave it.
    fn explained<T>(&mut self, done: Result<T, DbError>) -> Result<T, DbError> {
        match done {
            Err(DbError::Postgres(error)) if error.is_closed() => {
                let ended = self.connection.take().and_then(|connection| {
                    self.runtime.block_on(async { tokio::time::timeout(FAREWELL, connection).await }).ok()
                });
                let why = ended.and_then(Result::ok).and_then(Result::err);
                Err(DbError::Postgres(why.unwrap_or(error)))
            }
            done => done,
        }
    }
}

async fn within<T>(
    limit: Option<Duration>,
    answer: impl Future<Output = Result<T, Error>>,
) -> Result<T, DbError> {
    let Some(limit) = limit else { return Ok(answer.await?) };
    match tokio::time::timeout(limit, answer).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(DbError::Silent { seconds: limit.as_secs() }),
    }
}
