/** Keys and tokens by their published forms: what has such a form is one, and never belongs into a letter. */
const forms: readonly { readonly hint: string; readonly form: RegExp }[] = [
  { hint: "PRIVATE KEY", form: /-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----/ },
  { hint: "AKIA", form: /\bAKIA[0-9A-Z]{16}\b/ },
  { hint: "ASIA", form: /\bASIA[0-9A-Z]{16}\b/ },
  { hint: "gh", form: /\b(?:gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{50,})/ },
  { hint: "xox", form: /\bxox[abeoprs]-[A-Za-z0-9-]{10,}/ },
  { hint: "_live_", form: /\b(?:sk|rk)_live_[A-Za-z0-9]{16,}/ },
  { hint: "AIza", form: /\bAIza[A-Za-z0-9_-]{35}/ },
  { hint: "ya29.", form: /\bya29\.[A-Za-z0-9_-]{20,}/ },
  { hint: "sk-", form: /\bsk-(?:ant-|proj-)?[A-Za-z0-9_-]{32,}/ },
  { hint: "eyJ", form: /\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}/ },
  { hint: "GOCSPX-", form: /\bGOCSPX-[A-Za-z0-9_-]{20,}/ },
];

export function containsSecret(text: string): boolean {
  return forms.some(({ hint, form }) => text.includes(hint) && form.test(text));
}
