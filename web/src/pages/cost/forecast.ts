// What a month will cost, if it goes on as it did.

/** The sum of a day. */
export interface Day {
  /** Its first second, local time. */
  start: number;
  usd: number;
}

export interface Forecast {
  /** Spent since the month began. */
  spent: number;
  /** What will have been spent when it ends. */
  whole: number;
  /** What a day cost lately. */
  perDay: number;
  /** How many whole days that is an average of. */
  days: number;
}

const DAY = 86_400;
/** A week has all its weekdays once. */
const LATELY = 7;

/** The first second of a month, local time; `ahead` is 1 for the next. */
export function monthStart(now: number, ahead = 0): number {
  const at = new Date(now * 1000);
  return new Date(at.getFullYear(), at.getMonth() + ahead, 1).getTime() / 1000;
}

/** The first second of a day, local time. */
export function dayStart(now: number): number {
  const at = new Date(now * 1000);
  return new Date(at.getFullYear(), at.getMonth(), at.getDate()).getTime() / 1000;
}

/**
 * The forecast for the month that `now` is in. The average is of the last seven whole days since spending began; before there
 * is a whole day it is today's pace.
 */
export function forecast(days: readonly Day[], now: number): Forecast {
  const begins = monthStart(now);
  const today = dayStart(now);
  const spent = days.filter((day) => day.start >= begins).reduce((sum, day) => sum + day.usd, 0);
  const sorted = [...days].sort((one, other) => one.start - other.start);
  const since = sorted.findIndex((day) => day.usd > 0);
  const whole = since < 0 ? [] : sorted.slice(since).filter((day) => day.start < today);
  const lately = whole.slice(-LATELY);
  const ofToday = sorted.find((day) => day.start >= today)?.usd ?? 0;
  const pace = ofToday / Math.max((now - today) / DAY, 1 / 96);
  const perDay = lately.length > 0 ? lately.reduce((sum, day) => sum + day.usd, 0) / lately.length : pace;
  const left = (monthStart(now, 1) - now) / DAY;
  return { spent, whole: spent + perDay * left, perDay, days: lately.length };
}
