import { describe, expect, it } from "vitest";
import { conditions, groupedBy, narrow, over, quote, selectors } from "./compose";

const places = { labels: new Set(["event", "provider"]), metadata: new Set(["model", "cost_usd"]), texts: new Set(["city"]) };
const model = (value: string) => ({ field: "model", operator: "=" as const, value });

describe("selectors", () => {
  it("are found between texts that have braces", () => {
    const query = 'sum(rate({a="{x}\\"}"} |= `{y}` [5m])) / sum(rate({b="z"} [5m]))';
    const found = selectors(query).map(({ open, close }) => query.slice(open, close));
    expect(found).toEqual(['{a="{x}\\"}"}', '{b="z"}']);
  });
});

describe("narrow", () => {
  it("puts labels into the selector and other fields behind it", () => {
    const filters = [{ field: "provider", operator: "=" as const, value: "openai" }, model("gpt-4")];
    expect(narrow('rate({app="x"} [1m])', filters, places)).toBe('rate({app="x", provider="openai"} | model="gpt-4" [1m])');
  });

  it("narrows every selector of a query", () => {
    expect(narrow("{} / {}", [model("m")], places)).toBe('{} | model="m" / {} | model="m"');
  });

  it("reads what stands on the line only", () => {
    const filters = [{ field: "api", operator: "!=" as const, value: "chat" }];
    expect(narrow("{}", filters, places, ["region"])).toBe('{} | json api="api", region="region" | api!="chat"');
  });

  it("passes over lines without what a filter wants, and reads nothing twice", () => {
    const region = (operator: "=" | "!=" | ">", value: string) => narrow("{}", [{ field: "region", operator, value }], places);
    const read = '|= `"region":` | json region="region"';
    expect(region("=", "eu")).toBe(`{} ${read} | region="eu"`);
    expect(region(">", "3")).toBe(`{} ${read} | region>3`);
    expect(region("!=", "")).toBe(`{} ${read} | region!=""`);
    expect(narrow("{}", [{ field: "city", operator: "=", value: "Ulm" }], places)).toBe('{} |= `"city":"Ulm"`');
    expect(narrow("{}", [{ field: "city", operator: "=", value: 'U"m' }], places)).toContain('{} |= `"city":` |');
    expect(region("!=", "eu")).not.toContain("|=");
    expect(region("=", "")).not.toContain("|=");
    expect(narrow(`{} ${read} | unwrap x`, [], places, ["region"])).toBe(`{} ${read} | unwrap x`);
  });

  it("takes several values of a field as alternatives that stand for themselves", () => {
    expect(conditions([model("a.b"), model("c|d")], places).stages).toEqual(['| model=~"a\\\\.b|c\\\\|d"']);
  });

  it("compares numbers as numbers, and lets no text out of its quotes", () => {
    expect(conditions([{ field: "cost_usd", operator: ">", value: "0.1" }], places).stages).toEqual(["| cost_usd>0.1"]);
    expect(quote('a"b\n`')).toBe('"a\\"b\\n`"');
  });
});

describe("a panel's query", () => {
  const cost = { logql: "sum by (model) (sum_over_time({} | unwrap cost_usd [$__auto]))", legend: "", by: "model" };

  it("is told apart by another field, or not at all", () => {
    expect(groupedBy(cost, "key")).toBe("sum by (key) (sum_over_time({} | unwrap cost_usd [$__auto]))");
    expect(groupedBy(cost, null)).toBe("sum (sum_over_time({} | unwrap cost_usd [$__auto]))");
  });

  it("keeps quantiles exact within each group", () => {
    const p95 = { logql: "quantile_over_time(0.95, {} | unwrap t [$__auto]) by ()", legend: "p95", by: null };
    expect(groupedBy(p95, "model")).toBe("quantile_over_time(0.95, {} | unwrap t [$__auto]) by (model)");
    expect(groupedBy(p95, null)).toBe(p95.logql);
  });

  it("gives groups without failures a share of 0", () => {
    const shareOf = { logql: "(sum(count_over_time(F [$__auto])) or vector(0)) / sum(count_over_time(R [$__auto]))", legend: "", by: null };
    const all = "sum by (model) (count_over_time(R [$__auto]))";
    expect(groupedBy(shareOf, "model")).toBe(`sum by (model) (count_over_time(F [$__auto])) / ${all} or ${all} * 0`);
  });

  it("is asked over a length of time", () => {
    expect(over("rate({} [$__auto])", 60)).toBe("rate({} [60s])");
  });
});
