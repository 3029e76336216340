// What one request's Record tells, taken apart for reading.

import { type Record, number, text } from "../../logql/record";

/** A piece of the time that a request took, in seconds from its first byte. */
export interface Span {
  name: string;
  about: string;
  start: number;
  length: number;
  tone: "weir" | "network" | "wait" | "stream" | "unknown";
}

/** Where the time went: the pieces follow upon each other and are all of it. */
export function timeline(one: Record): { whole: number; spans: Span[]; firstToken: number | null } | null {
  const whole = number(one, "processing_time_seconds");
  if (whole === null) return null;
  const queue = number(one, "queue_time_seconds") ?? 0;
  const network = number(one, "network_latency") ?? 0;
  const upstream = number(one, "upstream_time_seconds");
  const firstToken = number(one, "time_to_first_token_seconds");
  const pieces: Omit<Span, "start">[] = [
    { name: "queue", about: "In Weir, before the request left", length: queue, tone: "weir" },
    { name: "connect", about: "Connecting to the provider, TLS included", length: network, tone: "network" },
  ];
  if (upstream === null) {
    pieces.push({ name: "not told apart", about: "The provider was not reached, or Weir was killed", length: whole - queue - network, tone: "unknown" });
  } else {
    const wait = firstToken === null ? upstream : Math.min(upstream, Math.max(0, firstToken - queue - network));
    const waits = firstToken === null ? "The provider at work" : "The provider, up to its first token";
    pieces.push({ name: firstToken === null ? "provider" : "first token", about: waits, length: wait, tone: "wait" });
    if (firstToken !== null) {
      pieces.push({ name: "stream", about: "From the first token to the last byte", length: upstream - wait, tone: "stream" });
    }
    pieces.push({ name: "rest", about: "In Weir, after the provider", length: whole - queue - network - upstream, tone: "weir" });
  }
  let start = 0;
  const spans = pieces
    .map((piece) => ({ ...piece, length: Math.max(0, piece.length) }))
    .map((piece) => {
      const span = { ...piece, start };
      start += piece.length;
      return span;
    });
  return { whole, spans: spans.filter((span) => span.length > 0), firstToken };
}

/** Tokens of one class. The classes are disjoint: together they are all of a request's tokens. */
export interface TokenClass {
  /** Its name at `/api/v1/price`. */
  key: string;
  name: string;
  tokens: number;
  /** Which of the classes it is. */
  at: number;
}

export function tokenClasses(one: Record): TokenClass[] {
  const [input, output] = [number(one, "input_tokens"), number(one, "output_tokens")];
  if (input === null && output === null) return [];
  const part = (name: string): number => number(one, name) ?? 0;
  const [cached, written, hour] = [part("cached_input_tokens"), part("cache_write_tokens"), part("cache_write_1h_tokens")];
  const reasoning = part("reasoning_tokens");
  const classes = [
    { key: "input", name: "input", tokens: Math.max(0, (input ?? 0) - cached - written - hour) },
    { key: "cached_input", name: "cached input", tokens: cached },
    { key: "cache_write", name: "cache write", tokens: written },
    { key: "cache_write_1h", name: "cache write, 1 h", tokens: hour },
    { key: "output", name: "output", tokens: Math.max(0, (output ?? 0) - reasoning) },
    { key: "reasoning", name: "reasoning", tokens: reasoning },
  ];
  return classes.map((one, at) => ({ ...one, at })).filter(({ tokens, at }) => tokens > 0 || at === 0 || at === 4);
}

/** One step of a cost. */
export interface CostStep {
  name: string;
  about: string;
  usd: number;
}

/** How a cost adds up; nothing where it is not known, or is one figure. */
export function costSteps(one: Record): CostStep[] {
  const known: [string, string, string][] = [
    ["cost_input_usd", "input", "what was not cached"],
    ["cost_cache_usd", "cache", "cached input and cache writes"],
    ["cost_output_usd", "output", "reasoning included"],
    ["cost_tools_usd", "calls", "web searches and the like"],
  ];
  return known.flatMap(([field, name, about]) => {
    const usd = number(one, field);
    return usd === null || (usd === 0 && field !== "cost_input_usd" && field !== "cost_output_usd") ? [] : [{ name, about, usd }];
  });
}

/** What a `cost_status` says, for people. */
export const COST_STATUS: { [status: string]: string } = {
  list: "the published price",
  contracted: "your own price",
  reported: "the provider's own bill",
  estimated: "a price, for tokens that were counted and not reported",
  free: "truly free",
  unpriced: "no price is known: this request is in no sum of money",
};

/** An energy estimate in kilowatt-hours. */
export interface Band {
  low: number | null;
  mid: number;
  high: number | null;
}

export function energyBand(one: Record): Band | null {
  const mid = number(one, "energy_consumption_kwh");
  return mid === null ? null : { low: number(one, "energy_kwh_low"), mid, high: number(one, "energy_kwh_high") };
}

/** A command that sends something like it; what was asked is not on record. */
export function curl(one: Record, url: string): string {
  const api = text(one, "api");
  const body: { [name: string]: unknown } = { model: text(one, "model") || "MODEL" };
  for (const name of ["temperature", "top_p", "max_tokens"]) {
    const value = number(one, name);
    if (value !== null) body[name] = value;
  }
  if (one.fields["stream"] === true) body["stream"] = true;
  if (api === "embeddings" || api === "responses") body["input"] = "…";
  else if (api === "completions") body["prompt"] = "…";
  else body["messages"] = [{ role: "user", content: "…" }];
  const paths: { [api: string]: string } = { embeddings: "embeddings", completions: "completions", responses: "responses" };
  const quoted = JSON.stringify(body).replaceAll("'", "'\\''");
  return [
    `curl ${url}/${paths[api] ?? "chat/completions"} \\`,
    "  -H 'content-type: application/json' \\",
    '  -H "authorization: Bearer $OPENAI_API_KEY" \\',
    `  -d '${quoted}'`,
  ].join("\n");
}

/** When a request with that id began, in seconds since 1970: a UUID of version 7 says so itself. */
export function begunAt(id: string): number | null {
  const digits = /^([0-9a-f]{8})-([0-9a-f]{4})-7/.exec(id);
  return digits ? parseInt(`${digits[1]}${digits[2]}`, 16) / 1000 : null;
}
