import { expect, it } from "vitest";
import { record } from "../../logql/record";
import { waterfall } from "./waterfall";
import { week } from "./week";

it("a run's requests stand in the order in which they began", () => {
  const line = (at: number, fields: object) => record({ at: String(at * 1e9), line: JSON.stringify(fields), labels: {} });
  const told = waterfall([
    line(110, { model: "late", processing_time_seconds: 2, status: "error", cost_usd: null }),
    line(112, { model: "early", processing_time_seconds: 8, status: "success", cost_usd: 0.5 }),
  ]);
  expect(told.bars.map(({ model, start, length }) => [model, start, length])).toEqual([
    ["early", 0, 8],
    ["late", 4, 2],
  ]);
  expect([told.whole, told.cost, told.failed]).toEqual([8, 0.5, 1]);
  expect(waterfall([]).whole).toBe(0);
});

it("hours are those of local days", () => {
  const monday = new Date(2026, 10, 23, 15).getTime() / 1000;
  const told = week([monday, monday + 3600, monday + 7 * 86_400], [2, null, 3]);
  expect([told.cells[0]?.[14], told.most, told.total]).toEqual([5, 5, 5]);
});
