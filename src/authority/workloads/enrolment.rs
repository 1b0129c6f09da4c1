//! Hosts and bots that may come by a key of their own: invited and removed by an administrator.

use std::collections::BTreeSet;

use super::trusted::Workloads;
use crate::{
    authority::{Authority, Client, entrance::KEY},
    domain::{
        enrolment::{Enrolment, Progress},
        event::{Event, EventKind, Origin},
        failure::{Failure, Result},
        known::Outliving,
        principal::{Class, Principal},
        time::Timestamp,
    },
    store::{
        ending::Ending,
        enrolments,
        identities::{self, Identity, NO_ACCOUNT, Pinned},
        ledger::{Actor, Append, Appended, overtaken},
    },
};

/// Who is invited, and by which code.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Who that will be.
    pub principal: Principal,
    /// In which groups.
    pub groups: BTreeSet<String>,
    /// The hash of the join code ([`super::keys::code_hash`]), which is born with whoever invites.
    pub code: String,
    /// Until when it is taken.
    pub until: Timestamp,
}

impl Authority {
    /// Lets a host or a bot make itself known, once, until the code expires. The same invitation again
    /// is the same one.
    ///
    /// # Errors
    /// Denied (121): the caller does not administer this authority. Usage: somebody is called so already,
    /// or is somebody else's workload.
    pub async fn enrol(
        &self,
        workloads: &Workloads,
        client: &Client,
        invitation: &Invitation,
    ) -> Result<Enrolment> {
        self.administrator(client)?;
        let who = &invitation.principal;
        if who.class() != Class::Workload {
            return Err(Failure::usage(format!("{} is no workload", who.written()))
                .hint("people sign in with the company's provider; write a plain name, or workload/NAME"));
        }
        if workloads.may_make(who.name()) {
            return Err(Failure::usage(format!(
                "{} could be one of the [[workloads]] in server.toml",
                who.written()
            ))
            .hint("choose a name that none of their principals begins with"));
        }
        let invited = self.invite(Some(client), invitation, &client.origin);
        let invited = async { invited.await.map(Some) };
        self.answer_once(client, invited).await
    }

    /// The same without asking who invites: for the bootstrap of an authority, which has nobody yet.
    ///
    /// # Errors
    /// Usage: somebody is called so already.
    pub async fn invite(
        &self,
        by: Option<&Client>,
        invitation: &Invitation,
        origin: &Origin,
    ) -> Result<Enrolment> {
        let enrolment = Enrolment {
            principal: invitation.principal.clone(),
            groups: invitation.groups.clone(),
            made_by: by.map(|by| by.caller.principal.clone()),
            made_at: (self.clock)(),
            inviter: by.map(|by| by.caller.clone()),
            invited_from: by.and_then(|by| by.origin.address),
        };
        let what = "was invited by a join code".to_owned();
        let event = Event {
            by: enrolment.made_by.clone(),
            expires_at: Some(invitation.until),
            ..self.key_event(EventKind::Enrolled, &enrolment, what, origin)?
        };
        let code = &invitation.code;
        let now = (self.clock)();
        let voucher = self.store.voucher(now).await?;
        let append = match by {
            Some(client) => client.append(event),
            None => Append::new(event, Actor::Authority),
        };
        let append = append
            .only_if(enrolments::is_new(&enrolment.principal, code))
            .with(enrolments::invite(
                &enrolment,
                (code, invitation.until),
                &voucher,
            )?);
        let append = match by {
            Some(client) => self.idempotency(client).finish(append, &enrolment)?,
            None => append,
        };
        match self.store.ledger().append(append).await? {
            Appended::Written => Ok(enrolment),
            Appended::Overtaken => {
                let there = self.store.enrolment_by_code(code, now).await?;
                let there = there.map(|(there, _)| there);
                if let Some(there) = there.filter(|one| one.principal == enrolment.principal) {
                    return Ok(there);
                }
                if self.store.has_enrolment(&enrolment.principal).await? {
                    return Err(taken(&enrolment.principal));
                }
                Err(overtaken())
            }
        }
    }

    /// All enrolments, for whoever administers.
    ///
    /// # Errors
    /// Denied (121).
    pub async fn enrolments(&self, client: &Client) -> Result<Vec<(Enrolment, Progress)>> {
        self.administrator(client)?;
        self.store.enrolments((self.clock)()).await
    }

    /// Forgets an enrolment; its sessions, grants and requests end with it, and the name is free again. Gives the
    /// credentials that work all the same, since their targets cannot be told.
    ///
    /// # Errors
    /// Denied (121): the caller does not administer this authority, or nobody would be left who does.
    /// Usage: nobody of that name is enrolled.
    pub async fn unenrol(&self, client: &Client, who: &Principal) -> Result<Vec<Outliving>> {
        self.administrator(client)?;
        let now = (self.clock)();
        let all = self.store.enrolments(now).await?;
        let Some((enrolment, _)) = all.into_iter().find(|(one, _)| one.principal == *who) else {
            return Err(self.not_enrolled_here(who).await?);
        };
        let own = Identity {
            source: KEY.to_owned(),
            subject: who.name().to_owned(),
        };
        let is_theirs = matches!(
            self.store.pinned(who, &own, now).await?,
            Pinned::New | Pinned::Same
        );
        let is_person = who.class() == Class::Human;
        if is_person && is_theirs && !self.is_administered_without(who).await? {
            return Err(Failure::denied(format!(
                "without the key of {} nobody who was ever here may administer this authority",
                who.written()
            ))
            .hint("let another administrator sign in first"));
        }
        let what = "its enrolment was removed".to_owned();
        let event = Event {
            by: Some(client.caller.principal.clone()),
            account: (is_person && is_theirs).then(|| NO_ACCOUNT.into()),
            ..self.key_event(EventKind::SignedOut, &enrolment, what, &client.origin)?
        };
        let [keys, itself] = enrolments::remove(who);
        let append = client
            .append(event)
            .only_if(enrolments::is_enrolled(who))
            .with(keys)
            .with(itself)
            .with(identities::release_from(who, KEY))
            .ending(Ending::ShutOut(who.clone()), self.store.voucher(now).await?);
        match self.store.ledger().append(append).await? {
            Appended::Written => {
                let ended_at = (self.clock)();
                self.outliving(who, EventKind::SignedOut, ended_at).await
            }
            Appended::Overtaken if self.store.has_enrolment(who).await? => Err(overtaken()),
            Appended::Overtaken => Err(self.not_enrolled_here(who).await?),
        }
    }

    async fn not_enrolled_here(&self, who: &Principal) -> Result<Failure> {
        let failure = Failure::usage(format!("nobody is enrolled as {}", who.written()));
        let person = Principal::new(Class::Human, who.name())?;
        if *who != person && self.store.has_enrolment(&person).await? {
            let name = who.name();
            return Ok(failure.hint(format!("run: jit enrolments remove human/{name}")));
        }
        Ok(failure.hint("\"jit enrolments list\" lists who is"))
    }

    /// Those who joined by a code that `who` made, and may still come by their keys.
    pub(in crate::authority) async fn enrolled_by(
        &self,
        who: &Principal,
        now: Timestamp,
    ) -> Result<Vec<Principal>> {
        let all = self.store.enrolments(now).await?.into_iter();
        let joined = all.filter(|(one, progress)| {
            one.made_by.as_ref() == Some(who) && matches!(progress, Progress::Joined { .. })
        });
        Ok(joined.map(|(one, _)| one.principal).collect())
    }
}

fn taken(who: &Principal) -> Failure {
    let name = who.name();
    Failure::usage(format!("{} is enrolled already", who.written())).hint(format!(
        "choose another name, or remove it first: jit enrolments remove {name}"
    ))
}
