-- What became of an issue, in numbers without personal data, kept once nothing more is to be expected of it.
CREATE TABLE frozen (
    issue  TEXT PRIMARY KEY,
    at     TEXT NOT NULL,
    -- An IssueSummary as JSON.
    counts TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- To whom the report on an issue was mailed. 'sending' after a crash: it may have arrived, and is not sent again.
CREATE TABLE mailed_report (
    issue     TEXT NOT NULL,
    recipient TEXT NOT NULL,
    state     TEXT NOT NULL CHECK (state IN ('sending', 'sent', 'refused')),
    at        TEXT NOT NULL,
    PRIMARY KEY (issue, recipient)
) STRICT, WITHOUT ROWID;
