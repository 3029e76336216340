// What was written down: Weir's Records, and the upstream's own journal of what reached it.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

export const DIRECT = process.env.WEIR_SDK_DIRECT;
export const BEHIND = process.env.WEIR_SDK_BEHIND;
export const PROXY = process.env.WEIR_SDK_PROXY;
const JOURNAL = process.env.WEIR_SDK_JOURNAL;
// A Record is written before the last bytes leave; only the end of a call that its caller dropped has to be waited for.
const WAIT_MS = 5000;

export function readRecords() {
  // Files are named by their first line's number.
  const files = readdirSync(JOURNAL).filter((name) => name.endsWith(".jsonl"));
  files.sort((a, b) => a.length - b.length || (a < b ? -1 : 1));
  const text = files.map((name) => readFileSync(join(JOURNAL, name), "utf8")).join("");
  // What stands behind the last newline is still being written.
  const lines = text.split("\n").slice(0, -1).filter((line) => line !== "");
  return lines.map((line) => JSON.parse(line)).filter((line) => line.event.startsWith("llm_request_"));
}

/** All Records as soon as this one is among them, or after a while without it. */
export async function waitForRecord(requestId) {
  const deadline = Date.now() + WAIT_MS;
  for (;;) {
    const records = readRecords();
    if (records.some((record) => record.request_id === requestId) || Date.now() > deadline) return records;
    await sleep(20);
  }
}

export async function readUpstream(address) {
  return (await fetch(`${address}/__aimock/journal`)).json();
}
