import type { Colour, Style } from "./read-style.ts";

/** How the text at one place of a document is shown, with what it inherits (CSS Cascade 4 §7). */
export type Visibility = {
  /** By something no element inside can undo. */
  readonly gone: boolean;
  readonly invisible: boolean;
  readonly fontZero: boolean;
  readonly opacity: number;
  readonly colour: Colour;
  readonly background: Colour;
};

/** A page is black on white until it says otherwise. */
export const shownPlainly: Visibility = {
  gone: false,
  invisible: false,
  fontZero: false,
  opacity: 1,
  colour: [0, 0, 0],
  background: [255, 255, 255],
};

export function isHidden(at: Visibility): boolean {
  return at.gone || at.invisible || at.fontZero || at.opacity < opacityMin || sameColour(at.colour, at.background);
}

export function visibilityInside(outer: Visibility, styles: readonly Style[]): Visibility {
  const style: Style = styles.length === 1 ? (styles[0] ?? {}) : Object.assign({}, ...styles);
  return {
    gone:
      outer.gone ||
      style.notDisplayed === true ||
      style.offScreen === true ||
      (style.empty === true && style.overflowHidden === true),
    invisible: style.invisible ?? outer.invisible,
    fontZero: style.fontSize === undefined ? outer.fontZero : style.fontSize === "zero",
    opacity: outer.opacity * (style.opacity ?? 1),
    colour: style.colour === undefined ? outer.colour : style.colour,
    background:
      style.background === undefined || style.background === "transparent" ? outer.background : style.background,
  };
}

const opacityMin = 0.1;
/** Of one channel, of 255: the eye does not tell less apart. */
const differenceMax = 16;

function sameColour(colour: Colour, background: Colour): boolean {
  if (colour === "transparent") return true;
  if (colour === null || background === null || background === "transparent") return false;
  return colour.every((channel, index) => Math.abs(channel - (background[index] ?? 0)) <= differenceMax);
}
