// Some users hang; what do the others get? One peer after the other, as fast as it goes.

import { setTimeout as sleep } from 'node:timers/promises';

import { Load, now, PEERS } from './load.mjs';
import { StandIn } from './stand-in.mjs';

/** @typedef {import('./load.mjs').PeerName} PeerName */

const USERS = 100;
const HANGING = 8;
/** How long each state is measured, in milliseconds. */
const SPAN = 5000;
/** After the hanging has begun, in milliseconds. */
const SETTLING = 1000;

/**
 * Calls a second of the users that do not hang.
 *
 * @typedef {{ before: number, during: number }} Rates
 */

/**
 * @param {'transact' | 'read'} kind
 * @returns {Promise<Record<PeerName, Rates>>}
 */
export async function measureHangingUsers(kind) {
  const rates = { package: { before: 0, during: 0 }, sdk: { before: 0, during: 0 } };
  for (const peer of PEERS) {
    rates[peer] = await measure(peer, kind);
  }
  return rates;
}

/**
 * @param {PeerName} peer
 * @param {'transact' | 'read'} kind
 * @returns {Promise<Rates>}
 */
async function measure(peer, kind) {
  const standIn = new StandIn();
  await standIn.open();
  const users = Array.from({ length: USERS }, (_, user) => `user-${user}-`);
  const load = new Load({
    peer,
    endpoint: standIn.endpoint,
    users,
    kinds: [kind],
    pause: 0,
    slowCredentials: 0,
  });
  const rate = async () => {
    const began = now();
    await sleep(SPAN);
    const ended = now();
    const calls = load.calls.filter(
      (call) => call.caller >= HANGING && call.code === 'OK' && call.ended >= began,
    );
    return calls.length / ((ended - began) / 1000);
  };
  try {
    await load.untilWarm();
    const before = await rate();
    standIn.hanging = new Set(users.slice(0, HANGING));
    await sleep(SETTLING);
    return { before, during: await rate() };
  } finally {
    load.stop();
    standIn.close();
  }
}
