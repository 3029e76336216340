// Ten colours that differ in lightness as well as in hue, so that they survive colour blindness and greyscale. Which of them
// a name has depends on the name, and on who had it before: two names share one only when all are taken.

/** Light ground, dark ground. */
const COLOURS: readonly (readonly [string, string])[] = [
  ["#1f5fa8", "#5b9ee6"],
  ["#e0982b", "#f2b95c"],
  ["#0e8570", "#2fbf9f"],
  ["#b8447e", "#ea86b6"],
  ["#69b4e6", "#a8d8f8"],
  ["#6853b3", "#a08ff0"],
  ["#8a8b22", "#cfcf5e"],
  ["#3c4959", "#c9d3de"],
  ["#c9a0dc", "#7d5a99"],
  ["#bd4a17", "#f07a45"],
];

/** Those that are taken first: they are the easiest to tell apart, and none looks like an error. */
const FIRST = 6;

/** What is left when the first few are told apart. */
const REST: readonly [string, string] = ["#a9b3be", "#5d6a78"];
/** What has no value. */
const NONE: readonly [string, string] = ["#8593a1", "#7c8996"];

/** Names whose colour says something. */
const FIXED: Record<string, readonly [string, string]> = {
  llm_request_completed: ["#1f5fa8", "#5b9ee6"],
  llm_request_failed: ["#bd4a17", "#f07a45"],
  llm_request_cancelled: ["#e0982b", "#f2b95c"],
  failed: ["#bd4a17", "#f07a45"],
  cancelled: ["#e0982b", "#f2b95c"],
  p50: ["#69b4e6", "#a8d8f8"],
  p95: ["#1f5fa8", "#5b9ee6"],
  p99: ["#3c4959", "#c9d3de"],
  "first token": ["#e0982b", "#f2b95c"],
};

/** Names and the number of their colour, of one field. */
export type Book = Map<string, number>;

function hash(text: string): number {
  let sum = 2166136261;
  for (let at = 0; at < text.length; at++) sum = Math.imul(sum ^ text.charCodeAt(at), 16777619);
  return sum >>> 0;
}

/** The number of a name's colour, which it keeps. */
export function numberOf(book: Book, name: string): number {
  const known = book.get(name);
  if (known !== undefined) return known;
  const taken = new Set(book.values());
  const first = [...Array(FIRST).keys()].some((one) => !taken.has(one)) ? FIRST : COLOURS.length;
  let number = hash(name) % first;
  if (taken.size < COLOURS.length) while (taken.has(number)) number = (number + 1) % first;
  book.set(name, number);
  return number;
}

/** What stands for all that is not told apart. */
export const OTHERS = "others";

/** A name's colour. */
export function colour(book: Book, name: string, dark: boolean): string {
  const pair = FIXED[name] ?? (name === OTHERS ? REST : name === "" ? NONE : COLOURS[numberOf(book, name)]) ?? REST;
  return pair[dark ? 1 : 0];
}
