-- Every run has a number: only the newest one may claim letters, whatever became of the lock file.

CREATE TABLE run (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    issue    TEXT NOT NULL,
    began_at TEXT NOT NULL
) STRICT;

-- What earlier runs have found out about a server, `host:port`: look-ahead is not tried again with one that does not
-- tolerate it.
CREATE TABLE server (
    name       TEXT PRIMARY KEY,
    look_ahead INTEGER NOT NULL CHECK (look_ahead IN (0, 1)),
    at         TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- What may follow what. An attempt's number changes only when a letter is claimed.
CREATE TRIGGER delivery_transition BEFORE UPDATE OF state, attempts ON delivery
WHEN (OLD.state <> NEW.state OR OLD.attempts <> NEW.attempts) AND NOT (
    OLD.state IN ('queued', 'deferred') AND NEW.state = 'sending' AND NEW.attempts = OLD.attempts + 1
    OR NEW.attempts = OLD.attempts AND (
        OLD.state = 'sending' AND NEW.state IN ('accepted', 'deferred', 'rejected', 'in_doubt', 'queued')
        OR OLD.state = 'in_doubt' AND NEW.state IN ('accepted', 'deferred', 'rejected', 'queued')
        OR OLD.state = 'deferred' AND NEW.state = 'rejected'
        OR OLD.state = 'rejected' AND NEW.state IN ('deferred', 'queued')
        OR OLD.state = 'queued' AND NEW.state = 'accepted'))
BEGIN
    SELECT RAISE(ABORT, 'a delivery cannot change in this way');
END;

CREATE TRIGGER delivery_sending_is_whole BEFORE UPDATE ON delivery
WHEN NEW.state = 'sending' AND (NEW.attempts < 1 OR NEW.address IS NULL OR NEW.message_id IS NULL)
BEGIN
    SELECT RAISE(ABORT, 'a letter on its way has an attempt, an address and a Message-ID');
END;

CREATE TRIGGER delivery_begins_queued BEFORE INSERT ON delivery WHEN NEW.state <> 'queued'
BEGIN
    SELECT RAISE(ABORT, 'a delivery begins as queued');
END;

-- One more kind of review: what the letters that have left were made of.
ALTER TABLE review RENAME TO old_review;

CREATE TABLE review (
    issue   TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('approved', 'cancelled', 'reminded', 'sent_to_all', 'left')),
    at      TEXT NOT NULL,
    -- Digests of the issue's files, templates and configuration, as a JSON object by path.
    files   TEXT NOT NULL,
    -- Digest of the recipients.
    list    TEXT NOT NULL,
    letters INTEGER NOT NULL,
    PRIMARY KEY (issue, kind)
) STRICT, WITHOUT ROWID;

INSERT INTO review SELECT * FROM old_review;
DROP TABLE old_review;

-- Whom an approval is for.
CREATE TABLE approved_member (
    issue  TEXT NOT NULL,
    member INTEGER NOT NULL,
    PRIMARY KEY (issue, member)
) STRICT, WITHOUT ROWID;

-- What cron was told of an issue, so that it says the same once a day at most.
CREATE TABLE told (
    issue TEXT NOT NULL,
    what  TEXT NOT NULL,
    at    TEXT NOT NULL,
    PRIMARY KEY (issue, what)
) STRICT, WITHOUT ROWID;

-- An address gets one letter of an issue, whichever member it was for.
CREATE INDEX delivery_address ON delivery (issue, lower(address)) WHERE address IS NOT NULL;
