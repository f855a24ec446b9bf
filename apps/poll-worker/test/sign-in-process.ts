/** A worker that signs in once: on standard input it is told when, on standard output it tells how it went. */

import { createHash } from "node:crypto";
import { once } from "node:events";
import { MailboxId, OperationalError, TenantId } from "@mailfleet/domain";
import { openTokenStack } from "./token-stack.ts";

const [options = "", tenant = "", mailbox = ""] = process.argv.slice(2);
const stack = await openTokenStack(JSON.parse(options));
const [tenantId, mailboxId] = [TenantId.parse(tenant), MailboxId.parse(mailbox)];
process.stdout.write("ready\n");
await once(process.stdin, "data");

/** A token's digest, or an error's code. */
async function signIn(): Promise<string> {
  const grant = await stack.pollGrant(tenantId, mailboxId);
  try {
    const login = await stack.tokens.login(grant, mailboxId, { signal: new AbortController().signal });
    return login.kind === "bearer" ? createHash("sha256").update(login.token.reveal()).digest("hex") : login.kind;
  } catch (error) {
    return error instanceof OperationalError ? error.code : String(error);
  }
}

// On a machine that is busy with all of them a grant grows old while it waits; a worker's next poll brings another.
let outcome = await signIn();
while (outcome === "grant.expired") outcome = await signIn();
process.stdout.write(`${outcome}\n`);
await stack.close();
process.stdin.destroy();
