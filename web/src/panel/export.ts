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

/** Rows of figures, as a table of the page has them. */
export function rowsOfLines(
  what: string,
  heads: readonly { key: string }[],
  lines: readonly { label: string; values: { readonly [key: string]: number | null | undefined } }[],
): (string | number | null)[][] {
  return [[what, ...heads.map(({ key }) => key)], ...lines.map(({ label, values }) => [label, ...heads.map(({ key }) => values[key] ?? null)])];
}

/** Figures that stand alone, each with its name. */
export function rowsOfFigures(figures: { readonly [name: string]: number | null | undefined }): (string | number | null)[][] {
  return [Object.keys(figures), Object.values(figures).map((value) => value ?? null)];
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

/** A sheet with a title on the page's ground, and a pen for what comes below; sizes are of the screen. */
function blank(title: string, width: number, height: number): { sheet: HTMLCanvasElement; pen: CanvasRenderingContext2D } | null {
  const scale = devicePixelRatio;
  const style = getComputedStyle(document.body);
  const sheet = document.createElement("canvas");
  sheet.width = width;
  sheet.height = height;
  const pen = sheet.getContext("2d");
  if (!pen) return null;
  pen.fillStyle = style.backgroundColor;
  pen.fillRect(0, 0, width, height);
  pen.fillStyle = style.color;
  pen.textBaseline = "middle";
  pen.font = `600 ${14 * scale}px ${style.fontFamily}`;
  pen.fillText(title, 12 * scale, (HEAD * scale) / 2);
  return { sheet, pen };
}

const packed = (sheet: HTMLCanvasElement): Promise<Blob | null> => new Promise((resolve) => sheet.toBlob(resolve, "image/png"));

/** Height of a picture's title, and of a row of a table. */
const [HEAD, ROW] = [36, 22];
/** Rows of a table that go into its picture. */
const MOST_ROWS = 50;

/** A picture of a table with its title. */
export async function pictureOfTable(title: string, table: NonNullable<Export["table"]>): Promise<Blob | null> {
  const scale = devicePixelRatio;
  const font = `${12 * scale}px ${getComputedStyle(document.body).fontFamily}`;
  const rows = table.slice(0, MOST_ROWS + 1).map((row) => row.map((one) => (typeof one === "number" ? one.toLocaleString("en-US", { maximumSignificantDigits: 5 }) : (one ?? "–"))));
  const measure = document.createElement("canvas").getContext("2d");
  if (!measure) return null;
  measure.font = font;
  const widths = (rows[0] ?? []).map((_, at) => Math.max(...rows.map((row) => measure.measureText(row[at] ?? "").width)) + 24 * scale);
  const whole = widths.reduce((sum, width) => sum + width, 0);
  const drawn = blank(title, Math.ceil(Math.max(whole, 320 * scale)), (HEAD + ROW * rows.length + 8) * scale);
  if (!drawn) return null;
  const { sheet, pen } = drawn;
  pen.font = font;
  rows.forEach((row, line) => {
    let left = 12 * scale;
    row.forEach((text, at) => {
      const width = widths[at] ?? 0;
      const isFigure = at > 0 && typeof table[1]?.[at] === "number";
      pen.textAlign = isFigure ? "right" : "left";
      pen.globalAlpha = line === 0 ? 0.7 : 1;
      pen.fillText(text, isFigure ? left + width - 24 * scale : left, (HEAD + ROW * (line + 0.5)) * scale);
      left += width;
    });
  });
  return packed(sheet);
}

/** Where the names of a legend stand: as many in a line as there is room for. */
function placesOf(legend: NonNullable<Export["legend"]>, width: number, font: string, scale: number): { label: string; colour: string; line: number; left: number }[] {
  const measure = document.createElement("canvas").getContext("2d");
  if (!measure) return [];
  measure.font = font;
  let [line, left] = [0, 12 * scale];
  return legend.map((one) => {
    const room = measure.measureText(one.label).width + 32 * scale;
    if (left + room - 16 * scale > width && left > 12 * scale) [line, left] = [line + 1, 12 * scale];
    const place = { ...one, line, left };
    left += room;
    return place;
  });
}

/** A picture of a chart with its title and its legend. */
export async function picture(title: string, canvas: HTMLCanvasElement, legend: Export["legend"] = []): Promise<Blob | null> {
  const scale = devicePixelRatio;
  const style = getComputedStyle(document.body);
  const font = `${11 * scale}px ${style.fontFamily}`;
  const places = placesOf(legend, canvas.width, font, scale);
  const lines = places.length === 0 ? 0 : (places.at(-1)?.line ?? 0) + 1;
  const drawn = blank(title, canvas.width, HEAD * scale + canvas.height + (ROW * lines + 8) * scale);
  if (!drawn) return null;
  const { sheet, pen } = drawn;
  pen.drawImage(canvas, 0, HEAD * scale);
  pen.font = font;
  for (const { label, colour, line, left } of places) {
    const middle = HEAD * scale + canvas.height + ROW * (line + 0.5) * scale;
    pen.fillStyle = colour;
    pen.fillRect(left, middle - 5 * scale, 10 * scale, 10 * scale);
    pen.fillStyle = style.color;
    pen.fillText(label, left + 15 * scale, middle);
  }
  return packed(sheet);
}
