// When in the week requests come: hours of local days.

/** Figures by weekday (Monday first) and hour. */
export interface Week {
  cells: number[][];
  most: number;
  total: number;
}

/** Sums by weekday and hour; each moment is the end of its hour, in seconds since 1970. */
export function week(moments: readonly number[], values: readonly (number | null)[]): Week {
  const cells = Array.from({ length: 7 }, () => new Array<number>(24).fill(0));
  let total = 0;
  moments.forEach((moment, at) => {
    const value = values[at] ?? 0;
    const when = new Date((moment - 1800) * 1000);
    const row = cells[(when.getDay() + 6) % 7];
    if (row) row[when.getHours()] = (row[when.getHours()] ?? 0) + value;
    total += value;
  });
  return { cells, most: Math.max(0, ...cells.flat()), total };
}

export const WEEKDAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"] as const;
