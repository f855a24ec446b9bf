const addressLengthMax = 320;
const addressForm =
  /^[^\s<>"(),:;@[\]\\]{1,64}@[a-z0-9\u0080-\u{10ffff}]([a-z0-9\u0080-\u{10ffff}._-]*[a-z0-9\u0080-\u{10ffff}])?$/iu;

/** An address as reports write it, in angle brackets or not; null where it is none. */
export function mailAddress(text: string): string | null {
  const bare = text
    .trim()
    .replace(/^<|>$/g, "")
    .replace(/^mailto:/i, "");
  return bare.length <= addressLengthMax && addressForm.test(bare) ? bare : null;
}
