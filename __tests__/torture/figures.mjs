// What a run found out, in figures and on one screen.

import { describe, hasTakenEffect, meaning } from './history.mjs';
import { falseDuplicates } from './sums.mjs';

/** @typedef {import('./history.mjs').Operation} Operation */

/** What no caller was told. */
const NOT_HEARD = new Set(['LOST', 'SWEPT']);

/** How many complaints the report shows. */
const SHOWN = 10;

export class Figures {
  calls = 0;
  /** Calls made again to settle an unknown outcome. */
  repetitions = 0;
  /** @type {Map<string, number>} */
  answers = new Map();
  requests = 0;
  /** @type {Map<string, number>} */
  faults = new Map();
  falseDuplicates = 0;
  unknown = 0;
  settled = 0;
  /** Groups of users whose calls were checked for linearizability. */
  histories = 0;
  undecided = 0;
  /** Looks at the tables while calls were under way. */
  looks = 0;
  /** Holds that were released by a sweeper. */
  swept = 0;
  kills = 0;
  /** Calls of killed processes that had taken effect or still did. */
  landed = 0;
  /** Requests of killed processes that arrived after the window, when a credit had been made. */
  heldPastWindow = 0;
  /** @type {string[]} */
  complaints = [];
  /** What the proxy did with the requests about the keys of the first complaints. @type {string[]} */
  evidence = [];

  /**
   * Takes in the operations of a round, in the order in which they were heard.
   *
   * @param {Operation[]} operations
   */
  count(operations) {
    /** @type {Set<string>} */
    const unsettled = new Set();
    for (const operation of operations) {
      const { call, answer } = operation;
      const request = JSON.stringify(call);
      const isRepetition = unsettled.has(request);
      this.answers.set(answer.code, (this.answers.get(answer.code) ?? 0) + 1);
      if (isRepetition) {
        this.repetitions += 1;
      } else if (!NOT_HEARD.has(answer.code)) {
        this.calls += 1;
      }
      if (answer.code === 'OUTCOME_UNKNOWN') {
        this.unknown += 1;
        unsettled.add(request);
      } else if (isRepetition && meaning(answer) === 'definite') {
        unsettled.delete(request);
      }
      if (meaning(answer) === 'absurd') {
        this.complaints.push(`no call here can be answered like this: ${describe(operation)}`);
      }
    }
    this.settled = this.unknown - this.#unsettled(unsettled);
    for (const operation of falseDuplicates(operations)) {
      this.falseDuplicates += 1;
      this.complaints.push(`told to be a duplicate of itself: ${describe(operation)}`);
    }
  }

  #lost = 0;

  /** @param {Set<string>} unsettled */
  #unsettled(unsettled) {
    this.#lost += unsettled.size;
    return this.#lost;
  }

  /**
   * @param {Operation[]} operations
   * @param {Map<string, import('./history.mjs').Recorded>} records
   */
  countLanded(operations, records) {
    const callsWith = (/** @type {string} */ code) =>
      new Map(
        operations
          .filter(({ answer }) => answer.code === code)
          .map(({ call }) => [JSON.stringify(call), call]),
      );
    const [confirmed, lost] = [callsWith('CONFIRMED'), callsWith('LOST')];
    const recordOf = (/** @type {string} */ key) => records.get(key);
    this.landed += [...lost].filter(
      ([request, call]) => !confirmed.has(request) && hasTakenEffect(call, recordOf),
    ).length;
  }

  /** @param {import('./checker.mjs').Judgement[]} judgements */
  judge(judgements) {
    for (const judgement of judgements) {
      this.histories += 1;
      if (judgement.verdict === 'undecided') {
        this.undecided += 1;
      } else if (judgement.verdict === 'not linearizable') {
        this.complaints.push(judgement.why);
      }
    }
  }

  /** @param {import('./proxy.mjs').Passage[]} journal */
  addEvidence(journal) {
    const words = new Set(this.complaints.slice(0, SHOWN).flatMap((text) => text.split(/[\s:]+/)));
    this.evidence.push(
      ...journal
        .filter(({ keys }) => keys.some((key) => words.has(key)))
        .map((passage) => JSON.stringify(passage)),
    );
  }

  get faulty() {
    return [...this.faults.values()].reduce((sum, count) => sum + count, 0);
  }

  get isGood() {
    return (
      this.complaints.length === 0 &&
      this.undecided === 0 &&
      this.settled === this.unknown &&
      this.histories > 0
    );
  }

  /** For programs. */
  toJSON() {
    return {
      isGood: this.isGood,
      calls: this.calls,
      requests: this.requests,
      faults: this.faulty,
      untrueAnswers: this.complaints.length,
      falseDuplicates: this.falseDuplicates,
      unknown: this.unknown,
      settled: this.settled,
      histories: this.histories,
      undecided: this.undecided,
      looks: this.looks,
      swept: this.swept,
      kills: this.kills,
      landed: this.landed,
      heldPastWindow: this.heldPastWindow,
      answers: Object.fromEntries(this.answers),
      faultsMet: Object.fromEntries(this.faults),
      complaints: this.complaints.slice(0, SHOWN),
      evidence: this.evidence,
    };
  }

  /**
   * For people.
   *
   * @param {number | string} seed
   * @param {number} seconds
   */
  toScreen(seed, seconds) {
    const lines = [
      ['calls', `${this.calls}, and ${this.repetitions} more to settle unknown outcomes`],
      ['requests', `${this.requests}, of which ${share(this.faulty, this.requests)} met a fault`],
      ['untrue answers', `${this.complaints.length}`],
      ['false duplicates', `${this.falseDuplicates}`],
      [
        'outcome unknown',
        `${this.unknown} (${share(this.unknown, this.calls)}), settled by calling again: ${this.settled}`,
      ],
      ['histories checked', `${this.histories}, undecided: ${this.undecided}`],
      ['looks at the tables', `${this.looks} while calls were under way`],
      ['expired holds released by sweepers', `${this.swept}`],
      ...(this.kills > 0
        ? [
            [
              'processes killed',
              `${this.kills}, of whose calls ${this.landed} took effect unheard`,
            ],
            ['requests held past the window', `${this.heldPastWindow}`],
          ]
        : []),
      ['answers', list(this.answers)],
      ['faults met', list(this.faults)],
      ['seed', `${seed}`],
      ['took', `${seconds.toFixed(1)} s`],
      ['result', this.isGood ? 'everything was true' : 'FAILED'],
    ];
    const width = Math.max(...lines.map(([name = '']) => name.length));
    return [
      ...lines.map(([name = '', value]) => `  ${name.padEnd(width)}  ${value}`),
      ...this.complaints.slice(0, SHOWN).map((complaint) => `  ! ${complaint}`),
      ...this.evidence.map((passage) => `  > ${passage}`),
      ...(this.complaints.length > SHOWN ? [`  ! and ${this.complaints.length - SHOWN} more`] : []),
    ].join('\n');
  }
}

/**
 * @param {number} part
 * @param {number} whole
 */
function share(part, whole) {
  return whole === 0 ? 'none' : `${((100 * part) / whole).toFixed(2)} %`;
}

/** @param {Map<string, number>} counts */
function list(counts) {
  return [...counts]
    .sort(([, left], [, right]) => right - left)
    .map(([name, count]) => `${name} ${count}`)
    .join(', ');
}
