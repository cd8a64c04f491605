// The terminal: xterm.js behind the small interface that src/browser/ binds. Bytes in, bytes out; the shell is the
// session's. It is xterm.js' inner class: its public one only hides more.
import { Terminal } from "browser/Terminal";

const DARK = {
  background: "#0f141b", foreground: "#d7dee9", cursor: "#7fd1a8", cursorAccent: "#0f141b",
  selectionBackground: "#2f5fe066", black: "#171b24", red: "#ff8a80", green: "#7fd1a8", yellow: "#f0b64a",
  blue: "#7aa2ff", magenta: "#cfa2ff", cyan: "#5cc0f5", white: "#d7dee9", brightBlack: "#8793a8",
};

// What waits to be drawn at the most: a program that prints without end must not outrun the terminal. Of more than that
// the last lines are kept, as a reader could not have seen the others.
const WAITING_MAX = 96 << 10;
const WAITING_KEPT = 48 << 10;
const RESET = "\x1bc";

function bounded(text) {
  const reset = text.lastIndexOf(RESET);
  const rest = reset < 0 ? text : text.slice(reset);
  if (rest.length <= WAITING_MAX) return rest;
  const cut = rest.indexOf("\n", rest.length - WAITING_KEPT) + 1;
  return (reset < 0 ? "" : RESET) + rest.slice(cut > 0 ? cut : rest.length - WAITING_KEPT);
}

// As many columns and rows as the element has room for. Follows xterm.js 5.5 addons/addon-fit.
function fit(terminal, element) {
  const { width, height } = terminal._renderService.dimensions.css.cell;
  if (width === 0 || height === 0) return;
  const pixels = (of, property) => parseInt(getComputedStyle(of).getPropertyValue(property));
  const inside = terminal.element;
  const across = pixels(element, "width") - pixels(inside, "padding-left") - pixels(inside, "padding-right");
  const down = pixels(element, "height") - pixels(inside, "padding-top") - pixels(inside, "padding-bottom");
  const columns = Math.max(2, Math.floor((across - terminal.viewport.scrollBarWidth) / width));
  const rows = Math.max(1, Math.floor(down / height));
  if (columns === terminal.cols && rows === terminal.rows) return;
  terminal._renderService.clear();
  terminal.resize(columns, rows);
}

globalThis.PlaygroundTerminal = {
  create(element, options) {
    const terminal = new Terminal({
      theme: DARK,
      fontFamily: 'ui-monospace, "SF Mono", "JetBrains Mono", "Noto Sans Mono", Menlo, monospace',
      fontSize: 12,
      lineHeight: 1.35,
      cursorBlink: false,
      convertEol: false,
      scrollback: 5000,
      screenReaderMode: Boolean(options.screenReader),
    });
    terminal.open(element);
    terminal.textarea?.setAttribute("aria-label", options.label ?? "Terminal");
    const refit = () => {
      if (element.clientWidth > 0 && element.clientHeight > 0) fit(terminal, element);
    };
    // One fit per frame, however often the panel changes its size meanwhile.
    let asked = 0;
    const observer = new ResizeObserver(() => {
      cancelAnimationFrame(asked);
      asked = requestAnimationFrame(refit);
    });
    observer.observe(element);
    terminal.onResize(({ cols, rows }) => options.onResize?.(cols, rows));
    terminal.onData((data) => options.onInput?.(data));
    // Escape, then Tab leaves the terminal, as in the editor.
    let escaped = false;
    terminal.attachCustomKeyEventHandler((event) => {
      if (event.type !== "keydown") return true;
      if (event.key === "Tab" && escaped) return false;
      escaped = event.key === "Escape" || (escaped && event.key === "Shift");
      return !((event.ctrlKey || event.metaKey) && ["s", "Enter"].includes(event.key));
    });
    refit();
    let waiting = "";
    let drawing = false;
    const draw = () => {
      const part = waiting;
      waiting = "";
      drawing = part !== "";
      if (drawing) terminal.write(part, draw);
    };
    return {
      write(text) {
        waiting = bounded(waiting + text);
        if (!drawing) draw();
      },
      // Whether all that was written stands on the screen.
      settled: () => !drawing,
      clear: () => terminal.reset(),
      focus: () => terminal.focus(),
      setDark: () => {},
      fit: refit,
      // What is on the screen and in the scroll-back, for tests and for copying.
      text() {
        const { lines: kept } = terminal.buffer;
        const lines = Array.from({ length: kept.length }, (_, row) => kept.get(row));
        // A row that goes on in the next is one line.
        return lines.reduce((text, it, row) => {
          const whole = !lines[row + 1]?.isWrapped;
          return `${text}${row > 0 && !it.isWrapped ? "\n" : ""}${it.translateToString(whole)}`;
        }, "");
      },
      destroy() {
        observer.disconnect();
        terminal.dispose();
      },
    };
  },
};
