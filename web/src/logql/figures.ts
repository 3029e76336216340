// The figures of panels: their questions, narrowed and told apart as the page stands, asked together.

import { AskError } from "../api/error";
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

/** Whether the steps of a panel's figures add up to its figure of the whole. */
export const adds = ({ kind, unit }: Pick<PanelSpec, "kind" | "unit">): boolean => kind === "bars" || unit === "requests_per_second";

/** What steps add up to. Of what happens per second that is what happened in the time of the steps, by the time that has gone. */
export function sums(series: readonly Series[], grid: Grid, perSecond: boolean): Sample[] {
  const factor = perSecond ? grid.step / (grid.until - grid.start) : 1;
  return series.flatMap(({ labels, values }) => {
    const known = values.filter((value) => value !== null);
    return known.length === 0 ? [] : [{ labels, value: known.reduce((sum, value) => sum + value, 0) * factor }];
  });
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

/** Values that are told apart at most where a field has very many. */
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

/** What figures are asked about. */
interface Asking {
  filters: readonly Filter[];
  grid: Grid;
  perSecond: boolean;
  signal: AbortSignal;
}

/** Figures told apart by a field. */
interface Apart {
  parts: Sample[];
  series: Series[];
  total: number | null;
}

/** Fields that have more values than an answer may have series. */
const wide = new Set<string>();

/** Step by step, told apart, and what that adds up to. */
async function apart(query: PanelQuery, field: string, of: Asking): Promise<Apart> {
  const { filters, grid, perSecond, signal } = of;
  if (wide.has(field)) return largestApart(query, field, of);
  try {
    const series = await stepwise(question(query, field, filters), grid, signal);
    const parts = sums(series, grid, perSecond);
    return { parts, series, total: parts.reduce((sum, { value }) => sum + value, 0) };
  } catch (thrown) {
    if (!(thrown instanceof AskError && thrown.message.includes("maximum number of series"))) throw thrown;
    wide.add(field);
    return largestApart(query, field, of);
  }
}

/** The same of the largest only: what is left of the whole is one series. */
async function largestApart(query: PanelQuery, field: string, { filters, grid, perSecond, signal }: Asking): Promise<Apart> {
  const parts = await altogether(largest(question(query, field, filters)), grid, signal);
  parts.sort((one, other) => other.value - one.value);
  const names = parts.slice(0, FEW).map(({ labels }) => labels[field] ?? "");
  const [series, [whole]] = await Promise.all([
    stepwise(question(query, field, [...filters, ...among(field, names)]), grid, signal),
    stepwise(question(query, null, filters), grid, signal),
  ]);
  const told = (at: number): number => series.reduce((sum, one) => sum + (one.values[at] ?? 0), 0);
  const rest = (whole?.values ?? []).map((value, at) => (value === null ? null : Math.max(0, value - told(at))));
  const [total] = whole ? sums([whole], grid, perSecond) : [];
  return { parts, series: [...series, { labels: { [field]: REST }, values: rest }], total: total?.value ?? null };
}

/** Asks for the figures of a panel whose steps add up: told apart by a field, and altogether now and before. */
export async function addedUp(spec: PanelSpec, field: string, filters: readonly Filter[], grid: Grid, signal: AbortSignal): Promise<Figures> {
  const perSecond = spec.unit === "requests_per_second";
  const of = { filters, grid, perSecond, signal };
  const [told, totalsBefore] = await Promise.all([
    Promise.all(spec.queries.map((query) => apart(query, field, of))),
    Promise.all(spec.queries.map((query) => whole(query, filters, before(grid), signal))),
  ]);
  return {
    grid,
    series: told.map(({ series }) => series),
    parts: told.map(({ parts }) => parts),
    totals: told.map(({ total }) => total),
    totalsBefore,
    asked: spec.queries.map((query) => over(question(query, field, filters), grid.step)),
  };
}

/** Asks for figures that do not add up, such as quantiles and shares: each over time and altogether, and `compared` before as well. */
export async function figures(
  queries: readonly PanelQuery[],
  compared: PanelQuery | undefined,
  filters: readonly Filter[],
  grid: Grid,
  signal: AbortSignal,
): Promise<Figures> {
  const [series, totals, totalsBefore] = await Promise.all([
    Promise.all(queries.map((query) => stepwise(question(query, null, filters), grid, signal))),
    Promise.all(queries.map((query) => whole(query, filters, grid, signal))),
    Promise.all(queries.map((query) => (query === compared ? whole(query, filters, before(grid), signal) : null))),
  ]);
  return { grid, series, parts: [], totals, totalsBefore, asked: queries.map((query) => over(question(query, null, filters), grid.step)) };
}

/** A query's figure over a whole grid. */
async function whole(query: PanelQuery, filters: readonly Filter[], grid: Grid, signal: AbortSignal): Promise<number | null> {
  return only(await altogether(question(query, null, filters), grid, signal));
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
