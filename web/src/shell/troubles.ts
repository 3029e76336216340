// What is wrong with Weir, in sentences: each is a red line at the top of every page.

import type { Status } from "../api/weir.svelte";
import { count } from "../format/number";

/** A follower this far behind is in trouble. */
const LAG = 10_000;

/** What is wrong, the worst first. */
export function troubles(status: Status | undefined): string[] {
  if (!status) return [];
  const found: string[] = [];
  const { balance, journal, store, followers, configuration } = status;
  if (!journal.sound) found.push("The journal cannot be written: see Weir's log for what the system says.");
  if (balance.unrecorded_in_flight > 0) found.push(`${count(balance.unrecorded_in_flight)} requests are being served without a Record.`);
  if (balance.accepted !== balance.recorded + balance.in_flight) {
    const missing = balance.accepted - balance.recorded - balance.in_flight;
    found.push(`The balance does not add up: ${count(missing)} admitted requests have no Record.`);
  }
  if (journal.dropped_lines > 0) found.push(`${count(journal.dropped_lines)} lines went from the journal before a follower had delivered them.`);
  if (!store.sound) found.push("The journal's files cannot be made into segments: see Weir's log for what the system says.");
  if (store.records.damaged > 0) found.push(`${count(store.records.damaged)} segments cannot be read and were set aside: see Weir's log.`);
  for (const { name, lag_lines: lag } of followers) {
    if (lag > LAG) found.push(`The follower ${name} is ${count(lag)} lines behind.`);
  }
  if (!configuration.sound) found.push("The configuration was changed and cannot be used: the one before is in force. See Weir's log.");
  if (status.draining) found.push("Weir is going down.");
  return found;
}
