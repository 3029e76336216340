import { describe, expect, it } from "vitest";
import { COLOURS, FIRST, assign } from "./palette";

type Three = readonly [number, number, number];
const times = (matrix: readonly Three[], [x, y, z]: Three): Three =>
  matrix.map(([a, b, c]) => a * x + b * y + c * z) as unknown as Three;

/** How colours look to those who lack a kind of cone: Machado, Oliveira and Fernandes 2009, table 1 at severity 1, over linear RGB. */
const EYES: { [kind: string]: readonly Three[] } = {
  all: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};
/** Linear RGB to OKLab (Ottosson 2020). */
const CONES: readonly Three[] = [[0.4122214708, 0.5363325363, 0.0514459929], [0.2119034982, 0.6806995451, 0.1073969566], [0.0883024619, 0.2817188376, 0.6299787005]];
const OKLAB: readonly Three[] = [[0.2104542553, 0.793617785, -0.0040720468], [1.9779984951, -2.428592205, 0.4505937099], [0.0259040371, 0.7827717662, -0.808675766]];

function seen(hex: string, eyes: readonly Three[]): Three {
  const linear = [1, 3, 5].map((at) => parseInt(hex.slice(at, at + 2), 16) / 255).map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  const there = times(eyes, linear as unknown as Three).map((part) => Math.min(1, Math.max(0, part))) as unknown as Three;
  return times(OKLAB, times(CONES, there).map(Math.cbrt) as unknown as Three);
}

/** The least difference of two colours of a list, in hundredths of OKLab: 2 is just seen side by side. */
function nearest(list: readonly string[], eyes: readonly Three[]): number {
  const points = list.map((hex) => seen(hex, eyes));
  const apart = points.flatMap((one, at) => points.slice(0, at).map((other) => Math.hypot(one[0] - other[0], one[1] - other[1], one[2] - other[2]) * 100));
  return Math.min(...apart);
}

describe("colours", () => {
  for (const [kind, eyes] of Object.entries(EYES)) {
    it.each(["light", "dark"] as const)(`are told apart by ${kind} eyes on a %s ground`, (ground) => {
      const list = COLOURS.map((pair) => pair[ground === "light" ? 0 : 1]);
      expect(nearest(list, eyes)).toBeGreaterThan(9);
    });
  }

  it("hang on names and not on who came first", () => {
    const names = ["gpt-4", "gpt-4o", "gpt-4o-mini", "claude-sonnet-4-5", "claude-haiku-4-5", "gpt-5", "o3", "text-embedding-3-small"];
    const once = assign(names);
    expect(new Set(once.values()).size).toBe(names.length);
    for (const other of [[...names].reverse(), [...names].sort()]) expect([...assign(other)].sort()).toEqual([...once].sort());
  });

  it("stay with nearly all names when one more comes", () => {
    const names = Array.from({ length: 8 }, (_, at) => `model-${at}`);
    const [before, after] = [assign(names), assign([...names, "another"])];
    expect(names.filter((name) => before.get(name) !== after.get(name)).length).toBeLessThanOrEqual(2);
  });

  it("are shared only when all are taken, and then evenly", () => {
    const few = assign(Array.from({ length: FIRST }, (_, at) => `m${at}`));
    expect(Math.max(...few.values())).toBeLessThan(FIRST);
    const numbers = [...assign(Array.from({ length: 20 }, (_, at) => `m${at}`)).values()];
    expect(COLOURS.map((_, at) => numbers.filter((number) => number === at).length)).toEqual(COLOURS.map(() => 2));
  });
});
