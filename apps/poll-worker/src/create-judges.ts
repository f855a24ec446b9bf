import { createContentClassifiers } from "@mailfleet/classifiers";
import { createDnsTxtLookup } from "@mailfleet/runtime";
import type { readConfig } from "./config.ts";
import type { JudgePageDeps } from "./judge-page.ts";

/** Whoever is asked about a message before it is stored. */
export function createJudges(
  { classifier }: Pick<ReturnType<typeof readConfig>, "classifier">,
  now: () => Date,
): Pick<JudgePageDeps, "classifiers" | "lookupTxt"> {
  return { classifiers: createContentClassifiers(classifier, now), lookupTxt: createDnsTxtLookup({ now }) };
}
