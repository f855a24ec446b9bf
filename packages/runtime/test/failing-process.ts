/** Fails while it is built, in the way the first argument names. */

import { z } from "zod";
import { readEnvironment, runProcess } from "../src/index.ts";

const say = (line: string) => process.stdout.write(`${line}\n`);

await runProcess({ drainMsMax: 5_000 }, async ({ own, stopping }) => {
  own({ close: async () => say(`closed database, stopping is ${stopping.aborted}`) });
  own({
    close() {
      if (process.argv[2] === "close") throw new Error("the worker did not close");
      return Promise.resolve();
    },
  });
  if (process.argv[2] === "configuration") {
    readEnvironment(z.object({ PORT: z.coerce.number(), NAME: z.string() }), { PORT: "canary" });
  }
  if (process.argv[2] === "build") throw new Error("the worker did not start");
  process.kill(process.pid, "SIGTERM");
});
