// Times: local for reading, UTC on hover.

const two = (value: number): string => String(value).padStart(2, "0");

/** As 14:03:07. */
export function clock(seconds: number, parts: "minutes" | "seconds" | "millis" = "seconds"): string {
  const at = new Date(seconds * 1000);
  const text = two(at.getHours()) + ":" + two(at.getMinutes());
  if (parts === "minutes") return text;
  const whole = text + ":" + two(at.getSeconds());
  return parts === "seconds" ? whole : whole + "." + String(at.getMilliseconds()).padStart(3, "0");
}

/** As 23 Nov. */
export function day(seconds: number): string {
  return new Date(seconds * 1000).toLocaleDateString("en-GB", { day: "numeric", month: "short" });
}

/** As 23 Nov 14:03:07. */
export function moment(seconds: number, parts: "minutes" | "seconds" | "millis" = "seconds"): string {
  return day(seconds) + " " + clock(seconds, parts);
}

/** As 2026-11-23 14:03:07 UTC, for tooltips. */
export function utc(seconds: number): string {
  return new Date(seconds * 1000).toISOString().replace("T", " ").replace(/\.000Z$/, "Z").replace("Z", " UTC");
}

/** How long ago something was, as "3 min ago". */
export function ago(seconds: number, now: number): string {
  const age = Math.max(0, now - seconds);
  if (age < 5) return "just now";
  if (age < 60) return `${Math.floor(age)} s ago`;
  if (age < 3600) return `${Math.floor(age / 60)} min ago`;
  if (age < 172_800) return `${Math.floor(age / 3600)} h ago`;
  return `${Math.floor(age / 86_400)} days ago`;
}
