//! Who comes to a server, and who may not any more.

use reqwest::Method;

use super::{
    link::{Body, Call, MANY},
    session::Remote,
};
use crate::{
    domain::{failure::Result, principal::Principal},
    protocol::{
        path,
        principal::{PrincipalChange, PrincipalList, PrincipalView},
    },
};

impl Remote {
    /// Everybody who was ever let in.
    pub async fn principals(&self) -> Result<Vec<PrincipalView>> {
        let call = Call {
            most: MANY,
            ..Call::get(path::PRINCIPALS, self.shown())
        };
        let list: PrincipalList = self.call(&call).await?.json()?;
        Ok(list.principals)
    }

    /// Disables or enables somebody; how they stand then.
    pub async fn change_principal(
        &self,
        who: &Principal,
        change: &PrincipalChange,
    ) -> Result<PrincipalView> {
        let class = who.class().as_str().to_lowercase();
        let path = path::of(path::PRINCIPAL, &[&class, who.name()]);
        let call = Call {
            method: Method::PATCH,
            body: Body::json(change)?,
            ..Call::get(path, self.shown())
        };
        self.call(&call).await?.json()
    }
}
