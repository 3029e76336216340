// The pages: their paths, their names and the keys that lead there. The binary serves the same paths.

export type PageName =
  | "overview"
  | "requests"
  | "runs"
  | "cost"
  | "models"
  | "levels"
  | "errors"
  | "energy"
  | "system";

export interface PageEntry {
  name: PageName;
  path: string;
  title: string;
  /** The key after `g`. */
  key: string;
  group: "Traffic" | "Money" | "Health";
}

export const PAGES: readonly PageEntry[] = [
  { name: "overview", path: "/", title: "Overview", key: "o", group: "Traffic" },
  { name: "requests", path: "/requests", title: "Requests", key: "r", group: "Traffic" },
  { name: "runs", path: "/runs", title: "Runs and users", key: "u", group: "Traffic" },
  { name: "cost", path: "/cost", title: "Cost", key: "c", group: "Money" },
  { name: "models", path: "/models", title: "Models", key: "m", group: "Money" },
  { name: "levels", path: "/levels", title: "Service levels", key: "l", group: "Health" },
  { name: "errors", path: "/errors", title: "Errors", key: "e", group: "Health" },
  { name: "energy", path: "/energy", title: "Energy and carbon", key: "n", group: "Health" },
  { name: "system", path: "/system", title: "System", key: "s", group: "Health" },
];

/** The page of a path; the overview where there is none. */
export function pageOf(path: string): PageName {
  const plain = path.replace(/\/+$/, "") || "/";
  return PAGES.find((page) => page.path === plain)?.name ?? "overview";
}

export function pathOf(name: PageName): string {
  return PAGES.find((page) => page.name === name)?.path ?? "/";
}
