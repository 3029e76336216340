// Where somebody is, kept in the URL: whatever changes it goes through here, and every panel reads it from here.

import type { PageName } from "../shell/pages";
import { type Filter, withFilter, without } from "./filters";
import { type Place, readPlace, writePlace } from "./place";
import { type Grid, type Range, follows, grid, pace } from "./range";

class View {
  place = $state.raw<Place>(readPlace(location.pathname, location.search));
  /** The clock, in seconds since 1970, as of the last time the page asked. */
  now = $state(Date.now() / 1000);
  /** The grid of charts. */
  grid: Grid = $derived(grid(this.place.range, this.now));
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    addEventListener("popstate", () => {
      this.place = readPlace(location.pathname, location.search);
      this.refresh();
    });
    document.addEventListener("visibilitychange", () => {
      if (!document.hidden && this.follows) this.refresh();
    });
    this.#wait();
  }

  /** Whether it moves with the clock. */
  get follows(): boolean {
    return this.place.live && follows(this.place.range);
  }

  /** Asks everything again. */
  refresh(): void {
    this.now = Date.now() / 1000;
    this.#wait();
  }

  #wait(): void {
    clearTimeout(this.#timer);
    if (!this.follows) return;
    const seconds = pace(this.place.range, this.now);
    this.#timer = setTimeout(() => {
      if (document.hidden) this.#wait();
      else this.refresh();
    }, seconds * 1000);
  }

  #move(place: Place, replace = false): void {
    const address = writePlace(place);
    if (replace) history.replaceState(null, "", address);
    else if (address !== location.pathname + location.search) history.pushState(null, "", address);
    this.place = place;
  }

  /** Goes to a page; range and filters come along, what the last page had of its own does not. */
  go(page: PageName, own: Record<string, string> = {}): void {
    this.#move({ ...this.place, page, own });
    scrollTo(0, 0);
  }

  /** The address of a page from here. */
  address(page: PageName, own: Record<string, string> = {}): string {
    return writePlace({ ...this.place, page, own });
  }

  setRange(range: Range): void {
    this.#move({ ...this.place, range });
    this.refresh();
  }

  /** Shows what lies between two moments, in seconds since 1970. */
  zoom(start: number, end: number): void {
    const [from, to] = [Math.round(start * 1000), Math.round(Math.max(end, start + 1) * 1000)];
    this.setRange({ from: String(from), to: String(to) });
  }

  /** Shows three times as much. */
  widen(): void {
    const { start, end } = this.grid;
    const most = Math.min(end + (end - start), Date.now() / 1000);
    this.zoom(start - (end - start), most);
  }

  /** Moves by half of what is shown; -1 is back. */
  shift(way: 1 | -1): void {
    const { start, end } = this.grid;
    const by = ((end - start) / 2) * way;
    this.zoom(start + by, end + by);
  }

  setLive(live: boolean): void {
    this.#move({ ...this.place, live }, true);
    this.refresh();
  }

  setBy(by: string): void {
    this.#move({ ...this.place, by });
  }

  filter(one: Filter): void {
    this.#move({ ...this.place, filters: withFilter(this.place.filters, one) });
  }

  unfilter(one: Filter): void {
    this.#move({ ...this.place, filters: without(this.place.filters, one) });
  }

  setFilters(filters: Filter[]): void {
    this.#move({ ...this.place, filters });
  }

  /** What a page keeps in the URL; nothing removes it. */
  own(name: string): string {
    return this.place.own[name] ?? "";
  }

  setOwn(changes: Record<string, string>, replace = false): void {
    this.#move({ ...this.place, own: { ...this.place.own, ...changes } }, replace);
  }
}

export const view = new View();
