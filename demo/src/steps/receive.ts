import { sampleMail } from "@mailfleet/testkit/sample-mail";
import type { Account } from "../account.ts";
import { customer, type DemoFleet, mailboxes, type TenantKey } from "../demo-fleet.ts";
import { type Ledger, type ListedMessage, listMessages, until } from "../ledger.ts";

const arrivalMsMax = 20_000;

/** Real messages of four kinds into three mailboxes, each seen in its tenant's namespace and in no other. */
export async function receive(
  fleet: DemoFleet,
  ledger: Ledger,
  tokens: Readonly<Record<TenantKey, string>>,
  account: Account,
): Promise<ListedMessage> {
  account.step("Deliver mail: multipart, an attachment, UTF-8, a reply");
  const question = sampleMail("alternative", { seed: 1, from: customer, subject: "Where is my order?" });
  const thread = [question.messageIdHeader];
  const mails = [
    { mailbox: mailboxes[0], mail: question },
    {
      mailbox: mailboxes[0],
      mail: sampleMail("reply", { seed: 2, from: customer, thread, subject: "Re: Where is my order?" }),
    },
    {
      mailbox: mailboxes[1],
      mail: sampleMail("attachment", { seed: 3, from: customer, subject: "The signed contract" }),
    },
    { mailbox: mailboxes[2], mail: sampleMail("utf8", { seed: 4, from: customer, subject: "Greetings" }) },
  ] as const;
  for (const { mailbox, mail } of mails) ledger.deliver(mailbox.address, mailbox.tenant, mail.raw);

  for (const tenant of ["acme", "globex"] as const) {
    const expected = mails.filter(({ mailbox }) => mailbox.tenant === tenant).length;
    const found = await until(`${expected} messages of ${tenant}`, arrivalMsMax, async () => {
      const listed = await listMessages(fleet, tokens[tenant]);
      return listed.length >= expected ? listed : null;
    });
    for (const { namespace, mailbox, subject, threadId } of found.toReversed()) {
      account.say(`namespace ${namespace}, mailbox ${mailbox}: "${subject}" (thread ${threadId.slice(-6)})`);
    }
    if (found.some(({ namespace }) => namespace !== tenant))
      throw new Error("a message lies in another tenant's namespace");
  }
  const received = (await listMessages(fleet, tokens.acme)).find(
    ({ messageIdHeader }) => messageIdHeader === question.messageIdHeader,
  );
  if (received === undefined) throw new Error("the question did not arrive");
  return received;
}
