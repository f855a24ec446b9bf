import { z } from "zod";

/** What a service answers: the labels it found, and its own version. Anything beside that is ignored. */
export const ClassifierReply = z.object({
  version: z.string().min(1).max(100),
  labels: z
    .array(
      z
        .string()
        .regex(/^[a-z0-9]+(-[a-z0-9]+)*$/, "kebab-case")
        .max(60),
    )
    .max(50),
});
