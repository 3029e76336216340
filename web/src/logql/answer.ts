// Loki's answers, read into plain columns.

/** One series of figures, on the moments of its question; null where there is none. */
export interface Series {
  labels: Record<string, string>;
  values: (number | null)[];
}

/** One figure. */
export interface Sample {
  labels: Record<string, string>;
  value: number;
}

/** One line, with what stands beside it. */
export interface Entry {
  /** Nanoseconds since 1970, as digits: a number would lose some. */
  at: string;
  line: string;
  labels: Record<string, string>;
}

interface Matrix {
  metric: Record<string, string>;
  values: [number, string][];
}

interface Vector {
  metric: Record<string, string>;
  value: [number, string];
}

interface Streams {
  stream: Record<string, string>;
  values: [string, string, ({ structuredMetadata?: Record<string, string> } | undefined)?][];
}

/** What stands in `data` of an answer. */
export interface Data {
  resultType: "matrix" | "vector" | "streams" | "scalar";
  result: unknown;
}

/** Figures over steps. `moments` are in seconds since 1970 and evenly spaced. */
export function matrix(data: Data, moments: readonly number[]): Series[] {
  if (data.resultType !== "matrix") return [];
  const first = moments[0] ?? 0;
  const step = (moments[1] ?? first + 1) - first;
  return (data.result as Matrix[]).map(({ metric, values }) => {
    const column: (number | null)[] = new Array<number | null>(moments.length).fill(null);
    for (const [at, text] of values) {
      const place = Math.round((at - first) / step);
      if (place >= 0 && place < column.length) column[place] = finite(text);
    }
    return { labels: metric, values: column };
  });
}

/** Figures of one moment. */
export function vector(data: Data): Sample[] {
  if (data.resultType === "scalar") {
    const [, text] = data.result as [number, string];
    return [{ labels: {}, value: Number(text) }];
  }
  if (data.resultType !== "vector") return [];
  return (data.result as Vector[])
    .map(({ metric, value }) => ({ labels: metric, value: finite(value[1]) ?? Number.NaN }))
    .filter((sample) => !Number.isNaN(sample.value));
}

/** Lines, the newest first. */
export function entries(data: Data): Entry[] {
  if (data.resultType !== "streams") return [];
  return sorted(streams(data.result));
}

/** Lines of streams, in no order. */
export function streams(result: unknown): Entry[] {
  return (result as Streams[]).flatMap(({ stream, values }) =>
    values.map(([at, line, beside]) => ({ at, line, labels: { ...stream, ...beside?.structuredMetadata } })),
  );
}

/** The newest first; digits of one length compare as the numbers they are. */
export function sorted(list: Entry[]): Entry[] {
  return list.sort((one, other) => (one.at < other.at ? 1 : one.at > other.at ? -1 : 0));
}

function finite(text: string): number | null {
  const value = Number(text);
  return Number.isFinite(value) ? value : null;
}
