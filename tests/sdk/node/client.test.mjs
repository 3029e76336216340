// The official Node SDK sees through Weir what it sees without, and each request leaves its Record.
import assert from "node:assert/strict";
import { test } from "node:test";
import OpenAI from "openai";
import { zodResponseFormat } from "openai/helpers/zod";
import { z } from "zod";
import { BEHIND, PROXY, readRecords } from "./books.mjs";
import { CASES, PASSING_HEADERS, checkRecord, compare, findRecord, watch } from "./sides.mjs";

for (const [name, { record: expected }] of Object.entries(CASES)) {
  test(`the SDK sees the same: ${name}`, async () => {
    const { record } = await compare(ask(name));
    checkRecord(record, expected);
  });

  test(`the bytes are the same: ${name}`, async () => {
    const { record } = await compare(fetchBytes(name));
    checkRecord(record, expected);
  });
}

/** Makes the SDK's call and keeps what comes, as it comes. */
function ask(name) {
  const { path, body } = CASES[name];
  return async ({ client }, seen) => {
    if (path === "/embeddings") {
      seen.push(plain(await client.embeddings.create(body)));
    } else if (body.stream) {
      for await (const chunk of await client.chat.completions.create(body)) seen.push(plain(chunk));
    } else {
      seen.push(plain(await client.chat.completions.create(body)));
    }
  };
}

// The SDK hangs the request id onto what it parsed, out of sight but not out of a comparison.
function plain(answer) {
  return typeof answer === "string" ? answer : JSON.parse(JSON.stringify(answer));
}

/** Makes the same call without the SDK and keeps status, headers and bytes. */
function fetchBytes(name) {
  const { path, body } = CASES[name];
  const headers = {
    authorization: "Bearer sk-of-the-caller",
    "content-type": "application/json",
    // The mock provider gives back the request id it was sent, which makes this header comparable too.
    "x-request-id": `case-${name.replaceAll(" ", "-")}`,
  };
  return async (side, seen) => {
    const answer = await side.fetch(`${side.address}/v1${path}`, { method: "POST", headers, body: JSON.stringify(body) });
    seen.push(answer.status, [...answer.headers].filter(([header]) => !PASSING_HEADERS.has(header)));
    const pieces = [];
    try {
      for await (const piece of answer.body) pieces.push(piece);
    } finally {
      seen.push(Buffer.concat(pieces).toString("latin1"));
    }
  };
}

test("a stream has no usage unless asked for", async () => {
  const { seen: plainly } = await compare(ask("stream"));
  const { seen: asked } = await compare(ask("stream with usage"));
  assert.ok(plainly.every((chunk) => !("usage" in chunk)));
  assert.deepEqual(asked.slice(0, -1), plainly);
  assert.deepEqual(asked.at(-1).usage, { prompt_tokens: 25, completion_tokens: 150, total_tokens: 175 });
});

test("the parse helper", async () => {
  const gauge = z.object({ river: z.string(), flow: z.number() });
  const { seen, record } = await compare(async ({ client }, seen) => {
    const body = { ...CASES.structured.body, response_format: zodResponseFormat(gauge, "gauge") };
    seen.push((await client.chat.completions.parse(body)).choices[0].message.parsed);
  });
  assert.deepEqual(seen, [{ river: "Aare", flow: 121.5 }]);
  checkRecord(record, CASES.structured.record);
});

test("the stream helper", async () => {
  const { seen, record } = await compare(async ({ client }, seen) => {
    const { stream: _, ...body } = CASES["stream of tools"].body;
    seen.push(plain(await client.chat.completions.stream(body).finalChatCompletion()));
  });
  assert.deepEqual(seen[0].choices[0].message.tool_calls.map((call) => call.id), ["call_1", "call_2"]);
  checkRecord(record, CASES["stream of tools"].record);
});

test("errors are the usual exceptions", async () => {
  const raised = {};
  for (const name of ["bad request", "server error", "rate limit"]) {
    const { seen } = await compare(ask(name));
    raised[name] = [seen.at(-1).raised, seen.at(-1).status];
  }
  assert.deepEqual(raised, {
    "bad request": ["BadRequestError", 400],
    "server error": ["InternalServerError", 500],
    "rate limit": ["RateLimitError", 429],
  });
});

test("each retry has its Record", async () => {
  const { seen, side } = await watch(async ({ client }) => {
    await client.withOptions({ maxRetries: 1 }).chat.completions.create(CASES["server error"].body);
  }, PROXY, BEHIND, 2);
  assert.equal(seen[0].raised, "InternalServerError");
  await findRecord(side);
  const tries = readRecords().slice(-2);
  assert.deepEqual(tries.map((record) => record.request_id), side.heads.map((head) => head.get("x-weir-request-id")));
  assert.deepEqual(tries.map((record) => record.client_retry), [0, 1]);
});

test("a cut is seen as a cut", async () => {
  const { seen } = await compare(ask("cut"));
  assert.ok(seen.length > 1 && "raised" in seen.at(-1) && "choices" in seen.at(-2));
});

test("cancel", async () => {
  const { seen, record } = await compare(async ({ client }, seen) => {
    const stream = await client.chat.completions.create({
      model: "gpt-4",
      stream: true,
      messages: [{ role: "user", content: "Case: slow." }],
    });
    for await (const chunk of stream) {
      seen.push(plain(chunk));
      // Leaving the loop makes the SDK drop the connection.
      break;
    }
  });
  assert.equal(seen[0].choices[0].delta.role, "assistant");
  checkRecord(record, {
    event: "llm_request_cancelled",
    status: "cancelled",
    end_reason: "client_gone",
    status_code: 200,
    model: "gpt-4",
    stream: true,
  });
});

test("an error of Weir's own is understood as one", async () => {
  // The upstream hangs up without a word.
  const body = { model: "gpt-4", messages: [{ role: "user", content: "Case: hang up." }] };
  const { seen, side } = await watch(async ({ client }, seen) => {
    await client.chat.completions.create(body).catch((error) => seen.push(error));
  }, PROXY, BEHIND);
  const [error] = seen;
  assert.ok(error instanceof OpenAI.InternalServerError);
  assert.equal(error.headers.get("x-weir-error"), "proxy");
  assert.match(error.code, /^weir_/);
  assert.ok(error.error.message);
  checkRecord(await findRecord(side), {
    event: "llm_request_failed",
    status: "error",
    model: "gpt-4",
    stream: false,
  });
});
