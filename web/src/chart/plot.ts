// A chart's figures and how uPlot draws them: stacked bars, or lines.

import uPlot from "uplot";
import { type Unit, onAxis } from "../format/number";
import { clock, day } from "../format/time";

/** One line or one layer of bars. */
export interface Layer {
  name: string;
  /** What it is called for people. */
  label: string;
  colour: string;
  values: (number | null)[];
  /** Lengths of dashes, where colour alone would not tell it apart. */
  dash?: number[];
}

/** What a chart shows. */
export interface Drawing {
  kind: "bars" | "lines";
  unit: Unit;
  /** The end of each step, in seconds since 1970. */
  moments: number[];
  /** The length of a step in seconds. */
  step: number;
  layers: Layer[];
  /** Whether the first and the last line are the ends of a band. */
  band?: boolean;
  /** Lines to compare with, such as an objective. */
  marks?: { value: number; label: string }[];
}

/** The colours of what is no figure. */
export interface Inks {
  text: string;
  grid: string;
  ground: string;
}

export function inks(dark: boolean): Inks {
  return dark
    ? { text: "#8e9baa", grid: "#222c37", ground: "#161d25" }
    : { text: "#626f7e", grid: "#e9edf1", ground: "#ffffff" };
}

/** Sums from the bottom up: bars stand upon each other. The last is the sum of all. */
export function stacked(layers: readonly Layer[], length: number): (number | null)[][] {
  const sums = new Array<number>(length).fill(0);
  const seen = new Array<boolean>(length).fill(false);
  return layers.map((layer) =>
    sums.map((_, at) => {
      const value = layer.values[at];
      if (value !== null && value !== undefined) {
        sums[at] = (sums[at] ?? 0) + value;
        seen[at] = true;
      }
      return seen[at] ? (sums[at] ?? 0) : null;
    }),
  );
}

/** What uPlot is given: bars from the topmost down, so that each covers the foot of the one behind. */
export function columns(drawing: Drawing): uPlot.AlignedData {
  const { kind, layers, moments } = drawing;
  if (kind === "lines") return [moments, ...layers.map((layer) => layer.values)];
  return [moments, ...stacked(layers, moments.length).reverse()];
}

/** What tells whether a chart has to be made anew, or only gets other figures. */
export function shape(drawing: Drawing, dark: boolean): string {
  const { kind, unit, layers, marks, band } = drawing;
  return JSON.stringify([kind, unit, dark, marks, band, layers.map(({ name, colour, dash }) => [name, colour, dash])]);
}

/** What a chart tells whoever holds it. */
export interface Told {
  zoomed(start: number, end: number): void;
  pointed(index: number | null, left: number): void;
  moments(): { start: number; end: number };
}

function seriesOf(drawing: Drawing, ink: Inks, width: number): uPlot.Series[] {
  if (drawing.kind === "bars") {
    // A line between layers helps where it does not take half of them.
    const thin = width / Math.max(1, drawing.moments.length) < 7;
    const bars = uPlot.paths.bars?.({ size: [0.86, 28], align: -1 });
    const drawn = drawing.layers.map(
      (layer): uPlot.Series => ({
        fill: layer.colour,
        ...(thin ? { width: 0 } : { stroke: ink.ground, width: 1 / devicePixelRatio }),
        points: { show: false },
        ...(bars ? { paths: bars } : {}),
      }),
    );
    return [{}, ...drawn.reverse()];
  }
  const alone = drawing.layers.length === 1;
  const drawn = drawing.layers.map(
    (layer): uPlot.Series => ({
      stroke: layer.colour,
      width: 1.75,
      spanGaps: false,
      points: { show: (plot, index) => isAlone(plot, index), size: 4, fill: layer.colour },
      ...(layer.dash ? { dash: layer.dash } : {}),
      ...(alone ? { fill: layer.colour + "22" } : {}),
    }),
  );
  return [{}, ...drawn];
}

/** Points are shown only where there are so few that a line has gaps. */
function isAlone(plot: uPlot, index: number): boolean {
  const column = plot.data[index] ?? [];
  let known = 0;
  for (const value of column) if (value !== null && value !== undefined && ++known > 12) return false;
  return true;
}

const TIMES = [1, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800, 1_209_600, 2_592_000];

function times(splits: number[], apart: number): string[] {
  return splits.map((at) => {
    const when = new Date(at * 1000);
    const isMidnight = when.getHours() === 0 && when.getMinutes() === 0 && when.getSeconds() === 0;
    if (apart >= 86_400 || isMidnight) return day(at);
    return clock(at, apart < 60 ? "seconds" : "minutes");
  });
}

/** Room on the left for the widest figure. */
function room(plot: uPlot, texts: string[] | null): number {
  if (!texts || texts.length === 0) return 40;
  const widest = texts.reduce((one, other) => (other.length > one.length ? other : one));
  plot.ctx.font = FONT;
  return Math.ceil(plot.ctx.measureText(widest).width) + 12;
}

const FONT = "11px Inter, 'Segoe UI', system-ui, sans-serif";

function drawMarks(plot: uPlot, drawing: Drawing, ink: Inks): void {
  const { ctx, bbox } = plot;
  for (const mark of drawing.marks ?? []) {
    const y = Math.round(plot.valToPos(mark.value, "y", true));
    if (y < bbox.top || y > bbox.top + bbox.height) continue;
    ctx.save();
    ctx.strokeStyle = ink.text;
    ctx.setLineDash([4 * devicePixelRatio, 3 * devicePixelRatio]);
    ctx.beginPath();
    ctx.moveTo(bbox.left, y);
    ctx.lineTo(bbox.left + bbox.width, y);
    ctx.stroke();
    ctx.restore();
  }
}

/** What uPlot is told to do. */
export function options(drawing: Drawing, size: { width: number; height: number }, dark: boolean, told: Told): uPlot.Options {
  const ink = inks(dark);
  const axis = { stroke: ink.text, font: FONT, ticks: { show: false } } as const;
  return {
    ...size,
    padding: [8, 22, 0, 0],
    legend: { show: false },
    cursor: {
      y: false,
      points: { show: drawing.kind === "lines", size: 7 },
      drag: { x: true, y: false, setScale: false },
      sync: { key: "time", setSeries: false },
      bind: { dblclick: () => () => null },
    },
    scales: {
      x: { time: true, range: () => [told.moments().start, told.moments().end] },
      y: { range: (_, least, most) => heights(least, most, drawing) },
    },
    axes: [
      {
        ...axis,
        size: 22,
        gap: 4,
        space: 52,
        incrs: TIMES,
        grid: { show: false },
        values: (_, splits, __, ___, apart) => times(splits, apart),
      },
      {
        ...axis,
        gap: 6,
        space: 24,
        size: (plot, texts) => room(plot, texts),
        grid: { stroke: ink.grid, width: 1 },
        values: (_, splits) => splits.map((value) => onAxis(value, drawing.unit)),
      },
    ],
    series: seriesOf(drawing, ink, size.width),
    ...(drawing.band ? { bands: [{ series: [1, drawing.layers.length] as [number, number], fill: (drawing.layers[0]?.colour ?? "") + "22" }] } : {}),
    hooks: {
      draw: [(plot) => drawMarks(plot, drawing, ink)],
      setCursor: [(plot) => told.pointed(plot.cursor.idx ?? null, plot.cursor.left ?? -1)],
      setSelect: [
        (plot) => {
          const { left, width } = plot.select;
          if (width >= 6) told.zoomed(plot.posToVal(left, "x"), plot.posToVal(left + width, "x"));
          plot.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

/** From where to where the axis goes: from 0, but for shares that are all close to 1. */
function heights(least: number | null, most: number | null, drawing: Drawing): [number, number] {
  const room = 1 - (least ?? 0);
  if (drawing.kind === "lines" && drawing.unit === "share" && room > 0 && room < 0.25) return [1 - room * 1.3, 1 + room * 0.05];
  return [0, ceiling(most, drawing)];
}

/** The top of the axis: a little more than the largest figure, and something where there is none. */
function ceiling(most: number | null, drawing: Drawing): number {
  const marked = Math.max(0, ...(drawing.marks ?? []).map((mark) => mark.value));
  const top = Math.max(most ?? 0, marked);
  if (top > 0) return top * 1.08;
  return drawing.unit === "share" ? 0.01 : 1;
}
