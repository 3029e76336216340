// What tables compare: figures by a field, each asked by the query of the panel that shows it.

import { weir } from "../api/weir.svelte";
import type { Filter } from "../state/filters";
import type { Grid } from "../state/range";
import { type PanelQuery, over } from "./compose";
import { MANY, altogether, among, largest, question } from "./figures";

/** A figure that tables have a column for. */
export type Measure =
  | "requests"
  | "tokens"
  | "input_tokens"
  | "output_tokens"
  | "cached_input"
  | "cache_write"
  | "cache_write_1h"
  | "reasoning"
  | "cost"
  | "energy"
  | "failed"
  | "p50"
  | "p95"
  | "first_token"
  | "seconds";

/** Which panel a measure is of, and which of its queries. */
const PANELS: Partial<Record<Measure, [title: string, legend?: string]>> = {
  requests: ["Model Distribution"],
  tokens: ["Token Usage"],
  cached_input: ["Tokens by Class", "cached input"],
  cache_write: ["Tokens by Class", "cache writes"],
  cache_write_1h: ["Tokens by Class", "cache writes, 1 h"],
  reasoning: ["Tokens by Class", "reasoning"],
  cost: ["Cost Tracking"],
  energy: ["Energy Consumption"],
  failed: ["Error Rate", "failed"],
  p50: ["Processing Time", "p50"],
  p95: ["Processing Time", "p95"],
  first_token: ["Time to First Token", "p50"],
};

/** The same sum over another field. */
const INSTEAD: Partial<Record<Measure, string>> = {
  input_tokens: "input_tokens",
  output_tokens: "output_tokens",
  seconds: "processing_time_seconds",
};

/** The query of a measure; none while the panels are not known. */
export function queryOf(measure: Measure): PanelQuery | undefined {
  const other = INSTEAD[measure];
  if (other) {
    const tokens = queryOf("tokens");
    return tokens && { ...tokens, logql: tokens.logql.replaceAll("total_tokens", other) };
  }
  const [title, legend] = PANELS[measure] ?? [""];
  const panel = weir.panel(title);
  return legend === undefined ? panel?.queries[0] : panel?.queries.find((query) => query.legend === legend);
}

/** A row: a value of the field, and its figures. What has none has no member. */
export interface Row {
  name: string;
  values: Partial<Record<Measure, number>>;
}

/** Figures by a field over a grid, one row for each value of it: all of them, or those with most of the first measure. */
export async function tally(
  measures: readonly Measure[],
  field: string,
  filters: readonly Filter[],
  grid: Grid,
  signal: AbortSignal,
): Promise<Row[]> {
  const rows = new Map<string, Row>();
  const ask = async (measure: Measure, narrowed: readonly Filter[]): Promise<void> => {
    const query = queryOf(measure);
    if (!query) return;
    for (const { labels, value } of await altogether(largest(question(query, field, narrowed), MANY), grid, signal)) {
      const name = labels[field] ?? "";
      const row = rows.get(name) ?? { name, values: {} };
      row.values[measure] = value;
      rows.set(name, row);
    }
  };
  const [first, ...others] = measures;
  if (first === undefined) return [];
  await ask(first, filters);
  const narrowed = rows.size < MANY ? filters : [...filters, ...among(field, [...rows.keys()])];
  await Promise.all(others.map((measure) => ask(measure, narrowed)));
  return [...rows.values()];
}

/** How many values a field has in a range. */
export async function distinct(field: string, filters: readonly Filter[], grid: Grid, signal: AbortSignal): Promise<number> {
  const query = queryOf("requests");
  if (!query) return 0;
  const some: Filter[] = [...filters, { field, operator: "!=", value: "" }];
  return (await altogether(`count(${question(query, field, some)})`, grid, signal))[0]?.value ?? 0;
}

/** One figure altogether. */
export async function sum(measure: Measure, filters: readonly Filter[], grid: Grid, signal: AbortSignal): Promise<number | null> {
  const query = queryOf(measure);
  if (!query) return null;
  return (await altogether(question(query, null, filters), grid, signal))[0]?.value ?? null;
}

/** What is asked for measures over a whole grid, told apart by a field or not, as LogQL. */
export function asLogql(measures: readonly Measure[], field: string | null, filters: readonly Filter[], grid: Grid): string[] {
  const queries = measures.map(queryOf).filter((query) => query !== undefined);
  return queries.map((query) => over(question(query, field, filters), grid.until - grid.start));
}

/** A part of a whole; null where there is no whole. */
export function ratio(part: number | undefined, whole: number | undefined): number | null {
  return part === undefined || whole === undefined || whole === 0 ? null : part / whole;
}
