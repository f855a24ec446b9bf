import { describe, expect, it } from "vitest";
import { openQueue } from "./open-queue.ts";

describe("openQueue", () => {
  it.each(["http://127.0.0.1", "127.0.0.1:6379", "", "amqp://user:canary@host"])(
    "refuses a URL that names no backend (%s) and does not repeat it",
    async (url) => {
      const failure = await openQueue({ url, onError: () => undefined }).catch((error: unknown) => error);
      expect(failure).toMatchObject({ code: "contract.violated" });
      expect(String(failure)).toContain("redis://, rediss:// or postgres://");
      expect(String(failure)).not.toContain("canary");
    },
  );
});
