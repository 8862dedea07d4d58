//! What can happen next, and what must never have happened.

use crate::scenario::{CLIENTS, ForeignWriter, Scenario};
use crate::search::Model;
use crate::state::{Client, Ghost, MAX_CALLS_AT_ONCE, State};

#[derive(Clone, Copy, Debug)]
pub enum Action {
    TimePasses,
    Call {
        client: usize,
        wish: usize,
    },
    /// What is on its way to the database arrives there.
    Arrive {
        client: usize,
        call: usize,
        is_token_remembered: bool,
    },
    /// The answer arrives at the client.
    Hear {
        client: usize,
        call: usize,
    },
    /// The client waits no longer, and sends its request again.
    Repeat {
        client: usize,
        call: usize,
    },
    /// The caller is told that the outcome is unknown.
    GiveUp {
        client: usize,
        call: usize,
    },
    GhostArrives {
        ghost: usize,
    },
    Restart {
        client: usize,
    },
    CorrectClock {
        client: usize,
    },
    ForeignWrite,
}

/// The promises, by what breaks them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Broken {
    /// Confirmed is recorded.
    ConfirmedIsRecorded,
    /// Within one client: what was refused last is not recorded by an earlier call.
    RefusedStaysRefused,
    /// Across processes: the same, but for a window.
    WindowAcrossProcesses,
    /// Never below zero, and what the records say: a key moves money once.
    BalanceIsTrue,
    /// Refused only if there was an instant in the call when the balance did not cover it.
    RefusedForAReason,
    /// Once nothing more goes wrong every call is soon answered.
    Progress,
    NotOnesOwnDuplicate,
}

impl Model for Scenario {
    type State = State;
    type Action = Action;
    type Violation = Broken;

    fn start(&self) -> State {
        State::new(self.default_balance, self.clocks)
    }

    fn actions(&self, state: &State) -> Vec<Action> {
        let mut actions = Vec::new();
        if state.now < self.last_tick {
            actions.push(Action::TimePasses);
        }
        for (client, it) in state.clients.iter().enumerate() {
            self.actions_of_calls(state, client, it, &mut actions);
            self.actions_of_process(state, client, it, &mut actions);
        }
        let ghosts = (0..state.ghosts.len()).filter(|&ghost| state.ghosts[ghost].is_some());
        actions.extend(ghosts.map(|ghost| Action::GhostArrives { ghost }));
        if self.foreign_writer != ForeignWriter::None && state.foreign_writes == 0 {
            actions.push(Action::ForeignWrite);
        }
        actions
    }

    fn step(&self, state: &State, action: Action) -> Result<State, Broken> {
        let mut state = *state;
        match action {
            Action::TimePasses => state.now += 1,
            Action::Call { client, wish } => self.begin(&mut state, client, self.wishes[wish]),
            Action::Arrive { client, call, is_token_remembered } => {
                self.arrive(&mut state, client, call, is_token_remembered)?;
            }
            Action::Hear { client, call } => self.hear(&mut state, client, call)?,
            Action::Repeat { client, call } => self.repeat(&mut state, client, call),
            Action::GiveUp { client, call } => self.give_up(&mut state, client, call),
            Action::GhostArrives { ghost } => match state.ghosts[ghost] {
                Some(Ghost::Write(request)) => {
                    self.write(&mut state, request, false)?;
                }
                Some(Ghost::Fence(fence)) => {
                    self.fence(&mut state, fence);
                }
                None => {}
            },
            Action::Restart { client } => {
                state.restarts += 1;
                state.disown(client);
            }
            Action::CorrectClock { client } => {
                state.corrections += 1;
                state.clients[client].clock = 0;
            }
            Action::ForeignWrite => self.write_foreign(&mut state),
        }
        Ok(state)
    }

    /// Other promises that break on the way of the progress are found in the states on it.
    fn inspect(&self, state: &State) -> Result<(), Broken> {
        if !state.has_living_calls() {
            return Ok(());
        }
        let found = [self.progress_together(state), self.progress_alone(state)];
        if found.contains(&Err(Broken::Progress)) { Err(Broken::Progress) } else { Ok(()) }
    }
}

impl Scenario {
    fn actions_of_calls(
        &self,
        state: &State,
        client: usize,
        it: &Client,
        actions: &mut Vec<Action>,
    ) {
        for (call, living) in it.calls.iter().enumerate() {
            let Some(living) = living else { continue };
            if living.answer.is_some() {
                actions.push(Action::Hear { client, call });
            } else {
                actions.push(Action::Arrive { client, call, is_token_remembered: false });
                let mut records = living.request.keys.iter().filter_map(|key| state.records[key]);
                if living.fence.is_none() && records.any(|entry| entry.call == living.request.call)
                {
                    actions.push(Action::Arrive { client, call, is_token_remembered: true });
                }
            }
            let has_room = state.room_for_ghosts() > 0;
            if has_room && state.unanswered < self.unanswered {
                actions.push(Action::Repeat { client, call });
            }
            if has_room && state.given_up < self.given_up {
                actions.push(Action::GiveUp { client, call });
            }
        }
    }

    fn actions_of_process(
        &self,
        state: &State,
        client: usize,
        it: &Client,
        actions: &mut Vec<Action>,
    ) {
        let calls = it.calls.iter().flatten().count();
        if client < self.callers && calls < self.calls_at_once && state.calls < self.calls {
            actions.extend((0..self.wishes.len()).map(|wish| Action::Call { client, wish }));
        }
        let has_lived = *it != Client { clock: it.clock, ..Client::default() };
        if has_lived && state.restarts < self.restarts && calls <= state.room_for_ghosts() {
            actions.push(Action::Restart { client });
        }
        if it.clock > 0 && state.corrections < self.corrections {
            actions.push(Action::CorrectClock { client });
        }
    }

    /// All calls go on in turns: nobody keeps anybody from ending.
    fn progress_together(&self, state: &State) -> Result<(), Broken> {
        const MAX_TURNS: u8 = 16;
        let mut state = *state;
        for _ in 0..MAX_TURNS {
            if !state.has_living_calls() {
                return Ok(());
            }
            for client in 0..CLIENTS {
                for call in 0..MAX_CALLS_AT_ONCE {
                    self.go_on(&mut state, client, call)?;
                }
            }
        }
        Err(Broken::Progress)
    }

    /// A call alone ends after at most: a write refused for its epoch, a write refused for the
    /// balance, a fence.
    fn progress_alone(&self, state: &State) -> Result<(), Broken> {
        const MAX_REQUESTS: u8 = 3;
        for client in 0..CLIENTS {
            for call in 0..MAX_CALLS_AT_ONCE {
                if state.clients[client].calls[call].is_none() {
                    continue;
                }
                let mut state = *state;
                let mut requests = 0;
                while state.clients[client].calls[call].is_some() {
                    requests += u8::from(self.go_on(&mut state, client, call)?);
                    if requests > MAX_REQUESTS {
                        return Err(Broken::Progress);
                    }
                }
            }
        }
        Ok(())
    }

    /// The next step of a call when nothing goes wrong; whether it was a request.
    fn go_on(&self, state: &mut State, client: usize, place: usize) -> Result<bool, Broken> {
        match state.clients[client].calls[place] {
            None => Ok(false),
            Some(call) if call.answer.is_some() => self.hear(state, client, place).map(|()| false),
            Some(_) => self.arrive(state, client, place, false).map(|()| true),
        }
    }
}
