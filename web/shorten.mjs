// Minifies a whole script, names of properties too: together a tenth less after brotli than esbuild alone.
//
// A property is only renamed when nothing but the script itself can know its name:
// - it looks like `camelCase` or `_private`: events, attributes and CSS are not in that form, or are in terser's list of
//   what browsers have, which it never renames;
// - the script defines it: what is only read belongs to the browser;
// - no text in the script has it as a word, for it may be looked up by that;
// - it is not in `kept`.
import { parse } from "acorn";
import { minify } from "terser";

const OWN_FORM = /^(_\w+|[a-z]+\d*[A-Z][A-Za-z0-9]*)$/;
// Members of the browser's option objects, which terser's list lacks.
const OPTIONS = ["preventScroll", "willReadFrequently", "shadowRoots"];

export async function shorten(code, kept) {
  const { defined, read, said } = namesIn(code);
  const foreign = [...read].filter((it) => !defined.has(it));
  const { code: short } = await minify(code, {
    ecma: 2020,
    compress: { passes: 2 },
    mangle: { properties: { regex: OWN_FORM, reserved: [...foreign, ...said, ...kept, ...OPTIONS] } },
    format: { comments: false },
  });
  return short;
}

/// A module, whose names of properties others know.
export async function shortenModule(code) {
  return (await minify(code, { module: true, ecma: 2020, compress: { passes: 2 }, format: { comments: false } })).code;
}

/// Adds every word of a text.
export function wordsOf(text, into) {
  for (const word of text.match(/[\w$]+/g) ?? []) into.add(word);
}

function namesIn(code) {
  const found = { defined: new Set(), read: new Set(), said: new Set() };
  look(parse(code, { ecmaVersion: 2022 }), found);
  return found;
}

function look(node, found) {
  if (node.type === "Literal" && typeof node.value === "string") wordsOf(node.value, found.said);
  if (node.type === "TemplateElement") wordsOf(node.value.cooked ?? "", found.said);
  const name = !node.computed && (node.key ?? node.property)?.name;
  if (name) {
    if (/^(MethodDefinition|PropertyDefinition)$/.test(node.type)) found.defined.add(name);
    else found.read.add(name);
  }
  if (node.type === "AssignmentExpression" && !node.left.computed) found.defined.add(node.left.property?.name);
  if (node.type === "ObjectExpression") for (const it of node.properties) found.defined.add(!it.computed && it.key?.name);
  for (const child of Object.values(node).flat()) if (typeof child?.type === "string") look(child, found);
}
