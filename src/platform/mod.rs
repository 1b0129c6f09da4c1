//! What the operating system gives: clock, files, processes, terminal, keys, keyring.

pub mod assertion;
pub mod clock;
pub mod copies;
pub mod date;
mod farewell;
pub mod files;
pub mod forwarded;
pub mod http;
pub mod ini;
pub mod keyring;
pub mod keys;
pub mod local_time;
pub mod lock;
pub mod passwd;
pub mod pem;
pub mod postgres_tls;
pub mod process;
pub mod profiles;
pub mod proof;
pub mod proxy_header;
pub mod seal;
pub mod sealing;
pub mod secret;
pub mod shell_words;
pub mod terminal;
pub mod tls;
pub mod vigil;
