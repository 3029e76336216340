import { expect, it } from "vitest";
import { record } from "../../logql/record";
import { kinds } from "./kinds";

it("errors are told apart by all that they are of, with when they were seen", () => {
  const labels = { error_type: "rate_limit", status_code: "429", provider: "p", model: "m" };
  const series = [
    { labels, values: [null, 2, null, 1] },
    { labels: { ...labels, model: "n" }, values: [5, null, null, null] },
    { labels: { ...labels, model: "o" }, values: [null, null, null, null] },
  ];
  const line = JSON.stringify({ ...labels, status_code: 429, error_message: "slow down" });
  const found = kinds(series, [10, 20, 30, 40], 10, [record({ at: "38000000000", line, labels: {} })]);
  expect(found.map(({ model, count, first, last }) => [model, count, first, last])).toEqual([
    ["n", 5, 0, 10],
    ["m", 3, 10, 38],
  ]);
  expect(found[1]?.sample?.fields["error_message"]).toBe("slow down");
});
