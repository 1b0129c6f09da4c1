//! Which entitlements somebody could have, whatever it takes: a reason, people, an emergency, another sign-in.

use super::{
    question::{Asked, Question, Subject},
    set::Policies,
    sign_in::signed_in,
    vocabulary::Action,
};

impl Policies {
    /// For each of these entitlements, whether any way leads to it, obligations aside: at once, by asking people,
    /// in an emergency, or after another sign-in. The question's own entitlement is not looked at.
    pub fn obtainable(&self, question: &Question<'_>, subjects: &[Subject<'_>]) -> Vec<bool> {
        let mut found = self.obtainable_now(question, subjects);
        for (sign_in, _) in self.candidates(question) {
            let left = subjects
                .iter()
                .zip(&mut found)
                .filter(|(_, found)| !**found);
            let (left, places): (Vec<Subject<'_>>, Vec<&mut bool>) =
                left.map(|(subject, found)| (*subject, found)).unzip();
            let then = signed_in(question, &sign_in, |question| {
                self.obtainable_now(question, &left)
            });
            for (place, then) in places.into_iter().zip(then) {
                *place = then;
            }
        }
        found
    }

    fn obtainable_now(&self, question: &Question<'_>, subjects: &[Subject<'_>]) -> Vec<bool> {
        let Ok(asked) = Asked::about(question, subjects, &self.words) else {
            return vec![false; subjects.len()];
        };
        let ways = Action::ALL.into_iter().filter(|action| action.obtains());
        let is_obtainable = |asked: &Asked| {
            let mut ways = ways.clone();
            ways.any(|way| self.rule(way, asked).is_permitted())
        };
        asked.iter().map(is_obtainable).collect()
    }
}
