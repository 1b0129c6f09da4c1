//! What is known of a program of libpq: how its command line says where it connects.

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

/// Stands for a long option that means nothing here.
pub const NONE: char = '\0';
