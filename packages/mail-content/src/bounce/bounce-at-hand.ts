import { Buffer } from "node:buffer";
import { inspectMessage } from "../inspect-message.ts";
import type { BounceRecipient } from "./bounce.ts";

export const originalId = "<8f1c.order@shop.example>";

const returned = `Message-ID: ${originalId}
From: Shop <orders@shop.example>
To: someone@elsewhere.example
Subject: Your order`;

export type WordsOnly = { readonly headers: string; readonly words: string };
export type Report = WordsOnly & { readonly fields: string };

/** A report in words, as its bytes. */
export function inWords({ headers, words }: WordsOnly): Buffer {
  return mail(`${headers}\nTo: orders@shop.example\nDate: Tue, 4 Mar 2025 10:00:00 +0000\n\n${words}\n`);
}

/** A report of RFC 3464, as its bytes. */
export function asReport({ headers, words, fields }: Report): Buffer {
  return mail(`${headers}
To: orders@shop.example
Date: Tue, 4 Mar 2025 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="=_r"

--=_r
Content-Type: text/plain; charset=us-ascii

${words}

--=_r
Content-Type: message/delivery-status

${fields}

--=_r
Content-Type: text/rfc822-headers

${returned}

--=_r--
`);
}

/** The one recipient a report is about, in the order a person would tell it. */
export function told(raw: Buffer): readonly unknown[] {
  const { kind, bounce } = inspectMessage(raw);
  return [kind, ...(bounce?.recipients ?? []).map(line)];
}

function line({ address, action, status, code, permanent, category }: BounceRecipient): string {
  return [address, action, status, code, permanent ? "permanent" : "not permanent", category].join(" ");
}

function mail(text: string): Buffer {
  return Buffer.from(text.replaceAll("\n", "\r\n"), "utf8");
}
