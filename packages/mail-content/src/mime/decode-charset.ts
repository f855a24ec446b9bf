import { type Buffer, isAscii, isUtf8 } from "node:buffer";

/** `faithful` is false where bytes had to be replaced or the charset is unknown. */
export type DecodedText = { readonly text: string; readonly faithful: boolean };

const decoders = new Map<string, TextDecoder | null>();
const decodersMax = 100;
/** Labels that say nothing: the bytes are looked at instead. */
const silent = new Set(["", "us-ascii", "ascii", "unknown-8bit", "x-unknown", "unknown", "default", "8bit", "binary"]);

/**
 * Bytes to text by the charset's label (the WHATWG encoding list, which is what mail programs write and mean). Without
 * a label, or with one nobody knows, bytes that are UTF-8 are UTF-8 and all others windows-1252.
 */
export function decodeCharset(bytes: Buffer, label: string | undefined): DecodedText {
  const name = (label ?? "").trim().toLowerCase();
  const decoder = silent.has(name) ? null : decoderFor(name);
  if (decoder === null) {
    const known = silent.has(name);
    if (isAscii(bytes)) return { text: bytes.toString("latin1"), faithful: known };
    if (isUtf8(bytes)) return { text: new TextDecoder().decode(bytes), faithful: known };
    return { text: windows1252.decode(bytes), faithful: false };
  }
  if (decoder.encoding === "utf-8") return { text: decoder.decode(bytes), faithful: isUtf8(bytes) };
  return { text: decoder.decode(bytes), faithful: true };
}

const windows1252 = new TextDecoder("windows-1252");

/** Making a decoder costs more than using it; the labels come from strangers, so the number kept is bounded. */
function decoderFor(name: string): TextDecoder | null {
  const kept = decoders.get(name);
  if (kept !== undefined) return kept;
  const made = makeDecoder(name);
  if (decoders.size < decodersMax) decoders.set(name, made);
  return made;
}

function makeDecoder(name: string): TextDecoder | null {
  try {
    return new TextDecoder(name);
  } catch {
    // A label that is on no list. The caller looks at the bytes.
    return null;
  }
}
