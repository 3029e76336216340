import { describe, expect, it } from "vitest";
import { csv } from "../panel/export";
import { layersOf, partsOf } from "./layers";
import { stacked } from "./plot";

const grey = (): string => "grey";

describe("layers", () => {
  const series = ["a", "b", "c"].map((model, at) => ({ labels: { model }, values: [at + 1, null, at === 0 ? 4 : null] }));
  const parts = partsOf(series.map(({ labels }, at) => ({ labels, value: 3 - at })), "model", grey);

  it("stand upon each other, and hold nothing where there is nothing", () => {
    const layers = layersOf(series, "model", parts, grey);
    expect(layers.map(({ name }) => name)).toEqual(["a", "b", "c"]);
    expect(stacked(layers, 3)).toEqual([
      [1, null, 4],
      [3, null, 4],
      [6, null, 4],
    ]);
  });

  it("tell the largest apart and keep the sum", () => {
    const many = Array.from({ length: 20 }, (_, at) => ({ labels: { model: `m${at}` }, values: [20 - at] }));
    const all = partsOf(many.map(({ labels, values }) => ({ labels, value: values[0] ?? 0 })), "model", grey);
    const layers = layersOf(many, "model", all, grey);
    expect(layers.length).toBe(8);
    expect(layers[7]?.name).toBe("others");
    expect(stacked(layers, 1)[7]).toEqual([210]);
  });
});

describe("csv", () => {
  it("quotes, and keeps formulas texts", () => {
    expect(csv([["a", 'b"c', "=1+1", null, 1.5]])).toBe(`a,"b""c",'=1+1,,1.5\r\n`);
  });
});
