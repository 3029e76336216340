// How anything is asked: a few questions at a time, each of which can be cancelled.

import { AskError, asked, messageOf } from "./error";

/** Browsers open six connections to a host; some stay free for what cannot wait: what Weir knows by itself. */
const AT_ONCE = 4;
let running = 0;
const waiting: (() => void)[] = [];
/** Whoever wants to know that a login is needed. */
let onLogin: () => void = () => undefined;

/** Sets who is told where a login is needed. */
export function whenLoginIsNeeded(tell: () => void): void {
  onLogin = tell;
}

async function turn(signal: AbortSignal): Promise<void> {
  if (running < AT_ONCE) {
    running++;
    return;
  }
  await new Promise<void>((resolve, reject) => {
    const take = (): void => {
      signal.removeEventListener("abort", leave);
      resolve();
    };
    const leave = (): void => {
      waiting.splice(waiting.indexOf(take), 1);
      reject(new AskError("cancelled", "cancelled"));
    };
    waiting.push(take);
    signal.addEventListener("abort", leave, { once: true });
  });
}

function done(): void {
  const next = waiting.shift();
  if (next) next();
  else running--;
}

/** Asks for JSON. Throws an AskError. */
export async function json(path: string, signal: AbortSignal, init: RequestInit = {}): Promise<unknown> {
  signal.throwIfAborted();
  const waits = path.startsWith("/loki/");
  if (waits) await turn(signal);
  try {
    const response = await fetch(path, { ...init, signal, credentials: "same-origin" });
    const body = await response.text();
    if (response.status === 401) {
      onLogin();
      throw new AskError("login", "a login is needed", 401);
    }
    if (!response.ok) {
      const reason = response.status >= 400 && response.status < 500 ? "refused" : "failed";
      throw new AskError(reason, messageOf(response.status, body), response.status);
    }
    return body === "" ? null : (JSON.parse(body) as unknown);
  } catch (thrown) {
    throw thrown instanceof SyntaxError ? new AskError("failed", "the answer is no JSON") : asked(thrown);
  } finally {
    if (waits) done();
  }
}
