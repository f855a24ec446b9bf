/** Owns three things; the second one takes until stdin says so. */
import { once } from "node:events";
import { runProcess } from "../src/index.ts";

const say = (line: string) => process.stdout.write(`${line}\n`);
const [, , drainMsMax = "10000"] = process.argv;

await runProcess({ drainMsMax: Number(drainMsMax) }, async ({ own, stopping }) => {
  stopping.addEventListener("abort", () => say("stopping"), { once: true });
  own({ close: async () => say("closed database") });
  own({
    async close() {
      say("closing worker");
      await once(process.stdin, "data");
      process.stdin.destroy();
      say("closed worker");
    },
  });
  own({ close: async () => say("closed loop") });
  say("ready");
});
say("ended");
