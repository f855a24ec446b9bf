import type { Judgement, NewMessage, Pollable, SenderFacts } from "@mailfleet/database";
import { comparedAddress } from "@mailfleet/domain";
import { judgeSender, type TxtLookup } from "@mailfleet/trust";

type Sender = Pick<Judgement, "senderVerdict" | "senderEvidence" | "attributedTo">;

export type CheckedMessage = Pick<NewMessage, "envelope" | "receivedAt"> & {
  readonly bytes: Uint8Array;
  /** It says it were from somebody in a thread, and continued it. */
  readonly claimsThread: boolean;
};

export type SenderContext = {
  readonly mailbox: Pick<Pollable, "senderTrust">;
  readonly facts: Pick<SenderFacts, "policy">;
  readonly lookup: TxtLookup;
};

/**
 * Who wrote a message, as far as anybody can tell. Signatures are checked and keys fetched only where it claims to be from
 * somebody the tenant wants attributed, or from somebody in the thread it continues: nothing else could come of it, and a
 * stranger's mail makes us ask nobody.
 */
export async function checkSender(message: CheckedMessage, { mailbox, facts, lookup }: SenderContext): Promise<Sender> {
  const { senderTrust } = mailbox;
  const allowList = facts.policy.senders;
  if (allowList.length === 0 && senderTrust.trustedHop.kind === "none" && !message.claimsThread) return nobody;
  const from = message.envelope.from.map(({ address }) => comparedAddress(address));
  const claimsListed = from.some((address) =>
    allowList.some((pattern) => pattern === address || pattern === address.slice(address.lastIndexOf("@"))),
  );
  const { verdict, attributedTo, evidence } = await judgeSender({
    raw: message.bytes,
    from,
    receivedAt: message.receivedAt,
    settings: { ...senderTrust, allowList },
    lookup: claimsListed || message.claimsThread ? lookup : null,
  });
  const said = evidence.map(({ check, result, detail }) => `${check}=${result}: ${detail}`);
  return { senderVerdict: verdict, attributedTo, senderEvidence: said };
}

const nobody: Sender = { senderVerdict: "unverified", senderEvidence: [], attributedTo: null };
