// The keyboard first: `/` looks for something, `g` and a letter go somewhere, `?` tells which.

import { PRESETS } from "../state/range";
import { view } from "../state/view.svelte";
import { PAGES } from "./pages";

/** What keys do, for the page that tells it. */
export const KEYS: readonly [string, string][] = [
  ["/", "Look for something: the filter, or the query of the requests"],
  ...PAGES.map(({ key, title }): [string, string] => [`g ${key}`, title]),
  ["1 … 7", "The last 5 minutes … 30 days"],
  ["← →", "Half a range back, forth"],
  ["z", "A wider range"],
  ["l", "Follow the clock, or stand still"],
  ["r", "Ask again"],
  ["x", "Take all filters away"],
  ["?", "These keys"],
];

/** How long `g` waits for its letter, in milliseconds. */
const WAIT = 1200;

function writes(target: EventTarget | null): boolean {
  const element = target as HTMLElement | null;
  return element?.closest?.("input, textarea, select, [contenteditable], .cm-editor, dialog, [role=menu], [data-keys]") !== null;
}

/** Listens. What it gives stops it. */
export function keys(act: { help: () => void }): () => void {
  let went = 0;
  const listen = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (writes(event.composedPath()[0] ?? null)) return;
    if (Date.now() - went < WAIT) {
      went = 0;
      const page = PAGES.find((one) => one.key === event.key);
      if (page) {
        view.go(page.name);
        event.preventDefault();
        return;
      }
    }
    if (event.key === "g") went = Date.now();
    else if (!plain(event.key, act)) return;
    event.preventDefault();
  };
  addEventListener("keydown", listen);
  return () => removeEventListener("keydown", listen);
}

function plain(key: string, act: { help: () => void }): boolean {
  const preset = /^[1-7]$/.test(key) ? PRESETS[Number(key) - 1] : undefined;
  if (preset) view.setRange({ from: preset.from, to: "now" });
  else if (key === "/") document.querySelector<HTMLElement>("[data-search]")?.focus();
  else if (key === "ArrowLeft") view.shift(-1);
  else if (key === "ArrowRight") view.shift(1);
  else if (key === "z") view.widen();
  else if (key === "l") view.setLive(!view.place.live);
  else if (key === "r") view.refresh();
  else if (key === "x") view.setFilters([]);
  else if (key === "?") act.help();
  else return false;
  return true;
}
