// What Weir knows, asked at `/api/v1/…`: its panels, the fields of its lines, how it is doing, and who may ask.

import type { Unit } from "../format/number";
import type { PanelQuery, Places } from "../logql/compose";
import type { Grid } from "../state/range";
import { json, whenLoginIsNeeded } from "./ask";
import { type AskError, asked } from "./error";

/** One panel of the list that Grafana's dashboard has as well. */
export interface PanelSpec {
  title: string;
  description: string;
  kind: "lines" | "bars" | "pie" | "ranking" | "figure" | "log";
  unit: Unit;
  lines: string | null;
  queries: PanelQuery[];
}

export interface Panels {
  /** The selector of all lines. */
  stream: string;
  /** The selector of requests. */
  requests: string;
  panels: PanelSpec[];
}

/** One field of the lines. */
export interface Field {
  name: string;
  unit: string;
  role: "label" | "metadata" | "line";
  about: string;
  own: boolean;
}

export interface Follower {
  name: string;
  lag_lines: number;
  errors: number;
  dead_letters: number;
  dead_letters_dropped: number;
}

/** What segments hold. */
export interface Stored {
  segments: number;
  bytes: number;
  lines: number;
  oldest: number | null;
  newest: number | null;
  damaged: number;
}

export interface Status {
  version: string;
  commit: string;
  now: number;
  draining: boolean;
  callers_url: string;
  instance: string | null;
  simulated: boolean;
  providers: string[];
  balance: { accepted: number; recorded: number; in_flight: number; unrecorded_in_flight: number };
  journal: { sound: boolean; bytes: number; dropped_lines: number };
  store: { sound: boolean; unsealed_lines: number; records: Stored; pushed: Stored; others: number };
  pushed: { stored: number; repeated: number; refused: number; memory_bytes: number };
  /** Whether a Loki answers questions in Weir's place. */
  backend: boolean;
  followers: Follower[];
  configuration: { sound: boolean; since: number };
  prices: { as_of: string; age_seconds: number };
  /** What callers have been promised. */
  slo: { model: string; p95_seconds: number | null; availability: number | null }[];
  /** Where Grafana is, and the data source there; null where nobody said. */
  grafana: { url: string; datasource: string } | null;
}

/** How often Weir is asked how it is doing, in milliseconds. */
const EVERY = 5000;

class Weir {
  panels = $state.raw<Panels | undefined>();
  fields = $state.raw<Field[]>([]);
  status = $state.raw<Status | undefined>();
  error = $state.raw<AskError | undefined>();
  loginNeeded = $state(false);
  /** Whether there is a session that can be ended. */
  loggedIn = $state(false);
  places: Places = $derived({
    labels: new Set(["app", "namespace", ...this.fields.filter((field) => field.role === "label").map((field) => field.name)]),
    metadata: new Set(this.fields.filter((field) => field.role === "metadata").map((field) => field.name)),
    texts: new Set(this.fields.filter((field) => field.unit === "text" && !field.own).map((field) => field.name)),
  });
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    whenLoginIsNeeded(() => (this.loginNeeded = true));
  }

  /** A panel by its title. */
  panel(title: string): PanelSpec | undefined {
    return this.panels?.panels.find((panel) => panel.title === title);
  }

  field(name: string): Field | undefined {
    return this.fields.find((field) => field.name === name);
  }

  /** Asks for what does not change, then again and again for what does. */
  async start(): Promise<void> {
    clearTimeout(this.#timer);
    const signal = AbortSignal.timeout(15_000);
    try {
      const [panels, fields, status] = await Promise.all([
        json("/api/v1/panels", signal),
        json("/api/v1/fields", signal),
        json("/api/v1/status", signal),
      ]);
      this.panels = panels as Panels;
      this.fields = fields as Field[];
      this.status = status as Status;
      this.error = undefined;
      this.loginNeeded = false;
      // A Weir that knows no sessions has none to end.
      const session = (await json("/api/v1/session", signal).catch(() => ({ set: false }))) as { set: boolean };
      this.loggedIn = session.set;
    } catch (thrown) {
      this.error = asked(thrown);
    }
    this.#wait();
  }

  #wait(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => void this.#again(), EVERY);
  }

  async #again(): Promise<void> {
    if (document.hidden || this.loginNeeded) return this.#wait();
    if (!this.panels) return this.start();
    try {
      this.status = (await json("/api/v1/status", AbortSignal.timeout(10_000))) as Status;
      this.error = undefined;
    } catch (thrown) {
      this.error = asked(thrown);
    }
    this.#wait();
  }

  /** Shows the token; Weir answers with a cookie that no program can read. */
  async login(token: string): Promise<void> {
    const body = JSON.stringify({ token });
    await json("/api/v1/login", AbortSignal.timeout(10_000), {
      method: "POST",
      body,
      headers: { "content-type": "application/json" },
    });
    await this.start();
  }

  /** Ends the session. */
  async logout(): Promise<void> {
    await json("/api/v1/logout", AbortSignal.timeout(10_000), { method: "POST" });
    this.loggedIn = false;
    this.loginNeeded = true;
  }
}

export const weir = new Weir();

/** The address of questions in Grafana's Explore; nothing where no Grafana is configured. */
export function inGrafana(queries: readonly string[], grid: Grid): string | undefined {
  const grafana = weir.status?.grafana;
  if (!grafana) return undefined;
  const datasource = { type: "loki", uid: grafana.datasource };
  const panes = {
    weir: {
      datasource: grafana.datasource,
      queries: queries.map((expr, at) => ({ refId: String.fromCharCode(65 + at), datasource, expr, queryType: "range" })),
      range: { from: String(Math.round(grid.start * 1000)), to: String(Math.round(grid.end * 1000)) },
    },
  };
  const written = encodeURIComponent(JSON.stringify(panes));
  return `${grafana.url.replace(/\/+$/, "")}/explore?schemaVersion=1&orgId=1&panes=${written}`;
}
