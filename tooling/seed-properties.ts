import fc from "fast-check";

/** Property tests draw the same cases each time, so that what passed here passes wherever it lands. `SOAK_SEED` draws others. */
fc.configureGlobal({ seed: Number(process.env["SOAK_SEED"] ?? 20_261_122) });
