import { MessageId, parseAtEdge, shownAsData } from "@mailfleet/domain";
import { z } from "zod";
import type { Session } from "../open-session.ts";
import { shownAddress, toListed } from "./list-messages.ts";
import { type MessageName, openMessage, readBlob } from "./open-message.ts";

export const StoredBody = z.object({ text: z.string().nullable(), html: z.string().nullable() });

export type ShownMessage = Awaited<ReturnType<typeof showMessage>>;

/** Everything that is stored of one message but its bytes. */
export async function showMessage(session: Session, name: MessageName) {
  const { tenantId, mailboxId, grant, row } = await openMessage(session, name);
  const messageId = MessageId.parse(row.id);
  const [attachments, locations, mailbox] = await Promise.all([
    session.database.messages.attachments(grant, messageId),
    session.database.messages.locations(grant, messageId),
    mailboxKey(session, { tenantId, mailboxId }),
  ]);
  const stored = row.body === null ? null : JSON.parse((await readBlob(session, grant, row.body)).toString("utf8"));
  const { text, html } = stored === null ? { text: null, html: null } : parseAtEdge(StoredBody, stored, "stored body");
  const to = row.envelope.to.map(shownAddress);
  const cc = row.envelope.cc.map(shownAddress);
  const replyTo = row.envelope.replyTo.map(shownAddress);
  const inReplyTo = shownAsData(row.inReplyTo);
  const references = row.referenceIds.map((reference) => shownAsData(reference));
  const { sentAt } = row;
  return {
    ...toListed(row, mailbox),
    ...{ to, cc, replyTo, inReplyTo, references, sentAt, text, html },
    attachments: attachments.map(({ position, filename, contentType, contentId, inline, sizeBytes, sha256 }) => {
      return {
        position,
        filename: shownAsData(filename),
        contentType: shownAsData(contentType),
        contentId: shownAsData(contentId),
        inline,
        sizeBytes,
        sha256: Buffer.from(sha256).toString("hex"),
      };
    }),
    locations: locations.map(({ folder, uidValidity, uid }) => ({ folder, uidValidity, uid })),
  };
}

async function mailboxKey(
  session: Session,
  resource: Pick<Awaited<ReturnType<typeof openMessage>>, "tenantId" | "mailboxId">,
) {
  const { actions } = session.actor;
  if (actions !== null && !actions.includes("mailbox.read")) return null;
  const grant = await session.authorize("mailbox.read", resource);
  return (await session.database.mailboxes.find(grant, resource.mailboxId))?.key ?? null;
}
