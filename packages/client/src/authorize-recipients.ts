import { envelopeAddress } from "@mailfleet/domain";
import type { Actor, Gate, Grant, NamedRecipients } from "@mailfleet/gate";
import type { WholeMessage } from "@mailfleet/mail-content";
import type { SendRequest } from "./send-request.ts";

/** The recipients the caller named; nothing where an answer leaves them to the message it answers. */
export function namedRecipients(
  { to, cc, bcc, answersMessageId }: SendRequest,
  whole: WholeMessage | null,
): Partial<NamedRecipients> {
  const recipients = whole?.recipients ?? [...to, ...cc, ...bcc].map(({ address }) => envelopeAddress(address));
  return recipients.length === 0 ? {} : { recipients, answersMessageId };
}

type Asked = {
  readonly actor: Actor;
  /** The gate's first answer, with the recipients that were named for it. */
  readonly grant: Grant<"submission.create">;
  readonly request: SendRequest;
  /** To whom the composed message goes. */
  readonly to: readonly string[];
};

/** A grant that names everybody the message goes to: the one there is, or where the fleet chose the recipient a second one. */
export async function authorizeRecipients(gate: Gate, { actor, grant, request, to }: Asked) {
  if (grant.recipients !== null) return grant;
  const { tenantId, mailboxId, answersMessageId } = request;
  const resource = { tenantId, mailboxId, recipients: to, answersMessageId };
  return gate.authorize({ actor, action: "submission.create", resource });
}
