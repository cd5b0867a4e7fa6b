"""The tables of a store, written down once.

Vectors and words stand apart from the chunks' texts, so that a search reads only what it needs. Rows are never
changed in place: a document that changes is deleted and inserted under new numbers, and no number is used twice.
Whoever keeps a copy (a cache, the shard) therefore needs only the greatest number it has seen and the present ones.
"""

APPLICATION_ID = 0x6C6B7773  # "lkws": tells a store from any other SQLite file
FORMAT = 2
PAGE_SIZE = 16_384  # ten vectors of 384 floats to a page

# Came after the first stores were made: a writer adds it to those that lack it.
SPARSE = """CREATE TABLE IF NOT EXISTS sparse (
    chunk    INTEGER PRIMARY KEY REFERENCES chunks ON DELETE CASCADE,
    terms    BLOB NOT NULL,             -- uint32, little-endian, ascending
    weights  BLOB NOT NULL,             -- float32, little-endian
    checksum INTEGER NOT NULL
);"""

SCHEMA = f"""
PRAGMA application_id = {APPLICATION_ID};
PRAGMA user_version = {FORMAT};

CREATE TABLE state (                    -- one row
    sequence      INTEGER NOT NULL,     -- number of the last commit
    next_document INTEGER NOT NULL,
    next_chunk    INTEGER NOT NULL,
    documents     INTEGER NOT NULL,
    chunks        INTEGER NOT NULL,
    tokens        INTEGER NOT NULL,     -- sum over all chunks
    width         INTEGER NOT NULL,     -- of every vector; 0 while there is none
    shard         TEXT NOT NULL         -- name of the shard in use; empty for none
);
INSERT INTO state VALUES (0, 1, 1, 0, 0, 0, 0, '');

CREATE TABLE settings (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE files (
    path        TEXT PRIMARY KEY,
    size_bytes  INTEGER NOT NULL,
    modified_ns INTEGER NOT NULL,
    changed_ns  INTEGER NOT NULL,
    inode       INTEGER NOT NULL,
    sha256      BLOB NOT NULL,
    checked_ns  INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE documents (
    number       INTEGER PRIMARY KEY,
    id           TEXT NOT NULL UNIQUE,
    source       TEXT NOT NULL,
    metadata     TEXT NOT NULL,         -- JSON
    content_hash BLOB NOT NULL,
    file         TEXT,
    checksum     INTEGER NOT NULL
);
CREATE INDEX documents_by_file ON documents (file);

CREATE TABLE chunks (
    number   INTEGER PRIMARY KEY,
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    text     TEXT NOT NULL,
    start    INTEGER NOT NULL,
    end      INTEGER NOT NULL,
    heading  TEXT NOT NULL,             -- JSON list
    checksum INTEGER NOT NULL
);
CREATE INDEX chunks_by_document ON chunks (document);

CREATE TABLE vectors (
    chunk         INTEGER PRIMARY KEY REFERENCES chunks ON DELETE CASCADE,
    embedded_hash BLOB NOT NULL,
    vector        BLOB NOT NULL,        -- float32, little-endian
    checksum      INTEGER NOT NULL
);
CREATE INDEX vectors_by_hash ON vectors (embedded_hash);

CREATE TABLE words (
    chunk    INTEGER PRIMARY KEY REFERENCES chunks ON DELETE CASCADE,
    terms    BLOB NOT NULL,             -- uint32, little-endian, ascending
    counts   BLOB NOT NULL,             -- uint16, little-endian
    tokens   INTEGER NOT NULL,
    checksum INTEGER NOT NULL
);

{SPARSE}

CREATE TABLE terms (
    term   INTEGER PRIMARY KEY,         -- the CRC-32 of its stem, which so shows damage
    chunks INTEGER NOT NULL,            -- how many chunks have it: BM25's document frequency
    stem   TEXT NOT NULL
);

CREATE TABLE fields (
    number INTEGER PRIMARY KEY,
    name   TEXT NOT NULL UNIQUE
);

CREATE TABLE metadata_values (          -- metadata again, one value a row, for filters
    field    INTEGER NOT NULL REFERENCES fields,
    document INTEGER NOT NULL REFERENCES documents ON DELETE CASCADE,
    position INTEGER NOT NULL,          -- 0 the field itself, n the n-th element of its list
    kind     INTEGER NOT NULL,          -- filters.Kind
    value,                              -- NULL for a list or an object
    PRIMARY KEY (field, document, position)
) WITHOUT ROWID;
CREATE INDEX metadata_values_by_document ON metadata_values (document);
"""
