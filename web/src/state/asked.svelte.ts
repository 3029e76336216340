// A question under way: what it answered last stays until the next answer is there, so that nothing flickers.

import { untrack } from "svelte";
import { AskError, asked } from "../api/error";

export class Asked<T> {
  /** The last answer. */
  value = $state.raw<T | undefined>();
  /** Why there is none that is newer. */
  error = $state.raw<AskError | undefined>();
  /** Whether one is under way. */
  pending = $state(false);
  /** When it was asked, in milliseconds since 1970. */
  since = $state(0);
  #key = "";
  #run: ((signal: AbortSignal) => Promise<T>) | undefined;
  #stop: AbortController | undefined;

  /** Asks. The same question again does not interrupt one that is under way; another one does. */
  ask(key: string, run: (signal: AbortSignal) => Promise<T>): void {
    const same = key === this.#key;
    if (same && this.pending) return;
    if (!same && this.error) this.error = undefined;
    this.#key = key;
    this.#run = run;
    void this.#start(run);
  }

  /** Asks the same again, unless that is under way. */
  retry(): void {
    if (this.#run && !this.pending) void this.#start(this.#run);
  }

  /** Lets go of what is under way. */
  cancel(): void {
    this.#stop?.abort();
    this.#stop = undefined;
    if (this.pending) {
      this.pending = false;
      this.error = new AskError("cancelled", "cancelled");
    }
  }

  /** Lets go of everything: nobody looks any more. */
  drop(): void {
    this.#stop?.abort();
    this.#stop = undefined;
    this.#key = "";
    this.pending = false;
  }

  async #start(run: (signal: AbortSignal) => Promise<T>): Promise<void> {
    this.#stop?.abort();
    const stop = new AbortController();
    this.#stop = stop;
    this.pending = true;
    this.since = Date.now();
    try {
      const value = await run(stop.signal);
      if (stop.signal.aborted) return;
      this.value = value;
      this.error = undefined;
    } catch (thrown) {
      if (stop.signal.aborted) return;
      this.error = asked(thrown);
    }
    this.pending = false;
    this.#stop = undefined;
  }
}

/** A question that follows what it depends on: `about` gives its words, or nothing while it cannot be asked yet. */
export function following<T>(about: () => { key: string; run: (signal: AbortSignal) => Promise<T> } | null): Asked<T> {
  const question = new Asked<T>();
  $effect(() => {
    const next = about();
    // What became of it is no reason to ask again.
    if (next) untrack(() => question.ask(next.key, next.run));
  });
  $effect(() => () => question.drop());
  return question;
}
