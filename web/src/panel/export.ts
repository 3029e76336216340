// What a panel can be taken away as: its question, a table of figures, a picture.

import type { Drawing } from "../chart/plot";

/** What a panel offers. */
export interface Export {
  /** Its questions in LogQL. */
  logql: string[];
  /** Its figures, heads first. */
  table?: (string | number | null)[][];
  /** Its picture. */
  canvas?: HTMLCanvasElement | undefined;
  /** Names and colours beneath the picture. */
  legend?: { label: string; colour: string }[];
}

/** A cell as spreadsheets read it. What a spreadsheet would run as a formula is kept a text. */
function cell(value: string | number | null): string {
  if (value === null) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) ? "'" + value : value;
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows as CSV. */
export function csv(rows: readonly (readonly (string | number | null)[])[]): string {
  return rows.map((row) => row.map(cell).join(",") + "\r\n").join("");
}

/** A chart's figures as rows: a time in UTC, then a column for each layer. */
export function rowsOf(drawing: Drawing): (string | number | null)[][] {
  const heads = ["until", ...drawing.layers.map((layer) => layer.label)];
  const body = drawing.moments.map((moment, at) => [
    new Date(moment * 1000).toISOString(),
    ...drawing.layers.map((layer) => layer.values[at] ?? null),
  ]);
  return [heads, ...body];
}

/** A name for a file. */
export function fileName(title: string, ending: string): string {
  return `weir-${title.toLowerCase().replace(/[^a-z0-9]+/g, "-")}.${ending}`;
}

/** Gives somebody a file. */
export function save(name: string, content: Blob): void {
  const address = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** A picture of a chart with its title and its legend. */
export async function picture(title: string, canvas: HTMLCanvasElement, legend: Export["legend"] = []): Promise<Blob | null> {
  const scale = devicePixelRatio;
  const style = getComputedStyle(document.body);
  const [head, foot] = [36 * scale, (legend.length > 0 ? 32 : 8) * scale];
  const sheet = document.createElement("canvas");
  sheet.width = canvas.width;
  sheet.height = canvas.height + head + foot;
  const pen = sheet.getContext("2d");
  if (!pen) return null;
  pen.fillStyle = style.backgroundColor;
  pen.fillRect(0, 0, sheet.width, sheet.height);
  pen.fillStyle = style.color;
  pen.textBaseline = "middle";
  pen.font = `600 ${14 * scale}px ${style.fontFamily}`;
  pen.fillText(title, 12 * scale, head / 2);
  pen.drawImage(canvas, 0, head);
  pen.font = `${11 * scale}px ${style.fontFamily}`;
  let left = 12 * scale;
  for (const { label, colour } of legend) {
    pen.fillStyle = colour;
    pen.fillRect(left, head + canvas.height + foot / 2 - 5 * scale, 10 * scale, 10 * scale);
    pen.fillStyle = style.color;
    pen.fillText(label, left + 15 * scale, head + canvas.height + foot / 2);
    left += pen.measureText(label).width + 32 * scale;
  }
  return new Promise((resolve) => sheet.toBlob(resolve, "image/png"));
}
