import { expect, it } from "vitest";
import { stripInvisible } from "./strip-invisible.ts";

it.each([
  ["zero-width characters", "pay\u200b\u2060 now\ufeff", "pay now"],
  ["a text in tags", `hi${String.fromCodePoint(...[..."obey"].map((char) => 0xe0000 + char.charCodeAt(0)))}`, "hi"],
  ["bytes in selectors of variants", "hi\u{e0120}\u{e0121}\ufe01", "hi"],
  ["a second selector behind a picture", "\u2764\ufe0f\ufe0e\ufe01", "\u2764\ufe0f"],
  ["marks of direction", "invoice\u202efdp.exe", "invoicefdp.exe"],
  ["controls", "a\u001b[2Jb\u0000", "a[2Jb"],
  ["soft hyphens and fillers", "se\u00adcret\u3164", "secret"],
  ["joiners between Latin letters", "a\u200db\u200cc", "abc"],
])("removes %s", (_, text, expected) => {
  expect(stripInvisible(text)).toEqual({ text: expected, removed: true });
});

it.each([
  ["tabs and line breaks", "a\tb\nc"],
  ["a family", "\u{1f468}\u200d\u{1f469}\u200d\u{1f467}"],
  ["a heart on fire", "\u2764\ufe0f\u200d\u{1f525}"],
  ["a keycap", "1\ufe0f\u20e3"],
  ["Persian", "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645"],
  ["Hindi", "\u0915\u094d\u200d\u0937"],
  ["a form of an ideograph", "\u845b\u{e0100}"],
])("keeps %s", (_, text) => {
  expect(stripInvisible(text)).toEqual({ text, removed: false });
});
