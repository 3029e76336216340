// A real Weir under simulated traffic, and a browser before it.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Browser, type Page, chromium } from "playwright-core";

const BINARY = process.env["WEIR_BIN"] ?? "../target/release/weir";
const CHROMIUM = process.env["CHROMIUM"] ?? "/usr/bin/chromium";

/** A line of the journal. */
export type Line = { [name: string]: unknown };

/** A Weir at work. */
export interface Weir {
  /** Where operators connect. */
  admin: string;
  /** Where callers connect. */
  callers: string;
  /** What it has recorded. */
  records(): Line[];
  stop(): Promise<void>;
}

/** Starts `weir demo` with so many simulated requests a second, and so many before it began. */
export function demo(rate: number, past: number): Promise<Weir> {
  const folder = mkdtempSync(join(tmpdir(), "weir-page-"));
  const words = ["--data-dir", folder, "--rate", String(rate), "--history", String(past)];
  return start(folder, ["demo", "--listen", "127.0.0.1:0", "--admin-listen", "127.0.0.1:0", ...words]);
}

/** Starts `weir serve` before a provider that is not there; with a token nobody asks without it, a backend answers in its place, and a line may be imported before. */
export function alone({ token, backend, imported }: { token?: string; backend?: string; imported?: string } = {}): Promise<Weir> {
  const folder = mkdtempSync(join(tmpdir(), "weir-page-"));
  const config = join(folder, "weir.toml");
  writeFileSync(
    config,
    `listen = "127.0.0.1:0"\ndata_dir = ${JSON.stringify(join(folder, "data"))}\nstdout = false\n[admin]\nlisten = "127.0.0.1:0"\n` +
      (token === undefined ? "" : 'token = "env:WEIR_PAGE_TOKEN"\n') +
      (backend === undefined ? "" : `[query]\nbackend = ${JSON.stringify(backend)}\n`) +
      '[[providers]]\nname = "nobody"\nbase_url = "http://127.0.0.1:9/v1"\napi_key = "caller"\ndefault = true\n',
  );
  if (imported !== undefined) {
    const lines = join(folder, "lines.jsonl");
    writeFileSync(lines, imported + "\n");
    execFileSync(BINARY, ["import", lines, "--config", config]);
  }
  return start(join(folder, "data"), ["serve", "--config", config], token === undefined ? {} : { WEIR_PAGE_TOKEN: token });
}

async function start(folder: string, words: string[], environment: Record<string, string> = {}): Promise<Weir> {
  const child: ChildProcess = spawn(BINARY, words, { stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, ...environment } });
  let said = "";
  const addresses = await new Promise<{ admin: string; callers: string }>((resolve, reject) => {
    const hear = (piece: Buffer): void => {
      said += piece.toString();
      const admin = /operators\D*(127\.0\.0\.1:\d+)/.exec(said)?.[1];
      const callers = /(?:callers|listening)\D*(127\.0\.0\.1:\d+)/.exec(said)?.[1];
      if (admin && callers) resolve({ admin: `http://${admin}`, callers: `http://${callers}/v1` });
    };
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.on("exit", () => reject(new Error(`weir has ended: ${said}`)));
  });
  return {
    ...addresses,
    records: () => {
      const journal = join(folder, "journal");
      const files = readdirSync(journal).filter((name) => name.endsWith(".jsonl")).sort();
      const text = files.map((name) => readFileSync(join(journal, name), "utf8")).join("");
      const whole = text.slice(0, text.lastIndexOf("\n") + 1);
      return whole.split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Line);
    },
    stop: async () => {
      const ended = new Promise((resolve) => child.on("exit", resolve));
      child.kill("SIGTERM");
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Starts the browser. */
export function browse(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: ["--no-sandbox", "--disable-dev-shm-usage"] });
}

/** A new window, and what went wrong in it: errors of scripts, and what the page's policy forbids. */
export async function open(
  browser: Browser,
  settings: { dark?: boolean; phone?: boolean } = {},
): Promise<{ page: Page; wrongs: string[]; close(): Promise<void> }> {
  const context = await browser.newContext({
    viewport: settings.phone ? { width: 390, height: 844 } : { width: 1440, height: 900 },
    colorScheme: settings.dark ? "dark" : "light",
    hasTouch: settings.phone ?? false,
    permissions: ["clipboard-read", "clipboard-write"],
  });
  const page = await context.newPage();
  const wrongs: string[] = [];
  page.on("pageerror", (error) => wrongs.push(String(error)));
  page.on("console", (message) => {
    const isOfNetwork = message.text().startsWith("Failed to load resource") || message.text().startsWith("WebSocket connection");
    if (message.type() === "error" && !isOfNetwork) wrongs.push(message.text());
  });
  return { page, wrongs, close: () => context.close() };
}

/** The number in a text such as "12,345.6 tokens". */
export function figure(text: string | null): number {
  return Number((text ?? "").replaceAll(",", "").split(" ")[0]);
}

/** Waits until something is so. */
export async function until<T>(what: string, look: () => T | Promise<T>, seconds = 30): Promise<NonNullable<T>> {
  const end = Date.now() + seconds * 1000;
  for (;;) {
    const found = await look();
    if (found !== null && found !== undefined && found !== false) return found;
    if (Date.now() > end) throw new Error(`waited in vain: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
