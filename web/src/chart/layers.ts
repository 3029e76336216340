// Layers of charts out of series: the largest told apart, the others together.

import type { Sample, Series } from "../logql/answer";
import { valueName } from "../state/fields";
import type { Layer } from "./plot";
import { OTHERS } from "./palette";

/** How many are told apart. */
export const MOST = 7;

/** A value of a field with its figure. */
export interface Part {
  name: string;
  label: string;
  value: number;
  colour: string;
}

/** The parts of a whole, the largest first. */
export function partsOf(samples: readonly Sample[], field: string, colourOf: (name: string) => string): Part[] {
  const sums = new Map<string, number>();
  for (const { labels, value } of samples) {
    const name = labels[field] ?? "";
    sums.set(name, (sums.get(name) ?? 0) + value);
  }
  const sorted = [...sums].sort((one, other) => other[1] - one[1] || (one[0] < other[0] ? -1 : 1));
  return sorted.map(([name, value]) => ({ name, label: valueName(name), value, colour: colourOf(name) }));
}

/** Layers for the first few parts and one for the rest, in the order of the parts. */
export function layersOf(
  series: readonly Series[],
  field: string,
  parts: readonly Part[],
  colourOf: (name: string) => string,
): Layer[] {
  const first = parts.slice(0, parts.length > MOST + 1 ? MOST : MOST + 1);
  const told = new Map(first.map((part): [string, Layer] => [part.name, { ...part, values: [] }]));
  const rest: Layer = { name: OTHERS, label: "others", colour: colourOf(OTHERS), values: [] };
  for (const { labels, values } of series) add(told.get(labels[field] ?? "") ?? rest, values);
  const drawn = first.map((part) => told.get(part.name)).filter((layer) => layer !== undefined);
  if (rest.values.length > 0) drawn.push(rest);
  return drawn.filter((layer) => layer.values.length > 0);
}

function add(layer: Layer, values: readonly (number | null)[]): void {
  if (layer.values.length === 0) {
    layer.values = [...values];
    return;
  }
  values.forEach((value, at) => {
    const sum = layer.values[at] ?? null;
    layer.values[at] = value === null ? sum : value + (sum ?? 0);
  });
}
