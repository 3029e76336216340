// Filters: chips above the panels, which every panel obeys.

/** How a field is compared. */
export type Operator = "=" | "!=" | ">" | ">=" | "<" | "<=";

/** One chip. */
export interface Filter {
  field: string;
  operator: Operator;
  value: string;
}

/** Longest first, so that `>=` is not read as `>`. */
const OPERATORS: readonly Operator[] = ["!=", ">=", "<=", "=", ">", "<"];
const FIELD = /^[a-zA-Z_][a-zA-Z0-9_]*/;

/** A chip as it is written: `model=gpt-4`. Two filters are the same where this is. */
export const write = (filter: Filter): string => filter.field + filter.operator + filter.value;

/** A chip out of what is written; none where it makes no sense. */
export function read(text: string): Filter | null {
  const field = FIELD.exec(text.trim())?.[0];
  if (!field) return null;
  const rest = text.trim().slice(field.length).trimStart();
  const operator = OPERATORS.find((one) => rest.startsWith(one));
  if (!operator) return null;
  const value = rest.slice(operator.length).trim();
  const compares = operator !== "=" && operator !== "!=";
  if (compares && (value === "" || !Number.isFinite(Number(value)))) return null;
  return { field, operator, value };
}

/** The filters with one more; once where it is there already. */
export function withFilter(filters: readonly Filter[], one: Filter): Filter[] {
  return filters.some((other) => write(other) === write(one)) ? [...filters] : [...filters, one];
}

/** The filters without one. */
export function without(filters: readonly Filter[], one: Filter): Filter[] {
  return filters.filter((other) => write(other) !== write(one));
}
