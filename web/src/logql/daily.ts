// Sums of local days, asked in pieces that every backend's limit on ranges allows.

import type { Series } from "./answer";
import { stepwise } from "./figures";

/** Days in one question: Loki allows thirty days and an hour. */
const PIECE = 15;

/** Days one after another that are equally long. */
export interface Piece {
  /** The number of the first one. */
  at: number;
  /** Seconds since 1970. */
  start: number;
  end: number;
  /** Seconds of each: a day on which clocks change has an hour less, or more. */
  step: number;
}

/** The last `days` local days up to the one that `now` is in: where each begins, and where the last one ends, in seconds since 1970. */
export function midnights(now: number, days: number): number[] {
  const today = new Date(now * 1000);
  return Array.from({ length: days + 1 }, (_, at) => new Date(today.getFullYear(), today.getMonth(), today.getDate() - days + 1 + at).getTime() / 1000);
}

/** The questions that days are asked in. */
export function pieces(bounds: readonly number[]): Piece[] {
  const found: Piece[] = [];
  bounds.slice(1).forEach((end, at) => {
    const start = bounds[at] ?? end;
    const last = found.at(-1);
    if (last && last.step === end - start && at - last.at < PIECE) last.end = end;
    else found.push({ at, start, end, step: end - start });
  });
  return found;
}

/** Figures by day, for days that begin and end at `bounds`. */
export async function daily(query: string, bounds: readonly number[], signal: AbortSignal): Promise<Series[]> {
  const asked = pieces(bounds).map(async ({ at, start, end, step }) => ({ at, series: await stepwise(query, { start, end, step, until: end }, signal) }));
  const whole = new Map<string, Series>();
  for (const { at, series } of await Promise.all(asked)) {
    for (const { labels, values } of series) {
      const key = JSON.stringify(Object.entries(labels).sort());
      const one = whole.get(key) ?? { labels, values: new Array<number | null>(bounds.length - 1).fill(null) };
      values.forEach((value, index) => (one.values[at + index] = value));
      whole.set(key, one);
    }
  }
  return [...whole.values()];
}
