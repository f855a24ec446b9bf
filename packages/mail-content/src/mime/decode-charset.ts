import { type Buffer, isAscii, isUtf8 } from "node:buffer";
import { detectCharset, type TextFormat } from "./detect-charset.ts";

/** `faithful` is false where bytes had to be replaced or the charset is unknown. */
export type DecodedText = { readonly text: string; readonly faithful: boolean };

const decoders = new Map<string, TextDecoder | null>();
const decodersMax = 100;
/** Labels that say nothing: the bytes are looked at instead. */
const silent = new Set(["", "us-ascii", "ascii", "unknown-8bit", "x-unknown", "unknown", "default", "8bit", "binary"]);

/**
 * Bytes to text by the charset's label (the WHATWG encoding list, which is what mail programs write and mean). Without
 * a label, or with one nobody knows, by what the bytes tell: see `detectCharset`. What tells nothing is windows-1252.
 */
export function decodeCharset(bytes: Buffer, label: string | undefined, format: TextFormat = "plain"): DecodedText {
  const name = (label ?? "").trim().toLowerCase();
  const decoder = silent.has(name) ? null : decoderFor(name);
  if (decoder === null) return decodeUnlabelled(bytes, format, silent.has(name));
  if (decoder.encoding === "utf-8") return { text: decoder.decode(bytes), faithful: isUtf8(bytes) };
  return { text: decoder.decode(bytes), faithful: true };
}

function decodeUnlabelled(bytes: Buffer, format: TextFormat, known: boolean): DecodedText {
  const detected = detectCharset(bytes, format);
  const decoder = detected === undefined || silent.has(detected) ? null : decoderFor(detected);
  if (decoder !== null) return { text: decoder.decode(bytes), faithful: known };
  if (isAscii(bytes)) return { text: bytes.toString("latin1"), faithful: known };
  return { text: windows1252.decode(bytes), faithful: false };
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
