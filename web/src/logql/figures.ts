// The figures of panels: their questions, narrowed and told apart as the page stands, asked together.

import { type PanelSpec, weir } from "../api/weir.svelte";
import type { Filter } from "../state/filters";
import type { Grid } from "../state/range";
import type { Sample, Series } from "./answer";
import { instant, range } from "./client";
import { type PanelQuery, groupedBy, narrow, over } from "./compose";

/** Questions that panels leave open. */
export interface Open {
  slo_seconds: number;
  search: string;
}

/** A panel's query as it is asked: grouped by `field`, narrowed by `filters`. `[$__auto]` still stands for a length of time. */
export function question(query: PanelQuery, field: string | null, filters: readonly Filter[]): string {
  return narrow(groupedBy(query, field), filters, weir.places, field === null ? [] : [field]);
}

/** Step by step. */
export async function stepwise(query: string, grid: Grid, signal: AbortSignal): Promise<Series[]> {
  return range(over(query, grid.step), grid, signal);
}

/** Over a whole grid. */
export async function altogether(query: string, grid: Grid, signal: AbortSignal): Promise<Sample[]> {
  return instant(over(query, grid.until - grid.start), grid.until, signal);
}

/** The grid as long before. */
export function before(grid: Grid): Grid {
  return { start: 2 * grid.start - grid.until, end: grid.start, step: grid.step, until: grid.start };
}

/** The figure that stands alone in an answer; null where there is none. */
export function only(samples: readonly Sample[]): number | null {
  return samples[0]?.value ?? null;
}

/** A panel's figures, as the overview shows them. */
export interface Figures {
  grid: Grid;
  /** Over time: one list for each query. */
  series: Series[][];
  /** Over the whole range, told apart. */
  parts: Sample[][];
  /** Over the whole range, altogether, and over the one before. */
  totals: (number | null)[];
  totalsBefore: (number | null)[];
  /** What was asked. */
  asked: string[];
}

/** Values that are told apart at most: answers hold no more than some hundred series. */
export const MANY = 100;
/** Values that get a layer of their own where there are that many. */
const FEW = 7;
/** What stands for all values that have no layer. No field has such a value. */
const REST = "\u0000";

/** The largest groups of a query only. */
export const largest = (query: string, most = MANY): string => `topk(${most}, ${query})`;

/** Filters for some values of a field. */
export function among(field: string, values: readonly string[]): Filter[] {
  return values.map((value) => ({ field, operator: "=", value }));
}

/** Step by step, told apart; where there are too many values the largest are, and what is left of the whole is one series. */
async function apart(
  query: PanelQuery,
  field: string,
  filters: readonly Filter[],
  grid: Grid,
  signal: AbortSignal,
): Promise<{ parts: Sample[]; series: Series[] }> {
  const parts = await altogether(largest(question(query, field, filters)), grid, signal);
  if (parts.length < MANY) return { parts, series: await stepwise(question(query, field, filters), grid, signal) };
  parts.sort((one, other) => other.value - one.value);
  const names = parts.slice(0, FEW).map(({ labels }) => labels[field] ?? "");
  const [series, [whole]] = await Promise.all([
    stepwise(question(query, field, [...filters, ...among(field, names)]), grid, signal),
    stepwise(question(query, null, filters), grid, signal),
  ]);
  const told = (at: number): number => series.reduce((sum, one) => sum + (one.values[at] ?? 0), 0);
  const rest = (whole?.values ?? []).map((value, at) => (value === null ? null : Math.max(0, value - told(at))));
  return { parts, series: [...series, { labels: { [field]: REST }, values: rest }] };
}

/** Asks for a panel's figures. Queries that are told apart by something of their own stay so. */
export async function figures(
  spec: Pick<PanelSpec, "queries">,
  field: string | null,
  filters: readonly Filter[],
  grid: Grid,
  signal: AbortSignal,
): Promise<Figures> {
  const asked = spec.queries.map((query) => question(query, field, filters));
  const whole = spec.queries.map((query) => question(query, null, filters));
  const [told, totals, totalsBefore] = await Promise.all([
    Promise.all(
      spec.queries.map(async (query, at) =>
        field === null
          ? { parts: [], series: await stepwise(asked[at] ?? "", grid, signal) }
          : apart(query, field, filters, grid, signal),
      ),
    ),
    Promise.all(whole.map(async (query) => only(await altogether(query, grid, signal)))),
    Promise.all(whole.map(async (query) => only(await altogether(query, before(grid), signal)))),
  ]);
  return {
    grid,
    series: told.map(({ series }) => series),
    parts: told.map(({ parts }) => parts),
    totals,
    totalsBefore,
    asked: asked.map((query) => over(query, grid.step)),
  };
}

/** The values that a field has in a range, those of most requests first. */
export async function valuesOf(field: string, grid: Grid, signal: AbortSignal): Promise<string[]> {
  const requests = weir.panels?.requests;
  if (!requests) return [];
  const counted: PanelQuery = { logql: `sum by (x) (count_over_time(${requests} [$__auto]))`, legend: "", by: "x" };
  const samples = await altogether(`topk(50, ${question(counted, field, [])})`, grid, signal);
  samples.sort((one, other) => other.value - one.value);
  return samples.map((sample) => sample.labels[field] ?? "").filter((value) => value !== "");
}
