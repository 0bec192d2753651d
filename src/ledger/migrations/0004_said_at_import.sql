-- What an import said of rows that it left out or wondered about, as a JSON array: a send that finds the same list
-- says it again without reading the list again.
ALTER TABLE import ADD COLUMN said TEXT NOT NULL DEFAULT '[]';
