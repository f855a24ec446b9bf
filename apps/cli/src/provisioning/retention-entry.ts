import { z } from "zod";

const days = (min: number, description: string) =>
  z.int().min(min).max(36_500).nullable().default(null).meta({ description });

/** How long what a tenant stored is kept. What is left out is kept for ever, as null says too. */
export const RetentionEntry = z
  .strictObject({
    messagesDays: days(1, "From when a message was stored. Mail the server dates before that is not taken in either."),
    quarantineDays: days(1, "From when a message was stored that is held, or was deleted in quarantine."),
    submissionsDays: days(
      30,
      "From a submission's end; its idempotency key is known for as long. What has no end yet stays.",
    ),
    eventsDays: days(1, "From when an event was told, acknowledged or not."),
  })
  .meta({
    description:
      "In days, for rows; the sealed blobs they named stay until the tenant's content is purged. What is left out is kept for ever.",
  });
