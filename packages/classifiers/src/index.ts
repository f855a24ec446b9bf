/** What a message's content is like. Finds and never acts: what is done about it is a tenant's policy. */

export type { DecidedAction } from "./apply-policy.ts";
export { actionFor, labelsOf, silentLabel } from "./apply-policy.ts";
export { askClassifiers } from "./ask-classifiers.ts";
export { createContentClassifiers } from "./create-content-classifiers.ts";
export type { HttpClassifierOptions } from "./http/create-http-content-classifier.ts";
export { createHttpContentClassifier } from "./http/create-http-content-classifier.ts";
export { createRulesContentClassifier } from "./rules/create-rules-content-classifier.ts";
export type { RuleLabel } from "./rules/labels.ts";
export { ruleLabels } from "./rules/labels.ts";
