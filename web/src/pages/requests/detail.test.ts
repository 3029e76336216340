import { describe, expect, it } from "vitest";
import { record } from "../../logql/record";
import { begunAt, costSteps, curl, energyBand, timeline, tokenClasses } from "./detail";

const of = (fields: object) => record({ at: "1795464123400000000", line: JSON.stringify(fields), labels: { app: "x" } });

describe("a request", () => {
  const one = of({
    model: "it's",
    api: "chat",
    stream: true,
    temperature: 0.7,
    input_tokens: 100,
    output_tokens: 50,
    cached_input_tokens: 60,
    cache_write_tokens: 10,
    reasoning_tokens: 20,
    processing_time_seconds: 2,
    queue_time_seconds: 0.01,
    network_latency: 0.05,
    upstream_time_seconds: 1.9,
    overhead_seconds: 0.05,
    time_to_first_token_seconds: 0.5,
    cost_usd: 0.003,
    cost_input_usd: 0.001,
    cost_output_usd: 0.002,
    cost_cache_usd: 0,
    energy_consumption_kwh: 0.001,
  });

  it("has a timeline whose pieces are all of it", () => {
    const line = timeline(one);
    expect(line?.spans.map(({ name }) => name)).toEqual(["queue", "connect", "first token", "stream", "rest"]);
    expect(line?.spans.reduce((sum, { length }) => sum + length, 0)).toBeCloseTo(2, 9);
    expect(line?.spans[3]?.start).toBeCloseTo(0.5, 9);
    expect(timeline(of({ processing_time_seconds: null }))).toBeNull();
  });

  it("has disjoint classes of tokens", () => {
    const classes = tokenClasses(one);
    expect(classes.map(({ tokens }) => tokens)).toEqual([30, 60, 10, 30, 20]);
    expect(tokenClasses(of({ input_tokens: null }))).toEqual([]);
  });

  it("has a cost that adds up, and no 0 for what is not known", () => {
    expect(costSteps(one).map(({ name, usd }) => [name, usd])).toEqual([
      ["input", 0.001],
      ["output", 0.002],
    ]);
    expect(costSteps(of({ cost_usd: null }))).toEqual([]);
    expect(energyBand(of({ energy_consumption_kwh: null }))).toBeNull();
    expect(energyBand(one)).toEqual({ low: null, mid: 0.001, high: null });
  });

  it("can be asked again, whatever its model is called", () => {
    expect(curl(one, "http://w/v1")).toContain(`-d '{"model":"it'\\''s","temperature":0.7,"stream":true,"messages":`);
    expect(curl(of({ api: "embeddings" }), "u")).toContain("u/embeddings");
  });

  it("says in its id when it began", () => {
    expect(begunAt("01a208e7-0a80-7993-b860-6a19461c6749")).toBe(0x01a208e70a80 / 1000);
    expect(begunAt("550e8400-e29b-41d4-a716-446655440000")).toBeNull();
  });
});
