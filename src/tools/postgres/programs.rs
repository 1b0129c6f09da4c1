//! The programs of libpq whose command lines are read: PostgreSQL 15 to 18.
//!
//! Of the long options only those are listed that take a value (a word behind them is no database)
//! or that mean something here; the others are passed over.

use crate::tools::getopt::Grammar;

/// A program and what its command line says about the connection.
#[derive(Debug)]
pub struct Program {
    /// Its name.
    pub name: &'static str,
    /// Its options. `h`, `p` and `U` are host, port and user in all of them, `V` and `?` only print.
    pub grammar: Grammar,
    /// The options that name the database, or a connection string; the first that is given counts.
    pub database: &'static [char],
    /// What its words are.
    pub words: Words,
    /// Whether it connects to a database of its own choice where none is named.
    pub own_database: OwnDatabase,
    /// Whether it is run to change something.
    pub writes: bool,
}

/// What the words of a command line are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Words {
    /// The database, then the user.
    DatabaseAndUser,
    /// The database.
    Database,
    /// Nothing about the connection.
    Other,
}

/// Whether a program connects to a database of its own choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OwnDatabase {
    /// It does not.
    Never,
    /// It does with this option.
    With(char),
    /// It does.
    Always,
}

/// The program of that name, if its command line can be read.
pub fn named(name: &str) -> Option<&'static Program> {
    PROGRAMS.iter().find(|program| program.name == name)
}

/// Stands for a long option that means nothing here.
const NONE: char = '\0';

const PROGRAMS: [Program; 9] = [
    PSQL, PG_DUMP, PG_DUMPALL, PG_RESTORE, PGBENCH, VACUUMDB, REINDEXDB, CREATEDB, DROPDB,
];

const PSQL: Program = Program {
    name: "psql",
    grammar: Grammar {
        short: "aAbc:d:eEf:F:h:HlL:no:p:P:qR:sStT:U:v:VwWxXz?01",
        long: &[
            ("command", 'c', true),
            ("csv", '2', false),
            ("dbname", 'd', true),
            ("echo-all", 'a', false),
            ("echo-errors", 'b', false),
            ("echo-hidden", 'E', false),
            ("echo-queries", 'e', false),
            ("expanded", 'x', false),
            ("field-separator", 'F', true),
            ("field-separator-zero", 'z', false),
            ("file", 'f', true),
            ("help", '?', false),
            ("host", 'h', true),
            ("html", 'H', false),
            ("list", 'l', false),
            ("log-file", 'L', true),
            ("no-align", 'A', false),
            ("no-password", 'w', false),
            ("no-psqlrc", 'X', false),
            ("no-readline", 'n', false),
            ("output", 'o', true),
            ("password", 'W', false),
            ("port", 'p', true),
            ("pset", 'P', true),
            ("quiet", 'q', false),
            ("record-separator", 'R', true),
            ("record-separator-zero", '0', false),
            ("set", 'v', true),
            ("single-line", 'S', false),
            ("single-step", 's', false),
            ("single-transaction", '1', false),
            ("table-attr", 'T', true),
            ("tuples-only", 't', false),
            ("username", 'U', true),
            ("variable", 'v', true),
            ("version", 'V', false),
        ],
        permutes: true,
    },
    database: &['d'],
    words: Words::DatabaseAndUser,
    own_database: OwnDatabase::With('l'),
    writes: false,
};

const PG_DUMP: Program = Program {
    name: "pg_dump",
    grammar: Grammar {
        short: "abBcCd:e:E:f:F:h:j:n:N:Op:RsS:t:T:U:vVwWxXZ:?",
        long: &[
            ("compress", 'Z', true),
            ("dbname", 'd', true),
            ("encoding", 'E', true),
            ("exclude-extension", NONE, true),
            ("exclude-schema", 'N', true),
            ("exclude-table", 'T', true),
            ("exclude-table-and-children", NONE, true),
            ("exclude-table-data", NONE, true),
            ("exclude-table-data-and-children", NONE, true),
            ("extension", 'e', true),
            ("extra-float-digits", NONE, true),
            ("file", 'f', true),
            ("filter", NONE, true),
            ("format", 'F', true),
            ("help", '?', false),
            ("host", 'h', true),
            ("include-foreign-data", NONE, true),
            ("jobs", 'j', true),
            ("lock-wait-timeout", NONE, true),
            ("port", 'p', true),
            ("restrict-key", NONE, true),
            ("role", NONE, true),
            ("rows-per-insert", NONE, true),
            ("schema", 'n', true),
            ("schema-only", 's', false),
            ("section", NONE, true),
            ("snapshot", NONE, true),
            ("superuser", 'S', true),
            ("sync-method", NONE, true),
            ("table", 't', true),
            ("table-and-children", NONE, true),
            ("username", 'U', true),
            ("version", 'V', false),
        ],
        permutes: true,
    },
    database: &['d'],
    words: Words::Database,
    own_database: OwnDatabase::Never,
    writes: false,
};

const PG_DUMPALL: Program = Program {
    name: "pg_dumpall",
    grammar: Grammar {
        short: "acd:E:f:F:gh:l:Op:rsS:tU:vVwWx?",
        long: &[
            ("database", 'l', true),
            ("dbname", 'd', true),
            ("encoding", 'E', true),
            ("exclude-database", NONE, true),
            ("extra-float-digits", NONE, true),
            ("file", 'f', true),
            ("filter", NONE, true),
            ("format", 'F', true),
            ("help", '?', false),
            ("host", 'h', true),
            ("lock-wait-timeout", NONE, true),
            ("port", 'p', true),
            ("restrict-key", NONE, true),
            ("role", NONE, true),
            ("roles-only", 'r', false),
            ("rows-per-insert", NONE, true),
            ("superuser", 'S', true),
            ("username", 'U', true),
            ("version", 'V', false),
        ],
        permutes: true,
    },
    database: &['d', 'l'],
    words: Words::Other,
    own_database: OwnDatabase::Always,
    writes: false,
};

const PG_RESTORE: Program = Program {
    name: "pg_restore",
    grammar: Grammar {
        short: "acCd:ef:F:gh:I:j:lL:n:N:Op:P:RsS:t:T:U:vVwWx1?",
        long: &[
            ("dbname", 'd', true),
            ("exclude-database", NONE, true),
            ("exclude-schema", 'N', true),
            ("file", 'f', true),
            ("filter", NONE, true),
            ("format", 'F', true),
            ("function", 'P', true),
            ("help", '?', false),
            ("host", 'h', true),
            ("index", 'I', true),
            ("jobs", 'j', true),
            ("port", 'p', true),
            ("restrict-key", NONE, true),
            ("role", NONE, true),
            ("schema", 'n', true),
            ("schema-only", 's', false),
            ("section", NONE, true),
            ("superuser", 'S', true),
            ("table", 't', true),
            ("transaction-size", NONE, true),
            ("trigger", 'T', true),
            ("use-list", 'L', true),
            ("username", 'U', true),
            ("version", 'V', false),
        ],
        permutes: true,
    },
    database: &['d'],
    words: Words::Other,
    own_database: OwnDatabase::Never,
    writes: true,
};

/// `-d` names the database from version 17 on, and asks for debugging output before, where the word
/// behind it is the database all the same.
const PGBENCH: Program = Program {
    name: "pgbench",
    grammar: Grammar {
        short: "b:c:Cd:D:f:F:h:iI:j:lL:M:nNp:P:qrR:s:St:T:U:vV?",
        long: &[
            ("aggregate-interval", NONE, true),
            ("builtin", 'b', true),
            ("client", 'c', true),
            ("dbname", 'd', true),
            ("define", 'D', true),
            ("file", 'f', true),
            ("fillfactor", 'F', true),
            ("help", '?', false),
            ("host", 'h', true),
            ("index-tablespace", NONE, true),
            ("init-steps", 'I', true),
            ("initialize", 'i', false),
            ("jobs", 'j', true),
            ("latency-limit", 'L', true),
            ("log", 'l', false),
            ("log-prefix", NONE, true),
            ("max-tries", NONE, true),
            ("partition-method", NONE, true),
            ("partitions", NONE, true),
            ("port", 'p', true),
            ("progress", 'P', true),
            ("progress-timestamp", NONE, false),
            ("protocol", 'M', true),
            ("random-seed", NONE, true),
            ("rate", 'R', true),
            ("sampling-rate", NONE, true),
            ("scale", 's', true),
            ("show-script", NONE, true),
            ("tablespace", NONE, true),
            ("time", 'T', true),
            ("transactions", 't', true),
            ("username", 'U', true),
            ("version", 'V', false),
        ],
        permutes: true,
    },
    database: &['d'],
    words: Words::Database,
    own_database: OwnDatabase::Never,
    writes: true,
};

const VACUUMDB: Program = Program {
    name: "vacuumdb",
    grammar: Grammar {
        short: "ad:efFh:j:n:N:p:P:qt:U:vVwWzZ?",
        long: &[
            ("all", 'a', false),
            ("buffer-usage-limit", NONE, true),
            ("dbname", 'd', true),
            ("exclude-schema", 'N', true),
            ("help", '?', false),
            ("host", 'h', true),
            ("jobs", 'j', true),
            ("maintenance-db", 'M', true),
            ("min-mxid-age", NONE, true),
            ("min-xid-age", NONE, true),
            ("parallel", 'P', true),
            ("port", 'p', true),
            ("schema", 'n', true),
            ("table", 't', true),
            ("username", 'U', true),
            ("version", 'V', false),
        ],
        permutes: true,
    },
    database: &['d', 'M'],
    words: Words::Database,
    own_database: OwnDatabase::With('a'),
    writes: true,
};

const REINDEXDB: Program = Program {
    name: "reindexdb",
    grammar: Grammar {
        short: "ad:eh:i:j:p:qsS:t:U:vVwW?",
        long: &[
            ("all", 'a', false),
            ("dbname", 'd', true),
            ("help", '?', false),
            ("host", 'h', true),
            ("index", 'i', true),
            ("jobs", 'j', true),
            ("maintenance-db", 'M', true),
            ("port", 'p', true),
            ("schema", 'S', true),
            ("table", 't', true),
            ("tablespace", NONE, true),
            ("username", 'U', true),
            ("version", 'V', false),
        ],
        permutes: true,
    },
    database: &['d', 'M'],
    words: Words::Database,
    own_database: OwnDatabase::With('a'),
    writes: true,
};

const CREATEDB: Program = Program {
    name: "createdb",
    grammar: Grammar {
        short: "D:eE:h:l:O:p:S:T:U:VwW?",
        long: &[
            ("builtin-locale", NONE, true),
            ("encoding", 'E', true),
            ("help", '?', false),
            ("host", 'h', true),
            ("icu-locale", NONE, true),
            ("icu-rules", NONE, true),
            ("lc-collate", NONE, true),
            ("lc-ctype", NONE, true),
            ("locale", 'l', true),
            ("locale-provider", NONE, true),
            ("maintenance-db", 'M', true),
            ("owner", 'O', true),
            ("port", 'p', true),
            ("strategy", 'S', true),
            ("tablespace", 'D', true),
            ("template", 'T', true),
            ("username", 'U', true),
            ("version", 'V', false),
        ],
        permutes: true,
    },
    database: &['M'],
    words: Words::Other,
    own_database: OwnDatabase::Always,
    writes: true,
};

const DROPDB: Program = Program {
    name: "dropdb",
    grammar: Grammar {
        short: "efh:ip:U:VwW?",
        long: &[
            ("help", '?', false),
            ("host", 'h', true),
            ("maintenance-db", 'M', true),
            ("port", 'p', true),
            ("username", 'U', true),
            ("version", 'V', false),
        ],
        permutes: true,
    },
    database: &['M'],
    words: Words::Other,
    own_database: OwnDatabase::Always,
    writes: true,
};
