import { z } from "zod";
import { secretText } from "./secret-schema.ts";

/** Who is asked about a message's content beside the built-in rules, by every process that asks. */
export const classifierVariables = {
  CLASSIFIER_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .meta({
      description: "A service that is shown each message and answers with labels. Unset: the built-in rules alone.",
    }),
  CLASSIFIER_TOKEN: secretText().optional().meta({
    secret: true,
    description: "Bearer token for CLASSIFIER_URL.",
  }),
  CLASSIFIER_TIMEOUT_MS: z.coerce.number().int().min(10).max(60_000).default(2_000).meta({
    description:
      "After this long, in ms, the service counts as silent: flagged where mail comes in, held where it leaves.",
  }),
};

type ClassifierValues = z.output<z.ZodObject<typeof classifierVariables>>;

export function classifierConfig(env: ClassifierValues) {
  if (env.CLASSIFIER_URL === undefined) return null;
  return { url: env.CLASSIFIER_URL, token: env.CLASSIFIER_TOKEN ?? null, timeoutMs: env.CLASSIFIER_TIMEOUT_MS };
}
