// The manifest editor: CodeMirror 6 behind the small interface that src/browser/ binds.
//
// It knows YAML's syntax and nothing of Kubernetes: diagnostics and completions come from the session.
import { autocompletion, closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { yaml } from "@codemirror/lang-yaml";
import {
  bracketMatching, foldGutter, foldKeymap, HighlightStyle, indentOnInput, indentUnit, syntaxHighlighting,
} from "@codemirror/language";
import { lintGutter, lintKeymap, setDiagnostics } from "@codemirror/lint";
import { highlightSelectionMatches, searchKeymap } from "@codemirror/search";
import { Compartment, EditorState, Prec } from "@codemirror/state";
import {
  drawSelection, EditorView, highlightActiveLine, highlightActiveLineGutter, hoverTooltip, keymap, lineNumbers,
} from "@codemirror/view";
import { tags } from "@lezer/highlight";

// Colours are the page's own tokens, so both themes follow without a second style.
const highlight = HighlightStyle.define([
  { tag: [tags.propertyName, tags.definition(tags.propertyName)], color: "var(--accent-ink)" },
  { tag: [tags.string, tags.content], color: "var(--ok)" },
  { tag: [tags.number, tags.bool, tags.null, tags.keyword], color: "var(--probe-live)" },
  { tag: [tags.comment, tags.lineComment], color: "var(--ink-3)", fontStyle: "italic" },
  { tag: [tags.punctuation, tags.separator], color: "var(--ink-2)" },
  { tag: tags.meta, color: "var(--ending)" },
]);

const look = EditorView.theme({
  "&": { height: "100%", color: "var(--ink)", backgroundColor: "var(--panel)", fontSize: "12.5px" },
  "&.cm-focused": { outline: "none" },
  ".cm-scroller": { fontFamily: "var(--mono)", lineHeight: "20px", overflow: "auto" },
  ".cm-content": { caretColor: "var(--accent)", padding: "8px 0" },
  ".cm-cursor, .cm-dropCursor": { borderLeftColor: "var(--accent)", borderLeftWidth: "2px" },
  ".cm-gutters": { backgroundColor: "var(--panel)", color: "var(--ink-3)", border: "none" },
  ".cm-activeLine": { backgroundColor: "color-mix(in srgb, var(--accent-soft) 45%, transparent)" },
  ".cm-activeLineGutter": { backgroundColor: "transparent", color: "var(--ink)" },
  "&.cm-focused > .cm-scroller > .cm-selectionLayer .cm-selectionBackground, .cm-selectionBackground": {
    backgroundColor: "var(--accent-soft) !important",
  },
  ".cm-tooltip": {
    backgroundColor: "var(--raised)", color: "var(--ink)", border: "1px solid var(--line-strong)",
    borderRadius: "var(--r1)", boxShadow: "var(--shadow)", maxWidth: "min(420px, 86vw)",
  },
  ".cm-diagnostic": { padding: "8px 10px", fontFamily: "var(--font)", fontSize: "12px", whiteSpace: "pre-wrap" },
  ".cm-diagnostic-error": { borderLeft: "3px solid var(--bad)" },
  ".cm-diagnostic-warning": { borderLeft: "3px solid var(--wait)" },
  ".cm-diagnostic-info": { borderLeft: "3px solid var(--accent)" },
  ".cm-diagnosticAction": {
    backgroundColor: "transparent", color: "var(--accent-ink)", fontWeight: "600", padding: "0", margin: "4px 0 0",
    display: "block", cursor: "pointer",
  },
  ".cm-says": { fontFamily: "var(--mono)", color: "var(--bad)", fontSize: "11.5px", display: "block" },
  ".cm-about": { padding: "6px 10px", fontSize: "12px", fontFamily: "var(--font)", whiteSpace: "pre-line" },
  ".cm-about b": { fontFamily: "var(--mono)", fontWeight: "600" },
  ".cm-completionDetail": { color: "var(--ink-3)", fontStyle: "normal", marginLeft: "1em" },
  ".cm-tooltip-autocomplete ul li[aria-selected]": { backgroundColor: "var(--accent-soft)", color: "var(--ink)" },
});

// In a longer text nothing is completed: typing stays quick.
const LOOKED_AT_MAX = 256 << 10;

// Lines and columns are counted from 1; columns count UTF-16 units, as the editor does.
function position(doc, line, column) {
  const at = doc.line(Math.min(Math.max(line, 1), doc.lines));
  return Math.min(at.from + Math.max(column - 1, 0), at.to);
}

function toDiagnostic(doc, given, onFix) {
  const from = position(doc, given.fromLine, given.fromColumn);
  const to = Math.max(position(doc, given.toLine, given.toColumn), from);
  return {
    from,
    to: to === from ? Math.min(from + 1, doc.length) : to,
    severity: given.severity ?? "error",
    message: [given.message, given.hint].filter(Boolean).join("\n"),
    renderMessage: () => {
      const box = document.createElement("span");
      const says = document.createElement("span");
      says.className = "cm-says";
      says.textContent = given.message;
      box.append(says);
      if (given.hint) box.append(given.hint);
      return box;
    },
    actions: given.fix ? [{ name: given.fix.label, apply: () => onFix(given.fix) }] : [],
  };
}

globalThis.PlaygroundEditor = {
  create(element, options) {
    const editable = new Compartment();
    const dark = new Compartment();
    let silent = false;
    const view = new EditorView({
      parent: element,
      state: EditorState.create({
        doc: options.value ?? "",
        extensions: [
          Prec.highest(keymap.of([{ key: "Mod-Enter", run: () => (options.onApply?.(), true) }])),
          lineNumbers(), foldGutter(), lintGutter(), history(), drawSelection(), indentOnInput(), bracketMatching(),
          closeBrackets(), highlightActiveLine(), highlightActiveLineGutter(), highlightSelectionMatches(),
          indentUnit.of("  "), EditorState.tabSize.of(2), yaml(), syntaxHighlighting(highlight), look,
          autocompletion(options.complete ? {
            override: [(context) => {
              const word = context.matchBefore(/[A-Za-z0-9_./]*/);
              const line = context.state.doc.lineAt(context.pos);
              const value = /:\s+\S*$/.test(line.text.slice(0, context.pos - line.from));
              if (!word || (word.from === word.to && !context.explicit && !value) || context.state.doc.length > LOOKED_AT_MAX) return null;
              const found = options.complete(context.state.doc.toString(), line.number, context.pos - line.from + 1);
              return found?.length ? { from: word.from, options: found, validFor: /^[A-Za-z0-9_./]*$/ } : null;
            }],
            icons: false,
          } : {}),
          options.about ? hoverTooltip((view, pos) => {
            const { doc } = view.state;
            if (doc.length > LOOKED_AT_MAX) return null;
            const line = doc.lineAt(pos);
            const found = options.about(doc.toString(), line.number, pos - line.from + 1);
            if (!found) return null;
            return { pos, above: true, create: () => {
              const dom = document.createElement("div");
              const title = document.createElement("b");
              dom.className = "cm-about";
              title.textContent = found.title;
              dom.append(title, `\n${found.text}`);
              return { dom };
            } };
          }) : [],
          // Escape, then Tab leaves the editor; Tab alone indents.
          keymap.of([
            ...closeBracketsKeymap, ...defaultKeymap, ...searchKeymap, ...historyKeymap, ...foldKeymap,
            ...completionKeymap, ...lintKeymap, indentWithTab,
          ]),
          EditorView.contentAttributes.of({ "aria-label": options.label ?? "YAML", spellcheck: "false", tabindex: "0" }),
          EditorView.updateListener.of((update) => {
            if (update.docChanged && !silent) options.onChange?.(update.state.doc.toString());
          }),
          editable.of(EditorState.readOnly.of(false)),
          dark.of(EditorView.darkTheme.of(Boolean(options.dark))),
        ],
      }),
    });
    const replaceAll = (text) => view.dispatch({ changes: { from: 0, to: view.state.doc.length, insert: text } });
    return {
      setValue(text) {
        if (text === view.state.doc.toString()) return;
        silent = true;
        replaceAll(text);
        silent = false;
      },
      getValue: () => view.state.doc.toString(),
      setDiagnostics(list) {
        const doc = view.state.doc;
        const found = Array.from(list ?? [], (it) => toDiagnostic(doc, it, (fix) => {
          if (typeof fix.apply === "function") fix.apply();
          else if (typeof fix.text === "string") replaceAll(fix.text);
        }));
        view.dispatch(setDiagnostics(view.state, found.sort((a, b) => a.from - b.from)));
      },
      setReadOnly(value) {
        view.dispatch({ effects: editable.reconfigure(EditorState.readOnly.of(Boolean(value))) });
      },
      setDark(value) {
        view.dispatch({ effects: dark.reconfigure(EditorView.darkTheme.of(Boolean(value))) });
      },
      revealLine(line) {
        const at = position(view.state.doc, line, 1);
        view.dispatch({ selection: { anchor: at }, effects: EditorView.scrollIntoView(at, { y: "center" }) });
      },
      focus: () => view.focus(),
      destroy: () => view.destroy(),
    };
  },
};
