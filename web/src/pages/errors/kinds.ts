// Kinds of errors out of their counts over time, with an example of each.

import type { Series } from "../../logql/answer";
import { type Record, text } from "../../logql/record";

/** Errors of one kind, of one provider and model. */
export interface Kind {
  key: string;
  error: string;
  status: string;
  provider: string;
  model: string;
  count: number;
  /** How many in each step. */
  course: number[];
  /** In seconds since 1970: the beginning of the first step in which there was one. */
  first: number;
  last: number;
  /** The newest line of it, if it is among those that were looked at. */
  sample: Record | undefined;
}

const keyOf = (parts: readonly string[]): string => JSON.stringify(parts);

/** The kinds, the most frequent first. */
export function kinds(series: readonly Series[], moments: readonly number[], step: number, samples: readonly Record[]): Kind[] {
  const found = series.map(({ labels, values }): Kind => {
    const [error = "", status = "", provider = "", model = ""] = ["error_type", "status_code", "provider", "model"].map((name) => labels[name] ?? "");
    const course = moments.map((_, at) => values[at] ?? 0);
    const key = keyOf([error, status, provider, model]);
    const sample = samples.find((one) => keyOf(["error_type", "status_code", "provider", "model"].map((name) => text(one, name))) === key);
    const first = course.findIndex((value) => value > 0);
    const last = course.findLastIndex((value) => value > 0);
    return {
      key,
      error,
      status,
      provider,
      model,
      count: course.reduce((sum, value) => sum + value, 0),
      course,
      first: (moments[first] ?? 0) - step,
      last: sample?.seconds ?? moments[last] ?? 0,
      sample,
    };
  });
  return found.filter((kind) => kind.count > 0).sort((one, other) => other.count - one.count || (one.key < other.key ? -1 : 1));
}
