// YAML for the editor: colours, folds, indentation, brackets. One pass over the text builds CodeMirror's tree; that takes a
// twelfth of what @codemirror/lang-yaml with its parser's tables weighs. Its nodes have the names they have there.
//
// It judges nothing (diagnostics come from the session) and goes on after any mistake.
import {
  defineLanguageFacet, delimitedIndent, foldInside, foldNodeProp, indentNodeProp, Language, languageDataProp,
} from "@codemirror/language";
import { NodeProp, NodeSet, NodeType, Parser, Tree } from "@lezer/common";
import { styleTags, tags } from "@lezer/highlight";

// Beyond these nothing is coloured: each change reads all of the text again.
const READ_MAX = 512 << 10;
const DEPTH_MAX = 1_000;
// Tokens between two looks at whether there is time left.
const TOKENS_AT_ONCE = 500;

const NAMES = [
  "Stream", "Document", "DirectiveEnd", "DocEnd", "Directive", "Comment", "BlockSequence", "Item", "BlockMapping", "Pair", "Key",
  "Literal", "QuotedLiteral", "BlockLiteral", "BlockLiteralHeader", "BlockLiteralContent", "Anchor", "Alias", "Tag",
  "FlowSequence", "FlowMapping", "[", "]", "{", "}", "-", "?", ":", ",",
];
const ID = Object.fromEntries(NAMES.map((name, id) => [name, id]));
const PARTNERS = { "[": "]", "{": "}" };

const data = defineLanguageFacet({ commentTokens: { line: "#" }, indentOnInput: /^\s*[\]\}]$/ });

const nodeSet = new NodeSet(NAMES.map((name, id) => NodeType.define({
  id, name, top: name === "Stream",
  props: [
    ...(PARTNERS[name] ? [[NodeProp.closedBy, [PARTNERS[name]]]] : []),
    ...(name === "]" || name === "}" ? [[NodeProp.openedBy, [name === "]" ? "[" : "{"]]] : []),
  ],
}))).extend(
  languageDataProp.add((type) => (type.isTop ? data : undefined)),
  styleTags({
    Directive: tags.keyword, "DirectiveEnd DocEnd": tags.meta, QuotedLiteral: tags.string,
    "BlockLiteralHeader": tags.special(tags.string), "BlockLiteralContent Literal": tags.content,
    "Key/Literal Key/QuotedLiteral": tags.definition(tags.propertyName), "Anchor Alias": tags.labelName, Tag: tags.typeName,
    Comment: tags.lineComment, ": , -": tags.separator, "?": tags.punctuation, "[ ]": tags.squareBracket, "{ }": tags.brace,
  }),
  foldNodeProp.add({
    "FlowMapping FlowSequence": foldInside,
    "Item Pair BlockLiteral": (node, state) => ({ from: state.doc.lineAt(node.from).to, to: node.to }),
  }),
  indentNodeProp.add({
    Stream: indentation,
    FlowMapping: delimitedIndent({ closing: "}" }),
    FlowSequence: delimitedIndent({ closing: "]" }),
  }),
);

// What a new line is indented by: like its neighbours of the nearest sequence, mapping or text around it.
function indentation(context) {
  for (let node = context.node.resolve(context.pos, -1); node && node.to >= context.pos; node = node.parent) {
    if (node.name === "BlockLiteralContent" && node.from < node.to) return context.baseIndentFor(node);
    if (node.name === "BlockLiteral") return context.baseIndentFor(node) + context.unit;
    if (node.name === "BlockSequence" || node.name === "BlockMapping") return context.column(node.firstChild.from, 1);
    if (node.name === "QuotedLiteral") return null;
    if (node.name === "Literal") {
      const column = context.column(node.from, 1);
      if (column === context.lineIndent(node.from, 1)) return column;
      if (context.pos < node.to) return null;
    }
  }
  return null;
}

const QUOTED = /"(?:\\[^]|[^"\\])*"?|'(?:''|[^'])*'?/y;
// Words up to `: `, ` #` or the line's end; between brackets also up to one of theirs.
const PLAIN = /(?:(?:[^\s:#]|[ \t]*:(?!\s|$))#*|[ \t]+(?![\s:#]|$))+/my;
const PLAIN_INSIDE = /(?:(?:[^\s:#,[\]{}]|:(?![\s,[\]{}]|$))#*|[ \t]+(?![\s:#,[\]{}]|$))+/my;
const KEY_FOLLOWS = /[ \t]*:(?=\s|$)/my;
const KEY_FOLLOWS_INSIDE = /[ \t]*:(?=[\s,[\]{}]|$)/my;
const HEADER = /[|>][-+1-9]*(?=\s|$)/my;
const MARK = /[-?:](?=\s|$)/my;

class Parse {
  constructor(text, length) {
    this.text = text;
    this.length = length;
    this.parsedPos = 0;
    this.stoppedAt = null;
    this.at = 0;
    // Where the last node ends, and where the line begins; whether nothing stood in it yet.
    this.last = 0;
    this.line = 0;
    this.isFirst = true;
    this.brackets = 0;
    this.comments = [];
    this.buffer = [];
    this.open = [];
  }

  stopAt(at) {
    this.stoppedAt = at;
  }

  advance() {
    const end = Math.min(this.text.length, this.stoppedAt ?? this.length);
    for (let count = 0; count < TOKENS_AT_ONCE && this.at < end; count += 1) this.token();
    this.parsedPos = this.at < this.text.length ? this.at : this.length;
    if (this.at < end) return null;
    this.closeTo(0);
    this.flush();
    const length = Math.max(Math.min(this.length, this.stoppedAt ?? this.length), this.last, this.at);
    return Tree.build({ buffer: this.buffer, nodeSet, topID: ID.Stream, length, maxBufferLength: 1024 });
  }

  // --- the tree ---

  leaf(name, to) {
    this.flush();
    this.buffer.push(ID[name], this.at, to, 4);
    const lines = this.text.slice(this.at, to).lastIndexOf("\n") + 1;
    if (lines > 0) this.line = this.at + lines;
    this.at = this.last = to;
    this.isFirst = false;
  }

  // A comment belongs to what goes on behind it, not to what ended before.
  comment() {
    const to = this.lineEnd();
    this.comments.push(ID.Comment, this.at, to, 4);
    this.at = to;
  }

  flush() {
    for (const it of this.comments) this.buffer.push(it);
    this.comments.length = 0;
  }

  enter(name, column = -1) {
    this.flush();
    if (name.startsWith("Flow")) this.brackets += 1;
    this.open.push({ name, column, from: this.at, start: this.buffer.length });
  }

  closeTo(depth) {
    while (this.open.length > depth) {
      const { name, from, start } = this.open.pop();
      if (name.startsWith("Flow")) this.brackets -= 1;
      this.buffer.push(ID[name], from, Math.max(from, this.last), this.buffer.length - start + 4);
    }
  }

  top() {
    return this.open.at(-1) ?? {};
  }

  // --- the text ---

  match(pattern, at = this.at) {
    pattern.lastIndex = at;
    const found = pattern.exec(this.text);
    return found ? pattern.lastIndex : -1;
  }

  lineEnd(at = this.at) {
    const end = this.text.indexOf("\n", at);
    return end < 0 ? this.text.length : end;
  }

  token() {
    if (this.open.length > DEPTH_MAX) return this.giveUp();
    const sign = this.text[this.at];
    if (sign === "\n") {
      this.line = this.at += 1;
      this.isFirst = true;
    } else if (/\s|\ufeff/.test(sign)) this.at += 1;
    else if (sign === "#") this.comment();
    else if (this.line === this.at && this.whole()) return;
    else if (this.brackets > 0 && !this.leavesBrackets()) this.inside(sign);
    else this.block(sign);
  }

  giveUp() {
    this.text = this.text.slice(0, this.at);
  }

  // What takes a whole line without regard to what is open.
  whole() {
    const three = /^(?:---|\.\.\.)(?=\s|$)/.exec(this.text.slice(this.at, this.at + 4))?.[0];
    if (!three && this.text[this.at] !== "%") return false;
    this.closeTo(0);
    if (three === "---") this.enter("Document");
    if (three) this.leaf(three === "---" ? "DirectiveEnd" : "DocEnd", this.at + 3);
    else this.leaf("Directive", this.lineEnd());
    return true;
  }

  // While somebody types, a bracket may lack its partner: a key where a key of the block would stand ends what it opened.
  leavesBrackets() {
    if (!this.isFirst) return false;
    const block = this.open.findLast((it) => it.column >= 0);
    const key = this.match(/[\w./-]+:(?=\s|$)/my) >= 0;
    if (!key || !block || block.column < this.at - this.line) return false;
    this.closeTo(this.open.indexOf(block) + 1);
    return true;
  }

  // --- between brackets ---

  inside(sign) {
    if (sign === "]" || sign === "}") {
      const opened = this.open.findLastIndex((it) => it.name === (sign === "]" ? "FlowSequence" : "FlowMapping"));
      if (opened >= 0) this.closeTo(opened + 1);
      this.leaf(sign, this.at + 1);
      if (opened >= 0) this.closeTo(opened);
    } else if (sign === ",") {
      this.closeTo(this.open.findLastIndex((it) => it.name.startsWith("Flow")) + 1);
      this.leaf(",", this.at + 1);
    } else if (sign === ":") {
      if (this.top().name === "FlowMapping") this.enter("Pair");
      this.leaf(":", this.at + 1);
    } else {
      if (this.top().name === "FlowSequence") this.enter("Item");
      if (this.top().name === "FlowMapping") this.enter("Pair");
      this.value(sign, PLAIN_INSIDE, KEY_FOLLOWS_INSIDE);
    }
  }

  // --- blocks ---

  block(sign) {
    const column = this.at - this.line;
    const mark = this.match(MARK) >= 0 ? sign : "";
    if (this.isFirst) this.closeBlocks(column, mark);
    if (this.open.length === 0) this.enter("Document");
    if (mark === "-") {
      this.next("BlockSequence", "Item", column);
      this.leaf("-", this.at + 1);
    } else if (mark === "?") {
      this.next("BlockMapping", "Pair", column);
      this.leaf("?", this.at + 1);
    } else if (mark === ":") {
      this.leaf(":", this.at + 1);
    } else if (this.match(HEADER) >= 0) {
      this.literal();
    } else {
      this.value(sign, PLAIN, KEY_FOLLOWS);
    }
  }

  // A line that begins at `column` ends what is indented more, the pair that began there, and a sequence under its key.
  closeBlocks(column, mark) {
    const depth = this.open.findIndex((it) => (
      it.column > column || (it.column === column && it.name === "BlockSequence" && mark !== "-")
    ));
    if (depth >= 0) this.closeTo(depth);
    const pairs = this.open.findLastIndex((it) => it.column === column && it.name === "BlockMapping");
    if (pairs >= 0 && mark !== "-" && mark !== ":") this.closeTo(pairs + 1);
  }

  // Goes on in the sequence or mapping at that column, or begins one.
  next(list, part, column) {
    const at = this.open.findLastIndex((it) => it.name === list && it.column === column);
    if (at >= 0) this.closeTo(at + 1);
    else this.enter(list, column);
    this.enter(part);
  }

  literal() {
    this.enter("BlockLiteral");
    let isSettled = /[1-9]/.test(this.text.slice(this.at, this.match(HEADER)));
    this.leaf("BlockLiteralHeader", this.match(HEADER));
    const comment = this.match(/[ \t]+#/y);
    if (comment >= 0) {
      this.at = comment - 1;
      this.comment();
    }
    // The first line says how much the text is indented, unless the header did.
    let least = 1 + (this.open.findLast((it) => it.column >= 0)?.column ?? -1);
    const from = Math.min(this.lineEnd() + 1, this.text.length);
    let to = from;
    for (let at = from; at < this.text.length; at = this.lineEnd(at) + 1) {
      const line = this.text.slice(at, this.lineEnd(at));
      const indent = line.search(/\S/);
      if (indent < 0) continue;
      if (indent < least) break;
      if (!isSettled) least = indent;
      isSettled = true;
      to = this.lineEnd(at);
    }
    this.at = from;
    this.leaf("BlockLiteralContent", to);
    this.closeTo(this.open.length - 1);
  }

  // Something in one piece, which may turn out to be a key.
  value(sign, plain, keyFollows) {
    if (sign === "&" || sign === "*" || sign === "!") {
      const name = sign === "&" ? "Anchor" : sign === "*" ? "Alias" : "Tag";
      return this.leaf(name, this.match(/[^\s,[\]{}]+/y));
    }
    if (sign === "[" || sign === "{") {
      this.enter(sign === "[" ? "FlowSequence" : "FlowMapping");
      return this.leaf(sign, this.at + 1);
    }
    const quoted = this.match(QUOTED);
    const to = quoted < 0 ? Math.max(this.match(plain), this.at + 1) : quoted;
    const name = quoted < 0 ? "Literal" : "QuotedLiteral";
    if (quoted >= 0 && this.brackets > 0) keyFollows = /[ \t]*:/y;
    const isKey = this.match(keyFollows, to) >= 0 && !this.text.slice(this.at, to).includes("\n");
    if (!isKey) return this.leaf(name, quoted < 0 && plain === PLAIN ? this.continued(to) : to);
    if (plain === PLAIN) this.next("BlockMapping", "Pair", this.at - this.line);
    else if (this.top().name === "Item") this.enter("Pair");
    this.enter("Key");
    this.leaf(name, to);
    this.closeTo(this.open.length - 1);
    this.at = this.match(keyFollows) - 1;
    this.leaf(":", this.at + 1);
  }

  // Words go on in the next lines as long as those are indented more and begin nothing else.
  continued(to) {
    const outer = this.open.findLast((it) => it.column >= 0)?.column ?? -1;
    for (;;) {
      const next = this.match(/[ \t]*\n\s*/y, to);
      const column = next - this.text.lastIndexOf("\n", next - 1) - 1;
      if (next < 0 || column <= outer || this.match(/#|-\s/y, next) >= 0) return to;
      const end = this.match(PLAIN, next);
      if (end < 0 || this.match(KEY_FOLLOWS, end) >= 0) return to;
      to = end;
    }
  }
}

const parser = new class extends Parser {
  createParse(input) {
    return new Parse(input.read(0, Math.min(input.length, READ_MAX)), input.length);
  }
}();

export const yaml = new Language(data, parser, [], "yaml");
