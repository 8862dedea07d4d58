// What the native core answers, as it is told to callers.

const { hasOwnProperty: isOwn } = Object.prototype;

// The native core answers metadata as pairs: as properties, some names would be lost on the way.
function toTransaction(answer) {
  return isOwn.call(answer, 'metadata')
    ? { ...answer, metadata: Object.fromEntries(answer.metadata) }
    : { ...answer };
}

function toPage(answer) {
  const transactions = answer.transactions.map(toTransaction);
  return isOwn.call(answer, 'cursor') ? { transactions, cursor: answer.cursor } : { transactions };
}

function toHold({ transactions, replayed }) {
  return { hold: transactions.map(toTransaction)[0], replayed };
}

// The document that `dynamodb-balance audit --json` prints.
function toAuditReport(report) {
  const { mismatchCount, heldMismatchCount, negativeCount, malformedCount } = report;
  const hasFindings = mismatchCount + heldMismatchCount + negativeCount + malformedCount > 0;
  return {
    verdict: hasFindings ? 'wrong' : report.busyCount > 0 ? 'busy' : 'right',
    users: report.users,
    records: report.records,
    passes: report.passes,
    defaultBalance: report.defaultBalance,
    fittingDefaultBalance: report.fittingDefaultBalance ?? null,
    mismatches: {
      count: mismatchCount,
      items: report.mismatches.map(({ userId, balance, expected, records }) => ({
        userId,
        balance: balance ?? null,
        expected,
        records,
      })),
    },
    heldMismatches: {
      count: heldMismatchCount,
      items: report.heldMismatches.map(({ held, ...rest }) => ({ ...rest, held: held ?? null })),
    },
    negatives: { count: negativeCount, items: report.negatives },
    malformed: { count: malformedCount, items: report.malformed },
    busy: { count: report.busyCount, items: report.busy },
  };
}

module.exports = { toAuditReport, toHold, toPage, toTransaction };
