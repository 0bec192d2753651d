-- One more kind of review: a run for everybody has begun, so that the archive knows what is public.
ALTER TABLE review RENAME TO old_review;

CREATE TABLE review (
    issue   TEXT NOT NULL,
    kind    TEXT NOT NULL CHECK (kind IN ('approved', 'cancelled', 'reminded', 'sent_to_all')),
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

-- Earlier versions did not record for whom a run was; their archive had every issue that was sent.
INSERT INTO review SELECT issue, 'sent_to_all', min(changed_at), '{}', '', count(*) FROM delivery GROUP BY issue;
