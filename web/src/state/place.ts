// What the URL says, and back: the page, the range of time, filters, what things are told apart by, and what a page adds.

import { type PageName, pageOf, pathOf } from "../shell/pages";
import { type Filter, read, write } from "./filters";
import { type Range, UNLESS_SET, sound } from "./range";

/** Where somebody is. */
export interface Place {
  page: PageName;
  range: Range;
  filters: Filter[];
  /** The field that figures are told apart by. */
  by: string;
  /** Whether the page follows the clock. */
  live: boolean;
  /** What a page keeps in the URL beside that. */
  own: Record<string, string>;
}

export const BY_UNLESS_SET = "model";
const KNOWN = new Set(["from", "to", "f", "by", "live"]);

/** A place out of an address. What makes no sense is left out. */
export function readPlace(path: string, search: string): Place {
  const members = new URLSearchParams(search);
  const range = { from: members.get("from") ?? UNLESS_SET.from, to: members.get("to") ?? UNLESS_SET.to };
  const filters = members.getAll("f").map(read).filter((filter) => filter !== null);
  const own: Record<string, string> = {};
  for (const [name, value] of members) if (!KNOWN.has(name)) own[name] = value;
  const by = members.get("by") ?? BY_UNLESS_SET;
  return {
    page: pageOf(path),
    range: sound(range) ? range : UNLESS_SET,
    filters,
    by: /^[a-zA-Z_][a-zA-Z0-9_]*$/.test(by) ? by : BY_UNLESS_SET,
    live: members.get("live") !== "off",
    own,
  };
}

/** The address of a place. What is as it is unless set does not show. */
export function writePlace(place: Place): string {
  const members = new URLSearchParams();
  const { range, filters, by, live, own } = place;
  if (range.from !== UNLESS_SET.from || range.to !== UNLESS_SET.to) {
    members.set("from", range.from);
    if (range.to !== "now") members.set("to", range.to);
  }
  for (const filter of filters) members.append("f", write(filter));
  if (by !== BY_UNLESS_SET) members.set("by", by);
  if (!live) members.set("live", "off");
  for (const [name, value] of Object.entries(own)) if (value !== "") members.set(name, value);
  const search = members.toString();
  return pathOf(place.page) + (search ? "?" + search : "");
}
