// Sums of local days, asked in pieces that every backend's limit on ranges allows.

import type { Series } from "./answer";
import { stepwise } from "./figures";

const DAY = 86_400;
/** Days in one question: Loki allows thirty days and an hour. */
const PIECE = 15;

/** Figures by day for days that begin at `first`, `first` + 1 day, …; a day on which clocks change is an hour off. */
export async function daily(query: string, first: number, days: number, signal: AbortSignal): Promise<Series[]> {
  const pieces: Promise<{ at: number; series: Series[] }>[] = [];
  for (let at = 0; at < days; at += PIECE) {
    const start = first + at * DAY;
    const end = first + Math.min(days, at + PIECE) * DAY;
    pieces.push(stepwise(query, { start, end, step: DAY, until: end }, signal).then((series) => ({ at, series })));
  }
  const whole = new Map<string, Series>();
  for (const { at, series } of await Promise.all(pieces)) {
    for (const { labels, values } of series) {
      const key = JSON.stringify(Object.entries(labels).sort());
      const one = whole.get(key) ?? { labels, values: new Array<number | null>(days).fill(null) };
      values.forEach((value, index) => (one.values[at + index] = value));
      whole.set(key, one);
    }
  }
  return [...whole.values()];
}
