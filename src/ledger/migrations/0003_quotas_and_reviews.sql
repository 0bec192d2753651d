-- When letters were handed to the relay, in milliseconds since 1970: what quotas count.
CREATE TABLE handed_over (at INTEGER NOT NULL) STRICT;

-- What a person looked at or decided: the approval, the cancellation of an issue, a reminder of it.
CREATE TABLE review (
    issue   TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('approved', 'cancelled', 'reminded')),
    at      TEXT NOT NULL,
    -- Digests of the issue's files, templates and configuration, as a JSON object by path.
    files   TEXT NOT NULL,
    -- Digest of the recipients.
    list    TEXT NOT NULL,
    letters INTEGER NOT NULL,
    PRIMARY KEY (issue, kind)
) STRICT, WITHOUT ROWID;
