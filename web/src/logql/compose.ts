// Questions in LogQL out of the panels' own: with filters, by another field, over the whole range instead of step by step.
// A brace stands in LogQL only around a selector or within a text, so a scan that knows texts finds every selector.

import type { Filter } from "../state/filters";

/** What the page has to know of fields: which are labels of streams, and which stand on the line only. */
export interface Places {
  labels: ReadonlySet<string>;
  metadata: ReadonlySet<string>;
  /** Fields whose values are texts. */
  texts: ReadonlySet<string>;
}

/** A text as LogQL quotes it. */
export function quote(text: string): string {
  return JSON.stringify(text);
}

/** A text that stands for itself in a regular expression. */
export function literal(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&");
}

/** Where a selector stands: the position of its opening brace and the one behind its closing brace. */
interface Span {
  open: number;
  close: number;
}

/** Where the selectors of a query stand. */
export function selectors(query: string): Span[] {
  const found: Span[] = [];
  let open = -1;
  for (let at = 0; at < query.length; at++) {
    const sign = query[at];
    if (sign === '"' || sign === "`") at = textEnd(query, at);
    else if (sign === "#") at = lineEnd(query, at);
    else if (sign === "{") open = at;
    else if (sign === "}" && open >= 0) {
      found.push({ open, close: at + 1 });
      open = -1;
    }
  }
  return found;
}

function textEnd(query: string, start: number): number {
  const quoteSign = query[start];
  for (let at = start + 1; at < query.length; at++) {
    if (query[at] === "\\" && quoteSign === '"') at++;
    else if (query[at] === quoteSign) return at;
  }
  return query.length;
}

function lineEnd(query: string, start: number): number {
  const end = query.indexOf("\n", start);
  return end < 0 ? query.length : end;
}

/** The filters as what goes into a selector and what follows it. Several values of a field are alternatives. */
export function conditions(filters: readonly Filter[], places: Places): { matchers: string[]; stages: string[] } {
  const matchers: string[] = [];
  const stages: string[] = [];
  const done = new Set<string>();
  for (const { field, operator, value } of filters) {
    const word = field + operator;
    const isText = operator === "=" || operator === "!=";
    if (isText && done.has(word)) continue;
    done.add(word);
    const values = filters.filter((other) => other.field === field && other.operator === operator).map((other) => other.value);
    const condition = isText ? equality(field, operator, values) : `${field}${operator}${Number(value)}`;
    if (places.labels.has(field) && isText) matchers.push(condition);
    else stages.push("| " + condition);
  }
  return { matchers, stages };
}

function equality(field: string, operator: "=" | "!=", values: readonly string[]): string {
  const [only] = values;
  if (values.length === 1 && only !== undefined) return field + operator + quote(only);
  return `${field}${operator === "=" ? "=~" : "!~"}${quote(values.map(literal).join("|"))}`;
}

/** What reads a field that stands on the line only; lines without it are passed over unread. */
export const reading = (field: string): string => `|= \`"${field}":\` | json ${field}=${quote(field)}`;

/** Whether lines without a field pass none of the filters on it. */
function wants(field: string, filters: readonly Filter[]): boolean {
  const of = (operator: string): string[] => filters.filter((one) => one.field === field && one.operator === operator).map(({ value }) => value);
  const [equal, other] = [of("="), of("!=")];
  const compares = filters.some((one) => one.field === field && one.operator !== "=" && one.operator !== "!=");
  return compares || (equal.length > 0 && !equal.includes("")) || other.includes("");
}

/** A filter that is the only one on a text of the line is a part of the line, and needs nobody who reads it. */
function isPart({ field, operator, value }: Filter, filters: readonly Filter[], places: Places): boolean {
  const isAlone = filters.filter((other) => other.field === field).length === 1;
  const isOnLine = !places.labels.has(field) && !places.metadata.has(field) && places.texts.has(field);
  return isOnLine && isAlone && operator === "=" && /^[^"\\`\p{Cc}]+$/u.test(value);
}

/** A query narrowed by filters; `read` names fields that it needs beside those, such as the one it is grouped by. */
export function narrow(query: string, filters: readonly Filter[], places: Places, read: readonly string[] = []): string {
  const parts = filters.filter((filter) => isPart(filter, filters, places));
  const others = filters.filter((filter) => !parts.includes(filter));
  const { matchers, stages } = conditions(others, places);
  const unread = read.filter((field) => !query.includes(`json ${field}=`));
  const fields = [...new Set([...others.map((filter) => filter.field), ...unread])];
  const onLine = fields.filter((field) => !places.labels.has(field) && !places.metadata.has(field));
  const needles = [...parts.map(({ field, value }) => `"${field}":"${value}"`), ...onLine.filter((field) => wants(field, others)).map((field) => `"${field}":`)];
  const parsers = onLine.length > 0 ? ["| json " + onLine.map((field) => `${field}=${quote(field)}`).join(", ")] : [];
  const pipeline = [...needles.map((needle) => `|= \`${needle}\``), ...parsers, ...stages].map((stage) => " " + stage).join("");
  let narrowed = "";
  let from = 0;
  for (const { open, close } of selectors(query)) {
    const inner = query.slice(open + 1, close - 1).trim();
    narrowed += query.slice(from, open) + "{" + [inner, ...matchers].filter(Boolean).join(", ") + "}" + pipeline;
    from = close;
  }
  return narrowed + query.slice(from);
}

/** One query of a panel, as `/api/v1/panels` has it. */
export interface PanelQuery {
  logql: string;
  legend: string;
  by: string | null;
}

/** A panel's query told apart by `field`, or not at all. */
export function groupedBy(query: PanelQuery, field: string | null): string {
  const { logql, by } = query;
  if (by !== null) return logql.replaceAll(`by (${by}) `, field === null ? "" : `by (${field}) `);
  if (field === null) return logql;
  if (logql.endsWith(" by ()")) return logql.slice(0, -" by ()".length) + ` by (${field})`;
  const grouped = logql.replaceAll("sum(", `sum by (${field}) (`);
  // A share: groups in which nothing of the kind happened have 0, instead of nothing.
  const parts = /^\((.+) or vector\(0\)\) \/ (.+)$/s.exec(grouped);
  return parts ? `${parts[1]} / ${parts[2]} or ${parts[2]} * 0` : grouped;
}

/** A length of time as LogQL writes it. */
export const span = (seconds: number): string => (Number.isInteger(seconds) ? `${Math.max(1, seconds)}s` : `${Math.max(1, Math.round(seconds * 1000))}ms`);

/** A query over steps of `seconds`, or over a whole range of that length. */
export function over(query: string, seconds: number): string {
  return query.replaceAll("[$__auto]", `[${span(seconds)}]`).replaceAll("[$__range]", `[${span(seconds)}]`);
}
