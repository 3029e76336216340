// Which colour a value of a field has: the same on every page, in every browser and on every day. It hangs on the values that the
// field has had in the last thirty days, which are asked for once and kept, so that the next visit begins with them.

import { SvelteMap } from "svelte/reactivity";
import { weir } from "../api/weir.svelte";
import { valuesOf } from "../logql/figures";
import { theme } from "../state/theme.svelte";
import { alone, assign, meant, shade } from "./palette";

const KEY = "weir.names";
const DAYS = 30 * 86_400;
/** So many values are asked for: with as many, some may have been left out. */
const MOST = 50;

/** Colours of the values of a field. */
interface Book {
  names: readonly string[];
  numbers: ReadonlyMap<string, number>;
}

const books = new SvelteMap<string, Book>();
const asked = new Set<string>();

function restore(): void {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, string[]>;
    for (const [field, names] of Object.entries(kept)) books.set(field, { names, numbers: assign(names) });
  } catch {
    localStorage.removeItem(KEY);
  }
}

function keep(): void {
  try {
    localStorage.setItem(KEY, JSON.stringify(Object.fromEntries([...books].map(([field, { names }]) => [field, names]))));
  } catch {
    // No room, or not allowed: they are asked for again.
  }
}

restore();

/** Asks which values a field has, once; and once more for a value that was none of them. */
export function learn(field: string, stranger = ""): void {
  const why = JSON.stringify([field, stranger]);
  if (!weir.field(field) || asked.has(why)) return;
  asked.add(why);
  const end = Math.ceil(Date.now() / 3_600_000) * 3600;
  const grid = { start: end - DAYS, end, step: DAYS, until: end };
  valuesOf(field, grid, AbortSignal.timeout(60_000)).then(
    (names) => {
      const known = books.get(field)?.names;
      if (names.length === 0 || (known && known.join("\n") === names.join("\n"))) return;
      books.set(field, { names, numbers: assign(names) });
      keep();
    },
    // Without an answer colours hang on each name alone.
    () => undefined,
  );
}

/** The colour of a value of a field, on the ground that is shown. */
export function colourOf(field: string, name: string): string {
  const fixed = meant(name, theme.dark);
  if (fixed !== undefined) return fixed;
  const book = books.get(field);
  const number = book?.numbers.get(name);
  const isStranger = book !== undefined && number === undefined && book.names.length < MOST;
  queueMicrotask(() => learn(field, isStranger ? name : ""));
  return shade(number ?? alone(name), theme.dark);
}

/** The colour of one of several things that are no values of a field: it hangs on which of them it is. */
export function colourAt(at: number, name: string): string {
  return meant(name, theme.dark) ?? shade(at, theme.dark);
}
