/** A process that takes one job, says so on stdout, and never ends it. Arguments: the backend's URL and the queue. */
import { openQueue } from "../src/index.ts";
import { newContract } from "./queue-contract.ts";

const [url = "", name = ""] = process.argv.slice(2);
const queue = await openQueue({ url, lockMs: 1_000, onError: () => undefined });
queue.startWorker(
  newContract(name),
  ({ mailboxId }) => {
    process.stdout.write(`${mailboxId}\n`);
    return new Promise(() => undefined);
  },
  { concurrency: 1, softStopMs: 0, onError: () => undefined },
);
