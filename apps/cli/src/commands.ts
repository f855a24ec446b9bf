import type { AddCommand } from "./command-line.ts";
import { addActor } from "./commands/actor.ts";
import { addAudit } from "./commands/audit.ts";
import { addBlob } from "./commands/blob.ts";
import { addCapacity } from "./commands/capacity.ts";
import { addClassify } from "./commands/classify.ts";
import { addConfig } from "./commands/config.ts";
import { addCredential } from "./commands/credential.ts";
import { addDb } from "./commands/db.ts";
import { addEvent } from "./commands/event.ts";
import { addHostLimit } from "./commands/host-limit.ts";
import { addInit } from "./commands/init.ts";
import { addInspect } from "./commands/inspect.ts";
import { addMailbox } from "./commands/mailbox.ts";
import { addMessage } from "./commands/message.ts";
import { addOperator } from "./commands/operator.ts";
import { addPolicy } from "./commands/policy.ts";
import { addProviderApp } from "./commands/provider-app.ts";
import { addProvision } from "./commands/provision.ts";
import { addQuarantine } from "./commands/quarantine.ts";
import { addSend } from "./commands/send.ts";
import { addSigningKey } from "./commands/signing-key.ts";
import { addStatus } from "./commands/status.ts";
import { addSubmission } from "./commands/submission.ts";
import { addSuppression } from "./commands/suppression.ts";
import { addTenant } from "./commands/tenant.ts";
import { addVault } from "./commands/vault.ts";

/** Every command there is, in the order of the help. */
export const commands: readonly AddCommand[] = [
  ...[addInit, addDb, addConfig, addCapacity],
  ...[addOperator, addSigningKey, addVault, addProviderApp],
  ...[addProvision, addTenant, addMailbox, addCredential, addActor, addHostLimit, addPolicy],
  ...[addMessage, addQuarantine, addClassify, addSend, addSubmission, addSuppression, addInspect],
  ...[addEvent, addAudit, addStatus, addBlob],
];
