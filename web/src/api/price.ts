// Prices, as Weir computes and explains them.

import { json } from "./ask";

/** One step of a cost. */
export interface Step {
  what: string;
  count: number;
  usd_each: number | null;
  usd: number | null;
}

/** What tokens of a model cost, and why. */
export interface Explained {
  model: string;
  provider: string;
  /** Whose price it is: `list`, `contracted`, `free`, `unpriced`. */
  status: string;
  price_id: string | null;
  as_of: string | null;
  /** Null where it is not known. */
  cost_usd: number | null;
  list_usd: number | null;
  /** Tokens of input above which another price holds. */
  above: number[];
  region_factor: number;
  rule: string | null;
  sources: { name: string; as_of: string }[];
  steps: Step[];
}

/** Asks what tokens of a model cost at a moment. */
export async function explain(members: Record<string, string>, signal: AbortSignal): Promise<Explained> {
  const given = Object.fromEntries(Object.entries(members).filter(([, value]) => value !== ""));
  return (await json(`/api/v1/price?${new URLSearchParams(given)}`, signal)) as Explained;
}
