// Each field's names with their colours, kept in this browser, so that a model looks the same on every page and every day.

import { type Book, colour } from "./palette";
import { theme } from "../state/theme.svelte";

const KEY = "weir.colours";
/** A field with more names than this starts anew: nobody tells as many apart. */
const MOST = 200;
const books = new Map<string, Book>();

function restore(): void {
  try {
    const kept = JSON.parse(localStorage.getItem(KEY) ?? "{}") as Record<string, Record<string, number>>;
    for (const [field, names] of Object.entries(kept)) books.set(field, new Map(Object.entries(names)));
  } catch {
    localStorage.removeItem(KEY);
  }
}

function keep(): void {
  const kept = Object.fromEntries([...books].map(([field, book]) => [field, Object.fromEntries(book)]));
  try {
    localStorage.setItem(KEY, JSON.stringify(kept));
  } catch {
    // No room, or not allowed: colours hold until the page is left.
  }
}

restore();

/** The colour of a value of a field, on the ground that is shown. */
export function colourOf(field: string, name: string): string {
  let book = books.get(field);
  if (!book || book.size > MOST) {
    book = new Map();
    books.set(field, book);
  }
  const before = book.size;
  const found = colour(book, name, theme.dark);
  if (book.size !== before) keep();
  return found;
}
