import { readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { svelte } from "@sveltejs/vite-plugin-svelte";
import type { Plugin } from "vite";
import { defineConfig } from "vitest/config";

// A Weir's operators' port, for `npm run dev`.
const weir = process.env["WEIR_ADMIN"] ?? "http://127.0.0.1:4001";
const proxied = Object.fromEntries(
  ["/loki", "/api", "/metrics", "/readyz"].map((path) => [path, { target: weir, ws: true }]),
);

const OUT = "dist/page";

/** Leaves the files packed: that is how they lie in the binary and how nearly every browser asks for them. */
function packed(): Plugin {
  return {
    name: "packed",
    apply: "build",
    closeBundle() {
      for (const entry of readdirSync(OUT, { recursive: true, withFileTypes: true })) {
        const path = join(entry.parentPath, entry.name);
        if (!entry.isFile() || !/\.(html|js|css|svg)$/.test(path)) continue;
        writeFileSync(path + ".gz", gzipSync(readFileSync(path), { level: 9 }));
        rmSync(path);
      }
    },
  };
}

export default defineConfig({
  plugins: [svelte(), packed()],
  build: {
    outDir: OUT,
    emptyOutDir: true,
    target: "es2023",
    // The binary packs what it holds, and a policy without inline sources forbids small files inside of larger ones.
    assetsInlineLimit: 0,
    reportCompressedSize: true,
    modulePreload: { polyfill: false },
    rolldownOptions: { checks: { pluginTimings: false } },
  },
  server: { proxy: proxied },
  test: { include: ["src/**/*.test.ts"] },
});
