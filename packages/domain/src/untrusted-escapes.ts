/**
 * Every way out of `Untrusted`, each with the reason it is safe. `tooling/untrusted-escapes.test.ts` names the files that
 * may take each of them; whoever adds one there or here asks for a review of what it lets through.
 */

import type { Untrusted } from "./untrusted.ts";

type Marked = Untrusted<string> | null;
/** Nothing stays nothing. */
type Plain<T extends Marked> = T extends null ? null : string;

/** For a person's eyes, or a program's that prints: the reader knows whose words they are, and the printer disarms them. */
export function shownAsData<T extends Marked>(value: T): Plain<T> {
  return plain(value);
}

/** For a classifier, whose answer is a label of its own and never a part of what it read. */
export function classifiedAsData<T extends Marked>(value: T): Plain<T> {
  return plain(value);
}

/** For a language model, inside marks that say so; see `toModelInput`. */
export function markedAsData<T extends Marked>(value: T): Plain<T> {
  return plain(value);
}

/**
 * The sender who is answered. Whether that person may be written to is the gate's decision, which looks at stored facts
 * and not at this text.
 */
export function answeredAddress<T extends Marked>(value: T): Plain<T> {
  return plain(value);
}

/** Their subject and Message-IDs in the headers of an answer, which the composer folds and encodes (RFC 5322 §3.6.4, §3.6.5). */
export function answeredHeader<T extends Marked>(value: T): Plain<T> {
  return plain(value);
}

/** The name and type of a file that is sent on. The composer encodes them, and no path is made of them. */
export function forwardedAsData<T extends Marked>(value: T): Plain<T> {
  return plain(value);
}

/** Whom an answer quotes, in the line above the quotation. */
export function quotedAsData<T extends Marked>(value: T): Plain<T> {
  return plain(value);
}

/** To find the row that has the same Message-ID. Nothing is done with it but `=`. */
export function lookedUpHeader<T extends Marked>(value: T): Plain<T> {
  return plain(value);
}

/** To compare an address with stored ones: a key in lower case, of which nothing is asked but "the same or not". */
export function comparedAddress(value: Untrusted<string>): string {
  return plain(value).toLowerCase();
}

function plain<T extends Marked>(value: T): Plain<T> {
  return value as unknown as Plain<T>;
}
