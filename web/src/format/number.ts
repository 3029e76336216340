// Numbers for reading: short, with their unit, and never more digits than tell something. The exact figure goes into a tooltip.

/** What a figure is. The names are those of `/api/v1/panels`, with a few of the page's own. */
export type Unit =
  | "requests_per_second"
  | "count"
  | "kilowatt_hours"
  | "us_dollars"
  | "seconds"
  | "share"
  | "bytes"
  | "grams"
  | "litres"
  | "tokens"
  | "tokens_per_second";

/** Between a number and its unit: they stay on one line. */
const GAP = "\u00a0";
/** Where there is no figure. */
export const NOTHING = "–";

function digits(value: number, fraction: number): string {
  return value.toLocaleString("en-US", { minimumFractionDigits: fraction, maximumFractionDigits: fraction });
}

/** A number with about three figures that tell something, without trailing noughts behind the point where `trim` is set. */
export function three(value: number, trim = true): string {
  const size = Math.abs(value);
  if (size === 0) return "0";
  const fraction = size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : Math.min(12, 2 - Math.floor(Math.log10(size)));
  const text = digits(value, fraction);
  return trim && text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

const STEPS: [number, string][] = [
  [1e12, "T"],
  [1e9, "G"],
  [1e6, "M"],
  [1e3, "k"],
];

/** A count: in full below ten thousand, then as 12.3 k, 1.2 M. */
export function count(value: number): string {
  const size = Math.abs(value);
  if (size < 10_000) return Number.isInteger(value) ? digits(value, 0) : three(value);
  const [step, letter] = STEPS.find(([least]) => size >= least * 0.9995) ?? [1, ""];
  return three(value / step) + GAP + letter;
}

/** US dollars: cents from one dollar on, two figures that tell something below. */
export function money(value: number): string {
  const size = Math.abs(value);
  const sign = value < 0 ? "−" : "";
  if (size === 0) return "$0";
  if (size >= 999_950) return sign + "$" + count(size);
  if (size >= 10_000) return sign + "$" + digits(size, 0);
  if (size >= 0.995) return sign + "$" + digits(size, 2);
  const fraction = Math.min(12, Math.max(2, 1 - Math.floor(Math.log10(size))));
  return sign + "$" + digits(size, fraction);
}

function scaled(value: number, scales: [number, string][]): string {
  const size = Math.abs(value);
  if (size === 0) return "0" + GAP + (scales.find(([least]) => least === 1)?.[1] ?? "");
  const last = scales[scales.length - 1] ?? [1, ""];
  const [step, unit] = scales.find(([least]) => size >= least * 0.9995) ?? last;
  return three(value / step) + GAP + unit;
}

/** Energy in kilowatt-hours, shown in watt-hours where that reads better. */
export function energy(kwh: number): string {
  return scaled(kwh * 1000, [
    [1e6, "MWh"],
    [1e3, "kWh"],
    [1, "Wh"],
    [1e-3, "mWh"],
    [1e-6, "µWh"],
  ]);
}

/** A mass in grams. */
export function grams(value: number): string {
  return scaled(value, [
    [1e6, "t"],
    [1e3, "kg"],
    [1, "g"],
    [1e-3, "mg"],
    [1e-6, "µg"],
  ]);
}

/** A volume in litres. */
export function litres(value: number): string {
  return scaled(value, [
    [1e3, "m³"],
    [1, "l"],
    [1e-3, "ml"],
    [1e-6, "µl"],
  ]);
}

/** How long something takes, in seconds. */
export function duration(seconds: number): string {
  const size = Math.abs(seconds);
  if (size >= 172_800) return three(seconds / 86_400) + GAP + "d";
  if (size >= 7200) return three(seconds / 3600) + GAP + "h";
  if (size >= 120) return three(seconds / 60) + GAP + "min";
  return scaled(seconds, [
    [1, "s"],
    [1e-3, "ms"],
    [1e-6, "µs"],
  ]);
}

/** A part of 1, as a percentage. */
export function share(value: number): string {
  const percent = value * 100;
  const size = Math.abs(percent);
  if (size === 0) return "0%";
  if (size < 0.01) return "<0.01%";
  if (size < 1) return digits(percent, 2) + "%";
  if (size > 99 && size < 100) return `${Math.floor(percent * 100 + 1e-9) / 100}%`;
  if (size > 95 && size < 99) return `${Math.floor(percent * 10 + 1e-9) / 10}%`;
  return digits(percent, size < 10 ? 1 : 0) + "%";
}

/** Bytes, by powers of 1,000. */
export function bytes(value: number): string {
  return scaled(value, [
    [1e12, "TB"],
    [1e9, "GB"],
    [1e6, "MB"],
    [1e3, "kB"],
    [1, "B"],
  ]);
}

/** A figure in its unit; a dash where there is none. */
export function show(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined || Number.isNaN(value)) return NOTHING;
  switch (unit) {
    case "us_dollars":
      return money(value);
    case "kilowatt_hours":
      return energy(value);
    case "seconds":
      return duration(value);
    case "share":
      return share(value);
    case "bytes":
      return bytes(value);
    case "grams":
      return grams(value);
    case "litres":
      return litres(value);
    case "requests_per_second":
      return rate(value) + GAP + "req/s";
    case "tokens_per_second":
      return rate(value) + GAP + "tok/s";
    case "tokens":
    case "count":
      return count(value);
  }
}

function rate(value: number): string {
  if (value >= 10_000) return count(value);
  return value >= 0.1 || value === 0 ? three(Math.round(value * 100) / 100) : three(Number(value.toPrecision(2)));
}

/** A figure on an axis: steps there are round, so that noughts behind the point tell nothing. */
export function onAxis(value: number, unit: Unit): string {
  return value === 0 ? "0" : brief(value, unit).replace(/\.0+(?=\D|$)/, "");
}

/** The same without what stands elsewhere already, such as the unit of rates. */
export function brief(value: number | null | undefined, unit: Unit): string {
  return show(value, unit).replace(/\u00a0(req|tok)\/s$/, "");
}

/** The same with every digit, for tooltips and for whoever copies it. */
export function exact(value: number | null | undefined, unit: Unit): string {
  if (value === null || value === undefined || Number.isNaN(value)) return "not known";
  const text = value.toLocaleString("en-US", { maximumFractionDigits: 12 });
  const names: Record<Unit, string> = {
    us_dollars: "US dollars",
    kilowatt_hours: "kWh",
    seconds: "seconds",
    share: "of 1",
    bytes: "bytes",
    grams: "g",
    litres: "litres",
    requests_per_second: "requests per second",
    tokens_per_second: "tokens per second",
    tokens: "tokens",
    count: "",
  };
  return (text + " " + names[unit]).trim();
}

/** How much a figure changed against the one before. */
export interface Change {
  /** As it is shown. */
  text: string;
  /** 1 up, -1 down, 0 about the same. */
  way: 1 | 0 | -1;
}

/** More than this often is no change but a beginning. */
const BEGINNING = 50;

/** The change from `before` to `now`; nothing where there was nothing, or next to nothing, to compare with. */
export function change(now: number | null, before: number | null): Change | null {
  if (now === null || before === null || before === 0 || !Number.isFinite(now) || !Number.isFinite(before)) return null;
  const ratio = now / before - 1;
  if (ratio >= BEGINNING) return null;
  if (Math.abs(ratio) < 0.0005) return { text: "±0%", way: 0 };
  const way = ratio > 0 ? 1 : -1;
  const sign = way > 0 ? "+" : "−";
  if (ratio >= 9.995) return { text: "×" + three(ratio + 1), way };
  return { text: sign + digits(Math.abs(ratio) * 100, Math.abs(ratio) < 0.1 ? 1 : 0) + "%", way };
}
