// A Record as its line has it.

import type { Entry } from "./answer";

export type Value = string | number | boolean | null;

/** One Record. Fields that are not on the line are not here. */
export interface Record {
  /** Nanoseconds since 1970, as digits. */
  at: string;
  /** The same in seconds. */
  seconds: number;
  line: string;
  fields: { readonly [name: string]: Value | undefined };
}

/** A line read; what is no JSON object has the labels beside it as its fields. */
export function record(entry: Entry): Record {
  return { at: entry.at, seconds: Number(entry.at) / 1e9, line: entry.line, fields: parsed(entry) };
}

function parsed(entry: Entry): Record["fields"] {
  try {
    const value: unknown = JSON.parse(entry.line);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) {
      return { ...entry.labels, ...(value as { [name: string]: Value }) };
    }
  } catch {
    // Not JSON: another's line.
  }
  return { ...entry.labels, message: entry.line };
}

export function text(one: Record, name: string): string {
  const value = one.fields[name];
  return value === undefined || value === null ? "" : String(value);
}

export function number(one: Record, name: string): number | null {
  const value = one.fields[name];
  if (typeof value === "number") return value;
  return typeof value === "string" && value !== "" && Number.isFinite(Number(value)) ? Number(value) : null;
}

/** How a request ended, as a word and a tone. */
export function outcome(one: Record): { word: string; tone: "good" | "bad" | "warn" | "none" } {
  switch (text(one, "status")) {
    case "success":
      return { word: "ok", tone: "good" };
    case "error":
      return { word: text(one, "status_code") || "failed", tone: "bad" };
    case "cancelled":
      return { word: "gone", tone: "warn" };
    default:
      return { word: text(one, "level").toLowerCase() || "–", tone: "none" };
  }
}
