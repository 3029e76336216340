// What fields are called where there is little room, and which of them figures are told apart by.

/** The fields that figures are usually told apart by. */
export const BREAKDOWNS: readonly string[] = [
  "model",
  "provider",
  "organization",
  "user_id",
  "key",
  "prompt_category",
  "session_id",
  "api",
  "instance",
];

const NAMES: Record<string, string> = {
  user_id: "user",
  prompt_category: "category",
  session_id: "session",
  processing_time_seconds: "time",
  time_to_first_token_seconds: "first token",
  cost_usd: "cost",
  energy_consumption_kwh: "energy",
  total_tokens: "tokens",
  input_tokens: "input",
  output_tokens: "output",
  status_code: "HTTP status",
  error_type: "error",
};

/** What a field is called for people. */
export function nameOf(field: string): string {
  return NAMES[field] ?? field.replace(/_(seconds|usd|kwh|bytes)$/, "").replaceAll("_", " ");
}

/** What a value is called: where there is none, that is said; how a request ended is said in a word. */
export function valueName(value: string): string {
  return value === "" ? "(none)" : value.replace(/^llm_request_/, "");
}
