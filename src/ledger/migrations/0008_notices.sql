-- Issues that every member must get: what somebody decided about newsletters does not hold for them.
CREATE TABLE notice (
    issue TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;
