-- The register, the deliveries, the bounces, and the trace of what changed.

CREATE TABLE member (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    number      TEXT UNIQUE,
    name        TEXT NOT NULL,
    address     TEXT,
    address_key TEXT,
    -- Identity of a member that has neither address nor number.
    paper_key   TEXT,
    fields      TEXT NOT NULL DEFAULT '{}',
    active      INTEGER NOT NULL DEFAULT 1 CHECK (active IN (0, 1)),
    -- 'file' or 'hand': a member added by hand is not missed in a file.
    origin      TEXT NOT NULL DEFAULT 'file',
    added_at    TEXT NOT NULL,
    changed_at  TEXT NOT NULL
) STRICT;
CREATE INDEX member_address ON member (address_key) WHERE address_key IS NOT NULL;
CREATE INDEX member_paper ON member (paper_key) WHERE paper_key IS NOT NULL;

-- Names of the fields that any import has brought.
CREATE TABLE field (name TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;

CREATE TABLE import (
    id        INTEGER PRIMARY KEY,
    at        TEXT NOT NULL,
    file      TEXT NOT NULL,
    digest    TEXT NOT NULL,
    added     INTEGER NOT NULL,
    changed   INTEGER NOT NULL,
    returned  INTEGER NOT NULL,
    missing   INTEGER NOT NULL
) STRICT;

CREATE TABLE change (
    id     INTEGER PRIMARY KEY,
    at     TEXT NOT NULL,
    member INTEGER NOT NULL,
    source TEXT NOT NULL,
    field  TEXT NOT NULL,
    old    TEXT,
    new    TEXT
) STRICT;
CREATE INDEX change_member ON change (member);

CREATE TABLE suppression (
    address_key TEXT PRIMARY KEY,
    address     TEXT NOT NULL,
    reason      TEXT NOT NULL,
    since       TEXT NOT NULL,
    note        TEXT NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE delivery (
    issue      TEXT NOT NULL,
    member     INTEGER NOT NULL REFERENCES member (id),
    state      TEXT NOT NULL
               CHECK (state IN ('queued', 'sending', 'accepted', 'deferred', 'rejected', 'in_doubt')),
    address    TEXT,
    message_id TEXT,
    attempts   INTEGER NOT NULL DEFAULT 0,
    code       INTEGER,
    status     TEXT,
    reply      TEXT,
    changed_at TEXT NOT NULL,
    PRIMARY KEY (issue, member)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_open ON delivery (issue, member) WHERE state IN ('queued', 'deferred');
CREATE INDEX delivery_sending ON delivery (state) WHERE state = 'sending';

-- One row per message of the inbox and recipient that it speaks of.
CREATE TABLE bounce (
    digest     TEXT NOT NULL,
    position   INTEGER NOT NULL,
    at         TEXT NOT NULL,
    file       TEXT NOT NULL,
    kind       TEXT NOT NULL,
    address    TEXT,
    class      TEXT,
    status     TEXT,
    reason     TEXT,
    diagnostic TEXT,
    issue      TEXT,
    member     INTEGER,
    action     TEXT NOT NULL,
    PRIMARY KEY (digest, position)
) STRICT, WITHOUT ROWID;
CREATE INDEX bounce_member ON bounce (member) WHERE member IS NOT NULL;
