//! Whose a lease is: of one configuration directory, and of one job of a CI where there is one.

use crate::{
    domain::{entitlement::Entitlement, environment::Places},
    platform::configuration,
};

/// How the name of a lease ends.
pub(super) const SUFFIX: &str = "lease";
/// Hexadecimal digits of a digest in the name of a file.
const DIGITS: usize = 16;

/// What tells the leases of one configuration directory, or of one job, from all others in the same
/// directory. What one configuration's policies allow is nothing that another one has decided.
pub(super) struct Owner {
    suffix: String,
    sealed: String,
    has_job: bool,
}

impl Owner {
    pub(super) fn of(places: &Places) -> Self {
        let configuration = configuration::digest(&places.configuration);
        let job = places.job.as_deref();
        let mut suffix = String::new();
        for name in [Some(&*configuration), job].into_iter().flatten() {
            suffix.push(',');
            suffix.push_str(name.get(..DIGITS).unwrap_or(name));
        }
        Self {
            suffix,
            sealed: match job {
                Some(job) => format!("{configuration} of {job}"),
                None => configuration,
            },
            has_job: job.is_some(),
        }
    }

    /// The end of the name of a file, which says nothing of a job's token: `,0123456789abcdef`, and
    /// as much again of a job.
    pub(super) fn suffix(&self) -> &str {
        &self.suffix
    }

    /// As what a lease is sealed.
    pub(super) fn sealed_as(&self, entitlement: &Entitlement) -> String {
        format!("{entitlement} under {}", self.sealed)
    }

    /// Whether a lease or a lock of that name is another job's, or of a version that knew no
    /// configuration directories. Those of another configuration directory stay.
    pub(super) fn leaves(&self, file: &str) -> bool {
        let Some((stem, end)) = file.rsplit_once('.') else {
            return false;
        };
        if ![SUFFIX, "lock"].contains(&end) {
            return false;
        }
        match stem.matches(',').count() {
            2 => true,
            4 => !(self.has_job && stem.ends_with(&self.suffix)),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;

    fn owner(configuration: &str, job: Option<&str>) -> Owner {
        Owner::of(&Places {
            configuration: configuration.into(),
            state: PathBuf::new(),
            cache: PathBuf::new(),
            runtime: PathBuf::new(),
            job: job.map(str::to_owned),
        })
    }

    #[test]
    fn a_configuration_directory_is_the_same_however_it_is_written() {
        let plain = owner("/c/jit", None);
        for same in ["/c/jit/", "/c/./jit", "//c//jit"] {
            assert_eq!(owner(same, None).suffix(), plain.suffix(), "{same}");
        }
        let name = "aws/prod:read".parse().unwrap();
        for other in [owner("/c/other", None), owner("/c/jit", Some("job"))] {
            assert_ne!(other.suffix(), plain.suffix());
            assert_ne!(other.sealed_as(&name), plain.sealed_as(&name));
        }
    }

    #[test]
    fn only_what_nobody_can_open_any_longer_is_left_behind() {
        let (plain, job) = (owner("/c", None), owner("/c", Some("0123")));
        let own = format!("aws,prod,read{}.lease", job.suffix());
        assert!(plain.leaves(&own) && !job.leaves(&own));
        assert!(plain.leaves("aws,prod,read.lock"));
        for stays in [
            format!("aws,prod,read{}.lease", plain.suffix()),
            "aws,prod,read,0123456789abcdef.lease".to_owned(),
            "other".to_owned(),
        ] {
            assert!(!plain.leaves(&stays) && !job.leaves(&stays), "{stays}");
        }
    }
}
