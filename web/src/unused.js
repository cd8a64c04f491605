// Stands for those parts of xterm.js that only its add-ons for decorations and ligatures use.
const nothing = () => ({ dispose() {} });

export class DecorationService {
  onDecorationRegistered = nothing;
  onDecorationRemoved = nothing;
  forEachDecorationAtCell() {}
  reset() {}
  dispose() {}
}

export class CharacterJoinerService {
  getJoinedCharacters() {
    return [];
  }
}

export class BufferDecorationRenderer {
  dispose() {}
}

export { BufferDecorationRenderer as JoinedCellData, BufferDecorationRenderer as OverviewRulerRenderer };
