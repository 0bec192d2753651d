-- Who asked not to be mailed is not mailed at a new address either; nobody else is concerned.
CREATE TABLE opted_out (
    member  INTEGER PRIMARY KEY REFERENCES member (id),
    -- The address at which the member was reached then.
    address TEXT NOT NULL,
    reason  TEXT NOT NULL,
    since   TEXT NOT NULL,
    note    TEXT NOT NULL
) STRICT;

INSERT INTO opted_out
SELECT m.id, s.address, s.reason, s.since, s.note FROM suppression s JOIN member m ON m.address_key = s.address_key
WHERE s.reason IN ('unsubscribed', 'complaint', 'by_hand');

-- Members of whom it is not certain who they are: not mailed until a person decides.
CREATE TABLE held (
    member INTEGER PRIMARY KEY REFERENCES member (id),
    reason TEXT NOT NULL,
    -- Whom it may be.
    likely INTEGER REFERENCES member (id),
    since  TEXT NOT NULL
) STRICT;

-- What was found out about the list as a whole, such as that its numbers are no member numbers.
CREATE TABLE register_fact (
    name TEXT PRIMARY KEY,
    at   TEXT NOT NULL
) STRICT, WITHOUT ROWID;
