import type { MailboxRow, MessageRow } from "@mailfleet/database";
import { comparedAddress, OperationalError } from "@mailfleet/domain";
import type { SendRequest } from "./send-request.ts";

type Sender = { readonly name: string | null; readonly address: string };

/**
 * Whom a message is from: nobody but the mailbox or an alias its operator listed, as they wrote it. An answer that was not told
 * leaves from the alias that was written to, where the mailbox's own address was not.
 *
 * @throws OperationalError `sender.refused`
 */
export function chooseSender(mailbox: MailboxRow, from: SendRequest["from"], answered: MessageRow | null): Sender {
  if (from == null) return { name: mailbox.displayName, address: addressWrittenTo(mailbox, answered) };
  return { name: from.name ?? mailbox.displayName, address: ownAddress(mailbox, from.address) };
}

/** @throws OperationalError `sender.refused` where the mailbox may not send as this address */
function ownAddress({ address, aliases }: MailboxRow, asked: string): string {
  const own = [address, ...aliases].find((each) => each.toLowerCase() === asked.toLowerCase());
  if (own !== undefined) return own;
  const publicMessage =
    "The sender is neither this mailbox's address nor one of its aliases. Ask the operator to list it under `aliases`.";
  throw new OperationalError("sender.refused", "the sender is no address of this mailbox", { publicMessage });
}

/** What inbound mail says only chooses among addresses the operator listed. */
function addressWrittenTo({ address, aliases }: MailboxRow, answered: MessageRow | null): string {
  if (answered === null) return address;
  const { to, cc } = answered.envelope;
  const written = [...to, ...cc].map((each) => comparedAddress(each.address));
  if (written.includes(address.toLowerCase())) return address;
  return written.flatMap((each) => aliases.find((alias) => alias.toLowerCase() === each) ?? [])[0] ?? address;
}
