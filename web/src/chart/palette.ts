// Ten colours that differ in lightness as well as in hue, so that they survive colour blindness and greyscale, and which names
// have which of them: a matter of the names alone, whoever looks and in whatever order they come.

/** Light ground, dark ground. */
export const COLOURS: readonly (readonly [string, string])[] = [
  ["#174e89", "#a3ccfe"],
  ["#ac7827", "#9a7849"],
  ["#047f7e", "#9bf6f4"],
  ["#de91a7", "#c58295"],
  ["#5fcbfe", "#3f7691"],
  ["#928aea", "#a59ffa"],
  ["#656116", "#c4c064"],
  ["#73364c", "#fa97b8"],
  ["#bfc443", "#e7ed85"],
  ["#8264c5", "#9579d7"],
];

/** Those that few names have: they are the easiest to tell apart. */
export const FIRST = 6;

/** What is left when the first few are told apart. */
const REST: readonly [string, string] = ["#a9b3be", "#5d6a78"];
/** What has no value. */
const NONE: readonly [string, string] = ["#8593a1", "#7c8996"];
/** What stands for all that is not told apart. */
export const OTHERS = "others";

/** Names whose colour says something: what went wrong, and times from the short ones to the long ones. */
const FIXED: Record<string, readonly [string, string] | undefined> = {
  llm_request_completed: COLOURS[0],
  llm_request_failed: ["#bd4a17", "#f07a45"],
  llm_request_cancelled: ["#e0982b", "#f2b95c"],
  failed: ["#bd4a17", "#f07a45"],
  cancelled: ["#e0982b", "#f2b95c"],
  p50: COLOURS[4],
  p95: COLOURS[0],
  p99: COLOURS[7],
  "first token": COLOURS[1],
};

/** A name's colour by its number, on a light ground or a dark one. */
export function shade(number: number, dark: boolean): string {
  return (COLOURS[number % COLOURS.length] ?? REST)[dark ? 1 : 0];
}

/** The colour of a name that says something by itself; nothing for all other names. */
export function meant(name: string, dark: boolean): string | undefined {
  const pair = name === OTHERS ? REST : name === "" ? NONE : FIXED[name];
  return pair?.[dark ? 1 : 0];
}

function hash(text: string): number {
  let sum = 2166136261;
  for (let at = 0; at < text.length; at++) sum = Math.imul(sum ^ text.charCodeAt(at), 16777619);
  sum = Math.imul(sum ^ (sum >>> 15), 2246822507);
  return (sum ^ (sum >>> 13)) >>> 0;
}

/** How little a colour cares for a name: of two that want it, the lower one has it. */
const distance = (colour: number, name: string): number => hash(`${colour} ${name}`);

/** The colours that a name would like, the dearest first. */
function wishes(name: string): number[] {
  const all = COLOURS.map((_, colour) => colour);
  const late = (colour: number): number => (colour < FIRST ? 0 : 1);
  return all.sort((one, other) => late(one) - late(other) || distance(one, name) - distance(other, name) || one - other);
}

/** The number of the colour of a name that is not among those that are known. */
export function alone(name: string): number {
  return wishes(name)[0] ?? 0;
}

/**
 * Gives names their colours, each another one as long as there are colours. The most frequent come first; only where there are
 * more of them than colours does their order count.
 */
export function assign(names: readonly string[]): Map<string, number> {
  const numbers = new Map<string, number>();
  for (let from = 0; from < names.length; from += COLOURS.length) {
    for (const [name, number] of match(names.slice(from, from + COLOURS.length))) numbers.set(name, number);
  }
  return numbers;
}

/** A stable matching: each name asks for one colour after another, and each colour keeps the name that is nearest to it. */
function match(names: readonly string[]): Map<string, number> {
  const kept = new Map<number, string>();
  const lists = new Map(names.map((name) => [name, wishes(name)]));
  const waiting = [...lists.keys()];
  for (let name = waiting.pop(); name !== undefined; name = waiting.pop()) {
    const wish = lists.get(name)?.shift();
    if (wish === undefined) continue;
    const rival = kept.get(wish);
    if (rival === undefined || distance(wish, name) < distance(wish, rival)) {
      kept.set(wish, name);
      if (rival !== undefined) waiting.push(rival);
    } else {
      waiting.push(name);
    }
  }
  return new Map([...kept].map(([number, name]) => [name, number]));
}
