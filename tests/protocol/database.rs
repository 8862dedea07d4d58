//! What arrives at the database. Everything but the answer happens at one instant.

use crate::model::Broken;
use crate::rules::{Mistake, Stamp};
use crate::scenario::{ForeignWriter, Keys, Scenario, WindowBreach};
use crate::state::{Answer, Client, Entry, Fence, Request, State};

impl Scenario {
    /// The records and the balance, or neither.
    pub fn write(
        &self,
        state: &mut State,
        request: Request,
        is_token_remembered: bool,
    ) -> Result<Answer, Broken> {
        if let Some(entry) = first_record(state, request.keys)
            && self.mistake != Mistake::RecordIgnored
        {
            return Ok(if is_token_remembered && entry.call == request.call {
                Answer::Committed
            } else {
                Answer::KeyTaken { by: entry.call }
            });
        }
        let is_covered = state.balance + request.amount >= 0;
        let is_too_early = self.design.refuses(state.stamp, request.mark);
        if (!is_covered && self.mistake != Mistake::BalanceIgnored)
            || (is_too_early && self.mistake != Mistake::WriteIgnoresEpoch)
        {
            return Ok(Answer::Refused { is_covered, stamp: state.stamp });
        }
        check_refusals(state, request)?;
        self.check_window(state, request)?;
        state.latest_composed = state.latest_composed.max(request.composed + 1);
        state.stamp = self.design.after_write(state.stamp, request.mark);
        let mut amount = request.amount;
        for key in request.keys.iter() {
            let Request { call, owner, .. } = request;
            state.records[key] = Some(Entry { call, owner, amount, is_confirmed: false });
            amount = 0;
        }
        state.balance += request.amount;
        note_coverage(state);
        self.check_balance(state)?;
        Ok(Answer::Committed)
    }

    pub fn fence(&self, state: &mut State, fence: Fence) -> Answer {
        if let Some(entry) = first_record(state, fence.absent)
            && self.mistake != Mistake::FenceIgnoresRecord
        {
            return Answer::KeyTaken { by: entry.call };
        }
        state.stamp = self.design.after_fence(state.stamp, fence.mark, self.mistake);
        Answer::Fenced { stamp: state.stamp }
    }

    pub fn write_foreign(&self, state: &mut State) {
        const AMOUNT: i8 = 2;
        state.foreign_writes += 1;
        state.foreign += AMOUNT;
        state.balance += AMOUNT;
        state.latest_composed = state.now + 1;
        if self.foreign_writer == ForeignWriter::ReplacesItem {
            state.stamp = Stamp::default();
        }
        note_coverage(state);
    }

    fn check_window(&self, state: &State, request: Request) -> Result<(), Broken> {
        let is_refused_elsewhere =
            |key: usize| {
                state.is_refused_by_nobody[key]
                    || state.clients.iter().enumerate().any(|(client, it)| {
                        client != usize::from(request.owner) && it.is_refused[key]
                    })
            };
        let counts = match self.what_breaks_the_window {
            WindowBreach::AnyRequest => true,
            WindowBreach::RefusedKey => {
                !state.is_living(request.owner, request.call)
                    && request.keys.iter().any(is_refused_elsewhere)
            }
        };
        if counts && state.latest_composed > request.composed + self.window {
            return Err(Broken::WindowAcrossProcesses);
        }
        Ok(())
    }

    fn check_balance(&self, state: &State) -> Result<(), Broken> {
        let recorded: i8 = state.records.iter().flatten().map(|entry| entry.amount).sum();
        let is_sum = state.balance == self.default_balance + recorded + state.foreign;
        if is_sum && state.balance >= 0 { Ok(()) } else { Err(Broken::BalanceIsTrue) }
    }
}

/// The last that a client heard of a key was a refusal: no request of a call of this client
/// that has ended is recorded after that.
fn check_refusals(state: &State, request: Request) -> Result<(), Broken> {
    let is_refused = |client: &Client| request.keys.iter().any(|key| client.is_refused[key]);
    if !state.is_living(request.owner, request.call)
        && state.clients.get(usize::from(request.owner)).is_some_and(is_refused)
    {
        return Err(Broken::RefusedStaysRefused);
    }
    Ok(())
}

fn first_record(state: &State, keys: Keys) -> Option<Entry> {
    keys.iter().find_map(|key| state.records[key])
}

fn note_coverage(state: &mut State) {
    for call in state.clients.iter_mut().flat_map(|it| &mut it.calls).flatten() {
        call.was_always_covered &= state.balance + call.request.amount >= 0;
    }
}
