import { domainToUnicode } from "node:url";

/** Characters that look like others, as they are met in domain names (a part of UTS #39's confusables). */
const looksLike: Readonly<Record<string, string>> = {
  ...{ "0": "o", "1": "l", i: "l", "3": "e", "5": "s", "|": "l" },
  ...{
    а: "a",
    с: "c",
    ԁ: "d",
    е: "e",
    һ: "h",
    і: "l",
    ј: "j",
    ӏ: "l",
    о: "o",
    р: "p",
    ѕ: "s",
    х: "x",
    у: "y",
    ԛ: "q",
    ԝ: "w",
  },
  ...{ α: "a", ε: "e", ι: "l", κ: "k", ν: "v", ο: "o", ρ: "p", τ: "t", υ: "u", χ: "x", ı: "l", ɡ: "g" },
};
const pairs = /rn|vv|cl/g;
const pairLooksLike: Readonly<Record<string, string>> = { rn: "m", vv: "w", cl: "d" };

/** Shorter names differ by one letter from too many honest ones. */
const nearLengthMin = 7;

/**
 * Whether a domain is none of the known ones and looks like one: the same shape of letters, one letter off, or the same name
 * with something after a hyphen. `domain` and `known` in lower case.
 */
export function isLookalike(domain: string, known: readonly string[]): boolean {
  if (domain === "" || known.some((own) => domain === own || domain.endsWith(`.${own}`))) return false;
  const shape = skeleton(domain);
  return known.some((own) => {
    if (own.endsWith(`.${domain}`)) return false; // the organisation itself, above one of its own names
    const ownShape = skeleton(own);
    if (shape === ownShape) return true;
    const [name, ownName] = [firstLabel(shape), firstLabel(ownShape)];
    if (ownName.length < nearLengthMin) return false;
    return isOneOff(name, ownName) || name.startsWith(`${ownName}-`) || name.endsWith(`-${ownName}`);
  });
}

function skeleton(domain: string): string {
  const shown = domain.includes("xn--") ? domainToUnicode(domain) || domain : domain;
  const letters = shown.normalize("NFKD").replace(/\p{M}/gu, "");
  const single = Array.from(letters, (letter) => looksLike[letter] ?? letter).join("");
  return single.replace(pairs, (pair) => pairLooksLike[pair] ?? pair);
}

function firstLabel(domain: string): string {
  const dot = domain.indexOf(".");
  return dot < 0 ? domain : domain.slice(0, dot);
}

/** Exactly one letter added, left out, changed, or two neighbours swapped. */
function isOneOff(a: string, b: string): boolean {
  if (a === b || Math.abs(a.length - b.length) > 1) return false;
  let start = 0;
  while (start < a.length && a[start] === b[start]) start += 1;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end += 1;
  const [restA, restB] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  if (restA.length <= 1 && restB.length <= 1) return true;
  return restA.length === 2 && restB.length === 2 && restA[0] === restB[1] && restA[1] === restB[0];
}
