import { OperationalError } from "@mailfleet/domain";
import { sendJob } from "@mailfleet/queue-contracts";
import { z } from "zod";
import { InlineAttachment, SendRequest, type SendRequestInput, StoredAttachment } from "./send-request.ts";

const { eml: _, ...shape } = SendRequest.shape;
const { filename, contentType } = InlineAttachment.shape;
const base64 = z.base64();
const addresses = shape.to.default([]).optional();

/** The send request as a producer in another language writes it: JSON, with what is not there left out. */
const SendRequestJson = z.strictObject({
  ...shape,
  ...{ to: addresses, cc: addresses, bcc: addresses },
  subject: shape.subject.optional(),
  text: shape.text.optional(),
  html: shape.html.optional(),
  answersMessageId: shape.answersMessageId.optional(),
  sendAt: z.iso.datetime({ offset: true }).nullish(),
  expiresAt: z.iso.datetime({ offset: true }).nullish(),
  attachments: z.array(z.union([z.strictObject({ filename, contentType, base64 }), StoredAttachment])).optional(),
  /** A whole message (RFC 5322) in place of everything else it would say. */
  emlBase64: base64.nullish(),
});

/** @throws OperationalError `contract.violated`, naming fields and rules, never values */
export function parseSendRequestJson(text: string): SendRequestInput {
  const parsed = SendRequestJson.safeParse(parseJson(text));
  if (!parsed.success) {
    throw violated(
      parsed.error.issues.map(({ path, message }) => `${path.join(".") || "(root)"}: ${message}`).join("; "),
    );
  }
  const { to = [], cc = [], bcc = [], subject = null, text: body = null, html = null, ...request } = parsed.data;
  const { answersMessageId = null, attachments = [], sendAt, expiresAt, emlBase64, ...others } = request;
  return {
    ...others,
    ...{ to, cc, bcc, subject, text: body, html, answersMessageId },
    sendAt: sendAt == null ? null : new Date(sendAt),
    expiresAt: expiresAt == null ? null : new Date(expiresAt),
    eml: emlBase64 == null ? null : bytesOf(emlBase64),
    attachments: attachments.map((file) => {
      if ("messageId" in file) return file;
      const { base64: text, ...named } = file;
      return { ...named, bytes: bytesOf(text) };
    }),
  };
}

function bytesOf(text: string): Uint8Array<ArrayBuffer> {
  return new Uint8Array(Buffer.from(text, "base64"));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw violated("it is no JSON");
  }
}

function violated(fault: string): OperationalError {
  const text = `send job: ${fault}`;
  return new OperationalError("contract.violated", text, { publicMessage: text });
}

/** For producers in other languages: JSON Schema, draft 2020-12, of the job's data, with the request inside its text. */
export function sendJobSchema(): object {
  const schema = z.toJSONSchema(sendJob.payload, { io: "input" });
  const request = { ...Object(schema.properties?.["request"]), contentMediaType: "application/json" };
  const contentSchema = z.toJSONSchema(SendRequestJson, { io: "input" });
  return {
    title: "Data of a Mailfleet send job",
    description: `On the queue {${sendJob.queue}-N}, where N is the CRC-32 of the tenant's id modulo ${sendJob.shardsCount}; on PostgreSQL always {${sendJob.queue}-0}.`,
    ...schema,
    properties: { ...schema.properties, request: { ...request, contentSchema } },
  };
}
