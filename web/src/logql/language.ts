// LogQL for the editor: its grammar is Grafana's, its colours and completions are the page's.

import { type Completion, type CompletionContext, type CompletionResult, autocompletion } from "@codemirror/autocomplete";
import { HighlightStyle, LRLanguage, LanguageSupport, syntaxHighlighting, syntaxTree } from "@codemirror/language";
import { AGGREGATION_OPERATORS, BUILT_IN_FUNCTIONS, RANGE_VEC_FUNCTIONS, parser } from "@grafana/lezer-logql";
import { styleTags, tags } from "@lezer/highlight";

/** What completions are made of. */
export interface Known {
  labels: readonly string[];
  fields: readonly { name: string; about: string }[];
  values(field: string): Promise<readonly string[]>;
}

const styled = parser.configure({
  props: [
    styleTags({
      LineComment: tags.comment,
      String: tags.string,
      "Number Duration Bytes": tags.number,
      "Identifier Grouping/...": tags.variableName,
      "Json Logfmt Pattern Regexp Unpack Unwrap LabelFormat LineFormat Drop Keep Decolorize": tags.keyword,
      "By Without On Ignoring GroupLeft GroupRight Bool Offset And Or Unless": tags.keyword,
      "RangeOp/... VectorOp/... LabelReplace Vector ConvOp/...": tags.function(tags.variableName),
      "Eq Neq Re Nre Eql Gtr Gte Lss Lte PipeExact PipeMatch PipePattern Npa Pipe": tags.operator,
    }),
  ],
});

const language = LRLanguage.define({ name: "logql", parser: styled });

const colours = HighlightStyle.define([
  { tag: tags.comment, class: "tok-comment" },
  { tag: tags.string, class: "tok-string" },
  { tag: tags.number, class: "tok-number" },
  { tag: tags.keyword, class: "tok-keyword" },
  { tag: tags.function(tags.variableName), class: "tok-function" },
  { tag: tags.variableName, class: "tok-name" },
  { tag: tags.operator, class: "tok-operator" },
]);

interface Documented {
  label: string;
  documentation: string;
}

const functions: Completion[] = ([...AGGREGATION_OPERATORS, ...RANGE_VEC_FUNCTIONS, ...BUILT_IN_FUNCTIONS] as Documented[]).map(
  ({ label, documentation }) => ({ label, type: "function", info: documentation, apply: label + "(" }),
);

const STAGES: readonly [string, string][] = [
  ["json", "Fields of a line that is JSON become labels"],
  ["logfmt", "Fields of a line in logfmt become labels"],
  ["line_format", "Writes the line anew"],
  ["label_format", "Renames labels, or makes new ones"],
  ["unwrap", "Takes a label's value as the figure"],
  ["drop", "Leaves labels out"],
  ["keep", "Leaves all other labels out"],
  ["pattern", "Takes labels out of a line by a pattern"],
  ["regexp", "Takes labels out of a line by an expression"],
];

function isMetric(text: string): boolean {
  return /^\s*[a-z(]/.test(text);
}

/** Whether a query asks for figures, and not for lines. */
export { isMetric };

function within(context: CompletionContext): string {
  for (let node = syntaxTree(context.state).resolveInner(context.pos, -1); ; ) {
    if (["Selector", "Matchers", "Matcher", "Grouping", "GroupingLabels"].includes(node.name)) return node.name;
    if (!node.parent) return "";
    node = node.parent;
  }
}

/** What can stand where the cursor is. */
export function complete(known: Known): (context: CompletionContext) => Promise<CompletionResult | null> {
  const fields = known.fields.map(({ name, about }): Completion => ({ label: name, type: "property", info: about }));
  const labels = known.labels.map((label): Completion => ({ label, type: "property", apply: label + "=" }));
  return async (context) => {
    const value = context.matchBefore(/([a-zA-Z_]\w*)\s*(=~|!~|!=|=)\s*"[^"]*/);
    if (value) {
      const [, field = ""] = /^([a-zA-Z_]\w*)/.exec(value.text) ?? [];
      const from = value.from + value.text.lastIndexOf('"') + 1;
      const list = await known.values(field);
      return { from, options: list.map((label): Completion => ({ label, type: "text" })), validFor: /^[^"]*$/ };
    }
    const word = context.matchBefore(/[a-zA-Z_]\w*/);
    const from = word?.from ?? context.pos;
    const earlier = context.state.sliceDoc(Math.max(0, from - 40), from);
    const place = within(context);
    if (/unwrap\s+$/.test(earlier) || /\b(by|without)\s*\([^)]*$/.test(earlier)) return { from, options: fields };
    if (/[{,]\s*$/.test(earlier) && place !== "Grouping") return { from, options: labels };
    if (/\|\s*$/.test(earlier)) {
      const stages = STAGES.map(([label, info]): Completion => ({ label, info, type: "keyword", boost: 1 }));
      return { from, options: [...stages, ...fields.map((field) => ({ ...field, boost: -1 }))] };
    }
    if (!word && !context.explicit) return null;
    return { from, options: [...functions, ...fields] };
  };
}

/** The language, with completions of what is known. */
export function logql(known: Known): LanguageSupport {
  return new LanguageSupport(language, [
    syntaxHighlighting(colours),
    autocompletion({ override: [complete(known)], icons: false, closeOnBlur: true }),
  ]);
}

/** Where Loki's message says that an error is; the end of the query where it says nothing. */
export function position(query: string, message: string): number {
  const found = /line (\d+), col (\d+)/.exec(message);
  if (!found) return query.length;
  const lines = query.split("\n");
  const line = Math.max(1, Number(found[1]));
  const before = lines.slice(0, line - 1).reduce((sum, one) => sum + one.length + 1, 0);
  return Math.min(query.length, Math.max(0, before + Number(found[2]) - 1));
}
