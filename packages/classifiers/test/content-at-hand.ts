import { type ClassifiableContent, untrusted } from "@mailfleet/domain";

type Given = {
  readonly direction?: "inbound" | "outbound";
  readonly subject?: string;
  readonly text?: string;
  readonly html?: string;
  readonly from?: string;
  readonly files?: readonly string[];
  readonly facts?: Partial<ClassifiableContent["facts"]>;
};

/** One message for the tests of classifiers: an ordinary one, but for what is given. */
export function contentAtHand({ direction = "inbound", from = "ada@sender.example", files = [], ...given }: Given) {
  const { subject = "Lunch", text = "See you at noon.", html = null, facts } = given;
  const content: ClassifiableContent = {
    direction,
    ...untrusted({ subject, text, html }),
    from: untrusted([{ name: "Ada", address: from }]),
    replyTo: [],
    attachments: files.map((filename) => ({
      ...untrusted({ filename, contentType: "application/octet-stream" }),
      sizeBytes: 1,
    })),
    facts: { firstTimeSender: true, knownDomains: ["acme-corp.example", "contoso.com", "paypal.com"], ...facts },
  };
  return content;
}
