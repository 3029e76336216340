import { describe, expect, it } from "vitest";
import { dayStart, forecast, monthStart } from "./forecast";

const at = (day: number, hour = 0): number => new Date(2026, 10, day, hour).getTime() / 1000;

describe("the forecast", () => {
  it("goes on as the last seven whole days did", () => {
    const days = Array.from({ length: 10 }, (_, index) => ({ start: at(index + 1), usd: index === 9 ? 1 : index + 1 }));
    // Whole days 1…9 cost 1…9; the last seven of them 6 on average; half of the 10th day has gone.
    const told = forecast(days, at(10, 12));
    expect(told.spent).toBe(46);
    expect(told.perDay).toBe(6);
    expect(told.whole).toBeCloseTo(46 + 6 * 20.5, 9);
    expect(told.days).toBe(7);
  });

  it("counts no days before spending began", () => {
    const days = [0, 0, 0, 4].map((usd, index) => ({ start: at(index + 1), usd }));
    expect(forecast(days, at(5)).perDay).toBe(4);
  });

  it("takes today's pace where there is nothing else", () => {
    expect(forecast([{ start: at(2), usd: 3 }], at(2, 6)).perDay).toBe(12);
    expect(forecast([], at(2, 6)).whole).toBe(0);
  });

  it("knows local days and months", () => {
    expect(new Date(monthStart(at(20, 5)) * 1000).getDate()).toBe(1);
    expect(new Date(monthStart(at(20, 5), 1) * 1000).getMonth()).toBe(11);
    expect(dayStart(at(20, 5))).toBe(at(20));
  });
});
