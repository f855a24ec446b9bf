/** Everything the built-in rules can find. A tenant's policy names these. */
export const ruleLabels = [
  "invisible-text",
  "lookalike-domain",
  "asks-for-secrets",
  "agent-instructions",
  "executable-attachment",
  "secret-leaving",
] as const;
export type RuleLabel = (typeof ruleLabels)[number];
