import type { Account } from "../account.ts";
import { customer, type DemoFleet } from "../demo-fleet.ts";
import { type ListedMessage, until } from "../ledger.ts";

const deliveryMsMax = 20_000;

/** An agent answers with its own token; the answer leaves through the tenant's server, in the thread. Answers how many were sent. */
export async function reply(
  fleet: DemoFleet,
  question: ListedMessage,
  token: string,
  account: Account,
): Promise<number> {
  account.step("Answer as acme's agent");
  const args = [
    "send",
    "--mailbox",
    "support",
    "--reply-to-message",
    question.id,
    "--text",
    "It left this morning.",
    "--idempotency-key",
    "demo-1",
  ];
  const receipt = await fleet.cliJson<{ submissionId: string; messageIdHeader: string }>(args, { token });
  const repeated = await fleet.cliJson<{ submissionId: string }>(args, { token });
  account.say(`accepted as ${receipt.submissionId}; asked again with the same key: the same submission`);
  if (repeated.submissionId !== receipt.submissionId) throw new Error("one idempotency key made two submissions");

  await until("the answer to be sent", deliveryMsMax, async () => {
    const { state } = await fleet.cliJson<{ state: string }>(["submission", "show", receipt.submissionId], { token });
    return state === "sent" ? state : null;
  });
  const delivered = fleet.mail.delivered(customer.address).map((raw) => Buffer.from(raw).toString("latin1"));
  for (const text of delivered) {
    const headers = text.slice(0, text.indexOf("\r\n\r\n")).replaceAll(/\r\n[ \t]+/g, " ");
    for (const name of ["Subject", "In-Reply-To", "References"]) {
      account.say(
        headers.split("\r\n").find((line) => line.toLowerCase().startsWith(`${name.toLowerCase()}:`)) ??
          `${name}: none`,
      );
    }
    const threaded = headers.includes(`In-Reply-To: ${question.messageIdHeader}`);
    if (!threaded) throw new Error("the answer is not in the thread");
  }
  return delivered.length;
}
