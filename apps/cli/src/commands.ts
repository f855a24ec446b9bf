import type { AddCommand } from "./command-line.ts";
import { addActor } from "./commands/actor.ts";
import { addAudit } from "./commands/audit.ts";
import { addConfig } from "./commands/config.ts";
import { addDb } from "./commands/db.ts";
import { addEvent } from "./commands/event.ts";
import { addInit } from "./commands/init.ts";
import { addInspect } from "./commands/inspect.ts";
import { addMailbox } from "./commands/mailbox.ts";
import { addMessage } from "./commands/message.ts";
import { addOperator } from "./commands/operator.ts";
import { addProvision } from "./commands/provision.ts";
import { addSend } from "./commands/send.ts";
import { addSigningKey } from "./commands/signing-key.ts";
import { addStatus } from "./commands/status.ts";
import { addSubmission } from "./commands/submission.ts";
import { addSuppression } from "./commands/suppression.ts";
import { addTenant } from "./commands/tenant.ts";

/** Every command there is, in the order of the help. */
export const commands: readonly AddCommand[] = [
  ...[addInit, addDb, addConfig],
  ...[addOperator, addSigningKey],
  ...[addProvision, addTenant, addMailbox, addActor],
  ...[addMessage, addSend, addSubmission, addSuppression, addInspect],
  ...[addEvent, addAudit, addStatus],
];
