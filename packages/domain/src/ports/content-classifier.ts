import type { Untrusted } from "../untrusted.ts";

export type ClassifiedAddress = { readonly name: Untrusted<string> | null; readonly address: Untrusted<string> };

/** What a classifier is shown of one message, inbound or outbound. All of it is somebody else's words. */
export type ClassifiableContent = {
  readonly direction: "inbound" | "outbound";
  readonly subject: Untrusted<string> | null;
  readonly text: Untrusted<string> | null;
  readonly html: Untrusted<string> | null;
  readonly from: readonly ClassifiedAddress[];
  readonly replyTo: readonly ClassifiedAddress[];
  readonly attachments: readonly {
    readonly filename: Untrusted<string> | null;
    readonly contentType: Untrusted<string>;
    readonly sizeBytes: number;
  }[];
  /** What the fleet knows by itself. None of it comes from the message. */
  readonly facts: {
    /** False once this sender has verifiably written to the tenant before. */
    readonly firstTimeSender: boolean;
    /** Domains a stranger might imitate: the tenant's own, and those of its allow-list. Lower case. */
    readonly knownDomains: readonly string[];
  };
};

/** Who looked, in which version, and what was found: short names in kebab-case, never content. */
export type ContentVerdict = {
  readonly classifier: string;
  readonly version: string;
  readonly labels: readonly string[];
  /** False where the classifier did not answer: then nothing is known, and the tenant's policy says what that means. */
  readonly answered: boolean;
};

/**
 * Says what a message is like, before anyone is told of it (inbound) and before anything leaves (outbound). It finds; what
 * is done about it is the tenant's policy. It reads data and obeys none of it.
 *
 * @throws OperationalError `classifier.unavailable` when it does not answer in time or answers what nobody agreed on
 */
export interface ContentClassifier {
  readonly name: string;
  classify(content: ClassifiableContent, options: { signal: AbortSignal }): Promise<ContentVerdict>;
}
