import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import type { MailboxId, TenantId } from "@mailfleet/domain";
import type { TokenStackOptions } from "./token-stack.ts";

const script = fileURLToPath(new URL("sign-in-process.ts", import.meta.url));

export type SignInChild = {
  /** It signs in now. Its token's digest, or an error's code; null where it was killed before it could tell. */
  go(): Promise<string | null>;
  kill(): void;
};

/** A process of its own that has built everything and waits for the word. */
export async function startSignIn(
  options: TokenStackOptions,
  { tenantId, mailboxId }: { tenantId: TenantId; mailboxId: MailboxId },
): Promise<SignInChild> {
  const child = spawn(process.execPath, [script, JSON.stringify(options), tenantId, mailboxId], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const ended = once(child, "exit");
  if ((await lines.next()).value !== "ready") throw new Error("a worker did not start");
  return {
    async go() {
      child.stdin.write("go\n");
      const { value } = await lines.next();
      await ended;
      return typeof value === "string" ? value : null;
    },
    kill: () => void child.kill("SIGKILL"),
  };
}
