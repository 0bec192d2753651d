-- People who asked to be forgotten: salted hashes of address, number and name, so that no import brings them back.

CREATE TABLE forgotten (hash TEXT PRIMARY KEY) STRICT, WITHOUT ROWID;
CREATE TABLE forgotten_salt (salt TEXT NOT NULL) STRICT;
INSERT INTO forgotten_salt SELECT lower(hex(randomblob(32)));
