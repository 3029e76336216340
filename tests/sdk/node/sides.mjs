// One call, made twice: directly to the upstream and through Weir.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import OpenAI from "openai";
import { BEHIND, DIRECT, PROXY, readUpstream, waitForRecord } from "./books.mjs";

export const CASES = JSON.parse(readFileSync(new URL("../cases.json", import.meta.url), "utf8"));

// Of one connection, not of the answer, or different each time.
export const PASSING_HEADERS = new Set([
  "connection", "keep-alive", "transfer-encoding", "content-length", "date", "x-weir-request-id",
]);
// What a proxy has to say for itself to the upstream, or may narrow: it offers only encodings that it can read.
const HOP_HEADERS = new Set([
  "connection", "keep-alive", "transfer-encoding", "content-length", "host", "accept-encoding", "x-request-id",
]);

/** An SDK client with one address, keeping the heads of the answers it got. */
function openSide(address) {
  const heads = [];
  const keepHead = async (url, init) => {
    const answer = await fetch(url, init);
    heads.push(answer.headers);
    return answer;
  };
  const options = { apiKey: "sk-of-the-caller", baseURL: `${address}/v1`, maxRetries: 0, timeout: 20_000, fetch: keepHead };
  return { address, heads, fetch: keepHead, client: new OpenAI(options) };
}

/** Does `act(side, seen)` on both sides: `seen`, and how it ended, must be the same. Gives back what was seen and the Record. */
export async function compare(act) {
  const direct = await watch(act, DIRECT, DIRECT);
  const through = await watch(act, PROXY, BEHIND);
  assert.deepEqual(through.seen, direct.seen);
  checkForwarded(direct.sent, through.sent);
  return { seen: through.seen, record: await findRecord(through.side) };
}

/** What `act` saw, and the last of its requests that reached the upstream; there must be so many. */
export async function watch(act, address, upstream, requests = 1) {
  const before = (await readUpstream(upstream)).length;
  const side = openSide(address);
  const seen = [];
  try {
    await act(side, seen);
  } catch (error) {
    seen.push(describeError(error));
  }
  const sent = (await readUpstream(upstream)).slice(before);
  assert.equal(sent.length, requests, `${sent.length} requests reached the upstream instead of ${requests}`);
  return { seen, sent: sent.at(-1), side };
}

function describeError(error) {
  const { status, code, type, param } = error;
  return { raised: error.constructor.name, message: error.message, status, code, type, param, body: error.error };
}

/** The upstream was asked the same, except that Weir asks for a stream's usage where the caller did not. */
function checkForwarded(direct, through) {
  const expected = { ...direct.body };
  if (expected.stream && !("stream_options" in expected)) expected.stream_options = { include_usage: true };
  assert.deepEqual(through.body, expected);
  assert.deepEqual([through.method, through.path], [direct.method, direct.path]);
  for (const [name, value] of Object.entries(direct.headers)) {
    if (!HOP_HEADERS.has(name)) assert.equal(through.headers[name], value, `the header ${name} reached the upstream changed`);
  }
}

/** The Record of the last answer: there is one, and it is the latest. */
export async function findRecord(side) {
  const weirId = side.heads.at(-1).get("x-weir-request-id");
  assert.match(weirId, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  const records = await waitForRecord(weirId);
  const found = records.filter((record) => record.request_id === weirId);
  assert.equal(found.length, 1, `${found.length} Records for one request`);
  assert.deepEqual(records.at(-1), found[0]);
  return found[0];
}

export function checkRecord(record, expected) {
  const found = Object.fromEntries(Object.keys(expected).map((name) => [name, record[name]]));
  assert.deepEqual(found, expected);
}
