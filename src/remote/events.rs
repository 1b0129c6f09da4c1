//! The ledger of a server: read by pages, and verified where it is.

use std::collections::VecDeque;

use super::{
    link::{Call, MANY, Shown},
    session::Remote,
};
use crate::{
    domain::{
        event::{Entry, EventFilter},
        failure::Result,
        principal::Principal,
        time::Timestamp,
    },
    protocol::{
        checkpoint::Checkpoints,
        event::{EventPage, Verification},
        path,
    },
};

/// What a server gives at once, at most.
const PAGE: u32 = 1000;
/// A hostile server could turn pages for ever.
const MOST_PAGES: usize = 100_000;

impl Remote {
    /// The entries that the filter selects, the oldest first, each page handed to `show`.
    ///
    /// # Errors
    /// What the server says, or what `show` does.
    pub async fn events(
        &self,
        filter: &EventFilter,
        mut show: impl FnMut(&[Entry]) -> Result<()>,
    ) -> Result<()> {
        let Some(most) = filter.limit.filter(|most| *most > PAGE) else {
            return self.pages(filter, show).await;
        };
        // The newest so many are more than a page: all are looked at, and these kept.
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let all = EventFilter {
            limit: None,
            ..filter.clone()
        };
        let mut newest: VecDeque<Entry> = VecDeque::new();
        let keep = |page: &[Entry]| {
            newest.extend(page.iter().cloned());
            newest.drain(..newest.len().saturating_sub(most));
            Ok(())
        };
        self.pages(&all, keep).await?;
        show(newest.make_contiguous())
    }

    async fn pages(
        &self,
        filter: &EventFilter,
        mut show: impl FnMut(&[Entry]) -> Result<()>,
    ) -> Result<()> {
        let mut after = filter.after;
        for _ in 0..MOST_PAGES {
            let page: EventPage = self.call(&self.page(filter, after)).await?.json()?;
            show(&page.events)?;
            match page.next {
                Some(next) if after.is_none_or(|after| after < next) => after = Some(next),
                Some(_) => return Err(self.foreign("its next page is this one")),
                None => return Ok(()),
            }
        }
        Err(self.foreign("its pages do not end"))
    }

    fn page(&self, filter: &EventFilter, after: Option<i64>) -> Call<'_> {
        let call = Call {
            most: MANY,
            ..Call::get(path::EVENTS, self.shown())
        };
        call.with("after", after.map(|after| after.to_string()))
            .with(
                "principal",
                filter.principal.as_ref().map(Principal::written),
            )
            .with("approver", filter.by.as_ref().map(Principal::written))
            .with("kind", filter.kind.as_ref().map(ToString::to_string))
            .with("resource", filter.resource.clone())
            .with("role", filter.role.clone())
            .with("grant", filter.grant.as_ref().map(ToString::to_string))
            .with("since", filter.since.as_ref().map(Timestamp::to_string))
            .with("until", filter.until.as_ref().map(Timestamp::to_string))
            .with("limit", filter.limit.map(|limit| limit.to_string()))
    }

    /// The entry at that place, if there is one.
    pub async fn entry(&self, seq: i64) -> Result<Option<Entry>> {
        let filter = EventFilter {
            limit: Some(1),
            ..EventFilter::default()
        };
        let call = self.page(&filter, Some(seq - 1));
        let page: EventPage = self.call(&call).await?.json()?;
        Ok(page.events.into_iter().find(|entry| entry.seq == seq))
    }

    /// The newest checkpoint, as the server signed it.
    pub async fn newest_checkpoint(&self) -> Result<Option<String>> {
        let call = Call::get(path::CHECKPOINTS, Shown::Nothing);
        let call = call.with("newest", Some("true".to_owned()));
        let found: Checkpoints = self.call(&call).await?.json()?;
        Ok(found.checkpoints.into_iter().next().map(|one| one.note))
    }

    /// Whether the server's ledger is whole, by its own word.
    pub async fn verify(&self) -> Result<Verification> {
        let call = Call::get(path::VERIFICATION, self.shown());
        self.call(&call).await?.json()
    }
}
