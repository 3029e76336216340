// Why a question has no answer, in words for people.

/** What went wrong. */
export type Reason = "unreachable" | "refused" | "login" | "failed" | "cancelled";

export class AskError extends Error {
  readonly reason: Reason;
  readonly status: number;

  constructor(reason: Reason, message: string, status = 0) {
    super(message);
    this.reason = reason;
    this.status = status;
  }
}

/** The message of an answer that is no success: JSON with a message or an error, or plain text. */
export function messageOf(status: number, body: string): string {
  try {
    const parsed = JSON.parse(body) as { message?: unknown; error?: unknown };
    if (typeof parsed.message === "string") return parsed.message;
    if (typeof parsed.error === "string") return parsed.error;
    const inner = (parsed.error ?? {}) as { message?: unknown };
    if (typeof inner.message === "string") return inner.message;
  } catch {
    // Plain text, as Loki sends it.
  }
  const text = body.trim().slice(0, 500);
  return text || `the answer has status ${status}`;
}

/** Whatever was thrown, as an AskError. */
export function asked(thrown: unknown): AskError {
  if (thrown instanceof AskError) return thrown;
  if (thrown instanceof DOMException && thrown.name === "AbortError") return new AskError("cancelled", "cancelled");
  return new AskError("unreachable", "Weir does not answer. Is it running?");
}
