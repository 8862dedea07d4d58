// As much of Vega and Vega-Lite as the plots use. Their own types want a browser's.

export class View {
  constructor(runtime: object, options: { renderer: 'none' });
  toSVG(): Promise<string>;
}

export function parse(spec: object): object;

export function compile(plot: object): { spec: object };
