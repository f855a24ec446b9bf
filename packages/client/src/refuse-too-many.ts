import { type MailServer, OperationalError } from "@mailfleet/domain";
import { sendingLimitsOf } from "@mailfleet/scheduling";

/**
 * Refuses at once what the mailbox's provider would refuse later, after a day of tries.
 *
 * @throws OperationalError `contract.violated`
 */
export function refuseTooMany(server: MailServer | null, recipientsCount: number): void {
  const limits = server === null ? null : sendingLimitsOf(server.host);
  if (limits === null || recipientsCount <= limits.recipientsPerMessage) return;
  const most = `this mailbox's provider takes ${limits.recipientsPerMessage} recipients a message`;
  throw new OperationalError("contract.violated", `${recipientsCount} recipients, and ${most}`, {
    publicMessage: `${recipientsCount} recipients are too many: ${most}. Send it as several messages.`,
  });
}
