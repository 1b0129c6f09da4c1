//! The key that this machine is enrolled with at a server, sealed, and the one that is to replace it.
//!
//! A key is written before the server hears of it, and the old one goes only once the server has answered:
//! whatever is lost on the way, the same is said again with the same keys.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::{
    app::{sealed, session::Session},
    domain::{failure::Result, key::PrivateKey, time::Timestamp},
    platform::{assertion::Said, files, keys},
    remote::workload::present::Own,
};

/// How old a key becomes before it is replaced without anybody's doing.
const OLD: Duration = Duration::from_hours(24 * 30);

/// A key as it rests here.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct OwnKey {
    /// The key that counts.
    key: PrivateKey,
    /// Since when.
    made_at: Timestamp,
    /// The key that the server was told of, or is to be told of.
    #[serde(default)]
    next: Option<PrivateKey>,
    /// The join code that it came with, until the server has taken it.
    #[serde(default)]
    code: Option<String>,
}

/// Which of this machine's keys at a server.
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// The enrolled one.
    Enrolled,
    /// One that is to be enrolled by a join code.
    Joining,
}

impl OwnKey {
    /// The key that is enrolled here; none where this machine is not.
    pub(super) fn enrolled(session: &Session, server: &str) -> Result<Option<Self>> {
        sealed::read(session, Slot::Enrolled.as_str(), server)
    }

    /// The key for a join code: the same one for the same code, since the first answer may be lost.
    pub(super) fn joining(session: &Session, server: &str, code: &str) -> Result<Self> {
        let waiting: Option<Self> = sealed::read(session, Slot::Joining.as_str(), server)?;
        let waiting = waiting.filter(|own| own.code.as_deref() == Some(code));
        if let Some(own) = waiting {
            return Ok(own);
        }
        let own = Self {
            key: keys::generate()?,
            made_at: (session.clock)(),
            next: None,
            code: Some(code.to_owned()),
        };
        own.write(session, server, Slot::Joining)?;
        Ok(own)
    }

    /// The same with a key beside it that is to replace it, where it is old or that is wished.
    pub(super) fn aged(mut self, session: &Session, server: &str, rotate: Rotate) -> Result<Self> {
        let now = (session.clock)();
        let is_old = self.made_at.after(OLD) <= now;
        if self.next.is_none() && (is_old || rotate == Rotate::Now) {
            self.next = Some(keys::generate()?);
            self.write(session, server, Slot::Enrolled)?;
        }
        Ok(self)
    }

    /// What it has to say.
    pub(super) fn says(&self) -> Own {
        Own {
            key: self.key.clone(),
            said: Said {
                code: self.code.clone(),
                next: self.next.as_ref().map(PrivateKey::public),
            },
        }
    }

    /// The server has heard it: from now on the newer key counts.
    pub(super) fn heard(self, session: &Session, server: &str) -> Result<()> {
        let was_joining = self.code.is_some();
        let (replaced, key) = match self.next {
            Some(next) => (true, next),
            None => (false, self.key),
        };
        if !was_joining && !replaced {
            return Ok(());
        }
        let own = Self {
            key,
            made_at: (session.clock)(),
            next: None,
            code: None,
        };
        own.write(session, server, Slot::Enrolled)?;
        files::remove(&sealed::file(session, Slot::Joining.as_str(), server))
    }

    fn write(&self, session: &Session, server: &str, slot: Slot) -> Result<()> {
        sealed::write(session, slot.as_str(), server, self)
    }
}

/// Whether a key is to be replaced.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Rotate {
    /// Once it is old.
    #[default]
    WhenOld,
    /// Now.
    Now,
}

impl Slot {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Enrolled => "key",
            Self::Joining => "joining",
        }
    }
}
