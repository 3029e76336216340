// The columns that the table of requests can have.

import type { Field } from "../../api/weir.svelte";
import { type Unit, NOTHING, bytes, count, duration, energy, exact, money } from "../../format/number";
import { clock, moment } from "../../format/time";
import { type Record, number, text } from "../../logql/record";
import { nameOf } from "../../state/fields";

export interface Column {
  name: string;
  label: string;
  /** In pixels. */
  width: number;
  isFigure: boolean;
  show(one: Record): string;
  /** With every digit. */
  full(one: Record): string;
}

const KNOWN: { [name: string]: { label?: string; width: number } } = {
  timestamp: { label: "time", width: 112 },
  model: { width: 168 },
  response_model: { width: 168 },
  total_tokens: { width: 76 },
  input_tokens: { width: 70 },
  output_tokens: { width: 70 },
  cost_usd: { width: 88 },
  energy_consumption_kwh: { width: 76 },
  processing_time_seconds: { label: "time taken", width: 78 },
  time_to_first_token_seconds: { width: 78 },
  user_id: { width: 88 },
  organization: { width: 124 },
  request_id: { width: 270 },
  session_id: { width: 140 },
  error_message: { width: 320 },
  client: { width: 170 },
};

/** The columns unless somebody chose. */
export const UNLESS_CHOSEN: readonly string[] = [
  "timestamp",
  "model",
  "input_tokens",
  "output_tokens",
  "cost_usd",
  "energy_consumption_kwh",
  "time_to_first_token_seconds",
  "processing_time_seconds",
  "user_id",
  "organization",
  "error_type",
];

const UNITS: { [unit: string]: (value: number) => string } = {
  us_dollars: money,
  kilowatt_hours: energy,
  seconds: duration,
  count,
  bytes,
};

/** A column of a field. */
export function column(name: string, field: Field | undefined): Column {
  const known = KNOWN[name];
  const label = known?.label ?? nameOf(name);
  const unit = field?.unit ?? "text";
  const base = { name, label, width: known?.width ?? (unit === "text" ? 120 : 88) };
  if (name === "timestamp") {
    return {
      ...base,
      isFigure: false,
      show: (one) => (isToday(one.seconds) ? clock(one.seconds, "millis") : moment(one.seconds)),
      full: (one) => `${moment(one.seconds, "millis")} local, ${text(one, "timestamp")}`,
    };
  }
  const form = name.endsWith("_bytes") ? bytes : UNITS[unit];
  if (!form) return { ...base, isFigure: false, show: (one) => text(one, name), full: (one) => text(one, name) };
  return {
    ...base,
    isFigure: true,
    show: (one) => {
      const value = number(one, name);
      return value === null ? NOTHING : form(value);
    },
    full: (one) => exact(number(one, name), unitOf(unit)),
  };
}

const isToday = (seconds: number): boolean => new Date(seconds * 1000).toDateString() === new Date().toDateString();

function unitOf(unit: string): Unit {
  return unit === "us_dollars" || unit === "kilowatt_hours" || unit === "seconds" ? unit : "count";
}

