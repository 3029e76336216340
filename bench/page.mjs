// How quickly the page is there, and how smoothly it follows. Drives Chromium before a real Weir.
//
//   node bench/page.mjs open DIRECTORY   the overview of 24 hours over a data directory, as `weir simulate history` fills it
//   node bench/page.mjs pages DIRECTORY  every page of 30 days, over the same
//   node bench/page.mjs tail [SECONDS]   the table of requests at 200 requests a second
//   node bench/page.mjs run              `make run` in this checkout, from the command to the drawn page
//
// WEIR_BIN is a binary with the page in it; CHROMIUM a browser, found by tests/page/browser if not given.

import { execFileSync, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const BINARY = process.env.WEIR_BIN ?? join(root, "target/release/weir");
/** Requests a second of the live tail. */
const RATE = 200;
/** How often a page is opened. */
const OPENED = 7;

const sleep = (millis) => new Promise((resolve) => setTimeout(resolve, millis));
const middle = (figures) => [...figures].sort((one, other) => one - other)[Math.floor(figures.length / 2)];

async function browse() {
  // The page's packages are there once `make run` or web/build has been through; `run` asks for them only then.
  const { chromium } = createRequire(join(root, "web/package.json"))("playwright-core");
  const executablePath = process.env.CHROMIUM ?? execFileSync(join(root, "tests/page/browser")).toString().trim();
  return chromium.launch({ executablePath, args: ["--no-sandbox", "--disable-dev-shm-usage", "--enable-precise-memory-info"] });
}

/** Starts a Weir and waits until it says where operators connect. */
function start(command, words, options = {}) {
  const child = spawn(command, words, { stdio: ["ignore", "pipe", "pipe"], ...options });
  const admin = new Promise((resolve, reject) => {
    let said = "";
    const hear = (piece) => {
      said += piece;
      const found = /operators\D*(127\.0\.0\.1:\d+)/.exec(said)?.[1];
      if (found) resolve(`http://${found}`);
    };
    child.stdout.on("data", hear);
    child.stderr.on("data", hear);
    child.on("exit", () => reject(new Error(`it has ended: ${said}`)));
  });
  const stop = async () => {
    const ended = new Promise((resolve) => child.on("exit", resolve));
    process.kill(options.detached ? -child.pid : child.pid, "SIGTERM");
    await ended;
  };
  return { admin, stop };
}

/** Waits, in the page, until every panel of the overview has drawn its figures; gives milliseconds since the navigation began. */
const drawn = (page) =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        const look = () => {
          const panels = [...document.querySelectorAll("section.panel")];
          const isDrawn = (panel) =>
            panel.getAttribute("aria-busy") === "false" && panel.querySelector("canvas, li .value, tbody tr td:nth-child(2)") !== null;
          if (panels.length >= 8 && panels.every(isDrawn)) resolve(performance.now());
          else requestAnimationFrame(look);
        };
        look();
      }),
  );

/** Waits, in the page, until nothing is asked any more; gives milliseconds from the navigation's beginning to the last answer. */
const settled = (page) =>
  page.evaluate(
    () =>
      new Promise((resolve) => {
        /** Nothing that has begun anew for so many milliseconds is over. */
        const QUIET = 400;
        let since = performance.now();
        const look = () => {
          const panels = [...document.querySelectorAll("section.panel")];
          const isThere = panels.length > 0 || document.querySelector(".rows .row") !== null;
          if (!isThere || panels.some((panel) => panel.getAttribute("aria-busy") === "true")) since = performance.now();
          if (performance.now() - since > QUIET) resolve(since);
          else requestAnimationFrame(look);
        };
        look();
      }),
  );

/** A Weir over a data directory, whose provider is not there. */
async function over(directory) {
  const folder = mkdtempSync(join(tmpdir(), "weir-page-"));
  const config = join(folder, "weir.toml");
  writeFileSync(
    config,
    `listen = "127.0.0.1:0"\ndata_dir = ${JSON.stringify(directory)}\nstdout = false\n[admin]\nlisten = "127.0.0.1:0"\n` +
      '[[providers]]\nname = "nobody"\nbase_url = "http://127.0.0.1:9/v1"\napi_key = "caller"\ndefault = true\n',
  );
  const weir = start(BINARY, ["serve", "--config", config]);
  const stop = async () => {
    await weir.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  return { admin: await weir.admin, stop };
}

async function open(directory) {
  const { admin, stop } = await over(directory);
  const browser = await browse();
  for (const range of ["now-24h", "now-30d"]) {
    const figures = [];
    for (let round = 0; round < OPENED; round++) {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
      const page = await context.newPage();
      await page.goto(`${admin}/?from=${range}`, { waitUntil: "commit" });
      figures.push(await drawn(page));
      await context.close();
    }
    const told = figures.map((one) => one.toFixed(0)).join(", ");
    console.log(`overview, ${range}: drawn after ${middle(figures).toFixed(0)} ms (median of ${told})`);
  }
  await browser.close();
  await stop();
}

/** Every page that the address of the overview leads to. */
async function pages(directory) {
  const { admin, stop } = await over(directory);
  const browser = await browse();
  const first = await browser.newPage();
  await first.goto(admin);
  const links = first.locator("nav li a");
  await links.first().waitFor();
  const paths = await links.evaluateAll((list) => list.map((link) => new URL(link.href).pathname));
  for (const path of paths) {
    const [figures, asked] = [[], []];
    for (let round = 0; round < OPENED; round++) {
      const context = await browser.newContext({ viewport: { width: 1440, height: 900 } });
      const page = await context.newPage();
      let questions = 0;
      page.on("request", (request) => (questions += request.url().includes("/loki/api/v1/") ? 1 : 0));
      await page.goto(`${admin}${path}?from=now-30d`, { waitUntil: "commit" });
      figures.push(await settled(page));
      asked.push(questions);
      await context.close();
    }
    const told = figures.map((one) => one.toFixed(0)).join(", ");
    console.log(`${path}, now-30d: all there after ${middle(figures).toFixed(0)} ms (median of ${told}), ${middle(asked)} questions`);
  }
  await browser.close();
  await stop();
}

/** A Weir, a simulated provider that answers quickly, and callers that ask it so often. */
async function busy(folder) {
  const provider = spawn(BINARY, ["simulate", "provider", "--listen", "127.0.0.1:4919", "--first-token-seconds", "0.02", "--tokens-per-second", "4000"], { stdio: "ignore" });
  const config = join(folder, "weir.toml");
  writeFileSync(
    config,
    `listen = "127.0.0.1:4918"\ndata_dir = ${JSON.stringify(join(folder, "data"))}\nstdout = false\n[admin]\nlisten = "127.0.0.1:0"\n` +
      '[[providers]]\nname = "openai"\nbase_url = "http://127.0.0.1:4919/v1"\napi_key = "caller"\ndefault = true\n',
  );
  const weir = start(BINARY, ["serve", "--config", config]);
  const admin = await weir.admin;
  const words = ["--url", "http://127.0.0.1:4918/v1", "--rate", String(RATE), "--concurrency", "512"];
  const callers = spawn(BINARY, ["simulate", "traffic", ...words], { stdio: "ignore" });
  const stop = async () => {
    callers.kill("SIGTERM");
    await weir.stop();
    provider.kill("SIGTERM");
  };
  const recorded = async () => (await (await fetch(`${admin}/api/v1/status`)).json()).balance.recorded;
  return { admin, recorded, stop };
}

/** The live tail: frames, memory after collecting what nobody holds any more, and how often there is another row on top. */
async function tail(seconds) {
  const folder = mkdtempSync(join(tmpdir(), "weir-page-"));
  const weir = await busy(folder);
  const { admin } = weir;
  await sleep(10_000);
  const browser = await browse();
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  const tools = await page.context().newCDPSession(page);
  const heap = async () => {
    await tools.send("HeapProfiler.collectGarbage");
    const { metrics } = await tools.send("Performance.getMetrics");
    return metrics.find(({ name }) => name === "JSHeapUsedSize").value / 1e6;
  };
  await tools.send("Performance.enable");
  await page.goto(`${admin}/requests?from=now-5m`);
  await page.locator(".rows .row").first().waitFor();
  await sleep(20_000);
  const [begun, before] = [await heap(), await weir.recorded()];
  const { frames, rows } = await page.evaluate(
    (millis) =>
      new Promise((resolve) => {
        const frames = [];
        const rows = new Set();
        const begin = performance.now();
        let last = begin;
        const frame = (now) => {
          frames.push(now - last);
          last = now;
          rows.add(document.querySelector(".rows .row")?.textContent);
          if (now - begin < millis) requestAnimationFrame(frame);
          else resolve({ frames, rows: rows.size });
        };
        requestAnimationFrame(frame);
      }),
    seconds * 1000,
  );
  const [ended, after] = [await heap(), await weir.recorded()];
  frames.sort((one, other) => one - other);
  const at = (share) => frames[Math.min(frames.length - 1, Math.floor(frames.length * share))].toFixed(0);
  const late = frames.filter((one) => one > 100).length;
  console.log(`live tail at ${((after - before) / seconds).toFixed(0)} requests a second, ${seconds} s: ${(frames.length / seconds).toFixed(0)} frames a second`);
  console.log(`  a frame takes ${at(0.5)} ms (median), ${at(0.99)} ms (p99), ${at(1)} ms at most; ${late} took over 100 ms; ${rows} different rows on top`);
  console.log(`  heap ${begun.toFixed(1)} MB at first, ${ended.toFixed(1)} MB at the end`);
  await browser.close();
  await weir.stop();
  rmSync(folder, { recursive: true, force: true });
}

/** `make run`, from the command to the drawn page. */
async function run() {
  const begin = performance.now();
  const weir = start("make", ["--no-print-directory", "run"], { cwd: root, detached: true });
  const admin = await weir.admin;
  const listens = performance.now();
  const browser = await browse();
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 } });
  await page.goto(`${admin}/?from=now-24h`, { waitUntil: "commit" });
  await drawn(page);
  const seconds = (millis) => (millis / 1000).toFixed(1);
  console.log(`make run: ready after ${seconds(listens - begin)} s, the page drawn after ${seconds(performance.now() - begin)} s`);
  await browser.close();
  await weir.stop();
}

const [what, argument] = process.argv.slice(2);
if (what === "open" && argument) await open(argument);
else if (what === "pages" && argument) await pages(argument);
else if (what === "tail") await tail(Number(argument ?? 120));
else if (what === "run") await run();
else {
  console.error("usage: node bench/page.mjs open DIRECTORY | pages DIRECTORY | tail [SECONDS] | run");
  process.exit(2);
}
