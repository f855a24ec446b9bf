declare const outside: unique symbol;

/**
 * A value that came from outside: a subject, a body, a header, an address, a file name. It is the value itself, and costs
 * nothing; but to the compiler it is no string, so it can be stored, classified, shown and handed on as data, and nothing
 * that steers the fleet (an instruction, a recipient, an identity, a path, a setting) can be made of it. The ways out are
 * named in `untrusted-escapes.ts`, and there are no others.
 *
 * The compiler takes it for a kind of symbol, because a symbol is what neither a template nor `+` turns into text.
 */
export type Untrusted<T> = symbol & { readonly [outside]: T };

/** The same shape, with every text in it marked. Numbers, dates and booleans stay what they are. */
export type UntrustedDeep<T> = T extends string
  ? Untrusted<string>
  : T extends Date | Uint8Array | number | boolean | bigint | null | undefined
    ? T
    : T extends readonly (infer Item)[]
      ? readonly UntrustedDeep<Item>[]
      : { readonly [Key in keyof T]: UntrustedDeep<T[Key]> };

/** Marks what was read from outside, at the edge where it is read. */
export function untrusted<const T>(value: T): UntrustedDeep<T extends string ? string : T> {
  return value as never;
}
