//! What a client does with its calls and with the answers.

use crate::model::Broken;
use crate::rules::{Mistake, Stamp};
use crate::scenario::{Repetition, Scenario, Wish};
use crate::state::{Answer, Call, Fence, Request, State};

impl Scenario {
    pub fn begin(&self, state: &mut State, client: usize, wish: Wish) {
        let request = self.compose(state, client, state.calls, wish);
        state.calls += 1;
        let call = Call {
            request,
            fence: None,
            answer: None,
            is_in_doubt: false,
            was_always_covered: state.balance + wish.amount >= 0,
        };
        if let Some(place) = state.clients[client].calls.iter_mut().find(|it| it.is_none()) {
            *place = Some(call);
        }
    }

    /// An attempt of a call arrives at the database.
    pub fn arrive(
        &self,
        state: &mut State,
        client: usize,
        place: usize,
        is_token_remembered: bool,
    ) -> Result<(), Broken> {
        let Some(call) = state.clients[client].calls[place] else { return Ok(()) };
        let answer = match call.fence {
            None => self.write(state, call.request, is_token_remembered)?,
            Some(fence) => self.fence(state, fence),
        };
        if let Some(call) = &mut state.clients[client].calls[place] {
            call.answer = Some(answer);
        }
        Ok(())
    }

    pub fn hear(&self, state: &mut State, client: usize, place: usize) -> Result<(), Broken> {
        let Some(mut call) = state.clients[client].calls[place] else { return Ok(()) };
        let Some(answer) = call.answer.take() else { return Ok(()) };
        if let Answer::Refused { stamp, .. } | Answer::Fenced { stamp } = answer {
            self.learn(state, client, stamp);
        }
        match answer {
            Answer::Committed => return succeed(state, client, place, call),
            Answer::KeyTaken { by } => return self.find_key_taken(state, client, place, call, by),
            Answer::Refused { is_covered: true, stamp } => {
                // Only the epoch was against it.
                call.is_in_doubt &= !self.design.excludes(stamp, call.request.mark);
                call.request = self.compose_again(state, client, call.request);
            }
            Answer::Refused { is_covered: false, stamp } => {
                call.fence = self.fence_before_refusal(state, client, call, stamp);
                if call.fence.is_none() {
                    return refuse(state, client, place, call);
                }
            }
            Answer::Fenced { .. } => {
                call.fence = self.fence_after_fence(state, client, call);
                if call.fence.is_none() {
                    return refuse(state, client, place, call);
                }
            }
        }
        state.clients[client].calls[place] = Some(call);
        Ok(())
    }

    /// The client waits no longer for an attempt and makes another one.
    pub fn repeat(&self, state: &mut State, client: usize, place: usize) {
        let Some(mut call) = state.clients[client].calls[place] else { return };
        state.unanswered += 1;
        state.haunt(call.ghost());
        call.answer = None;
        if call.fence.is_none() {
            let forgets_doubt = self.mistake == Mistake::DoubtForgottenOnRepetition;
            call.is_in_doubt = !forgets_doubt;
            if forgets_doubt || self.repetition == Repetition::NewEpoch {
                call.request = self.compose_again(state, client, call.request);
            }
        }
        state.clients[client].calls[place] = Some(call);
    }

    /// The caller is told that the outcome is unknown.
    pub fn give_up(&self, state: &mut State, client: usize, place: usize) {
        let Some(call) = state.clients[client].calls[place].take() else { return };
        state.given_up += 1;
        state.haunt(call.ghost());
        let it = &mut state.clients[client];
        for key in call.request.keys.iter() {
            it.is_refused[key] = false;
        }
        let is_remembered = match self.mistake {
            Mistake::AbandonedRequestForgotten => false,
            Mistake::AbandonedOnlyWhenInDoubt => call.is_in_doubt,
            _ => true,
        };
        if is_remembered {
            it.abandoned = self.design.both(it.abandoned, call.request.mark);
        }
    }

    fn compose(&self, state: &State, client: usize, call: u8, wish: Wish) -> Request {
        let Wish { keys, amount } = wish;
        let it = &state.clients[client];
        let mark = self.design.mark(call, state.now + it.clock, self.epoch_length, it.learnt);
        let owner = u8::try_from(client).expect("there are few clients");
        Request { call, owner, keys, amount, mark, composed: state.now }
    }

    fn compose_again(&self, state: &State, client: usize, request: Request) -> Request {
        let Request { call, keys, amount, .. } = request;
        self.compose(state, client, call, Wish { keys, amount })
    }

    fn learn(&self, state: &mut State, client: usize, stamp: Stamp) {
        if self.mistake != Mistake::EpochNeverLearnt {
            let learnt = &mut state.clients[client].learnt;
            *learnt = self.design.learn(stamp).max(*learnt);
        }
    }

    /// What has to stand before a refusal is told that saw this stamp.
    fn fence_before_refusal(
        &self,
        state: &State,
        client: usize,
        call: Call,
        stamp: Stamp,
    ) -> Option<Fence> {
        let Request { keys, mark, .. } = call.request;
        let in_doubt = call.is_in_doubt && self.mistake != Mistake::RefusalWithoutFence;
        let own = in_doubt.then_some(mark).filter(|&mark| !self.design.excludes(stamp, mark));
        let abandoned = self.abandoned(state, client, stamp);
        let abandoned =
            abandoned.filter(|_| own.is_none() || self.mistake != Mistake::FenceForOwnRequestOnly);
        // The records of one request are written together or not at all. But an abandoned request
        // may have had any of the keys.
        let checks_first_only =
            abandoned.is_none() || self.mistake == Mistake::FenceChecksFirstRecordOnly;
        let absent = if checks_first_only { keys.first() } else { keys };
        let mark = match (own, abandoned) {
            (Some(own), Some(abandoned)) => self.design.both(own, abandoned),
            (own, abandoned) => own.or(abandoned)?,
        };
        Some(Fence { absent, mark })
    }

    /// Another call may have been given up while the fence was put up.
    fn fence_after_fence(&self, state: &State, client: usize, call: Call) -> Option<Fence> {
        if matches!(
            self.mistake,
            Mistake::AbandonedDuringFenceIgnored | Mistake::FenceForOwnRequestOnly
        ) {
            return None;
        }
        let stamp = self.design.after_fence(Stamp::default(), call.fence?.mark, Mistake::None);
        let mark = self.abandoned(state, client, stamp)?;
        Some(Fence { absent: call.request.keys, mark })
    }

    /// What stands for the abandoned requests that may still take effect.
    fn abandoned(&self, state: &State, client: usize, stamp: Stamp) -> Option<u8> {
        let mark = state.clients[client].abandoned;
        (mark != 0 && !self.design.excludes(stamp, mark)).then_some(mark)
    }

    fn find_key_taken(
        &self,
        state: &mut State,
        client: usize,
        place: usize,
        call: Call,
        by: u8,
    ) -> Result<(), Broken> {
        if by == call.request.call && self.mistake != Mistake::OwnRecordTakenForDuplicate {
            return succeed(state, client, place, call);
        }
        let mut records = call.request.keys.iter().filter_map(|key| state.records[key]);
        if records.any(|entry| entry.call == call.request.call) {
            return Err(Broken::NotOnesOwnDuplicate);
        }
        end(state, client, place, call, false);
        Ok(())
    }
}

fn succeed(state: &mut State, client: usize, place: usize, call: Call) -> Result<(), Broken> {
    for key in call.request.keys.iter() {
        match &mut state.records[key] {
            Some(entry) if entry.call == call.request.call => entry.is_confirmed = true,
            _ => return Err(Broken::ConfirmedIsRecorded),
        }
    }
    end(state, client, place, call, false);
    Ok(())
}

fn refuse(state: &mut State, client: usize, place: usize, call: Call) -> Result<(), Broken> {
    if call.was_always_covered {
        return Err(Broken::RefusedForAReason);
    }
    end(state, client, place, call, true);
    // By this call, or by an earlier one of this client that ended unknown.
    let is_recorded = |key: usize| {
        state.records[key].is_some_and(|entry| {
            usize::from(entry.owner) == client
                && !entry.is_confirmed
                && !state.is_living(entry.owner, entry.call)
        })
    };
    if call.request.keys.iter().any(is_recorded) {
        return Err(Broken::RefusedStaysRefused);
    }
    Ok(())
}

fn end(state: &mut State, client: usize, place: usize, call: Call, is_refused: bool) {
    let it = &mut state.clients[client];
    it.calls[place] = None;
    for key in call.request.keys.iter() {
        it.is_refused[key] = is_refused;
    }
}
