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
const grant = await stack.pollGrant(tenantId, mailboxId);
const outcome = await stack.tokens.login(grant, mailboxId, { signal: new AbortController().signal }).then(
  (login) => (login.kind === "bearer" ? createHash("sha256").update(login.token.reveal()).digest("hex") : "password"),
  (error: unknown) => (error instanceof OperationalError ? error.code : String(error)),
);
process.stdout.write(`${outcome}\n`);
await stack.close();
process.stdin.destroy();
