import type { ContentVerdict } from "@mailfleet/domain";

/** Of a classifier that did not answer, about which nothing is known. */
export const silentLabel = "classifier-silent";

/** Which labels the classifiers found, each once, silence included. */
export function labelsOf(verdicts: readonly ContentVerdict[]): readonly string[] {
  return [...new Set(verdicts.flatMap(({ answered, labels }) => (answered ? labels : [silentLabel])))];
}

type Ordered<Action extends string> = readonly [mildest: Action, ...harder: Action[]];

export type DecidedAction<Action extends string> = { readonly action: Action; readonly label: string | null };

/**
 * The hardest action that any label calls for, and the label that calls for it. A label without a rule follows the rule for
 * `*`, and without that one the default. Nothing found is the mildest action.
 */
export function actionFor<Action extends string>(
  labels: readonly string[],
  rules: Readonly<Record<string, Action>>,
  { order, otherwise }: { order: Ordered<Action>; otherwise: (label: string) => Action },
): DecidedAction<Action> {
  let decided: DecidedAction<Action> = { action: order[0], label: null };
  for (const label of labels) {
    const action = (Object.hasOwn(rules, label) ? rules[label] : rules["*"]) ?? otherwise(label);
    if (order.indexOf(action) > order.indexOf(decided.action)) decided = { action, label };
  }
  return decided;
}
