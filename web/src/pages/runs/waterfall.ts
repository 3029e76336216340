// The requests of one run, in the order in which they began.

import { type Record, number, outcome, text } from "../../logql/record";

export interface Bar {
  one: Record;
  model: string;
  /** Seconds since the run began. */
  start: number;
  length: number;
  tone: ReturnType<typeof outcome>["tone"];
  cost: number | null;
}

export interface Waterfall {
  bars: Bar[];
  /** From the first byte of the first to the last byte of the last, in seconds. */
  whole: number;
  cost: number;
  failed: number;
}

/** A line's moment is its request's end; what has no time taken is a moment. */
export function waterfall(records: readonly Record[]): Waterfall {
  const spans = records.map((one) => {
    const length = number(one, "processing_time_seconds") ?? 0;
    return { one, begin: one.seconds - length, length };
  });
  const first = Math.min(...spans.map((span) => span.begin));
  const last = Math.max(...spans.map((span) => span.begin + span.length));
  const bars = spans
    .sort((one, other) => one.begin - other.begin)
    .map(({ one, begin, length }): Bar => ({
      one,
      model: text(one, "model"),
      start: begin - first,
      length,
      tone: outcome(one).tone,
      cost: number(one, "cost_usd"),
    }));
  return {
    bars,
    whole: bars.length > 0 ? Math.max(last - first, 1e-3) : 0,
    cost: bars.reduce((sum, bar) => sum + (bar.cost ?? 0), 0),
    failed: bars.filter((bar) => bar.tone === "bad").length,
  };
}
