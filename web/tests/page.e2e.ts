// The page in a browser, before a real Weir.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { Browser, Locator, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { energy } from "../src/format/number";
import { PAGES } from "../src/shell/pages";
import { type Line, type Weir, alone, browse, demo, figure, open, until } from "./weir";

let browser: Browser;
let weir: Weir;
/** How many Records there are from the days before. */
const PAST = 2000;
/** A range that is over: nothing is added to it any more. */
let past: { from: number; to: number };

const panel = (page: Page, title: string) => page.locator("section.panel", { has: page.getByRole("heading", { name: title, exact: true }) });
const exactly = async (page: Page, title: string): Promise<number> => {
  const value = panel(page, title).locator(".headline .value");
  await value.waitFor();
  return until(`a figure in ${title}`, async () => {
    const text = await value.getAttribute("title");
    return text && text !== "not known" ? figure(text) : null;
  });
};
const address = (path: string, more = ""): string => `${weir.admin}${path}?from=${past.from}&to=${past.to}${more}`;
const nanos = (millis: number): bigint => BigInt(millis) * 1_000_000n;
const inRange = (line: Line): boolean => {
  // A Date has no more than milliseconds, and a range's ends are where that counts.
  const [whole = "", fraction = ""] = String(line["timestamp"]).replace("Z", "").split(".");
  const at = nanos(Date.parse(whole + "Z")) + BigInt(fraction.padEnd(9, "0"));
  return at > nanos(past.from) && at <= nanos(past.to);
};
const sum = (lines: readonly Line[], name: string): number => lines.reduce((total, line) => total + Number(line[name] ?? 0), 0);

beforeAll(async () => {
  [browser, weir] = await Promise.all([browse(), demo(25, PAST)]);
  await until("enough traffic", () => weir.records().length >= PAST + 250);
  // Whole seconds, which every grid of so short a range has.
  const newest = Date.parse(String(weir.records().at(-1)?.["timestamp"]));
  const to = Math.floor(newest / 10_000) * 10_000;
  past = { from: to - 40_000, to };
  await until("the range to be over", () => Date.now() > to + 3000);
}, 120_000);

afterAll(async () => {
  await browser?.close();
  await weir?.stop();
});

describe("the overview", () => {
  it("shows what the journal adds up to", async () => {
    const { page, wrongs, close } = await open(browser);
    await page.goto(address("/"));
    const lines = weir.records().filter(inRange);
    expect(lines.length).toBeGreaterThan(20);
    expect(await exactly(page, "Token Usage")).toBe(sum(lines, "total_tokens"));
    expect(await exactly(page, "Model Distribution")).toBe(lines.length);
    expect(await exactly(page, "Cost Tracking")).toBeCloseTo(sum(lines, "cost_usd"), 9);
    expect(await exactly(page, "Energy Consumption")).toBeCloseTo(sum(lines, "energy_consumption_kwh"), 9);
    expect(await exactly(page, "Request Rate")).toBeCloseTo(lines.length / 40, 9);
    const failed = lines.filter((line) => line["event"] === "llm_request_failed").length;
    expect(await exactly(page, "Error Rate")).toBeCloseTo(failed / lines.length, 9);
    // Each model's part, too.
    await panel(page, "Token Usage").getByRole("button", { name: /^\d+ more$/ }).click();
    for (const model of new Set(lines.map((line) => String(line["model"])))) {
      const row = panel(page, "Token Usage").locator("li", { hasText: new RegExp(`^\\s*${model}\\b(?!-)`) });
      const told = figure(await row.locator(".value").getAttribute("title"));
      expect(told).toBe(sum(lines.filter((line) => line["model"] === model), "total_tokens"));
    }
    expect(wrongs).toEqual([]);
    await close();
  });

  it("obeys filters everywhere, keeps them in the address, and comes back as it was", async () => {
    const { page, close } = await open(browser);
    await page.goto(address("/"));
    await panel(page, "Model Distribution").getByRole("button", { name: "gpt-4", exact: true }).click();
    await until("the filter in the address", () => page.url().includes("f=model%3Dgpt-4"));
    const lines = weir.records().filter(inRange).filter((line) => line["model"] === "gpt-4");
    await until("figures of one model", async () => (await exactly(page, "Model Distribution")) === lines.length);
    await until("tokens of one model", async () => (await exactly(page, "Token Usage")) === sum(lines, "total_tokens"));
    const before = page.url();
    await page.reload();
    expect(page.url()).toBe(before);
    await until("the same figures", async () => (await exactly(page, "Token Usage")) === sum(lines, "total_tokens"));
    await page.getByRole("button", { name: "Take away model=gpt-4" }).click();
    await until("no filter", () => !page.url().includes("f="));
    await page.goBack();
    await until("the filter again", () => page.url().includes("f=model%3Dgpt-4"));
    await close();
  });

  it("filters by what stands on the line only", async () => {
    const { page, close } = await open(browser);
    const lines = weir.records().filter(inRange);
    const half = lines.map((line) => Number(line["request_bytes"] ?? 0)).sort((one, other) => one - other)[Math.floor(lines.length / 2)] ?? 0;
    const asked: [string, (line: Line) => boolean][] = [
      ["finish_reason=stop", (line) => line["finish_reason"] === "stop"],
      ["finish_reason!=stop", (line) => line["finish_reason"] !== "stop"],
      [`request_bytes>${half}`, (line) => Number(line["request_bytes"] ?? 0) > half],
    ];
    for (const [filter, passes] of asked) {
      const passing = lines.filter(passes);
      expect([filter, passing.length > 0 && passing.length < lines.length]).toEqual([filter, true]);
      await page.goto(address("/", `&f=${encodeURIComponent(filter)}`));
      expect([filter, await exactly(page, "Model Distribution")]).toEqual([filter, passing.length]);
      expect([filter, await exactly(page, "Token Usage")]).toEqual([filter, sum(passing, "total_tokens")]);
    }
    await close();
  });

  it("tells figures apart by another field", async () => {
    const { page, close } = await open(browser);
    await page.goto(address("/", "&by=organization"));
    const lines = weir.records().filter(inRange);
    const largest = String(lines.find((line) => line["organization"])?.["organization"]);
    const row = panel(page, "Request Rate").getByRole("button", { name: largest });
    await row.waitFor();
    expect(page.url()).toContain("by=organization");
    await close();
  });

  it("looks closer where somebody drags", async () => {
    const { page, close } = await open(browser);
    await page.goto(`${weir.admin}/?from=now-15m`);
    const plot = panel(page, "Token Usage").locator(".u-over");
    await plot.waitFor();
    const box = await until("the chart's place", () => plot.boundingBox());
    await page.mouse.move(box.x + box.width * 0.5, box.y + 40);
    await page.mouse.down();
    await page.mouse.move(box.x + box.width * 0.9, box.y + 40, { steps: 5 });
    await page.mouse.up();
    await until("a range in the address", () => /from=\d+&to=\d+/.test(page.url()));
    await close();
  });

  it("says so where the backend fails, and tries again", async () => {
    const { page, close } = await open(browser);
    await page.route("**/loki/api/v1/**", (route) => route.fulfill({ status: 500, body: "the store is on fire" }));
    await page.goto(address("/"));
    for (const title of ["Request Rate", "Token Usage", "Processing Time", "Error Rate", "Model Distribution", "Structured Log Viewer"]) {
      await panel(page, title).getByRole("alert").filter({ hasText: "the store is on fire" }).waitFor();
    }
    await page.unroute("**/loki/api/v1/**");
    await panel(page, "Token Usage").getByRole("button", { name: "Try again" }).click();
    expect(await exactly(page, "Token Usage")).toBe(sum(weir.records().filter(inRange), "total_tokens"));
    await close();
  });

  it("shows progress where the backend is slow, and lets go when told", async () => {
    const { page, close } = await open(browser);
    await page.route("**/loki/api/v1/**", async () => new Promise(() => undefined));
    await page.goto(address("/"));
    const cancel = panel(page, "Token Usage").getByRole("button", { name: "Cancel" });
    await cancel.click();
    await panel(page, "Token Usage").getByText("Cancelled.", { exact: true }).waitFor();
    await page.unroute("**/loki/api/v1/**");
    await close();
  });
});

describe("requests", () => {
  it("are listed, opened and explained", async () => {
    const { page, wrongs, close } = await open(browser);
    await page.goto(address("/requests", "&f=model%3Dgpt-4&f=event%3Dllm_request_completed"));
    const row = page.locator(".rows .row").first();
    await row.click();
    const aside = page.getByRole("complementary", { name: "One request" });
    await aside.waitFor();
    const id = new URL(page.url()).searchParams.get("request");
    const line = weir.records().find((one) => one["request_id"] === id);
    expect(line?.["model"]).toBe("gpt-4");
    const cost = aside.locator("section", { hasText: "Cost" }).locator(".sum").first();
    expect(figure(await cost.getAttribute("title"))).toBeCloseTo(Number(line?.["cost_usd"]), 9);
    await aside.getByText("step by step").waitFor();
    await aside.getByText(String(id)).first().waitFor();
    expect(wrongs).toEqual([]);
    await close();
  });

  it("are asked in LogQL, with errors where they are", async () => {
    const { page, close } = await open(browser);
    await page.goto(address("/requests"));
    const editor = page.locator(".cm-content");
    await editor.click();
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type('{app="llm-proxy"} | total_tokens > 100000000');
    await page.keyboard.press("Escape");
    await editor.click();
    await page.keyboard.press("Enter");
    await page.getByText("No requests in this range.").waitFor();
    expect(page.url()).toContain("q=");
    await editor.click();
    await page.keyboard.press("ControlOrMeta+a");
    await page.keyboard.type("{app=");
    await page.keyboard.press("Escape");
    await editor.click();
    await page.keyboard.press("ControlOrMeta+Enter");
    await page.getByRole("alert").filter({ hasText: "parse error" }).waitFor();
    await close();
  });

  it("come in by themselves", async () => {
    const { page, close } = await open(browser);
    await page.goto(`${weir.admin}/requests?from=now-5m`);
    const first = page.locator(".rows .row").first();
    await first.waitFor();
    const before = await first.textContent();
    await until("a newer request on top", async () => (await first.textContent()) !== before);
    const drawn = await page.locator(".rows .row").count();
    expect(drawn).toBeLessThan(100);
    await close();
  });
});

describe("cost", () => {
  it("adds up, level by level", async () => {
    const { page, close } = await open(browser);
    await page.goto(address("/cost", "&by=organization"));
    const lines = weir.records().filter(inRange);
    expect(await exactly(page, "Spent")).toBeCloseTo(sum(lines, "cost_usd"), 9);
    const table = page.getByRole("region", { name: "Figures by organization" });
    const whole = table.locator("tfoot td").nth(1);
    await until("a total", async () => Math.abs(figure(await whole.getAttribute("title")) - sum(lines, "cost_usd")) < 1e-9);
    await table.locator("tbody button").first().click();
    await until("the next level", () => page.url().includes("by=user_id") && page.url().includes("f=organization"));
    await close();
  });

  it("of another model is what that model's price says", async () => {
    const { page, close } = await open(browser);
    await page.goto(address("/models", "&other=gpt-3.5-turbo&f=model%3Dgpt-4"));
    const lines = weir.records().filter(inRange).filter((line) => line["model"] === "gpt-4");
    const expected = sum(lines, "input_tokens") * 1.5e-6 + sum(lines, "output_tokens") * 2e-6;
    const then = page.getByRole("region", { name: "Figures by instead of" }).locator("tfoot td").nth(3);
    await until("the cost on the other model", async () => Math.abs(figure(await then.getAttribute("title")) - expected) < 1e-6);
    await close();
  });
});

describe("every page", () => {
  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

  for (const dark of [false, true]) {
    for (const one of PAGES) {
      it(`${one.title} is sound and accessible, ${dark ? "dark" : "light"}`, async () => {
        const { page, wrongs, close } = await open(browser, { dark });
        await page.goto(address(one.path));
        await page.locator("section.panel, [role=table]").first().waitFor();
        await page.waitForLoadState("networkidle");
        // Through the tools' side, since the page's own policy lets no such script in.
        await page.evaluate(axe);
        const found = await page.evaluate(async () => {
          const run = (globalThis as unknown as { axe: { run(): Promise<{ violations: { id: string; impact: string; nodes: { html: string }[] }[] }> } }).axe;
          const { violations } = await run.run();
          return violations.filter(({ impact }) => impact === "serious" || impact === "critical").map(({ id, nodes }) => `${id}: ${nodes.map(({ html }) => html).join(" ").slice(0, 300)}`);
        });
        expect(found).toEqual([]);
        expect(await page.getByRole("alert").allTextContents()).toEqual([]);
        expect(wrongs).toEqual([]);
        await close();
      });
    }
  }

  it("gives its panels away as LogQL, CSV and PNG", async () => {
    const { page, wrongs, close } = await open(browser);
    const taken = async (menu: Locator, what: string): Promise<Buffer> => {
      const [download] = await Promise.all([page.waitForEvent("download"), menu.getByRole("menuitem", { name: what }).click()]);
      return readFileSync(await download.path());
    };
    for (const one of PAGES.filter(({ name }) => name !== "requests" && name !== "system")) {
      await page.goto(address(one.path));
      await page.locator("section.panel").first().waitFor();
      await page.waitForLoadState("networkidle");
      for (const shown of await page.locator("section.panel").all()) {
        const title = (await shown.getByRole("heading").first().textContent()) ?? "";
        const [button, menu] = [shown.getByRole("button", { name: `Menu of ${title}` }), shown.getByRole("menu")];
        await button.click();
        const csv = (await taken(menu, "Save as CSV")).toString();
        expect([title, csv.includes("\r\n") && !/undefined|NaN/.test(csv)]).toEqual([title, true]);
        await button.click();
        expect((await taken(menu, "Save as PNG")).subarray(1, 4).toString()).toBe("PNG");
        await button.click();
        await menu.getByRole("menuitem", { name: "As LogQL" }).click();
        const queries = await page.getByRole("dialog").locator("pre").allTextContents();
        expect([title, queries.length > 0]).toEqual([title, true]);
        for (const query of queries) {
          const form = new URLSearchParams({ query, time: `${past.to}000000`, start: `${past.from}000000`, end: `${past.to}000000` });
          const path = query.startsWith("{") ? "query_range" : "query";
          const answer = await fetch(`${weir.admin}/loki/api/v1/${path}?${form}`);
          expect([title, query, answer.status]).toEqual([title, query, 200]);
        }
        await page.keyboard.press("Escape");
      }
    }
    expect(wrongs).toEqual([]);
    await close();
  }, 300_000);

  it("fills the screen with a panel, and comes back", async () => {
    const { page, close } = await open(browser);
    await page.goto(address("/"));
    const plot = panel(page, "Token Usage").locator("canvas");
    await plot.waitFor();
    const choose = async (what: string): Promise<void> => {
      await panel(page, "Token Usage").getByRole("button", { name: "Menu of Token Usage" }).click();
      await page.getByRole("menuitem", { name: what, exact: true }).click();
    };
    const height = async (): Promise<number> => (await plot.boundingBox())?.height ?? 0;
    await choose("Full screen");
    await until("a chart as large as the screen allows", async () => (await height()) > 400);
    await choose("Leave full screen");
    await until("a small chart", async () => (await height()) < 200);
    await close();
  });

  it("fits a phone", async () => {
    const { page, close } = await open(browser, { phone: true });
    for (const one of PAGES) {
      await page.goto(address(one.path));
      await page.locator("section.panel, [role=table]").first().waitFor();
      const wide = await page.evaluate(() => document.documentElement.scrollWidth);
      expect([one.title, wide]).toEqual([one.title, 390]);
    }
    await close();
  });

  it("is a key or two away", async () => {
    const { page, close } = await open(browser);
    await page.goto(address("/"));
    await panel(page, "Token Usage").waitFor();
    for (const { key, path } of PAGES) {
      await page.keyboard.press("g");
      await page.keyboard.press(key);
      await until(`g ${key}`, () => new URL(page.url()).pathname === path);
    }
    await page.keyboard.press("?");
    await page.getByRole("dialog", { name: "Keys" }).waitFor();
    await page.keyboard.press("Escape");
    await page.getByRole("dialog", { name: "Keys" }).waitFor({ state: "hidden" });
    await page.keyboard.press("g");
    await page.keyboard.press("o");
    await until("g o", () => new URL(page.url()).pathname === "/");
    await panel(page, "Token Usage").waitFor();
    await page.keyboard.press("/");
    expect(await page.evaluate(() => document.activeElement?.getAttribute("aria-label"))).toBe("Filter");
    await close();
  });

  it("asks nobody but Weir", async () => {
    const { page, close } = await open(browser);
    const asked = new Set<string>();
    page.on("request", (request) => asked.add(new URL(request.url()).origin));
    const response = await page.goto(address("/"));
    await page.waitForLoadState("networkidle");
    expect([...asked]).toEqual([weir.admin]);
    expect(response?.headers()["content-security-policy"]).toContain("default-src 'none'");
    await close();
  });
});

describe("an empty Weir", () => {
  it("shows how to begin, and comes alive", async () => {
    const empty = await alone();
    const { page, close } = await open(browser);
    await page.goto(empty.admin);
    await page.getByText("Nothing has come through yet").waitFor();
    await page.getByRole("button", { name: "Python" }).click();
    await page.getByText(`base_url="${empty.callers}"`).waitFor();
    await page.getByRole("button", { name: "Copy" }).click();
    expect(await page.evaluate(() => navigator.clipboard.readText())).toContain("OpenAI(");
    await fetch(`${empty.callers}/chat/completions`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ model: "gpt-4o-mini", messages: [{ role: "user", content: "What is a weir?" }] }),
    });
    await panel(page, "Request Rate").waitFor();
    await close();
    await empty.stop();
  });
});

describe("a Weir with lines from elsewhere only", () => {
  it("shows what was imported, and what was pushed", async () => {
    const imported = await alone({ imported: JSON.stringify(weir.records()[0]) });
    const pushed = await alone();
    const { page, close } = await open(browser);
    await page.goto(imported.admin);
    await panel(page, "Request Rate").waitFor();
    await page.goto(pushed.admin);
    await page.getByText("Nothing has come through yet").waitFor();
    const streams = [{ stream: { app: "checkout" }, values: [[String(nanos(Date.now())), "payment took 3.2 s"]] }];
    const answer = await fetch(`${pushed.admin}/loki/api/v1/push`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ streams }),
    });
    expect(answer.status).toBe(204);
    await panel(page, "Request Rate").waitFor();
    await close();
    await Promise.all([imported.stop(), pushed.stop()]);
  });
});

describe("a page whose questions go to a Loki", () => {
  it("shows what is there", async () => {
    // Another Weir answers as a Loki does; this one has recorded nothing.
    const before = await alone({ backend: weir.admin });
    const { page, wrongs, close } = await open(browser);
    const lines = weir.records().filter(inRange);
    const over = `?from=${past.from}&to=${past.to}`;
    await page.goto(`${before.admin}/${over}`);
    expect(await exactly(page, "Token Usage")).toBe(sum(lines, "total_tokens"));
    expect(await exactly(page, "Cost Tracking")).toBeCloseTo(sum(lines, "cost_usd"), 9);
    await page.goto(`${before.admin}/requests${over}`);
    await page.locator(".rows .row").first().click();
    const id = new URL(page.url()).searchParams.get("request");
    expect(lines.map((line) => line["request_id"])).toContain(id);
    await page.goto(`${before.admin}/requests?from=now-5m`);
    const first = page.locator(".rows .row").first();
    await first.waitFor();
    const text = await first.textContent();
    await until("a newer request on top", async () => (await first.textContent()) !== text);
    await page.goto(`${before.admin}/cost${over}`);
    expect(await exactly(page, "Spent")).toBeCloseTo(sum(lines, "cost_usd"), 9);
    expect(wrongs).toEqual([]);
    await close();
    await before.stop();
  });
});

describe("energy", () => {
  it("is a band, from the least to the most that it may have been", async () => {
    const { page, close } = await open(browser);
    await page.goto(address("/energy"));
    const lines = weir.records().filter(inRange);
    expect(lines.some((line) => Number(line["energy_kwh_low"]) < Number(line["energy_kwh_high"]))).toBe(true);
    expect(await exactly(page, "Energy")).toBeCloseTo(sum(lines, "energy_consumption_kwh"), 9);
    const band = `${energy(sum(lines, "energy_kwh_low"))} to ${energy(sum(lines, "energy_kwh_high"))}`;
    await panel(page, "Energy").getByText(band).waitFor();
    await panel(page, "Energy over time").locator("canvas").waitFor();
    await close();
  });
});

describe("a Weir with a token", () => {
  it("lets nobody in without it, and keeps it out of the address", async () => {
    const token = "a-token-of-this-test-0123456789";
    const guarded = await alone({ token });
    const { page, wrongs, close } = await open(browser);
    await page.goto(`${guarded.admin}/cost?from=now-6h`);
    await page.getByLabel("Token").fill("another");
    await page.getByRole("button", { name: "Open" }).click();
    await page.getByRole("alert").filter({ hasText: "none of Weir's tokens" }).waitFor();
    await page.getByLabel("Token").fill(token);
    await page.getByRole("button", { name: "Open" }).click();
    await panel(page, "Spent").waitFor();
    expect(page.url()).toBe(`${guarded.admin}/cost?from=now-6h`);
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict" });
    expect(await page.evaluate((secret) => JSON.stringify({ ...localStorage, ...sessionStorage }).includes(secret), token)).toBe(false);
    await page.reload();
    await panel(page, "Spent").waitFor();
    await page.getByRole("button", { name: "Log out" }).click();
    await page.getByLabel("Token").waitFor();
    expect(wrongs).toEqual([]);
    await close();
    await guarded.stop();
  });
});
