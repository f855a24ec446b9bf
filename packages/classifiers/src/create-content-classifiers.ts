import type { ContentClassifier } from "@mailfleet/domain";
import { createHttpContentClassifier, type HttpClassifierOptions } from "./http/create-http-content-classifier.ts";
import { createRulesContentClassifier } from "./rules/create-rules-content-classifier.ts";

/** The built-in rules, and beside them the service an operator configured. */
export function createContentClassifiers(
  service: Omit<HttpClassifierOptions, "now"> | null,
  now: () => Date,
): readonly ContentClassifier[] {
  const rules = createRulesContentClassifier();
  return service === null ? [rules] : [rules, createHttpContentClassifier({ ...service, now })];
}
