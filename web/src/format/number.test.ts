import { describe, expect, it } from "vitest";
import { change, count, duration, energy, exact, money, share, show, three } from "./number";

/** Non-breaking gaps read as blanks here. */
const plain = (text: string): string => text.replaceAll("\u00a0", " ");

describe("numbers for reading", () => {
  it.each([
    [0, "$0"],
    [0.0042, "$0.0042"],
    [0.000_000_9, "$0.00000090"],
    [0.123, "$0.12"],
    [0.999, "$1.00"],
    [12.345, "$12.35"],
    [1234.5, "$1,234.50"],
    [45_678.9, "$45,679"],
    [1_234_567, "$1.23 M"],
    [-0.5, "−$0.50"],
  ])("money %d", (value, text) => expect(plain(money(value))).toBe(text));

  it.each([
    [0, "0"],
    [7, "7"],
    [9999, "9,999"],
    [12_345, "12.3 k"],
    [999_960, "1 M"],
    [1_200_000, "1.2 M"],
    [3.456, "3.46"],
  ])("count %d", (value, text) => expect(plain(count(value))).toBe(text));

  it.each([
    [0.0034, "3.4 Wh"],
    [1.5, "1.5 kWh"],
    [0.000_000_8, "800 µWh"],
    [0, "0 Wh"],
  ])("energy %d", (value, text) => expect(plain(energy(value))).toBe(text));

  it.each([
    [0.000_42, "420 µs"],
    [0.342, "342 ms"],
    [2.345, "2.35 s"],
    [0, "0 s"],
    [150, "2.5 min"],
  ])("duration %d", (value, text) => expect(plain(duration(value))).toBe(text));

  it.each([
    [0, "0%"],
    [0.000_01, "<0.01%"],
    [0.0042, "0.42%"],
    [0.034, "3.4%"],
    [0.5, "50%"],
    [0.9879, "98.7%"],
    [0.98, "98%"],
    [0.999_99, "99.99%"],
    [0.997, "99.7%"],
    [1, "100%"],
  ])("share %d", (value, text) => expect(share(value)).toBe(text));

  it("says that there is none, and never 0 for it", () => {
    expect(show(null, "us_dollars")).toBe("–");
    expect(exact(undefined, "count")).toBe("not known");
  });

  it("keeps three figures", () => expect([three(123.4), three(0.012_34), three(1.5)]).toEqual(["123", "0.0123", "1.5"]));

  it("compares", () => {
    expect(change(12, 10)).toEqual({ text: "+20%", way: 1 });
    expect(change(10, 10)).toEqual({ text: "±0%", way: 0 });
    expect(change(9.5, 10)).toEqual({ text: "−5.0%", way: -1 });
    expect(change(200, 10)).toEqual({ text: "×20", way: 1 });
    expect(change(1, 0)).toBeNull();
    expect(change(1000, 0.01)).toBeNull();
    expect(change(null, 1)).toBeNull();
  });
});
