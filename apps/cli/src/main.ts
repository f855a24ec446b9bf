/**
 * The operator's hands: `mailfleet COMMAND`. Each command is a file in `commands/`; what they share stands beside this file.
 */
import { runCommandLine } from "./command-line.ts";
import { addActor } from "./commands/actor.ts";
import { addAudit } from "./commands/audit.ts";
import { addConfig } from "./commands/config.ts";
import { addDb } from "./commands/db.ts";
import { addEvent } from "./commands/event.ts";
import { addInit } from "./commands/init.ts";
import { addMailbox } from "./commands/mailbox.ts";
import { addMessage } from "./commands/message.ts";
import { addProvision } from "./commands/provision.ts";
import { addSend } from "./commands/send.ts";
import { addStatus } from "./commands/status.ts";
import { addSubmission } from "./commands/submission.ts";
import { addTenant } from "./commands/tenant.ts";

const commands = [
  ...[addInit, addDb, addConfig],
  ...[addProvision, addTenant, addMailbox, addActor],
  ...[addMessage, addSend, addSubmission],
  ...[addEvent, addAudit, addStatus],
];

// A reader that has seen enough, such as `head`, closes the pipe; that is no failure.
process.stdout.on("error", () => process.exit());
const streams = { out: process.stdout, errors: process.stderr };
process.exitCode = await runCommandLine(process.argv.slice(2), { streams, commands });
