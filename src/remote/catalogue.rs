//! The part of a server's catalogue that the caller may see.

use super::{
    link::{Call, MANY},
    session::Remote,
};
use crate::{
    domain::failure::Result,
    protocol::{catalogue::CatalogueView, path},
};

impl Remote {
    /// The catalogue, as the server says it; whoever keeps it checks it.
    pub async fn catalogue(&self) -> Result<CatalogueView> {
        let call = Call {
            most: MANY,
            ..Call::get(path::RESOURCES, self.shown())
        };
        self.call(&call).await?.json()
    }
}
