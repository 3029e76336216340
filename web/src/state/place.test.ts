import { describe, expect, it } from "vitest";
import { read, withFilter, without, write } from "./filters";
import { readPlace, writePlace } from "./place";
import { grid, moment, name, stepOf, ticks } from "./range";

describe("the address", () => {
  it("says where somebody is, and leads back", () => {
    const address = "/requests?from=now-6h&f=model%3Dgpt-4&f=cost_usd%3E%3D0.1&by=provider&live=off&request=1";
    const [path = "", search = ""] = address.split("?");
    const place = readPlace(path, "?" + search);
    expect(place.filters).toEqual([
      { field: "model", operator: "=", value: "gpt-4" },
      { field: "cost_usd", operator: ">=", value: "0.1" },
    ]);
    expect(writePlace(place)).toBe(address);
  });

  it("leaves out what makes no sense", () => {
    const place = readPlace("/nowhere", "?from=then&f=%3D&by=a%20b");
    expect(place).toMatchObject({ page: "overview", filters: [], by: "model", range: { from: "now-1h", to: "now" } });
    expect(writePlace(place)).toBe("/");
  });
});

describe("filters", () => {
  it("are read as they are written", () => {
    for (const text of ["model=a=b", "model!=x", "cost_usd>0.5", "status_code>=500", "user_id="]) {
      const filter = read(text);
      expect(filter && write(filter)).toBe(text);
    }
    expect(read("cost_usd>much")).toBeNull();
    expect(read("nothing")).toBeNull();
  });

  it("stand there once", () => {
    const one = { field: "a", operator: "=" as const, value: "b" };
    expect(withFilter([one], { ...one })).toEqual([one]);
    expect(without([one], { ...one })).toEqual([]);
  });
});

describe("ranges", () => {
  const now = 1_795_464_123.4;

  it("are filled by whole steps that stand still", () => {
    const one = grid({ from: "now-1h", to: "now" }, now);
    const later = grid({ from: "now-1h", to: "now" }, now + 1);
    expect(one).toEqual({ ...later, until: one.until });
    expect((one.end - one.start) / one.step).toBe(30);
    expect(one.end).toBeGreaterThanOrEqual(now);
    expect(one.end % one.step).toBe(0);
    const moments = ticks(one);
    expect([moments.length, moments[0], moments[29]]).toEqual([30, one.start + 120, one.end]);
  });

  it("are read", () => {
    expect(moment("now-2d", 200_000)).toBe(27_200);
    expect(moment("1795464123400", 0)).toBe(1_795_464_123.4);
    expect(moment("yesterday", 0)).toBeNull();
    expect(name({ from: "now-24h", to: "now" })).toBe("Last 24 h");
    expect([stepOf(900, 72), stepOf(86_400, 72), stepOf(2_592_000, 72)]).toEqual([15, 1800, 43_200]);
  });
});
