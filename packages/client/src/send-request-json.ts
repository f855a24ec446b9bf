import { OperationalError } from "@mailfleet/domain";
import { sendJob } from "@mailfleet/queue-contracts";
import { z } from "zod";
import { SendRequest, type SendRequestInput } from "./send-request.ts";

const { shape } = SendRequest;
const attachment = shape.attachments.element.shape;
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
  attachments: z
    .array(
      z.strictObject({
        filename: attachment.filename,
        contentType: attachment.contentType,
        base64: z.base64(),
      }),
    )
    .optional(),
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
  const { answersMessageId = null, attachments = [], sendAt } = request;
  return {
    ...request,
    ...{ to, cc, bcc, subject, text: body, html, answersMessageId },
    sendAt: sendAt == null ? null : new Date(sendAt),
    attachments: attachments.map(({ base64, ...file }) => ({
      ...file,
      bytes: new Uint8Array(Buffer.from(base64, "base64")),
    })),
  };
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
