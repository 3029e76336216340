import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { midnights, pieces } from "./daily";

const HOUR = 3600;

describe("local days", () => {
  const zone = process.env["TZ"];
  beforeEach(() => void (process.env["TZ"] = "Europe/Berlin"));
  afterEach(() => {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });

  it("begin at midnight, before clocks change and after", () => {
    const bounds = midnights(Date.parse("2026-10-27T12:00:00Z") / 1000, 4);
    const told = bounds.map((bound) => new Date(bound * 1000).toISOString());
    expect(told).toEqual(["2026-10-23T22:00:00.000Z", "2026-10-24T22:00:00.000Z", "2026-10-25T23:00:00.000Z", "2026-10-26T23:00:00.000Z", "2026-10-27T23:00:00.000Z"]);
  });

  it("are asked for together where they are equally long", () => {
    const bounds = midnights(Date.parse("2026-11-05T12:00:00Z") / 1000, 31);
    const told = pieces(bounds).map(({ at, start, end, step }) => [at, (end - start) / step, step / HOUR]);
    expect(told).toEqual([
      [0, 15, 24],
      [15, 4, 24],
      [19, 1, 25],
      [20, 11, 24],
    ]);
  });
});
