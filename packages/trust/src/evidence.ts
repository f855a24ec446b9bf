export type SenderVerdict = "verified" | "unverified" | "spoofed" | "internal";

/** One thing that was looked at. `detail` may name domains and never an address or anything else of the message. */
export type SenderEvidence = {
  readonly check: "from" | "authentication-results" | "dkim" | "arc" | "dmarc" | "internal" | "allow-list";
  readonly result: string;
  readonly detail: string;
};
