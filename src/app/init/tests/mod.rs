//! What is found in a home directory, a friendly one and a hostile one.

mod home;
mod hostile;
mod proposed;
mod written;
