// Ranges of time: how they are written in the URL, and which grid of steps a chart of them has.

/** A range as it is written: `now`, `now-6h`, or a moment in milliseconds since 1970. */
export interface Range {
  from: string;
  to: string;
}

/** A range with its grid, in seconds since 1970. Bars of `step` seconds fill it exactly. */
export interface Grid {
  start: number;
  end: number;
  step: number;
  /** Up to when there is something to know: figures of the whole range end here, so that all panels speak of the same time. */
  until: number;
}

export interface Preset {
  label: string;
  from: string;
  seconds: number;
}

const preset = (label: string, from: string, seconds: number): Preset => ({ label, from, seconds });

/** The ranges that people ask for most. */
export const PRESETS: readonly Preset[] = [
  preset("5 min", "now-5m", 300),
  preset("15 min", "now-15m", 900),
  preset("1 h", "now-1h", 3600),
  preset("6 h", "now-6h", 21_600),
  preset("24 h", "now-24h", 86_400),
  preset("7 d", "now-7d", 604_800),
  preset("30 d", "now-30d", 2_592_000),
];

export const UNLESS_SET: Range = { from: "now-1h", to: "now" };

const UNITS: Record<string, number> = { s: 1, m: 60, h: 3600, d: 86_400, w: 604_800 };

/** Seconds since 1970 of a moment as it is written; none where it makes no sense. */
export function moment(text: string, now: number): number | null {
  if (text === "now") return now;
  const relative = /^now-(\d{1,6})([smhdw])$/.exec(text);
  if (relative) return now - Number(relative[1]) * (UNITS[relative[2] ?? "s"] ?? 1);
  if (/^\d{9,14}$/.test(text)) return Number(text) / 1000;
  return null;
}

/** Whether it moves with the clock. */
export const follows = (range: Range): boolean => range.to === "now";

/** Whether it can be used. */
export function sound(range: Range): boolean {
  const now = Date.now() / 1000;
  const [start, end] = [moment(range.from, now), moment(range.to, now)];
  return start !== null && end !== null && end - start >= 1 && end - start <= 5 * 366 * 86_400;
}

/** What it is called. */
export function name(range: Range): string {
  const known = PRESETS.find((one) => one.from === range.from);
  if (known && range.to === "now") return "Last " + known.label;
  const now = Date.now() / 1000;
  const [start, end] = [moment(range.from, now), moment(range.to, now)];
  if (start === null || end === null) return "";
  if (range.to === "now") return "Last " + range.from.slice(4);
  const [first, last] = [new Date(start * 1000), new Date(end * 1000)];
  const date = (at: Date): string => at.toLocaleDateString("en-GB", { day: "numeric", month: "short" });
  const time = (at: Date): string => at.toLocaleTimeString("en-GB", { hour: "2-digit", minute: "2-digit" });
  const tail = first.toDateString() === last.toDateString() ? time(last) : `${date(last)} ${time(last)}`;
  return `${date(first)} ${time(first)} – ${tail}`;
}

/** Steps that read well on an axis. */
const STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 14_400, 21_600, 43_200, 86_400, 604_800];

/** The least step that makes no more than `most` bars. */
export function stepOf(seconds: number, most: number): number {
  return STEPS.find((step) => seconds / step <= most) ?? Math.ceil(seconds / most / 604_800) * 604_800;
}

/**
 * The grid of a range: whole steps since 1970, so that bars stand still while the clock moves. A range that follows the clock
 * ends with the step under way.
 */
export function grid(range: Range, now: number, most = 48): Grid {
  const start = moment(range.from, now) ?? now - 3600;
  const end = Math.max(start + 1, moment(range.to, now) ?? now);
  const step = stepOf(end - start, most);
  const last = Math.ceil(end / step) * step;
  const bars = Math.max(1, Math.round((end - start) / step));
  return { start: last - bars * step, end: last, step, until: Math.min(last, Math.max(now, end)) };
}

/** The moments that a question over a grid is answered for: each is the end of its step. */
export function ticks(one: Grid): number[] {
  const moments: number[] = [];
  for (let at = one.start + one.step; at <= one.end + 1e-6; at += one.step) moments.push(at);
  return moments;
}

/** How often a page that follows the clock asks again, in seconds. */
export function pace(range: Range, now: number): number {
  const seconds = now - (moment(range.from, now) ?? now);
  if (seconds <= 900) return 3;
  if (seconds <= 3600) return 5;
  if (seconds <= 21_600) return 15;
  return 60;
}
