import { createHash } from "node:crypto";
import { type Epoch, untrusted } from "@mailfleet/domain";
import { type Judgement, type NewMessage, type NewPage, unjudged } from "../src/index.ts";

const ref = { segment: "s", offset: 0, length: 1 };

/** One message as a poll stores it, with what was made of it. */
export function judgedMessage(uid: number, judgement: Partial<Judgement>, more: Partial<NewMessage> = {}): NewMessage {
  const digest = createHash("sha256").update(`${uid}`).digest();
  return {
    ...{
      uid,
      contentKey: digest,
      providerThreadId: null,
      inReplyTo: null,
      references: [],
      sentAt: null,
      receivedAt: new Date(),
    },
    ...untrusted({
      messageIdHeader: `<${uid}@sender.example>`,
      envelope: {
        subject: `s${uid}`,
        from: [{ name: null, address: "ada@sender.example" }],
        replyTo: [],
        to: [],
        cc: [],
      },
    }),
    ...{ sizeBytes: 1, rawSha256: digest, raw: ref, body: ref, unparsedReason: null, attachments: [] },
    judgement: { ...unjudged, ...judgement },
    ...more,
  };
}

export function judgedPage(epoch: Epoch, messages: readonly NewMessage[]): NewPage {
  return { epoch, folder: "INBOX", uidValidity: 7n, cursor: null, messages, unreadable: [], last: false };
}
