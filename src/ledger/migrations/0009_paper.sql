-- Letters on paper. They are apart from deliveries: a letter that bounced and was then printed has both.
CREATE TABLE paper (
    issue  TEXT NOT NULL,
    member INTEGER NOT NULL REFERENCES member (id),
    state  TEXT NOT NULL CHECK (state IN ('to_print', 'posted')),
    pages  INTEGER NOT NULL,
    at     TEXT NOT NULL,
    PRIMARY KEY (issue, member)
) STRICT, WITHOUT ROWID;
