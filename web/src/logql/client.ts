// The one module that speaks LogQL: it asks Loki's API, which Weir answers itself or passes on.

import { json } from "../api/ask";
import { asked } from "../api/error";
import { type Grid, ticks } from "../state/range";
import { type Data, type Entry, type Sample, type Series, entries, matrix, sorted, streams, vector } from "./answer";

const BASE = "/loki/api/v1";
/** A longer question goes as a form: proxies cut long addresses. */
const LONGEST_ADDRESS = 3000;

async function ask(path: string, members: Record<string, string>, signal: AbortSignal): Promise<Data> {
  const form = new URLSearchParams(members);
  const text = form.toString();
  const headers = { "X-Loki-Response-Encoding-Flags": "categorize-labels" };
  const answer =
    text.length > LONGEST_ADDRESS
      ? await json(`${BASE}/${path}`, signal, { method: "POST", body: form, headers })
      : await json(`${BASE}/${path}?${text}`, signal, { headers });
  return (answer as { data: Data }).data;
}

/** Nanoseconds, as digits. */
const nanos = (seconds: number): string => String(Math.round(seconds * 1000)) + "000000";

/** Figures over the steps of a grid. */
export async function range(query: string, grid: Grid, signal: AbortSignal): Promise<Series[]> {
  const moments = ticks(grid);
  const [start, end] = [moments[0] ?? grid.end, moments[moments.length - 1] ?? grid.end];
  const members = { query, start: nanos(start), end: nanos(end), step: String(grid.step) };
  return matrix(await ask("query_range", members, signal), moments);
}

/** Figures of one moment. */
export async function instant(query: string, at: number, signal: AbortSignal): Promise<Sample[]> {
  return vector(await ask("query", { query, time: nanos(at) }, signal));
}

/** Lines between two moments, the newest first; `before` is in nanoseconds, for what comes after a page of them. */
export async function lines(
  query: string,
  between: { start: number; end: number; before?: string },
  limit: number,
  signal: AbortSignal,
): Promise<Entry[]> {
  const members = {
    query,
    start: nanos(between.start),
    end: between.before ?? nanos(between.end),
    limit: String(limit),
    direction: "backward",
  };
  return entries(await ask("query_range", members, signal));
}

/** The values of a label. */
export async function values(label: string, grid: Grid, signal: AbortSignal): Promise<string[]> {
  const members = new URLSearchParams({ start: nanos(grid.start), end: nanos(grid.end) });
  const answer = await json(`${BASE}/label/${encodeURIComponent(label)}/values?${members}`, signal);
  return ((answer as { data?: string[] }).data ?? []).slice();
}

/** A tail under way. */
export interface Tail {
  close(): void;
}

/** Follows lines as they come. `closed` says why it ended, unless it was closed from here. */
export function tail(query: string, start: number, told: (list: Entry[]) => void, closed: (why: string) => void): Tail {
  const address = new URL(`${BASE}/tail`, location.href);
  address.protocol = address.protocol === "https:" ? "wss:" : "ws:";
  address.search = new URLSearchParams({ query, start: nanos(start), limit: "500", delay_for: "0" }).toString();
  const socket = new WebSocket(address);
  let meant = false;
  socket.addEventListener("message", (message: MessageEvent<string>) => {
    const frame = JSON.parse(message.data) as { streams?: unknown };
    told(sorted(streams(frame.streams ?? [])));
  });
  socket.addEventListener("close", (event) => {
    if (!meant) closed(event.reason || "the live tail has ended");
  });
  return {
    close: () => {
      meant = true;
      socket.close();
    },
  };
}

export { asked };
