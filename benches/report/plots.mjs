// The plots, as SVG by Vega-Lite. They have no background, so that they can be read on white and on black.

import { parse, View } from 'vega';
import { compile } from 'vega-lite';

import { CALLERS, CROWD, LATENCY } from '../measure/grid.mjs';
import { advantages, physicalLimit } from './comparisons.mjs';
import { spellNumber } from './markdown.mjs';
import { names, peerOrder } from './names.mjs';
import { find, findStart } from './statistics.mjs';

/** @typedef {import('../measure/results.d.ts').Results} Results */
/** @typedef {import('./statistics.mjs').Query} Query */

/** The grey whose contrast is at least 4.5 to 1 on white and on black. Source: WCAG 2.2, 1.4.3. */
const INK = '#767676';
const FAINT = '#76767650';

const COLOURS = {
  package: '#2f81f7',
  sdk: '#e0752d',
  bundle: '#c9a227',
  threeRoundTrips: '#a371f7',
  floor: '#2da160',
};

const config = {
  background: 'transparent',
  font: 'system-ui, -apple-system, "Segoe UI", Helvetica, Arial, sans-serif',
  view: { stroke: FAINT },
  title: { color: INK, anchor: 'start', fontSize: 14, offset: 12 },
  axis: {
    labelColor: INK,
    titleColor: INK,
    domainColor: INK,
    tickColor: INK,
    gridColor: FAINT,
    labelFontSize: 12,
    titleFontSize: 12,
    titleFontWeight: 'normal',
  },
  header: { labelColor: INK, titleColor: INK, labelFontSize: 12 },
  legend: {
    labelColor: INK,
    labelFontSize: 12,
    // Without a browser text is measured too long, and would be cut.
    labelLimit: 0,
    title: null,
    orient: 'bottom',
  },
};

/**
 * @param {Results} results
 * @returns {Promise<Record<string, string>>} SVG by file name
 */
export async function drawPlots(results) {
  return {
    'why.svg': await draw(why(results)),
    'start-up.svg': await draw(startUp(results)),
    'cpu.svg': await draw(cpu(results)),
    'hot-account.svg': await draw(hotAccount(results)),
    'latency.svg': await draw(latency(results)),
  };
}

/** @param {object} plot */
async function draw(plot) {
  const { spec } = compile({ ...plot, config: { ...config, ...Object(plot).config } });
  return `${await new View(parse(spec), { renderer: 'none' }).toSVG()}\n`;
}

/** @param {string[]} shown names of peers */
function colour(shown) {
  const peers = peerOrder.filter((peer) => shown.includes(names[peer]));
  return {
    field: 'peer',
    type: 'nominal',
    scale: {
      domain: peers.map((peer) => names[peer]),
      range: peers.map((peer) => COLOURS[/** @type {keyof typeof COLOURS} */ (peer)]),
    },
  };
}

/** @param {Results} results */
function why(results) {
  const values = advantages(results).map(({ what, times }) => ({
    what,
    times,
    label: `${spellNumber(times)} ×`,
  }));
  return {
    title: 'How many times better than the same functions, written with care on the AWS SDK',
    data: { values },
    width: 400,
    height: { step: 28 },
    encoding: {
      y: {
        field: 'what',
        type: 'nominal',
        sort: null,
        title: null,
        axis: { labelLimit: 0, ticks: false, domain: false, labelPadding: 8 },
      },
      x: { field: 'times', type: 'quantitative', axis: null },
    },
    layer: [
      { mark: { type: 'bar', color: COLOURS.package } },
      {
        mark: { type: 'text', align: 'left', dx: 4, color: INK, fontSize: 12 },
        encoding: { text: { field: 'label', type: 'nominal' } },
      },
    ],
    config: { view: { stroke: null } },
  };
}

/** @param {Results} results */
function startUp(results) {
  const peers = /** @type {const} */ (['package', 'bundle', 'sdk']);
  const values = peers.flatMap((peer) =>
    /** @type {const} */ (['http', 'https']).map((protocol) => ({
      peer: names[peer],
      protocol: protocol.toUpperCase(),
      milliseconds: findStart(results, 'firstBalance', { peer, protocol }),
    })),
  );
  const order = peers.map((peer) => names[peer]);
  const y = { field: 'peer', type: 'nominal', sort: order, title: null };
  return {
    title: 'From require to the first balance, in a fresh process',
    data: { values },
    facet: { row: { field: 'protocol', type: 'nominal', title: null } },
    spec: {
      width: 560,
      height: { step: 24 },
      encoding: {
        y,
        x: {
          field: 'milliseconds',
          type: 'quantitative',
          title: 'milliseconds (less is better)',
          // The numbers stand at the ends of the bars.
          axis: { grid: false },
        },
      },
      layer: [
        { mark: { type: 'bar' }, encoding: { color: { ...colour(order), legend: null } } },
        {
          mark: { type: 'text', align: 'left', dx: 4, color: INK, fontSize: 12 },
          encoding: { text: { field: 'milliseconds', type: 'quantitative', format: '.3~g' } },
        },
      ],
    },
  };
}

/**
 * @param {Results} results
 * @param {import('./statistics.mjs').FigureName} figure
 * @param {Query} query
 * @param {number[]} callersList
 */
function series(results, figure, query, callersList = CALLERS) {
  return peerOrder
    .filter((peer) => peer in COLOURS)
    .flatMap((peer) =>
      callersList.map((callers) => ({
        peer: names[peer],
        callers,
        value: find(results, figure, { ...query, callers, peer }),
      })),
    )
    .filter(({ value }) => value !== undefined);
}

/** @param {{ peer: string }[]} values */
function shownIn(values) {
  return [...new Set(values.map(({ peer }) => peer))];
}

const callersAxis = {
  field: 'callers',
  type: 'ordinal',
  title: 'callers',
  axis: { labelAngle: 0 },
};

/** Of a logarithmic scale: a line for each power of ten. */
const powers = { values: Array.from({ length: 9 }, (_, index) => 10 ** (index - 2)) };

/** A legend of line samples. Without a colour of their own they would be drawn in none. */
const lineSamples = {
  symbolType: 'stroke',
  symbolSize: 900,
  encoding: { symbols: { stroke: { value: INK }, strokeWidth: { value: 2 } } },
};

/** @param {Results} results */
function cpu(results) {
  const values = /** @type {const} */ ([
    ['read', 'getCurrentBalance'],
    ['transact', 'transact'],
  ]).flatMap(([operation, call]) =>
    series(results, 'cpuPerCall', { server: 'stand-in', operation, users: 'many' }).map(
      (value) => ({ ...value, call }),
    ),
  );
  return {
    title: 'CPU time per call, many users, a server that answers at once',
    data: { values },
    facet: { column: { field: 'call', type: 'nominal', title: null } },
    spec: {
      width: 280,
      height: 240,
      mark: { type: 'line', point: { size: 60 }, strokeWidth: 2 },
      encoding: {
        x: callersAxis,
        y: {
          field: 'value',
          type: 'quantitative',
          scale: { type: 'log' },
          title: 'µs, log scale (less is better)',
          axis: powers,
        },
        color: colour(shownIn(values)),
      },
    },
  };
}

/** @param {Results} results */
function hotAccount(results) {
  const query = /** @type {const} */ ({ server: 'model', operation: 'transact', users: 'hot' });
  const values = series(results, 'perSecond', query, [...CALLERS, CROWD]);
  return {
    title: `One hot account, ${LATENCY} ms model: transactions committed per second`,
    width: 560,
    height: 320,
    layer: [
      {
        data: { values },
        mark: { type: 'line', point: { size: 60 }, strokeWidth: 2 },
        encoding: {
          x: callersAxis,
          y: {
            field: 'value',
            type: 'quantitative',
            scale: { type: 'log' },
            title: 'per second, log scale (more is better)',
            axis: powers,
          },
          color: colour(shownIn(values)),
        },
      },
      {
        data: { values: [{ limit: physicalLimit(), text: 'physical limit of one process' }] },
        encoding: { y: { field: 'limit', type: 'quantitative' } },
        layer: [
          { mark: { type: 'rule', color: INK, strokeDash: [6, 4] } },
          {
            mark: { type: 'text', color: INK, x: 4, dy: -10, align: 'left', fontSize: 12 },
            encoding: { text: { field: 'text', type: 'nominal' } },
          },
        ],
      },
    ],
  };
}

/** @param {Results} results */
function latency(results) {
  const values = /** @type {const} */ ([
    ['read', 'getCurrentBalance'],
    ['transact', 'transact'],
  ]).flatMap(([operation, call]) =>
    /** @type {const} */ (['p50', 'p99']).flatMap((percentile) =>
      series(results, percentile, { server: 'model', operation, users: 'many' }).map((value) => ({
        ...value,
        call,
        percentile,
      })),
    ),
  );
  return {
    title: `Latency of a call, many users, ${LATENCY} ms model`,
    data: { values },
    facet: { column: { field: 'call', type: 'nominal', title: null } },
    spec: {
      width: 280,
      height: 240,
      encoding: {
        x: callersAxis,
        y: {
          field: 'value',
          type: 'quantitative',
          scale: { type: 'log' },
          title: 'ms, log scale (less is better)',
          axis: powers,
        },
        color: colour(shownIn(values)),
      },
      layer: [
        {
          mark: { type: 'line', strokeWidth: 2 },
          encoding: {
            strokeDash: { field: 'percentile', type: 'nominal', legend: lineSamples },
          },
        },
        { mark: { type: 'point', filled: true, opacity: 1, size: 60 } },
      ],
    },
  };
}
