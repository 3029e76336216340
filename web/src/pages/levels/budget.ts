// Service levels: what was promised, what was kept, and how fast the room for errors goes.

import { literal } from "../../logql/compose";

/** A promise, as `/api/v1/status` has it. */
export interface Slo {
  model: string;
  p95_seconds: number | null;
  availability: number | null;
}

/** One promise of a level: a share of requests that must be good. */
export interface Objective {
  name: string;
  about: string;
  /** The share that was promised. */
  promised: number;
  /** The seconds that it is about, where it is about time. */
  seconds: number | null;
}

/** What 95 of 100 stay below is promised to 95 of 100. */
const P95 = 0.95;

/** The promises of a level. */
export function objectives(slo: Slo): Objective[] {
  const found: Objective[] = [];
  if (slo.availability !== null) {
    found.push({ name: "availability", about: "requests without an error, of those completed or failed", promised: slo.availability, seconds: null });
  }
  if (slo.p95_seconds !== null) {
    found.push({ name: "latency", about: `completed requests within ${slo.p95_seconds} s`, promised: P95, seconds: slo.p95_seconds });
  }
  return found;
}

/** How an objective fares. */
export interface Budget {
  /** The share that was good. */
  kept: number;
  /** The part of the room for bad ones that is left: below 0 where more than all of it has gone. */
  left: number;
  /** How many times faster than allowed bad ones come: 1 uses the room up exactly. */
  burn: number;
  isKept: boolean;
}

/** How an objective fares, of so many requests; nothing where there were none. */
export function budget(promised: number, good: number | null, all: number | null): Budget | null {
  if (all === null || all === 0) return null;
  const kept = (good ?? 0) / all;
  const burn = (1 - kept) / (1 - promised);
  return { kept, left: 1 - burn, burn, isKept: kept >= promised };
}

/** The pattern of a model as a stage of a query; nothing where it is about all of them. */
export function stage(model: string): string {
  if (model === "*") return "";
  if (!model.includes("*")) return ` | model=${JSON.stringify(model)}`;
  return ` | model=~${JSON.stringify(model.split("*").map(literal).join(".*"))}`;
}
