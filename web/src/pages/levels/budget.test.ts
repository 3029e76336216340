import { expect, it } from "vitest";
import { budget, objectives, stage } from "./budget";

it("a budget is what is left of the room for errors", () => {
  expect(budget(0.99, 995, 1000)).toEqual({ kept: 0.995, left: expect.closeTo(0.5, 9), burn: expect.closeTo(0.5, 9), isKept: true });
  expect(budget(0.99, 980, 1000)).toMatchObject({ left: expect.closeTo(-1, 9), burn: expect.closeTo(2, 9), isKept: false });
  expect(budget(0.99, null, 10)?.kept).toBe(0);
  expect(budget(0.99, 0, 0)).toBeNull();
  expect(budget(0.99, null, null)).toBeNull();
});

it("a level is one promise or two", () => {
  const both = objectives({ model: "*", p95_seconds: 10, availability: 0.999 });
  expect(both.map(({ name, promised, seconds }) => [name, promised, seconds])).toEqual([
    ["availability", 0.999, null],
    ["latency", 0.95, 10],
  ]);
});

it("a pattern stands for itself but for its stars", () => {
  expect(stage("*")).toBe("");
  expect(stage("gpt-4")).toBe(' | model="gpt-4"');
  expect(stage("gpt-4.1*")).toBe(' | model=~"gpt-4\\\\.1.*"');
});
