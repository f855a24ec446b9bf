import { describe, expect, it } from "vitest";
import { UsageError } from "./bench.ts";
import { readFairnessOptions } from "./fairness/options.ts";
import { readScheduleOptions } from "./schedule/options.ts";
import { readSendFairnessOptions } from "./send-fairness/options.ts";
import { readSweepOptions } from "./sweep/options.ts";

describe("the options of the fleet's benches", () => {
  it("are, without any, what their results are stated for", () => {
    expect(readScheduleOptions([])).toMatchObject({ mailboxesCount: 100_000, tenantsCount: 2_000, seconds: 60 });
    expect(readFairnessOptions([])).toMatchObject({ mailboxesCount: 50_000, seconds: 30 });
    expect(readSendFairnessOptions([])).toMatchObject({ queuedCount: 50_000, tenantsCount: 100, seconds: 30 });
    expect(readSweepOptions([])).toMatchObject({ mailboxesCount: 2_000, seconds: 30 });
  });

  it.each([readScheduleOptions, readFairnessOptions, readSweepOptions])("%o refuses what it does not know", (read) => {
    for (const args of [["--mailboxes", "0"], ["--seconds", "soon"], ["--fast"]]) {
      expect(() => read(args)).toThrow(UsageError);
    }
  });
});
